/* The one canary of this process; there is no such variable in an ordinary build. */
#include "weir_canary.h"

#ifdef WEIR_CANARIES
weir_canary weir_canary_chosen = WEIR_CANARY_NONE;
#endif
