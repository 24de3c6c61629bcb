/* Journal bodies, byte by byte. Numbers are varints; the times of a state are written as distances
 * from the record's own moment, so that a record costs a few dozen bytes beside the line it keeps.
 *
 *   matter   step kind, event (1 each) · effects, step flags · boottime ms, wall ms ·
 *            previous record, previous record with text (positions) · state · the line to the end
 *   acknowledged  boottime ms, wall ms · report number · matters settled · the line to the end
 *   drill    boottime ms, wall ms · until as distances (0: closed) · the line to the end
 *   confirmed  boottime ms, wall ms · first and last crossing number · the line to the end
 *   start    boottime ms, wall ms · boot epoch · kernel boot id (16) · link boot id (16) · version
 *   mark     unit · crossing · check (8) · boot epoch · revision · conflict (1) · quarantined (1) ·
 *            released · name · handover · reason · the item to the end
 *
 * A body that does not decode was written by another version or is damaged in a way that its
 * checksum cannot see: recovery refuses it. */
#include "internal.h"

/* 0 stays 0 (none); other values are written as the distance from `base`, made odd-safe by 1. */
static void put_distance(weir_buffer *b, int64_t value, int64_t base) {
  if (value == 0) {
    weir_put_varint(b, 0);
    return;
  }
  int64_t distance = value - base;
  uint64_t zigzag = ((uint64_t)distance << 1) ^ (uint64_t)(distance >> 63);
  weir_put_varint(b, zigzag + 1);
}

static int64_t get_distance(weir_reader *r, int64_t base) {
  uint64_t coded = weir_get_varint(r);
  if (coded == 0) return 0;
  coded -= 1;
  int64_t distance = (int64_t)(coded >> 1) ^ -(int64_t)(coded & 1);
  return (int64_t)((uint64_t)base + (uint64_t)distance);
}

#define STATE_NUMBERS(X)                                                                           \
  X(day, uint32_t)                                                                                 \
  X(serial, uint32_t)                                                                              \
  X(crossing, uint64_t)                                                                            \
  X(revision, uint32_t)                                                                            \
  X(facts, uint32_t)                                                                               \
  X(ever_facts, uint32_t)                                                                          \
  X(flags, uint32_t)                                                                               \
  X(county, uint32_t)                                                                              \
  X(platform, uint8_t)                                                                             \
  X(channel, uint8_t)                                                                              \
  X(owner, uint8_t)                                                                                \
  X(action, uint8_t)                                                                               \
  X(phase, uint8_t)                                                                                \
  X(voice, uint8_t)                                                                                \
  X(cause, uint8_t)                                                                                \
  X(data, uint8_t)                                                                                 \
  X(report, uint8_t)                                                                               \
  X(report_kind, uint8_t)                                                                          \
  X(lane, uint8_t)                                                                                 \
  X(deadline_kind, uint8_t)                                                                        \
  X(decision_text, uint32_t)                                                                       \
  X(dial_text, uint32_t)                                                                           \
  X(say_text, uint32_t)                                                                            \
  X(report_number, uint32_t)

#define STATE_TIMES(X)                                                                             \
  X(received_ms)                                                                                   \
  X(arrived_ms)                                                                                    \
  X(decided_ms)                                                                                    \
  X(started_ms)                                                                                    \
  X(answered_ms)                                                                                   \
  X(told_ms)                                                                                       \
  X(late_ms)                                                                                       \
  X(reported_ms)

static void put_moment(weir_buffer *b, weir_moment value, weir_moment base) {
  put_distance(b, (int64_t)value.boot_ms, (int64_t)base.boot_ms);
  put_distance(b, value.wall_ms, base.wall_ms);
}

static weir_moment get_moment(weir_reader *r, weir_moment base) {
  weir_moment m;
  m.boot_ms = (uint64_t)get_distance(r, (int64_t)base.boot_ms);
  m.wall_ms = get_distance(r, base.wall_ms);
  return m;
}

static void put_state(weir_buffer *b, const weir_state *s, weir_moment now) {
#define X(name, type) weir_put_varint(b, s->name);
  STATE_NUMBERS(X)
#undef X
  put_moment(b, s->deadline, now);
  put_moment(b, s->minute, now);
#define X(name) put_distance(b, s->name, now.wall_ms);
  STATE_TIMES(X)
#undef X
}

static void get_state(weir_reader *r, weir_state *s, weir_moment now) {
#define X(name, type) s->name = (type)weir_get_varint(r);
  STATE_NUMBERS(X)
#undef X
  s->deadline = get_moment(r, now);
  s->minute = get_moment(r, now);
#define X(name) s->name = get_distance(r, now.wall_ms);
  STATE_TIMES(X)
#undef X
}

static void put_now(weir_buffer *b, weir_moment now) {
  weir_put_varint(b, now.boot_ms);
  weir_put_zigzag(b, now.wall_ms);
}

static weir_moment get_now(weir_reader *r) {
  weir_moment now;
  now.boot_ms = weir_get_varint(r);
  now.wall_ms = weir_get_zigzag(r);
  return now;
}

void record_put_matter(weir_buffer *b, const matter_record *r) {
  weir_put_u8(b, r->step_kind);
  weir_put_u8(b, r->event);
  weir_put_varint(b, r->effects);
  weir_put_varint(b, r->step_flags);
  put_now(b, r->now);
  weir_put_varint(b, r->previous);
  weir_put_varint(b, r->previous_body);
  put_state(b, &r->state, r->now);
}

bool record_get_matter(weir_bytes body, matter_record *r) {
  weir_reader in = weir_reader_over(body);
  r->step_kind = weir_get_u8(&in);
  r->event = weir_get_u8(&in);
  r->effects = (uint16_t)weir_get_varint(&in);
  r->step_flags = (uint16_t)weir_get_varint(&in);
  r->now = get_now(&in);
  r->previous = weir_get_varint(&in);
  r->previous_body = weir_get_varint(&in);
  get_state(&in, &r->state, r->now);
  r->line = weir_get(&in, in.left);
  return !in.bad && r->step_kind <= WEIR_STEP_DEADLINE && r->event < WEIR_EVENT_COUNT &&
         r->state.serial != 0 && r->state.revision != 0 && r->state.report_kind < REPORT_KINDS;
}

void record_put_acknowledged(weir_buffer *b, const acknowledged_record *r) {
  put_now(b, r->now);
  weir_put_varint(b, r->number);
  weir_put_varint(b, r->settled);
}

bool record_get_acknowledged(weir_bytes body, acknowledged_record *r) {
  weir_reader in = weir_reader_over(body);
  r->now = get_now(&in);
  r->number = (uint32_t)weir_get_varint(&in);
  r->settled = (uint32_t)weir_get_varint(&in);
  r->line = weir_get(&in, in.left);
  return !in.bad && r->number != 0;
}

void record_put_drill(weir_buffer *b, const drill_record *r) {
  put_now(b, r->now);
  put_moment(b, r->until, r->now);
}

bool record_get_drill(weir_bytes body, drill_record *r) {
  weir_reader in = weir_reader_over(body);
  r->now = get_now(&in);
  r->until = get_moment(&in, r->now);
  r->line = weir_get(&in, in.left);
  return !in.bad;
}

void record_put_confirmed(weir_buffer *b, const confirmed_record *r) {
  put_now(b, r->now);
  weir_put_varint(b, r->range.from);
  weir_put_varint(b, r->range.to);
}

bool record_get_confirmed(weir_bytes body, confirmed_record *r) {
  weir_reader in = weir_reader_over(body);
  r->now = get_now(&in);
  r->range.from = weir_get_varint(&in);
  r->range.to = weir_get_varint(&in);
  r->line = weir_get(&in, in.left);
  return !in.bad && r->range.from >= 1 && r->range.from <= r->range.to;
}

void record_put_start(weir_buffer *b, const start_record *r) {
  put_now(b, r->now);
  weir_put_varint(b, r->boot_epoch);
  weir_put(b, weir_view(r->kernel_boot, 16));
  weir_put(b, weir_view(r->link_boot, 16));
  weir_put(b, r->version);
}

static void get_id(weir_reader *r, uint8_t id[16]) {
  weir_bytes bytes = weir_get(r, 16);
  for (size_t i = 0; i < 16; i++) id[i] = bytes.count == 16 ? bytes.at[i] : 0;
}

bool record_get_start(weir_bytes body, start_record *r) {
  weir_reader in = weir_reader_over(body);
  r->now = get_now(&in);
  r->boot_epoch = weir_get_varint(&in);
  get_id(&in, r->kernel_boot);
  get_id(&in, r->link_boot);
  r->version = weir_get(&in, in.left);
  return !in.bad;
}

static void put_counted(weir_buffer *b, weir_bytes bytes) {
  weir_put_varint(b, bytes.count);
  weir_put(b, bytes);
}

static weir_bytes get_counted(weir_reader *r) {
  uint64_t count = weir_get_varint(r);
  if (count > r->left) {
    r->bad = true;
    count = 0;
  }
  return weir_get(r, (size_t)count);
}

void record_put_mark(weir_buffer *b, const mark_record *r) {
  put_counted(b, r->unit);
  weir_put_varint(b, r->crossing);
  weir_put_u64(b, r->check);
  weir_put_varint(b, r->boot_epoch);
  weir_put_varint(b, r->revision);
  weir_put_u8(b, r->conflict);
  weir_put_u8(b, r->quarantined);
  weir_put_varint(b, r->released);
  put_counted(b, r->name);
  put_counted(b, r->handover);
  put_counted(b, r->reason);
}

bool record_get_mark(weir_bytes body, mark_record *r) {
  weir_reader in = weir_reader_over(body);
  r->unit = get_counted(&in);
  r->crossing = weir_get_varint(&in);
  r->check = weir_get_u64(&in);
  r->boot_epoch = weir_get_varint(&in);
  r->revision = (uint32_t)weir_get_varint(&in);
  r->conflict = weir_get_u8(&in) != 0;
  r->quarantined = weir_get_u8(&in) != 0;
  r->released = weir_get_varint(&in);
  r->name = get_counted(&in);
  r->handover = get_counted(&in);
  r->reason = get_counted(&in);
  r->item = weir_get(&in, in.left);
  return !in.bad && r->unit.count <= WEIR_UNIT_NAME_MAX && r->name.count > 0;
}
