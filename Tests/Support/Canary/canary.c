/* canary.c: which canary a test process lives with: see weir_canary.h.
 *
 *   happy path   the environment variable WEIR_CANARY names one, before main
 *   none named   none lives
 *   a wrong name ends the process: a canary that never sang proves nothing
 */
#include "weir_canary_choice.h"

#include <string.h>

static const char *const names[] = {"NONE",
#define X(name, wrong) #name,
                                    WEIR_CANARY_MAP(X)
#undef X
};

static const char *const wrongs[] = {"",
#define X(name, wrong) wrong,
                                     WEIR_CANARY_MAP(X)
#undef X
};

size_t weir_canary_count(void) {
  return sizeof names / sizeof names[0];
}

const char *weir_canary_name(size_t canary) {
  return canary < weir_canary_count() ? names[canary] : "";
}

const char *weir_canary_wrong(size_t canary) {
  return canary < weir_canary_count() ? wrongs[canary] : "";
}

#ifdef WEIR_CANARIES
#include <stdio.h>
#include <stdlib.h>

__attribute__((constructor)) static void choose(void) {
  const char *wanted = getenv("WEIR_CANARY");
  if (wanted == NULL) return;
  for (size_t i = 0; i < weir_canary_count(); i++) {
    if (strcmp(wanted, names[i]) == 0) {
      weir_canary_chosen = (weir_canary)i;
      return;
    }
  }
  fprintf(stderr, "no canary is called %s\n", wanted);
  abort();
}
#endif
