/* ferry.h: files that carry records: the ferry's and a disc's, out of an outer unit and into an
 * inner one. Part of internal.h, which includes it. */
#ifndef WEIR_WORKS_FERRY_H
#define WEIR_WORKS_FERRY_H

#include "weir_link.h"
#include "weir_works.h"

enum {
  FERRY_FILES_MAX = 1024, /* files that may wait in the directory */
  FETCH_SKIPPED = 16,     /* files that are passed over for a while: they may still be growing */
  EXPORT_RANGES = 64
};

/* Outer: the files that a gate pulls (ferry.c). */
typedef struct ferry {
  weir_link_sender *sender; /* null: no ferry */
  weir_buffer file;         /* being gathered, or on its way */
  weir_link_file frames, before_end;
  size_t end; /* of its frames, before the end was put behind them */
  bool holds_records, danger;
  uint64_t number; /* of the last file */
  uint64_t next_ms, beat_ms, retry_ms;
  char name[64];
} ferry;

/* Outer: a range on its way to a disc (export.c). */
typedef struct export_run {
  weir_link_sender *sender; /* opened with the first one, and kept: its sequences go on */
  weir_buffer file;
  weir_link_file frames;
  weir_range ranges[EXPORT_RANGES];
  size_t count, at;
  uint64_t next, offset;
  uint64_t id, records, left_out;
  bool running, last, failed;
  char path[256];
} export_run;

/* A file that may still be growing, or could not be put away. */
typedef struct fetch_skip {
  uint64_t hash;
  size_t size;
  uint64_t since_ms, until_ms;
} fetch_skip;

enum { FETCH_IDLE, FETCH_JOB, FETCH_FEEDING, FETCH_WAITING, FETCH_SETTLED };

/* Inner: files being taken in (fetch.c), of the ferry's directory or by a person's word. */
typedef struct fetch {
  weir_link_receiver *reader; /* null: no keys */
  uint8_t *memory;
  weir_bytes rest; /* in memory, not fed yet */
  weir_link_file_reader file;
  uint8_t state;
  bool import; /* a disc's: it stays where it is */
  bool bad, ended;
  uint64_t offset;     /* of an import: read so far */
  uint64_t wait_batch; /* of delivery, that must have been published */
  uint64_t scan_ms;
  char name[256];
  fetch_skip skipped[FETCH_SKIPPED];
  uint64_t skip[FETCH_SKIPPED];  /* the hashes of these, for the job */
  uint64_t id, records, repeats; /* of the import */
  bool import_wanted, import_failed;
  char path[256];
} fetch;

#endif
