/* The list of trials, in the order of a message's way. */
#include "trials.h"

enum { TRIALS_MAX = 16 };

const weir_room_trial *weir_room_trials(void) {
  static weir_room_trial all[TRIALS_MAX];
  const weir_room_trial *const order[] = {&trial_frame,  &trial_message, &trial_facts,  &trial_arm,
                                          &trial_cancel, &trial_expire,  &trial_append, &trial_read,
                                          &trial_log,    &trial_seal,    &trial_open,   &trial_pack,
                                          &trial_receive};
  for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) all[i] = *order[i];
  return all;
}
