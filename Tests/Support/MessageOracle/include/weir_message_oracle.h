/* weir_message_oracle: the reader of request lines once more, slow and plain, over jansson.
 *
 * It shares the header's lists and the reading of times with the real reader, and nothing else:
 * grammar and UTF-8 are jansson's, the schema is written down a second time, as words. It says
 * whether a line is taken and what its label holds; which refusal it is, it does not say.
 *
 * Cost: it allocates freely. For tests and the fuzzer only.
 */
#ifndef WEIR_MESSAGE_ORACLE_H
#define WEIR_MESSAGE_ORACLE_H

#include "weir_message.h"

typedef enum weir_oracle_answer {
  WEIR_ORACLE_REFUSES,
  WEIR_ORACLE_TAKES,
  /* jansson cannot hold the line: a number beyond 64 bits or a double, one of 40 bytes or more,
   * or, among what a judge reads over, a repeated name or one with U+0000. */
  WEIR_ORACLE_CANNOT_SAY
} weir_oracle_answer;

enum { WEIR_ORACLE_MEMORY = 2 * WEIR_LINE_BYTES_MAX };

/* Reads a line. When it is taken, `message` is whole; its strings lie in `memory`, which holds
 * WEIR_ORACLE_MEMORY bytes. */
weir_oracle_answer weir_oracle_read(weir_bytes line, weir_message_mode mode, uint8_t *memory,
                                    weir_message *message);

/* Reads the line both ways, in memory of exactly its size, and compares. Null: both agree, or the
 * oracle cannot say. Else the name of what differs. `taken` says what the real reader did. */
const char *weir_oracle_difference(weir_bytes line, weir_message_mode mode, bool *taken);

/* The same for a record that crossed: what an inner unit takes out of it, or what it says is wrong.
 * Null: the reader and jansson agree, or jansson cannot say. */
const char *weir_oracle_crossed_difference(weir_bytes record, uint32_t revision, bool *taken);

#endif
