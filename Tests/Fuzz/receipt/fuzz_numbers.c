/* Numbers that people read out and type: handovers, whole and spoken with their check digit, and
 * reports. Any bytes are read or refused; what is read is written again, and that is read as the
 * same number.
 */
#include "internal.h"

#include <string.h>

enum { TODAY = 20261123 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_handover(weir_bytes typed) {
  uint64_t key = 0, again = 0;
  if (handover_read("kd1", TODAY, typed, &key) != WEIR_OK) return;
  bool drill = key >> 63 != 0;
  uint32_t day = (uint32_t)(key >> 32) & INT32_MAX, serial = (uint32_t)key;
  WEIR_ASSERT(serial > 0 && day <= 99991231);
  handover_text number = handover_write("kd1", day, serial, drill);
  WEIR_ASSERT(handover_read("kd1", TODAY, handover_view(&number), &again) == WEIR_OK);
  WEIR_ASSERT(again == key);
  if (day != TODAY) return;
  char spoken[24], reading[96];
  weir_buffer b = weir_buffer_over(spoken, sizeof spoken);
  put_spoken(&b, serial, drill);
  WEIR_ASSERT(!b.overflow);
  WEIR_ASSERT(handover_read("kd1", TODAY, weir_buffer_view(&b), &again) == WEIR_OK);
  WEIR_ASSERT(again == key);
  /* One digit that is heard wrong is never taken for another matter. */
  spoken[b.count - 1] = (char)('0' + (spoken[b.count - 1] - '0' + 1) % 10);
  WEIR_ASSERT(handover_read("kd1", TODAY, weir_buffer_view(&b), &again) == WEIR_REFUSED);
  weir_buffer r = weir_buffer_over(reading, sizeof reading);
  put_reading(&r, weir_buffer_view(&b));
  WEIR_ASSERT(!r.overflow);
}

static void read_report(weir_bytes typed) {
  uint32_t number = 0, again = 0;
  char text[32];
  if (!report_id_read("kd1", typed, &number)) return;
  weir_buffer b = weir_buffer_over(text, sizeof text);
  put_report_id(&b, "kd1", number);
  WEIR_ASSERT(!b.overflow && report_id_read("kd1", weir_buffer_view(&b), &again));
  WEIR_ASSERT(number > 0 && again == number);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  read_handover(weir_view(data, size));
  read_report(weir_view(data, size));
  return 0;
}
