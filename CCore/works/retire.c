/* Retiring: old segments of the journal are used again, when nothing in them is needed.
 *
 *   covered   by both snapshots that are kept, so that one of them may be damaged, and hashed
 *   old       nothing in the segment is younger than `retain`
 *   over      no matter that is open, no report that nobody has acknowledged, nothing in
 *             quarantine, and nothing that somebody has still to be given, is as old
 *
 * Segments go in their order: the first that is needed keeps all behind it. What is open now is
 * found by looking at every slot, a few thousand a turn; what is opened again meanwhile says so
 * itself. A matter whose records are not all held is never opened again. */
#include "internal.h"

enum { SLOTS_A_TURN = 4096 };

void retire_begin(weir_unit *u) {
  closing *c = &u->closing;
  if (u->options.retain_ms <= 0 || c->work.before.border.segment == 0) return;
  c->sweeping = true;
  c->sweep_slot = 0;
  c->open_since_ms = c->work.reports_since_ms;
}

void retire_note_open(weir_unit *u, const weir_state *s) {
  if (s->arrived_ms < u->closing.open_since_ms) u->closing.open_since_ms = s->arrived_ms;
}

static uint32_t least(uint32_t a, uint32_t b) {
  return a < b ? a : b;
}

static uint32_t segment_of(const weir_unit *u, uint64_t serial) {
  uint32_t segment;
  uint64_t first;
  weir_journal_place(u->journal, serial, &segment, &first);
  return segment;
}

/* The first segment that a place in it still points to. */
static uint32_t first_pointed_to(const weir_unit *u) {
  uint32_t first = UINT32_MAX;
  for (unsigned i = 0; i < QUARANTINE_MAX; i++) {
    const held *q = &u->quarantine[i];
    if (q->serial) first = least(first, (uint32_t)(q->position >> 32));
  }
  if (u->options.delivery_stream && u->taken_serial < u->item_serial) {
    first = least(first, segment_of(u, u->taken_serial + 1));
  }
  if (u->options.inner || !u->stages[0]) return first;
  if (u->outbox.is_behind) first = least(first, segment_of(u, u->outbox.cursor + 1));
  for (unsigned i = 0; i < 2; i++) {
    for (size_t n = 0; n < u->stages[i]->count; n++) {
      const mark_record *m = &u->stages[i]->items[n].mark;
      if (m->unit.count > 0) first = least(first, segment_of(u, m->crossing));
    }
  }
  return first;
}

static void log_retired(weir_unit *u, uint32_t segments, uint32_t kept) {
  if (!weir_log_begin(u->log, WEIR_LOG_INFO, true, u->now.wall_ms, "journalRetired",
                      "the oldest segments are used again: all in them is over, and old enough")) {
    return;
  }
  weir_log_number(u->log, "labels.segments", segments);
  weir_log_number(u->log, "labels.segment", kept);
  (void)weir_log_end(u->log);
}

static void retire(weir_unit *u) {
  closing *c = &u->closing;
  uint32_t first = segment_of(u, weir_journal_oldest(u->journal));
  uint32_t end = least(c->work.before.border.segment, first_pointed_to(u));
  end = least(end, c->hashed + 1);
  int64_t before_ms = u->now.wall_ms - u->options.retain_ms;
  if (c->open_since_ms < before_ms) before_ms = c->open_since_ms;
  uint32_t kept = first;
  while (kept < end && c->stamps[kept % STAMPS] < before_ms) kept++;
  if (kept == first) return;
  weir_journal_retire(u->journal, kept);
  c->held_since_ms = c->stamps[(kept - 1) % STAMPS];
  log_retired(u, kept - first, kept);
}

bool retire_tick(weir_unit *u) {
  closing *c = &u->closing;
  if (!c->sweeping) return false;
  for (unsigned i = 0; i < SLOTS_A_TURN && c->sweep_slot < u->slots_used; i++) {
    const matter *m = &u->matters[c->sweep_slot++];
    if (m->used) retire_note_open(u, &m->state);
  }
  if (c->sweep_slot < u->slots_used) return true;
  c->sweeping = false;
  retire(u);
  return false;
}
