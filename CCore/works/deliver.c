/* Delivery: stage → mark → publish, in batches, over whatever ways there are.
 *
 *   stage    every way makes the items safe, out of sight
 *   mark     one journal record an item, made durable by one sync; it holds the item itself where
 *            the stream needs it (taking.c), and what lies in quarantine
 *   publish  every way brings them into sight
 *
 *   no ways  a stream alone has nothing to stage or publish: the mark is all, and no disk job is
 *            waited for but its sync
 *   crash    marked and still staged: published at the next start. Marked and gone: delivered.
 *            Staged and not marked: removed; it comes again over the link.
 *   a way fails   alarmed, and tried again each second: no other part of the unit waits. When both
 *            stages are full, what comes over the link is left to its repeats
 *   a sync fails  the inner unit ends: a second one may succeed over what the first one lost, and a
 *            shown item that went back to its staged name with later marks behind it is removed.
 *            Of an outer unit the hand-overs to 110 go on, whatever 12345's own folder does
 *
 * Two stages: one gathers while the other is on its way, so at a start only the marks of the last
 * batch can stand beside staged items. */
#include "internal.h"

#include <string.h>

enum { RETRY_MS = 1000 };

static weir_status stage_open(stage **out) {
  stage *s = weir_allocate(1, sizeof *s);
  uint8_t *memory = weir_allocate(STAGE_BYTES, 1);
  if (!s || !memory) {
    weir_free(s);
    weir_free(memory);
    return WEIR_OUT_OF_MEMORY;
  }
  s->memory = weir_buffer_over(memory, STAGE_BYTES);
  *out = s;
  return WEIR_OK;
}

weir_status deliver_open(weir_unit *u) {
  const weir_unit_options *given = &u->options;
  if (!given->delivery && !given->delivery_way && !given->delivery_stream) return WEIR_OK;
  weir_status status = WEIR_OK;
  if (given->delivery) {
    u->ways[u->way_count++] = &u->directory.way;
    status = directory_open(&u->directory, given->delivery, u->os);
  }
  if (given->delivery_way) u->ways[u->way_count++] = given->delivery_way;
  for (unsigned i = 0; i < 2 && status == WEIR_OK; i++) status = stage_open(&u->stages[i]);
  return status;
}

void deliver_close(weir_unit *u) {
  for (unsigned i = 0; i < 2; i++) {
    if (u->stages[i]) weir_free(u->stages[i]->memory.at);
    weir_free(u->stages[i]);
  }
}

static stage *on_its_way(const weir_unit *u) {
  return u->stages[u->gathering ^ 1];
}

/* What has gathered sets out, unless a batch is on its way. */
static bool set_out(weir_unit *u) {
  if (u->delivery != DELIVERY_IDLE || u->stages[u->gathering]->count == 0) return false;
  u->gathering ^= 1;
  u->marked = 0;
  u->batches_begun++;
  return true;
}

stage *stage_gathering(weir_unit *u, size_t items, size_t bytes) {
  stage *s = u->stages[u->gathering];
  if (s->count + items > STAGE_ITEMS) return NULL;
  return s->memory.capacity - s->memory.count >= bytes ? s : NULL;
}

weir_status perform_stage(const weir_job *job, const weir_os *os) {
  const stage *s = job->stage;
  for (size_t i = 0; i < job->way_count; i++) {
    const weir_delivery *way = job->ways[i];
    weir_status status = way->stage(way->context, os, s->views, s->count);
    if (status != WEIR_OK) return status;
  }
  return WEIR_OK;
}

weir_status perform_publish(const weir_job *job, const weir_os *os) {
  const stage *s = job->stage;
  for (size_t i = 0; i < job->way_count; i++) {
    const weir_delivery *way = job->ways[i];
    weir_status status = way->publish(way->context, os, s->views, s->count);
    if (status != WEIR_OK) return status;
  }
  return WEIR_OK;
}

bool deliver_take_job(weir_unit *u) {
  if (!u->stages[0] || u->now.boot_ms < u->delivery_retry_ms) return false;
  if (u->delivery == DELIVERY_STAGING) {
    u->job.kind = JOB_STAGE; /* once more */
  } else if (u->way_count > 0 && set_out(u)) {
    u->delivery = DELIVERY_STAGING;
    u->job.kind = JOB_STAGE;
  } else if (u->delivery == DELIVERY_PUBLISHING) {
    u->job.kind = JOB_PUBLISH;
  } else {
    return false;
  }
  stage *s = on_its_way(u);
  for (size_t i = 0; i < s->count; i++) {
    const stage_item *item = &s->items[i];
    s->views[i] = (weir_delivery_item){item->mark.name, item->bytes, item->alarm, item->drill,
                                       item->mark.quarantined};
  }
  u->job.stage = s;
  u->job.ways = u->ways;
  u->job.way_count = u->way_count;
  return true;
}

static void log_delivered(weir_unit *u, const stage_item *item) {
  const mark_record *m = &item->mark;
  bool warn = item->stale || m->conflict || m->quarantined;
  if (!weir_log_begin(u->log, warn ? WEIR_LOG_WARN : WEIR_LOG_INFO, true, u->now.wall_ms,
                      m->quarantined ? "quarantined" : "delivered",
                      m->quarantined      ? "a record was put into quarantine"
                      : !u->options.inner ? "a matter that has become 12345's was delivered"
                      : u->way_count > 0  ? "a matter was delivered to the 110 desk"
                                          : "a matter lies ready for the 110 desk to take")) {
    return;
  }
  if (m->handover.count) weir_log_text(u->log, "labels.handover", m->handover);
  weir_log_number(u->log, "labels.crossing", (int64_t)m->crossing);
  weir_log_number(u->log, "labels.revision", m->revision);
  weir_log_text(u->log, "labels.lane", weir_text(lane_name(item->lane)));
  weir_log_number(u->log, "labels.ageMs", item->age_ms);
  if (item->stale) weir_log_flag(u->log, "labels.stale", true);
  if (m->conflict) weir_log_flag(u->log, "labels.conflict", true);
  if (m->quarantined) weir_log_text(u->log, "labels.reason", m->reason);
  weir_log_text(u->log, "event.outcome", weir_text("success"));
  (void)weir_log_end(u->log);
}

/* Does the journal keep the item itself? */
static bool is_kept(const weir_unit *u, const mark_record *m) {
  return m->quarantined || u->options.delivery_stream;
}

/* Appends the marks that are still missing; what finds no room waits for the next turn. */
void deliver_mark(weir_unit *u) {
  if (u->stages[0] && u->way_count == 0 && set_out(u)) u->delivery = DELIVERY_MARKING;
  const stage *s = on_its_way(u);
  while (u->delivery == DELIVERY_MARKING && u->marked < s->count) {
    const stage_item *item = &s->items[u->marked];
    uint8_t head[512];
    weir_buffer b = weir_buffer_over(head, sizeof head);
    record_put_mark(&b, &item->mark);
    WEIR_ASSERT(!b.overflow);
    const weir_bytes parts[2] = {weir_buffer_view(&b), item->bytes};
    size_t count = is_kept(u, &item->mark) ? 2 : 1;
    weir_position position;
    if (!unit_append(u, RECORD_MARK, parts, count, &u->mark_serial, &position)) return;
    if (item->mark.released) quarantine_settle(u, item->mark.released);
    if (item->mark.quarantined) quarantine_add(u, u->mark_serial, position);
    u->marked++;
  }
}

void deliver_job_failed(weir_unit *u, const weir_job *job, weir_status status) {
  WEIR_ASSERT(job->kind == JOB_STAGE || job->kind == JOB_PUBLISH);
  if (u->options.inner && status == WEIR_SYNC_FAILED) {
    unit_fail(u, status);
    return;
  }
  u->delivery_retry_ms = u->now.boot_ms + RETRY_MS;
  alarm_begin(u, "deliveryFailed", "",
              u->options.inner ? "投送目录无法写入,12345来件暂存待投"
                               : "投送目录无法写入,转12345事项暂存待投",
              "the delivery directory cannot be written; what has to go there waits",
              "检查 delivery.directory 的磁盘与权限");
}

/* The batch on its way is delivered. */
static void finish(weir_unit *u) {
  stage *s = on_its_way(u);
  for (size_t i = 0; i < s->count; i++) {
    if (s->items[i].mark.unit.count == 0) continue; /* an alarm, or released: logged already */
    if (!s->items[i].mark.quarantined) u->counters.delivered++;
    log_delivered(u, &s->items[i]);
  }
  s->count = 0;
  s->memory.count = 0;
  u->batches_ended++;
  u->delivery = DELIVERY_IDLE;
}

void deliver_job_done(weir_unit *u, const weir_job *job) {
  u->delivery_retry_ms = 0;
  alarm_end(u, "deliveryFailed", "", "投送目录已恢复", "delivery goes on");
  if (job->kind == JOB_STAGE) {
    u->delivery = WEIR_CANARY(PUBLISH_EARLY) ? DELIVERY_PUBLISHING : DELIVERY_MARKING;
    deliver_mark(u);
    return;
  }
  WEIR_ASSERT(job->kind == JOB_PUBLISH && u->delivery == DELIVERY_PUBLISHING);
  finish(u);
}

void deliver_on_durable(weir_unit *u) {
  if (u->delivery != DELIVERY_MARKING || u->marked < on_its_way(u)->count) return;
  if (weir_journal_durable(u->journal) < u->mark_serial) return;
  u->item_serial = u->mark_serial;
  u->delivery = DELIVERY_PUBLISHING;
  if (u->way_count == 0) finish(u);
}

bool deliver_quiet(const weir_unit *u) {
  if (!u->stages[0]) return true;
  if (u->delivery_retry_ms > 0) return true; /* it may never come back */
  if (!outbox_quiet(u)) return false;
  return u->delivery == DELIVERY_IDLE && u->stages[u->gathering]->count == 0;
}

static void swap(weir_unit *u, stage_item *item) {
  if (item->mark.unit.count == 0) return; /* an alarm, or released */
  ledger_entry *e = &u->ledgers[item->ledger].entries[item->mark.crossing];
  uint64_t handover = e->handover;
  uint32_t revision = e->revision, arrived = e->arrived;
  e->handover = item->handover_before;
  e->revision = item->revision_before;
  e->arrived = item->arrived_before;
  item->handover_before = handover;
  item->revision_before = revision;
  item->arrived_before = arrived;
}

void deliver_set_aside(weir_unit *u) {
  for (unsigned i = 0; i < 2; i++) { /* the newest first */
    stage *s = u->stages[u->gathering ^ i];
    for (size_t n = s ? s->count : 0; n > 0; n--) swap(u, &s->items[n - 1]);
  }
}

void deliver_put_back(weir_unit *u) {
  for (unsigned i = 2; i > 0; i--) {
    stage *s = u->stages[u->gathering ^ (i - 1)];
    for (size_t n = 0; s && n < s->count; n++) swap(u, &s->items[n]);
  }
}

/* ---- Recovery ------------------------------------------------------------------------------- */

void inner_recover_mark(weir_unit *u, const mark_record *m, const weir_frame_view *frame) {
  u->marked_names[u->marked_count++ % MARKED_NAMES] = weir_hash(0, m->name);
  u->item_serial = frame->serial;
  if (!u->options.inner && m->unit.count != 0) {
    outbox_recover_mark(u, m);
    return;
  }
  if (m->unit.count == 0) {
    if (m->released) quarantine_settle(u, m->released);
    alarm_recover(u, m);
    return;
  }
  if (m->quarantined) quarantine_add(u, frame->serial, frame->position);
  char unit[WEIR_UNIT_NAME_MAX + 1] = {0};
  memcpy(unit, m->unit.at, m->unit.count);
  uint32_t which = ledger_of(u, unit);
  if (WEIR_CANARY(FORGET_DELIVERED)) return;
  if (which != LEDGER_NONE) ledger_take(u, which, m, ledger_handover(m->handover));
}

static bool is_marked(const void *user, weir_bytes name) {
  const weir_unit *u = user;
  uint64_t hash = weir_hash(0, name);
  for (size_t i = 0; i < MARKED_NAMES; i++) {
    if (u->marked_names[i] == hash) return true;
  }
  return false;
}

weir_status deliver_recover_ways(weir_unit *u) {
  for (size_t i = 0; i < u->way_count; i++) {
    const weir_delivery *way = u->ways[i];
    weir_status status = way->recover(way->context, u->os, is_marked, u);
    if (status != WEIR_OK) return status;
  }
  return WEIR_OK;
}
