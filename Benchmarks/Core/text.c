/* Fields of a line by their names, and the few texts that stand in them. */
#include "weir_text.h"

#include <string.h>

enum { NAME_MAX = 32, REF_DIGITS = 12, TIME_TEXT = 29 };

weir_text weir_text_field(weir_text line, const char *name) {
  char key[NAME_MAX + 4];
  size_t count = strlen(name);
  if (!line.at || count > NAME_MAX) return (weir_text){0};
  key[0] = '"';
  memcpy(key + 1, name, count);
  memcpy(key + 1 + count, "\":", 2);
  const char *at = memmem(line.at, line.count, key, count + 3);
  if (!at) return (weir_text){0};
  at += count + 3;
  const char *end = line.at + line.count;
  bool quoted = at < end && *at == '"';
  if (quoted) at++;
  const char *stop = at;
  while (stop < end) {
    bool ends = quoted ? *stop == '"' : *stop == ',' || *stop == '}' || *stop == ']';
    if (ends) break;
    stop += quoted && *stop == '\\' && stop + 1 < end ? 2 : 1;
  }
  return (weir_text){at, (size_t)(stop - at)};
}

bool weir_text_is(weir_text value, const char *word) {
  size_t count = strlen(word);
  return value.at && value.count == count && memcmp(value.at, word, count) == 0;
}

static bool digits(const char *at, size_t count, uint64_t *number) {
  *number = 0;
  for (size_t i = 0; i < count; i++) {
    if (at[i] < '0' || at[i] > '9') return false;
    *number = *number * 10 + (uint64_t)(at[i] - '0');
  }
  return count > 0 && count < 19;
}

int64_t weir_text_number(weir_text value) {
  uint64_t number = 0;
  bool negative = value.at && value.count > 1 && value.at[0] == '-';
  if (!value.at || !digits(value.at + negative, value.count - negative, &number)) return 0;
  return negative ? -(int64_t)number : (int64_t)number;
}

bool weir_text_tail(weir_text ref, uint64_t *number) {
  *number = 0;
  if (!ref.at || ref.count < REF_DIGITS) return false;
  return digits(ref.at + ref.count - REF_DIGITS, REF_DIGITS, number);
}

/* Days since 1970 of a date of the Gregorian calendar, by counting years from March. */
static int64_t days(int64_t year, int64_t month, int64_t day) {
  if (month <= 2) year--;
  int64_t months = month > 2 ? month - 3 : month + 9;
  int64_t day_of_year = (153 * months + 2) / 5 + day - 1;
  return year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - 719468;
}

int64_t weir_text_time(weir_text value) {
  static const struct {
    uint8_t at, count;
  } parts[] = {{0, 4}, {5, 2}, {8, 2}, {11, 2}, {14, 2}, {17, 2}, {20, 3}, {24, 2}, {27, 2}};
  uint64_t n[9];
  if (!value.at || value.count != TIME_TEXT) return 0;
  for (size_t i = 0; i < 9; i++) {
    if (!digits(value.at + parts[i].at, parts[i].count, &n[i])) return 0;
  }
  int64_t seconds = days((int64_t)n[0], (int64_t)n[1], (int64_t)n[2]) * 86400 +
                    (int64_t)(n[3] * 3600 + n[4] * 60 + n[5]);
  int64_t ahead = (int64_t)(n[7] * 3600 + n[8] * 60);
  seconds += value.at[23] == '-' ? ahead : -ahead;
  return seconds * 1000 + (int64_t)n[6];
}

uint64_t weir_text_handover(weir_text value) {
  uint64_t day = 0, serial = 0;
  const char *dash = value.at ? memchr(value.at, '-', value.count) : NULL;
  if (!dash) return 0;
  const char *end = value.at + value.count, *at = dash + 1;
  if (end - at < 10 || at[8] != '-' || !digits(at, 8, &day)) return 0;
  at += 9;
  bool drill = *at == 'Y';
  if (drill) at++;
  if (!digits(at, (size_t)(end - at), &serial) || serial > UINT32_MAX) return 0;
  return (drill ? (uint64_t)1 << 63 : 0) | day << 32 | serial;
}
