/* Recovery: reading all that is there, judging it, and making the journal ready to go on.
 *
 * Happy path: lock; remove what an earlier recovery left half made; list; walk every segment from
 * the first frame to the last; copy the last segment anew (rewrite.c); fill up the reserve; walk
 * once more and tell the caller of every frame.
 *
 * What can go wrong, and what we do then:
 *   a frame does not hold in the last segment   if a frame behind it proves that it had been
 *       durable, the journal is damaged and refused; else the tail is torn and cut off
 *   a frame does not hold elsewhere   the next segment's header says which frames had to come
 *       before it: damaged
 *   the last segment has no header that holds   it was begun and never synced, and is dropped,
 *       unless its frames prove that more than one batch had been written there, or the segment
 *       before it is not whole: damaged
 *   anything else that is not as written   damaged. Nothing is changed in a damaged journal, but
 *       for what was half made
 *   a unit writes while somebody reads   what stops the walk is read once more, since what stands
 *       behind it may be younger than what was seen of it; it stands when nothing is new there. A
 *       tail that is torn under the lock of a running unit is being written
 *   segments are retired while somebody reads   what is left is verified from its beginning; once
 *       frames are being told, that comes too late, and the reader must begin again
 */
#include "internal.h"

/* What stands behind the place where a segment's valid frames end. */
typedef enum behind { BEHIND_NOTHING, BEHIND_SAME_BATCH, BEHIND_LATER_BATCH } behind;

typedef struct recovery {
  weir_journal *j;
  weir_journal_finding *finding;
  directory_listing listing;
  uint8_t *memory; /* STREAM_BYTES */
  uint32_t first;  /* segment number; earlier ones are not walked */
  uint32_t last;   /* segment number; lowered by one when the last is dropped */
  bool dropped;
  uint64_t serial; /* expected next */
  uint32_t chain;
  segment_header header; /* of the segment that was verified last */
  uint64_t end;          /* of its valid frames */
  bool whole;            /* nothing of a further frame stands behind them */
} recovery;

static weir_status refuse(recovery *r, uint32_t segment, uint64_t offset, const char *reason) {
  return weir_journal_refuse(r->finding, segment, offset, r->serial, reason);
}

static void note_torn(recovery *r, uint32_t segment, uint64_t offset, const char *reason) {
  (void)refuse(r, segment, offset, reason);
  r->finding->torn = true;
}

/* The next place, from `*offset` on, that bears the marks of a frame behind the walk's end; the
 * end of the file when there is none. Zeros and what an earlier use left behind bear none. */
static weir_status next_candidate(segment_walk *walk, uint64_t *offset, frame_header *frame) {
  enum { AT_ONCE = 64 * 1024 };
  while (*offset < walk->stream.size) {
    const uint8_t *at;
    size_t got;
    weir_status status = weir_journal_show(&walk->stream, *offset, AT_ONCE, &at, &got);
    if (status != WEIR_OK) return status;
    for (size_t i = 0; i + WEIR_JOURNAL_FRAME_BYTES <= got; i += FRAME_STEP) {
      uint64_t place = *offset + i;
      if (!weir_journal_get_frame(at + i, got - i, walk->seed, frame)) continue;
      if (frame->index <= walk->index) continue;
      uint64_t most = (place - walk->offset) / WEIR_JOURNAL_FRAME_BYTES;
      if (frame->index - walk->index > most) continue; /* there is no room for so many before it */
      *offset = place;
      return WEIR_OK;
    }
    if (got < AT_ONCE) break;
    *offset += AT_ONCE - WEIR_JOURNAL_FRAME_BYTES + FRAME_STEP;
  }
  *offset = walk->stream.size;
  return WEIR_OK;
}

/* Looks behind the walk's end for frames that hold by themselves. */
static weir_status look_behind(segment_walk *walk, behind *found) {
  *found = BEHIND_NOTHING;
  for (uint64_t offset = walk->offset;; offset += FRAME_STEP) {
    const uint8_t *at;
    size_t got;
    frame_header frame = {0};
    weir_status status = next_candidate(walk, &offset, &frame);
    if (status != WEIR_OK || offset >= walk->stream.size) return status;
    size_t size = weir_journal_frame_size(frame.body_bytes);
    status = weir_journal_show(&walk->stream, offset, size, &at, &got);
    if (status != WEIR_OK) return status;
    if (!weir_journal_frame_holds(at, got, &frame, walk->seed)) continue;
    *found = BEHIND_SAME_BATCH;
    if (frame.index - walk->index > frame.position) {
      *found = BEHIND_LATER_BATCH;
      return WEIR_OK;
    }
  }
}

/* Does a broken frame lie at the very place where the valid frames end? Zeros are no frame, and
 * neither is what an earlier use of the file left behind. */
static weir_status look_at_stop(segment_walk *walk, bool *broken_frame) {
  const uint8_t *at;
  size_t got;
  weir_status status =
      weir_journal_show(&walk->stream, walk->offset, WEIR_JOURNAL_FRAME_BYTES, &at, &got);
  if (status != WEIR_OK) return status;
  bool blank = true;
  for (size_t i = 0; i < got; i++) {
    if (at[i] != 0) blank = false;
  }
  /* One damaged field still leaves the other one to know the frame by. */
  *broken_frame =
      !blank && weir_journal_could_follow(at, got, walk->seed, walk->chain, walk->index);
  return WEIR_OK;
}

static weir_status walk_to_stop(recovery *r, segment_walk *walk, const char **reason) {
  weir_frame_view view;
  for (;;) {
    weir_status status = weir_journal_walk_next(walk, &view, reason);
    if (status != WEIR_OK || *reason != NULL) return status;
    r->finding->frames++;
  }
}

/* The stop of the last segment, or of the one before it: the only ones where a tail may end. */
static weir_status judge_tail_on_verify(recovery *r, segment_walk *walk, const char *reason) {
  behind found;
  for (;;) {
    bool broken_frame = false;
    weir_status status = look_behind(walk, &found);
    if (status == WEIR_OK) status = look_at_stop(walk, &broken_frame);
    if (status != WEIR_OK) return status;
    r->whole = !broken_frame && found == BEHIND_NOTHING;
    if (r->whole || !r->j->read_only) break;
    const uint64_t stop = walk->offset;
    walk->stream.filled = 0;
    status = walk_to_stop(r, walk, &reason);
    if (status != WEIR_OK) return status;
    if (walk->offset == stop) break; /* what was found behind it stands */
  }
  r->serial = weir_journal_walk_serial(walk);
  if (found == BEHIND_LATER_BATCH) return refuse(r, walk->number, walk->offset, reason);
  if (!r->whole && walk->number == r->last) note_torn(r, walk->number, walk->offset, reason);
  return WEIR_OK;
}

static weir_status drop_on_verify(recovery *r, segment_walk *walk) {
  uint32_t number = walk->number;
  bool first = number == r->first;
  if (first || number != r->last) return refuse(r, number, 0, "the segment's header does not hold");
  if (!r->whole) {
    return refuse(r, number - 1, r->end, "the segment ends torn although another one follows");
  }
  /* Its salt stands in the header before it, and so its frames can be told from leftovers. Any
   * that belongs to a second batch proves that the first one, and the header, had been durable. */
  behind found;
  walk->seed = weir_journal_seed(r->header.next_salt);
  weir_status status = look_behind(walk, &found);
  if (status != WEIR_OK) return status;
  if (found == BEHIND_LATER_BATCH) {
    return refuse(r, number, 0, "the header does not hold although its frames had been durable");
  }
  note_torn(r, number, 0, "the segment was begun and never synced");
  r->dropped = true;
  r->last = number - 1;
  return WEIR_OK;
}

/* A header that holds and belongs to another segment is what an earlier use of the file left
 * behind, if its frames are older than what is expected here. */
static bool is_leftover_on_verify(const recovery *r, const segment_walk *walk) {
  bool first = walk->number == r->first;
  bool other = walk->header.number != walk->number;
  return !first && other && walk->header.first_serial < r->serial;
}

static weir_status check_header_on_verify(recovery *r, const segment_walk *walk) {
  const segment_header *h = &walk->header;
  uint32_t number = walk->number;
  bool first = number == r->first;
  if (first) {
    r->serial = h->first_serial;
    r->chain = h->chain;
  }
  if (h->version != FORMAT_VERSION) return refuse(r, number, 8, "an unknown format version");
  if (h->number != number) return refuse(r, number, 12, "the header bears another number");
  if (memcmp(h->unit, r->j->unit, sizeof h->unit) != 0) {
    r->finding->foreign = true;
    return refuse(r, number, 36, "the journal belongs to another unit");
  }
  bool origin = h->first_serial == 1 && h->chain == 0;
  bool other = number == r->j->from_segment && h->first_serial != r->j->from_serial;
  if (h->first_serial == 0 || (number == 1 && !origin) || other) {
    return refuse(r, number, 24, "the header begins at an impossible serial");
  }
  if (h->first_serial > r->serial) {
    return refuse(r, number - 1, r->end, "frames are missing before the next segment");
  }
  if (h->first_serial != r->serial || h->chain != r->chain) {
    return refuse(r, number, 24, "the segment does not continue the one before it");
  }
  return WEIR_OK;
}

static weir_status walk_on_verify(recovery *r, segment_walk *walk) {
  const char *reason = NULL;
  weir_status status = walk_to_stop(r, walk, &reason);
  if (status != WEIR_OK) return status;
  r->whole = true;
  /* Elsewhere the next header says whether this was the end. */
  if (r->last - walk->number <= 1) status = judge_tail_on_verify(r, walk, reason);
  r->header = walk->header;
  r->serial = weir_journal_walk_serial(walk);
  r->chain = walk->chain;
  r->end = walk->offset;
  r->finding->segments++;
  r->finding->last_serial = r->serial - 1;
  weir_journal_remember_segment(r->j, walk->number, walk->header.first_serial);
  return status;
}

static weir_status look_at_segment(recovery *r, uint32_t number, bool *begun) {
  segment_walk walk;
  const weir_journal *j = r->j;
  weir_status status = weir_journal_walk_open(&walk, j->os, j->directory, number, r->memory, begun);
  if (status != WEIR_OK) return status;
  *begun = *begun && !is_leftover_on_verify(r, &walk);
  if (*begun) {
    status = check_header_on_verify(r, &walk);
    if (status == WEIR_OK) status = walk_on_verify(r, &walk);
  } else {
    status = drop_on_verify(r, &walk);
  }
  weir_journal_walk_close(&walk);
  return status;
}

static weir_status verify_segment(recovery *r, uint32_t number) {
  bool begun = false;
  weir_status status = look_at_segment(r, number, &begun);
  /* Its header may have been written between the look at it and the one at its frames. */
  bool again = status == WEIR_CORRUPT && !begun && r->j->read_only;
  return again ? look_at_segment(r, number, &begun) : status;
}

/* A segment before the one that recovery begins with: its header is all that is looked at. */
static weir_status skim_segment(recovery *r, uint32_t number) {
  segment_header header;
  bool holds = false;
  weir_status status = weir_journal_read_header(r->j->os, r->j->directory, number, &header, &holds);
  if (status != WEIR_OK) return status;
  holds = holds && header.number == number &&
          memcmp(header.unit, r->j->unit, sizeof header.unit) == 0 &&
          header.first_serial >= r->serial;
  if (!holds) return refuse(r, number, 0, "the segment's header does not hold");
  r->serial = header.first_serial;
  r->finding->segments++;
  weir_journal_remember_segment(r->j, number, r->serial);
  return WEIR_OK;
}

static weir_status verify(recovery *r) {
  const weir_journal *j = r->j;
  uint32_t oldest = r->listing.first_segment;
  uint32_t count = r->listing.segment_count;
  r->first = j->from_segment ? j->from_segment : oldest;
  r->last = oldest + count - 1;
  r->serial = 1;
  if (count > SEGMENTS_MAX) return WEIR_FULL;
  if (r->first < oldest || r->first > r->last) {
    return refuse(r, r->first, 0, "the segment that recovery begins with is missing");
  }
  for (uint32_t number = oldest; number - oldest < count; number++) {
    if (number == r->listing.missing) {
      return refuse(r, number, 0, "a segment is missing");
    }
    bool skims = number < r->first;
    weir_status status = skims ? skim_segment(r, number) : verify_segment(r, number);
    if (status != WEIR_OK) return status;
  }
  return WEIR_OK;
}

/* Did the unit that goes on there retire segments since they were listed? Lists them anew. */
static bool were_retired(recovery *r) {
  const weir_journal *j = r->j;
  uint32_t oldest = r->listing.first_segment;
  if (!j->read_only || weir_journal_list(j->os, j->directory, &r->listing) != WEIR_OK) return false;
  return r->listing.segment_count > 0 && r->listing.first_segment > oldest;
}

static weir_status verify_what_is_held(recovery *r) {
  weir_status status = verify(r);
  while (status != WEIR_OK && were_retired(r)) {
    memset(r->finding, 0, sizeof *r->finding);
    r->j->segment_count = 0;
    r->dropped = false;
    status = verify(r);
  }
  return status;
}

static weir_status remove_half_made(recovery *r) {
  const weir_os *os = r->j->os;
  for (;;) {
    weir_status status = weir_journal_list(os, r->j->directory, &r->listing);
    if (status != WEIR_OK || r->listing.dot_count == 0) return status;
    for (uint32_t i = 0; i < r->listing.dot_count; i++) {
      file_name name = r->listing.dot_names[i];
      file_path path = weir_journal_path(r->j->directory, name, r->listing.dot_numbers[i]);
      status = os->remove(os->context, path.text);
      if (status != WEIR_OK) return status;
    }
  }
}

/* A reserve file is trusted for nothing but being there in full. */
static weir_status keep_reserves(recovery *r) {
  weir_journal *j = r->j;
  const weir_os *os = j->os;
  j->reserve_last = r->listing.last_reserve;
  for (uint32_t i = 0; i < r->listing.reserve_count; i++) {
    uint32_t number = r->listing.reserves[i];
    file_path path = weir_journal_path(j->directory, NAME_RESERVE, number);
    weir_file *file = NULL;
    uint64_t size = 0;
    weir_status status = os->open(os->context, path.text, WEIR_OPEN_READ, &file);
    if (status != WEIR_OK) return status;
    status = os->size(os->context, file, &size);
    os->close(os->context, file);
    if (status != WEIR_OK) return status;
    if (size == j->segment_bytes && j->reserve_count < WEIR_JOURNAL_RESERVE) {
      reserve_file *kept = &j->reserve[j->reserve_count];
      kept->number = number;
      status = os->random(os->context, &kept->salt, sizeof kept->salt);
      if (status == WEIR_OK) j->reserve_count++;
    } else {
      status = os->remove(os->context, path.text);
    }
    if (status != WEIR_OK) return status;
  }
  return WEIR_OK;
}

static weir_status fill_reserve(weir_journal *j) {
  while (j->reserve_count < WEIR_JOURNAL_RESERVE) {
    weir_journal_plan_reserve(j, &j->job, true);
    weir_status status = weir_journal_perform(&j->job, j->os);
    if (status == WEIR_NO_SPACE) {
      j->scarce = true;
      return WEIR_OK;
    }
    if (status != WEIR_OK) return status;
    weir_journal_keep_reserve(j, &j->job);
  }
  return WEIR_OK;
}

/* The directory's own name must survive a crash too; its parent is everything before the last
 * part. */
static weir_status sync_parent(const weir_journal *j) {
  char parent[DIRECTORY_BYTES_MAX];
  size_t count = strlen(j->directory);
  memcpy(parent, j->directory, count + 1);
  while (count > 1 && parent[count - 1] == '/') count--;
  while (count > 0 && parent[count - 1] != '/') count--;
  while (count > 1 && parent[count - 1] == '/') count--;
  if (count == 0) parent[count++] = '.';
  parent[count] = 0;
  return j->os->sync_directory(j->os->context, parent);
}

static weir_status open_lock(const weir_journal *j, weir_open_mode mode, weir_file **file) {
  char lock[PATH_BYTES_MAX];
  weir_buffer b = weir_buffer_over(lock, sizeof lock);
  weir_put_text(&b, j->directory);
  weir_put_text(&b, "/lock");
  weir_put_u8(&b, 0);
  WEIR_ASSERT(!b.overflow);
  return j->os->open(j->os->context, lock, mode, file);
}

/* Does a unit run on it? Asked only where a tail is torn, since the lock is ours for that moment.
 */
static bool is_written(const weir_journal *j) {
  weir_file *file = NULL;
  weir_status status = open_lock(j, WEIR_OPEN_READ, &file);
  if (status == WEIR_OK) j->os->close(j->os->context, file);
  if (status == WEIR_OK) status = open_lock(j, WEIR_OPEN_LOCK, &file);
  if (status == WEIR_OK) j->os->close(j->os->context, file);
  return status == WEIR_BUSY;
}

static weir_status claim_directory(recovery *r) {
  weir_journal *j = r->j;
  const weir_os *os = j->os;
  weir_status status = os->make_directory(os->context, j->directory);
  if (status == WEIR_OK) status = open_lock(j, WEIR_OPEN_LOCK, &j->lock);
  if (status != WEIR_OK) return status;
  status = remove_half_made(r);
  if (status != WEIR_OK) return status;
  return r->listing.segment_count == 0 ? sync_parent(j) : WEIR_OK;
}

/* Everything is judged: make the directory what the journal goes on from. */
static weir_status settle(recovery *r) {
  weir_journal *j = r->j;
  const weir_os *os = j->os;
  weir_status status = keep_reserves(r);
  if (status != WEIR_OK) return status;
  if (r->dropped) {
    file_path path = weir_journal_path(j->directory, NAME_SEGMENT, r->last + 1);
    status = os->remove(os->context, path.text);
    if (status != WEIR_OK) return status;
  }
  if (r->listing.segment_count == 0) {
    r->first = r->last = 1;
    r->end = WEIR_JOURNAL_HEADER_BYTES;
    r->header = (segment_header){.version = FORMAT_VERSION, .number = 1, .first_serial = 1};
    memcpy(r->header.unit, j->unit, sizeof j->unit);
    weir_journal_remember_segment(j, 1, 1);
  }
  status = weir_journal_rewrite(j, &r->header, r->end, r->memory);
  if (status == WEIR_OK) status = fill_reserve(j);
  return status;
}

static weir_status report_segment(recovery *r, uint32_t number,
                                  weir_status (*each)(void *user, const weir_frame_view *frame),
                                  void *user, uint64_t *reported) {
  segment_walk walk;
  bool has_header;
  const weir_os *os = r->j->os;
  weir_status status =
      weir_journal_walk_open(&walk, os, r->j->directory, number, r->memory, &has_header);
  if (status != WEIR_OK) return status;
  uint64_t end = number == r->last ? r->end : UINT64_MAX;
  if (!has_header) status = WEIR_IO_FAILED;
  while (status == WEIR_OK && walk.offset < end) {
    weir_frame_view view;
    const char *reason;
    status = weir_journal_walk_next(&walk, &view, &reason);
    if (status != WEIR_OK || reason != NULL) break;
    (*reported)++;
    if (WEIR_CANARY(LOSE_TAIL) && *reported == r->finding->frames) break;
    status = each(user, &view);
  }
  weir_journal_walk_close(&walk);
  return status;
}

static weir_status
report(recovery *r, weir_status (*each)(void *user, const weir_frame_view *frame), void *user) {
  uint64_t reported = 0;
  for (uint32_t number = r->first; number <= r->last; number++) {
    weir_status status = report_segment(r, number, each, user, &reported);
    if (status == WEIR_NOT_FOUND && were_retired(r)) return WEIR_AGAIN;
    if (status != WEIR_OK) return status;
  }
  if (reported == r->finding->frames) return WEIR_OK;
  /* A second reading that shows less than the first is a disk that cannot be trusted, but where a
   * file was used again meanwhile. */
  return were_retired(r) ? WEIR_AGAIN : WEIR_IO_FAILED;
}

static weir_status
recover_on(recovery *r, weir_status (*each)(void *user, const weir_frame_view *frame), void *user) {
  weir_journal *j = r->j;
  weir_status status =
      j->read_only ? weir_journal_list(j->os, j->directory, &r->listing) : claim_directory(r);
  if (status != WEIR_OK) return status;
  if (r->listing.segment_count > 0) {
    status = verify_what_is_held(r);
    if (status != WEIR_OK) return status;
  }
  if (j->read_only && r->finding->torn && is_written(j)) {
    r->finding->torn = false;
    r->finding->writing = true;
  }
  if (!j->read_only) {
    status = settle(r);
    if (status != WEIR_OK) return status;
  }
  j->segment = r->last;
  j->offset = r->end;
  j->appended = j->durable = r->finding->last_serial;
  return each == NULL ? WEIR_OK : report(r, each, user);
}

weir_status weir_journal_recover(weir_journal *j,
                                 weir_status (*each)(void *user, const weir_frame_view *frame),
                                 void *user, weir_journal_finding *finding) {
  memset(finding, 0, sizeof *finding);
  recovery r = {.j = j, .finding = finding};
  r.memory = weir_allocate(1, STREAM_BYTES);
  if (r.memory == NULL) return WEIR_OUT_OF_MEMORY;
  weir_status status = recover_on(&r, each, user);
  weir_free(r.memory);
  return status;
}
