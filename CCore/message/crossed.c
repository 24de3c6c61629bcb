/* crossed.c: a record as the inner unit reads it.
 *
 *   happy path     one pass over the bytes; of the fields that are known here the place is kept,
 *                  all others are read over; then each is held against what a desk relies on
 *   no JSON, or no object   said before anything about fields
 *   a fault        the first field in the order of the list below is named
 */
#include "scan.h"

#include <string.h>

/* The fields that a desk relies on, each with the first byte of its value, in the order in which
 * faults are named. */
#define CROSSED_MAP(X)                                                                             \
  X(HANDOVER, handover, '"')                                                                       \
  X(SPOKEN, spoken, '"')                                                                           \
  X(RECEIVED_BY, receivedBy, '"')                                                                  \
  X(CHANNEL, channel, '"')                                                                         \
  X(PHASE, phase, '"')                                                                             \
  X(RECEIVED_AT, receivedAt, '"')                                                                  \
  X(ARRIVED_AT, arrivedAt, '"')                                                                    \
  X(DECISION, decision, '{')                                                                       \
  X(LEGS, legs, '{')                                                                               \
  X(FACTS, facts, '[')                                                                             \
  X(REVISION, revision, 0)                                                                         \
  X(DRILL, drill, 0)                                                                               \
  X(HISTORY, history, '[')

enum {
#define X(upper, name, first) CROSSED_##upper,
  CROSSED_MAP(X)
#undef X
      CROSSED_COUNT
};

static const char *const names[] = {
#define X(upper, name, first) #name,
    CROSSED_MAP(X)
#undef X
};

static const char firsts[] = {
#define X(upper, name, first) first,
    CROSSED_MAP(X)
#undef X
};

/* A value as it stands; of a string what is inside its quotes, decoded. */
typedef struct found_value {
  int first; /* 0: the field is not there */
  weir_bytes bytes;
} found_value;

static bool take_value(scan *s, scan_keys *keys, found_value *value) {
  value->first = scan_peek(s);
  if (value->first == '"') return scan_string(s, SCAN_RECORD, "", &value->bytes, NULL);
  const uint8_t *begin = s->at;
  if (!scan_over(s, keys)) return false;
  value->bytes = weir_view(begin, (size_t)(s->at - begin));
  return true;
}

static int find(const char *const *among, int count, weir_bytes key) {
  for (int i = 0; i < count; i++) {
    if (key.count && among[i][0] == (char)key.at[0] && weir_equal(weir_text(among[i]), key)) {
      return i;
    }
  }
  return -1;
}

/* The members of the object that begins here; of those named in `among` the values. */
static bool take_object(scan *s, scan_keys *keys, const char *const *among, int count,
                        found_value *found) {
  const unsigned first = keys->count;
  s->at++;
  bool more = scan_peek(s) != '}';
  while (more) {
    weir_bytes key;
    found_value value;
    if (!scan_key(s, keys, first, &key) || !take_value(s, keys, &value)) return false;
    int field = find(among, count, key);
    if (field >= 0) found[field] = value;
    more = scan_peek(s) == ',';
    if (more) s->at++;
  }
  keys->count = first;
  return scan_take(s, '}');
}

bool weir_crossed_is_name(weir_bytes text) {
  if (text.count == 0 || text.count > WEIR_CROSSED_NAME_MAX) return false;
  for (size_t i = 0; i < text.count; i++) {
    uint8_t c = text.at[i];
    bool fits = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!fits && c != '-') return false;
  }
  return true;
}

static const char *check(const found_value found[CROSSED_COUNT], uint32_t revision,
                         weir_crossed *c) {
  for (int i = 0; i < CROSSED_REVISION; i++) {
    if (found[i].first != firsts[i]) return names[i];
  }
  uint64_t number = 0;
  bool decimal = weir_decimal_read(found[CROSSED_REVISION].bytes, &number) == WEIR_OK;
  if (found[CROSSED_REVISION].first == '"' || !decimal || number != revision) {
    return names[CROSSED_REVISION];
  }
  c->handover = found[CROSSED_HANDOVER].bytes;
  c->spoken = found[CROSSED_SPOKEN].bytes;
  if (!weir_crossed_is_name(c->handover)) return names[CROSSED_HANDOVER];
  if (!weir_crossed_is_name(c->spoken)) return names[CROSSED_SPOKEN];
  if (weir_time_read(found[CROSSED_RECEIVED_AT].bytes, &c->received_ms) != WEIR_OK) {
    return names[CROSSED_RECEIVED_AT];
  }
  if (weir_time_read(found[CROSSED_ARRIVED_AT].bytes, &c->arrived_ms) != WEIR_OK) {
    return names[CROSSED_ARRIVED_AT];
  }
  c->drill = found[CROSSED_DRILL].first == 't';
  if (found[CROSSED_HISTORY].first != '[') return names[CROSSED_HISTORY];
  weir_bytes lines = found[CROSSED_HISTORY].bytes;
  c->history = weir_view(lines.at + 1, lines.count - 2);
  return NULL;
}

const char *weir_crossed_read(weir_bytes record, uint32_t revision, uint8_t *scratch,
                              weir_crossed *crossed) {
  memset(crossed, 0, sizeof *crossed);
  if (record.count == 0) return "not JSON"; /* `at` may be null */
  if (record.count > WEIR_RECORD_BYTES_MAX) return "too long";
  weir_message_fault ignored;
  scan_keys keys;
  keys.count = 0;
  found_value found[CROSSED_COUNT] = {0};
  scan s = {record.at, record.at + record.count, scratch, 0, &ignored};
  int first = scan_peek(&s);
  bool good = first == '{' ? take_object(&s, &keys, names, CROSSED_COUNT, found)
                           : first == '[' && scan_over(&s, &keys);
  if (!good || scan_peek(&s) >= 0) return "not JSON";
  if (first != '{') return "not a JSON object";
  crossed->scratch = scratch + WEIR_RECORD_BYTES_MAX;
  return check(found, revision, crossed);
}

bool weir_crossed_change(weir_crossed *crossed, weir_bytes *event, uint64_t *revision) {
  static const char *const wanted[] = {"event", "revision"};
  weir_message_fault ignored;
  scan_keys keys;
  keys.count = 0;
  const uint8_t *end = crossed->history.at + crossed->history.count;
  scan s = {crossed->history.at, end, crossed->scratch, 0, &ignored};
  bool found = false;
  for (int next = scan_peek(&s); !found && next >= 0; next = scan_peek(&s)) {
    found_value of[2] = {0};
    s.scratch_count = 0;
    bool whole = next == '{' ? take_object(&s, &keys, wanted, 2, of) : scan_over(&s, &keys);
    WEIR_ASSERT(whole); /* it was read before */
    if (scan_peek(&s) == ',') s.at++;
    *event = of[0].bytes;
    found = of[0].first == '"' && of[1].first != '"' &&
            weir_decimal_read(of[1].bytes, revision) == WEIR_OK;
  }
  crossed->history = weir_view(s.at, (size_t)(end - s.at));
  return found;
}
