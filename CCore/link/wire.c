/* Reading and writing the bytes of a datagram.
 *
 * Happy path: fields go out and come back in the order of the table in the header.
 * What can go wrong: a byte from the world breaks a rule: a length that does not fit, a name that
 * is no name, a piece outside its record.
 * What we do then: false. The reader has taken nothing on trust: every size is compared with what
 * is left before it is used.
 */
#include "wire.h"

#include <string.h>

_Static_assert(WEIR_LINK_HEADER_BYTES == 1 + 1 + 2 + 4 + 8 + 8 + 16 + 4 + 8, "the header's table");
_Static_assert(WEIR_LINK_PIECE_HEADER_BYTES == 8 + 4 + 1 + 1 + 8 + 8 + 4 + 2 + 2,
               "a piece's table");
_Static_assert(WEIR_RECORD_BYTES_MAX / WEIR_LINK_PIECES_MAX == 256, "the least piece");

void weir_wire_put(uint8_t *into, uint64_t value, size_t bytes) {
  for (size_t i = 0; i < bytes; i++) into[i] = (uint8_t)(value >> (8 * (bytes - 1 - i)));
}

static uint64_t get(const uint8_t *at, size_t bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < bytes; i++) value = value << 8 | at[i];
  return value;
}

void weir_wire_put_header(uint8_t into[WEIR_LINK_HEADER_BYTES], const wire_header *header) {
  into[0] = WIRE_VERSION;
  into[1] = header->suite;
  weir_wire_put(into + 2, header->ciphertext_bytes, 2);
  weir_wire_put(into + 4, header->key_epoch, 4);
  memcpy(into + 8, header->id.unit, 8);
  weir_wire_put(into + 16, header->id.boot_epoch, 8);
  memcpy(into + 24, header->id.boot_id, 16);
  weir_wire_put(into + 40, header->id.stream, 4);
  weir_wire_put(into + 44, header->sequence, 8);
}

bool weir_wire_unit(const char unit[WEIR_UNIT_NAME_MAX]) {
  size_t count = strnlen(unit, WEIR_UNIT_NAME_MAX);
  if (count == 0) return false;
  for (size_t i = 0; i < count; i++) {
    char c = unit[i];
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!letter && !(c >= '0' && c <= '9')) return false;
  }
  for (size_t i = count; i < WEIR_UNIT_NAME_MAX; i++) {
    if (unit[i] != 0) return false;
  }
  return true;
}

bool weir_wire_get_header(weir_bytes datagram, wire_header *header) {
  if (datagram.count < WIRE_DATAGRAM_MIN || datagram.count > WEIR_DATAGRAM_MAX) return false;
  const uint8_t *at = datagram.at;
  if (at[0] != WIRE_VERSION) return false;
  header->suite = at[1];
  header->ciphertext_bytes = (uint16_t)get(at + 2, 2);
  header->key_epoch = (uint32_t)get(at + 4, 4);
  memcpy(header->id.unit, at + 8, 8);
  header->id.boot_epoch = get(at + 16, 8);
  memcpy(header->id.boot_id, at + 24, 16);
  header->id.stream = (uint32_t)get(at + 40, 4);
  header->sequence = get(at + 44, 8);
  size_t expected = datagram.count - WEIR_LINK_HEADER_BYTES - WEIR_SEAL_TAG_BYTES;
  if (header->ciphertext_bytes != expected || header->sequence == 0) return false;
  return weir_suite_name((weir_suite)header->suite) != NULL && weir_wire_unit(header->id.unit);
}

size_t weir_wire_datagram_bytes(const uint8_t header[WEIR_LINK_HEADER_BYTES]) {
  return WEIR_LINK_HEADER_BYTES + (size_t)get(header + 2, 2) + WEIR_SEAL_TAG_BYTES;
}

void weir_wire_put_data(uint8_t into[WIRE_DATA_BYTES], uint32_t group, uint8_t index) {
  into[0] = WIRE_TYPE_DATA;
  weir_wire_put(into + 1, group, 4);
  into[5] = index;
}

bool weir_wire_get_data(weir_bytes plaintext, uint32_t *group, uint8_t *index, weir_bytes *pieces) {
  if (plaintext.count <= WIRE_DATA_BYTES) return false;
  *group = (uint32_t)get(plaintext.at + 1, 4);
  *index = plaintext.at[5];
  *pieces = weir_view(plaintext.at + WIRE_DATA_BYTES, plaintext.count - WIRE_DATA_BYTES);
  return *index < WEIR_LINK_PARITY_DATA_MAX && (*group != 0 || *index == 0);
}

void weir_wire_put_parity(uint8_t into[WIRE_PARITY_BYTES], const wire_parity *parity) {
  into[0] = WIRE_TYPE_PARITY;
  weir_wire_put(into + 1, parity->group, 4);
  into[5] = parity->k;
  into[6] = parity->m;
  into[7] = parity->index;
  weir_wire_put(into + 8, parity->shard.count, 2);
}

bool weir_wire_get_parity(weir_bytes plaintext, wire_parity *parity) {
  if (plaintext.count < WIRE_PARITY_BYTES + WIRE_DATAGRAM_MIN) return false;
  const uint8_t *at = plaintext.at;
  parity->group = (uint32_t)get(at + 1, 4);
  parity->k = at[5];
  parity->m = at[6];
  parity->index = at[7];
  parity->shard = weir_view(at + WIRE_PARITY_BYTES, plaintext.count - WIRE_PARITY_BYTES);
  if (parity->group == 0 || parity->shard.count != get(at + 8, 2)) return false;
  if (parity->k == 0 || parity->k > WEIR_LINK_PARITY_DATA_MAX) return false;
  return parity->m <= WEIR_LINK_PARITY_MAX && parity->index < parity->m;
}

void weir_wire_put_piece(uint8_t into[WEIR_LINK_PIECE_HEADER_BYTES], const wire_piece *piece) {
  weir_wire_put(into, piece->crossing, 8);
  weir_wire_put(into + 8, piece->revision, 4);
  into[12] = piece->lane;
  into[13] = 0;
  weir_wire_put(into + 14, (uint64_t)piece->sent_ms, 8);
  weir_wire_put(into + 22, piece->check, 8);
  weir_wire_put(into + 30, piece->record_bytes, 4);
  weir_wire_put(into + 34, piece->piece_bytes, 2);
  weir_wire_put(into + 36, piece->index, 2);
}

bool weir_wire_get_piece(weir_bytes *rest, wire_piece *piece) {
  if (rest->count < WEIR_LINK_PIECE_HEADER_BYTES) return false;
  const uint8_t *at = rest->at;
  piece->crossing = get(at, 8);
  piece->revision = (uint32_t)get(at + 8, 4);
  piece->lane = at[12];
  piece->sent_ms = (int64_t)get(at + 14, 8);
  piece->check = get(at + 22, 8);
  piece->record_bytes = (uint32_t)get(at + 30, 4);
  piece->piece_bytes = (uint16_t)get(at + 34, 2);
  piece->index = (uint16_t)get(at + 36, 2);
  if (piece->crossing == 0 || piece->revision == 0) return false;
  if (piece->lane >= WEIR_LINK_LANES || at[13] != 0) return false;
  if (piece->record_bytes == 0 || piece->record_bytes > WEIR_RECORD_BYTES_MAX) return false;
  if (piece->piece_bytes == 0) return false;
  piece->pieces = (piece->record_bytes + piece->piece_bytes - 1) / piece->piece_bytes;
  if (piece->pieces > WEIR_LINK_PIECES_MAX || piece->index >= piece->pieces) return false;
  size_t offset = (size_t)piece->index * piece->piece_bytes;
  size_t count = piece->record_bytes - offset;
  if (count > piece->piece_bytes) count = piece->piece_bytes;
  if (rest->count - WEIR_LINK_PIECE_HEADER_BYTES < count) return false;
  piece->bytes = weir_view(at + WEIR_LINK_PIECE_HEADER_BYTES, count);
  size_t taken = WEIR_LINK_PIECE_HEADER_BYTES + count;
  *rest = weir_view(at + taken, rest->count - taken);
  return true;
}

static size_t varint_bytes(uint32_t value) {
  size_t bytes = 1;
  while (value >>= 7) bytes++;
  return bytes;
}

uint32_t weir_wire_put_heartbeat(weir_buffer *into, const wire_heartbeat *beat) {
  WEIR_ASSERT(into->capacity - into->count >= WIRE_HEARTBEAT_BYTES);
  uint8_t *at = into->at + into->count;
  at[0] = WIRE_TYPE_HEARTBEAT;
  weir_wire_put(at + 1, (uint64_t)beat->wall_ms, 8);
  weir_wire_put(at + 9, beat->boot_ms, 8);
  weir_wire_put(at + 17, beat->highest, 8);
  weir_wire_put(at + 25, beat->open_danger, 4);
  into->count += WIRE_HEARTBEAT_BYTES;
  uint32_t put = 0;
  while (put < beat->index_count &&
         varint_bytes(beat->index[put]) <= into->capacity - into->count) {
    weir_put_varint(into, beat->index[put++]);
  }
  weir_wire_put(at + 29, put > 0 ? beat->index_first : 0, 8);
  weir_wire_put(at + 37, put, 2);
  return put;
}

bool weir_wire_get_heartbeat(weir_bytes plaintext, wire_heartbeat *beat) {
  if (plaintext.count < WIRE_HEARTBEAT_BYTES) return false;
  const uint8_t *at = plaintext.at;
  beat->wall_ms = (int64_t)get(at + 1, 8);
  beat->boot_ms = get(at + 9, 8);
  beat->highest = get(at + 17, 8);
  beat->open_danger = (uint32_t)get(at + 25, 4);
  beat->index_first = get(at + 29, 8);
  beat->index_count = (uint32_t)get(at + 37, 2);
  if (beat->index_count > WEIR_LINK_PAGE) return false;
  if ((beat->index_first == 0) != (beat->index_count == 0)) return false;
  if (beat->index_first > UINT64_MAX - WEIR_LINK_PAGE) return false;
  weir_reader rest = weir_reader_over(
      weir_view(at + WIRE_HEARTBEAT_BYTES, plaintext.count - WIRE_HEARTBEAT_BYTES));
  for (uint32_t i = 0; i < beat->index_count; i++) {
    uint64_t revision = weir_get_varint(&rest);
    if (revision > UINT32_MAX) return false;
    beat->index[i] = (uint32_t)revision;
  }
  return !rest.bad && rest.left == 0;
}

uint64_t weir_wire_check(weir_bytes record) {
  const uint64_t seed = UINT64_C(0x776569726c696e6b); /* "weirlink" */
  return weir_hash(seed, record);
}
