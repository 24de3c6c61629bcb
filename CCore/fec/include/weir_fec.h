/* weir_fec: Reed-Solomon over shards of equal size, arithmetic only (ISA-L).
 *
 *   data      k shards, rows 0 … k-1
 *   parity    m shards, rows k … k+m-1: row r is the sum over the data shards c of 1/(r xor c) · c
 *             in GF(2^8) with the polynomial 0x11d, a Cauchy matrix
 *
 * Any k of the k+m rows give back the data.
 *
 * Happy path: the sender makes parity; the receiver holds k rows and restores what it lacks.
 * What can go wrong: a count or a size out of its range, a row that is named twice.
 * What we do then: INVALID, and nothing is written.
 *
 * Cost: k · m · bytes multiplications, 32 at once; restoring inverts a matrix of k rows too, some
 * 0.1 ms for 32. Bounded by the limits below; memory is the caller's. Kept true by `Benchmarks
 * link-parity`.
 */
#ifndef WEIR_FEC_H
#define WEIR_FEC_H

#include "weir_base.h"

enum { WEIR_FEC_DATA_MAX = 32, WEIR_FEC_PARITY_MAX = 32 };

/* Writes `m` parity shards over `k` data shards, which are only read. */
weir_status weir_fec_encode(uint8_t *const *data, unsigned k, size_t bytes, uint8_t *const *parity,
                            unsigned m);

/* Which shards there are and which are wanted, by their rows. */
typedef struct weir_fec_loss {
  unsigned k;
  size_t bytes;
  uint8_t *const *shards; /* k of them, only read; */
  const uint8_t *rows;    /* their rows, no two alike */
  uint8_t *const *missing;
  const uint8_t *missing_rows; /* below k */
  unsigned missing_count;
} weir_fec_loss;

/* Writes the missing data shards. */
weir_status weir_fec_restore(const weir_fec_loss *loss);

#endif
