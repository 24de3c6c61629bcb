/* The journal: frames of a request's size into its buffer, and read back from a file that the
 * kernel holds in memory. What the disk does is not measured here. */
#include "trials.h"

#include "weir_base.h"
#include "weir_journal.h"
#include "weir_os.h"

#include <string.h>

enum { FRAMES = 4096, HEAD_BYTES = 64, BODY_BYTES = 600, READS = 4096 };

static weir_journal *journal;
static weir_position positions[FRAMES];
static uint8_t *body, *memory;

static void flush(void) {
  for (weir_journal_job *job; (job = weir_journal_take(journal, 0)) != NULL;) {
    weir_status status = weir_journal_perform(job, weir_os_linux());
    WEIR_ASSERT(status == WEIR_OK);
    (void)weir_journal_done(journal, job, status);
  }
}

static weir_status each_frame(void *user, const weir_frame_view *frame) {
  (void)user;
  (void)frame;
  return WEIR_OK;
}

static bool open_journal(const char *folder) {
  weir_journal_options options = {.directory = folder, .unit = "kd1"};
  weir_journal_finding finding;
  body = weir_allocate(1, BODY_BYTES);
  memory = weir_allocate(1, WEIR_JOURNAL_BODY_MAX);
  if (!body || !memory) return false;
  memset(body, 'x', BODY_BYTES);
  return weir_journal_open(&options, weir_os_linux(), each_frame, NULL, &finding, &journal) ==
         WEIR_OK;
}

static void close_journal(void) {
  flush();
  weir_journal_close(journal);
  weir_free(body);
  weir_free(memory);
}

static uint64_t run_journal_append(void) {
  const weir_bytes parts[2] = {weir_view(body, HEAD_BYTES), weir_view(body, BODY_BYTES)};
  for (size_t i = 0; i < FRAMES; i++) {
    uint64_t serial;
    weir_status status = weir_journal_append(journal, 1, parts, 2, &serial, &positions[i]);
    WEIR_ASSERT(status == WEIR_OK);
  }
  return FRAMES;
}

/* The frames that are read lie in no buffer: another batch went behind them. */
static void fill(void) {
  weir_position keep[FRAMES];
  (void)run_journal_append();
  flush();
  memcpy(keep, positions, sizeof keep);
  (void)run_journal_append();
  flush();
  memcpy(positions, keep, sizeof keep);
}

static uint64_t run_journal_read(void) {
  for (size_t i = 0; i < READS; i++) {
    weir_buffer into = weir_buffer_over(memory, WEIR_JOURNAL_BODY_MAX);
    weir_frame_view frame;
    weir_status status = weir_journal_read(journal, positions[i * 997 % FRAMES], &into, &frame);
    WEIR_ASSERT(status == WEIR_OK);
  }
  return READS;
}

const weir_room_trial trial_append = {"journal_append", 0, open_journal, flush, run_journal_append,
                                      close_journal};
const weir_room_trial trial_read = {"journal_read", 0, open_journal, fill, run_journal_read,
                                    close_journal};
