/* The reader: fields in any order, each once, then the operation's own rules.
 *
 *   happy path   every field of the line is read into the label where it stands; then the fields
 *                that are there are held against those that the operation takes and needs
 *   a fault      the first one met in the line is the one that is named, with its path; what was
 *                read before it (op, ref) stays in the label, so that the refusal can carry it */
#include "names.h"
#include "scan.h"

#include <stdlib.h>
#include <string.h>

/* Every top-level field, in no order that matters. */
#define FIELD_MAP(X)                                                                               \
  X(OP, op)                                                                                        \
  X(REF, ref) X(RECEIVED_BY, receivedBy) X(CHANNEL, channel) X(RECEIVED_AT, receivedAt)            \
      X(FACTS, facts) X(TEXT, text) X(CALLER, caller) X(PLACE, place) X(SEAT, seat)                \
          X(REDIALLED, redialledFrom110) X(CONFIDENTIAL, confidential) X(DRILL, drill)             \
              X(HANDOVER, handover) X(REPORT, report) X(EVENT, event) X(BY, by) X(AT, at)          \
                  X(REASON, reason) X(CAUSE, cause) X(OWNER, owner) X(DEPARTMENT, department)      \
                      X(ANSWER, answer) X(REACHED, reached) X(CODE, code) X(AFTER, after)          \
                          X(ID, id) X(EXPECTED, expected) X(DIFFICULTY, difficulty) X(WHY, why)

enum {
#define X(upper, name) FIELD_##upper,
  FIELD_MAP(X)
#undef X
      FIELD_COUNT
};
#define BIT(upper) (1u << FIELD_##upper)

static const char *const field_names[] = {
#define X(upper, name) #name,
    FIELD_MAP(X)
#undef X
};

enum {
  REF_BITS = BIT(OP) | BIT(REF),
  PERSON_BITS = BIT(BY) | BIT(AT) | BIT(REASON) | BIT(SEAT),
  BODY_BITS = BIT(FACTS) | BIT(TEXT) | BIT(CALLER) | BIT(PLACE),
  MARK_BITS = BIT(REDIALLED) | BIT(CONFIDENTIAL) | BIT(DRILL),
  JUDGE_BITS = BIT(ID) | BIT(EXPECTED) | BIT(DIFFICULTY) | BIT(WHY),
  FACTS_COUNT_MAX = 32
};

typedef struct field_rule {
  uint32_t takes, needs;
} field_rule;

/* Events take these beside what each needs for itself. */
static const field_rule rules[WEIR_OP_COUNT] = {
    [WEIR_OP_INTAKE] = {REF_BITS | BODY_BITS | MARK_BITS | BIT(RECEIVED_BY) | BIT(CHANNEL) |
                            BIT(RECEIVED_AT) | BIT(SEAT),
                        BIT(RECEIVED_BY) | BIT(CHANNEL)},
    [WEIR_OP_UPDATE] = {REF_BITS | BODY_BITS | PERSON_BITS | BIT(HANDOVER), BIT(HANDOVER)},
    [WEIR_OP_EVENT] = {REF_BITS | PERSON_BITS | BIT(HANDOVER) | BIT(EVENT), BIT(EVENT)},
    [WEIR_OP_GET] = {REF_BITS | BIT(HANDOVER), BIT(HANDOVER)},
    [WEIR_OP_WATCH] = {REF_BITS | BIT(AFTER), 0},
    [WEIR_OP_STATUS] = {REF_BITS, 0},
    [WEIR_OP_METRICS] = {REF_BITS, 0},
    [WEIR_OP_ADMIT] = {REF_BITS | BIT(ID) | BIT(BY) | BIT(REASON), BIT(ID) | BIT(BY) | BIT(REASON)},
};

static const field_rule event_rules[WEIR_EVENT_SPEAKABLE] = {
    [WEIR_EVENT_TRANSFER_FAILED] = {BIT(CAUSE), BIT(CAUSE)},
    [WEIR_EVENT_CALLER_TOLD] = {0, BIT(BY)},
    [WEIR_EVENT_AGREED] = {BIT(OWNER), BIT(OWNER)},
    [WEIR_EVENT_DANGER_RAISED] = {BIT(FACTS) | BIT(TEXT), 0},
    [WEIR_EVENT_DANGER_CLEARED] = {0, BIT(BY) | BIT(REASON)},
    [WEIR_EVENT_VERIFIED] = {BIT(DEPARTMENT) | BIT(ANSWER), BIT(DEPARTMENT)},
    [WEIR_EVENT_GUIDED] = {BIT(REACHED), BIT(REACHED)},
    [WEIR_EVENT_REFERRED] = {BIT(DEPARTMENT), BIT(DEPARTMENT)},
    [WEIR_EVENT_RECEIPT] = {BIT(CODE), BIT(CODE)},
    [WEIR_EVENT_REPORT_ACKNOWLEDGED] = {BIT(REPORT), 0},
    [WEIR_EVENT_CANCELLED] = {0, BIT(REASON)},
};

typedef struct reading {
  scan s;
  weir_message *m;
  uint32_t seen;
  uint8_t order[FIELD_COUNT];
  unsigned count;
} reading;

static int find_field(weir_bytes name) {
  for (int i = 0; i < FIELD_COUNT; i++) {
    const char *field = field_names[i];
    if (name.count == 0 || field[0] != (char)name.at[0]) continue;
    if (strlen(field) == name.count && memcmp(field, name.at, name.count) == 0) return i;
  }
  return -1;
}

/* `parent.name`, the name cut at a character's border so that the path stays UTF-8. */
static bool fail_at(scan *s, unsigned refusal, const char *parent, weir_bytes name) {
  char path[48];
  weir_buffer b = weir_buffer_over(path, sizeof path - 1);
  weir_put_text(&b, parent);
  size_t room = b.capacity - b.count;
  size_t count = name.count < room ? name.count : room;
  while (count > 0 && count < name.count && (name.at[count] & 0xc0) == 0x80) count--;
  weir_put(&b, weir_view(name.at, count));
  path[b.count] = 0;
  return scan_fail(s, refusal, path);
}

/* ---- Values ------------------------------------------------------------------------------------
 */

static bool read_text(reading *r, const char *field, scan_text kind, size_t least, size_t most,
                      weir_bytes *out) {
  size_t scalars = 0;
  if (!scan_string(&r->s, kind, field, out, &scalars)) return false;
  if (scalars > most) return scan_fail(&r->s, WEIR_REFUSAL_TOO_LONG, field);
  if (scalars < least) return scan_fail(&r->s, WEIR_REFUSAL_BAD_VALUE, field);
  return true;
}

/* A word of letters, digits and `more`. */
static bool read_word(reading *r, const char *field, size_t most, const char *more,
                      weir_bytes *out) {
  if (!read_text(r, field, SCAN_LINE, 1, most, out)) return false;
  for (size_t i = 0; i < out->count; i++) {
    uint8_t c = out->at[i];
    bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    if (!plain && !strchr(more, c)) return scan_fail(&r->s, WEIR_REFUSAL_BAD_VALUE, field);
  }
  return true;
}

static bool read_code(reading *r, const char *field, int (*find)(weir_bytes), unsigned refusal,
                      uint8_t *out) {
  weir_bytes name;
  if (!scan_string(&r->s, SCAN_LINE, field, &name, NULL)) return false;
  int value = find(name);
  if (value < 0) return scan_fail(&r->s, refusal, field);
  *out = (uint8_t)value;
  return true;
}

static bool read_time(reading *r, const char *field, int64_t *out) {
  weir_bytes text;
  if (!scan_string(&r->s, SCAN_LINE, field, &text, NULL)) return false;
  if (weir_time_read(text, out) == WEIR_OK) return true;
  return scan_fail(&r->s, WEIR_REFUSAL_BAD_TIME, field);
}

static bool read_phone(reading *r, weir_bytes *out) {
  static const char field[] = "caller.phone";
  if (!read_text(r, field, SCAN_LINE, 3, 20, out)) return false;
  for (size_t i = 0; i < out->count; i++) {
    uint8_t c = out->at[i];
    bool fits = (c >= '0' && c <= '9') || c == '+' || c == '-';
    if (!fits) return scan_fail(&r->s, WEIR_REFUSAL_BAD_VALUE, field);
  }
  return true;
}

static bool read_county(reading *r, uint32_t *out) {
  static const char field[] = "place.county";
  weir_bytes text;
  uint64_t value = 0;
  if (!scan_string(&r->s, SCAN_LINE, field, &text, NULL)) return false;
  if (text.count != 6 || weir_decimal_read(text, &value) != WEIR_OK || value == 0) {
    return scan_fail(&r->s, WEIR_REFUSAL_BAD_VALUE, field);
  }
  *out = (uint32_t)value;
  return true;
}

/* A coordinate keeps its own text; only its range is looked at. */
static bool read_degrees(reading *r, const char *field, double most, weir_bytes *out) {
  char copy[40];
  if (!scan_number(&r->s, field, out)) return false;
  if (out->count >= sizeof copy) return scan_fail(&r->s, WEIR_REFUSAL_TOO_LONG, field);
  memcpy(copy, out->at, out->count);
  copy[out->count] = 0;
  double value = strtod(copy, NULL);
  if (value >= -most && value <= most) return true;
  return scan_fail(&r->s, WEIR_REFUSAL_BAD_VALUE, field);
}

static bool read_after(reading *r) {
  weir_bytes digits;
  if (!scan_number(&r->s, "after", &digits)) return false;
  if (weir_decimal_read(digits, &r->m->after) == WEIR_OK) return true;
  return scan_fail(&r->s, WEIR_REFUSAL_BAD_VALUE, "after");
}

static bool read_facts(reading *r) {
  if (scan_peek(&r->s) != '[') return scan_fail(&r->s, WEIR_REFUSAL_WRONG_TYPE, "facts");
  r->s.at++;
  if (scan_peek(&r->s) == ']') return r->s.at++, true;
  for (unsigned i = 0;; i++) {
    char path[16];
    weir_buffer b = weir_buffer_over(path, sizeof path - 1);
    weir_put_text(&b, "facts[");
    weir_put_decimal(&b, i);
    weir_put_text(&b, "]");
    path[b.count] = 0;
    if (i == FACTS_COUNT_MAX) return scan_fail(&r->s, WEIR_REFUSAL_TOO_LONG, "facts");
    weir_bytes name;
    if (!scan_string(&r->s, SCAN_LINE, path, &name, NULL)) return false;
    int fact = names_fact(name);
    if (fact < 0) return scan_fail(&r->s, WEIR_REFUSAL_UNKNOWN_FACT, path);
    if (r->m->facts & (1u << fact)) return scan_fail(&r->s, WEIR_REFUSAL_BAD_VALUE, path);
    r->m->facts |= 1u << fact;
    if (scan_peek(&r->s) == ']') return r->s.at++, true;
    if (!scan_take(&r->s, ',')) return false;
  }
}

/* ---- Objects inside
 * ------------------------------------------------------------------------------- */

static bool read_member(reading *r, bool caller, weir_bytes key, uint32_t *bit) {
  weir_message *m = r->m;
  if (caller) {
    if (weir_equal(key, weir_text("name"))) {
      *bit = WEIR_HAS_NAME;
      return read_text(r, "caller.name", SCAN_LINE, 0, 64, &m->name);
    }
    if (weir_equal(key, weir_text("phone"))) {
      *bit = WEIR_HAS_PHONE;
      return read_phone(r, &m->phone);
    }
    return fail_at(&r->s, WEIR_REFUSAL_UNKNOWN_FIELD, "caller.", key);
  }
  if (weir_equal(key, weir_text("county"))) {
    *bit = WEIR_HAS_COUNTY;
    return read_county(r, &m->county);
  }
  if (weir_equal(key, weir_text("address"))) {
    *bit = WEIR_HAS_ADDRESS;
    return read_text(r, "place.address", SCAN_LINE, 0, 200, &m->address);
  }
  if (weir_equal(key, weir_text("lon"))) return read_degrees(r, "place.lon", 180, &m->lon);
  if (weir_equal(key, weir_text("lat"))) return read_degrees(r, "place.lat", 90, &m->lat);
  return fail_at(&r->s, WEIR_REFUSAL_UNKNOWN_FIELD, "place.", key);
}

/* Was this member there already? lon and lat have no bit of their own. */
static bool is_repeated(const weir_message *m, bool caller, weir_bytes key) {
  if (caller) {
    if (weir_equal(key, weir_text("name"))) return m->present & WEIR_HAS_NAME;
    return weir_equal(key, weir_text("phone")) && (m->present & WEIR_HAS_PHONE);
  }
  if (weir_equal(key, weir_text("county"))) return m->present & WEIR_HAS_COUNTY;
  if (weir_equal(key, weir_text("address"))) return m->present & WEIR_HAS_ADDRESS;
  if (weir_equal(key, weir_text("lon"))) return m->lon.count > 0;
  return weir_equal(key, weir_text("lat")) && m->lat.count > 0;
}

static bool read_object(reading *r, bool caller) {
  const char *field = caller ? "caller" : "place";
  const char *parent = caller ? "caller." : "place.";
  if (scan_peek(&r->s) != '{') return scan_fail(&r->s, WEIR_REFUSAL_WRONG_TYPE, field);
  r->s.at++;
  bool more = scan_peek(&r->s) != '}';
  while (more) {
    weir_bytes key;
    uint32_t bit = 0;
    if (scan_peek(&r->s) != '"') return scan_fail(&r->s, WEIR_REFUSAL_BAD_JSON, field);
    if (!scan_string(&r->s, SCAN_LINE, field, &key, NULL)) return false;
    if (!scan_take(&r->s, ':')) return false;
    if (is_repeated(r->m, caller, key)) {
      return fail_at(&r->s, WEIR_REFUSAL_DUPLICATE_FIELD, parent, key);
    }
    if (!read_member(r, caller, key, &bit)) return false;
    r->m->present |= bit;
    more = scan_peek(&r->s) == ',';
    if (more) r->s.at++;
  }
  if (!scan_take(&r->s, '}')) return false;
  if ((r->m->lon.count > 0) != (r->m->lat.count > 0)) {
    const char *missing = r->m->lon.count > 0 ? "place.lat" : "place.lon";
    return scan_fail(&r->s, WEIR_REFUSAL_MISSING_FIELD, missing);
  }
  if (r->m->lon.count > 0) r->m->present |= WEIR_HAS_POINT;
  return true;
}

/* ---- Fields
 * ----------------------------------------------------------------------------------------- */

static bool read_value(reading *r, int field) {
  weir_message *m = r->m;
  scan *s = &r->s;
  switch (field) {
  case FIELD_OP:
    return read_code(r, "op", names_op, WEIR_REFUSAL_UNKNOWN_OP, &m->op);
  case FIELD_REF:
    return read_word(r, "ref", WEIR_REF_MAX, "._:-", &m->ref);
  case FIELD_RECEIVED_BY:
    return read_code(r, "receivedBy", names_platform, WEIR_REFUSAL_BAD_VALUE, &m->platform);
  case FIELD_CHANNEL:
    return read_code(r, "channel", names_channel, WEIR_REFUSAL_BAD_VALUE, &m->channel);
  case FIELD_RECEIVED_AT:
    return read_time(r, "receivedAt", &m->received_at_ms);
  case FIELD_FACTS:
    return read_facts(r);
  case FIELD_TEXT:
    return read_text(r, "text", SCAN_LINES, 0, 2000, &m->text);
  case FIELD_CALLER:
    return read_object(r, true);
  case FIELD_PLACE:
    return read_object(r, false);
  case FIELD_SEAT:
    return read_text(r, "seat", SCAN_LINE, 1, 16, &m->seat);
  case FIELD_REDIALLED:
    return scan_bool(s, "redialledFrom110", &m->redialled);
  case FIELD_CONFIDENTIAL:
    return scan_bool(s, "confidential", &m->confidential);
  case FIELD_DRILL:
    return scan_bool(s, "drill", &m->drill);
  case FIELD_HANDOVER:
    return read_word(r, "handover", 40, "-", &m->handover);
  case FIELD_REPORT:
    return read_word(r, "report", 40, "-", &m->report);
  case FIELD_EVENT:
    return read_code(r, "event", names_event, WEIR_REFUSAL_UNKNOWN_EVENT, &m->event);
  case FIELD_BY:
    return read_text(r, "by", SCAN_LINE, 1, 32, &m->by);
  case FIELD_AT:
    return read_time(r, "at", &m->at_ms);
  case FIELD_REASON:
    return read_text(r, "reason", SCAN_LINES, 1, 500, &m->reason);
  case FIELD_CAUSE:
    return read_code(r, "cause", names_cause, WEIR_REFUSAL_BAD_VALUE, &m->cause);
  case FIELD_OWNER:
    return read_code(r, "owner", names_platform, WEIR_REFUSAL_BAD_VALUE, &m->owner);
  case FIELD_DEPARTMENT:
    return read_text(r, "department", SCAN_LINE, 1, 64, &m->department);
  case FIELD_ANSWER:
    return read_text(r, "answer", SCAN_LINES, 1, 500, &m->answer);
  case FIELD_REACHED:
    return scan_bool(s, "reached", &m->reached);
  case FIELD_CODE:
    return read_text(r, "code", SCAN_LINE, 1, 32, &m->code);
  case FIELD_AFTER:
    return read_after(r);
  case FIELD_ID:
    return read_text(r, "id", SCAN_LINE, 1, 64, &m->id);
  default:
    return scan_over(s);
  }
}

static bool read_fields(reading *r, weir_message_mode mode) {
  scan *s = &r->s;
  if (scan_peek(s) != '{') return scan_fail(s, WEIR_REFUSAL_BAD_JSON, "");
  s->at++;
  bool more = scan_peek(s) != '}';
  while (more) {
    weir_bytes key;
    if (scan_peek(s) != '"') return scan_fail(s, WEIR_REFUSAL_BAD_JSON, "");
    if (!scan_string(s, SCAN_LINE, "", &key, NULL)) return false;
    int field = find_field(key);
    bool judge_only = field >= 0 && ((1u << field) & (JUDGE_BITS & ~BIT(ID)));
    if (field < 0 || (judge_only && mode != WEIR_MESSAGE_JUDGE)) {
      return fail_at(s, WEIR_REFUSAL_UNKNOWN_FIELD, "", key);
    }
    if (r->seen & (1u << field)) return fail_at(s, WEIR_REFUSAL_DUPLICATE_FIELD, "", key);
    if (!scan_take(s, ':') || !read_value(r, field)) return false;
    r->seen |= 1u << field;
    r->order[r->count++] = (uint8_t)field;
    more = scan_peek(s) == ',';
    if (more) s->at++;
  }
  if (!scan_take(s, '}')) return false;
  return scan_peek(s) < 0 || scan_fail(s, WEIR_REFUSAL_BAD_JSON, "");
}

/* ---- The operation's rules
 * ---------------------------------------------------------------------------- */

static bool check_needed(reading *r, uint32_t needs) {
  for (int i = 0; i < FIELD_COUNT; i++) {
    if ((needs & (1u << i)) && !(r->seen & (1u << i))) {
      return scan_fail(&r->s, WEIR_REFUSAL_MISSING_FIELD, field_names[i]);
    }
  }
  return true;
}

static bool check_taken(reading *r, uint32_t takes) {
  for (unsigned i = 0; i < r->count; i++) {
    if (takes & (1u << r->order[i])) continue;
    return scan_fail(&r->s, WEIR_REFUSAL_UNKNOWN_FIELD, field_names[r->order[i]]);
  }
  return true;
}

/* An event names a handover; the acknowledgement of a report may name the report instead. */
static bool check_event_target(reading *r) {
  bool handover = r->seen & BIT(HANDOVER), report = r->seen & BIT(REPORT);
  if (handover && report) return scan_fail(&r->s, WEIR_REFUSAL_BAD_VALUE, "report");
  if (!handover && !report) return scan_fail(&r->s, WEIR_REFUSAL_MISSING_FIELD, "handover");
  return true;
}

static bool check_danger_facts(reading *r) {
  if (r->m->event != WEIR_EVENT_DANGER_RAISED) return true;
  if ((r->m->facts & ~WEIR_FACTS_DANGER) == 0) return true;
  return scan_fail(&r->s, WEIR_REFUSAL_BAD_VALUE, "facts");
}

static bool check_rules(reading *r, weir_message_mode mode) {
  weir_message *m = r->m;
  bool judge = mode == WEIR_MESSAGE_JUDGE;
  if (!judge && !(r->seen & BIT(OP))) return scan_fail(&r->s, WEIR_REFUSAL_MISSING_FIELD, "op");
  field_rule rule = rules[m->op];
  bool event = m->op == WEIR_OP_EVENT;
  if (judge) rule.takes |= JUDGE_BITS;
  if (judge && m->op != WEIR_OP_INTAKE) return scan_fail(&r->s, WEIR_REFUSAL_UNKNOWN_OP, "op");
  if (event && (r->seen & BIT(EVENT))) {
    rule.takes |= event_rules[m->event].takes;
    rule.needs |= event_rules[m->event].needs;
  }
  if (!judge && (m->op == WEIR_OP_INTAKE || m->op == WEIR_OP_UPDATE)) rule.needs |= BIT(REF);
  if (!check_taken(r, rule.takes) || !check_needed(r, rule.needs)) return false;
  if (event) return check_event_target(r) && check_danger_facts(r);
  uint32_t one_of = m->op == WEIR_OP_INTAKE   ? BIT(FACTS) | BIT(TEXT)
                    : m->op == WEIR_OP_UPDATE ? (uint32_t)BODY_BITS
                                              : 0;
  if (one_of && !(r->seen & one_of)) return scan_fail(&r->s, WEIR_REFUSAL_MISSING_FIELD, "facts");
  return true;
}

static uint32_t present_of(uint32_t seen) {
  static const struct {
    uint32_t field, bit;
  } pairs[] = {{BIT(REF), WEIR_HAS_REF},       {BIT(FACTS), WEIR_HAS_FACTS},
               {BIT(TEXT), WEIR_HAS_TEXT},     {BIT(RECEIVED_AT), WEIR_HAS_RECEIVED_AT},
               {BIT(CALLER), WEIR_HAS_CALLER}, {BIT(PLACE), WEIR_HAS_PLACE},
               {BIT(SEAT), WEIR_HAS_SEAT},     {BIT(HANDOVER), WEIR_HAS_HANDOVER},
               {BIT(REPORT), WEIR_HAS_REPORT}, {BIT(BY), WEIR_HAS_BY},
               {BIT(AT), WEIR_HAS_AT},         {BIT(REASON), WEIR_HAS_REASON},
               {BIT(OWNER), WEIR_HAS_OWNER},   {BIT(DEPARTMENT), WEIR_HAS_DEPARTMENT},
               {BIT(ANSWER), WEIR_HAS_ANSWER}, {BIT(CODE), WEIR_HAS_CODE},
               {BIT(AFTER), WEIR_HAS_AFTER},   {BIT(REACHED), WEIR_HAS_REACHED},
               {BIT(ID), WEIR_HAS_ID}};
  uint32_t present = 0;
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
    if (seen & pairs[i].field) present |= pairs[i].bit;
  }
  return present;
}

bool weir_message_read(weir_bytes line, weir_message_mode mode, uint8_t *scratch,
                       weir_message *message, weir_message_fault *fault) {
  memset(message, 0, sizeof *message);
  fault->refusal = WEIR_REFUSAL_NONE;
  fault->field[0] = 0;
  reading r = {0};
  r.s.at = line.at;
  r.s.end = line.at + line.count;
  r.s.scratch = scratch;
  r.s.fault = fault;
  r.m = message;
  if (line.count > WEIR_MESSAGE_SCRATCH) return scan_fail(&r.s, WEIR_REFUSAL_LINE_TOO_LONG, "");
  if (!read_fields(&r, mode) || !check_rules(&r, mode)) return false;
  message->present |= present_of(r.seen);
  return true;
}
