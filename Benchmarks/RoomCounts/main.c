/* Runs each trial of the C rooms once and prints how many operations that were, for callgrind to
 * count their instructions: `.ci/run thresholds`. Nothing of Swift runs here, whose runtime
 * valgrind cannot follow. */
#include "weir_rooms.h"

#include <stdio.h>

int main(int count, char **words) {
  if (count != 2) {
    (void)fprintf(stderr, "usage: RoomCounts EMPTY-FOLDER\n");
    return 2;
  }
  for (const weir_room_trial *t = weir_room_trials(); t->name; t++) {
    if (!t->open(words[1])) {
      (void)fprintf(stderr, "%s cannot be prepared\n", t->name);
      return 1;
    }
    if (t->before) t->before();
    (void)printf("%s %llu\n", t->name, (unsigned long long)t->run());
    t->close();
  }
  return 0;
}
