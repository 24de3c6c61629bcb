/* The replay window: which sequences of a stream have been seen, as RFC 6479 keeps it.
 *
 * A ring of 128 words of 64 bits. A sequence's bit lies in word (sequence / 64) mod 128; the window
 * is one word shorter than the ring, so that a word is cleared as a whole when the front enters
 * it, and nothing is ever shifted.
 *
 * Happy path: a higher sequence moves the front, clears the words it steps over and sets its bit.
 * What can go wrong: the sequence was seen, lies behind the window, or is 0.
 * What we do then: false, and nothing changes.
 */
#include "weir_seal.h"

enum { WORD_BITS = 64, RING_WORDS = 8192 / WORD_BITS };
_Static_assert(WEIR_REPLAY_WINDOW == (RING_WORDS - 1) * WORD_BITS, "one word is being cleared");

bool weir_replay_fresh(const weir_replay *window, uint64_t sequence) {
  if (sequence == 0) return false;
  if (sequence > window->highest) return true;
  if (window->highest - sequence > WEIR_REPLAY_WINDOW) return false;
  uint64_t word = window->bitmap[sequence / WORD_BITS % RING_WORDS];
  return (word >> (sequence % WORD_BITS) & 1) == 0;
}

bool weir_replay_mark(weir_replay *window, uint64_t sequence) {
  if (!weir_replay_fresh(window, sequence)) return false;
  if (sequence > window->highest) {
    uint64_t front = window->highest / WORD_BITS;
    uint64_t steps = sequence / WORD_BITS - front;
    if (steps > RING_WORDS) steps = RING_WORDS;
    for (uint64_t i = 1; i <= steps; i++) window->bitmap[(front + i) % RING_WORDS] = 0;
    window->highest = sequence;
  }
  window->bitmap[sequence / WORD_BITS % RING_WORDS] |= UINT64_C(1) << (sequence % WORD_BITS);
  WEIR_ASSERT(!weir_replay_fresh(window, sequence));
  return true;
}
