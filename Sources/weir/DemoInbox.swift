import Foundation
import WeirCore

/// The inner unit's delivery folder, as the 110 desk's program would read it.
final class DemoInbox {
  /// A delivered file.
  struct Item {
    let file: String
    let json: Json

    /// The matter's number; empty for an alarm.
    var handover: String { json["handover"].text ?? "" }
    var isAlarm: Bool { json["kind"].text == "alarm" }

    /// First sending to arrival, milliseconds; both units read the same clock here.
    var latencyMs: Int64? {
      guard let sent = json["sentAt"].text.flatMap(CoreText.wallMs),
        let arrived = json["arrivedAt"].text.flatMap(CoreText.wallMs)
      else { return nil }
      return arrived - sent
    }
  }

  /// Everything that was delivered, in the order in which it was seen.
  private(set) var items: [Item] = []
  private let folder: String
  private var known: Set<String> = []

  init(folder: String) { self.folder = folder }

  /// Numbers of the matters that lie here.
  var handovers: Set<String> { Set(items.filter { !$0.isAlarm }.map(\.handover)) }

  /// What has come since the last time; names that begin with a dot are not yet delivered.
  func fetch() -> [Item] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    var fresh: [Item] = []
    for name in names.sorted() where name.first != "." && !known.contains(name) {
      known.insert(name)
      guard let data = FileManager.default.contents(atPath: "\(folder)/\(name)"),
        let json = Json(data: data)
      else { continue }
      fresh.append(Item(file: name, json: json))
    }
    items += fresh
    return fresh
  }
}
