/// Good configurations with one line written otherwise, and all that must be said about each.
///
/// `outer N: TEXT` is the good outer unit with line N replaced by TEXT (7 appends), `inner N: TEXT`
/// the good inner one (6 appends), `whole: TEXT` a text of its own; `\n` and `\t` stand for a line
/// feed and a tab. Below it stand the problems in order, each with its hint behind `=`.
enum BrokenConfigurations {
  /// Keys that are unknown, given twice or no words.
  static let keys = #"""
    outer 7: intke: {}
      7:1: error: unknown key `intke`
        = did you mean `intake`?
    outer 7: rate: 2Mbit
      7:1: error: unknown key `rate`
        = it belongs under `link`
    outer 7: weather: fine
      7:1: error: unknown key `weather`
        = known here: unit, name, data, policy, intake, link, delivery, report, log, control, \#
    limits
    outer 5: link: { send: [198.18.0.2:7112], kye: /etc/weir/link.key }
      5:1: error: `link.key` is missing
        = write key: /etc/weir/link.key; `weir keygen` prints a key
      5:34: error: unknown key `kye` in `link`
        = did you mean `key`?
    outer 4: intake: { socket: /run/weir/intake.sock, name: kd1 }
      4:42: error: unknown key `name` in `intake`
        = it belongs to the top level, outside the sections
    outer 7: name: kd9
      7:1: error: `name` is given twice
        = keep one of them; the first is on line 2
    outer 7: "name": kd9\nunit: inner\nname: kd8
      7:1: error: `name` is given twice
        = keep one of them; the first is on line 2
      8:1: error: `unit` is given twice
        = keep one of them; the first is on line 1
      9:1: error: `name` is given twice
        = keep one of them; the first is on line 2
    outer 4: intake: { socket: /run/a.sock, tcp: 127.0.0.1:1, socket: /run/b.sock }
      4:50: error: `socket` is given twice
        = keep one of them; the first is on line 4
    outer 7: [a, b]: 1
      7:1: error: a key must be a word, not a list
        = write `key: value`; text that holds braces or brackets needs quotes
    outer 7: ? { a: 1 }\n: 2
      7:3: error: a key must be a word, not a mapping
        = write `key: value`; text that holds braces or brackets needs quotes
    outer 7: <<: { name: kd2 }
      7:1: error: unknown key `<<`
        = known here: unit, name, data, policy, intake, link, delivery, report, log, control, \#
    limits
    """#

  /// Keys that must be there.
  static let required = #"""
    whole: name: kd1
      1:1: error: `unit` is missing
        = write unit: outer or unit: inner
      1:1: error: `data` is missing
        = write data: and the directory of the journal
    whole: unit: outer
      1:1: error: `name` is missing
        = write name: and 1 to 8 letters and digits, such as kd1
      1:1: error: `data` is missing
        = write data: and the directory of the journal
      1:1: error: `intake` is missing
        = write intake: { socket: /run/weir/intake.sock }
      1:1: error: `link` is missing
        = write link: { send: [198.18.0.2:7112], key: /etc/weir/link.key }
      1:1: warning: `report.directory` is missing: reports go to the log alone
        = write report: { directory: /srv/weir/reports }
    whole: unit: inner
      1:1: error: `name` is missing
        = write name: and 1 to 8 letters and digits, such as kd1
      1:1: error: `data` is missing
        = write data: and the directory of the journal
      1:1: error: `link` is missing
        = write link: { listen: [0.0.0.0:7112], key: /etc/weir/link.key }
      1:1: error: `delivery` is missing
        = write delivery: { directory: /srv/weir/in }
    whole: # a comment\n\nunit: inner
      3:1: error: `name` is missing
        = write name: and 1 to 8 letters and digits, such as kd1
      3:1: error: `data` is missing
        = write data: and the directory of the journal
      3:1: error: `link` is missing
        = write link: { listen: [0.0.0.0:7112], key: /etc/weir/link.key }
      3:1: error: `delivery` is missing
        = write delivery: { directory: /srv/weir/in }
    outer 4: intake: {}
      4:1: error: `intake` needs `socket` or `tcp`
        = write intake: { socket: /run/weir/intake.sock }
    outer 5: link: {}
      5:1: error: `link.key` is missing
        = write key: /etc/weir/link.key; `weir keygen` prints a key
      5:1: error: `link.send` is missing
        = write send: [198.18.0.2:7112]
    outer 6:
      1:1: warning: `report.directory` is missing: reports go to the log alone
        = write report: { directory: /srv/weir/reports }
    outer 6: report: { repeat: 5m }
      6:1: error: `report.directory` is missing
        = write report: { directory: /srv/weir/reports }
    inner 4: link: {}
      4:1: error: `link.key` is missing
        = write key: /etc/weir/link.key; `weir keygen` prints a key
      4:1: error: `link.listen` is missing
        = write listen: [0.0.0.0:7112]
    inner 5: delivery: {}
      5:1: error: `delivery` needs `directory` or `socket`
        = write delivery: { directory: /srv/weir/in }
    outer 2: name:
      2:1: error: `name` has no value
        = write name: VALUE, or remove the key
    outer 2: name: ~
      2:1: error: `name` has no value
        = write name: VALUE, or remove the key
    """#

  /// Values of the wrong type or out of range.
  static let values = #"""
    outer 1: unit: outre
      1:7: error: `unit` must be one of `outer`, `inner`, not `outre`
        = did you mean `outer`?
    outer 1: unit: Outer
      1:7: error: `unit` must be one of `outer`, `inner`, not `Outer`
        = did you mean `outer`?
    outer 1: unit: both
      1:7: error: `unit` must be one of `outer`, `inner`, not `both`
        = write one of the words as they stand
    outer 2: name: county001
      2:7: error: `name` must be 1 to 8 letters and digits, not `county001`
        = write a short name such as kd1
    outer 2: name: kd-1
      2:7: error: `name` must be 1 to 8 letters and digits, not `kd-1`
        = write a short name such as kd1
    outer 2: name: 康定
      2:7: error: `name` must be 1 to 8 letters and digits, not `康定`
        = write a short name such as kd1
    outer 2: name: [kd1]
      2:7: error: `name` must be text, not a list
        = write name: VALUE, or remove the key
    outer 4: intake: /run/weir/intake.sock
      4:9: error: `intake` must be a mapping, not text
        = write intake: { … }
    outer 4: intake: [socket]
      4:9: error: `intake` must be a mapping, not a list
        = write intake: { … }
    outer 4: intake: { socket: { path: /run/a } }
      4:19: error: `intake.socket` must be text, not a mapping
        = write socket: VALUE, or remove the key
    outer 4: intake: { socket: /run/a.sock, allow: weir }
      4:39: error: `intake.allow` must be a list, not text
        = write allow: [ONE, ANOTHER]
    outer 4: intake: { socket: /run/a.sock, allow: [] }
      4:39: error: `intake.allow` lets nobody in
        = name a user, or remove the key: root and the unit's own user
    outer 4: intake: { socket: /run/a.sock, allow: [weir, [root], ~, weir] }
      4:46: error: `intake.allow` must be a list of text; this is a list
        = write allow: [ONE, ANOTHER]; a value with brackets needs quotes
      4:54: error: `intake.allow` must be a list of text; this is nothing
        = write allow: [ONE, ANOTHER]; a value with brackets needs quotes
      4:57: error: `intake.allow` names `weir` twice
        = keep one of them
    outer 4: intake: { socket: /run/a.sock, supervisors: [S01, ""] }
      4:51: error: `intake.supervisors` takes names of 1 to 16 characters, not ``
        = write the seat's number as requests give it in `by`
    outer 4: intake: { socket: /run/a.sock, idle: 1500ms }
      4:38: error: `intake.idle` must be whole seconds
        = write 2s
    outer 4: intake: { socket: /run/a.sock, idle: 300 }
      4:38: error: `intake.idle` must be a duration from 1s to 1d, not `300`
        = write a number and ms, s, m, h or d; 5m is the default
    outer 4: intake: { socket: /run/a.sock, idle: 2d }
      4:38: error: `intake.idle` must be a duration from 1s to 1d, not `2d`
        = write a number and ms, s, m, h or d; 5m is the default
    outer 6: report: { directory: /srv/weir/reports, repeat: 99999999999999999999d }
      6:49: error: `report.repeat` must be a duration from 1s to 1d, not `99999999999999999999d`
        = write a number and ms, s, m, h or d; 1m is the default
    outer 7: log: { level: warning }
      7:15: error: `log.level` must be one of `debug`, `info`, `warn`, `error`, not `warning`
        = did you mean `warn`?
    outer 7: log: { file: stderr }
      7:14: error: `log.file` must be an absolute path, not `stderr`
        = write the path in full, as in /var/lib/weir
    outer 7: limits: { refs: ten, openHandovers: -1 }
      7:17: error: `limits.refs` must be a whole number from 1000 to 100000000, not `ten`
        = 10000000 is the default
      7:37: error: `limits.openHandovers` must be a whole number from 100 to 16000000, not `-1`
        = 1000000 is the default
    outer 7: limits: { refs: 1__000, openHandovers: 20_000_000 }
      7:17: error: `limits.refs` must be a whole number from 1000 to 100000000, not `1__000`
        = 10000000 is the default
      7:40: error: `limits.openHandovers` must be a whole number from 100 to 16000000, not \#
    `20_000_000`
        = 1000000 is the default
    """#

  /// Paths.
  static let paths = #"""
    outer 3: data: var/lib/weir
      3:7: error: `data` must be an absolute path, not `var/lib/weir`
        = write the path in full, as in /var/lib/weir
    outer 3: data: /
      3:7: error: `data` must not be `/` itself
        = write the path in full, as in /var/lib/weir
    outer 3: data: /var/../weir
      3:7: error: `data` must not contain `..`
        = write the path in full, as in /var/lib/weir
    outer 3: data: "/var/\x09weir"
      3:7: error: `data` must not contain control characters
        = write the path in full, as in /var/lib/weir
    outer 4: intake: { socket: /run/weir/ }
      4:19: error: `intake.socket` must not end with `/`: it is a socket
        = write the path in full, as in /var/lib/weir
    outer 7: control: /run//weir/./intake.sock
      7:10: error: `control` is the same path as `intake.socket`
        = give each of them a path of its own
    outer 7: delivery: { directory: /srv/weir/reports/, socket: /run/weir/intake.sock }
      6:22: error: `report.directory` is the same path as `delivery.directory`
        = give each of them a path of its own
      7:52: error: `delivery.socket` is the same path as `intake.socket`
        = give each of them a path of its own
    outer 6: report: { directory: /srv/a, second: /srv/a }
      6:38: error: `report.second` is the same path as `report.directory`
        = give each of them a path of its own
    outer 6: report: { directory: /srv/a, command: notify }
      6:39: error: `report.command` must be an absolute path, not `notify`
        = write the path in full, as in /var/lib/weir
    outer 7: policy: policy.yaml
      7:9: error: `policy` must be an absolute path, not `policy.yaml`
        = write the path in full, as in /var/lib/weir
    outer 7: log: { file: weir.log }
      7:14: error: `log.file` must be an absolute path, not `weir.log`
        = write the path in full, as in /var/lib/weir
    """#

  /// Addresses and the link.
  static let links = #"""
    outer 4: intake: { tcp: 192.168.1.9:7110 }
      4:16: error: `intake.tcp` must be a loopback address, not `192.168.1.9:7110`
        = write 127.0.0.1:7110, and let a tunnel or proxy on this machine listen
    outer 4: intake: { tcp: "[fd00::1]:7110" }
      4:16: error: `intake.tcp` must be a loopback address, not `[fd00::1]:7110`
        = write 127.0.0.1:7110, and let a tunnel or proxy on this machine listen
    outer 4: intake: { tcp: localhost:7110 }
      4:16: error: `intake.tcp` takes an address in numbers, no name: `localhost:7110`
        = write 127.0.0.1:7110, or an IPv6 one in quotes: "[::1]:7110"
    outer 4: intake: { tcp: 7110 }
      4:16: error: `intake.tcp` must be ADDRESS:PORT, not `7110`
        = write 127.0.0.1:7110, or an IPv6 one in quotes: "[::1]:7110"
    outer 4: intake: { tcp: 127.0.0.1:0 }
      4:16: error: `intake.tcp` takes a port from 1 to 65535, not as in `127.0.0.1:0`
        = write 127.0.0.1:7110, or an IPv6 one in quotes: "[::1]:7110"
    inner 6: intake: { socket: /run/weir/intake.sock }
      1:1: warning: `report.directory` is missing: reports go to the log alone
        = write report: { directory: /srv/weir/reports }
    inner 6: intake: { tcp: 127.0.0.1:7110 }
      1:1: warning: `report.directory` is missing: reports go to the log alone
        = write report: { directory: /srv/weir/reports }
      6:16: error: `intake.tcp` is not for an inner unit, which has Unix sockets only
        = use `intake.socket`
    outer 5: link: { send: [inner.example:7112], key: /etc/weir/link.key }
      5:16: error: `link.send` takes an address in numbers, no name: `inner.example:7112`
        = write 198.18.0.2:7112, or an IPv6 one in quotes: "[::1]:7110"
    outer 5: link: { send: [198.18.0.2], key: /etc/weir/link.key }
      5:16: error: `link.send` must be ADDRESS:PORT, not `198.18.0.2`
        = write 198.18.0.2:7112, or an IPv6 one in quotes: "[::1]:7110"
    outer 5: link: { send: 198.18.0.2:7112, key: /etc/weir/link.key }
      5:15: error: `link.send` must be a list, not text
        = write send: [ONE, ANOTHER]
    outer 5: link: { send: [], key: /etc/weir/link.key }
      5:15: error: `link.send` takes 1 to 8 addresses
        = write send: [ADDRESS:PORT]
    outer 5: link: { send: [0.0.0.0:7112], key: /etc/weir/link.key }
      5:16: error: `link.send` cannot send to `0.0.0.0:7112`
        = write the inner unit's address on the link
    outer 5: link: { send: ["[fd00::2]:7", "[fd00:0::2]:7"], key: /etc/weir/link.key }
      5:31: error: `link.send` names `[fd00:0::2]:7` twice
        = keep one of them
    outer 5: link: { listen: [198.18.0.2:7112], key: /etc/weir/link.key }
      5:1: error: `link.send` is missing
        = write send: [198.18.0.2:7112]
      5:9: error: `link.listen` on an outer unit: nothing comes back to it
        = write send:, or unit: inner
    inner 4: link: { send: [198.18.0.2:7112], key: /etc/weir/link.key }
      4:1: error: `link.listen` is missing
        = write listen: [0.0.0.0:7112]
      4:9: error: `link.send` on an inner unit: it never sends
        = write listen:, or unit: outer
    inner 4: link: { listen: [0.0.0.0:1], key: /k, rate: 2Mbit, keep: 7d }
      4:39: warning: `link.rate` has no effect on an inner unit
        = remove it here; the outer unit decides
      4:52: warning: `link.keep` has no effect on an inner unit
        = remove it here; the outer unit decides
    outer 5: link: { carrier: ferry, key: /k }
      5:1: error: `link.ferry` is missing
        = write ferry: /srv/ferry, the directory of the gate
    outer 5: link: { carrier: udb, send: [198.18.0.2:7112], key: /k, ferry: /srv/ferry }
      5:18: error: `link.carrier` must be one of `udp`, `ferry`, `both`, not `udb`
        = did you mean `udp`?
      5:57: warning: `link.ferry` has no effect: the carrier is udp
        = write carrier: ferry or carrier: both, or remove it
    outer 5: link: { send: [198.18.0.2:7112], key: /k, rate: 1Mbit }
      5:49: error: `link.rate` must be 2Mbit to 10Gbit, or unlimited, not `1Mbit`
        = write a rate such as 100Mbit
    outer 5: link: { send: [198.18.0.2:7112], key: /k, rate: 100mbit, mtu: 575 }
      5:49: error: `link.rate` must be 2Mbit to 10Gbit, or unlimited, not `100mbit`
        = write a rate such as 100Mbit
      5:63: error: `link.mtu` must be a whole number from 576 to 9000, not `575`
        = 1500 is the default
    outer 5: link: { send: [198.18.0.2:7112], key: /k, keep: 7 d, mtu: 9001 }
      5:49: error: `link.keep` must be a duration from 1h to 366d, not `7 d`
        = write a number and ms, s, m, h or d; 7d is the default
      5:59: error: `link.mtu` must be a whole number from 576 to 9000, not `9001`
        = 1500 is the default
    """#

  /// What is no YAML, or not one mapping.
  static let syntax = #"""
    whole:
      1:1: error: the file is empty
        = begin with unit: outer or unit: inner
    whole: # nothing but a comment\n
      1:1: error: the file is empty
        = begin with unit: outer or unit: inner
    whole: ---\n
      2:1: error: the file is empty
        = begin with unit: outer or unit: inner
    whole: - unit: outer
      1:1: error: the file must be a mapping, not a list
        = begin with unit: outer or unit: inner
    whole: outer
      1:1: error: the file must be a mapping, not text
        = begin with unit: outer or unit: inner
    whole: unit: outer\n\tname: kd1
      2:1: error: not valid YAML: found a tab character that violates indentation while scanning \#
    a plain scalar
        = use spaces: YAML takes no tab for indentation
    whole: unit: outer\nintake: { socket: /run/a.sock\nname: kd1
      3:5: error: not valid YAML: did not find expected ',' or '}' while parsing a flow mapping
        = look here and on the line above for a missing colon, quote, bracket or indentation
    whole: unit: "outer
      1:13: error: not valid YAML: found unexpected end of stream while scanning a quoted scalar
        = look here and on the line above for a missing colon, quote, bracket or indentation
    whole: unit: outer\n  name: kd1
      2:7: error: not valid YAML: mapping values are not allowed in this context
        = look here and on the line above for a missing colon, quote, bracket or indentation
    whole: unit: outer\nname: *other
      2:7: error: not valid YAML: found undefined alias
        = look here and on the line above for a missing colon, quote, bracket or indentation
    outer 7: ---\nunit: inner
      8:1: error: a second document begins
        = keep one document in the file: remove `---` and what does not belong to this unit
    outer 7: ---\nunit: [\n
      9:1: error: not valid YAML: did not find expected node content while parsing a flow node
        = look here and on the line above for a missing colon, quote, bracket or indentation
    whole: unit: outer\nunit: [\n
      3:1: error: not valid YAML: did not find expected node content while parsing a flow node
        = look here and on the line above for a missing colon, quote, bracket or indentation
    whole: ? "a\x62"\n: 1\nab: 2
      1:3: error: a key is given twice: `ab`
        = keep one of them; the rest of the file is read once that is done
    """#
}
