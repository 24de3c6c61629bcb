/* weir_journal: append, group commit, recover.
 *
 * A directory of segments, `%010u.wal`, each taken in full (WEIR_JOURNAL_SEGMENT_BYTES by
 * default) and filled with zeros before it is used; two more lie in reserve
 * (`reserve-%010u.wal`). All numbers are little endian.
 *
 *   segment header, 64 bytes
 *      0  8  magic "WEIRWAL1"
 *      8  4  format version, 2
 *     12  4  segment number, from 1
 *     16  8  salt, drawn when the segment begins to be used
 *     24  8  serial of its first frame
 *     32  4  chain: the checksum of the last frame of the segment before (0 for the first)
 *     36  8  unit name, zero padded
 *     44  8  salt of the segment that comes next, so that its frames can be told without its header
 *     52  8  zero
 *     60  4  CRC32C of bytes 0 … 59
 *
 *   frame, 16 bytes and the body, padded with zeros to 4
 *      0  4  CRC32C of bytes 4 … end of the body, seeded with CRC32C(salt)
 *      4  4  chain: the checksum of the frame before (the header's chain for the first)
 *      8  3  index in the segment, from 0, each bit turned by the upper 24 of CRC32C(salt); the
 *            frame's serial is the segment's first one and the index
 *     11  3  body bytes (18 bits) and, above them, the kind given by the caller (6 bits, not 0)
 *     14  2  position in its batch, from 0
 *
 *   A frame is valid if and only if its checksum holds, its chain is the checksum of the frame
 *   before it, and its index is one more than that frame's. The salt is new for every use of a
 *   segment, so what an earlier use left behind never passes for news.
 *
 * A batch is what one write and one sync carry; it lies in one segment. Position in the batch
 * tells a torn tail from damage: a batch is written only when the one before it is durable, so a
 * valid frame behind an invalid one belongs to the same batch (torn), or proves that the invalid
 * one had been durable (damage). What recovery copies has position 0 throughout: each copied frame
 * vouches for all before it. A last segment without a valid header was begun and never synced: it
 * is dropped if the segment before it is whole and none of its frames belongs to a second batch.
 *
 *   happy path   append … → take (a job: bytes, file, offset) → the disk thread writes and syncs
 *                → done(OK) → everything up to the job's serial is durable
 *   disk full    the reserve cannot be filled up again: `scarce` is true; the caller then lets
 *                only danger append. Reserve spent: append answers NO_SPACE. Recovery then makes
 *                its copy in a file of the reserve.
 *   write or sync fails   done(status) closes the journal for ever: append answers CLOSED
 *   torn tail    recovery keeps the valid frames; it always copies what it keeps of the last
 *                segment to a fresh one and syncs that before the caller may act on it, since what
 *                is read back after a crash need not be on the disk
 *   damage       recovery refuses with CORRUPT and names segment, offset and serial
 *   retired      segments that the caller no longer needs become files of the reserve again, oldest
 *                first, by one rename. Their bytes stay until they are written over; more than
 *                WEIR_JOURNAL_SPARE that wait for it are removed
 *
 * The journal makes and checks bytes; jobs are performed elsewhere (weir_journal_perform, on the
 * disk thread). One job is in flight at most; batches form by themselves meanwhile.
 *
 * Cost: an append is a memcpy and a CRC32C. Bounded by the gather buffer. Kept true by
 * Benchmarks/Rooms.
 */
#ifndef WEIR_JOURNAL_H
#define WEIR_JOURNAL_H

#include "weir_base.h"
#include "weir_os.h"

enum {
  WEIR_JOURNAL_SEGMENT_BYTES = 16 * 1024 * 1024,
  WEIR_JOURNAL_HEADER_BYTES = 64,
  WEIR_JOURNAL_FRAME_BYTES = 16,
  WEIR_JOURNAL_KIND_MAX = 63,
  WEIR_JOURNAL_BODY_MAX = 128 * 1024,          /* a line of 64 KiB, a state, and room */
  WEIR_JOURNAL_GATHER_BYTES = 8 * 1024 * 1024, /* appended and not yet taken by a job */
  WEIR_JOURNAL_RESERVE = 2,                    /* whole segments in reserve */
  WEIR_JOURNAL_SPARE = 2                       /* retired segments that wait to be used again */
};

typedef struct weir_journal weir_journal;

/* Where a frame lies: segment number in the upper 32 bits, offset in the lower. 0: nowhere. */
typedef uint64_t weir_position;

typedef struct weir_journal_options {
  const char *directory;  /* made if missing; locked for this process by a file `lock` in it */
  const char *unit;       /* 1 to 8 letters and digits; a journal of another unit is refused */
  uint64_t segment_bytes; /* 0: the default. A multiple of 4096, 256 KiB to 256 MiB. */
  bool read_only;         /* verify and show: nothing is made, kept locked, copied or removed */
  /* Recovery reads and checks from this segment on, and of earlier ones the headers alone; it must
   * begin with serial `from_serial`. 0: from the first one there is. */
  uint32_t from_segment;
  uint64_t from_serial;
} weir_journal_options;

/* One frame, borrowed until the next call into the journal. */
typedef struct weir_frame_view {
  uint64_t serial;
  weir_position position;
  uint8_t kind;
  weir_bytes body;
} weir_frame_view;

/* What recovery found, and where it stopped. */
typedef struct weir_journal_finding {
  uint64_t frames; /* valid frames read */
  uint64_t segments;
  uint64_t last_serial;
  bool torn;        /* a tail was cut off; what was never called durable */
  bool writing;     /* reading only: a unit runs there, and was writing behind what was read */
  bool foreign;     /* whole as far as was read, and another unit's: it is refused, not damaged */
  uint32_t segment; /* of the torn tail or the damage */
  uint64_t offset;
  uint64_t serial; /* the serial that should have stood there */
  char reason[96]; /* English: what did not hold */
} weir_journal_finding;

/* Opens and recovers. `each` is called for every valid frame in order (null accepted); a bad
 * status from it stops recovery and is returned. In writing mode the last segment has been copied,
 * synced and put in place BEFORE the first call of `each`, so the caller may act on what it is
 * told. `finding` (not null) is filled in on success and on CORRUPT. BUSY: another process
 * holds the lock. AGAIN: reading only, and segments were retired when `each` had been called. */
weir_status weir_journal_open(const weir_journal_options *options, const weir_os *os,
                              weir_status (*each)(void *user, const weir_frame_view *frame),
                              void *user, weir_journal_finding *finding, weir_journal **out);
/* Closes files and forgets what was not taken. No job may be in flight. Null accepted. */
void weir_journal_close(weir_journal *j);

/* Appends a frame whose body is the concatenation of `parts`; `kind` is 1 to 63. NO_SPACE: the
 * reserve is spent and the disk is full. FULL: the gather buffer is full, or two segments would
 * have to be opened at once, or the reserve is spent and not yet tried anew: take, perform and done
 * make room. CLOSED: after a failure, or opened for reading only. TOO_LONG. What is refused leaves
 * no trace. */
weir_status weir_journal_append(weir_journal *j, uint8_t kind, const weir_bytes *parts,
                                size_t part_count, uint64_t *serial, weir_position *position);
/* Bytes of frames that may be appended before an append could answer FULL; 0: wait for a job. */
size_t weir_journal_room(const weir_journal *j);
/* True from when a reserve segment had to be used up and could not be replaced for want of space,
 * until the reserve is whole again. */
bool weir_journal_scarce(const weir_journal *j);
/* A write or a sync failed: nothing will be durable any more. */
bool weir_journal_closed(const weir_journal *j);
uint64_t weir_journal_appended(const weir_journal *j); /* serial of the last append, 0: none */
uint64_t weir_journal_durable(const weir_journal *j);  /* everything up to here is on the disk */

/* A job for the disk thread: a batch to write and sync, a part of a segment to prepare for the
 * reserve, or a retired one to remove.
 * A batch goes first, until the current segment is half used: then every other job may be a
 * preparation, so that a unit that is never idle does not spend its reserve on an empty disk.
 * Owned by the journal; opaque to the caller. */
typedef struct weir_journal_job weir_journal_job;
/* The next job, or null when there is nothing to do or one is in flight. `now_ms` (monotonic)
 * spaces the retries of a reserve segment that did not fit: one a second. */
weir_journal_job *weir_journal_take(weir_journal *j, uint64_t now_ms);
/* Any thread: performs it through `os`, touching nothing else of the journal. */
weir_status weir_journal_perform(weir_journal_job *job, const weir_os *os);
/* The job has ended. A batch's bad status closes the journal; a reserve's NO_SPACE makes it
 * scarce, a reserve's other failure closes it. Returns true when the durable serial moved. */
bool weir_journal_done(weir_journal *j, weir_journal_job *job, weir_status status);

/* Reads one frame back: from the buffers when it is still there, as all of the batch that became
 * durable last is, so that what follows a sync touches no disk; else from the disk (a read of a
 * page or two, mostly cached). `into` holds the body, at least WEIR_JOURNAL_BODY_MAX bytes.
 * Checks the frame's own checksum (not its chain): CORRUPT. NOT_FOUND: nothing was appended
 * there. */
weir_status weir_journal_read(weir_journal *j, weir_position position, weir_buffer *into,
                              weir_frame_view *frame);
/* Where the frame behind this one stands, if it stands in the same segment: a hint for seek. */
weir_position weir_journal_behind(const weir_frame_view *frame);
/* The first frame with a serial >= `serial`, durable or not: NOT_FOUND when there is none yet. For
 * the watch stream: the frame after one is found by asking for its serial + 1. Walks at most one
 * segment, from the place where the last call for this `hint` ended (hint starts as 0). */
weir_status weir_journal_seek(weir_journal *j, uint64_t serial, weir_position *hint,
                              weir_position *position);

/* The segment that holds `serial`, or the oldest one, and its first serial. */
void weir_journal_place(const weir_journal *j, uint64_t serial, uint32_t *segment,
                        uint64_t *first_serial);
uint64_t weir_journal_oldest(const weir_journal *j); /* the first serial that is still held */
/* Segments before `first_kept` are not needed any more; the one being written is always kept. */
void weir_journal_retire(weir_journal *j, uint32_t first_kept);
/* Has a segment been retired, now or ever? And does this position lie in one that was not? */
bool weir_journal_has_retired(const weir_journal *j);
bool weir_journal_holds(const weir_journal *j, weir_position position);
/* The last segment that is closed: behind it stands a durable frame of the next one, so that its
 * bytes change no more. 0: none is. */
uint32_t weir_journal_last_closed(const weir_journal *j);

/* ---- Closed segments, on any thread, while another one goes on writing the next ----------------
 */

/* The place between two segments. */
typedef struct weir_border {
  uint32_t segment; /* the one that begins here */
  uint32_t chain;   /* the checksum of the last frame before it, 0: there is none */
  uint64_t serial;  /* of its first frame */
} weir_border;

/* Who is shown a closed segment; each may be null. */
typedef struct weir_closed_reader {
  void *user;
  weir_status (*each)(void *user, const weir_frame_view *frame);
  /* Its bytes in order, piece by piece: header and frames, without what lies behind them. */
  void (*piece)(void *user, weir_bytes bytes);
} weir_closed_reader;

/* Segments in the directory, 0 and 0 when there are none. */
weir_status weir_journal_held(const weir_os *os, const char *directory, uint32_t *first,
                              uint32_t *last);
/* Where a segment begins, as its header says. NOT_FOUND; CORRUPT: the header does not hold. */
weir_status weir_journal_border(const weir_os *os, const char *directory, const char *unit,
                                uint32_t segment, weir_border *border);
/* Reads the closed segment that begins at `border` and checks all of it, the next one's header
 * too; then `border` is moved to the next one. CORRUPT: `finding` says where and why. NOT_FOUND:
 * it is not there, or not closed. A bad status of `each` ends it and is returned. */
weir_status weir_journal_read_closed(const weir_os *os, const char *directory, const char *unit,
                                     weir_border *border, const weir_closed_reader *reader,
                                     weir_journal_finding *finding);

#endif
