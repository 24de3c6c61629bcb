/* log_text.c: text from anywhere as the inside of a JSON string, never more than fits.
 *
 *   happy path     plain text is copied as it is; valid text that fits is found valid and copied
 *                  in runs
 *   not UTF-8      each byte that begins no character becomes U+FFFD
 *   no room        once more from its beginning, character by character, up to the ellipsis
 */
#include "log_text.h"

#include <string.h>

static const char replacement[] = "\xEF\xBF\xBD";
static const char ellipsis[] = "\xE2\x80\xA6";

static inline bool is_continuation(uint8_t byte) {
  return (byte & 0xC0) == 0x80;
}

/* Bytes of the character that begins here (RFC 3629, section 4), 0 when none does: overlong forms,
 * surrogates and what lies beyond U+10FFFF are refused by the second byte. */
static size_t character_length(const uint8_t *at, size_t left) {
  uint8_t lead = at[0];
  if (lead < 0x80) return 1;
  if (lead < 0xC2 || lead > 0xF4) return 0;
  size_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (left < length) return 0;
  uint8_t low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  uint8_t high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  if (at[1] < low || at[1] > high) return 0;
  for (size_t i = 2; i < length; i++) {
    if (!is_continuation(at[i])) return 0;
  }
  return length;
}

static size_t valid_run(const uint8_t *at, size_t count) {
  size_t run = 0;
  while (run < count) {
    uint64_t word = 0;
    if (count - run >= sizeof word) {
      memcpy(&word, at + run, sizeof word);
      if ((word & 0x8080808080808080U) == 0) {
        run += sizeof word;
        continue;
      }
    }
    size_t length = character_length(at + run, count - run);
    if (length == 0) break;
    run += length;
  }
  return run;
}

/* Most values are short and plain: they are copied eight bytes at a time as long as they are. The
 * bytes of `text` that went. */
static size_t put_plain(weir_buffer *b, weir_bytes text) {
  const uint64_t ones = 0x0101010101010101U, tops = 0x8080808080808080U;
  size_t at = 0, room = b->capacity - b->count;
  uint8_t *to = b->at + b->count;
  for (; at + 8 <= text.count && at + 8 <= room; at += 8) {
    uint64_t word = 0;
    memcpy(&word, text.at + at, sizeof word);
    uint64_t quotes = word ^ (ones * '"'), slashes = word ^ (ones * '\\');
    if (((word - ones * 0x20) | (quotes - ones) | (slashes - ones) | word) & tops) break;
    memcpy(to + at, text.at + at, sizeof word);
  }
  for (; at < text.count && at < room; at++) {
    uint8_t byte = text.at[at];
    if (byte < 0x20 || byte >= 0x80 || byte == '"' || byte == '\\') break;
    to[at] = byte;
  }
  b->count += at;
  return at;
}

static void put_whole(weir_buffer *b, weir_bytes text) {
  size_t at = put_plain(b, text);
  while (at < text.count && !b->overflow) {
    size_t run = valid_run(text.at + at, text.count - at);
    weir_put_escaped(b, weir_view(text.at + at, run));
    at += run;
    if (at < text.count) {
      weir_put_text(b, replacement);
      at++;
    }
  }
}

static void put_beginning(weir_buffer *b, weir_bytes text) {
  const size_t ellipsis_bytes = sizeof ellipsis - 1;
  if (b->capacity - b->count < ellipsis_bytes) return;
  size_t limit = b->capacity - ellipsis_bytes;
  size_t at = 0;
  while (at < text.count) {
    uint8_t memory[8]; /* the longest escape has six bytes */
    weir_buffer one = weir_buffer_over(memory, sizeof memory);
    size_t length = character_length(text.at + at, text.count - at);
    if (length == 0) {
      weir_put_text(&one, replacement);
      length = 1;
    } else {
      weir_put_escaped(&one, weir_view(text.at + at, length));
    }
    if (one.count > limit - b->count) break;
    weir_put(b, weir_buffer_view(&one));
    at += length;
  }
  weir_put_text(b, ellipsis);
}

bool weir_log_put_cut(weir_buffer *b, weir_bytes text) {
  WEIR_ASSERT(!b->overflow);
  size_t begin = b->count;
  /* No character gets shorter by escaping, so a longer text need not be tried whole. */
  if (text.count <= b->capacity - begin) {
    put_whole(b, text);
    if (!b->overflow) return false;
    b->count = begin;
    b->overflow = false;
  }
  put_beginning(b, text);
  WEIR_ASSERT(!b->overflow);
  return true;
}
