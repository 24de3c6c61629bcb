/* The bytes of a segment's header and of a frame.
 *
 * Happy path: numbers are put and taken at fixed offsets, little endian; a frame is sealed after
 * its body stands in place, so that one pass of the checksum covers header and body.
 *
 * What can go wrong: bytes from the disk can be anything. Reading a header never reads past what
 * is available and says false; nothing is believed before its checksum holds.
 */
#include "internal.h"

static const uint8_t MAGIC[8] = {'W', 'E', 'I', 'R', 'W', 'A', 'L', '1'};

static void put_le(uint8_t *at, uint64_t value, unsigned bytes) {
  for (unsigned i = 0; i < bytes; i++) {
    at[i] = (uint8_t)(value >> (8 * i));
  }
}

static uint64_t get_le(const uint8_t *at, unsigned bytes) {
  uint64_t value = 0;
  for (unsigned i = 0; i < bytes; i++) {
    value |= (uint64_t)at[i] << (8 * i);
  }
  return value;
}

uint32_t weir_journal_seed(uint64_t salt) {
  uint8_t bytes[8];
  put_le(bytes, salt, 8);
  return weir_crc32c(0, weir_view(bytes, sizeof bytes));
}

void weir_journal_put_header(uint8_t *at, const segment_header *header) {
  memset(at, 0, WEIR_JOURNAL_HEADER_BYTES);
  memcpy(at, MAGIC, sizeof MAGIC);
  put_le(at + 8, header->version, 4);
  put_le(at + 12, header->number, 4);
  put_le(at + 16, header->salt, 8);
  put_le(at + 24, header->first_serial, 8);
  put_le(at + 32, header->chain, 4);
  memcpy(at + 36, header->unit, WEIR_UNIT_NAME_MAX);
  put_le(at + 44, header->next_salt, 8);
  put_le(at + 60, weir_crc32c(0, weir_view(at, 60)), 4);
}

bool weir_journal_get_header(const uint8_t *at, segment_header *header) {
  if (memcmp(at, MAGIC, sizeof MAGIC) != 0) return false;
  if (get_le(at + 60, 4) != weir_crc32c(0, weir_view(at, 60))) return false;
  header->version = (uint32_t)get_le(at + 8, 4);
  header->number = (uint32_t)get_le(at + 12, 4);
  header->salt = get_le(at + 16, 8);
  header->first_serial = get_le(at + 24, 8);
  header->chain = (uint32_t)get_le(at + 32, 4);
  memcpy(header->unit, at + 36, WEIR_UNIT_NAME_MAX);
  header->next_salt = get_le(at + 44, 8);
  return true;
}

/* The frames of another use of the file have other indexes, not only other checksums. */
static uint32_t turned_by(uint32_t seed) {
  return seed >> 8;
}

static weir_bytes covered(const uint8_t *at, const frame_header *frame) {
  return weir_view(at + 4, WEIR_JOURNAL_FRAME_BYTES - 4 + frame->body_bytes);
}

void weir_journal_seal_frame(uint8_t *at, frame_header *frame, uint32_t seed) {
  WEIR_ASSERT(frame->body_bytes <= WEIR_JOURNAL_BODY_MAX);
  WEIR_ASSERT(frame->kind != 0 && frame->kind <= WEIR_JOURNAL_KIND_MAX);
  WEIR_ASSERT(frame->index < FRAMES_MAX);
  put_le(at + 4, frame->chain, 4);
  put_le(at + 8, frame->index ^ turned_by(seed), 3);
  put_le(at + 11, frame->body_bytes | (uint32_t)frame->kind << 18, 3);
  put_le(at + 14, frame->position, 2);
  frame->checksum = weir_crc32c(seed, covered(at, frame));
  put_le(at, frame->checksum, 4);
  size_t end = WEIR_JOURNAL_FRAME_BYTES + (size_t)frame->body_bytes;
  memset(at + end, 0, weir_journal_frame_size(frame->body_bytes) - end);
}

bool weir_journal_get_frame(const uint8_t *at, size_t available, uint32_t seed,
                            frame_header *frame) {
  if (available < WEIR_JOURNAL_FRAME_BYTES) return false;
  uint32_t size = (uint32_t)get_le(at + 11, 3);
  frame->checksum = (uint32_t)get_le(at, 4);
  frame->chain = (uint32_t)get_le(at + 4, 4);
  frame->index = (uint32_t)get_le(at + 8, 3) ^ turned_by(seed);
  frame->body_bytes = size & ((1 << 18) - 1);
  frame->kind = (uint8_t)(size >> 18);
  frame->position = (uint16_t)get_le(at + 14, 2);
  return frame->kind != 0 && frame->body_bytes <= WEIR_JOURNAL_BODY_MAX;
}

bool weir_journal_could_follow(const uint8_t *at, size_t available, uint32_t seed, uint32_t chain,
                               uint32_t index) {
  if (available < WEIR_JOURNAL_FRAME_BYTES) return true;
  return get_le(at + 4, 4) == chain || (get_le(at + 8, 3) ^ turned_by(seed)) == index;
}

bool weir_journal_frame_holds(const uint8_t *at, size_t available, const frame_header *frame,
                              uint32_t seed) {
  if (available < WEIR_JOURNAL_FRAME_BYTES + (size_t)frame->body_bytes) return false;
  return frame->checksum == weir_crc32c(seed, covered(at, frame));
}
