/* The trials, by the file that holds them. */
#ifndef WEIR_ROOMS_TRIALS_H
#define WEIR_ROOMS_TRIALS_H

#include "weir_rooms.h"

extern const weir_room_trial trial_frame, trial_message, trial_facts, trial_log; /* words.c */
extern const weir_room_trial trial_arm, trial_cancel, trial_expire;              /* deadlines.c */
extern const weir_room_trial trial_append, trial_read;                           /* records.c */
extern const weir_room_trial trial_seal, trial_open, trial_pack, trial_receive;  /* crossing.c */

#endif
