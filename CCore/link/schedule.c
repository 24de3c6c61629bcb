/* The schedule: a table of unsettled crossings, and where each of them stands.
 *
 * What leaves first on the wire:
 *
 *   1  first sendings of danger                in the order they were offered
 *   2  repeats of danger                       newest first
 *   3  first sendings of phone, internet, later, each in the order they were offered
 *   4  all other repeats                       newest first
 *
 * and past all of these, for every twentieth byte that went past it, the oldest of what waits.
 * Where danger alone would fill the line with its copies, no more of its repeats go past the first
 * sendings behind them than the line carries in a second; then the two take turns, byte for byte.
 *
 * First sendings stand in a queue for each lane, so that a flood of them costs no heap. Repeats
 * wait in a heap by due time and move into a second one when they are due. There the spaced copies
 * of a revision come before those of a turn, and of these what fell due in an earlier span of time
 * (a quarter of a second for danger, a second for others) before what fell due later, so that a
 * turn visits all before any of them again, however little the line carries.
 *
 *   times   0, 60 ms, 0.3 s, 1.2 s after the revision arose, then once a turn
 *   turn    others 1 s, or what the line takes for all of them. Danger 0.25 s, or what its bytes
 *           take at the rate that it may have: what the others leave, an eighth at the least, and
 *           up to a half when its turn would last longer than 2 s.
 *   share   repeats may have a rate of their own, so that what they cost is bounded however much
 *           is unsettled: beyond it only first sendings leave, and the share of the oldest
 *
 * Happy path: an offer is queued at once; a sending moves it to its next time.
 * What can go wrong: the table is full; the sender was held up, so that several times have passed;
 * more falls due than the line carries.
 * What we do then: FULL; the times that have passed are left out, since copies that leave back to
 * back are lost together; repeats wait, and their turns grow longer.
 */
#include "schedule.h"

static const uint64_t schedule_after_ms[] = {0, 60, 300, 1200};
enum {
  STEPS = sizeof schedule_after_ms / sizeof schedule_after_ms[0],
  OLDEST_SHARE = 20,       /* one byte of so many goes to the oldest, */
  OLDEST_BYTES = 1500,     /* a datagram's worth at a time */
  OLDEST_OWED = 64 * 1024, /* and no more than this is made up for */
  AHEAD_BYTES = 64 * 1024, /* that many repeats of danger go past first sendings on any line */
  MOVES_MAX = 1024,        /* repeats that become ready in one call; */
  REPEAT_MS = 4,           /* repeats may save up their rate of so long */
  MANY = 8192,             /* of more than so many, */
  MOVES_OF_MANY = 8        /* these few, so that no call is long after a flood */
};

static uint64_t most(uint64_t a, uint64_t b) {
  return a > b ? a : b;
}

static uint64_t least(uint64_t a, uint64_t b) {
  return a < b ? a : b;
}

/* ---- Heaps ---- */

static bool item_before(schedule_item a, schedule_item b) {
  return a.key < b.key || (a.key == b.key && a.then < b.then);
}

static void heap_set(weir_schedule *s, schedule_heap *heap, uint32_t place, schedule_item item) {
  WEIR_ASSERT(s->entries != NULL);
  s->entries[item.entry].place = place;
  heap->items[place] = item;
}

static void heap_up(weir_schedule *s, schedule_heap *heap, uint32_t place, schedule_item item) {
  while (place > 0) {
    uint32_t parent = (place - 1) / 2;
    if (!item_before(item, heap->items[parent])) break;
    heap_set(s, heap, place, heap->items[parent]);
    place = parent;
  }
  heap_set(s, heap, place, item);
}

static void heap_down(weir_schedule *s, schedule_heap *heap, uint32_t place, schedule_item item) {
  for (;;) {
    uint32_t child = 2 * place + 1;
    if (child >= heap->count) break;
    if (child + 1 < heap->count && item_before(heap->items[child + 1], heap->items[child])) child++;
    if (!item_before(heap->items[child], item)) break;
    heap_set(s, heap, place, heap->items[child]);
    place = child;
  }
  heap_set(s, heap, place, item);
}

static void heap_add(weir_schedule *s, schedule_heap *heap, schedule_item item) {
  WEIR_ASSERT(heap->count < s->capacity);
  heap->count++;
  heap_up(s, heap, heap->count - 1, item);
}

static void heap_remove(weir_schedule *s, schedule_heap *heap, uint32_t place) {
  WEIR_ASSERT(place < heap->count);
  heap->count--;
  if (place == heap->count) return;
  schedule_item item = heap->items[heap->count];
  if (place > 0 && item_before(item, heap->items[(place - 1) / 2]))
    heap_up(s, heap, place, item);
  else
    heap_down(s, heap, place, item);
}

/* ---- Queues ---- */

/* At the end; or in front, as what was passed over and is older than all that stand there. */
static void queue_add(weir_schedule *s, schedule_queue *queue, uint32_t index, bool in_front) {
  uint32_t before = in_front ? s->capacity : queue->tail;
  uint32_t next = in_front ? queue->head : s->capacity;
  s->entries[index].before = before;
  s->entries[index].place = next;
  *(before == s->capacity ? &queue->head : &s->entries[before].place) = index;
  *(next == s->capacity ? &queue->tail : &s->entries[next].before) = index;
}

static void queue_remove(weir_schedule *s, schedule_queue *queue, uint32_t index) {
  uint32_t before = s->entries[index].before, next = s->entries[index].place;
  *(before == s->capacity ? &queue->head : &s->entries[before].place) = next;
  *(next == s->capacity ? &queue->tail : &s->entries[next].before) = before;
}

/* ---- Where an entry stands ---- */

static uint32_t entry_index(const weir_schedule *s, const schedule_entry *entry) {
  return (uint32_t)(entry - s->entries);
}

static unsigned entry_kind(const schedule_entry *entry) {
  return entry->lane == WEIR_LANE_DANGER ? SCHEDULE_DANGER : SCHEDULE_OTHERS;
}

static void entry_stand(weir_schedule *s, schedule_entry *entry, schedule_stand stand) {
  unsigned kind = entry_kind(entry);
  uint32_t index = entry_index(s, entry);
  entry->stand = (uint8_t)stand;
  if (stand == STAND_FIRST) {
    queue_add(s, &s->first[entry->lane], index, entry->step > 0);
  } else if (stand == STAND_WAITING) {
    heap_add(s, &s->waiting[kind], (schedule_item){entry->due_ms, ~entry->order, index});
  } else {
    uint64_t span = 0;
    if (entry->step == STEPS) span = 1 + (entry->due_ms >> (kind == SCHEDULE_DANGER ? 8 : 10));
    heap_add(s, &s->ready[kind], (schedule_item){span, ~entry->order, index});
  }
}

static void entry_leave(weir_schedule *s, schedule_entry *entry) {
  unsigned kind = entry_kind(entry);
  if (entry->stand == STAND_FIRST) {
    queue_remove(s, &s->first[entry->lane], entry_index(s, entry));
    return;
  }
  schedule_heap *heap = entry->stand == STAND_READY ? &s->ready[kind] : &s->waiting[kind];
  WEIR_ASSERT(heap->items[entry->place].entry == entry_index(s, entry));
  heap_remove(s, heap, entry->place);
}

static void entry_set_bytes(weir_schedule *s, schedule_entry *entry, uint32_t bytes) {
  s->bytes[entry_kind(entry)] += bytes;
  s->bytes[entry_kind(entry)] -= entry->bytes;
  entry->bytes = bytes;
}

/* ---- The table ---- */

/* Crossing numbers are our own and nearly dense. Eight neighbours lie side by side, in as much
 * memory as is fetched at once; multiplying spreads the eights. */
static uint32_t table_home(const weir_schedule *s, uint64_t crossing) {
  uint64_t spread = (crossing >> 3) * UINT64_C(0x9e3779b97f4a7c15) >> 32;
  return (uint32_t)(spread << 3 | (crossing & 7)) & s->mask;
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

static bool open_heaps(weir_schedule *s) {
  for (unsigned kind = 0; kind < SCHEDULE_KINDS; kind++) {
    s->waiting[kind].items = weir_allocate(s->capacity, sizeof(schedule_item));
    s->ready[kind].items = weir_allocate(s->capacity, sizeof(schedule_item));
    if (s->waiting[kind].items == NULL || s->ready[kind].items == NULL) return false;
  }
  return true;
}

weir_status weir_schedule_open(weir_schedule *s, uint32_t capacity, uint64_t rate) {
  uint32_t slots = 16;
  while (slots < 2 * capacity) slots *= 2;
  *s = (weir_schedule){.capacity = capacity, .mask = slots - 1, .rate = rate};
  s->entries = weir_allocate(capacity, sizeof s->entries[0]);
  s->slots = weir_allocate(slots, sizeof s->slots[0]);
  if (!open_heaps(s) || s->entries == NULL || s->slots == NULL) {
    weir_schedule_close(s);
    return WEIR_OUT_OF_MEMORY;
  }
  for (uint32_t i = 0; i < capacity; i++) s->entries[i].place = i + 1;
  for (unsigned lane = 0; lane < WEIR_LINK_LANES; lane++) {
    s->first[lane] = (schedule_queue){capacity, capacity};
  }
  return WEIR_OK;
}

void weir_schedule_close(weir_schedule *s) {
  weir_free(s->entries);
  weir_free(s->slots);
  for (unsigned kind = 0; kind < SCHEDULE_KINDS; kind++) {
    weir_free(s->waiting[kind].items);
    weir_free(s->ready[kind].items);
  }
  *s = (weir_schedule){0};
}

/* ---- The schedule ---- */

/* A new entry for a crossing; null when all are in use. */
static schedule_entry *table_add(weir_schedule *s, uint32_t slot, uint64_t crossing) {
  if (s->free == s->capacity) return NULL;
  schedule_entry *entry = &s->entries[s->free];
  s->slots[slot] = s->free + 1;
  s->free = entry->place;
  s->used++;
  if (entry_index(s, entry) >= s->touched) s->touched = entry_index(s, entry) + 1;
  *entry = (schedule_entry){.crossing = crossing};
  return entry;
}

weir_status weir_schedule_offer(weir_schedule *s, uint64_t crossing, uint32_t revision,
                                uint8_t lane, uint64_t now_ms) {
  uint32_t slot = table_slot(s, crossing);
  schedule_entry *entry;
  if (s->slots[slot] != 0) {
    entry = &s->entries[s->slots[slot] - 1];
    if (revision <= entry->revision || WEIR_CANARY(NEVER_SUPERSEDED)) return WEIR_OK;
    entry_leave(s, entry);
    entry_set_bytes(s, entry, 0);
  } else {
    entry = table_add(s, slot, crossing);
    if (entry == NULL) return WEIR_FULL;
  }
  if (WEIR_CANARY(DANGER_LAST) && lane == WEIR_LANE_DANGER) lane = WEIR_LANE_LATER;
  entry->revision = revision;
  entry->lane = lane;
  entry->offered_ms = now_ms;
  entry->due_ms = now_ms;
  entry->order = ++s->order;
  entry->first_ms = 0;
  entry->step = 0;
  entry_stand(s, entry, STAND_FIRST);
  return WEIR_OK;
}

void weir_schedule_again(weir_schedule *s, schedule_entry *entry, uint64_t now_ms) {
  entry_leave(s, entry);
  entry->offered_ms = now_ms;
  entry->due_ms = now_ms;
  entry->order = ++s->order;
  entry->step = 0;
  entry_stand(s, entry, STAND_FIRST);
}

void weir_schedule_settle(weir_schedule *s, schedule_entry *entry) {
  entry_leave(s, entry);
  entry_set_bytes(s, entry, 0);
  table_empty(s, table_slot(s, entry->crossing));
  entry->crossing = 0;
  entry->sent_revision = 0;
  entry->place = s->free;
  s->free = entry_index(s, entry);
  s->used--;
}

/* Repeats whose time has come, the most urgent of them first; the rest in the next call. */
static void make_ready(weir_schedule *s, unsigned kind, uint64_t now_ms) {
  schedule_heap *waiting = &s->waiting[kind];
  const unsigned moves = waiting->count > MANY ? MOVES_OF_MANY : MOVES_MAX;
  for (unsigned i = 0; i < moves; i++) {
    if (waiting->count == 0 || waiting->items[0].key > now_ms) return;
    schedule_entry *entry = &s->entries[waiting->items[0].entry];
    WEIR_ASSERT(entry != NULL);
    heap_remove(s, waiting, 0);
    bool passed_over = entry->sent_revision != entry->revision;
    entry_stand(s, entry, passed_over ? STAND_FIRST : STAND_READY);
  }
}

static schedule_entry *older(schedule_entry *a, schedule_entry *b) {
  return a == NULL || b->due_ms < a->due_ms ? b : a;
}

/* What has waited longest: the head of a queue, or the first of a heap. */
static schedule_entry *oldest_due(weir_schedule *s, uint64_t now_ms) {
  schedule_entry *oldest = NULL;
  for (unsigned lane = 0; lane < WEIR_LINK_LANES; lane++) {
    if (s->first[lane].head == s->capacity) continue;
    oldest = older(oldest, &s->entries[s->first[lane].head]);
  }
  for (unsigned kind = 0; kind < SCHEDULE_KINDS; kind++) {
    const schedule_heap *waiting = &s->waiting[kind], *ready = &s->ready[kind];
    if (ready->count > 0) oldest = older(oldest, &s->entries[ready->items[0].entry]);
    if (waiting->count == 0 || waiting->items[0].key > now_ms) continue;
    oldest = older(oldest, &s->entries[waiting->items[0].entry]);
  }
  return oldest;
}

/* The next first sending of the lanes behind danger, or null. */
static schedule_entry *first_of_others(const weir_schedule *s) {
  for (unsigned lane = WEIR_LANE_DANGER + 1; lane < WEIR_LINK_LANES; lane++) {
    if (s->first[lane].head != s->capacity) return &s->entries[s->first[lane].head];
  }
  return NULL;
}

/* May a repeat leave by the rate that repeats have? */
static bool repeats_may(weir_schedule *s, uint64_t now_ms) {
  if (s->repeat_rate == 0) return true;
  if (now_ms > s->repeat_ms) {
    const int64_t saved_max = (int64_t)(s->repeat_rate * REPEAT_MS / 1000);
    uint64_t elapsed_ms = least(now_ms - s->repeat_ms, 1000);
    s->repeat_bytes += (int64_t)(s->repeat_rate * elapsed_ms / 1000);
    if (s->repeat_bytes > saved_max) s->repeat_bytes = saved_max;
    s->repeat_ms = now_ms;
  }
  return s->repeat_bytes > 0;
}

schedule_entry *weir_schedule_due(weir_schedule *s, uint64_t now_ms) {
  if (s->owed >= (uint64_t)OLDEST_BYTES * OLDEST_SHARE) {
    schedule_entry *oldest = oldest_due(s, now_ms);
    if (oldest != NULL) return oldest;
  }
  make_ready(s, SCHEDULE_DANGER, now_ms);
  if (s->first[WEIR_LANE_DANGER].head != s->capacity) {
    return &s->entries[s->first[WEIR_LANE_DANGER].head];
  }
  const bool repeats = repeats_may(s, now_ms);
  const schedule_heap *danger = &s->ready[SCHEDULE_DANGER];
  schedule_entry *first = first_of_others(s);
  const bool yields = first != NULL && s->ahead >= most(s->rate, AHEAD_BYTES);
  if (repeats && danger->count > 0 && !yields) return &s->entries[danger->items[0].entry];
  if (first != NULL) return first;
  make_ready(s, SCHEDULE_OTHERS, now_ms);
  first = first_of_others(s);
  if (first != NULL) return first;
  const schedule_heap *others = &s->ready[SCHEDULE_OTHERS];
  return !repeats || others->count == 0 ? NULL : &s->entries[others->items[0].entry];
}

/* ---- Turns ---- */

/* How long it is from one visit to the next, at the least. */
static uint64_t turn_ms(const weir_schedule *s, unsigned kind) {
  enum { DANGER_HEALS_S = 2 };
  if (kind == SCHEDULE_OTHERS) return WEIR_LINK_TURN_MS;
  uint64_t rate = s->rate;
  if (rate == 0 || (s->repeat_rate != 0 && s->repeat_rate < rate)) rate = s->repeat_rate;
  if (rate == 0) return WEIR_LINK_DANGER_TURN_MS;
  uint64_t danger = s->bytes[SCHEDULE_DANGER], others = s->bytes[SCHEDULE_OTHERS];
  uint64_t left = rate > others ? rate - others : 0; /* when others take a turn of 1 s */
  uint64_t wanted = danger / DANGER_HEALS_S;
  uint64_t allowed = most(rate / 8, wanted < rate / 2 ? wanted : rate / 2);
  return most(WEIR_LINK_DANGER_TURN_MS, danger * 1000 / most(1, most(left, allowed)));
}

/* Counts what left, for the share of the oldest. */
static void count_sent(weir_schedule *s, const schedule_entry *entry, uint64_t now_ms,
                       uint32_t bytes) {
  if (oldest_due(s, now_ms) == entry) {
    uint64_t paid = (uint64_t)bytes * OLDEST_SHARE;
    s->owed = s->owed > paid ? s->owed - paid : 0;
    return;
  }
  const uint64_t owed_max = (uint64_t)OLDEST_OWED * OLDEST_SHARE;
  s->owed = s->owed + bytes < owed_max ? s->owed + bytes : owed_max;
}

/* Counts what repeats of danger are ahead by, while first sendings of others wait. */
static void count_ahead(weir_schedule *s, const schedule_entry *entry, uint32_t bytes) {
  const bool first = entry->stand == STAND_FIRST, danger = entry->lane == WEIR_LANE_DANGER;
  if (danger && !first) s->ahead = first_of_others(s) != NULL ? s->ahead + bytes : 0;
  if (!danger && first) s->ahead = s->ahead > bytes ? s->ahead - bytes : 0;
}

void weir_schedule_advance(weir_schedule *s, schedule_entry *entry, uint64_t now_ms,
                           uint32_t bytes) {
  if (bytes > 0) {
    count_sent(s, entry, now_ms, bytes);
    count_ahead(s, entry, bytes);
    entry_set_bytes(s, entry, bytes);
    if (entry->stand != STAND_FIRST) s->repeat_bytes -= bytes;
  }
  entry_leave(s, entry);
  if (s->turn_ms > 0) {
    entry->step = STEPS;
    entry->due_ms = now_ms + s->turn_ms;
    entry_stand(s, entry, STAND_WAITING);
    return;
  }
  do {
    if (entry->step < STEPS) entry->step++;
  } while (entry->step < STEPS && entry->offered_ms + schedule_after_ms[entry->step] <= now_ms);
  if (entry->step < STEPS) {
    entry->due_ms = entry->offered_ms + schedule_after_ms[entry->step];
  } else {
    uint64_t turn = turn_ms(s, entry_kind(entry));
    entry->due_ms += turn;
    /* Half a turn behind or more: a new beat, rather than two copies close together. */
    if (entry->due_ms < now_ms + turn / 2) entry->due_ms = now_ms + turn;
  }
  if (WEIR_CANARY(NO_REPEATS)) entry->due_ms = UINT64_MAX / 2;
  entry_stand(s, entry, STAND_WAITING);
}

/* When repeats have earned their next bytes. */
static uint64_t repeats_next(const weir_schedule *s) {
  if (s->repeat_rate == 0 || s->repeat_bytes > 0) return 0;
  return s->repeat_ms + 1 + (uint64_t)-s->repeat_bytes * 1000 / s->repeat_rate;
}

uint64_t weir_schedule_next(const weir_schedule *s) {
  uint64_t next = UINT64_MAX, repeats_ms = repeats_next(s);
  for (unsigned lane = 0; lane < WEIR_LINK_LANES; lane++) {
    uint32_t head = s->first[lane].head;
    if (head != s->capacity && s->entries[head].due_ms < next) next = s->entries[head].due_ms;
  }
  for (unsigned kind = 0; kind < SCHEDULE_KINDS; kind++) {
    const schedule_heap *waiting = &s->waiting[kind], *ready = &s->ready[kind];
    uint64_t due_ms = UINT64_MAX;
    if (waiting->count > 0) due_ms = waiting->items[0].key;
    if (ready->count > 0) due_ms = least(due_ms, s->entries[ready->items[0].entry].due_ms);
    if (due_ms < UINT64_MAX) next = least(next, most(due_ms, repeats_ms));
  }
  return next;
}
