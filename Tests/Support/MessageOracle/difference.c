/* difference.c: both readers over one line.
 *
 *   happy path     both refuse, or both take it with the same label
 *   a difference   is named; the real reader's refusal must also be one of the list
 *
 * The line is copied into memory of exactly its size, so that a sanitizer sees a byte read too
 * many. The two large memories belong to the thread: tests run side by side.
 */
#include "weir_message_oracle.h"

#include <stdlib.h>
#include <string.h>

static bool same_text(weir_bytes a, weir_bytes b) {
  return a.count == b.count && (a.count == 0 || memcmp(a.at, b.at, a.count) == 0);
}

static double number(weir_bytes text) {
  char copy[64] = {0};
  if (text.count > 0 && text.count < sizeof copy) memcpy(copy, text.at, text.count);
  return strtod(copy, NULL);
}

/* Not weir_message_same: that one is under test as well. */
static const char *label_difference(const weir_message *a, const weir_message *b) {
#define NUMBER(field)                                                                              \
  if (a->field != b->field) return #field
#define TEXT(field)                                                                                \
  if (!same_text(a->field, b->field)) return #field
  NUMBER(op);
  NUMBER(platform);
  NUMBER(channel);
  NUMBER(event);
  NUMBER(cause);
  NUMBER(owner);
  NUMBER(redialled);
  NUMBER(confidential);
  NUMBER(drill);
  NUMBER(reached);
  NUMBER(party);
  NUMBER(left);
  NUMBER(facts);
  NUMBER(present);
  NUMBER(county);
  NUMBER(received_at_ms);
  NUMBER(at_ms);
  NUMBER(after);
  NUMBER(until_ms);
  TEXT(ref);
  TEXT(text);
  TEXT(name);
  TEXT(phone);
  TEXT(address);
  TEXT(seat);
  TEXT(handover);
  TEXT(report);
  TEXT(by);
  TEXT(reason);
  TEXT(department);
  TEXT(answer);
  TEXT(code);
  TEXT(id);
  TEXT(range);
  TEXT(path);
  TEXT(second);
  TEXT(follows);
#undef NUMBER
#undef TEXT
  double apart = (number(a->lon) - number(b->lon)) + 4 * (number(a->lat) - number(b->lat));
  if (apart < 0 || apart > 0) return "lon, lat";
  return weir_message_same(a, b) && weir_message_same(b, a) ? NULL : "weir_message_same";
}

static const char *fault_difference(const weir_message_fault *fault) {
  if (fault->refusal == WEIR_REFUSAL_NONE) return "a refusal without a code";
  if (fault->refusal >= WEIR_REFUSAL_TIME_AHEAD) return "a refusal that is not the reader's";
  if (memchr(fault->field, 0, sizeof fault->field) == NULL) return "a path without an end";
  return NULL;
}

const char *weir_oracle_difference(weir_bytes line, weir_message_mode mode, bool *taken) {
  uint8_t *copy = weir_allocate(line.count, 1);
  static _Thread_local uint8_t scratch[WEIR_MESSAGE_SCRATCH];
  static _Thread_local uint8_t ref_scratch[WEIR_MESSAGE_SCRATCH];
  static _Thread_local uint8_t memory[WEIR_ORACLE_MEMORY];
  WEIR_ASSERT(copy != NULL);
  if (line.count > 0) memcpy(copy, line.at, line.count);
  weir_bytes own = weir_view(copy, line.count);
  weir_message read, wanted;
  weir_message_fault fault;
  const char *difference = NULL;
  weir_oracle_answer answer = weir_oracle_read(own, mode, memory, &wanted);
  *taken = weir_message_read(own, mode, scratch, &read, &fault);
  (void)weir_message_facts_shown(own);
  if (!*taken) difference = fault_difference(&fault);
  weir_bytes ref = weir_message_ref(own, ref_scratch);
  if (*taken && !weir_equal(ref, read.ref)) difference = "weir_message_ref";
  if (difference == NULL && answer != WEIR_ORACLE_CANNOT_SAY) {
    if (*taken && answer == WEIR_ORACLE_REFUSES) difference = "the oracle refuses";
    if (!*taken && answer == WEIR_ORACLE_TAKES) difference = "the oracle takes it";
    if (*taken && answer == WEIR_ORACLE_TAKES) difference = label_difference(&read, &wanted);
  }
  weir_free(copy);
  return difference;
}
