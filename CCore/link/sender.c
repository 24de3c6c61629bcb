/* The sender: records in, sealed datagrams out.
 *
 * Plaintexts are built in two rings of slots taken at open, danger's and the others', so that
 * danger overtakes what was packed before it. The last slot of a ring may be open, so that small
 * records share it; the ones before are closed and wait to be taken. A datagram gets its sequence
 * and its seal when it is taken, so that sequences rise in the order of the wire.
 *
 * Happy path: due → pack → take, and a heartbeat four times a second that overtakes the rings.
 * Bursts of first sendings are followed by parity (parity_out.c).
 * What can go wrong: the caller packs faster than it takes; what was due is settled or superseded
 * while its bytes were being read; a record is longer than any may be.
 * What we do then: FULL until datagrams are taken; AGAIN; TOO_LONG, and the record waits for its
 * next time, so that it never stands in the way of the others.
 * The kernel refuses a datagram: the copies with a piece in it were none, and are taken back.
 */
#include "copies.h"
#include "parity.h"
#include "schedule.h"

#include <string.h>

enum {
  MTU_MIN = 576,
  IP_UDP_BYTES = 28,
  CAPACITY_MAX = 1 << 28,
  SLOTS_SPARE = 64,    /* datagrams that may wait beside the pieces of one longest record */
  BEATS_MAX = 8,       /* datagrams of one heartbeat: the newest page and another, in parts */
  INDEX_SEARCH = 4096, /* entries looked at in one beat for a page whose turn it is */
  SEAL_BYTES = WEIR_LINK_HEADER_BYTES + WEIR_SEAL_TAG_BYTES,
  FRAME_BYTES = SEAL_BYTES + WIRE_DATA_BYTES,
  PAGE_MIN = MTU_MIN - IP_UDP_BYTES - SEAL_BYTES - WIRE_HEARTBEAT_BYTES - 4
};
_Static_assert(MTU_MIN - IP_UDP_BYTES - PARITY_AROUND - FRAME_BYTES -
                       WEIR_LINK_PIECE_HEADER_BYTES >=
                   WEIR_RECORD_BYTES_MAX / WEIR_LINK_PIECES_MAX,
               "the least datagram carries a piece of the least size");

/* What the least datagram holds of a page, even when every revision takes five bytes. */
_Static_assert(2 * ((WEIR_LINK_PAGE * 5 + PAGE_MIN - 1) / PAGE_MIN) <= BEATS_MAX,
               "two pages in their parts");

typedef struct sender_slot {
  uint8_t *datagram;
  size_t used; /* bytes of pieces; of a heartbeat, of its plaintext */
  bool first;  /* first sendings are in it */
  uint8_t index;
  uint32_t group; /* of parity, and its place there; 0: none */
} sender_slot;

/* Datagrams being filled: from `head` on `closed` ones, and the one behind them may be open. */
typedef struct sender_ring {
  sender_slot *slots;
  size_t head, closed;
  size_t firsts; /* slots with first sendings */
  weir_copies copies;
} sender_ring;

enum { RING_DANGER, RING_OTHERS, RINGS };

struct weir_link_sender {
  weir_schedule schedule;
  weir_sealer *sealer;
  wire_header header;
  schedule_entry *named; /* what `due` named, or null */
  sender_ring rings[RINGS];
  sender_slot *slots; /* of all rings */
  uint8_t *memory;
  size_t datagram_bytes;
  size_t slot_count; /* of each ring */
  size_t room;       /* bytes of pieces that a datagram holds */
  size_t packed;     /* bytes of pieces that wait */
  size_t beat_bytes; /* of a heartbeat's plaintext, at the most */
  bool with_parity;
  weir_parity_out parity;
  uint64_t now_ms; /* of the last pack or heartbeat */
  sender_slot beats[BEATS_MAX];
  size_t beat_head, beat_count; /* of the last heartbeat, those not taken yet */
  uint64_t beat_next_ms;
  uint32_t index_cursor; /* the entry at which the search for the next page goes on */
  uint8_t index_round;
  weir_link_sender_counts counts;
};

/* ---- Opening and closing ---- */

static weir_status open_slots(weir_link_sender *s, size_t datagram_bytes) {
  s->beat_bytes = datagram_bytes - SEAL_BYTES;
  s->room = datagram_bytes - FRAME_BYTES - (s->with_parity ? PARITY_AROUND : 0);
  size_t piece = s->room - WEIR_LINK_PIECE_HEADER_BYTES;
  s->slot_count = (WEIR_RECORD_BYTES_MAX + piece - 1) / piece; /* one longest record */
  s->slot_count += SLOTS_SPARE;
  s->slots = weir_allocate(RINGS * s->slot_count, sizeof s->slots[0]);
  s->memory = weir_allocate(RINGS * s->slot_count + BEATS_MAX, datagram_bytes);
  if (s->slots == NULL || s->memory == NULL) return WEIR_OUT_OF_MEMORY;
  s->datagram_bytes = datagram_bytes;
  uint8_t *at = s->memory;
  for (size_t i = 0; i < RINGS * s->slot_count; i++, at += datagram_bytes) {
    s->slots[i].datagram = at;
  }
  for (size_t i = 0; i < BEATS_MAX; i++, at += datagram_bytes) s->beats[i].datagram = at;
  const size_t pieces_max = s->room / (WEIR_LINK_PIECE_HEADER_BYTES + 1);
  weir_status status = WEIR_OK;
  for (size_t i = 0; i < RINGS && status == WEIR_OK; i++) {
    s->rings[i].slots = s->slots + i * s->slot_count;
    status = weir_copies_open(&s->rings[i].copies, s->slot_count, pieces_max);
  }
  return status;
}

weir_status weir_link_sender_open(const weir_link_sender_options *options, weir_link_sender **out) {
  if (options->mtu < MTU_MIN || options->mtu > WEIR_MTU_MAX) return WEIR_INVALID;
  if (options->capacity == 0 || options->capacity > CAPACITY_MAX) return WEIR_INVALID;
  if (!weir_wire_unit(options->id.unit)) return WEIR_INVALID;
  weir_link_sender *s = weir_allocate(1, sizeof *s);
  if (s == NULL) return WEIR_OUT_OF_MEMORY;
  uint32_t epoch = weir_keyring_newest(options->keys);
  s->header.id = options->id;
  s->header.key_epoch = epoch;
  s->header.suite = (uint8_t)weir_keyring_suite(options->keys, epoch);
  s->beat_next_ms = options->now_ms;
  s->index_round = 1;
  weir_status status = weir_sealer_open(options->keys, epoch, &options->id, &s->sealer);
  if (status == WEIR_OK)
    status = weir_schedule_open(&s->schedule, options->capacity, options->rate);
  s->schedule.turn_ms = options->turn_ms;
  s->with_parity = options->parity;
  const size_t datagram_bytes = options->mtu - IP_UDP_BYTES;
  if (status == WEIR_OK) status = open_slots(s, datagram_bytes);
  if (status == WEIR_OK && s->with_parity) {
    status = weir_parity_out_open(&s->parity, datagram_bytes);
  }
  if (status != WEIR_OK) {
    weir_link_sender_close(s);
    return status;
  }
  *out = s;
  return WEIR_OK;
}

void weir_link_sender_close(weir_link_sender *s) {
  if (s == NULL) return;
  weir_sealer_close(s->sealer);
  weir_schedule_close(&s->schedule);
  weir_parity_out_close(&s->parity);
  for (size_t i = 0; i < RINGS; i++) weir_copies_close(&s->rings[i].copies);
  weir_free(s->slots);
  weir_free(s->memory);
  weir_free(s);
}

/* ---- What is due ---- */

void weir_link_sender_bound_repeats(weir_link_sender *s, uint64_t rate) {
  s->schedule.repeat_rate = rate;
}

weir_status weir_link_sender_offer(weir_link_sender *s, uint64_t crossing, uint32_t revision,
                                   uint8_t lane, uint64_t now_ms) {
  WEIR_ASSERT(crossing > 0 && revision > 0);
  WEIR_ASSERT(lane < WEIR_LINK_LANES);
  if (s->named != NULL && s->named->crossing == crossing && s->named->revision < revision) {
    s->named = NULL; /* the bytes being fetched are the older revision's */
  }
  return weir_schedule_offer(&s->schedule, crossing, revision, lane, now_ms);
}

bool weir_link_sender_again(weir_link_sender *s, uint64_t crossing, uint64_t now_ms) {
  schedule_entry *entry = weir_schedule_find(&s->schedule, crossing);
  if (entry == NULL) return false;
  if (s->named == entry) s->named = NULL;
  weir_schedule_again(&s->schedule, entry, now_ms);
  return true;
}

void weir_link_sender_settle(weir_link_sender *s, uint64_t crossing) {
  schedule_entry *entry = weir_schedule_find(&s->schedule, crossing);
  if (entry == NULL) return;
  if (s->named == entry) s->named = NULL;
  weir_schedule_settle(&s->schedule, entry);
}

bool weir_link_sender_due(weir_link_sender *s, uint64_t now_ms, uint64_t *crossing,
                          uint32_t *revision) {
  s->named = weir_schedule_due(&s->schedule, now_ms);
  if (s->named == NULL) return false;
  *crossing = s->named->crossing;
  *revision = s->named->revision;
  return true;
}

void weir_link_sender_skip(weir_link_sender *s, uint64_t now_ms) {
  if (s->named == NULL) return;
  weir_schedule_advance(&s->schedule, s->named, now_ms, 0);
  s->named = NULL;
}

/* ---- Packing ---- */

static sender_slot *ring_slot(const weir_link_sender *s, const sender_ring *ring) {
  WEIR_ASSERT(ring->closed < s->slot_count);
  return &ring->slots[(ring->head + ring->closed) % s->slot_count];
}

/* Bytes in the open datagram; 0: none is open. */
static size_t ring_open_bytes(const weir_link_sender *s, const sender_ring *ring) {
  return ring->closed < s->slot_count ? ring_slot(s, ring)->used : 0;
}

static void ring_close(weir_link_sender *s, sender_ring *ring) {
  if (ring_open_bytes(s, ring) > 0) ring->closed++;
}

/* Begins a datagram; one of first sendings joins a group of parity. Danger's never do: it has
 * repeats enough, and nothing of it lies beside what others lost. */
static void slot_begin(weir_link_sender *s, sender_ring *ring, sender_slot *slot, bool first) {
  slot->first = false;
  weir_copies_clear(&ring->copies, (size_t)(slot - ring->slots));
  slot->group = 0;
  slot->index = 0;
  if (first && s->with_parity && ring == &s->rings[RING_OTHERS]) {
    slot->group = weir_parity_join(&s->parity, s->now_ms, &slot->index);
  }
  weir_wire_put_data(slot->datagram + WEIR_LINK_HEADER_BYTES, slot->group, slot->index);
}

static void pack_piece(weir_link_sender *s, sender_ring *ring, const wire_piece *piece,
                       const packed_copy *copy, bool first) {
  sender_slot *slot = ring_slot(s, ring);
  if (slot->used == 0) slot_begin(s, ring, slot, first);
  if (first && !slot->first) {
    slot->first = true;
    ring->firsts++;
  }
  uint8_t *at = slot->datagram + WEIR_LINK_HEADER_BYTES + WIRE_DATA_BYTES + slot->used;
  weir_wire_put_piece(at, piece);
  memcpy(at + WEIR_LINK_PIECE_HEADER_BYTES, piece->bytes.at, piece->bytes.count);
  slot->used += WEIR_LINK_PIECE_HEADER_BYTES + piece->bytes.count;
  s->packed += WEIR_LINK_PIECE_HEADER_BYTES + piece->bytes.count;
  WEIR_ASSERT(slot->used <= s->room);
  weir_copies_add(&ring->copies, (size_t)(slot - ring->slots), copy);
  /* What can hold no further piece need not wait for one. */
  if (s->room - slot->used <= WEIR_LINK_PIECE_HEADER_BYTES) ring_close(s, ring);
}

/* Puts the whole record into its ring: the bytes it takes on the wire, or 0 when the ring has no
 * room for all of it. */
static uint32_t pack_record(weir_link_sender *s, const schedule_entry *entry, weir_bytes record,
                            int64_t wall_ms, bool first) {
  sender_ring *ring = &s->rings[entry->lane == WEIR_LANE_DANGER ? RING_DANGER : RING_OTHERS];
  size_t piece_max = s->room - WEIR_LINK_PIECE_HEADER_BYTES;
  size_t piece_bytes = record.count < piece_max ? record.count : piece_max;
  size_t pieces = (record.count + piece_bytes - 1) / piece_bytes;
  size_t plain = record.count + pieces * WEIR_LINK_PIECE_HEADER_BYTES;
  size_t open = ring_open_bytes(s, ring);
  bool shares = open > 0 && plain <= s->room - open;
  if (!shares) {
    if (ring->closed + (open > 0) + pieces > s->slot_count) return 0;
    ring_close(s, ring);
  }
  wire_piece piece = {.crossing = entry->crossing,
                      .revision = entry->revision,
                      .lane = entry->lane,
                      .sent_ms = entry->first_ms,
                      .check = weir_wire_check(record),
                      .record_bytes = (uint32_t)record.count,
                      .piece_bytes = (uint16_t)piece_bytes};
  const packed_copy copy = {.crossing = entry->crossing,
                            .number = s->counts.records + 1,
                            .last_ms = wall_ms,
                            .earlier_ms = entry->last_ms};
  for (size_t i = 0; i < pieces; i++) {
    size_t offset = i * piece_bytes;
    size_t left = record.count - offset;
    piece.index = (uint16_t)i;
    piece.bytes = weir_view(record.at + offset, left < piece_bytes ? left : piece_bytes);
    pack_piece(s, ring, &piece, &copy, first);
  }
  /* Its share of what stands around a full datagram. */
  return (uint32_t)(plain + plain * (FRAME_BYTES + WEIR_LINK_AROUND_IPV4) / s->room + 1);
}

weir_status weir_link_sender_pack(weir_link_sender *s, weir_bytes record, uint64_t now_ms,
                                  int64_t wall_ms) {
  schedule_entry *entry = s->named;
  if (entry == NULL) return WEIR_AGAIN;
  if (record.count == 0 || record.count > WEIR_RECORD_BYTES_MAX) {
    weir_link_sender_skip(s, now_ms);
    return record.count == 0 ? WEIR_INVALID : WEIR_TOO_LONG;
  }
  const int64_t first_before_ms = entry->first_ms;
  const bool first = entry->sent_revision != entry->revision;
  if (entry->first_ms == 0) entry->first_ms = wall_ms;
  s->now_ms = now_ms;
  weir_parity_rows_free(&s->parity);
  uint32_t wire_bytes = pack_record(s, entry, record, wall_ms, first);
  if (wire_bytes == 0) {
    entry->first_ms = first_before_ms;
    return WEIR_FULL;
  }
  entry->last_ms = wall_ms;
  if (entry->copies < UINT32_MAX) entry->copies++;
  entry->sent_revision = entry->revision;
  if (entry->crossing > s->counts.highest) s->counts.highest = entry->crossing;
  s->counts.records++;
  weir_schedule_advance(&s->schedule, entry, now_ms, wire_bytes);
  s->named = NULL;
  return WEIR_OK;
}

/* ---- Heartbeats ---- */

/* The page of a crossing: the latest sent revisions of the numbers around it. */
static void beat_read_page(weir_link_sender *s, uint64_t crossing, wire_heartbeat *beat) {
  beat->index_first = crossing - (crossing - 1) % WEIR_LINK_PAGE;
  beat->index_count = WEIR_LINK_PAGE;
  for (uint32_t i = 0; i < WEIR_LINK_PAGE; i++) {
    schedule_entry *entry = weir_schedule_find(&s->schedule, beat->index_first + i);
    beat->index[i] = entry == NULL ? 0 : entry->sent_revision;
    if (entry != NULL) entry->indexed = s->index_round;
  }
  while (beat->index_count > 0 && beat->index[beat->index_count - 1] == 0) beat->index_count--;
}

/* Queues a heartbeat with its page, in as many datagrams as it takes. */
static void beat_put(weir_link_sender *s, wire_heartbeat *beat) {
  do {
    WEIR_ASSERT(s->beat_count < BEATS_MAX);
    sender_slot *slot = &s->beats[s->beat_count++];
    weir_buffer plain = weir_buffer_over(slot->datagram + WEIR_LINK_HEADER_BYTES, s->beat_bytes);
    uint32_t put = weir_wire_put_heartbeat(&plain, beat);
    slot->used = plain.count;
    beat->index_first += put;
    beat->index_count -= put;
    memmove(beat->index, beat->index + put, beat->index_count * sizeof beat->index[0]);
  } while (beat->index_count > 0);
}

/* A sent crossing whose page has not gone out in this round; null when none was found now. */
static const schedule_entry *beat_next_page(weir_link_sender *s) {
  for (unsigned i = 0; i < INDEX_SEARCH; i++) {
    if (s->index_cursor >= s->schedule.touched) {
      s->index_cursor = 0;
      s->index_round = s->index_round == UINT8_MAX ? 1 : s->index_round + 1;
      return NULL;
    }
    const schedule_entry *entry = &s->schedule.entries[s->index_cursor++];
    if (entry->sent_revision != 0 && entry->indexed != s->index_round) return entry;
  }
  return NULL;
}

void weir_link_sender_heartbeat(weir_link_sender *s, uint64_t now_ms, int64_t wall_ms,
                                uint32_t open_danger) {
  s->now_ms = now_ms;
  weir_parity_rows_free(&s->parity);
  if (now_ms < s->beat_next_ms) return;
  s->beat_next_ms += WEIR_LINK_HEARTBEAT_MS;
  if (s->beat_next_ms <= now_ms) s->beat_next_ms = now_ms + WEIR_LINK_HEARTBEAT_MS;
  s->beat_head = s->beat_count = 0; /* what nobody took is out of date */
  wire_heartbeat beat = {.wall_ms = wall_ms,
                         .boot_ms = now_ms,
                         .highest = s->counts.highest,
                         .open_danger = open_danger};
  if (s->counts.highest > 0) beat_read_page(s, s->counts.highest, &beat);
  beat_put(s, &beat);
  const schedule_entry *other = beat_next_page(s);
  if (other != NULL) {
    beat_read_page(s, other->crossing, &beat);
    beat_put(s, &beat);
  }
  s->counts.heartbeats++;
}

/* ---- Datagrams out ---- */

static weir_bytes take_sealed(weir_link_sender *s, uint8_t *datagram, size_t plain_bytes) {
  if (!WEIR_CANARY(NONCE_AGAIN) || s->header.sequence % 50 != 49) s->header.sequence++;
  s->header.ciphertext_bytes = (uint16_t)plain_bytes;
  weir_wire_put_header(datagram, &s->header);
  uint8_t *plain = datagram + WEIR_LINK_HEADER_BYTES;
  weir_status status =
      weir_sealer_seal(s->sealer, s->header.sequence, weir_view(datagram, WEIR_LINK_HEADER_BYTES),
                       plain, plain_bytes, plain + plain_bytes);
  WEIR_ASSERT(status == WEIR_OK); /* nothing of the world's goes into it */
  size_t count = WEIR_LINK_HEADER_BYTES + plain_bytes + WEIR_SEAL_TAG_BYTES;
  s->counts.datagrams++;
  s->counts.bytes += count;
  return weir_view(datagram, count);
}

/* The oldest closed datagram of a ring. */
static weir_bytes take_slot(weir_link_sender *s, sender_ring *ring) {
  sender_slot *slot = &ring->slots[ring->head];
  weir_bytes sealed = take_sealed(s, slot->datagram, WIRE_DATA_BYTES + slot->used);
  if (slot->group != 0) {
    weir_parity_keep(&s->parity, slot->group, slot->index, sealed, s->header.sequence);
  }
  ring->firsts -= slot->first;
  s->packed -= slot->used;
  slot->used = 0;
  ring->head = (ring->head + 1) % s->slot_count;
  ring->closed--;
  return sealed;
}

weir_bytes weir_link_sender_take(weir_link_sender *s, bool flush) {
  if (s->beat_head < s->beat_count) {
    sender_slot *beat = &s->beats[s->beat_head++];
    return take_sealed(s, beat->datagram, beat->used);
  }
  sender_ring *danger = &s->rings[RING_DANGER], *ring = &s->rings[RING_OTHERS];
  if (danger->closed == 0 && (flush || ring->closed > 0)) ring_close(s, danger);
  if (danger->closed > 0) return take_slot(s, danger);
  if (ring->firsts == 0 && s->with_parity) {
    uint8_t *row = weir_parity_row(&s->parity, s->now_ms, s->header.sequence);
    if (row != NULL) {
      s->counts.parity++;
      return take_sealed(s, row, s->parity.row_bytes);
    }
  }
  if (ring->closed == 0 && flush) ring_close(s, ring);
  return ring->closed == 0 ? weir_view(NULL, 0) : take_slot(s, ring);
}

void weir_link_sender_refused(weir_link_sender *s, const weir_bytes *datagrams, size_t count) {
  for (size_t i = 0; i < RINGS; i++) weir_copies_refuse_begin(&s->rings[i].copies);
  while (count-- > 0) {
    const uintptr_t first = (uintptr_t)s->memory, at = (uintptr_t)datagrams[count].at;
    const size_t index = at < first ? SIZE_MAX : (at - first) / s->datagram_bytes;
    if (index >= RINGS * s->slot_count) continue; /* a heartbeat's or parity's */
    weir_copies *copies = &s->rings[index / s->slot_count].copies;
    weir_copies_refuse(copies, &s->schedule, index % s->slot_count);
  }
}

size_t weir_link_sender_packed(const weir_link_sender *s) {
  return s->packed;
}

uint64_t weir_link_sender_next(const weir_link_sender *s) {
  uint64_t next_ms = weir_schedule_next(&s->schedule);
  if (s->beat_next_ms < next_ms) next_ms = s->beat_next_ms;
  uint64_t parity_ms = weir_parity_next(&s->parity);
  return parity_ms < next_ms ? parity_ms : next_ms;
}

/* ---- Counts ---- */

bool weir_link_sender_copies(const weir_link_sender *s, uint64_t crossing,
                             weir_link_copies *copies) {
  const schedule_entry *entry = weir_schedule_find(&s->schedule, crossing);
  if (entry == NULL) return false;
  const bool sent = entry->sent_revision == entry->revision;
  *copies = (weir_link_copies){.count = entry->copies,
                               .last_ms = entry->last_ms,
                               .revision = entry->revision,
                               .first_ms = sent ? entry->first_ms : 0};
  return true;
}

void weir_link_sender_restore_copies(weir_link_sender *s, uint64_t crossing,
                                     const weir_link_copies *copies) {
  schedule_entry *entry = weir_schedule_find(&s->schedule, crossing);
  if (entry == NULL) return;
  const uint32_t room = UINT32_MAX - entry->copies;
  entry->copies += copies->count < room ? copies->count : room;
  if (copies->last_ms > entry->last_ms) entry->last_ms = copies->last_ms;
  if (copies->revision == entry->revision) entry->first_ms = copies->first_ms;
}

weir_link_sender_counts weir_link_sender_counted(const weir_link_sender *s) {
  weir_link_sender_counts counts = s->counts;
  counts.unsettled = s->schedule.used;
  return counts;
}
