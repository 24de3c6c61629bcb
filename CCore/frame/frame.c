/* frame.c: bytes → lines, without copying a line that came whole.
 *
 *   happy path     space → receive → filled → next … until AGAIN; the views stay where they were
 *                  received
 *   half a line    it waits; space moves it to the front, so that the whole capacity is its own
 *   a line as long as the memory and still no line feed   its first bytes come out as TOO_LONG,
 *                  once; the rest up to its line feed is skipped, and shown while it goes by
 *   the end of what is received   what waits is the last line, whether or not a line feed came
 *
 * How the bytes were cut into pieces never changes which lines come out: a line is too long if and
 * only if its line feed does not fit into the memory with it, wherever in the memory it began.
 */
#include "weir_frame.h"

#include <string.h>

/* Skipped bytes stay for so long that no word of interest is cut between two views of them: the
 * longest has 24 letters, of 6 bytes each where it is spelt by escapes. */
enum { SKIPPED_AGAIN = 160 };

void weir_frame_init(weir_frame *f, void *memory, size_t capacity) {
  WEIR_ASSERT(memory != NULL);
  WEIR_ASSERT(capacity > 0);
  *f = (weir_frame){.at = memory, .capacity = capacity};
}

static void check(const weir_frame *f) {
  WEIR_ASSERT(f->begin <= f->scanned);
  WEIR_ASSERT(f->scanned <= f->end);
  WEIR_ASSERT(f->end <= f->capacity);
}

uint8_t *weir_frame_space(weir_frame *f, size_t *room) {
  check(f);
  size_t waiting = f->end - f->begin;
  if (f->begin > 0) {
    if (waiting > 0) memmove(f->at, f->at + f->begin, waiting);
    f->scanned -= f->begin;
    f->begin = 0;
    f->end = waiting;
  }
  *room = f->capacity - f->end;
  return f->at + f->end;
}

void weir_frame_filled(weir_frame *f, size_t count) {
  WEIR_ASSERT(count <= f->capacity - f->end);
  f->end += count;
  check(f);
}

/* Moves past the next line feed and gives what stood before it; false when none has come yet. */
static bool take_to_line_feed(weir_frame *f, weir_bytes *line) {
  size_t unseen = f->end - f->scanned;
  const uint8_t *from = f->at + f->scanned;
  const uint8_t *found = unseen > 0 ? memchr(from, '\n', unseen) : NULL;
  if (found == NULL) {
    f->scanned = f->end;
    return false;
  }
  size_t stop = (size_t)(found - f->at);
  *line = weir_view(f->at + f->begin, stop - f->begin);
  f->begin = stop + 1;
  f->scanned = f->begin;
  return true;
}

/* What stays of a line that is skipped, so that the next view of it begins there. */
static size_t again_of(const weir_frame *f) {
  return f->capacity / 2 < SKIPPED_AGAIN ? f->capacity / 2 : SKIPPED_AGAIN;
}

static weir_bytes without_return(weir_bytes line) {
  if (line.count > 0 && line.at[line.count - 1] == '\r') line.count--;
  return line;
}

/* What waits has no line feed in it: the beginning of a line, or more of one that is skipped. */
static weir_status next_without_line_feed(weir_frame *f, weir_bytes *line) {
  weir_bytes waiting = weir_view(f->at + f->begin, f->end - f->begin);
  if (f->skipping) {
    if (waiting.count > again_of(f)) f->skipped = waiting;
    f->begin = f->end - again_of(f);
    return WEIR_AGAIN;
  }
  if (waiting.count == f->capacity) {
    *line = waiting;
    f->begin = f->end - again_of(f);
    f->skipping = true;
    return WEIR_TOO_LONG;
  }
  if (!f->ended) return WEIR_AGAIN;
  f->begin = f->end;
  *line = without_return(waiting);
  return line->count > 0 ? WEIR_OK : WEIR_AGAIN;
}

weir_status weir_frame_next(weir_frame *f, weir_bytes *line) {
  check(f);
  weir_bytes whole = {NULL, 0};
  f->skipped.count = 0;
  while (take_to_line_feed(f, &whole)) {
    if (f->skipping) {
      f->skipping = false;
      f->skipped = whole;
      continue;
    }
    whole = without_return(whole);
    if (whole.count == 0) continue;
    *line = whole;
    return WEIR_OK;
  }
  return next_without_line_feed(f, line);
}

void weir_frame_end(weir_frame *f) {
  f->ended = true;
}

bool weir_frame_waits(const weir_frame *f) {
  return f->skipping ? f->scanned < f->end : f->begin < f->end;
}
