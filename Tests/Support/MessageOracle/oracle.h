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

enum { ORACLE_DEPTH_MAX = 16 };

/* How deep arrays and objects are nested; a plain value is 0. */
unsigned oracle_depth_of(const json_t *value);
/* Does the text, which is JSON, write a number that is longer than the readers take? */
bool oracle_has_long_number(weir_bytes text);

#endif
