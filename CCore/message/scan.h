/* The scanner under the reader: bytes of one line, and the JSON grammar (RFC 8259). */
#ifndef WEIR_MESSAGE_SCAN_H
#define WEIR_MESSAGE_SCAN_H

#include "weir_message.h"

#include <string.h>

typedef struct scan {
  const uint8_t *at, *end;
  uint8_t *scratch; /* where strings with escapes are decoded */
  size_t scratch_count;
  weir_message_fault *fault;
} scan;

typedef enum scan_text {
  SCAN_LINE,  /* no control characters */
  SCAN_LINES, /* line feed and tab are allowed */
  SCAN_ANY,   /* read over: only the JSON grammar and UTF-8 hold */
  SCAN_RECORD /* the same, and no U+0000, which ends a text for many readers */
} scan_text;

enum { SCAN_KEYS_MAX = 256 };

/* The names of the objects that are open, the innermost last: no object has a name twice. */
typedef struct scan_keys {
  weir_bytes at[SCAN_KEYS_MAX];
  unsigned count;
} scan_keys;

/* Each returns false when it has set the fault; `field` is the path that the fault names. */
bool scan_fail(scan *s, unsigned refusal, const char *field);
/* Where another type of value should stand: wrongType, or badJson when it is no value at all. */
bool scan_fail_type(scan *s, const char *field);

/* Passes white space; the byte that follows, or -1 at the end. */
static inline int scan_peek(scan *s) {
  while (s->at < s->end) {
    uint8_t c = *s->at;
    if (c != ' ' && c != '\t' && c != '\r' && c != '\n') return c;
    s->at++;
  }
  return -1;
}

static inline bool scan_take(scan *s, char expected) {
  if (scan_peek(s) != expected) return scan_fail(s, WEIR_REFUSAL_BAD_JSON, "");
  s->at++;
  return true;
}

/* A string; `scalars` (null accepted) counts Unicode scalars. */
bool scan_string(scan *s, scan_text kind, const char *field, weir_bytes *out, size_t *scalars);

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the first byte is a word's lowest");

/* The top bit of each of eight bytes that is not plain ASCII: below 0x20, a quote, a backslash,
 * 0x7F or above. Borrows and carries may mark bytes behind a marked one too, never before the
 * first: so the lowest mark is always true. */
static inline uint64_t scan_marks(uint64_t w) {
  const uint64_t ones = UINT64_C(0x0101010101010101), highs = UINT64_C(0x8080808080808080);
  uint64_t quote = w ^ (ones * '"'), slash = w ^ (ones * '\\');
  return ((w - ones * 0x20) | (quote - ones) | (slash - ones) | (w + ones) | w) & highs;
}

/* A string that is mostly a short word of plain ASCII, as names and codes are: then it is found
 * here, eight bytes at a time; any other is left to scan_string. No control characters. */
static inline bool scan_word(scan *s, const char *field, weir_bytes *out) {
  if (scan_peek(s) == '"') {
    const uint8_t *begin = s->at + 1, *at = begin;
    uint64_t found = 0;
    while (s->end - at >= 8 && found == 0) {
      uint64_t w;
      memcpy(&w, at, sizeof w);
      found = scan_marks(w);
      at += found ? (size_t)__builtin_ctzll(found) / 8 : 8;
    }
    if (found && *at == '"') {
      *out = weir_view(begin, (size_t)(at - begin));
      s->at = at + 1;
      return true;
    }
  }
  return scan_string(s, SCAN_LINE, field, out, NULL);
}

/* A number by the JSON grammar; its own text. */
bool scan_number(scan *s, const char *field, weir_bytes *out);
bool scan_bool(scan *s, const char *field, bool *out);
/* A name and its colon. With `keys` it stands there afterwards, and must not stand there already
 * from `first` on, where its object begins. */
bool scan_key(scan *s, scan_keys *keys, unsigned first, weir_bytes *key);
/* Reads over any value, at most 16 deep. With `keys` it holds as a record that crosses must: every
 * name once in its object, and no U+0000. */
bool scan_over(scan *s, scan_keys *keys);

#endif
