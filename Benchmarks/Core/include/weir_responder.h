/* weir_responder: answers every line with the same bytes and does nothing else, to show how fast
 * the generator is by itself.
 *
 * Cost: one search for line feeds and one copy an answer. Bounded by its connections. Kept true by
 * `Benchmarks generator`.
 */
#ifndef WEIR_RESPONDER_H
#define WEIR_RESPONDER_H

#include <stddef.h>

typedef struct weir_responder weir_responder;

enum { WEIR_RESPONDER_CONNECTIONS = 64 };

/* Null: done; else what went wrong, in English. `answer` is a line, borrowed until `close`. */
const char *weir_responder_open(const char *path, const char *answer, weir_responder **responder);
/* Answers until it is ended. Blocks. */
void weir_responder_run(weir_responder *responder);
/* Any thread. */
void weir_responder_end(weir_responder *responder);
/* After `run` has returned. */
void weir_responder_close(weir_responder *responder);

#endif
