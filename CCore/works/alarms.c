/* Alarms of the inner unit: each has an id, a begin and an end, in the log and as a delivered item
 * in Chinese for the 110 desk. Those that were open when the unit stopped end at its next start,
 * and begin anew if their cause still stands. */
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

static void set_text(char *into, size_t size, const char *text) {
  weir_buffer b = weir_buffer_over(into, size - 1);
  weir_put_text(&b, text);
  into[b.count] = 0;
}

static alarm *free_alarm(weir_unit *u) {
  for (unsigned i = 0; i < ALARMS_MAX; i++) {
    if (u->alarms[i].id == 0) return &u->alarms[i];
  }
  return NULL;
}

static alarm *name_alarm(weir_unit *u, const char *code, const char *unit) {
  alarm *a = free_alarm(u);
  if (!a) return NULL;
  uint64_t id = u->now.wall_ms > 0 ? (uint64_t)u->now.wall_ms : 1;
  if (id <= u->alarm_highest) id = u->alarm_highest + 1;
  u->alarm_highest = id;
  a->id = id;
  set_text(a->code, sizeof a->code, code);
  set_text(a->unit, sizeof a->unit, unit);
  u->counters.alarms++;
  return a;
}

uint64_t alarm_begin(weir_unit *u, const char *code, const char *unit, const char *chinese,
                     const char *english, const char *next_step) {
  alarm *a = name_alarm(u, code, unit);
  if (!a) return 0;
  log_alarm(u, a, true, english, next_step);
  items_stage_alarm(u, a, ALARM_BEGIN, chinese, next_step);
  return a->id;
}

void alarm_end(weir_unit *u, uint64_t id, const char *chinese, const char *english) {
  for (unsigned i = 0; i < ALARMS_MAX; i++) {
    alarm *a = &u->alarms[i];
    if (a->id != id || id == 0) continue;
    log_alarm(u, a, false, english, "");
    items_stage_alarm(u, a, ALARM_END, chinese, "");
    a->id = 0;
    return;
  }
}

void alarm_once(weir_unit *u, const char *code, const char *unit, const char *chinese,
                const char *english, const char *next_step) {
  alarm *a = name_alarm(u, code, unit);
  if (!a) return;
  log_alarm(u, a, true, english, next_step);
  items_stage_alarm(u, a, ALARM_ONCE, chinese, next_step);
  a->id = 0;
}

/* Names are ALARM-ID-CODE-begin.json and -end.json; an alarm whose end was never delivered is
 * open. */
void alarm_recover(weir_unit *u, weir_bytes name) {
  static const char prefix[] = "ALARM-";
  size_t skip = sizeof prefix - 1;
  if (name.count <= skip || memcmp(name.at, prefix, skip) != 0) return;
  const uint8_t *dash = memchr(name.at + skip, '-', name.count - skip);
  uint64_t id = 0;
  if (!dash) return;
  weir_bytes digits = weir_view(name.at + skip, (size_t)(dash - name.at) - skip);
  if (weir_decimal_read(digits, &id) != WEIR_OK || id == 0) return;
  if (id > u->alarm_highest) u->alarm_highest = id;
  bool end = memmem(name.at, name.count, "-end.", 5) != NULL;
  bool once = memmem(name.at, name.count, "-once.", 6) != NULL;
  for (unsigned i = 0; i < ALARMS_MAX; i++) {
    if (u->alarms[i].id == id && end) u->alarms[i].id = 0;
  }
  alarm *a = end || once ? NULL : free_alarm(u);
  if (!a) return;
  a->id = id;
  size_t rest = (size_t)(name.at + name.count - dash) - 1;
  const uint8_t *stop = memchr(dash + 1, '-', rest);
  size_t count = stop ? (size_t)(stop - dash) - 1 : 0;
  weir_buffer b = weir_buffer_over(a->code, sizeof a->code - 1);
  weir_put(&b, weir_view(dash + 1, count));
  a->code[b.count] = 0;
}

void alarms_end_recovered(weir_unit *u) {
  for (unsigned i = 0; i < ALARMS_MAX; i++) {
    if (u->alarms[i].id == 0) continue;
    alarm_end(u, u->alarms[i].id, "内端机已重启,本告警结束;如故障仍在将重新告警",
              "ended by a restart; it begins anew if its cause still stands");
  }
}
