/* Answers, as the clients read them. An answer to a change is a function of its journal record
 * alone, so that a repeated ref gets the same bytes, even from another run of the unit. */
#include "internal.h"

void put_ref(weir_buffer *b, weir_bytes ref) {
  if (ref.count == 0) return;
  weir_put_text(b, "\"ref\":");
  weir_put_quoted(b, ref);
  weir_put_text(b, ",");
}

static void put_dial_and_say(weir_unit *u, weir_buffer *b, uint32_t dial, uint32_t say) {
  if (dial) {
    weir_put_text(b, ",\"dial\":");
    weir_put_quoted(b, texts_at(u->texts, dial));
  }
  if (say) {
    weir_put_text(b, ",\"say\":");
    weir_put(b, texts_at(u->texts, say));
  }
}

void put_decision(weir_unit *u, weir_buffer *b, const weir_state *s) {
  weir_put_text(b, ",\"decision\":");
  if (s->decision_text) {
    weir_put(b, texts_at(u->texts, s->decision_text));
    return;
  }
  bool first = s->action == ACTION_DISPATCH_FIRST;
  weir_put_text(b, "{\"owner\":\"unclear\",\"action\":\"");
  weir_put_text(b, first ? "dispatchFirst" : "threeWayCall");
  weir_put_text(b, first ? "\",\"emergency\":true" : "\",\"emergency\":false");
  weir_put_text(b, ",\"undecided\":true}");
}

void put_legs(weir_unit *u, weir_buffer *b, const weir_state *s, bool copies) {
  weir_put_text(b, "\"legs\":{\"voice\":{\"state\":\"");
  weir_put_text(b, voice_name(s->voice));
  weir_put_text(b, "\"");
  if (s->cause) {
    weir_put_text(b, ",\"cause\":\"");
    weir_put_text(b, weir_cause_name(s->cause));
    weir_put_text(b, "\"");
  }
  weir_put_text(b, "},\"data\":{\"state\":\"");
  static const char *const data[] = {"none", "queued", "confirmed", "expired"};
  weir_link_copies went;
  bool sent = copies && s->crossing && carry_copies(u, s->crossing, &went) && went.count > 0;
  weir_put_text(b, sent && s->data == DATA_QUEUED ? "onLink" : data[s->data & 3]);
  weir_put_text(b, "\"");
  if (sent) {
    weir_put_text(b, ",\"copies\":");
    weir_put_decimal(b, went.count);
    weir_put_text(b, ",\"last\":\"");
    weir_put_time(b, went.last_ms);
    weir_put_text(b, "\"");
  }
  if (s->confirmed_revision) {
    weir_put_text(b, ",\"confirmedRevision\":");
    weir_put_decimal(b, s->confirmed_revision);
    weir_put_text(b, s->confirmed_by == WEIR_CONFIRMED_BY_DIGEST ? ",\"by\":\"digest\",\"at\":\""
                                                                 : ",\"by\":\"code\",\"at\":\"");
    weir_put_time(b, s->confirmed_ms);
    weir_put_text(b, "\"");
  }
  weir_put_text(b, "},\"report\":{\"state\":\"");
  weir_put_text(b, report_name(s->report));
  weir_put_text(b, "\"");
  if (s->report_number) {
    weir_put_text(b, ",\"id\":\"");
    put_report_id(b, u->name, s->report_number);
    weir_put_text(b, "\"");
  }
  weir_put_text(b, "}}");
}

/* The next deadline a seat must know: the minute while it runs, else the talk's limit. */
static int64_t deadline_of(const weir_state *s, weir_moment now) {
  bool open = s->voice == VOICE_DUE || s->voice == VOICE_RINGING || s->voice == VOICE_FAILED;
  if (open && s->minute.boot_ms > now.boot_ms && !(s->flags & FLAG_LATE)) return s->minute.wall_ms;
  return s->deadline_kind == DEADLINE_TALK ? s->deadline.wall_ms : 0;
}

void put_number(const weir_unit *u, weir_buffer *b, const weir_state *s) {
  handover_text number = handover_write(u->name, s->day, s->serial, s->flags & FLAG_DRILL);
  weir_put_text(b, "\"handover\":");
  weir_put_quoted(b, handover_view(&number));
  weir_put_text(b, ",\"spoken\":\"");
  put_spoken(b, s->serial, s->flags & FLAG_DRILL);
  weir_put_text(b, "\",\"revision\":");
  weir_put_decimal(b, s->revision);
}

void answer_begin(weir_unit *u, weir_buffer *b, const weir_state *s, weir_bytes ref) {
  weir_put_text(b, "{");
  put_ref(b, ref);
  put_number(u, b, s);
  weir_put_text(b, ",\"durable\":true,\"phase\":\"");
  weir_put_text(b, phase_name(s->phase));
  weir_put_text(b, "\"");
  put_decision(u, b, s);
}

void answer_change(weir_unit *u, weir_buffer *b, const matter_record *r, weir_bytes ref) {
  const weir_state *s = &r->state;
  answer_begin(u, b, s, ref);
  if (r->step_kind != WEIR_STEP_INTAKE) {
    weir_put_text(b, ",");
    put_legs(u, b, s, false);
  }
  int64_t deadline = deadline_of(s, r->now);
  if (deadline) {
    weir_put_text(b, ",\"deadline\":\"");
    weir_put_time(b, deadline);
    weir_put_text(b, "\"");
  }
  put_dial_and_say(u, b, s->dial_text, s->say_text);
  weir_put_text(b, "}");
  WEIR_ASSERT(!b->overflow);
}

void answer_acknowledged(weir_unit *u, weir_buffer *b, const acknowledged_record *r,
                         weir_bytes ref) {
  weir_put_text(b, "{");
  put_ref(b, ref);
  weir_put_text(b, "\"report\":\"");
  put_report_id(b, u->name, r->number);
  weir_put_text(b, "\",\"durable\":true,\"acknowledged\":true,\"matters\":");
  weir_put_decimal(b, r->settled);
  weir_put_text(b, "}");
  WEIR_ASSERT(!b->overflow);
}

void answer_refusal(weir_unit *u, weir_buffer *b, weir_bytes ref, unsigned refusal,
                    const char *field, const char *message, speaking voice) {
  weir_put_text(b, "{");
  put_ref(b, ref);
  weir_put_text(b, "\"error\":{\"code\":\"");
  weir_put_text(b, weir_refusal_name(refusal));
  weir_put_text(b, "\",\"message\":");
  weir_put_quoted(b, weir_text(message ? message : weir_refusal_text(refusal)));
  if (field[0]) {
    weir_put_text(b, ",\"field\":");
    weir_put_quoted(b, weir_text(field));
  }
  weir_put_text(b, "}");
  if (refusal == WEIR_REFUSAL_OVERLOADED) {
    weir_put_text(b, ",\"retryAfterMs\":");
    weir_put_decimal(b, RETRY_AFTER_MS);
  }
  if (voice == SPEAKS) put_dial_and_say(u, b, u->refusal_dial, u->refusal_say);
  if (voice == SPEAKS_DRILL) put_dial_and_say(u, b, u->drill_dial, u->drill_say);
  weir_put_text(b, "}");
  WEIR_ASSERT(!b->overflow);
}
