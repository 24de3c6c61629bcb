/* The ledger: for each outer unit, what came of every crossing number, and what is missing.
 *
 *   higher revision     new: it is delivered
 *   the same again      a repeat: nothing happens
 *   a lower revision    superseded: counted; from a later run of the sender it is a conflict, since
 *                       revisions never fall while a sender keeps its journal
 *   other content       under a number and revision that were here: a conflict, delivered as such
 *                       once and alarmed, never dropped (a restored data folder)
 *   missing             sent, as the heartbeat says, and not here 1.5 s later: alarmed by number */
#include "internal.h"

#include <string.h>

uint32_t ledger_of(weir_unit *u, const char *unit) {
  for (uint32_t i = 0; i < WEIR_LINK_SENDERS_MAX; i++) {
    ledger *l = &u->ledgers[i];
    if (l->used && strcmp(l->unit, unit) == 0) return i;
    if (l->used) continue;
    l->entries = weir_allocate(LEDGER_MAX + 1, sizeof *l->entries);
    if (!l->entries) return LEDGER_NONE;
    memcpy(l->unit, unit, strlen(unit));
    l->used = true;
    return i;
  }
  return LEDGER_NONE;
}

static bool is_known_conflict(const weir_unit *u, uint32_t which, uint64_t crossing,
                              uint32_t revision, uint64_t check) {
  uint32_t held = u->conflict_count < CONFLICTS_MAX ? u->conflict_count : CONFLICTS_MAX;
  for (uint32_t i = 0; i < held; i++) {
    const conflict *c = &u->conflicts[i];
    if (c->ledger == which && c->crossing == crossing && c->revision == revision &&
        c->check == check) {
      return true;
    }
  }
  return false;
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
    if (handover_read(unit, 0, number, &key)) return key;
  }
  return weir_hash(0, number) | UINT64_C(1) << 62;
}

ledger_verdict ledger_judge(const weir_unit *u, uint32_t which, const weir_link_event *event,
                            uint64_t handover) {
  if (event->crossing == 0 || event->crossing > LEDGER_MAX) return LEDGER_BEYOND;
  const ledger_entry *e = &u->ledgers[which].entries[event->crossing];
  if (e->revision == 0) return LEDGER_NEW;
  bool other;
  if (event->revision > e->revision) {
    if (e->handover == handover || e->handover == 0 || handover == 0) return LEDGER_NEW;
    other = true;
  } else if (event->revision == e->revision) {
    other = event->check != e->check;
  } else {
    other = event->boot_epoch > e->boot_epoch;
    if (!other) return LEDGER_SUPERSEDED;
  }
  if (!other) return LEDGER_REPEAT;
  bool known = is_known_conflict(u, which, event->crossing, event->revision, event->check);
  return known ? LEDGER_REPEAT : LEDGER_CONFLICT;
}

void ledger_take(weir_unit *u, uint32_t which, const mark_record *m, uint64_t handover) {
  if (m->crossing == 0 || m->crossing > LEDGER_MAX) return;
  ledger *l = &u->ledgers[which];
  ledger_entry *e = &l->entries[m->crossing];
  if (m->crossing > l->highest_seen) l->highest_seen = m->crossing;
  if (m->conflict) {
    u->conflicts[u->conflict_count % CONFLICTS_MAX] =
        (conflict){m->crossing, m->check, m->revision, which};
    u->conflict_count++;
    return;
  }
  uint64_t known = handover ? handover : e->handover;
  *e = (ledger_entry){m->check, known, m->revision, m->boot_epoch};
}

uint64_t ledger_missing(const ledger *l, weir_buffer *b, unsigned max) {
  uint64_t missing = 0, begin = 0;
  unsigned ranges = 0;
  uint64_t top = l->highest_sent < LEDGER_MAX ? l->highest_sent : LEDGER_MAX;
  for (uint64_t n = 1; n <= top + 1; n++) {
    bool here = n > top || l->entries[n].revision != 0;
    if (!here) {
      missing++;
      if (begin == 0) begin = n;
      continue;
    }
    if (begin == 0) continue;
    if (ranges < max) {
      if (ranges > 0) weir_put_text(b, ",");
      weir_put_decimal(b, begin);
      if (n - 1 > begin) {
        weir_put_text(b, "-");
        weir_put_decimal(b, n - 1);
      }
    } else if (ranges == max) {
      weir_put_text(b, ",…");
    }
    ranges++;
    begin = 0;
  }
  return missing;
}

/* The clock offset from the lower envelope: of many differences between arrival and sending the
 * smallest holds the least delay. Windows of 30 s, so that drift is followed. */
static void estimate_offset(weir_unit *u, ledger *l, int64_t outer_wall_ms) {
  enum { WINDOW_MS = 30000 };
  int64_t difference = u->now.wall_ms - outer_wall_ms;
  if (!l->offset_known) {
    l->offset_known = true;
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

void ledger_heartbeat(weir_unit *u, const weir_link_event *event) {
  uint32_t which = ledger_of(u, event->unit);
  if (which == LEDGER_NONE) return;
  ledger *l = &u->ledgers[which];
  l->highest_sent = event->crossing;
  l->open_danger = event->open_danger;
  estimate_offset(u, l, event->sent_ms);
}

/* Numbers below `complete` are all here; the search for gaps starts there. */
static bool is_complete(ledger *l) {
  uint64_t top = l->highest_sent < LEDGER_MAX ? l->highest_sent : LEDGER_MAX;
  while (l->complete < top && l->entries[l->complete + 1].revision != 0) l->complete++;
  return l->complete >= top;
}

static void watch_one(weir_unit *u, ledger *l) {
  if (is_complete(l)) {
    l->lagging_since_ms = 0;
    alarm_end(u, "gap", l->unit, "12345来件缺号已补齐", "every crossing number is here again");
    return;
  }
  if (l->lagging_since_ms == 0) l->lagging_since_ms = u->now.boot_ms;
  if (l->silent || alarm_is_open(u, "gap", l->unit)) return;
  if (u->now.boot_ms < l->lagging_since_ms + GAP_AFTER_MS) return;
  char text[512], english[512];
  weir_buffer b = weir_buffer_over(text, sizeof text - 1);
  weir_buffer e = weir_buffer_over(english, sizeof english - 1);
  weir_put_text(&b, "12345来件缺号:");
  (void)ledger_missing(l, &b, GAPS_NAMED);
  weir_put_text(&e, "crossing numbers are missing: ");
  (void)ledger_missing(l, &e, GAPS_NAMED);
  text[b.count] = 0;
  english[e.count] = 0;
  alarm_begin(u, "gap", l->unit, text, english, "电话告知12345所缺编号,请其补发");
}

void ledger_watch(weir_unit *u) {
  for (uint32_t i = 0; i < WEIR_LINK_SENDERS_MAX; i++) {
    if (u->ledgers[i].used) watch_one(u, &u->ledgers[i]);
  }
}
