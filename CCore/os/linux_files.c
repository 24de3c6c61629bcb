/* linux_files.c: open files of the Linux table.
 *
 * A weir_file is the descriptor plus one, dressed as a pointer: opening the next segment takes no
 * memory.
 *
 *   happy path        one pread or pwrite moves everything
 *   a short or interrupted call   goes on where it stopped
 *   the disk is full  NO_SPACE; what was written before that stays, the caller knows the range
 *   a sync fails      SYNC_FAILED, and never tried again: the kernel may have dropped the pages
 *                     and the second call would lie
 */
#include "linux.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static weir_file *file_of(int descriptor) {
  return (weir_file *)((uintptr_t)descriptor + 1);
}

static int descriptor_of(const weir_file *file) {
  WEIR_ASSERT(file != NULL);
  return (int)((uintptr_t)file - 1);
}

static int flags_of(weir_open_mode mode) {
  switch (mode) {
  case WEIR_OPEN_READ:
    return O_RDONLY | O_CLOEXEC;
  case WEIR_OPEN_WRITE:
    return O_RDWR | O_CLOEXEC;
  case WEIR_OPEN_CREATE:
    return O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC;
  case WEIR_OPEN_LOCK:
    return O_RDWR | O_CREAT | O_CLOEXEC;
  }
  weir_trap("an open mode of the list", __FILE_NAME__, __LINE__);
}

static weir_status lock(int descriptor) {
  while (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return WEIR_BUSY;
    if (errno != EINTR) return weir_linux_status(errno);
  }
  return WEIR_OK;
}

weir_status weir_linux_open(void *context, const char *path, weir_open_mode mode, weir_file **out) {
  (void)context;
  int descriptor;
  do {
    descriptor = open(path, flags_of(mode), 0600);
  } while (descriptor < 0 && errno == EINTR);
  if (descriptor < 0) return weir_linux_status(errno);
  if (mode == WEIR_OPEN_LOCK) {
    weir_status status = lock(descriptor);
    if (status != WEIR_OK) {
      (void)close(descriptor);
      return status;
    }
  }
  *out = file_of(descriptor);
  return WEIR_OK;
}

void weir_linux_close(void *context, weir_file *file) {
  (void)context;
  if (file == NULL) return;
  /* Linux frees the descriptor even when close fails; a second try could close another's. What
   * matters was synced before. */
  int failed = close(descriptor_of(file));
  WEIR_ASSERT(failed == 0 || errno != EBADF);
}

weir_status weir_linux_read_at(void *context, weir_file *file, uint64_t offset, void *into,
                               size_t count, size_t *got) {
  (void)context;
  WEIR_ASSERT(offset <= INT64_MAX - (uint64_t)count);
  uint8_t *at = into;
  size_t done = 0;
  while (done < count) {
    ssize_t moved = pread(descriptor_of(file), at + done, count - done, (off_t)(offset + done));
    if (moved < 0 && errno == EINTR) continue;
    if (moved < 0) return weir_linux_status(errno);
    if (moved == 0) break;
    done += (size_t)moved;
  }
  *got = done;
  return WEIR_OK;
}

weir_status weir_linux_write_at(void *context, weir_file *file, uint64_t offset, weir_bytes bytes) {
  (void)context;
  WEIR_ASSERT(offset <= INT64_MAX - (uint64_t)bytes.count);
  size_t done = 0;
  while (done < bytes.count) {
    ssize_t moved =
        pwrite(descriptor_of(file), bytes.at + done, bytes.count - done, (off_t)(offset + done));
    if (moved < 0 && errno == EINTR) continue;
    if (moved < 0) return weir_linux_status(errno);
    /* A disk that takes nothing and names no reason would keep us here for ever. */
    if (moved == 0) return WEIR_IO_FAILED;
    done += (size_t)moved;
  }
  return WEIR_OK;
}

weir_status weir_linux_sync(void *context, weir_file *file) {
  (void)context;
  return fdatasync(descriptor_of(file)) == 0 ? WEIR_OK : WEIR_SYNC_FAILED;
}

weir_status weir_linux_reserve(void *context, weir_file *file, uint64_t size) {
  (void)context;
  WEIR_ASSERT(size <= INT64_MAX);
  if (size == 0) return WEIR_OK;
  int error;
  do {
    error = posix_fallocate(descriptor_of(file), 0, (off_t)size);
  } while (error == EINTR);
  return error == 0 ? WEIR_OK : weir_linux_status(error);
}

weir_status weir_linux_size(void *context, weir_file *file, uint64_t *size) {
  (void)context;
  struct stat facts;
  if (fstat(descriptor_of(file), &facts) != 0) return weir_linux_status(errno);
  *size = (uint64_t)facts.st_size;
  return WEIR_OK;
}
