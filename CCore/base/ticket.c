/* ticket.c: crossing numbers as people read them out on the telephone: ranges, a slash, and one
 * check digit: 41-43,57/6.
 *
 *   check digit   Luhn's (ISO/IEC 7812-1, annex B) over the characters before the slash, where a
 *                 digit stands for itself, `-` for 5 and `,` for 0: one wrong digit, `-` taken for
 *                 `,`, and two neighbouring digits exchanged (but 09 and 90) are always found
 *   INVALID       not of that form; numbers from 1, each range rising and behind the one before
 *   REFUSED       of that form, and the digit does not fit: something was misheard
 *   FULL          more ranges than the caller has room for
 */
#include "weir_base.h"

unsigned weir_ticket_digit(weir_bytes ranges) {
  unsigned sum = 0;
  for (size_t i = 0; i < ranges.count; i++) {
    uint8_t c = ranges.at[ranges.count - 1 - i];
    unsigned digit = c == '-' ? 5 : c == ',' ? 0 : (unsigned)(c - '0');
    if (i % 2 == 0) digit *= 2;
    sum += digit > 9 ? digit - 9 : digit;
  }
  return (10 - sum % 10) % 10;
}

static bool is_digit(uint8_t c) {
  return c >= '0' && c <= '9';
}

/* A number off the front of the text. */
static bool take_number(weir_bytes *text, uint64_t *value) {
  size_t count = 0;
  while (count < text->count && is_digit(text->at[count])) count++;
  if (count == 0 || text->at[0] == '0') return false;
  if (weir_decimal_read(weir_view(text->at, count), value) != WEIR_OK) return false;
  *text = weir_view(text->at + count, text->count - count);
  return true;
}

static bool take_mark(weir_bytes *text, char mark) {
  if (text->count == 0 || text->at[0] != mark) return false;
  *text = weir_view(text->at + 1, text->count - 1);
  return true;
}

weir_status weir_ranges_read(weir_bytes text, weir_range *ranges, size_t max, size_t *count) {
  *count = 0;
  uint64_t last = 0;
  do {
    weir_range r = {0, 0};
    if (!take_number(&text, &r.first)) return WEIR_INVALID;
    r.last = r.first;
    if (take_mark(&text, '-') && !take_number(&text, &r.last)) return WEIR_INVALID;
    if (r.first <= last || r.last < r.first) return WEIR_INVALID;
    if (*count == max) return WEIR_FULL;
    last = r.last;
    ranges[(*count)++] = r;
  } while (take_mark(&text, ','));
  return text.count == 0 ? WEIR_OK : WEIR_INVALID;
}

weir_status weir_ticket_read(weir_bytes text, weir_range *ranges, size_t max, size_t *count) {
  *count = 0;
  if (text.count < 3 || text.at[text.count - 2] != '/') return WEIR_INVALID;
  uint8_t digit = text.at[text.count - 1];
  if (!is_digit(digit)) return WEIR_INVALID;
  weir_bytes list = weir_view(text.at, text.count - 2);
  weir_status status = weir_ranges_read(list, ranges, max, count);
  if (status != WEIR_OK) return status;
  return weir_ticket_digit(list) == (unsigned)(digit - '0') ? WEIR_OK : WEIR_REFUSED;
}
