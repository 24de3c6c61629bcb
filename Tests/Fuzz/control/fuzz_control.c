/* The control socket, and the intake: any bytes are lines to a whole unit. Each line gets exactly
 * one answer, which is one JSON object; `watch` turns the connection into a stream of them, which
 * hears no more.
 */
#include "../fuzz_unit.h"

#include <jansson.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Lines that are not empty. */
static size_t count_lines(weir_bytes all) {
  size_t lines = 0;
  for (size_t at = 0, begin = 0; at < all.count; at++) {
    if (all.at[at] != '\n') continue;
    size_t count = at - begin;
    if (count > 0 && all.at[at - 1] == '\r') count--;
    lines += count > 0;
    begin = at + 1;
  }
  return lines;
}

/* An object, as a whole JSON reader sees it. */
static bool is_object(weir_bytes answer) {
  json_error_t error;
  json_t *json = json_loadb((const char *)answer.at, answer.count, JSON_REJECT_DUPLICATES, &error);
  bool object = json_is_object(json);
  json_decref(json);
  return object;
}

/* Lines of answers; `reads` has each read, which takes longer than all else. */
static size_t count_answers(weir_bytes said, bool reads) {
  size_t answers = 0;
  while (said.count > 0) {
    const uint8_t *feed = memchr(said.at, '\n', said.count);
    WEIR_ASSERT(feed != NULL);
    size_t count = (size_t)(feed - said.at);
    WEIR_ASSERT(count >= 2 && said.at[0] == '{' && feed[-1] == '}');
    bool good = !reads || is_object(weir_view(said.at, count));
    if (!good) fprintf(stderr, "%.*s\n", (int)count, (const char *)said.at);
    WEIR_ASSERT(good);
    said = weir_view(feed + 1, said.count - count - 1);
    answers++;
  }
  return answers;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const char watch[] = "watch", control = '0';
  if (size < 2) return 0;
  fuzz_unit *f = fuzz_unit_ready();
  uint32_t connection = 0;
  WEIR_ASSERT(weir_unit_connect(f->unit, data[0] == control, &connection) == WEIR_OK);
  weir_bytes lines = weir_view(data + 1, size - 1);
  fuzz_unit_give(f, connection, lines);
  fuzz_unit_pump(f);
  weir_bytes said = weir_unit_output(f->unit, connection);
  enum { ONE_IN = 8 };
  size_t answers = count_answers(said, f->runs % ONE_IN == 0), wanted = count_lines(lines);
  bool watches = memmem(lines.at, lines.count, watch, sizeof watch - 1) != NULL;
  WEIR_ASSERT(answers == wanted || watches);
  weir_unit_written(f->unit, connection, said.count);
  weir_unit_disconnect(f->unit, connection);
  return 0;
}
