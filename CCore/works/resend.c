/* A person at the inner unit read out what is missing (`41-43,57/6`), and a person here typed it:
 * just those crossings begin their schedule anew.
 *
 *   wrong digit      refused: something was misheard, nothing is sent
 *   confirmed, ended or never given   nothing is owed under that number; the answer says how many,
 *                    and `weir export` still takes them to a disc */
#include "internal.h"

enum { RANGES_MAX = 64, RESEND_MAX = 100 * 1000 };

static void refuse(weir_unit *u, connection *c, const entry *e, unsigned refusal,
                   const char *message) {
  weir_buffer b = weir_buffer_over(u->render_memory, ANSWER_BYTES_MAX);
  u->counters.refused++;
  answer_refusal(u, &b, e->message.ref, refusal, "range", message, false);
  connection_answer(u, c, weir_buffer_view(&b), 0);
}

static uint64_t count_of(const weir_range *ranges, size_t count) {
  uint64_t sum = 0;
  for (size_t i = 0; i < count; i++) {
    uint64_t numbers = ranges[i].last - ranges[i].first + 1;
    sum = sum + numbers < sum ? UINT64_MAX : sum + numbers;
  }
  return sum;
}

static void answer(weir_unit *u, connection *c, const entry *e, uint64_t resent,
                   uint64_t not_owed) {
  weir_buffer b = weir_buffer_over(u->render_memory, ANSWER_BYTES_MAX);
  weir_put_text(&b, "{");
  put_ref(&b, e->message.ref);
  weir_put_text(&b, "\"resent\":");
  weir_put_decimal(&b, resent);
  weir_put_text(&b, ",\"notOwed\":");
  weir_put_decimal(&b, not_owed);
  weir_put_text(&b, "}");
  connection_answer(u, c, weir_buffer_view(&b), 0);
}

static void log_resend(weir_unit *u, uint64_t resent, uint64_t not_owed) {
  if (!weir_log_begin(u->log, WEIR_LOG_WARN, true, u->now.wall_ms, "resent",
                      "a person had crossings sent anew")) {
    return;
  }
  weir_log_number(u->log, "labels.resent", (int64_t)resent);
  weir_log_number(u->log, "labels.notOwed", (int64_t)not_owed);
  (void)weir_log_end(u->log);
}

void apply_resend(weir_unit *u, connection *c, const entry *e) {
  weir_range ranges[RANGES_MAX];
  size_t count = 0;
  if (u->options.inner) {
    apply_refusal(u, c, e, WEIR_REFUSAL_WRONG_UNIT);
    return;
  }
  weir_status status = weir_ticket_read(e->message.range, ranges, RANGES_MAX, &count);
  if (status == WEIR_REFUSED) {
    refuse(u, c, e, WEIR_REFUSAL_WRONG_CODE,
           "the check digit does not fit: have the numbers read out again");
    return;
  }
  if (status != WEIR_OK || count_of(ranges, count) > RESEND_MAX) {
    refuse(u, c, e, WEIR_REFUSAL_BAD_VALUE,
           "not numbers as the inner unit shows them, such as 41-43,57/6");
    return;
  }
  uint64_t resent = 0, not_owed = 0;
  for (size_t i = 0; i < count; i++) {
    for (uint64_t n = ranges[i].first; n <= ranges[i].last; n++) {
      bool owed = carry_again(u, n);
      resent += owed;
      not_owed += !owed;
    }
  }
  u->counters.resent += resent;
  log_resend(u, resent, not_owed);
  answer(u, c, e, resent, not_owed);
}
