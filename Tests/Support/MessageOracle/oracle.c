/* oracle.c: the schema a second time, as words, over a tree.
 *
 *   happy path             jansson reads a tree; names are held against lists of words, values
 *                          against limits, and what passes is copied into the label
 *   jansson refuses        so does the oracle
 *   jansson cannot hold it CANNOT_SAY, and nothing is concluded from the line
 */
#include "weir_message_oracle.h"

#include "oracle.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_BYTES_MAX = 39 };

#define BODY   "facts text caller place "
#define PERSON "by at reason seat "

typedef struct schema {
  const char *name, *takes, *needs;
} schema;

/* `takes` comes on top of `needs` and of "op ref". */
static const schema ops[] = {
    {"intake", BODY "receivedAt seat redialledFrom110 confidential drill follows",
     "ref receivedBy channel"},
    {"update", BODY PERSON, "ref handover"},
    {"event", PERSON "handover", "event"},
    {"get", "", "handover"},
    {"watch", "after", ""},
    {"status", "", ""},
    {"metrics", "", ""},
    {"admit", "", "id by reason"},
    {"drill", "until by reason", ""},
    {"trace", "", "handover"},
    {"digest", "id range code by", ""},
    {"quarantine", "id", ""},
    {"release", "", "id by reason"},
    {"take", "after", ""},
    {"taken", "", "after"},
    {"resend", "", "range by"},
    {"export", "", "range path by second"},
    {"import", "", "path by"},
    {"reload", "path by second reason", ""},
};

static const schema events[] = {
    {"transferFailed", "", "cause"},      {"callerTold", "", "by"},
    {"threeWayJoined", "party left", ""}, {"agreed", "", "owner"},
    {"dangerRaised", "facts text", ""},   {"dangerCleared", "", "by reason"},
    {"verified", "answer", "department"}, {"guided", "", "reached"},
    {"referred", "", "department"},       {"receipt", "", "code"},
    {"reportAcknowledged", "report", ""}, {"cancelled", "", "reason"},
};

/* Is the word one of those in the list, which spaces part? */
static bool is_word_of(const char *list, const char *word) {
  size_t count = strlen(word);
  for (const char *at = strstr(list, word); at != NULL && count > 0; at = strstr(at + 1, word)) {
    bool begins = at == list || at[-1] == ' ';
    if (begins && (at[count] == ' ' || at[count] == 0)) return true;
  }
  return false;
}

static bool has_words(const json_t *object, const char *list) {
  char copy[256];
  char *rest = NULL; /* tests run side by side, so strtok's own memory will not do */
  snprintf(copy, sizeof copy, "%s", list);
  for (char *word = strtok_r(copy, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
    if (json_object_get(object, word) == NULL) return false;
  }
  return true;
}

static const schema *schema_named(const schema *list, size_t count, const char *name) {
  for (size_t i = 0; name != NULL && i < count; i++) {
    if (strcmp(list[i].name, name) == 0) return &list[i];
  }
  return NULL;
}

/* ---- Whole objects --------------------------------------------------------------------------- */

static bool knows(const char *name, weir_message_mode mode, const schema *op, const schema *event) {
  if (is_word_of("op ref", name) || is_word_of(op->takes, name) || is_word_of(op->needs, name)) {
    return true;
  }
  if (mode == WEIR_MESSAGE_JUDGE && is_word_of("id expected difficulty why", name)) return true;
  return event != NULL && (is_word_of(event->takes, name) || is_word_of(event->needs, name));
}

static bool fits_schema(const json_t *root, weir_message_mode mode, const char *op_name) {
  const schema *op = schema_named(ops, sizeof ops / sizeof *ops, op_name);
  const char *event_name = json_string_value(json_object_get(root, "event"));
  const schema *event = schema_named(events, sizeof events / sizeof *events, event_name);
  bool judged = mode == WEIR_MESSAGE_JUDGE;
  if (op == NULL || (judged && strcmp(op_name, "intake") != 0)) return false;
  if (strcmp(op_name, "event") != 0) event = NULL;
  const char *name;
  json_t *value;
  json_object_foreach((json_t *)(uintptr_t)root, name, value) {
    if (!knows(name, mode, op, event)) return false;
  }
  if (!has_words(root, judged ? "receivedBy channel" : op->needs)) return false;
  if (event != NULL && !has_words(root, event->needs)) return false;
  bool facts = json_object_get(root, "facts") != NULL;
  bool text = json_object_get(root, "text") != NULL;
  bool inner = json_object_get(root, "caller") != NULL || json_object_get(root, "place") != NULL;
  bool handover = json_object_get(root, "handover") != NULL;
  bool report = json_object_get(root, "report") != NULL;
  if (strcmp(op_name, "intake") == 0) return facts || text;
  if (strcmp(op_name, "update") == 0) return facts || text || inner;
  if (strcmp(op_name, "event") == 0) return handover != report;
  return true;
}

unsigned oracle_depth_of(const json_t *value) {
  unsigned deepest = 0;
  const char *name;
  json_t *inner;
  size_t index;
  if (json_is_array(value)) {
    json_array_foreach(value, index, inner) {
      unsigned depth = oracle_depth_of(inner);
      if (depth > deepest) deepest = depth;
    }
    return deepest + 1;
  }
  if (!json_is_object(value)) return 0;
  json_object_foreach((json_t *)(uintptr_t)value, name, inner) {
    unsigned depth = oracle_depth_of(inner);
    if (depth > deepest) deepest = depth;
  }
  return deepest + 1;
}

bool oracle_has_long_number(weir_bytes line) {
  bool inside = false;
  size_t run = 0;
  for (size_t i = 0; i < line.count; i++) {
    uint8_t byte = line.at[i];
    if (inside && byte == '\\') {
      i++;
      continue;
    }
    if (byte == '"') inside = !inside;
    bool numeric = byte != 0 && strchr("0123456789+-.eE", byte) != NULL;
    run = !inside && numeric ? run + 1 : 0;
    if (run > NUMBER_BYTES_MAX) return true;
  }
  return false;
}

/* JSON writes zero with a sign too, which jansson's integers forget; a cursor has none. */
static bool is_signed_zero(weir_bytes line) {
  json_t *root =
      json_loadb((const char *)line.at, line.count, JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, NULL);
  bool is_signed = signbit(json_real_value(json_object_get(root, "after"))) != 0;
  json_decref(root);
  return is_signed;
}

static bool read_fields(oracle *o, const json_t *root) {
  const char *name;
  json_t *value;
  json_object_foreach((json_t *)(uintptr_t)root, name, value) {
    if (is_word_of("expected difficulty why", name)) {
      if (oracle_depth_of(value) > ORACLE_DEPTH_MAX) return false;
    } else if (!oracle_read_field(o, name, value)) {
      return false;
    }
  }
  const uint32_t danger = WEIR_FACTS_DANGER;
  bool raised = json_object_get(root, "event") != NULL;
  return !raised || (o->message->facts & ~danger) == 0;
}

weir_oracle_answer weir_oracle_read(weir_bytes line, weir_message_mode mode, uint8_t *memory,
                                    weir_message *message) {
  json_error_t error = {0};
  oracle o = {weir_buffer_over(memory, WEIR_ORACLE_MEMORY), message};
  memset(message, 0, sizeof *message);
  if (line.count > WEIR_LINE_BYTES_MAX) return WEIR_ORACLE_REFUSES;
  /* jansson passes over a zero byte between tokens; RFC 8259 knows no such white space. */
  if (line.count > 0 && memchr(line.at, 0, line.count) != NULL) return WEIR_ORACLE_REFUSES;
  json_t *root = json_loadb(line.count > 0 ? (const char *)line.at : "", line.count,
                            JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
  if (root == NULL) {
    enum json_error_code code = json_error_code(&error);
    bool judged = mode == WEIR_MESSAGE_JUDGE;
    bool blind = code == json_error_numeric_overflow ||
                 (judged && code == json_error_null_byte_in_key) ||
                 (judged && code == json_error_duplicate_key);
    return blind ? WEIR_ORACLE_CANNOT_SAY : WEIR_ORACLE_REFUSES;
  }
  const char *op = json_string_value(json_object_get(root, "op"));
  bool untold = json_object_get(root, "op") == NULL && mode == WEIR_MESSAGE_JUDGE;
  weir_oracle_answer answer = WEIR_ORACLE_REFUSES;
  if (oracle_has_long_number(line)) {
    answer = WEIR_ORACLE_CANNOT_SAY;
  } else if (json_is_object(root) && fits_schema(root, mode, untold ? "intake" : op) &&
             read_fields(&o, root)) {
    bool zero = json_object_get(root, "after") != NULL && message->after == 0;
    answer = zero && is_signed_zero(line) ? WEIR_ORACLE_REFUSES : WEIR_ORACLE_TAKES;
  }
  json_decref(root);
  WEIR_ASSERT(!o.memory.overflow);
  return answer;
}
