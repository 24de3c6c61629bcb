/* Copies that the kernel refused are taken out of the count.
 *
 *   a piece is packed        its slot remembers whose copy it is
 *   the kernel refuses it    the copy is taken back, and the time of the last one with it
 *
 * What can go wrong: the pieces of a long record are refused one by one, in one round or in
 * several; copies of one crossing are refused together; the record was settled meanwhile.
 * What we do then: pieces of one copy stand together in a ring's order, so that the newest copy of
 * an earlier round and the oldest of this one tell what was taken back before; the newest goes
 * first, so that each gives its time up for the one before it; nothing.
 */
#include "copies.h"

weir_status weir_copies_open(weir_copies *c, size_t slots, size_t held_max) {
  c->held = weir_allocate(slots * held_max, sizeof c->held[0]);
  c->counts = weir_allocate(slots, sizeof c->counts[0]);
  c->held_max = held_max;
  return c->held == NULL || c->counts == NULL ? WEIR_OUT_OF_MEMORY : WEIR_OK;
}

void weir_copies_close(weir_copies *c) {
  weir_free(c->held);
  weir_free(c->counts);
}

void weir_copies_clear(weir_copies *c, size_t slot) {
  c->counts[slot] = 0;
}

void weir_copies_add(weir_copies *c, size_t slot, const packed_copy *copy) {
  WEIR_ASSERT(c->counts[slot] < c->held_max);
  c->held[slot * c->held_max + c->counts[slot]++] = *copy;
}

void weir_copies_refuse_begin(weir_copies *c) {
  c->before = c->refused;
  c->least = UINT64_MAX;
}

static void take_back(const weir_schedule *schedule, const packed_copy *copy) {
  schedule_entry *entry = weir_schedule_find(schedule, copy->crossing);
  if (entry == NULL || entry->copies == 0) return;
  entry->copies--;
  if (entry->last_ms == copy->last_ms) entry->last_ms = copy->earlier_ms;
}

void weir_copies_refuse(weir_copies *c, const weir_schedule *schedule, size_t slot) {
  const packed_copy *held = c->held + slot * c->held_max;
  for (size_t i = c->counts[slot]; i-- > 0;) {
    if (held[i].number <= c->before || held[i].number >= c->least) continue;
    c->least = held[i].number;
    if (held[i].number > c->refused) c->refused = held[i].number;
    take_back(schedule, &held[i]);
  }
}
