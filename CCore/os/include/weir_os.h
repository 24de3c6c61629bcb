/* weir_os: the outside world as a table of functions.
 *
 * The only room that reads a clock, a file or chance. Production passes weir_os_linux(); tests
 * pass a table that lies on purpose (fails the n-th call, loses what was not synced). Every call
 * may block and is made either before the loop runs or on the disk thread; the clocks are the
 * exception, they never block.
 *
 * Cost: a system call each. Bounded by the disk. Kept true by Benchmarks/Rooms.
 */
#ifndef WEIR_OS_H
#define WEIR_OS_H

#include "weir_base.h"

typedef struct weir_file weir_file; /* an open file; its meaning belongs to the table */

typedef enum weir_open_mode {
  WEIR_OPEN_READ,   /* must exist */
  WEIR_OPEN_WRITE,  /* must exist; reading and writing */
  WEIR_OPEN_CREATE, /* made empty, an old one is truncated; reading and writing, mode 0600 */
  WEIR_OPEN_LOCK    /* made if missing, and locked for this process: BUSY when another holds it */
} weir_open_mode;

typedef struct weir_os {
  void *context;
  /* CLOCK_BOOTTIME in nanoseconds: goes on through suspend, starts anew at boot. */
  uint64_t (*boot_ns)(void *context);
  /* CLOCK_REALTIME in milliseconds since 1970: may jump. */
  int64_t (*wall_ms)(void *context);
  /* The kernel's id of this boot. */
  weir_status (*boot_id)(void *context, uint8_t id[16]);
  weir_status (*random)(void *context, void *into, size_t count);

  weir_status (*open)(void *context, const char *path, weir_open_mode mode, weir_file **out);
  void (*close)(void *context, weir_file *file); /* null accepted */
  /* Reads up to `count` bytes; fewer only at the end of the file. */
  weir_status (*read_at)(void *context, weir_file *file, uint64_t offset, void *into, size_t count,
                         size_t *got);
  /* Writes all of it, or fails (NO_SPACE when the disk is full). */
  weir_status (*write_at)(void *context, weir_file *file, uint64_t offset, weir_bytes bytes);
  /* fdatasync. After a failure nothing that was written since the last good one may be trusted. */
  weir_status (*sync)(void *context, weir_file *file);
  /* Takes blocks for the first `size` bytes, zeroed, so that later writes need no new ones. */
  weir_status (*reserve)(void *context, weir_file *file, uint64_t size);
  weir_status (*size)(void *context, weir_file *file, uint64_t *size);

  weir_status (*rename)(void *context, const char *source, const char *target);
  weir_status (*remove)(void *context, const char *path); /* NOT_FOUND when it is not there */
  weir_status (*sync_directory)(void *context, const char *path);
  /* syncfs of the file system that holds `path`. */
  weir_status (*sync_filesystem)(void *context, const char *path);
  /* mkdir with mode 0700; EXISTS is answered OK when it is a directory. Parents are not made. */
  weir_status (*make_directory)(void *context, const char *path);
  /* Calls `each` with every name but . and .., sorted by bytes; stops at the first bad status. */
  weir_status (*list)(void *context, const char *path,
                      weir_status (*each)(void *user, const char *name), void *user);
  /* Bytes free for this process on the file system of `path`. */
  weir_status (*free_bytes)(void *context, const char *path, uint64_t *bytes);
} weir_os;

/* The real one. Never null, never freed, any thread. */
const weir_os *weir_os_linux(void);

/* Reads a whole small file into `into`; TOO_LONG when it does not fit. */
weir_status weir_os_read_all(const weir_os *os, const char *path, weir_buffer *into);
/* Replaces a file so that a crash leaves the old or the new one: dot name, write, sync, rename,
 * sync of the directory. */
weir_status weir_os_replace(const weir_os *os, const char *directory, const char *name,
                            weir_bytes bytes);

#endif
