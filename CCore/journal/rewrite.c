/* The current segment made anew: what recovery keeps of the last one, copied to a fresh file.
 *
 * Happy path: a whole file under a dot name, a new salt, the kept frames chained and checksummed
 * again at the offsets they had, one sync, one rename, one sync of the directory. Only then is what
 * was read known to be on the disk. Every copied frame stands alone in its batch (position 0): all
 * of them are durable before anything follows, and that is what position 0 says of the frame
 * before.
 *
 * What can go wrong: no room for a second copy: a file of the reserve takes its place, since the
 * old segment's room comes free with the rename. Any other failure leaves the old segment as it
 * was; the half-made copy is removed now or at the next start.
 */
#include "internal.h"

typedef struct rewriting {
  weir_journal *j;
  weir_file *file;
  segment_header header;
  uint64_t written; /* bytes of the file */
  size_t filled;    /* bytes of the buffer that follow them */
} rewriting;

static weir_status flush(rewriting *w) {
  const weir_os *os = w->j->os;
  weir_bytes bytes = weir_view(w->j->memory[0], w->filled);
  weir_status status = os->write_at(os->context, w->file, w->written, bytes);
  w->written += w->filled;
  w->filled = 0;
  return status;
}

static weir_status copy_frame(rewriting *w, const weir_frame_view *view, uint32_t seed) {
  weir_journal *j = w->j;
  size_t size = weir_journal_frame_size(view->body.count);
  if (w->filled + size > WEIR_JOURNAL_GATHER_BYTES) {
    weir_status status = flush(w);
    if (status != WEIR_OK) return status;
  }
  WEIR_ASSERT(w->written + w->filled == weir_journal_offset_of(view->position));
  uint8_t *at = j->memory[0] + w->filled;
  frame_header frame = {.chain = j->chain,
                        .index = (uint32_t)(view->serial - w->header.first_serial),
                        .body_bytes = (uint32_t)view->body.count,
                        .kind = view->kind};
  if (view->body.count > 0) {
    memcpy(at + WEIR_JOURNAL_FRAME_BYTES, view->body.at, view->body.count);
  }
  weir_journal_seal_frame(at, &frame, seed);
  j->chain = frame.checksum;
  w->filled += size;
  return WEIR_OK;
}

static weir_status copy_frames(rewriting *w, uint64_t end, uint8_t *stream_memory) {
  weir_journal *j = w->j;
  segment_walk walk;
  bool has_header;
  weir_status status = weir_journal_walk_open(&walk, j->os, j->directory, w->header.number,
                                              stream_memory, &has_header);
  if (status != WEIR_OK) return status;
  if (!has_header) status = WEIR_IO_FAILED;
  while (status == WEIR_OK && walk.offset < end) {
    weir_frame_view view;
    const char *reason;
    status = weir_journal_walk_next(&walk, &view, &reason);
    if (status != WEIR_OK) break;
    /* It held a moment ago: a disk that reads differently now cannot be trusted. */
    status = reason == NULL ? copy_frame(w, &view, j->seed) : WEIR_IO_FAILED;
  }
  weir_journal_walk_close(&walk);
  return status;
}

/* A fresh file if there is room, else one of the reserve. */
static weir_status take_file(rewriting *w, const file_path *path) {
  weir_journal *j = w->j;
  const weir_os *os = j->os;
  weir_status status = weir_journal_begin_file(os, path, j->limit, &w->file);
  if (status == WEIR_OK) status = weir_journal_fill_file(os, w->file, 0, j->limit);
  if (status != WEIR_OK && w->file != NULL) weir_journal_drop_file(os, path, &w->file);
  bool may_use_reserve = j->reserve_count > 0 && j->limit == j->segment_bytes;
  if (status != WEIR_NO_SPACE || !may_use_reserve) return status;
  reserve_file reserve = j->reserve[--j->reserve_count];
  file_path source = weir_journal_path(j->directory, NAME_RESERVE, reserve.number);
  status = os->rename(os->context, source.text, path->text);
  if (status != WEIR_OK) return status;
  return os->open(os->context, path->text, WEIR_OPEN_WRITE, &w->file);
}

static weir_status fill_file(rewriting *w, uint64_t end, uint8_t *stream_memory) {
  weir_journal *j = w->j;
  const weir_os *os = j->os;
  weir_journal_put_header(j->memory[0], &w->header);
  w->filled = WEIR_JOURNAL_HEADER_BYTES;
  weir_status status = WEIR_OK;
  if (end > WEIR_JOURNAL_HEADER_BYTES) status = copy_frames(w, end, stream_memory);
  if (status == WEIR_OK) status = flush(w);
  if (status == WEIR_OK) status = os->sync(os->context, w->file);
  return status;
}

weir_status weir_journal_rewrite(weir_journal *j, const segment_header *header, uint64_t end,
                                 uint8_t *stream_memory) {
  const weir_os *os = j->os;
  rewriting w = {.j = j, .header = *header};
  uint64_t salts[2];
  weir_status status = os->random(os->context, salts, sizeof salts);
  if (status != WEIR_OK) return status;
  w.header.salt = salts[0];
  w.header.next_salt = salts[1];
  /* A journal that was made with larger segments goes on; its next segment has the new size. */
  uint64_t needed = (end + 4095) & ~(uint64_t)4095;
  j->limit = needed > j->segment_bytes ? needed : j->segment_bytes;
  j->seed = weir_journal_seed(w.header.salt);
  j->next_salt = w.header.next_salt;
  j->first_serial = w.header.first_serial;
  j->chain = header->chain;
  file_path path = weir_journal_path(j->directory, NAME_NEW_SEGMENT, header->number);
  file_path target = weir_journal_path(j->directory, NAME_SEGMENT, header->number);
  status = take_file(&w, &path);
  if (status == WEIR_OK) status = fill_file(&w, end, stream_memory);
  if (status == WEIR_OK) status = os->rename(os->context, path.text, target.text);
  if (status == WEIR_OK) status = os->sync_directory(os->context, j->directory);
  if (status != WEIR_OK) {
    if (w.file != NULL) os->close(os->context, w.file);
    (void)os->remove(os->context, path.text); /* if it fails, the next start does it */
    return status;
  }
  j->file = w.file;
  return WEIR_OK;
}
