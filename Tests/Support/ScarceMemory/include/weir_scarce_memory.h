/* weir_scarce_memory: memory that runs out when a test says so. The linker puts its functions in
 * the place of base's (--wrap, in the package's plan), for the tests alone.
 *
 *   happy path      weir_scarce_memory_after(n), the call under test, weir_scarce_memory_end():
 *                   was there an allocation that got nothing?
 *   other threads   are not concerned: the countdown is this thread's own
 *
 * Cost: a comparison an allocation. Bounded by nothing. Kept true by ScarceMemoryTests. */
#ifndef WEIR_SCARCE_MEMORY_H
#define WEIR_SCARCE_MEMORY_H

#include "weir_base.h"

/* After `good` more allocations of this thread every further one gets nothing. */
void weir_scarce_memory_after(uint64_t good);
/* There is memory again; how many allocations got nothing. */
uint64_t weir_scarce_memory_end(void);

#endif
