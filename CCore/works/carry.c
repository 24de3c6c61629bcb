/* The outer unit's side of the link: which records are on their way, and how many copies went.
 *
 *   a change is durable   its revision is offered to the link, which sends copies by its schedule
 *   a copy is due         the record is rendered from the journal and packed
 *   once a minute         copies are summed up in the journal, so that a restart goes on counting:
 *                         of some thousand slots a turn, those of which a copy went since
 *   the kernel refuses    what every address refused is no copy; when nothing has left for a second
 *                         it is alarmed, and the schedule goes on as before */
#include "internal.h"

static const char STUCK[] = "linkStuck";

enum {
  TALLY_BYTES = 64 * 1024,
  TALLY_COPIES_MAX = 64,
  TALLY_ROOM = WEIR_JOURNAL_GATHER_BYTES / 2,
  TALLY_SLOTS = 4096, /* looked at in a turn */
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

static void restore(weir_link_sender *sender, uint64_t crossing, const weir_link_copies *copies) {
  if (sender) weir_link_sender_restore_copies(sender, crossing, copies);
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
    const crossed_number *kept = reconcile_at(u, crossed.crossing);
    if (!kept) continue;
    weir_link_copies first = {.revision = kept->revision, .first_ms = kept->first_ms};
    restore(u->sender, crossed.crossing, &first);
    restore(u->ferry.sender, crossed.crossing, &first);
  }
  return WEIR_OK;
}

/* What the carriers sent, together; false when none knows the crossing. */
static bool count_copies(const weir_unit *u, uint64_t crossing, weir_link_copies *all) {
  weir_link_sender *const senders[2] = {u->sender, u->ferry.sender};
  bool known = false;
  *all = (weir_link_copies){0};
  for (unsigned i = 0; i < 2; i++) {
    weir_link_copies one;
    if (!senders[i] || !weir_link_sender_copies(senders[i], crossing, &one)) continue;
    known = true;
    all->count += one.count;
    all->revision = one.revision;
    if (one.last_ms > all->last_ms) all->last_ms = one.last_ms;
    bool earlier = all->first_ms == 0 || one.first_ms < all->first_ms;
    if (one.first_ms != 0 && earlier) all->first_ms = one.first_ms;
  }
  return known;
}

/* A record that is sent no more: how many copies of it went, before the link forgets it. */
static void tally_on_settle(weir_unit *u, uint64_t crossing) {
  uint8_t body[64];
  weir_buffer b = weir_buffer_over(body, sizeof body);
  weir_link_copies copies;
  if (!count_copies(u, crossing, &copies) || copies.count == 0) return;
  carry_keep(u, crossing, &copies);
  record_put_copies(&b, crossing, &copies);
  const weir_bytes part = weir_buffer_view(&b);
  uint64_t serial;
  weir_position position;
  (void)unit_append(u, RECORD_TALLY, &part, 1, &serial, &position);
}

/* Copies that were summed up before the link knew this crossing; one carrier goes on with them. */
static void restore_kept(weir_unit *u, uint64_t crossing) {
  const crossed_number *kept = reconcile_at(u, crossing);
  if (!kept || kept->copies == 0) return;
  weir_link_copies copies = {.count = kept->copies, .last_ms = kept->last_ms};
  restore(u->sender ? u->sender : u->ferry.sender, crossing, &copies);
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
  weir_link_copies copies;
  bool known = count_copies(u, s->crossing, &copies);
  for (unsigned i = 0; i < 2; i++) {
    if (!senders[i]) continue;
    weir_status status =
        weir_link_sender_offer(senders[i], s->crossing, s->revision, s->lane, u->now.boot_ms);
    WEIR_ASSERT(status == WEIR_OK);
  }
  if (!known) restore_kept(u, s->crossing);
  if (s->lane == WEIR_LANE_DANGER) u->ferry.danger = true;
}

bool carry_again(weir_unit *u, uint64_t crossing) {
  bool again = u->sender && weir_link_sender_again(u->sender, crossing, u->now.boot_ms);
  weir_link_sender *ferried = u->ferry.sender;
  return (ferried && weir_link_sender_again(ferried, crossing, u->now.boot_ms)) || again;
}

bool carry_copies(const weir_unit *u, uint64_t crossing, weir_link_copies *copies) {
  if (count_copies(u, crossing, copies)) return true;
  const crossed_number *kept = reconcile_at(u, crossing);
  if (!kept || kept->copies == 0) return false;
  *copies = (weir_link_copies){.count = kept->copies,
                               .revision = kept->revision,
                               .first_ms = kept->first_ms,
                               .last_ms = kept->last_ms};
  return true;
}

/* The newest record of a matter that crosses, found by walking back. What is not durable yet is
 * passed over: a power cut may take it away, and another would come under its revision. */
static bool find_crossed(weir_unit *u, weir_position last, carried *found) {
  for (weir_position p = last; p != 0;) {
    weir_buffer memory = weir_buffer_over(u->read_memory[1], WEIR_JOURNAL_BODY_MAX);
    weir_frame_view frame;
    matter_record r;
    if (weir_journal_read(u->journal, p, &memory, &frame) != WEIR_OK) return false;
    if (frame.kind != RECORD_MATTER || !record_get_matter(frame.body, &r)) return false;
    bool durable = frame.serial <= weir_journal_durable(u->journal);
    if (durable && r.effects & WEIR_EFFECT_CROSS) {
      *found = (carried){p, r.state.revision, r.state.lane};
      return true;
    }
    p = r.previous;
  }
  return false;
}

bool carry_find(weir_unit *u, uint64_t crossing, carried *found) {
  const crossed_number *kept = reconcile_at(u, crossing);
  uint32_t slot = kept && kept->handover ? matter_find(u, kept->handover) : NO_SLOT;
  if (slot == NO_SLOT) return false;
  bool good = find_crossed(u, u->matters[slot].last, found);
  matter_put_back(u, slot);
  return good;
}

/* One that cannot be read does not cross while the disk stays as it is; else the fault is ours. */
static void log_unpacked(weir_unit *u, uint64_t crossing, const weir_state *s, bool rendered) {
  if (!weir_log_begin(u->log, WEIR_LOG_ERROR, true, u->now.wall_ms, "linkRecordFailed",
                      rendered ? "a record does not fit the link and does not cross: hand this "
                                 "matter over by telephone, and report the fault"
                               : "a record cannot be read from the journal and does not cross: "
                                 "hand this matter over by telephone, and check the disk under "
                                 "`data`; it is tried again")) {
    return;
  }
  handover_text number = handover_write(u->name, s->day, s->serial, s->flags & FLAG_DRILL);
  weir_log_text(u->log, "event.code", weir_text(rendered ? "recordTooLong" : "journalUnreadable"));
  weir_log_text(u->log, "labels.handover", handover_view(&number));
  weir_log_number(u->log, "labels.crossing", (int64_t)crossing);
  (void)weir_log_end(u->log);
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
  bool rendered = m->offered && render_record(u, m->offered, false, &b);
  u->tally_needed = true;
  weir_status status = WEIR_INVALID;
  if (rendered) {
    status = weir_link_sender_pack(sender, weir_buffer_view(&b), u->now.boot_ms, u->now.wall_ms);
  }
  if (status == WEIR_OK) return PACKED_ONE;
  if (status == WEIR_FULL) return PACKED_FULL;
  weir_link_sender_skip(sender, u->now.boot_ms);
  log_unpacked(u, crossing, &m->state, rendered);
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

void weir_unit_refused(weir_unit *u, const weir_bytes *datagrams, size_t count) {
  weir_link_sender_refused(u->sender, datagrams, count);
}

void weir_unit_tried(weir_unit *u, bool took, const char *why) {
  if (took && u->stuck_since_ms == 0) return;
  unit_look_at_clocks(u);
  if (took) {
    u->stuck_since_ms = 0;
    alarm_end(u, STUCK, "", "链路已恢复发送", "datagrams leave again");
    return;
  }
  if (u->stuck_since_ms == 0) u->stuck_since_ms = u->now.boot_ms;
  weir_buffer kept = weir_buffer_over(u->stuck_why, sizeof u->stuck_why - 1);
  weir_put_text(&kept, why);
  u->stuck_why[kept.count] = 0;
  if (u->now.boot_ms < u->stuck_since_ms + WEIR_LINK_SILENCE_MS) return;
  uint8_t english[32 + sizeof u->stuck_why];
  weir_buffer b = weir_buffer_over(english, sizeof english);
  weir_put_text(&b, "nothing leaves on the link: ");
  weir_put_text(&b, u->stuck_why);
  weir_put_u8(&b, 0);
  WEIR_ASSERT(!b.overflow);
  alarm_begin(u, STUCK, "", "链路发不出任何报文", (const char *)english,
              "检查网线、网卡、路由和防火墙;紧急事项改用电话移交");
}

bool carry_stuck(weir_unit *u) {
  return alarm_is_open(u, STUCK, "");
}

void carry_keep(weir_unit *u, uint64_t crossing, const weir_link_copies *copies) {
  crossed_number *kept = reconcile_at(u, crossing);
  if (!kept) return;
  kept->copies = copies->count;
  kept->last_ms = copies->last_ms;
  if (copies->first_ms != 0 && copies->revision == kept->revision) {
    kept->first_ms = copies->first_ms;
  }
}

static void begin_tally(weir_unit *u) {
  if (!u->tally_needed) return;
  u->tally_needed = false;
  u->tallying = true;
  u->tally_slot = 0;
}

/* One record of copies that none has yet, of some of the slots. False: the journal is filling up,
 * and lines go before it; or it has come to its reserve, which is for danger. */
static bool tally_some(weir_unit *u) {
  if (weir_journal_scarce(u->journal)) return false;
  if (weir_journal_room(u->journal) < TALLY_ROOM) return false;
  weir_buffer b = weir_buffer_over(u->render_memory, TALLY_BYTES);
  uint32_t looked = 0;
  for (; u->tally_slot < u->slots_used && looked < TALLY_SLOTS; looked++) {
    if (b.capacity - b.count < TALLY_COPIES_MAX) break;
    const matter *m = &u->matters[u->tally_slot++];
    weir_link_copies copies;
    if (!m->used || !count_copies(u, m->state.crossing, &copies)) continue;
    const crossed_number *kept = reconcile_at(u, m->state.crossing);
    if (!kept || kept->copies == copies.count) continue;
    carry_keep(u, m->state.crossing, &copies);
    record_put_copies(&b, m->state.crossing, &copies);
  }
  WEIR_ASSERT(!b.overflow);
  u->tallying = u->tally_slot < u->slots_used;
  if (b.count == 0) return true;
  const weir_bytes part = weir_buffer_view(&b);
  uint64_t serial;
  weir_position position;
  return unit_append(u, RECORD_TALLY, &part, 1, &serial, &position);
}

bool carry_tick(weir_unit *u) {
  if (u->now.boot_ms >= u->tally_ms && !u->tallying) {
    u->tally_ms = u->now.boot_ms + TALLY_MS;
    begin_tally(u);
  }
  return u->tallying && tally_some(u) && u->tallying;
}

bool carry_tally_last(weir_unit *u) {
  if (!u->tallied_last) begin_tally(u);
  u->tallied_last = true;
  bool goes_on = u->tallying && tally_some(u);
  if (weir_journal_scarce(u->journal)) u->tallying = false; /* fewer copies than went are told */
  return goes_on;
}
