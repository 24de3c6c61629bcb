/* Latencies in a histogram: powers of two, each cut into 64 equal parts. What is longer than the
 * last bucket is counted there; the longest is kept exactly. */
#include "weir_load.h"

static size_t bucket_of(uint64_t ns) {
  if (ns < WEIR_TIMES_SUB) return ns;
  unsigned shift = (unsigned)(63 - __builtin_clzll(ns)) - 6;
  size_t bucket = (size_t)shift * WEIR_TIMES_SUB + (size_t)(ns >> shift);
  return bucket < WEIR_TIMES_BUCKETS ? bucket : WEIR_TIMES_BUCKETS - 1;
}

/* The upper end of a bucket. */
static uint64_t end_of(size_t bucket) {
  if (bucket < WEIR_TIMES_SUB) return bucket;
  unsigned shift = (unsigned)(bucket / WEIR_TIMES_SUB) - 1;
  uint64_t part = bucket % WEIR_TIMES_SUB + WEIR_TIMES_SUB;
  return ((part + 1) << shift) - 1;
}

void weir_times_add(weir_times *t, uint64_t ns) {
  t->counts[bucket_of(ns)]++;
  t->count++;
  if (ns > t->max_ns) t->max_ns = ns;
}

uint64_t weir_times_at(const weir_times *t, double share) {
  uint64_t wanted = (uint64_t)(share * (double)t->count + 0.5), seen = 0;
  if (t->count == 0) return 0;
  if (wanted == 0) wanted = 1;
  for (size_t i = 0; i < WEIR_TIMES_BUCKETS; i++) {
    seen += t->counts[i];
    if (seen >= wanted) return end_of(i) < t->max_ns ? end_of(i) : t->max_ns;
  }
  return t->max_ns;
}
