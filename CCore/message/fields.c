/* fields.c: the top-level fields by name and by number.
 *
 *   happy path     first letter, last letter and length lead to the one field that a name can be,
 *                  and one comparison settles it
 *   no such name   -1
 *
 * The places are computed by the compiler. Two fields at one place are a warning, hence an error,
 * and then the three factors need another choice. */
#include "reading.h"

#include <string.h>

static const char *const names[] = {
#define X(upper, name, first, last) #name,
    FIELD_MAP(X)
#undef X
};

static const uint8_t lengths[] = {
#define X(upper, name, first, last) sizeof(#name) - 1,
    FIELD_MAP(X)
#undef X
};

/* First letter, last letter and length lead to the one field that a name can be. The compiler
 * computes the places; two fields at one place are a warning, hence an error, and then the three
 * factors need another choice. Places hold the field's number plus one. */
enum { PLACES = 256 };
#define PLACE_OF(first, last, count)                                                               \
  ((1u * (unsigned)(first) + 3u * (unsigned)(last) + 68u * (unsigned)(count)) % PLACES)

static const uint8_t places[PLACES] = {
#define X(upper, name, first, last) [PLACE_OF(first, last, sizeof(#name) - 1)] = FIELD_##upper + 1,
    FIELD_MAP(X)
#undef X
};

const char *field_name(int field) {
  WEIR_ASSERT(field >= 0 && field < FIELD_COUNT);
  return names[field];
}

int field_find(weir_bytes name) {
  if (name.count == 0) return -1;
  int field = places[PLACE_OF(name.at[0], name.at[name.count - 1], name.count)] - 1;
  if (field < 0 || lengths[field] != name.count) return -1;
  return memcmp(names[field], name.at, name.count) == 0 ? field : -1;
}
