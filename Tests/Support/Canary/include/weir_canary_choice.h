/* weir_canary_choice: the list of canaries for the tests, NONE first. */
#ifndef WEIR_CANARY_CHOICE_H
#define WEIR_CANARY_CHOICE_H

#include "weir_canary.h"

#include <stddef.h>

size_t weir_canary_count(void);
/* Static text; empty beyond the list. */
const char *weir_canary_name(size_t canary);
const char *weir_canary_wrong(size_t canary);

#endif
