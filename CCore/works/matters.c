/* Handovers that are open, in slots taken at start; and where every other one is to be read.
 *
 *   a new one     takes a slot, until its state says that no duty is open (effect `end`)
 *   an ended one  keeps an entry in the index: the position of its last record, from which it is
 *                 read back when somebody asks for it or raises danger in it
 *   no slot left  the matter is refused `tooMany`; the limit is a sum of seats, not of hope */
#include "internal.h"

#include <string.h>

weir_status matters_open(weir_unit *u) {
  uint32_t max = u->options.open_max;
  u->matters = weir_allocate(max, sizeof *u->matters);
  if (!u->matters) return WEIR_OUT_OF_MEMORY;
  u->free_slot = NO_SLOT;
  uint64_t refs = u->options.refs_max;
  weir_status status = index_open(&u->handovers, refs + max);
  if (status == WEIR_OK) status = index_open(&u->crossings, max);
  if (status == WEIR_OK) status = index_open(&u->refs[0], refs);
  if (status == WEIR_OK) status = index_open(&u->refs[1], refs);
  if (status == WEIR_OK) status = reconcile_open(u);
  if (status == WEIR_OK) status = guard_open(u);
  if (status == WEIR_OK) status = weir_wheel_open(max, u->now.boot_ms, &u->wheel);
  return status;
}

void matters_load(weir_unit *u) {
  index_load(&u->handovers);
  index_load(&u->crossings);
  index_load(&u->refs[0]);
  index_load(&u->refs[1]);
}

void matters_loaded(weir_unit *u) {
  index_loaded(&u->handovers);
  index_loaded(&u->crossings);
  index_loaded(&u->refs[0]);
  index_loaded(&u->refs[1]);
}

void matters_close(weir_unit *u) {
  weir_free(u->matters);
  index_close(&u->handovers);
  index_close(&u->crossings);
  reconcile_close(u);
  index_close(&u->refs[0]);
  index_close(&u->refs[1]);
  guard_close(u);
  weir_wheel_close(u->wheel);
}

uint32_t matter_take(weir_unit *u) {
  uint32_t slot = u->free_slot;
  if (slot != NO_SLOT) {
    u->free_slot = u->matters[slot].next_free;
  } else if (u->slots_used < u->options.open_max) {
    slot = u->slots_used++; /* the first use of its memory */
  } else {
    return NO_SLOT;
  }
  matter *m = &u->matters[slot];
  WEIR_ASSERT(!m->used);
  memset(m, 0, sizeof *m);
  m->used = true;
  u->matter_count++;
  return slot;
}

void matter_release(weir_unit *u, uint32_t slot) {
  matter *m = &u->matters[slot];
  WEIR_ASSERT(m->used);
  (void)weir_wheel_cancel(u->wheel, slot);
  if (m->state.crossing) {
    index_entry *x = index_find(&u->crossings, m->state.crossing, NULL);
    if (x) index_remove(&u->crossings, x);
  }
  if (m->last) {
    index_entry *x = index_find(&u->handovers, state_key(&m->state), NULL);
    if (x) x->value = m->last;
  }
  m->used = false;
  m->next_free = u->free_slot;
  u->free_slot = slot;
  u->matter_count--;
}

static bool read_back(weir_unit *u, weir_position position, matter_record *r) {
  weir_buffer memory = weir_buffer_over(u->read_memory[1], WEIR_JOURNAL_BODY_MAX);
  weir_frame_view frame;
  if (!weir_journal_holds(u->journal, position)) return false;
  if (weir_journal_read(u->journal, position, &memory, &frame) != WEIR_OK) return false;
  return frame.kind == RECORD_MATTER && record_get_matter(frame.body, r);
}

/* Are all records of a matter still there? What is told of it is read from all of them. */
static bool is_whole(weir_unit *u, weir_position previous) {
  for (weir_position p = previous; p != 0;) {
    matter_record r;
    if (!read_back(u, p, &r)) return false;
    p = r.previous;
  }
  return true;
}

/* The kept parts of an ended matter's last record, put into a slot again. */
static uint32_t reopen_on_find(weir_unit *u, index_entry *x) {
  matter_record r;
  if (!read_back(u, x->value, &r)) return NO_SLOT;
  if (weir_journal_has_retired(u->journal) && !is_whole(u, r.previous)) return NO_SLOT;
  uint32_t slot = matter_take(u);
  if (slot == NO_SLOT) return NO_SLOT;
  matter *m = &u->matters[slot];
  m->state = r.state;
  m->last = x->value;
  m->body = r.line.count && r.step_kind != WEIR_STEP_EVENT ? x->value : r.previous_body;
  m->danger = r.effects & WEIR_EFFECT_DANGER ? x->value : r.previous_danger;
  m->uncounted = true;
  m->reopened = true;
  x->value = SLOT_BIT | slot;
  retire_note_open(u, &m->state);
  matter_count_change(u, NULL, &m->state);
  if (m->state.crossing) {
    weir_status status = index_add(&u->crossings, m->state.crossing, SLOT_BIT | slot);
    WEIR_ASSERT(status == WEIR_OK);
  }
  return slot;
}

/* Updates stand in the chain of texts, behind which the intake is the last. */
static bool count_updates(weir_unit *u, weir_position newest, uint16_t *updates) {
  *updates = 0;
  for (weir_position p = newest; p != 0 && *updates < UPDATES_MAX;) {
    matter_record r;
    if (!read_back(u, p, &r)) return false;
    if (r.step_kind == WEIR_STEP_UPDATE) ++*updates;
    p = r.previous_body;
  }
  return true;
}

bool matter_is_full(weir_unit *u, uint32_t slot) {
  matter *m = &u->matters[slot];
  if (m->uncounted) m->uncounted = !count_updates(u, m->body, &m->updates);
  return !m->uncounted && m->updates >= UPDATES_MAX;
}

void matter_put_back(weir_unit *u, uint32_t slot) {
  matter *m = &u->matters[slot];
  if (!m->used || !m->reopened) return;
  matter_count_change(u, &m->state, NULL);
  matter_release(u, slot);
}

uint32_t matter_find(weir_unit *u, uint64_t key) {
  index_entry *x = index_find(&u->handovers, key, NULL);
  if (!x) return NO_SLOT;
  if (x->value & SLOT_BIT) return (uint32_t)x->value;
  return reopen_on_find(u, x);
}

static bool is_open_emergency(const weir_state *s) {
  return (s->flags & FLAG_EMERGENCY) && s->voice >= VOICE_DUE && s->voice != VOICE_ANSWERED;
}

static bool is_data_open(const weir_state *s) {
  return s->data == DATA_QUEUED;
}

void matter_count_change(weir_unit *u, const weir_state *before, const weir_state *after) {
  const weir_state *either = before ? before : after; /* a drill stays one, a real matter too */
  bool drill = either && (either->flags & FLAG_DRILL);
  uint64_t *emergencies = drill ? &u->drill_emergencies : &u->open_emergencies;
  if (before && is_open_emergency(before)) (*emergencies)--;
  if (after && is_open_emergency(after)) (*emergencies)++;
  if (drill && !before) u->drill_matters++;
  if (drill && !after) u->drill_matters--;
  if (drill) return;
  if (before && is_data_open(before)) u->data_open--;
  if (after && is_data_open(after)) u->data_open++;
}

void report_close(weir_unit *u, uint32_t number) {
  for (unsigned drill = 0; drill < 2; drill++) {
    for (unsigned kind = 0; kind < REPORT_KINDS; kind++) {
      if (u->report_open[drill][kind] == number) u->report_open[drill][kind] = 0;
    }
  }
}

/* Real matters and drills are numbered apart, each without a gap. */
static void note_number(weir_unit *u, const weir_state *s) {
  bool drill = s->flags & FLAG_DRILL;
  uint32_t *day = drill ? &u->drill_day : &u->day;
  uint32_t *serial = drill ? &u->drill_serial : &u->day_serial;
  if (s->day < *day || (s->day == *day && s->serial <= *serial)) return;
  *day = s->day;
  *serial = s->serial;
}

/* Never but in a test build. */
static bool is_forgotten(const weir_state *s) {
  return WEIR_CANARY(FORGET_DEADLINE) && s->deadline_kind == DEADLINE_MINUTE;
}

void matter_settle(weir_unit *u, uint32_t slot, const matter_record *r, weir_position position) {
  matter *m = &u->matters[slot];
  const weir_state *s = &r->state;
  bool is_new = m->last == 0;
  matter_count_change(u, is_new ? NULL : &m->state, s);
  if (is_new) {
    weir_status status = index_add(&u->handovers, state_key(s), SLOT_BIT | slot);
    WEIR_ASSERT(status == WEIR_OK || status == WEIR_FULL);
  }
  if (s->crossing && m->state.crossing != s->crossing) {
    weir_status status = index_add(&u->crossings, s->crossing, SLOT_BIT | slot);
    WEIR_ASSERT(status == WEIR_OK);
  }
  if (s->crossing > u->crossing_highest) u->crossing_highest = s->crossing;
  if (s->report_number > u->report_highest) u->report_highest = s->report_number;
  if (r->effects & WEIR_EFFECT_REPORT) {
    uint32_t *open = report_open_of(u, s);
    if (s->report == REPORT_RAISED && *open == 0) *open = s->report_number;
  }
  if (r->effects & WEIR_EFFECT_CROSS) {
    m->crossing_revision = s->revision;
    /* One that had ended, and crosses again, begins with any revision lower than this one. */
    if (m->first_crossing_revision == 0) {
      m->first_crossing_revision = reconcile_has(u, s) ? 1 : s->revision;
    }
  }
  note_number(u, s);
  reconcile_note(u, s);
  m->state = *s;
  m->last = position;
  m->reopened = false;
  m->clock_uncertain = false;
  m->other_boot = false;
  if (r->effects & WEIR_EFFECT_DANGER) m->danger = position;
  guard_note(u, r);
  if (r->step_kind == WEIR_STEP_UPDATE) m->updates++;
  if (r->step_kind == WEIR_STEP_INTAKE || r->step_kind == WEIR_STEP_UPDATE) m->body = position;
  if ((r->effects & WEIR_EFFECT_END) && s->data == DATA_EXPIRED) {
    u->expired[u->counters.expired++ % EXPIRED_SHOWN] = state_key(s);
  }
  if (r->effects & WEIR_EFFECT_END) {
    matter_count_change(u, s, NULL);
    matter_release(u, slot);
  } else if (s->deadline.boot_ms && !is_forgotten(s)) {
    weir_wheel_arm(u->wheel, slot, s->deadline.boot_ms);
  } else {
    (void)weir_wheel_cancel(u->wheel, slot);
  }
}

bool matter_restore(weir_unit *u, const matter *kept) {
  uint32_t slot = matter_take(u);
  if (slot == NO_SLOT) return false;
  matter *m = &u->matters[slot];
  *m = *kept;
  const weir_state *s = &m->state;
  matter_count_change(u, NULL, s);
  (void)index_add(&u->handovers, state_key(s), SLOT_BIT | slot); /* FULL: see matter_settle */
  if (s->crossing && index_add(&u->crossings, s->crossing, SLOT_BIT | slot) != WEIR_OK)
    return false;
  if (s->deadline.boot_ms && !is_forgotten(s)) {
    weir_wheel_arm(u->wheel, slot, s->deadline.boot_ms);
  }
  return true;
}

uint64_t ref_hash_of(const weir_unit *u, weir_bytes ref) {
  return weir_hash(u->hash_seed, ref);
}

void refs_prefetch(const weir_unit *u, uint64_t hash) {
  index_prefetch(&u->refs[u->ref_generation], hash);
}

void refs_add(weir_unit *u, uint64_t key, weir_position position) {
  weir_status status = index_add(&u->refs[u->ref_generation], key, position);
  if (status != WEIR_OK) {
    u->ref_generation ^= 1;
    index_clear(&u->refs[u->ref_generation]);
    u->ref_first[u->ref_generation] = 0;
    status = index_add(&u->refs[u->ref_generation], key, position);
    WEIR_ASSERT(status == WEIR_OK);
  }
  weir_position *first = &u->ref_first[u->ref_generation]; /* a snapshot has them in no order */
  if (*first == 0 || position < *first) *first = position;
}

int64_t refs_since(weir_unit *u) {
  weir_position first = u->ref_first[u->ref_generation ^ 1];
  if (first == 0) first = u->ref_first[u->ref_generation];
  if (first == 0) return 0;
  if (!weir_journal_holds(u->journal, first)) return u->closing.held_since_ms;
  weir_buffer memory = weir_buffer_over(u->read_memory[0], WEIR_JOURNAL_BODY_MAX);
  weir_frame_view frame;
  weir_record record;
  if (weir_journal_read(u->journal, first, &memory, &frame) != WEIR_OK) return 0;
  return weir_works_look(u->texts, &frame, &record) == WEIR_OK ? record.now.wall_ms : 0;
}

/* What a record kept of its request; false when it kept none. */
static bool read_earlier(const weir_frame_view *frame, earlier_request *e, weir_bytes *line) {
  e->serial = frame->serial;
  e->acknowledged = frame->kind == RECORD_ACKNOWLEDGED;
  if (e->acknowledged) {
    if (!record_get_acknowledged(frame->body, &e->settling)) return false;
    *line = e->settling.line;
    return true;
  }
  if (frame->kind != RECORD_MATTER || !record_get_matter(frame->body, &e->change)) return false;
  *line = e->change.line;
  return true;
}

/* `unread`: a record that may be the one cannot be read just now. */
static bool find_ref(weir_unit *u, weir_bytes ref, uint64_t key, earlier_request *earlier,
                     bool *unread) {
  for (unsigned g = 0; g < 2; g++) {
    const weir_index *x = &u->refs[u->ref_generation ^ g];
    for (index_entry *e = index_find(x, key, NULL); e; e = index_find(x, key, e)) {
      weir_buffer memory = weir_buffer_over(u->read_memory[0], WEIR_JOURNAL_BODY_MAX);
      weir_frame_view frame;
      weir_message_fault fault;
      if (!weir_journal_holds(u->journal, e->value)) continue; /* forgotten with its segment */
      if (weir_journal_read(u->journal, e->value, &memory, &frame) != WEIR_OK) {
        *unread = true;
        continue;
      }
      weir_bytes line;
      if (!read_earlier(&frame, earlier, &line)) continue;
      if (!weir_message_read(line, WEIR_MESSAGE_UNIT, u->record_scratch, &earlier->message,
                             &fault)) {
        continue;
      }
      if (weir_equal(earlier->message.ref, ref)) return !WEIR_CANARY(SKIP_DUPLICATES);
    }
  }
  return false;
}

bool refs_find(weir_unit *u, weir_bytes ref, uint64_t key, earlier_request *earlier) {
  bool unread = false;
  return find_ref(u, ref, key, earlier, &unread);
}

bool refs_may_have(weir_unit *u, weir_bytes ref, uint64_t key) {
  bool unread = false;
  earlier_request earlier;
  return find_ref(u, ref, key, &earlier, &unread) || unread;
}
