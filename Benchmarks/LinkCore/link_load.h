/* What the two ends of a run share: memory of both processes, and the record's own words. */
#ifndef WEIR_LINK_LOAD_INTERNAL_H
#define WEIR_LINK_LOAD_INTERNAL_H

#include "weir_link_load.h"

#include "weir_datagrams.h"
#include "weir_link.h"
#include "weir_pacer.h"

#include <stdatomic.h>

typedef struct load_board {
  weir_link_load_result result;
  atomic_uint port;       /* of the receiver, when it is ready; */
  atomic_ullong begun_ns; /* the first offer's moment, */
  atomic_bool done, over; /* the receiver has everything; both are to end */
  atomic_bool failed;
} load_board;

uint64_t load_now_ns(void); /* CLOCK_MONOTONIC, one for both processes */
weir_keyring *load_keys(const char *key_line);
weir_stream_id load_stream(void);
/* Enters a network namespace; true when `file` is null too. */
bool load_enter(const char *file);

/* A record says its crossing and when it was due; the rest is the same in all. */
void load_record(uint8_t *record, size_t count, uint64_t crossing, uint64_t planned_ns);
/* The same bytes again? Then when it was due. */
bool load_is_record(weir_bytes record, size_t count, uint64_t crossing, uint64_t *planned_ns);

/* Gives a copy of a datagram to the receiver, and each record of it to `take`. */
void load_arrive(weir_link_receiver *receiver, weir_bytes sealed, uint64_t now_ms, void *context,
                 void (*take)(void *context, const weir_link_event *e));

void load_send(const weir_link_load_options *options, load_board *board);
void load_receive(const weir_link_load_options *options, load_board *board);

#endif
