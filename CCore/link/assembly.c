/* Putting records together from their pieces.
 *
 * A slot belongs to one content: unit, crossing, revision, check and sizes. Copies of the same
 * record are alike, so pieces of several copies fill one slot together, which is why a long record
 * gets through a bad line.
 *
 * Happy path: the first piece opens a slot, each further one sets a bit, the last one verifies the
 * check and lends the bytes to an event until the next datagram.
 * What can go wrong: pieces never come; more records are under way than there are slots; the bytes
 * do not have the check they were sent with.
 * What we do then: the slot waits, and is evicted and counted when it is the least recently
 * touched and another record needs it; a later copy begins anew. A wrong check is CORRUPT, and
 * nothing of that record goes on.
 */
#include "assembly.h"

#include <string.h>

weir_status weir_assemblies_open(weir_assemblies *a) {
  a->memory = weir_allocate(WEIR_LINK_ASSEMBLIES, WEIR_RECORD_BYTES_MAX);
  if (a->memory == NULL) return WEIR_OUT_OF_MEMORY;
  for (size_t i = 0; i < WEIR_LINK_ASSEMBLIES; i++) {
    a->slots[i].bytes = a->memory + i * WEIR_RECORD_BYTES_MAX;
  }
  return WEIR_OK;
}

void weir_assemblies_close(weir_assemblies *a) {
  weir_free(a->memory);
  a->memory = NULL;
}

void weir_assemblies_release(weir_assemblies *a) {
  if (!a->lent) return;
  for (size_t i = 0; i < WEIR_LINK_ASSEMBLIES; i++) {
    if (a->slots[i].state == ASSEMBLY_LENT) a->slots[i].state = ASSEMBLY_FREE;
  }
  a->lent = false;
}

static bool slot_fits(const assembly *slot, size_t unit, const wire_piece *piece) {
  const wire_piece *first = &slot->first;
  return slot->state == ASSEMBLY_GROWING && slot->unit == unit &&
         first->crossing == piece->crossing && first->revision == piece->revision &&
         first->check == piece->check && first->record_bytes == piece->record_bytes &&
         first->piece_bytes == piece->piece_bytes;
}

/* A slot for a record that has none: a free one, or else the least recently touched; null when one
 * datagram has completed a record in every slot, and the events still borrow them. */
static assembly *slot_begin(weir_assemblies *a, size_t unit, const wire_piece *piece) {
  assembly *best = NULL;
  for (size_t i = 0; i < WEIR_LINK_ASSEMBLIES; i++) {
    assembly *slot = &a->slots[i];
    if (slot->state == ASSEMBLY_LENT) continue;
    if (best == NULL || slot->state < best->state ||
        (slot->state == best->state && slot->touched < best->touched)) {
      best = slot;
    }
  }
  if (best == NULL || best->state == ASSEMBLY_GROWING) a->evicted++;
  if (best == NULL) return NULL;
  best->state = ASSEMBLY_GROWING;
  best->unit = unit;
  best->first = *piece;
  best->first.bytes = weir_view(NULL, 0);
  best->have = 0;
  memset(best->bitmap, 0, sizeof best->bitmap);
  return best;
}

weir_status weir_assemblies_add(weir_assemblies *a, size_t unit, const wire_piece *piece,
                                weir_bytes *record) {
  WEIR_ASSERT(piece->index < piece->pieces && piece->pieces <= WEIR_LINK_PIECES_MAX);
  assembly *slot = NULL;
  for (size_t i = 0; i < WEIR_LINK_ASSEMBLIES && slot == NULL; i++) {
    if (slot_fits(&a->slots[i], unit, piece)) slot = &a->slots[i];
  }
  if (slot == NULL) slot = slot_begin(a, unit, piece);
  if (slot == NULL) return WEIR_AGAIN; /* given up at once; a later copy brings it again */
  slot->touched = ++a->touches;
  uint64_t bit = UINT64_C(1) << (piece->index % 64);
  if ((slot->bitmap[piece->index / 64] & bit) != 0) return WEIR_AGAIN;
  slot->bitmap[piece->index / 64] |= bit;
  slot->have++;
  size_t offset = (size_t)piece->index * piece->piece_bytes;
  WEIR_ASSERT(offset + piece->bytes.count <= WEIR_RECORD_BYTES_MAX);
  memcpy(slot->bytes + offset, piece->bytes.at, piece->bytes.count);
  if (slot->have < piece->pieces) return WEIR_AGAIN;

  weir_bytes whole = weir_view(slot->bytes, piece->record_bytes);
  if (weir_wire_check(whole) != piece->check) {
    slot->state = ASSEMBLY_FREE;
    return WEIR_CORRUPT;
  }
  slot->state = ASSEMBLY_LENT;
  a->lent = true;
  *record = whole;
  return WEIR_OK;
}
