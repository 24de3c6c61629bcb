/* One run: matters into an outer unit, its datagrams into an inner one.
 *
 *   happy path   as many datagrams are given as one batch of delivery holds; then the unit's turns
 *                and jobs are performed until it has nothing more to do, and so on to the last one
 *   a file is missing at the end   the run does not count */
#include "weir_delivery_load.h"

#include "weir_works.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
  PATH_BYTES = 512,
  ITEMS_MAX = 1000000,
  MTU = 1500,
  DATAGRAMS_AT_ONCE = 64,
  RECORDS_A_BATCH = 1000,
  TURNS_MAX = 100000,
  LOG_BYTES = 1 << 22
};

typedef struct kept_datagram {
  size_t count;
  uint8_t bytes[MTU];
} kept_datagram;

typedef struct run {
  weir_keyring *keys;
  weir_log *log;
  weir_unit *unit;
  kept_datagram *datagrams;
  size_t datagram_count, datagram_max;
  uint64_t answered;
} run;

static uint64_t clock_ns(clockid_t which) {
  struct timespec t = {0};
  (void)clock_gettime(which, &t);
  return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

/* Nothing is decided: a matter of danger goes to 110 and to a person. */
static void judge(void *context, weir_step *steps, size_t count) {
  (void)context;
  (void)steps;
  (void)count;
}

static const char *open_unit(run *r, const char *folder, const char *name) {
  static char data[PATH_BYTES], inbox[PATH_BYTES];
  bool inner = strcmp(name, "inner") == 0;
  char problem[512];
  (void)snprintf(data, sizeof data, "%s/%s", folder, name);
  (void)snprintf(inbox, sizeof inbox, "%s/in", folder);
  weir_unit_options o = {.inner = inner,
                         .name = inner ? "pol1" : "kd1",
                         .data = data,
                         .version = "benchmark",
                         .open_max = ITEMS_MAX,
                         .refs_max = ITEMS_MAX,
                         .keys = r->keys,
                         .mtu = MTU,
                         .delivery = inner ? inbox : NULL,
                         .stale_ms = 1800000,
                         .desk = {.judge = judge},
                         .os = weir_os_linux(),
                         .log = r->log};
  if (weir_unit_open(&o, &r->unit, problem) != WEIR_OK) return "a unit does not open";
  weir_unit_begin(r->unit);
  return NULL;
}

static void empty_log(run *r) {
  for (weir_bytes b = weir_log_peek(r->log); b.count > 0; b = weir_log_peek(r->log)) {
    weir_log_consume(r->log, b.count);
  }
}

/* Turns and jobs until there is nothing more to do. */
static void work(run *r) {
  weir_job *job = NULL;
  for (bool more = true; more;) {
    more = weir_unit_turn(r->unit);
    while ((job = weir_unit_take_job(r->unit)) != NULL) {
      weir_unit_job_done(r->unit, job, weir_job_perform(job, weir_os_linux()));
      more = true;
    }
    empty_log(r);
  }
}

static size_t put_request(uint8_t *into, size_t room, uint32_t number) {
  weir_buffer b = weir_buffer_over(into, room);
  weir_put_text(&b, "{\"op\":\"intake\",\"ref\":\"D-");
  weir_put_padded(&b, number, 12);
  weir_put_text(&b,
                "\",\"receivedBy\":\"12345\",\"channel\":\"phone\",\"facts\":[\"dangerToLife\"],"
                "\"caller\":{\"name\":\"张三\",\"phone\":\"13800000000\"},\"text\":\"");
  while (b.count < 560 && !b.overflow) weir_put_text(&b, "来电人称有人落水,");
  weir_put_text(&b, "\"}\n");
  return b.overflow ? 0 : b.count;
}

static void keep_datagrams(run *r) {
  weir_bytes out[DATAGRAMS_AT_ONCE];
  size_t count = weir_unit_datagrams(r->unit, out, DATAGRAMS_AT_ONCE, SIZE_MAX);
  for (size_t i = 0; i < count && r->datagram_count < r->datagram_max; i++) {
    kept_datagram *kept = &r->datagrams[r->datagram_count++];
    WEIR_ASSERT(out[i].count <= MTU);
    kept->count = out[i].count;
    memcpy(kept->bytes, out[i].at, out[i].count);
  }
}

static void count_answers(run *r, uint32_t connection) {
  weir_bytes out = weir_unit_output(r->unit, connection);
  for (size_t i = 0; i < out.count; i++) r->answered += out.at[i] == '\n';
  weir_unit_written(r->unit, connection, out.count);
}

/* Each matter's first sending is among what is kept when all are answered and the line is quiet;
 * repeats are kept too, and the inner unit passes over them. */
static const char *take_matters(run *r, uint32_t items) {
  uint32_t connection = 0, sent = 0;
  if (weir_unit_connect(r->unit, false, &connection) != WEIR_OK) return "no connection";
  for (unsigned turn = 0; r->answered < items; turn++) {
    size_t room = 0, used = 0, count = 1;
    uint8_t *space = weir_unit_space(r->unit, connection, &room);
    while (space && sent < items && count > 0) {
      count = put_request(space + used, room - used, sent);
      used += count;
      sent += count > 0;
    }
    weir_unit_filled(r->unit, connection, used);
    work(r);
    count_answers(r, connection);
    keep_datagrams(r);
    if (turn == TURNS_MAX) return "the outer unit does not answer";
  }
  for (unsigned i = 0; i < 2 * items / DATAGRAMS_AT_ONCE + 8; i++) keep_datagrams(r);
  return NULL;
}

static uint64_t count_files(const char *folder) {
  char path[PATH_BYTES];
  uint64_t count = 0;
  (void)snprintf(path, sizeof path, "%s/in", folder);
  DIR *directory = opendir(path);
  if (!directory) return 0;
  for (const struct dirent *d = readdir(directory); d; d = readdir(directory)) {
    count += d->d_name[0] != '.' && strstr(d->d_name, "-r") != NULL;
  }
  (void)closedir(directory);
  return count;
}

static void deliver(run *r, const char *folder, weir_delivery_result *result) {
  uint64_t begin = clock_ns(CLOCK_MONOTONIC), cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
  for (size_t i = 0; i < r->datagram_count;) {
    for (size_t end = i + RECORDS_A_BATCH; i < end && i < r->datagram_count; i++) {
      weir_unit_received(r->unit, r->datagrams[i].bytes, r->datagrams[i].count);
    }
    work(r);
  }
  result->time_ns = clock_ns(CLOCK_MONOTONIC) - begin;
  result->cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu;
  result->delivered = count_files(folder);
}

static const char *open_run(run *r, uint32_t items) {
  uint8_t master[32], text[256];
  char reason[96];
  uint32_t line = 0;
  memset(master, 7, sizeof master);
  weir_buffer key = weir_buffer_over(text, sizeof text);
  r->datagram_max = (size_t)items * 2 + 1024;
  r->datagrams = weir_allocate(r->datagram_max, sizeof *r->datagrams);
  bool good = r->datagrams && weir_keyring_line(1, WEIR_SUITE_AES_256_GCM, master, &key) == WEIR_OK;
  good = good && weir_keyring_read(weir_buffer_view(&key), &r->keys, &line, reason) == WEIR_OK;
  good =
      good && weir_log_open("bench", WEIR_LOG_INFO, LOG_BYTES, LOG_BYTES / 2, &r->log) == WEIR_OK;
  return good ? NULL : "out of memory";
}

const char *weir_delivery_run(const char *folder, uint32_t items, weir_delivery_result *result) {
  run r = {0};
  memset(result, 0, sizeof *result);
  const char *problem = open_run(&r, items);
  if (!problem) problem = open_unit(&r, folder, "outer");
  if (!problem) problem = take_matters(&r, items);
  weir_unit_close(r.unit);
  r.unit = NULL;
  if (!problem) problem = open_unit(&r, folder, "inner");
  if (!problem) deliver(&r, folder, result);
  if (!problem && result->delivered != items) problem = "not every matter was delivered";
  weir_unit_close(r.unit);
  weir_log_close(r.log);
  weir_keyring_close(r.keys);
  weir_free(r.datagrams);
  return problem;
}
