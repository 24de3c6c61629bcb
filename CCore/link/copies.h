/* Which copies have a piece in which datagram of a ring, so that what the kernel refuses is counted
 * as none. */
#ifndef WEIR_LINK_COPIES_H
#define WEIR_LINK_COPIES_H

#include "schedule.h"

typedef struct packed_copy {
  uint64_t crossing;
  uint64_t number;    /* of the copy: rises with every one that is packed */
  int64_t last_ms;    /* wall, of the copy, */
  int64_t earlier_ms; /* and of the one before it */
} packed_copy;

typedef struct weir_copies {
  packed_copy *held; /* `held_max` for each slot of the ring */
  size_t *counts;
  size_t held_max;
  uint64_t refused; /* the newest copy that was taken back, */
  uint64_t before;  /* as it was when this round began; */
  uint64_t least;   /* and the oldest of this round */
} weir_copies;

weir_status weir_copies_open(weir_copies *c, size_t slots, size_t held_max);
void weir_copies_close(weir_copies *c);
/* The slot's datagram begins anew. */
void weir_copies_clear(weir_copies *c, size_t slot);
/* A piece of this copy is in it. Numbers rise over the slots as they are taken. */
void weir_copies_add(weir_copies *c, size_t slot, const packed_copy *copy);
/* A round of datagrams was refused: each is told, the newest first. */
void weir_copies_refuse_begin(weir_copies *c);
void weir_copies_refuse(weir_copies *c, const weir_schedule *schedule, size_t slot);

#endif
