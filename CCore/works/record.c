/* Journal bodies, byte by byte. Numbers are varints; the times of a state are written as distances
 * from the record's own moment, so that a record costs a few dozen bytes beside the line it keeps.
 *
 *   matter   step kind (2 bits) and which of event, step flags, previous record, previous one with
 *            text, previous one about danger (positions) follow (1) · effects · boottime ms,
 *            wall ms · those that follow · state · the line to the end
 *   state    which of its fields are not as usual (a bit each, in the order of the lists: numbers
 *            of more than one byte; deadline and minute, two bits each: there, and with a wall time
 *            of its own; times; rare numbers) · numbers of one byte, half a byte each, 15: its byte
 *            follows behind them · the fields that are not as usual. Usual is 0, but: day today,
 *            revision 1, ever_facts as facts, and received, arrived, decided and first contact now
 *   acknowledged  boottime ms, wall ms · report number · matters settled · the line to the end
 *   drill    boottime ms, wall ms · until as distances (0: closed) · the line to the end
 *   confirmed  boottime ms, wall ms · first and last crossing number · position of the newest
 *              record on the link · revisions were compared too (1) · the line to the end
 *   tally    crossing · copies sent · the last one's wall ms · revision · its first one's wall ms,
 *            0: none; and so on
 *   policy   boottime ms, wall ms · forced (1) · versions · policy, reason, by, second
 *   try      boottime ms, wall ms · day, serial · drill (1) · wrong receipt codes so far (1)
 *   start    boottime ms, wall ms · boot epoch · kernel boot id (16) · link boot id (16) · version
 *            · 0, role (1 each, where the program was young enough to write them)
 *   mark     unit · crossing · check (8) · boot epoch · revision · flags (1) · arrived (4, where a
 *            flag says so) · quarantined (1) · released · name · handover · reason · the item to
 *            the end
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
  X(reported_ms)                                                                                   \
  X(first_contact_ms)                                                                              \
  X(settled_ms)                                                                                    \
  X(confirmed_ms)

/* Numbers that hardly any record has; first_platform is written as its distance to platform. */
#define STATE_RARE(X)                                                                              \
  X(ground, uint8_t)                                                                               \
  X(parties, uint8_t)                                                                              \
  X(first_platform, uint8_t)                                                                       \
  X(receipt_tries, uint8_t)                                                                        \
  X(confirmed_by, uint8_t)                                                                         \
  X(confirmed_revision, uint32_t)                                                                  \
  X(follows_day, uint32_t)                                                                         \
  X(follows_serial, uint32_t)                                                                      \
  X(follows_drill, uint8_t)                                                                        \
  X(caller, uint64_t)

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

/* What a fresh matter looks like: fields that are as here cost nothing. */
static weir_state usual_state(weir_moment now) {
  weir_state s = {0};
  s.day = weir_day_of(now.wall_ms);
  s.revision = 1;
  s.received_ms = s.arrived_ms = s.decided_ms = s.first_contact_ms = now.wall_ms;
  return s;
}

enum { STATE_BYTES_MAX = 64, MOMENT_THERE = 1, MOMENT_APART = 2 };

/* The fields of one byte are not in the mask: they stand in halves. */
#define IS_SMALL(type) (sizeof(type) == 1)

static unsigned moment_bits(weir_moment m, weir_moment now) {
  if (m.boot_ms == 0 && m.wall_ms == 0) return 0;
  int64_t ahead = (int64_t)(m.boot_ms - now.boot_ms);
  bool apart = m.boot_ms == 0 || m.wall_ms != now.wall_ms + ahead;
  return apart ? MOMENT_THERE | MOMENT_APART : MOMENT_THERE;
}

static uint64_t unusual_fields(const weir_state *s, const weir_state *usual, weir_moment now) {
  uint64_t mask = 0;
  unsigned bit = 0;
#define X(name, type)                                                                              \
  if (!IS_SMALL(type)) mask |= (uint64_t)(s->name != usual->name) << bit++;
  STATE_NUMBERS(X)
#undef X
  mask |= (uint64_t)moment_bits(s->deadline, now) << bit;
  mask |= (uint64_t)moment_bits(s->minute, now) << (bit + 2);
  bit += 4;
#define X(name) mask |= (uint64_t)(s->name != usual->name) << bit++;
  STATE_TIMES(X)
#undef X
#define X(name, type) mask |= (uint64_t)(s->name != 0) << bit++;
  STATE_RARE(X)
#undef X
  WEIR_ASSERT(bit <= 64);
  return mask;
}

/* Two to a byte, the first one below. */
static void put_halves(weir_buffer *b, const uint8_t *small, size_t count) {
  for (size_t i = 0; i < count; i += 2) {
    unsigned low = small[i] < 15 ? small[i] : 15;
    unsigned high = i + 1 == count ? 0 : small[i + 1] < 15 ? small[i + 1] : 15;
    weir_put_u8(b, (uint8_t)(low | high << 4));
  }
  for (size_t i = 0; i < count; i++) {
    if (small[i] >= 15) weir_put_u8(b, small[i]);
  }
}

static void get_halves(weir_reader *r, uint8_t *small, size_t count) {
  for (size_t i = 0; i < count; i += 2) {
    unsigned both = weir_get_u8(r);
    small[i] = both & 15;
    if (i + 1 < count) small[i + 1] = (uint8_t)(both >> 4);
  }
  for (size_t i = 0; i < count; i++) {
    if (small[i] == 15) small[i] = weir_get_u8(r);
  }
}

static void put_unusual_moment(weir_buffer *b, weir_moment m, weir_moment now) {
  unsigned bits = moment_bits(m, now);
  if (bits & MOMENT_THERE) put_distance(b, (int64_t)m.boot_ms, (int64_t)now.boot_ms);
  if (bits & MOMENT_APART) put_distance(b, m.wall_ms, now.wall_ms);
}

static weir_moment get_unusual_moment(weir_reader *r, unsigned bits, weir_moment now) {
  weir_moment m = {0};
  if (!(bits & MOMENT_THERE)) return m;
  m.boot_ms = (uint64_t)get_distance(r, (int64_t)now.boot_ms);
  uint64_t together = (uint64_t)now.wall_ms + (m.boot_ms - now.boot_ms);
  m.wall_ms = bits & MOMENT_APART ? get_distance(r, now.wall_ms) : (int64_t)together;
  return m;
}

static void put_state(weir_buffer *b, const weir_state *state, weir_moment now) {
  weir_state coded = *state;
  const weir_state usual = usual_state(now);
  const weir_state *s = &coded;
  coded.ever_facts ^= coded.facts;
  coded.first_platform = (uint8_t)(coded.first_platform ^ coded.platform);
  uint64_t mask = unusual_fields(s, &usual, now);
  uint8_t small[STATE_BYTES_MAX];
  size_t count = 0;
  weir_put_varint(b, mask);
#define X(name, type)                                                                              \
  if (IS_SMALL(type)) small[count++] = (uint8_t)s->name;
  STATE_NUMBERS(X)
#undef X
  put_halves(b, small, count);
#define X(name, type)                                                                              \
  if (!IS_SMALL(type) && s->name != usual.name) weir_put_varint(b, s->name);
  STATE_NUMBERS(X)
#undef X
  put_unusual_moment(b, s->deadline, now);
  put_unusual_moment(b, s->minute, now);
#define X(name)                                                                                    \
  if (s->name != usual.name) put_distance(b, s->name, now.wall_ms);
  STATE_TIMES(X)
#undef X
#define X(name, type)                                                                              \
  if (s->name != 0) weir_put_varint(b, s->name);
  STATE_RARE(X)
#undef X
}

static void get_state(weir_reader *r, weir_state *s, weir_moment now) {
  uint64_t mask = weir_get_varint(r);
  uint8_t small[STATE_BYTES_MAX];
  size_t count = 0;
  *s = usual_state(now);
#define X(name, type) count += IS_SMALL(type);
  STATE_NUMBERS(X)
#undef X
  get_halves(r, small, count);
  count = 0;
#define X(name, type)                                                                              \
  if (IS_SMALL(type)) s->name = small[count++];
  STATE_NUMBERS(X)
#undef X
#define X(name, type)                                                                              \
  if (!IS_SMALL(type)) {                                                                           \
    if (mask & 1) s->name = (type)weir_get_varint(r);                                              \
    mask >>= 1;                                                                                    \
  }
  STATE_NUMBERS(X)
#undef X
  s->ever_facts ^= s->facts;
  s->deadline = get_unusual_moment(r, mask & 3, now);
  s->minute = get_unusual_moment(r, mask >> 2 & 3, now);
  mask >>= 4;
#define X(name)                                                                                    \
  if (mask & 1) s->name = get_distance(r, now.wall_ms);                                            \
  mask >>= 1;
  STATE_TIMES(X)
#undef X
#define X(name, type)                                                                              \
  if (mask & 1) s->name = (type)weir_get_varint(r);                                                \
  mask >>= 1;
  STATE_RARE(X)
#undef X
  s->first_platform = (uint8_t)(s->first_platform ^ s->platform);
  if (mask != 0) r->bad = true;
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

enum {
  HAS_EVENT = 4,
  HAS_FLAGS = 8,
  HAS_PREVIOUS = 16,
  HAS_PREVIOUS_BODY = 32,
  HAS_PREVIOUS_DANGER = 64,
  HAS_NONE = 128
};

void record_put_matter(weir_buffer *b, const matter_record *r) {
  unsigned head = r->step_kind;
  if (r->event) head |= HAS_EVENT;
  if (r->step_flags) head |= HAS_FLAGS;
  if (r->previous) head |= HAS_PREVIOUS;
  if (r->previous_body) head |= HAS_PREVIOUS_BODY;
  if (r->previous_danger) head |= HAS_PREVIOUS_DANGER;
  weir_put_u8(b, (uint8_t)head);
  weir_put_varint(b, r->effects);
  put_now(b, r->now);
  if (r->event) weir_put_u8(b, r->event);
  if (r->step_flags) weir_put_varint(b, r->step_flags);
  if (r->previous) weir_put_varint(b, r->previous);
  if (r->previous_body) weir_put_varint(b, r->previous_body);
  if (r->previous_danger) weir_put_varint(b, r->previous_danger);
  put_state(b, &r->state, r->now);
}

bool record_get_matter(weir_bytes body, matter_record *r) {
  weir_reader in = weir_reader_over(body);
  unsigned head = weir_get_u8(&in);
  r->step_kind = head & 3;
  r->effects = (uint16_t)weir_get_varint(&in);
  r->now = get_now(&in);
  r->event = head & HAS_EVENT ? weir_get_u8(&in) : 0;
  r->step_flags = head & HAS_FLAGS ? (uint16_t)weir_get_varint(&in) : 0;
  r->previous = head & HAS_PREVIOUS ? weir_get_varint(&in) : 0;
  r->previous_body = head & HAS_PREVIOUS_BODY ? weir_get_varint(&in) : 0;
  r->previous_danger = head & HAS_PREVIOUS_DANGER ? weir_get_varint(&in) : 0;
  get_state(&in, &r->state, r->now);
  r->line = weir_get(&in, in.left);
  return !in.bad && !(head & HAS_NONE) && r->event < WEIR_EVENT_COUNT && r->state.serial != 0 &&
         r->state.revision != 0 && r->state.report_kind < REPORT_KINDS;
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
  weir_put_varint(b, r->offered);
  weir_put_u8(b, r->states);
}

bool record_get_confirmed(weir_bytes body, confirmed_record *r) {
  weir_reader in = weir_reader_over(body);
  r->now = get_now(&in);
  r->range.from = weir_get_varint(&in);
  r->range.to = weir_get_varint(&in);
  r->offered = weir_get_varint(&in);
  r->states = weir_get_u8(&in) != 0;
  r->line = weir_get(&in, in.left);
  return !in.bad && r->range.from >= 1 && r->range.from <= r->range.to;
}

void record_put_copies(weir_buffer *b, uint64_t crossing, const weir_link_copies *copies) {
  weir_put_varint(b, crossing);
  weir_put_varint(b, copies->count);
  weir_put_zigzag(b, copies->last_ms);
  weir_put_varint(b, copies->revision);
  weir_put_zigzag(b, copies->first_ms);
}

bool record_get_copies(weir_reader *in, uint64_t *crossing, weir_link_copies *copies) {
  *crossing = weir_get_varint(in);
  copies->count = (uint32_t)weir_get_varint(in);
  copies->last_ms = weir_get_zigzag(in);
  copies->revision = (uint32_t)weir_get_varint(in);
  copies->first_ms = weir_get_zigzag(in);
  return !in->bad;
}

void record_put_try(weir_buffer *b, const try_record *r) {
  put_now(b, r->now);
  weir_put_varint(b, r->day);
  weir_put_varint(b, r->serial);
  weir_put_u8(b, r->drill);
  weir_put_u8(b, r->tries);
}

bool record_get_try(weir_bytes body, try_record *r) {
  weir_reader in = weir_reader_over(body);
  r->now = get_now(&in);
  r->day = (uint32_t)weir_get_varint(&in);
  r->serial = (uint32_t)weir_get_varint(&in);
  r->drill = weir_get_u8(&in) != 0;
  r->tries = weir_get_u8(&in);
  return !in.bad && in.left == 0 && r->serial != 0;
}

void record_put_start(weir_buffer *b, const start_record *r) {
  put_now(b, r->now);
  weir_put_varint(b, r->boot_epoch);
  weir_put(b, weir_view(r->kernel_boot, 16));
  weir_put(b, weir_view(r->link_boot, 16));
  weir_put(b, r->version);
  weir_put(b, weir_view((const uint8_t[]){0, r->role}, 2));
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
  size_t count = r->version.count;
  bool with_role = count >= 2 && r->version.at[count - 2] == 0;
  r->role = with_role ? r->version.at[count - 1] : ROLE_UNKNOWN;
  if (with_role) r->version.count = count - 2;
  return !in.bad && r->role <= ROLE_INNER;
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

/* Flags of a mark. Those that were written before arrivals stood in them lack the second one. */
enum { MARK_CONFLICT = 1, MARK_ARRIVED = 2 };

void record_put_mark(weir_buffer *b, const mark_record *r) {
  put_counted(b, r->unit);
  weir_put_varint(b, r->crossing);
  weir_put_u64(b, r->check);
  weir_put_varint(b, r->boot_epoch);
  weir_put_varint(b, r->revision);
  weir_put_u8(b,
              (uint8_t)((r->conflict ? MARK_CONFLICT : 0) | (r->arrived != 0 ? MARK_ARRIVED : 0)));
  if (r->arrived != 0) weir_put_u32(b, r->arrived);
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
  uint8_t flags = weir_get_u8(&in);
  r->conflict = (flags & MARK_CONFLICT) != 0;
  r->arrived = flags & MARK_ARRIVED ? weir_get_u32(&in) : 0;
  r->quarantined = weir_get_u8(&in) != 0;
  r->released = weir_get_varint(&in);
  r->name = get_counted(&in);
  r->handover = get_counted(&in);
  r->reason = get_counted(&in);
  r->item = weir_get(&in, in.left);
  return !in.bad && r->unit.count <= WEIR_UNIT_NAME_MAX && r->name.count > 0;
}

void record_put_policy(weir_buffer *b, const policy_record *r) {
  put_now(b, r->now);
  weir_put_u8(b, r->forced);
  put_counted(b, r->versions);
  put_counted(b, r->policy);
  put_counted(b, r->reason);
  put_counted(b, r->by);
  put_counted(b, r->second);
}

bool record_get_policy(weir_bytes body, policy_record *r) {
  weir_reader in = weir_reader_over(body);
  r->now = get_now(&in);
  r->forced = weir_get_u8(&in) != 0;
  r->versions = get_counted(&in);
  r->policy = get_counted(&in);
  r->reason = get_counted(&in);
  r->by = get_counted(&in);
  r->second = get_counted(&in);
  return !in.bad && in.left == 0;
}
