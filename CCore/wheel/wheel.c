/* The timing wheel.
 *
 * Happy path: time is counted in ticks since open. A timer's slot is found from its due tick: the
 * highest digit (of six bits) in which it differs from the current tick names the level, that digit
 * names the slot. When time enters a slot of a higher level, its timers are placed anew and so
 * fall to lower levels; when it enters a slot of level 0, they are due and move to the due list,
 * from which weir_wheel_expired takes them. A bitmap a level lets time jump from one used slot to
 * the next, so silence costs nothing.
 *
 * What can go wrong: nothing of the world's. An owner out of range and a clock that runs backwards
 * are mistakes of the caller, and trap.
 *
 * Eleven digits cover every tick that a 64-bit count of milliseconds can hold, so no due time needs
 * to be cut or treated apart.
 */
#include "weir_wheel.h"

enum {
  DIGIT_BITS = 6,
  SLOTS = 1 << DIGIT_BITS,
  LEVELS = 11,
  PLACE_DUE = LEVELS * SLOTS, /* the list of what is due already */
  PLACES = PLACE_DUE + 1,
  PLACE_NONE = PLACES /* not armed */
};

_Static_assert(LEVELS *DIGIT_BITS >= 64, "every tick has a place");

/* A timer, or the head of a place's ring (heads follow the timers in the pool). */
typedef struct timer {
  uint64_t due_tick;
  uint32_t next;
  uint32_t previous;
  uint32_t place;
} timer;

_Static_assert(sizeof(timer) == 24, "a deadline costs 24 bytes");

struct weir_wheel {
  timer *timers; /* capacity of them, then PLACES heads */
  uint64_t start_ms;
  uint64_t tick;
  uint32_t capacity;
  uint32_t count;
  uint64_t used[LEVELS]; /* bit s: slot s of the level is not empty */
};

static uint32_t head_of(const weir_wheel *w, uint32_t place) {
  return w->capacity + place;
}

static bool place_is_empty(const weir_wheel *w, uint32_t place) {
  return w->timers[head_of(w, place)].next == head_of(w, place);
}

static uint32_t digit_of(uint64_t tick, unsigned level) {
  return (uint32_t)(tick >> (level * DIGIT_BITS)) & (SLOTS - 1);
}

/* Rounded up: a timer may be late by less than a tick, never early. */
static uint64_t tick_of_due(const weir_wheel *w, uint64_t due_ms) {
  if (due_ms <= w->start_ms) return 0;
  uint64_t after = due_ms - w->start_ms;
  return after / WEIR_WHEEL_TICK_MS + (after % WEIR_WHEEL_TICK_MS != 0 ? 1 : 0);
}

static uint32_t place_of(const weir_wheel *w, uint64_t due_tick) {
  if (due_tick <= w->tick) return PLACE_DUE;
  unsigned highest = 63u - (unsigned)__builtin_clzll(due_tick ^ w->tick);
  unsigned level = highest / DIGIT_BITS;
  return level * SLOTS + digit_of(due_tick, level);
}

static void link_last(weir_wheel *w, uint32_t owner, uint32_t place) {
  uint32_t head = head_of(w, place);
  timer *t = &w->timers[owner];
  t->place = place;
  t->next = head;
  t->previous = w->timers[head].previous;
  w->timers[t->previous].next = owner;
  w->timers[head].previous = owner;
  if (place < PLACE_DUE) w->used[place / SLOTS] |= 1ull << (place % SLOTS);
}

static void unlink_timer(weir_wheel *w, uint32_t owner) {
  timer *t = &w->timers[owner];
  uint32_t place = t->place;
  WEIR_ASSERT(place < PLACES);
  w->timers[t->previous].next = t->next;
  w->timers[t->next].previous = t->previous;
  t->place = PLACE_NONE;
  if (place < PLACE_DUE && place_is_empty(w, place)) {
    w->used[place / SLOTS] &= ~(1ull << (place % SLOTS));
  }
}

weir_status weir_wheel_open(uint32_t capacity, uint64_t now_ms, weir_wheel **out) {
  if (capacity == 0 || capacity > UINT32_MAX - PLACES) return WEIR_INVALID;
  weir_wheel *w = weir_allocate(1, sizeof *w);
  if (w == NULL) return WEIR_OUT_OF_MEMORY;
  w->timers = weir_allocate((size_t)capacity + PLACES, sizeof *w->timers);
  if (w->timers == NULL) {
    weir_free(w);
    return WEIR_OUT_OF_MEMORY;
  }
  w->capacity = capacity;
  w->start_ms = now_ms;
  for (uint32_t owner = 0; owner < capacity; owner++) {
    w->timers[owner].place = PLACE_NONE;
  }
  for (uint32_t place = 0; place < PLACES; place++) {
    uint32_t head = head_of(w, place);
    w->timers[head] = (timer){.next = head, .previous = head, .place = place};
  }
  *out = w;
  return WEIR_OK;
}

void weir_wheel_close(weir_wheel *w) {
  if (w == NULL) return;
  weir_free(w->timers);
  weir_free(w);
}

void weir_wheel_arm(weir_wheel *w, uint32_t owner, uint64_t due_ms) {
  WEIR_ASSERT(owner < w->capacity);
  timer *t = &w->timers[owner];
  if (t->place == PLACE_NONE) {
    w->count++;
  } else {
    unlink_timer(w, owner);
  }
  t->due_tick = tick_of_due(w, due_ms);
  link_last(w, owner, place_of(w, t->due_tick));
}

bool weir_wheel_cancel(weir_wheel *w, uint32_t owner) {
  WEIR_ASSERT(owner < w->capacity);
  if (w->timers[owner].place == PLACE_NONE) return false;
  unlink_timer(w, owner);
  w->count--;
  return true;
}

bool weir_wheel_armed(const weir_wheel *w, uint32_t owner) {
  WEIR_ASSERT(owner < w->capacity);
  return w->timers[owner].place != PLACE_NONE;
}

uint32_t weir_wheel_count(const weir_wheel *w) {
  return w->count;
}

/* The used slot that time enters next, and the tick at which it does; false when there is none.
 * Every timer of a level shares all higher digits with the current tick, so the lowest level that
 * is in use holds the earliest. */
static bool next_slot(const weir_wheel *w, uint32_t *place, uint64_t *tick) {
  for (unsigned level = 0; level < LEVELS; level++) {
    if (w->used[level] == 0) continue;
    unsigned slot = (unsigned)__builtin_ctzll(w->used[level]);
    unsigned shift = level * DIGIT_BITS;
    uint64_t above = shift + DIGIT_BITS >= 64 ? 0 : w->tick >> (shift + DIGIT_BITS);
    uint64_t base = shift + DIGIT_BITS >= 64 ? 0 : above << (shift + DIGIT_BITS);
    *place = level * SLOTS + slot;
    *tick = base | (uint64_t)slot << shift;
    return true;
  }
  return false;
}

/* Time has entered the slot: its timers are due, or fall to lower levels. The ring is given up as a
 * whole, and the next timer is fetched while this one is placed: they lie apart in memory. */
static void empty_slot_on_expired(weir_wheel *w, uint32_t place) {
  uint32_t head = head_of(w, place);
  uint32_t owner = w->timers[head].next;
  w->timers[head].next = head;
  w->timers[head].previous = head;
  w->used[place / SLOTS] &= ~(1ull << (place % SLOTS));
  while (owner != head) {
    uint32_t next = w->timers[owner].next;
    __builtin_prefetch(&w->timers[next], 1);
    uint32_t lower = place_of(w, w->timers[owner].due_tick);
    WEIR_ASSERT(lower == PLACE_DUE || lower < place);
    link_last(w, owner, lower);
    owner = next;
  }
}

size_t weir_wheel_expired(weir_wheel *w, uint64_t now_ms, uint32_t *owners, size_t max) {
  WEIR_ASSERT(now_ms >= w->start_ms);
  uint64_t target = (now_ms - w->start_ms) / WEIR_WHEEL_TICK_MS;
  WEIR_ASSERT(target >= w->tick);
  uint32_t due = head_of(w, PLACE_DUE);
  size_t taken = 0;
  while (taken < max) {
    if (w->timers[due].next != due) {
      uint32_t owner = w->timers[due].next;
      unlink_timer(w, owner);
      w->count--;
      owners[taken++] = owner;
      continue;
    }
    uint32_t place;
    uint64_t tick;
    if (!next_slot(w, &place, &tick) || tick > target) {
      w->tick = target;
      break;
    }
    w->tick = tick;
    empty_slot_on_expired(w, place);
  }
  return taken;
}

uint64_t weir_wheel_next(const weir_wheel *w) {
  uint32_t place;
  uint64_t tick;
  if (!place_is_empty(w, PLACE_DUE)) {
    tick = w->tick;
  } else if (!next_slot(w, &place, &tick)) {
    return UINT64_MAX;
  }
  if (tick > (UINT64_MAX - w->start_ms) / WEIR_WHEEL_TICK_MS) return UINT64_MAX;
  return w->start_ms + tick * WEIR_WHEEL_TICK_MS;
}

static uint32_t check_place(const weir_wheel *w, uint32_t place) {
  uint32_t head = head_of(w, place);
  uint32_t seen = 0;
  uint32_t before = head;
  for (uint32_t at = w->timers[head].next; at != head; at = w->timers[at].next) {
    WEIR_ASSERT(at < w->capacity);
    WEIR_ASSERT(w->timers[at].previous == before);
    WEIR_ASSERT(w->timers[at].place == place);
    WEIR_ASSERT(place_of(w, w->timers[at].due_tick) == place);
    WEIR_ASSERT(seen < w->count);
    seen++;
    before = at;
  }
  WEIR_ASSERT(w->timers[head].previous == before);
  return seen;
}

void weir_wheel_check(const weir_wheel *w) {
  uint32_t seen = 0;
  for (uint32_t place = 0; place < PLACES; place++) {
    uint32_t here = check_place(w, place);
    if (place < PLACE_DUE) {
      bool used = (w->used[place / SLOTS] >> (place % SLOTS) & 1) != 0;
      WEIR_ASSERT(used == (here != 0));
    }
    seen += here;
  }
  WEIR_ASSERT(seen == w->count);
  uint32_t armed = 0;
  for (uint32_t owner = 0; owner < w->capacity; owner++) {
    if (w->timers[owner].place != PLACE_NONE) armed++;
  }
  WEIR_ASSERT(armed == w->count);
}
