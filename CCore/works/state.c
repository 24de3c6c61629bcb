/* What a start knows from the journal, as items of a snapshot: put by whoever has read the closed
 * segments, taken up by a start before it reads on. A start from a snapshot stands where a start
 * from the whole journal would.
 *
 *   not kept   what follows from the rest: counts, slots, the wheel, the index of crossings; and
 *              positions in segments that are retired, since nothing can be read there
 *   order      texts before records that name them; else none
 *
 * Numbers are varints, tables are pairs of 8 bytes each, many to an item. */
#include "internal.h"

enum {
  ITEM_UNIT = 2,
  ITEM_TEXT,
  ITEM_MATTER,
  ITEM_ENDED,
  ITEM_REFS,       /* and the older generation: */
  ITEM_REFS_OLDER, /* in this order in the file too */
  ITEM_GUARD,
  ITEM_GUARD_OLDER,
  ITEM_CROSSED,
  ITEM_STAMPS,
  ITEM_HASH_SEED,  /* of the refs' hashes: it goes with them */
  ITEM_ARRIVALS,   /* of what crossed, behind it */
  ITEM_KEPT = 128, /* and up: of a frame of this kind; those from 64 on are inner_state.c's */
  PAIRS_AT_ONCE = 1024
};

_Static_assert(ITEM_KEPT + WEIR_JOURNAL_KIND_MAX <= UINT8_MAX, "every kind of frame has an item");
_Static_assert((int)WEIR_JOURNAL_BODY_MAX <= (int)SNAPSHOT_ITEM_MAX, "a frame's body fits an item");

/* ---- Numbers ---- */

#define UNIT_NUMBERS(X)                                                                            \
  X(day)                                                                                           \
  X(day_serial)                                                                                    \
  X(drill_day)                                                                                     \
  X(drill_serial)                                                                                  \
  X(crossing_highest)                                                                              \
  X(report_highest)                                                                                \
  X(report_open[0][0])                                                                             \
  X(report_open[0][1])                                                                             \
  X(report_open[0][2])                                                                             \
  X(report_open[1][0])                                                                             \
  X(report_open[1][1])                                                                             \
  X(report_open[1][2])                                                                             \
  X(counters.expired)                                                                              \
  X(outbox.cursor)                                                                                 \
  X(outbox.owed)                                                                                   \
  X(drill.until.boot_ms)                                                                           \
  X(drill.other_boot)                                                                              \
  X(digest.confirming.now.boot_ms)                                                                 \
  X(digest.confirming.range.from)                                                                  \
  X(digest.confirming.range.to)                                                                    \
  X(digest.confirming.position)                                                                    \
  X(digest.confirming.offered)                                                                     \
  X(digest.confirming.states)                                                                      \
  X(digest.offered)                                                                                \
  X(quarantine_count)                                                                              \
  X(marked_count)                                                                                  \
  X(item_serial)                                                                                   \
  X(taken_serial)                                                                                  \
  X(conflict_count)                                                                                \
  X(alarm_highest)

_Static_assert(REPORT_KINDS == 3, "every kind of report stands in the list");

#define UNIT_TIMES(X)                                                                              \
  X(last_proof_ms)                                                                                 \
  X(drill.until.wall_ms)                                                                           \
  X(digest.confirming.now.wall_ms)

static void put_unit(const recovery *rec, snapshot_out *out) {
  const weir_unit *u = rec->unit;
  uint8_t memory[4096];
  weir_buffer b = weir_buffer_over(memory, sizeof memory);
  weir_put_zigzag(&b, rec->last_wall_ms);
  weir_put_varint(&b, rec->boot_epoch);
  weir_put_u8(&b, (uint8_t)(rec->started | rec->role << 1));
  weir_put(&b, weir_view(rec->last_boot, sizeof rec->last_boot));
#define X(name) weir_put_varint(&b, u->name);
  UNIT_NUMBERS(X)
#undef X
#define X(name) weir_put_zigzag(&b, u->name);
  UNIT_TIMES(X)
#undef X
  for (unsigned i = 0; i < EXPIRED_SHOWN; i++) weir_put_u64(&b, u->expired[i]);
  weir_put_varint(&b, strlen(u->drill.opened_by));
  weir_put_text(&b, u->drill.opened_by);
  weir_put_varint(&b, u->digest.words_count);
  weir_put(&b, weir_view(u->digest.words, u->digest.words_count));
  WEIR_ASSERT(!b.overflow);
  snapshot_put(out, ITEM_UNIT, weir_buffer_view(&b));
}

/* A counted text of at most `room` bytes. */
static weir_bytes get_counted(weir_reader *r, size_t room) {
  uint64_t count = weir_get_varint(r);
  if (count > room || count > r->left) r->bad = true;
  return weir_get(r, r->bad ? 0 : (size_t)count);
}

static weir_status take_unit(recovery *rec, weir_reader *r) {
  weir_unit *u = rec->unit;
  rec->last_wall_ms = weir_get_zigzag(r);
  rec->boot_epoch = weir_get_varint(r);
  const uint8_t started = weir_get_u8(r);
  rec->started = started & 1;
  const uint8_t role = started >> 1; /* of earlier programs: unknown */
  if (role > ROLE_INNER) return WEIR_CORRUPT;
  weir_status status = recover_role(rec, role);
  if (status != WEIR_OK) return status;
  weir_bytes boot = weir_get(r, sizeof rec->last_boot);
  if (boot.count == sizeof rec->last_boot) memcpy(rec->last_boot, boot.at, boot.count);
#define X(name) u->name = (__typeof__(u->name))weir_get_varint(r);
  UNIT_NUMBERS(X)
#undef X
#define X(name) u->name = weir_get_zigzag(r);
  UNIT_TIMES(X)
#undef X
  for (unsigned i = 0; i < EXPIRED_SHOWN; i++) u->expired[i] = weir_get_u64(r);
  weir_bytes by = get_counted(r, sizeof u->drill.opened_by - 1);
  if (by.count) memcpy(u->drill.opened_by, by.at, by.count);
  u->drill.opened_by[by.count] = 0;
  weir_bytes words = get_counted(r, sizeof u->digest.words);
  if (words.count) memcpy(u->digest.words, words.at, words.count);
  u->digest.words_count = words.count;
  return r->bad || r->left > 0 ? WEIR_CORRUPT : WEIR_OK;
}

/* ---- Matters ---- */

enum { CLOCK_UNCERTAIN = 1, OTHER_BOOT = 2, UNCOUNTED = 4 };

static void put_matter(const matter *m, snapshot_out *out) {
  uint8_t memory[1024];
  weir_buffer b = weir_buffer_over(memory, sizeof memory);
  weir_put_varint(&b, m->last);
  weir_put_varint(&b, m->body);
  weir_put_varint(&b, WEIR_CANARY(SNAPSHOT_GAP) ? 0 : m->danger);
  weir_put_varint(&b, m->offered);
  weir_put_varint(&b, m->offered_revision);
  weir_put_varint(&b, m->crossing_revision);
  weir_put_varint(&b, m->first_crossing_revision);
  weir_put_varint(&b, m->updates);
  unsigned flags = m->clock_uncertain ? CLOCK_UNCERTAIN : 0;
  if (m->other_boot) flags |= OTHER_BOOT;
  if (m->uncounted) flags |= UNCOUNTED;
  weir_put_u8(&b, (uint8_t)flags);
  const matter_record r = {.state = m->state};
  record_put_matter(&b, &r);
  WEIR_ASSERT(!b.overflow);
  snapshot_put(out, ITEM_MATTER, weir_buffer_view(&b));
}

static weir_status take_matter_item(weir_unit *u, weir_reader *r) {
  matter_record record;
  matter m = {.used = true};
  m.last = weir_get_varint(r);
  m.body = weir_get_varint(r);
  m.danger = weir_get_varint(r);
  m.offered = weir_get_varint(r);
  m.offered_revision = (uint32_t)weir_get_varint(r);
  m.crossing_revision = (uint32_t)weir_get_varint(r);
  m.first_crossing_revision = (uint32_t)weir_get_varint(r);
  m.updates = (uint16_t)weir_get_varint(r);
  unsigned flags = weir_get_u8(r);
  m.clock_uncertain = (flags & CLOCK_UNCERTAIN) != 0;
  m.other_boot = (flags & OTHER_BOOT) != 0;
  m.uncounted = (flags & UNCOUNTED) != 0;
  bool good = !r->bad && m.last != 0 && record_get_matter(weir_get(r, r->left), &record);
  if (!good) return WEIR_CORRUPT;
  m.state = record.state;
  return matter_restore(u, &m) ? WEIR_OK : WEIR_FULL;
}

/* ---- Tables ---- */

typedef struct pairs_out {
  snapshot_out *out;
  uint8_t kind;
  weir_buffer b;
} pairs_out;

static void put_pair(pairs_out *p, uint64_t key, uint64_t value) {
  weir_put_u64(&p->b, key);
  weir_put_u64(&p->b, value);
  if (p->b.count < p->b.capacity) return;
  snapshot_put(p->out, p->kind, weir_buffer_view(&p->b));
  p->b.count = 0;
}

static void end_pairs(pairs_out *p) {
  if (p->b.count > 0) snapshot_put(p->out, p->kind, weir_buffer_view(&p->b));
}

/* Entries that are positions and can still be read; of the guard, which holds times, all. */
static void put_index(const snapshot_state *s, const weir_index *x, uint8_t kind,
                      snapshot_out *out) {
  uint8_t memory[PAIRS_AT_ONCE * 16];
  pairs_out p = {out, kind, weir_buffer_over(memory, sizeof memory)};
  bool positions = kind != ITEM_GUARD && kind != ITEM_GUARD_OLDER;
  uint64_t at = 0;
  for (index_entry *e = index_next(x, &at); e; e = index_next(x, &at)) {
    if (e->value & SLOT_BIT) continue; /* a matter that is open is put as such */
    if (positions && e->value >> 32 < s->oldest) continue;
    put_pair(&p, e->key, e->value);
  }
  end_pairs(&p);
}

static weir_status take_pairs(weir_index *x, weir_reader *r) {
  while (r->left >= 16) {
    uint64_t key = weir_get_u64(r), value = weir_get_u64(r);
    if (value == 0 || value & SLOT_BIT) return WEIR_CORRUPT;
    (void)index_add(x, key, value); /* no room under a lower limit: some are forgotten */
  }
  return r->left == 0 ? WEIR_OK : WEIR_CORRUPT;
}

/* A smaller limit of refs than the snapshot was made under: what is beyond is forgotten. */
static weir_status take_refs(weir_unit *u, weir_reader *r) {
  while (r->left >= 16) {
    uint64_t key = weir_get_u64(r);
    refs_add(u, key, weir_get_u64(r));
  }
  return r->left == 0 ? WEIR_OK : WEIR_CORRUPT;
}

static void put_crossed(const weir_unit *u, snapshot_out *out) {
  enum { CHUNK_BYTES = 16 * 1024, CROSSED_BYTES_MAX = 64 };
  uint8_t memory[CHUNK_BYTES];
  weir_buffer b = weir_buffer_over(memory, sizeof memory);
  for (uint64_t n = 1; n <= u->crossing_highest; n++) {
    const crossed_number *c = reconcile_at(u, n);
    if (!c) break;
    if (c->handover == 0 && c->revision == 0 && c->copies == 0) continue;
    weir_put_varint(&b, n);
    weir_put_u64(&b, c->handover);
    weir_put_zigzag(&b, c->first_ms);
    weir_put_zigzag(&b, c->last_ms);
    weir_put_varint(&b, c->revision);
    weir_put_varint(&b, c->copies);
    if (b.capacity - b.count >= CROSSED_BYTES_MAX) continue;
    snapshot_put(out, ITEM_CROSSED, weir_buffer_view(&b));
    b.count = 0;
  }
  WEIR_ASSERT(!b.overflow);
  if (b.count > 0) snapshot_put(out, ITEM_CROSSED, weir_buffer_view(&b));
}

static weir_status take_crossed(const weir_unit *u, weir_reader *r) {
  while (r->left > 0 && !r->bad) {
    crossed_number *c = reconcile_at(u, weir_get_varint(r));
    if (!c) return WEIR_CORRUPT;
    c->handover = weir_get_u64(r);
    c->first_ms = weir_get_zigzag(r);
    c->last_ms = weir_get_zigzag(r);
    c->revision = (uint32_t)weir_get_varint(r);
    c->copies = (uint32_t)weir_get_varint(r);
  }
  return r->bad ? WEIR_CORRUPT : WEIR_OK;
}

static void put_arrivals(const weir_unit *u, snapshot_out *out) {
  uint8_t memory[PAIRS_AT_ONCE * 16];
  pairs_out p = {out, ITEM_ARRIVALS, weir_buffer_over(memory, sizeof memory)};
  for (uint64_t n = 1; n <= u->crossing_highest; n++) {
    const crossed_number *c = reconcile_at(u, n);
    if (c && c->arrived != 0) put_pair(&p, n, c->arrived);
  }
  end_pairs(&p);
}

static weir_status take_arrivals(const weir_unit *u, weir_reader *r) {
  while (r->left >= 16) {
    crossed_number *c = reconcile_at(u, weir_get_u64(r));
    if (!c) return WEIR_CORRUPT;
    c->arrived = (uint32_t)weir_get_u64(r);
  }
  return r->left == 0 ? WEIR_OK : WEIR_CORRUPT;
}

static void put_stamps(const snapshot_state *s, snapshot_out *out) {
  uint8_t memory[PAIRS_AT_ONCE * 16];
  pairs_out p = {out, ITEM_STAMPS, weir_buffer_over(memory, sizeof memory)};
  for (uint32_t n = s->oldest; n < s->end; n++) {
    put_pair(&p, n, (uint64_t)s->stamps[n % STAMPS]);
  }
  end_pairs(&p);
}

static weir_status take_stamps(const snapshot_state *s, weir_reader *r) {
  while (r->left >= 16) {
    uint64_t segment = weir_get_u64(r), stamp = weir_get_u64(r);
    if (s->stamps) s->stamps[segment % STAMPS] = (int64_t)stamp;
  }
  return r->left == 0 ? WEIR_OK : WEIR_CORRUPT;
}

/* ---- All of it ---- */

static void put_texts(const weir_unit *u, snapshot_out *out) {
  uint8_t memory[TEXT_MAX + 16];
  for (uint32_t id = 1; id <= u->texts->count; id++) {
    weir_buffer b = weir_buffer_over(memory, sizeof memory);
    record_put_text(&b, id, texts_at(u->texts, id));
    WEIR_ASSERT(!b.overflow);
    snapshot_put(out, ITEM_TEXT, weir_buffer_view(&b));
  }
}

static void put_hash_seed(const weir_unit *u, snapshot_out *out) {
  uint8_t memory[8];
  weir_buffer b = weir_buffer_over(memory, sizeof memory);
  weir_put_u64(&b, u->hash_seed);
  snapshot_put(out, ITEM_HASH_SEED, weir_buffer_view(&b));
}

static void put_kept(void *user, uint8_t kind, weir_bytes body) {
  snapshot_put(user, (uint8_t)(ITEM_KEPT + kind), body);
}

void state_fill(void *user, snapshot_out *out) {
  const snapshot_state *s = user;
  const weir_unit *u = s->recovery->unit;
  unsigned newer = u->ref_generation, guard = u->guard_generation;
  put_unit(s->recovery, out);
  put_texts(u, out);
  for (uint32_t slot = 0; slot < u->slots_used; slot++) {
    if (u->matters[slot].used) put_matter(&u->matters[slot], out);
  }
  put_index(s, &u->handovers, ITEM_ENDED, out);
  put_hash_seed(u, out);
  put_index(s, &u->refs[newer ^ 1], ITEM_REFS_OLDER, out);
  put_index(s, &u->refs[newer], ITEM_REFS, out);
  put_index(s, &u->guard[guard ^ 1], ITEM_GUARD_OLDER, out);
  put_index(s, &u->guard[guard], ITEM_GUARD, out);
  put_crossed(u, out);
  put_arrivals(u, out);
  inner_state_fill(u, out);
  if (s->stamps) put_stamps(s, out);
  if (!s->recovery->kept) return;
  weir_status status = kept_each(s->recovery->kept, put_kept, out);
  if (out->status == WEIR_OK) out->status = status;
}

static weir_status take_text_item(weir_unit *u, weir_bytes item) {
  uint32_t id = 0;
  weir_bytes text;
  return record_get_text(item, &id, &text) ? texts_add(u->texts, id, text) : WEIR_CORRUPT;
}

/* A record of a report: for the next snapshot, or for the desk. */
static weir_status take_kept(const recovery *rec, uint8_t kind, weir_bytes body) {
  matter_record r;
  acknowledged_record a;
  if (kind == RECORD_ACKNOWLEDGED && rec->kept) return kept_take_acknowledged(rec->kept, body);
  if (kind == RECORD_ACKNOWLEDGED) {
    if (!record_get_acknowledged(body, &a)) return WEIR_CORRUPT;
    notice_acknowledged(rec->unit, body, true);
    return WEIR_OK;
  }
  if (kind != RECORD_MATTER || !record_get_matter(body, &r)) return WEIR_CORRUPT;
  if (rec->kept) return kept_take_matter(rec->kept, &r, body);
  notice_matter(rec->unit, &r, true);
  return WEIR_OK;
}

static weir_status take_item(void *user, uint8_t kind, weir_bytes item) {
  const snapshot_state *s = user;
  recovery *rec = s->recovery;
  weir_unit *u = rec->unit;
  weir_reader r = weir_reader_over(item);
  if (kind >= ITEM_KEPT) return take_kept(rec, (uint8_t)(kind - ITEM_KEPT), item);
  switch (kind) {
  case ITEM_UNIT:
    return take_unit(rec, &r);
  case ITEM_TEXT:
    return take_text_item(u, item);
  case ITEM_MATTER:
    return take_matter_item(u, &r);
  case ITEM_ENDED:
    return take_pairs(&u->handovers, &r);
  case ITEM_REFS:
  case ITEM_REFS_OLDER:
    return take_refs(u, &r);
  case ITEM_GUARD:
    return take_pairs(&u->guard[u->guard_generation], &r);
  case ITEM_GUARD_OLDER:
    return take_pairs(&u->guard[u->guard_generation ^ 1], &r);
  case ITEM_CROSSED:
    return take_crossed(u, &r);
  case ITEM_ARRIVALS:
    return take_arrivals(u, &r);
  case ITEM_STAMPS:
    return take_stamps(s, &r);
  case ITEM_HASH_SEED:
    u->hash_seed = weir_get_u64(&r);
    return r.bad || r.left > 0 ? WEIR_CORRUPT : WEIR_OK;
  default:
    return inner_state_take(u, kind, &r);
  }
}

/* The newer refs are full before they become the older ones: see refs_add. */
static void reserve_refs(weir_unit *u, uint64_t count) {
  weir_index *newer = &u->refs[u->ref_generation];
  index_reserve(newer, count);
  if (count > newer->limit) index_reserve(&u->refs[u->ref_generation ^ 1], count - newer->limit);
}

weir_status state_read(const snapshot_state *s, const weir_os *os, const snapshot_choice *choice) {
  enum { PAIR_BYTES = 16 };
  weir_unit *u = s->recovery->unit;
  const uint64_t *items = choice->sizes.items, *bytes = choice->sizes.bytes;
  snapshot_head head;
  index_reserve(&u->handovers, items[ITEM_MATTER] + bytes[ITEM_ENDED] / PAIR_BYTES);
  index_reserve(&u->crossings, items[ITEM_MATTER]);
  reserve_refs(u, (bytes[ITEM_REFS] + bytes[ITEM_REFS_OLDER]) / PAIR_BYTES);
  index_reserve(&u->guard[u->guard_generation], bytes[ITEM_GUARD] / PAIR_BYTES);
  index_reserve(&u->guard[u->guard_generation ^ 1], bytes[ITEM_GUARD_OLDER] / PAIR_BYTES);
  snapshot_state state = *s;
  return snapshot_read(os, choice->path, u->name, &head, take_item, &state);
}

weir_status weir_unit_state(weir_unit *u, const char *folder) {
  snapshot_state state = {.recovery = &u->recovered};
  snapshot_head head = {.border = {.segment = 2}};
  return snapshot_write(u->os, folder, u->name, &head, state_fill, &state);
}

/* ---- For those who read a journal without a unit ---- */

static weir_status each_text(void *user, uint8_t kind, weir_bytes item) {
  weir_texts *texts = user;
  uint32_t id = 0;
  weir_bytes text;
  if (kind != ITEM_TEXT) return WEIR_OK;
  return record_get_text(item, &id, &text) ? texts_add(texts, id, text) : WEIR_CORRUPT;
}

weir_status weir_texts_recall(weir_texts *texts, const weir_os *os, const char *data,
                              const char *unit) {
  snapshot_choice choice;
  snapshot_head head;
  weir_status status = snapshot_choose(os, data, unit, &choice);
  if (status != WEIR_OK || choice.oldest <= 1) return status;
  return snapshot_read(os, choice.path, unit, &head, each_text, texts);
}
