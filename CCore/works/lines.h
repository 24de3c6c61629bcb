/* lines.h: connections, the batch of their lines, and what waits for its sync. Part of internal.h,
 * which includes it. */
#ifndef WEIR_WORKS_LINES_H
#define WEIR_WORKS_LINES_H

#include "weir_frame.h"
#include "weir_message.h"
#include "weir_works.h"

/* ---- Connections ---- */

enum { HEAD_UNKNOWN, HEAD_PLAIN, HEAD_DANGER };

typedef struct mark {
  uint64_t end;    /* stream offset behind the answer */
  uint64_t serial; /* durable when the journal is durable up to here */
} mark;

typedef struct connection {
  bool used, control, taker, hung_up, closing, watching, taking;
  bool waiting; /* for the answer to a reload or to `taken`: what stands behind it is not read */
  weir_frame frame;
  uint8_t *input, *output;
  size_t first;      /* where in output the bytes begin that were not written yet */
  size_t count;      /* and how many there are */
  uint64_t written;  /* their stream offset */
  size_t promised;   /* bytes that the answers of this batch may need */
  uint64_t released; /* stream offset up to which bytes may be written */
  mark *marks;
  uint32_t mark_first, mark_count;
  uint64_t watch_serial; /* the last record that was looked at, for a watcher or a taker */
  weir_position watch_hint;
  bool owes_taken; /* the answer to `taken`, when the record of the cursor is durable */
  uint64_t taken_cursor, taken_serial;
  uint8_t taken_ref[WEIR_REF_MAX];
  size_t taken_ref_count;
  bool failing_told;
  uint8_t head;        /* what the next line shows: HEAD_… */
  size_t head_waiting; /* bytes that held no whole line yet */
  bool long_told;      /* danger in the line that is skipped was told already */
} connection;

/* ---- The batch ---- */

typedef struct entry {
  uint32_t connection;
  weir_message message;
  weir_bytes line;
  uint8_t refusal; /* not judged: it is refused already */
  char field[48];
  bool misread; /* the check digit of the number that it names does not fit */
  uint64_t ref_hash;
  bool judged;       /* it has a step */
  bool repeated;     /* its ref came before */
  uint32_t slot;     /* NO_SLOT: an intake */
  uint32_t earlier;  /* the slot of the matter that an intake follows, or NO_SLOT */
  uint32_t confirms; /* the revision whose receipt code was typed */
  bool danger;
} entry;

/* The lines of a batch that change something, as far as later ones must know. */
typedef struct batch_changes {
  uint64_t refs[WEIR_BATCH_MAX], keys[WEIR_BATCH_MAX];
  size_t count;
  bool intakes, settles;
} batch_changes;

/* ---- What waits for a sync ---- */

typedef struct effect {
  uint64_t serial;
  weir_position position;
  bool is_matter;
} effect;

#endif
