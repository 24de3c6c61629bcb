/* The whole record of a matter, as JSON: what crosses the link and what `get` answers. It is built
 * from the state and from the lines in the journal: the intake, its updates, and the events, found
 * by walking back from the last record of the matter.
 *
 *   what crosses  no field that 110 does not need: no refs, no report, no copies; a confidential
 *                 complaint about police (supervision) goes without the caller's name and number
 *   a long one    what would not fit one record is left out and counted: the middle ones of the
 *                 updates' texts and of the history's lines; the first and the newest stay
 *   a bad read    the record is not rendered; the caller counts it and tries again next turn */
#include "internal.h"

#include <string.h>

/* Beside these a record holds its head, three interned texts at most, caller and place. */
enum {
  TEXTS_BYTES_MAX = 28 * 1024,
  HISTORY_BYTES_MAX = 12 * 1024,
  LINE_BYTES_MAX = 12 * 1024,
  LINE_HEAD_MAX = 384,
  ESCAPED_MOST = 3 /* two bytes of a request, an escaped control, may become six */
};

static void put_key_flag(weir_buffer *b, const char *key, bool value) {
  if (value) put_flag(b, key, true);
}

static void put_times(const weir_state *s, bool whole, weir_buffer *b) {
  put_key_time(b, "deadline", s->voice ? s->minute.wall_ms : 0);
  put_key_time(b, "startedAt", s->started_ms);
  put_key_time(b, "answeredAt", s->answered_ms);
  put_key_time(b, "callerToldAt", s->told_ms);
  put_key_time(b, "lateAt", s->late_ms);
  if (whole) put_key_time(b, "reportedAt", s->reported_ms);
}

static void put_flags(const weir_state *s, weir_buffer *b) {
  put_key_flag(b, "unattended", s->flags & FLAG_UNATTENDED);
  put_key_flag(b, "clockUncertain", s->flags & FLAG_CLOCK_UNCERTAIN);
  put_key_flag(b, "callerGone", s->flags & FLAG_CALLER_GONE);
  put_key_flag(b, "calledOnBehalf", s->flags & FLAG_ON_BEHALF);
  put_key_flag(b, "redialledFrom110", s->flags & FLAG_REDIALLED);
  put_key_flag(b, "confidential", s->flags & FLAG_CONFIDENTIAL);
  put_key_flag(b, "supervision", s->flags & FLAG_SUPERVISION);
  put_key_flag(b, "undecided", s->flags & FLAG_UNDECIDED);
  put_key_flag(b, "guarded", s->flags & FLAG_GUARDED);
  put_key_flag(b, "drill", s->flags & FLAG_DRILL);
}

/* For desks: the day's number as a radio says it. */
static void put_spoken_reading(weir_buffer *b, const weir_state *s) {
  uint8_t spoken[16];
  weir_buffer digits = weir_buffer_over(spoken, sizeof spoken);
  put_spoken(&digits, s->serial, s->flags & FLAG_DRILL);
  put_reading(b, weir_buffer_view(&digits));
}

static void put_head(weir_unit *u, const weir_state *s, bool whole, weir_buffer *b) {
  weir_put_text(b, "{");
  put_number(u, b, s);
  weir_put_text(b, ",\"spokenReading\":\"");
  put_spoken_reading(b, s);
  weir_put_text(b, "\",\"receivedBy\":\"");
  weir_put_text(b, weir_platform_name(s->platform));
  weir_put_text(b, "\",\"channel\":\"");
  weir_put_text(b, weir_channel_name(s->channel));
  weir_put_text(b, "\"");
  put_key_time(b, "receivedAt", s->received_ms);
  put_key_time(b, "arrivedAt", s->arrived_ms);
  put_key_time(b, "decidedAt", s->decided_ms);
  weir_put_text(b, ",\"phase\":\"");
  weir_put_text(b, phase_name(s->phase));
  weir_put_text(b, "\"");
  put_decision(u, b, s);
  put_facts(b, "facts", s->facts);
  if (s->ever_facts != s->facts) put_facts(b, "everFacts", s->ever_facts);
  weir_put_text(b, ",");
  put_legs(u, b, s, whole);
  put_times(s, whole, b);
  put_flags(s, b);
  put_details(u, s, b);
}

static void put_caller(const weir_message *m, weir_buffer *b) {
  if (!(m->present & WEIR_HAS_CALLER)) return;
  bool first = true;
  weir_put_text(b, ",\"caller\":{");
  put_key_text(b, "name", m->name, &first);
  put_key_text(b, "phone", m->phone, &first);
  weir_put_text(b, "}");
}

static void put_place(const weir_message *m, weir_buffer *b) {
  if (!(m->present & WEIR_HAS_PLACE)) return;
  bool first = true;
  weir_put_text(b, ",\"place\":{");
  if (m->county) {
    weir_put_text(b, "\"county\":\"");
    weir_put_padded(b, m->county, 6);
    weir_put_text(b, "\"");
    first = false;
  }
  put_key_text(b, "address", m->address, &first);
  if (m->lon.count) {
    weir_put_text(b, first ? "\"lon\":" : ",\"lon\":");
    weir_put(b, m->lon);
    weir_put_text(b, ",\"lat\":");
    weir_put(b, m->lat);
  }
  weir_put_text(b, "}");
}

static void put_party(const weir_message *m, weir_buffer *b) {
  if (m->party) {
    weir_put_text(b, ",\"party\":\"");
    weir_put_text(b, weir_party_name(m->party));
    weir_put_text(b, "\"");
  }
  put_key_flag(b, "left", m->left);
  if (m->owner) {
    weir_put_text(b, ",\"owner\":\"");
    weir_put_text(b, weir_platform_name(m->owner));
    weir_put_text(b, "\"");
  }
  if (!(m->present & WEIR_HAS_REACHED)) return;
  weir_put_text(b, m->reached ? ",\"reached\":true" : ",\"reached\":false");
}

static void put_history_line(weir_unit *u, const matter_record *r, const weir_message *m,
                             bool whole, bool first, weir_buffer *b) {
  weir_put_text(b, first ? "{\"revision\":" : ",{\"revision\":");
  weir_put_decimal(b, r->state.revision);
  weir_put_text(b, ",\"event\":\"");
  weir_put_text(b, r->step_kind == WEIR_STEP_INTAKE   ? "intake"
                   : r->step_kind == WEIR_STEP_UPDATE ? "update"
                                                      : weir_event_name(r->event));
  weir_put_text(b, "\",\"at\":\"");
  weir_put_time(b, r->now.wall_ms);
  weir_put_text(b, "\"");
  if (m) {
    bool none = false;
    put_key_text(b, "by", m->by, &none);
    put_key_text(b, "reason", m->reason, &none);
    put_key_text(b, "department", m->department, &none);
    put_key_text(b, "answer", m->answer, &none);
    put_party(m, b);
    if (whole && (m->present & WEIR_HAS_AT)) put_key_time(b, "claimedAt", m->at_ms);
  }
  put_guidance(u, &r->state, false, b);
  weir_put_text(b, "}");
}

/* What a 110 desk need not know: the unit's own reminders, and that a report was read. */
static bool is_internal(const matter_record *r) {
  return r->step_kind == WEIR_STEP_DEADLINE
             ? r->event != WEIR_EVENT_DEADLINE_PASSED
             : r->step_kind == WEIR_STEP_EVENT && r->event == WEIR_EVENT_REPORT_ACKNOWLEDGED;
}

static void put_left_out(weir_buffer *b, const char *key, size_t count) {
  if (count == 0) return;
  weir_put_text(b, ",\"");
  weir_put_text(b, key);
  weir_put_text(b, "\":");
  weir_put_decimal(b, count);
}

/* The bytes of a line of the history, found by writing it. */
static bool size_of_line(weir_unit *u, weir_position at, bool whole, size_t *bytes) {
  uint8_t memory[LINE_BYTES_MAX];
  weir_buffer b = weir_buffer_over(memory, sizeof memory);
  matter_record r;
  weir_message m;
  bool line = false;
  *bytes = 0;
  if (!read_with_line(u, at, &r, &m, &line)) return false;
  if (!whole && is_internal(&r)) return true;
  put_history_line(u, &r, line ? &m : NULL, whole, false, &b);
  *bytes = b.overflow ? sizeof memory : b.count;
  return true;
}

static bool put_line_at(weir_unit *u, weir_position at, bool whole, bool *first, weir_buffer *b) {
  matter_record r;
  weir_message m;
  bool line = false;
  if (!read_with_line(u, at, &r, &m, &line)) return false;
  if (!whole && is_internal(&r)) return true;
  put_history_line(u, &r, line ? &m : NULL, whole, *first, b);
  *first = false;
  return true;
}

/* The intake's line, then the newest that HISTORY_BYTES_MAX holds, in order. */
static bool put_history(weir_unit *u, const chain *c, bool whole, weir_buffer *b) {
  size_t oldest = c->count - 1, shown = 0, left = HISTORY_BYTES_MAX, bytes = 0;
  if (c->count * LINE_HEAD_MAX + ESCAPED_MOST * c->line_bytes <= left) {
    shown = oldest; /* all but a few matters: every line fits */
  } else {
    if (!size_of_line(u, c->at[oldest], whole, &bytes)) return false;
    left -= bytes;
  }
  for (; shown < oldest; shown++) {
    if (!size_of_line(u, c->at[shown], whole, &bytes)) return false;
    if (bytes > left) break;
    left -= bytes;
  }
  bool first = true;
  weir_put_text(b, ",\"history\":[");
  if (!put_line_at(u, c->at[oldest], whole, &first, b)) return false;
  for (size_t i = shown; i-- > 0;) {
    if (!put_line_at(u, c->at[i], whole, &first, b)) return false;
  }
  weir_put_text(b, "]");
  put_left_out(b, "historyLeftOut", oldest - shown + c->left_out);
  return true;
}

static size_t escaped_bytes(weir_bytes text) {
  size_t bytes = text.count;
  for (size_t i = 0; i < text.count; i++) {
    if (text.at[i] < 0x20) bytes += 5;
    if (text.at[i] == '"' || text.at[i] == '\\') bytes += 1;
  }
  return bytes;
}

/* The intake's text first, then those of the updates; of these the newest, as many as
 * TEXTS_BYTES_MAX holds. */
static bool put_texts(weir_unit *u, const chain *found, weir_buffer *b) {
  matter_record r;
  weir_message m;
  bool line = false, begun = false;
  size_t left = TEXTS_BYTES_MAX, shown = 0, updates = found->count - 1;
  if (ESCAPED_MOST * found->line_bytes <= left) {
    shown = updates;
  } else {
    if (!read_with_line(u, found->at[updates], &r, &m, &line) || !line) return false;
    left -= escaped_bytes(m.text);
  }
  for (; shown < updates; shown++) {
    if (!read_with_line(u, found->at[shown], &r, &m, &line) || !line) return false;
    size_t bytes = escaped_bytes(m.text) + 2;
    if (bytes > left) break;
    left -= bytes;
  }
  for (size_t i = found->count; i-- > 0;) {
    if (i >= shown && i < updates) continue;
    if (!read_with_line(u, found->at[i], &r, &m, &line) || !line) return false;
    if (m.text.count == 0) continue;
    weir_put_text(b, begun ? "\\n" : ",\"text\":\"");
    weir_put_escaped(b, m.text);
    begun = true;
  }
  if (begun) weir_put_text(b, "\"");
  put_left_out(b, "textsLeftOut", updates - shown + found->left_out);
  return true;
}

/* Text, caller, place and seat: the newest of each; texts of updates stand behind the first. */
static bool put_body(weir_unit *u, const weir_state *s, weir_position body, bool whole,
                     weir_buffer *b) {
  chain found; /* earlier versions let a matter have more than UPDATES_MAX if it ended between */
  if (!find_linked(u, body, LINK_TEXT, UPDATES_MAX + 1, &found)) return false;
  WEIR_ASSERT(found.count > 0);
  bool hide = !whole && (s->flags & FLAG_CONFIDENTIAL) && (s->flags & FLAG_SUPERVISION);
  bool caller = hide, place = false, seat = false;
  for (size_t i = 0; i < found.count; i++) {
    matter_record r;
    weir_message m;
    bool line = false, behind = false;
    if (!read_with_line(u, found.at[i], &r, &m, &line) || !line) return false;
    if (!caller && (m.present & WEIR_HAS_CALLER)) put_caller(&m, b), caller = true;
    if (!place && (m.present & WEIR_HAS_PLACE)) put_place(&m, b), place = true;
    if (!seat && m.seat.count) put_key_text(b, "seat", m.seat, &behind), seat = true;
    if (whole && i + 1 == found.count) put_key_text(b, "ref", m.ref, &behind);
  }
  return put_texts(u, &found, b);
}

bool render_record(weir_unit *u, weir_position position, bool whole, weir_buffer *b) {
  matter_record r;
  chain c;
  if (!read_one(u, position, &r)) return false;
  bool has_text = r.step_kind == WEIR_STEP_INTAKE || r.step_kind == WEIR_STEP_UPDATE;
  weir_position body = has_text ? position : r.previous_body;
  weir_state state = r.state;
  put_head(u, &state, whole, b);
  if (!put_body(u, &state, body, whole, b)) return false;
  bool danger = r.effects & WEIR_EFFECT_DANGER;
  weir_position newest = danger ? position : r.previous_danger;
  if (!put_dangers(u, newest, b)) return false;
  if (!find_records(u, position, &c) || !put_history(u, &c, whole, b)) return false;
  weir_put_text(b, "}");
  return !b->overflow;
}
