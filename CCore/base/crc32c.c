/* crc32c.c: CRC32C (Castagnoli), reflected, as in RFC 3720, appendix B.4.
 *
 *   happy path     the SSE4.2 instruction, eight bytes at a time
 *   a machine without it   tables, eight bytes at a time; the same answer
 *
 * The choice and the tables are made once, before main, so that no thread can see half of it.
 */
#include "weir_base.h"

#include <string.h>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

static const uint32_t castagnoli_reflected = 0x82F63B78U;

/* tables[k][byte]: what `byte` does to the checksum when k more bytes follow it. */
static uint32_t tables[8][256];

typedef uint32_t crc32c_function(uint32_t crc, const uint8_t *at, size_t count);

static uint32_t by_tables(uint32_t crc, const uint8_t *at, size_t count) {
  while (count >= 8) {
    uint32_t low = crc ^ ((uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
                          (uint32_t)at[3] << 24);
    crc = tables[7][low & 255] ^ tables[6][(low >> 8) & 255] ^ tables[5][(low >> 16) & 255] ^
          tables[4][low >> 24] ^ tables[3][at[4]] ^ tables[2][at[5]] ^ tables[1][at[6]] ^
          tables[0][at[7]];
    at += 8;
    count -= 8;
  }
  while (count > 0) {
    crc = (crc >> 8) ^ tables[0][(crc ^ *at) & 255];
    at++;
    count--;
  }
  return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t by_instruction(uint32_t crc, const uint8_t *at,
                                                                 size_t count) {
  uint64_t wide = crc;
  while (count >= 8) {
    uint64_t word;
    memcpy(&word, at, sizeof word);
    wide = _mm_crc32_u64(wide, word);
    at += 8;
    count -= 8;
  }
  uint32_t narrow = (uint32_t)wide;
  while (count > 0) {
    narrow = _mm_crc32_u8(narrow, *at);
    at++;
    count--;
  }
  return narrow;
}
#endif

static crc32c_function *chosen = by_tables;

__attribute__((constructor)) static void choose_before_main(void) {
  for (uint32_t byte = 0; byte < 256; byte++) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; bit++) {
      crc = (crc >> 1) ^ ((crc & 1) ? castagnoli_reflected : 0);
    }
    tables[0][byte] = crc;
  }
  for (uint32_t byte = 0; byte < 256; byte++) {
    for (int k = 1; k < 8; k++) {
      uint32_t before = tables[k - 1][byte];
      tables[k][byte] = (before >> 8) ^ tables[0][before & 255];
    }
  }
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("sse4.2")) chosen = by_instruction;
#endif
}

uint32_t weir_crc32c(uint32_t seed, weir_bytes bytes) {
  return ~chosen(~seed, bytes.at, bytes.count);
}

uint32_t weir_crc32c_portable(uint32_t seed, weir_bytes bytes) {
  return ~by_tables(~seed, bytes.at, bytes.count);
}
