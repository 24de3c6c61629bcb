/* The spoken receipt (回执码): a person at the 110 desk reads six digits out on the telephone, and
 * the seat types them. The code is computed over the very bytes that cross, so that a right one
 * proves that this revision lies on the other side.
 *
 *   forgiven    spaces and full-width digits
 *   wrong       refused, nothing is confirmed; after five tries the code of the matter is locked
 *               until a newer revision crosses or the unit starts anew
 *   not crossed there is nothing to confirm: refused too */
#include "internal.h"

enum { DIGITS = 6, TRIES_MAX = 5 };

/* The six digits that were typed; false when there are not exactly six. */
static bool digits_of(weir_bytes text, char digits[DIGITS + 1]) {
  size_t count = 0;
  for (size_t i = 0; i < text.count; i++) {
    uint8_t c = text.at[i];
    bool wide = text.count - i >= 3 && c == 0xef && text.at[i + 1] == 0xbc; /* U+FF10 … FF19 */
    if (c == ' ') continue;
    if (wide) {
      c = (uint8_t)(text.at[i + 2] - 0x90 + '0');
      i += 2;
    }
    if (c < '0' || c > '9' || count == DIGITS) return false;
    digits[count++] = (char)c;
  }
  digits[count] = 0;
  return count == DIGITS;
}

/* The code of the revision that crosses now; false when it cannot be computed. */
static bool expected_code(weir_unit *u, const matter *m, char code[DIGITS + 1]) {
  matter_record r;
  weir_frame_view frame;
  weir_buffer memory = weir_buffer_over(u->read_memory[0], WEIR_JOURNAL_BODY_MAX);
  if (weir_journal_read(u->journal, m->offered, &memory, &frame) != WEIR_OK) return false;
  if (frame.kind != RECORD_MATTER || !record_get_matter(frame.body, &r)) return false;
  weir_buffer b = weir_buffer_over(u->render_memory, ANSWER_BYTES_MAX);
  if (!render_record(u, m->offered, false, &b) || b.overflow) return false;
  uint8_t digest[32];
  weir_sha256(weir_buffer_view(&b), digest);
  handover_text number =
      handover_write(u->name, m->state.day, m->state.serial, m->state.flags & FLAG_DRILL);
  return weir_receipt_code(u->options.keys, weir_keyring_newest(u->options.keys), u->name,
                           handover_view(&number), r.state.revision, digest, code) == WEIR_OK;
}

unsigned receipt_refusal(weir_unit *u, uint32_t slot, weir_bytes typed) {
  matter *m = &u->matters[slot];
  char digits[DIGITS + 1], code[DIGITS + 1];
  if (!u->options.keys || m->offered == 0) return WEIR_REFUSAL_NOT_NOW;
  if (m->receipt_tries_of != m->offered) {
    m->receipt_tries_of = m->offered;
    m->receipt_tries = 0;
  }
  if (m->receipt_tries >= TRIES_MAX) return WEIR_REFUSAL_WRONG_CODE;
  bool right = digits_of(typed, digits) && expected_code(u, m, code) &&
               weir_equal_constant_time(weir_view(digits, DIGITS), weir_view(code, DIGITS));
  if (!right) m->receipt_tries++;
  return right ? WEIR_REFUSAL_NONE : WEIR_REFUSAL_WRONG_CODE;
}
