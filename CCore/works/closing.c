/* The third lane of jobs: what follows when a segment of the journal has closed. It reads the
 * closed segments again, so it has a thread of its own and holds up neither the journal nor a gate.
 *
 *   hashes     each closed segment's, a few at once; one job a second while answers wait
 *   snapshots  the first when the first segment has closed; then one when so many records came, or
 *              when the last is a day old and a further segment has closed
 *   retiring   behind a snapshot: see retire.c
 *
 *   it fails   logged; tried again later. The journal itself is whole, so nothing else waits */
#include "internal.h"

enum {
  RETRY_MS = 60000,
  BUSY_MS = 1000,
  HASHES_AT_ONCE = 4,
  DAY_MS = 24 * 60 * 60 * 1000,
  SNAPSHOT_RECORDS = 10 * 1000 * 1000
};

weir_status closing_open(weir_unit *u) {
  u->closing.stamps = weir_allocate(STAMPS, sizeof *u->closing.stamps);
  return u->closing.stamps ? WEIR_OK : WEIR_OUT_OF_MEMORY;
}

void closing_close(weir_unit *u) {
  weir_free(u->closing.stamps);
}

void closing_cancel(weir_unit *u) {
  atomic_store(&u->closing.cancelled, true);
}

weir_status perform_closing(weir_job *job, const weir_os *os) {
  if (job->kind == JOB_SNAPSHOT) return perform_snapshot(job->work, os);
  const hash_order order = {job->path, job->name, job->segment, HASHES_AT_ONCE};
  return hashes_add(&order, os, &job->hashed);
}

static bool is_snapshot_due(const weir_unit *u, uint32_t last) {
  const closing *c = &u->closing;
  const weir_border *base = &c->base.border;
  if (last == 0 || last < base->segment || c->sweeping) return false;
  if (u->now.boot_ms < c->snapshot_not_before_ms) return false;
  if (base->segment == 0) return true;
  uint64_t limit = u->options.snapshot_records ? u->options.snapshot_records : SNAPSHOT_RECORDS;
  if (weir_journal_durable(u->journal) >= base->serial + limit) return true;
  int64_t age = u->now.wall_ms - c->base.made_ms;
  return age >= DAY_MS || age <= -(int64_t)DAY_MS; /* a clock that was set back makes none young */
}

static void plan_snapshot(weir_unit *u, uint32_t last) {
  closing *c = &u->closing;
  c->work = (snapshot_work){.options = u->options,
                            .last = last,
                            .now_ms = u->now.wall_ms,
                            .cancelled = &c->cancelled,
                            .stamps = c->stamps};
  memcpy(c->work.name, u->name, sizeof u->name);
  c->job = (weir_job){.kind = JOB_SNAPSHOT, .work = &c->work};
}

weir_job *weir_unit_take_closing_job(weir_unit *u) {
  closing *c = &u->closing;
  if (c->in_flight || u->failing || u->stopping || !u->begun) return NULL;
  uint32_t last = weir_journal_last_closed(u->journal);
  if (is_snapshot_due(u, last)) {
    plan_snapshot(u, last);
  } else if (last > c->hashed && u->now.boot_ms >= c->not_before_ms) {
    c->job = (weir_job){.kind = JOB_HASH, .path = u->options.data, .segment = last};
    memcpy(c->job.name, u->name, sizeof u->name);
  } else {
    return NULL;
  }
  c->in_flight = true;
  return &c->job;
}

static void log_failed(weir_unit *u, bool snapshot, weir_status status) {
  const char *message =
      snapshot ? "a snapshot could not be made; it is tried again, and until then "
                 "starts take longer and no segment is retired. Run weir journal verify"
               : "a closed segment could not be hashed; it is tried again. Run weir "
                 "journal verify";
  const char *action = snapshot ? "snapshotFailed" : "hashFailed";
  if (!weir_log_begin(u->log, WEIR_LOG_ERROR, true, u->now.wall_ms, action, message)) return;
  weir_log_text(u->log, "error.message", weir_text(weir_status_text(status)));
  (void)weir_log_end(u->log);
}

static void log_snapshot(weir_unit *u) {
  const weir_border *made = &u->closing.base.border;
  if (!weir_log_begin(u->log, WEIR_LOG_INFO, true, u->now.wall_ms, "snapshotMade",
                      "what the closed segments say was put into a snapshot")) {
    return;
  }
  weir_log_number(u->log, "labels.snapshot", (int64_t)made->segment - 1);
  weir_log_number(u->log, "labels.records", (int64_t)made->serial - 1);
  (void)weir_log_end(u->log);
}

static void hash_done(weir_unit *u, const weir_job *job, weir_status status) {
  closing *c = &u->closing;
  if (job->hashed > c->hashed) c->hashed = job->hashed;
  c->not_before_ms = effects_waiting(u) > 0 ? u->now.boot_ms + BUSY_MS : 0;
  if (status == WEIR_OK) return;
  c->not_before_ms = u->now.boot_ms + RETRY_MS;
  log_failed(u, false, status);
}

static void snapshot_done(weir_unit *u, weir_status status) {
  closing *c = &u->closing;
  if (status != WEIR_OK) {
    c->snapshot_not_before_ms = u->now.boot_ms + RETRY_MS;
    if (status != WEIR_CLOSED) log_failed(u, true, status);
    return;
  }
  bool is_new = c->work.made.border.segment != c->base.border.segment;
  c->base = c->work.made;
  if (is_new) log_snapshot(u);
  retire_begin(u);
}

void weir_unit_closing_job_done(weir_unit *u, weir_job *job, weir_status status) {
  closing *c = &u->closing;
  WEIR_ASSERT(c->in_flight && job == &c->job);
  c->in_flight = false;
  unit_look_at_clocks(u);
  if (job->kind == JOB_HASH) hash_done(u, job, status);
  if (job->kind == JOB_SNAPSHOT) snapshot_done(u, status);
}
