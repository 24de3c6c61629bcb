/* faulty_os.c: the table itself, its clocks, its faults, and the doors behind its back.
 *
 *   happy path     a call is counted and goes on to the file system in memory
 *   a fault is set and its countdown is over   the call fails with the chosen status
 *   no memory      a trap: this is a test
 */
#include "faulty.h"

#include <stdlib.h>
#include <string.h>

enum { NS_PER_MS = 1000000 };

uint64_t faulty_draw(uint64_t *state) {
  *state += 0x9E3779B97F4A7C15U;
  uint64_t mixed = *state;
  mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9U;
  mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBU;
  return mixed ^ (mixed >> 31);
}

void *faulty_take(size_t size) {
  /* Not of base's, which a test may have run out: the world is no part of what is tested. */
  void *memory = calloc(1, size);
  WEIR_ASSERT(memory != NULL);
  return memory;
}

bool faulty_strikes(weir_faulty_os *os, weir_faulty_call call, weir_status *status) {
  WEIR_ASSERT(call > WEIR_FAULTY_ANY && call < WEIR_FAULTY_CALLS);
  os->calls[call]++;
  os->calls[WEIR_FAULTY_ANY]++;
  *status = WEIR_OK;
  if (os->fault_call != call && os->fault_call != WEIR_FAULTY_ANY) return false;
  if (os->fault_good > 0) {
    os->fault_good--;
    return false;
  }
  if (os->fault_bad == 0) return false;
  if (os->fault_bad != UINT64_MAX) os->fault_bad--;
  os->failures++;
  *status = os->fault_status;
  return true;
}

/* ---- Clocks, boot and chance -------------------------------------------------------------- */

static uint64_t boot_ns(void *context) {
  return ((const weir_faulty_os *)context)->boot_ns;
}

static int64_t wall_ms(void *context) {
  return ((const weir_faulty_os *)context)->wall_ms;
}

static weir_status boot_id(void *context, uint8_t id[16]) {
  weir_faulty_os *os = context;
  weir_status status;
  if (faulty_strikes(os, WEIR_FAULTY_BOOT_ID, &status)) return status;
  memcpy(id, os->boot_id, sizeof os->boot_id);
  return WEIR_OK;
}

static weir_status random_bytes(void *context, void *into, size_t count) {
  weir_faulty_os *os = context;
  weir_status status;
  if (faulty_strikes(os, WEIR_FAULTY_RANDOM, &status)) return status;
  uint8_t *at = into;
  for (size_t i = 0; i < count; i++) {
    at[i] = (uint8_t)faulty_draw(&os->random);
  }
  return WEIR_OK;
}

void weir_faulty_os_set_boot_ns(weir_faulty_os *os, uint64_t ns) {
  os->boot_ns = ns;
}

void weir_faulty_os_set_wall_ms(weir_faulty_os *os, int64_t ms) {
  os->wall_ms = ms;
  os->wall_ns_part = 0;
}

void weir_faulty_os_advance(weir_faulty_os *os, uint64_t ns) {
  os->boot_ns += ns;
  uint64_t wall_ns = os->wall_ns_part + ns % NS_PER_MS;
  os->wall_ms += (int64_t)(ns / NS_PER_MS + wall_ns / NS_PER_MS);
  os->wall_ns_part = wall_ns % NS_PER_MS;
}

void weir_faulty_os_set_boot_id(weir_faulty_os *os, const uint8_t id[16]) {
  memcpy(os->boot_id, id, sizeof os->boot_id);
}

void weir_faulty_os_set_random(weir_faulty_os *os, uint64_t seed) {
  os->random = seed;
}

/* ---- Faults ------------------------------------------------------------------------------- */

void weir_faulty_os_fail(weir_faulty_os *os, weir_faulty_call call, uint64_t good, uint64_t bad,
                         weir_status status) {
  WEIR_ASSERT(call < WEIR_FAULTY_CALLS);
  WEIR_ASSERT(status != WEIR_OK);
  os->fault_call = call;
  os->fault_good = good;
  os->fault_bad = bad;
  os->fault_status = status;
  os->failures = 0;
}

uint64_t weir_faulty_os_failures(const weir_faulty_os *os) {
  return os->failures;
}

void weir_faulty_os_heal(weir_faulty_os *os) {
  os->fault_good = 0;
  os->fault_bad = 0;
}

uint64_t weir_faulty_os_calls(const weir_faulty_os *os, weir_faulty_call call) {
  WEIR_ASSERT(call < WEIR_FAULTY_CALLS);
  return os->calls[call];
}

void weir_faulty_os_set_capacity(weir_faulty_os *os, uint64_t bytes) {
  os->capacity = bytes;
}

/* ---- Opening and closing ------------------------------------------------------------------ */

weir_faulty_os *weir_faulty_os_open(uint64_t seed) {
  weir_faulty_os *os = faulty_take(sizeof *os);
  os->table = (weir_os){
      .context = os,
      .boot_ns = boot_ns,
      .wall_ms = wall_ms,
      .boot_id = boot_id,
      .random = random_bytes,
      .open = faulty_open,
      .close = faulty_close,
      .read_at = faulty_read_at,
      .write_at = faulty_write_at,
      .sync = faulty_sync,
      .reserve = faulty_reserve,
      .size = faulty_size,
      .rename = faulty_rename,
      .remove = faulty_remove,
      .sync_directory = faulty_sync_directory,
      .sync_filesystem = faulty_sync_filesystem,
      .make_directory = faulty_make_directory,
      .list = faulty_list,
      .free_bytes = faulty_free_bytes,
  };
  os->capacity = UINT64_MAX;
  os->random = faulty_draw(&seed);
  os->chance = faulty_draw(&seed);
  for (size_t i = 0; i < sizeof os->boot_id; i++) {
    os->boot_id[i] = (uint8_t)faulty_draw(&seed);
  }
  return os;
}

void weir_faulty_os_close(weir_faulty_os *os) {
  if (os == NULL) return;
  while (os->opens != NULL) {
    faulty_close(os, os->opens);
  }
  faulty_forget_name_changes(os);
  faulty_forget_names(&os->seen);
  faulty_forget_names(&os->durable);
  faulty_sweep(os);
  WEIR_ASSERT(os->files == NULL);
  weir_free(os);
}

const weir_os *weir_faulty_os_table(weir_faulty_os *os) {
  return &os->table;
}

/* ---- Behind the table's back -------------------------------------------------------------- */

static faulty_file *plain_file(const weir_faulty_os *os, const char *path) {
  faulty_file *file = faulty_find(os->seen, path);
  return file != NULL && !file->directory ? file : NULL;
}

weir_status weir_faulty_os_file_size(const weir_faulty_os *os, const char *path, uint64_t *size) {
  const faulty_file *file = plain_file(os, path);
  if (file == NULL) return WEIR_NOT_FOUND;
  *size = file->seen.size;
  return WEIR_OK;
}

weir_status weir_faulty_os_peek(const weir_faulty_os *os, const char *path, uint64_t offset,
                                void *into, size_t count, size_t *got) {
  const faulty_file *file = plain_file(os, path);
  if (file == NULL) return WEIR_NOT_FOUND;
  *got = faulty_content_read(&file->seen, offset, into, count);
  return WEIR_OK;
}

weir_status weir_faulty_os_poke(weir_faulty_os *os, const char *path, uint64_t offset,
                                weir_bytes bytes) {
  faulty_file *file = plain_file(os, path);
  if (file == NULL) return WEIR_NOT_FOUND;
  faulty_content_write(&file->seen, offset, bytes);
  faulty_content_write(&file->durable, offset, bytes);
  return WEIR_OK;
}

weir_status weir_faulty_os_truncate(weir_faulty_os *os, const char *path, uint64_t size) {
  faulty_file *file = plain_file(os, path);
  if (file == NULL) return WEIR_NOT_FOUND;
  faulty_content_resize(&file->seen, size);
  faulty_content_resize(&file->durable, size);
  return WEIR_OK;
}
