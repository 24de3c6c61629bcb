/* Jobs: what the disk thread does, and what follows from how it went.
 *
 * Happy path: `take` hands out the first run that gathers, and the two buffers change places, so
 * that appending goes on meanwhile. A run that begins a segment renames a reserve file to the
 * segment's name first, and syncs the directory after the file. `done` moves the durable serial.
 * When no batch waits, `take` hands out the making of a reserve file, or the next part of it; when
 * the current segment is half used already and the reserve still not whole, that takes turns with
 * the batches, since a unit that is never idle would otherwise use up its reserve on an empty disk.
 * When such a unit's batches are large it leaves the file as the disk gave it: what filling saves
 * in each sync would be less than it costs. A reserve file is the oldest retired segment under
 * another name, when there is one.
 *
 * What can go wrong: a batch that fails in any way closes the journal for ever; what had been
 * appended and not been durable stays readable and is never reported durable. A reserve file that
 * finds no space makes the journal scarce and is tried again each second; a reserve file that
 * fails otherwise closes the journal: the disk cannot be trusted.
 */
#include "internal.h"

void weir_journal_plan_reserve(weir_journal *j, weir_journal_job *job, bool fill) {
  *job = (weir_journal_job){.kind = JOB_PREPARE,
                            .directory = j->directory,
                            .reserve_bytes = j->segment_bytes,
                            .fill = fill};
  if (j->filling_file != NULL) {
    job->file = j->filling_file;
    job->offset = j->filled;
    job->prepared = j->filling;
    j->filling_file = NULL;
  } else {
    job->prepared.number = ++j->reserve_last;
    job->retired = j->first_segment < j->retire_below ? j->first_segment : 0;
  }
}

void weir_journal_keep_reserve(weir_journal *j, const weir_journal_job *job) {
  if (job->file != NULL) {
    j->filling_file = job->file;
    j->filled = job->offset;
    j->filling = job->prepared;
    return;
  }
  WEIR_ASSERT(j->reserve_count < WEIR_JOURNAL_RESERVE);
  j->reserve[j->reserve_count++] = job->prepared;
}

static void plan_batch_on_take(weir_journal *j, weir_journal_job *job) {
  frame_run run = j->runs[0];
  WEIR_ASSERT(run.at == 0 && run.count > 0);
  const uint8_t *full = j->memory[j->gather];
  *job = (weir_journal_job){.directory = j->directory,
                            .file = j->file,
                            .bytes = weir_view(full, run.count),
                            .offset = run.offset,
                            .segment = run.segment,
                            .reserve = run.reserve,
                            .last_serial = run.last_serial};
  j->file = NULL;
  j->flight = run;
  j->flight_shown = true;
  j->gather = 1 - j->gather;
  j->gather_count -= run.count;
  j->run_count--;
  /* What belongs to the next segment moves to the front of the other buffer and goes on there. */
  if (j->run_count > 0) {
    memcpy(j->memory[j->gather], full + run.count, j->gather_count);
    j->runs[0] = j->runs[1];
    j->runs[0].at = 0;
  }
}

weir_journal_job *weir_journal_take(weir_journal *j, uint64_t now_ms) {
  if (j->closed || j->read_only || j->in_flight) return NULL;
  bool batch_waits = j->run_count > 0;
  bool reserve_waits = j->reserve_count < WEIR_JOURNAL_RESERVE && now_ms >= j->retry_ms;
  bool too_many = j->first_segment + WEIR_JOURNAL_SPARE < j->retire_below;
  bool pressing = j->reserve_count == 0 || j->offset > j->limit / 2;
  if (reserve_waits && (!batch_waits || (pressing && !j->prepared_last))) {
    weir_journal_plan_reserve(j, &j->job, !batch_waits || j->flight.count <= FILL_WORTH);
    j->prepared_last = true;
  } else if (batch_waits) {
    plan_batch_on_take(j, &j->job);
    j->prepared_last = false;
  } else if (too_many) {
    j->job = (weir_journal_job){
        .kind = JOB_REMOVE, .directory = j->directory, .retired = j->first_segment};
  } else {
    return NULL;
  }
  j->job.now_ms = now_ms;
  j->in_flight = true;
  return &j->job;
}

static weir_status open_segment_on_perform(weir_journal_job *job, const weir_os *os) {
  os->close(os->context, job->file); /* its last batch has been synced */
  job->file = NULL;
  file_path source = weir_journal_path(job->directory, NAME_RESERVE, job->reserve);
  file_path target = weir_journal_path(job->directory, NAME_SEGMENT, job->segment);
  weir_status status = os->rename(os->context, source.text, target.text);
  if (status != WEIR_OK) return status;
  return os->open(os->context, target.text, WEIR_OPEN_WRITE, &job->file);
}

/* The retired segment takes the reserve file's name, if it has the size of one. */
static weir_status reuse_on_perform(weir_journal_job *job, const weir_os *os, bool *reused) {
  file_path source = weir_journal_path(job->directory, NAME_SEGMENT, job->retired);
  file_path target = weir_journal_path(job->directory, NAME_RESERVE, job->prepared.number);
  weir_file *file = NULL;
  uint64_t size = 0;
  weir_status status = os->open(os->context, source.text, WEIR_OPEN_READ, &file);
  if (status != WEIR_OK) return status;
  status = os->size(os->context, file, &size);
  os->close(os->context, file);
  if (status != WEIR_OK) return status;
  *reused = size == job->reserve_bytes;
  status = *reused ? os->rename(os->context, source.text, target.text)
                   : os->remove(os->context, source.text);
  job->retired_gone = status == WEIR_OK;
  return status == WEIR_OK ? os->sync_directory(os->context, job->directory) : status;
}

static weir_status remove_on_perform(const weir_journal_job *job, const weir_os *os) {
  file_path path = weir_journal_path(job->directory, NAME_SEGMENT, job->retired);
  weir_status status = os->remove(os->context, path.text);
  return status == WEIR_OK ? os->sync_directory(os->context, job->directory) : status;
}

/* A retired segment, or a file of its own that is still to be filled. */
static weir_status begin_reserve_on_perform(weir_journal_job *job, const weir_os *os,
                                            const file_path *path) {
  weir_status status = os->random(os->context, &job->prepared.salt, sizeof job->prepared.salt);
  bool reused = false;
  if (status == WEIR_OK && job->retired != 0) status = reuse_on_perform(job, os, &reused);
  if (status != WEIR_OK || reused) return status;
  return weir_journal_begin_file(os, path, job->reserve_bytes, &job->file);
}

/* A reserve file is made by several jobs, so that no batch waits for all of it. */
static weir_status prepare_on_perform(weir_journal_job *job, const weir_os *os) {
  uint32_t number = job->prepared.number;
  file_path source = weir_journal_path(job->directory, NAME_NEW_RESERVE, number);
  file_path target = weir_journal_path(job->directory, NAME_RESERVE, number);
  weir_status status = WEIR_OK;
  if (job->file == NULL) status = begin_reserve_on_perform(job, os, &source);
  if (status != WEIR_OK || job->file == NULL) return status;
  uint64_t left = job->reserve_bytes - job->offset;
  uint64_t end = job->offset + (left < FILL_BYTES ? left : FILL_BYTES);
  if (!job->fill) end = job->offset = job->reserve_bytes;
  status = weir_journal_fill_file(os, job->file, job->offset, end);
  if (status != WEIR_OK) {
    weir_journal_drop_file(os, &source, &job->file);
    return status;
  }
  job->offset = end;
  if (end < job->reserve_bytes) return WEIR_OK;
  os->close(os->context, job->file);
  job->file = NULL;
  status = os->rename(os->context, source.text, target.text);
  if (status == WEIR_OK) status = os->sync_directory(os->context, job->directory);
  if (status != WEIR_OK) {
    (void)os->remove(os->context, source.text); /* whichever name it bears now: it must not */
    (void)os->remove(os->context, target.text); /* hold room that nothing knows of */
  }
  return status;
}

weir_status weir_journal_perform(weir_journal_job *job, const weir_os *os) {
  if (job->kind == JOB_PREPARE) return prepare_on_perform(job, os);
  if (job->kind == JOB_REMOVE) return remove_on_perform(job, os);
  weir_status status = WEIR_OK;
  if (job->reserve != 0) status = open_segment_on_perform(job, os);
  if (status == WEIR_OK) status = os->write_at(os->context, job->file, job->offset, job->bytes);
  if (status == WEIR_OK && !WEIR_CANARY(SKIP_SYNC)) status = os->sync(os->context, job->file);
  if (status == WEIR_OK && job->reserve != 0) {
    status = os->sync_directory(os->context, job->directory);
  }
  return status;
}

/* The oldest segment is no longer there. */
static void forget_first(weir_journal *j) {
  for (unsigned i = 0; i < READ_FILES; i++) {
    read_file *kept = &j->read_files[i];
    if (kept->file == NULL || kept->segment != j->first_segment) continue;
    j->os->close(j->os->context, kept->file);
    kept->file = NULL;
  }
  WEIR_ASSERT(j->segment_count > 1);
  j->first_segment++;
  j->segment_count--;
  memmove(j->first_serials, j->first_serials + 1, j->segment_count * sizeof *j->first_serials);
}

static void reserve_done(weir_journal *j, const weir_journal_job *job, weir_status status) {
  if (job->retired_gone) forget_first(j);
  if (status == WEIR_OK) {
    weir_journal_keep_reserve(j, job);
    if (j->reserve_count == WEIR_JOURNAL_RESERVE) j->scarce = false;
  } else if (status == WEIR_NO_SPACE) {
    j->scarce = true;
    j->retry_ms = job->now_ms + PREPARE_RETRY_MS;
  } else {
    j->closed = true;
  }
}

bool weir_journal_done(weir_journal *j, weir_journal_job *job, weir_status status) {
  WEIR_ASSERT(job == &j->job);
  WEIR_ASSERT(j->in_flight);
  j->in_flight = false;
  if (job->kind == JOB_PREPARE) {
    reserve_done(j, job, status);
    return false;
  }
  if (job->kind == JOB_REMOVE) {
    if (status == WEIR_OK) forget_first(j);
    if (status != WEIR_OK) j->retire_below = j->first_segment; /* until it is asked for again */
    return false;
  }
  j->file = job->file;
  if (status != WEIR_OK) {
    j->closed = true;
    return false;
  }
  WEIR_ASSERT(job->last_serial > j->durable);
  j->durable = job->last_serial; /* the buffer stays readable until the next batch is taken */
  return true;
}

void weir_journal_retire(weir_journal *j, uint32_t first_kept) {
  if (first_kept > j->segment) first_kept = j->segment;
  /* What is in a buffer may still bear an older segment's number. */
  if (j->flight_shown && first_kept > j->flight.segment) first_kept = j->flight.segment;
  if (j->run_count > 0 && first_kept > j->runs[0].segment) first_kept = j->runs[0].segment;
  if (first_kept > j->retire_below) j->retire_below = first_kept;
}

bool weir_journal_has_retired(const weir_journal *j) {
  return j->first_segment > 1 || j->retire_below > 1;
}

bool weir_journal_holds(const weir_journal *j, weir_position position) {
  uint32_t segment = weir_journal_segment_of(position);
  return segment >= j->first_segment && segment >= j->retire_below;
}
