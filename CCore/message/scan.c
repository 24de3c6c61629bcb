/* The scanner: one pass over the line, nothing copied where there is no escape.
 *
 *   happy path   runs of plain ASCII are passed eight bytes at a time
 *   escapes      from the first one on the string is decoded into the scratch memory, which holds
 *                a whole line, so that it never overflows
 *   bad bytes    UTF-8 is checked by its table (Unicode 15, table 3-7): overlong forms,
 *                surrogates and what lies beyond U+10FFFF are refused */
#include "scan.h"

#include <string.h>

enum { DEPTH_MAX = 16 };

bool scan_fail(scan *s, unsigned refusal, const char *field) {
  s->fault->refusal = (uint8_t)refusal;
  weir_buffer b = weir_buffer_over(s->fault->field, sizeof s->fault->field - 1);
  weir_put_text(&b, field);
  s->fault->field[b.count] = 0;
  return false;
}

bool scan_fail_type(scan *s, const char *field) {
  int c = scan_peek(s);
  bool value = (c >= '0' && c <= '9') || (c > 0 && strchr("\"{[tfn-", c));
  return scan_fail(s, value ? WEIR_REFUSAL_WRONG_TYPE : WEIR_REFUSAL_BAD_JSON, field);
}

/* Characters of three bytes, as Chinese is, up to the first that needs a closer look: those with
 * the leads E0 (overlong?), E2 (marks of direction?) and ED (surrogate?), and U+FEFF. */
static inline const uint8_t *pass_wide(const uint8_t *at, const uint8_t *end, size_t *count) {
  const uint32_t easy_leads = 0xDFFA;
  while (end - at >= 8) { /* two at a time */
    uint64_t w;
    memcpy(&w, at, sizeof w);
    bool easy = (w & UINT64_C(0xC0C0F0C0C0F0)) == UINT64_C(0x8080E08080E0) &&
                (easy_leads >> (w & 15) & easy_leads >> (w >> 24 & 15) & 1);
    if (!easy || (w & 0xFFFFFF) == 0xBFBBEF || (w >> 24 & 0xFFFFFF) == 0xBFBBEF) break;
    at += 6;
    *count += 2;
  }
  while (end - at >= 4) {
    uint32_t w;
    memcpy(&w, at, sizeof w);
    bool easy = (w & 0xC0C0F0) == 0x8080E0 && (easy_leads >> (w & 15) & 1);
    if (!easy || (w & 0xFFFFFF) == 0xBFBBEF) break;
    at += 3;
    *count += 1;
  }
  return at;
}

/* Goes over characters that stand for themselves and counts them, up to the end, a quote, a
 * backslash, or what needs a closer look. */
static inline const uint8_t *pass_plain(const uint8_t *at, const uint8_t *end, size_t *count) {
  for (;;) {
    uint64_t found = 0;
    while (end - at >= 8 && found == 0) {
      uint64_t w;
      memcpy(&w, at, sizeof w);
      found = scan_marks(w);
      size_t plain = found ? (size_t)__builtin_ctzll(found) / 8 : 8;
      at += plain;
      *count += plain;
    }
    if (found && *at < 0x80) return at; /* most strings end here, at their quote */
    while (at < end && *at >= 0x20 && *at < 0x7f && *at != '"' && *at != '\\') {
      at++;
      *count += 1;
    }
    const uint8_t *before = at;
    at = pass_wide(at, end, count);
    if (at == before) return at;
  }
}

/* One scalar of well-formed UTF-8 (2 to 4 bytes); 0 when it is not. */
static size_t decode(const uint8_t *at, const uint8_t *end, uint32_t *scalar) {
  size_t left = (size_t)(end - at);
  uint8_t a = at[0];
  size_t need = a >= 0xf0 ? 4 : a >= 0xe0 ? 3 : 2;
  if (a < 0xc2 || a > 0xf4 || left < need) return 0;
  uint32_t value = a & (0xffu >> (need + 1));
  for (size_t i = 1; i < need; i++) {
    if ((at[i] & 0xc0) != 0x80) return 0;
    value = value << 6 | (at[i] & 0x3fu);
  }
  if (need == 3 && (value < 0x800 || (value >= 0xd800 && value <= 0xdfff))) return 0;
  if (need == 4 && (value < 0x10000 || value > 0x10ffff)) return 0;
  *scalar = value;
  return need;
}

/* Control, bidirectional and zero-width characters. */
static bool is_forbidden(uint32_t c, scan_text kind) {
  if (kind == SCAN_ANY) return false;
  if (kind == SCAN_RECORD) return c == 0;
  if (c < 0x20) return kind == SCAN_LINE || (c != '\n' && c != '\t');
  if (c < 0x7f) return false;
  if (c <= 0x9f || c == 0x61c || c == 0xfeff) return true;
  return (c >= 0x200b && c <= 0x200f) || (c >= 0x202a && c <= 0x202e) || c == 0x2060 ||
         (c >= 0x2066 && c <= 0x2069);
}

static int hex_digit(uint8_t c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

static bool take_hex4(scan *s, uint32_t *unit) {
  if (s->end - s->at < 4) return false;
  *unit = 0;
  for (unsigned i = 0; i < 4; i++) {
    int digit = hex_digit(s->at[i]);
    if (digit < 0) return false;
    *unit = *unit << 4 | (uint32_t)digit;
  }
  s->at += 4;
  return true;
}

/* \uXXXX behind the `u`, with its low half where it is a high one; lone halves are bad text. */
static bool take_unicode(scan *s, const char *field, uint32_t *scalar) {
  uint32_t low = 0;
  if (!take_hex4(s, scalar)) return scan_fail(s, WEIR_REFUSAL_BAD_JSON, field);
  if (*scalar < 0xd800 || *scalar > 0xdfff) return true;
  bool pair = *scalar < 0xdc00 && s->end - s->at >= 6 && s->at[0] == '\\' && s->at[1] == 'u';
  if (!pair) return scan_fail(s, WEIR_REFUSAL_BAD_TEXT, field);
  s->at += 2;
  if (!take_hex4(s, &low)) return scan_fail(s, WEIR_REFUSAL_BAD_JSON, field);
  if (low < 0xdc00 || low > 0xdfff) return scan_fail(s, WEIR_REFUSAL_BAD_TEXT, field);
  *scalar = 0x10000 + ((*scalar - 0xd800) << 10) + (low - 0xdc00);
  return true;
}

static bool take_escape(scan *s, const char *field, uint32_t *scalar) {
  static const char names[] = "\"\\/bfnrt";
  static const char values[] = "\"\\/\b\f\n\r\t";
  if (s->at >= s->end) return scan_fail(s, WEIR_REFUSAL_BAD_JSON, field);
  uint8_t c = *s->at++;
  if (c == 'u') return take_unicode(s, field, scalar);
  const char *found = c ? strchr(names, c) : NULL;
  if (!found) return scan_fail(s, WEIR_REFUSAL_BAD_JSON, field);
  *scalar = (uint8_t)values[found - names];
  return true;
}

static void put_scalar(scan *s, uint32_t c) {
  uint8_t *to = s->scratch + s->scratch_count;
  if (c < 0x80) {
    to[0] = (uint8_t)c;
    s->scratch_count += 1;
  } else if (c < 0x800) {
    to[0] = (uint8_t)(0xc0 | c >> 6);
    to[1] = (uint8_t)(0x80 | (c & 0x3f));
    s->scratch_count += 2;
  } else if (c < 0x10000) {
    to[0] = (uint8_t)(0xe0 | c >> 12);
    to[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
    to[2] = (uint8_t)(0x80 | (c & 0x3f));
    s->scratch_count += 3;
  } else {
    to[0] = (uint8_t)(0xf0 | c >> 18);
    to[1] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
    to[2] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
    to[3] = (uint8_t)(0x80 | (c & 0x3f));
    s->scratch_count += 4;
  }
}

static void put_run(scan *s, const uint8_t *from) {
  size_t count = (size_t)(s->at - from);
  memcpy(s->scratch + s->scratch_count, from, count);
  s->scratch_count += count;
}

/* What stands at `at` inside a string, where no plain run goes on: an escape, a character of two
 * bytes or more, or what must not be there. */
static bool take_special(scan *s, scan_text kind, const char *field, bool *decoding,
                         const uint8_t *begin, size_t decoded_from) {
  uint32_t scalar = *s->at;
  const uint8_t *from = s->at;
  if (scalar == '\\') {
    if (!*decoding) {
      *decoding = true;
      s->scratch_count = decoded_from;
      put_run(s, begin);
    }
    s->at++;
    if (!take_escape(s, field, &scalar)) return false;
    if (is_forbidden(scalar, kind)) return scan_fail(s, WEIR_REFUSAL_BAD_TEXT, field);
    put_scalar(s, scalar);
    return true;
  }
  if (scalar < 0x20) return scan_fail(s, WEIR_REFUSAL_BAD_JSON, field);
  size_t bytes = 1;
  if (scalar >= 0x80) bytes = decode(s->at, s->end, &scalar);
  if (bytes == 0) return scan_fail(s, WEIR_REFUSAL_BAD_UTF8, field);
  if (is_forbidden(scalar, kind)) return scan_fail(s, WEIR_REFUSAL_BAD_TEXT, field);
  s->at += bytes;
  if (*decoding) put_run(s, from);
  return true;
}

bool scan_string(scan *s, scan_text kind, const char *field, weir_bytes *out, size_t *scalars) {
  if (scan_peek(s) != '"') return scan_fail_type(s, field);
  const uint8_t *begin = ++s->at;
  size_t decoded_from = s->scratch_count, count = 0;
  bool decoding = false;
  for (;;) {
    const uint8_t *run = s->at;
    s->at = pass_plain(s->at, s->end, &count);
    if (decoding) put_run(s, run);
    if (s->at >= s->end) return scan_fail(s, WEIR_REFUSAL_BAD_JSON, field);
    if (*s->at == '"') break;
    if (!take_special(s, kind, field, &decoding, begin, decoded_from)) return false;
    count++;
  }
  *out = decoding ? weir_view(s->scratch + decoded_from, s->scratch_count - decoded_from)
                  : weir_view(begin, (size_t)(s->at - begin));
  if (scalars) *scalars = count;
  s->at++;
  return true;
}

static bool is_digit(const scan *s) {
  return s->at < s->end && *s->at >= '0' && *s->at <= '9';
}

static bool take_digits(scan *s) {
  if (!is_digit(s)) return false;
  while (is_digit(s)) s->at++;
  return true;
}

bool scan_number(scan *s, const char *field, weir_bytes *out) {
  int first = scan_peek(s);
  if (first != '-' && !(first >= '0' && first <= '9')) {
    return scan_fail_type(s, field);
  }
  const uint8_t *begin = s->at;
  if (first == '-') s->at++;
  bool good = true;
  if (s->at < s->end && *s->at == '0') {
    s->at++;
  } else {
    good = take_digits(s);
  }
  if (good && s->at < s->end && *s->at == '.') {
    s->at++;
    good = take_digits(s);
  }
  if (good && s->at < s->end && (*s->at == 'e' || *s->at == 'E')) {
    s->at++;
    if (s->at < s->end && (*s->at == '+' || *s->at == '-')) s->at++;
    good = take_digits(s);
  }
  if (!good) return scan_fail(s, WEIR_REFUSAL_BAD_JSON, field);
  *out = weir_view(begin, (size_t)(s->at - begin));
  return true;
}

static bool take_word(scan *s, const char *word) {
  size_t count = strlen(word);
  if ((size_t)(s->end - s->at) < count || memcmp(s->at, word, count) != 0) return false;
  s->at += count;
  return true;
}

bool scan_bool(scan *s, const char *field, bool *out) {
  int first = scan_peek(s);
  if (first != 't' && first != 'f') return scan_fail_type(s, field);
  *out = first == 't';
  if (take_word(s, *out ? "true" : "false")) return true;
  return scan_fail(s, WEIR_REFUSAL_BAD_JSON, field);
}

static bool over_scalar(scan *s, int first, scan_text kind) {
  weir_bytes ignored;
  bool flag;
  if (first == '"') return scan_string(s, kind, "", &ignored, NULL);
  if (first == 't' || first == 'f') return scan_bool(s, "", &flag);
  if (first == 'n') return take_word(s, "null") || scan_fail(s, WEIR_REFUSAL_BAD_JSON, "");
  if (first == '-' || (first >= '0' && first <= '9')) return scan_number(s, "", &ignored);
  return scan_fail(s, WEIR_REFUSAL_BAD_JSON, "");
}

bool scan_key(scan *s, scan_keys *keys, unsigned first, weir_bytes *key) {
  if (!scan_string(s, keys ? SCAN_RECORD : SCAN_ANY, "", key, NULL)) return false;
  if (!scan_take(s, ':')) return false;
  if (!keys) return true;
  for (unsigned i = first; i < keys->count; i++) {
    if (keys->at[i].count != key->count || !weir_equal(keys->at[i], *key)) continue;
    return scan_fail(s, WEIR_REFUSAL_DUPLICATE_FIELD, "");
  }
  if (keys->count == SCAN_KEYS_MAX) return scan_fail(s, WEIR_REFUSAL_BAD_JSON, "");
  keys->at[keys->count++] = *key;
  return true;
}

/* Without recursion: a stack of what is open, and whether a value or a separator comes next. */
bool scan_over(scan *s, scan_keys *keys) {
  scan_text kind = keys ? SCAN_RECORD : SCAN_ANY;
  char open[DEPTH_MAX];
  unsigned firsts[DEPTH_MAX]; /* of the names of each open object */
  unsigned depth = 0;
  weir_bytes key;
  for (;;) {
    int first = scan_peek(s);
    bool begins = first == '{' || first == '[';
    if (begins) {
      if (depth == DEPTH_MAX) return scan_fail(s, WEIR_REFUSAL_BAD_JSON, "");
      firsts[depth] = keys ? keys->count : 0;
      open[depth++] = (char)first;
      s->at++;
      bool empty = scan_peek(s) == (first == '{' ? '}' : ']');
      if (!empty && first == '{' && !scan_key(s, keys, firsts[depth - 1], &key)) return false;
      if (!empty) continue;
    } else if (!over_scalar(s, first, kind)) {
      return false;
    }
    while (depth > 0) {
      bool object = open[depth - 1] == '{';
      int next = scan_peek(s);
      if (next == (object ? '}' : ']')) {
        s->at++;
        depth--;
        if (keys) keys->count = firsts[depth];
        continue;
      }
      if (!scan_take(s, ',')) return false;
      if (object && !scan_key(s, keys, firsts[depth - 1], &key)) return false;
      break;
    }
    if (depth == 0) return true;
  }
}
