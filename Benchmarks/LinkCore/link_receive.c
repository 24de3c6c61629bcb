/* The receiving end of a run: opens, checks, and counts each crossing number once.
 *
 *   happy path   poll, receive a few messages, open each datagram, look at each record
 *   hook         chance or darkness takes datagrams before the room sees them */
#include "link_load.h"

#include <arpa/inet.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RECEIVE_BUFFER = 16 << 20, WAIT_MS = 5 };

typedef struct load_receiver {
  const weir_link_load_options *o;
  load_board *board;
  weir_link_receiver *link;
  uint64_t *seen; /* a bit for each crossing */
  uint64_t now_ns;
  uint64_t chance;
  int fd;
} load_receiver;

static bool open_receiver(load_receiver *r, weir_keyring **keys) {
  struct sockaddr_in at = {.sin_family = AF_INET};
  if (!load_enter(r->o->inner) || inet_pton(AF_INET, r->o->address, &at.sin_addr) != 1)
    return false;
  r->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (r->fd < 0 || bind(r->fd, (struct sockaddr *)&at, sizeof at) != 0) return false;
  int buffer = RECEIVE_BUFFER;
  if (setsockopt(r->fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer) != 0) {
    (void)setsockopt(r->fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
  }
  weir_offload offload = r->o->plain ? WEIR_OFFLOAD_BATCHES : weir_offload_for_receiving(r->fd);
  r->board->result.segments_in = offload == WEIR_OFFLOAD_SEGMENTS;
  *keys = load_keys(r->o->key_line);
  weir_link_receiver_options options = {*keys, load_now_ns() / 1000000, false};
  r->seen = weir_allocate(r->o->records / 64 + 1, sizeof *r->seen);
  if (!*keys || !r->seen || weir_link_receiver_open(&options, &r->link) != WEIR_OK) return false;
  socklen_t size = sizeof at;
  if (getsockname(r->fd, (struct sockaddr *)&at, &size) != 0) return false;
  atomic_store(&r->board->port, ntohs(at.sin_port));
  return true;
}

static void take_record(load_receiver *r, const weir_link_event *e) {
  weir_link_load_result *result = &r->board->result;
  uint64_t planned_ns = 0;
  bool right = e->crossing <= r->o->records &&
               load_is_record(e->record, r->o->record_bytes, e->crossing, &planned_ns);
  if (!right) {
    result->wrong++;
    return;
  }
  uint64_t *word = &r->seen[e->crossing / 64], bit = UINT64_C(1) << (e->crossing % 64);
  if (*word & bit) {
    result->repeats++;
    return;
  }
  *word |= bit;
  uint64_t begun_ns = atomic_load(&r->board->begun_ns);
  if (result->fresh++ == 0) result->first_ns = r->now_ns - begun_ns;
  weir_times_add(e->lane == WEIR_LANE_DANGER ? &result->danger : &result->others,
                 r->now_ns > planned_ns ? r->now_ns - planned_ns : 0);
  if (result->fresh < r->o->records) return;
  result->last_ns = r->now_ns - begun_ns;
  atomic_store(&r->board->done, true);
}

/* Does the hook take this datagram? */
static bool is_lost(load_receiver *r) {
  uint64_t begun_ns = atomic_load(&r->board->begun_ns);
  if (r->o->dark_ms > 0 && r->now_ns > begun_ns) {
    uint64_t ms = (r->now_ns - begun_ns) / 1000000;
    if (ms >= r->o->dark_from_ms && ms < r->o->dark_from_ms + r->o->dark_ms) return true;
  }
  if (r->o->lost <= 0) return false;
  r->chance = r->chance * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (double)(r->chance >> 11) * 0x1p-53 < r->o->lost;
}

static void on_datagram(void *context, uint8_t *datagram, size_t count) {
  load_receiver *r = context;
  r->board->result.received++;
  if (is_lost(r)) {
    r->board->result.lost++;
    return;
  }
  weir_status status = weir_link_receiver_take(r->link, datagram, count, r->now_ns / 1000000);
  if (status != WEIR_OK) r->board->result.rejected++;
  weir_link_event e;
  while (weir_link_receiver_next(r->link, &e)) {
    if (e.kind == WEIR_LINK_RECORD) take_record(r, &e);
  }
}

void load_receive(const weir_link_load_options *o, load_board *board) {
  load_receiver r = {.o = o, .board = board, .chance = load_now_ns(), .fd = -1};
  weir_keyring *keys = NULL;
  weir_inlet *inlet = NULL;
  if (!open_receiver(&r, &keys) || weir_inlet_open(&inlet) != WEIR_OK) {
    atomic_store(&board->failed, true);
    return;
  }
  while (!atomic_load(&board->over)) {
    r.now_ns = load_now_ns();
    if (weir_inlet_receive(inlet, r.fd, &r, on_datagram) > 0) continue;
    struct pollfd readable = {.fd = r.fd, .events = POLLIN};
    (void)poll(&readable, 1, WAIT_MS);
  }
  weir_inlet_close(inlet);
  weir_link_receiver_close(r.link);
  weir_keyring_close(keys);
}
