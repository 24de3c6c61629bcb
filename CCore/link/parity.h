/* Parity of bursts: groups of sealed datagrams, on either side of the line. */
#ifndef WEIR_LINK_PARITY_H
#define WEIR_LINK_PARITY_H

#include "wire.h"

#include "weir_fec.h"

enum {
  PARITY_BURST = 8,                            /* datagrams of the least group */
  PARITY_DATA_MAX = WEIR_LINK_PARITY_DATA_MAX, /* and of the largest */
  PARITY_SHARE = 3,                            /* a parity datagram for so many, */
  PARITY_ROWS_MAX = WEIR_LINK_PARITY_MAX,
  PARITY_GATHER_MS = 10, /* a burst is what leaves in this time; */
  PARITY_AFTER_MS = 20,  /* its parity leaves so long after its first datagram */
  PARITY_GROUPS_OUT = 32,
  PARITY_GROUPS_IN = 32,
  /* The longest shard: a datagram less what stands around a shard. */
  PARITY_AROUND = WEIR_LINK_HEADER_BYTES + WIRE_PARITY_BYTES + WEIR_SEAL_TAG_BYTES,
  PARITY_STREAM_BYTES = 4 + 8 + 8 + 16 + 4 /* key epoch, unit, boot epoch, boot id, stream */
};
_Static_assert((PARITY_DATA_MAX + PARITY_SHARE - 1) / PARITY_SHARE == PARITY_ROWS_MAX, "its share");
_Static_assert((int)PARITY_DATA_MAX <= (int)WEIR_FEC_DATA_MAX, "data of one code");
_Static_assert((int)PARITY_ROWS_MAX <= (int)WEIR_FEC_PARITY_MAX, "rows that can be made");

/* ---- Sender ---- */

typedef struct parity_out_group {
  uint32_t id;
  uint64_t opened_ms;
  uint64_t first_sequence; /* of the first datagram that was kept */
  uint8_t joined, kept;    /* datagrams that have their place, and that were sealed */
  size_t lengths[PARITY_DATA_MAX];
} parity_out_group;

typedef struct weir_parity_out {
  parity_out_group groups[PARITY_GROUPS_OUT]; /* from `head` on `count`, oldest first */
  size_t head, count;
  bool filling; /* the newest takes datagrams still */
  uint32_t last_id;
  size_t shard_max;
  uint8_t *memory; /* PARITY_DATA_MAX shards of each group, then PARITY_ROWS_MAX datagrams */
  uint8_t *rows[PARITY_ROWS_MAX];
  size_t row_bytes; /* of a row's plaintext */
  unsigned row, row_count;
  bool rows_lent; /* the last group's datagrams may be under way still */
} weir_parity_out;

weir_status weir_parity_out_open(weir_parity_out *p, size_t datagram_bytes);
void weir_parity_out_close(weir_parity_out *p);
/* A new datagram of first sendings: the group that it joins and its place there; 0: none. */
uint32_t weir_parity_join(weir_parity_out *p, uint64_t now_ms, uint8_t *index);
/* It was sealed. */
void weir_parity_keep(weir_parity_out *p, uint32_t group, uint8_t index, weir_bytes sealed,
                      uint64_t sequence);
/* What was taken before is sent: its memory may be used again. */
void weir_parity_rows_free(weir_parity_out *p);
/* The next parity datagram that is due, to be sealed in place: its plaintext has `row_bytes`; null
 * when none is. */
uint8_t *weir_parity_row(weir_parity_out *p, uint64_t now_ms, uint64_t sequence);
/* When one will be due; UINT64_MAX: unknown. */
uint64_t weir_parity_next(const weir_parity_out *p);

/* ---- Receiver ---- */

typedef struct parity_in_group {
  uint8_t stream[PARITY_STREAM_BYTES];
  uint32_t id; /* 0: free */
  bool done;   /* nothing more is expected of it */
  uint8_t k, m;
  uint16_t shard_bytes; /* 0: no parity came yet */
  uint8_t have, data;   /* shards that are here, and data among them */
  uint8_t rows[PARITY_DATA_MAX];
  uint16_t lengths[PARITY_DATA_MAX];
  uint64_t touched;
} parity_in_group;

typedef struct weir_parity_in {
  parity_in_group groups[PARITY_GROUPS_IN];
  uint8_t *shards[PARITY_GROUPS_IN * PARITY_DATA_MAX];
  uint8_t *spare; /* the datagram that is being looked at, as it came */
  size_t spare_bytes;
  uint8_t *restored[PARITY_ROWS_MAX]; /* from `next` to `count` they wait */
  unsigned next, count;
  size_t restored_bytes;
  uint8_t *memory;
  uint64_t touches;
} weir_parity_in;

weir_status weir_parity_in_open(weir_parity_in *p);
void weir_parity_in_close(weir_parity_in *p);
/* A datagram came; its sealed bytes are kept aside until the next one. */
void weir_parity_came(weir_parity_in *p, weir_bytes sealed);
/* It is authentic and belongs to a group: it stays. */
void weir_parity_hold(weir_parity_in *p, uint32_t group, uint8_t index);
/* A parity datagram's plaintext. False: it breaks a rule. */
bool weir_parity_take(weir_parity_in *p, weir_bytes plaintext);
/* The next datagram that was given back, as it was sealed; to be taken in place before the next one
 * comes. */
bool weir_parity_restored(weir_parity_in *p, uint8_t **datagram, size_t *count);

#endif
