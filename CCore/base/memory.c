/* memory.c: the one door to the heap, and comparing and wiping of bytes.
 *
 *   happy path      zeroed memory, counted, so that a test can want no more of it after start
 *   no memory       null, the caller answers OUT_OF_MEMORY
 *   count × size overflows   null as well
 */
#include "weir_base.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Counted from any thread: the disk and key threads allocate at start too. */
static _Atomic uint64_t allocation_count;

void *weir_allocate(size_t count, size_t size) {
  WEIR_ASSERT(size > 0);
  atomic_fetch_add_explicit(&allocation_count, 1, memory_order_relaxed);
  size_t bytes = 0;
  if (__builtin_mul_overflow(count, size, &bytes)) return NULL;
  /* calloc may answer null for nothing; callers read null as out of memory, so ask for a byte. */
  return calloc(bytes == 0 ? 1 : bytes, 1);
}

void weir_free(void *memory) {
  free(memory);
}

void weir_forget(void *memory, size_t bytes) {
  enum { PAGE_BYTES = 4096 };
  uint8_t *begin = memory, *end = begin + bytes;
  uint8_t *first = (uint8_t *)(((uintptr_t)begin + PAGE_BYTES - 1) & ~(uintptr_t)(PAGE_BYTES - 1));
  uint8_t *last = (uint8_t *)((uintptr_t)end & ~(uintptr_t)(PAGE_BYTES - 1));
  /* Memory that a kernel with larger pages will not take back is zeroed like any other. */
  bool given = last > first && madvise(first, (size_t)(last - first), MADV_DONTNEED) == 0;
  if (!given) {
    memset(begin, 0, bytes);
    return;
  }
  memset(begin, 0, (size_t)(first - begin));
  memset(last, 0, (size_t)(end - last));
}

/* Smaller than this is not worth a change to the address space's map. */
enum { LARGE_PAGE_BYTES = 2 * 1024 * 1024, LARGE_MIN = 2 * LARGE_PAGE_BYTES };

static void advise_large(void *memory, size_t bytes, int advice) {
  uintptr_t mask = LARGE_PAGE_BYTES - 1;
  uintptr_t first = ((uintptr_t)memory + mask) & ~mask;
  uintptr_t last = ((uintptr_t)memory + bytes) & ~mask;
  if (bytes < LARGE_MIN) return;
  uint8_t *begin = (uint8_t *)memory + (first - (uintptr_t)memory);
  (void)madvise(begin, last - first, advice); /* a kernel without them gives small ones */
}

void weir_fill_begin(void *memory, size_t bytes) {
  advise_large(memory, bytes, MADV_HUGEPAGE);
}

void weir_fill_end(void *memory, size_t bytes) {
  advise_large(memory, bytes, MADV_NOHUGEPAGE);
}

uint64_t weir_allocations(void) {
  return atomic_load_explicit(&allocation_count, memory_order_relaxed);
}

bool weir_equal(weir_bytes a, weir_bytes b) {
  if (a.count != b.count) return false;
  return a.count == 0 || memcmp(a.at, b.at, a.count) == 0;
}

bool weir_equal_constant_time(weir_bytes a, weir_bytes b) {
  WEIR_ASSERT(a.count == b.count);
  /* Volatile, so that no compiler turns the loop into one that stops at the first difference. */
  volatile uint8_t difference = 0;
  for (size_t i = 0; i < a.count; i++) {
    difference = (uint8_t)(difference | (a.at[i] ^ b.at[i]));
  }
  return difference == 0;
}

void weir_wipe(void *memory, size_t count) {
  if (count > 0) explicit_bzero(memory, count);
}
