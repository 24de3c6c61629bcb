/* Lines: however the bytes were cut into pieces, the lines that come out are those of the whole.
 *
 * The first bytes of the input are the sizes of the pieces, up to a zero byte; then they begin
 * anew. What is expected is found by a second reader, which sees all bytes at once.
 */
#include "weir_frame.h"

#include <string.h>

enum { CAPACITY = 24 };

typedef struct expected {
  weir_status status;
  weir_bytes line;
} expected;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The next line of what is left, whose end is one of a line when no more comes; AGAIN behind it. */
static expected expect_next(weir_bytes *rest, bool ended) {
  while (rest->count > 0) {
    const uint8_t *feed = memchr(rest->at, '\n', rest->count);
    weir_bytes line = weir_view(rest->at, feed ? (size_t)(feed - rest->at) : rest->count);
    size_t taken = line.count + (feed ? 1 : 0);
    *rest = weir_view(rest->at + taken, rest->count - taken);
    if (line.count >= CAPACITY) return (expected){WEIR_TOO_LONG, weir_view(line.at, CAPACITY)};
    if (!feed && !ended) break;
    if (line.count > 0 && line.at[line.count - 1] == '\r') line.count--;
    if (line.count > 0) return (expected){WEIR_OK, line};
  }
  return (expected){WEIR_AGAIN, weir_view(rest->at, 0)};
}

static void take_lines(weir_frame *f, weir_bytes *rest, bool ended) {
  weir_bytes line;
  weir_status status;
  while ((status = weir_frame_next(f, &line)) != WEIR_AGAIN) {
    expected e = expect_next(rest, ended);
    WEIR_ASSERT(status == e.status);
    WEIR_ASSERT(weir_equal(line, e.line));
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const uint8_t *zero = size > 0 ? memchr(data, 0, size) : NULL;
  size_t sizes = zero ? (size_t)(zero - data) : 0;
  if (sizes == 0) return 0;
  uint8_t memory[CAPACITY];
  weir_frame f;
  weir_frame_init(&f, memory, CAPACITY);
  weir_bytes all = weir_view(data + sizes + 1, size - sizes - 1), rest = all;
  for (size_t at = 0, piece = 0; at < all.count; piece++) {
    size_t room = 0, count = data[piece % sizes];
    uint8_t *space = weir_frame_space(&f, &room);
    WEIR_ASSERT(room > 0);
    if (count > room) count = room;
    if (count > all.count - at) count = all.count - at;
    memcpy(space, all.at + at, count);
    weir_frame_filled(&f, count);
    at += count;
    take_lines(&f, &rest, false);
  }
  weir_frame_end(&f);
  take_lines(&f, &rest, true);
  WEIR_ASSERT(!weir_frame_waits(&f));
  WEIR_ASSERT(expect_next(&rest, true).status == WEIR_AGAIN);
  return 0;
}
