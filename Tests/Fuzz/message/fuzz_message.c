/* fuzz_message.c: any bytes as a request line, read both ways.
 *
 *   happy path     the reader and the oracle agree, as a unit and as a judge
 *   a difference   is named on stderr, and the process traps, so that libFuzzer keeps the line
 */
#include "weir_message_oracle.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const weir_message_mode modes[] = {WEIR_MESSAGE_UNIT, WEIR_MESSAGE_JUDGE};
  for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
    bool taken = false;
    const char *difference = weir_oracle_difference(weir_view(data, size), modes[i], &taken);
    if (difference != NULL) {
      fprintf(stderr, "mode %zu: %s\n", i, difference);
      __builtin_trap();
    }
  }
  return 0;
}
