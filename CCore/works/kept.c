/* The records that open reports are made of, kept while a snapshot is made: the desk's book of
 * reports is not in the journal's state, it is told record by record at each start. So a snapshot
 * holds those records, and a start from it tells them.
 *
 * Which ones mirrors the desk's book: a report is there from the first matter that raised it; it
 * is open until it is acknowledged; of the acknowledged ones the newest REPORTS_KEPT stay. Of one
 * matter in one report the first record counts and the latest ones. */
#include "internal.h"

enum { REPORTS_KEPT = 64, ENTRIES_KEPT = 32 };

void kept_close(kept_frames *k) {
  for (size_t i = 0; i < k->count; i++) weir_free(k->frames[i].body);
  weir_free(k->frames);
  weir_free(k->reports);
  *k = (kept_frames){0};
}

/* Room for one more item of `size` bytes: the same memory, or twice as much. */
static void *room_for_one(void *items, size_t count, size_t *room, size_t size) {
  if (count < *room) return items;
  size_t more = *room ? *room * 2 : 64;
  uint8_t *larger = weir_allocate(more, size);
  if (!larger) return NULL;
  if (count > 0) memcpy(larger, items, count * size);
  weir_free(items);
  *room = more;
  return larger;
}

static kept_report *find_report(const kept_frames *k, uint32_t number) {
  for (size_t i = k->report_count; i-- > 0;) {
    if (k->reports[i].number == number) return &k->reports[i];
  }
  return NULL;
}

static weir_status add_frame(kept_frames *k, kept_frame frame, weir_bytes body) {
  kept_frame *frames = room_for_one(k->frames, k->count, &k->room, sizeof *frames);
  if (!frames) return WEIR_OUT_OF_MEMORY;
  k->frames = frames;
  frame.body = weir_allocate(body.count, 1);
  if (!frame.body) return WEIR_OUT_OF_MEMORY;
  memcpy(frame.body, body.at, body.count);
  frame.count = body.count;
  k->frames[k->count++] = frame;
  return WEIR_OK;
}

weir_status kept_take_matter(kept_frames *k, const matter_record *r, weir_bytes body) {
  uint32_t number = r->state.report_number;
  if (number == 0) return WEIR_OK;
  if (!find_report(k, number)) {
    if (r->state.report != REPORT_RAISED) return WEIR_OK; /* it has ended and was forgotten */
    kept_report *reports =
        room_for_one(k->reports, k->report_count, &k->report_room, sizeof *reports);
    if (!reports) return WEIR_OUT_OF_MEMORY;
    k->reports = reports;
    k->reports[k->report_count++] = (kept_report){number, 0};
  }
  const kept_frame frame = {.report = number,
                            .kind = RECORD_MATTER,
                            .key = state_key(&r->state),
                            .arrived_ms = r->state.arrived_ms};
  return add_frame(k, frame, body);
}

static void forget_report(kept_frames *k, size_t which) {
  uint32_t number = k->reports[which].number;
  size_t left = 0;
  for (size_t i = 0; i < k->count; i++) {
    if (k->frames[i].report == number) {
      weir_free(k->frames[i].body);
    } else {
      k->frames[left++] = k->frames[i];
    }
  }
  k->count = left;
  k->reports[which] = k->reports[--k->report_count];
}

static void forget_oldest(kept_frames *k) {
  size_t settled = 0, oldest = 0;
  int64_t least = INT64_MAX;
  for (size_t i = 0; i < k->report_count; i++) {
    if (k->reports[i].acknowledged_ms == 0) continue;
    settled++;
    if (k->reports[i].acknowledged_ms >= least) continue;
    least = k->reports[i].acknowledged_ms;
    oldest = i;
  }
  if (settled > REPORTS_KEPT) forget_report(k, oldest);
}

weir_status kept_take_acknowledged(kept_frames *k, weir_bytes body) {
  acknowledged_record r;
  if (!record_get_acknowledged(body, &r)) return WEIR_CORRUPT;
  kept_report *report = find_report(k, r.number);
  if (!report || report->acknowledged_ms != 0) return WEIR_OK;
  report->acknowledged_ms = r.now.wall_ms > 0 ? r.now.wall_ms : 1;
  const kept_frame frame = {.report = r.number, .kind = RECORD_ACKNOWLEDGED};
  weir_status status = add_frame(k, frame, body);
  if (status == WEIR_OK) forget_oldest(k);
  return status;
}

int64_t kept_oldest(const kept_frames *k) {
  int64_t oldest = INT64_MAX;
  for (size_t i = 0; i < k->count; i++) {
    const kept_frame *f = &k->frames[i];
    const kept_report *report = find_report(k, f->report);
    bool open = report && report->acknowledged_ms == 0;
    if (open && f->key != 0 && f->arrived_ms < oldest) oldest = f->arrived_ms;
  }
  return oldest;
}

/* Counts a matter's records in a report; the count so far, this one with it. */
static weir_status count_one(weir_index *counts, const kept_frame *f, uint64_t *count) {
  uint64_t key = f->key ^ ((uint64_t)f->report * UINT64_C(0x9e3779b97f4a7c15));
  index_entry *x = index_find(counts, key, NULL);
  *count = x ? ++x->value : 1;
  return x ? WEIR_OK : index_add(counts, key, 1);
}

weir_status kept_each(const kept_frames *k, void (*each)(void *user, uint8_t kind, weir_bytes body),
                      void *user) {
  weir_index all = {0}, passed = {0};
  uint64_t count = 0;
  weir_status status = index_open(&all, k->count + 1);
  if (status == WEIR_OK) status = index_open(&passed, k->count + 1);
  for (size_t i = 0; i < k->count && status == WEIR_OK; i++) {
    status = count_one(&all, &k->frames[i], &count);
  }
  for (size_t i = 0; i < k->count && status == WEIR_OK; i++) {
    const kept_frame *f = &k->frames[i];
    uint64_t key = f->key ^ ((uint64_t)f->report * UINT64_C(0x9e3779b97f4a7c15));
    status = count_one(&passed, f, &count);
    const index_entry *total = index_find(&all, key, NULL);
    bool needed = count == 1 || !total || count + ENTRIES_KEPT > total->value + 1;
    if (needed && status == WEIR_OK) each(user, f->kind, weir_view(f->body, f->count));
  }
  index_close(&all);
  index_close(&passed);
  return status;
}
