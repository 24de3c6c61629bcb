/* The spoken receipt (回执码): a person at the 110 desk reads six digits out on the telephone, and
 * the seat types them. The code is computed over the very bytes that cross, so that a right one
 * proves that this revision lies on the other side.
 *
 *   an older one  the desk may read out the code of a revision that a newer one has overtaken: it
 *                 confirms its own revision and older ones, and the newer one goes on crossing
 *   forgiven      spaces and full-width digits
 *   wrong         refused and journalled, nothing is confirmed; five wrong ones lock the code of
 *                 the matter, over restarts too, and raise an alarm: people compare the 对账码 then
 *   not crossed   there is nothing to confirm: refused too
 *   expired       its matter has ended, and nothing counts an ended matter's tries any more: it is
 *                 refused. People telephone; an update makes it cross anew, under a new code
 *   no room       a wrong one that the journal does not take counts as no try, and is refused so
 *   unreadable    while the journal cannot be read nobody can say whether a code is right: it is
 *                 refused for load, and counts as no try */
#include "internal.h"

enum { DIGITS = 6, OLDER_MAX = 16 };

/* The six digits that were typed; false when there are not exactly six. */
static bool digits_of(weir_bytes typed, char digits[DIGITS + 1]) {
  uint8_t plain[128]; /* a message's code has 32 characters at most */
  weir_buffer b = weir_buffer_over(plain, sizeof plain);
  weir_put_typed(&b, typed);
  WEIR_ASSERT(!b.overflow);
  if (b.count != DIGITS) return false;
  for (size_t i = 0; i < DIGITS; i++) {
    if (plain[i] < '0' || plain[i] > '9') return false;
    digits[i] = (char)plain[i];
  }
  digits[DIGITS] = 0;
  return true;
}

/* What is known of a code: nothing while the journal cannot be read. */
typedef enum verdict { CODE_RIGHT, CODE_WRONG, CODE_UNKNOWN } verdict;

/* Is this the code of the revision that crossed by the record at `position`? */
static verdict compare_code(weir_unit *u, const matter_record *r, weir_position position,
                            const char digits[DIGITS + 1]) {
  uint8_t digest[32];
  weir_buffer b = weir_buffer_over(u->render_memory, ANSWER_BYTES_MAX);
  if (!render_record(u, position, false, &b)) return CODE_UNKNOWN;
  weir_sha256(weir_buffer_view(&b), digest);
  handover_text number =
      handover_write(u->name, r->state.day, r->state.serial, r->state.flags & FLAG_DRILL);
  size_t epochs = weir_keyring_count(u->options.keys);
  for (size_t i = 0; i < epochs; i++) { /* it may have crossed under an older key */
    uint32_t epoch = 0, expires = 0;
    char code[DIGITS + 1] = ""; /* one that cannot be made stays what nobody can type */
    weir_suite suite;
    weir_keyring_entry(u->options.keys, i, &epoch, &suite, &expires);
    (void)weir_receipt_code(u->options.keys, epoch, u->name, handover_view(&number),
                            r->state.revision, digest, code);
    if (weir_equal_constant_time(weir_view(digits, DIGITS), weir_view(code, DIGITS))) {
      return CODE_RIGHT;
    }
  }
  return CODE_WRONG;
}

/* The revision whose code was typed, the newest first; of those that could have been read out. */
static verdict find_revision(weir_unit *u, weir_position newest, const char digits[DIGITS + 1],
                             uint32_t *revision) {
  unsigned tried = 0;
  for (weir_position p = newest; p != 0 && tried < OLDER_MAX;) {
    matter_record r;
    if (!read_one(u, p, &r)) return CODE_UNKNOWN;
    if (r.effects & WEIR_EFFECT_CROSS) {
      verdict found = compare_code(u, &r, p, digits);
      if (found != CODE_WRONG) {
        *revision = r.state.revision;
        return found;
      }
      tried++;
    }
    p = r.previous;
  }
  return CODE_WRONG;
}

/* A wrong code is journalled, so that no restart gives new tries. One that the journal did not take
 * was no try, and is not answered as one. */
static unsigned note_wrong(weir_unit *u, weir_state *s) {
  uint8_t tries = (uint8_t)(s->receipt_tries + 1);
  try_record r = {u->now, s->day, s->serial, (s->flags & FLAG_DRILL) != 0, tries};
  uint8_t body[64];
  weir_buffer b = weir_buffer_over(body, sizeof body);
  record_put_try(&b, &r);
  const weir_bytes part = weir_buffer_view(&b);
  uint64_t serial;
  weir_position position;
  if (!unit_append(u, RECORD_TRY, &part, 1, &serial, &position)) return refusal_unjournalled(u);
  s->receipt_tries = tries;
  if (tries == RECEIPT_TRIES_MAX) effects_add(u, serial, position, NULL);
  return WEIR_REFUSAL_WRONG_CODE;
}

unsigned receipt_refusal(weir_unit *u, uint32_t slot, weir_bytes typed, uint32_t *revision) {
  matter *m = &u->matters[slot];
  char digits[DIGITS + 1];
  bool waits = m->state.data == DATA_QUEUED && m->offered != 0;
  if (!u->options.keys || !waits) return WEIR_REFUSAL_NOT_NOW;
  if (m->state.receipt_tries >= RECEIPT_TRIES_MAX) return WEIR_REFUSAL_WRONG_CODE;
  verdict found =
      digits_of(typed, digits) ? find_revision(u, m->offered, digits, revision) : CODE_WRONG;
  if (WEIR_CANARY(ANY_RECEIPT)) {
    *revision = m->offered_revision;
    found = CODE_RIGHT;
  }
  if (found == CODE_RIGHT) return WEIR_REFUSAL_NONE;
  if (found == CODE_UNKNOWN) return WEIR_REFUSAL_OVERLOADED;
  return note_wrong(u, &m->state);
}

void receipt_recover(weir_unit *u, const try_record *r) {
  index_entry *x = index_find(&u->handovers, handover_key(r->day, r->serial, r->drill), NULL);
  if (!x || !(x->value & SLOT_BIT)) return; /* it ended: there is nothing left to confirm */
  u->matters[(uint32_t)x->value].state.receipt_tries = r->tries;
}
