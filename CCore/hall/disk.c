/* Files: the unit's disk jobs, one in flight on a thread of their own; and the log.
 *
 *   lanes           the second takes files in and out, where a disc or a gate's directory may be
 *                   slow; the third reads closed segments again; two more write the last words of
 *                   a failing unit, one for each place. Each has one job in flight and holds up
 *                   only itself
 *   a job hangs     at the end the loop waits END_GRACE_MS for it, and goes without it
 *   the log         lines gather for LOG_GATHER_MS, or until there are many
 *   log full disk   the bytes stay in the ring and are tried again in a second; the ring counts
 *                   what it then has to drop
 *   SIGHUP          the file is opened again by its path when no write is in flight */
#include "internal.h"

#include <fcntl.h>
#include <unistd.h>

enum { LOG_GATHER_BYTES = 64 * 1024 };

/* The disk thread: one job after the other, each handed over by a semaphore and back by a flag and
 * a wake. Nothing else runs there, so that a sync costs the loop two switches and no lock. */
static void disk_run(void *context) {
  weir_hall *h = context;
  for (;;) {
    uv_sem_wait(&h->disk_wanted);
    if (atomic_load(&h->disk_ends)) return;
    h->job_status = weir_job_perform(h->job, h->options.os);
    atomic_store_explicit(&h->disk_idle, true, memory_order_release);
    uv_async_send(&h->disk_done);
  }
}

weir_status hall_start_disk(weir_hall *h) {
  h->lanes[0] = (lane){.hall = h, .take = weir_unit_take_file_job, .done = weir_unit_file_job_done};
  h->lanes[1] =
      (lane){.hall = h, .take = weir_unit_take_closing_job, .done = weir_unit_closing_job_done};
  const lane words = {
      .hall = h, .take = weir_unit_take_words_job, .done = weir_unit_words_job_done};
  h->lanes[2] = h->lanes[3] = words;
  atomic_store(&h->disk_idle, true);
  if (uv_sem_init(&h->disk_wanted, 0) != 0) return WEIR_OUT_OF_MEMORY;
  if (uv_thread_create(&h->disk, disk_run, h) == 0) return WEIR_OK;
  uv_sem_destroy(&h->disk_wanted);
  return WEIR_OUT_OF_MEMORY;
}

void hall_end_disk(weir_hall *h) {
  atomic_store(&h->disk_ends, true);
  uv_sem_post(&h->disk_wanted);
  int failed = uv_thread_join(&h->disk);
  WEIR_ASSERT(failed == 0);
  uv_sem_destroy(&h->disk_wanted);
}

void hall_close_disk(weir_hall *h) {
  if (!h->job) uv_close((uv_handle_t *)&h->disk_done, NULL);
}

void hall_on_disk_done(uv_async_t *done) {
  weir_hall *h = done->data;
  hall_begin_turn(h);
  if (!h->job || !atomic_load_explicit(&h->disk_idle, memory_order_acquire)) return;
  weir_job *job = h->job;
  h->job = NULL;
  weir_unit_job_done(h->unit, job, h->job_status);
  if (h->ending) {
    hall_close_disk(h);
    return;
  }
  hall_start_job(h);
  hall_serve_clients(h); /* what became durable is answered before anything else */
}

void hall_start_job(weir_hall *h) {
  if (h->job) return;
  h->job = weir_unit_take_job(h->unit);
  if (!h->job) return;
  atomic_store(&h->disk_idle, false);
  uv_sem_post(&h->disk_wanted);
}

static void on_lane(uv_work_t *work) {
  lane *l = work->data;
  l->status = weir_job_perform(l->job, l->hall->options.os);
}

static void on_lane_done(uv_work_t *work, int status) {
  lane *l = work->data;
  WEIR_ASSERT(status == 0);
  hall_begin_turn(l->hall);
  weir_job *job = l->job;
  l->job = NULL;
  l->done(l->hall->unit, job, l->status);
  if (!l->hall->ending) hall_start_lanes(l->hall);
}

void hall_start_lanes(weir_hall *h) {
  for (unsigned i = 0; i < LANES; i++) {
    lane *l = &h->lanes[i];
    if (l->job) continue;
    l->job = l->take(h->unit);
    if (!l->job) continue;
    l->work.data = l;
    int failed = uv_queue_work(&h->loop, &l->work, on_lane, on_lane_done);
    WEIR_ASSERT(failed == 0);
  }
}

weir_status hall_open_log(weir_hall *h) {
  if (!h->options.log_file) {
    h->log_fd = STDOUT_FILENO;
    return WEIR_OK;
  }
  uv_fs_t request;
  int fd = uv_fs_open(&h->loop, &request, h->options.log_file,
                      O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640, NULL);
  uv_fs_req_cleanup(&request);
  if (fd < 0) return fd == UV_ENOENT ? WEIR_NOT_FOUND : WEIR_PERMISSION;
  h->log_fd = fd;
  return WEIR_OK;
}

static void close_log(weir_hall *h) {
  if (h->log_fd < 0 || !h->options.log_file) return;
  uv_fs_t request;
  (void)uv_fs_close(&h->loop, &request, h->log_fd, NULL);
  uv_fs_req_cleanup(&request);
  h->log_fd = -1;
}

static void reopen_log(weir_hall *h) {
  if (!atomic_exchange(&h->reopen_asked, false)) return;
  close_log(h);
  weir_status status = hall_open_log(h);
  int64_t wall_ms = h->options.os->wall_ms(h->options.os->context);
  weir_log_level level = status == WEIR_OK ? WEIR_LOG_INFO : WEIR_LOG_ERROR;
  if (weir_log_begin(h->options.log, level, true, wall_ms, "logReopened",
                     status == WEIR_OK ? "the log file was opened again"
                                       : "the log file could not be opened again")) {
    (void)weir_log_end(h->options.log);
  }
}

static void on_log_written(uv_fs_t *request) {
  weir_hall *h = request->data;
  ssize_t written = request->result;
  uv_fs_req_cleanup(request);
  h->log_busy = false;
  if (written > 0) weir_log_consume(h->options.log, (size_t)written);
  if (written <= 0) h->log_retry_ms = hall_now_ms(h) + LOG_RETRY_MS;
  if (!h->ending) hall_flush_log(h);
}

void hall_flush_log(weir_hall *h) {
  if (h->log_busy) return;
  reopen_log(h);
  if (h->log_retry_ms && hall_now_ms(h) < h->log_retry_ms) return;
  h->log_retry_ms = 0;
  if (h->log_fd < 0 && hall_open_log(h) != WEIR_OK) {
    h->log_retry_ms = hall_now_ms(h) + LOG_RETRY_MS;
    return;
  }
  weir_bytes bytes = weir_log_peek(h->options.log);
  if (bytes.count == 0) return;
  uint64_t now = hall_now_ms(h);
  if (h->log_since_ms == 0) h->log_since_ms = now;
  if (bytes.count < LOG_GATHER_BYTES && now < h->log_since_ms + LOG_GATHER_MS) return;
  h->log_since_ms = 0;
  uv_buf_t buffer = uv_buf_init((char *)(uintptr_t)bytes.at, (unsigned)bytes.count);
  h->log_request.data = h;
  h->log_busy =
      uv_fs_write(&h->loop, &h->log_request, h->log_fd, &buffer, 1, -1, on_log_written) == 0;
}

void hall_drain_log(weir_hall *h) {
  for (;;) {
    weir_bytes bytes = weir_log_peek(h->options.log);
    if (bytes.count == 0 || h->log_fd < 0) break;
    ssize_t written = write(h->log_fd, bytes.at, bytes.count);
    if (written <= 0) break;
    weir_log_consume(h->options.log, (size_t)written);
  }
  close_log(h);
}
