/* faulty.h: what the files of this folder share; nobody else includes it. */
#ifndef WEIR_FAULTY_PRIVATE_H
#define WEIR_FAULTY_PRIVATE_H

#include "weir_faulty_os.h"

enum { SECTOR_BYTES = 512, PAGE_BYTES = 4096 };

/* ---- Content: pages, null where all zero (faulty_content.c) -------------------------------- */

typedef struct faulty_content {
  uint8_t **pages;
  size_t page_count;
  uint64_t size;
} faulty_content;

void faulty_content_resize(faulty_content *c, uint64_t size);
/* Grows where it must. */
void faulty_content_write(faulty_content *c, uint64_t offset, weir_bytes bytes);
size_t faulty_content_read(const faulty_content *c, uint64_t offset, void *into, size_t count);
void faulty_content_copy(faulty_content *target, const faulty_content *source);
void faulty_content_free(faulty_content *c);

/* ---- What was done and not synced ---------------------------------------------------------- */

typedef enum faulty_change_kind { CHANGE_WRITE, CHANGE_GROW, CHANGE_TRUNCATE } faulty_change_kind;

typedef struct faulty_change {
  struct faulty_change *next;
  faulty_change_kind kind;
  uint64_t offset; /* of a write; the size of a grow */
  size_t count;
  uint8_t bytes[];
} faulty_change;

typedef struct faulty_file {
  struct faulty_file *next;
  bool directory;
  bool reached; /* while unreached files are swept up */
  faulty_content seen, durable;
  faulty_change *first, *last; /* from durable to seen, in order */
  weir_file *lock;             /* the open that holds it */
} faulty_file;

struct weir_file {
  struct weir_file *next;
  faulty_file *file; /* null when the process that opened it is dead */
  bool writable;
};

typedef struct faulty_name {
  struct faulty_name *next;
  char *path;
  faulty_file *file;
} faulty_name;

/* `removed` (may be null) vanishes, `added` (may be null) names `file`: both or neither. */
typedef struct faulty_name_change {
  struct faulty_name_change *next;
  char *removed;
  char *added;
  faulty_file *file;
} faulty_name_change;

struct weir_faulty_os {
  weir_os table;
  uint64_t boot_ns;
  int64_t wall_ms;
  uint64_t wall_ns_part;
  uint8_t boot_id[16];
  uint64_t random; /* what the table gives out */
  uint64_t chance; /* what decides about failed writes and syncs */
  uint64_t capacity;

  uint64_t calls[WEIR_FAULTY_CALLS];
  weir_faulty_call fault_call;
  uint64_t fault_good, fault_bad, failures;
  weir_status fault_status;

  faulty_file *files;
  weir_file *opens;
  faulty_name *seen, *durable;
  faulty_name_change *first, *last; /* from durable names to seen ones, in order */
};

/* The next number of a seeded row (splitmix64). */
uint64_t faulty_draw(uint64_t *state);
/* Counts a call; true when it has to fail, with `status`. */
bool faulty_strikes(weir_faulty_os *os, weir_faulty_call call, weir_status *status);
/* Memory, or a trap: a test has nothing to do without it. */
void *faulty_take(size_t size);

/* ---- Files (faulty_files.c) ---------------------------------------------------------------- */

weir_status faulty_open(void *context, const char *path, weir_open_mode mode, weir_file **out);
void faulty_close(void *context, weir_file *handle);
weir_status faulty_read_at(void *context, weir_file *handle, uint64_t offset, void *into,
                           size_t count, size_t *got);
weir_status faulty_write_at(void *context, weir_file *handle, uint64_t offset, weir_bytes bytes);
weir_status faulty_sync(void *context, weir_file *handle);
weir_status faulty_reserve(void *context, weir_file *handle, uint64_t size);
weir_status faulty_size(void *context, weir_file *handle, uint64_t *size);
uint64_t faulty_used(const weir_faulty_os *os);
/* All changes of a file into its durable content. */
void faulty_settle_file(faulty_file *file);
void faulty_forget_changes(faulty_file *file);
/* Frees the files that no name, change or open leads to. */
void faulty_sweep(weir_faulty_os *os);

/* ---- Names (faulty_names.c) ---------------------------------------------------------------- */

weir_status faulty_rename(void *context, const char *source, const char *target);
weir_status faulty_remove(void *context, const char *path);
weir_status faulty_sync_directory(void *context, const char *path);
weir_status faulty_sync_filesystem(void *context, const char *path);
weir_status faulty_make_directory(void *context, const char *path);
weir_status faulty_list(void *context, const char *path,
                        weir_status (*each)(void *user, const char *name), void *user);
weir_status faulty_free_bytes(void *context, const char *path, uint64_t *bytes);
/* Null when nothing has this name. */
faulty_file *faulty_find(const faulty_name *names, const char *path);
bool faulty_is_directory(const weir_faulty_os *os, const char *path);
/* The directory that holds this path exists. */
bool faulty_has_parent(const weir_faulty_os *os, const char *path);
/* Makes an empty file and names it. */
faulty_file *faulty_make(weir_faulty_os *os, const char *path, bool directory);
/* A change of names is carried out. */
void faulty_apply(faulty_name **names, const faulty_name_change *change);
void faulty_forget_name_changes(weir_faulty_os *os);
void faulty_forget_names(faulty_name **names);
/* `names` become the same as `source`, without those whose directory is not there. */
void faulty_copy_names(weir_faulty_os *os, faulty_name **names, const faulty_name *source);

#endif
