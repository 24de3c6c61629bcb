/* The ledger: for each outer unit, what came of every crossing number, and what is missing.
 *
 *   higher revision     new: it is delivered
 *   the same again      a repeat: nothing happens
 *   a lower revision    superseded: counted; from a later run of the sender, or one that a person
 *                       admitted, it is a conflict, since revisions never fall while a sender keeps
 *                       its journal
 *   other content       under a number and revision that were here: a conflict, delivered as such
 *                       once and alarmed, never dropped (a restored data folder). All are
 *                       remembered, as many as there are crossing numbers
 *   another crossing    of a handover that came under an earlier one, which no sender gives that
 *                       keeps its journal: a conflict too, in all its revisions, so that no item
 *                       of it takes the name of one that lies before the desk
 *   another matter      under the number of an earlier one: its handover is written alike, when the
 *                       sender began again with an empty or an old folder on the same day, but it
 *                       arrived at another instant. A conflict in all its revisions, so that the
 *                       desk takes none of it for news of the first
 *   missing             sent in a revision, as the heartbeats' index says, and not here 1.5 s
 *                       later: alarmed by number; a later revision of what is here counts too
 *   clocks              the offset is estimated, jumps and a difference of 2 s are alarmed, when
 *                       three heartbeats in a row say so
 *   too high            a number over LEDGER_MAX cannot be remembered, and what came under it would
 *                       come again and again: it is not delivered, but alarmed; at nine tenths of
 *                       the numbers a first alarm says so, while there is time
 *   order               datagrams that came behind later ones are alarmed when they are many */
#include "internal.h"

#include <string.h>

enum {
  WATCH_EVERY_MS = 100,
  BEATS_SURE = 3,
  CLOCK_JUMP_MS = 1000,
  CLOCK_APART_MS = 2000,
  CLOCK_SURE_MS = 2000, /* so long measured, before it is believed */
  REORDERED_MANY = 64,  /* between two heartbeats */
  STEADY_MS = 60000,
  CROSSINGS_NEAR = LEDGER_MAX / 10 * 9
};

void ledger_close(ledger *l) {
  weir_free(l->entries);
  weir_free(l->behind_since);
  weir_free(l->behind_pages);
  index_close(&l->numbers);
  index_close(&l->conflicts);
  *l = (ledger){0};
}

uint32_t ledger_of(weir_unit *u, const char *unit) {
  for (uint32_t i = 0; i < WEIR_LINK_SENDERS_MAX; i++) {
    ledger *l = &u->ledgers[i];
    if (l->used && strcmp(l->unit, unit) == 0) return i;
    if (l->used) continue;
    l->entries = weir_allocate(LEDGER_MAX + 1, sizeof *l->entries);
    l->behind_since = weir_allocate(LEDGER_MAX + 1, sizeof *l->behind_since);
    l->behind_pages = weir_allocate(LEDGER_MAX / LEDGER_PAGE + 1, sizeof *l->behind_pages);
    weir_status numbers = index_open(&l->numbers, LEDGER_MAX);
    weir_status conflicts = index_open(&l->conflicts, LEDGER_MAX);
    bool all = l->entries && l->behind_since && l->behind_pages;
    if (!all || numbers != WEIR_OK || conflicts != WEIR_OK) {
      ledger_close(l);
      return LEDGER_NONE;
    }
    memcpy(l->unit, unit, strlen(unit));
    l->used = true;
    return i;
  }
  return LEDGER_NONE;
}

/* The number's own key, so that the number can be written again; a number that no unit would give
 * stands as a hash, marked by bit 62. */
uint64_t ledger_handover(weir_bytes number) {
  char unit[WEIR_UNIT_NAME_MAX + 1] = {0};
  uint64_t key = 0;
  if (number.count == 0) return 0;
  const uint8_t *dash = memchr(number.at, '-', number.count);
  size_t count = dash ? (size_t)(dash - number.at) : 0;
  if (count > 0 && count <= WEIR_UNIT_NAME_MAX) {
    memcpy(unit, number.at, count);
    if (handover_read(unit, 0, number, &key) == WEIR_OK) return key;
  }
  return weir_hash(0, number) | UINT64_C(1) << 62;
}

/* Did the sender begin the run of this event after the one that the entry came from? Epochs rise,
 * but for a run that a person let in all the same. */
static bool is_of_later_run(const ledger *l, const ledger_entry *e, const weir_link_event *event) {
  if (event->boot_epoch == e->boot_epoch) return false;
  return event->boot_epoch > e->boot_epoch || event->boot_epoch == l->admitted_epoch;
}

/* Did this handover come under another crossing number? */
static bool is_elsewhere(const ledger *l, uint64_t crossing, uint64_t handover) {
  const index_entry *x = handover ? index_find(&l->numbers, handover, NULL) : NULL;
  return x && x->value != crossing;
}

/* Did another matter come under this number, as far as both instants are known? */
static bool is_reborn(const ledger_entry *e, uint32_t arrived) {
  return e->arrived != arrived && e->arrived != 0 && arrived != 0;
}

uint64_t ledger_conflict(uint64_t crossing, uint32_t revision, uint64_t check) {
  uint8_t bytes[20];
  weir_buffer b = weir_buffer_over(bytes, sizeof bytes);
  weir_put_u64(&b, crossing);
  weir_put_u64(&b, check);
  weir_put_u32(&b, revision);
  return weir_hash(0, weir_buffer_view(&b));
}

ledger_verdict ledger_judge(const weir_unit *u, uint32_t which, const weir_link_event *event,
                            uint64_t handover, uint32_t arrived) {
  if (event->crossing == 0 || event->crossing > LEDGER_MAX) return LEDGER_BEYOND;
  const ledger *l = &u->ledgers[which];
  const ledger_entry *e = &l->entries[event->crossing];
  bool other;
  if (event->revision > e->revision) {
    bool same = e->handover == handover || e->handover == 0 || handover == 0;
    bool alone = same && !is_reborn(e, arrived) && !e->contested;
    if (alone && !is_elsewhere(l, event->crossing, handover)) return LEDGER_NEW;
    other = true;
  } else if (event->revision == e->revision) {
    other = event->check != e->check;
  } else {
    other = is_of_later_run(l, e, event);
    if (!other) return LEDGER_SUPERSEDED;
  }
  uint64_t key = ledger_conflict(event->crossing, event->revision, event->check);
  return other && !index_find(&l->conflicts, key, NULL) ? LEDGER_CONFLICT : LEDGER_REPEAT;
}

/* Is this number behind what the index says, and since when? */
static void note_behind(const weir_unit *u, ledger *l, uint64_t crossing) {
  const ledger_entry *e = &l->entries[crossing];
  uint32_t *since = &l->behind_since[crossing];
  bool behind = e->owed > e->revision;
  if (behind == (*since != 0)) return;
  *since = behind ? (uint32_t)(u->now.boot_ms / 100) | 1 : 0;
  if (behind) {
    l->behind_pages[crossing / LEDGER_PAGE]++;
    l->behind++;
  } else {
    l->behind_pages[crossing / LEDGER_PAGE]--;
    l->behind--;
  }
}

void ledger_take(weir_unit *u, uint32_t which, const mark_record *m, uint64_t handover) {
  if (m->crossing == 0 || m->crossing > LEDGER_MAX) return;
  ledger *l = &u->ledgers[which];
  ledger_entry *e = &l->entries[m->crossing];
  if (m->crossing > l->highest_seen) l->highest_seen = m->crossing;
  if (handover && !index_find(&l->numbers, handover, NULL)) {
    (void)index_add(&l->numbers, handover, m->crossing);
  }
  if (m->conflict) {
    uint64_t key = ledger_conflict(m->crossing, m->revision, m->check);
    (void)index_add(&l->conflicts, key, m->crossing); /* FULL: it may come again */
    u->conflict_count++;
    if (m->revision <= e->revision) return; /* what is owed counts from the highest */
    e->contested = e->contested || is_reborn(e, m->arrived);
  }
  e->check = m->check;
  if (handover) e->handover = handover;
  if (m->arrived) e->arrived = m->arrived;
  e->revision = m->revision;
  e->boot_epoch = m->boot_epoch;
  note_behind(u, l, m->crossing);
}

static bool is_missing(const ledger *l, uint64_t crossing, uint64_t now_ms) {
  uint32_t since = l->behind_since[crossing];
  return since != 0 && now_ms / 100 >= since + GAP_AFTER_MS / 100;
}

/* Calls for every missing number, in order. */
static void each_missing(const ledger *l, uint64_t now_ms, void (*each)(void *user, uint64_t n),
                         void *user) {
  for (uint64_t page = 0; l->behind > 0 && page <= LEDGER_MAX / LEDGER_PAGE; page++) {
    if (l->behind_pages[page] == 0) continue;
    for (uint64_t n = page * LEDGER_PAGE; n < (page + 1) * LEDGER_PAGE && n <= LEDGER_MAX; n++) {
      if (is_missing(l, n, now_ms)) each(user, n);
    }
  }
}

typedef struct naming {
  weir_buffer *b;
  unsigned ranges, max;
  uint64_t first, last;
} naming;

static void put_range(naming *n) {
  if (n->first == 0) return;
  n->ranges++;
  if (n->ranges > n->max) return;
  if (n->ranges > 1) weir_put_text(n->b, ",");
  weir_put_decimal(n->b, n->first);
  if (n->last == n->first) return;
  weir_put_text(n->b, "-");
  weir_put_decimal(n->b, n->last);
}

static void name_one(void *user, uint64_t crossing) {
  naming *n = user;
  if (n->first != 0 && crossing == n->last + 1) {
    n->last = crossing;
    return;
  }
  put_range(n);
  n->first = n->last = crossing;
}

bool ledger_missing(const ledger *l, uint64_t now_ms, weir_buffer *b, unsigned max) {
  naming n = {b, 0, max, 0, 0};
  each_missing(l, now_ms, name_one, &n);
  put_range(&n);
  return n.ranges <= max;
}

/* The clock offset from the lower envelope: of many differences between arrival and sending the
 * smallest holds the least delay. Windows of 30 s, so that drift is followed. */
static void estimate_offset(weir_unit *u, ledger *l, int64_t outer_wall_ms) {
  enum { WINDOW_MS = 30000 };
  int64_t difference = u->now.wall_ms - outer_wall_ms;
  if (!l->offset_known) {
    l->offset_known = true;
    l->offset_since_ms = u->now.boot_ms;
    l->offset_ms = l->offset_next_ms = difference;
    l->offset_window_ms = u->now.boot_ms + WINDOW_MS;
    return;
  }
  if (difference < l->offset_next_ms) l->offset_next_ms = difference;
  if (difference < l->offset_ms) l->offset_ms = difference;
  if (u->now.boot_ms < l->offset_window_ms) return;
  l->offset_ms = l->offset_next_ms;
  l->offset_next_ms = difference;
  l->offset_window_ms = u->now.boot_ms + WINDOW_MS;
}

static void take_index(weir_unit *u, ledger *l, const weir_link_event *event) {
  for (uint32_t i = 0; i < event->index_count; i++) {
    uint64_t crossing = event->index_first + i;
    if (crossing == 0 || crossing > LEDGER_MAX) continue;
    l->entries[crossing].owed = event->index[i];
    note_behind(u, l, crossing);
  }
}

/* Wall minus boottime of the outer machine stands still unless somebody sets its clock. */
static void watch_clock(weir_unit *u, ledger *l, const weir_link_event *event) {
  int64_t skew = event->sent_ms - (int64_t)event->sent_boot_ms;
  if (!l->beat_known || l->beat_boot_epoch != event->boot_epoch) {
    l->beat_known = true;
    l->beat_boot_epoch = event->boot_epoch;
    l->beat_skew_ms = skew;
    l->beats_jumped = 0;
    return;
  }
  int64_t jump = skew - l->beat_skew_ms;
  if (jump > -CLOCK_JUMP_MS && jump < CLOCK_JUMP_MS) {
    l->beats_jumped = 0;
    return;
  }
  if (++l->beats_jumped < BEATS_SURE) return;
  char text[160];
  weir_buffer b = weir_buffer_over(text, sizeof text - 1);
  weir_put_text(&b, "12345外端机时钟跳变");
  weir_put_signed(&b, jump / 1000);
  weir_put_text(&b, "秒,来件时刻可能不准");
  text[b.count] = 0;
  alarm_begin(u, "clockJump", l->unit, text, "the outer unit's wall clock was set",
              "请12345核对外端机时钟");
  l->beat_skew_ms = skew;
  l->beats_jumped = 0;
  l->steady_ms = u->now.boot_ms;
  l->offset_known = false; /* it is measured anew */
}

/* Datagrams that came behind later ones: a few are the network's, many are worth a look. */
static void watch_order(weir_unit *u, ledger *l, const weir_link_event *event) {
  uint64_t newer = event->reordered > l->reordered ? event->reordered - l->reordered : 0;
  l->reordered = event->reordered;
  if (newer < REORDERED_MANY) return;
  l->reordered_ms = u->now.boot_ms;
  alarm_begin(u, "reorder", l->unit, "12345链路报文大量乱序,请检查线路",
              "many datagrams come behind later ones", "检查光闸与线路是否多路径或缓存异常");
}

void ledger_heartbeat(weir_unit *u, const weir_link_event *event, bool from_file) {
  uint32_t which = ledger_of(u, event->unit);
  if (which == LEDGER_NONE) return;
  ledger *l = &u->ledgers[which];
  if (event->crossing > l->highest_sent || !from_file) l->highest_sent = event->crossing;
  take_index(u, l, event);
  if (from_file) return; /* it lay about for a while: it says nothing of clock, danger and order */
  l->open_danger = event->open_danger;
  watch_clock(u, l, event);
  watch_order(u, l, event);
  estimate_offset(u, l, event->sent_ms);
}

static void count_one(void *user, uint64_t crossing) {
  (void)crossing;
  ++*(uint64_t *)user;
}

static void watch_gaps(weir_unit *u, ledger *l) {
  l->missing = 0;
  each_missing(l, u->now.boot_ms, count_one, &l->missing);
  if (l->missing == 0) {
    if (l->behind == 0) {
      alarm_end(u, "gap", l->unit, "12345来件缺号已补齐", "every crossing number is here again");
    }
    return;
  }
  if (l->silent || alarm_is_open(u, "gap", l->unit)) return;
  char text[512], english[512];
  weir_buffer b = weir_buffer_over(text, sizeof text - 1);
  weir_buffer e = weir_buffer_over(english, sizeof english - 1);
  weir_put_text(&b, "12345来件缺号:");
  put_ticket(l, u->now.boot_ms, &b);
  weir_put_text(&e, "crossing numbers are missing: ");
  put_ticket(l, u->now.boot_ms, &e);
  text[b.count] = 0;
  english[e.count] = 0;
  alarm_begin(u, "gap", l->unit, text, english, "电话告知12345所缺编号,请其补发");
}

static void watch_ends(weir_unit *u, ledger *l) {
  uint64_t now = u->now.boot_ms;
  if (now >= l->steady_ms + STEADY_MS) {
    alarm_end(u, "clockJump", l->unit, "12345外端机时钟已稳定", "the outer clock is steady");
  }
  if (now >= l->reordered_ms + STEADY_MS) {
    alarm_end(u, "reorder", l->unit, "12345链路报文顺序已恢复正常", "order is good again");
  }
  if (!l->offset_known || l->silent) return;
  bool apart = l->offset_ms > CLOCK_APART_MS || l->offset_ms < -CLOCK_APART_MS;
  if (!apart) {
    alarm_end(u, "clockApart", l->unit, "两端时钟已一致", "the clocks agree again");
  } else if (u->now.boot_ms >= l->offset_since_ms + CLOCK_SURE_MS) {
    char text[160];
    weir_buffer b = weir_buffer_over(text, sizeof text - 1);
    weir_put_text(&b, "内外两端时钟相差");
    weir_put_signed(&b, l->offset_ms / 1000);
    weir_put_text(&b, "秒,请核对时钟");
    text[b.count] = 0;
    alarm_begin(u, "clockApart", l->unit, text, "the clocks of both units differ by over 2 s",
                "核对两端时钟源");
  }
}

/* The missing numbers with their check digit, as people read them out. */
void put_ticket(const ledger *l, uint64_t now_ms, weir_buffer *b) {
  size_t from = b->count;
  (void)ledger_missing(l, now_ms, b, GAPS_NAMED);
  weir_bytes list = weir_view(b->at + from, b->count - from);
  unsigned digit = weir_ticket_digit(list);
  weir_put_text(b, "/");
  weir_put_decimal(b, digit);
}

static void alarm_crossings(weir_unit *u, const ledger *l, const char *code, const char *what,
                            const char *english) {
  char text[320];
  weir_buffer b = weir_buffer_over(text, sizeof text - 1);
  weir_put_text(&b, "12345外端机移交编号已到");
  weir_put_decimal(&b, l->highest_sent);
  weir_put_text(&b, ",本机上限");
  weir_put_decimal(&b, LEDGER_MAX);
  weir_put_text(&b, what);
  text[b.count] = 0;
  alarm_begin(u, code, l->unit, text, english,
              "请12345外端机改用新的机名与数据目录(编号从1起),改前以电话移交");
}

/* An outer unit's numbers fall only when it begins anew. */
static void watch_crossings(weir_unit *u, const ledger *l) {
  if (l->highest_sent > LEDGER_MAX) {
    alarm_crossings(u, l, "crossingsSpent", ",超出部分无法投送",
                    "crossing numbers are over the limit: what comes under them is not delivered");
  } else {
    alarm_end(u, "crossingsSpent", l->unit, "12345外端机移交编号已回到上限以内",
              "crossing numbers are within the limit again");
  }
  if (l->highest_sent > CROSSINGS_NEAR) {
    alarm_crossings(u, l, "crossingsNear", ",即将用尽",
                    "nine tenths of the crossing numbers that fit are spent");
  } else {
    alarm_end(u, "crossingsNear", l->unit, "12345外端机移交编号已充裕",
              "there are crossing numbers enough again");
  }
}

void ledger_watch(weir_unit *u) {
  for (uint32_t i = 0; i < WEIR_LINK_SENDERS_MAX; i++) {
    ledger *l = &u->ledgers[i];
    if (!l->used || u->now.boot_ms < l->watch_ms) continue;
    l->watch_ms = u->now.boot_ms + WATCH_EVERY_MS;
    watch_gaps(u, l);
    watch_ends(u, l);
    watch_crossings(u, l);
  }
}
