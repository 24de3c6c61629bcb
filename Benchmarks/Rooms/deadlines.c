/* The wheel with a million deadlines armed, as far away as minutes and days are. */
#include "trials.h"

#include "weir_base.h"
#include "weir_wheel.h"

#include <stdio.h>

enum { TIMERS = 1000000, ROUND = 100000, TICKS = 300 };

static weir_wheel *wheel;
static uint64_t now_ms, chance;

static uint32_t draw(uint32_t below) {
  chance = chance * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (uint32_t)(chance >> 33) % below;
}

/* Minutes mostly, some the day that a matter stays open. */
static uint64_t some_due(void) {
  return now_ms + (draw(8) == 0 ? 86400000u : 20000u) + draw(60000);
}

static bool open_wheel(const char *folder) {
  (void)folder;
  now_ms = 5000000;
  chance = 38;
  if (weir_wheel_open(TIMERS + ROUND, now_ms, &wheel) != WEIR_OK) return false;
  for (uint32_t i = 0; i < TIMERS; i++) weir_wheel_arm(wheel, i, some_due());
  return true;
}

static void close_wheel(void) {
  weir_wheel_close(wheel);
}

static void cancel_round(void) {
  for (uint32_t i = 0; i < ROUND; i++) (void)weir_wheel_cancel(wheel, TIMERS + i);
}

static void arm_round(void) {
  for (uint32_t i = 0; i < ROUND; i++) weir_wheel_arm(wheel, TIMERS + i, some_due());
}

static uint64_t run_wheel_arm(void) {
  for (uint32_t i = 0; i < ROUND; i++) {
    weir_wheel_arm(wheel, TIMERS + i, now_ms + 20000 + (i & 32767));
  }
  return ROUND;
}

static uint64_t run_wheel_cancel(void) {
  for (uint32_t i = 0; i < ROUND; i++) {
    bool armed = weir_wheel_cancel(wheel, TIMERS + i);
    WEIR_ASSERT(armed);
  }
  return ROUND;
}

/* A minute of deadlines, tick by tick; what expired is armed anew for the next one, so that a
 * million stay. */
static uint32_t *expired_owners;
static size_t expired_count;

static bool open_expiring(const char *folder) {
  expired_owners = weir_allocate(TIMERS, sizeof *expired_owners);
  expired_count = 0;
  if (!expired_owners || !open_wheel(folder)) return false;
  for (uint32_t i = 0; i < TIMERS; i++) weir_wheel_arm(wheel, i, now_ms + 10 + draw(60000));
  return true;
}

static void arm_expired(void) {
  for (size_t i = 0; i < expired_count; i++) {
    weir_wheel_arm(wheel, expired_owners[i], now_ms + 50000 + draw(10000));
  }
  expired_count = 0;
}

static uint64_t run_wheel_expire(void) {
  for (unsigned tick = 0; tick < TICKS; tick++) {
    now_ms += WEIR_WHEEL_TICK_MS;
    while (weir_wheel_next(wheel) <= now_ms) {
      expired_count += weir_wheel_expired(wheel, now_ms, expired_owners + expired_count, 64);
    }
  }
  return expired_count;
}

static void close_expiring(void) {
  weir_free(expired_owners);
  close_wheel();
}

static double resident_bytes(void) {
  unsigned long pages = 0, whole = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (!file) return 0;
  int read = fscanf(file, "%lu %lu", &whole, &pages);
  (void)fclose(file);
  return read == 2 ? (double)pages * 4096 : 0;
}

double weir_rooms_deadline_bytes(uint32_t count) {
  double before = resident_bytes();
  now_ms = 5000000;
  chance = 38;
  if (weir_wheel_open(count, now_ms, &wheel) != WEIR_OK) return 0;
  for (uint32_t i = 0; i < count; i++) weir_wheel_arm(wheel, i, some_due());
  double grown = resident_bytes() - before;
  close_wheel();
  return grown / count;
}

const weir_room_trial trial_arm = {"wheel_arm",   5,          open_wheel, cancel_round,
                                   run_wheel_arm, close_wheel};
const weir_room_trial trial_cancel = {"wheel_cancel",   20,         open_wheel, arm_round,
                                      run_wheel_cancel, close_wheel};
const weir_room_trial trial_expire = {"wheel_expire",   100,           open_expiring, arm_expired,
                                      run_wheel_expire, close_expiring};
