/* faulty_names.c: names, as seen and as durable, and the list of changes between them.
 *
 *   happy path     a change is made to what is seen and joins the list; syncing its directory
 *                  carries it out on the durable names too
 *   a rename       belongs to the directory of its target: both of its halves, or none
 *   no such name or directory   NOT_FOUND
 *   directories    can be made and listed, neither renamed nor removed: UNSUPPORTED
 */
#include "faulty.h"

#include <stdlib.h>
#include <string.h>

/* Paths are compared as text, so one slash stands between names and none at the end. */
static char *copy_path(const char *path) {
  size_t length = strlen(path);
  char *copy = faulty_take(length + 2);
  size_t count = 0;
  for (size_t i = 0; i < length; i++) {
    if (path[i] == '/' && count > 0 && copy[count - 1] == '/') continue;
    copy[count++] = path[i];
  }
  while (count > 1 && copy[count - 1] == '/') {
    count--;
  }
  copy[count] = '\0';
  return copy;
}

static char *parent_of(const char *path) {
  char *parent = copy_path(path);
  char *slash = strrchr(parent, '/');
  if (slash == NULL) {
    parent[0] = '.';
    parent[1] = '\0';
  } else {
    slash[slash == parent ? 1 : 0] = '\0';
  }
  return parent;
}

/* The name after the last slash of a path that copy_path made. */
static const char *last_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash == NULL ? path : slash + 1;
}

static bool same_parent(const char *path, const char *directory) {
  char *parent = parent_of(path);
  bool same = strcmp(parent, directory) == 0;
  weir_free(parent);
  return same;
}

/* ---- Lists of names ----------------------------------------------------------------------- */

static faulty_file *find_copied(const faulty_name *names, const char *path) {
  for (; names != NULL; names = names->next) {
    if (strcmp(names->path, path) == 0) return names->file;
  }
  return NULL;
}

faulty_file *faulty_find(const faulty_name *names, const char *path) {
  char *copy = copy_path(path);
  faulty_file *file = find_copied(names, copy);
  weir_free(copy);
  return file;
}

static void unname(faulty_name **names, const char *path) {
  for (faulty_name **link = names; *link != NULL; link = &(*link)->next) {
    faulty_name *name = *link;
    if (strcmp(name->path, path) != 0) continue;
    *link = name->next;
    weir_free(name->path);
    weir_free(name);
    return;
  }
}

/* Kept sorted by bytes, as listing wants them. */
static void add_name(faulty_name **names, const char *path, faulty_file *file) {
  unname(names, path);
  while (*names != NULL && strcmp((*names)->path, path) < 0) {
    names = &(*names)->next;
  }
  faulty_name *name = faulty_take(sizeof *name);
  name->path = copy_path(path);
  name->file = file;
  name->next = *names;
  *names = name;
}

void faulty_apply(faulty_name **names, const faulty_name_change *change) {
  if (change->removed != NULL) unname(names, change->removed);
  if (change->added != NULL) add_name(names, change->added, change->file);
}

void faulty_forget_names(faulty_name **names) {
  while (*names != NULL) {
    faulty_name *name = *names;
    *names = name->next;
    weir_free(name->path);
    weir_free(name);
  }
}

bool faulty_is_directory(const weir_faulty_os *os, const char *path) {
  if (strcmp(path, "/") == 0 || strcmp(path, ".") == 0) return true;
  const faulty_file *file = faulty_find(os->seen, path);
  return file != NULL && file->directory;
}

bool faulty_has_parent(const weir_faulty_os *os, const char *path) {
  char *parent = parent_of(path);
  bool has = faulty_is_directory(os, parent);
  weir_free(parent);
  return has;
}

void faulty_copy_names(weir_faulty_os *os, faulty_name **names, const faulty_name *source) {
  WEIR_ASSERT(names == &os->seen || names == &os->durable);
  faulty_forget_names(names);
  /* Sorted, so a directory comes before what is in it. */
  for (; source != NULL; source = source->next) {
    if (names == &os->seen && !faulty_has_parent(os, source->path)) continue;
    add_name(names, source->path, source->file);
  }
}

/* ---- Changes of names --------------------------------------------------------------------- */

static void free_change(faulty_name_change *change) {
  weir_free(change->removed);
  weir_free(change->added);
  weir_free(change);
}

void faulty_forget_name_changes(weir_faulty_os *os) {
  while (os->first != NULL) {
    faulty_name_change *change = os->first;
    os->first = change->next;
    free_change(change);
  }
  os->last = NULL;
}

static void change_names(weir_faulty_os *os, const char *removed, const char *added,
                         faulty_file *file) {
  faulty_name_change *change = faulty_take(sizeof *change);
  change->removed = removed == NULL ? NULL : copy_path(removed);
  change->added = added == NULL ? NULL : copy_path(added);
  change->file = file;
  if (os->last == NULL) {
    os->first = change;
  } else {
    os->last->next = change;
  }
  os->last = change;
  faulty_apply(&os->seen, change);
}

static void settle_directory(weir_faulty_os *os, const char *directory) {
  faulty_name_change **link = &os->first;
  os->last = NULL;
  while (*link != NULL) {
    faulty_name_change *change = *link;
    const char *path = change->added != NULL ? change->added : change->removed;
    if (!same_parent(path, directory)) {
      os->last = change;
      link = &change->next;
      continue;
    }
    faulty_apply(&os->durable, change);
    *link = change->next;
    free_change(change);
  }
}

faulty_file *faulty_make(weir_faulty_os *os, const char *path, bool directory) {
  faulty_file *file = faulty_take(sizeof *file);
  file->directory = directory;
  file->next = os->files;
  os->files = file;
  change_names(os, NULL, path, file);
  return file;
}

/* ---- The table's functions ---------------------------------------------------------------- */

weir_status faulty_rename(void *context, const char *source, const char *target) {
  weir_faulty_os *os = context;
  weir_status status;
  if (faulty_strikes(os, WEIR_FAULTY_RENAME, &status)) return status;
  faulty_file *file = faulty_find(os->seen, source);
  if (file == NULL || !faulty_has_parent(os, target)) return WEIR_NOT_FOUND;
  if (file->directory || faulty_is_directory(os, target)) return WEIR_UNSUPPORTED;
  if (faulty_find(os->seen, target) == file) return WEIR_OK;
  change_names(os, source, target, file);
  faulty_sweep(os);
  return WEIR_OK;
}

weir_status faulty_remove(void *context, const char *path) {
  weir_faulty_os *os = context;
  weir_status status;
  if (faulty_strikes(os, WEIR_FAULTY_REMOVE, &status)) return status;
  const faulty_file *file = faulty_find(os->seen, path);
  if (file == NULL) return WEIR_NOT_FOUND;
  if (file->directory) return WEIR_UNSUPPORTED;
  change_names(os, path, NULL, NULL);
  faulty_sweep(os);
  return WEIR_OK;
}

weir_status faulty_sync_directory(void *context, const char *path) {
  weir_faulty_os *os = context;
  weir_status status;
  if (faulty_strikes(os, WEIR_FAULTY_SYNC_DIRECTORY, &status)) return status;
  if (!faulty_is_directory(os, path)) return WEIR_NOT_FOUND;
  char *directory = copy_path(path);
  settle_directory(os, directory);
  weir_free(directory);
  faulty_sweep(os);
  return WEIR_OK;
}

weir_status faulty_sync_filesystem(void *context, const char *path) {
  weir_faulty_os *os = context;
  weir_status status;
  if (faulty_strikes(os, WEIR_FAULTY_SYNC_FILESYSTEM, &status)) return status;
  if (!faulty_is_directory(os, path) && faulty_find(os->seen, path) == NULL) return WEIR_NOT_FOUND;
  weir_faulty_os_settle(os);
  return WEIR_OK;
}

weir_status faulty_make_directory(void *context, const char *path) {
  weir_faulty_os *os = context;
  weir_status status;
  if (faulty_strikes(os, WEIR_FAULTY_MAKE_DIRECTORY, &status)) return status;
  if (faulty_is_directory(os, path)) return WEIR_OK;
  if (faulty_find(os->seen, path) != NULL) return WEIR_EXISTS;
  if (!faulty_has_parent(os, path)) return WEIR_NOT_FOUND;
  (void)faulty_make(os, path, true);
  return WEIR_OK;
}

weir_status faulty_list(void *context, const char *path,
                        weir_status (*each)(void *user, const char *name), void *user) {
  weir_faulty_os *os = context;
  weir_status status;
  if (faulty_strikes(os, WEIR_FAULTY_LIST, &status)) return status;
  if (!faulty_is_directory(os, path)) return WEIR_NOT_FOUND;
  char *directory = copy_path(path);
  /* A copy, because the callback may remove what it is told. */
  faulty_name *names = NULL;
  for (const faulty_name *name = os->seen; name != NULL; name = name->next) {
    if (same_parent(name->path, directory)) add_name(&names, name->path, name->file);
  }
  status = WEIR_OK;
  for (const faulty_name *name = names; name != NULL && status == WEIR_OK; name = name->next) {
    status = each(user, last_name(name->path));
  }
  faulty_forget_names(&names);
  weir_free(directory);
  return status;
}

weir_status faulty_free_bytes(void *context, const char *path, uint64_t *bytes) {
  weir_faulty_os *os = context;
  weir_status status;
  if (faulty_strikes(os, WEIR_FAULTY_FREE_BYTES, &status)) return status;
  if (!faulty_is_directory(os, path) && faulty_find(os->seen, path) == NULL) return WEIR_NOT_FOUND;
  uint64_t used = faulty_used(os);
  *bytes = used < os->capacity ? os->capacity - used : 0;
  return WEIR_OK;
}
