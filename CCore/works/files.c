/* The second lane of disk jobs: files of the ferry and of discs. They lie on foreign paths, a
 * gate's directory or a disc's, so that a slow or broken one must hold up neither the journal nor
 * delivery; and what fails here is told and tried again, and never ends the unit.
 *
 *   replace   a whole file under a dot name, synced, renamed: a gate that pulls at any moment sees
 *             all of it or nothing
 *   append    a piece of a long file under its name and `.part`; renamed with the last piece
 *   find      the first file of a directory that is not to be passed over, read whole
 *   read      a piece of a file
 *   taken     what was found is removed, or moved to DIR/.quarantine when it is no good */
#include "internal.h"
#include "paths.h"

#include <string.h>

static weir_status count_name(void *user, const char *name) {
  (void)name;
  ++*(size_t *)user;
  return WEIR_OK;
}

static weir_status perform_replace(const weir_job *job, const weir_os *os) {
  size_t waiting = 0;
  weir_status status = os->list(os->context, job->directory, count_name, &waiting);
  if (status == WEIR_OK && waiting >= FERRY_FILES_MAX) status = WEIR_FULL;
  return status == WEIR_OK ? weir_os_replace(os, job->directory, job->name, job->words) : status;
}

static weir_status perform_append(const weir_job *job, const weir_os *os) {
  char part[PATH_BYTES], folder[PATH_BYTES] = "/";
  weir_file *file = NULL;
  if (!join_path(part, job->path, ".part", "")) return WEIR_TOO_LONG;
  weir_open_mode mode = job->offset == 0 ? WEIR_OPEN_CREATE : WEIR_OPEN_WRITE;
  weir_status status = os->open(os->context, part, mode, &file);
  if (status != WEIR_OK) return status;
  status = os->write_at(os->context, file, job->offset, job->words);
  if (status == WEIR_OK && job->last) status = os->sync(os->context, file);
  os->close(os->context, file);
  if (status != WEIR_OK || !job->last) return status;
  status = os->rename(os->context, part, job->path);
  const char *slash = strrchr(job->path, '/');
  size_t count = slash ? (size_t)(slash - job->path) : 0;
  if (count > 0 && count < sizeof folder) {
    memcpy(folder, job->path, count);
    folder[count] = 0;
  }
  return status == WEIR_OK ? os->sync_directory(os->context, folder) : status;
}

/* Stops the listing at the first name that is wanted. */
static weir_status choose(void *user, const char *name) {
  weir_job *job = user;
  if (name[0] == '.' || strlen(name) >= sizeof job->found) return WEIR_OK;
  uint64_t hash = weir_hash(0, weir_text(name));
  for (size_t i = 0; i < FETCH_SKIPPED; i++) {
    if (job->skip[i] == hash) return WEIR_OK;
  }
  memcpy(job->found, name, strlen(name) + 1);
  return WEIR_EXISTS;
}

static weir_status perform_find(weir_job *job, const weir_os *os) {
  char path[PATH_BYTES];
  job->found[0] = 0;
  job->got = 0;
  weir_status status = os->list(os->context, job->directory, choose, job);
  if (status != WEIR_EXISTS) return status;
  if (!join_path(path, job->directory, "/", job->found)) return WEIR_TOO_LONG;
  weir_buffer into = weir_buffer_over(job->into, job->room);
  status = weir_os_read_all(os, path, &into);
  job->got = into.count;
  job->bad = status != WEIR_OK; /* too long for one of ours, no file, or not to be read */
  return WEIR_OK;
}

static weir_status perform_read(weir_job *job, const weir_os *os) {
  weir_file *file = NULL;
  job->got = 0;
  weir_status status = os->open(os->context, job->path, WEIR_OPEN_READ, &file);
  if (status != WEIR_OK) return status;
  status = os->read_at(os->context, file, job->offset, job->into, job->room, &job->got);
  os->close(os->context, file);
  return status;
}

static weir_status perform_taken(const weir_job *job, const weir_os *os) {
  char path[PATH_BYTES], aside[PATH_BYTES];
  if (!join_path(path, job->directory, "/", job->found)) return WEIR_TOO_LONG;
  weir_status status = WEIR_OK;
  if (!job->bad) {
    status = os->remove(os->context, path);
  } else {
    if (!join_path(aside, job->directory, "/.quarantine", "")) return WEIR_TOO_LONG;
    status = os->make_directory(os->context, aside);
    if (!join_path(aside, job->directory, "/.quarantine/", job->found)) return WEIR_TOO_LONG;
    if (status == WEIR_OK) status = os->rename(os->context, path, aside);
  }
  if (status == WEIR_NOT_FOUND) status = WEIR_OK; /* somebody else took it away */
  return status == WEIR_OK ? os->sync_directory(os->context, job->directory) : status;
}

weir_status perform_file(weir_job *job, const weir_os *os) {
  switch (job->kind) {
  case JOB_FILE_REPLACE:
    return perform_replace(job, os);
  case JOB_FILE_APPEND:
    return perform_append(job, os);
  case JOB_FILE_FIND:
    return perform_find(job, os);
  case JOB_FILE_READ:
    return perform_read(job, os);
  default:
    WEIR_ASSERT(job->kind == JOB_FILE_TAKEN);
    return perform_taken(job, os);
  }
}

weir_job *weir_unit_take_file_job(weir_unit *u) {
  if (u->file_job_in_flight || u->failing || !u->begun) return NULL;
  weir_job *job = &u->file_job;
  memset(job, 0, sizeof *job);
  if (!ferry_take_job(u, job) && !export_take_job(u, job) && !fetch_take_job(u, job)) return NULL;
  u->file_job_in_flight = true;
  return job;
}

void weir_unit_file_job_done(weir_unit *u, weir_job *job, weir_status status) {
  WEIR_ASSERT(u->file_job_in_flight && job == &u->file_job);
  u->file_job_in_flight = false;
  unit_look_at_clocks(u);
  switch (job->kind) {
  case JOB_FILE_REPLACE:
    ferry_job_done(u, status);
    return;
  case JOB_FILE_APPEND:
    export_job_done(u, status);
    return;
  default:
    fetch_job_done(u, job, status);
    return;
  }
}
