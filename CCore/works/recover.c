/* A start: the newest snapshot is taken up and the journal is read from there on, every handover
 * stands as its last record says, and every deadline is armed again (promise 2).
 *
 *   no snapshot that holds   an older one, or the journal from its first record; where that is
 *                            retired, the unit does not start: it would know too little
 *   same boot       CLOCK_BOOTTIME goes on: what is due is due, what passed fires at once
 *   another boot    the wall clock decides what is left of each deadline
 *   clock set back  the wall clock stands before the journal's last stamp: nothing can be measured,
 *                   so every open minute and duty fires at once, marked `clockUncertain`; the end
 *                   of a matter, and of carrying it, only comes later */
#include "internal.h"

#include <string.h>

static bool runs_a_minute(const weir_state *s) {
  return s->deadline_kind == DEADLINE_FIRST_PRE_ALARM ||
         s->deadline_kind == DEADLINE_SECOND_PRE_ALARM || s->deadline_kind == DEADLINE_MINUTE;
}

/* A start at `wall_ms` on the boot `id`. After a reboot every deadline that stands belongs to an
 * earlier boot, until the matter's next record; and where the wall clock went back it cannot be
 * measured any more, by no later start either. True when that is so. */
static bool note_boot(recovery *rec, const uint8_t id[16], int64_t wall_ms) {
  weir_unit *u = rec->unit;
  bool other = rec->started && memcmp(rec->last_boot, id, 16) != 0;
  if (WEIR_CANARY(FORGET_REBOOT)) other = false;
  bool uncertain = other && wall_ms < rec->last_wall_ms;
  for (uint32_t slot = 0; other && slot < u->slots_used; slot++) {
    matter *m = &u->matters[slot];
    if (!m->used) continue;
    m->other_boot = true;
    m->clock_uncertain = m->clock_uncertain || uncertain;
  }
  if (other) u->drill.other_boot = true;
  if (uncertain) u->drill.until = (weir_moment){0};
  rec->started = true;
  memcpy(rec->last_boot, id, 16);
  rec->last_wall_ms = wall_ms;
  return uncertain;
}

static void add_next_ref(recovery *rec) {
  const ref_ahead *next = &rec->refs[rec->refs_added++ % REFS_AHEAD];
  refs_add(rec->unit, next->hash, next->position);
}

static void remember_ref(recovery *rec, weir_bytes line, weir_position position) {
  const weir_unit *u = rec->unit;
  weir_bytes ref = weir_message_ref(line, u->record_scratch);
  if (ref.count == 0) return;
  if (rec->refs_met - rec->refs_added == REFS_AHEAD) add_next_ref(rec);
  uint64_t hash = ref_hash_of(u, ref);
  refs_prefetch(u, hash);
  rec->refs[rec->refs_met++ % REFS_AHEAD] = (ref_ahead){hash, position};
}

static weir_status take_matter(recovery *rec, const weir_frame_view *frame) {
  weir_unit *u = rec->unit;
  matter_record r;
  if (!record_get_matter(frame->body, &r)) return WEIR_CORRUPT;
  uint64_t key = state_key(&r.state);
  uint32_t slot = NO_SLOT;
  index_entry *x = index_find(&u->handovers, key, NULL);
  if (x && (x->value & SLOT_BIT)) slot = (uint32_t)x->value;
  if (slot == NO_SLOT) {
    slot = matter_take(u);
    if (slot == NO_SLOT) return WEIR_FULL;
    matter *m = &u->matters[slot];
    if (x) { /* it had ended, and a later record opens it again */
      m->last = x->value;
      m->state = r.state;
      x->value = SLOT_BIT | slot;
      matter_count_change(u, NULL, &m->state);
      if (r.state.crossing &&
          index_add(&u->crossings, r.state.crossing, SLOT_BIT | slot) != WEIR_OK) {
        return WEIR_FULL;
      }
    }
    m->body = r.previous_body;
    m->danger = r.previous_danger;
    m->uncounted = m->body != 0; /* no record can be read back yet */
  }
  remember_ref(rec, r.line, frame->position);
  if (r.effects & WEIR_EFFECT_CROSS) {
    u->matters[slot].offered = frame->position;
    u->matters[slot].offered_revision = r.state.revision;
    reconcile_offered(u, &r, frame->position);
  }
  matter_settle(u, slot, &r, frame->position);
  rec->last_wall_ms = r.now.wall_ms;
  if (!u->options.inner) outbox_recover(u, frame->serial, &r);
  bool receipt = r.step_kind == WEIR_STEP_EVENT && r.event == WEIR_EVENT_RECEIPT;
  if (receipt) u->last_proof_ms = r.now.wall_ms;
  if (rec->kept) return kept_take_matter(rec->kept, &r, frame->body);
  notice_matter(u, &r, true);
  return WEIR_OK;
}

static weir_status take_acknowledged(recovery *rec, const weir_frame_view *frame) {
  weir_unit *u = rec->unit;
  acknowledged_record r;
  if (!record_get_acknowledged(frame->body, &r)) return WEIR_CORRUPT;
  rec->last_wall_ms = r.now.wall_ms;
  report_close(u, r.number);
  remember_ref(rec, r.line, frame->position);
  if (rec->kept) return kept_take_acknowledged(rec->kept, frame->body);
  notice_acknowledged(u, frame->body, true);
  return WEIR_OK;
}

static weir_status take_drill(recovery *rec, const weir_frame_view *frame) {
  drill_record r;
  if (!record_get_drill(frame->body, &r)) return WEIR_CORRUPT;
  rec->last_wall_ms = r.now.wall_ms;
  drills_recover(rec->unit, &r);
  return WEIR_OK;
}

static weir_status take_confirmed(recovery *rec, const weir_frame_view *frame) {
  confirmed_record r;
  if (!record_get_confirmed(frame->body, &r)) return WEIR_CORRUPT;
  r.position = frame->position;
  rec->last_wall_ms = r.now.wall_ms;
  reconcile_recover(rec->unit, &r);
  return WEIR_OK;
}

static weir_status take_try(recovery *rec, const weir_frame_view *frame) {
  try_record r;
  if (!record_get_try(frame->body, &r)) return WEIR_CORRUPT;
  rec->last_wall_ms = r.now.wall_ms;
  receipt_recover(rec->unit, &r);
  return WEIR_OK;
}

static uint8_t role_of(const weir_unit *u) {
  return u->options.inner ? ROLE_INNER : ROLE_OUTER;
}

weir_status recover_role(recovery *rec, uint8_t role) {
  if (role != ROLE_UNKNOWN) rec->role = role;
  return role == ROLE_UNKNOWN || role == role_of(rec->unit) ? WEIR_OK : WEIR_REFUSED;
}

static weir_status take_start(recovery *rec, const weir_frame_view *frame) {
  start_record r;
  if (!record_get_start(frame->body, &r)) return WEIR_CORRUPT;
  weir_status status = recover_role(rec, r.role);
  if (status != WEIR_OK) return status;
  (void)note_boot(rec, r.kernel_boot, r.now.wall_ms);
  rec->boot_epoch = r.boot_epoch;
  return WEIR_OK;
}

static weir_status take_text(recovery *rec, const weir_frame_view *frame) {
  uint32_t id = 0;
  weir_bytes text;
  if (!record_get_text(frame->body, &id, &text)) return WEIR_CORRUPT;
  return texts_add(rec->unit->texts, id, text);
}

/* Records of which only the stamp counts: it stands at their beginning. */
static weir_status take_stamp(recovery *rec, const weir_frame_view *frame) {
  weir_reader in = weir_reader_over(frame->body);
  (void)weir_get_varint(&in);
  int64_t wall_ms = weir_get_zigzag(&in);
  if (!in.bad) rec->last_wall_ms = wall_ms;
  return in.bad ? WEIR_CORRUPT : WEIR_OK;
}

static weir_status take_tally(recovery *rec, const weir_frame_view *frame) {
  weir_reader in = weir_reader_over(frame->body);
  while (in.left > 0 && !in.bad) {
    uint64_t crossing;
    weir_link_copies copies;
    if (record_get_copies(&in, &crossing, &copies)) carry_keep(rec->unit, crossing, &copies);
  }
  return in.bad ? WEIR_CORRUPT : WEIR_OK;
}

void recover_begin(const recovery *rec) {
  matters_load(rec->unit);
}

void recover_end(recovery *rec) {
  while (rec->refs_added < rec->refs_met) add_next_ref(rec);
  matters_loaded(rec->unit);
}

weir_status recover_frame(recovery *rec, const weir_frame_view *frame) {
  mark_record m;
  switch (frame->kind) {
  case RECORD_START:
    return take_start(rec, frame);
  case RECORD_TEXT:
    return take_text(rec, frame);
  case RECORD_MATTER:
    return take_matter(rec, frame);
  case RECORD_ACKNOWLEDGED:
    return take_acknowledged(rec, frame);
  case RECORD_TRY:
    return take_try(rec, frame);
  case RECORD_TALLY:
    return take_tally(rec, frame);
  case RECORD_DRILL:
    return take_drill(rec, frame);
  case RECORD_CONFIRMED:
    return take_confirmed(rec, frame);
  case RECORD_QUARANTINE:
    quarantine_add(rec->unit, frame->serial, frame->position);
    return take_stamp(rec, frame);
  case RECORD_STOP:
  case RECORD_POLICY:
    return take_stamp(rec, frame);
  case RECORD_MARK:
    if (!record_get_mark(frame->body, &m)) return WEIR_CORRUPT;
    inner_recover_mark(rec->unit, &m, frame);
    return WEIR_OK;
  case RECORD_TAKEN:
    return taking_recover(rec->unit, frame->body) ? WEIR_OK : WEIR_CORRUPT;
  case RECORD_RELEASE:
    return quarantine_recover_release(rec->unit, frame) ? WEIR_OK : WEIR_CORRUPT;
  case RECORD_BOOT:
    return inner_recover_boot(rec->unit, frame->body);
  default:
    return WEIR_CORRUPT;
  }
}

/* What is left of a moment on this boot's clock, by the wall clock; what passed is due now. */
static void carry_over(weir_moment *m, weir_moment now) {
  if (m->boot_ms == 0) return;
  int64_t left = m->wall_ms - now.wall_ms;
  int64_t boot = (int64_t)now.boot_ms + left;
  m->boot_ms = boot > 0 ? (uint64_t)boot : 1;
}

static void rearm(weir_unit *u, uint32_t slot) {
  matter *m = &u->matters[slot];
  weir_state *s = &m->state;
  if (s->deadline.boot_ms == 0) return;
  /* No end comes early for a clock that was set back: it would drop what has not been carried. */
  if (m->clock_uncertain && s->deadline_kind != DEADLINE_CLOSING) {
    s->deadline.boot_ms = 1;
    if (runs_a_minute(s)) {
      s->deadline_kind = DEADLINE_MINUTE;
      s->minute.boot_ms = 1;
    }
  } else {
    carry_over(&s->deadline, u->now);
    carry_over(&s->minute, u->now);
  }
  weir_wheel_arm(u->wheel, slot, s->deadline.boot_ms);
}

static void rearm_all(weir_unit *u) {
  if (u->drill.other_boot) carry_over(&u->drill.until, u->now);
  for (uint32_t slot = 0; slot < u->slots_used; slot++) {
    if (u->matters[slot].used && u->matters[slot].other_boot) rearm(u, slot);
  }
}

static void log_recovered(weir_unit *u, const weir_journal_finding *f, bool uncertain,
                          const snapshot_choice *from) {
  if (f->torn && weir_log_begin(u->log, WEIR_LOG_WARN, true, u->now.wall_ms, "journalTorn",
                                "a torn tail was cut off the journal; nothing that was answered "
                                "durable lies in it")) {
    weir_log_number(u->log, "labels.segment", f->segment);
    weir_log_number(u->log, "labels.offset", (int64_t)f->offset);
    weir_log_number(u->log, "labels.serial", (int64_t)f->serial);
    weir_log_text(u->log, "labels.reason", weir_text(f->reason));
    (void)weir_log_end(u->log);
  }
  if (uncertain && weir_log_begin(u->log, WEIR_LOG_WARN, true, u->now.wall_ms, "clockUncertain",
                                  "the wall clock stands before the journal's last stamp: every "
                                  "open minute fires now")) {
    (void)weir_log_end(u->log);
  }
  if (from->doubted[0] &&
      weir_log_begin(u->log, WEIR_LOG_ERROR, true, u->now.wall_ms, "snapshotDoubted",
                     "a snapshot does not hold or does not fit the journal; "
                     "what it would say was read from the journal")) {
    weir_log_text(u->log, "file.name", weir_text(from->doubted));
    (void)weir_log_end(u->log);
  }
  if (!weir_log_begin(u->log, WEIR_LOG_INFO, true, u->now.wall_ms, "recovered",
                      "the journal was read")) {
    return;
  }
  if (from->head.border.segment) {
    weir_log_number(u->log, "labels.snapshot", (int64_t)from->head.border.segment - 1);
  }
  weir_log_number(u->log, "labels.records", (int64_t)f->frames);
  weir_log_number(u->log, "labels.open", u->matter_count);
  weir_log_number(u->log, "labels.openEmergencies", (int64_t)u->open_emergencies);
  (void)weir_log_end(u->log);
}

/* The start record of this run; it is durable before anything else happens. */
static weir_status journal_start(weir_unit *u, recovery *rec) {
  start_record *start = &u->start;
  uint64_t wall = u->now.wall_ms > 0 ? (uint64_t)u->now.wall_ms : 1;
  start->now = u->now;
  start->boot_epoch = rec->boot_epoch + 1 > wall ? rec->boot_epoch + 1 : wall;
  memcpy(start->kernel_boot, rec->kernel_boot, 16);
  start->version = weir_text(u->options.version);
  start->role = role_of(u);
  weir_status status = u->os->random(u->os->context, start->link_boot, 16);
  if (status != WEIR_OK) return status;
  uint8_t body[512];
  weir_buffer b = weir_buffer_over(body, sizeof body);
  record_put_start(&b, start);
  if (b.overflow) return WEIR_TOO_LONG;
  const weir_bytes part = weir_buffer_view(&b);
  uint64_t serial;
  weir_position position;
  status = weir_journal_append(u->journal, RECORD_START, &part, 1, &serial, &position);
  return status == WEIR_OK ? unit_sync_now(u) : status;
}

static weir_status each_frame(void *user, const weir_frame_view *frame) {
  return recover_frame(user, frame);
}

/* No snapshot holds, and the first segments are retired. */
static void refuse_without_snapshot(const snapshot_choice *choice, weir_journal_finding *finding) {
  weir_buffer b = weir_buffer_over(finding->reason, sizeof finding->reason - 1);
  finding->segment = choice->oldest;
  if (choice->doubted[0]) {
    weir_put_text(&b, "it begins here, and the snapshot ");
    weir_put_text(&b, choice->doubted);
    weir_put_text(&b, " does not hold");
  } else {
    weir_put_text(&b, "it begins here, and no snapshot says what came before");
  }
  WEIR_ASSERT(!b.overflow);
  finding->reason[b.count] = 0;
}

/* Takes up the newest snapshot that holds. */
static weir_status take_snapshot(recovery *rec, snapshot_choice *choice,
                                 weir_journal_finding *finding) {
  weir_unit *u = rec->unit;
  snapshot_state state = {.recovery = rec, .stamps = u->closing.stamps};
  weir_status status = snapshot_choose(u->os, u->options.data, u->name, choice);
  if (status == WEIR_CORRUPT) refuse_without_snapshot(choice, finding);
  if (status != WEIR_OK || choice->head.border.segment == 0) return status;
  status = state_read(&state, u->os, choice);
  u->closing.base = choice->head;
  /* When the newest of what was retired came is not known any more. */
  u->closing.held_since_ms = u->closing.stamps[choice->oldest % STAMPS];
  /* It held a moment ago: a disk that reads differently now cannot be trusted. */
  return status == WEIR_CORRUPT ? WEIR_IO_FAILED : status;
}

weir_status unit_recover(weir_unit *u, weir_journal_finding *finding) {
  recovery rec = {0};
  snapshot_choice choice;
  rec.unit = u;
  recover_begin(&rec);
  weir_status status = u->os->boot_id(u->os->context, rec.kernel_boot);
  if (status == WEIR_OK) status = take_snapshot(&rec, &choice, finding);
  if (status != WEIR_OK) return status;
  char directory[PATH_BYTES];
  if (!join_path(directory, u->options.data, "/journal", "")) return WEIR_TOO_LONG;
  weir_journal_options options = {.directory = directory,
                                  .unit = u->name,
                                  .segment_bytes = u->options.segment_bytes,
                                  .from_segment = choice.head.border.segment,
                                  .from_serial = choice.head.border.serial};
  status = weir_journal_open(&options, u->os, each_frame, &rec, finding, &u->journal);
  if (status != WEIR_OK) return status;
  recover_end(&rec);
  unit_look_at_clocks(u);
  u->started = u->now;
  bool uncertain = note_boot(&rec, rec.kernel_boot, u->now.wall_ms);
  rearm_all(u);
  log_recovered(u, finding, uncertain, &choice);
  u->recovered = rec;
  return journal_start(u, &rec);
}
