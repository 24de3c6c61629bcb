/* tables.h: interned texts, and indices from 64-bit keys to 64-bit values. Part of internal.h,
 * which includes it. */
#ifndef WEIR_WORKS_TABLES_H
#define WEIR_WORKS_TABLES_H

#include "weir_works.h"

/* ---- Interned texts -------------------------------------------------------------------------- */

struct weir_texts {
  uint32_t count; /* ids are 1 … count */
  uint32_t *offsets, *sizes;
  uint32_t *buckets; /* open addressing: id, 0 empty */
  uint8_t *bytes;
  size_t used;
  size_t longest;
};
weir_bytes texts_at(const weir_texts *t, uint32_t id);     /* empty for 0 and unknown ids */
uint32_t texts_find(const weir_texts *t, weir_bytes text); /* 0: not there */
/* FULL or OK: what texts_add would say of the next text. */
weir_status texts_fits(const weir_texts *t, weir_bytes text);
weir_status texts_add(weir_texts *t, uint32_t id, weir_bytes text);
void record_put_text(weir_buffer *b, uint32_t id, weir_bytes text);
bool record_get_text(weir_bytes body, uint32_t *id, weir_bytes *text);

/* ---- Index: key → value, open addressing; a key may stand more than once ---- */

typedef struct index_entry {
  uint64_t key, value; /* value 0: empty */
} index_entry;
typedef struct weir_index {
  index_entry *entries;
  uint64_t size, size_max; /* of the table in use, of the largest one: powers of two */
  uint64_t old_size;       /* of the table that is being emptied, 0: none */
  uint64_t old_next;       /* its places below this one were moved */
  uint64_t count, limit;
  bool loading;
} weir_index;
weir_status index_open(weir_index *x, uint64_t limit);
void index_close(weir_index *x);
/* Between the two very many are added, and nothing waits for each of them: tables may come in large
 * pages. Afterwards all entries stand in one table. */
void index_load(weir_index *x);
void index_loaded(weir_index *x);
/* Room for so many at once, or for the limit: for a table in which nothing is yet. */
void index_reserve(weir_index *x, uint64_t count);
/* One in which nothing was yet keeps the room it has. */
void index_clear(weir_index *x);
/* The entry of `key` behind `from` (null: the first), or null. */
index_entry *index_find(const weir_index *x, uint64_t key, const index_entry *from);
weir_status index_add(weir_index *x, uint64_t key, uint64_t value); /* FULL at the limit */
void index_remove(weir_index *x, index_entry *removed);
/* The next entry of all, in the order of their places; `at` begins as 0. Null: there is none. In
 * this order they are added to a table that has room for all of them at the speed of memory; one
 * that grows meanwhile crowds, and each addition would have to pass thousands. */
index_entry *index_next(const weir_index *x, uint64_t *at);
/* The place of `key` will be looked at soon. */
void index_prefetch(const weir_index *x, uint64_t key);

#endif
