/* Memory that runs out: a countdown before base's own function.
 *
 *   happy path   no countdown is set: what is asked for is lent
 *   run out      null, as the kernel would have it; what was lent before stays */
#include "weir_scarce_memory.h"

static _Thread_local bool is_set;
static _Thread_local uint64_t left, refused;

void *__real_weir_allocate(size_t count, size_t size);
void *__wrap_weir_allocate(size_t count, size_t size);

void *__wrap_weir_allocate(size_t count, size_t size) {
  if (is_set && left == 0) {
    refused++;
    return NULL;
  }
  if (is_set) left--;
  return __real_weir_allocate(count, size);
}

void weir_scarce_memory_after(uint64_t good) {
  is_set = true;
  left = good;
  refused = 0;
}

uint64_t weir_scarce_memory_end(void) {
  is_set = false;
  return refused;
}
