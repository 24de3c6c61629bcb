/* crossed.c: a record that crossed the link, read once more over a tree.
 *
 *   happy path             both name the same fault, or both take out the same
 *   jansson refuses        so must the reader
 *   jansson cannot hold it a number out of its range, or one deeper, longer or with more names than
 *                          the reader takes: nothing is concluded
 */
#include "weir_message_oracle.h"

#include "oracle.h"

#include <string.h>

enum { NAMES_MAX = 256 };

/* Every name in the tree: never fewer than are open at once. */
static size_t names_in(const json_t *value) {
  size_t count = 0, index;
  const char *name;
  json_t *inner;
  if (json_is_array(value)) {
    json_array_foreach(value, index, inner) count += names_in(inner);
  }
  if (json_is_object(value)) {
    json_object_foreach((json_t *)(uintptr_t)value, name, inner) count += 1 + names_in(inner);
  }
  return count;
}

static bool is_name(const char *text) {
  const char *fits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-";
  size_t count = strlen(text);
  return count >= 1 && count <= 40 && strspn(text, fits) == count;
}

static const char *fault_of(const json_t *root, uint32_t revision) {
  static const char *const texts[] = {"handover", "spoken",     "receivedBy", "channel",
                                      "phase",    "receivedAt", "arrivedAt"};
  if (!json_is_object(root)) return "not a JSON object";
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    if (!json_is_string(json_object_get(root, texts[i]))) return texts[i];
  }
  if (!json_is_object(json_object_get(root, "decision"))) return "decision";
  if (!json_is_object(json_object_get(root, "legs"))) return "legs";
  if (!json_is_array(json_object_get(root, "facts"))) return "facts";
  json_t *number = json_object_get(root, "revision");
  if (!json_is_integer(number) || json_integer_value(number) != (json_int_t)revision) {
    return "revision";
  }
  int64_t received, arrived;
  if (!is_name(json_string_value(json_object_get(root, "handover")))) return "handover";
  if (!is_name(json_string_value(json_object_get(root, "spoken")))) return "spoken";
  weir_bytes time = weir_text(json_string_value(json_object_get(root, "receivedAt")));
  if (weir_time_read(time, &received) != WEIR_OK) return "receivedAt";
  time = weir_text(json_string_value(json_object_get(root, "arrivedAt")));
  if (weir_time_read(time, &arrived) != WEIR_OK) return "arrivedAt";
  return json_is_array(json_object_get(root, "history")) ? NULL : "history";
}

static bool is_text(weir_bytes bytes, const json_t *string) {
  return weir_equal(bytes, weir_view(json_string_value(string), json_string_length(string)));
}

/* The lines of the history that tell of an event at a revision from 1 on. */
static const char *history_difference(const json_t *root, weir_crossed *crossed) {
  size_t index;
  json_t *line;
  weir_bytes event;
  uint64_t revision = 0;
  json_array_foreach(json_object_get(root, "history"), index, line) {
    const json_t *its_event = json_object_get(line, "event");
    json_int_t number = json_integer_value(json_object_get(line, "revision"));
    if (!json_is_string(its_event) || number < 1) continue;
    do {
      if (!weir_crossed_change(crossed, &event, &revision)) return "a line of the history is lost";
    } while (revision == 0);
    if (revision != (uint64_t)number || !is_text(event, its_event)) return "a line of the history";
  }
  while (weir_crossed_change(crossed, &event, &revision)) {
    if (revision != 0) return "a line of the history too many";
  }
  return NULL;
}

static const char *label_difference(const json_t *root, weir_crossed *crossed) {
  int64_t received = 0, arrived = 0;
  (void)weir_time_read(weir_text(json_string_value(json_object_get(root, "receivedAt"))),
                       &received);
  (void)weir_time_read(weir_text(json_string_value(json_object_get(root, "arrivedAt"))), &arrived);
  if (!is_text(crossed->handover, json_object_get(root, "handover"))) return "handover's value";
  if (!is_text(crossed->spoken, json_object_get(root, "spoken"))) return "spoken's value";
  if (crossed->received_ms != received) return "receivedAt's value";
  if (crossed->arrived_ms != arrived) return "arrivedAt's value";
  if (crossed->drill != json_is_true(json_object_get(root, "drill"))) return "drill's value";
  return history_difference(root, crossed);
}

/* Does jansson's view of the text say anything of what the reader must do? */
static bool can_say(weir_bytes text, const json_t *root, const json_error_t *error) {
  if (!root) return json_error_code(error) != json_error_numeric_overflow;
  return oracle_depth_of(root) <= ORACLE_DEPTH_MAX && names_in(root) <= NAMES_MAX &&
         !oracle_has_long_number(text) && memchr(text.at, 0, text.count) == NULL;
}

const char *weir_oracle_crossed_difference(weir_bytes record, uint32_t revision, bool *taken) {
  static _Thread_local uint8_t scratch[WEIR_CROSSED_SCRATCH];
  uint8_t *copy = weir_allocate(record.count, 1); /* exactly its size, for the sanitizers */
  WEIR_ASSERT(copy != NULL);
  if (record.count > 0) memcpy(copy, record.at, record.count);
  weir_bytes own = weir_view(copy, record.count);
  weir_crossed crossed;
  json_error_t error = {0};
  json_t *root = json_loadb(record.count > 0 ? (const char *)copy : "", record.count,
                            JSON_REJECT_DUPLICATES, &error);
  const char *fault = weir_crossed_read(own, revision, scratch, &crossed);
  const char *difference = NULL;
  *taken = fault == NULL;
  if (record.count <= WEIR_RECORD_BYTES_MAX && can_say(own, root, &error)) {
    const char *wanted = root ? fault_of(root, revision) : "not JSON";
    bool same = fault && wanted ? strcmp(fault, wanted) == 0 : fault == wanted;
    if (!same) difference = wanted ? wanted : "the oracle takes it";
    if (same && !fault) difference = label_difference(root, &crossed);
  }
  json_decref(root);
  weir_free(copy);
  return difference;
}
