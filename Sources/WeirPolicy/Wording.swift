/// Turns the lines of a policy file into what is said.
enum Wording {
  /// What the placeholders of a line stand for; one without a value leaves the line out.
  struct Values {
    /// The county's 110 number.
    var police: Draft.Number?
    /// The number to dial.
    var number: Draft.Number?
    /// All bodies of a rule's guide.
    var target: String?
    /// The minute within which somebody must have picked up, in words.
    var time: String?

    subscript(name: String) -> String? {
      switch name {
      case "{police}": police?.spoken
      case "{number}": number?.spoken
      case "{name}": number?.chinese
      case "{call}": number?.call
      case "{target}": target
      case "{time}": time
      default: nil
      }
    }
  }

  /// A span in Chinese: whole minutes and seconds as such.
  static func span(_ milliseconds: Int64) -> String {
    switch milliseconds {
    case 60_000: "一分钟"
    case let span where span % 60_000 == 0: "\(span / 60_000)分钟"
    case let span where span % 1_000 == 0: "\(span / 1_000)秒"
    default: "\(milliseconds)毫秒"
    }
  }

  /// Everything in braces, with the braces; a lone brace stands for itself.
  static func placeholders(in line: String) -> [String] {
    pieces(of: line).filter { $0.first == "{" || $0.first == "}" }
  }

  /// A line with its values, or nil when one of them is missing.
  static func filled(_ line: String, _ values: Values) -> String? {
    var filled = ""
    for piece in pieces(of: line) {
      guard piece.first == "{" else {
        filled += piece
        continue
      }
      guard let value = values[piece] else { return nil }
      filled += value
    }
    return filled
  }

  /// A JSON string, quotes included.
  static func json(_ text: String) -> String {
    // Nearly every text is its own JSON and is copied as a whole.
    let isPlain = text.utf8.allSatisfy { $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }
    guard !isPlain else { return "\"" + text + "\"" }
    var json = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": json += "\\\""
      case "\\": json += "\\\\"
      default: json.unicodeScalars.append(scalar)
      }
    }
    return json + "\""
  }

  /// A JSON array of strings, or nothing when there are none.
  static func json(_ lines: [String]) -> String {
    lines.isEmpty ? "" : "[" + lines.map { json($0) }.joined(separator: ",") + "]"
  }

  private static func pieces(of line: String) -> [String] {
    var pieces: [String] = []
    var piece = ""
    for letter in line {
      if letter == "{", !piece.isEmpty {
        pieces.append(piece)
        piece = ""
      }
      piece.append(letter)
      if letter == "}" {
        pieces.append(piece.first == "{" ? piece : "}")
        piece = ""
      }
    }
    if !piece.isEmpty { pieces.append(piece) }
    return pieces
  }
}
