/* values.c: the value of each field, checked and copied.
 *
 *   happy path         the field's row tells its type, its limits and its place in the label
 *   wrong type, too long, too short, a character that may not be there, no such code   false
 */
#include "oracle.h"

#include <stdio.h>
#include <string.h>

#define DIGITS  "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

typedef struct text_row {
  const char *name;
  size_t least, most;
  const char *alphabet; /* null: any clean text; "\n\t": these two as well */
  size_t offset;
  uint32_t has;
} text_row;

#define AT(member) offsetof(weir_message, member)

static const char lines[] = "\n\t";
static const char number[] = DIGITS LETTERS "- "; /* and full-width forms of ASCII */

static const text_row texts[] = {
    {"ref", 1, 64, DIGITS LETTERS "._:-", AT(ref), WEIR_HAS_REF},
    {"text", 0, 2000, lines, AT(text), WEIR_HAS_TEXT},
    {"seat", 1, 16, NULL, AT(seat), WEIR_HAS_SEAT},
    {"handover", 1, 40, number, AT(handover), WEIR_HAS_HANDOVER},
    {"follows", 1, 40, number, AT(follows), WEIR_HAS_FOLLOWS},
    {"report", 1, 40, DIGITS LETTERS "-", AT(report), WEIR_HAS_REPORT},
    {"by", 1, 32, NULL, AT(by), WEIR_HAS_BY},
    {"reason", 1, 500, lines, AT(reason), WEIR_HAS_REASON},
    {"department", 1, 64, NULL, AT(department), WEIR_HAS_DEPARTMENT},
    {"answer", 1, 500, lines, AT(answer), WEIR_HAS_ANSWER},
    {"code", 1, 32, NULL, AT(code), WEIR_HAS_CODE},
    {"id", 1, 64, NULL, AT(id), WEIR_HAS_ID},
    {"range", 1, 400, DIGITS LETTERS "-,/", AT(range), WEIR_HAS_RANGE},
    {"path", 1, 255, NULL, AT(path), WEIR_HAS_PATH},
    {"second", 1, 32, NULL, AT(second), WEIR_HAS_SECOND},
};
static const text_row caller_name = {"name", 0, 64, NULL, AT(name), WEIR_HAS_NAME};
static const text_row caller_phone = {"phone", 3, 20, DIGITS "+-", AT(phone), WEIR_HAS_PHONE};
static const text_row place_address = {"address", 0, 200, NULL, AT(address), WEIR_HAS_ADDRESS};

/* The next character of text that jansson has found to be UTF-8. */
static uint32_t next_scalar(const uint8_t **at) {
  uint32_t lead = *(*at)++;
  if (lead < 0x80) return lead;
  unsigned more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
  uint32_t scalar = lead & (0x3Fu >> more);
  while (more-- > 0) {
    scalar = scalar * 64 + (*(*at)++ & 0x3Fu);
  }
  return scalar;
}

static bool is_clean(uint32_t scalar) {
  static const uint32_t refused[][2] = {{0x0000, 0x001F}, {0x007F, 0x009F}, {0x061C, 0x061C},
                                        {0x200B, 0x200D}, {0x200E, 0x200F}, {0x202A, 0x202E},
                                        {0x2060, 0x2060}, {0x2066, 0x2069}, {0xFEFF, 0xFEFF}};
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
    if (scalar >= refused[i][0] && scalar <= refused[i][1]) return false;
  }
  return true;
}

static bool is_allowed(const text_row *row, uint32_t scalar) {
  if (row->alphabet == lines && (scalar == '\n' || scalar == '\t')) return true;
  if (row->alphabet == NULL || row->alphabet == lines) return is_clean(scalar);
  if (row->alphabet == number) {
    if (scalar == 0x3000 || (scalar >= 0xFF01 && scalar <= 0xFF5E)) return true;
  }
  return scalar > 0 && scalar < 0x80 && strchr(row->alphabet, (int)scalar) != NULL;
}

static bool read_text(oracle *o, const text_row *row, const json_t *value) {
  if (!json_is_string(value)) return false;
  weir_bytes text = weir_view(json_string_value(value), json_string_length(value));
  size_t count = 0;
  for (const uint8_t *at = text.at; at < text.at + text.count; count++) {
    if (!is_allowed(row, next_scalar(&at))) return false;
  }
  if (count < row->least || count > row->most) return false;
  weir_bytes kept = weir_view(o->memory.at + o->memory.count, text.count);
  weir_put(&o->memory, text);
  memcpy((uint8_t *)o->message + row->offset, &kept, sizeof kept);
  o->message->present |= row->has;
  return true;
}

/* The number of the string's value in a list that `name_of` knows, or -1. */
static int code_of(const json_t *value, const char *(*name_of)(unsigned), unsigned from,
                   unsigned count) {
  for (unsigned i = from; json_is_string(value) && i < count; i++) {
    const char *name = name_of(i);
    bool whole = strlen(name) == json_string_length(value);
    if (whole && strcmp(name, json_string_value(value)) == 0) return (int)i;
  }
  return -1;
}

static bool read_code(const json_t *value, const char *(*name_of)(unsigned), unsigned from,
                      unsigned count, uint8_t *target) {
  int code = code_of(value, name_of, from, count);
  if (code >= 0) *target = (uint8_t)code;
  return code >= 0;
}

static bool read_flag(const json_t *value, bool *target) {
  *target = json_is_true(value);
  return json_is_boolean(value);
}

static bool read_time(oracle *o, const json_t *value, int64_t *target, uint32_t has) {
  if (!json_is_string(value)) return false;
  o->message->present |= has;
  weir_bytes text = weir_view(json_string_value(value), json_string_length(value));
  return weir_time_read(text, target) == WEIR_OK;
}

static bool read_facts(oracle *o, const json_t *value) {
  size_t index;
  json_t *entry;
  if (!json_is_array(value)) return false;
  o->message->present |= WEIR_HAS_FACTS;
  json_array_foreach(value, index, entry) {
    int fact = code_of(entry, weir_fact_name, 0, WEIR_FACT_COUNT);
    if (fact < 0 || (o->message->facts >> fact & 1) != 0) return false;
    o->message->facts |= 1u << fact;
  }
  return true;
}

static bool read_degrees(oracle *o, const json_t *value, double most, weir_bytes *target) {
  char text[40];
  if (value == NULL || !json_is_number(value)) return false;
  double degrees = json_number_value(value);
  if (degrees < -most || degrees > most) return false;
  int count = snprintf(text, sizeof text, "%.17g", degrees);
  *target = weir_view(o->memory.at + o->memory.count, (size_t)count);
  weir_put(&o->memory, weir_view(text, (size_t)count));
  return true;
}

static bool read_county(oracle *o, const json_t *value) {
  const char *text = json_string_value(value);
  if (text == NULL || json_string_length(value) != 6 || strspn(text, DIGITS) != 6) return false;
  unsigned county = 0;
  (void)sscanf(text, "%6u", &county);
  o->message->county = county;
  o->message->present |= WEIR_HAS_COUNTY;
  return county != 0;
}

static bool read_caller(oracle *o, const json_t *value) {
  if (!json_is_object(value)) return false;
  const json_t *name = json_object_get(value, "name");
  const json_t *phone = json_object_get(value, "phone");
  size_t known = (size_t)(name != NULL) + (size_t)(phone != NULL);
  o->message->present |= WEIR_HAS_CALLER;
  return json_object_size(value) == known && (name == NULL || read_text(o, &caller_name, name)) &&
         (phone == NULL || read_text(o, &caller_phone, phone));
}

static bool read_place(oracle *o, const json_t *value) {
  if (!json_is_object(value)) return false;
  const json_t *county = json_object_get(value, "county");
  const json_t *address = json_object_get(value, "address");
  const json_t *lon = json_object_get(value, "lon");
  const json_t *lat = json_object_get(value, "lat");
  size_t known = (size_t)(county != NULL) + (size_t)(address != NULL) + (size_t)(lon != NULL) +
                 (size_t)(lat != NULL);
  if (json_object_size(value) != known) return false;
  o->message->present |= WEIR_HAS_PLACE;
  if (county != NULL && !read_county(o, county)) return false;
  if (address != NULL && !read_text(o, &place_address, address)) return false;
  if (lon == NULL && lat == NULL) return true;
  o->message->present |= WEIR_HAS_POINT;
  return read_degrees(o, lon, 180, &o->message->lon) && read_degrees(o, lat, 90, &o->message->lat);
}

static bool read_after(oracle *o, const json_t *value) {
  if (!json_is_integer(value) || json_integer_value(value) < 0) return false;
  o->message->after = (uint64_t)json_integer_value(value);
  o->message->present |= WEIR_HAS_AFTER;
  return true;
}

static bool is(const char *name, const char *wanted) {
  return strcmp(name, wanted) == 0;
}

bool oracle_read_field(oracle *o, const char *name, const json_t *value) {
  weir_message *m = o->message;
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    if (is(name, texts[i].name)) return read_text(o, &texts[i], value);
  }
  if (is(name, "op")) return read_code(value, weir_op_name, 0, WEIR_OP_COUNT, &m->op);
  if (is(name, "event")) {
    return read_code(value, weir_event_name, 0, WEIR_EVENT_SPEAKABLE, &m->event);
  }
  if (is(name, "cause")) return read_code(value, weir_cause_name, 1, WEIR_CAUSE_COUNT, &m->cause);
  if (is(name, "receivedBy")) return read_code(value, weir_platform_name, 1, 3, &m->platform);
  if (is(name, "channel")) return read_code(value, weir_channel_name, 1, 3, &m->channel);
  if (is(name, "owner")) {
    m->present |= WEIR_HAS_OWNER;
    return read_code(value, weir_platform_name, 1, 3, &m->owner);
  }
  if (is(name, "receivedAt")) return read_time(o, value, &m->received_at_ms, WEIR_HAS_RECEIVED_AT);
  if (is(name, "until")) return read_time(o, value, &m->until_ms, WEIR_HAS_UNTIL);
  if (is(name, "at")) return read_time(o, value, &m->at_ms, WEIR_HAS_AT);
  if (is(name, "facts")) return read_facts(o, value);
  if (is(name, "caller")) return read_caller(o, value);
  if (is(name, "place")) return read_place(o, value);
  if (is(name, "redialledFrom110")) return read_flag(value, &m->redialled);
  if (is(name, "confidential")) return read_flag(value, &m->confidential);
  if (is(name, "drill")) return read_flag(value, &m->drill);
  if (is(name, "party")) return read_code(value, weir_party_name, 1, WEIR_PARTY_COUNT, &m->party);
  if (is(name, "left")) return read_flag(value, &m->left);
  if (is(name, "reached")) {
    m->present |= WEIR_HAS_REACHED;
    return read_flag(value, &m->reached);
  }
  return is(name, "after") && read_after(o, value);
}
