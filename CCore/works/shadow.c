/* A snapshot is made by a shadow: a second unit without connections, link or disk of its own, that
 * reads the closed segments as a start would, from the newest snapshot on. So what it puts into the
 * next one is what a start would know, and the unit itself is never stopped for it.
 *
 *   memory     as much as the unit's own tables use, while it lasts
 *   a stop     ends it between two records; nothing is left but a half made file
 *   it fails   the snapshots that there are, and the journal, stay as they were */
#include "internal.h"
#include "paths.h"

typedef struct shadow {
  snapshot_work *work;
  recovery recovery;
  kept_frames kept;
  int64_t newest_ms; /* of the segment's stamps */
} shadow;

static weir_status open_unit(const snapshot_work *w, const weir_os *os, weir_unit **out) {
  weir_unit *u = weir_allocate(1, sizeof *u);
  if (!u) return WEIR_OUT_OF_MEMORY;
  *out = u;
  u->options = w->options;
  u->options.keys = NULL;
  u->options.desk = (weir_desk){0};
  u->os = os;
  memcpy(u->name, w->name, sizeof u->name);
  u->record_scratch = weir_allocate(WEIR_MESSAGE_SCRATCH, 1);
  if (!u->record_scratch) return WEIR_OUT_OF_MEMORY;
  weir_status status = os->random(os->context, &u->hash_seed, sizeof u->hash_seed);
  if (status == WEIR_OK) status = weir_texts_open(&u->texts);
  return status == WEIR_OK ? matters_open(u) : status;
}

static void close_unit(weir_unit *u) {
  if (!u) return;
  matters_close(u);
  weir_texts_close(u->texts);
  for (unsigned i = 0; i < WEIR_LINK_SENDERS_MAX; i++) ledger_close(&u->ledgers[i]);
  weir_free(u->record_scratch);
  weir_free(u);
}

static weir_status each_frame(void *user, const weir_frame_view *frame) {
  shadow *s = user;
  if (atomic_load_explicit(s->work->cancelled, memory_order_relaxed)) return WEIR_CLOSED;
  weir_status status = recover_frame(&s->recovery, frame);
  if (s->recovery.last_wall_ms > s->newest_ms) s->newest_ms = s->recovery.last_wall_ms;
  return status;
}

/* Reads on from `border`. No clock but the unit's own stamps every record, so a segment counts as
 * at least as young as the snapshot that first covers it. */
static weir_status read_segments(shadow *s, const weir_os *os, const char *journal,
                                 weir_border *border) {
  const snapshot_work *w = s->work;
  const weir_closed_reader reader = {.user = s, .each = each_frame};
  weir_status status = WEIR_OK;
  while (status == WEIR_OK && border->segment <= w->last) {
    weir_journal_finding finding = {0};
    uint32_t segment = border->segment;
    s->newest_ms = w->now_ms;
    status = weir_journal_read_closed(os, journal, w->name, border, &reader, &finding);
    if (status == WEIR_OK) w->stamps[segment % STAMPS] = s->newest_ms;
  }
  return status;
}

static weir_status make(shadow *s, const weir_os *os) {
  snapshot_work *w = s->work;
  snapshot_choice choice;
  snapshot_state state = {.recovery = &s->recovery, .stamps = w->stamps};
  char journal[PATH_BYTES];
  if (!join_path(journal, w->options.data, "/journal", "")) return WEIR_TOO_LONG;
  weir_status status = snapshot_choose(os, w->options.data, w->name, &choice);
  if (status != WEIR_OK) return status;
  w->before = w->made = choice.head;
  weir_border border = choice.head.border;
  if (border.segment == 0) border = (weir_border){.segment = 1, .serial = 1};
  recover_begin(&s->recovery);
  if (choice.head.border.segment) status = state_read(&state, os, &choice);
  if (status == WEIR_OK) status = read_segments(s, os, journal, &border);
  if (status != WEIR_OK) return status;
  recover_end(&s->recovery);
  w->reports_since_ms = kept_oldest(&s->kept);
  if (border.segment == choice.head.border.segment) return WEIR_OK;
  w->made = (snapshot_head){.border = border, .made_ms = w->now_ms};
  state.oldest = choice.oldest;
  state.end = border.segment;
  status = snapshot_write(os, w->options.data, w->name, &w->made, state_fill, &state);
  if (status != WEIR_OK) return status;
  uint32_t before = choice.head.border.segment ? choice.head.border.segment : border.segment;
  return snapshot_tidy(os, w->options.data, border.segment - 1, before - 1);
}

weir_status perform_snapshot(snapshot_work *w, const weir_os *os) {
  shadow *s = weir_allocate(1, sizeof *s);
  if (!s) return WEIR_OUT_OF_MEMORY;
  s->work = w;
  s->recovery.kept = &s->kept;
  weir_status status = open_unit(w, os, &s->recovery.unit);
  if (status == WEIR_OK) status = make(s, os);
  close_unit(s->recovery.unit);
  kept_close(&s->kept);
  weir_free(s);
  return status;
}
