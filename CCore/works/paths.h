/* paths.h: paths of the files that jobs work on. */
#ifndef WEIR_WORKS_PATHS_H
#define WEIR_WORKS_PATHS_H

#include "weir_base.h"

enum { PATH_BYTES = 1024 };

/* The three one behind the other. False: they do not fit. */
static inline bool join_name(char path[PATH_BYTES], const char *directory, const char *between,
                             weir_bytes name) {
  weir_buffer b = weir_buffer_over(path, PATH_BYTES - 1);
  weir_put_text(&b, directory);
  weir_put_text(&b, between);
  weir_put(&b, name);
  path[b.count] = 0;
  return !b.overflow;
}

static inline bool join_path(char path[PATH_BYTES], const char *directory, const char *between,
                             const char *name) {
  return join_name(path, directory, between, weir_text(name));
}

#endif
