/* linux.h: what the files of the Linux table share; nobody else includes it. */
#ifndef WEIR_OS_LINUX_PRIVATE_H
#define WEIR_OS_LINUX_PRIVATE_H

#include "weir_os.h"

/* What an errno means to the house. */
weir_status weir_linux_status(int error);

/* Files (linux_files.c). */
weir_status weir_linux_open(void *context, const char *path, weir_open_mode mode, weir_file **out);
void weir_linux_close(void *context, weir_file *file);
weir_status weir_linux_read_at(void *context, weir_file *file, uint64_t offset, void *into,
                               size_t count, size_t *got);
weir_status weir_linux_write_at(void *context, weir_file *file, uint64_t offset, weir_bytes bytes);
weir_status weir_linux_sync(void *context, weir_file *file);
weir_status weir_linux_reserve(void *context, weir_file *file, uint64_t size);
weir_status weir_linux_size(void *context, weir_file *file, uint64_t *size);

/* Names (linux_names.c). */
weir_status weir_linux_rename(void *context, const char *source, const char *target);
weir_status weir_linux_remove(void *context, const char *path);
weir_status weir_linux_sync_directory(void *context, const char *path);
weir_status weir_linux_sync_filesystem(void *context, const char *path);
weir_status weir_linux_make_directory(void *context, const char *path);
weir_status weir_linux_list(void *context, const char *path,
                            weir_status (*each)(void *user, const char *name), void *user);
weir_status weir_linux_free_bytes(void *context, const char *path, uint64_t *bytes);

#endif
