/* whole.c: whole small files, over any table.
 *
 *   happy path of replace   .name is written, synced, renamed over name, the directory is synced
 *   a crash before the rename   the old file stands; a stale .name is overwritten the next time
 *   anything fails before the rename   .name is removed, the old file stands
 *   the directory's sync fails   SYNC_FAILED: after a crash it is the old or the new one
 */
#include "weir_os.h"

enum { PATH_BYTES_MAX = 4096 };

weir_status weir_os_read_all(const weir_os *os, const char *path, weir_buffer *into) {
  WEIR_ASSERT(into->count <= into->capacity);
  weir_file *file = NULL;
  weir_status status = os->open(os->context, path, WEIR_OPEN_READ, &file);
  if (status != WEIR_OK) return status;
  size_t room = into->capacity - into->count;
  size_t got = 0;
  size_t beyond = 0;
  status = os->read_at(os->context, file, 0, into->at + into->count, room, &got);
  if (status == WEIR_OK && got == room) {
    /* The size of files under /proc is zero, so ask for one byte more instead. */
    uint8_t probe;
    status = os->read_at(os->context, file, got, &probe, 1, &beyond);
  }
  os->close(os->context, file);
  if (status != WEIR_OK) return status;
  if (beyond > 0) return WEIR_TOO_LONG;
  into->count += got;
  return WEIR_OK;
}

static weir_status write_whole(const weir_os *os, const char *path, weir_bytes bytes) {
  weir_file *file = NULL;
  weir_status status = os->open(os->context, path, WEIR_OPEN_CREATE, &file);
  if (status != WEIR_OK) return status;
  status = os->write_at(os->context, file, 0, bytes);
  if (status == WEIR_OK) status = os->sync(os->context, file);
  os->close(os->context, file);
  return status;
}

static bool make_path(char *into, const char *directory, const char *prefix, const char *name) {
  weir_buffer path = weir_buffer_over(into, PATH_BYTES_MAX);
  weir_put_text(&path, directory);
  weir_put_u8(&path, '/');
  weir_put_text(&path, prefix);
  weir_put_text(&path, name);
  weir_put_u8(&path, 0);
  return !path.overflow;
}

weir_status weir_os_replace(const weir_os *os, const char *directory, const char *name,
                            weir_bytes bytes) {
  WEIR_ASSERT(name[0] != '\0');
  char fresh[PATH_BYTES_MAX];
  char final[PATH_BYTES_MAX];
  if (!make_path(fresh, directory, ".", name) || !make_path(final, directory, "", name)) {
    return WEIR_TOO_LONG;
  }
  weir_status status = write_whole(os, fresh, bytes);
  if (status == WEIR_OK) status = os->rename(os->context, fresh, final);
  if (status != WEIR_OK) {
    /* Tidying only: the status that counts is the first one. */
    (void)os->remove(os->context, fresh);
    return status;
  }
  return os->sync_directory(os->context, directory);
}
