/* weir_frame: bytes → lines.
 *
 * A line ends with a line feed, or where everything ends; a carriage return there is dropped; empty
 * lines are passed over. A line longer than the limit is not kept: it comes out once, as TOO_LONG
 * with its first bytes, in its place among the others, and the rest up to its line feed is skipped.
 * Whoever must know what it said looks at `skipped` after each call of weir_frame_next.
 *
 * Cost: one memchr over the bytes. Bounded by memory bandwidth. Kept true by Benchmarks/Rooms.
 */
#ifndef WEIR_FRAME_H
#define WEIR_FRAME_H

#include "weir_base.h"

typedef struct weir_frame {
  uint8_t *at; /* owned by the caller, `capacity` bytes: the longest line with its line feed */
  size_t capacity;
  size_t begin, end; /* what was received and not yet taken: at[begin..<end] */
  size_t scanned;    /* no line feed in at[begin..<scanned] */
  bool skipping;     /* inside the rest of a line that was too long */
  bool ended;        /* no more will be received */
  /* What the last call of weir_frame_next skipped of a line that was too long, borrowed as a line
   * is: it begins with the end of what came out of that line before, so that no word is cut. */
  weir_bytes skipped;
} weir_frame;

void weir_frame_init(weir_frame *f, void *memory, size_t capacity);
/* Where received bytes may be put, and how many (0: take lines first). Moves what is left to the
 * front of the memory, so views given by weir_frame_next end here. */
uint8_t *weir_frame_space(weir_frame *f, size_t *room);
void weir_frame_filled(weir_frame *f, size_t count);
/* The next whole line without its end, borrowed until weir_frame_space. OK; TOO_LONG with the
 * line's first bytes (at most capacity); AGAIN when more bytes are needed. */
weir_status weir_frame_next(weir_frame *f, weir_bytes *line);
/* No more will be received: what is left is the last line, although no line feed ends it. */
void weir_frame_end(weir_frame *f);
/* Is there anything that weir_frame_next was not asked for yet? */
bool weir_frame_waits(const weir_frame *f);

#endif
