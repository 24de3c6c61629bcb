/* weir_text: fields of one JSON line that a unit wrote, found by their names.
 *
 * It reads what the units themselves write, to measure them: no spaces between the parts, no key
 * inside a string before the field that is asked for. It checks nothing and writes nothing.
 *
 * Cost: one search of the line a field. Bounded by the line. Kept true by BenchmarkTests.
 */
#ifndef WEIR_TEXT_H
#define WEIR_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes borrowed from a line; `at` is null where a field is missing. */
typedef struct weir_text {
  const char *at;
  size_t count;
} weir_text;

/* The value of the first field of that name: a string's inside as it is written, or a bare word or
 * number. */
weir_text weir_text_field(weir_text line, const char *name);
bool weir_text_is(weir_text value, const char *word);
/* A signed number, 0 where there is none. */
int64_t weir_text_number(weir_text value);
/* The 12 digits that end a ref. False: it does not end so. */
bool weir_text_tail(weir_text ref, uint64_t *number);
/* Milliseconds since 1970 of `2026-11-23T18:32:00.120+08:00`; 0: it is none. */
int64_t weir_text_time(weir_text value);
/* A handover's number as one: 2^63 for a drill, the day shifted by 32, the serial; 0: it is none.
 */
uint64_t weir_text_handover(weir_text value);

#endif
