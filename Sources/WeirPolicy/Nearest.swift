/// What somebody may have meant by a word that is not in a list.
enum Nearest {
  /// The word of the list that differs by at most two letters, if any.
  static func word(to word: String, among words: [String]) -> String? {
    words.map { (word: $0, distance: distance(Array(word), Array($0))) }
      .filter { $0.distance <= min(2, word.count / 3) }
      .min { $0.distance < $1.distance }?.word
  }

  /// Letters to add, drop or change.
  private static func distance(_ one: [Character], _ other: [Character]) -> Int {
    var row = Array(0...other.count)
    for (i, letter) in one.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, wanted) in other.enumerated() {
        let changed = diagonal + (letter == wanted ? 0 : 1)
        diagonal = row[j + 1]
        row[j + 1] = min(changed, diagonal + 1, row[j] + 1)
      }
    }
    return row[other.count]
  }
}
