/* weir_tables: the index of the works, which only they see, for its own test. */
#ifndef WEIR_TABLES_H
#define WEIR_TABLES_H

#include "weir_base.h"

typedef struct weir_index weir_tables_index;

/* Null: no memory. */
weir_tables_index *weir_tables_open(uint64_t limit);
void weir_tables_close(weir_tables_index *x); /* null accepted */
weir_status weir_tables_add(weir_tables_index *x, uint64_t key, uint64_t value);
/* Takes one entry of the key away; false: there is none. */
bool weir_tables_remove(weir_tables_index *x, uint64_t key);
void weir_tables_clear(weir_tables_index *x);
/* The values of the key, at most `most`; how many there are. */
size_t weir_tables_find(const weir_tables_index *x, uint64_t key, uint64_t *values, size_t most);
uint64_t weir_tables_count(const weir_tables_index *x);
/* Places, in tables of every size, in which something is written. */
uint64_t weir_tables_written(const weir_tables_index *x);
/* An older table is still being emptied. */
bool weir_tables_moves(const weir_tables_index *x);

#endif
