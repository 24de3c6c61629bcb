/* The spoken receipt: whatever is typed as the code of a matter that is on the link confirms
 * nothing unless it is six digits, and is answered in one line.
 */
#include "../fuzz_unit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t number;

static weir_bytes say(fuzz_unit *f, uint32_t connection, weir_buffer *line) {
  WEIR_ASSERT(!line->overflow);
  fuzz_unit_give(f, connection, weir_buffer_view(line));
  fuzz_unit_pump(f);
  return weir_unit_output(f->unit, connection);
}

static bool holds(weir_bytes text, const char *word) {
  return memmem(text.at, text.count, word, strlen(word)) != NULL;
}

/* A matter whose code may still be typed: a new one, as wrong codes lock it. */
static void take_matter(fuzz_unit *f, uint32_t connection) {
  char text[256];
  weir_buffer line = weir_buffer_over(text, sizeof text);
  weir_put_text(&line, "{\"op\":\"intake\",\"ref\":\"r");
  weir_put_decimal(&line, ++number);
  weir_put_text(&line,
                "\",\"receivedBy\":\"12345\",\"channel\":\"phone\",\"facts\":[\"crime\"]}\n");
  weir_bytes answer = say(f, connection, &line);
  WEIR_ASSERT(holds(answer, "\"durable\":true"));
  weir_unit_written(f->unit, connection, answer.count);
}

/* Digits, full-width ones too. */
static size_t count_digits(weir_bytes typed) {
  size_t digits = 0;
  for (size_t i = 0; i < typed.count; i++) {
    digits += typed.at[i] >= '0' && typed.at[i] <= '9';
    bool wide = i + 2 < typed.count && typed.at[i] == 0xef && typed.at[i + 1] == 0xbc;
    digits += wide && typed.at[i + 2] >= 0x90 && typed.at[i + 2] <= 0x99;
  }
  return digits;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static uint8_t text[2048];
  uint32_t connection = 0;
  if (size > 128) return 0;
  bool new_unit = false;
  fuzz_unit *f = fuzz_unit_ready();
  if (f->runs % UNIT_RUNS == 1) {
    number = 0;
    new_unit = true;
  }
  WEIR_ASSERT(weir_unit_connect(f->unit, false, &connection) == WEIR_OK);
  if (new_unit || f->runs % 4 == 1) take_matter(f, connection);
  weir_buffer line = weir_buffer_over(text, sizeof text);
  weir_put_text(&line, "{\"op\":\"event\",\"handover\":\"");
  weir_put_decimal(&line, number);
  weir_put_text(&line, "-");
  weir_put_decimal(&line, weir_check_digit(number));
  weir_put_text(&line, "\",\"event\":\"receipt\",\"by\":\"A07\",\"code\":");
  weir_put_quoted(&line, weir_view(data, size));
  weir_put_text(&line, "}\n");
  weir_bytes answer = say(f, connection, &line);
  WEIR_ASSERT(answer.count > 0 && answer.at[answer.count - 1] == '\n');
  bool confirmed = holds(answer, "\"durable\":true");
  WEIR_ASSERT(confirmed || holds(answer, "\"error\":{\"code\":\""));
  WEIR_ASSERT(!confirmed || count_digits(weir_view(data, size)) == 6);
  weir_unit_written(f->unit, connection, answer.count);
  weir_unit_disconnect(f->unit, connection);
  return 0;
}
