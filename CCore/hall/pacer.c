/* The bucket of a line's rate; see the header.
 *
 *   happy path   what the time since the last look earned is added, up to the bucket
 *   the clock stands still, or a look comes too early for a byte   nothing is earned, and the time
 *                is not lost: it counts at the next look
 */
#include "weir_pacer.h"

enum { BUCKET_MS = 4, BURST_MS = 2 };

static int64_t bucket(const weir_pacer *p) {
  return (int64_t)(p->rate * BUCKET_MS / 1000) + 1;
}

weir_pacer weir_pacer_begin(uint64_t rate_bits, uint64_t now_ns) {
  weir_pacer p = {.rate = rate_bits / 8, .counted_ns = now_ns};
  p.tokens = bucket(&p);
  return p;
}

size_t weir_pacer_allowance(weir_pacer *p, uint64_t now_ns) {
  if (p->rate == 0) return SIZE_MAX;
  const uint64_t second_ns = UINT64_C(1000000000);
  const int64_t most = bucket(p);
  uint64_t elapsed = now_ns > p->counted_ns ? now_ns - p->counted_ns : 0;
  if (elapsed > second_ns) elapsed = second_ns;
  int64_t earned = (int64_t)((__uint128_t)p->rate * elapsed / second_ns);
  if (earned > 0) {
    p->counted_ns = now_ns;
    p->tokens = p->tokens + earned < most ? p->tokens + earned : most;
  }
  return p->tokens > 0 ? (size_t)p->tokens : 0;
}

void weir_pacer_spend(weir_pacer *p, size_t wire_bytes) {
  if (p->rate > 0) p->tokens -= (int64_t)wire_bytes;
}

size_t weir_pacer_burst(const weir_pacer *p) {
  return p->rate * BURST_MS / 1000;
}
