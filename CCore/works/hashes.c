/* Hashes: one for each closed segment, each over the one before it and the segment's bytes, in the
 * file `hashes` beside the segments. Who holds the last line holds the whole journal to its word.
 *
 *   a line     segment (10 digits) · bytes of header and frames (10 digits) · SHA-256 (64 hex
 *              digits) over the hash before it (32 bytes, zeros for the first) and those bytes; so
 *              a person can check one with nothing but `head -c` and `sha256sum`
 *   made       behind the closing of a segment, off the loop and off the disk thread, and synced
 *   a crash    a line that was not finished is written over; a segment without one gets it later
 *   retired    the lines of segments that are gone stay: the chain begins where the journal began.
 *              Who verifies meanwhile begins again with the oldest that is left
 *   damage     a file whose last line is no line is not added to: `weir journal verify` names it
 */
#include "hashes.h"

#include "paths.h"

#include <string.h>

enum { DIGITS = 10, HASH_BYTES = 32, LINE_BYTES = DIGITS + 1 + DIGITS + 1 + 2 * HASH_BYTES + 1 };

typedef struct hash_line {
  uint32_t segment; /* 0: none */
  uint64_t bytes;
  uint8_t hash[HASH_BYTES];
} hash_line;

static void put_line(weir_buffer *b, const hash_line *line) {
  weir_put_padded(b, line->segment, DIGITS);
  weir_put_text(b, " ");
  weir_put_padded(b, line->bytes, DIGITS);
  weir_put_text(b, " ");
  weir_put_hex(b, weir_view(line->hash, HASH_BYTES));
  weir_put_text(b, "\n");
}

static bool get_hex(const uint8_t *at, uint8_t hash[HASH_BYTES]) {
  static const char digits[] = "0123456789abcdef";
  for (size_t i = 0; i < HASH_BYTES; i++) {
    const char *high = memchr(digits, at[2 * i], 16);
    const char *low = memchr(digits, at[2 * i + 1], 16);
    if (!high || !low) return false;
    hash[i] = (uint8_t)((high - digits) << 4 | (low - digits));
  }
  return true;
}

static bool get_line(const uint8_t at[LINE_BYTES], hash_line *line) {
  uint64_t segment = 0;
  bool good = at[DIGITS] == ' ' && at[2 * DIGITS + 1] == ' ' && at[LINE_BYTES - 1] == '\n';
  good = good && weir_decimal_read(weir_view(at, DIGITS), &segment) == WEIR_OK;
  good = good && weir_decimal_read(weir_view(at + DIGITS + 1, DIGITS), &line->bytes) == WEIR_OK;
  good = good && segment > 0 && segment <= INT32_MAX && get_hex(at + 2 * DIGITS + 2, line->hash);
  line->segment = (uint32_t)segment;
  return good;
}

static weir_status read_line(const weir_os *os, weir_file *file, uint64_t index, hash_line *line) {
  uint8_t bytes[LINE_BYTES];
  size_t got = 0;
  weir_status status =
      os->read_at(os->context, file, index * LINE_BYTES, bytes, sizeof bytes, &got);
  if (status != WEIR_OK) return status;
  return got == LINE_BYTES && get_line(bytes, line) ? WEIR_OK : WEIR_CORRUPT;
}

/* The last whole line, and how many there are. The first one tells that none is missing. */
static weir_status read_last(const weir_os *os, weir_file *file, uint64_t *count, hash_line *last) {
  uint64_t size = 0;
  hash_line first;
  weir_status status = os->size(os->context, file, &size);
  *count = size / LINE_BYTES;
  if (status != WEIR_OK || *count == 0) return status;
  status = read_line(os, file, 0, &first);
  if (status == WEIR_OK) status = read_line(os, file, *count - 1, last);
  if (status != WEIR_OK) return status;
  return last->segment == first.segment + *count - 1 ? WEIR_OK : WEIR_CORRUPT;
}

typedef struct hashing {
  weir_sha256_run run;
  uint64_t bytes;
} hashing;

static void add_piece(void *user, weir_bytes bytes) {
  hashing *h = user;
  weir_sha256_add(&h->run, bytes);
  h->bytes += bytes.count;
}

/* The line of the segment at `border`, behind the hash `before`. */
static weir_status hash_segment(const weir_os *os, const char *journal, const char *unit,
                                weir_border *border, const uint8_t before[HASH_BYTES],
                                hash_line *line, weir_journal_finding *finding) {
  hashing h = {.bytes = 0};
  const weir_closed_reader reader = {.user = &h, .piece = add_piece};
  weir_sha256_begin(&h.run);
  weir_sha256_add(&h.run, weir_view(before, HASH_BYTES));
  line->segment = border->segment;
  weir_status status = weir_journal_read_closed(os, journal, unit, border, &reader, finding);
  line->bytes = h.bytes;
  weir_sha256_end(&h.run, line->hash);
  return status;
}

/* Adds the lines that are missing, up to the segment `last`; `file` is open. */
static weir_status add_lines(const hash_order *order, const weir_os *os, const char *journal,
                             weir_file *file, uint32_t *hashed) {
  uint64_t count = 0;
  hash_line line = {0};
  uint32_t oldest = 0, newest = 0;
  weir_journal_finding finding = {0};
  weir_status status = read_last(os, file, &count, &line);
  if (status == WEIR_OK) status = weir_journal_held(os, journal, &oldest, &newest);
  if (status != WEIR_OK) return status;
  uint32_t next = line.segment ? line.segment + 1 : oldest;
  *hashed = next - 1;
  if (next > order->last) return WEIR_OK;
  weir_border border;
  status = weir_journal_border(os, journal, order->unit, next, &border);
  for (unsigned n = 0; status == WEIR_OK && n < order->most && next <= order->last; n++) {
    uint8_t before[HASH_BYTES], text[LINE_BYTES];
    memcpy(before, line.hash, HASH_BYTES);
    status = hash_segment(os, journal, order->unit, &border, before, &line, &finding);
    if (status != WEIR_OK) return status;
    weir_buffer b = weir_buffer_over(text, sizeof text);
    put_line(&b, &line);
    WEIR_ASSERT(!b.overflow && b.count == LINE_BYTES);
    status = os->write_at(os->context, file, count * LINE_BYTES, weir_buffer_view(&b));
    if (status == WEIR_OK) status = os->sync(os->context, file);
    if (status != WEIR_OK) return status;
    count++;
    *hashed = next++;
  }
  return status;
}

weir_status hashes_add(const hash_order *order, const weir_os *os, uint32_t *hashed) {
  char journal[PATH_BYTES], path[PATH_BYTES];
  weir_file *file = NULL;
  if (!join_path(journal, order->data, "/journal", "")) return WEIR_TOO_LONG;
  if (!join_path(path, order->data, "/journal/hashes", "")) return WEIR_TOO_LONG;
  weir_status status = os->open(os->context, path, WEIR_OPEN_WRITE, &file);
  if (status == WEIR_NOT_FOUND) {
    status = os->open(os->context, path, WEIR_OPEN_CREATE, &file);
    if (status == WEIR_OK) status = os->sync_directory(os->context, journal);
  }
  if (status == WEIR_OK) status = add_lines(order, os, journal, file, hashed);
  os->close(os->context, file);
  return status;
}

/* ---- Verifying ---- */

static weir_status unfit(weir_hashes_finding *f, uint32_t segment, const char *reason) {
  f->segment = segment;
  weir_buffer b = weir_buffer_over(f->reason, sizeof f->reason - 1);
  weir_put_text(&b, reason);
  WEIR_ASSERT(!b.overflow);
  f->reason[b.count] = 0;
  return WEIR_CORRUPT;
}

/* One segment against its line, whose index in the file is `index`. */
static weir_status verify_line(const weir_os *os, const char *journal, const char *unit,
                               weir_file *file, uint64_t index, weir_border *border,
                               weir_hashes_finding *f) {
  hash_line stored = {0}, before = {0}, found = {0};
  weir_journal_finding finding = {0};
  uint32_t segment = border->segment;
  weir_status status = index > 0 ? read_line(os, file, index - 1, &before) : WEIR_OK;
  if (status == WEIR_OK) status = read_line(os, file, index, &stored);
  if (status == WEIR_CORRUPT) return unfit(f, segment, "its line in the file of hashes is damaged");
  if (status != WEIR_OK) return status;
  status = hash_segment(os, journal, unit, border, before.hash, &found, &finding);
  if (status == WEIR_CORRUPT) return unfit(f, finding.segment, finding.reason);
  if (status == WEIR_NOT_FOUND) return unfit(f, segment, "it has a hash and is not closed");
  if (status != WEIR_OK) return status;
  bool fits = stored.segment == segment && stored.bytes == found.bytes &&
              memcmp(stored.hash, found.hash, HASH_BYTES) == 0;
  if (!fits) return unfit(f, segment, "its bytes are not those that were hashed when it closed");
  f->fit++;
  return WEIR_OK;
}

/* From the oldest segment that is held on, which is told in `begin`. */
static weir_status verify_lines(const weir_os *os, const char *journal, const char *unit,
                                weir_file *file, uint32_t *begin, weir_hashes_finding *f) {
  uint64_t count = 0;
  uint32_t oldest = 0, newest = 0;
  hash_line last = {0}, first = {0};
  weir_border border;
  weir_status status = weir_journal_held(os, journal, &oldest, &newest);
  *begin = oldest;
  if (status == WEIR_OK) status = read_last(os, file, &count, &last);
  if (status == WEIR_OK && count > 0) status = read_line(os, file, 0, &first);
  if (status == WEIR_CORRUPT) return unfit(f, oldest, "the file of hashes is damaged");
  if (status != WEIR_OK || count == 0) return status;
  if (first.segment > oldest || last.segment + 1 < oldest) {
    return unfit(f, oldest, "the file of hashes does not know it");
  }
  status = weir_journal_border(os, journal, unit, oldest, &border);
  if (status == WEIR_CORRUPT) return unfit(f, oldest, "the segment's header does not hold");
  while (status == WEIR_OK && border.segment <= last.segment) {
    uint64_t index = border.segment - first.segment;
    status = verify_line(os, journal, unit, file, index, &border, f);
  }
  if (status == WEIR_OK) memcpy(f->hash, last.hash, HASH_BYTES);
  return status;
}

static bool is_retired(const weir_os *os, const char *journal, uint32_t segment) {
  uint32_t oldest = 0, newest = 0;
  return weir_journal_held(os, journal, &oldest, &newest) == WEIR_OK && oldest > segment;
}

weir_status weir_hashes_verify(const weir_os *os, const char *data, const char *unit,
                               weir_hashes_finding *finding) {
  char journal[PATH_BYTES], path[PATH_BYTES];
  weir_file *file = NULL;
  uint32_t begin = 0;
  memset(finding, 0, sizeof *finding);
  if (!join_path(journal, data, "/journal", "")) return WEIR_TOO_LONG;
  if (!join_path(path, data, "/journal/hashes", "")) return WEIR_TOO_LONG;
  weir_status status = os->open(os->context, path, WEIR_OPEN_READ, &file);
  if (status == WEIR_NOT_FOUND) return WEIR_OK;
  if (status != WEIR_OK) return status;
  status = verify_lines(os, journal, unit, file, &begin, finding);
  while (status != WEIR_OK && is_retired(os, journal, begin)) { /* what is left of them */
    memset(finding, 0, sizeof *finding);
    status = verify_lines(os, journal, unit, file, &begin, finding);
  }
  os->close(os->context, file);
  return status;
}
