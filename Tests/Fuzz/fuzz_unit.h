/* A whole outer unit for entries that speak to it in lines: its disk lies in memory, and a small
 * judge stands for policy and machine, which have tests of their own.
 *
 * Opening a unit takes thousands of times as long as a line, so one lives for UNIT_RUNS inputs: a
 * crash may hang on the inputs before it. They are the same whenever the seed is.
 */
#ifndef WEIR_FUZZ_UNIT_H
#define WEIR_FUZZ_UNIT_H

#include "weir_faulty_os.h"
#include "weir_message.h"
#include "weir_works.h"

#include <stdio.h>
#include <string.h>

enum { UNIT_RUNS = 1000, UNIT_TURNS = 64 };

typedef struct fuzz_unit {
  weir_unit *unit;
  weir_log *log;
  weir_faulty_os *world;
  weir_keyring *keys;
  uint64_t runs;
} fuzz_unit;

/* An intake crosses, a receipt confirms, an update is one more revision; what else happens is
 * refused, or left to a person when it concerns danger. */
static void fuzz_judge(void *context, weir_step *steps, size_t count) {
  (void)context;
  for (size_t i = 0; i < count; i++) {
    weir_step *s = &steps[i];
    weir_state *state = &s->state;
    bool receipt = s->kind == WEIR_STEP_EVENT && s->event == WEIR_EVENT_RECEIPT;
    if (s->kind == WEIR_STEP_EVENT && !receipt) {
      s->verdict = (s->facts & 1) ? WEIR_VERDICT_ESCALATE : WEIR_VERDICT_REFUSED;
      s->refusal = WEIR_REFUSAL_NOT_NOW;
      continue;
    }
    if (s->kind == WEIR_STEP_DEADLINE) continue;
    enum {
      OWNED_BY_110 = 1,
      BY_PHONE = 2,
      TRANSFERRING = 2,
      IS_DUE = 1,
      QUEUED = 1,
      CONFIRMED = 2
    };
    if (s->kind == WEIR_STEP_INTAKE) {
      *state = (weir_state){.owner = OWNED_BY_110,
                            .action = BY_PHONE,
                            .phase = TRANSFERRING,
                            .voice = IS_DUE,
                            .platform = s->platform,
                            .channel = s->channel,
                            .received_ms = s->received_ms,
                            .arrived_ms = s->now.wall_ms};
    }
    state->revision++;
    state->data = receipt ? CONFIRMED : QUEUED;
    state->facts |= s->facts;
    s->effects = receipt ? 0 : WEIR_EFFECT_CROSS;
    s->verdict = WEIR_VERDICT_CHANGED;
  }
}

static void fuzz_notice(void *context, const weir_notice *notice) {
  (void)context;
  (void)notice;
}

static void fuzz_unit_open(fuzz_unit *f) {
  static const char line[] = "1 aes-256-gcm "
                             "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a\n";
  static const char *const supervisors[] = {"S01"};
  uint32_t at = 0;
  char said[512];
  if (f->keys == NULL) {
    WEIR_ASSERT(weir_seal_self_test() == WEIR_OK);
    WEIR_ASSERT(weir_keyring_read(weir_text(line), &f->keys, &at, said) == WEIR_OK);
  }
  f->world = weir_faulty_os_open(1);
  WEIR_ASSERT(f->world != NULL);
  weir_faulty_os_set_capacity(f->world, UINT64_C(1) << 40);
  weir_faulty_os_set_wall_ms(f->world, INT64_C(1795429860000));
  weir_faulty_os_set_boot_ns(f->world, UINT64_C(1000000000000));
  WEIR_ASSERT(weir_log_open("kd1", WEIR_LOG_INFO, 1 << 20, 1 << 18, &f->log) == WEIR_OK);
  weir_unit_options o = {.name = "kd1",
                         .data = "/data",
                         .version = "fuzz",
                         .segment_bytes = 256 * 1024,
                         .open_max = UNIT_RUNS + 1,
                         .refs_max = UNIT_RUNS + 1,
                         .supervisors = supervisors,
                         .supervisor_count = 1,
                         .keys = f->keys,
                         .mtu = 1500,
                         .desk = {NULL, fuzz_judge, fuzz_notice, NULL},
                         .os = weir_faulty_os_table(f->world),
                         .log = f->log};
  weir_status status = weir_unit_open(&o, &f->unit, said);
  if (status != WEIR_OK) fprintf(stderr, "%s\n", said);
  WEIR_ASSERT(status == WEIR_OK);
  uint32_t dial = 0, sentences = 0;
  WEIR_ASSERT(weir_unit_intern(f->unit, weir_text("08362812110"), &dial) == WEIR_OK);
  WEIR_ASSERT(weir_unit_intern(f->unit, weir_text("[\"110\"]"), &sentences) == WEIR_OK);
  weir_unit_set_refusal_texts(f->unit, dial, sentences);
  weir_unit_set_drill_texts(f->unit, dial, sentences);
  weir_unit_policy_is(f->unit, weir_text("[\"fuzz/1\"]"));
  weir_unit_begin(f->unit);
}

static void fuzz_unit_close(fuzz_unit *f) {
  weir_unit_close(f->unit);
  weir_log_close(f->log);
  weir_faulty_os_close(f->world);
  f->unit = NULL;
}

/* Turns and jobs until nothing is left to do at this moment. */
static void fuzz_unit_pump(fuzz_unit *f) {
  const weir_os *os = weir_faulty_os_table(f->world);
  weir_bytes datagram;
  bool more = true;
  for (unsigned turn = 0; more; turn++) {
    WEIR_ASSERT(turn < UNIT_TURNS); /* it comes to rest */
    more = weir_unit_turn(f->unit);
    weir_job *job = weir_unit_take_job(f->unit);
    if (job) weir_unit_job_done(f->unit, job, weir_job_perform(job, os));
    weir_job *file_job = weir_unit_take_file_job(f->unit);
    if (file_job) weir_unit_file_job_done(f->unit, file_job, weir_job_perform(file_job, os));
    more = more || job || file_job;
  }
  (void)weir_unit_datagrams(f->unit, &datagram, 1, 1500);
  weir_bytes lines = weir_log_peek(f->log);
  weir_log_consume(f->log, lines.count);
  WEIR_ASSERT(weir_unit_failed(f->unit) == WEIR_OK);
}

/* A unit that is ready: the same one as for the input before, or a new one. */
static fuzz_unit *fuzz_unit_ready(void) {
  static fuzz_unit f;
  if (f.unit && f.runs % UNIT_RUNS == 0) fuzz_unit_close(&f);
  if (!f.unit) fuzz_unit_open(&f);
  f.runs++;
  weir_faulty_os_advance(f.world, 1000000);
  return &f;
}

/* Gives bytes to a connection; what it has no room for is left out. */
static void fuzz_unit_give(fuzz_unit *f, uint32_t connection, weir_bytes bytes) {
  while (bytes.count > 0) {
    size_t room = 0;
    uint8_t *space = weir_unit_space(f->unit, connection, &room);
    if (!space || room == 0) return;
    if (room > bytes.count) room = bytes.count;
    memcpy(space, bytes.at, room);
    weir_unit_filled(f->unit, connection, room);
    bytes = weir_view(bytes.at + room, bytes.count - room);
    fuzz_unit_pump(f);
  }
}

#endif
