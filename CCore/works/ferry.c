/* The ferry of an outer unit: the records that cross, in sealed files that an optical gate pulls
 * from a directory. A carrier beside the link or in its place, with a stream of its own, so that no
 * nonce is used twice.
 *
 *   a change is durable   its revision goes into the next file: at once for danger, else within
 *                         FERRY_EVERY_MS; unconfirmed ones go again every FERRY_TURN_MS
 *   files                 UNIT-BOOT-NUMBER.weir, of FERRY_FILE_BYTES at the most or little more;
 *                         each begins with a heartbeat and its index
 *   nothing new           every FERRY_BEAT_MS a heartbeat replaces UNIT-beat.weir, so that a gate
 *                         that stands still does not fill the directory
 *   directory full or not to be written   counted and alarmed, tried again each second with the
 *                         same bytes and what came meanwhile; nothing else waits for it */
#include "ferry.h"

#include "internal.h"

#include <string.h>

enum {
  FERRY_FILE_BYTES = 1024 * 1024,
  FERRY_MEMORY_BYTES = FERRY_FILE_BYTES + 3 * 1024 * 1024, /* and what one record may add */
  FERRY_RECORDS = 128, /* rendered at once, so that the loop goes on */
  FERRY_EVERY_MS = 100,
  FERRY_BEAT_MS = 5000,
  FERRY_TURN_MS = 10 * 60 * 1000,
  FERRY_RETRY_MS = 1000,
  FERRY_STREAM = 2
};

weir_status ferry_open(weir_unit *u) {
  ferry *f = &u->ferry;
  if (!u->options.ferry || !u->options.keys || u->options.inner) return WEIR_OK;
  uint8_t *memory = weir_allocate(FERRY_MEMORY_BYTES, 1);
  if (!memory) return WEIR_OUT_OF_MEMORY;
  f->file = weir_buffer_over(memory, FERRY_MEMORY_BYTES);
  weir_link_sender_options o = carry_options(u, FERRY_STREAM, u->options.open_max);
  o.turn_ms = FERRY_TURN_MS;
  return weir_link_sender_open(&o, &f->sender);
}

void ferry_close(weir_unit *u) {
  weir_link_sender_close(u->ferry.sender);
  weir_free(u->ferry.file.at);
}

void carry_drain(weir_link_sender *sender, bool flush, weir_link_file *frames, weir_buffer *file) {
  for (;;) {
    weir_bytes datagram = weir_link_sender_take(sender, flush);
    if (datagram.count == 0) return;
    weir_link_file_add(frames, datagram, file);
  }
}

/* What is due and fits, behind a heartbeat. */
static void gather(weir_unit *u, ferry *f) {
  if (f->file.count == 0) weir_link_file_begin(&f->frames, &f->file);
  weir_link_sender_heartbeat(f->sender, u->now.boot_ms, u->now.wall_ms,
                             (uint32_t)u->open_emergencies);
  size_t before = f->file.count;
  carry_drain(f->sender, true, &f->frames, &f->file);
  size_t beats = f->file.count - before;
  packed last = PACKED_ONE;
  for (unsigned i = 0; i < FERRY_RECORDS && last != PACKED_NONE; i++) {
    if (f->file.count >= FERRY_FILE_BYTES) break;
    last = carry_pack(u, f->sender);
    carry_drain(f->sender, false, &f->frames, &f->file);
  }
  carry_drain(f->sender, true, &f->frames, &f->file);
  if (last != PACKED_NONE) f->next_ms = u->now.boot_ms; /* more is due: the next file at once */
  f->holds_records = f->holds_records || f->file.count > before + beats;
}

static void put_name(const weir_unit *u, ferry *f) {
  weir_buffer b = weir_buffer_over(f->name, sizeof f->name - 1);
  weir_put_text(&b, u->name);
  if (f->holds_records) {
    weir_put_text(&b, "-");
    weir_put_decimal(&b, u->start.boot_epoch);
    weir_put_text(&b, "-");
    weir_put_padded(&b, f->number + 1, 8);
  } else {
    weir_put_text(&b, "-beat");
  }
  weir_put_text(&b, ".weir");
  f->name[b.count] = 0;
}

bool ferry_take_job(weir_unit *u, weir_job *job) {
  ferry *f = &u->ferry;
  if (!f->sender || u->now.boot_ms < f->retry_ms) return false;
  bool beats = u->now.boot_ms >= f->beat_ms;
  if (!f->danger && !beats && u->now.boot_ms < f->next_ms) return false;
  bool due = weir_link_sender_next(f->sender) <= u->now.boot_ms || f->file.count > 0;
  f->next_ms = u->now.boot_ms + FERRY_EVERY_MS;
  if (!beats && !due && !f->danger) return false;
  gather(u, f);
  f->danger = false;
  if (!f->holds_records && !beats) {
    f->file.count = 0; /* only a heartbeat, and none is due */
    return false;
  }
  f->end = f->file.count;
  f->before_end = f->frames;
  weir_link_file_end(&f->frames, &f->file);
  WEIR_ASSERT(!f->file.overflow);
  put_name(u, f);
  job->kind = JOB_FILE_REPLACE;
  job->directory = u->options.ferry;
  memcpy(job->name, f->name, sizeof job->name);
  job->words = weir_buffer_view(&f->file);
  return true;
}

void ferry_job_done(weir_unit *u, weir_status status) {
  ferry *f = &u->ferry;
  if (status == WEIR_OK) {
    if (f->holds_records) f->number++;
    u->counters.ferry_files++;
    f->file.count = 0;
    f->holds_records = false;
    f->beat_ms = u->now.boot_ms + FERRY_BEAT_MS;
    alarm_end(u, "ferry", "", "摆渡目录已恢复写入", "the ferry's directory takes files again");
    return;
  }
  f->file.count = f->end;
  f->frames = f->before_end;
  f->retry_ms = u->now.boot_ms + FERRY_RETRY_MS;
  u->counters.ferry_failed++;
  alarm_begin(u, "ferry", "",
              status == WEIR_FULL ? "摆渡目录文件堆积,光闸未取走" : "摆渡目录无法写入",
              status == WEIR_FULL ? "the gate does not take the ferry's files away"
                                  : "the ferry's directory cannot be written",
              "检查摆渡目录与光闸;紧急事项改用电话");
}
