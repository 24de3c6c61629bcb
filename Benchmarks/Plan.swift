/// The numbers of the design, by the commands that measure them.
extension AllCommand {
  static let intake: [Item] = [
    Item(
      words: "saturate", quick: "--runs 3 --seconds 1", full: "--runs 5 --seconds 3",
      wanted: [
        more("intake, 256 in flight", "durable intake, 256 in flight", 285_000),
        more("intake, 16 in flight", "durable intake, 16 in flight", 90_000),
        more("intake, 1 in flight", "durable intake, 1 in flight", 7_500),
      ]),
    Item(
      words: "compare redis", quick: "--in-flight 256 --runs 3 --seconds 1",
      full: "--in-flight 256 --runs 5 --seconds 2",
      wanted: [more("weir / redis, 256 in flight", "the same over Redis, always", 3)]),
    Item(
      words: "compare nats", quick: "--in-flight 256 --runs 3 --seconds 1",
      full: "--in-flight 256 --runs 5 --seconds 2",
      wanted: [more("weir / nats, 256 in flight", "the same over JetStream, always", 30)]),
    Item(
      words: "compare postgres", quick: "--in-flight 1 --runs 3 --seconds 1",
      full: "--in-flight 1 --runs 5 --seconds 2",
      wanted: [more("weir / postgres, 1 in flight", "1 in flight over PostgreSQL", 1.3)]),
    Item(
      words: "generator", quick: "--runs 3 --seconds 1", full: "--runs 5 --seconds 2",
      wanted: [
        more("generator / unit", "generator alone over unit", 2),
        less("generator's share of all CPU", "generator's share of all CPU"),
      ]),
  ]

  static let across: [Item] = [
    Item(
      words: "steady --rate 1000", quick: "--runs 3 --seconds 5", full: "--runs 5 --seconds 20",
      wanted: [
        less("delivered p50", "accept to delivered, socket, p50", 0.6),
        less("delivered p99", "accept to delivered, socket, p99", 5),
      ]),
    Item(
      words: "steady --rate 1000 --delivery directory", quick: "--runs 3 --seconds 5",
      full: "--runs 5 --seconds 20",
      wanted: [less("delivered p50", "accept to delivered, directory, p50", 1)]),
    Item(
      words: "burst --link-rate 20Mbit", quick: "--scale 0.01 --runs 1",
      full: "--scale 0.1 --runs 5",
      wanted: [less("danger p99", "danger behind full lanes, p99", 1000)]),
    Item(
      words: "drain", quick: "--dark 10 --runs 1", full: "--dark 60 --runs 5",
      wanted: [
        less("all across after the return", "after a cut, all across", 2),
        less("danger after the return", "after a cut, danger across", 2),
      ]),
  ]

  static let rooms: [Item] = [
    Item(
      words: "handovers", quick: "--count 300000 --runs 1", full: "--runs 5",
      wanted: [
        less("an open handover, of all", "memory of an open handover", 512),
        less("an event, Machine.step", "an event", 1000),
      ]),
    Item(
      words: "policy", quick: "--runs 3", full: "--runs 9", wanted: []),
  ]

  static let link: [Item] = [
    Item(words: "link", quick: "--runs 3", full: "--runs 7", wanted: [])
  ]
}
