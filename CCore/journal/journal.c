/* Opening, closing and asking.
 *
 * Happy path: all memory is taken at open, recovery fills the journal in, and from then on nothing
 * is allocated.
 *
 * What can go wrong: options that are no options are INVALID; whatever recovery answers closes
 * everything again, and `out` stays untouched.
 */
#include "internal.h"

static bool is_letter_or_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static weir_status read_options(weir_journal *j, const weir_journal_options *options) {
  size_t unit_count = strlen(options->unit);
  if (unit_count == 0 || unit_count > WEIR_UNIT_NAME_MAX) return WEIR_INVALID;
  for (size_t i = 0; i < unit_count; i++) {
    if (!is_letter_or_digit(options->unit[i])) return WEIR_INVALID;
    j->unit[i] = (uint8_t)options->unit[i];
  }
  size_t directory_count = strlen(options->directory);
  if (directory_count == 0) return WEIR_INVALID;
  if (directory_count >= sizeof j->directory) return WEIR_TOO_LONG;
  memcpy(j->directory, options->directory, directory_count);
  uint64_t bytes = options->segment_bytes;
  if (bytes == 0) bytes = WEIR_JOURNAL_SEGMENT_BYTES;
  if (bytes % 4096 != 0) return WEIR_INVALID;
  if (bytes < SEGMENT_BYTES_MIN || bytes > SEGMENT_BYTES_MAX) return WEIR_INVALID;
  j->segment_bytes = bytes;
  j->read_only = options->read_only;
  j->from_segment = options->from_segment;
  j->from_serial = options->from_serial;
  return WEIR_OK;
}

static weir_status take_memory(weir_journal *j) {
  j->first_serials = weir_allocate(SEGMENTS_MAX, sizeof *j->first_serials);
  j->page = weir_allocate(1, PAGE_BYTES);
  if (j->first_serials == NULL || j->page == NULL) return WEIR_OUT_OF_MEMORY;
  if (j->read_only) return WEIR_OK;
  for (unsigned i = 0; i < 2; i++) {
    j->memory[i] = weir_allocate(1, WEIR_JOURNAL_GATHER_BYTES);
    if (j->memory[i] == NULL) return WEIR_OUT_OF_MEMORY;
  }
  return WEIR_OK;
}

weir_status weir_journal_open(const weir_journal_options *options, const weir_os *os,
                              weir_status (*each)(void *user, const weir_frame_view *frame),
                              void *user, weir_journal_finding *finding, weir_journal **out) {
  WEIR_ASSERT(finding != NULL);
  weir_journal *j = weir_allocate(1, sizeof *j);
  if (j == NULL) return WEIR_OUT_OF_MEMORY;
  j->os = os;
  weir_status status = read_options(j, options);
  if (status == WEIR_OK) status = take_memory(j);
  if (status == WEIR_OK) status = weir_journal_recover(j, each, user, finding);
  if (status != WEIR_OK) {
    weir_journal_close(j);
    return status;
  }
  *out = j;
  return WEIR_OK;
}

void weir_journal_close(weir_journal *j) {
  if (j == NULL) return;
  WEIR_ASSERT(!j->in_flight);
  const weir_os *os = j->os;
  for (unsigned i = 0; i < READ_FILES; i++) {
    if (j->read_files[i].file != NULL) os->close(os->context, j->read_files[i].file);
  }
  if (j->file != NULL) os->close(os->context, j->file);
  if (j->filling_file != NULL) os->close(os->context, j->filling_file);
  if (j->lock != NULL) os->close(os->context, j->lock);
  weir_free(j->memory[0]);
  weir_free(j->memory[1]);
  weir_free(j->first_serials);
  weir_free(j->page);
  weir_free(j);
}

void weir_journal_remember_segment(weir_journal *j, uint32_t number, uint64_t first_serial) {
  WEIR_ASSERT(j->segment_count < SEGMENTS_MAX);
  if (j->segment_count == 0) j->first_segment = number;
  WEIR_ASSERT(number == j->first_segment + j->segment_count);
  j->first_serials[j->segment_count++] = first_serial;
}

bool weir_journal_scarce(const weir_journal *j) {
  return j->scarce;
}

uint64_t weir_journal_appended(const weir_journal *j) {
  return j->appended;
}

uint64_t weir_journal_durable(const weir_journal *j) {
  return j->durable;
}
