/* Names to numbers, for the reader: -1 when the name is not in its list. */
#ifndef WEIR_MESSAGE_NAMES_H
#define WEIR_MESSAGE_NAMES_H

#include "weir_message.h"

int names_fact(weir_bytes name);
int names_op(weir_bytes name);
int names_event(weir_bytes name); /* only those that a line may name */
int names_cause(weir_bytes name);
int names_party(weir_bytes name);
int names_platform(weir_bytes name);
int names_channel(weir_bytes name);

#endif
