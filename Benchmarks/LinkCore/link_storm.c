/* Wrong datagrams of every kind against a receiver, beside a good stream.
 *
 *   happy path   none of the wrong ones is taken, all of the good ones are
 *   memory       taken at open: resident pages do not grow with the storm; keys are tried for
 *                invented senders, and given back */
#include "link_load.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { KINDS = 8, RECORD_BYTES = 600, WRONG_PER_MS = 10, HEADER_EPOCH = 4, HEADER_BOOT = 16 };

typedef struct storm {
  weir_keyring *keys;
  weir_link_sender *sender;
  weir_link_receiver *receiver;
  uint8_t good[WEIR_DATAGRAM_MAX]; /* the last good one, as it was sent */
  size_t good_bytes;
  uint64_t crossing, now_ms, chance;
  weir_link_storm_result *result;
} storm;

static uint64_t below(storm *s, uint64_t limit) {
  s->chance = s->chance * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (s->chance >> 33) % limit;
}

static uint64_t resident_bytes(void) {
  unsigned long whole = 0, resident = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (!file) return 0;
  int read = fscanf(file, "%lu %lu", &whole, &resident);
  (void)fclose(file);
  return read == 2 ? (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

/* Gives a datagram to the receiver: the records that came of it. */
static uint64_t take(storm *s, uint8_t *datagram, size_t count) {
  uint64_t records = 0;
  weir_link_event e;
  (void)weir_link_receiver_take(s->receiver, datagram, count, s->now_ms);
  while (weir_link_receiver_next(s->receiver, &e)) records += e.kind == WEIR_LINK_RECORD;
  return records;
}

static void send_good(storm *s) {
  uint8_t record[RECORD_BYTES], copy[WEIR_DATAGRAM_MAX];
  uint64_t crossing = 0;
  uint32_t revision = 0;
  (void)weir_link_sender_offer(s->sender, ++s->crossing, 1, WEIR_LANE_PHONE, s->now_ms);
  if (!weir_link_sender_due(s->sender, s->now_ms, &crossing, &revision)) return;
  load_record(record, sizeof record, crossing, 0);
  (void)weir_link_sender_pack(s->sender, weir_view(record, sizeof record), s->now_ms, 1);
  weir_link_sender_settle(s->sender, crossing);
  weir_bytes sealed = weir_link_sender_take(s->sender, true);
  memcpy(s->good, sealed.at, sealed.count);
  memcpy(copy, sealed.at, sealed.count);
  s->good_bytes = sealed.count;
  s->result->good++;
  s->result->good_taken += take(s, copy, sealed.count);
}

/* Makes a wrong datagram of the last good one; its size. */
static size_t make_wrong(storm *s, uint64_t kind, uint8_t *into) {
  size_t count = s->good_bytes;
  memcpy(into, s->good, count);
  switch (kind) {
  case 0: /* replayed */
    return count;
  case 1: /* cut short */
    return below(s, count);
  case 2: /* a bit flipped */
    into[below(s, count)] ^= (uint8_t)(1u << below(s, 8));
    return count;
  case 3: /* an epoch that is no more */
    into[HEADER_EPOCH + 3] ^= 0x40;
    return count;
  case 4: /* a start of the sender that never was */
  case 5: /* and one that is older */
    into[HEADER_BOOT + 7] = (uint8_t)(into[HEADER_BOOT + 7] + (kind == 4 ? 1 : -1));
    into[HEADER_BOOT + 8 + below(s, 16)] ^= (uint8_t)(1 + below(s, 255));
    return count;
  case 6: /* a new sequence over old bytes */
    into[WEIR_LINK_HEADER_BYTES - 3] ^= (uint8_t)(1 + below(s, 255));
    return count;
  default: /* nothing but chance */
    for (size_t i = 0; i < 64; i++) into[i] = (uint8_t)below(s, 256);
    return 64 + below(s, count - 64);
  }
}

static bool open_storm(storm *s, const char *key_line) {
  s->keys = load_keys(key_line);
  if (!s->keys) return false;
  weir_link_sender_options sender = {
      .id = load_stream(), .keys = s->keys, .mtu = 1500, .capacity = 16};
  weir_link_receiver_options receiver = {.keys = s->keys};
  return weir_link_sender_open(&sender, &s->sender) == WEIR_OK &&
         weir_link_receiver_open(&receiver, &s->receiver) == WEIR_OK;
}

void weir_link_storm(const char *key_line, uint64_t wrong, weir_link_storm_result *result) {
  memset(result, 0, sizeof *result);
  storm s = {.chance = 42, .result = result};
  uint8_t datagram[WEIR_DATAGRAM_MAX];
  uint64_t spent_ns = 0;
  if (open_storm(&s, key_line)) {
    send_good(&s);
    for (uint64_t i = 0; i < wrong; i++) {
      if (i == WRONG_PER_MS * 1000) { /* a second, in which everything happened once */
        result->resident_before = resident_bytes();
      }
      if (i % WRONG_PER_MS == 0) {
        s.now_ms++;
        send_good(&s);
      }
      size_t count = make_wrong(&s, i % KINDS, datagram);
      uint64_t begun_ns = load_now_ns();
      result->accepted += take(&s, datagram, count);
      spent_ns += load_now_ns() - begun_ns;
      result->wrong++;
    }
    result->resident_after = resident_bytes();
    result->wrong_ns = wrong > 0 ? spent_ns / wrong : 0;
  }
  weir_link_sender_close(s.sender);
  weir_link_receiver_close(s.receiver);
  weir_keyring_close(s.keys);
}
