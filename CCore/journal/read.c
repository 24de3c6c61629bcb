/* Reading back: one frame, and the place of a serial.
 *
 * Happy path: a frame that gathers or is in flight is read from its buffer; an older one from its
 * segment, through a few files that stay open, mostly with a single read.
 *
 * What can go wrong: a position where nothing was ever appended is NOT_FOUND. Bytes on the disk
 * that do not hold are CORRUPT; they are never handed on.
 */
#include "internal.h"

/* What a segment's header says about its frames. */
typedef struct frame_place {
  uint32_t seed;
  uint64_t first_serial;
} frame_place;

/* The bytes from `position` on as far as a buffer holds them; null when the disk has them. */
static const uint8_t *buffered(const weir_journal *j, weir_position position, size_t *available,
                               frame_place *place) {
  uint32_t segment = weir_journal_segment_of(position);
  uint64_t offset = weir_journal_offset_of(position);
  const uint8_t *found = NULL;
  for (unsigned i = 0; i < 3 && found == NULL; i++) {
    bool flight = i == 2;
    if (flight ? !j->flight_shown : i >= j->run_count) continue;
    const frame_run *run = flight ? &j->flight : &j->runs[i];
    bool inside =
        run->segment == segment && offset >= run->offset && offset - run->offset < run->count;
    if (!inside) continue;
    const uint8_t *memory = j->memory[flight ? 1 - j->gather : j->gather];
    *available = run->count - (size_t)(offset - run->offset);
    *place = (frame_place){run->seed, run->first_serial};
    found = memory + run->at + (offset - run->offset);
  }
  return found;
}

static bool could_stand_at(const weir_journal *j, weir_position position) {
  uint32_t segment = weir_journal_segment_of(position);
  uint64_t offset = weir_journal_offset_of(position);
  if (j->segment_count == 0 || segment < j->first_segment) return false;
  if (segment - j->first_segment >= j->segment_count) return false;
  if (offset < WEIR_JOURNAL_HEADER_BYTES || offset % FRAME_STEP != 0) return false;
  return segment != j->segment || offset < j->offset;
}

static weir_status open_on_file_of(weir_journal *j, uint32_t segment, read_file *slot) {
  const weir_os *os = j->os;
  if (slot->file != NULL) os->close(os->context, slot->file);
  slot->file = NULL;
  file_path path = weir_journal_path(j->directory, NAME_SEGMENT, segment);
  weir_file *file = NULL;
  weir_status status = os->open(os->context, path.text, WEIR_OPEN_READ, &file);
  if (status != WEIR_OK) return status;
  uint8_t bytes[WEIR_JOURNAL_HEADER_BYTES];
  size_t got;
  segment_header header;
  status = os->read_at(os->context, file, 0, bytes, sizeof bytes, &got);
  if (status == WEIR_OK) {
    bool holds = got == sizeof bytes && weir_journal_get_header(bytes, &header);
    bool same = holds && header.number == segment &&
                header.first_serial == j->first_serials[segment - j->first_segment];
    if (!same) status = WEIR_CORRUPT;
  }
  if (status != WEIR_OK) {
    os->close(os->context, file);
    return status;
  }
  *slot = (read_file){.file = file,
                      .segment = segment,
                      .seed = weir_journal_seed(header.salt),
                      .first_serial = header.first_serial};
  return WEIR_OK;
}

/* The segment's file, open for reading, and its seed; never null, usable when the status is OK. */
static const read_file *file_of(weir_journal *j, uint32_t segment, weir_status *status) {
  for (unsigned i = 0; i < READ_FILES; i++) {
    read_file *kept = &j->read_files[i];
    if (kept->file == NULL || kept->segment != segment) continue;
    *status = WEIR_OK;
    return kept;
  }
  read_file *slot = &j->read_files[j->read_next];
  j->read_next = (j->read_next + 1) % READ_FILES;
  *status = open_on_file_of(j, segment, slot);
  return slot;
}

static void show_frame(weir_position position, uint64_t first_serial, const frame_header *frame,
                       weir_bytes body, weir_frame_view *view) {
  view->serial = first_serial + frame->index;
  view->position = position;
  view->kind = frame->kind;
  view->body = body;
}

static weir_status read_buffered(const uint8_t *at, size_t available, const frame_place *place,
                                 weir_position position, weir_buffer *into, weir_frame_view *view) {
  frame_header frame;
  if (!weir_journal_get_frame(at, available, place->seed, &frame)) return WEIR_NOT_FOUND;
  if (weir_journal_frame_size(frame.body_bytes) > available) return WEIR_NOT_FOUND;
  memcpy(into->at, at + WEIR_JOURNAL_FRAME_BYTES, frame.body_bytes);
  into->count = frame.body_bytes;
  show_frame(position, place->first_serial, &frame, weir_buffer_view(into), view);
  return WEIR_OK;
}

/* The first read brings a page, which holds most frames whole; the rest of a longer body follows
 * with a second one. The checksum is taken in the two parts. */
static weir_status read_stored(weir_journal *j, weir_position position, weir_buffer *into,
                               weir_frame_view *view) {
  const weir_os *os = j->os;
  uint64_t offset = weir_journal_offset_of(position);
  weir_status status;
  const read_file *source = file_of(j, weir_journal_segment_of(position), &status);
  if (status != WEIR_OK) return status;
  size_t got;
  enum { FIRST_READ = 4096 };
  status = os->read_at(os->context, source->file, offset, j->page, FIRST_READ, &got);
  if (status != WEIR_OK) return status;
  frame_header frame;
  if (!weir_journal_get_frame(j->page, got, source->seed, &frame)) return WEIR_CORRUPT;
  size_t body_got = got - WEIR_JOURNAL_FRAME_BYTES;
  if (body_got > frame.body_bytes) body_got = frame.body_bytes;
  memcpy(into->at, j->page + WEIR_JOURNAL_FRAME_BYTES, body_got);
  if (body_got < frame.body_bytes) {
    size_t rest = frame.body_bytes - body_got;
    status = os->read_at(os->context, source->file, offset + WEIR_JOURNAL_FRAME_BYTES + body_got,
                         into->at + body_got, rest, &got);
    if (status != WEIR_OK) return status;
    if (got < rest) return WEIR_CORRUPT;
  }
  into->count = frame.body_bytes;
  weir_bytes body = weir_buffer_view(into);
  uint32_t checksum =
      weir_crc32c(source->seed, weir_view(j->page + 4, WEIR_JOURNAL_FRAME_BYTES - 4));
  if (weir_crc32c(checksum, body) != frame.checksum) return WEIR_CORRUPT;
  show_frame(position, source->first_serial, &frame, body, view);
  return WEIR_OK;
}

weir_status weir_journal_read(weir_journal *j, weir_position position, weir_buffer *into,
                              weir_frame_view *frame) {
  WEIR_ASSERT(into->capacity >= WEIR_JOURNAL_BODY_MAX);
  into->count = 0;
  if (!could_stand_at(j, position)) return WEIR_NOT_FOUND;
  size_t available = 0;
  frame_place place;
  const uint8_t *at = buffered(j, position, &available, &place);
  if (at != NULL) return read_buffered(at, available, &place, position, into, frame);
  return read_stored(j, position, into, frame);
}

/* A window over stored headers for one call of seek: what it shows cannot be stale. */
typedef struct header_window {
  uint32_t segment; /* 0: empty */
  uint64_t start;
  size_t filled;
} header_window;

static weir_status header_at(weir_journal *j, header_window *window, weir_position position,
                             frame_header *frame, uint64_t *serial) {
  size_t available = 0;
  frame_place place;
  const uint8_t *at = buffered(j, position, &available, &place);
  if (at == NULL) {
    uint32_t segment = weir_journal_segment_of(position);
    uint64_t offset = weir_journal_offset_of(position);
    bool inside = window->segment == segment && offset >= window->start &&
                  offset + WEIR_JOURNAL_FRAME_BYTES <= window->start + window->filled;
    weir_status status;
    const read_file *source = file_of(j, segment, &status);
    if (status != WEIR_OK) return status;
    place = (frame_place){source->seed, source->first_serial};
    if (!inside) {
      window->segment = segment;
      window->start = offset;
      status = j->os->read_at(j->os->context, source->file, offset, j->page, PAGE_BYTES,
                              &window->filled);
      if (status != WEIR_OK) return status;
    }
    at = j->page + (offset - window->start);
    available = window->filled - (size_t)(offset - window->start);
  }
  if (!weir_journal_get_frame(at, available, place.seed, frame)) return WEIR_CORRUPT;
  *serial = place.first_serial + frame->index;
  return WEIR_OK;
}

weir_position weir_journal_behind(const weir_frame_view *frame) {
  return frame->position + weir_journal_frame_size(frame->body.count);
}

/* The last segment whose first serial is not above `serial`. */
static uint32_t segment_of_serial(const weir_journal *j, uint64_t serial) {
  uint32_t low = 0;
  uint32_t high = j->segment_count;
  while (high - low > 1) {
    uint32_t middle = low + (high - low) / 2;
    if (j->first_serials[middle] <= serial) {
      low = middle;
    } else {
      high = middle;
    }
  }
  return j->first_segment + low;
}

weir_status weir_journal_seek(weir_journal *j, uint64_t serial, weir_position *hint,
                              weir_position *position) {
  if (j->segment_count == 0) return WEIR_NOT_FOUND;
  if (serial < j->first_serials[0]) serial = j->first_serials[0];
  if (serial > j->appended) return WEIR_NOT_FOUND;
  uint32_t segment = segment_of_serial(j, serial);
  header_window window = {0};
  frame_header frame;
  uint64_t found = 0;
  weir_position at = weir_journal_position(segment, WEIR_JOURNAL_HEADER_BYTES);
  uint64_t expected = j->first_serials[segment - j->first_segment];
  if (weir_journal_segment_of(*hint) == segment && could_stand_at(j, *hint)) {
    weir_status status = header_at(j, &window, *hint, &frame, &found);
    if (status != WEIR_OK) return status;
    if (found <= serial) {
      at = *hint;
      expected = found;
    }
  }
  for (;;) {
    if (!could_stand_at(j, at)) return WEIR_CORRUPT;
    weir_status status = header_at(j, &window, at, &frame, &found);
    if (status != WEIR_OK) return status;
    if (found != expected) return WEIR_CORRUPT;
    if (found == serial) break;
    at += weir_journal_frame_size(frame.body_bytes);
    expected++;
  }
  *hint = at;
  *position = at;
  return WEIR_OK;
}

void weir_journal_place(const weir_journal *j, uint64_t serial, uint32_t *segment,
                        uint64_t *first_serial) {
  WEIR_ASSERT(j->segment_count > 0);
  *segment = segment_of_serial(j, serial);
  *first_serial = j->first_serials[*segment - j->first_segment];
}

uint64_t weir_journal_oldest(const weir_journal *j) {
  return j->segment_count > 0 ? j->first_serials[0] : 1;
}
