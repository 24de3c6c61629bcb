/* Alarms: each has an id, a begin and an end, in the log, in the status, and on an inner unit as
 * delivered items in Chinese for the 110 desk. One of a code and a sender is open at a time.
 *
 *   no room in the stage   the item waits here, and is staged at a later turn
 *   once                   it begins and ends at once, as one item; it is staged before the item
 *                          that it speaks of, so that a crash leaves both or neither, or the alarm
 *                          alone, and then that item comes again with another alarm
 *   open at a stop         it ends at the next start, and begins anew if its cause still stands */
#include "internal.h"

#include <string.h>

static void log_alarm(weir_unit *u, const alarm *a, bool begin, const char *english,
                      const char *next_step) {
  weir_log_level level = begin ? WEIR_LOG_ERROR : WEIR_LOG_INFO;
  const char *action = begin ? "alarmBegan" : "alarmEnded";
  if (!weir_log_begin(u->log, level, true, u->now.wall_ms, action, english)) return;
  weir_log_text(u->log, "event.code", weir_text(a->code));
  weir_log_number(u->log, "event.id", (int64_t)a->id);
  if (a->unit[0]) weir_log_text(u->log, "labels.sender", weir_text(a->unit));
  if (begin) weir_log_text(u->log, "labels.nextStep", weir_text(next_step));
  (void)weir_log_end(u->log);
}

/* Cut at a character's border, so that it stays UTF-8. */
static void set_text(char *into, size_t size, weir_bytes text) {
  size_t count = text.count < size - 1 ? text.count : size - 1;
  while (count > 0 && count < text.count && (text.at[count] & 0xc0) == 0x80) count--;
  memcpy(into, text.at, count);
  into[count] = 0;
}

static alarm *open_alarm(weir_unit *u, const char *code, const char *unit) {
  for (unsigned i = 0; i < ALARMS_MAX; i++) {
    alarm *a = &u->alarms[i];
    if (a->id == 0 || a->once || a->ended) continue;
    if (strcmp(a->code, code) == 0 && strcmp(a->unit, unit) == 0) return a;
  }
  return NULL;
}

static alarm *free_alarm(weir_unit *u) {
  for (unsigned i = 0; i < ALARMS_MAX; i++) {
    if (u->alarms[i].id == 0) return &u->alarms[i];
  }
  return NULL;
}

/* Stages what the desk has not got of an alarm; one that is settled is forgotten. */
static void tell_desk(weir_unit *u, alarm *a) {
  if (u->options.inner) {
    if (a->begin_due && items_stage_alarm(u, a, a->once ? ALARM_ONCE : ALARM_BEGIN)) {
      a->begin_due = false;
    }
    if (a->ended && !a->begin_due && items_stage_alarm(u, a, ALARM_END)) a->id = 0;
    if (a->once && !a->begin_due) a->id = 0;
  } else if (a->once || a->ended) {
    a->id = 0;
  }
}

static void raise(weir_unit *u, bool once, const char *code, const char *unit, const char *chinese,
                  const char *english, const char *next_step) {
  alarm spare;
  alarm *a = free_alarm(u);
  if (!a) a = &spare; /* more than anybody could read: the log alone holds it */
  memset(a, 0, sizeof *a);
  uint64_t id = u->now.wall_ms > 0 ? (uint64_t)u->now.wall_ms : 1;
  if (id <= u->alarm_highest) id = u->alarm_highest + 1;
  u->alarm_highest = id;
  a->id = id;
  a->once = once;
  a->begin_due = true;
  a->began_ms = u->now.wall_ms;
  set_text(a->code, sizeof a->code, weir_text(code));
  set_text(a->unit, sizeof a->unit, weir_text(unit));
  set_text(a->text, sizeof a->text, weir_text(chinese));
  set_text(a->next_step, sizeof a->next_step, weir_text(next_step));
  u->counters.alarms++;
  log_alarm(u, a, true, english, next_step);
  if (a != &spare) tell_desk(u, a);
}

void alarm_begin(weir_unit *u, const char *code, const char *unit, const char *chinese,
                 const char *english, const char *next_step) {
  if (!open_alarm(u, code, unit)) raise(u, false, code, unit, chinese, english, next_step);
}

void alarm_once(weir_unit *u, const char *code, const char *unit, const char *chinese,
                const char *english, const char *next_step) {
  raise(u, true, code, unit, chinese, english, next_step);
}

static void end(weir_unit *u, alarm *a, const char *chinese, const char *english) {
  log_alarm(u, a, false, english, "");
  set_text(a->end_text, sizeof a->end_text, weir_text(chinese));
  a->ended = true;
  a->ended_ms = u->now.wall_ms;
  tell_desk(u, a);
}

void alarm_end(weir_unit *u, const char *code, const char *unit, const char *chinese,
               const char *english) {
  alarm *a = open_alarm(u, code, unit);
  if (a) end(u, a, chinese, english);
}

bool alarm_is_open(weir_unit *u, const char *code, const char *unit) {
  return open_alarm(u, code, unit) != NULL;
}

void alarms_tick(weir_unit *u) {
  bool recovered = !u->alarms_recovered;
  u->alarms_recovered = true;
  for (unsigned i = 0; i < ALARMS_MAX; i++) {
    alarm *a = &u->alarms[i];
    if (a->id == 0) continue;
    if (recovered && a->recovered) {
      end(u, a, "内端机已重启,本告警结束;如故障仍在将重新告警",
          "ended by a restart; it begins anew if its cause still stands");
    } else {
      tell_desk(u, a);
    }
  }
}

bool alarms_quiet(const weir_unit *u) {
  for (unsigned i = 0; i < ALARMS_MAX; i++) {
    const alarm *a = &u->alarms[i];
    if (a->id != 0 && (a->begin_due || a->ended)) return !u->options.inner;
  }
  return true;
}

/* Names are ALARM-ID-CODE-begin.json and -end.json; an alarm whose end was never delivered is
 * open. The sender stands in the mark. */
void alarm_recover(weir_unit *u, const mark_record *m) {
  static const char prefix[] = "ALARM-";
  size_t skip = sizeof prefix - 1;
  weir_bytes name = m->name;
  if (name.count <= skip || memcmp(name.at, prefix, skip) != 0) return;
  const uint8_t *dash = memchr(name.at + skip, '-', name.count - skip);
  uint64_t id = 0;
  if (!dash) return;
  weir_bytes digits = weir_view(name.at + skip, (size_t)(dash - name.at) - skip);
  if (weir_decimal_read(digits, &id) != WEIR_OK || id == 0) return;
  if (id > u->alarm_highest) u->alarm_highest = id;
  bool ended = memmem(name.at, name.count, "-end.", 5) != NULL;
  bool once = memmem(name.at, name.count, "-once.", 6) != NULL;
  for (unsigned i = 0; i < ALARMS_MAX; i++) {
    if (u->alarms[i].id == id && ended) u->alarms[i].id = 0;
  }
  alarm *a = ended || once ? NULL : free_alarm(u);
  if (!a) return;
  memset(a, 0, sizeof *a);
  a->id = id;
  a->recovered = true;
  a->began_ms = (int64_t)id;
  size_t rest = (size_t)(name.at + name.count - dash) - 1;
  const uint8_t *stop = memchr(dash + 1, '-', rest);
  size_t count = stop ? (size_t)(stop - dash) - 1 : 0;
  set_text(a->code, sizeof a->code, weir_view(dash + 1, count));
  set_text(a->unit, sizeof a->unit, m->handover);
}

void put_alarms(const weir_unit *u, weir_buffer *b) {
  weir_put_text(b, ",\"alarms\":[");
  bool first = true;
  for (unsigned i = 0; i < ALARMS_MAX && b->count < ALARMS_SHOWN_BYTES; i++) {
    const alarm *a = &u->alarms[i];
    if (a->id == 0 || a->once || a->ended) continue;
    weir_put_text(b, first ? "{\"code\":" : ",{\"code\":");
    weir_put_quoted(b, weir_text(a->code));
    if (a->unit[0]) weir_put_text(b, ",\"sender\":");
    if (a->unit[0]) weir_put_quoted(b, weir_text(a->unit));
    weir_put_text(b, ",\"beganAt\":\"");
    weir_put_time(b, a->began_ms);
    weir_put_text(b, "\",\"text\":");
    weir_put_quoted(b, weir_text(a->text));
    weir_put_text(b, ",\"nextStep\":");
    weir_put_quoted(b, weir_text(a->next_step));
    weir_put_text(b, "}");
    first = false;
  }
  weir_put_text(b, "]");
}
