/* weir_load: a load generator that speaks lines over stream sockets, at the speed of C.
 *
 * Closed loop: so many requests are in flight at all times. Open loop: requests are planned at a
 * fixed rate, and a latency counts from the planned moment, so that a stall of the other side is
 * not left out because nobody asked meanwhile. Answers keep the order of requests on a connection,
 * which is how they are told apart.
 *
 * Cost: one copy of the request and a search for the answer's line feed. Bounded by the window, and
 * in an open loop by WEIR_LOAD_QUEUE requests a connection. Kept true by `Benchmarks saturate`,
 * which prints the generator's own CPU time a request.
 */
#ifndef WEIR_LOAD_H
#define WEIR_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- Latencies: a histogram of nanoseconds, exact to one part in 64 ---- */

enum { WEIR_TIMES_SUB = 64, WEIR_TIMES_BUCKETS = 40 * WEIR_TIMES_SUB };

typedef struct weir_times {
  uint64_t counts[WEIR_TIMES_BUCKETS];
  uint64_t count, max_ns;
} weir_times;

void weir_times_add(weir_times *t, uint64_t ns);
/* The latency that `share` (0 to 1) of all did not exceed; 0 when there are none. */
uint64_t weir_times_at(const weir_times *t, double share);

/* ---- The generator ---- */

/* One kind of request: its bytes, and where in them a number of 12 digits makes each one its own,
 * where it stands again as a telephone number, so that each has a caller of its own, and where the
 * time now is put (29 characters of RFC 3339); -1: nowhere. */
typedef struct weir_load_request {
  const char *bytes;
  size_t count;
  ptrdiff_t number_at, phone_at, time_at;
  bool follow; /* when it is durable, its transfer is answered and it is closed, by two events */
} weir_load_request;

/* What was answered, for whoever joins it with what came of it. */
typedef struct weir_load_answer {
  uint64_t number; /* of the request, as its ref has it; an event has its intake's */
  uint64_t planned_ns, answered_ns; /* CLOCK_MONOTONIC */
  uint64_t handover;                /* see weir_text_handover; 0: none */
  int64_t received_ms;              /* receivedAt as it was sent */
  int64_t deadline_ms;              /* as it was answered; 0: none */
  uint32_t revision;
  uint16_t kind; /* place in the mix */
  uint8_t flags; /* WEIR_ANSWER_… */
} weir_load_answer;

enum {
  WEIR_ANSWER_DURABLE = 1,
  WEIR_ANSWER_REFUSED = 2,
  WEIR_ANSWER_EVENT = 4,
  WEIR_ANSWER_MISPLACED = 8 /* it bears another request's ref */
};

typedef struct weir_load_options {
  const char *socket; /* a Unix socket's path */
  uint32_t connections;
  uint32_t window;  /* closed loop: requests in flight, over all connections */
  double rate;      /* open loop: requests a second; 0: closed loop */
  uint64_t first;   /* the number of the first request */
  uint64_t most;    /* requests of the mix, follow-ups not counted; 0: until the time is over */
  uint64_t time_ns; /* 0: until `most` */
  const weir_load_request *mix; /* sent in turn */
  size_t mix_count;
  weir_load_answer *answers; /* null: none is kept; else room for `answers_most` */
  size_t answers_most;
} weir_load_options;

typedef struct weir_load_result {
  uint64_t sent, answered;  /* requests of the mix */
  uint64_t followed;        /* events behind them that were answered */
  uint64_t refused;         /* answers that were refusals */
  uint64_t late_sends;      /* open loop: sent more than a millisecond behind their plan */
  uint64_t begin_ns;        /* CLOCK_MONOTONIC */
  uint64_t time_ns, cpu_ns; /* of the run; the generator's own */
  uint64_t bytes_out, bytes_in;
  uint64_t answers;  /* kept; a run ends when there is no room for the next */
  char refusal[256]; /* the first one */
  weir_times times;  /* of the mix */
} weir_load_result;

enum { WEIR_LOAD_QUEUE = 65536, WEIR_LOAD_CONNECTIONS = 1024 };

/* Runs to the end. Null: done; else what went wrong, in English. Blocks; one thread. */
const char *weir_load_run(const weir_load_options *options, weir_load_result *result);

#endif
