/* Records that come in several pieces: slots taken at open, the least recently touched given up. */
#ifndef WEIR_LINK_ASSEMBLY_H
#define WEIR_LINK_ASSEMBLY_H

#include "wire.h"

typedef enum assembly_state { ASSEMBLY_FREE, ASSEMBLY_GROWING, ASSEMBLY_LENT } assembly_state;

typedef struct assembly {
  assembly_state state; /* lent: whole, and borrowed by an event until the next datagram */
  size_t unit;
  wire_piece first; /* the piece that opened the slot, less its bytes */
  uint64_t touched;
  uint32_t have; /* pieces that are here */
  uint64_t bitmap[WEIR_LINK_PIECES_MAX / 64];
  uint8_t *bytes; /* WEIR_RECORD_BYTES_MAX */
} assembly;

typedef struct weir_assemblies {
  assembly slots[WEIR_LINK_ASSEMBLIES];
  uint8_t *memory;
  uint64_t touches;
  uint64_t evicted;
  bool lent; /* some slot is */
} weir_assemblies;

weir_status weir_assemblies_open(weir_assemblies *a);
void weir_assemblies_close(weir_assemblies *a);
/* The events of the last datagram are gone: what they borrowed is free again. */
void weir_assemblies_release(weir_assemblies *a);
/* Adds a piece of a record in several. OK: `record` is whole and its check verified; AGAIN: pieces
 * are missing still; CORRUPT: whole, but its check is wrong. */
weir_status weir_assemblies_add(weir_assemblies *a, size_t unit, const wire_piece *piece,
                                weir_bytes *record);

#endif
