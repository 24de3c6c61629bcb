/* hashes.h: the hashes of closed segments. */
#ifndef WEIR_WORKS_HASHES_H
#define WEIR_WORKS_HASHES_H

#include "weir_journal.h"
#include "weir_seal.h"
#include "weir_works.h"

typedef struct hash_order {
  const char *data, *unit;
  uint32_t last; /* the last closed segment */
  unsigned most; /* segments at once */
} hash_order;

/* Any thread: adds the hashes that are missing; `hashed` is the last segment that has one. */
weir_status hashes_add(const hash_order *order, const weir_os *os, uint32_t *hashed);

#endif
