/* Appending: bytes into the buffer that gathers.
 *
 * Happy path: the body is copied behind room for its header, the frame is sealed, and it has a
 * serial and a position from that moment on. What gathers is a run: consecutive frames of one
 * segment. A frame that no longer fits the segment opens the next one: a second run begins, with
 * the new segment's header before its first frame, and the first run will go to the disk alone.
 *
 * What can go wrong: no room in the buffer, or a second segment would be opened before the first
 * one was taken by a job: FULL, and the next job's end makes room. No file in the reserve for the
 * next segment: FULL while one can still be made, NO_SPACE once the disk has said no. Whatever is
 * refused leaves the journal as it was.
 */
#include "internal.h"

static weir_status size_of_parts(const weir_bytes *parts, size_t part_count, size_t *body_bytes) {
  size_t sum = 0;
  for (size_t i = 0; i < part_count; i++) {
    if (parts[i].count > WEIR_JOURNAL_BODY_MAX - sum) return WEIR_TOO_LONG;
    sum += parts[i].count;
  }
  *body_bytes = sum;
  return WEIR_OK;
}

static weir_status begin_segment_on_append(weir_journal *j, size_t frame_size) {
  if (j->run_count > 0 && j->runs[j->run_count - 1].reserve != 0) return WEIR_FULL;
  if (j->reserve_count == 0) return j->scarce ? WEIR_NO_SPACE : WEIR_FULL;
  if (j->segment_count == SEGMENTS_MAX) return WEIR_NO_SPACE;
  size_t free_bytes = WEIR_JOURNAL_GATHER_BYTES - j->gather_count;
  if (WEIR_JOURNAL_HEADER_BYTES + frame_size > free_bytes) return WEIR_FULL;

  reserve_file reserve = j->reserve[--j->reserve_count];
  j->segment++;
  weir_journal_remember_segment(j, j->segment, j->appended + 1);
  segment_header header = {.version = FORMAT_VERSION,
                           .number = j->segment,
                           .salt = j->next_salt,
                           .next_salt = reserve.salt,
                           .first_serial = j->appended + 1,
                           .chain = j->chain};
  memcpy(header.unit, j->unit, sizeof header.unit);
  j->seed = weir_journal_seed(header.salt);
  j->next_salt = header.next_salt;
  j->first_serial = header.first_serial;
  weir_journal_put_header(j->memory[j->gather] + j->gather_count, &header);
  WEIR_ASSERT(j->run_count < 2);
  j->runs[j->run_count++] = (frame_run){.segment = j->segment,
                                        .seed = j->seed,
                                        .first_serial = j->first_serial,
                                        .at = j->gather_count,
                                        .count = WEIR_JOURNAL_HEADER_BYTES,
                                        .reserve = reserve.number};
  j->gather_count += WEIR_JOURNAL_HEADER_BYTES;
  j->offset = WEIR_JOURNAL_HEADER_BYTES;
  j->limit = j->segment_bytes;
  return WEIR_OK;
}

/* The run that the next frame of `frame_size` bytes joins; refused without a trace. */
static weir_status run_on_append(weir_journal *j, size_t frame_size, frame_run **run) {
  if (frame_size > WEIR_JOURNAL_GATHER_BYTES - j->gather_count) return WEIR_FULL;
  if (j->offset + frame_size > j->limit) {
    weir_status status = begin_segment_on_append(j, frame_size);
    if (status != WEIR_OK) return status;
  } else if (j->run_count == 0) {
    j->runs[j->run_count++] = (frame_run){.segment = j->segment,
                                          .seed = j->seed,
                                          .first_serial = j->first_serial,
                                          .offset = j->offset};
    WEIR_ASSERT(j->gather_count == 0);
  }
  *run = &j->runs[j->run_count - 1];
  return (*run)->frames < BATCH_FRAMES_MAX ? WEIR_OK : WEIR_FULL;
}

weir_status weir_journal_append(weir_journal *j, uint8_t kind, const weir_bytes *parts,
                                size_t part_count, uint64_t *serial, weir_position *position) {
  WEIR_ASSERT(kind != 0 && kind <= WEIR_JOURNAL_KIND_MAX);
  if (j->closed || j->read_only) return WEIR_CLOSED;
  size_t body_bytes;
  weir_status status = size_of_parts(parts, part_count, &body_bytes);
  if (status != WEIR_OK) return status;
  size_t size = weir_journal_frame_size(body_bytes);
  frame_run *run;
  status = run_on_append(j, size, &run);
  if (status != WEIR_OK) return status;
  WEIR_ASSERT(run->segment == j->segment && run->offset + run->count == j->offset);

  uint8_t *at = j->memory[j->gather] + j->gather_count;
  uint8_t *body = at + WEIR_JOURNAL_FRAME_BYTES;
  for (size_t i = 0; i < part_count; i++) {
    if (parts[i].count == 0) continue;
    memcpy(body, parts[i].at, parts[i].count);
    body += parts[i].count;
  }
  frame_header frame = {.chain = j->chain,
                        .index = (uint32_t)(j->appended + 1 - j->first_serial),
                        .body_bytes = (uint32_t)body_bytes,
                        .kind = kind,
                        .position = (uint16_t)run->frames};
  weir_journal_seal_frame(at, &frame, j->seed);
  j->chain = frame.checksum;
  *serial = ++j->appended;
  *position = weir_journal_position(j->segment, j->offset);
  j->offset += size;
  j->gather_count += size;
  run->count += size;
  run->frames++;
  run->last_serial = j->appended;
  return WEIR_OK;
}

/* May the next segment be begun by an append just now, or is it a matter of waiting for a job? */
static bool must_wait_for_segment(const weir_journal *j) {
  if (j->run_count > 0 && j->runs[j->run_count - 1].reserve != 0) return true;
  return j->reserve_count == 0 && !j->scarce;
}

size_t weir_journal_room(const weir_journal *j) {
  if (j->closed || j->read_only) return 0;
  size_t room = WEIR_JOURNAL_GATHER_BYTES - j->gather_count;
  if (must_wait_for_segment(j) && room > j->limit - j->offset) {
    room = (size_t)(j->limit - j->offset);
  }
  if (j->run_count > 0 && j->runs[j->run_count - 1].frames + BATCH_FRAMES_KEPT > BATCH_FRAMES_MAX) {
    return 0;
  }
  /* A frame may have to bring the next segment's header with it. */
  return room > WEIR_JOURNAL_HEADER_BYTES ? room - WEIR_JOURNAL_HEADER_BYTES : 0;
}

bool weir_journal_closed(const weir_journal *j) {
  return j->closed;
}
