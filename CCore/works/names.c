/* Names of phases and legs, and the numbers that people read out.
 *
 * A handover's number is UNIT-YYYYMMDD-SERIAL, the serial of at least six digits, `Y` before it
 * for a drill. Its spoken form is the serial and its Luhn digit: 417-6, Y417-6 for a drill.
 * Anything else that a client sends in its place is unknown, never guessed at. */
#include "internal.h"

#include <string.h>

/* The name at a place of a list. What stands in no list came from a record of another version. */
static const char *name_at(const char *const *names, size_t count, unsigned place) {
  return place < count && names[place] ? names[place] : "unknown";
}

#define NAME_AT(names, place) name_at(names, sizeof(names) / sizeof *(names), place)

const char *phase_name(unsigned phase) {
  static const char *const names[] = {
      0,          "accepted", "transferring",    "late",      "transferred", "callerTold",
      "online",   "talking",  "dispatchedFirst", "verifying", "guided",      "redialAdvised",
      "referred", "closed"};
  return NAME_AT(names, phase);
}

const char *owner_name(unsigned owner) {
  static const char *const names[] = {"none", "110", "12345", "neither", "unclear"};
  return NAME_AT(names, owner);
}

const char *action_name(unsigned action) {
  static const char *const names[] = {"none",
                                      "acceptHere",
                                      "transferByPhone",
                                      "transferOnline",
                                      "adviseRedial12345",
                                      "referToDepartment",
                                      "explainAndGuide",
                                      "threeWayCall",
                                      "talk",
                                      "verifyWithDepartment",
                                      "dispatchFirst"};
  return NAME_AT(names, action);
}

const char *ground_name(unsigned ground) {
  static const char *const names[] = {"none", "agreed", "firstReceiver", "callerStatement",
                                      "earlierContact"};
  return NAME_AT(names, ground);
}

const char *voice_name(unsigned voice) {
  static const char *const names[] = {"none", "due", "ringing", "answered", "failed"};
  return NAME_AT(names, voice);
}

const char *report_name(unsigned report) {
  static const char *const names[] = {"none", "due", "raised", "acknowledged"};
  return NAME_AT(names, report);
}

const char *report_kind_name(unsigned kind) {
  static const char *const names[] = {"none", "cannotTransfer", "late"};
  return NAME_AT(names, kind);
}

const char *lane_name(unsigned lane) {
  static const char *const names[] = {"danger", "phone", "internet", "later"};
  return NAME_AT(names, lane);
}

handover_text handover_write(const char *unit, uint32_t day, uint32_t serial, bool drill) {
  handover_text text;
  weir_buffer b = weir_buffer_over(text.at, sizeof text.at);
  weir_put_text(&b, unit);
  weir_put_u8(&b, '-');
  weir_put_padded(&b, day, 8);
  weir_put_u8(&b, '-');
  if (drill) weir_put_u8(&b, 'Y');
  weir_put_padded(&b, serial, 6);
  WEIR_ASSERT(!b.overflow);
  text.count = b.count;
  return text;
}

/* The digits up to `stop` (or the end); false unless there is at least one and nothing else. */
static bool digits_before(weir_bytes *text, int stop, uint64_t *value) {
  const uint8_t *end = stop ? memchr(text->at, stop, text->count) : text->at + text->count;
  if (!end) return false;
  size_t count = (size_t)(end - text->at);
  if (weir_decimal_read(weir_view(text->at, count), value) != WEIR_OK) return false;
  size_t taken = count + (stop ? 1 : 0);
  text->at += taken;
  text->count -= taken;
  return true;
}

/* The mark of a drill, taken off the front. */
static bool take_drill_mark(weir_bytes *text) {
  if (text->count == 0 || text->at[0] != 'Y') return false;
  *text = weir_view(text->at + 1, text->count - 1);
  return true;
}

static weir_status spoken_read(uint32_t today, weir_bytes text, uint64_t *key) {
  uint64_t serial = 0, check = 0;
  bool drill = take_drill_mark(&text);
  if (!digits_before(&text, '-', &serial)) return WEIR_INVALID;
  if (text.count != 1 || !digits_before(&text, 0, &check)) return WEIR_INVALID;
  if (serial == 0 || serial > UINT32_MAX) return WEIR_INVALID;
  if (check != weir_check_digit(serial)) return WEIR_REFUSED;
  *key = handover_key(today, (uint32_t)serial, drill);
  return WEIR_OK;
}

static weir_status number_read(const char *unit, uint32_t today, weir_bytes text, uint64_t *key) {
  size_t name = strlen(unit);
  if (text.count <= name || memcmp(text.at, unit, name) != 0 || text.at[name] != '-') {
    return spoken_read(today, text, key);
  }
  weir_bytes rest = weir_view(text.at + name + 1, text.count - name - 1);
  uint64_t day = 0, serial = 0;
  if (!digits_before(&rest, '-', &day)) return spoken_read(today, text, key);
  bool drill = take_drill_mark(&rest);
  if (rest.count < 6 || !digits_before(&rest, 0, &serial)) return WEIR_INVALID;
  if (day > 99991231 || serial == 0 || serial > UINT32_MAX) return WEIR_INVALID;
  *key = handover_key((uint32_t)day, (uint32_t)serial, drill);
  return WEIR_OK;
}

weir_status handover_read(const char *unit, uint32_t today, weir_bytes typed, uint64_t *key) {
  uint8_t plain[HANDOVER_TEXT_MAX * 4];
  weir_buffer b = weir_buffer_over(plain, sizeof plain);
  weir_put_typed(&b, typed);
  return b.overflow ? WEIR_INVALID : number_read(unit, today, weir_buffer_view(&b), key);
}

void put_spoken(weir_buffer *b, uint32_t serial, bool drill) {
  if (drill) weir_put_u8(b, 'Y');
  weir_put_decimal(b, serial);
  weir_put_u8(b, '-');
  weir_put_decimal(b, weir_check_digit(serial));
}

void put_report_id(weir_buffer *b, const char *unit, uint32_t number) {
  weir_put_text(b, unit);
  weir_put_text(b, "-R");
  weir_put_padded(b, number, 6);
}

bool report_id_read(const char *unit, weir_bytes text, uint32_t *number) {
  size_t name = strlen(unit);
  if (text.count < name + 3 || memcmp(text.at, unit, name) != 0) return false;
  if (text.at[name] != '-' || text.at[name + 1] != 'R') return false;
  uint64_t value = 0;
  if (weir_decimal_read(weir_view(text.at + name + 2, text.count - name - 2), &value) != WEIR_OK) {
    return false;
  }
  if (value == 0 || value > UINT32_MAX) return false;
  *number = (uint32_t)value;
  return true;
}

void put_reading(weir_buffer *b, weir_bytes digits) {
  static const char *const readings[] = {"洞", "幺", "两", "三", "四",
                                         "五", "六", "拐", "八", "勾"};
  for (size_t i = 0; i < digits.count; i++) {
    uint8_t c = digits.at[i];
    if (c >= '0' && c <= '9') {
      weir_put_text(b, readings[c - '0']);
    } else if (c == '-') {
      weir_put_text(b, " ");
    } else {
      weir_put_u8(b, c);
    }
  }
}

/* What the event would need, for a refusal that says so; by WEIR_EVENT_…. */
const char *event_needs(unsigned event) {
  static const char *const needs[WEIR_EVENT_SPEAKABLE] = {
      [WEIR_EVENT_TRANSFER_STARTED] = "a voice leg that is due",
      [WEIR_EVENT_TRANSFER_ANSWERED] = "a voice leg that is due",
      [WEIR_EVENT_TRANSFER_FAILED] = "a voice leg that is due",
      [WEIR_EVENT_CALLER_TOLD] = "a voice leg that is due and a caller who was not told yet",
      [WEIR_EVENT_CALLER_GONE] = "an open voice leg or talks, and a caller who has not gone yet",
      [WEIR_EVENT_CALLED_ON_BEHALF] = "a voice leg that is due",
      [WEIR_EVENT_THREE_WAY_STARTED] = "talks, a verification, or a voice leg to 110 that is due",
      [WEIR_EVENT_THREE_WAY_JOINED] = "an open three-way call that the party is not in",
      [WEIR_EVENT_TALK_STARTED] = "talks, a verification, or a dispatch whose owner is open",
      [WEIR_EVENT_AGREED] = "talks, or a dispatch whose owner is open",
      [WEIR_EVENT_NOT_AGREED] = "talks, or a dispatch whose owner is open",
      [WEIR_EVENT_DANGER_CLEARED] = "a danger fact that holds",
      [WEIR_EVENT_VERIFIED] = "a verification that is under way",
      [WEIR_EVENT_GUIDED] = "guidance or a verification that is under way",
      [WEIR_EVENT_REDIAL_ADVISED] = "a matter of 12345's at the 110 desk",
      [WEIR_EVENT_REFERRED] = "a verification, or a matter of 12345's at the 110 desk",
      [WEIR_EVENT_RECEIPT] = "a record that crosses and is not confirmed",
      [WEIR_EVENT_REPORT_ACKNOWLEDGED] = "a report that is not acknowledged",
      [WEIR_EVENT_CANCELLED] = "a matter that is not closed",
      [WEIR_EVENT_CLOSED] = "a matter that is not closed"};
  const char *text = event < WEIR_EVENT_SPEAKABLE ? needs[event] : NULL;
  return text ? text : "another phase";
}
