/* The end of a unit whose disk failed (promise 1): nothing more is called durable; whoever waits
 * is told; every armed deadline is spoken, marked `journalled: false`, on the watch streams, in
 * the log and in one report; then the hall sees failed() and the program ends with code 74. */
#include "internal.h"

enum { LAST_WORDS_END = 64 };

static void put_unjournalled(weir_unit *u, const matter *m, weir_buffer *b) {
  const weir_state *s = &m->state;
  bool drill = s->flags & FLAG_DRILL;
  handover_text number = handover_write(u->name, s->day, s->serial, drill);
  uint32_t dial = drill ? u->drill_dial : u->refusal_dial;
  weir_put_text(b, "{\"handover\":");
  weir_put_quoted(b, handover_view(&number));
  weir_put_text(b, ",\"at\":\"");
  weir_put_time(b, u->now.wall_ms);
  weir_put_text(b, "\",\"event\":\"unitFailing\",\"journalled\":false,\"alarm\":true,\"phase\":\"");
  weir_put_text(b, phase_name(s->phase));
  weir_put_text(b, "\",\"deadline\":\"");
  weir_put_time(b, s->minute.wall_ms ? s->minute.wall_ms : s->deadline.wall_ms);
  weir_put_text(b, "\",\"dial\":");
  weir_put_quoted(b, texts_at(u->texts, s->dial_text ? s->dial_text : dial));
  weir_put_text(b, ",\"say\":");
  weir_bytes say = texts_at(u->texts, drill ? u->drill_say : u->refusal_say);
  if (say.count) weir_put(b, say);
  if (!say.count) weir_put_text(b, "[]");
  weir_put_text(b, "}");
}

/* Does this matter have a minute, a talk or a duty that somebody must know of? */
static bool is_armed(const matter *m) {
  return m->used && m->state.deadline.boot_ms && m->state.deadline_kind != DEADLINE_CLOSING;
}

void unit_speak_deadlines(weir_unit *u) {
  weir_buffer words = weir_buffer_over(u->last_words, LAST_WORDS_BYTES - LAST_WORDS_END);
  weir_put_text(&words, "{\"kind\":\"diskFailed\",\"unit\":");
  weir_put_quoted(&words, weir_text(u->name));
  weir_put_text(&words, ",\"at\":\"");
  weir_put_time(&words, u->now.wall_ms);
  weir_put_text(&words, "\",\"journalled\":false,\"reason\":");
  weir_put_quoted(&words, weir_text(weir_status_text(u->failure)));
  weir_put_text(&words, ",\"text\":\"系统磁盘故障,已停止受理;下列事项请立即人工转接110\","
                        "\"matters\":[");
  bool first = true;
  uint64_t left_out = 0;
  for (uint32_t slot = 0; slot < u->slots_used; slot++) {
    const matter *m = &u->matters[slot];
    if (!is_armed(m)) continue;
    weir_buffer b = weir_buffer_over(u->render_memory, ANSWER_BYTES_MAX);
    put_unjournalled(u, m, &b);
    for (uint32_t i = 0; i < u->connection_end; i++) {
      connection *c = &u->connections[i];
      if (c->used && c->watching && c->first + c->count + b.count < OUTPUT_HIGH) {
        connection_answer(u, c, weir_buffer_view(&b), 0);
      }
    }
    if (words.count + b.count + 1 <= words.capacity) {
      if (!first) weir_put_text(&words, ",");
      weir_put(&words, weir_buffer_view(&b));
      first = false;
    } else {
      left_out++;
    }
  }
  words.capacity = LAST_WORDS_BYTES;
  weir_put_text(&words, "],\"leftOut\":");
  weir_put_decimal(&words, left_out);
  weir_put_text(&words, "}\n");
  WEIR_ASSERT(!words.overflow);
  u->last_words_count = words.count;
}

void unit_fail(weir_unit *u, weir_status status) {
  WEIR_ASSERT(status != WEIR_OK);
  if (u->failing) return;
  u->failing = true;
  closing_cancel(u);
  u->failure = status;
  unit_look_at_clocks(u);
  u->failed_at = u->now;
  if (weir_log_begin(u->log, WEIR_LOG_ERROR, true, u->now.wall_ms, "diskFailed",
                     "the disk failed: nothing more is taken; the unit stops with code 74")) {
    weir_log_text(u->log, "event.code", weir_text("diskFailed"));
    weir_log_text(u->log, "error.message", weir_text(weir_status_text(status)));
    (void)weir_log_end(u->log);
  }
}

/* Called once, at the end of a turn, when no batch is half applied. */
void unit_speak_failure(weir_unit *u) {
  if (!u->failing || u->failed_spoken) return;
  u->failed_spoken = true;
  connections_fail(u); /* first: what it takes back makes room for the deadlines */
  unit_speak_deadlines(u);
}

weir_status weir_unit_failed(const weir_unit *u) {
  if (!u->failing || !u->failed_spoken) return WEIR_OK;
  bool waited = u->now.boot_ms > u->failed_at.boot_ms + FAIL_GRACE_MS;
  if (waited) return u->failure;
  if (u->words_done < WORDS_PLACES || u->job_in_flight) return WEIR_OK;
  for (uint32_t i = 0; i < u->connection_end; i++) {
    if (u->connections[i].used && u->connections[i].count > 0) return WEIR_OK;
  }
  return u->failure;
}

weir_bytes weir_unit_last_words(const weir_unit *u) {
  return weir_view(u->last_words, u->failed_spoken ? u->last_words_count : 0);
}
