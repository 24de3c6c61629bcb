/* Closed segments, read while the journal goes on: for hashes and snapshots.
 *
 * Happy path: the segment's header continues what came before, each frame holds, and the next
 * segment's header continues the last of them; so nothing is missing at the end.
 *
 * What can go wrong: a segment that is not there, or is the last one, is NOT_FOUND: it was retired,
 * or is not closed. Anything that does not hold is CORRUPT and named; what was shown by then must
 * be forgotten. No file is changed.
 */
#include "internal.h"

weir_status weir_journal_held(const weir_os *os, const char *directory, uint32_t *first,
                              uint32_t *last) {
  directory_listing listing;
  weir_status status = weir_journal_list(os, directory, &listing);
  if (status != WEIR_OK) return status;
  *first = listing.first_segment;
  *last = listing.segment_count > 0 ? listing.first_segment + listing.segment_count - 1 : 0;
  return listing.missing == 0 ? WEIR_OK : WEIR_CORRUPT;
}

static bool is_of_unit(const segment_header *header, const char *unit) {
  uint8_t padded[WEIR_UNIT_NAME_MAX] = {0};
  size_t count = strlen(unit);
  WEIR_ASSERT(count <= sizeof padded);
  memcpy(padded, unit, count);
  return memcmp(header->unit, padded, sizeof padded) == 0;
}

weir_status weir_journal_border(const weir_os *os, const char *directory, const char *unit,
                                uint32_t segment, weir_border *border) {
  segment_header header;
  bool holds = false;
  weir_status status = weir_journal_read_header(os, directory, segment, &header, &holds);
  if (status != WEIR_OK) return status;
  holds = holds && header.version == FORMAT_VERSION && header.number == segment &&
          is_of_unit(&header, unit);
  if (!holds) return WEIR_CORRUPT;
  *border = (weir_border){.segment = segment, .chain = header.chain, .serial = header.first_serial};
  return WEIR_OK;
}

static weir_status refuse_closed(weir_journal_finding *f, const segment_walk *walk, uint64_t offset,
                                 const char *reason) {
  return weir_journal_refuse(f, walk->number, offset, weir_journal_walk_serial(walk), reason);
}

/* Up to the serial with which the next segment begins. */
static weir_status walk_on_closed(segment_walk *walk, const weir_border *next,
                                  const weir_closed_reader *reader, weir_journal_finding *f) {
  while (weir_journal_walk_serial(walk) < next->serial) {
    weir_frame_view view;
    const char *reason;
    uint64_t offset = walk->offset;
    weir_status status = weir_journal_walk_next(walk, &view, &reason);
    if (status != WEIR_OK) return status;
    if (reason != NULL) return refuse_closed(f, walk, offset, reason);
    if (reader->piece) {
      const uint8_t *at = view.body.at - WEIR_JOURNAL_FRAME_BYTES;
      reader->piece(reader->user, weir_view(at, weir_journal_frame_size(view.body.count)));
    }
    if (reader->each) status = reader->each(reader->user, &view);
    if (status != WEIR_OK) return status;
    f->frames++;
    f->last_serial = view.serial;
  }
  return WEIR_OK;
}

static weir_status read_on_closed(segment_walk *walk, const weir_border *from,
                                  const weir_border *next, const weir_closed_reader *reader,
                                  weir_journal_finding *f) {
  const uint8_t *at;
  size_t got;
  if (walk->header.first_serial != from->serial || walk->header.chain != from->chain) {
    return refuse_closed(f, walk, 24, "the segment does not continue the one before it");
  }
  /* Opening the walk has brought it into the window. */
  weir_status status = weir_journal_show(&walk->stream, 0, WEIR_JOURNAL_HEADER_BYTES, &at, &got);
  WEIR_ASSERT(status == WEIR_OK);
  if (reader->piece) reader->piece(reader->user, weir_view(at, got));
  status = walk_on_closed(walk, next, reader, f);
  if (status != WEIR_OK) return status;
  bool continued = weir_journal_walk_serial(walk) == next->serial && walk->chain == next->chain;
  if (!continued) return refuse_closed(f, walk, walk->offset, "the next segment does not follow");
  f->segments++;
  return WEIR_OK;
}

weir_status weir_journal_read_closed(const weir_os *os, const char *directory, const char *unit,
                                     weir_border *border, const weir_closed_reader *reader,
                                     weir_journal_finding *finding) {
  segment_walk walk;
  weir_border next = {0};
  bool has_header = false;
  weir_status status = weir_journal_border(os, directory, unit, border->segment + 1, &next);
  if (status == WEIR_CORRUPT) {
    return weir_journal_refuse(finding, border->segment + 1, 0, 0,
                               "the segment's header does not hold");
  }
  if (status != WEIR_OK) return status;
  uint8_t *memory = weir_allocate(1, STREAM_BYTES);
  if (memory == NULL) return WEIR_OUT_OF_MEMORY;
  status = weir_journal_walk_open(&walk, os, directory, border->segment, memory, &has_header);
  if (status == WEIR_OK) {
    bool holds = has_header && walk.header.version == FORMAT_VERSION &&
                 walk.header.number == border->segment && is_of_unit(&walk.header, unit);
    status = holds ? read_on_closed(&walk, border, &next, reader, finding)
                   : refuse_closed(finding, &walk, 0, "the segment's header does not hold");
    weir_journal_walk_close(&walk);
  }
  weir_free(memory);
  if (status == WEIR_OK) *border = next;
  return status;
}

uint32_t weir_journal_last_closed(const weir_journal *j) {
  uint32_t segment;
  uint64_t first_serial;
  weir_journal_place(j, j->durable, &segment, &first_serial);
  return segment - 1;
}
