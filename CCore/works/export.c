/* A range of crossings to a disc: the same frames as on the link, in one file, under a stream of
 * its own. Two persons order it. What is confirmed or ended goes too, as far as the journal holds
 * it; the inner unit takes what it has not got.
 *
 *   running    one at a time, a piece of some records a job; `status` tells how far it is
 *   a bad disc the export has failed, and says so; what was written stands under NAME.part */
#include "internal.h"

#include <string.h>

enum {
  EXPORT_PIECE_BYTES = 1024 * 1024,
  EXPORT_RECORDS = 128, /* rendered at once, so that the loop goes on */
  EXPORT_MEMORY_BYTES = EXPORT_PIECE_BYTES + 3 * 1024 * 1024,
  EXPORT_STREAM = 3,
  EXPORT_CAPACITY = 16
};

void export_close(weir_unit *u) {
  weir_link_sender_close(u->export.sender);
  weir_free(u->export.file.at);
}

static weir_status open_run(weir_unit *u) {
  export_run *x = &u->export;
  if (x->sender) return WEIR_OK;
  if (!u->options.keys) return WEIR_UNSUPPORTED;
  uint8_t *memory = weir_allocate(EXPORT_MEMORY_BYTES, 1);
  if (!memory) return WEIR_OUT_OF_MEMORY;
  x->file = weir_buffer_over(memory, EXPORT_MEMORY_BYTES);
  weir_link_sender_options o = carry_options(u, EXPORT_STREAM, EXPORT_CAPACITY);
  return weir_link_sender_open(&o, &x->sender);
}

/* A field that does not fit; the refusal names it. */
static unsigned bad(entry *e, const char *field) {
  set_field(e->field, field);
  return WEIR_REFUSAL_BAD_VALUE;
}

static unsigned begin(weir_unit *u, entry *e) {
  const weir_message *m = &e->message;
  export_run *x = &u->export;
  weir_range ranges[EXPORT_RANGES];
  size_t count = 0;
  if (u->options.inner) return WEIR_REFUSAL_WRONG_UNIT;
  if (weir_equal(m->by, m->second)) return bad(e, "second");
  if (m->path.at[0] != '/' || m->path.count >= sizeof x->path) return bad(e, "path");
  if (weir_ranges_read(m->range, ranges, EXPORT_RANGES, &count) != WEIR_OK) return bad(e, "range");
  if (x->running || open_run(u) != WEIR_OK) return WEIR_REFUSAL_OVERLOADED;
  memcpy(x->ranges, ranges, sizeof ranges);
  memcpy(x->path, m->path.at, m->path.count);
  x->path[m->path.count] = 0;
  x->count = count;
  x->at = 0;
  x->next = ranges[0].first;
  x->offset = x->records = x->left_out = 0;
  x->last = x->failed = false;
  x->running = true;
  x->id++;
  x->file.count = 0;
  weir_link_file_begin(&x->frames, &x->file);
  return WEIR_REFUSAL_NONE;
}

void apply_export(weir_unit *u, connection *c, entry *e) {
  unsigned refusal = begin(u, e);
  if (refusal != WEIR_REFUSAL_NONE) {
    apply_refusal(u, c, e, refusal);
    return;
  }
  weir_buffer b = weir_buffer_over(u->render_memory, ANSWER_BYTES_MAX);
  weir_put_text(&b, "{");
  put_ref(&b, e->message.ref);
  weir_put_text(&b, "\"export\":");
  weir_put_decimal(&b, u->export.id);
  weir_put_text(&b, "}");
  connection_answer(u, c, weir_buffer_view(&b), 0);
}

/* Packs one crossing; what cannot be found is counted. */
static void pack_one(weir_unit *u, export_run *x, uint64_t crossing) {
  uint64_t named = 0;
  uint32_t revision = 0;
  carried found;
  if (!carry_find(u, crossing, &found)) {
    x->left_out++;
    return;
  }
  weir_buffer b = weir_buffer_over(u->render_memory, ANSWER_BYTES_MAX);
  bool good = render_record(u, found.position, false, &b) &&
              weir_link_sender_offer(x->sender, crossing, found.revision, found.lane,
                                     u->now.boot_ms) == WEIR_OK &&
              weir_link_sender_due(x->sender, u->now.boot_ms, &named, &revision) &&
              weir_link_sender_pack(x->sender, weir_buffer_view(&b), u->now.boot_ms,
                                    u->now.wall_ms) == WEIR_OK;
  weir_link_sender_settle(x->sender, crossing);
  if (good) x->records++;
  if (!good) x->left_out++;
}

bool export_take_job(weir_unit *u, weir_job *job) {
  export_run *x = &u->export;
  if (!x->running) return false;
  for (unsigned i = 0; i < EXPORT_RECORDS && x->at < x->count; i++) {
    if (x->file.count >= EXPORT_PIECE_BYTES) break;
    pack_one(u, x, x->next);
    carry_drain(x->sender, false, &x->frames, &x->file);
    if (x->next++ < x->ranges[x->at].last) continue;
    if (++x->at < x->count) x->next = x->ranges[x->at].first;
  }
  carry_drain(x->sender, true, &x->frames, &x->file);
  x->last = x->at == x->count;
  if (x->last) weir_link_file_end(&x->frames, &x->file);
  WEIR_ASSERT(!x->file.overflow);
  job->kind = JOB_FILE_APPEND;
  job->path = x->path;
  job->offset = x->offset;
  job->last = x->last;
  job->words = weir_buffer_view(&x->file);
  return true;
}

void export_job_done(weir_unit *u, weir_status status) {
  export_run *x = &u->export;
  x->offset += x->file.count;
  x->file.count = 0;
  x->failed = status != WEIR_OK;
  if (!x->failed && !x->last) return;
  x->running = false;
  if (!weir_log_begin(u->log, x->failed ? WEIR_LOG_ERROR : WEIR_LOG_WARN, true, u->now.wall_ms,
                      "exported",
                      x->failed ? "an export to a disc failed" : "crossings went to a disc")) {
    return;
  }
  weir_log_number(u->log, "labels.records", (int64_t)x->records);
  weir_log_number(u->log, "labels.leftOut", (int64_t)x->left_out);
  weir_log_text(u->log, "event.outcome", weir_text(x->failed ? "failure" : "success"));
  (void)weir_log_end(u->log);
}

void put_export(const weir_unit *u, weir_buffer *b) {
  const export_run *x = &u->export;
  if (x->id == 0) return;
  weir_put_text(b, ",\"export\":{\"id\":");
  weir_put_decimal(b, x->id);
  weir_put_text(b, ",\"state\":\"");
  weir_put_text(b, x->running ? "running" : x->failed ? "failed" : "done");
  weir_put_text(b, "\",\"records\":");
  weir_put_decimal(b, x->records);
  weir_put_text(b, ",\"leftOut\":");
  weir_put_decimal(b, x->left_out);
  weir_put_text(b, ",\"bytes\":");
  weir_put_decimal(b, x->offset);
  weir_put_text(b, "}");
}
