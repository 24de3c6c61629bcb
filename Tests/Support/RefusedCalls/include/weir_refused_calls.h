/* weir_refused_calls: calls that the kernel or libgcrypt refuses when a test says so. The linker
 * puts its functions in the place of theirs (--wrap, in the package's plan), for the tests alone.
 *
 *   happy path      weir_refused_calls_after(…), the call under test, weir_refused_calls_end():
 *                   was there a call that was refused?
 *   other threads   are not concerned: the countdown is this thread's own
 *
 * Cost: a comparison a call. Bounded by nothing. Kept true by DatagramsTests and SealRefusalTests.
 */
#ifndef WEIR_REFUSED_CALLS_H
#define WEIR_REFUSED_CALLS_H

#include "weir_base.h"

typedef enum weir_refused_kind {
  WEIR_REFUSED_NONE,
  WEIR_REFUSED_SENDING, /* sendmsg and sendmmsg; `error` is an errno */
  WEIR_REFUSED_SEALING  /* what the seal asks of libgcrypt; `error` is one of its codes */
} weir_refused_kind;

/* After `good` more calls of that kind on this thread the next `count` are refused. */
void weir_refused_calls_after(weir_refused_kind kind, uint64_t good, uint64_t count, int error);
/* Every call is made again; how many were refused. */
uint64_t weir_refused_calls_end(void);

#endif
