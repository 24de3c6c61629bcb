/* weir_take: takes what an inner unit delivers, as the 110 platform does, and notes when it came.
 *
 * From the delivery socket: each item is acknowledged, in batches. From the delivery directory: a
 * file is seen when it is renamed into it (and into its folder for drills).
 *
 * Cost: one search a field and, from a directory, a file read. Bounded by the room for items: what
 * is over is counted, not kept. Kept true by `Benchmarks steady`, whose oracle reads it.
 */
#ifndef WEIR_TAKE_H
#define WEIR_TAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  WEIR_TAKEN_STALE = 1,
  WEIR_TAKEN_CONFLICT = 2,
  WEIR_TAKEN_NO_AGE = 4,  /* the item does not say how old it is */
  WEIR_TAKEN_NO_STALE = 8 /* the item does not say whether it is stale */
};

typedef struct weir_taken {
  uint64_t handover; /* see weir_text_handover */
  uint64_t crossing;
  uint64_t taken_ns; /* CLOCK_MONOTONIC */
  int64_t age_ms, received_ms, arrived_ms;
  uint32_t revision;
  char receipt[7];
  uint8_t flags; /* WEIR_TAKEN_… */
} weir_taken;

typedef struct weir_take_options {
  const char *socket;    /* null: from the directory */
  const char *directory; /* null: from the socket */
  bool remove;           /* a file is removed when it was read */
  size_t most;           /* items that are kept */
} weir_take_options;

typedef struct weir_take weir_take;

/* Null: done; else what went wrong, in English. */
const char *weir_take_open(const weir_take_options *options, weir_take **take);
/* Waits for at most so long and takes what is there. Null, or what went wrong. One thread. */
const char *weir_take_turn(weir_take *take, int timeout_ms);
/* Any thread: items so far, which change no more, and alarms beside them. */
size_t weir_take_count(const weir_take *take);
size_t weir_take_alarms(const weir_take *take);
size_t weir_take_over(const weir_take *take);
const weir_taken *weir_take_items(const weir_take *take);
void weir_take_close(weir_take *take);
/* Reads one item, as it stands in a file or behind `"item":`. False: it is no matter. */
bool weir_take_read(const char *bytes, size_t count, weir_taken *item);

#endif
