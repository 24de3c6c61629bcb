/* fuzz_crossed.c: any bytes as a record that crossed, read both ways.
 *
 *   happy path     the inner unit's reader and jansson agree
 *   a difference   is named on stderr, and the process traps, so that libFuzzer keeps the record
 */
#include "weir_message_oracle.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  bool taken = false;
  const char *difference = weir_oracle_crossed_difference(weir_view(data, size), 3, &taken);
  if (difference != NULL) {
    fprintf(stderr, "%s\n", difference);
    __builtin_trap();
  }
  return 0;
}
