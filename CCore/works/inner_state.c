/* What a snapshot keeps of deliveries: ledgers, conflicts, alarms that stand, quarantine, the names
 * that were marked last, and the boots of outer units. Of an outer unit, what there is of them. */
#include "internal.h"

enum {
  ITEM_LEDGER = 64,
  ITEM_LEDGER_ENTRIES,
  ITEM_CONFLICTS_OLDER, /* the last 4,096, whole, as earlier snapshots had them */
  ITEM_ALARM,
  ITEM_HELD,
  ITEM_MARKED,
  ITEM_BOOT,
  ITEM_LEDGER_NUMBERS,
  ITEM_LEDGER_CONFLICTS,
  ITEM_LEDGER_ARRIVALS,
  CHUNK_BYTES = 48 * 1024,
  ENTRY_BYTES_MAX = 64,
  TABLE_BYTES = 192 * 1024 /* a whole table of what is held, of names */
};

_Static_assert(QUARANTINE_MAX * 33 <= TABLE_BYTES, "all that is held fits one item");
_Static_assert((int)TABLE_BYTES <= (int)SNAPSHOT_ITEM_MAX, "a table is one item");

static void put_counted(weir_buffer *b, const char *text) {
  weir_put_varint(b, strlen(text));
  weir_put_text(b, text);
}

/* A counted text of less than `size` bytes, zero terminated. */
static void get_counted(weir_reader *r, char *into, size_t size) {
  uint64_t count = weir_get_varint(r);
  if (count >= size || count > r->left) r->bad = true;
  weir_bytes text = weir_get(r, r->bad ? 0 : (size_t)count);
  if (text.count) memcpy(into, text.at, text.count);
  into[text.count] = 0;
}

/* ---- Ledgers ---- */

static void put_entries(const ledger *l, uint32_t which, snapshot_out *out) {
  uint8_t memory[CHUNK_BYTES];
  weir_buffer b = weir_buffer_over(memory, sizeof memory);
  for (uint64_t n = 1; n <= l->highest_seen && n <= LEDGER_MAX; n++) {
    const ledger_entry *e = &l->entries[n];
    if (e->revision == 0 && e->handover == 0 && e->check == 0) continue;
    if (b.count == 0) weir_put_varint(&b, which);
    weir_put_varint(&b, n);
    weir_put_u64(&b, e->check);
    weir_put_u64(&b, e->handover);
    weir_put_varint(&b, e->revision);
    weir_put_varint(&b, e->boot_epoch);
    if (b.capacity - b.count >= ENTRY_BYTES_MAX) continue;
    snapshot_put(out, ITEM_LEDGER_ENTRIES, weir_buffer_view(&b));
    b.count = 0;
  }
  WEIR_ASSERT(!b.overflow);
  if (b.count > 0) snapshot_put(out, ITEM_LEDGER_ENTRIES, weir_buffer_view(&b));
}

static void put_arrivals(const ledger *l, uint32_t which, snapshot_out *out) {
  uint8_t memory[CHUNK_BYTES];
  weir_buffer b = weir_buffer_over(memory, sizeof memory);
  for (uint64_t n = 1; n <= l->highest_seen && n <= LEDGER_MAX; n++) {
    const ledger_entry *e = &l->entries[n];
    if (e->arrived == 0) continue;
    if (b.count == 0) weir_put_varint(&b, which);
    weir_put_varint(&b, n);
    weir_put_u32(&b, e->arrived);
    weir_put_u8(&b, e->contested);
    if (b.capacity - b.count >= ENTRY_BYTES_MAX) continue;
    snapshot_put(out, ITEM_LEDGER_ARRIVALS, weir_buffer_view(&b));
    b.count = 0;
  }
  WEIR_ASSERT(!b.overflow);
  if (b.count > 0) snapshot_put(out, ITEM_LEDGER_ARRIVALS, weir_buffer_view(&b));
}

/* Keys with their crossing numbers. */
static void put_numbers(const weir_index *x, uint32_t which, uint8_t kind, snapshot_out *out) {
  uint8_t memory[CHUNK_BYTES];
  weir_buffer b = weir_buffer_over(memory, sizeof memory);
  uint64_t at = 0;
  for (const index_entry *e = index_next(x, &at); e; e = index_next(x, &at)) {
    if (b.count == 0) weir_put_varint(&b, which);
    weir_put_u64(&b, e->key);
    weir_put_varint(&b, e->value);
    if (b.capacity - b.count >= ENTRY_BYTES_MAX) continue;
    snapshot_put(out, kind, weir_buffer_view(&b));
    b.count = 0;
  }
  WEIR_ASSERT(!b.overflow);
  if (b.count > 0) snapshot_put(out, kind, weir_buffer_view(&b));
}

static void put_ledgers(const weir_unit *u, snapshot_out *out) {
  for (uint32_t i = 0; i < WEIR_LINK_SENDERS_MAX; i++) {
    const ledger *l = &u->ledgers[i];
    uint8_t memory[64];
    weir_buffer b = weir_buffer_over(memory, sizeof memory);
    if (!l->used) continue;
    weir_put_varint(&b, i);
    put_counted(&b, l->unit);
    weir_put_varint(&b, l->highest_seen);
    weir_put_varint(&b, l->admitted_epoch);
    WEIR_ASSERT(!b.overflow);
    snapshot_put(out, ITEM_LEDGER, weir_buffer_view(&b));
    put_entries(l, i, out);
    put_arrivals(l, i, out);
    put_numbers(&l->numbers, i, ITEM_LEDGER_NUMBERS, out);
    put_numbers(&l->conflicts, i, ITEM_LEDGER_CONFLICTS, out);
  }
}

static weir_status take_ledger(weir_unit *u, weir_reader *r) {
  char unit[WEIR_UNIT_NAME_MAX + 1] = {0};
  uint64_t which = weir_get_varint(r);
  get_counted(r, unit, sizeof unit);
  uint64_t highest = weir_get_varint(r), admitted = weir_get_varint(r);
  if (r->bad || r->left > 0) return WEIR_CORRUPT;
  uint32_t made = ledger_of(u, unit);
  if (made == LEDGER_NONE) return WEIR_OUT_OF_MEMORY;
  if (made != which) return WEIR_CORRUPT;
  ledger *l = &u->ledgers[made];
  if (l->numbers.count == 0) index_reserve(&l->numbers, highest); /* a number has one handover */
  l->highest_seen = highest;
  l->admitted_epoch = admitted;
  return WEIR_OK;
}

/* The ledger that an item is about; null: it was not told before. */
static ledger *ledger_told(weir_unit *u, weir_reader *r) {
  uint64_t which = weir_get_varint(r);
  return which < WEIR_LINK_SENDERS_MAX && u->ledgers[which].used ? &u->ledgers[which] : NULL;
}

static weir_status take_entries(weir_unit *u, weir_reader *r) {
  ledger *l = ledger_told(u, r);
  if (!l) return WEIR_CORRUPT;
  while (r->left > 0 && !r->bad) {
    uint64_t crossing = weir_get_varint(r);
    if (crossing == 0 || crossing > LEDGER_MAX) return WEIR_CORRUPT;
    ledger_entry *e = &l->entries[crossing];
    e->check = weir_get_u64(r);
    e->handover = weir_get_u64(r);
    e->revision = (uint32_t)weir_get_varint(r);
    e->boot_epoch = weir_get_varint(r);
  }
  return r->bad ? WEIR_CORRUPT : WEIR_OK;
}

static weir_status take_arrivals(weir_unit *u, weir_reader *r) {
  ledger *l = ledger_told(u, r);
  if (!l) return WEIR_CORRUPT;
  while (r->left > 0 && !r->bad) {
    uint64_t crossing = weir_get_varint(r);
    if (crossing == 0 || crossing > LEDGER_MAX) return WEIR_CORRUPT;
    ledger_entry *e = &l->entries[crossing];
    e->arrived = weir_get_u32(r);
    e->contested = weir_get_u8(r) != 0;
  }
  return r->bad ? WEIR_CORRUPT : WEIR_OK;
}

static weir_status take_numbers(weir_unit *u, uint8_t kind, weir_reader *r) {
  ledger *l = ledger_told(u, r);
  if (!l) return WEIR_CORRUPT;
  while (r->left > 0 && !r->bad) {
    uint64_t key = weir_get_u64(r), crossing = weir_get_varint(r);
    if (r->bad || crossing == 0 || crossing > LEDGER_MAX) return WEIR_CORRUPT;
    (void)index_add(kind == ITEM_LEDGER_NUMBERS ? &l->numbers : &l->conflicts, key, crossing);
  }
  return r->bad ? WEIR_CORRUPT : WEIR_OK;
}

static weir_status take_older_conflicts(weir_unit *u, weir_reader *r) {
  while (r->left > 0 && !r->bad) {
    uint64_t crossing = weir_get_u64(r);
    uint64_t check = weir_get_u64(r);
    uint32_t revision = weir_get_u32(r);
    uint32_t which = weir_get_u32(r);
    bool good = which < WEIR_LINK_SENDERS_MAX && u->ledgers[which].used && crossing > 0;
    if (!good) return WEIR_CORRUPT;
    uint64_t key = ledger_conflict(crossing, revision, check);
    (void)index_add(&u->ledgers[which].conflicts, key, crossing); /* FULL: see ledger_take */
  }
  return r->bad ? WEIR_CORRUPT : WEIR_OK;
}

/* ---- Boots of outer units ---- */

static bool is_same(const boot_kept *a, uint64_t epoch, const uint8_t id[16]) {
  return a->epoch == epoch && memcmp(a->id, id, 16) == 0;
}

weir_status inner_know_boot(weir_unit *u, const char *unit, uint64_t epoch, const uint8_t id[16]) {
  boots_kept *k = u->boots;
  const boots_kept *end = u->boots + WEIR_LINK_SENDERS_MAX;
  while (k < end && k->count > 0 && strcmp(k->unit, unit) != 0) k++;
  if (k == end) return WEIR_FULL;
  boot_kept named = {.epoch = epoch};
  memcpy(named.id, id, 16);
  if (k->count == 0) {
    memcpy(k->unit, unit, strlen(unit));
    k->peak = k->last = named;
    k->count = 1;
  } else if (!is_same(&k->last, epoch, id)) {
    k->before = k->last;
    k->last = named;
    k->count = 2;
    if (epoch > k->peak.epoch) k->peak = named;
  }
  return u->receiver ? weir_link_receiver_know(u->receiver, unit, epoch, id) : WEIR_OK;
}

static void put_boot(const char *unit, const boot_kept *boot, snapshot_out *out) {
  uint8_t memory[64];
  weir_buffer b = weir_buffer_over(memory, sizeof memory);
  put_counted(&b, unit);
  weir_put_u64(&b, boot->epoch);
  weir_put(&b, weir_view(boot->id, 16));
  WEIR_ASSERT(!b.overflow);
  snapshot_put(out, ITEM_BOOT, weir_buffer_view(&b));
}

/* Told again in this order they come to the same: the highest, the one before, the current. */
static void put_boots(const weir_unit *u, snapshot_out *out) {
  for (uint32_t i = 0; i < WEIR_LINK_SENDERS_MAX; i++) {
    const boots_kept *k = &u->boots[i];
    if (k->count == 0) continue;
    put_boot(k->unit, &k->peak, out);
    if (k->count > 1) put_boot(k->unit, &k->before, out);
    put_boot(k->unit, &k->last, out);
  }
}

static weir_status take_boot(weir_unit *u, weir_reader *r) {
  char unit[WEIR_UNIT_NAME_MAX + 1] = {0};
  get_counted(r, unit, sizeof unit);
  uint64_t epoch = weir_get_u64(r);
  weir_bytes id = weir_get(r, 16);
  if (r->bad || r->left > 0) return WEIR_CORRUPT;
  return inner_know_boot(u, unit, epoch, id.at);
}

/* ---- Alarms and tables ---- */

static void put_alarm(const alarm *a, snapshot_out *out) {
  uint8_t memory[128];
  weir_buffer b = weir_buffer_over(memory, sizeof memory);
  weir_put_varint(&b, a->id);
  put_counted(&b, a->code);
  put_counted(&b, a->unit);
  WEIR_ASSERT(!b.overflow);
  snapshot_put(out, ITEM_ALARM, weir_buffer_view(&b));
}

static weir_status take_alarm(weir_unit *u, weir_reader *r) {
  alarm a = {.recovered = true};
  a.id = weir_get_varint(r);
  a.began_ms = (int64_t)a.id;
  get_counted(r, a.code, sizeof a.code);
  get_counted(r, a.unit, sizeof a.unit);
  if (r->bad || r->left > 0 || a.id == 0) return WEIR_CORRUPT;
  for (unsigned i = 0; i < ALARMS_MAX; i++) {
    if (u->alarms[i].id != 0) continue;
    u->alarms[i] = a;
    return WEIR_OK;
  }
  return WEIR_CORRUPT;
}

static void put_tables(const weir_unit *u, uint8_t *memory, snapshot_out *out) {
  weir_buffer b = weir_buffer_over(memory, TABLE_BYTES);
  for (unsigned i = 0; i < QUARANTINE_MAX; i++) {
    const held *q = &u->quarantine[i];
    if (q->serial == 0) continue;
    weir_put_varint(&b, i);
    weir_put_varint(&b, q->serial);
    weir_put_varint(&b, q->position);
    weir_put_varint(&b, q->release);
  }
  if (b.count > 0) snapshot_put(out, ITEM_HELD, weir_buffer_view(&b));
  b.count = 0;
  for (unsigned i = 0; i < MARKED_NAMES; i++) weir_put_u64(&b, u->marked_names[i]);
  snapshot_put(out, ITEM_MARKED, weir_buffer_view(&b));
  WEIR_ASSERT(!b.overflow);
}

static weir_status take_held(weir_unit *u, weir_reader *r) {
  while (r->left > 0 && !r->bad) {
    uint64_t i = weir_get_varint(r);
    if (i >= QUARANTINE_MAX) return WEIR_CORRUPT;
    u->quarantine[i].serial = weir_get_varint(r);
    u->quarantine[i].position = weir_get_varint(r);
    u->quarantine[i].release = weir_get_varint(r);
  }
  return r->bad ? WEIR_CORRUPT : WEIR_OK;
}

static weir_status take_marked(weir_unit *u, weir_reader *r) {
  for (unsigned i = 0; i < MARKED_NAMES; i++) u->marked_names[i] = weir_get_u64(r);
  return r->bad || r->left > 0 ? WEIR_CORRUPT : WEIR_OK;
}

void inner_state_fill(const weir_unit *u, snapshot_out *out) {
  uint8_t *memory = weir_allocate(TABLE_BYTES, 1);
  if (!memory) {
    out->status = WEIR_OUT_OF_MEMORY;
    return;
  }
  put_ledgers(u, out);
  put_boots(u, out);
  for (unsigned i = 0; i < ALARMS_MAX; i++) {
    if (u->alarms[i].id != 0 && u->alarms[i].recovered) put_alarm(&u->alarms[i], out);
  }
  put_tables(u, memory, out);
  weir_free(memory);
}

weir_status inner_state_take(weir_unit *u, uint8_t kind, weir_reader *r) {
  switch (kind) {
  case ITEM_LEDGER:
    return take_ledger(u, r);
  case ITEM_LEDGER_ENTRIES:
    return take_entries(u, r);
  case ITEM_LEDGER_ARRIVALS:
    return take_arrivals(u, r);
  case ITEM_LEDGER_NUMBERS:
  case ITEM_LEDGER_CONFLICTS:
    return take_numbers(u, kind, r);
  case ITEM_CONFLICTS_OLDER:
    return take_older_conflicts(u, r);
  case ITEM_ALARM:
    return take_alarm(u, r);
  case ITEM_HELD:
    return take_held(u, r);
  case ITEM_MARKED:
    return take_marked(u, r);
  case ITEM_BOOT:
    return take_boot(u, r);
  default:
    return WEIR_CORRUPT;
  }
}
