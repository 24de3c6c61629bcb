/* Fuzzing the journal's recovery: whatever lies in the directory, it must not crash, must not read
 * past its files and must not change anything.
 *
 * Happy path: an input with an even first byte is the bytes of a segment file as they are. One with
 * an odd first byte is a recipe: frames and segments that hold, then bytes flipped and ends cut, so
 * that the fuzzer gets behind the checksums. The directory is opened for reading only, every frame
 * is touched, found again by its serial and read back.
 *
 * What can go wrong: a call that would change the directory traps here, and so does a frame that
 * recovery reported and that cannot be read back.
 */
#include "../fuzz_memory.h"
#include "internal.h"

enum { FILES = 2, FILE_BYTES = 320 * 1024, LOOKS_MAX = 8 };

typedef struct world {
  uint8_t *bytes[FILES];
  size_t count[FILES];
  unsigned files;
} world;

typedef struct looks {
  uint64_t frames;
  uint64_t sum;
  weir_position at[LOOKS_MAX];
} looks;

static unsigned index_of(const weir_file *file) {
  return (unsigned)(uintptr_t)file - 1;
}

static weir_status world_open(void *context, const char *path, weir_open_mode mode,
                              weir_file **out) {
  const world *w = context;
  WEIR_ASSERT(mode == WEIR_OPEN_READ);
  for (unsigned i = 0; i < w->files; i++) {
    file_path own = weir_journal_path("/j", NAME_SEGMENT, i + 1);
    if (strcmp(path, own.text) != 0) continue;
    *out = (weir_file *)(uintptr_t)(i + 1); /* never looked into: only its number counts */
    return WEIR_OK;
  }
  return WEIR_NOT_FOUND;
}

static void world_close(void *context, weir_file *file) {
  const world *w = context;
  WEIR_ASSERT(index_of(file) < w->files);
}

static weir_status world_read(void *context, weir_file *file, uint64_t offset, void *into,
                              size_t count, size_t *got) {
  const world *w = context;
  unsigned i = index_of(file);
  *got = 0;
  if (offset >= w->count[i]) return WEIR_OK;
  *got = count < w->count[i] - offset ? count : w->count[i] - (size_t)offset;
  memcpy(into, w->bytes[i] + offset, *got);
  return WEIR_OK;
}

static weir_status world_size(void *context, weir_file *file, uint64_t *size) {
  const world *w = context;
  *size = w->count[index_of(file)];
  return WEIR_OK;
}

static weir_status world_list(void *context, const char *path,
                              weir_status (*each)(void *user, const char *name), void *user) {
  const world *w = context;
  weir_status status = WEIR_OK;
  (void)path;
  for (unsigned i = 0; i < w->files && status == WEIR_OK; i++) {
    file_path own = weir_journal_path("", NAME_SEGMENT, i + 1);
    status = each(user, own.text + 1);
  }
  return status;
}

static weir_status touch(void *user, const weir_frame_view *view) {
  looks *l = user;
  l->sum += weir_crc32c(0, view->body); /* every byte is read */
  WEIR_ASSERT(view->kind != 0);
  l->at[l->frames % LOOKS_MAX] = view->position;
  l->frames++;
  return WEIR_OK;
}

/* ---- The recipe --------------------------------------------------------------------------- */

typedef struct cook {
  world *w;
  uint32_t seed;
  uint32_t chain;
  uint64_t serial;
  uint32_t index;
  uint16_t position;
  bool has_long;
} cook;

static void begin_segment(cook *c) {
  world *w = c->w;
  if (w->files == FILES) return;
  unsigned i = w->files++;
  segment_header header = {.version = FORMAT_VERSION,
                           .number = w->files,
                           .salt = w->files * 77u,
                           .next_salt = (w->files + 1) * 77u,
                           .first_serial = c->serial,
                           .chain = c->chain};
  memcpy(header.unit, "kd1", 3);
  weir_journal_put_header(w->bytes[i], &header);
  w->count[i] = WEIR_JOURNAL_HEADER_BYTES;
  c->seed = weir_journal_seed(header.salt);
  c->index = 0;
  c->position = 0;
}

static void add_frame(cook *c, weir_reader *r, uint8_t kind) {
  world *w = c->w;
  unsigned i = w->files - 1;
  size_t body_bytes = weir_get_u8(r);
  if (body_bytes == 255 && !c->has_long) {
    body_bytes = WEIR_JOURNAL_BODY_MAX - weir_get_u8(r);
    c->has_long = true; /* one tells as much as several, in a fraction of the time */
  }
  size_t size = weir_journal_frame_size(body_bytes);
  if (size > FILE_BYTES - w->count[i]) return;
  if ((kind & 1) != 0) c->position = 0;
  c->serial++;
  frame_header frame = {.chain = c->chain,
                        .index = c->index++,
                        .body_bytes = (uint32_t)body_bytes,
                        .kind = kind,
                        .position = c->position++};
  uint8_t *at = w->bytes[i] + w->count[i];
  memset(at, 0, size);
  memset(at + WEIR_JOURNAL_FRAME_BYTES, kind, body_bytes);
  weir_journal_seal_frame(at, &frame, c->seed);
  c->chain = frame.checksum;
  w->count[i] += size;
}

static void prepare(world *w, weir_reader *r) {
  cook c = {.w = w, .serial = 1};
  begin_segment(&c);
  for (unsigned steps = 0; steps < 4096 && r->left > 0 && !r->bad; steps++) {
    uint8_t what = weir_get_u8(r);
    unsigned i = (what >> 3) % w->files;
    uint64_t at = (uint64_t)weir_get_u8(r) << 10 | weir_get_u16(r);
    if ((what & 7) == 0) {
      begin_segment(&c);
    } else if ((what & 7) == 1 && w->count[i] > 0) {
      w->bytes[i][at % w->count[i]] ^= weir_get_u8(r);
    } else if ((what & 7) == 2 && w->count[i] > 0 && weir_get_u8(r) == 7) {
      w->count[i] = at % w->count[i];
    } else {
      add_frame(&c, r, (what & WEIR_JOURNAL_KIND_MAX) | 2);
    }
  }
}

static void look_again(weir_journal *j, const looks *l) {
  static uint8_t memory[WEIR_JOURNAL_BODY_MAX];
  weir_position hint = 0;
  weir_position found;
  weir_frame_view view;
  weir_buffer into = weir_buffer_over(memory, WEIR_JOURNAL_BODY_MAX);
  uint64_t kept = l->frames < LOOKS_MAX ? l->frames : LOOKS_MAX;
  for (uint64_t i = 0; i < kept; i++) {
    WEIR_ASSERT(weir_journal_read(j, l->at[i], &into, &view) == WEIR_OK);
    WEIR_ASSERT(weir_journal_seek(j, view.serial, &hint, &found) == WEIR_OK);
    WEIR_ASSERT(found == l->at[i]);
    /* A place where no frame begins may be anything but a crash. */
    (void)weir_journal_read(j, l->at[i] + 4, &into, &view);
    hint = l->at[i] + 4;
    (void)weir_journal_seek(j, view.serial, &hint, &found);
    hint = 0;
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count) {
  static uint8_t files[FILES][FILE_BYTES]; /* what was left there lies behind the files' ends */
  world w = {.files = 0};
  for (unsigned i = 0; i < FILES; i++) w.bytes[i] = files[i];
  weir_reader r = weir_reader_over(weir_view(data, count));
  if ((weir_get_u8(&r) & 1) != 0) {
    prepare(&w, &r);
  } else {
    w.files = 1;
    w.count[0] = r.left < FILE_BYTES ? r.left : FILE_BYTES;
    memcpy(w.bytes[0], r.at, w.count[0]);
  }
  weir_os os = {.context = &w,
                .open = world_open,
                .close = world_close,
                .read_at = world_read,
                .size = world_size,
                .list = world_list};
  weir_journal_options options = {.directory = "/j", .unit = "kd1", .read_only = true};
  weir_journal_finding finding;
  weir_journal *j = NULL;
  looks l = {.frames = 0};
  weir_status status = weir_journal_open(&options, &os, touch, &l, &finding, &j);
  WEIR_ASSERT((status == WEIR_OK) == (j != NULL));
  if (j != NULL) {
    WEIR_ASSERT(finding.frames == l.frames);
    look_again(j, &l);
  } else {
    WEIR_ASSERT(status == WEIR_CORRUPT && finding.reason[0] != 0);
  }
  weir_journal_close(j);
  return 0;
}
