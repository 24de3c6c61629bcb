/* What crosses: sealing and opening one datagram, packing and receiving records of 600 bytes. */
#include "trials.h"

#include "weir_base.h"
#include "weir_link.h"
#include "weir_seal.h"

#include <string.h>

enum { DATAGRAMS = 1024, PLAIN_BYTES = 1400, RECORDS = 2048, RECORD_BYTES = 600, MTU = 1500 };

static const weir_stream_id stream = {.unit = "kd1", .boot_epoch = 1795400000000, .stream = 1};
static weir_keyring *keys;
static weir_sealer *sealer;
static weir_link_sender *sender;
static weir_link_receiver *receiver;
static uint64_t sequence, crossing;
static uint8_t record[RECORD_BYTES];

/* Datagrams side by side, each with its tag behind it. */
typedef struct sealed {
  uint64_t sequence;
  size_t count;
  uint8_t bytes[MTU];
} sealed;
static sealed *datagrams;
static size_t datagram_count;

static bool open_keys(void) {
  uint8_t master[32], line_bytes[256];
  char reason[96];
  uint32_t line = 0;
  memset(master, 7, sizeof master);
  weir_buffer b = weir_buffer_over(line_bytes, sizeof line_bytes);
  datagrams = weir_allocate(DATAGRAMS, sizeof *datagrams);
  if (!datagrams || weir_keyring_line(1, WEIR_SUITE_AES_256_GCM, master, &b) != WEIR_OK) {
    return false;
  }
  return weir_keyring_read(weir_buffer_view(&b), &keys, &line, reason) == WEIR_OK;
}

static void close_keys(void) {
  weir_keyring_close(keys);
  weir_free(datagrams);
}

static weir_bytes header_of(const sealed *d) {
  return weir_view(&d->sequence, sizeof d->sequence);
}

static bool open_sealer(const char *folder) {
  (void)folder;
  sequence = 0;
  return open_keys() && weir_sealer_open(keys, 1, &stream, &sealer) == WEIR_OK;
}

static void close_sealer(void) {
  weir_sealer_close(sealer);
  close_keys();
}

static uint64_t run_seal_datagram(void) {
  for (size_t i = 0; i < DATAGRAMS; i++) {
    sealed *d = &datagrams[i];
    d->sequence = ++sequence;
    weir_status status = weir_sealer_seal(sealer, d->sequence, header_of(d), d->bytes, PLAIN_BYTES,
                                          d->bytes + PLAIN_BYTES);
    WEIR_ASSERT(status == WEIR_OK);
  }
  return DATAGRAMS;
}

static void seal_all(void) {
  (void)run_seal_datagram();
}

static uint64_t run_seal_open(void) {
  for (size_t i = 0; i < DATAGRAMS; i++) {
    sealed *d = &datagrams[i];
    weir_status status = weir_sealer_open_datagram(sealer, d->sequence, header_of(d), d->bytes,
                                                   PLAIN_BYTES, d->bytes + PLAIN_BYTES);
    WEIR_ASSERT(status == WEIR_OK);
  }
  return DATAGRAMS;
}

static bool open_link(const char *folder) {
  (void)folder;
  crossing = 0;
  if (!open_keys()) return false;
  weir_link_sender_options options = {
      .id = stream, .keys = keys, .mtu = MTU, .capacity = 4 * RECORDS};
  weir_link_receiver_options receiving = {.keys = keys};
  return weir_link_sender_open(&options, &sender) == WEIR_OK &&
         weir_link_receiver_open(&receiving, &receiver) == WEIR_OK;
}

static void close_link(void) {
  weir_link_sender_close(sender);
  weir_link_receiver_close(receiver);
  close_keys();
}

static void offer_records(void) {
  for (size_t i = 0; i < RECORDS; i++) {
    if (crossing >= RECORDS) weir_link_sender_settle(sender, crossing - RECORDS + 1);
    weir_status status = weir_link_sender_offer(sender, ++crossing, 1, WEIR_LANE_PHONE, 1000);
    WEIR_ASSERT(status == WEIR_OK);
  }
}

static void take_all(bool flush) {
  for (weir_bytes taken = weir_link_sender_take(sender, flush); taken.count > 0;
       taken = weir_link_sender_take(sender, flush)) {
    WEIR_ASSERT(datagram_count < DATAGRAMS && taken.count <= MTU);
    datagrams[datagram_count].count = taken.count;
    memcpy(datagrams[datagram_count++].bytes, taken.at, taken.count);
  }
}

/* Due, packed and taken, as the hall does it. */
static uint64_t run_link_pack(void) {
  uint64_t named = 0, count = 0;
  uint32_t revision = 0;
  datagram_count = 0;
  while (weir_link_sender_due(sender, 1000, &named, &revision)) {
    weir_status status =
        weir_link_sender_pack(sender, weir_view(record, RECORD_BYTES), 1000, 1795400000000);
    WEIR_ASSERT(status == WEIR_OK);
    count++;
    take_all(false);
  }
  take_all(true);
  return count;
}

static void send_records(void) {
  offer_records();
  (void)run_link_pack();
}

static uint64_t run_link_receive(void) {
  weir_link_event event;
  uint64_t count = 0;
  for (size_t i = 0; i < datagram_count; i++) {
    weir_status status =
        weir_link_receiver_take(receiver, datagrams[i].bytes, datagrams[i].count, 1000);
    WEIR_ASSERT(status == WEIR_OK);
    while (weir_link_receiver_next(receiver, &event)) count += event.kind == WEIR_LINK_RECORD;
  }
  return count;
}

const weir_room_trial trial_seal = {"seal_datagram",   0,           open_sealer, NULL,
                                    run_seal_datagram, close_sealer};
const weir_room_trial trial_open = {"seal_open",   0,           open_sealer, seal_all,
                                    run_seal_open, close_sealer};
const weir_room_trial trial_pack = {"link_pack",   0,         open_link, offer_records,
                                    run_link_pack, close_link};
const weir_room_trial trial_receive = {"link_receive",   0,         open_link, send_records,
                                       run_link_receive, close_link};
