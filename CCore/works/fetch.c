/* Files into an inner unit: those that the gate put into the ferry's directory, and a disc's by a
 * person's word. What they hold goes the way of what comes over the link: authenticated, judged by
 * crossing number and revision, staged, marked, published. Boots and sequences do not count, since
 * a file may come late, twice, and from an earlier run.
 *
 *   happy path   find → feed its datagrams, as far as the stage has room → wait until what they
 *                brought is published → remove the file
 *   a crash      the file is still there and is fed again: repeats
 *   short        it may still be growing: it is passed over until it has not grown for
 *                FETCH_GROWS_MS, then what it holds is taken and it is put into quarantine
 *   damaged, foreign, forged
 *                what is good in it is taken; the file goes to DIR/.quarantine, and an alarm
 *                names it
 *   a file that cannot be put away
 *                is passed over for a while, told, and tried again */
#include "internal.h"

#include <string.h>

enum {
  FETCH_BYTES = 4 * 1024 * 1024, /* more than any file of a ferry */
  FETCH_EVERY_MS = 100,
  FETCH_GROWS_MS = 5000,
  FETCH_RETRY_MS = 5000,
  FETCH_BATCH = 256,
  /* Room in the stage for the records of one datagram, each with two alarms. */
  FETCH_ITEMS = 700,
  FETCH_ROOM = 4 * 1024 * 1024,
  FERRY_SILENCE_MS = 60000
};

weir_status fetch_open(weir_unit *u) {
  fetch *f = &u->fetch;
  weir_link_receiver_options o = {u->options.keys, u->now.boot_ms, true};
  f->memory = weir_allocate(FETCH_BYTES, 1);
  if (!f->memory) return WEIR_OUT_OF_MEMORY;
  return weir_link_receiver_open(&o, &f->reader);
}

void fetch_close(weir_unit *u) {
  weir_link_receiver_close(u->fetch.reader);
  weir_free(u->fetch.memory);
}

/* ---- Jobs ---- */

static void find_job(weir_unit *u, fetch *f, weir_job *job) {
  job->kind = JOB_FILE_FIND;
  job->directory = u->options.ferry;
  job->into = f->memory;
  job->room = FETCH_BYTES;
  for (size_t i = 0; i < FETCH_SKIPPED; i++) {
    bool passed = f->skipped[i].until_ms > u->now.boot_ms;
    f->skip[i] = passed ? f->skipped[i].hash : 0;
  }
  job->skip = f->skip;
}

static void read_job(fetch *f, weir_job *job) {
  memmove(f->memory, f->rest.at, f->rest.count);
  f->rest.at = f->memory;
  job->kind = JOB_FILE_READ;
  job->path = f->path;
  job->offset = f->offset;
  job->into = f->memory + f->rest.count;
  job->room = FETCH_BYTES - f->rest.count;
}

bool fetch_take_job(weir_unit *u, weir_job *job) {
  fetch *f = &u->fetch;
  if (!f->reader) return false;
  if (f->state == FETCH_SETTLED) {
    job->kind = JOB_FILE_TAKEN;
    job->directory = u->options.ferry;
    job->bad = f->bad;
    memcpy(job->found, f->name, sizeof f->name);
  } else if (f->state != FETCH_IDLE) {
    return false;
  } else if (f->import) {
    read_job(f, job);
  } else if (u->options.ferry && u->now.boot_ms >= f->scan_ms) {
    find_job(u, f, job);
  } else {
    return false;
  }
  f->state = FETCH_JOB;
  return true;
}

/* Where more files are passed over than can be remembered, there is one look at a time, or else
 * those that gave way would be found again without end. */
static fetch_skip *skip_of(const weir_unit *u, fetch *f, uint64_t hash) {
  fetch_skip *oldest = &f->skipped[0];
  for (size_t i = 0; i < FETCH_SKIPPED; i++) {
    if (f->skipped[i].hash == hash) return &f->skipped[i];
    if (f->skipped[i].until_ms < oldest->until_ms) oldest = &f->skipped[i];
  }
  if (oldest->until_ms > u->now.boot_ms) f->scan_ms = u->now.boot_ms + FETCH_EVERY_MS;
  *oldest = (fetch_skip){.hash = hash};
  return oldest;
}

/* Is the file whole in its form? CLOSED; AGAIN: it ends too early; INVALID. */
static weir_status look_through(weir_bytes rest) {
  weir_link_file_reader r = {0};
  weir_bytes datagram;
  weir_status status = WEIR_OK;
  while (status == WEIR_OK) status = weir_link_file_next(&r, &rest, &datagram);
  return status == WEIR_CLOSED && rest.count > 0 ? WEIR_INVALID : status;
}

static void begin_feeding(fetch *f) {
  f->file = (weir_link_file_reader){0};
  f->ended = false;
  f->state = FETCH_FEEDING;
}

static void found(weir_unit *u, fetch *f, const weir_job *job) {
  memcpy(f->name, job->found, sizeof f->name);
  f->rest = weir_view(f->memory, job->got);
  f->bad = job->bad;
  weir_status form = job->bad ? WEIR_INVALID : look_through(f->rest);
  fetch_skip *skip = skip_of(u, f, weir_hash(0, weir_text(f->name)));
  if (form == WEIR_AGAIN && !job->bad) {
    if (skip->size != job->got || skip->since_ms == 0) skip->since_ms = u->now.boot_ms;
    skip->size = job->got;
    if (u->now.boot_ms < skip->since_ms + FETCH_GROWS_MS) {
      skip->until_ms = u->now.boot_ms + FETCH_GROWS_MS / 10;
      f->state = FETCH_IDLE;
      return;
    }
  }
  if (form != WEIR_CLOSED) f->bad = true;
  begin_feeding(f);
}

static void taken(weir_unit *u, fetch *f, weir_status status) {
  f->state = FETCH_IDLE;
  fetch_skip *skip = skip_of(u, f, weir_hash(0, weir_text(f->name)));
  *skip = (fetch_skip){0};
  if (status == WEIR_OK) {
    u->counters.ferry_files++;
    alarm_end(u, "ferry", "", "摆渡目录已恢复", "the ferry's directory is good again");
    return;
  }
  u->counters.ferry_failed++;
  skip->hash = weir_hash(0, weir_text(f->name));
  skip->until_ms = u->now.boot_ms + FETCH_RETRY_MS;
  alarm_begin(u, "ferry", "", "摆渡目录中的文件无法移走",
              "files of the ferry's directory cannot be put away", "检查摆渡目录的权限与磁盘");
}

static void log_imported(weir_unit *u, const fetch *f) {
  if (!weir_log_begin(u->log, WEIR_LOG_WARN, true, u->now.wall_ms, "imported",
                      "a disc was taken in by a person's word")) {
    return;
  }
  weir_log_number(u->log, "labels.records", (int64_t)f->records);
  weir_log_number(u->log, "labels.repeats", (int64_t)f->repeats);
  weir_log_text(u->log, "event.outcome", weir_text(f->import_failed ? "failure" : "success"));
  (void)weir_log_end(u->log);
}

static void end_import(weir_unit *u, fetch *f, bool failed) {
  f->import = false;
  f->import_failed = failed;
  f->state = FETCH_IDLE;
  log_imported(u, f);
}

void fetch_job_done(weir_unit *u, const weir_job *job, weir_status status) {
  fetch *f = &u->fetch;
  if (job->kind == JOB_FILE_TAKEN) {
    taken(u, f, status);
    return;
  }
  if (job->kind == JOB_FILE_READ) {
    bool begun = f->offset > 0;
    if (status != WEIR_OK || job->got == 0) {
      end_import(u, f, true); /* not to be read, or it ends too early */
      return;
    }
    f->rest.count += job->got;
    f->offset += job->got;
    if (!begun) begin_feeding(f);
    f->state = FETCH_FEEDING;
    return;
  }
  f->state = FETCH_IDLE;
  if (status == WEIR_OK || job->found[0] == 0) f->scan_ms = u->now.boot_ms + FETCH_EVERY_MS;
  if (status != WEIR_OK) {
    u->counters.ferry_failed++;
    f->scan_ms = u->now.boot_ms + FETCH_RETRY_MS;
    alarm_begin(u, "ferry", "", "摆渡目录无法读取", "the ferry's directory cannot be read",
                "检查摆渡目录的权限与磁盘");
    return;
  }
  if (job->found[0] == 0) return;
  f->scan_ms = u->now.boot_ms;
  found(u, f, job);
}

/* ---- Feeding ---- */

static void take_events(weir_unit *u, fetch *f) {
  weir_link_event e;
  while (weir_link_receiver_next(f->reader, &e)) {
    if (e.kind == WEIR_LINK_HEARTBEAT) {
      ledger_heartbeat(u, &e, true);
      uint32_t which = ledger_of(u, e.unit);
      if (which != LEDGER_NONE && !f->import) u->ledgers[which].ferry_heard_ms = u->now.boot_ms;
    }
    if (e.kind != WEIR_LINK_RECORD) continue;
    uint64_t before = u->counters.repeats + u->counters.superseded;
    bool staged = items_stage_record(u, &e);
    if (!staged) f->bad = true; /* a sender more than there is room for */
    f->records++;
    f->repeats += u->counters.repeats + u->counters.superseded - before;
  }
}

/* Takes one datagram of the file; false when there is none now. */
static bool feed_one(weir_unit *u, fetch *f) {
  weir_bytes datagram;
  if (!stage_gathering(u, FETCH_ITEMS, FETCH_ROOM)) return false;
  weir_status status = weir_link_file_next(&f->file, &f->rest, &datagram);
  if (status == WEIR_OK) {
    uint8_t *at = f->memory + (datagram.at - f->memory);
    status = weir_link_receiver_take(f->reader, at, datagram.count, u->now.boot_ms);
    take_events(u, f);
    if (status != WEIR_OK) f->bad = true;
    return true;
  }
  if (status == WEIR_AGAIN && f->import) { /* the next piece */
    f->state = FETCH_IDLE;
    return false;
  }
  if (status != WEIR_CLOSED) f->bad = true;
  f->ended = true;
  return false;
}

static void alarm_bad_file(weir_unit *u, const fetch *f) {
  char text[256];
  weir_buffer b = weir_buffer_over(text, sizeof text - 1);
  weir_put_text(&b, f->import ? "导入文件有误:" : "摆渡文件有误,已隔离:");
  for (size_t i = 0; f->name[i] && i < 100; i++) {
    bool plain = f->name[i] > ' ' && f->name[i] < 0x7f;
    weir_put_u8(&b, plain ? (uint8_t)f->name[i] : '?');
  }
  text[b.count] = 0;
  u->counters.bad_files++;
  alarm_once(u, "badFile", "", text,
             "a file is damaged, foreign or sealed under no key of ours; what was good was taken",
             "查看该文件,请12345重新摆渡或补发");
}

static void end_feeding(weir_unit *u, fetch *f) {
  if (f->bad) alarm_bad_file(u, f);
  bool gathers = u->stages[u->gathering]->count > 0;
  f->wait_batch = u->batches_begun + (gathers ? 1 : 0);
  f->state = FETCH_WAITING;
}

static void watch_silence(weir_unit *u) {
  for (uint32_t i = 0; u->options.ferry && i < WEIR_LINK_SENDERS_MAX; i++) {
    const ledger *l = &u->ledgers[i];
    if (!l->used || l->ferry_heard_ms == 0) continue;
    if (u->now.boot_ms < l->ferry_heard_ms + FERRY_SILENCE_MS) {
      alarm_end(u, "ferrySilence", l->unit, "12345摆渡已恢复", "the ferry is back");
    } else {
      alarm_begin(u, "ferrySilence", l->unit, "12345摆渡中断超过一分钟,来件可能缺失",
                  "nothing comes by ferry", "电话联系12345;检查光闸与摆渡目录");
    }
  }
}

void fetch_tick(weir_unit *u) {
  fetch *f = &u->fetch;
  if (!f->reader) return;
  if (f->import_wanted && f->state == FETCH_IDLE) {
    f->import_wanted = false;
    f->import = true;
    f->bad = f->import_failed = false;
    f->offset = f->records = f->repeats = 0;
    f->rest = weir_view(f->memory, 0);
    memcpy(f->name, f->path, sizeof f->name);
  }
  for (unsigned i = 0; f->state == FETCH_FEEDING && i < FETCH_BATCH; i++) {
    if (!feed_one(u, f)) break;
  }
  if (f->state == FETCH_FEEDING && f->ended) end_feeding(u, f);
  if (f->state == FETCH_WAITING && u->batches_ended >= f->wait_batch) {
    f->state = FETCH_SETTLED;
    if (f->import) end_import(u, f, f->bad);
  }
  watch_silence(u);
}

/* ---- Import ---- */

void apply_import(weir_unit *u, connection *c, const entry *e) {
  fetch *f = &u->fetch;
  const weir_message *m = &e->message;
  unsigned refusal = WEIR_REFUSAL_NONE;
  if (!f->reader) refusal = WEIR_REFUSAL_WRONG_UNIT;
  if (m->path.at[0] != '/' || m->path.count >= sizeof f->path) refusal = WEIR_REFUSAL_BAD_VALUE;
  if (refusal == WEIR_REFUSAL_NONE && (f->import || f->import_wanted)) {
    refusal = WEIR_REFUSAL_OVERLOADED;
  }
  if (refusal != WEIR_REFUSAL_NONE) {
    apply_refusal(u, c, e, refusal);
    return;
  }
  memcpy(f->path, m->path.at, m->path.count);
  f->path[m->path.count] = 0;
  f->import_wanted = true;
  f->id++;
  weir_buffer b = weir_buffer_over(u->render_memory, ANSWER_BYTES_MAX);
  weir_put_text(&b, "{");
  put_ref(&b, m->ref);
  weir_put_text(&b, "\"import\":");
  weir_put_decimal(&b, f->id);
  weir_put_text(&b, "}");
  connection_answer(u, c, weir_buffer_view(&b), 0);
}

void put_import(const weir_unit *u, weir_buffer *b) {
  const fetch *f = &u->fetch;
  if (f->id == 0) return;
  bool runs = f->import || f->import_wanted;
  weir_put_text(b, ",\"import\":{\"id\":");
  weir_put_decimal(b, f->id);
  weir_put_text(b, ",\"state\":\"");
  weir_put_text(b, runs ? "running" : f->import_failed ? "failed" : "done");
  weir_put_text(b, "\",\"records\":");
  weir_put_decimal(b, f->records);
  weir_put_text(b, ",\"repeats\":");
  weir_put_decimal(b, f->repeats);
  weir_put_text(b, "}");
}
