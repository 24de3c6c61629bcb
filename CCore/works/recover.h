/* recover.h: a recovery on its way, and what a snapshot keeps of it. Part of internal.h, which
 * includes it. */
#ifndef WEIR_WORKS_RECOVER_H
#define WEIR_WORKS_RECOVER_H

#include "paths.h"
#include "weir_journal.h"
#include "weir_works.h"

#include <stdatomic.h>

struct matter_record;

/* Records that the desk's open reports, and the newest settled ones, are made of (kept.c). */
typedef struct kept_frame {
  uint32_t report;
  uint8_t kind;
  uint64_t key; /* of the matter; 0: the report was acknowledged */
  int64_t arrived_ms;
  uint8_t *body;
  size_t count;
} kept_frame;

typedef struct kept_report {
  uint32_t number;
  int64_t acknowledged_ms; /* 0: it is open */
} kept_report;

typedef struct kept_frames {
  kept_frame *frames;
  size_t count, room;
  kept_report *reports;
  size_t report_count, report_room;
} kept_frames;

/* A ref on its way into the index: its place there is fetched from memory meanwhile. */
typedef struct ref_ahead {
  uint64_t hash;
  weir_position position;
} ref_ahead;

enum { REFS_AHEAD = 32 };

/* A unit as far as the journal was read. */
typedef struct recovery {
  weir_unit *unit;
  ref_ahead refs[REFS_AHEAD]; /* a ring */
  uint64_t refs_met, refs_added;
  int64_t last_wall_ms;
  uint64_t boot_epoch;
  uint8_t kernel_boot[16]; /* of this start */
  bool started;            /* a start record was read; the boot of the last one: */
  uint8_t last_boot[16];
  uint8_t role;      /* of the unit that wrote the journal */
  kept_frames *kept; /* for a snapshot; a start tells the desk in its place */
} recovery;

/* recover.c: takes up one frame, in order. CORRUPT: it does not decode. FULL. REFUSED: a unit of
 * the other role wrote the journal. */
weir_status recover_frame(recovery *rec, const weir_frame_view *frame);
/* The role of whoever wrote this journal, as a start or a snapshot has it. REFUSED: another. */
weir_status recover_role(recovery *rec, uint8_t role);
/* Before the snapshot and behind the last frame. */
void recover_begin(const recovery *rec);
void recover_end(recovery *rec);
weir_status unit_recover(weir_unit *u, weir_journal_finding *finding);

/* kept.c */
void kept_close(kept_frames *k);
weir_status kept_take_matter(kept_frames *k, const struct matter_record *r, weir_bytes body);
weir_status kept_take_acknowledged(kept_frames *k, weir_bytes body);
/* When the first matter of an open report arrived; INT64_MAX: none is open. */
int64_t kept_oldest(const kept_frames *k);
/* Calls for each record that is needed, in order; `kind` is the frame's. */
weir_status kept_each(const kept_frames *k, void (*each)(void *user, uint8_t kind, weir_bytes body),
                      void *user);

/* ---- Snapshots: the file (snapshot.c) ---- */

enum { SNAPSHOT_BLOCK = 256 * 1024, SNAPSHOT_ITEM_MAX = SNAPSHOT_BLOCK - 16 };

typedef struct snapshot_head {
  weir_border border; /* all before it is in the snapshot */
  int64_t made_ms;    /* wall */
} snapshot_head;

typedef struct snapshot_out {
  const weir_os *os;
  weir_file *file;
  uint64_t offset;
  uint32_t check;
  weir_status status; /* the first failure; nothing is written after it */
  weir_buffer block;
} snapshot_out;

void snapshot_put(snapshot_out *out, uint8_t kind, weir_bytes item);
/* Writes a snapshot under a dot name, syncs, renames; `fill` puts its items. */
weir_status snapshot_write(const weir_os *os, const char *data, const char *unit,
                           const snapshot_head *head, void (*fill)(void *user, snapshot_out *out),
                           void *user);
/* Reads one, or only checks it (`each` null). CORRUPT: it does not hold, or is of another unit. */
weir_status snapshot_read(const weir_os *os, const char *path, const char *unit,
                          snapshot_head *head,
                          weir_status (*each)(void *user, uint8_t kind, weir_bytes item),
                          void *user);

/* What a snapshot has of each kind of item. */
typedef struct snapshot_sizes {
  uint64_t items[UINT8_MAX + 1], bytes[UINT8_MAX + 1];
} snapshot_sizes;

/* Where a start begins. */
typedef struct snapshot_choice {
  snapshot_head head; /* border.segment 0: with the journal's first record */
  char path[PATH_BYTES];
  char doubted[24]; /* the newest file that does not hold or does not fit the journal, or empty */
  uint32_t oldest;  /* the first segment that is held, 0: none is */
  snapshot_sizes sizes;
} snapshot_choice;

/* The newest snapshot that holds and that the journal continues. CORRUPT: there is none, and the
 * journal's beginning is gone. */
weir_status snapshot_choose(const weir_os *os, const char *data, const char *unit,
                            snapshot_choice *choice);
/* Removes every snapshot but two, and what a crash left half made. */
weir_status snapshot_tidy(const weir_os *os, const char *data, uint32_t keep, uint32_t keep_too);

/* ---- Snapshots: what is in them (state.c) ---- */

/* By segment number, modulo how many there can be: nothing in it is younger than this, wall ms. */
enum { STAMPS = 65536 };

typedef struct snapshot_state {
  recovery *recovery;
  int64_t *stamps; /* STAMPS of them, or null */
  uint32_t oldest; /* positions in earlier segments are not kept */
  uint32_t end;    /* the first segment that is not covered */
} snapshot_state;

/* What a job of making one is told, and what came of it. */
typedef struct snapshot_work {
  weir_unit_options options; /* the unit's */
  char name[WEIR_UNIT_NAME_MAX + 1];
  uint32_t last; /* closed segments up to here are to be covered */
  int64_t now_ms;
  const atomic_bool *cancelled;
  int64_t *stamps;
  snapshot_head made, before; /* before: the one that it began with; border.segment 0: none */
  int64_t reports_since_ms;   /* when the first matter of an open report arrived */
} snapshot_work;

/* shadow.c: CLOSED when it was cancelled. */
weir_status perform_snapshot(snapshot_work *w, const weir_os *os);

void state_fill(void *user, snapshot_out *out); /* user: a snapshot_state */
/* Takes up the snapshot that was chosen, into tables that are as large as it says. */
weir_status state_read(const snapshot_state *s, const weir_os *os, const snapshot_choice *choice);

#endif
