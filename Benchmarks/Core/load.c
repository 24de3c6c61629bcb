/* The loop of the generator: fill what may be sent, write, wait, read, count.
 *
 *   happy path   each answer belongs to the oldest request of its connection
 *   other side ends, or says nothing for 20 s   the run ends with what is wrong
 *   refusals     are counted and the first is kept, so that a run can be refused as a whole */
#include "weir_load.h"
#include "weir_text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { OUT_BYTES = 1 << 20, IN_BYTES = 1 << 20, EVENTS = 64, SILENCE_MS = 20000 };
enum { FOLLOW_MAX = 4096, NUMBER_DIGITS = 12, TIME_TEXT = 29, HANDOVER_MAX = 40, EVENT_MAX = 160 };

typedef struct flight {
  uint64_t planned_ns, number;
  int64_t sent_ms;
  uint16_t kind;
  bool counted, follow;
} flight;

/* A matter whose transfer is to be answered. */
typedef struct follower {
  uint64_t number;
  uint16_t kind;
  char handover[HANDOVER_MAX];
} follower;

typedef struct lane {
  int fd;
  char *out, *in;
  size_t out_first, out_end, in_end;
  flight *flights; /* a ring of WEIR_LOAD_QUEUE */
  uint32_t first, count;
  follower follow[FOLLOW_MAX];
  uint32_t follow_first, follow_count;
  bool waits_to_write;
} lane;

typedef struct load {
  const weir_load_options *o;
  weir_load_result *r;
  lane *lanes;
  int poll;
  uint64_t begin_ns, now_ns, time_text_ms;
  uint32_t next_lane;
  char time_text[TIME_TEXT + 1];
  bool time_over;
  const char *problem;
} load;

static uint64_t clock_ns(clockid_t clock) {
  struct timespec t;
  (void)clock_gettime(clock, &t);
  return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* ---- Requests ---- */

static void put_number(char *at, uint64_t number) {
  for (int i = NUMBER_DIGITS - 1; i >= 0; i--) {
    at[i] = (char)('0' + number % 10);
    number /= 10;
  }
}

/* The time now at +08:00, made anew each millisecond. */
static void look_at_wall_clock(load *l) {
  struct timespec t;
  (void)clock_gettime(CLOCK_REALTIME_COARSE, &t);
  uint64_t ms = (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
  if (ms == l->time_text_ms) return;
  l->time_text_ms = ms;
  time_t local = t.tv_sec + 8 * 3600;
  struct tm day;
  (void)gmtime_r(&local, &day);
  (void)snprintf(l->time_text, sizeof l->time_text, "%04u-%02u-%02uT%02u:%02u:%02u.%03u+08:00",
                 (unsigned)(day.tm_year + 1900) % 10000, (unsigned)(day.tm_mon + 1) % 100,
                 (unsigned)day.tm_mday % 100, (unsigned)day.tm_hour % 100,
                 (unsigned)day.tm_min % 100, (unsigned)day.tm_sec % 100, (unsigned)(ms % 1000));
}

static bool has_room(const lane *c) {
  return c->out_end + EVENT_MAX + 65536 < OUT_BYTES && c->count + 1 < WEIR_LOAD_QUEUE &&
         c->follow_count + 4 < FOLLOW_MAX;
}

static void fly(lane *c, flight f) {
  c->flights[(c->first + c->count) % WEIR_LOAD_QUEUE] = f;
  c->count++;
}

static void put_request(load *l, lane *c, uint64_t planned_ns) {
  size_t kind = l->r->sent % l->o->mix_count;
  uint64_t number = l->o->first + l->r->sent;
  const weir_load_request *q = &l->o->mix[kind];
  char *at = c->out + c->out_end;
  memcpy(at, q->bytes, q->count);
  if (q->number_at >= 0) put_number(at + q->number_at, number);
  if (q->phone_at >= 0) put_number(at + q->phone_at, number);
  if (q->time_at >= 0) memcpy(at + q->time_at, l->time_text, TIME_TEXT);
  c->out_end += q->count;
  l->r->sent++;
  fly(c, (flight){planned_ns, number, (int64_t)l->time_text_ms, (uint16_t)kind, true, q->follow});
}

/* The two events that end a transfer. */
static void put_follow(load *l, lane *c) {
  static const char *const events[] = {"transferAnswered", "closed"};
  const follower *f = &c->follow[c->follow_first];
  for (unsigned i = 0; i < 2; i++) {
    int count = snprintf(c->out + c->out_end, EVENT_MAX,
                         "{\"op\":\"event\",\"handover\":\"%s\",\"event\":\"%s\",\"by\":\"A07\"}\n",
                         f->handover, events[i]);
    c->out_end += (size_t)count;
    fly(c, (flight){l->now_ns, f->number, 0, f->kind, false, false});
  }
  c->follow_first = (c->follow_first + 1) % FOLLOW_MAX;
  c->follow_count--;
}

static bool mix_is_over(const load *l) {
  return l->time_over || (l->o->most > 0 && l->r->sent >= l->o->most);
}

static void fill_closed(load *l, lane *c, uint32_t window) {
  while (c->follow_count > 0 && has_room(c)) put_follow(l, c);
  while (c->count < window && !mix_is_over(l) && has_room(c)) put_request(l, c, l->now_ns);
}

/* Everything whose planned moment has come, spread over the connections in turn. */
static void fill_open(load *l) {
  double gap_ns = 1e9 / l->o->rate;
  for (uint32_t i = 0; i < l->o->connections; i++) {
    lane *c = &l->lanes[i];
    while (c->follow_count > 0 && has_room(c)) put_follow(l, c);
  }
  while (!mix_is_over(l)) {
    uint64_t planned_ns = l->begin_ns + (uint64_t)((double)l->r->sent * gap_ns);
    lane *c = &l->lanes[l->next_lane];
    if (planned_ns > l->now_ns || !has_room(c)) return;
    if (l->now_ns - planned_ns > 1000000) l->r->late_sends++;
    put_request(l, c, planned_ns);
    if (++l->next_lane == l->o->connections) l->next_lane = 0;
  }
}

/* ---- Answers ---- */

static bool is_refusal(const char *at, size_t count) {
  size_t most = count < 160 ? count : 160;
  return memmem(at, most, "\"error\"", 7) != NULL;
}

static void note_follow(lane *c, const flight *f, const char *at, size_t count) {
  static const char key[] = "\"handover\":\"";
  const char *from = memmem(at, count, key, sizeof key - 1);
  if (!from) return;
  from += sizeof key - 1;
  const char *end = memchr(from, '"', count - (size_t)(from - at));
  if (!end || (size_t)(end - from) >= HANDOVER_MAX) return;
  follower *to = &c->follow[(c->follow_first + c->follow_count) % FOLLOW_MAX];
  memcpy(to->handover, from, (size_t)(end - from));
  to->handover[end - from] = 0;
  to->number = f->number;
  to->kind = f->kind;
  c->follow_count++;
}

/* Keeps what an answer says. Its fields stand in this order. */
static void keep_answer(load *l, const flight *f, const char *at, size_t count, bool refused) {
  if (!l->o->answers) return;
  if (l->r->answers == l->o->answers_most) {
    l->problem = "more answers than there is room for";
    return;
  }
  weir_load_answer *a = &l->o->answers[l->r->answers++];
  *a = (weir_load_answer){.number = f->number,
                          .planned_ns = f->planned_ns,
                          .answered_ns = l->now_ns,
                          .received_ms = f->sent_ms,
                          .kind = f->kind,
                          .flags = (uint8_t)(f->counted ? 0 : WEIR_ANSWER_EVENT)};
  weir_text t = {at, count};
  uint64_t number = 0;
  weir_text ref = weir_text_field(t, "ref");
  if (f->counted && (!weir_text_tail(ref, &number) || number != f->number)) {
    a->flags |= WEIR_ANSWER_MISPLACED;
  }
  if (refused) {
    a->flags |= WEIR_ANSWER_REFUSED;
    return;
  }
  a->handover = weir_text_handover(weir_text_field(t, "handover"));
  a->revision = (uint32_t)weir_text_number(weir_text_field(t, "revision"));
  weir_text durable = weir_text_field(t, "durable");
  if (weir_text_is(durable, "true")) a->flags |= WEIR_ANSWER_DURABLE;
  a->deadline_ms = weir_text_time(weir_text_field(t, "deadline"));
}

static void take_answer(load *l, lane *c, const char *at, size_t count) {
  if (c->count == 0) {
    l->problem = "an answer came that nobody asked for";
    return;
  }
  flight f = c->flights[c->first];
  c->first = (c->first + 1) % WEIR_LOAD_QUEUE;
  c->count--;
  bool refused = is_refusal(at, count);
  keep_answer(l, &f, at, count, refused);
  if (refused) {
    if (l->r->refused++ == 0) {
      size_t kept = count < sizeof l->r->refusal - 1 ? count : sizeof l->r->refusal - 1;
      memcpy(l->r->refusal, at, kept);
      l->r->refusal[kept] = 0;
    }
  } else if (f.follow) {
    note_follow(c, &f, at, count);
  }
  if (!f.counted) {
    l->r->followed++;
    return;
  }
  l->r->answered++;
  weir_times_add(&l->r->times, l->now_ns - f.planned_ns);
}

static void read_lane(load *l, lane *c) {
  ssize_t got = read(c->fd, c->in + c->in_end, IN_BYTES - c->in_end);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) {
    l->problem = "the other side closed the connection";
    return;
  }
  l->r->bytes_in += (uint64_t)got;
  c->in_end += (size_t)got;
  l->now_ns = clock_ns(CLOCK_MONOTONIC);
  size_t at = 0;
  while (!l->problem) {
    const char *end = memchr(c->in + at, '\n', c->in_end - at);
    if (!end) break;
    size_t count = (size_t)(end + 1 - (c->in + at));
    take_answer(l, c, c->in + at, count);
    at += count;
  }
  memmove(c->in, c->in + at, c->in_end - at);
  c->in_end -= at;
}

/* ---- Sockets ---- */

static void write_lane(load *l, lane *c) {
  while (c->out_first < c->out_end) {
    ssize_t put = write(c->fd, c->out + c->out_first, c->out_end - c->out_first);
    if (put < 0 && errno == EAGAIN) break;
    if (put < 0 && errno != EINTR) {
      l->problem = "the other side takes no more";
      return;
    }
    if (put > 0) c->out_first += (size_t)put, l->r->bytes_out += (uint64_t)put;
  }
  if (c->out_first > OUT_BYTES / 2 || c->out_first == c->out_end) {
    memmove(c->out, c->out + c->out_first, c->out_end - c->out_first);
    c->out_end -= c->out_first;
    c->out_first = 0;
  }
  bool waits = c->out_first < c->out_end;
  if (waits == c->waits_to_write) return;
  c->waits_to_write = waits;
  struct epoll_event event = {.events = EPOLLIN | (waits ? (uint32_t)EPOLLOUT : 0), .data.ptr = c};
  (void)epoll_ctl(l->poll, EPOLL_CTL_MOD, c->fd, &event);
}

static int dial(const char *socket_path) {
  struct sockaddr_un a = {.sun_family = AF_UNIX};
  if (strlen(socket_path) >= sizeof a.sun_path) return -1;
  memcpy(a.sun_path, socket_path, strlen(socket_path));
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0) return fd;
  if (fd >= 0) (void)close(fd);
  return -1;
}

static bool open_lane(load *l, uint32_t index) {
  lane *c = &l->lanes[index];
  c->fd = dial(l->o->socket);
  if (c->fd < 0) return false;
  c->out = malloc(OUT_BYTES);
  c->in = malloc(IN_BYTES);
  c->flights = calloc(WEIR_LOAD_QUEUE, sizeof *c->flights);
  if (!c->out || !c->in || !c->flights) return false;
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
  if (fcntl(c->fd, F_SETFL, O_NONBLOCK) != 0) return false;
  return epoll_ctl(l->poll, EPOLL_CTL_ADD, c->fd, &event) == 0;
}

static void close_lanes(load *l) {
  for (uint32_t i = 0; l->lanes && i < l->o->connections; i++) {
    lane *c = &l->lanes[i];
    if (c->fd >= 0) (void)close(c->fd);
    free(c->out);
    free(c->in);
    free(c->flights);
  }
  free(l->lanes);
  if (l->poll >= 0) (void)close(l->poll);
}

/* ---- The run ---- */

static bool is_over(const load *l) {
  if (!mix_is_over(l)) return false;
  for (uint32_t i = 0; i < l->o->connections; i++) {
    if (l->lanes[i].count > 0 || l->lanes[i].follow_count > 0) return false;
  }
  return true;
}

/* Until the next planned request, at most; 0 when it is due. */
static struct timespec patience(const load *l) {
  uint64_t ns = (uint64_t)SILENCE_MS * 1000000;
  if (l->o->rate > 0 && !mix_is_over(l)) {
    uint64_t next = l->begin_ns + (uint64_t)((double)l->r->sent * 1e9 / l->o->rate);
    uint64_t now = clock_ns(CLOCK_MONOTONIC);
    ns = next > now ? next - now : 0;
  }
  return (struct timespec){(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
}

static void turn(load *l) {
  const weir_load_options *o = l->o;
  uint32_t window = o->window / o->connections ? o->window / o->connections : 1;
  l->now_ns = clock_ns(CLOCK_MONOTONIC);
  l->time_over = o->time_ns > 0 && l->now_ns - l->begin_ns >= o->time_ns;
  look_at_wall_clock(l);
  if (o->rate > 0) fill_open(l);
  for (uint32_t i = 0; i < o->connections && !l->problem; i++) {
    if (o->rate <= 0) fill_closed(l, &l->lanes[i], window);
    if (l->lanes[i].out_first < l->lanes[i].out_end) write_lane(l, &l->lanes[i]);
  }
  if (is_over(l)) return;
  struct epoll_event events[EVENTS];
  struct timespec wait = patience(l);
  int count = epoll_pwait2(l->poll, events, EVENTS, &wait, NULL);
  if (count == 0 && (o->rate <= 0 || mix_is_over(l))) l->problem = "no answer for 20 seconds";
  for (int i = 0; i < count && !l->problem; i++) {
    lane *c = events[i].data.ptr;
    if (events[i].events & EPOLLOUT) write_lane(l, c);
    if (events[i].events & ~(uint32_t)EPOLLOUT) read_lane(l, c);
  }
}

static uint64_t cpu_ns(void) {
  return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

const char *weir_load_run(const weir_load_options *o, weir_load_result *result) {
  load l = {.o = o, .r = result, .poll = -1};
  memset(result, 0, sizeof *result);
  if (o->connections == 0 || o->connections > WEIR_LOAD_CONNECTIONS) return "1 to 1024 connections";
  l.lanes = calloc(o->connections, sizeof *l.lanes);
  l.poll = epoll_create1(EPOLL_CLOEXEC);
  bool open = l.lanes && l.poll >= 0;
  for (uint32_t i = 0; i < o->connections && l.lanes; i++) l.lanes[i].fd = -1;
  for (uint32_t i = 0; i < o->connections && open; i++) open = open_lane(&l, i);
  if (!open) {
    close_lanes(&l);
    return "no connection: is somebody listening there?";
  }
  uint64_t cpu = cpu_ns();
  l.begin_ns = clock_ns(CLOCK_MONOTONIC);
  result->begin_ns = l.begin_ns;
  while (!l.problem && !is_over(&l)) turn(&l);
  result->time_ns = clock_ns(CLOCK_MONOTONIC) - l.begin_ns;
  result->cpu_ns = cpu_ns() - cpu;
  close_lanes(&l);
  return l.problem;
}
