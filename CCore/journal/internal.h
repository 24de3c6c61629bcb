/* What the files of the journal share. Nothing here is seen outside the room. */
#ifndef WEIR_JOURNAL_INTERNAL_H
#define WEIR_JOURNAL_INTERNAL_H

#include "weir_journal.h"

#include <string.h>

enum {
  FORMAT_VERSION = 2,
  DIRECTORY_BYTES_MAX = 960,
  PATH_BYTES_MAX = DIRECTORY_BYTES_MAX + 64,
  SEGMENT_BYTES_MIN = 256 * 1024,
  SEGMENT_BYTES_MAX = 256 * 1024 * 1024,
  FRAMES_MAX = 1 << 24,              /* of one segment: an index has 24 bits */
  FRAME_STEP = 4,                    /* frames begin at multiples of it */
  SEGMENTS_MAX = 65536,              /* 1 TiB of the default size in one directory */
  BATCH_FRAMES_MAX = UINT16_MAX + 1, /* the position in a batch has 16 bits */
  BATCH_FRAMES_KEPT = 256,           /* below that: room() says to wait */
  PADDED_FRAME_MAX = WEIR_JOURNAL_FRAME_BYTES + WEIR_JOURNAL_BODY_MAX,
  STREAM_BYTES = 1024 * 1024,
  PAGE_BYTES = 16 * 1024,
  FILL_BYTES = 512 * 1024, /* of a reserve file by one job */
  FILL_WORTH = 16 * 1024,  /* while batches wait: filling pays for those up to this size */
  FILL_PIECE = 64 * 1024,
  READ_FILES = 4,
  PREPARE_RETRY_MS = 1000
};

_Static_assert(WEIR_JOURNAL_BODY_MAX % FRAME_STEP == 0, "the longest frame needs no padding");
_Static_assert(WEIR_JOURNAL_BODY_MAX < 1 << 18, "a body's length has 18 bits");
_Static_assert(SEGMENT_BYTES_MAX / WEIR_JOURNAL_FRAME_BYTES <= FRAMES_MAX,
               "every frame of the largest segment has an index");
_Static_assert(WEIR_JOURNAL_HEADER_BYTES + PADDED_FRAME_MAX <= SEGMENT_BYTES_MIN,
               "the longest frame fits the smallest segment");
_Static_assert(PADDED_FRAME_MAX <= STREAM_BYTES, "a stream can show any frame whole");

/* ---- frame.c: the bytes of headers and frames --------------------------------------------- */

typedef struct segment_header {
  uint32_t version;
  uint32_t number;
  uint64_t salt;
  uint64_t next_salt;
  uint64_t first_serial;
  uint32_t chain;
  uint8_t unit[WEIR_UNIT_NAME_MAX];
} segment_header;

typedef struct frame_header {
  uint32_t checksum;
  uint32_t chain;
  uint32_t index;
  uint32_t body_bytes;
  uint8_t kind;
  uint16_t position;
} frame_header;

static inline size_t weir_journal_frame_size(size_t body_bytes) {
  return WEIR_JOURNAL_FRAME_BYTES + ((body_bytes + FRAME_STEP - 1) & ~(size_t)(FRAME_STEP - 1));
}
static inline uint32_t weir_journal_segment_of(weir_position position) {
  return (uint32_t)(position >> 32);
}
static inline uint64_t weir_journal_offset_of(weir_position position) {
  return position & UINT32_MAX;
}
static inline weir_position weir_journal_position(uint32_t segment, uint64_t offset) {
  return (weir_position)segment << 32 | offset;
}
uint32_t weir_journal_seed(uint64_t salt);
void weir_journal_put_header(uint8_t *at, const segment_header *header);
/* False when the magic or the checksum does not hold. */
bool weir_journal_get_header(const uint8_t *at, segment_header *header);
/* Seals a frame whose body stands behind the header already: writes header and padding. */
void weir_journal_seal_frame(uint8_t *at, frame_header *frame, uint32_t seed);
/* False when the bytes cannot be a frame's header, whatever its checksum. */
bool weir_journal_get_frame(const uint8_t *at, size_t available, uint32_t seed,
                            frame_header *frame);
/* Do the bytes bear the mark of the frame that should follow, damaged or cut as it may be? */
bool weir_journal_could_follow(const uint8_t *at, size_t available, uint32_t seed, uint32_t chain,
                               uint32_t index);
/* Does the frame's own checksum hold? */
bool weir_journal_frame_holds(const uint8_t *at, size_t available, const frame_header *frame,
                              uint32_t seed);

/* ---- segment.c: names and files ------------------------------------------------------------ */

typedef enum file_name { NAME_SEGMENT, NAME_RESERVE, NAME_NEW_SEGMENT, NAME_NEW_RESERVE } file_name;

typedef struct file_path {
  char text[PATH_BYTES_MAX];
} file_path;

/* Says in the finding what does not hold, and where; the status is CORRUPT. */
weir_status weir_journal_refuse(weir_journal_finding *f, uint32_t segment, uint64_t offset,
                                uint64_t serial, const char *reason);
file_path weir_journal_path(const char *directory, file_name name, uint32_t number);
/* Makes a file and takes room for a whole segment. On failure nothing is left behind. */
weir_status weir_journal_begin_file(const weir_os *os, const file_path *path, uint64_t bytes,
                                    weir_file **out);
/* Fills it with zeros and syncs them: a sync of blocks that were written before need not write
 * down as well that they now are, and takes about three fifths of the time. */
weir_status weir_journal_fill_file(const weir_os *os, weir_file *file, uint64_t from, uint64_t to);
/* Closes and removes a file that is not to be; `*file` is null afterwards. */
void weir_journal_drop_file(const weir_os *os, const file_path *path, weir_file **file);

/* What the directory holds, counted from its listing. */
typedef struct directory_listing {
  uint32_t first_segment; /* 0: none */
  uint32_t segment_count;
  uint32_t missing; /* the first number that is not there between the first and the last, or 0 */
  uint32_t last_reserve;
  uint32_t reserves[16]; /* of any size; further ones are met at the next open */
  uint32_t reserve_count;
  file_name dot_names[16];
  uint32_t dot_numbers[16];
  uint32_t dot_count;
} directory_listing;

weir_status weir_journal_list(const weir_os *os, const char *directory, directory_listing *listing);

/* A window that slides over a file, so that any frame can be seen whole. */
typedef struct file_stream {
  const weir_os *os;
  weir_file *file;
  uint64_t size;
  uint64_t start;
  size_t filled;
  uint8_t *memory;
  size_t capacity;
} file_stream;

/* Shows up to `want` bytes at `offset`: fewer only at the end of the file. */
weir_status weir_journal_show(file_stream *stream, uint64_t offset, size_t want, const uint8_t **at,
                              size_t *got);

/* A walk from frame to frame of one segment. */
typedef struct segment_walk {
  file_stream stream;
  segment_header header;
  uint32_t seed;
  uint32_t number;
  uint64_t offset;
  uint32_t index; /* expected next */
  uint32_t chain; /* of the frame before */
} segment_walk;

static inline uint64_t weir_journal_walk_serial(const segment_walk *walk) {
  return walk->header.first_serial + walk->index;
}

/* Reads the header of segment `number`; `holds` is false when it does not. */
weir_status weir_journal_read_header(const weir_os *os, const char *directory, uint32_t number,
                                     segment_header *header, bool *holds);
/* Opens segment `number` and reads its header; `has_header` is false when it does not hold. */
weir_status weir_journal_walk_open(segment_walk *walk, const weir_os *os, const char *directory,
                                   uint32_t number, uint8_t *memory, bool *has_header);
void weir_journal_walk_close(segment_walk *walk);
/* The next valid frame, or why there is none (`reason` is then not null). */
weir_status weir_journal_walk_next(segment_walk *walk, weir_frame_view *view, const char **reason);

/* ---- The journal --------------------------------------------------------------------------- */

/* Consecutive frames of one segment inside a buffer, to be written by one job. */
typedef struct frame_run {
  uint32_t segment;
  uint32_t seed;
  uint64_t first_serial; /* of the segment */
  uint64_t offset;       /* in the segment, of the first byte */
  size_t at;             /* in the buffer, of the first byte */
  size_t count;          /* bytes */
  uint32_t frames;       /* so far, and so the next frame's position in its batch */
  uint64_t last_serial;  /* of the last frame */
  uint32_t reserve;      /* the reserve file that becomes the segment; 0: it is open already */
} frame_run;

typedef struct reserve_file {
  uint32_t number;
  uint64_t salt; /* drawn when the file was taken into the reserve, used once: by the segment
                  * after the one that the file becomes */
} reserve_file;

typedef struct read_file {
  weir_file *file; /* null: free */
  uint32_t segment;
  uint32_t seed;
  uint64_t first_serial;
} read_file;

typedef enum job_kind { JOB_BATCH, JOB_PREPARE, JOB_REMOVE } job_kind;

struct weir_journal_job {
  job_kind kind;
  const char *directory;
  weir_file *file; /* the batch's; replaced by the job when it opens the next segment. Of a reserve
                    * file the one that is being filled; null before and when it is whole */
  weir_bytes bytes;
  uint64_t offset; /* a batch: where it is written; a reserve file: what is filled already */
  uint32_t segment;
  uint32_t reserve; /* a batch: the reserve file that becomes the segment, or 0 */
  uint64_t last_serial;
  uint64_t reserve_bytes;
  bool fill; /* with zeros; else it is ready as it is */
  reserve_file prepared;
  uint32_t retired;  /* the segment that becomes the reserve file, or is removed; 0: none */
  bool retired_gone; /* it bears its name no more, even when a reserve file could not be made */
  uint64_t now_ms;
};

struct weir_journal {
  const weir_os *os;
  char directory[DIRECTORY_BYTES_MAX];
  uint8_t unit[WEIR_UNIT_NAME_MAX];
  uint64_t segment_bytes;
  bool read_only;
  uint32_t from_segment; /* where recovery begins, or 0 */
  uint64_t from_serial;
  bool closed; /* by a failure, for ever */
  weir_file *lock;
  weir_file *file; /* the segment that jobs write; a job's own while it is in flight */

  uint32_t segment; /* the next frame's, as all that follow */
  uint64_t offset;
  uint64_t limit; /* bytes of the segment */
  uint32_t seed;
  uint64_t next_salt;
  uint64_t first_serial; /* of the segment */
  uint32_t chain;
  uint64_t appended;
  uint64_t durable;

  uint8_t *memory[2];
  unsigned gather; /* which of the two gathers; the other is in flight */
  size_t gather_count;
  frame_run runs[2]; /* what gathers, cut where a segment ends */
  unsigned run_count;
  frame_run flight; /* what the last batch job took: in flight, failed, or durable since */
  bool flight_shown;

  weir_journal_job job;
  bool in_flight;
  bool prepared_last; /* the last job prepared a reserve */
  reserve_file reserve[WEIR_JOURNAL_RESERVE];
  uint32_t reserve_count;
  uint32_t reserve_last;   /* the highest number ever used */
  reserve_file filling;    /* what becomes the next reserve file */
  weir_file *filling_file; /* null: none; a job's own while it is in flight */
  uint64_t filled;
  uint64_t retry_ms;
  bool scarce;

  uint64_t *first_serials; /* by segment, from first_segment on */
  uint32_t first_segment;
  uint32_t segment_count;
  uint32_t retire_below; /* segments before it may be used again */
  read_file read_files[READ_FILES];
  unsigned read_next;
  uint8_t *page;
};

/* recover.c: finds what is there, checks all of it, and leaves the journal ready. */
weir_status weir_journal_recover(weir_journal *j,
                                 weir_status (*each)(void *user, const weir_frame_view *frame),
                                 void *user, weir_journal_finding *finding);
/* rewrite.c: the current segment, made anew from the `end` first bytes of what is kept of it. */
weir_status weir_journal_rewrite(weir_journal *j, const segment_header *header, uint64_t end,
                                 uint8_t *stream_memory);
/* job.c: plans the making of one reserve file, or what is left of it; and its end. */
void weir_journal_plan_reserve(weir_journal *j, weir_journal_job *job, bool fill);
void weir_journal_keep_reserve(weir_journal *j, const weir_journal_job *job);
/* recover.c and append.c: remembers where the next segment begins, one of SEGMENTS_MAX. */
void weir_journal_remember_segment(weir_journal *j, uint32_t number, uint64_t first_serial);

#endif
