/* Digests and derived keys: SHA-256, HMAC and HKDF over libgcrypt, and RFC 4226's truncation.
 *
 * Happy path: bytes in, a digest or a key out; intermediate keys are wiped behind us.
 * What can go wrong: the library refuses.
 * What we do then: OUT_OF_MEMORY, the output wiped, so that no half-made key is ever used.
 */
#include "inside.h"

#include <gcrypt.h>
#include <string.h>

enum { DIGEST_BYTES = 32, BLOCK_BYTES = 64, PARTS_MAX = 8 };

void weir_sha256(weir_bytes bytes, uint8_t digest[32]) {
  bool started = weir_seal_start();
  WEIR_ASSERT(started);
  gcry_md_hash_buffer(GCRY_MD_SHA256, digest, bytes.at, bytes.count);
}

void weir_sha256_begin(weir_sha256_run *run) {
  gcry_md_hd_t state = NULL;
  bool started = weir_seal_start() && gcry_md_open(&state, GCRY_MD_SHA256, 0) == 0;
  WEIR_ASSERT(started);
  run->state = state;
}

void weir_sha256_add(weir_sha256_run *run, weir_bytes bytes) {
  gcry_md_write(run->state, bytes.at, bytes.count);
}

void weir_sha256_end(weir_sha256_run *run, uint8_t digest[32]) {
  memcpy(digest, gcry_md_read(run->state, GCRY_MD_SHA256), DIGEST_BYTES);
  gcry_md_close(run->state);
  run->state = NULL;
}

static gcry_buffer_t hmac_buffer(weir_bytes bytes) {
  /* libgcrypt takes its input without const and only reads it. */
  union {
    const uint8_t *in;
    void *out;
  } pointer = {bytes.at};
  return (gcry_buffer_t){.size = bytes.count, .off = 0, .len = bytes.count, .data = pointer.out};
}

/* One of the two rounds of RFC 2104: the digest of the key's block, padded, and of what follows. */
static gcry_error_t hmac_round(const uint8_t block[BLOCK_BYTES], uint8_t pad,
                               const weir_bytes *parts, size_t count,
                               uint8_t digest[DIGEST_BYTES]) {
  uint8_t padded[BLOCK_BYTES];
  gcry_buffer_t buffers[PARTS_MAX + 1];
  int used = 0;
  for (size_t i = 0; i < BLOCK_BYTES; i++) padded[i] = block[i] ^ pad;
  buffers[used++] = hmac_buffer(weir_view(padded, sizeof padded));
  for (size_t i = 0; i < count; i++) {
    if (parts[i].count > 0) buffers[used++] = hmac_buffer(parts[i]);
  }
  gcry_error_t error = gcry_md_hash_buffers(GCRY_MD_SHA256, 0, digest, buffers, used);
  weir_wipe(padded, sizeof padded);
  return error;
}

/* In two plain digests, since libgcrypt's own HMAC asks for memory each time, and a caller's number
 * is hashed for every matter. */
weir_status weir_hmac_parts(weir_bytes key, const weir_bytes *parts, size_t count,
                            uint8_t code[32]) {
  WEIR_ASSERT(count <= PARTS_MAX);
  if (!weir_seal_start()) return WEIR_UNSUPPORTED;
  uint8_t block[BLOCK_BYTES] = {0}, inner[DIGEST_BYTES];
  if (key.count > BLOCK_BYTES) weir_sha256(key, block);
  if (key.count > 0 && key.count <= BLOCK_BYTES) memcpy(block, key.at, key.count);
  gcry_error_t error = hmac_round(block, 0x36, parts, count, inner);
  const weir_bytes outer = weir_view(inner, sizeof inner);
  if (error == 0) error = hmac_round(block, 0x5c, &outer, 1, code);
  weir_wipe(block, sizeof block);
  weir_wipe(inner, sizeof inner);
  if (error == 0) return WEIR_OK;
  weir_wipe(code, DIGEST_BYTES);
  return WEIR_OUT_OF_MEMORY;
}

weir_status weir_hmac_sha256(weir_bytes key, weir_bytes message, uint8_t code[32]) {
  return weir_hmac_parts(key, &message, 1, code);
}

weir_status weir_hkdf_extract(weir_bytes salt, weir_bytes master, uint8_t key[32]) {
  static const uint8_t no_salt[DIGEST_BYTES]; /* RFC 5869: absent means a digest of zeros */
  if (salt.count == 0) salt = weir_view(no_salt, sizeof no_salt);
  return weir_hmac_parts(salt, &master, 1, key);
}

weir_status weir_hkdf_expand(const uint8_t key[32], weir_bytes info, uint8_t *into, size_t count) {
  WEIR_ASSERT(count <= (size_t)255 * DIGEST_BYTES);
  uint8_t block[DIGEST_BYTES];
  size_t block_count = 0; /* T(0) is empty */
  size_t done = 0;
  weir_status status = WEIR_OK;
  for (uint8_t number = 1; done < count; number++) {
    uint8_t before[DIGEST_BYTES];
    memcpy(before, block, block_count);
    weir_bytes parts[3] = {weir_view(before, block_count), info, weir_view(&number, 1)};
    status = weir_hmac_parts(weir_view(key, DIGEST_BYTES), parts, 3, block);
    weir_wipe(before, sizeof before);
    if (status != WEIR_OK) break;
    block_count = DIGEST_BYTES;
    size_t part = count - done < DIGEST_BYTES ? count - done : DIGEST_BYTES;
    memcpy(into + done, block, part);
    done += part;
  }
  weir_wipe(block, sizeof block);
  if (status != WEIR_OK) weir_wipe(into, count);
  return status;
}

uint32_t weir_truncate(weir_bytes hmac, unsigned digits) {
  WEIR_ASSERT(hmac.count >= 20);
  WEIR_ASSERT(digits >= 1 && digits <= 9);
  const uint8_t *at = hmac.at + (hmac.at[hmac.count - 1] & 0x0f);
  uint32_t number = (uint32_t)(at[0] & 0x7f) << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 |
                    (uint32_t)at[3];
  uint32_t modulus = 1;
  for (unsigned i = 0; i < digits; i++) modulus *= 10;
  return number % modulus;
}
