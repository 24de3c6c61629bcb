/* The reader: fields in any order, each once, then the operation's own rules.
 *
 *   happy path   every field of the line is read into the label where it stands; then the fields
 *                that are there are held against those that the operation takes and needs
 *   a fault      the first one met in the line is the one that is named, with its path; what was
 *                read before it (op, ref) stays in the label, so that the refusal can carry it */
#include "names.h"
#include "reading.h"

#include <stdlib.h>
#include <string.h>

enum { FACTS_COUNT_MAX = 32, DEGREES_BYTES_MAX = 39 };

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

/* ---- Values ---- */

/* The label is touched only when all is well: a refusal must not carry a ref that is none. */
static bool read_text(reading *r, const char *field, scan_text kind, size_t least, size_t most,
                      weir_bytes *out) {
  weir_bytes text;
  size_t scalars = 0;
  if (!scan_string(&r->s, kind, field, &text, &scalars)) return false;
  if (scalars > most) return scan_fail(&r->s, WEIR_REFUSAL_TOO_LONG, field);
  if (scalars < least) return scan_fail(&r->s, WEIR_REFUSAL_BAD_VALUE, field);
  *out = text;
  return true;
}

/* A word of letters, digits and `more`. */
static bool read_word(reading *r, const char *field, size_t most, const char *more,
                      weir_bytes *out) {
  weir_bytes word = {0};
  if (!read_text(r, field, SCAN_LINE, 1, most, &word)) return false;
  for (size_t i = 0; i < word.count; i++) {
    uint8_t c = word.at[i];
    bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    if (!plain && !strchr(more, c)) return scan_fail(&r->s, WEIR_REFUSAL_BAD_VALUE, field);
  }
  *out = word;
  return true;
}

/* A handover's number, whole or spoken. Who types one by hand types full-width forms and spaces
 * too: whoever looks the number up forgives them. */
static bool read_number(reading *r, const char *field, weir_bytes *out) {
  weir_bytes word = {0};
  if (!read_text(r, field, SCAN_LINE, 1, 40, &word)) return false;
  for (size_t i = 0; i < word.count;) {
    uint8_t c = word.at[i];
    size_t wide = weir_is_wide_ascii(weir_view(word.at + i, word.count - i)) ? 3 : 1;
    bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    if (wide == 1 && !plain && c != '-' && c != ' ') {
      return scan_fail(&r->s, WEIR_REFUSAL_BAD_VALUE, field);
    }
    i += wide;
  }
  *out = word;
  return true;
}

static bool read_code(reading *r, const char *field, int (*find)(weir_bytes), unsigned refusal,
                      uint8_t *out) {
  weir_bytes name;
  if (!scan_word(&r->s, field, &name)) return false;
  int value = find(name);
  if (value < 0) return scan_fail(&r->s, refusal, field);
  *out = (uint8_t)value;
  return true;
}

static bool read_time(reading *r, const char *field, int64_t *out) {
  weir_bytes text;
  if (!scan_word(&r->s, field, &text)) return false;
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
  if (!scan_word(&r->s, field, &text)) return false;
  if (text.count != 6 || weir_decimal_read(text, &value) != WEIR_OK || value == 0) {
    return scan_fail(&r->s, WEIR_REFUSAL_BAD_VALUE, field);
  }
  *out = (uint32_t)value;
  return true;
}

/* Most coordinates are settled by the digits before the point; those on the limit and those with
 * an exponent are worth the slow way. */
static bool is_within(weir_bytes number, unsigned most) {
  unsigned whole = 0;
  for (size_t i = number.at[0] == '-' ? 1 : 0; i < number.count && number.at[i] != '.'; i++) {
    uint8_t c = number.at[i];
    whole = c >= '0' && c <= '9' ? whole * 10 + (unsigned)(c - '0') : most;
    if (whole > most) whole = most;
  }
  bool scaled = memchr(number.at, 'e', number.count) || memchr(number.at, 'E', number.count);
  if (whole < most && !scaled) return true;
  char copy[DEGREES_BYTES_MAX + 1];
  memcpy(copy, number.at, number.count);
  copy[number.count] = 0;
  double value = strtod(copy, NULL);
  return value >= -(double)most && value <= (double)most;
}

/* A coordinate keeps its own text; only its range is looked at. */
static bool read_degrees(reading *r, const char *field, unsigned most, weir_bytes *out) {
  if (!scan_number(&r->s, field, out)) return false;
  if (out->count > DEGREES_BYTES_MAX) return scan_fail(&r->s, WEIR_REFUSAL_TOO_LONG, field);
  return is_within(*out, most) || scan_fail(&r->s, WEIR_REFUSAL_BAD_VALUE, field);
}

static bool read_after(reading *r) {
  weir_bytes digits;
  if (!scan_number(&r->s, "after", &digits)) return false;
  if (weir_decimal_read(digits, &r->m->after) == WEIR_OK) return true;
  return scan_fail(&r->s, WEIR_REFUSAL_BAD_VALUE, "after");
}

static bool read_facts(reading *r) {
  if (scan_peek(&r->s) != '[') return scan_fail_type(&r->s, "facts");
  r->s.at++;
  if (scan_peek(&r->s) == ']') return r->s.at++, true;
  for (unsigned i = 0;; i++) {
    char path[] = "facts[i]\0";
    path[6] = (char)('0' + (i < 10 ? i : i / 10));
    if (i >= 10) {
      path[7] = (char)('0' + i % 10);
      path[8] = ']';
    }
    if (i == FACTS_COUNT_MAX) return scan_fail(&r->s, WEIR_REFUSAL_TOO_LONG, "facts");
    weir_bytes name;
    if (!scan_word(&r->s, path, &name)) return false;
    int fact = names_fact(name);
    if (fact < 0) return scan_fail(&r->s, WEIR_REFUSAL_UNKNOWN_FACT, path);
    if (r->m->facts & (1u << fact)) return scan_fail(&r->s, WEIR_REFUSAL_BAD_VALUE, path);
    r->m->facts |= 1u << fact;
    if (scan_peek(&r->s) == ']') return r->s.at++, true;
    if (!scan_take(&r->s, ',')) return false;
  }
}

/* ---- Objects inside ---- */

typedef enum member {
  MEMBER_NAME,
  MEMBER_PHONE,
  MEMBER_COUNTY,
  MEMBER_ADDRESS,
  MEMBER_LON,
  MEMBER_LAT,
  MEMBER_NONE
} member;

static inline bool is_named(weir_bytes key, const char *name, size_t count) {
  return key.count == count && memcmp(key.at, name, count) == 0;
}

static member find_member(bool caller, weir_bytes key) {
  if (caller && is_named(key, "name", 4)) return MEMBER_NAME;
  if (caller && is_named(key, "phone", 5)) return MEMBER_PHONE;
  if (caller) return MEMBER_NONE;
  if (is_named(key, "county", 6)) return MEMBER_COUNTY;
  if (is_named(key, "address", 7)) return MEMBER_ADDRESS;
  if (is_named(key, "lon", 3)) return MEMBER_LON;
  return is_named(key, "lat", 3) ? MEMBER_LAT : MEMBER_NONE;
}

static bool read_member(reading *r, member which) {
  weir_message *m = r->m;
  switch (which) {
  case MEMBER_NAME:
    m->present |= WEIR_HAS_NAME;
    return read_text(r, "caller.name", SCAN_LINE, 0, 64, &m->name);
  case MEMBER_PHONE:
    m->present |= WEIR_HAS_PHONE;
    return read_phone(r, &m->phone);
  case MEMBER_COUNTY:
    m->present |= WEIR_HAS_COUNTY;
    return read_county(r, &m->county);
  case MEMBER_ADDRESS:
    m->present |= WEIR_HAS_ADDRESS;
    return read_text(r, "place.address", SCAN_LINE, 0, 200, &m->address);
  case MEMBER_LON:
    return read_degrees(r, "place.lon", 180, &m->lon);
  case MEMBER_LAT:
    return read_degrees(r, "place.lat", 90, &m->lat);
  case MEMBER_NONE:
    break;
  }
  WEIR_ASSERT(false);
  return false;
}

static bool read_object(reading *r, bool caller) {
  const char *field = caller ? "caller" : "place";
  const char *parent = caller ? "caller." : "place.";
  unsigned seen = 0;
  if (scan_peek(&r->s) != '{') return scan_fail_type(&r->s, field);
  r->s.at++;
  bool more = scan_peek(&r->s) != '}';
  while (more) {
    weir_bytes key;
    if (scan_peek(&r->s) != '"') return scan_fail(&r->s, WEIR_REFUSAL_BAD_JSON, field);
    if (!scan_word(&r->s, field, &key)) return false;
    member which = find_member(caller, key);
    if (which == MEMBER_NONE) return fail_at(&r->s, WEIR_REFUSAL_UNKNOWN_FIELD, parent, key);
    if (seen & (1u << which)) return fail_at(&r->s, WEIR_REFUSAL_DUPLICATE_FIELD, parent, key);
    seen |= 1u << which;
    if (!scan_take(&r->s, ':') || !read_member(r, which)) return false;
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

/* ---- Fields ---- */

/* What only control requests, three-way calls and linked intakes have. */
static bool read_value_more(reading *r, int field) {
  weir_message *m = r->m;
  scan *s = &r->s;
  switch (field) {
  case FIELD_UNTIL:
    return read_time(r, "until", &m->until_ms);
  case FIELD_RANGE:
    return read_word(r, "range", 400, "-,/", &m->range);
  case FIELD_PATH:
    return read_text(r, "path", SCAN_LINE, 1, 255, &m->path);
  case FIELD_SECOND:
    return read_text(r, "second", SCAN_LINE, 1, 32, &m->second);
  case FIELD_PARTY:
    return read_code(r, "party", names_party, WEIR_REFUSAL_BAD_VALUE, &m->party);
  case FIELD_LEFT:
    return scan_bool(s, "left", &m->left);
  case FIELD_FOLLOWS:
    return read_number(r, "follows", &m->follows);
  case FIELD_ID:
    return read_text(r, "id", SCAN_LINE, 1, 64, &m->id);
  default:
    return scan_over(s, NULL);
  }
}

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
    return read_number(r, "handover", &m->handover);
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
  default:
    return read_value_more(r, field);
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
    if (!scan_word(s, "", &key)) return false;
    int field = field_find(key);
    bool judge_only = field >= 0 && ((UINT64_C(1) << field) & (JUDGE_BITS & ~BIT(ID)));
    if (field < 0 || (judge_only && mode != WEIR_MESSAGE_JUDGE)) {
      /* The first field of the line that does not belong is the one to name. */
      int foreign = rules_first_foreign(r, mode);
      if (foreign >= 0) key = weir_text(field_name(foreign));
      return fail_at(s, WEIR_REFUSAL_UNKNOWN_FIELD, "", key);
    }
    if (r->seen & (UINT64_C(1) << field)) return fail_at(s, WEIR_REFUSAL_DUPLICATE_FIELD, "", key);
    if (!scan_take(s, ':') || !read_value(r, field)) return false;
    r->seen |= UINT64_C(1) << field;
    r->order[r->count++] = (uint8_t)field;
    more = scan_peek(s) == ',';
    if (more) s->at++;
  }
  if (!scan_take(s, '}')) return false;
  return scan_peek(s) < 0 || scan_fail(s, WEIR_REFUSAL_BAD_JSON, "");
}

static uint32_t present_of(uint64_t seen) {
  static const struct {
    uint64_t field;
    uint32_t bit;
  } pairs[] = {{BIT(REF), WEIR_HAS_REF},       {BIT(FACTS), WEIR_HAS_FACTS},
               {BIT(TEXT), WEIR_HAS_TEXT},     {BIT(RECEIVED_AT), WEIR_HAS_RECEIVED_AT},
               {BIT(CALLER), WEIR_HAS_CALLER}, {BIT(PLACE), WEIR_HAS_PLACE},
               {BIT(SEAT), WEIR_HAS_SEAT},     {BIT(HANDOVER), WEIR_HAS_HANDOVER},
               {BIT(REPORT), WEIR_HAS_REPORT}, {BIT(BY), WEIR_HAS_BY},
               {BIT(AT), WEIR_HAS_AT},         {BIT(REASON), WEIR_HAS_REASON},
               {BIT(OWNER), WEIR_HAS_OWNER},   {BIT(DEPARTMENT), WEIR_HAS_DEPARTMENT},
               {BIT(ANSWER), WEIR_HAS_ANSWER}, {BIT(CODE), WEIR_HAS_CODE},
               {BIT(AFTER), WEIR_HAS_AFTER},   {BIT(REACHED), WEIR_HAS_REACHED},
               {BIT(ID), WEIR_HAS_ID},         {BIT(UNTIL), WEIR_HAS_UNTIL},
               {BIT(RANGE), WEIR_HAS_RANGE},   {BIT(PATH), WEIR_HAS_PATH},
               {BIT(SECOND), WEIR_HAS_SECOND}, {BIT(FOLLOWS), WEIR_HAS_FOLLOWS}};
  uint32_t present = 0;
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
    if (seen & pairs[i].field) present |= pairs[i].bit;
  }
  return present;
}

weir_bytes weir_message_ref(weir_bytes line, uint8_t *scratch) {
  const weir_bytes none = weir_view(line.at, 0);
  weir_message_fault fault;
  weir_message m = {0};
  reading r = {.s = {.at = line.at, .scratch = scratch, .fault = &fault}, .m = &m};
  r.s.end = line.count ? line.at + line.count : line.at;
  if (line.count > WEIR_MESSAGE_SCRATCH || scan_peek(&r.s) != '{') return none;
  do {
    weir_bytes key;
    r.s.at++;
    if (!scan_key(&r.s, NULL, 0, &key)) return none;
    if (is_named(key, "ref", 3)) return read_value(&r, FIELD_REF) ? m.ref : none;
    if (!scan_over(&r.s, NULL)) return none;
  } while (scan_peek(&r.s) == ',');
  return none;
}

bool weir_message_read(weir_bytes line, weir_message_mode mode, uint8_t *scratch,
                       weir_message *message, weir_message_fault *fault) {
  memset(message, 0, sizeof *message);
  fault->refusal = WEIR_REFUSAL_NONE;
  fault->field[0] = 0;
  reading r = {0};
  r.s.at = line.at;
  r.s.end = line.count ? line.at + line.count : line.at; /* at may be null */
  r.s.scratch = scratch;
  r.s.fault = fault;
  r.m = message;
  if (line.count > WEIR_MESSAGE_SCRATCH) return scan_fail(&r.s, WEIR_REFUSAL_LINE_TOO_LONG, "");
  if (!read_fields(&r, mode) || !rules_check(&r, mode)) return false;
  message->present |= present_of(r.seen);
  return true;
}
