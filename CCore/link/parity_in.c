/* Parity at the receiver.
 *
 *   a datagram of a group came    its sealed bytes are held, in the order of coming
 *   parity came                   it says how many there are; as many shards as that, of either
 *                                 kind, give back what is missing, and the group is done
 *
 * What is given back is taken as if it had come by itself: replay window, tag and every rule.
 *
 * Happy path: nothing is missing; the first parity datagram says so, and the group is done.
 * What can go wrong: too much was lost; more groups are under way than there is room for; an
 * authentic sender errs.
 * What we do then: the group waits until it is the least recently touched and another needs its
 * room; what does not fit the group breaks a rule.
 */
#include "parity.h"

#include <string.h>

enum {
  SHARDS = PARITY_GROUPS_IN * PARITY_DATA_MAX,
  PARITY_ROW = 128, /* beside a parity shard's index, while k is unknown */
  BUFFERS = SHARDS + 1 + PARITY_ROWS_MAX
};
/* Of 9,000 bytes each; what smaller datagrams do not use is never touched. */
_Static_assert((size_t)BUFFERS *WEIR_DATAGRAM_MAX <= 10u << 20, "the receiver's parity memory");

weir_status weir_parity_in_open(weir_parity_in *p) {
  p->memory = weir_allocate(BUFFERS, WEIR_DATAGRAM_MAX);
  if (p->memory == NULL) return WEIR_OUT_OF_MEMORY;
  uint8_t *at = p->memory;
  for (size_t i = 0; i < SHARDS; i++, at += WEIR_DATAGRAM_MAX) p->shards[i] = at;
  p->spare = at;
  for (size_t i = 0; i < PARITY_ROWS_MAX; i++) p->restored[i] = at += WEIR_DATAGRAM_MAX;
  return WEIR_OK;
}

void weir_parity_in_close(weir_parity_in *p) {
  weir_free(p->memory);
  p->memory = NULL;
}

void weir_parity_came(weir_parity_in *p, weir_bytes sealed) {
  WEIR_ASSERT(p->next == p->count); /* or else something would be lost silently */
  WEIR_ASSERT(sealed.count <= WEIR_DATAGRAM_MAX);
  memcpy(p->spare, sealed.at, sealed.count);
  p->spare_bytes = sealed.count;
}

/* Where the stream's own bytes begin in a header. */
static const uint8_t *stream_of(const uint8_t *header) {
  return header + 4;
}

static parity_in_group *group_of(weir_parity_in *p, uint32_t id) {
  const uint8_t *stream = stream_of(p->spare);
  parity_in_group *least = &p->groups[0];
  for (size_t i = 0; i < PARITY_GROUPS_IN; i++) {
    parity_in_group *group = &p->groups[i];
    if (group->id == id && memcmp(group->stream, stream, sizeof group->stream) == 0) {
      group->touched = ++p->touches;
      return group;
    }
    if (group->touched < least->touched) least = group;
  }
  *least = (parity_in_group){.id = id, .touched = ++p->touches};
  memcpy(least->stream, stream, sizeof least->stream);
  return least;
}

static uint8_t **shard_at(weir_parity_in *p, const parity_in_group *group, size_t place) {
  return &p->shards[(size_t)(group - p->groups) * PARITY_DATA_MAX + place];
}

/* Puts the shard that lies in `spare` into the group; false when it has that row. */
static bool add(weir_parity_in *p, parity_in_group *group, uint8_t row, size_t count) {
  WEIR_ASSERT(group->have < PARITY_DATA_MAX);
  for (unsigned i = 0; i < group->have; i++) {
    if (group->rows[i] == row) return false;
  }
  uint8_t **place = shard_at(p, group, group->have), *taken = p->spare;
  p->spare = *place;
  *place = taken;
  group->rows[group->have] = row;
  group->lengths[group->have] = (uint16_t)count;
  group->have++;
  if (row < PARITY_ROW) group->data++;
  return true;
}

/* Gives back what is missing. False: what is here does not fit together. */
static bool restore(weir_parity_in *p, parity_in_group *group) {
  uint8_t *shards[PARITY_DATA_MAX], rows[PARITY_DATA_MAX], missing[PARITY_DATA_MAX];
  bool here[PARITY_DATA_MAX] = {false};
  for (unsigned i = 0; i < group->k; i++) {
    uint8_t row = group->rows[i];
    bool parity = row >= PARITY_ROW;
    if (!parity && (row >= group->k || group->lengths[i] > group->shard_bytes)) return false;
    if (!parity) here[row] = true;
    rows[i] = parity ? (uint8_t)(group->k + row - PARITY_ROW) : row;
    shards[i] = *shard_at(p, group, i);
    memset(shards[i] + group->lengths[i], 0, group->shard_bytes - group->lengths[i]);
  }
  unsigned count = 0;
  for (unsigned row = 0; row < group->k; row++) {
    if (!here[row]) missing[count++] = (uint8_t)row;
  }
  WEIR_ASSERT(count <= PARITY_ROWS_MAX);
  weir_fec_loss loss = {.k = group->k,
                        .bytes = group->shard_bytes,
                        .shards = shards,
                        .rows = rows,
                        .missing = p->restored,
                        .missing_rows = missing,
                        .missing_count = count};
  weir_status status = weir_fec_restore(&loss);
  WEIR_ASSERT(status == WEIR_OK);
  p->next = 0;
  p->count = count;
  p->restored_bytes = group->shard_bytes;
  return true;
}

/* Is there enough now? False: what is here does not fit together. */
static bool settle(weir_parity_in *p, parity_in_group *group) {
  if (group->shard_bytes == 0 || group->have < group->k) return true;
  group->done = true;
  return group->data >= group->k || restore(p, group);
}

void weir_parity_hold(weir_parity_in *p, uint32_t id, uint8_t index) {
  WEIR_ASSERT(index < PARITY_DATA_MAX); /* the reader of datagrams lets no other one pass */
  parity_in_group *group = group_of(p, id);
  if (group->done || group->have == PARITY_DATA_MAX) return;
  if (add(p, group, index, p->spare_bytes)) (void)settle(p, group);
}

bool weir_parity_take(weir_parity_in *p, weir_bytes plaintext) {
  wire_parity parity;
  if (!weir_wire_get_parity(plaintext, &parity)) return false;
  parity_in_group *group = group_of(p, parity.group);
  if (group->done) return true;
  bool first = group->shard_bytes == 0;
  bool same =
      group->k == parity.k && group->m == parity.m && group->shard_bytes == parity.shard.count;
  if (!first && !same) return false;
  group->k = parity.k;
  group->m = parity.m;
  group->shard_bytes = (uint16_t)parity.shard.count;
  if (group->have < group->k) {
    memcpy(p->spare, parity.shard.at, parity.shard.count);
    (void)add(p, group, (uint8_t)(PARITY_ROW + parity.index), parity.shard.count);
  }
  return settle(p, group);
}

bool weir_parity_restored(weir_parity_in *p, uint8_t **datagram, size_t *count) {
  if (p->next == p->count) return false;
  *datagram = p->restored[p->next++];
  size_t whole = weir_wire_datagram_bytes(*datagram);
  *count = whole < p->restored_bytes ? whole : p->restored_bytes;
  return true;
}
