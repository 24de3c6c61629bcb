/* paths.h: paths of the files that jobs work on. */
#ifndef WEIR_WORKS_PATHS_H
#define WEIR_WORKS_PATHS_H

#include "weir_base.h"

enum { PATH_BYTES = 1024 };

/* The three one behind the other. False: they do not fit. */
static inline bool join_path(char path[PATH_BYTES], const char *directory, const char *between,
                             const char *name) {
  weir_buffer b = weir_buffer_over(path, PATH_BYTES - 1);
  weir_put_text(&b, directory);
  weir_put_text(&b, between);
  weir_put_text(&b, name);
  path[b.count] = 0;
  return !b.overflow;
}

#endif
