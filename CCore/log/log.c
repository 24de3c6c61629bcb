/* log.c: building one line at a time, and the ring that holds them.
 *
 *   happy path    begin writes the head, fields append to the build area, end gives the sequence
 *                 number and copies all of it into the ring
 *   level off     begin answers false and no line is open: fields and end do nothing
 *   ring full     end spends the sequence number, counts the drop and answers FULL
 *   after drops   the next line goes in only together with the report of what is missing
 *   a long line   text is cut, fields that do not fit at all are left out, and labels.cut says so
 *
 * The sequence number is put between head and fields only when the line goes in: so the numbers
 * in the file are dense but for the range that a report names.
 */
#include "weir_log.h"

#include "log_text.h"

#include <string.h>

enum {
  SEQUENCE_BYTES_MAX = 20,                 /* digits of the largest number */
  BUILD_BYTES = 4096 - SEQUENCE_BYTES_MAX, /* head and fields */
  MESSAGE_BYTES_MAX = 1024, /* escaped: our own texts are short, those of libraries need not be */
  ACTION_BYTES_MAX = 64,
  SERVICE_BYTES_MAX = 64,
  TIME_BYTES = sizeof "2026-11-23T18:31:00.120+08:00" - 1,
  RING_BYTES_MIN = 1024,
  REPORT_BYTES_MAX = 512
};

static const char cut_mark[] = ",\"labels.cut\":true";
static const char line_end[] = "}\n";

/* What follows the fields must fit whatever they did. */
enum { TAIL_BYTES = sizeof cut_mark + sizeof line_end - 2 };

struct weir_log {
  uint8_t *ring;
  size_t bytes, reserved;
  uint64_t head, tail; /* bytes ever consumed and ever put; the place is the remainder */
  uint64_t sequence;   /* the last one spent */
  uint64_t written, dropped;
  uint64_t missing; /* dropped since the last line that went in: the numbers up to `sequence` */
  weir_log_level level;

  /* The line that is being built. */
  bool building, important, cut;
  int64_t wall_ms;
  uint8_t time[TIME_BYTES]; /* the text of wall_ms: lines of one turn share it */
  weir_buffer line;
  size_t head_bytes; /* the sequence number goes here */
  uint8_t build[BUILD_BYTES];

  uint8_t service_memory[SERVICE_BYTES_MAX * 6 + 32];
  weir_buffer service; /* ,"service.name":"…" */
};

static void check(const weir_log *log) {
  WEIR_ASSERT(log->head <= log->tail);
  WEIR_ASSERT(log->tail - log->head <= log->bytes);
  WEIR_ASSERT(log->missing <= log->dropped);
}

/* ---- Opening and closing ------------------------------------------------------------------ */

weir_status weir_log_open(const char *service, weir_log_level level, size_t bytes, size_t reserved,
                          weir_log **out) {
  weir_bytes name = weir_text(service);
  bool power_of_two = bytes >= RING_BYTES_MIN && (bytes & (bytes - 1)) == 0;
  if (!power_of_two || reserved >= bytes) return WEIR_INVALID;
  if (name.count == 0 || name.count > SERVICE_BYTES_MAX) return WEIR_INVALID;
  weir_log *log = weir_allocate(1, sizeof *log);
  if (log == NULL) return WEIR_OUT_OF_MEMORY;
  log->ring = weir_allocate(bytes, 1);
  if (log->ring == NULL) {
    weir_free(log);
    return WEIR_OUT_OF_MEMORY;
  }
  log->bytes = bytes;
  log->reserved = reserved;
  log->level = level;
  log->service = weir_buffer_over(log->service_memory, sizeof log->service_memory);
  weir_put_text(&log->service, ",\"service.name\":\"");
  (void)weir_log_put_cut(&log->service, name);
  weir_put_u8(&log->service, '"');
  WEIR_ASSERT(!log->service.overflow);
  *out = log;
  return WEIR_OK;
}

void weir_log_close(weir_log *log) {
  if (log == NULL) return;
  weir_free(log->ring);
  weir_free(log);
}

void weir_log_set_level(weir_log *log, weir_log_level level) {
  log->level = level;
}

/* ---- The ring ----------------------------------------------------------------------------- */

static bool fits(const weir_log *log, size_t count) {
  size_t used = (size_t)(log->tail - log->head);
  size_t usable = log->important ? log->bytes : log->bytes - log->reserved;
  return used <= usable && count <= usable - used;
}

static void put_in_ring(weir_log *log, weir_bytes piece) {
  if (piece.count == 0) return;
  WEIR_ASSERT(piece.at != NULL);
  size_t place = (size_t)(log->tail & (log->bytes - 1));
  size_t first = log->bytes - place;
  if (first > piece.count) first = piece.count;
  memcpy(log->ring + place, piece.at, first);
  if (first < piece.count) memcpy(log->ring, piece.at + first, piece.count - first);
  log->tail += piece.count;
}

weir_bytes weir_log_peek(const weir_log *log) {
  size_t place = (size_t)(log->head & (log->bytes - 1));
  size_t used = (size_t)(log->tail - log->head);
  size_t to_ring_end = log->bytes - place;
  return weir_view(log->ring + place, used < to_ring_end ? used : to_ring_end);
}

void weir_log_consume(weir_log *log, size_t count) {
  WEIR_ASSERT(count <= log->tail - log->head);
  log->head += count;
  check(log);
}

uint64_t weir_log_written(const weir_log *log) {
  return log->written;
}

uint64_t weir_log_dropped(const weir_log *log) {
  return log->dropped;
}

/* ---- The head of a line ------------------------------------------------------------------- */

static const char *level_name(weir_log_level level) {
  switch (level) {
  case WEIR_LOG_DEBUG:
    return "debug";
  case WEIR_LOG_INFO:
    return "info";
  case WEIR_LOG_WARN:
    return "warn";
  case WEIR_LOG_ERROR:
    return "error";
  }
  weir_trap("a level of the list", __FILE_NAME__, __LINE__);
}

/* At most `limit` more bytes of the buffer, whatever the text holds. */
static bool put_limited(weir_buffer *b, weir_bytes text, size_t limit) {
  size_t capacity = b->capacity;
  size_t room = capacity - b->count;
  b->capacity = b->count + (limit < room ? limit : room);
  bool cut = weir_log_put_cut(b, text);
  b->capacity = capacity;
  return cut;
}

static bool put_head(const weir_log *log, weir_buffer *b, weir_log_level level, const char *action,
                     const char *message) {
  weir_put_text(b, "{\"@timestamp\":\"");
  weir_put(b, weir_view(log->time, TIME_BYTES));
  weir_put_text(b, "\",\"log.level\":\"");
  weir_put_text(b, level_name(level));
  weir_put_text(b, "\",\"message\":\"");
  bool message_cut = put_limited(b, weir_text(message), MESSAGE_BYTES_MAX);
  weir_put_text(b, "\",\"ecs.version\":\"8.11.0\",\"event.action\":\"");
  bool action_cut = put_limited(b, weir_text(action), ACTION_BYTES_MAX);
  weir_put_text(b, "\",\"event.sequence\":");
  return message_cut || action_cut;
}

bool weir_log_begin(weir_log *log, weir_log_level level, bool important, int64_t wall_ms,
                    const char *action, const char *message) {
  WEIR_ASSERT(!log->building);
  if (level < log->level) return false;
  log->building = true;
  log->important = important;
  if (wall_ms != log->wall_ms || log->sequence == 0) {
    weir_buffer time = weir_buffer_over(log->time, TIME_BYTES);
    weir_put_time(&time, wall_ms);
    WEIR_ASSERT(time.count == TIME_BYTES);
  }
  log->wall_ms = wall_ms;
  log->line = weir_buffer_over(log->build, BUILD_BYTES - TAIL_BYTES);
  log->cut = put_head(log, &log->line, level, action, message);
  log->head_bytes = log->line.count;
  weir_put(&log->line, weir_buffer_view(&log->service));
  WEIR_ASSERT(!log->line.overflow);
  return true;
}

/* ---- Fields ------------------------------------------------------------------------------- */

static void put_name(weir_log *log, const char *name) {
  weir_put_text(&log->line, ",\"");
  weir_put_text(&log->line, name); /* one of ours: nothing in it needs an escape */
  weir_put_text(&log->line, "\":");
}

/* A field that overflowed is taken back whole, so that the line stays an object. */
static void settle_field(weir_log *log, size_t begin) {
  if (!log->line.overflow) return;
  log->line.count = begin;
  log->line.overflow = false;
  log->cut = true;
}

void weir_log_text(weir_log *log, const char *name, weir_bytes value) {
  if (!log->building) return;
  size_t begin = log->line.count;
  put_name(log, name);
  weir_put_u8(&log->line, '"');
  if (!log->line.overflow && log->line.count < log->line.capacity) {
    size_t limit = log->line.capacity - log->line.count - 1; /* the closing quote */
    if (put_limited(&log->line, value, limit)) log->cut = true;
  }
  weir_put_u8(&log->line, '"');
  settle_field(log, begin);
}

void weir_log_number(weir_log *log, const char *name, int64_t value) {
  if (!log->building) return;
  size_t begin = log->line.count;
  put_name(log, name);
  weir_put_signed(&log->line, value);
  settle_field(log, begin);
}

void weir_log_flag(weir_log *log, const char *name, bool value) {
  if (!log->building) return;
  size_t begin = log->line.count;
  put_name(log, name);
  weir_put_text(&log->line, value ? "true" : "false");
  settle_field(log, begin);
}

void weir_log_time(weir_log *log, const char *name, int64_t wall_ms) {
  if (!log->building) return;
  size_t begin = log->line.count;
  put_name(log, name);
  weir_put_u8(&log->line, '"');
  weir_put_time(&log->line, wall_ms);
  weir_put_u8(&log->line, '"');
  settle_field(log, begin);
}

/* ---- The end of a line -------------------------------------------------------------------- */

/* The report takes the sequence number after the missing ones. */
static void build_report(const weir_log *log, weir_buffer *report) {
  (void)put_head(log, report, WEIR_LOG_WARN, "logDropped",
                 "log lines were dropped because the ring was full");
  weir_put_decimal(report, log->sequence + 1);
  weir_put(report, weir_buffer_view(&log->service));
  weir_put_text(report, ",\"labels.dropped\":");
  weir_put_decimal(report, log->missing);
  weir_put_text(report, ",\"labels.droppedFirst\":");
  weir_put_decimal(report, log->sequence - log->missing + 1);
  weir_put_text(report, ",\"labels.droppedLast\":");
  weir_put_decimal(report, log->sequence);
  weir_put_text(report, line_end);
  WEIR_ASSERT(!report->overflow);
}

static void close_object(weir_log *log) {
  log->line.capacity += TAIL_BYTES;
  if (log->cut) weir_put_text(&log->line, cut_mark);
  weir_put_text(&log->line, line_end);
  WEIR_ASSERT(!log->line.overflow);
}

weir_status weir_log_end(weir_log *log) {
  if (!log->building) return WEIR_OK;
  log->building = false;
  close_object(log);

  uint8_t report_memory[REPORT_BYTES_MAX + sizeof log->service_memory];
  weir_buffer report = weir_buffer_over(report_memory, sizeof report_memory);
  uint64_t sequence = log->sequence + 1;
  if (log->missing > 0) {
    build_report(log, &report);
    sequence++;
  }
  uint8_t digits_memory[SEQUENCE_BYTES_MAX];
  weir_buffer digits = weir_buffer_over(digits_memory, sizeof digits_memory);
  weir_put_decimal(&digits, sequence);

  if (!fits(log, report.count + digits.count + log->line.count)) {
    log->sequence++;
    log->missing++;
    log->dropped++;
    check(log);
    return WEIR_FULL;
  }
  put_in_ring(log, weir_buffer_view(&report));
  put_in_ring(log, weir_view(log->line.at, log->head_bytes));
  put_in_ring(log, weir_buffer_view(&digits));
  put_in_ring(log, weir_view(log->line.at + log->head_bytes, log->line.count - log->head_bytes));
  log->written += sequence - log->sequence;
  log->sequence = sequence;
  log->missing = 0;
  check(log);
  return WEIR_OK;
}
