/* Bytes that come in and lines that go out: frame, message, log. */
#include "trials.h"

#include "weir_base.h"
#include "weir_frame.h"
#include "weir_log.h"
#include "weir_message.h"

#include <string.h>

enum { LINES = 2048, LINE_BYTES = 600, LOG_BYTES = 1 << 21 };

static uint8_t *lines;   /* LINES requests of LINE_BYTES, their line feeds included */
static uint8_t *scratch; /* of the reader; the frame's memory */
static weir_log *lines_log;

/* A request as a seat sends it, with a ref of its own. */
static void put_request(uint8_t *into, uint32_t number) {
  static const char text[] = "来电人称家中老人走失,身穿灰色外套,最后出现在炉城街道东大街。";
  weir_buffer b = weir_buffer_over(into, LINE_BYTES);
  weir_put_text(&b, "{\"op\":\"intake\",\"ref\":\"A07-20261123-");
  weir_put_padded(&b, number, 12);
  weir_put_text(&b, "\",\"receivedBy\":\"12345\",\"channel\":\"phone\",\"receivedAt\":"
                    "\"2026-11-23T18:31:00.120+08:00\",\"facts\":[\"missingPerson\"],"
                    "\"caller\":{\"name\":\"张三\",\"phone\":\"13800000000\"},\"place\":"
                    "{\"county\":\"513301\",\"address\":\"炉城街道东大街\",\"lon\":101.96,"
                    "\"lat\":30.05},\"seat\":\"A07\",\"text\":\"");
  while (b.count + sizeof text + 3 <= LINE_BYTES) weir_put_text(&b, text);
  while (b.count < LINE_BYTES - 3) weir_put_text(&b, ".");
  weir_put_text(&b, "\"}\n");
  WEIR_ASSERT(!b.overflow && b.count == LINE_BYTES);
}

static bool open_lines(const char *folder) {
  (void)folder;
  lines = weir_allocate(LINES, LINE_BYTES);
  scratch = weir_allocate(LINES, LINE_BYTES);
  if (!lines || !scratch) return false;
  for (uint32_t i = 0; i < LINES; i++) put_request(lines + (size_t)i * LINE_BYTES, i);
  return true;
}

static void close_lines(void) {
  weir_free(lines);
  weir_free(scratch);
}

static uint64_t run_frame_line(void) {
  weir_frame frame;
  weir_bytes line;
  size_t room = 0;
  uint64_t count = 0;
  weir_frame_init(&frame, scratch, (size_t)LINES * LINE_BYTES);
  uint8_t *space = weir_frame_space(&frame, &room);
  WEIR_ASSERT(space != NULL && room >= (size_t)LINES * LINE_BYTES);
  memcpy(space, lines, (size_t)LINES * LINE_BYTES);
  weir_frame_filled(&frame, (size_t)LINES * LINE_BYTES);
  while (weir_frame_next(&frame, &line) == WEIR_OK) count++;
  WEIR_ASSERT(count == LINES);
  return count;
}

static uint64_t run_message_read(void) {
  weir_message message;
  weir_message_fault fault;
  for (size_t i = 0; i < LINES; i++) {
    weir_bytes line = weir_view(lines + i * LINE_BYTES, LINE_BYTES - 1);
    bool good = weir_message_read(line, WEIR_MESSAGE_UNIT, scratch, &message, &fault);
    WEIR_ASSERT(good);
  }
  return LINES;
}

static uint64_t run_message_facts(void) {
  uint32_t shown = 0;
  for (size_t i = 0; i < LINES; i++) {
    shown |= weir_message_facts_plain(weir_view(lines + i * LINE_BYTES, LINE_BYTES - 1));
  }
  WEIR_ASSERT(shown != 0);
  return LINES;
}

static bool open_log(const char *folder) {
  (void)folder;
  return weir_log_open("kd1", WEIR_LOG_INFO, LOG_BYTES, LOG_BYTES / 4, &lines_log) == WEIR_OK;
}

static void empty_log(void) {
  for (weir_bytes b = weir_log_peek(lines_log); b.count > 0; b = weir_log_peek(lines_log)) {
    weir_log_consume(lines_log, b.count);
  }
}

static void close_log(void) {
  weir_log_close(lines_log);
}

/* The line of an intake, with the labels that every one has. */
static uint64_t run_log_line(void) {
  for (uint64_t i = 0; i < LINES; i++) {
    bool on = weir_log_begin(lines_log, WEIR_LOG_INFO, true, 1795400000000 + (int64_t)i, "intake",
                             "a matter was taken and decided");
    WEIR_ASSERT(on);
    weir_log_text(lines_log, "labels.handover", weir_text("kd1-20261123-000417"));
    weir_log_number(lines_log, "labels.revision", 1);
    weir_log_text(lines_log, "labels.phase", weir_text("transferring"));
    weir_log_text(lines_log, "labels.clause", weir_text("二(二)"));
    weir_log_text(lines_log, "labels.lane", weir_text("danger"));
    weir_log_flag(lines_log, "labels.drill", false);
    weir_log_text(lines_log, "event.outcome", weir_text("success"));
    weir_status status = weir_log_end(lines_log);
    WEIR_ASSERT(status == WEIR_OK);
  }
  return LINES;
}

const weir_room_trial trial_frame = {"frame_line",   0,          open_lines, NULL,
                                     run_frame_line, close_lines};
const weir_room_trial trial_message = {"message_read",   500,        open_lines, NULL,
                                       run_message_read, close_lines};
const weir_room_trial trial_facts = {"message_facts",   0,          open_lines, NULL,
                                     run_message_facts, close_lines};
const weir_room_trial trial_log = {"log_line", 400, open_log, empty_log, run_log_line, close_log};
