/* weir_delivery_load: how fast an inner unit delivers to a directory. The real units without their
 * loop, one after the other on one thread: an outer one takes matters of danger, and what it sends
 * is kept; then the time runs while an inner one takes that, stages, marks and publishes. */
#ifndef WEIR_DELIVERY_LOAD_H
#define WEIR_DELIVERY_LOAD_H

#include <stdint.h>

typedef struct weir_delivery_result {
  uint64_t delivered; /* files that lie in the directory at the end */
  uint64_t time_ns, cpu_ns;
} weir_delivery_result;

/* `folder` is empty and the caller's to remove. Null, or what went wrong. */
const char *weir_delivery_run(const char *folder, uint32_t items, weir_delivery_result *result);

#endif
