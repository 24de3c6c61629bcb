/* What the files of this room share and nobody outside sees. */
#ifndef WEIR_SEAL_INSIDE_H
#define WEIR_SEAL_INSIDE_H

#include "weir_seal.h"

/* Starts libgcrypt on the first call of the process; false when the library is too old. */
bool weir_seal_start(void);

/* HMAC-SHA-256 over several parts, as if they lay behind one another. */
weir_status weir_hmac_parts(weir_bytes key, const weir_bytes *parts, size_t count,
                            uint8_t code[32]);

/* The pseudo-random key of an epoch (32 bytes, borrowed while the ring lives) or null. */
const uint8_t *weir_keyring_secret(const weir_keyring *ring, uint32_t epoch);

/* A unit's name, 1 to 8 letters and digits, zero padded; false when it is none. */
bool weir_unit_pad(const char *unit, char padded[WEIR_UNIT_NAME_MAX]);

#endif
