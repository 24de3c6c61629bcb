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
      words: "deliver", quick: "--count 4000 --runs 3", full: "--runs 5",
      wanted: [more("delivered to a directory", "delivered to a directory", 15_000)]),
    rate(10_000), rate(30_000), rate(100_000),
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

  /// An offered rate far over the field's, with its mix: what is answered and delivered of it.
  private static func rate(_ rate: Int) -> Item {
    Item(
      words: "steady --mix field --rate \(rate)", quick: "--runs 1 --seconds 2",
      full: "--runs 5 --seconds 5",
      wanted: [
        less("answered p99", "\(rate)/s offered: answered, p99"),
        less("delivered p99", "\(rate)/s offered: delivered, p99"),
      ])
  }

  static let rooms: [Item] = [
    Item(
      words: "handovers", quick: "--count 200000 --runs 1", full: "--runs 5",
      wanted: [less("an open handover, of the second half", "memory of an open handover", 512)]),
    Item(
      words: "recover", quick: "--millions 0.5 --runs 2", full: "--millions 10 --runs 5",
      wanted: [
        less(", snapshot", "start from a snapshot", 10),
        less(", no snapshot", "start from the whole journal", 10),
      ]),
    Item(
      words: "rooms", quick: "--runs 2", full: "--runs 5",
      wanted: [
        less("wheel_bytes", "memory of a deadline", 32),
        less("wheel_arm", "wheel, 1,000,000 armed: start", 5),
        less("wheel_cancel", "the same: cancel", 20),
        less("wheel_expire", "the same: expire", 100),
        less("policy_decide", "decision on facts", 30),
        less("message_read", "reading one 600-byte message", 500),
        less("log_line", "log line", 400),
        less("handover_step", "a step of a handover", 1000),
      ]),
    Item(
      words: "policy", quick: "--runs 3", full: "--runs 9",
      wanted: [less("decide by all that, ns", "decision with 501 rules", 300)]),
  ]

  static let link: [Item] = [
    Item(
      words: "link", quick: "--runs 2", full: "--runs 7",
      wanted: [more(", records", "link, 600-byte records", 1_500_000)]),
    Item(
      words: "link --suite sm4-gcm", quick: "--runs 1", full: "--runs 3",
      wanted: [more(", records", "the same, SM4-GCM")]),
    lossy("0.1"), lossy("1"), lossy("5"), lossy("20"),
    outage(seconds: 60, goal: 2), outage(seconds: 3600, goal: 25),
  ]

  private static func lossy(_ percent: String) -> Item {
    Item(
      words: "link --per-second 10000 --loss \(percent)", quick: "--records 20000 --runs 1",
      full: "--records 50000 --runs 5",
      wanted: [less(", to the last record", "link, \(percent) % lost, first to last record")])
  }

  private static func outage(seconds: Int, goal: Double) -> Item {
    Item(
      words: "link-outage --seconds \(seconds)", quick: "", full: "",
      wanted: [
        less(", all across", "after \(seconds) s of darkness, all across", goal),
        less(", danger across", "after \(seconds) s, danger across", 2),
      ])
  }
}
