/* linux_names.c: names in directories of the Linux table.
 *
 *   happy path     rename or remove, then sync_directory: from then on the name survives a crash
 *   a sync fails   SYNC_FAILED: the name may be there after a crash, or not
 *   no memory while listing   OUT_OF_MEMORY before the first name is told
 */
#include "linux.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

weir_status weir_linux_rename(void *context, const char *source, const char *target) {
  (void)context;
  return rename(source, target) == 0 ? WEIR_OK : weir_linux_status(errno);
}

weir_status weir_linux_remove(void *context, const char *path) {
  (void)context;
  return unlink(path) == 0 ? WEIR_OK : weir_linux_status(errno);
}

static weir_status sync_path(const char *path, int flags, int (*sync)(int descriptor)) {
  int descriptor = open(path, O_RDONLY | O_CLOEXEC | flags);
  if (descriptor < 0) return weir_linux_status(errno);
  int failed = sync(descriptor);
  (void)close(descriptor);
  return failed == 0 ? WEIR_OK : WEIR_SYNC_FAILED;
}

weir_status weir_linux_sync_directory(void *context, const char *path) {
  (void)context;
  return sync_path(path, O_DIRECTORY, fsync);
}

weir_status weir_linux_sync_filesystem(void *context, const char *path) {
  (void)context;
  return sync_path(path, 0, syncfs);
}

weir_status weir_linux_make_directory(void *context, const char *path) {
  (void)context;
  if (mkdir(path, 0700) == 0) return WEIR_OK;
  int error = errno;
  struct stat facts;
  if (error == EEXIST && stat(path, &facts) == 0 && S_ISDIR(facts.st_mode)) return WEIR_OK;
  return weir_linux_status(error);
}

weir_status weir_linux_free_bytes(void *context, const char *path, uint64_t *bytes) {
  (void)context;
  struct statvfs facts;
  if (statvfs(path, &facts) != 0) return weir_linux_status(errno);
  *bytes = (uint64_t)facts.f_bavail * (uint64_t)facts.f_frsize;
  return WEIR_OK;
}

/* ---- Listing ------------------------------------------------------------------------------ */

/* Names one behind the other, each with its zero; and, once all are here, where each begins. */
typedef struct name_list {
  char *text;
  size_t used, room, count;
  const char **names;
} name_list;

static weir_status add_name(name_list *list, const char *name) {
  size_t size = strlen(name) + 1;
  if (size > list->room - list->used) {
    size_t room = list->room * 2 + size + 4096;
    char *text = weir_allocate(room, 1);
    if (text == NULL) return WEIR_OUT_OF_MEMORY;
    if (list->used > 0) memcpy(text, list->text, list->used);
    weir_free(list->text);
    list->text = text;
    list->room = room;
  }
  memcpy(list->text + list->used, name, size);
  list->used += size;
  list->count++;
  return WEIR_OK;
}

static weir_status read_names(name_list *list, DIR *directory) {
  for (;;) {
    errno = 0; /* the only way to tell the end from a failure */
    const struct dirent *entry = readdir(directory);
    if (entry == NULL) return errno == 0 ? WEIR_OK : weir_linux_status(errno);
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    weir_status status = add_name(list, entry->d_name);
    if (status != WEIR_OK) return status;
  }
}

static int compare_names(const void *a, const void *b) {
  /* strcmp compares as unsigned bytes. */
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static weir_status sort_names(name_list *list) {
  list->names = weir_allocate(list->count, sizeof *list->names);
  if (list->names == NULL) return WEIR_OUT_OF_MEMORY;
  const char *at = list->text;
  for (size_t i = 0; i < list->count; i++) {
    list->names[i] = at;
    at += strlen(at) + 1;
  }
  WEIR_ASSERT(list->count == 0 || at == list->text + list->used);
  qsort(list->names, list->count, sizeof *list->names, compare_names);
  return WEIR_OK;
}

weir_status weir_linux_list(void *context, const char *path,
                            weir_status (*each)(void *user, const char *name), void *user) {
  (void)context;
  DIR *directory = opendir(path);
  if (directory == NULL) return weir_linux_status(errno);
  name_list list = {0};
  weir_status status = read_names(&list, directory);
  (void)closedir(directory);
  if (status == WEIR_OK && list.count > 0) status = sort_names(&list);
  for (size_t i = 0; i < list.count && status == WEIR_OK; i++) {
    status = each(user, list.names[i]);
  }
  weir_free(list.names);
  weir_free(list.text);
  return status;
}
