/* tables.c: hands the index on to its test.
 *
 *   happy path   each function calls the one of its name
 *   what the works never ask   how many places are written: tables of all sizes lie side by side
 */
#include "weir_tables.h"

#include "../../../CCore/works/tables.h"

weir_tables_index *weir_tables_open(uint64_t limit) {
  weir_tables_index *x = weir_allocate(1, sizeof *x);
  if (x && index_open(x, limit) == WEIR_OK) return x;
  weir_free(x);
  return NULL;
}

void weir_tables_close(weir_tables_index *x) {
  if (x) index_close(x);
  weir_free(x);
}

weir_status weir_tables_add(weir_tables_index *x, uint64_t key, uint64_t value) {
  return index_add(x, key, value);
}

bool weir_tables_remove(weir_tables_index *x, uint64_t key) {
  index_entry *found = index_find(x, key, NULL);
  if (found) index_remove(x, found);
  return found != NULL;
}

void weir_tables_clear(weir_tables_index *x) {
  index_clear(x);
}

size_t weir_tables_find(const weir_tables_index *x, uint64_t key, uint64_t *values, size_t most) {
  size_t count = 0;
  for (index_entry *e = index_find(x, key, NULL); e; e = index_find(x, key, e)) {
    if (count < most) values[count] = e->value;
    count++;
  }
  return count;
}

uint64_t weir_tables_count(const weir_tables_index *x) {
  return x->count;
}

uint64_t weir_tables_written(const weir_tables_index *x) {
  uint64_t written = 0;
  for (uint64_t i = 0; i < 2 * x->size_max; i++) written += x->entries[i].value != 0;
  return written;
}

bool weir_tables_moves(const weir_tables_index *x) {
  return x->old_size > 0;
}
