/* The timing wheel.
 *
 * Happy path: time is counted in ticks since open. The near level has a slot for each tick that
 * shares all but the last 14 bits with the current one, which is at most 164 s: a deadline of a
 * minute lies there at once, or after one fall. Beyond it a timer's slot is found from its due
 * tick: the highest digit (of six bits) in which it differs from the current tick names the level,
 * that digit names the slot. When time enters a far slot, its timers fall to lower levels; when it
 * enters a near one, they are due and weir_wheel_expired takes them. Bitmaps let time jump from
 * one used slot to the next, so silence costs nothing.
 *
 * A timer lies anywhere in the pool, so what a deadline costs is how often it is visited: when it
 * is armed, when it expires, and at most a few falls in between.
 *
 * A far slot may hold millions. A call lets so many fall that the loop stays awake; meanwhile
 * nothing later expires, so the order by tick holds.
 *
 * What can go wrong: nothing of the world's. An owner out of range and a clock that runs backwards
 * are mistakes of the caller, and trap.
 *
 * Nine digits above the near level cover every tick that a 64-bit count of milliseconds can hold,
 * so no due time needs to be cut or treated apart.
 */
#include "weir_wheel.h"

enum {
  NEAR_BITS = 14,
  NEAR_SLOTS = 1 << NEAR_BITS,
  NEAR_WORDS = NEAR_SLOTS / 64,
  DIGIT_BITS = 6,
  SLOTS = 1 << DIGIT_BITS,
  FAR_LEVELS = 9,
  PLACES = NEAR_SLOTS + FAR_LEVELS * SLOTS,
  PLACE_NONE = PLACES /* not armed */
};

_Static_assert(NEAR_BITS + FAR_LEVELS * DIGIT_BITS >= 64, "every tick has a place");

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
  uint32_t falling;                     /* the far slot that time has entered; PLACE_NONE: none */
  uint64_t near_words[NEAR_WORDS / 64]; /* bit w: word w of near is not zero */
  uint64_t near[NEAR_WORDS];            /* bit s: near slot s is not empty */
  uint64_t far[FAR_LEVELS];             /* the same of a far level */
};

static uint32_t head_of(const weir_wheel *w, uint32_t place) {
  return w->capacity + place;
}

static bool place_is_empty(const weir_wheel *w, uint32_t place) {
  return w->timers[head_of(w, place)].next == head_of(w, place);
}

static void set_used(weir_wheel *w, uint32_t place) {
  if (place < NEAR_SLOTS) {
    w->near[place / 64] |= 1ull << (place % 64);
    w->near_words[place / 4096] |= 1ull << (place / 64 % 64);
  } else {
    w->far[(place - NEAR_SLOTS) / SLOTS] |= 1ull << (place % SLOTS);
  }
}

static void clear_used(weir_wheel *w, uint32_t place) {
  if (place >= NEAR_SLOTS) {
    w->far[(place - NEAR_SLOTS) / SLOTS] &= ~(1ull << (place % SLOTS));
    return;
  }
  w->near[place / 64] &= ~(1ull << (place % 64));
  if (w->near[place / 64] == 0) w->near_words[place / 4096] &= ~(1ull << (place / 64 % 64));
}

/* Rounded up: a timer may be late by less than a tick, never early. */
static uint64_t tick_of_due(const weir_wheel *w, uint64_t due_ms) {
  if (due_ms <= w->start_ms) return 0;
  uint64_t after = due_ms - w->start_ms;
  return after / WEIR_WHEEL_TICK_MS + (after % WEIR_WHEEL_TICK_MS != 0 ? 1 : 0);
}

static uint32_t shift_of(uint32_t level) {
  return NEAR_BITS + level * DIGIT_BITS;
}

/* What is due already lies in the slot of the current tick. */
static uint32_t place_of(const weir_wheel *w, uint64_t due_tick) {
  if (due_tick <= w->tick) return (uint32_t)w->tick & (NEAR_SLOTS - 1);
  uint32_t highest = 63u - (uint32_t)__builtin_clzll(due_tick ^ w->tick);
  if (highest < NEAR_BITS) return (uint32_t)due_tick & (NEAR_SLOTS - 1);
  uint32_t level = (highest - NEAR_BITS) / DIGIT_BITS;
  uint32_t digit = (uint32_t)(due_tick >> shift_of(level)) & (SLOTS - 1);
  return NEAR_SLOTS + level * SLOTS + digit;
}

static void link_last(weir_wheel *w, uint32_t owner, uint32_t place) {
  uint32_t head = head_of(w, place);
  timer *t = &w->timers[owner];
  t->place = place;
  t->next = head;
  t->previous = w->timers[head].previous;
  w->timers[t->previous].next = owner;
  w->timers[head].previous = owner;
  set_used(w, place);
}

static void unlink_timer(weir_wheel *w, uint32_t owner) {
  timer *t = &w->timers[owner];
  uint32_t place = t->place;
  WEIR_ASSERT(place < PLACES);
  w->timers[t->previous].next = t->next;
  w->timers[t->next].previous = t->previous;
  t->place = PLACE_NONE;
  if (place_is_empty(w, place)) clear_used(w, place);
}

/* The first `max` timers of a slot leave it at once: those behind them are not touched but for
 * the first. */
static size_t take_first(weir_wheel *w, uint32_t place, uint32_t *owners, size_t max) {
  uint32_t head = head_of(w, place);
  uint32_t owner = w->timers[head].next;
  size_t taken = 0;
  while (owner != head && taken < max) {
    timer *t = &w->timers[owner];
    owners[taken++] = owner;
    t->place = PLACE_NONE;
    owner = t->next;
  }
  w->timers[head].next = owner;
  w->timers[owner].previous = head;
  if (owner == head) clear_used(w, place);
  return taken;
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
  w->falling = PLACE_NONE;
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
 * is in use holds the earliest, and its lowest slot does. */
static bool next_slot(const weir_wheel *w, uint32_t *place, uint64_t *tick) {
  if (w->falling != PLACE_NONE) {
    *place = w->falling;
    *tick = w->tick;
    return true;
  }
  for (uint32_t i = 0; i < NEAR_WORDS / 64; i++) {
    if (w->near_words[i] == 0) continue;
    uint32_t word = i * 64 + (uint32_t)__builtin_ctzll(w->near_words[i]);
    *place = word * 64 + (uint32_t)__builtin_ctzll(w->near[word]);
    *tick = w->tick >> NEAR_BITS << NEAR_BITS | *place;
    return true;
  }
  for (uint32_t level = 0; level < FAR_LEVELS; level++) {
    if (w->far[level] == 0) continue;
    uint32_t slot = (uint32_t)__builtin_ctzll(w->far[level]);
    uint32_t above = shift_of(level) + DIGIT_BITS;
    uint64_t base = above >= 64 ? 0 : w->tick >> above << above;
    *place = NEAR_SLOTS + level * SLOTS + slot;
    *tick = base | (uint64_t)slot << shift_of(level);
    return true;
  }
  return false;
}

/* Time has entered the far slot: its timers fall to lower levels, so many in one call. The next one
 * is fetched while this one is placed: they lie apart in memory. */
static bool fall(weir_wheel *w, size_t *left) {
  uint32_t place = w->falling, owner;
  while (*left > 0 && !place_is_empty(w, place)) {
    (void)take_first(w, place, &owner, 1);
    __builtin_prefetch(&w->timers[w->timers[head_of(w, place)].next], 1);
    uint32_t lower = place_of(w, w->timers[owner].due_tick);
    WEIR_ASSERT(lower < place);
    link_last(w, owner, lower);
    --*left;
  }
  if (!place_is_empty(w, place)) return false;
  w->falling = PLACE_NONE;
  return true;
}

size_t weir_wheel_expired(weir_wheel *w, uint64_t now_ms, uint32_t *owners, size_t max) {
  WEIR_ASSERT(now_ms >= w->start_ms);
  uint64_t target = (now_ms - w->start_ms) / WEIR_WHEEL_TICK_MS;
  WEIR_ASSERT(target >= w->tick);
  size_t taken = 0, falls_left = WEIR_WHEEL_FALLS_MAX;
  while (taken < max) {
    uint32_t place;
    uint64_t tick;
    if (!next_slot(w, &place, &tick) || tick > target) {
      w->tick = target;
      break;
    }
    w->tick = tick;
    if (place < NEAR_SLOTS) {
      taken += take_first(w, place, owners + taken, max - taken);
      continue;
    }
    w->falling = place;
    if (!fall(w, &falls_left)) break;
  }
  w->count -= (uint32_t)taken;
  return taken;
}

uint64_t weir_wheel_next(const weir_wheel *w) {
  uint32_t place;
  uint64_t tick;
  if (!next_slot(w, &place, &tick)) return UINT64_MAX;
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
    WEIR_ASSERT(place == w->falling || place_of(w, w->timers[at].due_tick) == place);
    WEIR_ASSERT(seen < w->count);
    seen++;
    before = at;
  }
  WEIR_ASSERT(w->timers[head].previous == before);
  return seen;
}

/* The timers of the places that this word of a bitmap says are used. */
static uint32_t check_word(const weir_wheel *w, uint64_t word, uint32_t first_place) {
  uint32_t seen = 0;
  for (; word != 0; word &= word - 1) {
    uint32_t here = check_place(w, first_place + (uint32_t)__builtin_ctzll(word));
    WEIR_ASSERT(here != 0);
    seen += here;
  }
  return seen;
}

/* A timer in a place that no bitmap knows would be armed and not seen. */
void weir_wheel_check(const weir_wheel *w) {
  uint32_t seen = 0;
  for (uint32_t word = 0; word < NEAR_WORDS; word++) {
    WEIR_ASSERT((w->near_words[word / 64] >> (word % 64) & 1) == (w->near[word] != 0));
    seen += check_word(w, w->near[word], word * 64);
  }
  for (uint32_t level = 0; level < FAR_LEVELS; level++) {
    seen += check_word(w, w->far[level], NEAR_SLOTS + level * SLOTS);
  }
  WEIR_ASSERT(seen == w->count);
  uint32_t armed = 0;
  for (uint32_t owner = 0; owner < w->capacity; owner++) {
    if (w->timers[owner].place != PLACE_NONE) armed++;
  }
  WEIR_ASSERT(armed == w->count);
}
