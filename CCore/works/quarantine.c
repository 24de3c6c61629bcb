/* Quarantine: what failed a rule and must not be lost: on an inner unit records that crossed and
 * are no good, on an outer one dangerous requests that were refused. The journal holds the bytes;
 * here stands where. Whatever came behind them has gone on.
 *
 *   number    the serial of its record, the same after a restart
 *   release   a person says who lets it go and why, and that is durable. An inner unit then stages
 *             the record as it crossed, and again after a crash, until its mark is durable; an
 *             outer one only strikes it off: the matter went by telephone
 *   more than QUARANTINE_MAX unreleased   the oldest leave the list, counted; the journal keeps
 *             them */
#include "internal.h"

enum { SHOWN_MAX = 200, RELEASE_BYTES_MAX = 4096 };

static held *place(weir_unit *u, uint64_t number) {
  return &u->quarantine[number % QUARANTINE_MAX];
}

/* The list stays in the order of its records: those before the next free place move up into it.
 * Where none is free the place is that of the oldest. */
void quarantine_add(weir_unit *u, uint64_t serial, weir_position position) {
  const uint64_t next = u->quarantine_count++;
  unsigned steps = 0;
  while (steps < QUARANTINE_MAX && place(u, next + steps)->serial != 0) steps++;
  if (steps == QUARANTINE_MAX) steps = 0;
  for (; steps > 0; steps--) *place(u, next + steps) = *place(u, next + steps - 1);
  *place(u, next) = (held){serial, position, 0, false};
}

void quarantine_line(weir_unit *u, weir_bytes line, unsigned refusal) {
  uint8_t head[32];
  weir_buffer b = weir_buffer_over(head, sizeof head);
  weir_put_varint(&b, u->now.boot_ms);
  weir_put_zigzag(&b, u->now.wall_ms);
  weir_put_u8(&b, (uint8_t)refusal);
  const weir_bytes parts[2] = {weir_buffer_view(&b), line};
  uint64_t serial;
  weir_position position;
  if (!unit_append(u, RECORD_QUARANTINE, parts, 2, &serial, &position)) return;
  u->counters.quarantined++;
  quarantine_add(u, serial, position);
  effects_add(u, serial, position, NULL);
}

static bool is_listed(const held *q) {
  return q->serial != 0 && q->release == 0;
}

uint64_t quarantine_open(const weir_unit *u) {
  uint64_t count = 0;
  for (unsigned i = 0; i < QUARANTINE_MAX; i++) count += is_listed(&u->quarantine[i]);
  return count;
}

static held *find(weir_unit *u, uint64_t serial) {
  for (unsigned i = 0; i < QUARANTINE_MAX && serial != 0; i++) {
    if (u->quarantine[i].serial == serial) return &u->quarantine[i];
  }
  return NULL;
}

/* What the journal holds of one; the views lie in read_memory[0]. */
typedef struct holding {
  bool crossed; /* a record of the link; else a refused request */
  mark_record mark;
  int64_t wall_ms;
  unsigned refusal;
  weir_bytes bytes;
} holding;

static bool read_holding(weir_unit *u, const held *q, holding *h) {
  weir_buffer memory = weir_buffer_over(u->read_memory[0], WEIR_JOURNAL_BODY_MAX);
  weir_frame_view frame;
  if (weir_journal_read(u->journal, q->position, &memory, &frame) != WEIR_OK) return false;
  h->crossed = frame.kind == RECORD_MARK;
  if (h->crossed) {
    if (!record_get_mark(frame.body, &h->mark)) return false;
    h->bytes = h->mark.item;
    return true;
  }
  weir_reader in = weir_reader_over(frame.body);
  (void)weir_get_varint(&in);
  h->wall_ms = weir_get_zigzag(&in);
  h->refusal = weir_get_u8(&in);
  h->bytes = weir_get(&in, in.left);
  return !in.bad && frame.kind == RECORD_QUARANTINE;
}

static void put_holding(uint64_t serial, const holding *h, weir_buffer *b) {
  weir_put_text(b, "{\"id\":\"");
  weir_put_decimal(b, serial);
  weir_put_text(b, "\",\"reason\":");
  if (h->crossed) {
    weir_put_quoted(b, h->mark.reason);
    weir_put_text(b, ",\"sender\":");
    weir_put_quoted(b, h->mark.unit);
    weir_put_text(b, ",\"crossing\":");
    weir_put_decimal(b, h->mark.crossing);
    weir_put_text(b, ",\"revision\":");
    weir_put_decimal(b, h->mark.revision);
  } else {
    weir_put_quoted(b, weir_text(weir_refusal_name(h->refusal)));
    weir_put_text(b, ",\"at\":\"");
    weir_put_time(b, h->wall_ms);
    weir_put_text(b, "\"");
  }
  weir_put_text(b, ",\"bytes\":");
  weir_put_decimal(b, h->bytes.count);
}

static void put_list(weir_unit *u, weir_buffer *b) {
  uint64_t left_out = 0, shown = 0;
  weir_put_text(b, "\"quarantine\":[");
  for (unsigned i = 0; i < QUARANTINE_MAX; i++) {
    const held *q = &u->quarantine[(u->quarantine_count + i) % QUARANTINE_MAX];
    holding h;
    if (!is_listed(q)) continue;
    if (shown == SHOWN_MAX || !read_holding(u, q, &h)) {
      left_out++;
      continue;
    }
    if (shown++ > 0) weir_put_text(b, ",");
    put_holding(q->serial, &h, b);
    weir_put_text(b, "}");
  }
  weir_put_text(b, "],\"leftOut\":");
  weir_put_decimal(b, left_out);
}

/* The one that a request names; null, and refused, when there is none. */
static held *named(weir_unit *u, connection *c, const entry *e) {
  uint64_t serial = 0;
  held *q = NULL;
  if (weir_decimal_read(e->message.id, &serial) == WEIR_OK) q = find(u, serial);
  if (q && !is_listed(q)) q = NULL;
  if (!q) apply_refusal(u, c, e, WEIR_REFUSAL_NOT_IN_QUARANTINE);
  return q;
}

void apply_quarantine(weir_unit *u, connection *c, const entry *e) {
  weir_buffer b = weir_buffer_over(u->render_memory, ANSWER_BYTES_MAX);
  weir_put_text(&b, "{");
  put_ref(&b, e->message.ref);
  if (e->message.present & WEIR_HAS_ID) {
    holding h;
    const held *q = named(u, c, e);
    if (!q) return;
    if (!read_holding(u, q, &h)) {
      apply_refusal(u, c, e, WEIR_REFUSAL_OUTCOME_UNKNOWN);
      return;
    }
    weir_put_text(&b, "\"quarantined\":");
    put_holding(q->serial, &h, &b);
    /* As text it may grow: then what fits is shown, and `bytes` says how long the whole is. */
    weir_buffer whole = b;
    put_content(&whole, "content", h.bytes);
    if (whole.count + 2 > whole.capacity || whole.overflow) {
      put_content(&b, "content", weir_view(h.bytes.at, h.bytes.count / 8));
    } else {
      b = whole;
    }
    weir_put_text(&b, "}");
  } else {
    put_list(u, &b);
  }
  weir_put_text(&b, "}");
  WEIR_ASSERT(!b.overflow);
  connection_answer(u, c, weir_buffer_view(&b), 0);
}

static void log_release(weir_unit *u, uint64_t serial) {
  if (!weir_log_begin(u->log, WEIR_LOG_WARN, true, u->now.wall_ms, "released",
                      "a person let something out of quarantine")) {
    return;
  }
  weir_log_number(u->log, "labels.quarantine", (int64_t)serial);
  (void)weir_log_end(u->log);
}

/* boottime ms, wall ms · number · by · reason, counted */
static bool journal_release(weir_unit *u, uint64_t number, const weir_message *m, uint64_t *serial,
                            weir_position *position) {
  uint8_t body[RELEASE_BYTES_MAX];
  weir_buffer b = weir_buffer_over(body, sizeof body);
  weir_put_varint(&b, u->now.boot_ms);
  weir_put_zigzag(&b, u->now.wall_ms);
  weir_put_varint(&b, number);
  weir_put_varint(&b, m->by.count);
  weir_put(&b, m->by);
  weir_put_varint(&b, m->reason.count);
  weir_put(&b, m->reason);
  WEIR_ASSERT(!b.overflow);
  const weir_bytes part = weir_buffer_view(&b);
  return unit_append(u, RECORD_RELEASE, &part, 1, serial, position);
}

typedef struct release_record {
  uint64_t number;
  weir_bytes by, reason;
} release_record;

static bool get_release(weir_bytes body, release_record *r) {
  weir_reader in = weir_reader_over(body);
  (void)weir_get_varint(&in);
  (void)weir_get_zigzag(&in);
  r->number = weir_get_varint(&in);
  r->by = weir_get(&in, (size_t)weir_get_varint(&in));
  r->reason = weir_get(&in, (size_t)weir_get_varint(&in));
  return !in.bad && in.left == 0;
}

/* Released by the record at `position`. What was only refused is struck off at once. */
static void let_go(const weir_unit *u, held *q, weir_position position) {
  if (u->options.inner) {
    q->release = position;
  } else {
    *q = (held){0};
  }
}

void apply_release(weir_unit *u, connection *c, const entry *e) {
  const weir_message *m = &e->message;
  uint64_t serial = 0;
  weir_position position = 0;
  held *q = named(u, c, e);
  if (!q) return;
  uint64_t number = q->serial;
  if (!journal_release(u, number, m, &serial, &position)) {
    refuse_unjournalled(u, c, e);
    return;
  }
  let_go(u, q, position);
  u->counters.released++;
  log_release(u, number);
  weir_buffer b = weir_buffer_over(u->render_memory, ANSWER_BYTES_MAX);
  weir_put_text(&b, "{");
  put_ref(&b, m->ref);
  weir_put_text(&b, "\"released\":\"");
  weir_put_decimal(&b, number);
  weir_put_text(&b, "\",\"durable\":true}");
  connection_answer(u, c, weir_buffer_view(&b), serial);
}

bool quarantine_recover_release(weir_unit *u, const weir_frame_view *frame) {
  release_record r;
  if (!get_release(frame->body, &r)) return false;
  held *q = find(u, r.number);
  if (q) let_go(u, q, frame->position);
  return true;
}

void quarantine_settle(weir_unit *u, uint64_t serial) {
  held *q = find(u, serial);
  if (q) *q = (held){0};
}

/* Stages one that was released; it stays in the list until its mark is in the journal. */
static void stage_on_tick(weir_unit *u, held *q) {
  weir_buffer memory = weir_buffer_over(u->read_memory[1], WEIR_JOURNAL_BODY_MAX);
  weir_frame_view frame;
  release_record r;
  holding h;
  if (weir_journal_read(u->journal, q->release, &memory, &frame) != WEIR_OK) return;
  if (!get_release(frame.body, &r) || !read_holding(u, q, &h)) return;
  q->staged = items_stage_released(u, &h.mark, q->serial, r.by, r.reason);
}

void quarantine_tick(weir_unit *u) {
  for (unsigned i = 0; i < QUARANTINE_MAX && i < u->quarantine_count; i++) {
    held *q = &u->quarantine[i];
    if (q->serial != 0 && q->release != 0 && !q->staged) stage_on_tick(u, q);
  }
}

bool quarantine_quiet(const weir_unit *u) {
  for (unsigned i = 0; i < QUARANTINE_MAX; i++) {
    if (u->quarantine[i].serial != 0 && u->quarantine[i].release != 0) return false;
  }
  return true;
}
