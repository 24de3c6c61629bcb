/* Drills (演练): taken only while a window is open that a supervisor opened, with an end.
 *
 *   open      journalled with who, why and until when; a later opening replaces an earlier one
 *   close     by a person, or by itself when its end has come
 *   restart   the window stands as the journal says; where a reboot's clock cannot be trusted, it
 *             is closed: a drill refused costs nothing
 *
 * A drill has numbers of its own (`Y`), so that no real number is skipped by one; it is counted
 * apart, and nothing that it does is counted as real. */
#include "internal.h"

enum { DRILL_LONGEST_MS = 24 * 60 * 60 * 1000 };

bool drills_are_open(const weir_unit *u) {
  return u->drill.until.boot_ms > u->now.boot_ms;
}

static void set_by(weir_unit *u, weir_bytes by) {
  weir_buffer b = weir_buffer_over(u->drill.opened_by, sizeof u->drill.opened_by - 1);
  weir_put(&b, by);
  u->drill.opened_by[b.count] = 0;
}

void drills_recover(weir_unit *u, const drill_record *r) {
  weir_message m;
  weir_message_fault fault;
  u->drill.until = r->until;
  u->drill.other_boot = false;
  if (weir_message_read(r->line, WEIR_MESSAGE_UNIT, u->record_scratch, &m, &fault)) {
    set_by(u, m.by);
  }
}

static void log_window(weir_unit *u, bool open, const char *message) {
  const char *action = open ? "drillOpened" : "drillClosed";
  if (!weir_log_begin(u->log, WEIR_LOG_WARN, true, u->now.wall_ms, action, message)) return;
  if (open) {
    char time[40];
    weir_buffer b = weir_buffer_over(time, sizeof time);
    weir_put_time(&b, u->drill.until.wall_ms);
    weir_log_text(u->log, "labels.until", weir_buffer_view(&b));
  }
  (void)weir_log_end(u->log);
}

void drills_tick(weir_unit *u) {
  if (u->drill.until.boot_ms == 0 || drills_are_open(u)) return;
  u->drill.until = (weir_moment){0};
  log_window(u, false, "the drill window has come to its end");
}

void put_drill(const weir_unit *u, weir_buffer *b) {
  bool open = drills_are_open(u);
  weir_put_text(b, open ? "\"drill\":{\"open\":true" : "\"drill\":{\"open\":false");
  if (open) {
    weir_put_text(b, ",\"until\":\"");
    weir_put_time(b, u->drill.until.wall_ms);
    weir_put_text(b, "\",\"by\":");
    weir_put_quoted(b, weir_text(u->drill.opened_by));
  }
  weir_put_text(b, ",\"intakes\":");
  weir_put_decimal(b, u->counters.drill_intakes);
  weir_put_text(b, ",\"openHandovers\":");
  weir_put_decimal(b, u->drill_matters);
  weir_put_text(b, ",\"openEmergencies\":");
  weir_put_decimal(b, u->drill_emergencies);
  weir_put_text(b, ",\"late\":");
  weir_put_decimal(b, u->counters.drill_late);
  weir_put_text(b, ",\"reports\":");
  weir_put_decimal(b, u->counters.drill_reports);
  weir_put_text(b, "}");
}

static void answer_window(weir_unit *u, connection *c, const entry *e, uint64_t serial) {
  weir_buffer b = weir_buffer_over(u->render_memory, ANSWER_BYTES_MAX);
  weir_put_text(&b, "{");
  put_ref(&b, e->message.ref);
  put_drill(u, &b);
  weir_put_text(&b, serial ? ",\"durable\":true}" : "}");
  connection_answer(u, c, weir_buffer_view(&b), serial);
}

/* What speaks against opening or closing; `until` stays empty for closing. */
static unsigned window_refusal(weir_unit *u, entry *e, weir_moment *until) {
  const weir_message *m = &e->message;
  if (!names_supervisor(u, m->by)) return WEIR_REFUSAL_SUPERVISOR_NEEDED;
  if (u->stopping) return WEIR_REFUSAL_STOPPING;
  if (!(m->present & WEIR_HAS_UNTIL)) return WEIR_REFUSAL_NONE;
  int64_t ahead_ms = m->until_ms - u->now.wall_ms;
  if (ahead_ms <= 0 || ahead_ms > DRILL_LONGEST_MS) {
    set_field(e->field, "until");
    return WEIR_REFUSAL_BAD_VALUE;
  }
  *until = (weir_moment){u->now.boot_ms + (uint64_t)ahead_ms, m->until_ms};
  return WEIR_REFUSAL_NONE;
}

void apply_drill(weir_unit *u, connection *c, entry *e) {
  const weir_message *m = &e->message;
  if (!(m->present & (WEIR_HAS_BY | WEIR_HAS_UNTIL))) {
    answer_window(u, c, e, 0);
    return;
  }
  drill_record r = {u->now, {0}, e->line};
  unsigned refusal = window_refusal(u, e, &r.until);
  if (refusal != WEIR_REFUSAL_NONE) {
    apply_refusal(u, c, e, refusal);
    return;
  }
  uint8_t head[64];
  weir_buffer b = weir_buffer_over(head, sizeof head);
  record_put_drill(&b, &r);
  const weir_bytes parts[2] = {weir_buffer_view(&b), e->line};
  uint64_t serial = 0;
  weir_position position = 0;
  if (!unit_append(u, RECORD_DRILL, parts, 2, &serial, &position)) {
    refuse_unjournalled(u, c, e);
    return;
  }
  u->drill.until = r.until;
  set_by(u, m->by);
  bool open = r.until.boot_ms != 0;
  log_window(u, open,
             open ? "a supervisor opened a drill window: matters marked as drills are taken"
                  : "a supervisor closed the drill window");
  answer_window(u, c, e, serial);
}
