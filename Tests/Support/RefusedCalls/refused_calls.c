/* Calls that are refused: a countdown before the functions of the kernel and of libgcrypt.
 *
 *   happy path   no countdown is set: the call is made
 *   refused      nothing is done, and the error is the one that the test named */
#include "weir_refused_calls.h"

#include <errno.h>
#include <gcrypt.h>
#include <sys/socket.h>

static _Thread_local weir_refused_kind refused_kind;
static _Thread_local uint64_t good_left, refused_left, refused;
static _Thread_local int refused_error;

void weir_refused_calls_after(weir_refused_kind kind, uint64_t good, uint64_t count, int error) {
  refused_kind = kind;
  good_left = good;
  refused_left = count;
  refused_error = error;
  refused = 0;
}

uint64_t weir_refused_calls_end(void) {
  refused_kind = WEIR_REFUSED_NONE;
  return refused;
}

static bool is_refused(weir_refused_kind kind) {
  if (kind != refused_kind) return false;
  if (good_left > 0) {
    good_left--;
    return false;
  }
  if (refused_left == 0) return false;
  refused_left--;
  refused++;
  return true;
}

/* ---- The kernel ---- */

ssize_t __real_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);
int __real_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags);
int __wrap_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags);

ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags) {
  if (!is_refused(WEIR_REFUSED_SENDING)) return __real_sendmsg(fd, message, flags);
  errno = refused_error;
  return -1;
}

int __wrap_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags) {
  if (!is_refused(WEIR_REFUSED_SENDING)) return __real_sendmmsg(fd, messages, count, flags);
  errno = refused_error;
  return -1;
}

/* ---- libgcrypt ---- */

void *__real_gcry_calloc_secure(size_t count, size_t size);
void *__wrap_gcry_calloc_secure(size_t count, size_t size);

void *__wrap_gcry_calloc_secure(size_t count, size_t size) {
  return is_refused(WEIR_REFUSED_SEALING) ? NULL : __real_gcry_calloc_secure(count, size);
}

/* One that answers with an error: its name, its parameters, and what is passed on of them. */
#define SEALING(name, parameters, passed)                                                          \
  gcry_error_t __real_##name parameters;                                                           \
  gcry_error_t __wrap_##name parameters;                                                           \
  gcry_error_t __wrap_##name parameters {                                                          \
    if (is_refused(WEIR_REFUSED_SEALING)) return gcry_error((gcry_err_code_t)refused_error);       \
    return __real_##name passed;                                                                   \
  }

SEALING(gcry_md_hash_buffers,
        (int algorithm, unsigned flags, void *digest, const gcry_buffer_t *parts, int count),
        (algorithm, flags, digest, parts, count))
SEALING(gcry_cipher_open, (gcry_cipher_hd_t * out, int algorithm, int mode, unsigned flags),
        (out, algorithm, mode, flags))
SEALING(gcry_cipher_setkey, (gcry_cipher_hd_t handle, const void *key, size_t count),
        (handle, key, count))
SEALING(gcry_cipher_setiv, (gcry_cipher_hd_t handle, const void *nonce, size_t count),
        (handle, nonce, count))
SEALING(gcry_cipher_authenticate, (gcry_cipher_hd_t handle, const void *bytes, size_t count),
        (handle, bytes, count))
SEALING(gcry_cipher_encrypt,
        (gcry_cipher_hd_t handle, void *out, size_t room, const void *in, size_t count),
        (handle, out, room, in, count))
SEALING(gcry_cipher_decrypt,
        (gcry_cipher_hd_t handle, void *out, size_t room, const void *in, size_t count),
        (handle, out, room, in, count))
SEALING(gcry_cipher_gettag, (gcry_cipher_hd_t handle, void *tag, size_t count),
        (handle, tag, count))
SEALING(gcry_cipher_checktag, (gcry_cipher_hd_t handle, const void *tag, size_t count),
        (handle, tag, count))
