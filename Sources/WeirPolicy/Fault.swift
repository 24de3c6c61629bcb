/// What can be wrong with a policy file: the closed list, with its words in both languages.
enum Fault: Equatable, Sendable {
  // The text.
  case notYaml(String)
  case empty
  case duplicateKey(String)
  // Shape.
  case unknownKey(String, known: [String])
  case missingKey(String)
  case wrongType(String, wanted: Shape)
  case outOfRange(String, least: Int, most: Int)
  case malformed(String, wanted: Form)
  case tooLong(String, most: Int)
  case unknownPlaceholder(String, known: [String])
  // Names.
  case unknown(Noun, String, near: String?)
  case repeated(Noun, String, line: Int)
  case missing(Noun, String)
  case tooMany(Noun, most: Int)
  // Rules.
  case tie(String, with: String, priority: Int)
  case noCondition(String)
  case neverMatches(String, fact: String)
  case unreachable(String, behind: String?)
  case wrongHandling(owner: String, handling: String)
  case undecided(String)
  case guideMissing(String)
  case guideNeedless(String)
  // Validity.
  case validityEndsFirst
  case overlap(String, file: String, line: Int)
  case sameVersion(String, file: String, line: Int)
  // Danger.
  case dangerLeftOut(String)
  case keepsNeedsNumber(String)
  case dangerMustDispatch(String)
  case mustBeSaid(String)
  case dangerRuleWrong
  case emergencyEnds(String, action: String)
  // Not wrong, but worth knowing.
  case noTibetan(String)
  case validityGap(String)

  /// The shapes a value can have.
  enum Shape: Sendable {
    case text, number, flag, list, mapping, words
  }

  /// What a text was to be.
  enum Form: Equatable, Sendable {
    case plainAscii, date, hours, dates, county, digits, identifier, oneLine, preAlarms
    case numbers(Int)

    var names: (english: String, chinese: String) {
      switch self {
      case .plainAscii: ("printable ASCII without spaces", "不含空格的可打印ASCII字符")
      case .date: ("a date like 2022-06-07", "2022-06-07这样的日期")
      case .hours: ("a time of day like 22:00-06:00", "22:00-06:00这样的时段")
      case .dates: ("days like 2026-06-01/2026-09-30", "2026-06-01/2026-09-30这样的日期段")
      case .county: ("a county code of six digits", "六位县(市)代码")
      case .digits: ("3 to 20 digits", "3至20位数字")
      case .identifier: ("letters, digits, dots or dashes", "字母、数字、点或连字符")
      case .oneLine: ("one line without control characters", "不含控制字符的一行文字")
      case .preAlarms:
        (
          "two spans, the first before the second, within minuteMs",
          "minuteMs以内、先小后大的两个时长"
        )
      case .numbers(let count): ("a list of \(count) numbers", "\(count)个数字的列表")
      }
    }
  }

  /// The kinds of things that have names.
  enum Noun: Sendable {
    case fact, action, owner, clause, target, number, rule, words, sentence, row, way, county
    case handling, start, beside, text, platform, channel, unitState, question

    var names: (english: String, chinese: String) {
      switch self {
      case .fact: ("fact", "事实")
      case .action: ("action", "动作")
      case .owner: ("owner", "归属")
      case .clause: ("clause", "条款")
      case .target: ("guidance target", "引导对象")
      case .number: ("number", "号码")
      case .rule: ("rule", "规则")
      case .words: ("words of `speech`", "话术")
      case .sentence: ("sentence", "语句")
      case .row: ("row of `actions`", "动作表的行")
      case .way: ("way in", "来件渠道")
      case .county: ("county", "县(市)")
      case .handling: ("handling", "办理方式")
      case .start: ("start of the minute", "计时起点")
      case .beside: ("entry of `beside`", "附带语句")
      case .text: ("text", "文本")
      case .platform: ("platform", "平台")
      case .channel: ("channel", "渠道")
      case .unitState: ("state of the unit", "系统状态")
      case .question: ("condition on county, hours or dates", "县(市)、时段、日期条件")
      }
    }
  }
}

extension Fault {
  /// What is wrong, in both languages; one line, no full stop.
  var words: (english: String, chinese: String) {
    switch self {
    case .notYaml, .empty, .duplicateKey, .unknownKey, .missingKey, .wrongType, .outOfRange,
      .malformed, .tooLong, .unknownPlaceholder:
      wordsOfShape
    case .unknown, .repeated, .missing, .tooMany: wordsOfNames
    default: wordsOfRules
    }
  }

  private var wordsOfShape: (english: String, chinese: String) {
    switch self {
    case .notYaml(let detail): ("not valid YAML: \(detail)", "不是有效的YAML:\(detail)")
    case .empty: ("the file is empty", "文件为空")
    case .duplicateKey(let key): ("`\(key)` is given twice", "“\(key)”重复出现")
    case .unknownKey(let key, let known):
      (
        "unknown key `\(key)`; known here: \(known.joined(separator: ", "))",
        "未知的键“\(key)”;此处可用:\(known.joined(separator: "、"))"
      )
    case .missingKey(let key): ("`\(key)` is missing", "缺少“\(key)”")
    case .wrongType(let key, let wanted):
      (
        "`\(key)` must be \(Self.names(of: wanted).english)",
        "“\(key)”应为\(Self.names(of: wanted).chinese)"
      )
    case .outOfRange(let key, let least, let most):
      (
        "`\(key)` must be a whole number from \(least) to \(most)",
        "“\(key)”应为\(least)至\(most)的整数"
      )
    case .malformed(let text, let wanted):
      ("`\(text)` is not \(wanted.names.english)", "“\(text)”不是\(wanted.names.chinese)")
    case .tooLong(let key, let most):
      ("`\(key)` is longer than \(most) characters", "“\(key)”超过\(most)字")
    case .unknownPlaceholder(let name, let known):
      (
        "unknown placeholder `\(name)`; known here: \(known.joined(separator: ", "))",
        "未知的占位符“\(name)”;此处可用:\(known.joined(separator: "、"))"
      )
    default: ("", "")
    }
  }

  private var wordsOfNames: (english: String, chinese: String) {
    switch self {
    case .unknown(let noun, let name, let near):
      (
        "unknown \(noun.names.english) `\(name)`" + (near.map { "; is it `\($0)`?" } ?? ""),
        "未知的\(noun.names.chinese)“\(name)”" + (near.map { ";是否为“\($0)”?" } ?? "")
      )
    case .repeated(let noun, let name, let line):
      (
        "\(noun.names.english) `\(name)` is given twice; the first is on line \(line)",
        "\(noun.names.chinese)“\(name)”重复,首次出现在第\(line)行"
      )
    case .missing(let noun, let name):
      (
        "the \(noun.names.english) `\(name)` is missing", "缺少\(noun.names.chinese)“\(name)”"
      )
    case .tooMany(let noun, let most):
      ("one \(noun.names.english) too many: at most \(most)", "\(noun.names.chinese)超过\(most)个")
    default: ("", "")
    }
  }

  private var wordsOfRules: (english: String, chinese: String) {
    switch self {
    case .tie(let rule, let other, let priority):
      (
        "rules `\(other)` and `\(rule)` tie: both have priority \(priority)",
        "规则“\(other)”与“\(rule)”优先级相同(\(priority))"
      )
    case .noCondition(let rule):
      (
        "rule `\(rule)` has no condition, so nothing after it is ever tried",
        "规则“\(rule)”没有条件,其后的规则永远不会执行"
      )
    case .neverMatches(let rule, let fact):
      (
        "rule `\(rule)` can never match: it wants `\(fact)` and forbids it",
        "规则“\(rule)”永远不会成立:既要求又排除“\(fact)”"
      )
    case .unreachable(let rule, let other?):
      (
        "rule `\(rule)` is unreachable: `\(other)` always decides before it",
        "规则“\(rule)”不可达:“\(other)”总是先行决定"
      )
    case .unreachable(let rule, nil):
      (
        "rule `\(rule)` is unreachable: the rules before it leave nothing to it",
        "规则“\(rule)”不可达:前面的规则已包含其全部情形"
      )
    case .wrongHandling(let owner, let handling):
      (
        "handling `\(handling)` does not go with owner `\(owner)`",
        "办理方式“\(handling)”与归属“\(owner)”不符"
      )
    case .guideMissing(let rule):
      ("rule `\(rule)` sends people away and needs `guide`", "规则“\(rule)”不予受理,须有引导对象guide")
    case .guideNeedless(let rule):
      ("rule `\(rule)` sends nobody away; `guide` does not belong", "规则“\(rule)”无须引导,不应有guide")
    case .undecided(""):
      (
        "no rule decides a matter without facts, and there is no default",
        "没有规则决定未勾选事实的来件,且缺少default"
      )
    case .undecided(let facts):
      ("no rule decides \(facts), and there is no default", "没有规则决定“\(facts)”,且缺少default")
    default: wordsOfValidity
    }
  }

  private var wordsOfValidity: (english: String, chinese: String) {
    switch self {
    case .validityEndsFirst:
      ("`validTo` is before `validFrom`", "失效日期validTo早于生效日期validFrom")
    case .overlap(let version, let file, let line):
      (
        "valid at the same time as `\(version)` (\(file):\(line)); end one of them by `validTo`",
        "有效期与“\(version)”(\(file):\(line))重叠;请以validTo写明前者失效日期"
      )
    case .sameVersion(let version, let file, let line):
      (
        "version `\(version)` is that of \(file):\(line) too; each document needs its own",
        "版本“\(version)”与\(file):\(line)相同;每份文件须有自己的版本"
      )
    case .noTibetan(let name):
      ("`\(name)` has no Tibetan text; the Chinese is said", "“\(name)”缺藏文,只说中文")
    case .validityGap(let version):
      (
        "nothing is valid between `\(version)` and this; the earlier goes on deciding",
        "“\(version)”失效后至本文件生效前无有效文件;其间来件按前一文件判定"
      )
    default: wordsOfDanger
    }
  }

  private var wordsOfDanger: (english: String, chinese: String) {
    switch self {
    case .dangerLeftOut(let fact):
      ("`\(fact)` is an emergency and must be listed", "“\(fact)”属紧急情况,必须列出")
    case .keepsNeedsNumber(let rule):
      (
        "rule `\(rule)` may be kept beside danger only if it guides to 110, 119, 120 or 122",
        "规则“\(rule)”须引导至110、119、120或122,方可在危险情形下保留"
      )
    case .dangerMustDispatch(let way):
      ("where there is danger, `\(way)` must be `dispatchFirst`", "存在危险时“\(way)”必须为dispatchFirst")
    case .mustBeSaid(let way):
      ("`\(way)` can be an emergency and must say something", "“\(way)”可能为紧急情况,必须有话术")
    case .emergencyEnds(let way, let action):
      (
        "an emergency (\(way)) would end in `\(action)`, neither at 110 nor at an emergency number",
        "紧急情况(\(way))将以“\(action)”结束,既未到110,也未到紧急电话"
      )
    case .dangerRuleWrong:
      (
        "the danger rule must have owner `unclear` and handling `danger`",
        "危险规则的归属须为unclear、办理方式须为danger"
      )
    default: ("", "")
    }
  }

  private static func names(of shape: Shape) -> (english: String, chinese: String) {
    switch shape {
    case .text: ("text", "文本")
    case .number: ("a whole number", "整数")
    case .flag: ("`true` or `false`", "true或false")
    case .list: ("a list", "列表")
    case .mapping: ("a mapping of keys to values", "键值表")
    case .words: ("text or a list of texts", "文本或文本列表")
    }
  }
}
