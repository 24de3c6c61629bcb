/* What the files of the oracle share. */
#ifndef WEIR_ORACLE_INSIDE_H
#define WEIR_ORACLE_INSIDE_H

#include "weir_message.h"

#include <jansson.h>

typedef struct oracle {
  weir_buffer memory; /* where the label's strings lie */
  weir_message *message;
} oracle;

/* Reads the value of a field of the top object, by its name; false when it may not stand there. */
bool oracle_read_field(oracle *o, const char *name, const json_t *value);

#endif
