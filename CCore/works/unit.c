/* The unit as a whole: open, begin, turn, stop.
 *
 *   open    memory, recovery, the start record, the link's new boot epoch, all durable
 *   turn    clocks, overdue deadlines, one batch of lines, the link's minute, the watch streams
 *   stop    requests are refused, what is in flight becomes durable and is answered, the stop
 *           record is written, then stopped() is true */
#include "internal.h"

#include <string.h>

enum { DEADLINE_BATCHES = 16, IDLE_TURN_MS = 250, TURN_MINUTE_MS = 60000, TURN_SLOW_US = 5000 };

void unit_look_at_clocks(weir_unit *u) {
  uint64_t boot_ns = u->os->boot_ns(u->os->context);
  u->now.boot_ms = boot_ns / 1000000;
  u->boot_ms_above = (boot_ns + 999999) / 1000000;
  u->now.wall_ms = u->os->wall_ms(u->os->context);
}

weir_status unit_sync_now(weir_unit *u) {
  while (weir_journal_durable(u->journal) < weir_journal_appended(u->journal)) {
    weir_journal_job *job = weir_journal_take(u->journal, u->now.boot_ms);
    WEIR_ASSERT(job != NULL);
    weir_status status = weir_journal_perform(job, u->os);
    (void)weir_journal_done(u->journal, job, status);
    if (weir_journal_closed(u->journal)) return status;
  }
  return WEIR_OK;
}

static weir_status take_memory(weir_unit *u) {
  u->entries = weir_allocate(WEIR_BATCH_MAX, sizeof *u->entries);
  u->steps = weir_allocate(WEIR_BATCH_MAX, sizeof *u->steps);
  u->scratch = weir_allocate(WEIR_BATCH_MAX, WEIR_MESSAGE_SCRATCH);
  u->effects = weir_allocate(EFFECTS, sizeof *u->effects);
  u->effect_records = weir_allocate(EFFECT_RECORDS, sizeof *u->effect_records);
  u->read_memory[0] = weir_allocate(WEIR_JOURNAL_BODY_MAX, 1);
  u->read_memory[1] = weir_allocate(WEIR_JOURNAL_BODY_MAX, 1);
  u->render_memory = weir_allocate(ANSWER_BYTES_MAX, 1);
  u->body_memory = weir_allocate(OUTPUT_BYTES, 1);
  u->record_scratch = weir_allocate(WEIR_CROSSED_SCRATCH, 1);
  u->last_words = weir_allocate(LAST_WORDS_BYTES, 1);
  bool all = u->entries && u->steps && u->scratch && u->effects && u->effect_records &&
             u->read_memory[0] && u->read_memory[1] && u->render_memory && u->body_memory &&
             u->record_scratch && u->last_words;
  if (!all) return WEIR_OUT_OF_MEMORY;
  weir_status status = weir_texts_open(&u->texts);
  if (status == WEIR_OK) status = readings_open(u);
  if (status == WEIR_OK) status = matters_open(u);
  if (status == WEIR_OK) status = closing_open(u);
  if (status == WEIR_OK) status = connections_open(u);
  return status;
}

static void free_memory(weir_unit *u) {
  weir_free(u->entries);
  weir_free(u->steps);
  weir_free(u->scratch);
  weir_free(u->effects);
  weir_free(u->effect_records);
  weir_free(u->read_memory[0]);
  weir_free(u->read_memory[1]);
  weir_free(u->render_memory);
  weir_free(u->body_memory);
  weir_free(u->record_scratch);
  weir_free(u->last_words);
  readings_close(u);
  weir_texts_close(u->texts);
}

/* What went wrong at open, in words for whoever stands before the machine. `folder` is the one that
 * was being opened. */
static void say_problem(const weir_unit *u, weir_status status, const weir_journal_finding *f,
                        const char *folder, char problem[512]) {
  weir_buffer b = weir_buffer_over(problem, 511);
  if (status == WEIR_CORRUPT && f->foreign) {
    weir_put_text(&b, "the journal in ");
    weir_put_text(&b, u->options.data);
    weir_put_text(&b, "/journal belongs to another unit than ");
    weir_put_text(&b, u->name);
    weir_put_text(&b, ". Nothing was changed. Give each unit a `data` folder of its own, and keep "
                      "its `name` as it was");
  } else if (status == WEIR_REFUSED) {
    weir_put_text(&b, "the journal in ");
    weir_put_text(&b, u->options.data);
    weir_put_text(&b, u->options.inner ? "/journal was written by an outer unit, and this is an "
                                         "inner one"
                                       : "/journal was written by an inner unit, and this is an "
                                         "outer one");
    weir_put_text(&b, ". No record was added. Give each unit a `data` folder of its own");
  } else if (status == WEIR_CORRUPT && f->reason[0]) {
    weir_put_text(&b, "the journal in ");
    weir_put_text(&b, u->options.data);
    weir_put_text(&b, "/journal is damaged: segment ");
    weir_put_decimal(&b, f->segment);
    weir_put_text(&b, ", offset ");
    weir_put_decimal(&b, f->offset);
    weir_put_text(&b, ", record ");
    weir_put_decimal(&b, f->serial);
    weir_put_text(&b, ": ");
    weir_put_text(&b, f->reason);
    weir_put_text(&b, ". Nothing was changed. Keep a copy of the folder, then restore it from the "
                      "last good copy, or start with an empty one and take open matters by hand");
  } else if (status == WEIR_BUSY) {
    weir_put_text(&b, "another process uses ");
    weir_put_text(&b, u->options.data);
    weir_put_text(&b, "; stop it first");
  } else if (status == WEIR_OUT_OF_MEMORY) {
    weir_put_text(&b, "there is not enough memory for what `limits` asks for: lower "
                      "limits.openHandovers or limits.refs");
  } else {
    weir_put_text(&b, "the folder ");
    weir_put_text(&b, folder);
    weir_put_text(&b, " cannot be used: ");
    weir_put_text(&b, weir_status_text(status));
    weir_put_text(&b, status == WEIR_NO_SPACE
                          ? ". Make room on its disk"
                          : ". Check that it is a folder, in one that exists, and that this user "
                            "may write there");
  }
  problem[b.count] = 0;
}

/* A folder that was just made is lost with the power until its parent is synced. Who may not read
 * the parent syncs the whole file system instead. */
weir_status unit_make_folder(const weir_os *os, const char *path) {
  char parent[PATH_BYTES] = "/";
  const char *slash = strrchr(path, '/');
  size_t count = slash ? (size_t)(slash - path) : 0;
  if (count >= sizeof parent) return WEIR_TOO_LONG;
  if (count > 0) memcpy(parent, path, count);
  if (count > 0) parent[count] = 0;
  weir_status status = os->make_directory(os->context, path);
  if (status != WEIR_OK) return status;
  status = os->sync_directory(os->context, slash ? parent : ".");
  return status == WEIR_PERMISSION ? os->sync_filesystem(os->context, path) : status;
}

static weir_status open_rooms(weir_unit *u, weir_journal_finding *finding, const char **folder) {
  unit_look_at_clocks(u);
  weir_status status = u->os->random(u->os->context, &u->hash_seed, sizeof u->hash_seed);
  if (status == WEIR_OK) status = unit_make_folder(u->os, u->options.data);
  if (status == WEIR_OK) status = take_memory(u);
  if (status == WEIR_OK && u->options.delivery) *folder = u->options.delivery;
  if (status == WEIR_OK) status = deliver_open(u);
  if (status == WEIR_OK) *folder = u->options.data;
  if (status == WEIR_OK && u->options.inner) status = inner_open(u);
  if (status == WEIR_OK) status = unit_recover(u, finding);
  if (status == WEIR_OK && u->options.delivery) *folder = u->options.delivery;
  if (status == WEIR_OK) status = deliver_recover_ways(u);
  if (status == WEIR_OK) *folder = u->options.data;
  outbox_begin(u);
  if (status == WEIR_OK) status = carry_open(u);
  return status;
}

weir_status weir_unit_open(const weir_unit_options *options, weir_unit **out, char problem[512]) {
  WEIR_ASSERT(strlen(options->name) >= 1 && strlen(options->name) <= WEIR_UNIT_NAME_MAX);
  weir_unit *u = weir_allocate(1, sizeof *u);
  if (!u) return WEIR_OUT_OF_MEMORY;
  u->options = *options;
  u->os = options->os;
  u->log = options->log;
  memcpy(u->name, options->name, strlen(options->name));
  weir_journal_finding finding = {0};
  const char *folder = options->data;
  weir_status status = open_rooms(u, &finding, &folder);
  if (status != WEIR_OK) {
    say_problem(u, status, &finding, folder, problem);
    weir_unit_close(u);
    return finding.foreign ? WEIR_REFUSED : status;
  }
  *out = u;
  return WEIR_OK;
}

void weir_unit_close(weir_unit *u) {
  if (!u) return;
  weir_link_sender_close(u->sender);
  ferry_close(u);
  export_close(u);
  if (u->options.inner) inner_close(u);
  deliver_close(u);
  weir_journal_close(u->journal);
  connections_close(u);
  closing_close(u);
  matters_close(u);
  free_memory(u);
  weir_free(u);
}

weir_status weir_unit_intern(weir_unit *u, weir_bytes text, uint32_t *id) {
  *id = 0;
  if (text.count == 0) return WEIR_OK;
  *id = texts_find(u->texts, text);
  if (*id) return WEIR_OK;
  if (text.count > TEXT_MAX) return WEIR_TOO_LONG;
  weir_status status = texts_fits(u->texts, text);
  if (status != WEIR_OK) return status;
  uint32_t next = u->texts->count + 1;
  weir_buffer b = weir_buffer_over(u->body_memory, WEIR_JOURNAL_BODY_MAX);
  record_put_text(&b, next, text);
  WEIR_ASSERT(!b.overflow);
  const weir_bytes part = weir_buffer_view(&b);
  uint64_t serial;
  weir_position position;
  status = weir_journal_append(u->journal, RECORD_TEXT, &part, 1, &serial, &position);
  if (status == WEIR_FULL && !u->begun) {
    status = unit_sync_now(u);
    if (status != WEIR_OK) return status;
    status = weir_journal_append(u->journal, RECORD_TEXT, &part, 1, &serial, &position);
  }
  if (status != WEIR_OK) return status;
  *id = next;
  return texts_add(u->texts, next, text);
}

void weir_unit_set_refusal_texts(weir_unit *u, uint32_t dial, uint32_t say) {
  u->refusal_dial = dial;
  u->refusal_say = say;
}

void weir_unit_set_drill_texts(weir_unit *u, uint32_t dial, uint32_t say) {
  u->drill_dial = dial;
  u->drill_say = say;
}

void weir_unit_begin(weir_unit *u) {
  u->begun = true;
  if (u->options.inner) inner_begin(u);
  if (weir_log_begin(u->log, WEIR_LOG_INFO, true, u->now.wall_ms, "unitStarted",
                     u->options.inner ? "the inner unit takes what comes over the link"
                                      : "the outer unit takes matters")) {
    weir_log_text(u->log, "service.version", weir_text(u->options.version));
    weir_log_number(u->log, "labels.bootEpoch", (int64_t)u->start.boot_epoch);
    (void)weir_log_end(u->log);
  }
  /* Before anything comes in: what an earlier run left open is ended here, or else the first event
   * of this run would find its alarm open already, and then see it ended. */
  alarms_tick(u);
}

/* The stop record, behind everything else. True: call again soon. */
static bool record_stop(weir_unit *u) {
  if (u->stop_recorded || u->failing || effects_waiting(u) > 0) return false;
  if (!deliver_quiet(u) || !alarms_quiet(u) || !quarantine_quiet(u)) return false;
  bool goes_on = carry_tally_last(u);
  if (u->tallying) return goes_on;
  uint8_t body[32];
  weir_buffer b = weir_buffer_over(body, sizeof body);
  weir_put_varint(&b, u->now.boot_ms);
  weir_put_zigzag(&b, u->now.wall_ms);
  const weir_bytes part = weir_buffer_view(&b);
  uint64_t serial;
  weir_position position;
  u->stop_recorded = unit_append(u, RECORD_STOP, &part, 1, &serial, &position);
  return false;
}

bool weir_unit_turn(weir_unit *u) {
  if (!u->begun) return false;
  unit_look_at_clocks(u);
  bool more = false;
  if (!u->failing) {
    for (unsigned i = 0; i < DEADLINE_BATCHES && batch_take_deadlines(u); i++) more = true;
    more = batch_take_lines(u) || more;
    more = carry_tick(u) || more;
    drills_tick(u);
    reconcile_tick(u);
    if (u->options.inner) inner_tick(u);
    if (!u->options.inner) deliver_mark(u);
    more = outbox_tick(u) || more;
    keys_tick(u);
    alarms_tick(u);
    quarantine_tick(u);
    more = retire_tick(u) || more;
    more = watch_pump(u) || more;
    more = taking_pump(u) || more;
    if (u->stopping) more = record_stop(u) || more;
  }
  unit_speak_failure(u);
  return more && !u->failing;
}

static uint64_t earlier(uint64_t a, uint64_t b) {
  return a < b ? a : b;
}

uint64_t weir_unit_next_ms(const weir_unit *u) {
  uint64_t next = u->now.boot_ms + IDLE_TURN_MS;
  if (!u->failing) next = earlier(next, weir_wheel_next(u->wheel));
  if (!u->failing && !u->job_in_flight) next = earlier(next, taking_due_ms(u));
  if (u->sender && !u->failing) next = earlier(next, weir_link_sender_next(u->sender));
  return next;
}

void weir_unit_turned(weir_unit *u, uint64_t took_us) {
  turn_times *t = &u->turns;
  if (t->minute_ms == 0) t->minute_ms = u->now.boot_ms;
  if (u->now.boot_ms >= t->minute_ms + TURN_MINUTE_MS) {
    bool next = u->now.boot_ms < t->minute_ms + UINT64_C(2) * TURN_MINUTE_MS;
    t->before_us = next ? t->longest_us : 0;
    t->longest_us = 0;
    t->minute_ms = u->now.boot_ms;
  }
  if (took_us > t->longest_us) t->longest_us = took_us;
  if (took_us > TURN_SLOW_US) t->slow++;
}

uint64_t unit_longest_turn_us(const weir_unit *u) {
  const turn_times *t = &u->turns;
  return t->longest_us > t->before_us ? t->longest_us : t->before_us;
}

void weir_unit_stop(weir_unit *u) {
  if (u->stopping) return;
  u->stopping = true;
  closing_cancel(u);
  if (weir_log_begin(u->log, WEIR_LOG_INFO, true, u->now.wall_ms, "unitStopping",
                     "no more requests are taken; what is in flight is finished")) {
    (void)weir_log_end(u->log);
  }
}

bool weir_unit_stopped(const weir_unit *u) {
  if (!u->stop_recorded || u->job_in_flight) return false;
  return weir_journal_durable(u->journal) == weir_journal_appended(u->journal);
}
