/* The fields of a datagram, behind the seal and before it: what a reader takes lies within the
 * bytes, keeps every rule, and is written again to the same bytes.
 *
 * The first byte chooses the reader.
 */
#include "wire.h"

#include <string.h>

enum { READERS = 4 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_header(weir_bytes all) {
  wire_header header = {0};
  uint8_t again[WEIR_LINK_HEADER_BYTES];
  if (!weir_wire_get_header(all, &header)) return;
  weir_wire_put_header(again, &header);
  WEIR_ASSERT(memcmp(again, all.at, sizeof again) == 0);
  WEIR_ASSERT(weir_wire_datagram_bytes(all.at) == all.count);
  WEIR_ASSERT(header.sequence > 0 && weir_wire_unit(header.id.unit));
}

static void read_data(weir_bytes all) {
  uint32_t group = 0;
  uint8_t index = 0, again[WIRE_DATA_BYTES], piece_again[WEIR_LINK_PIECE_HEADER_BYTES];
  weir_bytes rest;
  if (!weir_wire_get_data(all, &group, &index, &rest)) return;
  weir_wire_put_data(again, group, index);
  WEIR_ASSERT(memcmp(again + 1, all.at + 1, sizeof again - 1) == 0);
  WEIR_ASSERT(rest.count > 0 && rest.at + rest.count == all.at + all.count);
  wire_piece piece;
  for (const uint8_t *at = rest.at; weir_wire_get_piece(&rest, &piece); at = rest.at) {
    weir_wire_put_piece(piece_again, &piece);
    WEIR_ASSERT(memcmp(piece_again, at, sizeof piece_again) == 0);
    WEIR_ASSERT(piece.bytes.at == at + WEIR_LINK_PIECE_HEADER_BYTES);
    WEIR_ASSERT(piece.bytes.count > 0 && piece.bytes.at + piece.bytes.count == rest.at);
    WEIR_ASSERT(rest.at + rest.count == all.at + all.count);
    WEIR_ASSERT(piece.index < piece.pieces && piece.pieces <= WEIR_LINK_PIECES_MAX);
    (void)weir_wire_check(piece.bytes);
  }
}

static void read_parity(weir_bytes all) {
  wire_parity parity;
  uint8_t again[WIRE_PARITY_BYTES];
  if (!weir_wire_get_parity(all, &parity)) return;
  weir_wire_put_parity(again, &parity);
  WEIR_ASSERT(memcmp(again + 1, all.at + 1, sizeof again - 1) == 0);
  WEIR_ASSERT(parity.shard.at + parity.shard.count == all.at + all.count);
}

static void read_heartbeat(weir_bytes all) {
  static wire_heartbeat beat, twice;
  uint8_t memory[WIRE_HEARTBEAT_BYTES + WEIR_LINK_PAGE * 5];
  if (!weir_wire_get_heartbeat(all, &beat)) return;
  weir_buffer again = weir_buffer_over(memory, sizeof memory);
  WEIR_ASSERT(weir_wire_put_heartbeat(&again, &beat) == beat.index_count);
  WEIR_ASSERT(!again.overflow && again.count <= all.count);
  /* A number may have been written longer than need be; the fields are the same all the same. */
  WEIR_ASSERT(again.count < all.count || memcmp(memory + 1, all.at + 1, all.count - 1) == 0);
  WEIR_ASSERT(weir_wire_get_heartbeat(weir_buffer_view(&again), &twice));
  WEIR_ASSERT(twice.index_count == beat.index_count && twice.highest == beat.highest);
  WEIR_ASSERT(memcmp(twice.index, beat.index, beat.index_count * sizeof beat.index[0]) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static void (*const readers[READERS])(weir_bytes all) = {read_header, read_data, read_parity,
                                                           read_heartbeat};
  if (size == 0) return 0;
  readers[data[0] % READERS](weir_view(data + 1, size - 1));
  return 0;
}
