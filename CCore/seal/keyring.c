/* The key ring: a key file's lines, kept as the epochs' pseudo-random keys.
 *
 * Happy path: each line gives an epoch, a suite, a master and perhaps a day. Of the master only
 * HKDF's extract is kept, in libgcrypt's locked memory; the master itself is wiped at once.
 * What can go wrong: the file is a person's work: a digit short, an epoch twice, a day that is
 * no day.
 * What we do then: INVALID with the line and a sentence that says what to mend. Such a sentence
 * never repeats what stood there, since it might be half a key.
 */
#include "inside.h"

#include <gcrypt.h>
#include <string.h>

typedef struct epoch_entry {
  uint32_t epoch;
  weir_suite suite;
  uint32_t expires;
} epoch_entry;

struct weir_keyring {
  epoch_entry entries[WEIR_SEAL_EPOCHS_MAX]; /* in order of epoch */
  size_t count;
  uint8_t (*secrets)[32]; /* beside the entries, in locked memory */
};

/* ---- Reading one line ------------------------------------------------------------------------ */

enum { FIELDS_MAX = 4 };

typedef struct key_line {
  weir_bytes fields[FIELDS_MAX];
  size_t count;
} key_line;

/* Cuts a line into its fields; the sentence of what is wrong, or null. */
static const char *line_split(weir_bytes line, key_line *into) {
  into->count = 0;
  size_t at = 0;
  while (at < line.count && line.at[at] != '#') {
    uint8_t c = line.at[at];
    if (c == ' ' || c == '\t') {
      at++;
      continue;
    }
    size_t begin = at;
    while (at < line.count && line.at[at] > ' ' && line.at[at] != '#' && line.at[at] < 127) at++;
    if (at == begin && c == '\r')
      return "The line ends with a carriage return; use Unix line ends.";
    if (at == begin) return "The line holds a character that is no printable ASCII.";
    if (into->count == FIELDS_MAX) return "The line has more than four fields.";
    into->fields[into->count++] = weir_view(line.at + begin, at - begin);
  }
  return NULL;
}

static const char *field_epoch(weir_bytes field, uint32_t *epoch) {
  uint64_t value = 0;
  bool read = weir_decimal_read(field, &value) == WEIR_OK;
  if (!read || value == 0 || value > UINT32_MAX) {
    return "The epoch must be a whole number from 1 to 4294967295.";
  }
  *epoch = (uint32_t)value;
  return NULL;
}

static const char *field_suite(weir_bytes field, weir_suite *suite) {
  for (weir_suite s = WEIR_SUITE_AES_256_GCM; s <= WEIR_SUITE_SM4_GCM; s++) {
    if (weir_equal(field, weir_text(weir_suite_name(s)))) {
      *suite = s;
      return NULL;
    }
  }
  return "The suite must be aes-256-gcm or sm4-gcm.";
}

static int hex_digit(uint8_t c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

static const char *field_master(weir_bytes field, uint8_t master[WEIR_SEAL_MASTER_BYTES]) {
  if (field.count != (size_t)2 * WEIR_SEAL_MASTER_BYTES) {
    return "The master key must be exactly 64 hexadecimal digits.";
  }
  for (size_t i = 0; i < WEIR_SEAL_MASTER_BYTES; i++) {
    int high = hex_digit(field.at[2 * i]);
    int low = hex_digit(field.at[2 * i + 1]);
    if (high < 0 || low < 0) return "The master key holds a character that is no hex digit.";
    master[i] = (uint8_t)(high << 4 | low);
  }
  return NULL;
}

static const char *field_day(weir_bytes field, uint32_t *day) {
  static const char *const wrong = "The day of expiry must be a day, written yyyy-mm-dd.";
  static const uint8_t lengths[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  uint64_t y = 0, m = 0, d = 0;
  if (field.count != 10 || field.at[4] != '-' || field.at[7] != '-') return wrong;
  if (weir_decimal_read(weir_view(field.at, 4), &y) != WEIR_OK) return wrong;
  if (weir_decimal_read(weir_view(field.at + 5, 2), &m) != WEIR_OK) return wrong;
  if (weir_decimal_read(weir_view(field.at + 8, 2), &d) != WEIR_OK) return wrong;
  if (y == 0 || m < 1 || m > 12) return wrong;
  bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
  uint64_t length = m == 2 && leap ? 29 : lengths[m - 1];
  if (d < 1 || d > length) return wrong;
  *day = (uint32_t)(y * 10000 + m * 100 + d);
  return NULL;
}

/* ---- Reading the file ---- */

static const char *line_insert(weir_keyring *ring, epoch_entry entry, const uint8_t *master,
                               weir_status *status) {
  size_t place = ring->count;
  while (place > 0 && ring->entries[place - 1].epoch >= entry.epoch) place--;
  if (place < ring->count && ring->entries[place].epoch == entry.epoch) {
    return "This epoch stands in the file twice.";
  }
  if (ring->count == WEIR_SEAL_EPOCHS_MAX) return "The file holds more than 16 epochs.";
  size_t behind = ring->count - place;
  memmove(&ring->entries[place + 1], &ring->entries[place], behind * sizeof entry);
  memmove(&ring->secrets[place + 1], &ring->secrets[place], behind * sizeof ring->secrets[0]);
  ring->entries[place] = entry;
  ring->count++;
  *status = weir_hkdf_extract(weir_text("weir-link-1"), weir_view(master, WEIR_SEAL_MASTER_BYTES),
                              ring->secrets[place]);
  return NULL;
}

/* Takes one line up; INVALID with its sentence, or what the library could not do. */
static weir_status line_read(weir_keyring *ring, weir_bytes line, const char **wrong) {
  key_line cut;
  *wrong = line_split(line, &cut);
  if (*wrong != NULL) return WEIR_INVALID;
  if (cut.count == 0) return WEIR_OK;
  epoch_entry entry = {0, WEIR_SUITE_AES_256_GCM, 0};
  uint8_t master[WEIR_SEAL_MASTER_BYTES];
  weir_status status = WEIR_OK;
  *wrong = field_epoch(cut.fields[0], &entry.epoch);
  if (*wrong == NULL && cut.count < 3)
    *wrong = "A line needs EPOCH SUITE HEX, and may end in a day.";
  if (*wrong == NULL) *wrong = field_suite(cut.fields[1], &entry.suite);
  if (*wrong == NULL) *wrong = field_master(cut.fields[2], master);
  if (*wrong == NULL && cut.count == 4) *wrong = field_day(cut.fields[3], &entry.expires);
  if (*wrong == NULL) *wrong = line_insert(ring, entry, master, &status);
  weir_wipe(master, sizeof master);
  return *wrong == NULL ? status : WEIR_INVALID;
}

static weir_status file_read(weir_keyring *ring, weir_bytes file, uint32_t *line,
                             const char **wrong) {
  size_t at = 0;
  *line = 0;
  while (at < file.count) {
    const uint8_t *end = memchr(file.at + at, '\n', file.count - at);
    size_t count = end == NULL ? file.count - at : (size_t)(end - file.at) - at;
    *line += 1;
    weir_status status = line_read(ring, weir_view(file.at + at, count), wrong);
    if (status != WEIR_OK) return status;
    at += count + 1;
  }
  if (ring->count > 0) return WEIR_OK;
  if (*line == 0) *line = 1;
  *wrong = "The file holds no key.";
  return WEIR_INVALID;
}

weir_status weir_keyring_read(weir_bytes file, weir_keyring **out, uint32_t *line,
                              char reason[96]) {
  *line = 0;
  reason[0] = 0;
  if (!weir_seal_start()) return WEIR_UNSUPPORTED;
  weir_keyring *ring = weir_allocate(1, sizeof *ring);
  if (ring == NULL) return WEIR_OUT_OF_MEMORY;
  ring->secrets = gcry_calloc_secure(WEIR_SEAL_EPOCHS_MAX, sizeof ring->secrets[0]);
  const char *wrong = NULL;
  weir_status status =
      ring->secrets == NULL ? WEIR_OUT_OF_MEMORY : file_read(ring, file, line, &wrong);
  if (status == WEIR_OK) {
    *line = 0;
    *out = ring;
    return WEIR_OK;
  }
  weir_keyring_close(ring);
  if (wrong != NULL) {
    weir_buffer text = weir_buffer_over(reason, 96);
    weir_put_text(&text, wrong);
    weir_put_u8(&text, 0);
    WEIR_ASSERT(!text.overflow);
  }
  return status;
}

void weir_keyring_close(weir_keyring *ring) {
  if (ring == NULL) return;
  if (ring->secrets != NULL) {
    weir_wipe(ring->secrets, WEIR_SEAL_EPOCHS_MAX * sizeof ring->secrets[0]);
    gcry_free(ring->secrets);
  }
  weir_wipe(ring, sizeof *ring);
  weir_free(ring);
}

/* ---- Asking the ring ---- */

static size_t ring_find(const weir_keyring *ring, uint32_t epoch) {
  size_t index = 0;
  while (index < ring->count && ring->entries[index].epoch != epoch) index++;
  return index;
}

uint32_t weir_keyring_newest(const weir_keyring *ring) {
  WEIR_ASSERT(ring->count > 0);
  return ring->entries[ring->count - 1].epoch;
}

size_t weir_keyring_count(const weir_keyring *ring) {
  return ring->count;
}

void weir_keyring_entry(const weir_keyring *ring, size_t index, uint32_t *epoch, weir_suite *suite,
                        uint32_t *expires) {
  WEIR_ASSERT(index < ring->count);
  *epoch = ring->entries[index].epoch;
  *suite = ring->entries[index].suite;
  *expires = ring->entries[index].expires;
}

weir_suite weir_keyring_suite(const weir_keyring *ring, uint32_t epoch) {
  size_t index = ring_find(ring, epoch);
  return index < ring->count ? ring->entries[index].suite : (weir_suite)0;
}

const uint8_t *weir_keyring_secret(const weir_keyring *ring, uint32_t epoch) {
  size_t index = ring_find(ring, epoch);
  return index < ring->count ? ring->secrets[index] : NULL;
}

weir_status weir_keyring_fingerprint(const weir_keyring *ring, uint32_t epoch, char digits[9]) {
  const uint8_t *secret = weir_keyring_secret(ring, epoch);
  if (secret == NULL) return WEIR_UNKNOWN_KEY;
  uint8_t info[16], code[32];
  memcpy(info, "fingerprint", 11);
  for (size_t i = 0; i < 4; i++) info[11 + i] = (uint8_t)(epoch >> (24 - 8 * i));
  info[15] = (uint8_t)weir_keyring_suite(ring, epoch);
  weir_status status = weir_hkdf_expand(secret, weir_view(info, sizeof info), code, sizeof code);
  if (status != WEIR_OK) return status;
  weir_buffer text = weir_buffer_over(digits, 9);
  weir_put_padded(&text, weir_truncate(weir_view(code, sizeof code), 8), 8);
  weir_put_u8(&text, 0);
  WEIR_ASSERT(!text.overflow);
  return WEIR_OK;
}

weir_status weir_keyring_line(uint32_t epoch, weir_suite suite, const uint8_t master[32],
                              weir_buffer *into) {
  const char *name = weir_suite_name(suite);
  if (epoch == 0 || name == NULL) return WEIR_INVALID;
  weir_put_decimal(into, epoch);
  weir_put_u8(into, ' ');
  weir_put_text(into, name);
  weir_put_u8(into, ' ');
  weir_put_hex(into, weir_view(master, WEIR_SEAL_MASTER_BYTES));
  return into->overflow ? WEIR_TOO_LONG : WEIR_OK;
}
