/* The ciphers behind one table: a suite is a row, and nothing else in the house names a cipher.
 *
 * Happy path: a key opens a handle in libgcrypt's locked memory; each datagram sets its nonce,
 * feeds the clear header, encrypts in place and takes the tag.
 * What can go wrong: the library lacks the cipher, memory is spent, a tag does not fit.
 * What we do then: UNSUPPORTED, OUT_OF_MEMORY, FORGED with the half-decrypted bytes wiped.
 */
#include "inside.h"

#include <gcrypt.h>
#include <pthread.h>
#include <string.h>

enum { SECURE_POOL_BYTES = 512 * 1024 };

/* ---- Starting the library ----------------------------------------------------------------- */

static pthread_once_t start_once = PTHREAD_ONCE_INIT;
static bool start_succeeded;

static void start_library(void) {
  if (gcry_check_version("1.9.0") == NULL) return; /* SM4 came with 1.9 */
  if (gcry_control(GCRYCTL_INITIALIZATION_FINISHED_P) == 0) {
    /* Where a process may lock no memory the pool still works, unlocked; the library would say
     * so on stderr, in the middle of our log. */
    gcry_control(GCRYCTL_SUSPEND_SECMEM_WARN);
    gcry_control(GCRYCTL_INIT_SECMEM, SECURE_POOL_BYTES, 0);
    gcry_control(GCRYCTL_AUTO_EXPAND_SECMEM, SECURE_POOL_BYTES);
    gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0);
  }
  start_succeeded = true;
}

bool weir_seal_start(void) {
  int failed = pthread_once(&start_once, start_library);
  WEIR_ASSERT(failed == 0);
  return start_succeeded;
}

/* ---- GCM over a libgcrypt cipher ------------------------------------------------------------ */

static weir_status gcm_open(int algorithm, const uint8_t *key, size_t key_bytes,
                            weir_cipher **out) {
  if (!weir_seal_start()) return WEIR_UNSUPPORTED;
  gcry_cipher_hd_t handle = NULL;
  gcry_error_t error =
      gcry_cipher_open(&handle, algorithm, GCRY_CIPHER_MODE_GCM, GCRY_CIPHER_SECURE);
  if (error != 0) {
    return gcry_err_code(error) == GPG_ERR_ENOMEM ? WEIR_OUT_OF_MEMORY : WEIR_UNSUPPORTED;
  }
  if (gcry_cipher_setkey(handle, key, key_bytes) != 0) {
    gcry_cipher_close(handle);
    return WEIR_UNSUPPORTED;
  }
  *out = (weir_cipher *)handle;
  return WEIR_OK;
}

static void gcm_close(weir_cipher *cipher) {
  gcry_cipher_close((gcry_cipher_hd_t)cipher); /* wipes its key, accepts null */
}

static bool gcm_begin(gcry_cipher_hd_t handle, const uint8_t *nonce, weir_bytes associated) {
  if (gcry_cipher_setiv(handle, nonce, WEIR_SEAL_NONCE_BYTES) != 0) return false;
  if (associated.count == 0) return true;
  return gcry_cipher_authenticate(handle, associated.at, associated.count) == 0;
}

/* A datagram that was given up leaves a part of a block behind, which the next nonce does not clear
 * and the next tag would be over. */
static void gcm_forget(gcry_cipher_hd_t handle) {
  (void)gcry_cipher_reset(handle);
}

static weir_status gcm_seal(weir_cipher *cipher, const uint8_t nonce[WEIR_SEAL_NONCE_BYTES],
                            weir_bytes associated, uint8_t *bytes, size_t count,
                            uint8_t tag[WEIR_SEAL_TAG_BYTES]) {
  gcry_cipher_hd_t handle = (gcry_cipher_hd_t)cipher;
  bool sealed = gcm_begin(handle, nonce, associated);
  if (sealed && count > 0) sealed = gcry_cipher_encrypt(handle, bytes, count, NULL, 0) == 0;
  if (sealed) sealed = gcry_cipher_gettag(handle, tag, WEIR_SEAL_TAG_BYTES) == 0;
  if (sealed) return WEIR_OK;
  gcm_forget(handle);
  return WEIR_UNSUPPORTED;
}

static weir_status gcm_unseal(weir_cipher *cipher, const uint8_t nonce[WEIR_SEAL_NONCE_BYTES],
                              weir_bytes associated, uint8_t *bytes, size_t count,
                              const uint8_t tag[WEIR_SEAL_TAG_BYTES]) {
  gcry_cipher_hd_t handle = (gcry_cipher_hd_t)cipher;
  bool opened = gcm_begin(handle, nonce, associated);
  if (opened && count > 0) opened = gcry_cipher_decrypt(handle, bytes, count, NULL, 0) == 0;
  if (opened) opened = gcry_cipher_checktag(handle, tag, WEIR_SEAL_TAG_BYTES) == 0;
  if (opened) return WEIR_OK;
  gcm_forget(handle);
  weir_wipe(bytes, count);
  return WEIR_FORGED;
}

static weir_status aes_open(const uint8_t *key, weir_cipher **out) {
  return gcm_open(GCRY_CIPHER_AES256, key, 32, out);
}

static weir_status sm4_open(const uint8_t *key, weir_cipher **out) {
  return gcm_open(GCRY_CIPHER_SM4, key, 16, out);
}

/* ---- Published vectors ----------------------------------------------------------------------- */

typedef struct vector {
  const char *key;
  const char *nonce;
  const char *associated;
  const char *plain;
  const char *sealed;
  const char *tag;
} vector;

enum { VECTOR_BYTES_MAX = 64 };

static unsigned vector_nibble(char c) {
  return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static size_t vector_bytes(const char *hex, uint8_t *into) {
  size_t count = strlen(hex) / 2;
  WEIR_ASSERT(count <= VECTOR_BYTES_MAX);
  memset(into, 0, VECTOR_BYTES_MAX);
  for (size_t i = 0; i < count; i++) {
    into[i] = (uint8_t)(vector_nibble(hex[2 * i]) << 4 | vector_nibble(hex[2 * i + 1]));
  }
  return count;
}

static weir_status vector_test(weir_status (*start)(const uint8_t *, weir_cipher **),
                               const vector *v) {
  uint8_t key[VECTOR_BYTES_MAX], nonce[VECTOR_BYTES_MAX], extra[VECTOR_BYTES_MAX];
  uint8_t plain[VECTOR_BYTES_MAX], sealed[VECTOR_BYTES_MAX], tag[VECTOR_BYTES_MAX];
  uint8_t work[VECTOR_BYTES_MAX], made[WEIR_SEAL_TAG_BYTES] = {0};
  (void)vector_bytes(v->key, key);
  (void)vector_bytes(v->nonce, nonce);
  size_t extra_count = vector_bytes(v->associated, extra);
  size_t count = vector_bytes(v->plain, plain);
  (void)vector_bytes(v->sealed, sealed);
  (void)vector_bytes(v->tag, tag);

  weir_cipher *cipher = NULL;
  weir_status status = start(key, &cipher);
  if (status != WEIR_OK) return status;
  weir_bytes associated = weir_view(extra, extra_count);
  memcpy(work, plain, count);
  status = gcm_seal(cipher, nonce, associated, work, count, made);
  bool right =
      status == WEIR_OK && memcmp(work, sealed, count) == 0 && memcmp(made, tag, sizeof made) == 0;
  if (right) status = gcm_unseal(cipher, nonce, associated, work, count, tag);
  right = right && status == WEIR_OK && memcmp(work, plain, count) == 0;
  made[0] ^= 1; /* and a tag with one wrong bit must not pass */
  if (right) right = gcm_unseal(cipher, nonce, associated, work, count, made) == WEIR_FORGED;
  gcm_close(cipher);
  return right ? WEIR_OK : WEIR_CORRUPT;
}

/* The GCM specification's test cases 13 to 16, which NIST SP 800-38D refers to. */
static const vector aes_vectors[] = {
    {"0000000000000000000000000000000000000000000000000000000000000000", "000000000000000000000000",
     "", "", "", "530f8afbc74536b9a963b4f1c4cb738b"},
    {"0000000000000000000000000000000000000000000000000000000000000000", "000000000000000000000000",
     "", "00000000000000000000000000000000", "cea7403d4d606b6e074ec5d3baf39d18",
     "d0d1c8a799996bf0265b98b5d48ab919"},
    {"feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
     "",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
     "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255",
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
     "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad",
     "b094dac5d93471bdec1a502270e3cc6c"},
    {"feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
     "feedfacedeadbeeffeedfacedeadbeefabaddad2",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
     "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
     "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
     "76fc6ece0f4e1768cddf8853bb2d551b"},
};

/* RFC 8998, appendix A.1. */
static const vector sm4_vectors[] = {
    {"0123456789abcdeffedcba9876543210", "00001234567800000000abcd",
     "feedfacedeadbeeffeedfacedeadbeefabaddad2",
     "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd"
     "eeeeeeeeeeeeeeeeffffffffffffffffeeeeeeeeeeeeeeeeaaaaaaaaaaaaaaaa",
     "17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735"
     "d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397b4024a2691233b8d",
     "83de3541e4c2b58177e065a9bf7b62ec"},
};

static weir_status aes_self_test(void) {
  for (size_t i = 0; i < sizeof aes_vectors / sizeof aes_vectors[0]; i++) {
    weir_status status = vector_test(aes_open, &aes_vectors[i]);
    if (status != WEIR_OK) return status;
  }
  return WEIR_OK;
}

static weir_status sm4_self_test(void) {
  for (size_t i = 0; i < sizeof sm4_vectors / sizeof sm4_vectors[0]; i++) {
    weir_status status = vector_test(sm4_open, &sm4_vectors[i]);
    if (status != WEIR_OK) return status;
  }
  return WEIR_OK;
}

/* ---- The table ---- */

static const weir_provider providers[] = {
    {"aes-256-gcm", WEIR_SUITE_AES_256_GCM, 32, aes_self_test, aes_open, gcm_close, gcm_seal,
     gcm_unseal},
    {"sm4-gcm", WEIR_SUITE_SM4_GCM, 16, sm4_self_test, sm4_open, gcm_close, gcm_seal, gcm_unseal},
};

const weir_provider *weir_provider_of(weir_suite suite) {
  for (size_t i = 0; i < sizeof providers / sizeof providers[0]; i++) {
    if (providers[i].suite == suite) return &providers[i];
  }
  return NULL;
}

const char *weir_suite_name(weir_suite suite) {
  const weir_provider *provider = weir_provider_of(suite);
  return provider == NULL ? NULL : provider->name;
}
