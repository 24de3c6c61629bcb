/* A table from 64-bit keys to 64-bit values: open addressing, linear probing, never more than
 * three quarters full, all memory taken at open (the kernel gives pages when they are touched).
 *
 * Keys are handover numbers, crossing numbers or seeded hashes of refs; two refs with one hash
 * stand side by side, and who looks one up compares the ref itself. */
#include "internal.h"

#include <string.h>

enum { EMPTY = 0 };

weir_status index_open(weir_index *x, uint64_t limit) {
  uint64_t size = 64;
  while (size * 3 / 4 < limit) size *= 2;
  x->entries = weir_allocate(size, sizeof *x->entries);
  if (!x->entries) return WEIR_OUT_OF_MEMORY;
  x->mask = size - 1;
  x->count = 0;
  x->limit = limit;
  return WEIR_OK;
}

void index_close(weir_index *x) {
  weir_free(x->entries);
  x->entries = NULL;
}

void index_clear(weir_index *x) {
  memset(x->entries, 0, (x->mask + 1) * sizeof *x->entries);
  x->count = 0;
}

static uint64_t place_of(const weir_index *x, uint64_t key) {
  key ^= key >> 33;
  key *= UINT64_C(0xff51afd7ed558ccd);
  key ^= key >> 33;
  return key & x->mask;
}

index_entry *index_find(const weir_index *x, uint64_t key, const index_entry *from) {
  uint64_t at = from ? ((uint64_t)(from - x->entries) + 1) & x->mask : place_of(x, key);
  while (x->entries[at].value != EMPTY) {
    if (x->entries[at].key == key) return &x->entries[at];
    at = (at + 1) & x->mask;
  }
  return NULL;
}

weir_status index_add(weir_index *x, uint64_t key, uint64_t value) {
  WEIR_ASSERT(value != EMPTY);
  if (x->count >= x->limit) return WEIR_FULL;
  uint64_t at = place_of(x, key);
  while (x->entries[at].value != EMPTY) at = (at + 1) & x->mask;
  x->entries[at] = (index_entry){key, value};
  x->count++;
  return WEIR_OK;
}

/* Closes the gap by moving back what stands behind it (Knuth, volume 3, 6.4, algorithm R), so that
 * years of adding and removing leave no tombstones. */
void index_remove(weir_index *x, index_entry *removed) {
  uint64_t gap = (uint64_t)(removed - x->entries);
  uint64_t at = gap;
  for (;;) {
    at = (at + 1) & x->mask;
    if (x->entries[at].value == EMPTY) break;
    uint64_t home = place_of(x, x->entries[at].key);
    bool stays = gap <= at ? gap < home && home <= at : gap < home || home <= at;
    if (stays) continue;
    x->entries[gap] = x->entries[at];
    gap = at;
  }
  x->entries[gap] = (index_entry){0, EMPTY};
  x->count--;
}
