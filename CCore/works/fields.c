/* One field of a JSON object, behind another one. */
#include "internal.h"

static void put_key(weir_buffer *b, const char *key) {
  weir_put_text(b, ",\"");
  weir_put_text(b, key);
  weir_put_text(b, "\":");
}

void put_word(weir_buffer *b, const char *key, const char *value) {
  put_key(b, key);
  weir_put_quoted(b, weir_text(value));
}

void put_flag(weir_buffer *b, const char *key, bool value) {
  put_key(b, key);
  weir_put_text(b, value ? "true" : "false");
}

void put_wall_time(weir_buffer *b, const char *key, int64_t wall_ms) {
  put_key(b, key);
  weir_put_text(b, "\"");
  weir_put_time(b, wall_ms);
  weir_put_text(b, "\"");
}
