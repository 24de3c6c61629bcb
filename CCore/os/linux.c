/* linux.c: the table of the real machine, its clocks and its chance.
 *
 *   happy path    one system call each
 *   the clock cannot be read   cannot happen on a kernel this is built for: a trap
 *   no random bytes, no boot id   a status; the caller refuses to start
 */
#include "linux.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

weir_status weir_linux_status(int error) {
  switch (error) {
  case ENOENT:
    return WEIR_NOT_FOUND;
  case EEXIST:
    return WEIR_EXISTS;
  case ENOSPC:
  case EDQUOT:
    return WEIR_NO_SPACE;
  case EACCES:
  case EPERM:
    return WEIR_PERMISSION;
  case ENOMEM:
    return WEIR_OUT_OF_MEMORY;
  default:
    return WEIR_IO_FAILED;
  }
}

static uint64_t boot_ns(void *context) {
  (void)context;
  struct timespec now = {0};
  int failed = clock_gettime(CLOCK_BOOTTIME, &now);
  WEIR_ASSERT(failed == 0);
  return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static int64_t wall_ms(void *context) {
  (void)context;
  struct timespec now = {0};
  int failed = clock_gettime(CLOCK_REALTIME, &now);
  WEIR_ASSERT(failed == 0);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool hex_value(uint8_t digit, uint8_t *value) {
  if (digit >= '0' && digit <= '9') {
    *value = (uint8_t)(digit - '0');
  } else if (digit >= 'a' && digit <= 'f') {
    *value = (uint8_t)(digit - 'a' + 10);
  } else {
    return false;
  }
  return true;
}

/* 32 hexadecimal digits; dashes between them are passed over, a line feed ends them. */
static weir_status parse_boot_id(weir_bytes text, uint8_t id[16]) {
  size_t digits = 0;
  for (size_t i = 0; i < text.count && text.at[i] != '\n'; i++) {
    uint8_t value = 0;
    if (text.at[i] == '-') continue;
    if (digits == 32 || !hex_value(text.at[i], &value)) return WEIR_INVALID;
    id[digits / 2] = (uint8_t)(digits % 2 == 0 ? value << 4 : id[digits / 2] | value);
    digits++;
  }
  return digits == 32 ? WEIR_OK : WEIR_INVALID;
}

static weir_status boot_id(void *context, uint8_t id[16]) {
  (void)context;
  uint8_t memory[64];
  uint8_t parsed[16] = {0};
  weir_buffer text = weir_buffer_over(memory, sizeof memory);
  weir_status status = weir_os_read_all(weir_os_linux(), "/proc/sys/kernel/random/boot_id", &text);
  if (status == WEIR_OK) status = parse_boot_id(weir_buffer_view(&text), parsed);
  if (status == WEIR_OK) memcpy(id, parsed, sizeof parsed);
  return status;
}

static weir_status random_bytes(void *context, void *into, size_t count) {
  (void)context;
  uint8_t *at = into;
  while (count > 0) {
    ssize_t got = getrandom(at, count, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return WEIR_IO_FAILED;
    at += got;
    count -= (size_t)got;
  }
  return WEIR_OK;
}

const weir_os *weir_os_linux(void) {
  static const weir_os table = {
      .context = NULL,
      .boot_ns = boot_ns,
      .wall_ms = wall_ms,
      .boot_id = boot_id,
      .random = random_bytes,
      .open = weir_linux_open,
      .close = weir_linux_close,
      .read_at = weir_linux_read_at,
      .write_at = weir_linux_write_at,
      .sync = weir_linux_sync,
      .reserve = weir_linux_reserve,
      .size = weir_linux_size,
      .rename = weir_linux_rename,
      .remove = weir_linux_remove,
      .sync_directory = weir_linux_sync_directory,
      .sync_filesystem = weir_linux_sync_filesystem,
      .make_directory = weir_linux_make_directory,
      .list = weir_linux_list,
      .free_bytes = weir_linux_free_bytes,
  };
  return &table;
}
