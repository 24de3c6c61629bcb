/// What somebody may have meant by a word that is not in a list.
enum Suggestion {
  /// The word of the list that is nearest, when it is near enough to be a slip of the fingers.
  static func nearest(to word: String, among words: [String]) -> String? {
    if word.count >= 3, let whole = words.first(where: { $0.hasPrefix(word) || word.hasPrefix($0) })
    {
      return whole
    }
    // One slip in a short word, two in a longer one: beyond that a guess is noise.
    let allowed = word.count <= 4 ? 1 : 2
    let nearest = words.map { ($0, distance(word.lowercased(), $0.lowercased())) }
      .min { $0.1 < $1.1 }
    guard let nearest, nearest.1 <= allowed else { return nil }
    return nearest.0
  }

  /// Letters to add, drop, change or swap with their neighbour (optimal string alignment).
  static func distance(_ one: String, _ other: String) -> Int {
    let source = Array(one)
    let target = Array(other)
    if source.isEmpty || target.isEmpty { return max(source.count, target.count) }
    var rows = [Array(0...target.count)]
    for (i, letter) in source.enumerated() {
      var row = [i + 1]
      for (j, wanted) in target.enumerated() {
        var best = min(row[j], rows[i][j + 1]) + 1
        best = min(best, rows[i][j] + (letter == wanted ? 0 : 1))
        if i > 0, j > 0, letter == target[j - 1], source[i - 1] == wanted {
          best = min(best, rows[i - 1][j - 1] + 1)
        }
        row.append(best)
      }
      rows.append(row)
    }
    return rows[source.count][target.count]
  }
}
