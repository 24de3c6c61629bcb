/* What an operator sees first, and what a monitor collects. */
#include "internal.h"

static void put_count(weir_buffer *b, const char *key, uint64_t value) {
  weir_put_text(b, ",\"");
  weir_put_text(b, key);
  weir_put_text(b, "\":");
  weir_put_decimal(b, value);
}

static void put_outer_link(weir_unit *u, weir_buffer *b) {
  const weir_link_sender *sender = u->sender ? u->sender : u->ferry.sender;
  if (!sender) {
    weir_put_text(b, ",\"link\":{\"state\":\"none\"}");
    return;
  }
  weir_link_sender_counts c = weir_link_sender_counted(sender);
  const bool stuck = carry_stuck(u);
  weir_put_text(b, stuck ? ",\"link\":{\"state\":\"stuck\"" : ",\"link\":{\"state\":\"sending\"");
  if (stuck) put_word(b, "why", u->stuck_why);
  put_word(b, "delivery", "cannot be known here");
  put_word(b, "carrier", !u->ferry.sender ? "udp" : u->sender ? "both" : "ferry");
  put_count(b, "bootEpoch", u->start.boot_epoch);
  put_count(b, "highestCrossing", u->crossing_highest);
  put_count(b, "unconfirmed", c.unsettled);
  put_count(b, "datagrams", c.datagrams);
  put_count(b, "sendErrors", u->counters.send_failed);
  weir_put_text(b, "}");
}

static void put_one_sender(const weir_unit *u, const ledger *l, weir_buffer *b) {
  char ticket[400];
  weir_buffer t = weir_buffer_over(ticket, sizeof ticket);
  uint64_t count = l->missing;
  if (count) put_ticket(l, u->now.boot_ms, &t);
  weir_put_text(b, "{\"sender\":");
  weir_put_quoted(b, weir_text(l->unit));
  put_word(b, "state", l->silent ? "cutOff" : count ? "behind" : "inStep");
  if (l->silent) put_wall_time(b, "since", l->silence_since_ms);
  put_count(b, "highestSent", l->highest_sent);
  put_count(b, "missing", count);
  if (count) {
    weir_put_text(b, ",\"which\":"); /* with its check digit, for `weir resend` */
    weir_put_quoted(b, weir_buffer_view(&t));
  }
  put_count(b, "openDanger", l->open_danger);
  weir_put_text(b, ",\"clockOffsetMs\":");
  weir_put_signed(b, l->offset_known ? l->offset_ms : 0);
  weir_put_text(b, "}");
}

static void put_inner_link(weir_unit *u, weir_buffer *b) {
  weir_put_text(b, ",\"link\":[");
  bool first = true;
  for (uint32_t i = 0; i < WEIR_LINK_SENDERS_MAX; i++) {
    if (!u->ledgers[i].used) continue;
    if (!first) weir_put_text(b, ",");
    put_one_sender(u, &u->ledgers[i], b);
    first = false;
  }
  weir_put_text(b, "]");
}

/* The oldest matter whose record no person has confirmed. */
static void put_oldest(weir_unit *u, weir_buffer *b) {
  const weir_state *oldest = NULL;
  for (uint32_t slot = 0; slot < u->slots_used && u->data_open; slot++) {
    const matter *m = &u->matters[slot];
    if (!m->used || m->state.data != DATA_QUEUED || (m->state.flags & FLAG_DRILL)) continue;
    if (!oldest || m->state.arrived_ms < oldest->arrived_ms) oldest = &m->state;
  }
  if (!oldest) return;
  handover_text number =
      handover_write(u->name, oldest->day, oldest->serial, oldest->flags & FLAG_DRILL);
  weir_put_text(b, ",\"oldestUnconfirmed\":{\"handover\":");
  weir_put_quoted(b, handover_view(&number));
  put_wall_time(b, "since", oldest->arrived_ms);
  weir_put_text(b, "}");
}

static void put_reports(weir_unit *u, weir_buffer *b) {
  weir_put_text(b, ",\"unacknowledgedReports\":[");
  bool first = true;
  uint32_t said = 0;
  for (unsigned i = 0; i < 2 * REPORT_KINDS; i++) {
    bool drill = i >= REPORT_KINDS;
    unsigned kind = i % REPORT_KINDS;
    uint32_t number = u->report_open[drill][kind];
    if (number == 0 || number == said) continue; /* older journals have one of both kinds */
    said = number;
    weir_put_text(b, first ? "{\"report\":\"" : ",{\"report\":\"");
    put_report_id(b, u->name, number);
    weir_put_text(b, "\",\"kind\":\"");
    weir_put_text(b, report_kind_name(kind));
    weir_put_text(b, drill ? "\",\"drill\":true}" : "\"}");
    first = false;
  }
  weir_put_text(b, "]");
}

/* The newest matters that expired unconfirmed. */
static void put_expired(const weir_unit *u, weir_buffer *b) {
  if (u->counters.expired == 0) return;
  uint64_t shown = u->counters.expired < EXPIRED_SHOWN ? u->counters.expired : EXPIRED_SHOWN;
  weir_put_text(b, ",\"expired\":[");
  for (uint64_t i = 0; i < shown; i++) {
    uint64_t key = u->expired[(u->counters.expired - 1 - i) % EXPIRED_SHOWN];
    uint32_t day = (uint32_t)(key >> 32) & INT32_MAX;
    handover_text number = handover_write(u->name, day, (uint32_t)key, key >> 63);
    if (i > 0) weir_put_text(b, ",");
    weir_put_quoted(b, handover_view(&number));
  }
  weir_put_text(b, "]");
}

static void put_disk(weir_unit *u, weir_buffer *b) {
  uint64_t bytes = 0;
  weir_status status = u->os->free_bytes(u->os->context, u->options.data, &bytes);
  weir_put_text(b, ",\"disk\":{\"state\":\"");
  weir_put_text(b, u->failing                        ? "failed"
                   : weir_journal_scarce(u->journal) ? "reserveOnly"
                                                     : "good");
  weir_put_text(b, "\"");
  if (status == WEIR_OK) put_count(b, "freeBytes", bytes);
  put_count(b, "records", weir_journal_durable(u->journal));
  put_count(b, "oldestRecord", weir_journal_oldest(u->journal));
  const weir_border *snapshot = &u->closing.base.border;
  put_count(b, "snapshot", snapshot->segment ? snapshot->serial - 1 : 0);
  weir_put_text(b, "}");
}

/* As long as a ref is known, a request that comes again is not taken twice. */
static void put_refs(weir_unit *u, weir_buffer *b) {
  enum { DAY_MS = 24 * 60 * 60 * 1000 };
  int64_t since = refs_since(u);
  weir_put_text(b, ",\"refs\":{\"count\":");
  weir_put_decimal(b, u->refs[0].count + u->refs[1].count);
  if (since) {
    put_wall_time(b, "since", since);
    put_count(b, "days", u->now.wall_ms > since ? (uint64_t)(u->now.wall_ms - since) / DAY_MS : 0);
  }
  weir_put_text(b, "}");
}

/* Turns that were too long: a cold disk, a machine that stands still. */
static void put_loop(const weir_unit *u, weir_buffer *b) {
  weir_put_text(b, ",\"loop\":{\"longestTurnUs\":");
  weir_put_decimal(b, unit_longest_turn_us(u));
  put_count(b, "slowTurns", u->turns.slow);
  weir_put_text(b, "}");
}

static void put_keys(weir_unit *u, weir_buffer *b) {
  weir_put_text(b, ",\"keys\":[");
  size_t count = u->options.keys ? weir_keyring_count(u->options.keys) : 0;
  for (size_t i = 0; i < count; i++) {
    uint32_t epoch = 0, expires = 0;
    weir_suite suite;
    weir_keyring_entry(u->options.keys, i, &epoch, &suite, &expires);
    weir_put_text(b, i ? ",{\"epoch\":" : "{\"epoch\":");
    weir_put_decimal(b, epoch);
    put_word(b, "suite", weir_suite_name(suite));
    if (expires) put_count(b, "expires", expires);
    int64_t days = 0;
    if (keys_days_left(u, expires, &days)) {
      weir_put_text(b, ",\"daysLeft\":");
      weir_put_signed(b, days);
    }
    weir_put_text(b, "}");
  }
  weir_put_text(b, "]");
}

#define COUNTERS(X)                                                                                \
  X(intakes, "intakes")                                                                            \
  X(updates, "updates")                                                                            \
  X(events, "events")                                                                              \
  X(deadlines, "deadlines")                                                                        \
  X(late, "late")                                                                                  \
  X(refused, "refused")                                                                            \
  X(overloaded, "overloaded")                                                                      \
  X(duplicates, "duplicates")                                                                      \
  X(quarantined, "quarantined")                                                                    \
  X(released, "released")                                                                          \
  X(resent, "resent")                                                                              \
  X(ferry_files, "ferryFiles")                                                                     \
  X(ferry_failed, "ferryFailed")                                                                   \
  X(bad_files, "badFiles")                                                                         \
  X(expired, "expired")                                                                            \
  X(escalated, "escalated")                                                                        \
  X(redialled, "redialledFrom110")                                                                 \
  X(reports, "reports")                                                                            \
  X(alarms, "alarms")                                                                              \
  X(delivered, "delivered")                                                                        \
  X(repeats, "repeats")                                                                            \
  X(superseded, "superseded")                                                                      \
  X(conflicts, "conflicts")                                                                        \
  X(rejected, "rejectedRecords")

static void put_counters(weir_unit *u, weir_buffer *b) {
  weir_put_text(b, ",\"counters\":{\"connections\":");
  weir_put_decimal(b, u->connection_count);
#define X(name, text) put_count(b, text, u->counters.name);
  COUNTERS(X)
#undef X
  put_count(b, "logLinesDropped", weir_log_dropped(u->log));
  if (u->receiver) {
    weir_link_receiver_counts c = weir_link_receiver_counted(u->receiver);
    put_count(b, "datagrams", c.datagrams);
    put_count(b, "datagramsGood", c.good);
    put_count(b, "datagramsMalformed", c.malformed);
    put_count(b, "datagramsUnknownKey", c.unknown_key);
    put_count(b, "datagramsForged", c.forged);
    put_count(b, "datagramsReplayed", c.replayed);
    put_count(b, "datagramsLowerBoot", c.lower_boot);
    put_count(b, "datagramsRestored", c.restored);
  }
  weir_put_text(b, "}");
}

void answer_status(weir_unit *u, weir_buffer *b, weir_bytes ref) {
  weir_put_text(b, "{");
  put_ref(b, ref);
  weir_put_text(b, u->options.inner ? "\"role\":\"inner\"" : "\"role\":\"outer\"");
  put_word(b, "unit", u->name);
  put_word(b, "state", u->failing ? "failing" : u->stopping ? "stopping" : "running");
  if (u->options.inner) put_inner_link(u, b);
  if (!u->options.inner) put_outer_link(u, b);
  put_count(b, "openEmergencies", u->open_emergencies);
  put_oldest(u, b);
  if (u->last_proof_ms) put_wall_time(b, "lastHumanProof", u->last_proof_ms);
  put_reports(u, b);
  put_alarms(u, b);
  put_expired(u, b);
  put_export(u, b);
  put_import(u, b);
  put_count(b, "quarantine", quarantine_open(u));
  if (u->options.delivery_stream) {
    put_count(b, "itemCursor", u->item_serial);
    put_count(b, "takenCursor", u->taken_serial);
  }
  put_disk(u, b);
  put_refs(u, b);
  put_loop(u, b);
  put_keys(u, b);
  put_count(b, "openHandovers", u->matter_count - u->drill_matters);
  weir_put_text(b, ",");
  put_drill(u, b);
  put_word(b, "version", u->options.version);
  weir_put_text(b, ",");
  put_policy(u, b);
  put_wall_time(b, "startedAt", u->started.wall_ms);
  put_wall_time(b, "now", u->now.wall_ms);
  put_counters(u, b);
  weir_put_text(b, "}");
  WEIR_ASSERT(!b->overflow);
}

/* Prometheus text (exposition format 0.0.4), as one JSON string: {"metrics":"…"}. */
static void put_metric(weir_buffer *b, const char *name, uint64_t value) {
  weir_put_text(b, "weir_");
  weir_put_text(b, name);
  weir_put_text(b, " ");
  weir_put_decimal(b, value);
  weir_put_text(b, "\n");
}

void answer_metrics(weir_unit *u, weir_buffer *b, weir_bytes ref) {
  weir_buffer text = weir_buffer_over(u->body_memory, WEIR_JOURNAL_BODY_MAX);
  put_metric(&text, "open_emergencies", u->open_emergencies);
  put_metric(&text, "open_handovers", u->matter_count - u->drill_matters);
  put_metric(&text, "unconfirmed", u->data_open);
  put_metric(&text, "drill_open", drills_are_open(u));
  put_metric(&text, "drill_handovers", u->drill_matters);
  put_metric(&text, "drill_intakes_total", u->counters.drill_intakes);
  put_metric(&text, "connections", u->connection_count);
  put_metric(&text, "quarantine", quarantine_open(u));
  uint64_t missing = 0, silent = 0;
  for (unsigned i = 0; i < WEIR_LINK_SENDERS_MAX; i++) {
    missing += u->ledgers[i].missing;
    silent += u->ledgers[i].silent;
  }
  put_metric(&text, "missing", missing);
  put_metric(&text, "silent_senders", silent);
  if (!u->options.inner) put_metric(&text, "link_stuck", carry_stuck(u));
  put_metric(&text, "disk_scarce", weir_journal_scarce(u->journal));
  put_metric(&text, "longest_turn_microseconds", unit_longest_turn_us(u));
  put_metric(&text, "slow_turns_total", u->turns.slow);
  put_metric(&text, "log_lines_dropped_total", weir_log_dropped(u->log));
#define X(name, label) put_metric(&text, #name "_total", u->counters.name);
  COUNTERS(X)
#undef X
  weir_put_text(b, "{");
  put_ref(b, ref);
  weir_put_text(b, "\"metrics\":");
  weir_put_quoted(b, weir_buffer_view(&text));
  weir_put_text(b, "}");
  WEIR_ASSERT(!b->overflow);
}
