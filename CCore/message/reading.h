/* One line while it is read, and its top-level fields by name and by number. */
#ifndef WEIR_MESSAGE_READING_H
#define WEIR_MESSAGE_READING_H

#include "scan.h"

/* Every top-level field, with the first and last letter of its name for the table of names. */
#define FIELD_MAP(X)                                                                               \
  X(OP, op, 'o', 'p')                                                                              \
  X(REF, ref, 'r', 'f')                                                                            \
  X(RECEIVED_BY, receivedBy, 'r', 'y')                                                             \
  X(CHANNEL, channel, 'c', 'l')                                                                    \
  X(RECEIVED_AT, receivedAt, 'r', 't')                                                             \
  X(FACTS, facts, 'f', 's')                                                                        \
  X(TEXT, text, 't', 't')                                                                          \
  X(CALLER, caller, 'c', 'r')                                                                      \
  X(PLACE, place, 'p', 'e')                                                                        \
  X(SEAT, seat, 's', 't')                                                                          \
  X(REDIALLED, redialledFrom110, 'r', '0')                                                         \
  X(CONFIDENTIAL, confidential, 'c', 'l')                                                          \
  X(DRILL, drill, 'd', 'l')                                                                        \
  X(HANDOVER, handover, 'h', 'r')                                                                  \
  X(REPORT, report, 'r', 't')                                                                      \
  X(EVENT, event, 'e', 't')                                                                        \
  X(BY, by, 'b', 'y')                                                                              \
  X(AT, at, 'a', 't')                                                                              \
  X(REASON, reason, 'r', 'n')                                                                      \
  X(CAUSE, cause, 'c', 'e')                                                                        \
  X(OWNER, owner, 'o', 'r')                                                                        \
  X(DEPARTMENT, department, 'd', 't')                                                              \
  X(ANSWER, answer, 'a', 'r')                                                                      \
  X(REACHED, reached, 'r', 'd')                                                                    \
  X(CODE, code, 'c', 'e')                                                                          \
  X(AFTER, after, 'a', 'r')                                                                        \
  X(ID, id, 'i', 'd')                                                                              \
  X(UNTIL, until, 'u', 'l')                                                                        \
  X(RANGE, range, 'r', 'e')                                                                        \
  X(PATH, path, 'p', 'h')                                                                          \
  X(SECOND, second, 's', 'd')                                                                      \
  X(PARTY, party, 'p', 'y')                                                                        \
  X(LEFT, left, 'l', 't')                                                                          \
  X(FOLLOWS, follows, 'f', 's')                                                                    \
  X(EXPECTED, expected, 'e', 'd')                                                                  \
  X(DIFFICULTY, difficulty, 'd', 'y')                                                              \
  X(WHY, why, 'w', 'y')

enum {
#define X(upper, ...) FIELD_##upper,
  FIELD_MAP(X)
#undef X
      FIELD_COUNT
};
#define BIT(upper) (UINT64_C(1) << FIELD_##upper)
_Static_assert((int)FIELD_COUNT <= 64, "a set of fields is one word");

/* What `weir judge` may find beside the fields of an intake. */
#define JUDGE_BITS (BIT(ID) | BIT(EXPECTED) | BIT(DIFFICULTY) | BIT(WHY))

typedef struct reading {
  scan s;
  weir_message *m;
  uint64_t seen;
  uint8_t order[FIELD_COUNT];
  unsigned count;
} reading;

const char *field_name(int field);
/* -1 when no line may name such a field. */
int field_find(weir_bytes name);

/* All fields were read: does the line hold what its operation needs, and nothing else? */
bool rules_check(reading *r, weir_message_mode mode);
/* The first field of the line that its operation does not take, or -1; as far as the line has told
 * its operation and event by now. */
int rules_first_foreign(const reading *r, weir_message_mode mode);

#endif
