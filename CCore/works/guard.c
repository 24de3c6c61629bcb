/* The guard against sending a caller on a third time within 24 h, by 12345 or by 110.
 *
 *   counted     a caller guided elsewhere or advised to redial by this unit; and, at 12345's
 *               intake, the caller's word that 110 sent them here
 *   kept as     keyed hashes of telephone numbers, under a key that seal derives for nothing else;
 *               after a change of keys the hashes of every epoch in the ring are looked at
 *   recovered   from the journal's records, which carry hash and effect
 *   bounded     two generations: when the newer is full, the older is forgotten
 *
 * A drill never counts. Without keys there is no link, and a plain hash must do. */
#include "internal.h"

enum { GUARD_MAX = 65536, DAY_MS = 24 * 60 * 60 * 1000, TIMES_MAX = 2, PHONE_MAX = 20 };

weir_status guard_open(weir_unit *u) {
  weir_status status = index_open(&u->guard[0], GUARD_MAX);
  return status == WEIR_OK ? index_open(&u->guard[1], GUARD_MAX) : status;
}

void guard_close(weir_unit *u) {
  index_close(&u->guard[0]);
  index_close(&u->guard[1]);
}

/* One number however it was typed: digits only, without China's own country code. */
static weir_bytes plain_number(weir_bytes phone, uint8_t digits[PHONE_MAX]) {
  size_t count = 0;
  for (size_t i = 0; i < phone.count && count < PHONE_MAX; i++) {
    bool is_digit = phone.at[i] >= '0' && phone.at[i] <= '9';
    if (is_digit) digits[count++] = phone.at[i];
  }
  bool abroad = phone.count > 0 && phone.at[0] == '+';
  if (!abroad && count > 4 && digits[0] == '0' && digits[1] == '0') {
    abroad = true;
    digits += 2;
    count -= 2;
  }
  bool own = abroad && count > 2 && digits[0] == '8' && digits[1] == '6';
  return own ? weir_view(digits + 2, count - 2) : weir_view(digits, count);
}

static uint64_t hash_of(const weir_unit *u, uint32_t epoch, weir_bytes number) {
  uint64_t hash = 0;
  bool keyed = u->options.keys &&
               weir_caller_hash(u->options.keys, epoch, u->name, number, &hash) == WEIR_OK;
  if (!keyed) hash = weir_hash(0, number);
  return hash ? hash : 1;
}

uint64_t guard_caller(const weir_unit *u, weir_bytes phone) {
  uint8_t digits[PHONE_MAX];
  uint32_t epoch = u->options.keys ? weir_keyring_newest(u->options.keys) : 0;
  return hash_of(u, epoch, plain_number(phone, digits));
}

static void note_once(weir_unit *u, uint64_t caller, int64_t wall_ms) {
  weir_index *newer = &u->guard[u->guard_generation];
  if (index_add(newer, caller, (uint64_t)wall_ms) == WEIR_OK) return;
  u->guard_generation ^= 1;
  newer = &u->guard[u->guard_generation];
  index_clear(newer);
  weir_status status = index_add(newer, caller, (uint64_t)wall_ms);
  WEIR_ASSERT(status == WEIR_OK);
}

void guard_note(weir_unit *u, const matter_record *r) {
  if (r->state.caller == 0 || r->now.wall_ms <= 0) return;
  bool intake = r->step_kind == WEIR_STEP_INTAKE;
  if (intake && (r->step_flags & WEIR_STEP_REDIALLED)) {
    note_once(u, r->state.caller, r->now.wall_ms);
  }
  if (r->effects & WEIR_EFFECT_SENT_AWAY) note_once(u, r->state.caller, r->now.wall_ms);
}

/* How often within the last day; no more than TIMES_MAX are counted. */
static unsigned times_of(const weir_unit *u, uint64_t caller) {
  unsigned times = 0;
  for (unsigned g = 0; g < 2; g++) {
    const weir_index *x = &u->guard[g];
    for (const index_entry *e = index_find(x, caller, NULL); e; e = index_find(x, caller, e)) {
      if ((int64_t)e->value > u->now.wall_ms - DAY_MS) times++;
      if (times == TIMES_MAX) return times;
    }
  }
  return times;
}

bool guard_is_full(const weir_unit *u, const entry *e, const weir_step *step) {
  const weir_message *m = &e->message;
  unsigned times = step->kind == WEIR_STEP_INTAKE && m->redialled ? 1 : 0;
  if (u->guard[0].count + u->guard[1].count == 0) return false;
  if (!(m->present & WEIR_HAS_PHONE)) {
    return step->state.caller && times + times_of(u, step->state.caller) >= TIMES_MAX;
  }
  uint8_t digits[PHONE_MAX];
  weir_bytes number = plain_number(m->phone, digits);
  size_t epochs = u->options.keys ? weir_keyring_count(u->options.keys) : 1;
  for (size_t i = 0; i < epochs; i++) {
    uint32_t epoch = 0, expires = 0;
    weir_suite suite;
    if (u->options.keys) weir_keyring_entry(u->options.keys, i, &epoch, &suite, &expires);
    times += times_of(u, hash_of(u, epoch, number));
  }
  return times >= TIMES_MAX;
}
