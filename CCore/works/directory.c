/* Delivery to a directory: one file an item.
 *
 *   stage    every file is written under DIR/.staging; one syncfs for the batch, or a sync each
 *            when they are few
 *   publish  renames into DIR (DIR/drill, DIR/.quarantine), one sync of each directory that
 *            changed; done again after a failure, it finds some of them in their place already
 *   recover  a staged file that is marked is renamed, any other removed
 *
 * A name that begins with a dot is never a delivered item: readers pass over it. */
#include "internal.h"
#include "paths.h"

#include <string.h>

enum { FEW_FILES = 8 };

static weir_status sync_folder(const weir_os *os, const char *folder) {
  return os->sync_directory(os->context, folder);
}

static weir_status write_staged(const directory_way *d, const weir_os *os,
                                const weir_delivery_item *item, bool sync) {
  char path[PATH_BYTES];
  weir_file *file = NULL;
  if (!join_name(path, d->staging, "/", item->name)) return WEIR_TOO_LONG;
  weir_status status = os->open(os->context, path, WEIR_OPEN_CREATE, &file);
  if (status != WEIR_OK) return status;
  status = os->write_at(os->context, file, 0, item->bytes);
  if (status == WEIR_OK && sync) status = os->sync(os->context, file);
  os->close(os->context, file);
  return status;
}

static weir_status stage_batch(void *context, const weir_os *os, const weir_delivery_item *items,
                               size_t count) {
  const directory_way *d = context;
  bool few = count <= FEW_FILES;
  for (size_t i = 0; i < count; i++) {
    weir_status status = write_staged(d, os, &items[i], few);
    if (status != WEIR_OK) return status;
  }
  if (few) return sync_folder(os, d->staging);
  return os->sync_filesystem(os->context, d->path);
}

static const char *folder_of(const directory_way *d, bool quarantined, bool drill) {
  return quarantined ? d->quarantine : drill ? d->drill : d->path;
}

static weir_status show(const directory_way *d, const weir_os *os, weir_bytes name,
                        const char *folder) {
  char source[PATH_BYTES], target[PATH_BYTES];
  if (!join_name(source, d->staging, "/", name)) return WEIR_TOO_LONG;
  if (!join_name(target, folder, "/", name)) return WEIR_TOO_LONG;
  weir_status status = os->rename(os->context, source, target);
  weir_file *file = NULL;
  /* Made when the first drill comes: where there are none, nothing stands beside the items. */
  if (status == WEIR_NOT_FOUND && folder == d->drill) {
    status = unit_make_folder(os, d->drill);
    if (status == WEIR_OK) status = os->rename(os->context, source, target);
  }
  if (status != WEIR_NOT_FOUND) return status;
  if (os->open(os->context, target, WEIR_OPEN_READ, &file) != WEIR_OK) return status;
  os->close(os->context, file);
  return WEIR_OK;
}

static weir_status publish_batch(void *context, const weir_os *os, const weir_delivery_item *items,
                                 size_t count) {
  const directory_way *d = context;
  bool quarantined = false, drill = false;
  for (size_t i = 0; i < count; i++) {
    const weir_delivery_item *item = &items[i];
    const char *folder = folder_of(d, item->quarantined, item->drill);
    weir_status status = show(d, os, item->name, folder);
    if (status != WEIR_OK) return status;
    quarantined = quarantined || folder == d->quarantine;
    drill = drill || folder == d->drill;
  }
  weir_status status = quarantined ? sync_folder(os, d->quarantine) : WEIR_OK;
  if (status == WEIR_OK && drill) status = sync_folder(os, d->drill);
  return status == WEIR_OK ? sync_folder(os, d->path) : status;
}

typedef struct settling {
  const directory_way *way;
  const weir_os *os;
  bool (*is_marked)(const void *user, weir_bytes name);
  const void *user;
} settling;

static weir_status settle_staged(void *user, const char *name) {
  const settling *s = user;
  weir_bytes text = weir_text(name);
  if (s->is_marked(s->user, text)) {
    bool quarantined = strncmp(name, QUARANTINE_PREFIX, strlen(QUARANTINE_PREFIX)) == 0;
    /* A drill's number is UNIT-DAY-YSERIAL; no other name has a dash before a Y. */
    bool drill = strstr(name, "-Y") != NULL;
    return show(s->way, s->os, text, folder_of(s->way, quarantined, drill));
  }
  char path[PATH_BYTES];
  if (!join_path(path, s->way->staging, "/", name)) return WEIR_TOO_LONG;
  return s->os->remove(s->os->context, path);
}

static weir_status recover(void *context, const weir_os *os,
                           bool (*is_marked)(const void *user, weir_bytes name), const void *user) {
  const directory_way *d = context;
  settling s = {d, os, is_marked, user};
  weir_status status = os->list(os->context, d->staging, settle_staged, &s);
  if (status == WEIR_OK) status = sync_folder(os, d->drill);
  if (status == WEIR_NOT_FOUND) status = WEIR_OK; /* no drill ever came */
  if (status == WEIR_OK) status = sync_folder(os, d->quarantine);
  return status == WEIR_OK ? sync_folder(os, d->path) : status;
}

weir_status directory_open(directory_way *d, const char *directory, const weir_os *os) {
  d->path = directory;
  d->way = (weir_delivery){d, stage_batch, publish_batch, recover};
  bool fit = join_path(d->staging, directory, "/.staging", "") &&
             join_path(d->quarantine, directory, "/.quarantine", "") &&
             join_path(d->drill, directory, "/drill", "");
  if (!fit) return WEIR_TOO_LONG;
  weir_status status = unit_make_folder(os, d->path);
  if (status == WEIR_OK) status = unit_make_folder(os, d->staging);
  if (status == WEIR_OK) status = unit_make_folder(os, d->quarantine);
  return status == WEIR_OK ? sync_folder(os, d->path) : status;
}
