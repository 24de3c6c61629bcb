/* The journal's files: their names, their making, and walking through one.
 *
 * Happy path: a directory is listed once; a segment is read through a window that slides, so the
 * memory needed does not depend on the size of the file; a walk checks frame after frame.
 *
 * What can go wrong: foreign names in the directory are left alone. A file that cannot be made
 * whole is taken away again, so that it does not hold the room it lacks. A file that shrinks while
 * it is read ends early; nothing is read past its end. A frame that does not hold is no error here:
 * the walk says why, and recovery decides what it means.
 */
#include "internal.h"

static const char *const PREFIXES[] = {"/", "/reserve-", "/.", "/.reserve-"};

weir_status weir_journal_refuse(weir_journal_finding *f, uint32_t segment, uint64_t offset,
                                uint64_t serial, const char *reason) {
  f->segment = segment;
  f->offset = offset;
  f->serial = serial;
  weir_buffer b = weir_buffer_over(f->reason, sizeof f->reason - 1);
  weir_put_text(&b, reason);
  WEIR_ASSERT(!b.overflow);
  f->reason[b.count] = 0;
  return WEIR_CORRUPT;
}

file_path weir_journal_path(const char *directory, file_name name, uint32_t number) {
  file_path path;
  weir_buffer b = weir_buffer_over(path.text, sizeof path.text);
  weir_put_text(&b, directory);
  weir_put_text(&b, PREFIXES[name]);
  weir_put_padded(&b, number, 10);
  weir_put_text(&b, ".wal");
  weir_put_u8(&b, 0);
  WEIR_ASSERT(!b.overflow);
  return path;
}

void weir_journal_drop_file(const weir_os *os, const file_path *path, weir_file **file) {
  os->close(os->context, *file);
  *file = NULL;
  (void)os->remove(os->context, path->text); /* the failure before this is the one that counts */
}

weir_status weir_journal_begin_file(const weir_os *os, const file_path *path, uint64_t bytes,
                                    weir_file **out) {
  weir_file *file = NULL;
  weir_status status = os->open(os->context, path->text, WEIR_OPEN_CREATE, &file);
  if (status != WEIR_OK) return status;
  status = os->reserve(os->context, file, bytes);
  if (status != WEIR_OK) {
    weir_journal_drop_file(os, path, &file);
    return status;
  }
  *out = file;
  return WEIR_OK;
}

weir_status weir_journal_fill_file(const weir_os *os, weir_file *file, uint64_t from, uint64_t to) {
  static const uint8_t zeros[FILL_PIECE];
  weir_status status = WEIR_OK;
  while (status == WEIR_OK && from < to) {
    size_t count = to - from < sizeof zeros ? (size_t)(to - from) : sizeof zeros;
    status = os->write_at(os->context, file, from, weir_view(zeros, count));
    from += count;
  }
  return status == WEIR_OK ? os->sync(os->context, file) : status;
}

/* Exactly ten digits and ".wal" behind the prefix. */
static bool name_is(const char *name, const char *prefix, uint32_t *number) {
  size_t prefix_count = strlen(prefix);
  if (strlen(name) != prefix_count + 14) return false;
  if (memcmp(name, prefix, prefix_count) != 0) return false;
  if (strcmp(name + prefix_count + 10, ".wal") != 0) return false;
  uint64_t value;
  if (weir_decimal_read(weir_view(name + prefix_count, 10), &value) != WEIR_OK) return false;
  if (value == 0 || value > INT32_MAX) return false; /* so that numbers can be counted up */
  *number = (uint32_t)value;
  return true;
}

static void count_segment_on_list(directory_listing *listing, uint32_t number) {
  if (listing->segment_count == 0) listing->first_segment = number;
  uint32_t expected = listing->first_segment + listing->segment_count;
  if (number != expected && listing->missing == 0) listing->missing = expected;
  listing->segment_count++;
}

static weir_status each_name_on_list(void *user, const char *name) {
  directory_listing *listing = user;
  uint32_t number;
  for (file_name kind = NAME_SEGMENT; kind <= NAME_NEW_RESERVE; kind++) {
    if (!name_is(name, PREFIXES[kind] + 1, &number)) continue;
    if (kind == NAME_SEGMENT) {
      count_segment_on_list(listing, number);
    } else if (kind == NAME_RESERVE) {
      listing->last_reserve = number; /* names come sorted */
      if (listing->reserve_count < 16) listing->reserves[listing->reserve_count++] = number;
    } else if (listing->dot_count < 16) {
      listing->dot_names[listing->dot_count] = kind;
      listing->dot_numbers[listing->dot_count++] = number;
    }
  }
  return WEIR_OK;
}

weir_status weir_journal_list(const weir_os *os, const char *directory,
                              directory_listing *listing) {
  memset(listing, 0, sizeof *listing);
  return os->list(os->context, directory, each_name_on_list, listing);
}

weir_status weir_journal_show(file_stream *stream, uint64_t offset, size_t want, const uint8_t **at,
                              size_t *got) {
  WEIR_ASSERT(want <= stream->capacity);
  *at = stream->memory;
  *got = 0;
  if (offset >= stream->size) return WEIR_OK;
  if (want > stream->size - offset) want = (size_t)(stream->size - offset);
  bool inside = offset >= stream->start && offset + want <= stream->start + stream->filled;
  if (!inside) {
    const weir_os *os = stream->os;
    size_t filled = 0;
    weir_status status =
        os->read_at(os->context, stream->file, offset, stream->memory, stream->capacity, &filled);
    if (status != WEIR_OK) return status;
    WEIR_ASSERT(filled <= stream->capacity);
    stream->start = offset;
    stream->filled = filled;
    if (filled < want) {
      stream->size = offset + filled; /* it ends earlier than its size said */
      want = filled;
    }
  }
  *at = stream->memory + (offset - stream->start);
  *got = want;
  return WEIR_OK;
}

weir_status weir_journal_read_header(const weir_os *os, const char *directory, uint32_t number,
                                     segment_header *header, bool *holds) {
  uint8_t bytes[WEIR_JOURNAL_HEADER_BYTES];
  weir_file *file = NULL;
  size_t got = 0;
  file_path path = weir_journal_path(directory, NAME_SEGMENT, number);
  weir_status status = os->open(os->context, path.text, WEIR_OPEN_READ, &file);
  if (status != WEIR_OK) return status;
  status = os->read_at(os->context, file, 0, bytes, sizeof bytes, &got);
  os->close(os->context, file);
  *holds = got == sizeof bytes && weir_journal_get_header(bytes, header);
  return status;
}

weir_status weir_journal_walk_open(segment_walk *walk, const weir_os *os, const char *directory,
                                   uint32_t number, uint8_t *memory, bool *has_header) {
  memset(walk, 0, sizeof *walk);
  walk->number = number;
  walk->offset = WEIR_JOURNAL_HEADER_BYTES;
  file_stream *stream = &walk->stream;
  stream->os = os;
  stream->memory = memory;
  stream->capacity = STREAM_BYTES;
  file_path path = weir_journal_path(directory, NAME_SEGMENT, number);
  weir_status status = os->open(os->context, path.text, WEIR_OPEN_READ, &stream->file);
  if (status != WEIR_OK) return status;
  status = os->size(os->context, stream->file, &stream->size);
  const uint8_t *at;
  size_t got = 0;
  /* Positions have 32 bits and segments an upper limit: what lies beyond is not ours. */
  if (stream->size > SEGMENT_BYTES_MAX) stream->size = SEGMENT_BYTES_MAX;
  if (status == WEIR_OK) {
    status = weir_journal_show(stream, 0, WEIR_JOURNAL_HEADER_BYTES, &at, &got);
  }
  if (status != WEIR_OK) {
    weir_journal_walk_close(walk);
    return status;
  }
  *has_header = got == WEIR_JOURNAL_HEADER_BYTES && weir_journal_get_header(at, &walk->header);
  if (*has_header) {
    walk->seed = weir_journal_seed(walk->header.salt);
    walk->chain = walk->header.chain;
  }
  return WEIR_OK;
}

void weir_journal_walk_close(segment_walk *walk) {
  const weir_os *os = walk->stream.os;
  os->close(os->context, walk->stream.file);
}

weir_status weir_journal_walk_next(segment_walk *walk, weir_frame_view *view, const char **reason) {
  const uint8_t *at;
  size_t got;
  frame_header frame;
  *reason = NULL;
  weir_status status =
      weir_journal_show(&walk->stream, walk->offset, WEIR_JOURNAL_FRAME_BYTES, &at, &got);
  if (status != WEIR_OK) return status;
  if (!weir_journal_get_frame(at, got, walk->seed, &frame)) {
    *reason = "no frame stands here";
    return WEIR_OK;
  }
  size_t size = weir_journal_frame_size(frame.body_bytes);
  status = weir_journal_show(&walk->stream, walk->offset, size, &at, &got);
  if (status != WEIR_OK) return status;
  if (!weir_journal_frame_holds(at, got, &frame, walk->seed)) {
    *reason = "the frame's checksum does not hold";
  } else if (frame.chain != walk->chain) {
    *reason = "the frame does not continue the one before it";
  } else if (frame.index != walk->index) {
    *reason = "the frame's index is not the next one";
  } else {
    view->serial = weir_journal_walk_serial(walk);
    view->position = weir_journal_position(walk->number, walk->offset);
    view->kind = frame.kind;
    view->body = weir_view(at + WEIR_JOURNAL_FRAME_BYTES, frame.body_bytes);
    walk->offset += size;
    walk->index++;
    walk->chain = frame.checksum;
  }
  return WEIR_OK;
}
