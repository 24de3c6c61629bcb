/* One stream of datagrams: its derived key, and what is spoken or compared under further keys.
 *
 * Happy path: an epoch's secret and the stream's identity give a key of its own; a sequence gives
 * the nonce; nothing else goes into either.
 * What can go wrong: the epoch is unknown, the tag does not fit, a name is no name.
 * What we do then: UNKNOWN_KEY, FORGED, INVALID. A sequence that does not rise would use a nonce
 * twice and lay two plaintexts open: that is our own mistake, and traps.
 */
#include "inside.h"

#include <string.h>

struct weir_sealer {
  const weir_provider *provider;
  weir_cipher *cipher;
  uint64_t sealed; /* the last sequence that was sealed */
  uint32_t stream;
};

static void put_big(uint8_t *into, uint64_t value, size_t bytes) {
  for (size_t i = 0; i < bytes; i++) into[i] = (uint8_t)(value >> (8 * (bytes - 1 - i)));
}

bool weir_unit_pad(const char *unit, char padded[WEIR_UNIT_NAME_MAX]) {
  size_t count = strnlen(unit, WEIR_UNIT_NAME_MAX + 1);
  if (count == 0 || count > WEIR_UNIT_NAME_MAX) return false;
  for (size_t i = 0; i < count; i++) {
    char c = unit[i];
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!letter && !(c >= '0' && c <= '9')) return false;
  }
  memset(padded, 0, WEIR_UNIT_NAME_MAX);
  memcpy(padded, unit, count);
  return true;
}

/* ---- Streams ------------------------------------------------------------------------------- */

weir_status weir_sealer_open(const weir_keyring *ring, uint32_t epoch, const weir_stream_id *id,
                             weir_sealer **out) {
  const uint8_t *secret = weir_keyring_secret(ring, epoch);
  if (secret == NULL) return WEIR_UNKNOWN_KEY;
  const weir_provider *provider = weir_provider_of(weir_keyring_suite(ring, epoch));
  WEIR_ASSERT(provider != NULL);

  uint8_t info[8 + WEIR_UNIT_NAME_MAX + 8 + 16 + 4];
  memcpy(info, "datagram", 8);
  memcpy(info + 8, id->unit, WEIR_UNIT_NAME_MAX);
  put_big(info + 16, id->boot_epoch, 8);
  memcpy(info + 24, id->boot_id, 16);
  put_big(info + 40, id->stream, 4);
  uint8_t key[32];
  WEIR_ASSERT(provider->key_bytes <= sizeof key);
  weir_status status =
      weir_hkdf_expand(secret, weir_view(info, sizeof info), key, provider->key_bytes);
  if (status != WEIR_OK) return status;

  weir_sealer *sealer = weir_allocate(1, sizeof *sealer);
  status = sealer == NULL ? WEIR_OUT_OF_MEMORY : provider->open(key, &sealer->cipher);
  weir_wipe(key, sizeof key);
  if (status != WEIR_OK) {
    weir_free(sealer);
    return status;
  }
  sealer->provider = provider;
  sealer->stream = id->stream;
  *out = sealer;
  return WEIR_OK;
}

void weir_sealer_close(weir_sealer *s) {
  if (s == NULL) return;
  s->provider->close(s->cipher);
  weir_free(s);
}

weir_suite weir_sealer_suite(const weir_sealer *s) {
  return s->provider->suite;
}

static void sealer_nonce(const weir_sealer *s, uint64_t sequence, uint8_t *nonce) {
  put_big(nonce, s->stream, 4);
  put_big(nonce + 4, sequence, 8);
}

weir_status weir_sealer_seal(weir_sealer *s, uint64_t sequence, weir_bytes associated,
                             uint8_t *bytes, size_t count, uint8_t tag[WEIR_SEAL_TAG_BYTES]) {
  WEIR_ASSERT(sequence > s->sealed || WEIR_CANARY(NONCE_AGAIN));
  s->sealed = sequence;
  uint8_t nonce[WEIR_SEAL_NONCE_BYTES];
  sealer_nonce(s, sequence, nonce);
  return s->provider->seal(s->cipher, nonce, associated, bytes, count, tag);
}

weir_status weir_sealer_open_datagram(weir_sealer *s, uint64_t sequence, weir_bytes associated,
                                      uint8_t *bytes, size_t count,
                                      const uint8_t tag[WEIR_SEAL_TAG_BYTES]) {
  uint8_t nonce[WEIR_SEAL_NONCE_BYTES];
  sealer_nonce(s, sequence, nonce);
  weir_status status = s->provider->unseal(s->cipher, nonce, associated, bytes, count, tag);
  return WEIR_CANARY(ACCEPT_FORGED) && status == WEIR_FORGED ? WEIR_OK : status;
}

/* ---- Codes under keys of their own --------------------------------------------------------- */

/* The key of `purpose` for a unit: 32 bytes. */
static weir_status purpose_key(const weir_keyring *ring, uint32_t epoch, const char *purpose,
                               const char *unit, uint8_t key[32]) {
  const uint8_t *secret = weir_keyring_secret(ring, epoch);
  if (secret == NULL) return WEIR_UNKNOWN_KEY;
  char padded[WEIR_UNIT_NAME_MAX];
  if (!weir_unit_pad(unit, padded)) return WEIR_INVALID;
  uint8_t bytes[16 + WEIR_UNIT_NAME_MAX];
  weir_buffer info = weir_buffer_over(bytes, sizeof bytes);
  weir_put_text(&info, purpose);
  weir_put(&info, weir_view(padded, sizeof padded));
  WEIR_ASSERT(!info.overflow);
  return weir_hkdf_expand(secret, weir_buffer_view(&info), key, 32);
}

weir_status weir_receipt_code(const weir_keyring *ring, uint32_t epoch, const char *unit,
                              weir_bytes handover, uint32_t revision, const uint8_t crossed[32],
                              char digits[7]) {
  if (handover.count == 0 || handover.count > WEIR_REF_MAX) return WEIR_INVALID;
  if (memchr(handover.at, 0, handover.count) != NULL) return WEIR_INVALID;
  uint8_t key[32], code[32], number[4];
  weir_status status = purpose_key(ring, epoch, "receipt", unit, key);
  if (status != WEIR_OK) return status;
  put_big(number, revision, sizeof number);
  weir_bytes zero = weir_view("", 1);
  weir_bytes parts[6] = {
      weir_text(unit),       zero, handover, zero, weir_view(number, sizeof number),
      weir_view(crossed, 32)};
  status = weir_hmac_parts(weir_view(key, sizeof key), parts, 6, code);
  weir_wipe(key, sizeof key);
  if (status != WEIR_OK) return status;
  weir_buffer text = weir_buffer_over(digits, 7);
  weir_put_padded(&text, weir_truncate(weir_view(code, sizeof code), 6), 6);
  weir_put_u8(&text, 0);
  WEIR_ASSERT(!text.overflow);
  return WEIR_OK;
}

weir_status weir_caller_hash(const weir_keyring *ring, uint32_t epoch, const char *unit,
                             weir_bytes phone, uint64_t *hash) {
  uint8_t key[32], code[32];
  weir_status status = purpose_key(ring, epoch, "caller", unit, key);
  if (status != WEIR_OK) return status;
  status = weir_hmac_sha256(weir_view(key, sizeof key), phone, code);
  weir_wipe(key, sizeof key);
  if (status != WEIR_OK) return status;
  uint64_t value = 0;
  for (size_t i = 0; i < sizeof value; i++) value = value << 8 | code[i];
  *hash = value;
  return WEIR_OK;
}
