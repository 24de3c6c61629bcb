/* The sending end of a run, as the hall does it: what is due goes out in batches, at a rate.
 *
 *   happy path   offer, pack, take, send, sleep until something may be due
 *   the socket is full   the batch waits, and so does everything behind it */
#include "link_load.h"

#include <arpa/inet.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { OFFERS_AT_ONCE = 512, SEND_BUFFER = 4 << 20 };

typedef struct load_sender {
  const weir_link_load_options *o;
  load_board *board;
  weir_link_sender *link;
  weir_outlet outlet;
  uint64_t offered, begun_ns, now_ns;
  uint64_t *planned_ns; /* of each crossing */
  weir_pacer pacer;
} load_sender;

static bool open_sender(load_sender *s, weir_keyring **keys) {
  struct sockaddr_in to = {.sin_family = AF_INET};
  if (!load_enter(s->o->outer) || inet_pton(AF_INET, s->o->address, &to.sin_addr) != 1)
    return false;
  while (atomic_load(&s->board->port) == 0) {
    if (atomic_load(&s->board->over)) return false;
    (void)usleep(200);
  }
  to.sin_port = htons((uint16_t)atomic_load(&s->board->port));
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  int buffer = SEND_BUFFER;
  (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof buffer);
  s->outlet = (weir_outlet){.fd = fd, .to_bytes = sizeof to};
  memcpy(&s->outlet.to, &to, sizeof to);
  s->outlet.offload = s->o->plain ? WEIR_OFFLOAD_BATCHES : weir_offload_for_sending(fd);
  s->pacer = weir_pacer_begin(s->o->rate_bits, load_now_ns());
  s->outlet.burst_bytes = weir_pacer_burst(&s->pacer);
  s->outlet.around_bytes = WEIR_LINK_AROUND_IPV4;
  *keys = load_keys(s->o->key_line);
  weir_link_sender_options options = {.id = load_stream(),
                                      .keys = *keys,
                                      .mtu = s->o->mtu,
                                      .capacity = (uint32_t)s->o->records,
                                      .rate = s->o->rate_bits / 8,
                                      .now_ms = load_now_ns() / 1000000,
                                      .parity = s->o->parity};
  s->planned_ns = weir_allocate(s->o->records + 1, sizeof *s->planned_ns);
  return *keys && s->planned_ns && weir_link_sender_open(&options, &s->link) == WEIR_OK;
}

/* When the next offer is planned: by the rate of offers, or now when there is none. What a stall of
 * this side delays counts as latency (no coordinated omission). */
static uint64_t next_offer_ns(const load_sender *s) {
  if (s->o->per_second == 0) return s->now_ns;
  return s->begun_ns + (uint64_t)((double)s->offered * 1e9 / (double)s->o->per_second);
}

/* Offers what the rate of offers has come to. */
static void offer(load_sender *s) {
  uint64_t due = s->o->records;
  if (s->o->per_second > 0) {
    due = (uint64_t)((double)(s->now_ns - s->begun_ns) * 1e-9 * (double)s->o->per_second) + 1;
    if (due > s->o->records) due = s->o->records;
  }
  if (due > s->offered + OFFERS_AT_ONCE) due = s->offered + OFFERS_AT_ONCE;
  while (s->offered < due) {
    uint64_t planned_ns = next_offer_ns(s), crossing = ++s->offered;
    bool danger = s->o->danger_every > 0 && crossing % s->o->danger_every == 0;
    s->planned_ns[crossing] = planned_ns;
    weir_status status = weir_link_sender_offer(
        s->link, crossing, 1, danger ? WEIR_LANE_DANGER : WEIR_LANE_PHONE, s->now_ns / 1000000);
    WEIR_ASSERT(status == WEIR_OK);
  }
}

/* Packs until so many bytes wait; true when nothing more is due. */
static bool pack(load_sender *s, size_t bytes) {
  static uint8_t record[WEIR_RECORD_BYTES_MAX];
  uint64_t crossing = 0, now_ms = s->now_ns / 1000000;
  uint32_t revision = 0;
  while (weir_link_sender_packed(s->link) < bytes) {
    if (!weir_link_sender_due(s->link, now_ms, &crossing, &revision)) return true;
    load_record(record, s->o->record_bytes, crossing, s->planned_ns[crossing]);
    weir_bytes view = weir_view(record, s->o->record_bytes);
    if (weir_link_sender_pack(s->link, view, now_ms, (int64_t)now_ms) == WEIR_FULL) return false;
  }
  return false;
}

static void send_all(load_sender *s, const weir_bytes *batch, size_t count) {
  size_t sent = 0;
  while (sent < count && !atomic_load(&s->board->over)) {
    sent += weir_outlet_send(&s->outlet, batch + sent, count - sent, NULL);
    struct pollfd room = {.fd = s->outlet.fd, .events = POLLOUT};
    if (sent < count) (void)poll(&room, 1, 1);
  }
  for (size_t i = 0; i < count; i++) {
    s->board->result.wire_bytes += batch[i].count + WEIR_LINK_AROUND_IPV4;
    weir_pacer_spend(&s->pacer, batch[i].count + WEIR_LINK_AROUND_IPV4);
  }
}

/* One turn; how long it may sleep now, in ns. */
static uint64_t turn(load_sender *s) {
  weir_bytes batch[WEIR_DATAGRAMS_MAX];
  s->now_ns = load_now_ns();
  offer(s);
  weir_link_sender_heartbeat(s->link, s->now_ns / 1000000, (int64_t)(s->now_ns / 1000000), 0);
  size_t bytes = weir_pacer_allowance(&s->pacer, s->now_ns), count = 0, taken = 0;
  if (bytes == 0) return 500 * 1000;
  size_t batch_bytes = (size_t)WEIR_DATAGRAMS_MAX * s->o->mtu;
  if (bytes > batch_bytes) bytes = batch_bytes;
  bool all = pack(s, bytes + s->o->mtu);
  while (count < WEIR_DATAGRAMS_MAX && taken < bytes) {
    weir_bytes datagram = weir_link_sender_take(s->link, all || count == 0);
    if (datagram.count == 0) break;
    taken += datagram.count;
    batch[count++] = datagram;
  }
  send_all(s, batch, count);
  if (count > 0 || !all) return 0;
  uint64_t next_ns = weir_link_sender_next(s->link) * 1000000;
  if (s->offered < s->o->records && s->o->per_second > 0) {
    uint64_t offer_ns = next_offer_ns(s);
    if (offer_ns < next_ns) next_ns = offer_ns;
  }
  return next_ns > s->now_ns ? next_ns - s->now_ns : 0;
}

void load_send(const weir_link_load_options *o, load_board *board) {
  load_sender s = {.o = o, .board = board};
  weir_keyring *keys = NULL;
  if (!open_sender(&s, &keys)) {
    atomic_store(&board->failed, true);
    return;
  }
  board->result.segments_out = s.outlet.offload == WEIR_OFFLOAD_SEGMENTS;
  s.begun_ns = s.now_ns = load_now_ns();
  atomic_store(&board->begun_ns, s.begun_ns);
  while (!atomic_load(&board->over)) {
    uint64_t sleep_ns = turn(&s);
    if (sleep_ns > 1000000) sleep_ns = 1000000; /* to see the end of the run */
    struct timespec nap = {0, (long)sleep_ns};
    if (sleep_ns > 0) (void)nanosleep(&nap, NULL);
  }
  weir_link_sender_counts counts = weir_link_sender_counted(s.link);
  board->result.copies = counts.records;
  board->result.datagrams = counts.datagrams;
  board->result.given_up = s.outlet.given_up;
  weir_link_sender_close(s.link);
  weir_keyring_close(keys);
}
