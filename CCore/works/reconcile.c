/* 对账码: two people compare, by telephone, a count and eight digits over what crossed. Equal codes
 * prove, without a way back, that both units hold the same handovers under the same numbers.
 *
 *   the code   over the crossing numbers of a range, each with its handover: SHA-256 over one line
 *              a number, `CROSSING HANDOVER ARRIVED` and a line feed, in rising order, shortened to
 *              eight digits as RFC 4226 shortens an HMAC. What an inner unit has taken and not yet
 *              made safe does not count. ARRIVED tells a handover from the one that an outer unit
 *              gave the same number before its folder was restored or emptied: nobody confirms
 *              the new one because the old one lies inside
 *   of states  a second code, 版本对账码, over `CROSSING HANDOVER ARRIVED REVISION`: the newest
 *              revision that lies inside, and the newest that the link was given
 *   to confirm either code of the other side is typed at the outer unit, with a name. The code of
 *              states confirms every open data leg of the range, the other one those of which only
 *              one revision ever crossed: it does not say which one lies inside, so where there are
 *              several the newest goes on crossing. Each is a record of its own
 *   a wrong    code changes nothing and offers those of the two halves, so that people find the
 *              difference
 *   a crash    the confirmation is journalled before its matters, and a start goes on with what it
 *              had not done yet. What arose after it, or had not gone to the link, is not confirmed
 */
#include "internal.h"

#include <string.h>

enum { RANGE_MAX = 1000 * 1000, BATCHES_A_TURN = 16 };

/* What lies under a crossing number: the key of its handover, 0: nothing is known of it. */
static uint64_t key_at(const weir_unit *u, const ledger *l, uint64_t crossing) {
  return l ? l->entries[crossing].handover : u->digest.crossed[crossing].handover;
}

static uint32_t revision_at(const weir_unit *u, const ledger *l, uint64_t crossing) {
  return l ? l->entries[crossing].revision : u->digest.crossed[crossing].revision;
}

static uint32_t arrived_at(const weir_unit *u, const ledger *l, uint64_t crossing) {
  return l ? l->entries[crossing].arrived : u->digest.crossed[crossing].arrived;
}

uint32_t crossed_arrival(int64_t arrived_ms) {
  return (uint32_t)((uint64_t)arrived_ms % UINT32_MAX) + 1;
}

weir_status reconcile_open(weir_unit *u) {
  if (u->options.inner) return WEIR_OK;
  u->digest.crossed = weir_allocate(LEDGER_MAX + 1, sizeof *u->digest.crossed);
  return u->digest.crossed ? WEIR_OK : WEIR_OUT_OF_MEMORY;
}

void reconcile_close(weir_unit *u) {
  weir_free(u->digest.crossed);
}

crossed_number *reconcile_at(const weir_unit *u, uint64_t crossing) {
  if (!u->digest.crossed || crossing == 0 || crossing > LEDGER_MAX) return NULL;
  return &u->digest.crossed[crossing];
}

bool reconcile_has(const weir_unit *u, const weir_state *s) {
  const crossed_number *n = reconcile_at(u, s->crossing);
  return n && n->handover == state_key(s);
}

void reconcile_offered(weir_unit *u, const matter_record *r, weir_position position) {
  crossed_number *n = reconcile_at(u, r->state.crossing);
  if (!n) return;
  u->digest.offered = position;
  n->revision = r->state.revision;
  n->first_ms = r->now.wall_ms;
}

void reconcile_note(weir_unit *u, const weir_state *s) {
  crossed_number *n = reconcile_at(u, s->crossing);
  if (!n) return;
  n->handover = state_key(s);
  n->arrived = crossed_arrival(s->arrived_ms);
}

/* `FROM-TO` or one number; an empty text stands for all, or the newest RANGE_MAX of them. */
static bool range_read(weir_bytes text, uint64_t top, span *range) {
  if (top > LEDGER_MAX) top = LEDGER_MAX;
  if (text.count == 0) {
    *range = (span){top > RANGE_MAX ? top - RANGE_MAX + 1 : 1, top};
    return true;
  }
  const uint8_t *dash = memchr(text.at, '-', text.count);
  weir_bytes from = weir_view(text.at, dash ? (size_t)(dash - text.at) : text.count);
  weir_bytes to = dash ? weir_view(dash + 1, text.count - from.count - 1) : from;
  if (weir_decimal_read(from, &range->from) != WEIR_OK) return false;
  if (weir_decimal_read(to, &range->to) != WEIR_OK) return false;
  bool good = range->from >= 1 && range->from <= range->to && range->to <= LEDGER_MAX;
  return good && range->to - range->from < RANGE_MAX;
}

static void put_code(weir_sha256_run *run, uint8_t into[RECONCILE_DIGITS]) {
  uint8_t digest[32];
  weir_sha256_end(run, digest);
  weir_buffer code = weir_buffer_over(into, RECONCILE_DIGITS);
  weir_put_padded(&code, weir_truncate(weir_view(digest, sizeof digest), RECONCILE_DIGITS),
                  RECONCILE_DIGITS);
}

static reconciliation reconcile(const weir_unit *u, const ledger *l, span range) {
  reconciliation r = {0};
  weir_sha256_run run, states;
  const char *unit = l ? l->unit : u->name;
  weir_sha256_begin(&run);
  weir_sha256_begin(&states);
  for (uint64_t n = range.from; n <= range.to; n++) {
    uint64_t key = key_at(u, l, n);
    if (key == 0) continue;
    uint8_t line[HANDOVER_TEXT_MAX + 48];
    weir_buffer b = weir_buffer_over(line, sizeof line);
    bool drill = key >> 63 != 0;
    handover_text number =
        handover_write(unit, (uint32_t)(key >> 32) & INT32_MAX, (uint32_t)key, drill);
    weir_put_decimal(&b, n);
    weir_put_text(&b, " ");
    weir_put(&b, handover_view(&number));
    weir_put_text(&b, " ");
    weir_put_decimal(&b, arrived_at(u, l, n));
    size_t both = b.count;
    weir_put_text(&b, "\n");
    weir_sha256_add(&run, weir_buffer_view(&b));
    b.count = both;
    weir_put_text(&b, " ");
    weir_put_decimal(&b, revision_at(u, l, n));
    weir_put_text(&b, "\n");
    weir_sha256_add(&states, weir_buffer_view(&b));
    r.count++;
    r.drills += drill;
  }
  put_code(&run, r.code);
  put_code(&states, r.state_code);
  return r;
}

static void put_range(weir_buffer *b, span range) {
  weir_put_text(b, "\"range\":\"");
  weir_put_decimal(b, range.from);
  weir_put_text(b, "-");
  weir_put_decimal(b, range.to);
  weir_put_text(b, "\"");
}

static void put_reconciliation(weir_buffer *b, const char *unit, span range,
                               const reconciliation *r) {
  weir_put_text(b, "{\"unit\":");
  weir_put_quoted(b, weir_text(unit));
  weir_put_text(b, ",");
  put_range(b, range);
  weir_put_text(b, ",\"count\":");
  weir_put_decimal(b, r->count);
  weir_put_text(b, ",\"drills\":");
  weir_put_decimal(b, r->drills);
  weir_put_text(b, ",\"code\":\"");
  weir_put(b, weir_view(r->code, RECONCILE_DIGITS));
  weir_put_text(b, "\",\"stateCode\":\"");
  weir_put(b, weir_view(r->state_code, RECONCILE_DIGITS));
  weir_put_text(b, "\"}");
}

static void put_one(weir_unit *u, const ledger *l, span range, weir_buffer *b) {
  reconciliation r = {0};
  if (range.from <= range.to) r = reconcile(u, l, range);
  if (range.from > range.to) { /* nothing has crossed yet */
    memset(r.code, '0', sizeof r.code);
    memset(r.state_code, '0', sizeof r.state_code);
  }
  put_reconciliation(b, l ? l->unit : u->name, range, &r);
}

/* The ledger that a request names, or each in turn from `*at` on; null: no more. */
static const ledger *next_ledger(const weir_unit *u, weir_bytes sender, uint32_t *at) {
  while (*at < WEIR_LINK_SENDERS_MAX) {
    const ledger *l = &u->ledgers[(*at)++];
    if (l->used && (sender.count == 0 || weir_equal(sender, weir_text(l->unit)))) return l;
  }
  return NULL;
}

static uint64_t top_of(const weir_unit *u, const ledger *l) {
  if (!l) return u->crossing_highest;
  return l->highest_seen > l->highest_sent ? l->highest_seen : l->highest_sent;
}

static void answer_codes(weir_unit *u, connection *c, entry *e) {
  weir_buffer b = weir_buffer_over(u->render_memory, ANSWER_BYTES_MAX);
  uint32_t at = 0;
  span range;
  bool first = true, good = true;
  weir_put_text(&b, "{");
  put_ref(&b, e->message.ref);
  weir_put_text(&b, "\"digests\":[");
  const ledger *l = u->options.inner ? next_ledger(u, e->message.id, &at) : NULL;
  if (u->options.inner) deliver_set_aside(u);
  while (good && (l || (!u->options.inner && first))) {
    if (!first) weir_put_text(&b, ",");
    good = range_read(e->message.range, top_of(u, l), &range);
    if (good) put_one(u, l, range, &b);
    l = u->options.inner ? next_ledger(u, e->message.id, &at) : NULL;
    first = false;
  }
  if (u->options.inner) deliver_put_back(u);
  weir_put_text(&b, "]}");
  if (!good) {
    set_field(e->field, "range");
    apply_refusal(u, c, e, WEIR_REFUSAL_BAD_VALUE);
    return;
  }
  connection_answer(u, c, weir_buffer_view(&b), 0);
}

/* ---- Confirming ----------------------------------------------------------------------------- */

/* Does this matter wait for a comparison of this range? */
static bool is_waiting(const matter *m, const confirmed_record *r) {
  const weir_state *s = &m->state;
  if (!m->used || s->crossing < r->range.from || s->crossing > r->range.to) return false;
  return s->data == DATA_QUEUED;
}

/* And does the code prove that its newest revision lies on the other side? */
static bool is_proved(const matter *m, const confirmed_record *r) {
  if (!is_waiting(m, r)) return false;
  /* A revision that the link had not been given when people compared cannot be there. */
  if (m->offered == 0 || m->offered > r->offered) return false;
  if (m->offered_revision != m->crossing_revision) return false;
  bool all = r->states || WEIR_CANARY(ANY_REVISION);
  return all || m->first_crossing_revision == m->crossing_revision;
}

static uint32_t count_if(const weir_unit *u, const confirmed_record *r,
                         bool (*is_one)(const matter *, const confirmed_record *)) {
  uint32_t count = 0;
  for (uint32_t slot = 0; slot < u->slots_used; slot++) count += is_one(&u->matters[slot], r);
  return count;
}

/* One batch of data legs. False: nothing is left to confirm, or there is no room just now. */
static bool confirm_batch(weir_unit *u) {
  weir_step steps[WEIR_BATCH_MAX];
  uint32_t slots[WEIR_BATCH_MAX];
  size_t count = 0;
  if (!has_room_to_settle(u)) return false;
  for (; u->digest.slot < u->slots_used && count < WEIR_BATCH_MAX; u->digest.slot++) {
    const matter *m = &u->matters[u->digest.slot];
    if (!is_proved(m, &u->digest.confirming)) continue;
    weir_step *s = &steps[count];
    batch_fill_step(u, u->digest.slot, WEIR_STEP_EVENT, s);
    s->event = WEIR_EVENT_RECEIPT;
    s->flags |= WEIR_STEP_DIGEST;
    s->state.confirmed_revision = m->offered_revision;
    s->state.confirmed_by = WEIR_CONFIRMED_BY_DIGEST;
    s->state.confirmed_ms = u->now.wall_ms;
    slots[count++] = u->digest.slot;
  }
  const weir_bytes words = weir_view(u->digest.words, u->digest.words_count);
  if (count) u->options.desk.judge(u->options.desk.context, steps, count);
  for (size_t i = 0; i < count; i++) {
    if (apply_own(u, slots[i], &steps[i], words)) u->last_proof_ms = u->now.wall_ms;
  }
  if (u->digest.slot < u->slots_used) return true;
  u->digest.confirming.position = 0;
  return false;
}

void reconcile_tick(weir_unit *u) {
  for (unsigned i = 0; i < BATCHES_A_TURN && u->digest.confirming.position != 0; i++) {
    if (!confirm_batch(u)) return;
  }
}

void reconcile_recover(weir_unit *u, const confirmed_record *r) {
  weir_message m;
  weir_message_fault fault;
  weir_buffer w = weir_buffer_over(u->digest.words, sizeof u->digest.words);
  if (weir_message_read(r->line, WEIR_MESSAGE_UNIT, u->record_scratch, &m, &fault)) {
    weir_put_text(&w, "{\"op\":\"digest\",\"by\":");
    weir_put_quoted(&w, m.by);
    weir_put_text(&w, "}");
  }
  u->digest.words_count = w.overflow ? 0 : w.count;
  u->digest.confirming = *r;
  u->digest.confirming.line.count = 0; /* it goes with its frame */
  u->digest.slot = 0;
  u->last_proof_ms = r->now.wall_ms;
}

/* The digits that were typed, spaces forgiven; false when there are not exactly eight. */
static bool typed_digits(weir_bytes text, uint8_t digits[RECONCILE_DIGITS]) {
  size_t count = 0;
  for (size_t i = 0; i < text.count; i++) {
    if (text.at[i] == ' ') continue;
    if (text.at[i] < '0' || text.at[i] > '9' || count == RECONCILE_DIGITS) return false;
    digits[count++] = text.at[i];
  }
  return count == RECONCILE_DIGITS;
}

/* A wrong code: nothing changes; the halves help to find where the two sides differ. */
static void refuse_with_halves(weir_unit *u, connection *c, const entry *e, span range) {
  u->counters.refused++;
  weir_buffer b = weir_buffer_over(u->render_memory, ANSWER_BYTES_MAX);
  answer_refusal(u, &b, e->message.ref, WEIR_REFUSAL_WRONG_CODE, "code", NULL, SILENT);
  if (range.to > range.from) {
    uint64_t middle = range.from + (range.to - range.from) / 2;
    b.count--; /* the closing brace */
    weir_put_text(&b, ",\"halves\":[");
    put_one(u, NULL, (span){range.from, middle}, &b);
    weir_put_text(&b, ",");
    put_one(u, NULL, (span){middle + 1, range.to}, &b);
    weir_put_text(&b, "]}");
  }
  connection_answer(u, c, weir_buffer_view(&b), 0);
}

static void confirm(weir_unit *u, connection *c, entry *e, span range, bool states) {
  confirmed_record r = {u->now, range, u->digest.offered, states, 0, e->line};
  uint8_t head[64];
  weir_buffer b = weir_buffer_over(head, sizeof head);
  record_put_confirmed(&b, &r);
  const weir_bytes parts[2] = {weir_buffer_view(&b), e->line};
  uint64_t serial = 0;
  if (!unit_append(u, RECORD_CONFIRMED, parts, 2, &serial, &r.position)) {
    refuse_unjournalled(u, c, e);
    return;
  }
  reconcile_recover(u, &r);
  effects_add(u, serial, r.position, NULL);
  weir_buffer a = weir_buffer_over(u->render_memory, ANSWER_BYTES_MAX);
  weir_put_text(&a, "{");
  put_ref(&a, e->message.ref);
  put_range(&a, range);
  weir_put_text(&a, ",\"durable\":true,\"confirmed\":");
  uint32_t proved = count_if(u, &r, is_proved);
  weir_put_decimal(&a, proved);
  weir_put_text(&a, ",\"goOnCrossing\":");
  weir_put_decimal(&a, count_if(u, &r, is_waiting) - proved);
  weir_put_text(&a, "}");
  reconcile_tick(u);
  connection_answer(u, c, weir_buffer_view(&a), weir_journal_appended(u->journal));
}

static unsigned confirm_refusal(weir_unit *u, entry *e, span *range) {
  const weir_message *m = &e->message;
  if (u->options.inner) return WEIR_REFUSAL_WRONG_UNIT;
  if (u->stopping) return WEIR_REFUSAL_STOPPING;
  if (!(m->present & WEIR_HAS_BY)) {
    set_field(e->field, "by");
    return WEIR_REFUSAL_MISSING_FIELD;
  }
  bool good = range_read(m->range, u->crossing_highest, range) && range->to <= u->crossing_highest;
  if (!good) {
    set_field(e->field, "range");
    return WEIR_REFUSAL_BAD_VALUE;
  }
  return u->digest.confirming.position ? WEIR_REFUSAL_OVERLOADED : WEIR_REFUSAL_NONE;
}

void apply_digest(weir_unit *u, connection *c, entry *e) {
  const weir_message *m = &e->message;
  if (!(m->present & WEIR_HAS_CODE)) {
    answer_codes(u, c, e);
    return;
  }
  span range;
  uint8_t digits[RECONCILE_DIGITS];
  unsigned refusal = confirm_refusal(u, e, &range);
  if (refusal != WEIR_REFUSAL_NONE) {
    apply_refusal(u, c, e, refusal);
    return;
  }
  reconciliation own = reconcile(u, NULL, range);
  bool good = own.count > 0 && typed_digits(m->code, digits);
  bool states = good && memcmp(digits, own.state_code, RECONCILE_DIGITS) == 0;
  if (states || (good && memcmp(digits, own.code, RECONCILE_DIGITS) == 0)) {
    confirm(u, c, e, range, states);
  } else {
    refuse_with_halves(u, c, e, range);
  }
}
