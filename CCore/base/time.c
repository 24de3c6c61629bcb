/* time.c: times as text, by arithmetic alone; the machine's time zone is never asked.
 *
 *   happy path     RFC 3339 in, milliseconds since 1970 out, and back, at +08:00
 *   not a time     INVALID: a day the calendar does not have, a leap second (:60), a fraction of
 *                  more than nine digits, anything before or behind; the target is untouched
 *   a time that four digits of year cannot show   written as the nearest one that they can
 *
 * Days are counted in years that begin in March, so that the leap day is the last of its year.
 */
#include "weir_base.h"

enum {
  MS_PER_SECOND = 1000,
  MS_PER_MINUTE = 60 * MS_PER_SECOND,
  MS_PER_HOUR = 60 * MS_PER_MINUTE,
  MS_PER_DAY = 24 * MS_PER_HOUR,
  DAYS_PER_ERA = 146097,       /* 400 years: the calendar repeats */
  DAYS_TO_1970 = 719468,       /* from 0000-03-01 */
  OFFSET_MS = 8 * MS_PER_HOUR, /* of the one zone that is ever written */
  FIRST_DAY = -719528,         /* 0000-01-01 */
  LAST_DAY = 2932896           /* 9999-12-31 */
};

typedef struct date {
  unsigned year, month, day;
} date;

static date date_of_day(int64_t day) {
  WEIR_ASSERT(day >= FIRST_DAY && day <= LAST_DAY);
  /* One era more keeps January and February of the year 0 above zero. */
  uint32_t days = (uint32_t)(day + DAYS_TO_1970 + DAYS_PER_ERA);
  uint32_t era = days / DAYS_PER_ERA;
  uint32_t of_era = days % DAYS_PER_ERA;
  uint32_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  uint32_t of_year = of_era - (365 * year + year / 4 - year / 100);
  uint32_t march_month = (5 * of_year + 2) / 153;
  uint32_t month = march_month < 10 ? march_month + 3 : march_month - 9;
  uint32_t full_year = year + era * 400 - 400 + (month <= 2 ? 1 : 0);
  return (date){full_year, month, of_year - (153 * march_month + 2) / 5 + 1};
}

static int64_t day_of_date(date d) {
  uint32_t year = d.year + 400 - (d.month <= 2 ? 1 : 0);
  uint32_t era = year / 400;
  uint32_t of_era_year = year % 400;
  uint32_t march_month = d.month > 2 ? d.month - 3 : d.month + 9;
  uint32_t of_year = (153 * march_month + 2) / 5 + d.day - 1;
  uint32_t of_era = of_era_year * 365 + of_era_year / 4 - of_era_year / 100 + of_year;
  return (int64_t)era * DAYS_PER_ERA + of_era - DAYS_TO_1970 - DAYS_PER_ERA;
}

static unsigned days_of_month(unsigned year, unsigned month) {
  static const uint8_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month == 2 && leap ? 29 : days[month - 1];
}

/* Splits a time into its day and the milliseconds of that day, at +08:00, within four digits. */
static int64_t local_day(int64_t wall_ms, uint32_t *ms_of_day) {
  const int64_t first = (int64_t)FIRST_DAY * MS_PER_DAY;
  const int64_t last = ((int64_t)LAST_DAY + 1) * MS_PER_DAY - 1;
  int64_t local = wall_ms > last - OFFSET_MS ? last : wall_ms + OFFSET_MS;
  if (local < first) local = first;
  int64_t from_first = local - first;
  *ms_of_day = (uint32_t)(from_first % MS_PER_DAY);
  return from_first / MS_PER_DAY + FIRST_DAY;
}

static void write_two(uint8_t *at, uint32_t value) {
  at[0] = (uint8_t)('0' + value / 10);
  at[1] = (uint8_t)('0' + value % 10);
}

void weir_put_time(weir_buffer *b, int64_t wall_ms) {
  uint8_t text[] = "0000-00-00T00:00:00.000+08:00";
  uint32_t ms;
  date d = date_of_day(local_day(wall_ms, &ms));
  write_two(text, d.year / 100);
  write_two(text + 2, d.year % 100);
  write_two(text + 5, d.month);
  write_two(text + 8, d.day);
  write_two(text + 11, ms / MS_PER_HOUR);
  write_two(text + 14, ms / MS_PER_MINUTE % 60);
  write_two(text + 17, ms / MS_PER_SECOND % 60);
  text[20] = (uint8_t)('0' + ms % MS_PER_SECOND / 100);
  write_two(text + 21, ms % 100);
  weir_put(b, weir_view(text, sizeof text - 1));
}

uint32_t weir_day_of(int64_t wall_ms) {
  uint32_t ms;
  date d = date_of_day(local_day(wall_ms, &ms));
  return d.year * 10000 + d.month * 100 + d.day;
}

/* ---- Reading ------------------------------------------------------------------------------ */

static unsigned read_digits(weir_reader *r, unsigned count) {
  unsigned value = 0;
  for (unsigned i = 0; i < count; i++) {
    uint8_t byte = weir_get_u8(r);
    if (byte < '0' || byte > '9') r->bad = true;
    value = value * 10 + (unsigned)(byte - '0');
  }
  return r->bad ? 0 : value;
}

static void read_mark(weir_reader *r, char mark) {
  if (weir_get_u8(r) != (uint8_t)mark) r->bad = true;
}

/* A fraction of one to nine digits, cut to milliseconds; none is zero. */
static unsigned read_fraction(weir_reader *r) {
  if (r->left == 0 || r->at[0] != '.') return 0;
  (void)weir_get_u8(r);
  unsigned ms = 0;
  unsigned digits = 0;
  while (r->left > 0 && r->at[0] >= '0' && r->at[0] <= '9') {
    unsigned digit = (unsigned)(weir_get_u8(r) - '0');
    if (digits < 3) ms = ms * 10 + digit;
    digits++;
  }
  if (digits == 0 || digits > 9) r->bad = true;
  if (digits == 1) ms *= 100;
  if (digits == 2) ms *= 10;
  return ms;
}

static int64_t read_offset_ms(weir_reader *r) {
  uint8_t sign = weir_get_u8(r);
  if (sign == 'Z' || sign == 'z') return 0;
  if (sign != '+' && sign != '-') r->bad = true;
  unsigned hours = read_digits(r, 2);
  read_mark(r, ':');
  unsigned minutes = read_digits(r, 2);
  if (hours > 23 || minutes > 59) r->bad = true;
  int64_t ms = (int64_t)hours * MS_PER_HOUR + (int64_t)minutes * MS_PER_MINUTE;
  return sign == '-' ? -ms : ms;
}

static int64_t read_day(weir_reader *r) {
  date d = {0};
  d.year = read_digits(r, 4);
  read_mark(r, '-');
  d.month = read_digits(r, 2);
  read_mark(r, '-');
  d.day = read_digits(r, 2);
  bool real = !r->bad && d.month >= 1 && d.month <= 12 && d.day >= 1 &&
              d.day <= days_of_month(d.year, d.month);
  if (!real) {
    r->bad = true;
    return 0;
  }
  return day_of_date(d);
}

weir_status weir_time_read(weir_bytes text, int64_t *wall_ms) {
  weir_reader r = weir_reader_over(text);
  int64_t day = read_day(&r);
  uint8_t separator = weir_get_u8(&r);
  if (separator != 'T' && separator != 't') r.bad = true;
  unsigned hours = read_digits(&r, 2);
  read_mark(&r, ':');
  unsigned minutes = read_digits(&r, 2);
  read_mark(&r, ':');
  unsigned seconds = read_digits(&r, 2);
  if (hours > 23 || minutes > 59 || seconds > 59) r.bad = true;
  unsigned fraction = read_fraction(&r);
  int64_t offset_ms = read_offset_ms(&r);
  if (r.bad || r.left > 0) return WEIR_INVALID;
  *wall_ms = day * MS_PER_DAY + (int64_t)hours * MS_PER_HOUR + (int64_t)minutes * MS_PER_MINUTE +
             (int64_t)seconds * MS_PER_SECOND + fraction - offset_ms;
  return WEIR_OK;
}
