/* Link sockets: ours, watched by uv_poll, because libuv 1.44 knows no segmentation offload.
 *
 *   outer   one unconnected socket for each address, never read, no error queue; datagrams that
 *           the socket has no room for wait, every other error is counted and the datagram given
 *           up: copies and turns make up for it; what every address refused counts as no copy,
 *           and neither does what went towards an interface without a carrier
 *   inner   bound sockets, only read
 *   rate    of each address, in bits on the wire: datagram, UDP, IP and Ethernet with its gap
 *           (weir_pacer.h); one message to the kernel holds a burst at most, or one datagram */
#include "internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RECEIVE_BUFFER = 16 * 1024 * 1024, SEND_BUFFER = 4 * 1024 * 1024 };

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
  s->offload = weir_offload_for_receiving(s->fd);
  return WEIR_OK;
}

/* What stands around a datagram on the wire. */
static size_t around_bytes(const link_socket *s) {
  return s->address.ss_family == AF_INET6 ? WEIR_LINK_AROUND_IPV6 : WEIR_LINK_AROUND_IPV4;
}

static weir_status open_one(weir_hall *h, link_socket *s, const weir_address *a,
                            char problem[512]) {
  const char *key = h->options.inner ? "link.listen" : "link.send";
  s->hall = h;
  if (parse_address(a, &s->address) != 0) {
    hall_say_address(problem, key, a, "not an IP address", "Names are not looked up here");
    return WEIR_INVALID;
  }
  s->fd = socket(s->address.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  weir_status status = s->fd < 0 ? WEIR_IO_FAILED : WEIR_OK;
  if (status == WEIR_OK && h->options.inner) status = bind_on_open(s);
  if (status == WEIR_OK && !h->options.inner) {
    set_buffer(s->fd, SO_SNDBUFFORCE, SO_SNDBUF, SEND_BUFFER);
    s->offload = weir_offload_for_sending(s->fd);
    s->outlet = (weir_outlet){.fd = s->fd,
                              .to = s->address,
                              .to_bytes = address_size(&s->address),
                              .offload = s->offload,
                              .burst_bytes = weir_pacer_burst(&h->pacer),
                              .around_bytes = around_bytes(s)};
  }
  if (status != WEIR_OK) {
    hall_say_address(problem, key, a, strerror(errno),
                     "Check that the address is this machine's and the port is free");
  }
  return status;
}

weir_status hall_open_links(weir_hall *h, char problem[512]) {
  h->pacer = weir_pacer_begin(h->options.rate_bits, h->options.os->boot_ns(h->options.os->context));
  for (size_t i = 0; i < h->options.link_count; i++) {
    weir_status status = open_one(h, &h->links[i], &h->options.link[i], problem);
    if (status != WEIR_OK) return status;
    h->link_count = i + 1;
  }
  return WEIR_OK;
}

static void log_link(const weir_hall *h, const link_socket *s, const char *message) {
  int64_t wall_ms = h->options.os->wall_ms(h->options.os->context);
  weir_log *log = h->options.log;
  if (!weir_log_begin(log, WEIR_LOG_INFO, true, wall_ms, "linkOpened", message)) return;
  weir_log_number(log, "labels.link", (int64_t)(s - h->links));
  weir_log_text(log, "labels.offload", weir_text(weir_offload_name(s->offload)));
  (void)weir_log_end(log);
}

/* ---- Receiving ---- */

static void on_datagram(void *context, uint8_t *datagram, size_t count) {
  weir_unit_received(context, datagram, count);
}

static void on_readable(uv_poll_t *poll, int status, int events) {
  link_socket *s = poll->data;
  if (status != 0 || !(events & UV_READABLE)) return;
  hall_begin_turn(s->hall);
  size_t datagrams = 1;
  for (size_t taken = 0; datagrams > 0 && taken < DATAGRAMS_PER_TURN; taken += datagrams) {
    datagrams = weir_inlet_receive(s->hall->inlet, s->fd, s->hall->unit, on_datagram);
  }
}

/* ---- Starting and ending ---- */

/* Once a second. Where there is no carrier it is sent to all the same: it may be back by then. */
static void look_at_cables(weir_hall *h) {
  uint64_t now = hall_now_ms(h);
  if (now < h->cable_scan_ms) return;
  h->cable_scan_ms = now + CABLE_SCAN_MS;
  for (size_t i = 0; i < h->link_count; i++) {
    link_socket *s = &h->links[i];
    const struct sockaddr *to = (const struct sockaddr *)&s->address;
    s->lost = hall_cable_lost(&s->cable, s->fd, to, address_size(&s->address));
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
    log_link(h, s, h->options.inner ? "the link is read" : "the link is open for sending only");
  }
  if (!h->options.inner) look_at_cables(h);
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

/* Sends what is left of the batch to one address; false: the socket has no room, and it waits.
 * `took` becomes true when any of it was taken. */
static bool send_batch(weir_hall *h, link_socket *s, bool *took) {
  uint64_t given_up = s->outlet.given_up;
  size_t done = weir_outlet_send(&s->outlet, h->batch + s->sent, h->batch_count - s->sent,
                                 s->lost ? NULL : h->refused + s->sent);
  for (size_t i = 0; s->lost && i < done; i++) h->refused[s->sent + i]++;
  given_up = s->outlet.given_up - given_up;
  s->sent += done;
  if (done > given_up && !s->lost) *took = true;
  if (given_up > 0) weir_unit_send_failed(h->unit, given_up);
  if (s->outlet.offload != s->offload) {
    s->offload = s->outlet.offload;
    log_link(h, s, "the device refused segments; sending goes on without");
  }
  if (s->sent == h->batch_count) return true;
  uv_poll_start(&s->poll, UV_WRITABLE, on_writable);
  return false;
}

/* Tells how the sending went: `last` was tried last. */
static void tell_tried(weir_hall *h, const link_socket *last, bool took) {
  if (took || !last->lost) {
    weir_unit_tried(h->unit, took, took ? "" : strerror(last->outlet.error));
    return;
  }
  char why[sizeof last->cable.name + 16];
  weir_buffer b = weir_buffer_over(why, sizeof why);
  weir_put_text(&b, "no carrier on ");
  weir_put_text(&b, last->cable.name);
  weir_put_u8(&b, 0);
  weir_unit_tried(h->unit, false, why);
}

/* The batch is done with: tells which datagrams no address took. */
static void end_batch(weir_hall *h) {
  size_t count = 0;
  for (size_t i = 0; i < h->batch_count; i++) {
    if (h->refused[i] == h->link_count) h->batch[count++] = h->batch[i];
  }
  if (count > 0) weir_unit_refused(h->unit, h->batch, count);
  h->batch_count = 0;
}

/* Every address gets the batch, and has the rate: the one with most around a datagram counts. */
static void spend(weir_hall *h) {
  size_t around = 0;
  for (size_t i = 0; i < h->link_count; i++) {
    size_t its = around_bytes(&h->links[i]);
    if (its > around) around = its;
  }
  for (size_t i = 0; i < h->batch_count; i++) {
    weir_pacer_spend(&h->pacer, h->batch[i].count + around);
  }
}

/* Sends one batch. True: all of it went, and there may be more. */
static bool send_some(weir_hall *h) {
  if (h->options.inner || h->link_count == 0 || h->ending) return false;
  if (h->batch_count == 0) {
    uint64_t now_ns = h->options.os->boot_ns(h->options.os->context);
    size_t bytes = weir_pacer_allowance(&h->pacer, now_ns);
    h->throttled = bytes == 0;
    if (h->throttled) return false;
    h->batch_count = weir_unit_datagrams(h->unit, h->batch, WEIR_DATAGRAMS_MAX, bytes);
    if (h->batch_count == 0) return false;
    spend(h);
    for (size_t i = 0; i < h->link_count; i++) h->links[i].sent = 0;
    memset(h->refused, 0, sizeof h->refused);
    look_at_cables(h);
  }
  bool all = true, took = false;
  const link_socket *last = NULL;
  for (size_t i = 0; i < h->link_count; i++) {
    link_socket *s = &h->links[i];
    if (s->sent == h->batch_count) continue;
    last = s;
    all = send_batch(h, s, &took) && all;
  }
  if (last != NULL) tell_tried(h, last, took);
  if (all) end_batch(h);
  return all;
}

/* Mostly one batch is all there is: a second look here costs less than a turn of the loop. */
bool hall_send_datagrams(weir_hall *h) {
  return send_some(h) && send_some(h);
}
