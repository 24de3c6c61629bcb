/* Fuzzing the key file's reader.
 *
 * What must hold: no fault in memory; either a ring, in order of epoch, each entry with a known
 * suite and a fingerprint of eight digits; or INVALID with a line and a sentence of printable
 * ASCII.
 */
#include "weir_seal.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_ring(const weir_keyring *ring) {
  size_t count = weir_keyring_count(ring);
  WEIR_ASSERT(count >= 1 && count <= WEIR_SEAL_EPOCHS_MAX);
  uint32_t before = 0;
  for (size_t i = 0; i < count; i++) {
    uint32_t epoch = 0;
    uint32_t expires = 0;
    weir_suite suite = WEIR_SUITE_AES_256_GCM;
    weir_keyring_entry(ring, i, &epoch, &suite, &expires);
    WEIR_ASSERT(epoch > before);
    WEIR_ASSERT(weir_suite_name(suite) != NULL);
    WEIR_ASSERT(expires == 0 || (expires >= 10101 && expires <= 99991231));
    char digits[9];
    weir_status status = weir_keyring_fingerprint(ring, epoch, digits);
    WEIR_ASSERT(status == WEIR_OK && strlen(digits) == 8);
    before = epoch;
  }
  WEIR_ASSERT(weir_keyring_newest(ring) == before);
}

static void check_reason(uint32_t line, const char *reason) {
  WEIR_ASSERT(line >= 1);
  size_t count = strnlen(reason, 96);
  WEIR_ASSERT(count >= 1 && count < 96);
  for (size_t i = 0; i < count; i++) WEIR_ASSERT(reason[i] >= ' ' && reason[i] < 127);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  weir_keyring *ring = NULL;
  uint32_t line = 0;
  char reason[96];
  memset(reason, 'x', sizeof reason);
  weir_status status = weir_keyring_read(weir_view(data, size), &ring, &line, reason);
  if (status == WEIR_OK)
    check_ring(ring);
  else
    check_reason(line, reason);
  weir_keyring_close(ring);
  return 0;
}
