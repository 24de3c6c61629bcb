/* The third lane of jobs: what follows when a segment of the journal has closed. It reads the
 * closed segments again, so it has a thread of its own and holds up neither the journal nor a gate.
 *
 *   hashes   each closed segment's, a few at once; one a second while answers wait for the disk
 *
 *   it fails   logged; tried again a minute later. The journal itself is whole, so nothing else
 *              waits for it */
#include "internal.h"

enum { RETRY_MS = 60000, BUSY_MS = 1000, HASHES_AT_ONCE = 4 };

weir_status perform_closing(weir_job *job, const weir_os *os) {
  const hash_order order = {job->path, job->name, job->segment, HASHES_AT_ONCE};
  return hashes_add(&order, os, &job->hashed);
}

weir_job *weir_unit_take_closing_job(weir_unit *u) {
  closing *c = &u->closing;
  if (c->in_flight || u->failing || u->stopping || !u->begun) return NULL;
  uint32_t last = weir_journal_last_closed(u->journal);
  if (last <= c->hashed || u->now.boot_ms < c->not_before_ms) return NULL;
  c->in_flight = true;
  c->job = (weir_job){.kind = JOB_HASH, .path = u->options.data, .segment = last};
  memcpy(c->job.name, u->name, sizeof u->name);
  return &c->job;
}

static void log_closing_failed(weir_unit *u, weir_status status) {
  if (!weir_log_begin(u->log, WEIR_LOG_ERROR, true, u->now.wall_ms, "hashFailed",
                      "a closed segment could not be hashed; it is tried again. Run weir journal "
                      "verify")) {
    return;
  }
  weir_log_number(u->log, "labels.segment", (int64_t)u->closing.hashed + 1);
  weir_log_text(u->log, "error.message", weir_text(weir_status_text(status)));
  (void)weir_log_end(u->log);
}

void weir_unit_closing_job_done(weir_unit *u, weir_job *job, weir_status status) {
  closing *c = &u->closing;
  WEIR_ASSERT(c->in_flight && job == &c->job);
  c->in_flight = false;
  unit_look_at_clocks(u);
  if (job->hashed > c->hashed) c->hashed = job->hashed;
  c->not_before_ms = effects_waiting(u) > 0 ? u->now.boot_ms + BUSY_MS : 0;
  if (status == WEIR_OK) return;
  c->not_before_ms = u->now.boot_ms + RETRY_MS;
  log_closing_failed(u, status);
}
