/* The schedule: a table of unsettled crossings, and two binary heaps over it.
 *
 * An entry is in exactly one heap: `waiting`, ordered by its due time, or `ready`, ordered by what
 * goes first on the wire:
 *
 *   class 0  first sendings of danger        in the order they were offered
 *         1  repeats of danger               newest first
 *         2  first sendings of phone         in the order they were offered
 *         3  first sendings of internet      in the order they were offered
 *         4  first sendings of later         in the order they were offered
 *         5  all other repeats               newest first
 *
 * Happy path: an offer is ready at once; a sending moves it to its next time; every step costs the
 * logarithm of what is unsettled, however much that is.
 * What can go wrong: the table is full; the sender was held up, so that several times have passed.
 * What we do then: FULL; the times that have passed are left out, since copies that leave back to
 * back are lost together.
 */
#include "schedule.h"

static const uint64_t schedule_after_ms[] = {0, 60, 300, 1200};
enum { STEPS = sizeof schedule_after_ms / sizeof schedule_after_ms[0] };

/* ---- Heaps ---- */

static void heap_set(weir_schedule *s, schedule_heap *heap, uint32_t place, schedule_item item) {
  heap->items[place] = item;
  s->entries[item.entry].place = place;
}

static void heap_up(weir_schedule *s, schedule_heap *heap, uint32_t place, schedule_item item) {
  while (place > 0) {
    uint32_t parent = (place - 1) / 2;
    if (heap->items[parent].key <= item.key) break;
    heap_set(s, heap, place, heap->items[parent]);
    place = parent;
  }
  heap_set(s, heap, place, item);
}

static void heap_down(weir_schedule *s, schedule_heap *heap, uint32_t place, schedule_item item) {
  for (;;) {
    uint32_t child = 2 * place + 1;
    if (child >= heap->count) break;
    if (child + 1 < heap->count && heap->items[child + 1].key < heap->items[child].key) child++;
    if (heap->items[child].key >= item.key) break;
    heap_set(s, heap, place, heap->items[child]);
    place = child;
  }
  heap_set(s, heap, place, item);
}

static void heap_add(weir_schedule *s, schedule_heap *heap, uint64_t key, uint32_t entry) {
  WEIR_ASSERT(heap->count < s->capacity);
  heap->count++;
  heap_up(s, heap, heap->count - 1, (schedule_item){key, entry});
}

static void heap_remove(weir_schedule *s, schedule_heap *heap, uint32_t place) {
  WEIR_ASSERT(place < heap->count);
  heap->count--;
  if (place == heap->count) return;
  schedule_item item = heap->items[heap->count];
  if (place > 0 && heap->items[(place - 1) / 2].key > item.key)
    heap_up(s, heap, place, item);
  else
    heap_down(s, heap, place, item);
}

/* ---- Entries in their heap ---- */

static uint64_t entry_ready_key(const schedule_entry *entry) {
  const uint64_t order_max = (UINT64_C(1) << 60) - 1;
  uint64_t group;
  if (entry->lane == WEIR_LANE_DANGER)
    group = entry->repeated ? 1 : 0;
  else
    group = entry->repeated ? 5 : (uint64_t)entry->lane + 1;
  return group << 60 | (entry->repeated ? order_max - entry->order : entry->order);
}

static uint32_t entry_index(const weir_schedule *s, const schedule_entry *entry) {
  return (uint32_t)(entry - s->entries);
}

static void entry_make_ready(weir_schedule *s, schedule_entry *entry) {
  entry->ready = true;
  heap_add(s, &s->ready, entry_ready_key(entry), entry_index(s, entry));
}

static void entry_leave(weir_schedule *s, schedule_entry *entry) {
  schedule_heap *heap = entry->ready ? &s->ready : &s->waiting;
  WEIR_ASSERT(heap->items[entry->place].entry == entry_index(s, entry));
  heap_remove(s, heap, entry->place);
}

/* ---- The table ---- */

/* Crossing numbers are our own and nearly dense: multiplying spreads them well enough. */
static uint32_t table_home(const weir_schedule *s, uint64_t crossing) {
  return (uint32_t)(crossing * UINT64_C(0x9e3779b97f4a7c15) >> 32) & s->mask;
}

static uint32_t table_slot(const weir_schedule *s, uint64_t crossing) {
  uint32_t slot = table_home(s, crossing);
  while (s->slots[slot] != 0 && s->entries[s->slots[slot] - 1].crossing != crossing) {
    slot = (slot + 1) & s->mask;
  }
  return slot;
}

/* Empties a slot and moves up what had been pushed past it, so that no tombstones gather. */
static void table_empty(weir_schedule *s, uint32_t hole) {
  uint32_t slot = hole;
  for (;;) {
    slot = (slot + 1) & s->mask;
    if (s->slots[slot] == 0) break;
    uint32_t home = table_home(s, s->entries[s->slots[slot] - 1].crossing);
    if (((slot - home) & s->mask) < ((slot - hole) & s->mask)) continue;
    s->slots[hole] = s->slots[slot];
    hole = slot;
  }
  s->slots[hole] = 0;
}

schedule_entry *weir_schedule_find(const weir_schedule *s, uint64_t crossing) {
  uint32_t slot = table_slot(s, crossing);
  return s->slots[slot] == 0 ? NULL : &s->entries[s->slots[slot] - 1];
}

weir_status weir_schedule_open(weir_schedule *s, uint32_t capacity) {
  uint32_t slots = 16;
  while (slots < 2 * capacity) slots *= 2;
  *s = (weir_schedule){.capacity = capacity, .mask = slots - 1};
  s->entries = weir_allocate(capacity, sizeof s->entries[0]);
  s->slots = weir_allocate(slots, sizeof s->slots[0]);
  s->waiting.items = weir_allocate(capacity, sizeof s->waiting.items[0]);
  s->ready.items = weir_allocate(capacity, sizeof s->ready.items[0]);
  bool whole =
      s->entries != NULL && s->slots != NULL && s->waiting.items != NULL && s->ready.items != NULL;
  if (!whole) {
    weir_schedule_close(s);
    return WEIR_OUT_OF_MEMORY;
  }
  for (uint32_t i = 0; i < capacity; i++) s->entries[i].place = i + 1;
  return WEIR_OK;
}

void weir_schedule_close(weir_schedule *s) {
  weir_free(s->entries);
  weir_free(s->slots);
  weir_free(s->waiting.items);
  weir_free(s->ready.items);
  *s = (weir_schedule){0};
}

/* ---- The schedule ---- */

weir_status weir_schedule_offer(weir_schedule *s, uint64_t crossing, uint32_t revision,
                                uint8_t lane, uint64_t now_ms) {
  uint32_t slot = table_slot(s, crossing);
  schedule_entry *entry;
  if (s->slots[slot] != 0) {
    entry = &s->entries[s->slots[slot] - 1];
    if (revision <= entry->revision) return WEIR_OK;
    entry_leave(s, entry);
  } else {
    if (s->free == s->capacity) return WEIR_FULL;
    entry = &s->entries[s->free];
    s->slots[slot] = s->free + 1;
    s->free = entry->place;
    s->used++;
    if (entry_index(s, entry) >= s->touched) s->touched = entry_index(s, entry) + 1;
    *entry = (schedule_entry){.crossing = crossing};
  }
  entry->revision = revision;
  entry->lane = lane;
  entry->offered_ms = now_ms;
  entry->due_ms = now_ms;
  entry->order = ++s->order;
  entry->first_ms = 0;
  entry->step = 0;
  entry->repeated = false;
  entry_make_ready(s, entry);
  WEIR_ASSERT(s->waiting.count + s->ready.count == s->used);
  return WEIR_OK;
}

void weir_schedule_settle(weir_schedule *s, schedule_entry *entry) {
  entry_leave(s, entry);
  table_empty(s, table_slot(s, entry->crossing));
  entry->crossing = 0;
  entry->sent_revision = 0;
  entry->place = s->free;
  s->free = entry_index(s, entry);
  s->used--;
  WEIR_ASSERT(s->waiting.count + s->ready.count == s->used);
}

schedule_entry *weir_schedule_due(weir_schedule *s, uint64_t now_ms) {
  while (s->waiting.count > 0 && s->waiting.items[0].key <= now_ms) {
    schedule_entry *entry = &s->entries[s->waiting.items[0].entry];
    entry_leave(s, entry);
    entry_make_ready(s, entry);
  }
  return s->ready.count == 0 ? NULL : &s->entries[s->ready.items[0].entry];
}

void weir_schedule_advance(weir_schedule *s, schedule_entry *entry, uint64_t now_ms) {
  WEIR_ASSERT(entry->ready);
  entry_leave(s, entry);
  do {
    if (entry->step < STEPS) entry->step++;
  } while (entry->step < STEPS && entry->offered_ms + schedule_after_ms[entry->step] <= now_ms);
  if (entry->step < STEPS) {
    entry->due_ms = entry->offered_ms + schedule_after_ms[entry->step];
  } else {
    entry->due_ms += WEIR_LINK_TURN_MS;
    /* Half a turn behind or more: a new beat, rather than two copies close together. */
    if (entry->due_ms < now_ms + WEIR_LINK_TURN_MS / 2) entry->due_ms = now_ms + WEIR_LINK_TURN_MS;
  }
  entry->ready = false;
  heap_add(s, &s->waiting, entry->due_ms, entry_index(s, entry));
}

void weir_schedule_repeated(weir_schedule *s, schedule_entry *entry) {
  entry_leave(s, entry);
  entry->repeated = true;
  if (entry->ready)
    entry_make_ready(s, entry);
  else
    heap_add(s, &s->waiting, entry->due_ms, entry_index(s, entry));
}

uint64_t weir_schedule_next(const weir_schedule *s) {
  if (s->ready.count > 0) return s->entries[s->ready.items[0].entry].due_ms;
  return s->waiting.count > 0 ? s->waiting.items[0].key : UINT64_MAX;
}
