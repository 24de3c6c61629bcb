/* write.c: appending to a buffer that somebody else owns.
 *
 *   happy path          bytes are appended, count grows
 *   no room             nothing of that append is written, and overflow stays set: appends after
 *                       it write nothing either, so the content is always a true beginning
 */
#include "weir_base.h"

#include <string.h>

/* Byte by byte, so that the machine's own order does not matter; compilers make one store of it. */
static inline void put_little(weir_buffer *b, uint64_t value, size_t count) {
  uint8_t *at = weir_take(b, count);
  if (at == NULL) return;
  for (size_t i = 0; i < count; i++) {
    at[i] = (uint8_t)(value >> (8 * i));
  }
}

void weir_put_u16(weir_buffer *b, uint16_t value) {
  put_little(b, value, 2);
}

void weir_put_u32(weir_buffer *b, uint32_t value) {
  put_little(b, value, 4);
}

void weir_put_u64(weir_buffer *b, uint64_t value) {
  put_little(b, value, 8);
}

void weir_put_long_varint(weir_buffer *b, uint64_t value) {
  uint8_t bytes[10];
  size_t count = 0;
  while (value >= 0x80) {
    bytes[count++] = (uint8_t)(value | 0x80);
    value >>= 7;
  }
  bytes[count++] = (uint8_t)value;
  weir_put(b, weir_view(bytes, count));
}

void weir_put_zigzag(weir_buffer *b, int64_t value) {
  uint64_t bits = (uint64_t)value;
  weir_put_varint(b, (bits << 1) ^ (value < 0 ? UINT64_MAX : 0));
}

void weir_put_decimal(weir_buffer *b, uint64_t value) {
  weir_put_padded(b, value, 1);
}

void weir_put_signed(weir_buffer *b, int64_t value) {
  uint64_t bits = (uint64_t)value;
  if (value < 0) {
    weir_put_u8(b, '-');
    bits = 0 - bits; /* well defined for the smallest number too */
  }
  weir_put_decimal(b, bits);
}

void weir_put_padded(weir_buffer *b, uint64_t value, unsigned digits) {
  static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                              "25262728293031323334353637383940414243444546474849"
                              "50515253545556575859606162636465666768697071727374"
                              "75767778798081828384858687888990919293949596979899";
  WEIR_ASSERT(digits <= 20);
  uint8_t text[20]; /* the largest number has as many digits */
  size_t at = sizeof text;
  while (value >= 10) {
    at -= 2;
    memcpy(text + at, pairs + 2 * (value % 100), 2);
    value /= 100;
  }
  /* One digit is left unless a pair took the last two; zero itself is one digit. */
  if (value > 0 || at == sizeof text) text[--at] = (uint8_t)('0' + value);
  while (sizeof text - at < digits) {
    text[--at] = '0';
  }
  weir_put(b, weir_view(text + at, sizeof text - at));
}

void weir_put_hex(weir_buffer *b, weir_bytes bytes) {
  static const char digits[] = "0123456789abcdef";
  if (bytes.count > SIZE_MAX / 2) {
    b->overflow = true;
    return;
  }
  uint8_t *at = weir_take(b, bytes.count * 2);
  if (at == NULL) return;
  for (size_t i = 0; i < bytes.count; i++) {
    at[2 * i] = (uint8_t)digits[bytes.at[i] >> 4];
    at[2 * i + 1] = (uint8_t)digits[bytes.at[i] & 15];
  }
}
