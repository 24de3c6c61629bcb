/* json.c: text as the inside of a JSON string (RFC 8259, section 7).
 *
 *   happy path   runs of bytes that need no escape are found eight at a time and copied whole
 *   quote, backslash, U+0000 to U+001F   escaped, by the short form where there is one
 *   not UTF-8    copied as it is: the caller vouches for it
 */
#include "weir_base.h"

#include <string.h>

static inline bool is_clean(uint8_t byte) {
  return byte >= 0x20 && byte != '"' && byte != '\\';
}

/* True when none of the eight bytes needs an escape. Each term has a byte's top bit set if that
 * byte is below 0x20, or equals the quote, or the backslash; a borrow may set more, never fewer. */
static inline bool eight_are_clean(const uint8_t *at) {
  const uint64_t ones = 0x0101010101010101U;
  const uint64_t tops = 0x8080808080808080U;
  uint64_t word;
  memcpy(&word, at, sizeof word);
  uint64_t quotes = word ^ (ones * '"');
  uint64_t backslashes = word ^ (ones * '\\');
  uint64_t found = ((word - ones * 0x20) & ~word) | ((quotes - ones) & ~quotes) |
                   ((backslashes - ones) & ~backslashes);
  return (found & tops) == 0;
}

static size_t clean_run(const uint8_t *at, size_t count) {
  size_t run = 0;
  while (count - run >= 8 && eight_are_clean(at + run)) {
    run += 8;
  }
  while (run < count && is_clean(at[run])) {
    run++;
  }
  return run;
}

static void put_escape(weir_buffer *b, uint8_t byte) {
  switch (byte) {
  case '"':
    weir_put_text(b, "\\\"");
    return;
  case '\\':
    weir_put_text(b, "\\\\");
    return;
  case '\b':
    weir_put_text(b, "\\b");
    return;
  case '\f':
    weir_put_text(b, "\\f");
    return;
  case '\n':
    weir_put_text(b, "\\n");
    return;
  case '\r':
    weir_put_text(b, "\\r");
    return;
  case '\t':
    weir_put_text(b, "\\t");
    return;
  default:
    break;
  }
  WEIR_ASSERT(byte < 0x20);
  uint8_t long_form[6] = {
      '\\', 'u', '0', '0', (uint8_t)('0' + (byte >> 4)), (uint8_t)"0123456789abcdef"[byte & 15]};
  weir_put(b, weir_view(long_form, sizeof long_form));
}

void weir_put_escaped(weir_buffer *b, weir_bytes utf8) {
  size_t at = 0;
  while (at < utf8.count && !b->overflow) {
    size_t run = clean_run(utf8.at + at, utf8.count - at);
    weir_put(b, weir_view(utf8.at + at, run));
    at += run;
    if (at < utf8.count) put_escape(b, utf8.at[at++]);
  }
}

void weir_put_quoted(weir_buffer *b, weir_bytes utf8) {
  weir_put_u8(b, '"');
  weir_put_escaped(b, utf8);
  weir_put_u8(b, '"');
}
