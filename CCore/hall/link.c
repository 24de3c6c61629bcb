/* Link sockets: ours, watched by uv_poll, because libuv 1.44 knows no segmentation offload.
 *
 *   outer   one unconnected socket for each address, never read; a datagram that the socket has
 *           no room for waits, every other error is counted and the datagram given up: copies
 *           and turns make up for it
 *   inner   bound sockets, only read */
#include "internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RECEIVE_BUFFER = 16 * 1024 * 1024, SEND_BUFFER = 4 * 1024 * 1024, BURST_MS = 2 };

static int parse_address(const weir_address *a, struct sockaddr_storage *into) {
  memset(into, 0, sizeof *into);
  if (strchr(a->host, ':')) return uv_ip6_addr(a->host, a->port, (struct sockaddr_in6 *)into);
  return uv_ip4_addr(a->host, a->port, (struct sockaddr_in *)into);
}

static socklen_t address_size(const struct sockaddr_storage *a) {
  return a->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

/* The forced form needs a capability; without it the kernel's own limit holds. */
static void set_buffer(int fd, int forced, int plain, int bytes) {
  if (setsockopt(fd, SOL_SOCKET, forced, &bytes, sizeof bytes) == 0) return;
  (void)setsockopt(fd, SOL_SOCKET, plain, &bytes, sizeof bytes);
}

static weir_status bind_on_open(link_socket *s) {
  if (bind(s->fd, (struct sockaddr *)&s->address, address_size(&s->address)) != 0) {
    return WEIR_IO_FAILED;
  }
  struct sockaddr_storage bound = {0};
  socklen_t size = sizeof bound;
  if (getsockname(s->fd, (struct sockaddr *)&bound, &size) != 0) return WEIR_IO_FAILED;
  s->port = bound.ss_family == AF_INET6 ? ntohs(((struct sockaddr_in6 *)&bound)->sin6_port)
                                        : ntohs(((struct sockaddr_in *)&bound)->sin_port);
  set_buffer(s->fd, SO_RCVBUFFORCE, SO_RCVBUF, RECEIVE_BUFFER);
  return WEIR_OK;
}

static weir_status open_one(weir_hall *h, link_socket *s, const weir_address *a,
                            char problem[512]) {
  const char *key = h->options.inner ? "link.listen" : "link.send";
  s->hall = h;
  if (parse_address(a, &s->address) != 0) {
    hall_say(problem, key, a->host, "not an IP address", "Names are not looked up here");
    return WEIR_INVALID;
  }
  s->fd = socket(s->address.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  weir_status status = s->fd < 0 ? WEIR_IO_FAILED : WEIR_OK;
  if (status == WEIR_OK && h->options.inner) status = bind_on_open(s);
  if (status == WEIR_OK && !h->options.inner) {
    set_buffer(s->fd, SO_SNDBUFFORCE, SO_SNDBUF, SEND_BUFFER);
  }
  if (status != WEIR_OK) {
    hall_say(problem, key, a->host, strerror(errno),
             "Check that the address is this machine's and the port is free");
  }
  return status;
}

weir_status hall_open_links(weir_hall *h, char problem[512]) {
  for (size_t i = 0; i < h->options.link_count; i++) {
    weir_status status = open_one(h, &h->links[i], &h->options.link[i], problem);
    if (status != WEIR_OK) return status;
    h->link_count = i + 1;
  }
  return WEIR_OK;
}

uint16_t weir_hall_link_port(const weir_hall *h, size_t index) {
  return index < h->link_count ? h->links[index].port : 0;
}

/* ---- Receiving ---- */

static void on_readable(uv_poll_t *poll, int status, int events) {
  link_socket *s = poll->data;
  if (status != 0 || !(events & UV_READABLE)) return;
  for (unsigned i = 0; i < DATAGRAMS_PER_TURN; i++) {
    ssize_t got = recv(s->fd, s->hall->datagram, UINT16_MAX, 0);
    if (got < 0) return;
    weir_unit_received(s->hall->unit, s->hall->datagram, (size_t)got);
  }
}

void hall_start_links(weir_hall *h) {
  for (size_t i = 0; i < h->link_count; i++) {
    link_socket *s = &h->links[i];
    int failed = uv_poll_init(&h->loop, &s->poll, s->fd);
    WEIR_ASSERT(failed == 0);
    s->poll.data = s;
    s->polling = true;
    if (h->options.inner) uv_poll_start(&s->poll, UV_READABLE, on_readable);
  }
}

void hall_close_links(weir_hall *h) {
  for (size_t i = 0; i < WEIR_HALL_ADDRESSES_MAX; i++) {
    link_socket *s = &h->links[i];
    if (s->fd < 0) continue;
    if (s->polling) {
      uv_poll_stop(&s->poll);
      uv_close((uv_handle_t *)&s->poll, NULL);
    }
    (void)close(s->fd);
    s->fd = -1;
  }
}

/* ---- Sending ---- */

static void on_writable(uv_poll_t *poll, int status, int events) {
  (void)status;
  (void)events;
  uv_poll_stop(poll); /* the next turn sends what waited */
}

/* False: the socket has no room; the datagram waits. */
static bool send_one(weir_hall *h, link_socket *s, weir_bytes datagram) {
  ssize_t sent = sendto(s->fd, datagram.at, datagram.count, MSG_NOSIGNAL,
                        (struct sockaddr *)&s->address, address_size(&s->address));
  if (sent >= 0) return true;
  if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) {
    uv_poll_start(&s->poll, UV_WRITABLE, on_writable);
    return false;
  }
  weir_unit_send_failed(h->unit);
  return true;
}

/* What the rate allows: a token bucket that holds two milliseconds, and one datagram at least. */
static bool may_send(weir_hall *h) {
  if (h->options.rate_bits == 0) return true;
  uint64_t now = h->options.os->boot_ns(h->options.os->context);
  uint64_t rate = h->options.rate_bits / 8;
  uint64_t most = rate * BURST_MS / 1000;
  if (most < WEIR_DATAGRAM_MAX) most = WEIR_DATAGRAM_MAX;
  uint64_t elapsed = now - h->token_ns;
  if (elapsed > UINT64_C(1000000000)) elapsed = UINT64_C(1000000000);
  uint64_t earned = (uint64_t)((__uint128_t)rate * elapsed / UINT64_C(1000000000));
  if (earned > 0) {
    h->token_ns = now;
    h->tokens = h->tokens + earned < most ? h->tokens + earned : most;
  }
  return h->tokens >= WEIR_DATAGRAM_MAX || h->tokens == most;
}

static void spend(weir_hall *h, size_t bytes) {
  enum { IP_AND_UDP = 28 };
  if (h->options.rate_bits == 0) return;
  uint64_t cost = bytes + IP_AND_UDP;
  h->tokens = h->tokens > cost ? h->tokens - cost : 0;
}

static bool send_to_all(weir_hall *h, weir_bytes datagram) {
  for (size_t i = 0; i < h->link_count; i++) {
    if (!send_one(h, &h->links[i], datagram)) return false;
  }
  return true;
}

bool hall_send_datagrams(weir_hall *h) {
  if (h->options.inner || h->link_count == 0 || h->ending) return false;
  for (unsigned i = 0; i < DATAGRAMS_PER_TURN; i++) {
    h->throttled = !may_send(h);
    if (h->throttled) return false;
    weir_bytes datagram = weir_view(h->datagram, h->datagram_waiting);
    if (datagram.count == 0) datagram = weir_unit_datagram(h->unit);
    if (datagram.count == 0) return false;
    spend(h, datagram.count);
    if (!send_to_all(h, datagram)) {
      if (h->datagram_waiting == 0) memcpy(h->datagram, datagram.at, datagram.count);
      h->datagram_waiting = datagram.count;
      return false;
    }
    h->datagram_waiting = 0;
  }
  return true;
}
