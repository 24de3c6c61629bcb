/* The story of one matter, for `weir trace`: every change with both clocks, who asked for it and
 * in which words, what was said, and where the matter stood afterwards.
 *
 *   happy path   the records of the matter are walked back from its last one and told in order
 *   a long one   what one answer cannot hold is left out behind the intake and counted; the whole
 *                of it can be told from the journal (weir_record_tell)
 *   a bad read   is `outcomeUnknown`, as for `get` */
#include "internal.h"

enum { STORY_BYTES_MAX = WEIR_RECORD_BYTES_MAX - 4096 }; /* beside the answer's own head */

static void put_moment(weir_buffer *b, const char *key, weir_moment moment) {
  put_wall_time(b, key, moment.wall_ms);
  weir_put_text(b, ",\"");
  weir_put_text(b, key);
  weir_put_text(b, "BootMs\":");
  weir_put_decimal(b, moment.boot_ms);
}

static const char *name_of(const weir_record *r) {
  if (r->step_kind == WEIR_STEP_INTAKE) return "intake";
  if (r->step_kind == WEIR_STEP_UPDATE) return "update";
  return weir_event_name(r->event);
}

static void put_stand(const weir_state *s, const char *unit, weir_buffer *b) {
  static const char *const data[] = {"none", "queued", "confirmed", "expired"};
  put_word(b, "phase", phase_name(s->phase));
  put_word(b, "voice", voice_name(s->voice));
  if (s->cause) put_word(b, "cause", weir_cause_name(s->cause));
  put_word(b, "data", data[s->data & 3]);
  put_word(b, "report", report_name(s->report));
  if (s->report_number) {
    weir_put_text(b, ",\"reportId\":\"");
    put_report_id(b, unit, s->report_number);
    weir_put_text(b, "\"");
  }
  if (s->flags & FLAG_LATE) weir_put_text(b, ",\"late\":true");
  if (s->flags & FLAG_UNATTENDED) weir_put_text(b, ",\"unattended\":true");
  if (s->flags & FLAG_CLOCK_UNCERTAIN) weir_put_text(b, ",\"clockUncertain\":true");
  if (s->deadline_kind) put_moment(b, "deadline", s->deadline);
}

void weir_record_tell(const weir_texts *texts, const char *unit, const weir_record *r,
                      weir_buffer *b) {
  const weir_state *s = &r->state;
  weir_bytes say = texts_at(texts, s->say_text), dial = texts_at(texts, s->dial_text);
  weir_put_text(b, "{\"revision\":");
  weir_put_decimal(b, s->revision);
  put_word(b, "event", name_of(r));
  put_moment(b, "at", r->now);
  put_stand(s, unit, b);
  put_in_call(s, b);
  if (s->ground && s->settled_ms == r->now.wall_ms) put_word(b, "ground", ground_name(s->ground));
  if (r->effects & WEIR_EFFECT_ALARM) weir_put_text(b, ",\"alarm\":true");
  if (r->effects & WEIR_EFFECT_END) weir_put_text(b, ",\"ended\":true");
  if (r->effects & WEIR_EFFECT_CROSS) {
    weir_put_text(b, ",\"crossing\":");
    weir_put_decimal(b, s->crossing);
  }
  if (r->step_flags & WEIR_STEP_DIGEST) weir_put_text(b, ",\"byDigest\":true");
  if (s->decided_ms == r->now.wall_ms && s->decision_text) {
    weir_put_text(b, ",\"decision\":");
    weir_put(b, texts_at(texts, s->decision_text));
  }
  if (say.count) {
    weir_put_text(b, ",\"say\":");
    weir_put(b, say);
    if (dial.count) weir_put_text(b, ",\"dial\":");
    if (dial.count) weir_put_quoted(b, dial);
  }
  if (r->line.count) {
    weir_put_text(b, ",\"request\":");
    weir_put(b, r->line);
  }
  weir_put_text(b, "}");
}

/* The entry of the record at `position`, behind what the buffer holds. */
static bool put_entry(weir_unit *u, weir_position position, weir_buffer *b) {
  weir_buffer memory = weir_buffer_over(u->read_memory[0], WEIR_JOURNAL_BODY_MAX);
  weir_frame_view frame;
  weir_record record;
  if (weir_journal_read(u->journal, position, &memory, &frame) != WEIR_OK) return false;
  if (weir_works_look(u->texts, &frame, &record) != WEIR_OK) return false;
  if (record.kind != WEIR_RECORD_CHANGE) return false;
  if (record.line.count > STORY_BYTES_MAX / 2) record.line.count = 0;
  weir_record_tell(u->texts, u->name, &record, b);
  return true;
}

/* The bytes of an entry and its comma, found by writing it. */
static bool size_of_entry(weir_unit *u, weir_position position, size_t *bytes) {
  weir_buffer b = weir_buffer_over(u->body_memory, STORY_BYTES_MAX - 1);
  if (!put_entry(u, position, &b)) return false;
  *bytes = b.overflow ? STORY_BYTES_MAX : b.count + 1;
  return true;
}

/* The first of all, then the newest that fit, in order; what stands between is counted. */
static bool put_entries(weir_unit *u, const chain *c, weir_buffer *b) {
  size_t oldest = c->count - 1, shown = 0, left = STORY_BYTES_MAX, bytes = 0;
  if (!size_of_entry(u, c->at[oldest], &bytes)) return false;
  left -= bytes;
  for (; shown < oldest; shown++) {
    if (!size_of_entry(u, c->at[shown], &bytes)) return false;
    if (bytes > left) break;
    left -= bytes;
  }
  weir_put_text(b, ",\"story\":[");
  if (!put_entry(u, c->at[oldest], b)) return false;
  for (size_t i = shown; i-- > 0;) {
    weir_put_text(b, ",");
    if (!put_entry(u, c->at[i], b)) return false;
  }
  weir_put_text(b, "],\"leftOut\":");
  weir_put_decimal(b, oldest - shown + c->left_out);
  return true;
}

/* Copies on the link: counted by the link while they go, kept by crossing number afterwards. */
static void put_copies(const weir_unit *u, const matter *m, weir_buffer *b) {
  weir_link_copies copies;
  if (!carry_copies(u, m->state.crossing, &copies) || copies.count == 0) return;
  weir_put_text(b, ",\"copies\":");
  weir_put_decimal(b, copies.count);
  weir_put_text(b, ",\"lastCopy\":\"");
  weir_put_time(b, copies.last_ms);
  weir_put_text(b, "\"");
}

void apply_trace(weir_unit *u, connection *c, const entry *e) {
  const matter *m = &u->matters[e->slot];
  chain records;
  bool good = find_records(u, m->last, &records);
  weir_buffer b = weir_buffer_over(u->render_memory, ANSWER_BYTES_MAX);
  weir_put_text(&b, "{");
  put_ref(&b, e->message.ref);
  put_number(u, &b, &m->state);
  weir_put_text(&b, ",\"crossing\":");
  weir_put_decimal(&b, m->state.crossing);
  weir_put_text(&b, ",");
  put_legs(u, &b, &m->state, true);
  put_copies(u, m, &b);
  good = good && put_entries(u, &records, &b);
  weir_put_text(&b, "}");
  if (!good || b.overflow) {
    apply_refusal(u, c, e, WEIR_REFUSAL_OUTCOME_UNKNOWN);
    return;
  }
  connection_answer(u, c, weir_buffer_view(&b), weir_journal_appended(u->journal));
}
