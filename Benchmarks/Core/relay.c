/* The line: receive a batch, drop what the line loses, send the rest.
 *
 *   the receiver's buffer is full   the kernel drops, as a line does
 *   loss                            by a fixed sequence, so that two runs lose alike */
#include "weir_relay.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { BATCH = 32, DATAGRAM_MAX = 65536, BUFFER_BYTES = 8 << 20 };

struct weir_relay {
  int in, out;
  uint16_t port;
  uint64_t chance;
  _Atomic bool dark, ending;
  _Atomic uint32_t millionths;
  _Atomic uint64_t passed, lost;
  uint8_t (*memory)[DATAGRAM_MAX];
};

static struct sockaddr_in loopback(uint16_t port) {
  return (struct sockaddr_in){
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static bool open_sockets(weir_relay *r, uint16_t to) {
  struct sockaddr_in from = loopback(0), target = loopback(to);
  socklen_t size = sizeof from;
  int buffer = BUFFER_BYTES;
  struct timeval patience = {.tv_usec = 20000};
  r->in = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  r->out = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (r->in < 0 || r->out < 0) return false;
  (void)setsockopt(r->in, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
  if (setsockopt(r->in, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0) return false;
  if (bind(r->in, (struct sockaddr *)&from, size) != 0) return false;
  if (getsockname(r->in, (struct sockaddr *)&from, &size) != 0) return false;
  r->port = ntohs(from.sin_port);
  return connect(r->out, (struct sockaddr *)&target, sizeof target) == 0;
}

const char *weir_relay_open(uint16_t to, weir_relay **relay) {
  weir_relay *r = calloc(1, sizeof *r);
  if (!r) return "out of memory";
  r->in = r->out = -1;
  r->chance = 38;
  r->memory = calloc(BATCH, DATAGRAM_MAX);
  if (!r->memory || !open_sockets(r, to)) {
    weir_relay_close(r);
    return "no relay on loopback";
  }
  *relay = r;
  return NULL;
}

static bool is_lost(weir_relay *r) {
  if (atomic_load(&r->dark)) return true;
  r->chance = r->chance * 6364136223846793005U + 1442695040888963407U;
  return (r->chance >> 33) % 1000000 < atomic_load(&r->millionths);
}

void weir_relay_run(weir_relay *r) {
  struct mmsghdr messages[BATCH];
  struct iovec views[BATCH];
  while (!atomic_load(&r->ending)) {
    memset(messages, 0, sizeof messages);
    for (unsigned i = 0; i < BATCH; i++) {
      views[i] = (struct iovec){r->memory[i], DATAGRAM_MAX};
      messages[i].msg_hdr.msg_iov = &views[i];
      messages[i].msg_hdr.msg_iovlen = 1;
    }
    int count = recvmmsg(r->in, messages, BATCH, MSG_WAITFORONE, NULL);
    for (int i = 0; i < count; i++) {
      bool lost = is_lost(r) || send(r->out, r->memory[i], messages[i].msg_len, 0) < 0;
      atomic_fetch_add(lost ? &r->lost : &r->passed, 1);
    }
  }
}

uint16_t weir_relay_port(const weir_relay *r) {
  return r->port;
}

void weir_relay_cut(weir_relay *r, bool dark) {
  atomic_store(&r->dark, dark);
}

void weir_relay_lose(weir_relay *r, uint32_t millionths) {
  atomic_store(&r->millionths, millionths);
}

void weir_relay_end(weir_relay *r) {
  atomic_store(&r->ending, true);
}

uint64_t weir_relay_passed(const weir_relay *r) {
  return atomic_load(&r->passed);
}

uint64_t weir_relay_lost(const weir_relay *r) {
  return atomic_load(&r->lost);
}

void weir_relay_close(weir_relay *r) {
  if (!r) return;
  if (r->in >= 0) (void)close(r->in);
  if (r->out >= 0) (void)close(r->out);
  free(r->memory);
  free(r);
}
