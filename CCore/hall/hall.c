/* The loop itself: what happens in one turn, and how it ends.
 *
 *   happy path   prepare → turn, disk, link, answers, log → poll
 *   stop         listeners close at once; when the unit has stopped and answers are written, or
 *                after five seconds, everything closes and run returns OK
 *   failure      the unit says when everything has been said; the last words go to standard error
 *                and run returns what failed
 *   a job hangs  (a lost network share) run returns without it; nothing may be closed then */
#include "internal.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

void hall_say(char problem[512], const char *what, const char *name, const char *why,
              const char *next) {
  (void)snprintf(problem, 512, "%s %s: %s. %s", what, name, why, next);
}

void hall_say_address(char problem[512], const char *what, const weir_address *a, const char *why,
                      const char *next) {
  bool bare = strchr(a->host, ':') == NULL;
  (void)snprintf(problem, 512, "%s %s%s%s:%u: %s. %s", what, bare ? "" : "[", a->host,
                 bare ? "" : "]", a->port, why, next);
}

static void on_idle(uv_idle_t *idle) {
  (void)idle;
}
static void on_timer(uv_timer_t *timer) {
  (void)timer;
}
static void on_wake(uv_async_t *wake) {
  (void)wake;
}

uint64_t hall_now_ms(const weir_hall *h) {
  return h->options.os->boot_ns(h->options.os->context) / 1000000;
}

/* Sleeps no longer than until the next due time; not at all while there is more to do. */
static void plan_sleep(weir_hall *h, bool more) {
  if (more) {
    uv_idle_start(&h->idle, on_idle);
    return;
  }
  uv_idle_stop(&h->idle);
  uint64_t next = weir_unit_next_ms(h->unit), now = hall_now_ms(h);
  uv_update_time(&h->loop);
  uint64_t sleep = next > now ? next - now : 0;
  if (h->log_since_ms && sleep > LOG_GATHER_MS) sleep = LOG_GATHER_MS;
  if (h->throttled) sleep = 1; /* the rate earns the next datagram in about that time */
  uv_timer_start(&h->timer, on_timer, sleep, 0);
}

static void on_end_grace(uv_timer_t *timer) {
  weir_hall *h = timer->data;
  h->abandoned = true;
  uv_stop(&h->loop);
}

static void end(weir_hall *h, weir_status result) {
  if (h->ending) return;
  h->ending = true;
  h->result = result;
  hall_stop_listening(h);
  hall_close_clients(h);
  hall_close_links(h);
  uv_idle_stop(&h->idle);
  uv_close((uv_handle_t *)&h->prepare, NULL);
  uv_close((uv_handle_t *)&h->idle, NULL);
  uv_close((uv_handle_t *)&h->wake, NULL);
  hall_close_disk(h);
  /* Only jobs in flight keep the loop from now on, and they no longer than this. */
  uv_timer_start(&h->timer, on_end_grace, END_GRACE_MS, 0);
  uv_unref((uv_handle_t *)&h->timer);
}

/* Until nothing is open; false: a job hangs, and its thread goes on using everything. */
static bool run_to_end(weir_hall *h) {
  uv_run(&h->loop, UV_RUN_DEFAULT);
  WEIR_ASSERT(h->ending);
  if (h->abandoned) return false;
  uv_close((uv_handle_t *)&h->timer, NULL);
  uv_run(&h->loop, UV_RUN_DEFAULT);
  return true;
}

static void look_for_stop(weir_hall *h) {
  if (atomic_load(&h->stop_asked) && !h->stopping) {
    h->stopping = true;
    h->stop_ms = hall_now_ms(h) + STOP_GRACE_MS;
    hall_stop_listening(h);
    weir_unit_stop(h->unit);
  }
  if (!h->stopping) return;
  bool quiet = weir_unit_stopped(h->unit) && hall_clients_quiet(h);
  if (quiet || hall_now_ms(h) > h->stop_ms) end(h, WEIR_OK);
}

static void look_for_failure(weir_hall *h) {
  weir_status failed = weir_unit_failed(h->unit);
  if (failed == WEIR_OK) return;
  weir_bytes words = weir_unit_last_words(h->unit);
  ssize_t written = write(STDERR_FILENO, words.at, words.count);
  (void)written; /* nobody is left to tell */
  end(h, failed);
}

void hall_begin_turn(weir_hall *h) {
  if (h->turn_ns == 0) h->turn_ns = uv_hrtime();
}

static void end_turn(weir_hall *h) {
  weir_unit_turned(h->unit, (uv_hrtime() - h->turn_ns) / 1000);
  h->turn_ns = 0;
}

static void on_prepare(uv_prepare_t *prepare) {
  weir_hall *h = prepare->data;
  hall_begin_turn(h);
  hall_open_letters(h, true);
  bool more = weir_unit_turn(h->unit);
  hall_start_job(h);
  hall_start_lanes(h);
  more = hall_send_datagrams(h) || more;
  hall_serve_clients(h);
  hall_flush_log(h);
  look_for_stop(h);
  look_for_failure(h);
  if (!h->ending) plan_sleep(h, more);
  end_turn(h);
}

static weir_status start_loop(weir_hall *h) {
  if (uv_loop_init(&h->loop) != 0) return WEIR_OUT_OF_MEMORY;
  int failed = uv_prepare_init(&h->loop, &h->prepare) | uv_idle_init(&h->loop, &h->idle) |
               uv_timer_init(&h->loop, &h->timer) | uv_async_init(&h->loop, &h->wake, on_wake) |
               uv_async_init(&h->loop, &h->disk_done, hall_on_disk_done);
  h->prepare.data = h;
  h->timer.data = h;
  h->disk_done.data = h;
  return failed ? WEIR_IO_FAILED : WEIR_OK;
}

/* Descriptors that no client gets, as a sum: for what is opened while the unit runs. */
enum {
  KEPT_FOR_JOURNAL = 4, /* the next segment, the one in reserve, and their directory, by turns */
  KEPT_FOR_READING = 4, /* segments that bodies are read back from */
  KEPT_FOR_FILES = 4,   /* ferry, disc, delivery: a file and a directory */
  KEPT_FOR_CLOSING = 3, /* hashes or a snapshot, and a segment; a directory */
  KEPT_FOR_LOG = 2,     /* the log that is opened again */
  KEPT_FOR_SHELL = 16,  /* reports, their program, policies */
  KEPT_FOR_LOOP = 16,   /* signals and timers of the runtime, a client that is turned away */
  DESCRIPTORS_KEPT = KEPT_FOR_JOURNAL + KEPT_FOR_READING + KEPT_FOR_FILES + KEPT_FOR_CLOSING +
      KEPT_FOR_LOG + KEPT_FOR_SHELL + KEPT_FOR_LOOP,
  CLIENTS_LEAST = 16
};

static weir_status count_name(void *user, const char *name) {
  (void)name;
  ++*(uint64_t *)user;
  return WEIR_OK;
}

/* Every client, file and socket takes a descriptor: the process gets as many as it may have, and
 * clients what is left of them when everything else has its own. */
static weir_status share_descriptors(weir_hall *h, char problem[512]) {
  const weir_os *os = h->options.os;
  struct rlimit limit;
  uint64_t open = 0;
  weir_status status = os->list(os->context, "/proc/self/fd", count_name, &open);
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) status = WEIR_IO_FAILED;
  if (status != WEIR_OK) {
    hall_say(problem, "open files", "/proc/self/fd", weir_status_text(status), "Mount /proc");
    return status;
  }
  uint64_t needed = open + DESCRIPTORS_KEPT, all = limit.rlim_cur;
  if (all < needed + CLIENTS_LEAST) {
    char few[96];
    (void)snprintf(few, sizeof few, "%llu are too few, %llu are needed", (unsigned long long)all,
                   (unsigned long long)needed + CLIENTS_LEAST);
    hall_say(problem, "the limit of open files", "(ulimit -n)", few,
             "Raise it, in a systemd unit by LimitNOFILE=");
    return WEIR_INVALID;
  }
  bool fit = all - needed >= WEIR_CONNECTIONS_MAX;
  h->client_max = fit ? WEIR_CONNECTIONS_MAX : (uint32_t)(all - needed);
  return WEIR_OK;
}

static void raise_descriptor_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)setrlimit(RLIMIT_NOFILE, &limit); /* what it is now is asked when it is shared out */
}

static void log_client_max(const weir_hall *h) {
  int64_t wall_ms = h->options.os->wall_ms(h->options.os->context);
  weir_log *log = h->options.log;
  if (h->client_max == WEIR_CONNECTIONS_MAX) return;
  if (!weir_log_begin(log, WEIR_LOG_WARN, true, wall_ms, "connectionsLimited",
                      "the limit of open files leaves room for fewer connections; raise it, in a "
                      "systemd unit by LimitNOFILE=")) {
    return;
  }
  weir_log_number(log, "labels.connections", h->client_max);
  (void)weir_log_end(log);
}

weir_status weir_hall_open(const weir_hall_options *options, weir_hall **out, char problem[512]) {
  WEIR_ASSERT(options->link_count <= WEIR_HALL_ADDRESSES_MAX);
  raise_descriptor_limit();
  weir_hall *h = weir_allocate(1, sizeof *h);
  if (!h) return WEIR_OUT_OF_MEMORY;
  /* libuv writes to streams with write: a client that is gone is an error, not our end. */
  (void)signal(SIGPIPE, SIG_IGN);
  h->options = *options;
  h->unit = options->unit;
  h->log_fd = -1;
  for (size_t i = 0; i < WEIR_HALL_ADDRESSES_MAX; i++) h->links[i].fd = -1;
  hall_say(problem, "the loop", "", "out of memory", "Free some and start again");
  h->clients = weir_allocate(WEIR_CONNECTIONS_MAX, sizeof *h->clients);
  weir_status status = h->clients ? weir_inlet_open(&h->inlet) : WEIR_OUT_OF_MEMORY;
  if (status == WEIR_OK) status = start_loop(h);
  if (status == WEIR_OK && uv_mutex_init(&h->mail) != 0) status = WEIR_OUT_OF_MEMORY;
  if (status != WEIR_OK) {
    weir_free(h->clients);
    weir_inlet_close(h->inlet);
    weir_free(h);
    return status;
  }
  status = hall_open_log(h);
  if (status != WEIR_OK) {
    hall_say(problem, "log.file", options->log_file, weir_status_text(status),
             "Check the path and its folder's permissions");
  }
  if (status == WEIR_OK) status = hall_open_links(h, problem);
  if (status == WEIR_OK) status = hall_listen(h, problem);
  if (status == WEIR_OK) status = share_descriptors(h, problem);
  if (status == WEIR_OK && options->inner) status = hall_deny_sending(h, problem);
  if (status != WEIR_OK) {
    weir_hall_close(h);
    return status;
  }
  *out = h;
  return WEIR_OK;
}

weir_status weir_hall_run(weir_hall *h) {
  weir_status status = hall_start_disk(h);
  if (status != WEIR_OK) return status;
  h->running = true;
  weir_unit_begin(h->unit);
  hall_start_links(h);
  log_client_max(h);
  uv_prepare_start(&h->prepare, on_prepare);
  uv_idle_start(&h->idle, on_idle);
  const bool whole = run_to_end(h);
  h->running = false;
  if (!whole) {
    if (!h->log_busy) hall_drain_log(h);
    hall_close_mail(h);
    return h->result;
  }
  hall_end_disk(h);
  hall_drain_log(h);
  hall_close_mail(h);
  int left = uv_loop_close(&h->loop);
  WEIR_ASSERT(left == 0);
  h->closed = true;
  return h->result;
}

bool weir_hall_abandoned(const weir_hall *h) {
  return h->abandoned;
}

void weir_hall_close(weir_hall *h) {
  if (!h) return;
  WEIR_ASSERT(!h->abandoned);
  WEIR_ASSERT(!h->running);
  if (!h->closed) { /* it never ran: close what open opened */
    end(h, WEIR_CLOSED);
    (void)run_to_end(h); /* no job was ever taken */
    hall_drain_log(h);
    hall_close_mail(h);
    int left = uv_loop_close(&h->loop);
    WEIR_ASSERT(left == 0);
  }
  weir_free(h->clients);
  weir_inlet_close(h->inlet);
  uv_mutex_destroy(&h->mail);
  weir_free(h);
}

void weir_hall_stop(weir_hall *h) {
  atomic_store(&h->stop_asked, true);
  hall_wake(h);
}

void weir_hall_reopen_log(weir_hall *h) {
  atomic_store(&h->reopen_asked, true);
  hall_wake(h);
}
