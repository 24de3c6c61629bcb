/* Tickets (41-43,57/6): any bytes are read or refused, and what is read is written again to the
 * same text. */
#include "weir_base.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  weir_range ranges[16];
  char text[1024];
  size_t count = 0;
  if (weir_ticket_read(weir_view(data, size), ranges, 16, &count) != WEIR_OK) return 0;
  weir_buffer b = weir_buffer_over(text, sizeof text);
  uint64_t last = 0;
  for (size_t i = 0; i < count; i++) {
    WEIR_ASSERT(ranges[i].first > last && ranges[i].last >= ranges[i].first);
    last = ranges[i].last;
    if (i > 0) weir_put_text(&b, ",");
    weir_put_decimal(&b, ranges[i].first);
    if (ranges[i].last != ranges[i].first) weir_put_text(&b, "-");
    if (ranges[i].last != ranges[i].first) weir_put_decimal(&b, ranges[i].last);
  }
  unsigned digit = weir_ticket_digit(weir_buffer_view(&b));
  weir_put_text(&b, "/");
  weir_put_decimal(&b, digit);
  /* A range of one number may be written with a dash: then the text is longer than need be. */
  if (b.count == size) WEIR_ASSERT(memcmp(text, data, size) == 0);
  return 0;
}
