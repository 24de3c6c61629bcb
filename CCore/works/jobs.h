/* jobs.h: what the disk thread and the other lanes do, and what follows the closing of a
 * segment. Part of internal.h, which includes it. */
#ifndef WEIR_WORKS_JOBS_H
#define WEIR_WORKS_JOBS_H

#include "hashes.h"
#include "inner.h"
#include "recover.h"
#include "weir_works.h"

enum { WORDS_PLACES = 2 }; /* of the last words: the reports' two */

enum {
  JOB_JOURNAL,
  JOB_STAGE,
  JOB_PUBLISH,
  JOB_LAST_WORDS,
  JOB_FILE_REPLACE, /* and so on: the second lane, see files.c */
  JOB_FILE_APPEND,
  JOB_FILE_FIND,
  JOB_FILE_READ,
  JOB_FILE_TAKEN,
  JOB_HASH, /* the third lane, see closing.c */
  JOB_SNAPSHOT
};

struct weir_job {
  uint8_t kind;
  weir_journal_job *journal;
  const stage *stage;
  const weir_delivery *const *ways;
  size_t way_count;
  const char *directory;
  char name[64];
  weir_bytes words;
  /* the second lane */
  const char *path;
  uint64_t offset;
  uint8_t *into;
  size_t room, got;
  const uint64_t *skip;
  bool last, bad;
  char found[256];
  /* the third lane */
  uint32_t segment, hashed;
  snapshot_work *work;
};

/* What follows the closing of a segment (closing.c, retire.c). A job in flight has `work` and
 * `stamps` for itself. */
typedef struct closing {
  weir_job job;
  bool in_flight;
  atomic_bool cancelled;
  uint32_t hashed;        /* the last segment that is known to have its hash */
  uint64_t not_before_ms; /* of the next hash, of the next snapshot: */
  uint64_t snapshot_not_before_ms;
  snapshot_head base; /* the newest snapshot; border.segment 0: there is none */
  snapshot_work work;
  int64_t *stamps; /* STAMPS of them */
  bool sweeping;   /* looks for what is open: from this slot on, and how old it is so far */
  uint32_t sweep_slot;
  int64_t open_since_ms;
  int64_t held_since_ms; /* nothing that was retired is younger */
} closing;

/* closing.c */
weir_status closing_open(weir_unit *u);
void closing_close(weir_unit *u);
/* A job in flight ends soon: the unit stops, or has failed. */
void closing_cancel(weir_unit *u);
weir_status perform_closing(weir_job *job, const weir_os *os);

/* retire.c */
/* A snapshot was made: looks for segments that nobody needs any more. */
void retire_begin(weir_unit *u);
/* A few slots of it. True: call again soon. */
bool retire_tick(weir_unit *u);
/* This matter is open (again). */
void retire_note_open(weir_unit *u, const weir_state *s);

#endif
