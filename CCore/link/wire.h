/* The bytes of a datagram: its clear header and the header of a piece, both big endian. */
#ifndef WEIR_LINK_WIRE_H
#define WEIR_LINK_WIRE_H

#include "weir_link.h"

enum {
  WIRE_VERSION = 1,
  WIRE_TYPE_DATA = 1,
  WIRE_TYPE_PARITY = 2,
  WIRE_TYPE_HEARTBEAT = 3,
  WIRE_DATA_BYTES = 1 + 4 + 1,                      /* before the pieces */
  WIRE_PARITY_BYTES = 1 + 4 + 1 + 1 + 1 + 2,        /* before the shard */
  WIRE_HEARTBEAT_BYTES = 1 + 8 + 8 + 8 + 4 + 8 + 2, /* and its index page */
  WIRE_DATAGRAM_MIN = WEIR_LINK_HEADER_BYTES + 1 + WEIR_SEAL_TAG_BYTES
};

typedef struct wire_header {
  weir_stream_id id;
  uint64_t sequence;
  uint32_t key_epoch;
  uint16_t ciphertext_bytes;
  uint8_t suite;
} wire_header;

typedef struct wire_piece {
  uint64_t crossing;
  int64_t sent_ms;
  uint64_t check;
  uint32_t revision;
  uint32_t record_bytes;
  uint32_t pieces; /* derived: how many make up the record */
  uint16_t piece_bytes;
  uint16_t index;
  uint8_t lane;
  weir_bytes bytes; /* borrowed from the datagram */
} wire_piece;

typedef struct wire_parity {
  uint32_t group;
  uint8_t k, m, index;
  weir_bytes shard; /* borrowed from the datagram */
} wire_parity;

typedef struct wire_heartbeat {
  int64_t wall_ms;
  uint64_t boot_ms;
  uint64_t highest;
  uint32_t open_danger;
  uint64_t index_first;
  uint32_t index_count;
  uint32_t index[WEIR_LINK_PAGE];
} wire_heartbeat;

void weir_wire_put(uint8_t *into, uint64_t value, size_t bytes);

void weir_wire_put_header(uint8_t into[WEIR_LINK_HEADER_BYTES], const wire_header *header);
void weir_wire_put_data(uint8_t into[WIRE_DATA_BYTES], uint32_t group, uint8_t index);
/* What stands before the shard, whose bytes are not looked at. */
void weir_wire_put_parity(uint8_t into[WIRE_PARITY_BYTES], const wire_parity *parity);
void weir_wire_put_piece(uint8_t into[WEIR_LINK_PIECE_HEADER_BYTES], const wire_piece *piece);
/* As much of the index page as fits; the number of its entries that did. */
uint32_t weir_wire_put_heartbeat(weir_buffer *into, const wire_heartbeat *beat);

/* Readers of the world's bytes: false when a field breaks its rule. */
bool weir_wire_get_header(weir_bytes datagram, wire_header *header);
/* The datagram that a header begins: its bytes in all. */
size_t weir_wire_datagram_bytes(const uint8_t header[WEIR_LINK_HEADER_BYTES]);
bool weir_wire_get_data(weir_bytes plaintext, uint32_t *group, uint8_t *index, weir_bytes *pieces);
bool weir_wire_get_parity(weir_bytes plaintext, wire_parity *parity);
/* Takes one piece off the front of `rest`. */
bool weir_wire_get_piece(weir_bytes *rest, wire_piece *piece);
bool weir_wire_get_heartbeat(weir_bytes plaintext, wire_heartbeat *beat);

/* The end-to-end check of a record: what a lost, mixed up or repeated piece, or other content under
 * the same revision, does not pass. Against forgery there is the seal around it. */
uint64_t weir_wire_check(weir_bytes record);

/* Is this a unit's name, 1 to 8 letters and digits, zero padded? */
bool weir_wire_unit(const char unit[WEIR_UNIT_NAME_MAX]);

#endif
