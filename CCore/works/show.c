/* Journal frames as JSON lines, for `weir journal show`: what the journal holds, named. */
#include "internal.h"

static void put_common(const weir_frame_view *f, const char *kind, weir_buffer *b) {
  weir_put_text(b, "{\"serial\":");
  weir_put_decimal(b, f->serial);
  weir_put_text(b, ",\"segment\":");
  weir_put_decimal(b, f->position >> 32);
  weir_put_text(b, ",\"offset\":");
  weir_put_decimal(b, f->position & UINT32_MAX);
  weir_put_text(b, ",\"kind\":\"");
  weir_put_text(b, kind);
  weir_put_text(b, "\"");
}

static void put_at(weir_buffer *b, int64_t wall_ms) {
  weir_put_text(b, ",\"at\":\"");
  weir_put_time(b, wall_ms);
  weir_put_text(b, "\"");
}

static bool show_matter(const weir_texts *texts, const char *unit, const weir_frame_view *f,
                        weir_buffer *b) {
  matter_record r;
  if (!record_get_matter(f->body, &r)) return false;
  const weir_state *s = &r.state;
  handover_text number = handover_write(unit, s->day, s->serial, s->flags & FLAG_DRILL);
  put_common(f, "matter", b);
  put_at(b, r.now.wall_ms);
  weir_put_text(b, ",\"handover\":");
  weir_put_quoted(b, handover_view(&number));
  weir_put_text(b, ",\"revision\":");
  weir_put_decimal(b, s->revision);
  weir_put_text(b, ",\"event\":\"");
  weir_put_text(b, r.step_kind == WEIR_STEP_INTAKE   ? "intake"
                   : r.step_kind == WEIR_STEP_UPDATE ? "update"
                                                     : weir_event_name(r.event));
  weir_put_text(b, "\",\"phase\":\"");
  weir_put_text(b, phase_name(s->phase));
  weir_put_text(b, "\",\"voice\":\"");
  weir_put_text(b, voice_name(s->voice));
  weir_put_text(b, "\",\"report\":\"");
  weir_put_text(b, report_name(s->report));
  weir_put_text(b, "\",\"crossing\":");
  weir_put_decimal(b, s->crossing);
  weir_bytes decision = texts_at(texts, s->decision_text);
  if (decision.count) {
    weir_put_text(b, ",\"decision\":");
    weir_put(b, decision);
  }
  if (r.line.count) {
    weir_put_text(b, ",\"line\":");
    weir_put(b, r.line);
  }
  weir_put_text(b, "}");
  return true;
}

static bool show_start(const weir_frame_view *f, weir_buffer *b) {
  start_record r;
  if (!record_get_start(f->body, &r)) return false;
  put_common(f, "start", b);
  put_at(b, r.now.wall_ms);
  weir_put_text(b, ",\"bootEpoch\":");
  weir_put_decimal(b, r.boot_epoch);
  weir_put_text(b, ",\"version\":");
  weir_put_quoted(b, r.version);
  weir_put_text(b, "}");
  return true;
}

static bool show_mark(const weir_frame_view *f, weir_buffer *b) {
  mark_record r;
  if (!record_get_mark(f->body, &r)) return false;
  put_common(f, "mark", b);
  weir_put_text(b, ",\"file\":");
  weir_put_quoted(b, r.name);
  weir_put_text(b, ",\"sender\":");
  weir_put_quoted(b, r.unit);
  weir_put_text(b, ",\"crossing\":");
  weir_put_decimal(b, r.crossing);
  weir_put_text(b, ",\"revision\":");
  weir_put_decimal(b, r.revision);
  if (r.quarantined) weir_put_text(b, ",\"quarantined\":");
  if (r.quarantined) weir_put_quoted(b, r.reason);
  weir_put_text(b, r.conflict ? ",\"conflict\":true}" : "}");
  return true;
}

static bool show_policy(const weir_frame_view *f, weir_buffer *b) {
  policy_record r;
  if (!record_get_policy(f->body, &r)) return false;
  put_common(f, "policy", b);
  put_at(b, r.now.wall_ms);
  weir_put_text(b, ",\"versions\":");
  weir_put(b, r.versions);
  static const char *const keys[] = {"policy", "reason", "by", "second"};
  const weir_bytes asked[] = {r.policy, r.reason, r.by, r.second};
  for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
    if (asked[i].count == 0) continue;
    weir_put_text(b, ",\"");
    weir_put_text(b, keys[i]);
    weir_put_text(b, "\":");
    weir_put_quoted(b, asked[i]);
  }
  weir_put_text(b, r.forced ? ",\"forced\":true}" : "}");
  return true;
}

static bool show_text(weir_texts *texts, const weir_frame_view *f, weir_buffer *b) {
  uint32_t id = 0;
  weir_bytes text;
  if (!record_get_text(f->body, &id, &text)) return false;
  (void)texts_add(texts, id, text);
  put_common(f, "text", b);
  weir_put_text(b, ",\"id\":");
  weir_put_decimal(b, id);
  weir_put_text(b, ",\"text\":");
  weir_put_quoted(b, text);
  weir_put_text(b, "}");
  return true;
}

/* Kinds of which only moment and size are shown; a quarantined line need not be JSON. */
static void show_other(const weir_frame_view *f, weir_buffer *b) {
  static const char *const names[] = {
      "unknown", "start", "text",  "matter", "quarantine", "tally",   "acknowledged", "stop",
      "mark",    "boot",  "drill", "taken",  "release",    "unknown", "unknown",      "try"};
  const char *name = f->kind < sizeof names / sizeof *names ? names[f->kind] : names[0];
  put_common(f, name, b);
  bool stamped = f->kind == RECORD_QUARANTINE || f->kind == RECORD_ACKNOWLEDGED ||
                 f->kind == RECORD_STOP || f->kind == RECORD_DRILL || f->kind == RECORD_TAKEN ||
                 f->kind == RECORD_RELEASE || f->kind == RECORD_TRY;
  weir_reader r = weir_reader_over(f->body);
  if (stamped) {
    (void)weir_get_varint(&r);
    put_at(b, weir_get_zigzag(&r));
  }
  weir_put_text(b, ",\"bytes\":");
  weir_put_decimal(b, f->body.count);
  if (f->kind == RECORD_QUARANTINE) {
    weir_put_text(b, ",\"refusal\":");
    const char *refusal = weir_refusal_name(weir_get_u8(&r));
    weir_put_quoted(b, weir_text(refusal ? refusal : "unknown"));
  }
  weir_put_text(b, "}");
}

weir_status weir_works_show(weir_texts *texts, const char *unit, const weir_frame_view *frame,
                            weir_buffer *into) {
  bool good = true;
  switch (frame->kind) {
  case RECORD_MATTER:
    good = show_matter(texts, unit, frame, into);
    break;
  case RECORD_START:
    good = show_start(frame, into);
    break;
  case RECORD_MARK:
    good = show_mark(frame, into);
    break;
  case RECORD_POLICY:
    good = show_policy(frame, into);
    break;
  case RECORD_TEXT:
    good = show_text(texts, frame, into);
    break;
  default:
    show_other(frame, into);
    break;
  }
  if (into->overflow) return WEIR_TOO_LONG;
  return good ? WEIR_OK : WEIR_CORRUPT;
}
