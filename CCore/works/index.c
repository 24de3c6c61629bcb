/* A table from 64-bit keys to 64-bit values: open addressing, linear probing, never more than
 * three quarters full.
 *
 *   memory   address space for the limit is taken at open; a table of size S lies at entry S of it,
 *            so that the tables of all sizes lie side by side, and the kernel gives pages only to
 *            those that were used: a quiet unit stays small, and a full one pays for no table twice
 *   growing  the next table is twice as large; each entry that is added brings four places of the
 *            older table with it, so that no addition waits for all of them. What was moved leaves
 *            GONE behind: chains that went over it still hold. The older table is given back
 *   a miss   both tables are asked while one is being emptied
 *
 * Keys are handover numbers, crossing numbers or seeded hashes of refs; two refs with one hash
 * stand side by side, and who looks one up compares the ref itself. Four consecutive numbers share
 * a cache line, for numbers are given and asked for one after another; were it more, they would
 * stand in each other's way: blocks that meet are passed as a whole. */
#include "internal.h"

#include <string.h>

enum { EMPTY = 0, SIZE_MIN = 64, MOVED_AT_ONCE = 4, NEIGHBOURS = 4 };

/* A value that no caller has: the entry went away, a chain may go on behind it. */
static const uint64_t GONE = UINT64_MAX;

weir_status index_open(weir_index *x, uint64_t limit) {
  uint64_t size = SIZE_MIN;
  while (size * 3 / 4 < limit) size *= 2;
  *x = (weir_index){.size_max = size, .limit = limit};
  x->entries = weir_allocate(size * 2, sizeof *x->entries);
  if (!x->entries) return WEIR_OUT_OF_MEMORY;
  x->size = SIZE_MIN;
  return WEIR_OK;
}

void index_close(weir_index *x) {
  weir_free(x->entries);
  x->entries = NULL;
}

static index_entry *table_of(const weir_index *x, uint64_t size) {
  return x->entries + size;
}

static void forget(weir_index *x, uint64_t size) {
  weir_forget(table_of(x, size), size * sizeof *x->entries);
}

/* The table in use has begun: while loading, in large pages. */
static void begin_table(const weir_index *x) {
  if (x->loading) weir_fill_begin(table_of(x, x->size), x->size * sizeof *x->entries);
}

void index_reserve(weir_index *x, uint64_t count) {
  WEIR_ASSERT(x->count == 0 && x->old_size == 0);
  while (x->size / 4 * 3 < count && x->size < x->size_max) x->size *= 2;
  begin_table(x);
}

void index_clear(weir_index *x) {
  if (x->count == 0 && x->old_size == 0) return;
  if (x->old_size) forget(x, x->old_size);
  forget(x, x->size);
  x->old_size = 0;
  x->size = SIZE_MIN;
  x->count = 0;
}

static uint64_t place_of(uint64_t size, uint64_t key) {
  uint64_t block = key / NEIGHBOURS;
  block ^= block >> 33;
  block *= UINT64_C(0xff51afd7ed558ccd);
  block ^= block >> 33;
  return (block * NEIGHBOURS + key % NEIGHBOURS) & (size - 1);
}

static index_entry *find_in(const weir_index *x, uint64_t size, uint64_t at, uint64_t key) {
  index_entry *table = table_of(x, size);
  while (table[at].value != EMPTY) {
    if (table[at].key == key && table[at].value != GONE) return &table[at];
    at = (at + 1) & (size - 1);
  }
  return NULL;
}

index_entry *index_find(const weir_index *x, uint64_t key, const index_entry *from) {
  index_entry *found = NULL;
  bool in_old = from && x->old_size && from >= table_of(x, x->old_size) &&
                from < table_of(x, x->old_size) + x->old_size;
  if (!in_old) {
    uint64_t at = from ? ((uint64_t)(from - table_of(x, x->size)) + 1) & (x->size - 1)
                       : place_of(x->size, key);
    found = find_in(x, x->size, at, key);
  }
  if (found || !x->old_size) return found;
  uint64_t at = in_old ? ((uint64_t)(from - table_of(x, x->old_size)) + 1) & (x->old_size - 1)
                       : place_of(x->old_size, key);
  return find_in(x, x->old_size, at, key);
}

index_entry *index_next(const weir_index *x, uint64_t *at) {
  while (*at < x->size + x->old_size) {
    uint64_t n = (*at)++;
    bool in_old = n >= x->size;
    index_entry *e = in_old ? &table_of(x, x->old_size)[n - x->size] : &table_of(x, x->size)[n];
    if (e->value != EMPTY && e->value != GONE) return e;
  }
  return NULL;
}

void index_prefetch(const weir_index *x, uint64_t key) {
  __builtin_prefetch(table_of(x, x->size) + place_of(x->size, key), 1);
}

static void put(const weir_index *x, index_entry added) {
  index_entry *table = table_of(x, x->size);
  uint64_t at = place_of(x->size, added.key);
  while (table[at].value != EMPTY) at = (at + 1) & (x->size - 1);
  table[at] = added;
}

/* Brings the next places of the older table over. */
static void move_some_on_add(weir_index *x) {
  index_entry *old = table_of(x, x->old_size);
  for (unsigned i = 0; i < MOVED_AT_ONCE; i++) {
    index_entry *e = &old[x->old_next++];
    if (e->value == EMPTY || e->value == GONE) continue;
    put(x, *e);
    e->value = GONE;
  }
  if (x->old_next < x->old_size) return;
  forget(x, x->old_size);
  x->old_size = 0;
}

/* The table after this one holds everything before it is three quarters full itself: when it
 * begins, S × 3/4 entries wait in S places, which S/4 additions bring over. */
static void grow_on_add(weir_index *x) {
  WEIR_ASSERT(x->old_size == 0);
  x->old_size = x->size;
  x->old_next = 0;
  x->size *= 2;
  begin_table(x);
}

void index_load(weir_index *x) {
  x->loading = true;
}

void index_loaded(weir_index *x) {
  while (x->old_size) move_some_on_add(x);
  weir_fill_end(table_of(x, x->size), x->size * sizeof *x->entries);
  x->loading = false;
}

weir_status index_add(weir_index *x, uint64_t key, uint64_t value) {
  WEIR_ASSERT(value != EMPTY && value != GONE);
  if (x->count >= x->limit) return WEIR_FULL;
  if (x->old_size) move_some_on_add(x);
  if (x->count >= x->size / 4 * 3 && x->size < x->size_max) grow_on_add(x);
  put(x, (index_entry){key, value});
  x->count++;
  return WEIR_OK;
}

/* Closes the gap by moving back what stands behind it (Knuth, volume 3, 6.4, algorithm R), so that
 * years of adding and removing leave no tombstones. */
void index_remove(weir_index *x, index_entry *removed) {
  index_entry *table = table_of(x, x->size);
  x->count--;
  if (removed < table || removed >= table + x->size) { /* in the older table, which goes anyway */
    removed->value = GONE;
    return;
  }
  uint64_t mask = x->size - 1;
  uint64_t gap = (uint64_t)(removed - table);
  uint64_t at = gap;
  for (;;) {
    at = (at + 1) & mask;
    if (table[at].value == EMPTY) break;
    uint64_t home = place_of(x->size, table[at].key);
    bool stays = gap <= at ? gap < home && home <= at : gap < home || home <= at;
    if (stays) continue;
    table[gap] = table[at];
    gap = at;
  }
  table[gap] = (index_entry){0, EMPTY};
}
