/* Sealed datagrams in a file (the format stands in the header).
 *
 * Happy path: begin, datagrams, end; the reader gives them back in order and sees the end.
 * What can go wrong: the file is cut short, is another's, or was damaged on its way.
 * What we do then: AGAIN for what is short, so that a file that is still growing can be told from
 * one that is wrong; INVALID for the rest. The check only tells that a file is whole: what its
 * datagrams say is proved by their tags, one by one.
 */
#include "wire.h"

#include <string.h>

static const char magic[] = "WEIRFIL1";

static void add(weir_link_file *f, weir_bytes bytes, weir_buffer *into) {
  f->check = weir_crc32c(f->check, bytes);
  weir_put(into, bytes);
}

void weir_link_file_begin(weir_link_file *f, weir_buffer *into) {
  *f = (weir_link_file){0};
  add(f, weir_view(magic, WEIR_LINK_FILE_BEGIN_BYTES), into);
}

void weir_link_file_add(weir_link_file *f, weir_bytes datagram, weir_buffer *into) {
  uint8_t size[2];
  WEIR_ASSERT(datagram.count > 0 && datagram.count <= WEIR_DATAGRAM_MAX);
  weir_wire_put(size, datagram.count, sizeof size);
  add(f, weir_view(size, sizeof size), into);
  add(f, datagram, into);
  f->datagrams++;
}

void weir_link_file_end(weir_link_file *f, weir_buffer *into) {
  uint8_t end[WEIR_LINK_FILE_END_BYTES] = {0};
  weir_wire_put(end + 2, f->datagrams, 4);
  weir_wire_put(end + 6, f->check, 4);
  weir_put(into, weir_view(end, sizeof end));
}

static uint64_t number(const uint8_t *at, size_t bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < bytes; i++) value = value << 8 | at[i];
  return value;
}

static weir_bytes take(weir_link_file *f, weir_bytes *rest, size_t count) {
  weir_bytes taken = weir_view(rest->at, count);
  f->check = weir_crc32c(f->check, taken);
  *rest = weir_view(rest->at + count, rest->count - count);
  return taken;
}

static weir_status take_end(weir_link_file_reader *r, weir_bytes *rest) {
  if (rest->count < WEIR_LINK_FILE_END_BYTES) return WEIR_AGAIN;
  bool fits =
      number(rest->at + 2, 4) == r->read.datagrams && number(rest->at + 6, 4) == r->read.check;
  if (!fits) return WEIR_INVALID;
  *rest = weir_view(rest->at + WEIR_LINK_FILE_END_BYTES, rest->count - WEIR_LINK_FILE_END_BYTES);
  return WEIR_CLOSED;
}

weir_status weir_link_file_next(weir_link_file_reader *r, weir_bytes *rest, weir_bytes *datagram) {
  if (!r->begun) {
    size_t known =
        rest->count < WEIR_LINK_FILE_BEGIN_BYTES ? rest->count : WEIR_LINK_FILE_BEGIN_BYTES;
    if (known > 0 && memcmp(rest->at, magic, known) != 0) return WEIR_INVALID;
    if (known < WEIR_LINK_FILE_BEGIN_BYTES) return WEIR_AGAIN;
    (void)take(&r->read, rest, known);
    r->begun = true;
  }
  if (rest->count < 2) return WEIR_AGAIN;
  size_t count = (size_t)number(rest->at, 2);
  if (count == 0) return take_end(r, rest);
  if (count > WEIR_DATAGRAM_MAX) return WEIR_INVALID;
  if (rest->count - 2 < count) return WEIR_AGAIN;
  (void)take(&r->read, rest, 2);
  *datagram = take(&r->read, rest, count);
  r->read.datagrams++;
  return WEIR_OK;
}
