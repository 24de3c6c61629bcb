/* The key that seals, or is expected to: how long it lasts. A person must carry the next one, and
 * no word comes back over the link, so the warning has to come early; sending never stops for it.
 *
 *   30, 7, 1 days before its last day ends, and when it has   an alarm, each in place of the one
 *                                                             before
 *   a key without a day                                       never warns */
#include "internal.h"

enum { LOOK_MS = 60 * 1000, DAY_MS = 24 * 60 * 60 * 1000, STAGES = 4 };

/* When a day yyyymmdd ends at +08:00. */
static int64_t end_of_day(uint32_t day) {
  char text[32];
  weir_buffer b = weir_buffer_over(text, sizeof text);
  int64_t wall_ms = 0;
  weir_put_padded(&b, day / 10000, 4);
  weir_put_text(&b, "-");
  weir_put_padded(&b, day / 100 % 100, 2);
  weir_put_text(&b, "-");
  weir_put_padded(&b, day % 100, 2);
  weir_put_text(&b, "T00:00:00+08:00");
  weir_status status = weir_time_read(weir_buffer_view(&b), &wall_ms);
  WEIR_ASSERT(status == WEIR_OK); /* the key file's reader took it for a day */
  return wall_ms + DAY_MS;
}

bool keys_days_left(const weir_unit *u, uint32_t expires, int64_t *days) {
  if (expires == 0) return false;
  int64_t left_ms = end_of_day(expires) - u->now.wall_ms;
  *days = left_ms > 0 ? left_ms / DAY_MS : -1;
  return true;
}

void keys_tick(weir_unit *u) {
  static const struct {
    int64_t days; /* at most so many are left */
    const char *chinese, *english;
  } stages[STAGES + 1] = {
      {INT64_MAX, NULL, NULL},
      {30, "链路密钥将在30日内到期", "the link key expires within 30 days"},
      {7, "链路密钥将在7日内到期", "the link key expires within 7 days"},
      {1, "链路密钥将在1日内到期", "the link key expires within a day"},
      {-1, "链路密钥已过期,仍在使用", "the link key has expired and is still used"},
  };
  if (!u->options.keys || u->now.boot_ms < u->keys_look_ms) return;
  u->keys_look_ms = u->now.boot_ms + LOOK_MS;
  uint32_t epoch = 0, expires = 0;
  weir_suite suite = WEIR_SUITE_AES_256_GCM;
  size_t newest = weir_keyring_count(u->options.keys) - 1;
  weir_keyring_entry(u->options.keys, newest, &epoch, &suite, &expires);
  int64_t days = 0;
  unsigned warning = 0;
  if (keys_days_left(u, expires, &days)) {
    while (warning < STAGES && days <= stages[warning + 1].days) warning++;
  }
  if (warning == u->keys_stage) return;
  if (u->keys_stage > 0) {
    alarm_end(u, "keyExpiry", "", "链路密钥到期提示已更新", "the key's warning is out of date");
  }
  u->keys_stage = warning;
  if (warning == 0) return;
  alarm_begin(u, "keyExpiry", "", stages[warning].chinese, stages[warning].english,
              "生成下一序号密钥(weir keygen --epoch),两端人工放置后先重启内端机");
}
