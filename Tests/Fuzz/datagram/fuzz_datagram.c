/* Fuzzing the receiver from both sides of the seal.
 *
 * The first byte chooses. Even: the rest are raw datagrams, each behind a length of two bytes, as
 * anybody on the network may send them. Odd: each is sealed under a good key first, so that the
 * parser behind the authentication is reached, as by a sender that errs; the choice of boot,
 * stream and unit comes from the input too, and whether it comes by itself or is given back by
 * parity over it alone.
 *
 * What must hold: no fault in memory, every event's record readable, every datagram counted under
 * exactly one name, and no raw datagram ever good.
 */
#include "../fuzz_memory.h"
#include "weir_link.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char key_file[] =
    "7 aes-256-gcm 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"
    "8 sm4-gcm ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n";

static weir_keyring *keys;

static void put_big(uint8_t *into, uint64_t value, size_t bytes) {
  for (size_t i = 0; i < bytes; i++) into[i] = (uint8_t)(value >> (8 * (bytes - 1 - i)));
}

/* Seals `plain` as a datagram whose identity `choice` decides; its size, or 0 when it is too long.
 */
static size_t seal(uint8_t choice, uint64_t sequence, weir_bytes plain, uint8_t *into) {
  size_t count = WEIR_LINK_HEADER_BYTES + plain.count + WEIR_SEAL_TAG_BYTES;
  if (plain.count == 0 || count > WEIR_DATAGRAM_MAX) return 0;
  uint32_t epoch = (choice & 1) != 0 ? 8 : 7;
  weir_stream_id id = {.unit = "kd1", .boot_epoch = 1000 + (choice >> 1 & 3)};
  id.unit[2] = (char)('1' + (choice >> 6 & 1));
  id.boot_id[0] = choice >> 1 & 3;
  id.stream = 1 + (uint32_t)(choice >> 3 & 7);
  memset(into, 0, WEIR_LINK_HEADER_BYTES);
  into[0] = 1;
  into[1] = (uint8_t)(epoch - 6);
  put_big(into + 2, plain.count, 2);
  put_big(into + 4, epoch, 4);
  memcpy(into + 8, id.unit, 8);
  put_big(into + 16, id.boot_epoch, 8);
  memcpy(into + 24, id.boot_id, 16);
  put_big(into + 40, id.stream, 4);
  put_big(into + 44, sequence, 8);
  uint8_t *bytes = into + WEIR_LINK_HEADER_BYTES;
  memcpy(bytes, plain.at, plain.count);
  weir_sealer *sealer = NULL;
  weir_status status = weir_sealer_open(keys, epoch, &id, &sealer);
  WEIR_ASSERT(status == WEIR_OK);
  status = weir_sealer_seal(sealer, sequence, weir_view(into, WEIR_LINK_HEADER_BYTES), bytes,
                            plain.count, bytes + plain.count);
  WEIR_ASSERT(status == WEIR_OK);
  weir_sealer_close(sealer);
  return count;
}

/* Puts a sealed datagram into a parity datagram over it alone, which is the datagram itself; the
 * size, or 0 when it is too long. */
static size_t wrap(uint8_t choice, uint64_t sequence, size_t count, uint8_t *datagram) {
  uint8_t plain[WEIR_DATAGRAM_MAX] = {2, 0, 0, 0, (uint8_t)sequence, 1, 1, 0};
  enum { BEFORE = 10 };
  if (count + BEFORE > sizeof plain) return 0;
  put_big(plain + BEFORE - 2, count, 2);
  memcpy(plain + BEFORE, datagram, count);
  return seal(choice, sequence, weir_view(plain, BEFORE + count), datagram);
}

/* Reads every byte that an event lends, so that a wrong loan is found. */
static void drain(weir_link_receiver *receiver) {
  static volatile uint8_t sink;
  weir_link_event event;
  while (weir_link_receiver_next(receiver, &event)) {
    if (event.kind == WEIR_LINK_RECORD) {
      WEIR_ASSERT(event.record.count >= 1 && event.record.count <= WEIR_RECORD_BYTES_MAX);
    }
    for (size_t i = 0; i < event.record.count; i++) sink ^= event.record.at[i];
    WEIR_ASSERT(event.unit[0] != 0);
    WEIR_ASSERT(event.unit[WEIR_UNIT_NAME_MAX] == 0);
  }
}

static void check_counts(const weir_link_receiver *receiver, uint64_t sent, bool raw) {
  weir_link_receiver_counts c = weir_link_receiver_counted(receiver);
  WEIR_ASSERT(c.datagrams == sent + c.restored);
  WEIR_ASSERT(c.datagrams == c.good + c.malformed + c.unknown_key + c.forged + c.replayed +
                                 c.lower_boot + c.no_room);
  WEIR_ASSERT(!raw || c.good == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (keys == NULL) {
    uint32_t line = 0;
    char reason[96];
    weir_status status = weir_keyring_read(weir_text(key_file), &keys, &line, reason);
    WEIR_ASSERT(status == WEIR_OK);
  }
  if (size < 4) return 0;
  weir_link_receiver_options options = {.keys = keys, .now_ms = 1};
  weir_link_receiver *receiver = NULL;
  weir_status status = weir_link_receiver_open(&options, &receiver);
  WEIR_ASSERT(status == WEIR_OK);
  bool raw = (data[0] & 1) == 0;
  uint64_t sent = 0, sequence = 0;
  uint64_t now_ms = 1;
  size_t at = 1;
  while (size - at >= 3) {
    uint8_t choice = data[at];
    size_t count = (size_t)data[at + 1] << 8 | data[at + 2];
    at += 3;
    if (count > size - at) count = size - at;
    /* A buffer of exactly the datagram's size, so that reading past it is seen. */
    size_t bytes = raw ? count : WEIR_DATAGRAM_MAX;
    uint8_t *datagram = weir_allocate(bytes + 1, 1);
    WEIR_ASSERT(datagram != NULL);
    size_t taken = count;
    if (raw && count > 0) memcpy(datagram, data + at, count);
    if (!raw) taken = seal(choice, ++sequence, weir_view(data + at, count), datagram);
    if (!raw && taken > 0 && choice >= 0x80) taken = wrap(choice, ++sequence, taken, datagram);
    at += count;
    if (taken > 0) {
      (void)weir_link_receiver_take(receiver, datagram, taken, now_ms);
      drain(receiver);
      sent++;
    }
    weir_free(datagram);
    now_ms += choice;
    weir_link_receiver_tick(receiver, now_ms);
    drain(receiver);
    if (choice == 0x7e) (void)weir_link_receiver_admit(receiver, "kd1", 1000);
  }
  check_counts(receiver, sent, raw);
  weir_link_receiver_close(receiver);
  return 0;
}
