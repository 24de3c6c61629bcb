/* Interned texts: the decisions, sentences and numbers that a policy can speak, each journalled
 * once under an id. Records name the id, so that an answer read back after years says what was
 * said then, whatever policy is loaded now.
 *
 * A policy has a few hundred of them; the table is full at TEXTS_MAX, which refuses a reload, not
 * a matter. */
#include "internal.h"

#include <string.h>

enum { BUCKETS = TEXTS_MAX * 2 };

weir_status weir_texts_open(weir_texts **out) {
  weir_texts *t = weir_allocate(1, sizeof *t);
  if (!t) return WEIR_OUT_OF_MEMORY;
  t->offsets = weir_allocate(TEXTS_MAX + 1, sizeof *t->offsets);
  t->sizes = weir_allocate(TEXTS_MAX + 1, sizeof *t->sizes);
  t->buckets = weir_allocate(BUCKETS, sizeof *t->buckets);
  t->bytes = weir_allocate(TEXT_BYTES_MAX, 1);
  if (!t->offsets || !t->sizes || !t->buckets || !t->bytes) {
    weir_texts_close(t);
    return WEIR_OUT_OF_MEMORY;
  }
  *out = t;
  return WEIR_OK;
}

void weir_texts_close(weir_texts *t) {
  if (!t) return;
  weir_free(t->offsets);
  weir_free(t->sizes);
  weir_free(t->buckets);
  weir_free(t->bytes);
  weir_free(t);
}

weir_bytes texts_at(const weir_texts *t, uint32_t id) {
  if (id == 0 || id > t->count) return weir_view(t->bytes, 0);
  return weir_view(t->bytes + t->offsets[id], t->sizes[id]);
}

static uint32_t *bucket_of(const weir_texts *t, weir_bytes text) {
  uint64_t at = weir_hash(0, text) % BUCKETS;
  while (t->buckets[at] != 0 && !weir_equal(texts_at(t, t->buckets[at]), text)) {
    at = (at + 1) % BUCKETS;
  }
  return &t->buckets[at];
}

uint32_t texts_find(const weir_texts *t, weir_bytes text) {
  return *bucket_of(t, text);
}

weir_status texts_fits(const weir_texts *t, weir_bytes text) {
  bool fits = t->count < TEXTS_MAX && t->used + text.count <= TEXT_BYTES_MAX;
  return fits ? WEIR_OK : WEIR_FULL;
}

weir_status texts_add(weir_texts *t, uint32_t id, weir_bytes text) {
  if (id != t->count + 1) return WEIR_CORRUPT;
  weir_status status = texts_fits(t, text);
  if (status != WEIR_OK) return status;
  if (text.count > t->longest) t->longest = text.count;
  memcpy(t->bytes + t->used, text.at, text.count);
  t->offsets[id] = (uint32_t)t->used;
  t->sizes[id] = (uint32_t)text.count;
  t->used += text.count;
  uint32_t *bucket = bucket_of(t, text);
  t->count = id;
  *bucket = id;
  return WEIR_OK;
}

void record_put_text(weir_buffer *b, uint32_t id, weir_bytes text) {
  weir_put_varint(b, id);
  weir_put(b, text);
}

bool record_get_text(weir_bytes body, uint32_t *id, weir_bytes *text) {
  weir_reader r = weir_reader_over(body);
  *id = (uint32_t)weir_get_varint(&r);
  *text = weir_get(&r, r.left);
  return !r.bad;
}
