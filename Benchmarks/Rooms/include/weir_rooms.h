/* weir_rooms: each operation of the path by itself, many times over, for `Benchmarks rooms`.
 *
 * A trial is prepared by `before`, which is not measured, and `run` does the operation so many
 * times and nothing else. Its function is named run_ROOM_OPERATION, so that instructions can be
 * counted by the function's name. Memory is taken by `open` and given back by `close`.
 */
#ifndef WEIR_ROOMS_H
#define WEIR_ROOMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct weir_room_trial {
  const char *name; /* room_operation */
  double goal_ns;   /* of one operation; 0: none is asked for */
  bool (*open)(const char *folder);
  void (*before)(void);  /* or null */
  uint64_t (*run)(void); /* how many operations */
  void (*close)(void);
} weir_room_trial;

/* All of them, the last with a null name. `folder` is empty and the caller's to remove. */
const weir_room_trial *weir_room_trials(void);

/* Resident bytes of one armed deadline of so many. */
double weir_rooms_deadline_bytes(uint32_t count);

#endif
