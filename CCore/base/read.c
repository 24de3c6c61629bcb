/* read.c: taking numbers and views from bytes that came from the world.
 *
 *   happy path     the value, and the reader moves on
 *   not enough     zero or an empty view, `bad` is set and nothing is left, so that every read
 *                  after it gives zero too: check once, at the end
 *   a varint that does not end within 64 bits   the same
 */
#include "weir_base.h"

static const uint8_t *take(weir_reader *r, size_t count) {
  if (r->bad || count > r->left) {
    r->bad = true;
    r->left = 0;
    return NULL;
  }
  const uint8_t *at = r->at;
  if (count > 0) r->at += count; /* an empty reader may stand on null */
  r->left -= count;
  return at;
}

static inline uint64_t get_little(weir_reader *r, size_t count) {
  const uint8_t *at = take(r, count);
  if (at == NULL) return 0;
  uint64_t value = 0;
  for (size_t i = 0; i < count; i++) {
    value |= (uint64_t)at[i] << (8 * i);
  }
  return value;
}

uint8_t weir_get_u8(weir_reader *r) {
  return (uint8_t)get_little(r, 1);
}

uint16_t weir_get_u16(weir_reader *r) {
  return (uint16_t)get_little(r, 2);
}

uint32_t weir_get_u32(weir_reader *r) {
  return (uint32_t)get_little(r, 4);
}

uint64_t weir_get_u64(weir_reader *r) {
  return get_little(r, 8);
}

uint64_t weir_get_long_varint(weir_reader *r) {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    uint8_t byte = weir_get_u8(r);
    if (r->bad) return 0;
    /* Nine bytes carry 63 bits: the tenth has room for one. */
    if (shift == 63 && byte > 1) break;
    value |= (uint64_t)(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  r->bad = true;
  r->left = 0;
  return 0;
}

int64_t weir_get_zigzag(weir_reader *r) {
  uint64_t bits = weir_get_varint(r);
  return (int64_t)((bits >> 1) ^ (0 - (bits & 1)));
}

weir_bytes weir_get(weir_reader *r, size_t count) {
  const uint8_t *at = take(r, count);
  return at == NULL ? (weir_bytes){NULL, 0} : weir_view(at, count);
}
