/* The watch stream: every durable change, read from the journal, so that a watcher may resume from
 * any cursor that the journal still holds. The cursor is the record's serial.
 *
 *   a watcher that does not read   is not served further until it does; nothing is skipped
 *   a cursor ahead of the journal  is refused: it came from another unit or a restored folder
 *   a cursor no longer held        is refused `cursorGone`, also in the middle of a stream, which
 *                                  then ends: what is missing is never passed over in silence. The
 *                                  cursor 0 stands for all that is held */
#include "internal.h"

enum { WATCH_BUDGET = 256 };

static void refuse_cursor(weir_unit *u, connection *c, weir_bytes ref) {
  weir_buffer b = weir_buffer_over(u->render_memory, ANSWER_BYTES_MAX);
  answer_refusal(u, &b, ref, WEIR_REFUSAL_CURSOR_GONE, "after", NULL, SILENT);
  connection_answer(u, c, weir_buffer_view(&b), 0);
}

/* Is the record behind this cursor still held, or not yet written? */
static bool is_held(weir_unit *u, uint64_t cursor) {
  weir_position hint = 0, position = 0;
  weir_frame_view frame;
  if (cursor == 0 || cursor == weir_journal_durable(u->journal)) return true;
  if (cursor > weir_journal_durable(u->journal)) return false;
  if (weir_journal_seek(u->journal, cursor + 1, &hint, &position) != WEIR_OK) return false;
  weir_buffer memory = weir_buffer_over(u->read_memory[0], WEIR_JOURNAL_BODY_MAX);
  if (weir_journal_read(u->journal, position, &memory, &frame) != WEIR_OK) return false;
  return frame.serial == cursor + 1;
}

void watch_begin(weir_unit *u, connection *c, const weir_message *m) {
  if (!is_held(u, m->after)) {
    refuse_cursor(u, c, m->ref);
    return;
  }
  if (!c->watching) u->watching_count++;
  c->watching = true;
  c->watch_serial = m->after;
  c->watch_hint = 0;
}

static void put_dial_say(weir_unit *u, weir_buffer *b, uint32_t dial, uint32_t say) {
  weir_bytes sentences = texts_at(u->texts, say);
  weir_bytes number = texts_at(u->texts, dial);
  weir_put_text(b, ",\"say\":");
  if (sentences.count) weir_put(b, sentences);
  if (!sentences.count) weir_put_text(b, "[]");
  if (number.count) {
    weir_put_text(b, ",\"dial\":");
    weir_put_quoted(b, number);
  }
}

static void put_cursor(weir_buffer *b, uint64_t serial, int64_t wall_ms) {
  weir_put_text(b, "{\"cursor\":");
  weir_put_decimal(b, serial);
  weir_put_text(b, ",\"at\":\"");
  weir_put_time(b, wall_ms);
  weir_put_text(b, "\"");
}

static void put_change(weir_unit *u, uint64_t serial, const matter_record *r, weir_buffer *b) {
  const weir_state *s = &r->state;
  handover_text number = handover_write(u->name, s->day, s->serial, s->flags & FLAG_DRILL);
  put_cursor(b, serial, r->now.wall_ms);
  weir_put_text(b, ",\"handover\":");
  weir_put_quoted(b, handover_view(&number));
  weir_put_text(b, ",\"revision\":");
  weir_put_decimal(b, s->revision);
  weir_put_text(b, ",\"event\":\"");
  weir_put_text(b, r->step_kind == WEIR_STEP_INTAKE   ? "intake"
                   : r->step_kind == WEIR_STEP_UPDATE ? "update"
                                                      : weir_event_name(r->event));
  weir_put_text(b, "\",\"phase\":\"");
  weir_put_text(b, phase_name(s->phase));
  weir_put_text(b, "\",");
  put_legs(u, b, s, false);
  if (s->flags & FLAG_DRILL) weir_put_text(b, ",\"drill\":true");
  if (r->effects & WEIR_EFFECT_ALARM) weir_put_text(b, ",\"alarm\":true");
  if (s->flags & FLAG_LATE) weir_put_text(b, ",\"late\":true");
  if (s->flags & FLAG_UNATTENDED) weir_put_text(b, ",\"unattended\":true");
  if (s->flags & FLAG_CLOCK_UNCERTAIN) weir_put_text(b, ",\"clockUncertain\":true");
  put_dial_say(u, b, s->dial_text, s->say_text);
  weir_put_text(b, "}");
}

static void put_quarantine(weir_unit *u, uint64_t serial, weir_bytes body, weir_buffer *b) {
  weir_reader in = weir_reader_over(body);
  (void)weir_get_varint(&in);
  int64_t wall_ms = weir_get_zigzag(&in);
  unsigned refusal = weir_get_u8(&in);
  put_cursor(b, serial, wall_ms);
  weir_put_text(b, ",\"event\":\"phoneItIn\",\"alarm\":true,\"code\":\"");
  weir_put_text(b, weir_refusal_name(refusal));
  weir_put_text(b, "\"");
  put_dial_say(u, b, u->refusal_dial, u->refusal_say);
  weir_put_text(b, "}");
}

static void put_acknowledged(weir_unit *u, uint64_t serial, weir_bytes body, weir_buffer *b) {
  acknowledged_record r;
  if (!record_get_acknowledged(body, &r)) return;
  put_cursor(b, serial, r.now.wall_ms);
  weir_put_text(b, ",\"event\":\"reportAcknowledged\",\"report\":\"");
  put_report_id(b, u->name, r.number);
  weir_put_text(b, "\"}");
}

static void put_window(uint64_t serial, weir_bytes body, weir_buffer *b) {
  drill_record r;
  if (!record_get_drill(body, &r)) return;
  bool open = r.until.boot_ms != 0;
  put_cursor(b, serial, r.now.wall_ms);
  weir_put_text(b,
                open ? ",\"event\":\"drillOpened\",\"until\":\"" : ",\"event\":\"drillClosed\"}");
  if (!open) return;
  weir_put_time(b, r.until.wall_ms);
  weir_put_text(b, "\"}");
}

static void put_locked(weir_unit *u, uint64_t serial, weir_bytes body, weir_buffer *b) {
  try_record r;
  if (!record_get_try(body, &r) || r.tries != RECEIPT_TRIES_MAX) return;
  handover_text number = handover_write(u->name, r.day, r.serial, r.drill);
  put_cursor(b, serial, r.now.wall_ms);
  weir_put_text(b, ",\"handover\":");
  weir_put_quoted(b, handover_view(&number));
  weir_put_text(b,
                ",\"event\":\"receiptLocked\",\"alarm\":true,\"say\":[\"回执码已连续五次输错,该事项"
                "的回执码已锁定:请与110核对对账码。\"]}");
}

/* One record as the watchers see it; nothing for what is no change. */
static void put_record(weir_unit *u, const weir_frame_view *frame, weir_buffer *b) {
  matter_record r;
  if (frame->kind == RECORD_MATTER && record_get_matter(frame->body, &r)) {
    put_change(u, frame->serial, &r, b);
  } else if (frame->kind == RECORD_QUARANTINE) {
    put_quarantine(u, frame->serial, frame->body, b);
  } else if (frame->kind == RECORD_TRY) {
    put_locked(u, frame->serial, frame->body, b);
  } else if (frame->kind == RECORD_ACKNOWLEDGED) {
    put_acknowledged(u, frame->serial, frame->body, b);
  } else if (frame->kind == RECORD_DRILL) {
    put_window(frame->serial, frame->body, b);
  }
}

/* One step of one watcher; false when there is nothing more for it now. */
static bool serve_next(weir_unit *u, connection *c) {
  weir_position position = 0;
  if (c->watch_serial >= weir_journal_durable(u->journal)) return false;
  if (!connection_has_room(c)) return false;
  weir_status status =
      weir_journal_seek(u->journal, c->watch_serial + 1, &c->watch_hint, &position);
  if (status != WEIR_OK) return false;
  weir_buffer memory = weir_buffer_over(u->read_memory[0], WEIR_JOURNAL_BODY_MAX);
  weir_frame_view frame;
  if (weir_journal_read(u->journal, position, &memory, &frame) != WEIR_OK) return false;
  if (frame.serial > weir_journal_durable(u->journal)) return false;
  if (frame.serial != c->watch_serial + 1 && c->watch_serial != 0) {
    weir_bytes none = {NULL, 0};
    refuse_cursor(u, c, none);
    c->watching = false;
    c->closing = true;
    return false;
  }
  c->watch_serial = frame.serial;
  c->watch_hint = weir_journal_behind(&frame);
  weir_buffer b = weir_buffer_over(u->render_memory, ANSWER_BYTES_MAX);
  put_record(u, &frame, &b);
  WEIR_ASSERT(!b.overflow);
  if (b.count) connection_answer(u, c, weir_buffer_view(&b), 0);
  return true;
}

bool watch_pump(weir_unit *u) {
  bool more = false;
  if (u->watching_count == 0) return false;
  for (uint32_t i = 0; i < u->connection_end; i++) {
    connection *c = &u->connections[i];
    if (!c->used || !c->watching) continue;
    unsigned served = 0;
    while (served < WATCH_BUDGET && serve_next(u, c)) served++;
    more = more || served == WATCH_BUDGET;
  }
  return more;
}
