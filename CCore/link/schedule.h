/* Which crossing is due, and when: a table of unsettled crossings and two heaps over it. */
#ifndef WEIR_LINK_SCHEDULE_H
#define WEIR_LINK_SCHEDULE_H

#include "weir_link.h"

typedef struct schedule_entry {
  uint64_t crossing;
  uint64_t offered_ms; /* when the revision arose: the schedule's zero */
  uint64_t due_ms;
  uint64_t order;   /* rises with every offer: what is newest */
  int64_t first_ms; /* wall, first sending of this revision; 0: not sent */
  int64_t last_ms;  /* wall, last copy of the crossing */
  uint32_t revision;
  uint32_t copies;        /* of the crossing */
  uint32_t sent_revision; /* the latest that was sent; 0: none */
  uint32_t place;         /* in its heap; in the free list: the next free entry */
  uint8_t lane;
  uint8_t step;    /* the next time of the schedule */
  bool repeated;   /* this revision was sent before */
  bool ready;      /* it is due: in `ready`, else in `waiting` */
  uint8_t indexed; /* the round of the index in which its page went out last */
} schedule_entry;

typedef struct schedule_item {
  uint64_t key;
  uint32_t entry;
} schedule_item;

typedef struct schedule_heap {
  schedule_item *items;
  uint32_t count;
} schedule_heap;

typedef struct weir_schedule {
  schedule_entry *entries;
  uint32_t *slots;       /* open addressing: entry + 1, or 0 */
  schedule_heap waiting; /* by due time */
  schedule_heap ready;   /* by class, then by order */
  uint64_t order;
  uint32_t capacity;
  uint32_t mask; /* slots - 1 */
  uint32_t used;
  uint32_t touched; /* entries that ever were used: the first ones */
  uint32_t free;    /* first free entry, or capacity */
} weir_schedule;

weir_status weir_schedule_open(weir_schedule *s, uint32_t capacity);
void weir_schedule_close(weir_schedule *s);
schedule_entry *weir_schedule_find(const weir_schedule *s, uint64_t crossing); /* or null */
/* As weir_link_sender_offer. */
weir_status weir_schedule_offer(weir_schedule *s, uint64_t crossing, uint32_t revision,
                                uint8_t lane, uint64_t now_ms);
void weir_schedule_settle(weir_schedule *s, schedule_entry *entry);
/* The most urgent entry that is due, or null. */
schedule_entry *weir_schedule_due(weir_schedule *s, uint64_t now_ms);
/* A due entry was sent or passed over: its next time. */
void weir_schedule_advance(weir_schedule *s, schedule_entry *entry, uint64_t now_ms);
/* The entry is known to have been sent before: it takes its place among the repeats. */
void weir_schedule_repeated(weir_schedule *s, schedule_entry *entry);
/* When something is due next; UINT64_MAX: nothing. */
uint64_t weir_schedule_next(const weir_schedule *s);

#endif
