/* What follows a change once it is durable: the link, the log, the report, the watch stream. What
 * they say was kept when the record was appended, as long as not too many came behind it; then, and
 * where its line is needed, the record is read back. */
#include "internal.h"

#include <string.h>

void effects_add(weir_unit *u, uint64_t serial, weir_position position, const matter_record *r) {
  WEIR_ASSERT(u->effect_added - u->effect_released < EFFECTS);
  u->effects[u->effect_added % EFFECTS] = (effect){serial, position, r != NULL};
  if (r) {
    matter_record *kept = &u->effect_records[u->effect_added % EFFECT_RECORDS];
    *kept = *r;
    kept->line = weir_view(NULL, 0); /* it was borrowed */
  }
  u->effect_added++;
}

static const char *change_name(const matter_record *r) {
  if (r->step_kind == WEIR_STEP_INTAKE) return "intake";
  if (r->step_kind == WEIR_STEP_UPDATE) return "update";
  return weir_event_name(r->event);
}

/* What a day's report counts by: an independent count can be made from these lines. */
static void log_intake_labels(weir_unit *u, const weir_state *s, weir_bytes decision) {
  weir_bytes action = decision_part(decision, "\"action\":\"");
  weir_bytes policy = decision_part(decision, "\"policy\":\"");
  if (action.count) weir_log_text(u->log, "labels.action", action);
  if (policy.count) weir_log_text(u->log, "labels.policy", policy);
  weir_log_text(u->log, "labels.receivedBy", weir_text(weir_platform_name(s->platform)));
  weir_log_text(u->log, "labels.channel", weir_text(weir_channel_name(s->channel)));
  if (s->flags & FLAG_REDIALLED) weir_log_flag(u->log, "labels.redialledFrom110", true);
}

static void log_change(weir_unit *u, const matter_record *r) {
  const weir_state *s = &r->state;
  bool alarms = (r->effects & WEIR_EFFECT_ALARM) != 0;
  weir_log_level level = alarms ? WEIR_LOG_WARN : WEIR_LOG_INFO;
  const char *message = r->step_kind == WEIR_STEP_INTAKE ? "a matter was taken and decided"
                        : alarms                         ? "a handover needs a person now"
                                                         : "a handover changed";
  if (!weir_log_begin(u->log, level, true, r->now.wall_ms, change_name(r), message)) return;
  handover_text number = handover_write(u->name, s->day, s->serial, s->flags & FLAG_DRILL);
  weir_log_text(u->log, "labels.handover", handover_view(&number));
  weir_log_number(u->log, "labels.revision", s->revision);
  weir_log_text(u->log, "labels.phase", weir_text(phase_name(s->phase)));
  weir_bytes decision = texts_at(u->texts, s->decision_text);
  weir_bytes clause = decision_part(decision, "\"clause\":\"");
  if (clause.count) weir_log_text(u->log, "labels.clause", clause);
  if (r->step_kind == WEIR_STEP_INTAKE) log_intake_labels(u, s, decision);
  if (s->county) weir_log_number(u->log, "labels.county", s->county);
  if (s->flags & FLAG_CROSSES) weir_log_text(u->log, "labels.lane", weir_text(lane_name(s->lane)));
  weir_log_flag(u->log, "labels.drill", s->flags & FLAG_DRILL);
  if (s->flags & FLAG_LATE) weir_log_flag(u->log, "labels.late", true);
  if (s->flags & FLAG_UNATTENDED) weir_log_flag(u->log, "labels.unattended", true);
  if (s->flags & FLAG_CLOCK_UNCERTAIN) weir_log_flag(u->log, "labels.clockUncertain", true);
  if (s->cause) weir_log_text(u->log, "labels.cause", weir_text(weir_cause_name(s->cause)));
  if (r->effects & WEIR_EFFECT_REPORT) {
    char id[32];
    weir_buffer b = weir_buffer_over(id, sizeof id);
    put_report_id(&b, u->name, s->report_number);
    weir_log_text(u->log, "labels.report", weir_buffer_view(&b));
  }
  weir_log_text(u->log, "event.outcome", weir_text("success"));
  (void)weir_log_end(u->log);
}

void notice_matter(weir_unit *u, const matter_record *r, bool recovering) {
  if (!u->options.desk.notice || r->state.report_number == 0) return; /* no report holds it */
  handover_text number =
      handover_write(u->name, r->state.day, r->state.serial, r->state.flags & FLAG_DRILL);
  weir_message m;
  weir_message_fault fault;
  weir_notice n = {0};
  n.recovering = recovering;
  n.report_number = r->state.report_number;
  n.report_kind = r->state.report_kind;
  n.step_kind = r->step_kind;
  n.event = r->event;
  n.cause = r->state.cause;
  n.at = r->now;
  n.state = &r->state;
  n.handover = handover_view(&number);
  if (r->line.count &&
      weir_message_read(r->line, WEIR_MESSAGE_UNIT, u->record_scratch, &m, &fault)) {
    n.by = m.by.count ? m.by : m.seat;
  }
  n.dial = texts_at(u->texts, r->state.dial_text);
  n.say = texts_at(u->texts, r->state.say_text);
  u->options.desk.notice(u->options.desk.context, &n);
}

void notice_acknowledged(weir_unit *u, weir_bytes body, bool recovering) {
  acknowledged_record r;
  WEIR_ASSERT(record_get_acknowledged(body, &r));
  weir_notice n = {0};
  n.acknowledged = true;
  n.recovering = recovering;
  n.at = r.now;
  n.report_number = r.number;
  weir_message m;
  weir_message_fault fault;
  if (weir_message_read(r.line, WEIR_MESSAGE_UNIT, u->record_scratch, &m, &fault)) n.by = m.by;
  if (u->options.desk.notice) u->options.desk.notice(u->options.desk.context, &n);
}

static void log_acknowledged(weir_unit *u) {
  if (weir_log_begin(u->log, WEIR_LOG_INFO, true, u->now.wall_ms, "reportAcknowledged",
                     "a person acknowledged a report")) {
    (void)weir_log_end(u->log);
  }
}

static void log_confirmed(weir_unit *u, weir_bytes body) {
  confirmed_record r;
  WEIR_ASSERT(record_get_confirmed(body, &r));
  if (!weir_log_begin(u->log, WEIR_LOG_INFO, true, u->now.wall_ms, "digestConfirmed",
                      "two people compared the code of a range of crossing numbers")) {
    return;
  }
  weir_log_number(u->log, "labels.from", (int64_t)r.range.from);
  weir_log_number(u->log, "labels.to", (int64_t)r.range.to);
  (void)weir_log_end(u->log);
}

static void log_quarantine(weir_unit *u) {
  u->counters.alarms++;
  if (!weir_log_begin(u->log, WEIR_LOG_ERROR, true, u->now.wall_ms, "phoneItIn",
                      "a dangerous request was refused and kept in quarantine: take it by "
                      "telephone now")) {
    return;
  }
  weir_log_text(u->log, "event.code", weir_text("phoneItIn"));
  (void)weir_log_end(u->log);
}

static void log_locked(weir_unit *u, weir_bytes body) {
  try_record r;
  WEIR_ASSERT(record_get_try(body, &r));
  u->counters.receipts_locked++;
  u->counters.alarms++;
  if (!weir_log_begin(u->log, WEIR_LOG_ERROR, true, u->now.wall_ms, "receiptLocked",
                      "five wrong receipt codes were typed: the matter's code is locked; compare "
                      "the digest of both units")) {
    return;
  }
  handover_text number = handover_write(u->name, r.day, r.serial, r.drill);
  weir_log_text(u->log, "event.code", weir_text("receiptLocked"));
  weir_log_text(u->log, "labels.handover", handover_view(&number));
  weir_log_flag(u->log, "labels.drill", r.drill);
  (void)weir_log_end(u->log);
}

static void release_matter(weir_unit *u, const matter_record *r, uint64_t serial,
                           weir_position position) {
  if (r->step_kind == WEIR_STEP_EVENT && r->event == WEIR_EVENT_RECEIPT) {
    u->last_proof_ms = r->now.wall_ms;
  }
  bool settled = r->state.data == DATA_CONFIRMED || r->state.data == DATA_EXPIRED;
  if (r->effects & WEIR_EFFECT_CROSS) reconcile_offered(u, r, position);
  if ((r->effects & WEIR_EFFECT_CROSS) || settled) carry_offer(u, &r->state, position);
  if (r->effects & WEIR_EFFECT_ALARM) u->counters.alarms++;
  if ((r->effects & WEIR_EFFECT_END) && r->state.data == DATA_EXPIRED) {
    alarm_once(u, "expired", "", "一件移交已过保留期仍未经人工确认,请与110核对",
               "a crossing was carried for link.keep and no person confirmed it",
               "用对账码或电话与110核对该件;对方没有的,补充该件即重新移交");
  }
  bool drill = r->state.flags & FLAG_DRILL;
  if (r->effects & WEIR_EFFECT_REPORT) {
    *(drill ? &u->counters.drill_reports : &u->counters.reports) += 1;
  }
  log_change(u, r);
  outbox_note(u, serial, position, r);
}

static void read_back_on_release(weir_unit *u, weir_position position, bool released) {
  weir_buffer memory = weir_buffer_over(u->read_memory[0], WEIR_JOURNAL_BODY_MAX);
  weir_frame_view frame;
  weir_status status = weir_journal_read(u->journal, position, &memory, &frame);
  if (status != WEIR_OK) {
    unit_fail(u, status);
    return;
  }
  if (frame.kind == RECORD_QUARANTINE) log_quarantine(u);
  if (frame.kind == RECORD_CONFIRMED) log_confirmed(u, frame.body);
  if (frame.kind == RECORD_TRY) log_locked(u, frame.body);
  if (frame.kind == RECORD_ACKNOWLEDGED) {
    log_acknowledged(u);
    notice_acknowledged(u, frame.body, false);
  }
  if (frame.kind != RECORD_MATTER) return;
  matter_record r;
  WEIR_ASSERT(record_get_matter(frame.body, &r));
  if (!released) release_matter(u, &r, frame.serial, position);
  notice_matter(u, &r, false);
}

/* The effect with this number; its record is still kept unless too many were added since. */
static void release_one(weir_unit *u, uint64_t number) {
  const effect *e = &u->effects[number % EFFECTS];
  bool kept = e->is_matter && u->effect_added - number <= EFFECT_RECORDS;
  const matter_record *r = &u->effect_records[number % EFFECT_RECORDS];
  if (kept) release_matter(u, r, e->serial, e->position);
  if (!kept || r->state.report_number != 0) read_back_on_release(u, e->position, kept);
}

void effects_release(weir_unit *u) {
  uint64_t durable = weir_journal_durable(u->journal);
  if (WEIR_CANARY(EFFECTS_EARLY)) durable = UINT64_MAX;
  while (u->effect_released < u->effect_added &&
         u->effects[u->effect_released % EFFECTS].serial <= durable) {
    release_one(u, u->effect_released++);
  }
}

size_t effects_waiting(const weir_unit *u) {
  return (size_t)(u->effect_added - u->effect_released);
}
