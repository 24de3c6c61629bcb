/* faulty_content.c: the bytes of one file, as pages; a page that nothing but zeros was written to
 * is null.
 *
 *   happy path     read and write go page by page
 *   past the end   a write grows the content with zeros, a read gives fewer bytes
 *   cut shorter    what lies beyond the new end is zero when the content grows again
 */
#include "faulty.h"

#include <string.h>

static size_t pages_of(uint64_t size) {
  return (size_t)((size + PAGE_BYTES - 1) / PAGE_BYTES);
}

/* The part of [offset, offset + count) that lies in the page of `offset`. */
static size_t part_in_page(uint64_t offset, size_t count) {
  size_t left = PAGE_BYTES - (size_t)(offset % PAGE_BYTES);
  return count < left ? count : left;
}

static void make_page_list(faulty_content *c, size_t count) {
  if (count <= c->page_count) return;
  size_t room = count > 2 * c->page_count ? count : 2 * c->page_count;
  uint8_t **pages = faulty_take(room * sizeof *pages);
  if (c->page_count > 0) memcpy(pages, c->pages, c->page_count * sizeof *pages);
  weir_free(c->pages);
  c->pages = pages;
  c->page_count = room;
}

void faulty_content_resize(faulty_content *c, uint64_t size) {
  make_page_list(c, pages_of(size));
  for (size_t i = pages_of(size); i < c->page_count; i++) {
    weir_free(c->pages[i]);
    c->pages[i] = NULL;
  }
  size_t kept = (size_t)(size % PAGE_BYTES);
  if (size < c->size && kept > 0 && c->pages[size / PAGE_BYTES] != NULL) {
    memset(c->pages[size / PAGE_BYTES] + kept, 0, PAGE_BYTES - kept);
  }
  c->size = size;
}

static bool is_zero(const uint8_t *at, size_t count) {
  return count == 0 || (at[0] == 0 && memcmp(at, at + 1, count - 1) == 0);
}

void faulty_content_write(faulty_content *c, uint64_t offset, weir_bytes bytes) {
  if (bytes.count > 0 && offset + bytes.count > c->size) {
    faulty_content_resize(c, offset + bytes.count);
  }
  size_t done = 0;
  while (done < bytes.count) {
    uint64_t at = offset + done;
    size_t part = part_in_page(at, bytes.count - done);
    uint8_t **page = &c->pages[at / PAGE_BYTES];
    bool shows = *page != NULL || !is_zero(bytes.at + done, part);
    if (shows && *page == NULL) *page = faulty_take(PAGE_BYTES);
    if (shows) memcpy(*page + at % PAGE_BYTES, bytes.at + done, part);
    done += part;
  }
}

size_t faulty_content_read(const faulty_content *c, uint64_t offset, void *into, size_t count) {
  if (offset >= c->size) return 0;
  if (count > c->size - offset) count = (size_t)(c->size - offset);
  uint8_t *target = into;
  size_t done = 0;
  while (done < count) {
    uint64_t at = offset + done;
    size_t part = part_in_page(at, count - done);
    const uint8_t *page = c->pages[at / PAGE_BYTES];
    if (page == NULL) {
      memset(target + done, 0, part);
    } else {
      memcpy(target + done, page + at % PAGE_BYTES, part);
    }
    done += part;
  }
  return count;
}

void faulty_content_copy(faulty_content *target, const faulty_content *source) {
  faulty_content_free(target);
  faulty_content_resize(target, source->size);
  for (size_t i = 0; i < pages_of(source->size); i++) {
    if (source->pages[i] == NULL) continue;
    target->pages[i] = faulty_take(PAGE_BYTES);
    memcpy(target->pages[i], source->pages[i], PAGE_BYTES);
  }
}

void faulty_content_free(faulty_content *c) {
  for (size_t i = 0; i < c->page_count; i++) {
    weir_free(c->pages[i]);
  }
  weir_free(c->pages);
  *c = (faulty_content){0};
}
