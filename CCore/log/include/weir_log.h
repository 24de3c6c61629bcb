/* weir_log: one JSON object a line, in a ring; never blocks, counts what it drops.
 *
 * Field names are ECS (Elastic Common Schema) 8: @timestamp, log.level, message, ecs.version,
 * event.action, event.sequence, event.outcome, event.code, service.name, labels.*. Dotted names
 * are written flat. The ring is filled on the loop thread and emptied by whoever writes the file
 * (weir_log_peek / weir_log_consume, same thread). Alarms and state changes may use the last
 * `reserved` bytes, other lines may not. When lines were dropped, the next line that fits is
 * preceded by one that says how many, and the range of event.sequence that is missing.
 *
 *   happy path   begin → field … → end: one line in the ring
 *   full ring    end returns FULL, the sequence number is spent, the drop is counted; the report
 *                is a line of its own: event.action logDropped, labels.dropped,
 *                labels.droppedFirst, labels.droppedLast
 *   long line    a line has at most 4 KiB: text is cut with an ellipsis, a field that does not fit
 *                is left out, and labels.cut is true
 *   bad bytes    strings are escaped; bytes that are not UTF-8 are written as U+FFFD
 *
 * Cost: about 0.3 µs a line of 300 bytes. Bounded by the ring's size. Kept true by
 * Benchmarks/Rooms.
 */
#ifndef WEIR_LOG_H
#define WEIR_LOG_H

#include "weir_base.h"

typedef enum weir_log_level {
  WEIR_LOG_DEBUG,
  WEIR_LOG_INFO,
  WEIR_LOG_WARN,
  WEIR_LOG_ERROR
} weir_log_level;

typedef struct weir_log weir_log;

/* `service` is the unit's name (1 to 64 bytes), `bytes` the ring's size (a power of two, at least
 * 1024), `reserved` the part of it kept for alarms and state changes, less than `bytes`. INVALID
 * when one is not so. */
weir_status weir_log_open(const char *service, weir_log_level level, size_t bytes, size_t reserved,
                          weir_log **out);
void weir_log_close(weir_log *log);
void weir_log_set_level(weir_log *log, weir_log_level level);

/* Begins a line; the one before must have been ended. `action` is a name of the closed list in the
 * README, `message` is English. False when the level is off: then the calls up to end do nothing.
 * `important` marks alarms and state changes. */
bool weir_log_begin(weir_log *log, weir_log_level level, bool important, int64_t wall_ms,
                    const char *action, const char *message);
/* `name` is the full dotted name, e.g. "labels.handover". */
void weir_log_text(weir_log *log, const char *name, weir_bytes value);
void weir_log_number(weir_log *log, const char *name, int64_t value);
void weir_log_flag(weir_log *log, const char *name, bool value);
void weir_log_time(weir_log *log, const char *name, int64_t wall_ms);
/* OK, or FULL when the line was dropped. */
weir_status weir_log_end(weir_log *log);

/* What waits to be written: one contiguous piece, borrowed until consumed; count 0 when empty. */
weir_bytes weir_log_peek(const weir_log *log);
void weir_log_consume(weir_log *log, size_t count);
uint64_t weir_log_written(const weir_log *log); /* lines taken since open, reports too */
uint64_t weir_log_dropped(const weir_log *log); /* lines dropped since open */

/* A telephone number as it may be logged: 138****0000; shorter than 8 digits: only stars. Four
 * digits at least are hidden, and what is no digit is left out. */
void weir_log_put_masked_phone(weir_buffer *b, weir_bytes phone);

#endif
