/* Journal frames as values, for those who count and tell: weir report, weir trace. What show.c
 * says in words stands here as numbers, so that a day of a hundred thousand matters is read in a
 * second. */
#include "internal.h"

#include <string.h>

weir_bytes weir_texts_at(const weir_texts *texts, uint32_t id) {
  return texts_at(texts, id);
}

static bool look_at_change(weir_bytes body, weir_record *record) {
  matter_record r;
  if (!record_get_matter(body, &r)) return false;
  record->kind = WEIR_RECORD_CHANGE;
  record->now = r.now;
  record->step_kind = r.step_kind;
  record->event = r.event;
  record->effects = r.effects;
  record->step_flags = r.step_flags;
  record->state = r.state;
  record->line = r.line;
  return true;
}

static bool look_at_acknowledged(weir_bytes body, weir_record *record) {
  acknowledged_record r;
  if (!record_get_acknowledged(body, &r)) return false;
  record->kind = WEIR_RECORD_ACKNOWLEDGED;
  record->now = r.now;
  record->report = r.number;
  record->settled = r.settled;
  record->line = r.line;
  return true;
}

static bool look_at_drill(weir_bytes body, weir_record *record) {
  drill_record r;
  if (!record_get_drill(body, &r)) return false;
  record->kind = WEIR_RECORD_DRILL;
  record->now = r.now;
  record->until = r.until;
  record->line = r.line;
  return true;
}

static bool look_at_start(weir_bytes body, weir_record *record) {
  start_record r;
  if (!record_get_start(body, &r)) return false;
  record->kind = WEIR_RECORD_START;
  record->now = r.now;
  record->text = r.version;
  return true;
}

static bool look_at_policy(weir_bytes body, weir_record *record) {
  policy_record r;
  if (!record_get_policy(body, &r)) return false;
  record->kind = WEIR_RECORD_POLICY;
  record->now = r.now;
  record->text = r.versions;
  return true;
}

/* Records that begin with a moment: a stop, and a quarantined line behind its refusal. */
static bool look_at_stamp(weir_bytes body, weir_record *record, weir_record_kind kind) {
  weir_reader in = weir_reader_over(body);
  record->kind = kind;
  record->now.boot_ms = weir_get_varint(&in);
  record->now.wall_ms = weir_get_zigzag(&in);
  if (kind != WEIR_RECORD_QUARANTINE) return !in.bad;
  (void)weir_get_u8(&in);
  record->line = weir_get(&in, in.left);
  return !in.bad;
}

static bool look_at_text(weir_texts *texts, weir_bytes body) {
  uint32_t id = 0;
  weir_bytes text;
  if (!record_get_text(body, &id, &text)) return false;
  (void)texts_add(texts, id, text); /* one that does not fit is read as an empty text */
  return true;
}

weir_status weir_works_look(weir_texts *texts, const weir_frame_view *frame, weir_record *record) {
  bool good = true;
  memset(record, 0, sizeof *record);
  record->serial = frame->serial;
  switch (frame->kind) {
  case RECORD_MATTER:
    good = look_at_change(frame->body, record);
    break;
  case RECORD_ACKNOWLEDGED:
    good = look_at_acknowledged(frame->body, record);
    break;
  case RECORD_DRILL:
    good = look_at_drill(frame->body, record);
    break;
  case RECORD_START:
    good = look_at_start(frame->body, record);
    break;
  case RECORD_POLICY:
    good = look_at_policy(frame->body, record);
    break;
  case RECORD_STOP:
    good = look_at_stamp(frame->body, record, WEIR_RECORD_STOP);
    break;
  case RECORD_QUARANTINE:
    good = look_at_stamp(frame->body, record, WEIR_RECORD_QUARANTINE);
    break;
  case RECORD_TALLY:
    record->kind = WEIR_RECORD_TALLY;
    record->text = frame->body;
    break;
  case RECORD_TEXT:
    good = look_at_text(texts, frame->body);
    break;
  default:
    break;
  }
  return good ? WEIR_OK : WEIR_CORRUPT;
}

bool weir_record_tally(weir_record *record, uint64_t *crossing, uint32_t *copies,
                       int64_t *last_ms) {
  weir_reader in = weir_reader_over(record->text);
  weir_link_copies went;
  if (in.left == 0 || !record_get_copies(&in, crossing, &went)) return false;
  *copies = went.count;
  *last_ms = went.last_ms;
  record->text = weir_get(&in, in.left);
  return true;
}

weir_status weir_handover_read(const char *unit, uint32_t today, weir_bytes text, uint64_t *key) {
  return handover_read(unit, today, text, key);
}

size_t weir_handover_write(const char *unit, const weir_state *state,
                           char into[WEIR_HANDOVER_BYTES]) {
  handover_text text = handover_write(unit, state->day, state->serial, state->flags & FLAG_DRILL);
  memcpy(into, text.at, text.count);
  return text.count;
}
