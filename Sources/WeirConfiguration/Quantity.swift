/// Digits only, no sign, no space; nil when it is something else or beyond 64 bits.
func wholeNumber(_ text: some StringProtocol) -> UInt64? {
  guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
  return UInt64(text)
}

/// A count with `_` between digits, as in `10_000_000`.
func count(_ text: String) -> UInt64? {
  guard !text.hasPrefix("_"), !text.hasSuffix("_"), !text.contains("__") else { return nil }
  return wholeNumber(text.filter { $0 != "_" })
}

/// A quantity's number and unit: `7d` is 7 and "d".
private func quantity(_ text: String, units: [String: UInt64]) -> UInt64? {
  let digits = text.prefix { ("0"..."9").contains($0) }
  guard let number = wholeNumber(digits), let unit = units[String(text[digits.endIndex...])]
  else { return nil }
  let (product, overflow) = number.multipliedReportingOverflow(by: unit)
  return overflow ? nil : product
}

/// Milliseconds of `500ms`, `60s`, `5m`, `24h` or `7d`.
func milliseconds(_ text: String) -> UInt64? {
  quantity(
    text, units: ["ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000])
}

/// Bits per second of `2Mbit`, `10Gbit` or `unlimited`.
func bitRate(_ text: String) -> UInt64? {
  if text == "unlimited" { return UnitConfiguration.Link.unlimitedRate }
  return quantity(text, units: ["Mbit": 1_000_000, "Gbit": 1_000_000_000])
}

/// A duration as people write it, in the largest unit that divides it.
func durationText(_ milliseconds: UInt64) -> String {
  for (unit, size) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)]
  where milliseconds >= size && milliseconds % UInt64(size) == 0 {
    return "\(milliseconds / UInt64(size))\(unit)"
  }
  return "\(milliseconds)ms"
}
