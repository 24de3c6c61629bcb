/* Disk jobs, performed on the disk thread: they touch the job and the world, nothing else. */
#include "internal.h"

/* The report of a failing unit, in one of its places. Its disk may be the one that failed, so a
 * failure here changes nothing: the same words went to the watch streams and to standard error. */
static void perform_last_words(const weir_job *job, const weir_os *os) {
  (void)weir_os_replace(os, job->directory, job->name, job->words);
}

weir_status weir_job_perform(weir_job *job, const weir_os *os) {
  switch (job->kind) {
  case JOB_JOURNAL:
    return weir_journal_perform(job->journal, os);
  case JOB_STAGE:
    return perform_stage(job, os);
  case JOB_PUBLISH:
    return perform_publish(job, os);
  case JOB_LAST_WORDS:
    perform_last_words(job, os);
    return WEIR_OK;
  case JOB_HASH:
  case JOB_SNAPSHOT:
    return perform_closing(job, os);
  default:
    return perform_file(job, os);
  }
}

/* Each place has a job of its own, so that one which hangs keeps the words from no other. */
weir_job *weir_unit_take_words_job(weir_unit *u) {
  if (!u->failed_spoken || u->words_taken == WORDS_PLACES) return NULL;
  const char *const places[WORDS_PLACES] = {u->options.report_directory, u->options.report_second};
  const unsigned place = u->words_taken++;
  if (!places[place]) {
    u->words_done++;
    return weir_unit_take_words_job(u);
  }
  weir_job *job = &u->words_jobs[place];
  job->kind = JOB_LAST_WORDS;
  job->directory = places[place];
  job->words = weir_view(u->last_words, u->last_words_count);
  weir_buffer name = weir_buffer_over(job->name, sizeof job->name - 1);
  weir_put_text(&name, u->name);
  weir_put_text(&name, "-diskFailed-");
  weir_put_signed(&name, u->failed_at.wall_ms);
  weir_put_text(&name, ".json");
  job->name[name.count] = 0;
  return job;
}

void weir_unit_words_job_done(weir_unit *u, weir_job *job, weir_status status) {
  (void)status; /* the same words went to the watch streams and to standard error */
  WEIR_ASSERT(job->kind == JOB_LAST_WORDS);
  u->words_done++;
}

weir_job *weir_unit_take_job(weir_unit *u) {
  if (u->job_in_flight || u->failing) return NULL;
  weir_job *job = &u->job;
  bool delivers = u->journal_went_last && deliver_take_job(u);
  bool waits = delivers || taking_waits(u);
  job->journal = waits ? NULL : weir_journal_take(u->journal, u->now.boot_ms);
  if (job->journal) job->kind = JOB_JOURNAL;
  if (job->journal) u->taken_since_ms = 0;
  if (!delivers && !job->journal && !deliver_take_job(u)) return NULL;
  u->journal_went_last = job->journal != NULL;
  u->job_in_flight = true;
  return job;
}

void weir_unit_job_done(weir_unit *u, weir_job *job, weir_status status) {
  WEIR_ASSERT(u->job_in_flight && job == &u->job);
  u->job_in_flight = false;
  unit_look_at_clocks(u);
  if (job->kind == JOB_JOURNAL) {
    bool moved = weir_journal_done(u->journal, job->journal, status);
    if (weir_journal_closed(u->journal)) {
      unit_fail(u, status);
      return;
    }
    if (!moved) return;
    connections_release(u);
    effects_release(u);
    deliver_on_durable(u);
    (void)taking_pump(u); /* what is durable stands in the journal's memory still */
    return;
  }
  if (status != WEIR_OK) {
    deliver_job_failed(u, job, status);
    return;
  }
  deliver_job_done(u, job);
}
