/* Which crossing is due, and when: a table of unsettled crossings, a queue of first sendings for
 * each lane, and heaps of repeats. */
#ifndef WEIR_LINK_SCHEDULE_H
#define WEIR_LINK_SCHEDULE_H

#include "weir_link.h"

/* Where an entry stands: in exactly one of these. */
typedef enum schedule_stand {
  STAND_FIRST,   /* its revision was never sent: in its lane's queue */
  STAND_WAITING, /* a repeat that is not due yet, or was not seen to be */
  STAND_READY    /* a repeat that is due */
} schedule_stand;

typedef struct schedule_entry {
  uint64_t crossing;
  uint64_t offered_ms; /* when the revision arose: the schedule's zero */
  uint64_t due_ms;
  uint64_t order;   /* rises with every offer: what is newest */
  int64_t first_ms; /* wall, first sending of this revision, by this run or another; 0: not sent */
  int64_t last_ms;  /* wall, last copy of the crossing */
  uint32_t revision;
  uint32_t copies;        /* of the crossing */
  uint32_t sent_revision; /* the latest that was sent; 0: none */
  uint32_t place;         /* in its heap; in a queue and in the free list: the next entry */
  uint32_t before;        /* in a queue: the one in front */
  uint32_t bytes;         /* what a copy takes on the wire; 0 until one was sent */
  uint8_t lane;
  uint8_t step;    /* the next time of the schedule */
  uint8_t indexed; /* the round of the index in which its page went out last */
  uint8_t stand;
} schedule_entry;

typedef struct schedule_item {
  uint64_t key;  /* the least is first; */
  uint64_t then; /* and among equals the least of these */
  uint32_t entry;
} schedule_item;

typedef struct schedule_heap {
  schedule_item *items;
  uint32_t count;
} schedule_heap;

typedef struct schedule_queue {
  uint32_t head, tail; /* capacity: none */
} schedule_queue;

enum { SCHEDULE_DANGER, SCHEDULE_OTHERS, SCHEDULE_KINDS };

typedef struct weir_schedule {
  schedule_entry *entries;
  uint32_t *slots; /* open addressing: entry + 1, or 0 */
  schedule_queue first[WEIR_LINK_LANES];
  schedule_heap waiting[SCHEDULE_KINDS]; /* by due time, then newest */
  schedule_heap ready[SCHEDULE_KINDS];   /* spaced copies, then by span of time, then newest */
  uint64_t bytes[SCHEDULE_KINDS];        /* on the wire, of one copy of everything unsettled */
  uint64_t rate;                         /* bytes a second on the wire; 0: unlimited */
  uint64_t repeat_rate;                  /* bytes a second for repeats; 0: what is due */
  int64_t repeat_bytes;                  /* what they may take now; below 0: they took too much */
  uint64_t repeat_ms;                    /* when that was counted last */
  uint64_t turn_ms;                      /* of files, which need no spaced copies; 0: a line */
  uint64_t owed;                         /* bytes that went past the oldest, see due */
  uint64_t ahead;                        /* of danger's repeats, past first sendings of others */
  uint64_t order;
  uint32_t capacity;
  uint32_t mask; /* slots - 1 */
  uint32_t used;
  uint32_t touched; /* entries that ever were used: the first ones */
  uint32_t free;    /* first free entry, or capacity */
} weir_schedule;

weir_status weir_schedule_open(weir_schedule *s, uint32_t capacity, uint64_t rate);
void weir_schedule_close(weir_schedule *s);
schedule_entry *weir_schedule_find(const weir_schedule *s, uint64_t crossing); /* or null */
/* As weir_link_sender_offer. */
weir_status weir_schedule_offer(weir_schedule *s, uint64_t crossing, uint32_t revision,
                                uint8_t lane, uint64_t now_ms);
/* As if the revision had just arisen; its first sending stands. */
void weir_schedule_again(weir_schedule *s, schedule_entry *entry, uint64_t now_ms);
void weir_schedule_settle(weir_schedule *s, schedule_entry *entry);
/* The most urgent entry that is due, or null. */
schedule_entry *weir_schedule_due(weir_schedule *s, uint64_t now_ms);
/* A copy of a due entry left, `bytes` on the wire; 0: it was passed over. Its next time. */
void weir_schedule_advance(weir_schedule *s, schedule_entry *entry, uint64_t now_ms,
                           uint32_t bytes);
/* When something is due next; UINT64_MAX: nothing. */
uint64_t weir_schedule_next(const weir_schedule *s);

#endif
