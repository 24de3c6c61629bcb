/* numbers.c: decimal numbers from the world, and the check digit a person can read out.
 *
 *   happy path    digits in, a number out
 *   anything else, nothing at all, or more than 64 bits hold   INVALID, the target is untouched
 */
#include "weir_base.h"

unsigned weir_check_digit(uint64_t number) {
  unsigned sum = 0;
  bool doubled = true; /* the rightmost digit stands beside the check digit */
  for (; number > 0; number /= 10) {
    unsigned digit = (unsigned)(number % 10) * (doubled ? 2 : 1);
    sum += digit > 9 ? digit - 9 : digit;
    doubled = !doubled;
  }
  return (10 - sum % 10) % 10;
}

weir_status weir_decimal_read(weir_bytes digits, uint64_t *value) {
  if (digits.count == 0) return WEIR_INVALID;
  uint64_t sum = 0;
  for (size_t i = 0; i < digits.count; i++) {
    uint8_t byte = digits.at[i];
    if (byte < '0' || byte > '9') return WEIR_INVALID;
    uint64_t digit = (uint64_t)(byte - '0');
    if (sum > (UINT64_MAX - digit) / 10) return WEIR_INVALID;
    sum = sum * 10 + digit;
  }
  *value = sum;
  return WEIR_OK;
}

bool weir_is_wide_ascii(weir_bytes text) {
  if (text.count < 3) return false;
  const uint8_t *c = text.at;
  if (c[0] == 0xe3) return c[1] == 0x80 && c[2] == 0x80; /* U+3000 */
  if (c[0] != 0xef) return false;
  if (c[1] == 0xbc) return c[2] >= 0x81 && c[2] <= 0xbf; /* U+FF01 … FF3F */
  return c[1] == 0xbd && c[2] >= 0x80 && c[2] <= 0x9e;   /* U+FF40 … FF5E */
}

void weir_put_typed(weir_buffer *b, weir_bytes text) {
  for (size_t i = 0; i < text.count;) {
    weir_bytes rest = weir_view(text.at + i, text.count - i);
    if (!weir_is_wide_ascii(rest)) {
      if (rest.at[0] != ' ') weir_put_u8(b, rest.at[0]);
      i++;
      continue;
    }
    i += 3;
    if (rest.at[0] == 0xe3) continue;
    unsigned wide = (unsigned)(rest.at[1] - 0xbc) * 0x40 + (rest.at[2] & 0x3fu);
    weir_put_u8(b, (uint8_t)(' ' + wide));
  }
}
