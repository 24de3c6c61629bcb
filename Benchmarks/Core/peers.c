/* Three protocols over one loop: open, greet, fill the window, read, count.
 *
 *   a peer refuses     the run ends with its words
 *   it says nothing for 20 s, or closes   the run ends with what is wrong */
#include "weir_peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { BYTES = 2 << 20, MESSAGE_MAX = 65536, SILENCE_MS = 20000, DIGITS = 12 };

typedef struct wire {
  int fd;
  char *out, *in;
  size_t out_first, out_end, in_end;
  uint64_t planned[WEIR_PEER_WINDOW_MAX];
  uint64_t sent, done;
} wire;

typedef struct peer {
  const weir_peer_options *o;
  weir_load_result *r;
  wire *wires;
  struct pollfd *polls;
  uint32_t count, window; /* connections; in flight on each */
  uint64_t begin_ns;
  bool time_over;
  const char *problem;
} peer;

static char problem_text[256];

static uint64_t clock_ns(clockid_t clock) {
  struct timespec t;
  (void)clock_gettime(clock, &t);
  return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void fail(peer *p, const char *what, const char *said, size_t count) {
  if (p->problem) return;
  (void)snprintf(problem_text, sizeof problem_text, "%s: %.*s", what,
                 (int)(count < 180 ? count : 180), said);
  p->problem = problem_text;
}

/* ---- Bytes ---- */

static void put(wire *w, const void *bytes, size_t count) {
  memcpy(w->out + w->out_end, bytes, count);
  w->out_end += count;
}

static void put_text(wire *w, const char *text) {
  put(w, text, strlen(text));
}

static void put_big(wire *w, uint32_t value, unsigned bytes) {
  for (unsigned i = bytes; i > 0; i--) {
    uint8_t byte = (uint8_t)(value >> (8 * (i - 1)));
    put(w, &byte, 1);
  }
}

static uint32_t get_big(const char *at) {
  const uint8_t *b = (const uint8_t *)at;
  return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* The message, with a number of its own in its first bytes. */
static void put_message(peer *p, wire *w) {
  char digits[DIGITS + 1];
  (void)snprintf(digits, sizeof digits, "%0*llu", DIGITS, (unsigned long long)p->r->sent);
  put(w, digits, DIGITS);
  put(w, p->o->message + DIGITS, p->o->message_count - DIGITS);
}

/* One message of postgres: its type, its length, what `from` on was put. */
static void close_message(wire *w, size_t from) {
  uint32_t length = htonl((uint32_t)(w->out_end - from));
  memcpy(w->out + from, &length, sizeof length);
}

static size_t open_message(wire *w, char type) {
  if (type) put(w, &type, 1);
  put_big(w, 0, 4);
  return w->out_end - 4;
}

static void put_postgres(peer *p, wire *w) {
  size_t from = open_message(w, 'B');
  put(w, "\0i\0", 3); /* the unnamed portal of the statement i */
  put_big(w, 0, 2);
  put_big(w, 1, 2);
  put_big(w, (uint32_t)p->o->message_count, 4);
  put_message(p, w);
  put_big(w, 0, 2);
  close_message(w, from);
  from = open_message(w, 'E');
  put(w, "\0", 1);
  put_big(w, 0, 4);
  close_message(w, from);
  close_message(w, open_message(w, 'S'));
}

static void put_request(peer *p, wire *w) {
  char head[128];
  int count = 0;
  switch (p->o->kind) {
  case WEIR_PEER_REDIS:
    count =
        snprintf(head, sizeof head, "*5\r\n$4\r\nXADD\r\n$1\r\nh\r\n$1\r\n*\r\n$1\r\nd\r\n$%zu\r\n",
                 p->o->message_count);
    put(w, head, (size_t)count);
    put_message(p, w);
    put_text(w, "\r\n");
    break;
  case WEIR_PEER_NATS:
    count = snprintf(head, sizeof head, "PUB h.a _INBOX.h %zu\r\n", p->o->message_count);
    put(w, head, (size_t)count);
    put_message(p, w);
    put_text(w, "\r\n");
    break;
  case WEIR_PEER_POSTGRES:
    put_postgres(p, w);
    break;
  }
  w->planned[w->sent % p->window] = clock_ns(CLOCK_MONOTONIC);
  w->sent++;
  p->r->sent++;
}

/* ---- Answers ---- */

static void answered(peer *p, wire *w) {
  if (w->done == w->sent) {
    fail(p, "the peer", "answered what nobody asked", 26);
    return;
  }
  weir_times_add(&p->r->times, clock_ns(CLOCK_MONOTONIC) - w->planned[w->done % p->window]);
  w->done++;
  p->r->answered++;
}

/* Each takes one whole answer from the beginning: its length, 0: it is not whole. */
static size_t take_redis(peer *p, wire *w, const char *at, size_t count) {
  const char *end = memmem(at, count, "\r\n", 2);
  if (!end) return 0;
  size_t line = (size_t)(end - at) + 2;
  if (*at != '$') {
    fail(p, "redis", at, line - 2);
    return line;
  }
  size_t whole = line + strtoul(at + 1, NULL, 10) + 2;
  if (count < whole) return 0;
  answered(p, w);
  return whole;
}

static size_t take_nats(peer *p, wire *w, const char *at, size_t count) {
  const char *end = memmem(at, count, "\r\n", 2);
  if (!end) return 0;
  size_t line = (size_t)(end - at) + 2;
  if (strncmp(at, "PING", 4) == 0) {
    put_text(w, "PONG\r\n");
  } else if (*at == '-') {
    fail(p, "nats", at, line - 2);
  } else if (strncmp(at, "MSG ", 4) == 0 || strncmp(at, "HMSG ", 5) == 0) {
    const char *last = memrchr(at, ' ', line);
    size_t body = last ? strtoul(last + 1, NULL, 10) : 0;
    if (count < line + body + 2) return 0;
    if (*at == 'H' || memmem(at + line, body, "\"error\"", 7)) {
      fail(p, "nats", at + line, body);
    } else {
      answered(p, w);
    }
    return line + body + 2;
  }
  return line;
}

static size_t take_postgres(peer *p, wire *w, const char *at, size_t count) {
  if (count < 5) return 0;
  size_t whole = 1 + (size_t)get_big(at + 1);
  if (count < whole) return 0;
  if (*at == 'E') fail(p, "postgres", at + 5, whole - 5);
  if (*at == 'Z') answered(p, w);
  return whole;
}

static void take(peer *p, wire *w) {
  size_t at = 0;
  while (!p->problem && at < w->in_end) {
    const char *from = w->in + at;
    size_t left = w->in_end - at;
    size_t used = p->o->kind == WEIR_PEER_REDIS  ? take_redis(p, w, from, left)
                  : p->o->kind == WEIR_PEER_NATS ? take_nats(p, w, from, left)
                                                 : take_postgres(p, w, from, left);
    if (used == 0) break;
    at += used;
  }
  memmove(w->in, w->in + at, w->in_end - at);
  w->in_end -= at;
}

static void read_wire(peer *p, wire *w) {
  ssize_t got = read(w->fd, w->in + w->in_end, BYTES - w->in_end);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) {
    fail(p, "the peer", "closed the connection", 21);
    return;
  }
  p->r->bytes_in += (uint64_t)got;
  w->in_end += (size_t)got;
  take(p, w);
}

static void write_wire(peer *p, wire *w) {
  while (w->out_first < w->out_end) {
    ssize_t sent = write(w->fd, w->out + w->out_first, w->out_end - w->out_first);
    if (sent < 0 && errno == EAGAIN) break;
    if (sent < 0 && errno != EINTR) {
      fail(p, "the peer", strerror(errno), strlen(strerror(errno)));
      return;
    }
    if (sent > 0) w->out_first += (size_t)sent, p->r->bytes_out += (uint64_t)sent;
  }
  if (w->out_first == w->out_end) w->out_first = w->out_end = 0;
  if (w->out_first > BYTES / 2) {
    memmove(w->out, w->out + w->out_first, w->out_end - w->out_first);
    w->out_end -= w->out_first;
    w->out_first = 0;
  }
}

/* ---- Greetings: blocking, before the clock starts ---- */

/* Reads until `mark` came; postgres: until a whole message of that type did. */
static bool wait_for(peer *p, wire *w, const char *mark) {
  bool postgres = p->o->kind == WEIR_PEER_POSTGRES;
  while (!p->problem) {
    size_t at = 0;
    bool found = !postgres && memmem(w->in, w->in_end, mark, strlen(mark));
    while (postgres && !found && w->in_end - at >= 5) {
      size_t whole = 1 + (size_t)get_big(w->in + at + 1);
      if (w->in_end - at < whole) break;
      if (w->in[at] == 'E') fail(p, "postgres", w->in + at + 5, whole - 5);
      found = w->in[at] == *mark;
      at += whole;
    }
    if (found) {
      w->in_end = 0;
      return true;
    }
    struct pollfd ready = {.fd = w->fd, .events = POLLIN};
    ssize_t got =
        poll(&ready, 1, SILENCE_MS) == 1 ? read(w->fd, w->in + w->in_end, BYTES - w->in_end) : 0;
    if (got <= 0) fail(p, "the peer greets otherwise", w->in, w->in_end);
    if (got > 0) w->in_end += (size_t)got;
  }
  return false;
}

static bool greet_nats(peer *p, wire *w) {
  static const char stream[] =
      "{\"name\":\"h\",\"subjects\":[\"h.>\"],\"storage\":\"file\",\"retention\":\"limits\","
      "\"num_replicas\":1}";
  char create[512];
  if (!wait_for(p, w, "\r\n")) return false;
  (void)snprintf(create, sizeof create,
                 "CONNECT {\"verbose\":false,\"pedantic\":false,\"headers\":true,"
                 "\"no_responders\":true}\r\nSUB _S.h 1\r\n"
                 "PUB $JS.API.STREAM.CREATE.h _S.h %zu\r\n%s\r\n",
                 sizeof stream - 1, stream);
  put_text(w, create);
  write_wire(p, w);
  if (!wait_for(p, w, "\"created\"")) return false;
  put_text(w, "UNSUB 1\r\nSUB _INBOX.h 2\r\nPING\r\n");
  write_wire(p, w);
  return wait_for(p, w, "PONG\r\n");
}

static bool greet_postgres(peer *p, wire *w) {
  size_t from = open_message(w, 0);
  put_big(w, 196608, 4); /* protocol 3.0 */
  put(w, "user\0weir\0database\0postgres\0", 29);
  close_message(w, from);
  write_wire(p, w);
  if (!wait_for(p, w, "Z")) return false;
  if (w == p->wires) {
    from = open_message(w, 'Q');
    put_text(w, "CREATE TABLE IF NOT EXISTS h(id bigserial PRIMARY KEY, d text NOT NULL)");
    put(w, "", 1);
    close_message(w, from);
    write_wire(p, w);
    if (!wait_for(p, w, "Z")) return false;
  }
  from = open_message(w, 'P');
  put(w, "i\0INSERT INTO h(d) VALUES ($1)\0", 31);
  put_big(w, 0, 2);
  close_message(w, from);
  close_message(w, open_message(w, 'S'));
  write_wire(p, w);
  return wait_for(p, w, "Z");
}

static int dial(const weir_peer_options *o) {
  struct sockaddr_un path = {.sun_family = AF_UNIX};
  struct sockaddr_in port = {.sin_family = AF_INET, .sin_port = htons(o->port)};
  int one = 1;
  port.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (o->socket && strlen(o->socket) >= sizeof path.sun_path) return -1;
  if (o->socket) memcpy(path.sun_path, o->socket, strlen(o->socket));
  struct sockaddr *to = o->socket ? (struct sockaddr *)&path : (struct sockaddr *)&port;
  socklen_t size = o->socket ? sizeof path : sizeof port;
  int fd = socket(o->socket ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  if (!o->socket) (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (connect(fd, to, size) == 0) return fd;
  (void)close(fd);
  return -1;
}

static bool open_wire(peer *p, uint32_t index) {
  wire *w = &p->wires[index];
  w->out = malloc(BYTES);
  w->in = malloc(BYTES);
  w->fd = dial(p->o);
  if (!w->out || !w->in || w->fd < 0) {
    fail(p, "the peer", "nobody listens there", 20);
    return false;
  }
  if (p->o->kind == WEIR_PEER_NATS && !greet_nats(p, w)) return false;
  if (p->o->kind == WEIR_PEER_POSTGRES && !greet_postgres(p, w)) return false;
  w->in_end = w->out_first = w->out_end = 0;
  p->polls[index] = (struct pollfd){.fd = w->fd, .events = POLLIN};
  return fcntl(w->fd, F_SETFL, O_NONBLOCK) == 0;
}

/* ---- The run ---- */

static bool is_over(const peer *p) {
  return p->time_over && p->r->sent == p->r->answered;
}

static void turn(peer *p) {
  p->time_over = clock_ns(CLOCK_MONOTONIC) - p->begin_ns >= p->o->time_ns;
  for (uint32_t i = 0; i < p->count && !p->problem; i++) {
    wire *w = &p->wires[i];
    while (!p->time_over && w->sent - w->done < p->window &&
           w->out_end + MESSAGE_MAX + 256 < BYTES) {
      put_request(p, w);
    }
    if (w->out_first < w->out_end) write_wire(p, w);
    p->polls[i].events = (short)(POLLIN | (w->out_first < w->out_end ? POLLOUT : 0));
  }
  if (is_over(p) || p->problem) return;
  if (poll(p->polls, p->count, SILENCE_MS) == 0) fail(p, "the peer", "no answer for 20 s", 18);
  for (uint32_t i = 0; i < p->count && !p->problem; i++) {
    if (p->polls[i].revents & ~POLLOUT) read_wire(p, &p->wires[i]);
  }
}

static void close_wires(peer *p) {
  for (uint32_t i = 0; p->wires && i < p->count; i++) {
    if (p->wires[i].fd > 0) (void)close(p->wires[i].fd);
    free(p->wires[i].out);
    free(p->wires[i].in);
  }
  free(p->wires);
  free(p->polls);
}

const char *weir_peer_run(const weir_peer_options *o, weir_load_result *result) {
  bool own = o->kind == WEIR_PEER_POSTGRES;
  peer p = {.o = o, .r = result, .count = own ? o->window : 1, .window = own ? 1 : o->window};
  memset(result, 0, sizeof *result);
  if (o->window == 0 || o->window > WEIR_PEER_WINDOW_MAX) return "1 to 1024 in flight";
  if (o->message_count <= DIGITS || o->message_count > MESSAGE_MAX) return "a message's size";
  p.wires = calloc(p.count, sizeof *p.wires);
  p.polls = calloc(p.count, sizeof *p.polls);
  if (!p.wires || !p.polls) fail(&p, "the generator", "out of memory", 13);
  for (uint32_t i = 0; i < p.count && !p.problem; i++) {
    if (!open_wire(&p, i)) fail(&p, "the peer", "cannot be spoken to", 19);
  }
  uint64_t cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID);
  p.begin_ns = result->begin_ns = clock_ns(CLOCK_MONOTONIC);
  while (!p.problem && !is_over(&p)) turn(&p);
  result->time_ns = clock_ns(CLOCK_MONOTONIC) - p.begin_ns;
  result->cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu;
  close_wires(&p);
  return p.problem;
}
