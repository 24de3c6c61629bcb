/* Parts of a record that tell how it came about: what it follows, who took it after talks and why,
 * what the caller was told, which text guided, and every raising and clearing of a danger.
 *
 *   dangers    have a chain of their own through the journal, so that no number of other events
 *              hides one; what does not fit a record is counted, the first and the newest stay
 *   clearing   is written out for the desk that reads it: no patrol may be stopped because of it */
#include "internal.h"

#include <string.h>

enum { DANGERS_MAX = 64, DANGERS_BYTES_MAX = 6 * 1024, DANGER_LINE_MAX = 4 * 1024 };

void put_key_time(weir_buffer *b, const char *key, int64_t wall_ms) {
  if (wall_ms != 0) put_wall_time(b, key, wall_ms);
}

void put_key_text(weir_buffer *b, const char *key, weir_bytes value, bool *first) {
  if (value.count == 0) return;
  weir_put_text(b, *first ? "\"" : ",\"");
  weir_put_text(b, key);
  weir_put_text(b, "\":");
  weir_put_quoted(b, value);
  *first = false;
}

void put_facts(weir_buffer *b, const char *key, uint32_t facts) {
  weir_put_text(b, ",\"");
  weir_put_text(b, key);
  weir_put_text(b, "\":[");
  bool first = true;
  for (unsigned i = 0; i < WEIR_FACT_COUNT; i++) {
    if (!(facts & (1u << i))) continue;
    weir_put_text(b, first ? "\"" : ",\"");
    weir_put_text(b, weir_fact_name(i));
    weir_put_text(b, "\"");
    first = false;
  }
  weir_put_text(b, "]");
}

weir_bytes decision_part(weir_bytes decision, const char *key) {
  size_t count = strlen(key);
  const uint8_t *at = decision.count ? memmem(decision.at, decision.count, key, count) : NULL;
  if (!at) return weir_view(decision.at, 0);
  at += count;
  const uint8_t *end = memchr(at, '"', decision.count - (size_t)(at - decision.at));
  return weir_view(at, end ? (size_t)(end - at) : 0);
}

/* `"settled":{…}`: the owner after talks, and the ground. */
static void put_settled(const weir_state *s, weir_buffer *b) {
  if (s->ground == 0) return;
  weir_put_text(b, ",\"settled\":{\"owner\":\"");
  weir_put_text(b, owner_name(s->owner));
  weir_put_text(b, "\"");
  put_word(b, "action", action_name(s->action));
  put_word(b, "ground", ground_name(s->ground));
  put_key_time(b, "at", s->settled_ms);
  put_word(b, "firstContact", weir_platform_name(s->first_platform));
  put_key_time(b, "firstContactAt", s->first_contact_ms);
  weir_put_text(b, "}");
}

void put_in_call(const weir_state *s, weir_buffer *b) {
  if ((s->parties & 7) == 0) return;
  bool first = true;
  weir_put_text(b, ",\"inCall\":[");
  for (unsigned party = WEIR_PARTY_CALLER; party < WEIR_PARTY_COUNT; party++) {
    if (!(s->parties & (1u << (party - 1)))) continue;
    weir_put_text(b, first ? "\"" : ",\"");
    weir_put_text(b, weir_party_name(party));
    weir_put_text(b, "\"");
    first = false;
  }
  weir_put_text(b, "]");
}

/* `2026-11-23 18:31:40`, as a person reads it. */
static void put_plain_time(weir_buffer *b, int64_t wall_ms) {
  uint8_t text[40];
  weir_buffer t = weir_buffer_over(text, sizeof text);
  weir_put_time(&t, wall_ms);
  weir_put(b, weir_view(text, 10));
  weir_put_text(b, " ");
  weir_put(b, weir_view(text + 11, 8));
}

/* Was the caller told the number of the matter's guidance? Only an emergency's guidance is phoned,
 * and so told; one whose danger was cleared later never crossed. Everybody else was told 110, which
 * a caller dials without the county's own number, whoever has the matter now. */
static bool is_told_guidance(const weir_state *s) {
  bool was_polices = (s->flags & FLAG_CROSSES) && !(s->flags & FLAG_EMERGENCY);
  return s->action == ACTION_EXPLAIN_AND_GUIDE && !was_polices;
}

/* So that 110 pairs the record with the new call, and does not dispatch twice. */
static void put_told(weir_unit *u, const weir_state *s, weir_buffer *b) {
  if (s->told_ms == 0) return;
  weir_put_text(b, ",\"callerTold\":\"12345已于");
  put_plain_time(b, s->told_ms);
  weir_put_text(b, "告知诉求人自行拨打");
  weir_bytes dial = texts_at(u->texts, s->dial_text);
  if (!is_told_guidance(s) || dial.count == 0) dial = weir_text("110");
  weir_put_escaped(b, dial);
  weir_put_text(b, "\"");
}

void put_details(weir_unit *u, const weir_state *s, weir_buffer *b) {
  if (s->follows_serial) {
    handover_text earlier =
        handover_write(u->name, s->follows_day, s->follows_serial, s->follows_drill);
    weir_put_text(b, ",\"follows\":");
    weir_put_quoted(b, handover_view(&earlier));
  }
  if (s->flags & FLAG_SUPERVISION) put_word(b, "routeTo", "警务督察");
  put_settled(s, b);
  put_in_call(s, b);
  put_told(u, s, b);
  if (s->flags & FLAG_DANGER_CLEARED) {
    put_word(b, "dangerCleared", "危险标记已由值班负责人解除;不得据此停止已派出的警力。");
  }
  put_guidance(u, s, true, b);
}

void put_guidance(weir_unit *u, const weir_state *s, bool words, weir_buffer *b) {
  bool guides = s->phase == PHASE_GUIDED || s->phase == PHASE_REDIAL_ADVISED;
  weir_bytes said = texts_at(u->texts, s->say_text);
  if (!guides || said.count == 0) return;
  bool first = false;
  weir_put_text(b, ",\"guidance\":{\"text\":");
  weir_put_decimal(b, s->say_text);
  put_key_text(b, "policy", decision_part(texts_at(u->texts, s->decision_text), "\"policy\":\""),
               &first);
  if (words) {
    weir_put_text(b, ",\"say\":");
    weir_put(b, said);
  }
  weir_put_text(b, "}");
}

/* Which dangers a record raised, by what it said. */
static uint32_t raised_by(const matter_record *r, const weir_message *m) {
  uint32_t facts = m->facts & WEIR_FACTS_DANGER;
  if (r->step_kind != WEIR_STEP_EVENT) return facts;
  if (r->event == WEIR_EVENT_ESCALATED) return WEIR_FACT(ESCALATED);
  if (r->event == WEIR_EVENT_DANGER_RAISED && !facts) return WEIR_FACT(DANGER_TO_PUBLIC);
  return facts;
}

static bool put_danger(weir_unit *u, weir_position at, bool first, weir_buffer *b) {
  matter_record r;
  weir_message m = {0};
  bool line = false, none = false;
  if (!read_with_line(u, at, &r, &m, &line)) return false;
  uint32_t raised = line ? raised_by(&r, &m) : 0;
  weir_put_text(b, first ? "{\"revision\":" : ",{\"revision\":");
  weir_put_decimal(b, r.state.revision);
  put_word(b, "what", raised ? "raised" : "cleared");
  put_word(b, "event",
           r.step_kind == WEIR_STEP_INTAKE   ? "intake"
           : r.step_kind == WEIR_STEP_UPDATE ? "update"
                                             : weir_event_name(r.event));
  put_key_time(b, "at", r.now.wall_ms);
  if (line) put_key_text(b, "by", m.by.count ? m.by : m.seat, &none);
  if (line) put_key_text(b, "reason", m.reason, &none);
  if (raised) put_facts(b, "facts", raised);
  weir_put_text(b, "}");
  return true;
}

static bool size_of_danger(weir_unit *u, weir_position at, size_t *bytes) {
  uint8_t memory[DANGER_LINE_MAX];
  weir_buffer b = weir_buffer_over(memory, sizeof memory);
  if (!put_danger(u, at, false, &b)) return false;
  *bytes = b.overflow ? sizeof memory : b.count;
  return true;
}

bool put_dangers(weir_unit *u, weir_position newest, weir_buffer *b) {
  chain c;
  size_t shown = 0, left = DANGERS_BYTES_MAX, bytes = 0;
  if (newest == 0) return true;
  if (!find_linked(u, newest, LINK_DANGER, DANGERS_MAX, &c)) return false;
  size_t oldest = c.count - 1;
  if (!size_of_danger(u, c.at[oldest], &bytes)) return false;
  left -= bytes;
  for (; shown < oldest; shown++) {
    if (!size_of_danger(u, c.at[shown], &bytes)) return false;
    if (bytes > left) break;
    left -= bytes;
  }
  weir_put_text(b, ",\"dangers\":[");
  if (!put_danger(u, c.at[oldest], true, b)) return false;
  for (size_t i = shown; i-- > 0;) {
    if (!put_danger(u, c.at[i], false, b)) return false;
  }
  weir_put_text(b, "]");
  if (shown < oldest || c.left_out > 0) weir_put_text(b, ",\"dangersLeftOut\":true");
  return true;
}
