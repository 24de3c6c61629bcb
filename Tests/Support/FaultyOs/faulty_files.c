/* faulty_files.c: open files, and the list of what was written and not synced.
 *
 *   happy path     a write changes what is seen and joins the list; a sync empties the list into
 *                  what is durable
 *   a fault strikes a write   a beginning of it is written, up to some sector
 *   a fault strikes a sync    each sector of the list is kept or not; the list is forgotten
 *   the disk is full          whole sectors that fit are written, then NO_SPACE
 *   the opener is dead        IO_FAILED
 */
#include "faulty.h"

#include <string.h>

/* ---- Changes ------------------------------------------------------------------------------ */

static void add_change(faulty_file *file, faulty_change_kind kind, uint64_t offset,
                       weir_bytes bytes) {
  faulty_change *change = faulty_take(sizeof *change + bytes.count);
  change->kind = kind;
  change->offset = offset;
  change->count = bytes.count;
  if (bytes.count > 0) memcpy(change->bytes, bytes.at, bytes.count);
  if (file->last == NULL) {
    file->first = change;
  } else {
    file->last->next = change;
  }
  file->last = change;
}

static void apply_change(faulty_content *content, const faulty_change *change) {
  switch (change->kind) {
  case CHANGE_WRITE:
    faulty_content_write(content, change->offset, weir_view(change->bytes, change->count));
    return;
  case CHANGE_GROW:
    if (content->size < change->offset) faulty_content_resize(content, change->offset);
    return;
  case CHANGE_TRUNCATE:
    faulty_content_resize(content, 0);
    return;
  }
}

void faulty_forget_changes(faulty_file *file) {
  while (file->first != NULL) {
    faulty_change *change = file->first;
    file->first = change->next;
    weir_free(change);
  }
  file->last = NULL;
}

void faulty_settle_file(faulty_file *file) {
  for (const faulty_change *change = file->first; change != NULL; change = change->next) {
    apply_change(&file->durable, change);
  }
  faulty_forget_changes(file);
}

/* ---- Space and sweeping ------------------------------------------------------------------- */

static void mark_reached(const weir_faulty_os *os, bool with_durable) {
  for (faulty_file *file = os->files; file != NULL; file = file->next) {
    file->reached = false;
  }
  for (const faulty_name *name = os->seen; name != NULL; name = name->next) {
    name->file->reached = true;
  }
  for (const weir_file *handle = os->opens; handle != NULL; handle = handle->next) {
    if (handle->file != NULL) handle->file->reached = true;
  }
  if (!with_durable) return;
  for (const faulty_name *name = os->durable; name != NULL; name = name->next) {
    name->file->reached = true;
  }
  for (const faulty_name_change *c = os->first; c != NULL; c = c->next) {
    if (c->file != NULL) c->file->reached = true;
  }
}

uint64_t faulty_used(const weir_faulty_os *os) {
  /* What only the past still names takes no room. */
  mark_reached(os, false);
  uint64_t used = 0;
  for (const faulty_file *file = os->files; file != NULL; file = file->next) {
    if (file->reached) used += file->seen.size;
  }
  return used;
}

void faulty_sweep(weir_faulty_os *os) {
  mark_reached(os, true);
  faulty_file **link = &os->files;
  while (*link != NULL) {
    faulty_file *file = *link;
    if (file->reached) {
      link = &file->next;
      continue;
    }
    *link = file->next;
    faulty_forget_changes(file);
    faulty_content_free(&file->seen);
    faulty_content_free(&file->durable);
    weir_free(file);
  }
}

static uint64_t free_space(const weir_faulty_os *os) {
  uint64_t used = faulty_used(os);
  return used < os->capacity ? os->capacity - used : 0;
}

/* ---- Opening and closing ------------------------------------------------------------------ */

static weir_status find_to_open(weir_faulty_os *os, const char *path, weir_open_mode mode,
                                faulty_file **out) {
  faulty_file *file = faulty_find(os->seen, path);
  if (file == NULL) {
    bool may_make = mode == WEIR_OPEN_CREATE || mode == WEIR_OPEN_LOCK;
    if (!may_make || !faulty_has_parent(os, path)) return WEIR_NOT_FOUND;
    file = faulty_make(os, path, false);
  }
  if (file->directory) return WEIR_IO_FAILED;
  if (mode == WEIR_OPEN_LOCK && file->lock != NULL) return WEIR_BUSY;
  *out = file;
  return WEIR_OK;
}

weir_status faulty_open(void *context, const char *path, weir_open_mode mode, weir_file **out) {
  weir_faulty_os *os = context;
  weir_status status;
  if (faulty_strikes(os, WEIR_FAULTY_OPEN, &status)) return status;
  faulty_file *file = NULL;
  status = find_to_open(os, path, mode, &file);
  if (status != WEIR_OK) return status;
  if (mode == WEIR_OPEN_CREATE && file->seen.size > 0) {
    add_change(file, CHANGE_TRUNCATE, 0, weir_view(NULL, 0));
    faulty_content_resize(&file->seen, 0);
  }
  weir_file *handle = faulty_take(sizeof *handle);
  handle->file = file;
  handle->writable = mode != WEIR_OPEN_READ;
  handle->next = os->opens;
  os->opens = handle;
  if (mode == WEIR_OPEN_LOCK) file->lock = handle;
  *out = handle;
  return WEIR_OK;
}

void faulty_close(void *context, weir_file *handle) {
  weir_faulty_os *os = context;
  if (handle == NULL) return;
  weir_file **link = &os->opens;
  while (*link != NULL && *link != handle) {
    link = &(*link)->next;
  }
  WEIR_ASSERT(*link == handle);
  *link = handle->next;
  if (handle->file != NULL && handle->file->lock == handle) handle->file->lock = NULL;
  weir_free(handle);
  faulty_sweep(os);
}

/* ---- Reading and writing ------------------------------------------------------------------ */

weir_status faulty_read_at(void *context, weir_file *handle, uint64_t offset, void *into,
                           size_t count, size_t *got) {
  weir_faulty_os *os = context;
  weir_status status;
  if (faulty_strikes(os, WEIR_FAULTY_READ_AT, &status)) return status;
  if (handle->file == NULL) return WEIR_IO_FAILED;
  *got = faulty_content_read(&handle->file->seen, offset, into, count);
  return WEIR_OK;
}

static void write_seen(faulty_file *file, uint64_t offset, weir_bytes bytes) {
  if (bytes.count == 0) return;
  faulty_content_write(&file->seen, offset, bytes);
  add_change(file, CHANGE_WRITE, offset, bytes);
}

static size_t whole_sectors(uint64_t count) {
  return (size_t)(count / SECTOR_BYTES * SECTOR_BYTES);
}

/* How much of a write the disk has room for; only what lies beyond the end takes room. */
static size_t writable_count(const weir_faulty_os *os, const faulty_file *file, uint64_t offset,
                             size_t count) {
  uint64_t end_max = file->seen.size + free_space(os);
  if (end_max < file->seen.size) end_max = UINT64_MAX;
  if (offset + count <= file->seen.size || offset + count <= end_max) return count;
  return offset < end_max ? whole_sectors(end_max - offset) : 0;
}

weir_status faulty_write_at(void *context, weir_file *handle, uint64_t offset, weir_bytes bytes) {
  weir_faulty_os *os = context;
  weir_status status;
  bool struck = faulty_strikes(os, WEIR_FAULTY_WRITE_AT, &status);
  if (handle->file == NULL || !handle->writable) return WEIR_IO_FAILED;
  if (struck) {
    size_t begun = whole_sectors(faulty_draw(&os->chance) % (bytes.count + 1));
    begun = writable_count(os, handle->file, offset, begun);
    write_seen(handle->file, offset, weir_view(bytes.at, begun));
    return status;
  }
  size_t count = writable_count(os, handle->file, offset, bytes.count);
  write_seen(handle->file, offset, weir_view(bytes.at, count));
  return count == bytes.count ? WEIR_OK : WEIR_NO_SPACE;
}

/* The kernel tried each page once and forgot about it. */
static void sync_by_chance(weir_faulty_os *os, faulty_file *file) {
  for (const faulty_change *change = file->first; change != NULL; change = change->next) {
    if (change->kind != CHANGE_WRITE) {
      if (faulty_draw(&os->chance) % 2 == 0) apply_change(&file->durable, change);
      continue;
    }
    size_t at = 0;
    while (at < change->count) {
      size_t part = SECTOR_BYTES - (size_t)((change->offset + at) % SECTOR_BYTES);
      if (part > change->count - at) part = change->count - at;
      if (faulty_draw(&os->chance) % 2 == 0) {
        faulty_content_write(&file->durable, change->offset + at,
                             weir_view(change->bytes + at, part));
      }
      at += part;
    }
  }
  faulty_forget_changes(file);
}

weir_status faulty_sync(void *context, weir_file *handle) {
  weir_faulty_os *os = context;
  weir_status status;
  bool struck = faulty_strikes(os, WEIR_FAULTY_SYNC, &status);
  if (handle->file == NULL) return WEIR_SYNC_FAILED;
  if (struck) {
    sync_by_chance(os, handle->file);
    return status;
  }
  faulty_settle_file(handle->file);
  return WEIR_OK;
}

weir_status faulty_reserve(void *context, weir_file *handle, uint64_t size) {
  weir_faulty_os *os = context;
  weir_status status;
  if (faulty_strikes(os, WEIR_FAULTY_RESERVE, &status)) return status;
  if (handle->file == NULL || !handle->writable) return WEIR_IO_FAILED;
  faulty_file *file = handle->file;
  if (size <= file->seen.size) return WEIR_OK;
  if (size - file->seen.size > free_space(os)) return WEIR_NO_SPACE;
  faulty_content_resize(&file->seen, size);
  add_change(file, CHANGE_GROW, size, weir_view(NULL, 0));
  return WEIR_OK;
}

weir_status faulty_size(void *context, weir_file *handle, uint64_t *size) {
  weir_faulty_os *os = context;
  weir_status status;
  if (faulty_strikes(os, WEIR_FAULTY_SIZE, &status)) return status;
  if (handle->file == NULL) return WEIR_IO_FAILED;
  *size = handle->file->seen.size;
  return WEIR_OK;
}
