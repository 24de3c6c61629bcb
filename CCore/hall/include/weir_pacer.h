/* weir_pacer: how many bytes a line may carry now, at its rate.
 *
 *   rate     bits a second on the wire, with all that stands around a datagram; 0: unlimited
 *   bucket   four milliseconds of the rate, so that a late timer loses nothing and a long pause
 *            earns no flood; what is overdrawn is paid back before anything else goes
 *   burst    what one message to the kernel may hold: two milliseconds of the rate
 *
 * Happy path: ask for the allowance, send so much, spend it.
 * What can go wrong: the clock stands still, or jumps ahead.
 * What we do then: nothing is earned; no more than the bucket holds is.
 *
 * Cost: a multiplication. Bounded by nothing. Kept true by `Benchmarks link --rate`.
 */
#ifndef WEIR_PACER_H
#define WEIR_PACER_H

#include "weir_base.h"

typedef struct weir_pacer {
  uint64_t rate;       /* bytes a second; 0: unlimited */
  int64_t tokens;      /* bytes that may go; less than 0: overdrawn */
  uint64_t counted_ns; /* when they were counted */
} weir_pacer;

/* Begins with a full bucket. */
weir_pacer weir_pacer_begin(uint64_t rate_bits, uint64_t now_ns);
/* Bytes that may go now; the last datagram may overdraw it. 0: none; SIZE_MAX: unlimited. */
size_t weir_pacer_allowance(weir_pacer *p, uint64_t now_ns);
void weir_pacer_spend(weir_pacer *p, size_t wire_bytes);
/* Bytes on the wire that one message may hold; 0: as many as fit. */
size_t weir_pacer_burst(const weir_pacer *p);

#endif
