/* Large memory is kept from one input to the next, for entries that open a receiver or a journal
 * for each: such blocks take longer to come from the kernel than an input takes.
 *
 * Smaller ones are zeroed when they are lent again. A megabyte and more holds what the input before
 * left there: windows over files, and room for parity, assemblies and batches, which are written
 * before they are read. The linker puts these two in the place of base's
 * (-Wl,--wrap=weir_allocate).
 */
#ifndef WEIR_FUZZ_MEMORY_H
#define WEIR_FUZZ_MEMORY_H

#include "weir_base.h"

#include <string.h>

enum { KEPT_BLOCKS = 8, KEPT_LEAST = 1 << 15, KEPT_ZEROED = 1 << 20 };

typedef struct kept_block {
  void *at;
  size_t bytes;
  bool lent;
} kept_block;

static kept_block kept_blocks[KEPT_BLOCKS];

void *__real_weir_allocate(size_t count, size_t size);
void __real_weir_free(void *memory);
void *__wrap_weir_allocate(size_t count, size_t size);
void __wrap_weir_free(void *memory);

void *__wrap_weir_allocate(size_t count, size_t size) {
  size_t bytes = count * size;
  if (bytes < KEPT_LEAST) return __real_weir_allocate(count, size);
  for (unsigned i = 0; i < KEPT_BLOCKS; i++) {
    kept_block *b = &kept_blocks[i];
    if (b->at && (b->lent || b->bytes != bytes)) continue;
    if (!b->at) *b = (kept_block){__real_weir_allocate(count, size), bytes, false};
    if (bytes < KEPT_ZEROED) memset(b->at, 0, bytes);
    b->lent = true;
    return b->at;
  }
  return NULL;
}

void __wrap_weir_free(void *memory) {
  for (unsigned i = 0; i < KEPT_BLOCKS; i++) {
    if (memory && kept_blocks[i].at == memory) {
      kept_blocks[i].lent = false;
      return;
    }
  }
  __real_weir_free(memory);
}

#endif
