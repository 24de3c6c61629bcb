/* status.c: statuses as text, and the trap.
 *
 *   happy path        a status is named from the one list
 *   a number that is not in the list (a newer room, a damaged byte)   named "unknown status"
 *   our own mistake   the place is printed and the process ends: what it would do next is unknown
 */
#include "weir_base.h"

#include <stdio.h>
#include <stdlib.h>

const char *weir_status_text(weir_status status) {
  switch (status) {
#define X(upper, lower, text)                                                                      \
  case WEIR_##upper:                                                                               \
    return text;
    WEIR_STATUS_MAP(X)
#undef X
  }
  return "unknown status";
}

_Noreturn void weir_trap(const char *what, const char *file, int line) {
  (void)fprintf(stderr, "weir: assertion failed: %s (%s:%d)\n", what, file, line);
  (void)fflush(stderr);
  abort();
}
