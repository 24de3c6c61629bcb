/* The outer unit's side of the link: which records are on their way, and how many copies went.
 *
 *   a change is durable   its revision is offered to the link, which sends copies by its schedule
 *   a copy is due         the record is rendered from the journal and packed
 *   once a minute         copies are summed up in the journal, so that a restart goes on counting
 */
#include "internal.h"

enum {
  TALLY_BYTES = 64 * 1024,
  RECORDS_PER_CALL = 256,
  /* Each repeat is rendered anew from the journal. With more bytes a second than these, what nobody
   * has confirmed would starve what comes in; while nothing does, they fill a line of 100 Mbit/s.
   */
  REPEAT_RATE_BUSY = 4 * 1024 * 1024,
  REPEAT_RATE_IDLE = 16 * 1024 * 1024
};

weir_link_sender_options carry_options(const weir_unit *u, uint32_t stream, uint32_t capacity) {
  weir_link_sender_options o = {0};
  for (size_t i = 0; u->name[i]; i++) o.id.unit[i] = u->name[i];
  o.id.boot_epoch = u->start.boot_epoch;
  for (size_t i = 0; i < 16; i++) o.id.boot_id[i] = u->start.link_boot[i];
  o.id.stream = stream;
  o.keys = u->options.keys;
  o.mtu = u->options.mtu;
  o.capacity = capacity;
  o.now_ms = u->now.boot_ms;
  return o;
}

static weir_status open_senders(weir_unit *u) {
  if (!u->options.ferry_only) {
    weir_link_sender_options o = carry_options(u, 1, u->options.open_max);
    o.rate = u->options.rate_bits / 8;
    o.parity = true;
    weir_status status = weir_link_sender_open(&o, &u->sender);
    if (status != WEIR_OK) return status;
  }
  return ferry_open(u);
}

weir_status carry_open(weir_unit *u) {
  if (!u->options.keys || u->options.inner) return WEIR_OK;
  weir_status status = open_senders(u);
  if (status != WEIR_OK) return status;
  u->tally_ms = u->now.boot_ms + TALLY_MS;
  for (uint32_t slot = 0; slot < u->slots_used; slot++) {
    const matter *m = &u->matters[slot];
    if (!m->used || m->offered == 0) continue;
    weir_state crossed = m->state; /* later changes may be of the kind that does not cross */
    crossed.revision = m->offered_revision;
    carry_offer(u, &crossed, m->offered);
    weir_link_sender *first = u->sender ? u->sender : u->ferry.sender;
    if (!first) continue;
    weir_link_sender_restore_copies(first, m->state.crossing, m->copies_before, m->copied_ms, 0);
  }
  return WEIR_OK;
}

/* One entry of a tally: how many copies of a crossing went, and when the last did. */
static void put_copies(weir_buffer *b, uint64_t crossing, uint32_t copies, int64_t last_ms) {
  weir_put_varint(b, crossing);
  weir_put_varint(b, copies);
  weir_put_zigzag(b, last_ms);
}

/* A record that is sent no more: how many copies of it went, before the link forgets it. */
static void tally_on_settle(weir_unit *u, uint64_t crossing) {
  uint8_t body[64];
  weir_buffer b = weir_buffer_over(body, sizeof body);
  uint32_t copies = 0;
  int64_t last = 0;
  if (!carry_copies(u, crossing, &copies, &last) || copies == 0) return;
  carry_restore(u, crossing, copies, last);
  put_copies(&b, crossing, copies, last);
  const weir_bytes part = weir_buffer_view(&b);
  uint64_t serial;
  weir_position position;
  (void)unit_append(u, RECORD_TALLY, &part, 1, &serial, &position);
}

void carry_offer(weir_unit *u, const weir_state *s, weir_position position) {
  weir_link_sender *senders[2] = {u->sender, u->ferry.sender};
  if (s->crossing == 0) return;
  if (s->data == DATA_CONFIRMED || s->data == DATA_EXPIRED) {
    tally_on_settle(u, s->crossing);
    for (unsigned i = 0; i < 2; i++) {
      if (senders[i]) weir_link_sender_settle(senders[i], s->crossing);
    }
    return;
  }
  index_entry *x = index_find(&u->crossings, s->crossing, NULL);
  if (!x) return; /* it ended meanwhile */
  u->matters[(uint32_t)x->value].offered = position;
  u->matters[(uint32_t)x->value].offered_revision = s->revision;
  for (unsigned i = 0; i < 2; i++) {
    if (!senders[i]) continue;
    weir_status status =
        weir_link_sender_offer(senders[i], s->crossing, s->revision, s->lane, u->now.boot_ms);
    WEIR_ASSERT(status == WEIR_OK);
  }
  if (s->lane == WEIR_LANE_DANGER) u->ferry.danger = true;
}

bool carry_again(weir_unit *u, uint64_t crossing) {
  bool again = u->sender && weir_link_sender_again(u->sender, crossing, u->now.boot_ms);
  weir_link_sender *ferried = u->ferry.sender;
  return (ferried && weir_link_sender_again(ferried, crossing, u->now.boot_ms)) || again;
}

bool carry_copies(const weir_unit *u, uint64_t crossing, uint32_t *copies, int64_t *last_ms) {
  weir_link_sender *const senders[2] = {u->sender, u->ferry.sender};
  bool known = false;
  *copies = 0;
  *last_ms = 0;
  for (unsigned i = 0; i < 2; i++) {
    uint32_t count = 0;
    int64_t last = 0;
    if (!senders[i] || !weir_link_sender_copies(senders[i], crossing, &count, &last)) continue;
    known = true;
    *copies += count;
    if (last > *last_ms) *last_ms = last;
  }
  return known;
}

/* The newest record of a matter that crosses, found by walking back. */
static bool find_crossed(weir_unit *u, weir_position last, carried *found) {
  for (weir_position p = last; p != 0;) {
    weir_buffer memory = weir_buffer_over(u->read_memory[1], WEIR_JOURNAL_BODY_MAX);
    weir_frame_view frame;
    matter_record r;
    if (weir_journal_read(u->journal, p, &memory, &frame) != WEIR_OK) return false;
    if (frame.kind != RECORD_MATTER || !record_get_matter(frame.body, &r)) return false;
    if (r.effects & WEIR_EFFECT_CROSS) {
      *found = (carried){p, r.state.revision, r.state.lane};
      return true;
    }
    p = r.previous;
  }
  return false;
}

bool carry_find(weir_unit *u, uint64_t crossing, carried *found) {
  if (crossing == 0 || crossing > LEDGER_MAX || !u->digest.crossed) return false;
  uint64_t key = u->digest.crossed[crossing];
  uint32_t slot = key ? matter_find(u, key) : NO_SLOT;
  if (slot == NO_SLOT) return false;
  bool good = find_crossed(u, u->matters[slot].last, found);
  matter_put_back(u, slot);
  return good;
}

static void log_unpacked(weir_unit *u, uint64_t crossing) {
  if (weir_log_begin(u->log, WEIR_LOG_ERROR, true, u->now.wall_ms, "linkRecordFailed",
                     "a record could not be packed for the link; it is tried again")) {
    weir_log_number(u->log, "labels.crossing", (int64_t)crossing);
    (void)weir_log_end(u->log);
  }
}

packed carry_pack(weir_unit *u, weir_link_sender *sender) {
  uint64_t crossing = 0;
  uint32_t revision = 0;
  if (!weir_link_sender_due(sender, u->now.boot_ms, &crossing, &revision)) return PACKED_NONE;
  index_entry *x = index_find(&u->crossings, crossing, NULL);
  if (!x) { /* it ended: nothing more is owed, and what was sent stays on record */
    tally_on_settle(u, crossing);
    weir_link_sender_settle(sender, crossing);
    return PACKED_ONE;
  }
  const matter *m = &u->matters[(uint32_t)x->value];
  weir_buffer b = weir_buffer_over(u->render_memory, ANSWER_BYTES_MAX);
  bool rendered = m->offered && render_record(u, m->offered, false, &b) && !b.overflow;
  u->tally_needed = true;
  weir_status status = WEIR_INVALID;
  if (rendered) {
    status = weir_link_sender_pack(sender, weir_buffer_view(&b), u->now.boot_ms, u->now.wall_ms);
  }
  if (status == WEIR_OK) return PACKED_ONE;
  if (status == WEIR_FULL) return PACKED_FULL;
  weir_link_sender_skip(sender, u->now.boot_ms);
  log_unpacked(u, crossing);
  return PACKED_ONE;
}

size_t weir_unit_datagrams(weir_unit *u, weir_bytes *into, size_t max, size_t bytes_max) {
  if (!u->sender || !u->begun) return 0;
  unit_look_at_clocks(u);
  bool busy = effects_waiting(u) > 0;
  weir_link_sender_bound_repeats(u->sender, busy ? REPEAT_RATE_BUSY : REPEAT_RATE_IDLE);
  weir_link_sender_heartbeat(u->sender, u->now.boot_ms, u->now.wall_ms,
                             (uint32_t)u->open_emergencies);
  /* One datagram more than may go, so that those that go are full. */
  size_t wanted = bytes_max < SIZE_MAX / 2 ? bytes_max + u->options.mtu : bytes_max;
  packed last = PACKED_ONE;
  for (unsigned i = 0; i < RECORDS_PER_CALL && last == PACKED_ONE && !u->failing; i++) {
    if (weir_link_sender_packed(u->sender) >= wanted) break;
    last = carry_pack(u, u->sender);
  }
  size_t count = 0, bytes = 0;
  while (count < max && bytes < bytes_max) {
    bool flush = last == PACKED_NONE || u->failing || count == 0;
    weir_bytes datagram = weir_link_sender_take(u->sender, flush);
    if (datagram.count == 0) break;
    bytes += datagram.count;
    into[count++] = datagram;
  }
  return count;
}

void weir_unit_send_failed(weir_unit *u, uint64_t datagrams) {
  u->counters.send_failed += datagrams;
  if (datagrams) u->carrier_failed_ms = u->now.boot_ms;
}

void carry_restore(weir_unit *u, uint64_t crossing, uint32_t copies, int64_t last_ms) {
  index_entry *x = index_find(&u->crossings, crossing, NULL);
  if (!x) return;
  matter *m = &u->matters[(uint32_t)x->value];
  m->copies_before = copies;
  m->copied_ms = last_ms;
}

void carry_tally(weir_unit *u) {
  if (!u->tally_needed || u->failing) return;
  u->tally_needed = false;
  weir_buffer b = weir_buffer_over(u->render_memory, TALLY_BYTES);
  for (uint32_t slot = 0; slot < u->slots_used && b.count < TALLY_BYTES - 64; slot++) {
    const matter *m = &u->matters[slot];
    uint32_t copies = 0;
    int64_t last = 0;
    if (!m->used || m->state.crossing == 0) continue;
    if (!carry_copies(u, m->state.crossing, &copies, &last)) continue;
    put_copies(&b, m->state.crossing, copies, last);
  }
  if (b.count == 0) return;
  const weir_bytes part = weir_buffer_view(&b);
  uint64_t serial;
  weir_position position;
  if (weir_journal_room(u->journal) > TALLY_BYTES * 2) {
    (void)unit_append(u, RECORD_TALLY, &part, 1, &serial, &position);
  }
}

void carry_tick(weir_unit *u) {
  if (u->now.boot_ms < u->tally_ms) return;
  u->tally_ms = u->now.boot_ms + TALLY_MS;
  carry_tally(u);
}
