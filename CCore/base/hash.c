/* hash.c: a mixing hash for tables in memory.
 *
 * Sixteen bytes at a time are folded by one 64 × 64 → 128 bit multiplication whose halves are
 * xored, the way wyhash does it; of long texts four such rows at once. The length goes into the
 * last fold, so that a text and the same text with zeros behind it differ. It is no cryptographic
 * hash; the seed keeps strangers from aiming at a bucket. Words are read little endian everywhere:
 * under a seed that both sides know it is also the end-to-end check of a record on the link, inside
 * the seal, where it has to find accidents and other content, not an enemy.
 */
#include "weir_base.h"

#include <endian.h>
#include <string.h>

__extension__ typedef unsigned __int128 wide_product;

static inline uint64_t fold(uint64_t a, uint64_t b) {
  wide_product product = (wide_product)a * b;
  return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t load(const uint8_t *at, size_t count) {
  uint64_t word = 0;
  memcpy(&word, at, count);
  return le64toh(word);
}

uint64_t weir_hash(uint64_t seed, weir_bytes bytes) {
  /* Odd numbers with half of their bits set, so that no fold multiplies by something small. */
  const uint64_t first = 0xA0761D6478BD642FU;
  const uint64_t second = 0xE7037ED1A0B428DBU;
  const uint64_t third = 0x8EBC6AF09C88C6E3U;
  uint64_t state = seed ^ first;
  const uint8_t *at = bytes.at;
  size_t left = bytes.count;
  if (left > 64) {
    /* Four folds that do not wait for one another. */
    uint64_t states[4] = {state, state ^ first, state ^ second, state ^ third};
    for (; left > 64; at += 64, left -= 64) {
      for (size_t i = 0; i < 4; i++) {
        states[i] = fold(load(at + 16 * i, 8) ^ second, load(at + 16 * i + 8, 8) ^ states[i]);
      }
    }
    state = fold(states[0] ^ second, states[1] ^ third) ^ fold(states[2] ^ first, states[3]);
  }
  while (left > 16) {
    state = fold(load(at, 8) ^ second, load(at + 8, 8) ^ state);
    at += 16;
    left -= 16;
  }
  uint64_t low = 0;
  uint64_t high = 0;
  if (left > 8) {
    low = load(at, 8);
    high = load(at + 8, left - 8);
  } else if (left > 0) {
    low = load(at, left);
  }
  state = fold(low ^ second, high ^ state);
  return fold(state ^ third, (uint64_t)bytes.count ^ second);
}
