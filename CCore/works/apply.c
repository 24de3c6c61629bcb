/* What becomes of a message after the judge: a record in the journal, a state, and an answer that
 * waits for the sync; or a refusal that changes nothing.
 *
 *   changed     numbers are given (handover, crossing, report), the record is appended, the state
 *               taken up, the answer put behind the earlier ones of its connection
 *   escalate    the judge did not reach it: a person decides; it is journalled as unclear, with
 *               110 dispatching first where there is danger
 *   duplicate   the first answer's bytes again, or refConflict
 *   full        the journal waits for its disk: the request is refused `overloaded`
 *   no space    the reserve is spent: the unit fails */
#include "internal.h"

#include <string.h>

enum { SETTLE_ROOM = 64 * 1024 };

bool unit_append(weir_unit *u, uint8_t kind, const weir_bytes *parts, size_t count,
                 uint64_t *serial, weir_position *position) {
  if (u->failing) return false;
  weir_status status = weir_journal_append(u->journal, kind, parts, count, serial, position);
  if (status == WEIR_OK && kind != RECORD_TAKEN) u->pressing_record = *serial;
  if (status == WEIR_OK) return true;
  if (status != WEIR_FULL) unit_fail(u, status);
  return false;
}

/* The next number of today; the day never goes back, so that no number is given twice. */
static void number_on_intake(weir_unit *u, weir_state *s) {
  bool drill = s->flags & FLAG_DRILL;
  uint32_t day = weir_day_of(u->now.wall_ms);
  uint32_t given = drill ? u->drill_day : u->day;
  if (day <= given) {
    s->day = given;
    s->serial = (drill ? u->drill_serial : u->day_serial) + 1;
  } else {
    s->day = day;
    s->serial = 1;
  }
}

/* A report that was acknowledged is over: what happens to its matter later is a new one. A matter
 * whose fault becomes another kind goes to the open report of that kind: reports keep theirs. */
static void number_crossing_and_report(weir_unit *u, uint32_t slot, weir_state *s,
                                       uint16_t effects) {
  if ((effects & WEIR_EFFECT_CROSS) && s->crossing == 0) s->crossing = u->crossing_highest + 1;
  bool raised = (effects & WEIR_EFFECT_REPORT) && s->report == REPORT_RAISED;
  outbox_mark_state(u, &u->matters[slot].state, s);
  const weir_state *before = &u->matters[slot].state;
  bool stays = before->report == REPORT_RAISED && before->report_kind == s->report_kind;
  if (raised && (s->report_number == 0 || !stays)) {
    uint32_t open = *report_open_of(u, s);
    s->report_number = open ? open : u->report_highest + 1;
  }
}

/* A step that nobody judged is handed to a person: unclear, and with danger 110 dispatches. */
static void escalate(weir_unit *u, weir_step *s) {
  weir_state *state = &s->state;
  bool danger = (s->facts & WEIR_FACTS_VOICE) != 0;
  u->counters.escalated++;
  state->revision++;
  state->facts |= s->facts;
  state->ever_facts |= s->facts;
  state->flags |= FLAG_UNDECIDED | (danger ? (uint32_t)FLAG_EMERGENCY : 0);
  if (!s->has_before && (s->flags & WEIR_STEP_DRILL)) state->flags |= FLAG_DRILL;
  bool drill = state->flags & FLAG_DRILL;
  if (!s->has_before) {
    state->platform = s->platform;
    state->channel = s->channel;
    state->county = s->county;
    state->arrived_ms = s->now.wall_ms;
    state->received_ms = s->received_ms ? s->received_ms : s->now.wall_ms;
  }
  state->decision_text = 0; /* what a policy said before holds no more */
  state->owner = OWNER_UNCLEAR;
  state->action = danger ? ACTION_DISPATCH_FIRST : ACTION_THREE_WAY_CALL;
  state->phase = danger ? PHASE_DISPATCHED_FIRST : PHASE_TALKING;
  state->lane = danger ? WEIR_LANE_DANGER : WEIR_LANE_PHONE;
  state->dial_text = drill ? u->drill_dial : u->refusal_dial;
  state->say_text = drill ? u->drill_say : u->refusal_say;
  state->deadline = (weir_moment){s->now.boot_ms + 60000, s->now.wall_ms + 60000};
  state->deadline_kind = DEADLINE_REMINDER;
  if (danger) {
    state->voice = VOICE_DUE;
    state->minute = state->deadline;
    state->deadline_kind = DEADLINE_MINUTE;
    state->data = DATA_QUEUED;
    state->flags |= FLAG_CROSSES;
    s->effects |= WEIR_EFFECT_CROSS;
  }
  s->effects |= WEIR_EFFECT_ALARM;
  s->verdict = WEIR_VERDICT_CHANGED;
}

/* Was a danger raised or cleared? What takes an emergency away counts as clearing. */
static bool is_about_danger(const weir_state *before, const weir_step *step) {
  unsigned event = step->kind == WEIR_STEP_EVENT ? step->event : WEIR_EVENT_COUNT;
  uint16_t authority = WEIR_STEP_BY_SUPERVISOR | WEIR_STEP_REASON;
  if (event == WEIR_EVENT_DANGER_RAISED || event == WEIR_EVENT_ESCALATED) return true;
  if (event == WEIR_EVENT_DANGER_CLEARED) return true;
  if (step->state.facts & ~before->facts & WEIR_FACTS_DANGER) return true;
  bool ends = event == WEIR_EVENT_CANCELLED || event == WEIR_EVENT_CLOSED;
  return (before->flags & FLAG_EMERGENCY) && (step->flags & authority) == authority &&
         (ends || step->kind == WEIR_STEP_UPDATE);
}

/* Who may be sent away, now or later, is known by a hash of the number. */
static void note_caller(const weir_unit *u, const entry *e, weir_step *step) {
  weir_state *s = &step->state;
  bool away = (step->effects & WEIR_EFFECT_SENT_AWAY) || (step->flags & WEIR_STEP_REDIALLED);
  bool later = s->phase == PHASE_VERIFYING || s->phase == PHASE_TALKING;
  if (!(e->message.present & WEIR_HAS_PHONE) || (s->flags & FLAG_DRILL)) return;
  if (away || later || s->caller) s->caller = guard_caller(u, e->message.phone);
}

/* Appends the record of a change and takes up its state. `line` is what the record keeps of the
 * request; `e` is the request whose ref must be remembered, or null. */
static bool journal_change(weir_unit *u, uint32_t slot, const weir_step *step, weir_bytes line,
                           const entry *e, matter_record *r, uint64_t *serial) {
  matter *m = &u->matters[slot];
  r->step_kind = step->kind;
  r->event = step->event;
  r->effects = step->effects;
  if (is_about_danger(&m->state, step)) r->effects |= WEIR_EFFECT_DANGER;
  r->step_flags = step->flags;
  r->now = step->now;
  r->previous = m->last;
  r->previous_body = m->body;
  r->previous_danger = m->danger;
  r->state = step->state;
  r->line = line;
  uint8_t head[512];
  weir_buffer b = weir_buffer_over(head, sizeof head);
  record_put_matter(&b, r);
  WEIR_ASSERT(!b.overflow);
  const weir_bytes parts[2] = {weir_buffer_view(&b), line};
  weir_position position = 0;
  if (!unit_append(u, RECORD_MATTER, parts, 2, serial, &position)) return false;
  effects_add(u, *serial, position, r);
  matter_settle(u, slot, r, position);
  if (r->state.crossing != 0) readings_keep(u, position, parts);
  if (e && e->message.ref.count) refs_add(u, e->ref_hash, position);
  return true;
}

unsigned refusal_unjournalled(const weir_unit *u) {
  return u->failing ? WEIR_REFUSAL_OUTCOME_UNKNOWN : WEIR_REFUSAL_OVERLOADED;
}

void refuse_unjournalled(weir_unit *u, connection *c, const entry *e) {
  apply_refusal(u, c, e, refusal_unjournalled(u));
}

static void count_change(weir_unit *u, const weir_step *step, bool redialled) {
  bool intake = step->kind == WEIR_STEP_INTAKE;
  if (step->state.flags & FLAG_DRILL) {
    if (intake) u->counters.drill_intakes++;
    return;
  }
  if (intake) u->counters.intakes++;
  if (step->kind == WEIR_STEP_UPDATE) u->counters.updates++;
  if (step->kind == WEIR_STEP_EVENT) u->counters.events++;
  if (intake && redialled) u->counters.redialled++;
}

static void apply_change(weir_unit *u, connection *c, entry *e, weir_step *step) {
  bool intake = step->kind == WEIR_STEP_INTAKE;
  if (intake) {
    e->slot = matter_take(u);
    if (e->slot == NO_SLOT) {
      apply_refusal(u, c, e, WEIR_REFUSAL_TOO_MANY);
      return;
    }
    number_on_intake(u, &step->state);
  }
  number_crossing_and_report(u, e->slot, &step->state, step->effects);
  note_caller(u, e, step);
  matter_record r;
  uint64_t serial = 0;
  if (!journal_change(u, e->slot, step, e->line, e, &r, &serial)) {
    if (intake) matter_release(u, e->slot);
    if (intake) e->slot = NO_SLOT;
    refuse_unjournalled(u, c, e);
    return;
  }
  count_change(u, step, e->message.redialled);
  weir_buffer b = weir_buffer_over(u->render_memory, ANSWER_BYTES_MAX);
  answer_change(u, &b, &r, e->message.ref);
  connection_answer(u, c, weir_buffer_view(&b), serial);
}

bool apply_own(weir_unit *u, uint32_t slot, weir_step *step, weir_bytes line) {
  if (step->verdict != WEIR_VERDICT_CHANGED) {
    u->counters.escalated++;
    if (weir_log_begin(u->log, WEIR_LOG_ERROR, true, u->now.wall_ms, "undecided",
                       "a deadline was not decided; it is tried again in a second")) {
      (void)weir_log_end(u->log);
    }
    return false;
  }
  if (WEIR_CANARY(NO_REPORT)) step->effects &= (uint16_t)~WEIR_EFFECT_REPORT;
  number_crossing_and_report(u, slot, &step->state, step->effects);
  matter_record r;
  uint64_t serial = 0;
  bool stands = journal_change(u, slot, step, line, NULL, &r, &serial);
  bool drill = step->state.flags & FLAG_DRILL;
  if (stands && step->event == WEIR_EVENT_DEADLINE_PASSED) {
    *(drill ? &u->counters.drill_late : &u->counters.late) += 1;
  }
  return stands;
}

static bool is_for_load(unsigned refusal) {
  return refusal == WEIR_REFUSAL_OVERLOADED || refusal == WEIR_REFUSAL_STOPPING ||
         refusal == WEIR_REFUSAL_DISK_FULL || refusal == WEIR_REFUSAL_UNIT_FAILING ||
         refusal == WEIR_REFUSAL_OUTCOME_UNKNOWN || refusal == WEIR_REFUSAL_TOO_MANY;
}

/* How many wrong codes may still be typed. */
static void put_tries(weir_buffer *b, unsigned tries) {
  if (tries >= RECEIPT_TRIES_MAX) {
    weir_put_text(b, ": the matter's code is locked; compare the digest of both units");
    return;
  }
  weir_put_text(b, "; tries left: ");
  weir_put_decimal(b, RECEIPT_TRIES_MAX - tries);
}

static bool is_of_drill(const weir_unit *u, const entry *e) {
  if (e->message.drill && drills_are_open(u)) return true; /* else it may be a real one */
  return e->slot != NO_SLOT && u->matters[e->slot].state.flags & FLAG_DRILL;
}

/* What an event does not find in a matter. Who has the code of a crossing that expired in hand is
 * told what is left to do. */
static void put_need(weir_buffer *b, const weir_state *s, unsigned event) {
  weir_put_text(b, ": the phase is ");
  weir_put_text(b, phase_name(s->phase));
  if (event == WEIR_EVENT_RECEIPT && s->data == DATA_EXPIRED) {
    weir_put_text(b, ", its crossing expired. Ask 110 by telephone whether it has the matter: then "
                     "nothing is left to do; if not, an update sends it anew, under a new code");
    return;
  }
  weir_put_text(b, ", and it needs ");
  weir_put_text(b, event_needs(event));
}

void apply_refusal(weir_unit *u, connection *c, const entry *e, unsigned refusal) {
  u->counters.refused++;
  if (refusal == WEIR_REFUSAL_OVERLOADED) u->counters.overloaded++;
  bool drill = is_of_drill(u, e);
  if (e->danger && !drill && !u->failing) quarantine_line(u, e->line, refusal);
  char message[256];
  weir_buffer text = weir_buffer_over(message, sizeof message - 1);
  weir_put_text(&text, weir_refusal_text(refusal));
  if (refusal == WEIR_REFUSAL_NOT_NOW && e->slot != NO_SLOT) {
    put_need(&text, &u->matters[e->slot].state, e->message.event);
  }
  /* Not which digit would fit: any of them may be the wrong one. */
  if (e->misread) weir_put_text(&text, ": the check digit does not fit; have it read out again");
  bool wrong = refusal == WEIR_REFUSAL_WRONG_CODE && e->slot != NO_SLOT;
  if (wrong) put_tries(&text, u->matters[e->slot].state.receipt_tries);
  message[text.count] = 0;
  weir_buffer b = weir_buffer_over(u->render_memory, ANSWER_BYTES_MAX);
  /* Nobody has seen all of a line that is too long when it is refused. */
  bool unseen = refusal == WEIR_REFUSAL_LINE_TOO_LONG;
  bool speaks = e->danger || unseen || is_for_load(refusal);
  speaking voice = !speaks ? SILENT : drill ? SPEAKS_DRILL : SPEAKS;
  answer_refusal(u, &b, e->message.ref, refusal, e->field, message, voice);
  /* A wrong code was counted: that is durable before it is answered. */
  connection_answer(u, c, weir_buffer_view(&b), wrong ? weir_journal_appended(u->journal) : 0);
  if (!weir_log_begin(u->log, WEIR_LOG_WARN, e->danger, u->now.wall_ms, "refused",
                      "a request was refused")) {
    return;
  }
  weir_log_text(u->log, "event.code", weir_text(weir_refusal_name(refusal)));
  if (e->field[0]) weir_log_text(u->log, "labels.field", weir_text(e->field));
  weir_log_text(u->log, "event.outcome", weir_text("failure"));
  (void)weir_log_end(u->log);
}

/* The same ref came before: the first answer again, or a conflict. */
static void apply_duplicate(weir_unit *u, connection *c, const entry *e) {
  earlier_request first;
  if (!refs_find(u, e->message.ref, e->ref_hash, &first)) {
    /* The disk no longer reads what it held. */
    apply_refusal(u, c, e, WEIR_REFUSAL_OUTCOME_UNKNOWN);
    return;
  }
  u->counters.duplicates++;
  if (!weir_message_same(&e->message, &first.message)) {
    apply_refusal(u, c, e, WEIR_REFUSAL_REF_CONFLICT);
    return;
  }
  weir_buffer b = weir_buffer_over(u->render_memory, ANSWER_BYTES_MAX);
  if (first.acknowledged) {
    answer_acknowledged(u, &b, &first.settling, e->message.ref);
  } else {
    answer_change(u, &b, &first.change, e->message.ref);
  }
  connection_answer(u, c, weir_buffer_view(&b), first.serial);
}

static void apply_get(weir_unit *u, connection *c, const entry *e) {
  weir_buffer b = weir_buffer_over(u->render_memory, ANSWER_BYTES_MAX);
  const matter *m = &u->matters[e->slot];
  answer_begin(u, &b, &m->state, e->message.ref);
  weir_put_text(&b, ",\"record\":");
  bool whole = render_record(u, m->last, true, &b);
  weir_put_text(&b, "}");
  if (!whole || b.overflow) {
    apply_refusal(u, c, e, WEIR_REFUSAL_OUTCOME_UNKNOWN);
    return;
  }
  connection_answer(u, c, weir_buffer_view(&b), weir_journal_appended(u->journal));
}

/* Which report is meant: by its own id, or by a handover that it holds. */
static uint32_t report_of(const weir_unit *u, const entry *e) {
  uint32_t number = 0;
  if (e->slot != NO_SLOT) return u->matters[e->slot].state.report_number;
  if (!report_id_read(u->name, e->message.report, &number)) return 0;
  return number <= u->report_highest ? number : 0;
}

bool has_room_to_settle(const weir_unit *u) {
  return effects_waiting(u) + 2 * WEIR_BATCH_MAX <= EFFECTS &&
         weir_journal_room(u->journal) >= WEIR_LINE_BYTES_MAX + SETTLE_ROOM;
}

/* Settles the report leg of the open matters that the report holds, a batch at a time. What finds
 * no room keeps its leg and its reminders: the same report may be acknowledged again. */
static uint32_t settle_matters_on_acknowledged(weir_unit *u, uint32_t number, weir_bytes line) {
  uint32_t settled = 0, slot = 0;
  weir_step steps[WEIR_BATCH_MAX];
  uint32_t slots[WEIR_BATCH_MAX];
  while (slot < u->slots_used && has_room_to_settle(u)) {
    size_t count = 0;
    for (; slot < u->slots_used && count < WEIR_BATCH_MAX; slot++) {
      const matter *m = &u->matters[slot];
      if (!m->used || m->state.report_number != number) continue;
      if (m->state.report != REPORT_RAISED) continue;
      weir_step *s = &steps[count];
      batch_fill_step(u, slot, WEIR_STEP_EVENT, s);
      s->event = WEIR_EVENT_REPORT_ACKNOWLEDGED;
      slots[count++] = slot;
    }
    if (count == 0) break;
    u->options.desk.judge(u->options.desk.context, steps, count);
    for (size_t i = 0; i < count; i++) settled += apply_own(u, slots[i], &steps[i], line);
  }
  return settled;
}

void apply_acknowledged(weir_unit *u, connection *c, const entry *e) {
  uint32_t number = report_of(u, e);
  if (number == 0) {
    apply_refusal(u, c, e, WEIR_REFUSAL_UNKNOWN_REPORT);
    return;
  }
  uint8_t words[1024]; /* what each of its matters keeps of the request: who acknowledged */
  weir_buffer w = weir_buffer_over(words, sizeof words);
  weir_put_text(&w, "{\"op\":\"event\",\"report\":\"");
  put_report_id(&w, u->name, number);
  weir_put_text(&w, "\",\"event\":\"reportAcknowledged\",\"by\":");
  weir_put_quoted(&w, e->message.by);
  weir_put_text(&w, "}");
  if (w.overflow || e->message.by.count == 0) w.count = 0;
  uint32_t settled = settle_matters_on_acknowledged(u, number, weir_buffer_view(&w));
  acknowledged_record r = {u->now, number, settled, e->line};
  uint8_t head[48];
  weir_buffer b = weir_buffer_over(head, sizeof head);
  record_put_acknowledged(&b, &r);
  const weir_bytes parts[2] = {weir_buffer_view(&b), e->line};
  uint64_t serial = 0;
  weir_position position = 0;
  if (!unit_append(u, RECORD_ACKNOWLEDGED, parts, 2, &serial, &position)) {
    refuse_unjournalled(u, c, e);
    return;
  }
  effects_add(u, serial, position, NULL);
  report_close(u, number);
  if (e->message.ref.count) refs_add(u, e->ref_hash, position);
  weir_buffer a = weir_buffer_over(u->render_memory, ANSWER_BYTES_MAX);
  answer_acknowledged(u, &a, &r, e->message.ref);
  connection_answer(u, c, weir_buffer_view(&a), serial);
}

static void apply_read(weir_unit *u, connection *c, const entry *e) {
  weir_buffer b = weir_buffer_over(u->render_memory, ANSWER_BYTES_MAX);
  if (e->message.op == WEIR_OP_METRICS) {
    answer_metrics(u, &b, e->message.ref);
  } else {
    answer_status(u, &b, e->message.ref);
  }
  connection_answer(u, c, weir_buffer_view(&b), 0);
}

static void apply_write(weir_unit *u, connection *c, entry *e, weir_step *step) {
  WEIR_ASSERT(step != NULL);
  if (step->verdict == WEIR_VERDICT_REFUSED) {
    apply_refusal(u, c, e, step->refusal);
    return;
  }
  if (step->verdict == WEIR_VERDICT_ESCALATE) escalate(u, step);
  apply_change(u, c, e, step);
}

void apply_message(weir_unit *u, entry *e, weir_step *step) {
  connection *c = &u->connections[e->connection];
  if (e->refusal != WEIR_REFUSAL_NONE) {
    apply_refusal(u, c, e, e->refusal);
    return;
  }
  if (e->repeated) {
    apply_duplicate(u, c, e);
    return;
  }
  switch (e->message.op) {
  case WEIR_OP_GET:
    apply_get(u, c, e);
    return;
  case WEIR_OP_WATCH:
    watch_begin(u, c, &e->message);
    return;
  case WEIR_OP_STATUS:
  case WEIR_OP_METRICS:
    apply_read(u, c, e);
    return;
  case WEIR_OP_ADMIT:
    apply_admit(u, c, e);
    return;
  case WEIR_OP_TRACE:
    apply_trace(u, c, e);
    return;
  case WEIR_OP_DRILL:
    apply_drill(u, c, e);
    return;
  case WEIR_OP_DIGEST:
    apply_digest(u, c, e);
    return;
  case WEIR_OP_QUARANTINE:
    apply_quarantine(u, c, e);
    return;
  case WEIR_OP_RELEASE:
    apply_release(u, c, e);
    return;
  case WEIR_OP_TAKE:
    taking_begin(u, c, e);
    return;
  case WEIR_OP_TAKEN:
    apply_taken(u, c, e);
    return;
  case WEIR_OP_RELOAD:
    apply_reload(u, c, e);
    return;
  case WEIR_OP_RESEND:
    apply_resend(u, c, e);
    return;
  case WEIR_OP_EXPORT:
    apply_export(u, c, e);
    return;
  case WEIR_OP_IMPORT:
    apply_import(u, c, e);
    return;
  default:
    break;
  }
  bool acknowledged =
      e->message.op == WEIR_OP_EVENT && e->message.event == WEIR_EVENT_REPORT_ACKNOWLEDGED;
  if (acknowledged) {
    apply_acknowledged(u, c, e);
  } else {
    apply_write(u, c, e, step);
  }
}
