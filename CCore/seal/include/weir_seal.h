/* weir_seal: authenticated encryption of one datagram, key epochs, replay window, receipt codes.
 *
 * Arithmetic over libgcrypt; no file, no clock, no chance: bytes and times come in as arguments.
 *
 *   key file      lines of `EPOCH SUITE HEX [EXPIRES]`; # begins a comment. EPOCH 1 … 2^32-1,
 *                 SUITE aes-256-gcm (32-byte master) or sm4-gcm (32-byte master too; the
 *                 datagram key is its first 16 derived bytes), EXPIRES a day yyyy-mm-dd.
 *   datagram key  HKDF-SHA-256 (RFC 5869): IKM = master, salt = "weir-link-1",
 *                 info = "datagram" ‖ unit (8, zero padded) ‖ boot epoch (8, big endian)
 *                 ‖ boot id (16) ‖ stream (4, big endian)
 *   nonce         stream (4, big endian) ‖ sequence (8, big endian)
 *   receipt key   HKDF, info = "receipt" ‖ unit (8, zero padded)
 *   caller key    HKDF, info = "caller" ‖ unit (8, zero padded)
 *   fingerprint   HKDF, info = "fingerprint" ‖ epoch (4, big endian) ‖ suite (1), truncated to
 *                 eight digits, so that a wrong suite is heard as well as a wrong master
 *   tag           16 bytes
 *
 * Cost: AES-256-GCM about 0.4 µs for 1,400 bytes, SM4-GCM 2.6 µs. Bounded by the cipher. Kept
 * true by Benchmarks/Rooms.
 */
#ifndef WEIR_SEAL_H
#define WEIR_SEAL_H

#include "weir_base.h"

enum {
  WEIR_SEAL_TAG_BYTES = 16,
  WEIR_SEAL_MASTER_BYTES = 32,
  WEIR_SEAL_EPOCHS_MAX = 16,
  WEIR_SEAL_CHECK_BYTES = 32
};

typedef enum weir_suite { WEIR_SUITE_AES_256_GCM = 1, WEIR_SUITE_SM4_GCM = 2 } weir_suite;
const char *weir_suite_name(weir_suite suite); /* null when unknown */

/* ---- Providers: one row a suite ------------------------------------------------------------ */

enum { WEIR_SEAL_NONCE_BYTES = 12 };

typedef struct weir_cipher weir_cipher; /* a provider's handle; its key lies in locked memory */

typedef struct weir_provider {
  const char *name;
  weir_suite suite;
  size_t key_bytes;
  weir_status (*self_test)(void); /* published vectors, both ways; CORRUPT when one differs */
  /* OUT_OF_MEMORY; UNSUPPORTED when the library was built without this cipher. */
  weir_status (*open)(const uint8_t *key, weir_cipher **out);
  void (*close)(weir_cipher *cipher); /* null accepted */
  /* Encrypts in place and writes the tag; a nonce is never given twice under one key. */
  weir_status (*seal)(weir_cipher *cipher, const uint8_t nonce[WEIR_SEAL_NONCE_BYTES],
                      weir_bytes associated, uint8_t *bytes, size_t count,
                      uint8_t tag[WEIR_SEAL_TAG_BYTES]);
  /* Decrypts in place; FORGED, and `bytes` wiped, when the tag does not fit. */
  weir_status (*unseal)(weir_cipher *cipher, const uint8_t nonce[WEIR_SEAL_NONCE_BYTES],
                        weir_bytes associated, uint8_t *bytes, size_t count,
                        const uint8_t tag[WEIR_SEAL_TAG_BYTES]);
} weir_provider;

const weir_provider *weir_provider_of(weir_suite suite); /* null when unknown */

/* Starts libgcrypt (once a process) and runs the known-answer tests of every provider: AES-GCM
 * (NIST SP 800-38D vectors), SM4-GCM (RFC 8998 A.1), SHA-256, HMAC (RFC 4231), HKDF (RFC 5869 A),
 * the receipt's truncation (RFC 4226 D). CORRUPT names none of them: a machine that fails here
 * must not run. */
weir_status weir_seal_self_test(void);

/* ---- Keys --------------------------------------------------------------------------------- */

typedef struct weir_keyring weir_keyring; /* masters of several epochs; wiped when closed */

/* Reads a key file's bytes. INVALID: `line` is the 1-based line and `reason` an English sentence
 * that never contains key bytes. */
weir_status weir_keyring_read(weir_bytes file, weir_keyring **out, uint32_t *line, char reason[96]);
void weir_keyring_close(weir_keyring *ring);
uint32_t weir_keyring_newest(const weir_keyring *ring); /* highest epoch */
size_t weir_keyring_count(const weir_keyring *ring);
/* Entry `index` in order of epoch: its epoch, suite and day of expiry (yyyymmdd, 0: none). */
void weir_keyring_entry(const weir_keyring *ring, size_t index, uint32_t *epoch, weir_suite *suite,
                        uint32_t *expires);
/* The suite of an epoch, or 0 when the ring holds no such epoch. */
weir_suite weir_keyring_suite(const weir_keyring *ring, uint32_t epoch);
/* Eight digits over an epoch's master and suite, to compare by voice. UNKNOWN_KEY: no such epoch.
 */
weir_status weir_keyring_fingerprint(const weir_keyring *ring, uint32_t epoch, char digits[9]);
/* One key-file line (no line feed) for a fresh master of 32 random bytes. */
weir_status weir_keyring_line(uint32_t epoch, weir_suite suite, const uint8_t master[32],
                              weir_buffer *into);

/* ---- One stream of datagrams ------------------------------------------------------------- */

typedef struct weir_stream_id {
  char unit[WEIR_UNIT_NAME_MAX]; /* zero padded */
  uint64_t boot_epoch;
  uint8_t boot_id[16];
  uint32_t stream;
} weir_stream_id;

typedef struct weir_sealer weir_sealer; /* a derived key with its cipher handle */

weir_status weir_sealer_open(const weir_keyring *ring, uint32_t epoch, const weir_stream_id *id,
                             weir_sealer **out);
void weir_sealer_close(weir_sealer *s);
weir_suite weir_sealer_suite(const weir_sealer *s);
/* Encrypts `bytes` in place and writes the tag. The caller's sequences only rise, from 1: a lower
 * or equal one would use a nonce again, and traps. */
weir_status weir_sealer_seal(weir_sealer *s, uint64_t sequence, weir_bytes associated,
                             uint8_t *bytes, size_t count, uint8_t tag[WEIR_SEAL_TAG_BYTES]);
/* Verifies and decrypts in place; on FORGED `bytes` is wiped. */
weir_status weir_sealer_open_datagram(weir_sealer *s, uint64_t sequence, weir_bytes associated,
                                      uint8_t *bytes, size_t count,
                                      const uint8_t tag[WEIR_SEAL_TAG_BYTES]);

/* ---- Replay window (RFC 6479's bitmap) ----------------------------------------------------- */

enum { WEIR_REPLAY_WINDOW = 8192 - 64 };

typedef struct weir_replay {
  uint64_t highest; /* 0: nothing yet; sequences start at 1 */
  uint64_t bitmap[8192 / 64];
} weir_replay;

/* Would this sequence be new? Changes nothing: asked before authentication. */
bool weir_replay_fresh(const weir_replay *window, uint64_t sequence);
/* Marks it; false when it was seen or is too old. Only after authentication. */
bool weir_replay_mark(weir_replay *window, uint64_t sequence);

/* ---- Digests and codes ---------------------------------------------------------------------- */

void weir_sha256(weir_bytes bytes, uint8_t digest[32]);
/* The same over many pieces: begin, add, end. `end` gives the memory back. */
typedef struct weir_sha256_run {
  void *state;
} weir_sha256_run;
void weir_sha256_begin(weir_sha256_run *run);
void weir_sha256_add(weir_sha256_run *run, weir_bytes bytes);
void weir_sha256_end(weir_sha256_run *run, uint8_t digest[32]);
/* HMAC-SHA-256 (RFC 2104). */
weir_status weir_hmac_sha256(weir_bytes key, weir_bytes message, uint8_t code[32]);
/* HKDF-SHA-256 (RFC 5869): a pseudo-random key, then `count` bytes of it, at most 255 · 32. */
weir_status weir_hkdf_extract(weir_bytes salt, weir_bytes master, uint8_t key[32]);
weir_status weir_hkdf_expand(const uint8_t key[32], weir_bytes info, uint8_t *into, size_t count);
/* The spoken receipt: RFC 4226's dynamic truncation to six digits of HMAC-SHA-256 under the
 * receipt key over unit ‖ 0 ‖ handover ‖ 0 ‖ revision (4, big endian) ‖ SHA-256 of the bytes
 * that crossed. INVALID when the unit is no unit's name or the handover is empty, over
 * WEIR_REF_MAX or holds a zero; UNKNOWN_KEY: no such epoch. */
weir_status weir_receipt_code(const weir_keyring *ring, uint32_t epoch, const char *unit,
                              weir_bytes handover, uint32_t revision, const uint8_t crossed[32],
                              char digits[7]);
/* RFC 4226 section 5.3 over any HMAC of 20 bytes or more; 1 to 9 digits. */
uint32_t weir_truncate(weir_bytes hmac, unsigned digits);
/* A caller's telephone number as a keyed 64-bit hash, for the guard. INVALID and UNKNOWN_KEY as
 * above. */
weir_status weir_caller_hash(const weir_keyring *ring, uint32_t epoch, const char *unit,
                             weir_bytes phone, uint64_t *hash);

#endif
