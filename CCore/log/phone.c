/* phone.c: a telephone number as it may stand in a log.
 *
 *   happy path      138****0000: the first three digits and the last four
 *   8 to 10 digits  fewer of the first ones, so that four at least stay hidden
 *   fewer digits, or none   only stars, always four, so that not even the length is told
 *   anything but digits     left out: what somebody typed into the wrong field stays out of the log
 */
#include "weir_log.h"

enum { SHOWN_FIRST_MAX = 3, SHOWN_LAST = 4, HIDDEN_MIN = 4 };

static bool is_digit(uint8_t byte) {
  return byte >= '0' && byte <= '9';
}

void weir_log_put_masked_phone(weir_buffer *b, weir_bytes phone) {
  size_t digits = 0;
  for (size_t i = 0; i < phone.count; i++) {
    digits += is_digit(phone.at[i]);
  }
  bool long_enough = digits >= SHOWN_LAST + HIDDEN_MIN;
  size_t last = long_enough ? SHOWN_LAST : 0;
  size_t first = long_enough ? digits - SHOWN_LAST - HIDDEN_MIN : 0;
  if (first > SHOWN_FIRST_MAX) first = SHOWN_FIRST_MAX;
  size_t index = 0; /* of the digit, among the digits */
  for (size_t i = 0; i < phone.count; i++) {
    if (!is_digit(phone.at[i])) continue;
    if (index == first) weir_put_text(b, "****");
    if (index < first || index >= digits - last) weir_put_u8(b, phone.at[i]);
    index++;
  }
  if (digits == 0) weir_put_text(b, "****");
}
