/* Another policy without a restart. Reading, checking and compiling it is the work of threads that
 * have time; here it is asked for, and here it comes into force, between two batches.
 *
 *   asked      by a line of the control socket; its connection waits, and no other reload is taken
 *   changed    journalled and logged; the answer leaves after the sync that covers the record
 *   kept       refused with what is wrong, or nothing had changed; logged too
 *   forced     needs a reason and two different names; all three are journalled
 *   gone       the connection was closed meanwhile: the reload goes on, its answer goes nowhere */
#include "internal.h"

#include <string.h>

void put_policy(const weir_unit *u, weir_buffer *b) {
  const reloading *r = &u->reload;
  weir_put_text(b, "\"policy\":");
  if (r->versions_count) weir_put(b, weir_view((const uint8_t *)r->versions, r->versions_count));
  if (!r->versions_count) weir_put_text(b, "[]");
}

void weir_unit_policy_is(weir_unit *u, weir_bytes versions) {
  reloading *r = &u->reload;
  r->versions_count = 0;
  if (versions.count > sizeof r->versions) return; /* too many to name */
  memcpy(r->versions, versions.at, versions.count);
  r->versions_count = versions.count;
}

/* A copy that lives as long as the reload waits. */
static weir_bytes keep(weir_buffer *memory, weir_bytes text) {
  size_t begin = memory->count;
  weir_put(memory, text);
  WEIR_ASSERT(!memory->overflow);
  return weir_view((const uint8_t *)memory->at + begin, text.count);
}

static unsigned refusal_for_reload(weir_unit *u, entry *e) {
  const weir_message *m = &e->message;
  if (u->stopping) return WEIR_REFUSAL_STOPPING;
  if (!u->options.desk.reload) return WEIR_REFUSAL_NOT_ALLOWED;
  if (u->reload.asked) return WEIR_REFUSAL_OVERLOADED;
  if (!(m->present & WEIR_HAS_SECOND)) return WEIR_REFUSAL_NONE;
  unsigned refusal = WEIR_REFUSAL_NONE;
  if (!(m->present & WEIR_HAS_REASON)) {
    set_field(e->field, "reason");
    refusal = WEIR_REFUSAL_MISSING_FIELD;
  } else if (!(m->present & WEIR_HAS_BY)) {
    set_field(e->field, "by");
    refusal = WEIR_REFUSAL_MISSING_FIELD;
  } else if (weir_equal(m->by, m->second)) {
    set_field(e->field, "second");
    refusal = WEIR_REFUSAL_BAD_VALUE;
  }
  return refusal;
}

void apply_reload(weir_unit *u, connection *c, entry *e) {
  unsigned refusal = refusal_for_reload(u, e);
  if (refusal != WEIR_REFUSAL_NONE) {
    c->waiting = false;
    apply_refusal(u, c, e, refusal);
    return;
  }
  const weir_message *m = &e->message;
  reloading *r = &u->reload;
  weir_buffer memory = weir_buffer_over(r->memory, sizeof r->memory);
  r->asked = r->has_connection = true;
  r->connection = e->connection;
  r->ref = keep(&memory, m->ref);
  r->policy = keep(&memory, m->path);
  r->reason = keep(&memory, m->reason);
  r->by = keep(&memory, m->by);
  r->second = keep(&memory, m->second);
  weir_reload asked = {r->policy, r->reason, r->by, r->second};
  u->options.desk.reload(u->options.desk.context, &asked);
}

void reload_forget(weir_unit *u, uint32_t index) {
  if (u->reload.has_connection && u->reload.connection == index) u->reload.has_connection = false;
}

static void answer(weir_unit *u, weir_buffer *b, uint64_t serial) {
  reloading *r = &u->reload;
  r->asked = false;
  if (!r->has_connection) return;
  connection *c = &u->connections[r->connection];
  r->has_connection = c->waiting = false;
  connection_answer(u, c, weir_buffer_view(b), serial);
}

static void log_reload(weir_unit *u, bool changed, weir_bytes why) {
  weir_log_level level = changed ? WEIR_LOG_WARN : why.count ? WEIR_LOG_ERROR : WEIR_LOG_INFO;
  const char *message = changed     ? "another policy is in force"
                        : why.count ? "the policy was not taken; the one before goes on"
                                    : "the policy had not changed";
  if (!weir_log_begin(u->log, level, true, u->now.wall_ms, "policyReloaded", message)) return;
  weir_log_text(u->log, "event.outcome", weir_text(why.count ? "failure" : "success"));
  weir_log_text(u->log, "labels.policy",
                weir_view((const uint8_t *)u->reload.versions, u->reload.versions_count));
  if (why.count) weir_log_text(u->log, "error.message", why);
  (void)weir_log_end(u->log);
}

static void begin_answer(const weir_unit *u, weir_buffer *b, bool changed) {
  weir_put_text(b, "{");
  put_ref(b, u->reload.ref);
  put_policy(u, b);
  weir_put_text(b, changed ? ",\"changed\":true" : ",\"changed\":false");
}

weir_status weir_unit_policy_changed(weir_unit *u, bool asked, weir_bytes versions) {
  const reloading *r = &u->reload;
  policy_record record = {.now = u->now, .versions = versions};
  if (asked) {
    record.policy = r->policy;
    record.reason = r->reason;
    record.by = r->by;
    record.second = r->second;
    record.forced = r->second.count > 0;
  }
  uint8_t body[RELOAD_BYTES + VERSIONS_MAX];
  weir_buffer b = weir_buffer_over(body, sizeof body);
  record_put_policy(&b, &record);
  if (b.overflow) return WEIR_TOO_LONG;
  const weir_bytes part = weir_buffer_view(&b);
  uint64_t serial = 0;
  weir_position position = 0;
  if (!unit_append(u, RECORD_POLICY, &part, 1, &serial, &position)) {
    return u->failing ? weir_unit_failed(u) : WEIR_FULL;
  }
  weir_unit_policy_is(u, versions);
  log_reload(u, true, weir_view(NULL, 0));
  if (!asked) return WEIR_OK;
  weir_buffer line = weir_buffer_over(u->render_memory, ANSWER_BYTES_MAX);
  begin_answer(u, &line, true);
  weir_put_text(&line, ",\"durable\":true}");
  answer(u, &line, serial);
  return WEIR_OK;
}

void weir_unit_policy_kept(weir_unit *u, bool asked, weir_bytes why) {
  log_reload(u, false, why);
  if (!asked) return;
  weir_buffer line = weir_buffer_over(u->render_memory, ANSWER_BYTES_MAX);
  if (why.count) {
    weir_put_text(&line, "{");
    put_ref(&line, u->reload.ref);
    weir_put_text(&line, "\"error\":{\"code\":\"policyRefused\",\"message\":");
    weir_put_quoted(&line, why);
    weir_put_text(&line, "}}");
  } else {
    begin_answer(u, &line, false);
    weir_put_text(&line, "}");
  }
  answer(u, &line, 0);
}
