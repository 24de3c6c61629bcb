/* A library that is loaded before the program (LD_PRELOAD) and counts how often memory is asked for
 * on any thread, into a file that whoever measures maps too: eight bytes, named by
 * WEIR_ALLOCATIONS. Memory that is given back is not counted: it was asked for once. */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* glibc's own, behind the names that this file takes. */
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *old, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);

static _Atomic uint64_t unmapped;
static _Atomic uint64_t *count = &unmapped;

static __attribute__((constructor)) void map_count(void) {
  const char *path = getenv("WEIR_ALLOCATIONS");
  int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
  if (file < 0) return;
  void *at = mmap(NULL, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (at != MAP_FAILED) count = at;
  (void)close(file);
}

static void note(void) {
  atomic_fetch_add_explicit(count, 1, memory_order_relaxed);
}

void *malloc(size_t bytes) {
  note();
  return __libc_malloc(bytes);
}

void *calloc(size_t number, size_t bytes) {
  note();
  return __libc_calloc(number, bytes);
}

void *realloc(void *old, size_t bytes) {
  note();
  return __libc_realloc(old, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes) {
  note();
  return __libc_memalign(alignment, bytes);
}

int posix_memalign(void **out, size_t alignment, size_t bytes) {
  note();
  void *at = __libc_memalign(alignment, bytes);
  if (!at) return ENOMEM;
  *out = at;
  return 0;
}
