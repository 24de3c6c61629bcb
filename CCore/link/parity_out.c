/* Parity at the sender.
 *
 *   a burst is sent     its sealed datagrams are kept, up to PARITY_DATA_MAX in a group
 *   20 ms later         a third as many parity datagrams over them leave, behind all first sendings
 *                       and before other repeats
 *
 * The copies stay as they are, since a line that goes dark takes the burst and its parity. Where
 * the line is full, parity takes the place of repeats, and the bytes on it are the same.
 *
 * Happy path: join, keep, and in time the rows of the oldest group.
 * What can go wrong: fewer than PARITY_BURST come together; bursts come faster than parity leaves;
 * first sendings hold parity back until the burst lies behind the receiver's replay window.
 * What we do then: no parity for that group; copies bring everything.
 */
#include "parity.h"

#include <string.h>

/* 32 groups of 32 datagrams of 1,500 bytes are 1.5 MB; of 9,000, 9 MB. */
weir_status weir_parity_out_open(weir_parity_out *p, size_t datagram_bytes) {
  WEIR_ASSERT(datagram_bytes > PARITY_AROUND + WIRE_DATAGRAM_MIN);
  p->shard_max = datagram_bytes - PARITY_AROUND;
  size_t kept = (size_t)PARITY_GROUPS_OUT * PARITY_DATA_MAX * p->shard_max;
  size_t rows = (size_t)PARITY_ROWS_MAX * datagram_bytes;
  p->memory = weir_allocate(kept + rows, 1);
  if (p->memory == NULL) return WEIR_OUT_OF_MEMORY;
  for (size_t i = 0; i < PARITY_ROWS_MAX; i++) {
    p->rows[i] = p->memory + kept + i * datagram_bytes;
  }
  return WEIR_OK;
}

void weir_parity_out_close(weir_parity_out *p) {
  weir_free(p->memory);
  p->memory = NULL;
}

static parity_out_group *group_at(weir_parity_out *p, size_t place) {
  WEIR_ASSERT(place < p->count);
  return &p->groups[(p->head + place) % PARITY_GROUPS_OUT];
}

static uint8_t *shard_at(const weir_parity_out *p, const parity_out_group *group, size_t index) {
  return p->memory + ((size_t)(group - p->groups) * PARITY_DATA_MAX + index) * p->shard_max;
}

/* Ends the newest group when it is full or its time is over; too small a burst is none. */
static void close_filled(weir_parity_out *p, uint64_t now_ms) {
  if (!p->filling) return;
  const parity_out_group *newest = group_at(p, p->count - 1);
  if (newest->joined < PARITY_DATA_MAX && now_ms < newest->opened_ms + PARITY_GATHER_MS) return;
  p->filling = false;
  if (newest->joined < PARITY_BURST) p->count--;
}

static void drop_oldest(weir_parity_out *p) {
  p->head = (p->head + 1) % PARITY_GROUPS_OUT;
  p->count--;
}

uint32_t weir_parity_join(weir_parity_out *p, uint64_t now_ms, uint8_t *index) {
  close_filled(p, now_ms);
  if (!p->filling) {
    if (p->count == PARITY_GROUPS_OUT) return 0;
    if (++p->last_id == 0) p->last_id = 1;
    p->count++;
    parity_out_group *fresh = group_at(p, p->count - 1);
    *fresh = (parity_out_group){.id = p->last_id, .opened_ms = now_ms};
    p->filling = true;
  }
  parity_out_group *group = group_at(p, p->count - 1);
  *index = group->joined++;
  return group->id;
}

void weir_parity_keep(weir_parity_out *p, uint32_t id, uint8_t index, weir_bytes sealed,
                      uint64_t sequence) {
  for (size_t place = p->count; place-- > 0;) {
    parity_out_group *group = group_at(p, place);
    if (group->id != id) continue;
    WEIR_ASSERT(index < group->joined && sealed.count <= p->shard_max);
    if (group->kept == 0) group->first_sequence = sequence;
    memcpy(shard_at(p, group, index), sealed.at, sealed.count);
    group->lengths[index] = sealed.count;
    group->kept++;
    return;
  }
}

/* Makes the parity datagrams of a whole group. */
static void encode(weir_parity_out *p, const parity_out_group *group) {
  uint8_t *data[PARITY_DATA_MAX], *parity[PARITY_ROWS_MAX];
  unsigned k = group->kept, m = (k + PARITY_SHARE - 1) / PARITY_SHARE;
  size_t bytes = 0;
  for (unsigned i = 0; i < k; i++) {
    if (group->lengths[i] > bytes) bytes = group->lengths[i];
  }
  for (unsigned i = 0; i < k; i++) {
    data[i] = shard_at(p, group, i);
    memset(data[i] + group->lengths[i], 0, bytes - group->lengths[i]);
  }
  wire_parity parity_of = {.group = group->id, .k = (uint8_t)k, .m = (uint8_t)m};
  parity_of.shard = weir_view(NULL, bytes);
  for (unsigned i = 0; i < m; i++) {
    parity_of.index = (uint8_t)i;
    uint8_t *plain = p->rows[i] + WEIR_LINK_HEADER_BYTES;
    weir_wire_put_parity(plain, &parity_of);
    parity[i] = plain + WIRE_PARITY_BYTES;
  }
  weir_status status = weir_fec_encode(data, k, bytes, parity, m);
  WEIR_ASSERT(status == WEIR_OK);
  p->row = 0;
  p->row_count = m;
  p->row_bytes = WIRE_PARITY_BYTES + bytes;
}

void weir_parity_rows_free(weir_parity_out *p) {
  p->rows_lent = false;
}

uint8_t *weir_parity_row(weir_parity_out *p, uint64_t now_ms, uint64_t sequence) {
  close_filled(p, now_ms);
  if (p->row == p->row_count && !p->rows_lent && p->count > (p->filling ? 1 : 0)) {
    const parity_out_group *oldest = group_at(p, 0);
    if (oldest->kept < oldest->joined || now_ms < oldest->opened_ms + PARITY_AFTER_MS) return NULL;
    bool late = sequence - oldest->first_sequence >= WEIR_REPLAY_WINDOW / 2;
    if (!late) encode(p, oldest);
    drop_oldest(p);
  }
  if (p->row == p->row_count) return NULL;
  p->rows_lent = true;
  return p->rows[p->row++];
}

uint64_t weir_parity_next(const weir_parity_out *p) {
  if (p->row < p->row_count) return 0;
  return p->count == 0 ? UINT64_MAX : p->groups[p->head].opened_ms + PARITY_AFTER_MS;
}
