/* The file of a snapshot, data/snapshots/N.snap: what a start would know after reading the journal
 * up to its segment N. Numbers are little endian.
 *
 *   block    payload bytes (4) · CRC32C of the payload (4), continued from the block's before ·
 *            payload; the last block is empty, and the file ends with it
 *   payload  items: kind (1) · bytes (varint) · the item. The first item is the head: magic
 *            "WEIRSNP1", version (4), unit (8), segment (4), chain (4) and serial (8) with which
 *            the journal goes on, wall ms (8)
 *
 *   happy path   dot name, blocks, sync, rename, sync of the directory
 *   a crash      leaves the older snapshots; a half made file is removed with the next one
 *   damage, a cut, another file's end   some checksum does not hold: the snapshot is none
 *   of another journal   the segment that should follow begins otherwise: it is passed over
 *
 * A snapshot is checked from end to end before anything of it is believed. */
#include "internal.h"
#include "paths.h"

enum { BLOCK_HEAD = 8, VERSION = 1, ITEM_HEAD_KIND = 1, HEAD_BYTES = 44, NAMES_KEPT = 16 };

static const char MAGIC[] = "WEIRSNP1";

static void flush_block(snapshot_out *out) {
  if (out->status != WEIR_OK) return;
  uint8_t *at = out->block.at;
  size_t payload = out->block.count - BLOCK_HEAD;
  out->check = weir_crc32c(out->check, weir_view(at + BLOCK_HEAD, payload));
  weir_buffer head = weir_buffer_over(at, BLOCK_HEAD);
  weir_put_u32(&head, (uint32_t)payload);
  weir_put_u32(&head, out->check);
  const weir_os *os = out->os;
  out->status = os->write_at(os->context, out->file, out->offset, weir_buffer_view(&out->block));
  out->offset += out->block.count;
  out->block.count = BLOCK_HEAD;
}

void snapshot_put(snapshot_out *out, uint8_t kind, weir_bytes item) {
  WEIR_ASSERT(item.count <= SNAPSHOT_ITEM_MAX);
  enum { ITEM_HEAD_MAX = 6 };
  if (out->block.count + ITEM_HEAD_MAX + item.count > out->block.capacity) flush_block(out);
  weir_put_u8(&out->block, kind);
  weir_put_varint(&out->block, item.count);
  weir_put(&out->block, item);
  WEIR_ASSERT(!out->block.overflow);
}

static void put_head(snapshot_out *out, const char *unit, const snapshot_head *head) {
  uint8_t bytes[HEAD_BYTES], name[WEIR_UNIT_NAME_MAX] = {0};
  weir_buffer b = weir_buffer_over(bytes, sizeof bytes);
  memcpy(name, unit, strlen(unit));
  weir_put_text(&b, MAGIC);
  weir_put_u32(&b, VERSION);
  weir_put(&b, weir_view(name, sizeof name));
  weir_put_u32(&b, head->border.segment);
  weir_put_u32(&b, head->border.chain);
  weir_put_u64(&b, head->border.serial);
  weir_put_u64(&b, (uint64_t)head->made_ms);
  WEIR_ASSERT(!b.overflow && b.count == HEAD_BYTES);
  snapshot_put(out, ITEM_HEAD_KIND, weir_buffer_view(&b));
}

static bool get_head(weir_bytes item, const char *unit, snapshot_head *head) {
  weir_reader r = weir_reader_over(item);
  uint8_t name[WEIR_UNIT_NAME_MAX] = {0};
  memcpy(name, unit, strlen(unit));
  bool good = weir_equal(weir_get(&r, strlen(MAGIC)), weir_text(MAGIC));
  good = weir_get_u32(&r) == VERSION && good;
  good = weir_equal(weir_get(&r, sizeof name), weir_view(name, sizeof name)) && good;
  head->border.segment = weir_get_u32(&r);
  head->border.chain = weir_get_u32(&r);
  head->border.serial = weir_get_u64(&r);
  head->made_ms = (int64_t)weir_get_u64(&r);
  return good && !r.bad && r.left == 0 && head->border.segment > 1;
}

enum { NAME_BYTES = 16 };

static void name_of(char name[NAME_BYTES], uint32_t covered) {
  weir_buffer b = weir_buffer_over(name, NAME_BYTES);
  weir_put_padded(&b, covered, 10);
  weir_put_text(&b, ".snap");
  weir_put_u8(&b, 0);
  WEIR_ASSERT(!b.overflow);
}

static weir_status write_items(snapshot_out *out, const char *unit, const snapshot_head *head,
                               void (*fill)(void *user, snapshot_out *out), void *user) {
  put_head(out, unit, head);
  fill(user, out);
  flush_block(out);
  flush_block(out); /* the empty one */
  const weir_os *os = out->os;
  if (out->status == WEIR_OK) out->status = os->sync(os->context, out->file);
  return out->status;
}

weir_status snapshot_write(const weir_os *os, const char *data, const char *unit,
                           const snapshot_head *head, void (*fill)(void *user, snapshot_out *out),
                           void *user) {
  char folder[PATH_BYTES], fresh[PATH_BYTES], path[PATH_BYTES], name[NAME_BYTES];
  name_of(name, head->border.segment - 1);
  bool fit = join_path(folder, data, "/snapshots", "") &&
             join_path(fresh, data, "/snapshots/.", name) &&
             join_path(path, data, "/snapshots/", name);
  if (!fit) return WEIR_TOO_LONG;
  snapshot_out out = {.os = os, .status = WEIR_OK};
  uint8_t *memory = weir_allocate(1, SNAPSHOT_BLOCK);
  if (!memory) return WEIR_OUT_OF_MEMORY;
  out.block = weir_buffer_over(memory, SNAPSHOT_BLOCK);
  out.block.count = BLOCK_HEAD;
  weir_status status = unit_make_folder(os, folder);
  if (status == WEIR_OK) status = os->open(os->context, fresh, WEIR_OPEN_CREATE, &out.file);
  if (status == WEIR_OK) {
    status = write_items(&out, unit, head, fill, user);
    os->close(os->context, out.file);
    if (status == WEIR_OK) status = os->rename(os->context, fresh, path);
    if (status != WEIR_OK) (void)os->remove(os->context, fresh); /* or the next one does it */
    if (status == WEIR_OK) status = os->sync_directory(os->context, folder);
  }
  weir_free(memory);
  return status;
}

/* ---- Reading ---- */

typedef struct snapshot_in {
  const weir_os *os;
  weir_file *file;
  uint64_t offset;
  uint32_t check;
  uint8_t *memory; /* a block */
} snapshot_in;

static weir_status next_block(snapshot_in *in, weir_bytes *payload) {
  const weir_os *os = in->os;
  size_t got = 0;
  weir_status status =
      os->read_at(os->context, in->file, in->offset, in->memory, SNAPSHOT_BLOCK, &got);
  if (status != WEIR_OK) return status;
  weir_reader r = weir_reader_over(weir_view(in->memory, got));
  uint32_t count = weir_get_u32(&r), check = weir_get_u32(&r);
  *payload = weir_get(&r, count);
  if (r.bad) return WEIR_CORRUPT;
  in->check = weir_crc32c(in->check, *payload);
  in->offset += BLOCK_HEAD + payload->count;
  return in->check == check ? WEIR_OK : WEIR_CORRUPT;
}

static weir_status take_items(weir_bytes payload, bool has_head, const char *unit,
                              snapshot_head *head,
                              weir_status (*each)(void *user, uint8_t kind, weir_bytes item),
                              void *user) {
  weir_reader r = weir_reader_over(payload);
  while (r.left > 0) {
    uint8_t kind = weir_get_u8(&r);
    uint64_t count = weir_get_varint(&r);
    if (r.bad || count > r.left) return WEIR_CORRUPT;
    weir_bytes item = weir_get(&r, (size_t)count);
    weir_status status = WEIR_OK;
    if (!has_head) {
      bool good = kind == ITEM_HEAD_KIND && get_head(item, unit, head);
      if (!good) return WEIR_CORRUPT;
      has_head = true;
    } else if (each) {
      status = each(user, kind, item);
    }
    if (status != WEIR_OK) return status;
  }
  return WEIR_OK;
}

static weir_status read_blocks(snapshot_in *in, const char *unit, snapshot_head *head,
                               weir_status (*each)(void *user, uint8_t kind, weir_bytes item),
                               void *user) {
  bool first = true;
  for (;;) {
    weir_bytes payload;
    weir_status status = next_block(in, &payload);
    if (status != WEIR_OK) return status;
    if (payload.count == 0) break;
    status = take_items(payload, !first, unit, head, each, user);
    if (status != WEIR_OK) return status;
    first = false;
  }
  uint64_t size = 0;
  weir_status status = in->os->size(in->os->context, in->file, &size);
  if (status != WEIR_OK) return status;
  return size == in->offset && !first ? WEIR_OK : WEIR_CORRUPT;
}

weir_status snapshot_read(const weir_os *os, const char *path, const char *unit,
                          snapshot_head *head,
                          weir_status (*each)(void *user, uint8_t kind, weir_bytes item),
                          void *user) {
  snapshot_in in = {.os = os};
  in.memory = weir_allocate(1, SNAPSHOT_BLOCK);
  if (!in.memory) return WEIR_OUT_OF_MEMORY;
  weir_status status = os->open(os->context, path, WEIR_OPEN_READ, &in.file);
  if (status == WEIR_OK) status = read_blocks(&in, unit, head, each, user);
  os->close(os->context, in.file);
  weir_free(in.memory);
  return status;
}

weir_status weir_snapshot_check(const weir_os *os, const char *path, const char *unit) {
  snapshot_head head;
  return snapshot_read(os, path, unit, &head, NULL, NULL);
}

/* ---- Choosing ---- */

typedef struct snapshot_names {
  uint32_t covered[NAMES_KEPT]; /* the newest ones, as a ring */
  size_t count;
} snapshot_names;

static weir_status note_name(void *user, const char *name) {
  snapshot_names *names = user;
  uint64_t covered = 0;
  bool ours = strlen(name) == NAME_BYTES - 1 && strcmp(name + 10, ".snap") == 0 &&
              weir_decimal_read(weir_view(name, 10), &covered) == WEIR_OK && covered < INT32_MAX;
  if (ours) names->covered[names->count++ % NAMES_KEPT] = (uint32_t)covered;
  return WEIR_OK;
}

static weir_status note_size(void *user, uint8_t kind, weir_bytes item) {
  snapshot_sizes *sizes = user;
  sizes->items[kind]++;
  sizes->bytes[kind] += item.count;
  return WEIR_OK;
}

/* Does this one hold, and does the journal go on where it ends? */
static bool is_good(const weir_os *os, const char *journal, const char *unit, uint32_t covered,
                    snapshot_choice *choice) {
  weir_border border;
  snapshot_head head = {0};
  choice->sizes = (snapshot_sizes){0};
  weir_status status = snapshot_read(os, choice->path, unit, &head, note_size, &choice->sizes);
  if (status != WEIR_OK) return false;
  if (head.border.segment != covered + 1) return false;
  if (weir_journal_border(os, journal, unit, covered + 1, &border) != WEIR_OK) return false;
  choice->head = head;
  return border.serial == head.border.serial && border.chain == head.border.chain;
}

weir_status snapshot_choose(const weir_os *os, const char *data, const char *unit,
                            snapshot_choice *choice) {
  char folder[PATH_BYTES], journal[PATH_BYTES], name[NAME_BYTES];
  snapshot_names names = {.count = 0};
  uint32_t newest = 0;
  memset(choice, 0, sizeof *choice);
  if (!join_path(folder, data, "/snapshots", "") || !join_path(journal, data, "/journal", "")) {
    return WEIR_TOO_LONG;
  }
  weir_status status = weir_journal_held(os, journal, &choice->oldest, &newest);
  if (status == WEIR_NOT_FOUND) return WEIR_OK; /* a unit that never ran */
  if (status == WEIR_CORRUPT) status = WEIR_OK; /* recovery says what is missing */
  if (status == WEIR_OK) status = os->list(os->context, folder, note_name, &names);
  if (status == WEIR_NOT_FOUND) status = WEIR_OK;
  if (status != WEIR_OK) return status;
  for (size_t i = 0; i < names.count && i < NAMES_KEPT; i++) {
    uint32_t covered = names.covered[(names.count - 1 - i) % NAMES_KEPT];
    name_of(name, covered);
    if (!join_path(choice->path, folder, "/", name)) return WEIR_TOO_LONG;
    if (is_good(os, journal, unit, covered, choice)) return WEIR_OK;
    choice->head = (snapshot_head){0};
    if (choice->doubted[0] == 0) memcpy(choice->doubted, name, sizeof name);
  }
  return choice->oldest > 1 ? WEIR_CORRUPT : WEIR_OK;
}

typedef struct tidying {
  const weir_os *os;
  const char *folder;
  char keep[2][NAME_BYTES];
} tidying;

static weir_status tidy_name(void *user, const char *name) {
  const tidying *t = user;
  size_t count = strlen(name);
  bool ours = count >= 5 && strcmp(name + count - 5, ".snap") == 0;
  if (!ours || strcmp(name, t->keep[0]) == 0 || strcmp(name, t->keep[1]) == 0) return WEIR_OK;
  char path[PATH_BYTES];
  if (!join_path(path, t->folder, "/", name)) return WEIR_TOO_LONG;
  weir_status status = t->os->remove(t->os->context, path);
  return status == WEIR_NOT_FOUND ? WEIR_OK : status;
}

weir_status snapshot_tidy(const weir_os *os, const char *data, uint32_t keep, uint32_t keep_too) {
  char folder[PATH_BYTES];
  tidying t = {.os = os, .folder = folder};
  name_of(t.keep[0], keep);
  name_of(t.keep[1], keep_too);
  if (!join_path(folder, data, "/snapshots", "")) return WEIR_TOO_LONG;
  return os->list(os->context, folder, tidy_name, &t);
}
