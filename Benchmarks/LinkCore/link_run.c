/* A run of the link: two children that share a board, and what both need.
 *
 *   happy path   the receiver says its port, the sender begins, the receiver says that all is here
 *   a child fails, or the time is over   the run says so; what was counted stands */
#include "link_load.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WORDS_BYTES = 16, LOOK_US = 500 };

uint64_t load_now_ns(void) {
  struct timespec t;
  (void)clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

weir_keyring *load_keys(const char *key_line) {
  weir_keyring *keys = NULL;
  uint32_t line = 0;
  char reason[96];
  (void)weir_keyring_read(weir_text(key_line), &keys, &line, reason);
  return keys;
}

weir_stream_id load_stream(void) {
  weir_stream_id id = {.unit = "bench", .boot_epoch = (uint64_t)time(NULL) * 1000, .stream = 1};
  uint64_t now = load_now_ns();
  memcpy(id.boot_id, &now, sizeof now);
  return id;
}

bool load_enter(const char *file) {
  if (!file) return true;
  int fd = open(file, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  bool entered = setns(fd, CLONE_NEWNET) == 0;
  (void)close(fd);
  return entered;
}

static uint8_t filler(size_t at) {
  return (uint8_t)(at * 167 + 13);
}

void load_record(uint8_t *record, size_t count, uint64_t crossing, uint64_t planned_ns) {
  static uint8_t pattern[WEIR_RECORD_BYTES_MAX];
  if (pattern[0] == 0) {
    for (size_t i = 0; i < sizeof pattern; i++) pattern[i] = filler(i);
  }
  memcpy(record + WORDS_BYTES, pattern + WORDS_BYTES, count - WORDS_BYTES);
  memcpy(record, &crossing, sizeof crossing);
  memcpy(record + sizeof crossing, &planned_ns, sizeof planned_ns);
}

bool load_is_record(weir_bytes record, size_t count, uint64_t crossing, uint64_t *planned_ns) {
  uint64_t said = 0;
  if (record.count != count) return false;
  memcpy(&said, record.at, sizeof said);
  memcpy(planned_ns, record.at + sizeof said, sizeof *planned_ns);
  return said == crossing && record.at[count - 1] == filler(count - 1);
}

void load_arrive(weir_link_receiver *receiver, weir_bytes sealed, uint64_t now_ms, void *context,
                 void (*take)(void *context, const weir_link_event *e)) {
  uint8_t datagram[WEIR_DATAGRAM_MAX];
  weir_link_event e;
  memcpy(datagram, sealed.at, sealed.count);
  (void)weir_link_receiver_take(receiver, datagram, sealed.count, now_ms);
  while (weir_link_receiver_next(receiver, &e)) {
    if (e.kind == WEIR_LINK_RECORD) take(context, &e);
  }
}

static pid_t start(void (*play)(const weir_link_load_options *, load_board *),
                   const weir_link_load_options *o, load_board *board) {
  pid_t child = fork();
  if (child != 0) return child;
  (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
  play(o, board);
  _exit(0);
}

static uint64_t cpu_ns(const struct rusage *usage) {
  const struct timeval *u = &usage->ru_utime, *s = &usage->ru_stime;
  return (uint64_t)(u->tv_sec + s->tv_sec) * UINT64_C(1000000000) +
         (uint64_t)(u->tv_usec + s->tv_usec) * 1000;
}

/* Waits for the end of the run. */
static void watch(const weir_link_load_options *o, load_board *board, pid_t receiver) {
  uint64_t end = load_now_ns() + o->end_ms * 1000000;
  while (!atomic_load(&board->done) && !atomic_load(&board->failed) && load_now_ns() < end) {
    (void)usleep(LOOK_US);
    if (kill(receiver, 0) != 0) break;
  }
  atomic_store(&board->over, true);
}

void weir_link_load_run(const weir_link_load_options *o, weir_link_load_result *result) {
  memset(result, 0, sizeof *result);
  load_board *board =
      mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (board == MAP_FAILED) {
    result->problem = "no memory";
    return;
  }
  pid_t receiver = start(load_receive, o, board);
  pid_t sender = start(load_send, o, board);
  bool started = receiver > 0 && sender > 0;
  if (started) watch(o, board, receiver);
  atomic_store(&board->over, true);
  struct rusage usage = {0};
  int state = 0;
  if (sender > 0) (void)wait4(sender, &state, 0, &usage);
  uint64_t sending_ns = cpu_ns(&usage);
  if (receiver > 0) (void)wait4(receiver, &state, 0, &usage);
  *result = board->result;
  result->sending_ns = sending_ns;
  result->receiving_ns = cpu_ns(&usage);
  if (!started || atomic_load(&board->failed)) {
    result->problem = "a socket or a network namespace could not be opened";
  } else if (!atomic_load(&board->done)) {
    result->problem = "not everything arrived in time";
  }
  (void)munmap(board, sizeof *board);
}
