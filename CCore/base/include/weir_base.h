/* weir_base: the words that every room of the core shares.
 *
 * One list of statuses, views of bytes, buffers that never grow by themselves, CRC32C, times as
 * text, digits with a check digit, and the limits of the whole appliance, written as sums.
 * Nothing here reads a clock, a file or chance.
 *
 * Cost: a view is two words; an append is a bounds check and a memcpy; CRC32C runs on the SSE4.2
 * instruction where the machine has it. Bounded by memory bandwidth. Kept true by Benchmarks/Rooms.
 */
#ifndef WEIR_BASE_H
#define WEIR_BASE_H

#include "weir_canary.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__clang__)
#define WEIR_SWIFT_NAME(name) __attribute__((swift_name(name)))
#define WEIR_OPEN_ENUM        __attribute__((enum_extensibility(open)))
#else
#define WEIR_SWIFT_NAME(name)
#define WEIR_OPEN_ENUM
#endif

/* ---- Statuses: world errors. Our own mistakes trap (WEIR_ASSERT). ------------------------- */

#define WEIR_STATUS_MAP(X)                                                                         \
  X(OK, ok, "done")                                                                                \
  X(OUT_OF_MEMORY, outOfMemory, "out of memory")                                                   \
  X(INVALID, invalid, "malformed input")                                                           \
  X(TOO_LONG, tooLong, "longer than its limit")                                                    \
  X(FULL, full, "no room left within a limit")                                                     \
  X(NO_SPACE, noSpace, "the disk is full")                                                         \
  X(IO_FAILED, ioFailed, "reading or writing failed")                                              \
  X(SYNC_FAILED, syncFailed, "a sync failed: what was written may be lost")                        \
  X(CORRUPT, corrupt, "stored bytes are damaged")                                                  \
  X(NOT_FOUND, notFound, "not found")                                                              \
  X(EXISTS, exists, "exists already")                                                              \
  X(REFUSED, refused, "refused")                                                                   \
  X(FORGED, forged, "authentication failed")                                                       \
  X(REPLAYED, replayed, "seen before")                                                             \
  X(UNKNOWN_KEY, unknownKey, "no key for this epoch")                                              \
  X(PERMISSION, permission, "permission denied")                                                   \
  X(BUSY, busy, "in use by another process")                                                       \
  X(AGAIN, again, "nothing to do now")                                                             \
  X(CLOSED, closed, "closed")                                                                      \
  X(UNSUPPORTED, unsupported, "not supported here")

typedef enum WEIR_OPEN_ENUM weir_status {
#define X(upper, lower, text) WEIR_##upper WEIR_SWIFT_NAME(#lower),
  WEIR_STATUS_MAP(X)
#undef X
} weir_status;

/* The English text of a status; never null. */
const char *weir_status_text(weir_status status);

/* Traps, in release too, naming the place: for our own mistakes only, never for the world's. */
#define WEIR_ASSERT(condition)                                                                     \
  ((condition) ? (void)0 : weir_trap(#condition, __FILE_NAME__, __LINE__))
#ifndef __FILE_NAME__
#define __FILE_NAME__ __FILE__
#endif
_Noreturn void weir_trap(const char *what, const char *file, int line);

/* ---- Memory: taken at start, through one door, so that a test can count it. ---------------- */

/* `count` zeroed items of `size` bytes, or null. Freed with weir_free (null accepted). */
void *weir_allocate(size_t count, size_t size);
void weir_free(void *memory);
/* Zeroes memory of weir_allocate; whole pages go back to the kernel until they are used again. */
void weir_forget(void *memory, size_t bytes);
/* Between the two all of this memory will be written, by somebody for whom nothing waits: the
 * kernel may give it in pages of 2 MiB, which are slow to come and quick to use. What was given
 * stays. */
void weir_fill_begin(void *memory, size_t bytes);
void weir_fill_end(void *memory, size_t bytes);
/* Calls of weir_allocate since the process began, for tests that want zero after start. */
uint64_t weir_allocations(void);

/* ---- Views and buffers -------------------------------------------------------------------- */

typedef struct weir_bytes {
  const uint8_t *at; /* borrowed; the comment beside each use says until when */
  size_t count;
} weir_bytes;

static inline weir_bytes weir_view(const void *at, size_t count) {
  return (weir_bytes){(const uint8_t *)at, count};
}
/* The bytes before the zero; of a literal the compiler knows the count. */
static inline weir_bytes weir_text(const char *zero_terminated) {
  return weir_view(zero_terminated, strlen(zero_terminated));
}
bool weir_equal(weir_bytes a, weir_bytes b);
/* Compares without branching on content: for tags and codes. Lengths must be equal. */
bool weir_equal_constant_time(weir_bytes a, weir_bytes b);
/* Overwrites so that the compiler cannot leave it out: for keys. */
void weir_wipe(void *memory, size_t count);

/* A writer over memory that somebody else owns. An append past the end writes nothing and sets
 * `overflow`, and so do all after it: what is there is always a true beginning. Check it once, at
 * the end. `count` never exceeds `capacity`. */
typedef struct weir_buffer {
  uint8_t *at;
  size_t count;
  size_t capacity;
  bool overflow;
} weir_buffer;

static inline weir_buffer weir_buffer_over(void *at, size_t capacity) {
  return (weir_buffer){(uint8_t *)at, 0, capacity, false};
}
static inline weir_bytes weir_buffer_view(const weir_buffer *b) {
  return (weir_bytes){b->at, b->count};
}
/* Room for `count` bytes at the end, already counted, or null when there is none. */
static inline uint8_t *weir_take(weir_buffer *b, size_t count) {
  WEIR_ASSERT(b->count <= b->capacity);
  if (__builtin_expect(b->overflow || count > b->capacity - b->count, 0)) {
    b->overflow = true;
    return NULL;
  }
  uint8_t *at = b->at + b->count;
  b->count += count;
  return at;
}
static inline void weir_put(weir_buffer *b, weir_bytes bytes) {
  if (bytes.count == 0) return;
  uint8_t *at = weir_take(b, bytes.count);
  if (at != NULL) memcpy(at, bytes.at, bytes.count);
}
static inline void weir_put_text(weir_buffer *b, const char *zero_terminated) {
  weir_put(b, weir_text(zero_terminated));
}
static inline void weir_put_u8(weir_buffer *b, uint8_t value) {
  uint8_t *at = weir_take(b, 1);
  if (at != NULL) at[0] = value;
}
void weir_put_u16(weir_buffer *b, uint16_t value); /* little endian, as all numbers on disk */
void weir_put_u32(weir_buffer *b, uint32_t value);
void weir_put_u64(weir_buffer *b, uint64_t value);
void weir_put_long_varint(weir_buffer *b, uint64_t value);
static inline void weir_put_varint(weir_buffer *b, uint64_t value) { /* LEB128, 1 to 10 bytes */
  if (value < 0x80) {
    weir_put_u8(b, (uint8_t)value);
  } else {
    weir_put_long_varint(b, value);
  }
}
void weir_put_zigzag(weir_buffer *b, int64_t value);   /* signed, as protobuf's sint64 */
void weir_put_decimal(weir_buffer *b, uint64_t value); /* decimal digits */
void weir_put_signed(weir_buffer *b, int64_t value);   /* decimal digits with a sign */
void weir_put_padded(weir_buffer *b, uint64_t value, unsigned digits); /* leading zeros */
void weir_put_hex(weir_buffer *b, weir_bytes bytes);                   /* lower case */
/* The characters of a JSON string without its quotes: escapes quote, backslash and U+0000-001F;
 * everything else is copied (the caller vouches for UTF-8). */
void weir_put_escaped(weir_buffer *b, weir_bytes utf8);
void weir_put_quoted(weir_buffer *b, weir_bytes utf8); /* the same with quotes */
/* RFC 3339 with milliseconds and +08:00, no quotes: 2026-11-23T18:31:00.120+08:00. A time outside
 * the years 0000 to 9999 is written as the nearest one inside. */
void weir_put_time(weir_buffer *b, int64_t wall_ms);

/* A reader over bytes from the world: reads past the end give zero and set `bad`. */
typedef struct weir_reader {
  const uint8_t *at;
  size_t left;
  bool bad;
} weir_reader;

static inline weir_reader weir_reader_over(weir_bytes bytes) {
  return (weir_reader){bytes.at, bytes.count, false};
}
uint8_t weir_get_u8(weir_reader *r);
uint16_t weir_get_u16(weir_reader *r);
uint32_t weir_get_u32(weir_reader *r);
uint64_t weir_get_u64(weir_reader *r);
uint64_t weir_get_long_varint(weir_reader *r);
static inline uint64_t weir_get_varint(weir_reader *r) {
  if (r->bad || r->left == 0 || r->at[0] >= 0x80) return weir_get_long_varint(r);
  r->left--;
  return *r->at++;
}
int64_t weir_get_zigzag(weir_reader *r);
weir_bytes weir_get(weir_reader *r, size_t count); /* borrowed from the reader's bytes */

/* ---- Checksums ---------------------------------------------------------------------------- */

/* CRC32C (Castagnoli; RFC 3720, appendix B.4), continued from `seed` (0 to begin). */
uint32_t weir_crc32c(uint32_t seed, weir_bytes bytes);
/* The same by tables, as on a machine without the instruction: so that a test can compare both. */
uint32_t weir_crc32c_portable(uint32_t seed, weir_bytes bytes);
/* A 64-bit mixing hash, the same on every machine; not against an enemy who chooses the bytes. For
 * a table in memory `seed` is drawn at start, so that nobody can aim at one bucket. */
uint64_t weir_hash(uint64_t seed, weir_bytes bytes);

/* ---- Times and numbers -------------------------------------------------------------------- */

/* Reads RFC 3339 with any offset, seconds' fraction of 0 to 9 digits (cut to milliseconds).
 * INVALID for what the calendar does not have, and for leap seconds. */
weir_status weir_time_read(weir_bytes text, int64_t *wall_ms);
/* The day at +08:00 as yyyymmdd. */
uint32_t weir_day_of(int64_t wall_ms);
/* The check digit of a decimal number by the Luhn algorithm (ISO/IEC 7812-1, annex B). */
unsigned weir_check_digit(uint64_t number);
/* Does the text begin with a full-width form of an ASCII character or a full-width space? Then
 * three bytes are one character. */
bool weir_is_wide_ascii(weir_bytes text);
/* What a person typed, in plain ASCII as far as it has it: full-width forms become narrow ones, and
 * spaces are left out. */
void weir_put_typed(weir_buffer *b, weir_bytes text);
/* Unsigned decimal digits, no sign, no leading +; invalid on anything else or overflow. */
weir_status weir_decimal_read(weir_bytes digits, uint64_t *value);

/* Crossing numbers as they are read out: `41-43,57`, and with a check digit `41-43,57/6` (the form
 * stands in ticket.c). */
typedef struct weir_range {
  uint64_t first, last; /* from 1, both within */
} weir_range;
unsigned weir_ticket_digit(weir_bytes ranges);
/* INVALID, FULL. */
weir_status weir_ranges_read(weir_bytes text, weir_range *ranges, size_t max, size_t *count);
/* The same with the digit behind it: REFUSED when that does not fit. */
weir_status weir_ticket_read(weir_bytes text, weir_range *ranges, size_t max, size_t *count);

/* ---- Limits: everything has one, and derived ones are sums --------------------------------- */

enum {
  WEIR_LINE_BYTES_MAX = 64 * 1024, /* one request line, its line feed included */
  WEIR_CONNECTIONS_MAX = 1024,     /* intake and control together */
  WEIR_BATCH_MAX = 64,             /* messages that cross to Swift in one call */
  WEIR_DANGER_SLOTS = 4096,        /* taken messages kept for danger above the high mark */
  WEIR_INFLIGHT_HIGH = 16384,      /* messages taken and not yet durable: the high mark */
  WEIR_INFLIGHT_MAX = WEIR_INFLIGHT_HIGH + WEIR_DANGER_SLOTS,
  WEIR_UNIT_NAME_MAX = 8, /* letters and digits */
  WEIR_REF_MAX = 64,
  WEIR_RECORD_BYTES_MAX = 64 * 1024, /* one crossing record, as JSON */
  WEIR_MTU_MAX = 9000,
  WEIR_DATAGRAM_MAX = WEIR_MTU_MAX - 28 /* less the IPv4 and UDP headers */
};

#endif
