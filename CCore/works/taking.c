/* Delivery as a stream: JSON lines with acknowledgement and resume, over the delivery socket.
 *
 *   take    {"op":"take"} begins behind what was acknowledged last, {"op":"take","after":n} behind
 *           the cursor n; from then on each item is a line {"cursor":n,"item":{…}} as soon as its
 *           mark is durable. The journal holds the items (see deliver.c)
 *   taken   {"op":"taken","after":n}: the reader has everything up to the cursor n; answered when
 *           that is durable, while items go on. A reader that is gone begins there again. The disk
 *           is not troubled for it alone until TAKEN_PATIENCE_MS have passed: items come first
 *
 *   a reader that does not read   is not served further until it does; nothing is skipped
 *   a crash between an item and its acknowledgement   it is sent again under the same cursor
 *   what lies in quarantine       is no item until a person releases it */
#include "internal.h"

enum { TAKING_BUDGET = 256, TAKEN_PATIENCE_MS = 5 };

static void refuse_cursor(weir_unit *u, connection *c, const entry *e) {
  weir_buffer b = weir_buffer_over(u->render_memory, ANSWER_BYTES_MAX);
  answer_refusal(u, &b, e->message.ref, WEIR_REFUSAL_CURSOR_GONE, "after", NULL, false);
  connection_answer(u, c, weir_buffer_view(&b), 0);
}

void taking_begin(weir_unit *u, connection *c, const entry *e) {
  bool named = (e->message.present & WEIR_HAS_AFTER) != 0;
  uint64_t after = named ? e->message.after : u->taken_serial;
  if (after > weir_journal_durable(u->journal)) {
    refuse_cursor(u, c, e);
    return;
  }
  c->taking = true;
  c->watch_serial = after;
  c->watch_hint = 0;
}

/* boottime ms, wall ms · cursor */
static bool journal_taken(weir_unit *u, uint64_t cursor) {
  uint8_t body[48];
  weir_buffer b = weir_buffer_over(body, sizeof body);
  weir_put_varint(&b, u->now.boot_ms);
  weir_put_zigzag(&b, u->now.wall_ms);
  weir_put_varint(&b, cursor);
  const weir_bytes part = weir_buffer_view(&b);
  weir_position position;
  if (!unit_append(u, RECORD_TAKEN, &part, 1, &u->taken_record, &position)) return false;
  u->taken_serial = cursor;
  if (u->taken_since_ms == 0) u->taken_since_ms = u->now.boot_ms;
  return true;
}

void apply_taken(weir_unit *u, connection *c, const entry *e) {
  uint64_t cursor = e->message.after;
  bool ahead = cursor > u->item_serial;
  if (ahead || (cursor > u->taken_serial && !journal_taken(u, cursor))) {
    c->waiting = false;
    if (ahead) refuse_cursor(u, c, e);
    if (!ahead) refuse_unjournalled(u, c, e);
    return;
  }
  weir_buffer ref = weir_buffer_over(c->taken_ref, sizeof c->taken_ref);
  weir_put(&ref, e->message.ref);
  c->taken_ref_count = ref.count;
  c->taken_cursor = cursor;
  c->taken_serial = u->taken_record;
  c->owes_taken = true;
}

/* The answer that is owed to this reader, once it is true. */
static void answer_taken(weir_unit *u, connection *c) {
  if (!c->owes_taken || weir_journal_durable(u->journal) < c->taken_serial) return;
  if (!connection_has_room(c)) return;
  weir_buffer b = weir_buffer_over(u->render_memory, ANSWER_BYTES_MAX);
  weir_put_text(&b, "{");
  put_ref(&b, weir_view(c->taken_ref, c->taken_ref_count));
  weir_put_text(&b, "\"taken\":");
  weir_put_decimal(&b, c->taken_cursor);
  weir_put_text(&b, ",\"durable\":true}");
  connection_answer(u, c, weir_buffer_view(&b), 0);
  c->owes_taken = c->waiting = false;
}

bool taking_waits(const weir_unit *u) {
  bool alone = u->pressing_record <= weir_journal_durable(u->journal);
  return u->taken_since_ms != 0 && alone && !u->stopping && u->now.boot_ms < taking_due_ms(u);
}

uint64_t taking_due_ms(const weir_unit *u) {
  return u->taken_since_ms == 0 ? UINT64_MAX : u->taken_since_ms + TAKEN_PATIENCE_MS;
}

bool taking_recover(weir_unit *u, weir_bytes body) {
  weir_reader in = weir_reader_over(body);
  (void)weir_get_varint(&in);
  (void)weir_get_zigzag(&in);
  uint64_t cursor = weir_get_varint(&in);
  if (cursor > u->taken_serial) u->taken_serial = cursor;
  return !in.bad;
}

/* One record of the journal for one reader; false when there is nothing more for it now. */
static bool serve_next(weir_unit *u, connection *c) {
  weir_position position = 0;
  if (c->watch_serial >= u->item_serial || !connection_has_room(c)) return false;
  if (weir_journal_seek(u->journal, c->watch_serial + 1, &c->watch_hint, &position) != WEIR_OK) {
    return false;
  }
  weir_buffer memory = weir_buffer_over(u->read_memory[0], WEIR_JOURNAL_BODY_MAX);
  weir_frame_view frame;
  mark_record m;
  if (weir_journal_read(u->journal, position, &memory, &frame) != WEIR_OK) return false;
  if (frame.serial > u->item_serial) return false;
  c->watch_serial = frame.serial;
  c->watch_hint = weir_journal_behind(&frame);
  if (frame.kind != RECORD_MARK || !record_get_mark(frame.body, &m)) return true;
  if (m.quarantined || m.item.count == 0) return true;
  weir_buffer b = weir_buffer_over(u->render_memory, ANSWER_BYTES_MAX);
  weir_put_text(&b, "{\"cursor\":");
  weir_put_decimal(&b, frame.serial);
  weir_put_text(&b, ",\"item\":");
  weir_put(&b, weir_view(m.item.at, m.item.count - 1)); /* without its line feed */
  weir_put_text(&b, "}");
  WEIR_ASSERT(!b.overflow);
  connection_answer(u, c, weir_buffer_view(&b), 0);
  return true;
}

bool taking_pump(weir_unit *u) {
  bool more = false;
  if (!u->options.delivery_stream) return false;
  for (uint32_t i = 0; i < u->connection_end; i++) {
    connection *c = &u->connections[i];
    if (!c->used) continue;
    answer_taken(u, c);
    if (!c->taking) continue;
    unsigned served = 0;
    while (served < TAKING_BUDGET && serve_next(u, c)) served++;
    more = more || served == TAKING_BUDGET;
  }
  return more;
}
