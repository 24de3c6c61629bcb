/* Reed-Solomon by ISA-L; see the header for the code.
 *
 *   encode    the parity rows of the matrix, as tables, over the data
 *   restore   the rows that are here, inverted, give the data back: only the rows that are wanted
 *             become tables
 */
#include "weir_fec.h"

#include <isa-l/erasure_code.h>
#include <limits.h>

enum { ROWS_MAX = WEIR_FEC_DATA_MAX + WEIR_FEC_PARITY_MAX, TABLE_BYTES = 32 };
_Static_assert(ROWS_MAX <= 256, "a row is an element of the field");

static bool in_range(unsigned k, size_t bytes) {
  return k >= 1 && k <= WEIR_FEC_DATA_MAX && bytes >= 1 && bytes <= INT_MAX;
}

/* The library takes its pointers without const, though it only reads the sources. */
static void multiply(uint8_t *coefficients, unsigned k, unsigned rows, size_t bytes,
                     uint8_t *const *sources, uint8_t *const *targets) {
  uint8_t tables[WEIR_FEC_PARITY_MAX * WEIR_FEC_DATA_MAX * TABLE_BYTES];
  uint8_t *from[WEIR_FEC_DATA_MAX], *to[WEIR_FEC_PARITY_MAX];
  for (unsigned i = 0; i < k; i++) from[i] = sources[i];
  for (unsigned i = 0; i < rows; i++) to[i] = targets[i];
  ec_init_tables((int)k, (int)rows, coefficients, tables);
  ec_encode_data((int)bytes, (int)k, (int)rows, tables, from, to);
}

weir_status weir_fec_encode(uint8_t *const *data, unsigned k, size_t bytes, uint8_t *const *parity,
                            unsigned m) {
  if (!in_range(k, bytes) || m < 1 || m > WEIR_FEC_PARITY_MAX) return WEIR_INVALID;
  uint8_t matrix[ROWS_MAX * WEIR_FEC_DATA_MAX];
  gf_gen_cauchy1_matrix(matrix, (int)(k + m), (int)k);
  multiply(matrix + (size_t)k * k, k, m, bytes, data, parity);
  return WEIR_OK;
}

static bool rows_good(const weir_fec_loss *loss) {
  bool named[ROWS_MAX] = {false};
  for (unsigned i = 0; i < loss->k; i++) {
    uint8_t row = loss->rows[i];
    if (row >= loss->k + WEIR_FEC_PARITY_MAX || named[row]) return false;
    named[row] = true;
  }
  for (unsigned i = 0; i < loss->missing_count; i++) {
    if (loss->missing_rows[i] >= loss->k) return false;
  }
  return true;
}

weir_status weir_fec_restore(const weir_fec_loss *loss) {
  unsigned k = loss->k;
  if (!in_range(k, loss->bytes) || loss->missing_count > k || !rows_good(loss)) {
    return WEIR_INVALID;
  }
  if (loss->missing_count == 0) return WEIR_OK;
  uint8_t matrix[ROWS_MAX * WEIR_FEC_DATA_MAX];
  uint8_t here[WEIR_FEC_DATA_MAX * WEIR_FEC_DATA_MAX], back[sizeof here];
  gf_gen_cauchy1_matrix(matrix, (int)(k + WEIR_FEC_PARITY_MAX), (int)k);
  for (unsigned i = 0; i < k; i++) {
    memcpy(here + (size_t)i * k, matrix + (size_t)loss->rows[i] * k, k);
  }
  int singular = gf_invert_matrix(here, back, (int)k);
  WEIR_ASSERT(singular == 0); /* any k rows of a Cauchy matrix below the unit's are independent */
  for (unsigned i = 0; i < loss->missing_count; i++) {
    memcpy(here + (size_t)i * k, back + (size_t)loss->missing_rows[i] * k, k);
  }
  multiply(here, k, loss->missing_count, loss->bytes, loss->shards, loss->missing);
  return WEIR_OK;
}
