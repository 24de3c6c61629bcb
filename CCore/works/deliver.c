/* Delivery to a directory: stage → mark → rename, in batches.
 *
 *   stage    every file is written under DIR/.staging and synced
 *   mark     one journal record an item, made durable by one sync
 *   publish  renames into DIR, one sync of the directory
 *
 *   crash    marked and still staged: it is renamed at the next start. Marked and gone: delivered.
 *            Staged and not marked: removed; it comes again over the link.
 *
 * Two stages: one gathers while the other is on its way. */
#include "internal.h"

#include <stdio.h>
#include <string.h>

enum { PATH_MAX_BYTES = 1024, FEW_FILES = 8, STAGED_MAX = 4096 };

static stage *on_its_way(const weir_unit *u) {
  return u->stages[u->gathering ^ 1];
}

stage *stage_gathering(weir_unit *u, size_t bytes) {
  stage *s = u->stages[u->gathering];
  if (s->count >= STAGE_ITEMS) return NULL;
  return s->memory.capacity - s->memory.count >= bytes ? s : NULL;
}

static const char *join(char path[PATH_MAX_BYTES], const char *directory, const char *sub,
                        weir_bytes name) {
  weir_buffer b = weir_buffer_over(path, PATH_MAX_BYTES - 1);
  weir_put_text(&b, directory);
  weir_put_text(&b, sub);
  weir_put(&b, name);
  path[b.count] = 0;
  return b.overflow ? NULL : path;
}

static weir_status write_staged(const weir_job *job, const weir_os *os, const stage_item *item,
                                bool sync) {
  char path[PATH_MAX_BYTES];
  weir_file *file = NULL;
  if (!join(path, job->directory, "/.staging/", item->mark.name)) return WEIR_TOO_LONG;
  weir_status status = os->open(os->context, path, WEIR_OPEN_CREATE, &file);
  if (status != WEIR_OK) return status;
  status = os->write_at(os->context, file, 0, item->bytes);
  if (status == WEIR_OK && sync) status = os->sync(os->context, file);
  os->close(os->context, file);
  return status;
}

weir_status perform_stage(const weir_job *job, const weir_os *os) {
  const stage *s = job->stage;
  bool few = s->count <= FEW_FILES;
  for (size_t i = 0; i < s->count; i++) {
    weir_status status = write_staged(job, os, &s->items[i], few);
    if (status != WEIR_OK) return status;
  }
  if (few) return os->sync_directory(os->context, job->staging);
  return os->sync_filesystem(os->context, job->staging);
}

static const char *folder_of(const stage_item *item) {
  return item->quarantined ? "/.quarantine/" : "/";
}

weir_status perform_publish(const weir_job *job, const weir_os *os) {
  const stage *s = job->stage;
  for (size_t i = 0; i < s->count; i++) {
    const stage_item *item = &s->items[i];
    char source[PATH_MAX_BYTES], target[PATH_MAX_BYTES];
    if (!join(source, job->directory, "/.staging/", item->mark.name)) return WEIR_TOO_LONG;
    if (!join(target, job->directory, folder_of(item), item->mark.name)) return WEIR_TOO_LONG;
    weir_status status = os->rename(os->context, source, target);
    if (status != WEIR_OK) return status;
  }
  return os->sync_directory(os->context, job->directory);
}

bool deliver_take_job(weir_unit *u) {
  if (!u->options.inner) return false;
  if (u->delivery == DELIVERY_IDLE && u->stages[u->gathering]->count > 0) {
    u->gathering ^= 1;
    u->delivery = DELIVERY_STAGING;
    u->job.kind = JOB_STAGE;
  } else if (u->delivery == DELIVERY_PUBLISHING) {
    u->job.kind = JOB_PUBLISH;
  } else {
    return false;
  }
  u->job.stage = on_its_way(u);
  u->job.directory = u->options.delivery;
  u->job.staging = u->staging;
  return true;
}

static void log_delivered(weir_unit *u, const stage_item *item) {
  bool warn = item->stale || item->mark.conflict || item->quarantined;
  if (!weir_log_begin(u->log, warn ? WEIR_LOG_WARN : WEIR_LOG_INFO, true, u->now.wall_ms,
                      item->quarantined ? "quarantined" : "delivered",
                      item->quarantined ? "a record was put into quarantine"
                                        : "a matter was delivered to the 110 desk")) {
    return;
  }
  if (item->mark.handover.count) weir_log_text(u->log, "labels.handover", item->mark.handover);
  weir_log_number(u->log, "labels.crossing", (int64_t)item->mark.crossing);
  weir_log_number(u->log, "labels.revision", item->mark.revision);
  weir_log_text(u->log, "labels.lane", weir_text(lane_name(item->lane)));
  weir_log_number(u->log, "labels.ageMs", item->age_ms);
  if (item->stale) weir_log_flag(u->log, "labels.stale", true);
  if (item->mark.conflict) weir_log_flag(u->log, "labels.conflict", true);
  weir_log_text(u->log, "event.outcome", weir_text("success"));
  (void)weir_log_end(u->log);
}

/* Appends the marks that are still missing; what finds no room waits for the next turn. */
void deliver_mark(weir_unit *u) {
  const stage *s = on_its_way(u);
  while (u->delivery == DELIVERY_MARKING && u->marked < s->count) {
    uint8_t body[256];
    weir_buffer b = weir_buffer_over(body, sizeof body);
    record_put_mark(&b, &s->items[u->marked].mark);
    WEIR_ASSERT(!b.overflow);
    const weir_bytes part = weir_buffer_view(&b);
    weir_position position;
    if (!unit_append(u, RECORD_MARK, &part, 1, &u->mark_serial, &position)) return;
    u->marked++;
  }
}

void deliver_job_done(weir_unit *u, const weir_job *job) {
  if (job->kind == JOB_STAGE) {
    u->delivery = DELIVERY_MARKING;
    u->marked = 0;
    deliver_mark(u);
    return;
  }
  WEIR_ASSERT(job->kind == JOB_PUBLISH && u->delivery == DELIVERY_PUBLISHING);
  stage *s = on_its_way(u);
  for (size_t i = 0; i < s->count; i++) {
    if (s->items[i].alarm) continue;
    if (!s->items[i].quarantined) u->counters.delivered++;
    log_delivered(u, &s->items[i]);
  }
  s->count = 0;
  s->memory.count = 0;
  u->delivery = DELIVERY_IDLE;
}

void deliver_on_durable(weir_unit *u) {
  if (u->delivery != DELIVERY_MARKING || u->marked < on_its_way(u)->count) return;
  if (weir_journal_durable(u->journal) >= u->mark_serial) u->delivery = DELIVERY_PUBLISHING;
}

bool deliver_quiet(const weir_unit *u) {
  if (!u->options.inner) return true;
  return u->delivery == DELIVERY_IDLE && u->stages[u->gathering]->count == 0;
}

/* ---- Recovery ------------------------------------------------------------------------------- */

static weir_status note_staged(void *user, const char *name) {
  weir_unit *u = user;
  return index_add(&u->staged, weir_hash(0, weir_text(name)), 1);
}

weir_status inner_list_staged(weir_unit *u) {
  weir_status status = index_open(&u->staged, STAGED_MAX);
  if (status != WEIR_OK) return status;
  return u->os->list(u->os->context, u->staging, note_staged, u);
}

void inner_recover_mark(weir_unit *u, const mark_record *m) {
  index_entry *x = u->staged.entries ? index_find(&u->staged, weir_hash(0, m->name), NULL) : NULL;
  if (x) x->value = 2;
  if (m->unit.count == 0) {
    alarm_recover(u, m->name);
    return;
  }
  char unit[WEIR_UNIT_NAME_MAX + 1] = {0};
  memcpy(unit, m->unit.at, m->unit.count);
  uint32_t which = ledger_of(u, unit);
  if (which != LEDGER_NONE) ledger_take(u, which, m, ledger_handover(m->handover));
}

static weir_status settle_staged(void *user, const char *name) {
  weir_unit *u = user;
  const weir_os *os = u->os;
  char source[PATH_MAX_BYTES], target[PATH_MAX_BYTES];
  weir_bytes text = weir_text(name);
  if (!join(source, u->options.delivery, "/.staging/", text)) return WEIR_TOO_LONG;
  const index_entry *x = index_find(&u->staged, weir_hash(0, text), NULL);
  if (!x || x->value != 2) return os->remove(os->context, source);
  bool quarantined = memmem(text.at, text.count, "-crossing", 9) != NULL;
  const char *folder = quarantined ? "/.quarantine/" : "/";
  if (!join(target, u->options.delivery, folder, text)) return WEIR_TOO_LONG;
  return os->rename(os->context, source, target);
}

weir_status inner_recover_files(weir_unit *u) {
  const weir_os *os = u->os;
  weir_status status = os->list(os->context, u->staging, settle_staged, u);
  if (status == WEIR_OK) status = os->sync_directory(os->context, u->options.delivery);
  index_close(&u->staged);
  return status;
}
