/* The batch: up to 64 messages or deadlines that cross to the judge in one call.
 *
 *   happy path   a sweep takes lines from every connection in turn, those with danger first; each
 *                becomes a step; the judge fills in the verdicts; each is applied in order
 *   two lines    for one handover, or with one ref: the batch ends before the second, so that it
 *                sees what the first did
 *   bad line     stands in the batch as a refusal, so that answers keep their order; of one that
 *                is too long the rest is looked at too, while it is skipped
 *   no room      in the journal's buffer: lines stay where they are until the sync has ended;
 *                danger goes on into what is kept for it */
#include "internal.h"

#include <string.h>

enum {
  RECORD_OVERHEAD = 512,     /* a record's head, beside its line */
  DANGER_ROOM = 1024 * 1024, /* of the journal's buffer, kept for danger */
  SWEEP_SHARE_MIN = 1,
  UNDECIDED_RETRY_MS = 1000
};

void set_field(char field[48], const char *name) {
  weir_buffer b = weir_buffer_over(field, 47);
  weir_put_text(&b, name);
  field[b.count] = 0;
}

static bool is_danger(const weir_message *m) {
  if (m->facts & WEIR_FACTS_VOICE) return true;
  return m->op == WEIR_OP_EVENT &&
         (m->event == WEIR_EVENT_DANGER_RAISED || m->event == WEIR_EVENT_ESCALATED);
}

/* May this request be refused for load or disk? Never danger, nor what belongs to an emergency. */
static bool is_pressing(const weir_unit *u, const entry *e) {
  if (e->danger) return true;
  return e->slot != NO_SLOT && (u->matters[e->slot].state.flags & FLAG_EMERGENCY);
}

static bool is_write(const weir_message *m) {
  return m->op <= WEIR_OP_EVENT;
}

/* How the unit stands, for policies that ask. */
static uint16_t state_flags_of(const weir_unit *u) {
  unsigned flags = 0;
  if (effects_waiting(u) + u->step_count >= WEIR_INFLIGHT_HIGH) flags |= WEIR_STEP_OVERLOADED;
  uint64_t failed = u->carrier_failed_ms;
  if (failed && u->now.boot_ms < failed + CARRIER_LOST_MS) flags |= WEIR_STEP_CARRIER_LOST;
  return (uint16_t)flags;
}

void batch_fill_step(const weir_unit *u, uint32_t slot, uint8_t kind, weir_step *s) {
  memset(s, 0, sizeof *s);
  s->kind = kind;
  s->now = (weir_moment){u->boot_ms_above, u->now.wall_ms};
  s->flags = state_flags_of(u);
  s->verdict = WEIR_VERDICT_ESCALATE;
  if (slot != NO_SLOT) {
    s->has_before = true;
    s->state = u->matters[slot].state;
  }
}

weir_step *batch_add_step(weir_unit *u, uint32_t slot, uint8_t kind) {
  WEIR_ASSERT(u->step_count < WEIR_BATCH_MAX);
  weir_step *s = &u->steps[u->step_count++];
  batch_fill_step(u, slot, kind, s);
  return s;
}

bool names_supervisor(const weir_unit *u, weir_bytes by) {
  if (by.count == 0) return false;
  if (WEIR_CANARY(ANYBODY_CLEARS)) return true;
  for (size_t i = 0; i < u->options.supervisor_count; i++) {
    if (weir_equal(by, weir_text(u->options.supervisors[i]))) return true;
  }
  return false;
}

static uint16_t step_flags_of(const weir_unit *u, const weir_message *m) {
  unsigned flags = 0;
  if (names_supervisor(u, m->by)) flags |= WEIR_STEP_BY_SUPERVISOR;
  if (m->reason.count) flags |= WEIR_STEP_REASON;
  if (m->reached) flags |= WEIR_STEP_REACHED;
  if (m->redialled) flags |= WEIR_STEP_REDIALLED;
  if (m->confidential) flags |= WEIR_STEP_CONFIDENTIAL;
  if (m->drill) flags |= WEIR_STEP_DRILL;
  if (m->seat.count) flags |= WEIR_STEP_SEAT;
  if (m->left) flags |= WEIR_STEP_LEFT;
  return (uint16_t)flags;
}

/* What only some requests carry into the state: which matter it follows, who is called, which
 * revision a receipt code confirms. */
static void fill_state(const weir_unit *u, const entry *e, weir_step *s) {
  if (e->earlier != NO_SLOT) {
    const weir_state *earlier = &u->matters[e->earlier].state;
    /* A rehearsal's contact says nothing of who was called first in earnest. */
    if (e->message.drill == ((earlier->flags & FLAG_DRILL) != 0)) {
      s->first_platform = earlier->first_platform;
      s->first_contact_ms = earlier->first_contact_ms;
    }
    s->state.follows_day = earlier->day;
    s->state.follows_serial = earlier->serial;
    s->state.follows_drill = (earlier->flags & FLAG_DRILL) != 0;
  }
  if (e->confirms == 0) return;
  const matter *m = &u->matters[e->slot];
  s->state.confirmed_revision = e->confirms;
  s->state.confirmed_by = WEIR_CONFIRMED_BY_CODE;
  s->state.confirmed_ms = u->now.wall_ms;
  s->state.receipt_tries = 0;
  /* The newest may not be durable yet, and so not on the link: it was not read out. */
  if (e->confirms < m->crossing_revision || e->confirms < m->offered_revision) {
    s->flags |= WEIR_STEP_OLDER_REVISION;
  }
}

static void fill_step(const weir_unit *u, const entry *e, weir_step *s) {
  const weir_message *m = &e->message;
  s->event = m->op == WEIR_OP_EVENT ? m->event : 0;
  s->cause = m->cause;
  s->agreed_owner = m->owner;
  s->platform = m->platform;
  s->channel = m->channel;
  s->flags |= step_flags_of(u, m);
  s->facts = m->facts;
  s->county = m->county;
  s->received_ms = (m->present & WEIR_HAS_RECEIVED_AT) ? m->received_at_ms : 0;
  s->party = m->party ? (uint8_t)(1u << (m->party - 1)) : 0;
  fill_state(u, e, s);
}

static void make_step(weir_unit *u, entry *e) {
  const weir_message *m = &e->message;
  uint8_t kind = m->op == WEIR_OP_INTAKE   ? WEIR_STEP_INTAKE
                 : m->op == WEIR_OP_UPDATE ? WEIR_STEP_UPDATE
                                           : WEIR_STEP_EVENT;
  fill_step(u, e, batch_add_step(u, e->slot, kind));
  e->judged = true;
}

/* A decision that sends a caller away is weighed once more where that would be the third time. */
static void guard_on_judged(weir_unit *u, const entry *e, weir_step *step) {
  bool away = step->verdict == WEIR_VERDICT_CHANGED && (step->effects & WEIR_EFFECT_SENT_AWAY);
  if (!away || (step->state.flags & FLAG_DRILL) || !guard_is_full(u, e, step)) return;
  weir_step again;
  batch_fill_step(u, e->slot, step->kind, &again);
  fill_step(u, e, &again);
  again.flags |= WEIR_STEP_SENT_AWAY_TWICE;
  u->options.desk.judge(u->options.desk.context, &again, 1);
  if (again.verdict == WEIR_VERDICT_ESCALATE) return;
  *step = again;
  u->counters.guarded++;
}

/* Which platforms and channels a unit takes: the outer one 12345's and 110's internet channel,
 * the inner one 110's. */
static bool is_for_this_unit(const weir_unit *u, const weir_message *m) {
  if (u->options.inner) return m->platform == WEIR_PLATFORM_110;
  return m->platform == WEIR_PLATFORM_12345 || m->channel == WEIR_CHANNEL_INTERNET;
}

static unsigned refusal_for_intake(const weir_unit *u, const weir_message *m, char field[48]) {
  if (!is_for_this_unit(u, m)) {
    set_field(field, "receivedBy");
    return WEIR_REFUSAL_WRONG_UNIT;
  }
  if ((m->present & WEIR_HAS_RECEIVED_AT) && m->received_at_ms > u->now.wall_ms + TIME_AHEAD_MS) {
    set_field(field, "receivedAt");
    return WEIR_REFUSAL_TIME_AHEAD;
  }
  if (m->drill && !drills_are_open(u)) {
    set_field(field, "drill");
    return WEIR_REFUSAL_DRILL_CLOSED;
  }
  return WEIR_REFUSAL_NONE;
}

/* Load, stop and disk: who may still come in, behind so many that were taken before. */
static unsigned refusal_for_state(weir_unit *u, const entry *e) {
  size_t before = (size_t)(e - u->entries);
  if (u->failing) return WEIR_REFUSAL_UNIT_FAILING;
  if (u->stopping) return WEIR_REFUSAL_STOPPING;
  if (is_pressing(u, e) && !WEIR_CANARY(FULL_FOR_DANGER)) return WEIR_REFUSAL_NONE;
  if (weir_journal_scarce(u->journal)) return WEIR_REFUSAL_DISK_FULL;
  if (effects_waiting(u) + before >= WEIR_INFLIGHT_HIGH) return WEIR_REFUSAL_OVERLOADED;
  return WEIR_REFUSAL_NONE;
}

/* The key of the handover with this number: a whole number, or one of today's spoken ones. Numbers
 * never go back with the clock, so neither does the day that a spoken one belongs to. */
static weir_status key_of_handover(const weir_unit *u, weir_bytes number, uint64_t *key) {
  uint32_t day = weir_day_of(u->now.wall_ms);
  return handover_read(u->name, day > u->day ? day : u->day, number, key);
}

static unsigned find_handover(weir_unit *u, entry *e, const char *field, weir_bytes number,
                              uint32_t *slot) {
  uint64_t key = 0;
  set_field(e->field, field);
  weir_status read = key_of_handover(u, number, &key);
  e->misread = read == WEIR_REFUSED;
  if (read != WEIR_OK) return WEIR_REFUSAL_UNKNOWN_HANDOVER;
  *slot = matter_find(u, key);
  if (*slot == NO_SLOT) return WEIR_REFUSAL_UNKNOWN_HANDOVER;
  e->field[0] = 0;
  return WEIR_REFUSAL_NONE;
}

/* Persons act over the control socket; the reader of delivered items does nothing else. */
static bool is_allowed(const connection *c, uint8_t op) {
  bool takes = op == WEIR_OP_TAKE || op == WEIR_OP_TAKEN;
  if (takes || c->taker) return takes && c->taker;
  return op <= WEIR_OP_STATUS || op == WEIR_OP_TRACE || c->control;
}

/* Everything that can be said against a request before the policy is asked. */
static unsigned refusal_for_entry(weir_unit *u, entry *e) {
  const weir_message *m = &e->message;
  connection *c = &u->connections[e->connection];
  if (!is_allowed(c, m->op)) return WEIR_REFUSAL_NOT_ALLOWED;
  unsigned refusal = WEIR_REFUSAL_NONE;
  if (m->present & WEIR_HAS_HANDOVER) {
    refusal = find_handover(u, e, "handover", m->handover, &e->slot);
  } else if (m->present & WEIR_HAS_FOLLOWS) {
    refusal = find_handover(u, e, "follows", m->follows, &e->earlier);
  }
  if (refusal == WEIR_REFUSAL_NONE && m->op == WEIR_OP_INTAKE) {
    refusal = refusal_for_intake(u, m, e->field);
  }
  if (refusal == WEIR_REFUSAL_NONE && is_write(m)) refusal = refusal_for_state(u, e);
  bool receipt = m->op == WEIR_OP_EVENT && m->event == WEIR_EVENT_RECEIPT;
  if (refusal == WEIR_REFUSAL_NONE && receipt) {
    refusal = receipt_refusal(u, e->slot, m->code, &e->confirms);
  }
  bool update = m->op == WEIR_OP_UPDATE;
  if (refusal == WEIR_REFUSAL_NONE && update && matter_is_full(u, e->slot)) {
    refusal = WEIR_REFUSAL_TOO_MANY;
  }
  return refusal;
}

/* One that changes other matters than it names: a report's acknowledgement, a comparison. */
static bool settles_many(const weir_message *m) {
  if (m->op == WEIR_OP_DIGEST) return (m->present & WEIR_HAS_CODE) != 0;
  return m->op == WEIR_OP_EVENT && m->event == WEIR_EVENT_REPORT_ACKNOWLEDGED;
}

/* Does this request need what an earlier one in the batch does: one with its ref, one for its
 * handover, an intake that may be about to get this very number, or one that settles many? */
static bool must_wait(const weir_unit *u, const entry *e) {
  const weir_message *m = &e->message;
  const batch_changes *b = &u->changes;
  if (b->settles && (m->present & WEIR_HAS_HANDOVER)) return true;
  if (b->count == 0) return false;
  if (m->ref.count) {
    for (size_t i = 0; i < b->count; i++) {
      if (b->refs[i] == e->ref_hash) return true;
    }
  }
  if (m->present & (WEIR_HAS_REPORT | WEIR_HAS_FOLLOWS)) return true;
  if (!(m->present & WEIR_HAS_HANDOVER)) return false;
  uint64_t key = 0;
  if (settles_many(m)) return true;
  if (key_of_handover(u, m->handover, &key) != WEIR_OK) return false;
  for (size_t i = 0; i < b->count; i++) {
    if (b->keys[i] == key) return true;
  }
  return b->intakes && index_find(&u->handovers, key, NULL) == NULL;
}

/* What later lines of the batch must know of this one. */
static void note_change(weir_unit *u, const entry *e) {
  const weir_message *m = &e->message;
  batch_changes *b = &u->changes;
  if (e->refusal != WEIR_REFUSAL_NONE) return;
  b->settles = b->settles || settles_many(m);
  if (!is_write(m)) return;
  uint64_t key = 0; /* no handover has this one */
  if (m->present & WEIR_HAS_HANDOVER) (void)key_of_handover(u, m->handover, &key);
  b->refs[b->count] = e->ref_hash;
  b->keys[b->count++] = key;
  b->intakes = b->intakes || m->op == WEIR_OP_INTAKE;
}

static size_t needed_for(const weir_bytes line) {
  return line.count + RECORD_OVERHEAD;
}

/* Room in the journal's buffer for one more line, beside those in the batch. */
static bool journal_has_room(const weir_unit *u, weir_bytes line, bool danger) {
  size_t kept = danger ? 0 : DANGER_ROOM;
  return weir_journal_room(u->journal) >= u->batch_bytes + needed_for(line) + kept;
}

/* Danger that shows in the rest of a line that was refused as too long is kept and told, once a
 * line. False: there is no room for it now. */
static bool look_at_skipped(weir_unit *u, connection *c) {
  weir_bytes rest = c->frame.skipped;
  c->head = HEAD_UNKNOWN;
  if (c->long_told || !(weir_message_facts_shown(rest) & WEIR_FACTS_VOICE)) return true;
  if (!journal_has_room(u, rest, true)) return false;
  quarantine_line(u, rest, WEIR_REFUSAL_LINE_TOO_LONG);
  c->long_told = true;
  return true;
}

/* Reads the line into the entry: a message, or why it is none. */
static void read_entry(weir_unit *u, entry *e, weir_status framed) {
  weir_message_fault fault = {0};
  uint8_t *scratch = u->scratch + u->entry_count * WEIR_MESSAGE_SCRATCH;
  if (framed == WEIR_TOO_LONG) {
    e->refusal = WEIR_REFUSAL_LINE_TOO_LONG;
  } else if (!weir_message_read(e->line, WEIR_MESSAGE_UNIT, scratch, &e->message, &fault)) {
    e->refusal = fault.refusal;
    memcpy(e->field, fault.field, sizeof e->field);
  }
  e->danger = e->refusal == WEIR_REFUSAL_NONE
                  ? is_danger(&e->message)
                  : (weir_message_facts_shown(e->line) & WEIR_FACTS_VOICE) != 0;
  if (e->message.ref.count == 0) return;
  e->ref_hash = ref_hash_of(u, e->message.ref);
  refs_prefetch(u, e->ref_hash);
}

/* Requests that are answered when somebody else has done something. */
static bool is_waited_for(const weir_message *m) {
  return m->op == WEIR_OP_RELOAD || m->op == WEIR_OP_TAKEN;
}

/* What becomes of a request that was read: a repeat of an earlier one, whatever may be said against
 * it now; a refusal; or a step for the judge. */
static void prepare_entry(weir_unit *u, entry *e) {
  const weir_message *m = &e->message;
  if (e->refusal != WEIR_REFUSAL_NONE) return;
  e->repeated = is_write(m) && m->ref.count && refs_may_have(u, m->ref, e->ref_hash);
  if (e->repeated) return;
  e->refusal = (uint8_t)refusal_for_entry(u, e);
  if (e->refusal == WEIR_REFUSAL_NONE && is_write(m) && !settles_many(m)) make_step(u, e);
  if (is_waited_for(m) && e->refusal != WEIR_REFUSAL_NONE) {
    u->connections[e->connection].waiting = false;
  }
}

/* Puts the next line of a connection into the batch. False: the line stays; `again` says whether
 * the batch must be judged before it can be taken. */
static bool take_line(weir_unit *u, uint32_t index, bool *again) {
  connection *c = &u->connections[index];
  *again = false;
  if (!c->used || c->closing || c->watching || c->waiting || !connection_has_room(c)) return false;
  if (effects_waiting(u) + u->entry_count >= WEIR_INFLIGHT_MAX) return false;
  weir_frame before = c->frame;
  weir_bytes line;
  weir_status status = weir_frame_next(&c->frame, &line);
  if (c->frame.skipped.count > 0 && !look_at_skipped(u, c)) {
    c->frame = before;
    return false;
  }
  if (status == WEIR_AGAIN) return false;
  entry *e = &u->entries[u->entry_count];
  memset(e, 0, sizeof *e);
  e->connection = index;
  e->line = line;
  e->slot = NO_SLOT;
  e->earlier = NO_SLOT;
  read_entry(u, e, status);
  bool waits = e->refusal == WEIR_REFUSAL_NONE && must_wait(u, e);
  if (waits || !journal_has_room(u, line, e->danger) || !connection_promise(u, c, &e->message)) {
    *again = waits;
    c->frame = before;
    return false;
  }
  note_change(u, e);
  c->head = HEAD_UNKNOWN;
  if (status == WEIR_TOO_LONG) c->long_told = e->danger;
  /* What stands behind it waits for its answer, also in this batch. */
  c->waiting = e->refusal == WEIR_REFUSAL_NONE && is_waited_for(&e->message);
  u->batch_bytes += needed_for(line);
  u->entry_count++;
  return true;
}

/* Connections whose next line shows danger come before the others. A line is looked at once. */
static bool head_is_danger(connection *c) {
  const weir_frame *f = &c->frame;
  size_t waiting = f->end - f->begin;
  if (c->head != HEAD_UNKNOWN) return c->head == HEAD_DANGER;
  if (waiting == 0 || waiting == c->head_waiting) return false;
  const uint8_t *end = memchr(f->at + f->begin, '\n', waiting);
  if (!end && f->ended) end = f->at + f->end;
  c->head_waiting = end ? 0 : waiting;
  if (!end) return false;
  weir_bytes line = weir_view(f->at + f->begin, (size_t)(end - f->at) - f->begin);
  bool danger = (weir_message_facts_plain(line) & WEIR_FACTS_VOICE) != 0;
  c->head = danger ? HEAD_DANGER : HEAD_PLAIN;
  return danger;
}

static bool has_input(const connection *c) {
  return c->used && !c->closing && !c->watching && !c->waiting && c->frame.end > c->frame.begin;
}

/* Takes up to `share` lines of one connection. True when the batch must be judged first. */
static bool take_share(weir_unit *u, uint32_t index, size_t share) {
  bool again = false;
  for (size_t i = 0; i < share && u->entry_count < WEIR_BATCH_MAX; i++) {
    if (!take_line(u, index, &again)) return again;
  }
  return false;
}

/* One sweep over the connections, beginning behind the one that was served last. True when the
 * batch must be judged before more is taken. */
static bool sweep(weir_unit *u, size_t share, bool danger_only) {
  uint32_t count = u->connection_end, index = u->round < count ? u->round : 0;
  bool again = false;
  for (uint32_t i = 0; i < count && !again && u->entry_count < WEIR_BATCH_MAX; i++) {
    connection *c = &u->connections[index];
    uint32_t here = index;
    if (++index == count) index = 0;
    if (!has_input(c) || (danger_only && !head_is_danger(c))) continue;
    again = take_share(u, here, share);
    if (!danger_only) u->round = index;
  }
  return again;
}

bool batch_take_lines(weir_unit *u) {
  size_t waiting = 0;
  for (uint32_t i = 0; i < u->connection_end; i++) waiting += has_input(&u->connections[i]);
  if (waiting == 0) return false;
  size_t share = WEIR_BATCH_MAX / waiting;
  if (share < SWEEP_SHARE_MIN) share = SWEEP_SHARE_MIN;
  bool again = waiting > 1 && sweep(u, share, true);
  if (!again) again = sweep(u, share, false);
  bool took = u->entry_count > 0;
  batch_judge(u);
  return took || again;
}

void batch_judge(weir_unit *u) {
  for (size_t i = 0; i < u->entry_count; i++) prepare_entry(u, &u->entries[i]);
  if (u->step_count) u->options.desk.judge(u->options.desk.context, u->steps, u->step_count);
  size_t step = 0;
  for (size_t i = 0; i < u->entry_count; i++) {
    entry *e = &u->entries[i];
    weir_step *judged = e->judged ? &u->steps[step++] : NULL;
    if (judged) guard_on_judged(u, e, judged);
    apply_message(u, e, judged);
  }
  WEIR_ASSERT(step == u->step_count);
  for (size_t i = 0; i < u->entry_count; i++) {
    if (u->entries[i].slot != NO_SLOT) matter_put_back(u, u->entries[i].slot);
    if (u->entries[i].earlier != NO_SLOT) matter_put_back(u, u->entries[i].earlier);
    u->connections[u->entries[i].connection].promised = 0;
  }
  u->changes = (batch_changes){0};
  u->entry_count = 0;
  u->step_count = 0;
  u->batch_bytes = 0;
}

bool batch_take_deadlines(weir_unit *u) {
  uint32_t owners[WEIR_BATCH_MAX];
  const weir_bytes none = {NULL, 0};
  if (weir_journal_room(u->journal) < WEIR_BATCH_MAX * RECORD_OVERHEAD * 2) return false;
  if (effects_waiting(u) + WEIR_BATCH_MAX > EFFECTS) return false;
  size_t count = weir_wheel_expired(u->wheel, u->now.boot_ms, owners, WEIR_BATCH_MAX);
  if (count == 0) return false;
  for (size_t i = 0; i < count; i++) {
    matter *m = &u->matters[owners[i]];
    weir_step *s = batch_add_step(u, owners[i], WEIR_STEP_DEADLINE);
    if (m->state.deadline.boot_ms < u->started.boot_ms) s->flags |= WEIR_STEP_UNATTENDED;
    if (m->clock_uncertain) s->flags |= WEIR_STEP_CLOCK_UNCERTAIN;
  }
  u->options.desk.judge(u->options.desk.context, u->steps, u->step_count);
  for (size_t i = 0; i < count; i++) {
    if (apply_own(u, owners[i], &u->steps[i], none)) continue;
    bool decided = u->steps[i].verdict == WEIR_VERDICT_CHANGED;
    weir_wheel_arm(u->wheel, owners[i],
                   u->now.boot_ms + (decided ? WEIR_WHEEL_TICK_MS : UNDECIDED_RETRY_MS));
  }
  u->step_count = 0;
  u->counters.deadlines += count;
  return count == WEIR_BATCH_MAX;
}
