/* weir_wheel: a hashed hierarchical timing wheel. Its only clock is an argument.
 *
 * Varghese and Lauck, "Hashed and Hierarchical Timing Wheels" (1987), scheme 7. One tick is
 * 10 ms; a level of 16,384 slots, and nine of 64 above it, reach to the end of a 64-bit clock. A
 * timer is 24 bytes inside a pool that is taken at open; timers are named by the index of their
 * owner (0 … capacity-1), one timer an owner, so nothing is allocated when one is armed, cancelled
 * or fired.
 *
 *   never early     a timer due at t fires at the first advance to a time >= t
 *   at most a tick  late by the wheel's own doing, plus what the caller's advance is late
 *
 * Cost: arm and cancel are O(1), expiry O(1) amortised. Bounded by the pool. Kept true by
 * Benchmarks/Rooms.
 */
#ifndef WEIR_WHEEL_H
#define WEIR_WHEEL_H

#include "weir_base.h"

enum {
  WEIR_WHEEL_TICK_MS = 10,
  WEIR_WHEEL_FALLS_MAX = 8192 /* timers that one call moves to a lower level: less than 1 ms */
};

typedef struct weir_wheel weir_wheel;

/* Timers for owners 0 … capacity-1; `now_ms` is the time the wheel starts at (any zero point,
 * monotonic from here on). */
weir_status weir_wheel_open(uint32_t capacity, uint64_t now_ms, weir_wheel **out);
void weir_wheel_close(weir_wheel *w);
/* Arms, or moves, the owner's timer. A time that has passed fires at the next advance. */
void weir_wheel_arm(weir_wheel *w, uint32_t owner, uint64_t due_ms);
/* False when it was not armed. */
bool weir_wheel_cancel(weir_wheel *w, uint32_t owner);
bool weir_wheel_armed(const weir_wheel *w, uint32_t owner);
uint32_t weir_wheel_count(const weir_wheel *w);
/* Takes up to `max` owners whose timers are due at `now_ms` (each is disarmed). Call again until
 * weir_wheel_next is later: many timers fall over several calls. Order: by tick, then unspecified
 * but deterministic. */
size_t weir_wheel_expired(weir_wheel *w, uint64_t now_ms, uint32_t *owners, size_t max);
/* The earliest time at which weir_wheel_expired may give something (may be early by the width of
 * a level; never late), or UINT64_MAX when nothing is armed. */
uint64_t weir_wheel_next(const weir_wheel *w);
/* Walks every invariant; traps on a broken one. For tests and debug builds. */
void weir_wheel_check(const weir_wheel *w);

#endif
