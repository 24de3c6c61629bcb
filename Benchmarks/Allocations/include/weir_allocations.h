/* weir_allocations has nothing to call: it is loaded before the program that is measured. */
#ifndef WEIR_ALLOCATIONS_H
#define WEIR_ALLOCATIONS_H
#endif
