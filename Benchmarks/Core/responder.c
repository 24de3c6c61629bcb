/* Accept, count lines, write as many answers.
 *
 *   a client that does not read   is not answered further until it does
 *   a client that is gone         gives its place back */
#include "weir_responder.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { BYTES = 1 << 20, ANSWERS = 256, PATIENCE_MS = 20 };

typedef struct client {
  int fd;
  size_t owed; /* bytes of answers that are due */
} client;

struct weir_responder {
  int listener;
  char *in, *answers; /* ANSWERS of them in a row */
  size_t answer_count;
  client clients[WEIR_RESPONDER_CONNECTIONS];
  size_t count;
  _Atomic bool ending;
};

static const char *open_listener(weir_responder *r, const char *path) {
  struct sockaddr_un a = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof a.sun_path) return "the path is too long";
  memcpy(a.sun_path, path, strlen(path));
  r->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (r->listener < 0 || bind(r->listener, (struct sockaddr *)&a, sizeof a) != 0 ||
      listen(r->listener, WEIR_RESPONDER_CONNECTIONS) != 0) {
    return "no socket to listen at";
  }
  return NULL;
}

const char *weir_responder_open(const char *path, const char *answer, weir_responder **responder) {
  weir_responder *r = calloc(1, sizeof *r);
  if (!r) return "out of memory";
  r->listener = -1;
  r->answer_count = strlen(answer);
  r->in = malloc(BYTES);
  r->answers = malloc(r->answer_count * ANSWERS);
  const char *problem = r->in && r->answers ? open_listener(r, path) : "out of memory";
  if (problem) {
    weir_responder_close(r);
    return problem;
  }
  for (size_t i = 0; i < ANSWERS; i++) {
    memcpy(r->answers + i * r->answer_count, answer, r->answer_count);
  }
  *responder = r;
  return NULL;
}

/* Answers begin anywhere in the row, since one may have left in part. */
static bool answer(weir_responder *r, client *c) {
  while (c->owed > 0) {
    size_t row = r->answer_count * ANSWERS;
    size_t from = (r->answer_count - c->owed % r->answer_count) % r->answer_count;
    size_t count = c->owed < row - from ? c->owed : row - from;
    ssize_t sent = send(c->fd, r->answers + from, count, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) return errno == EAGAIN || errno == EINTR;
    c->owed -= (size_t)sent;
  }
  return true;
}

static bool take(weir_responder *r, client *c) {
  ssize_t got = recv(c->fd, r->in, BYTES, MSG_DONTWAIT);
  if (got < 0) return errno == EAGAIN || errno == EINTR;
  if (got == 0) return false;
  for (const char *at = r->in, *end = r->in + got; at < end; at++) {
    at = memchr(at, '\n', (size_t)(end - at));
    if (!at) break;
    c->owed += r->answer_count;
  }
  return answer(r, c);
}

void weir_responder_run(weir_responder *r) {
  struct pollfd polls[WEIR_RESPONDER_CONNECTIONS + 1];
  while (!atomic_load(&r->ending)) {
    for (size_t i = 0; i < r->count; i++) {
      polls[i] =
          (struct pollfd){.fd = r->clients[i].fd, .events = r->clients[i].owed ? POLLOUT : POLLIN};
    }
    bool room = r->count < WEIR_RESPONDER_CONNECTIONS;
    size_t count = r->count;
    polls[count] = (struct pollfd){.fd = room ? r->listener : -1, .events = POLLIN};
    if (poll(polls, count + 1, PATIENCE_MS) <= 0) continue;
    for (size_t i = count; i > 0; i--) {
      client *c = &r->clients[i - 1];
      short events = polls[i - 1].revents;
      bool good = events == 0 || (events & POLLOUT ? answer(r, c) : take(r, c));
      if (good) continue;
      (void)close(c->fd);
      *c = r->clients[--r->count];
    }
    int fd = polls[count].revents & POLLIN ? accept(r->listener, NULL, NULL) : -1;
    if (fd >= 0) r->clients[r->count++] = (client){.fd = fd};
  }
}

void weir_responder_end(weir_responder *r) {
  atomic_store(&r->ending, true);
}

void weir_responder_close(weir_responder *r) {
  if (!r) return;
  for (size_t i = 0; i < r->count; i++) (void)close(r->clients[i].fd);
  if (r->listener >= 0) (void)close(r->listener);
  free(r->in);
  free(r->answers);
  free(r);
}
