/* The inner unit's side of the link: datagrams in, items and alarms out. Nothing here can send. */
#include "internal.h"

#include <string.h>

enum {
  DATAGRAM_LOG_MS = 10000,
  REJECTS_QUIET_MS = 60000,
  KEYS_UNKNOWN_MANY = 3, /* in a second */
  FORGED_MANY = 64
};

weir_status inner_open(weir_unit *u) {
  if (!u->options.keys || !u->stages[0]) return WEIR_INVALID;
  weir_link_receiver_options o = {u->options.keys, u->now.boot_ms, false};
  weir_status status = weir_link_receiver_open(&o, &u->receiver);
  return status == WEIR_OK ? fetch_open(u) : status;
}

void inner_begin(weir_unit *u) {
  unit_look_at_clocks(u);
  weir_link_receiver_begin(u->receiver, u->now.boot_ms);
}

void inner_close(weir_unit *u) {
  weir_link_receiver_close(u->receiver);
  fetch_close(u);
  for (unsigned i = 0; i < WEIR_LINK_SENDERS_MAX; i++) ledger_close(&u->ledgers[i]);
}

/* ---- Boots of outer units ------------------------------------------------------------------- */

/* unit (counted) · boot epoch · boot id (16) · admitted by a person (1)
 *
 * False: it does not stand. */
static bool journal_boot(weir_unit *u, const char *unit, uint64_t epoch, const uint8_t id[16],
                         bool admitted) {
  uint8_t body[64];
  weir_buffer b = weir_buffer_over(body, sizeof body);
  weir_put_varint(&b, strlen(unit));
  weir_put_text(&b, unit);
  weir_put_varint(&b, epoch);
  weir_put(&b, weir_view(id, 16));
  weir_put_u8(&b, admitted);
  const weir_bytes part = weir_buffer_view(&b);
  uint64_t serial;
  weir_position position;
  return unit_append(u, RECORD_BOOT, &part, 1, &serial, &position);
}

/* A run that was taken up; while the journal has no room, again at the next turn. */
static bool journal_due(weir_unit *u, ledger *l) {
  if (l->is_boot_due) {
    l->is_boot_due = !journal_boot(u, l->unit, l->boot_due.epoch, l->boot_due.id, false);
  }
  return !l->is_boot_due;
}

static void on_new_boot(weir_unit *u, const weir_link_event *e) {
  uint32_t which = ledger_of(u, e->unit);
  if (which == LEDGER_NONE) return; /* nothing of this unit can be taken */
  ledger *l = &u->ledgers[which];
  l->is_boot_due = true;
  l->boot_due.epoch = e->boot_epoch;
  memcpy(l->boot_due.id, e->boot_id, sizeof e->boot_id);
  (void)journal_due(u, l);
}

weir_status inner_recover_boot(weir_unit *u, weir_bytes body) {
  weir_reader r = weir_reader_over(body);
  char unit[WEIR_UNIT_NAME_MAX + 1] = {0};
  uint64_t count = weir_get_varint(&r);
  if (count == 0 || count > WEIR_UNIT_NAME_MAX) return WEIR_CORRUPT;
  weir_bytes name = weir_get(&r, (size_t)count);
  uint64_t epoch = weir_get_varint(&r);
  weir_bytes id = weir_get(&r, 16);
  bool admitted = weir_get_u8(&r) != 0;
  if (r.bad || !u->options.inner) return WEIR_CORRUPT;
  memcpy(unit, name.at, name.count);
  uint32_t which = admitted ? ledger_of(u, unit) : LEDGER_NONE;
  if (which != LEDGER_NONE) u->ledgers[which].admitted_epoch = epoch;
  return inner_know_boot(u, unit, epoch, id.at);
}

static void log_boot(weir_unit *u, const weir_link_event *e, const char *action,
                     const char *message) {
  if (!weir_log_begin(u->log, WEIR_LOG_INFO, true, u->now.wall_ms, action, message)) return;
  weir_log_text(u->log, "labels.sender", weir_text(e->unit));
  weir_log_number(u->log, "labels.bootEpoch", (int64_t)e->boot_epoch);
  weir_log_number(u->log, "labels.keyEpoch", e->key_epoch);
  (void)weir_log_end(u->log);
}

static void on_lower_boot(weir_unit *u, const weir_link_event *e) {
  char next[160];
  weir_buffer b = weir_buffer_over(next, sizeof next - 1);
  weir_put_text(&b, "电话核实后在内端机执行:weir admit ");
  weir_put_text(&b, e->unit);
  weir_put_text(&b, "/");
  weir_put_decimal(&b, e->boot_epoch);
  weir_put_text(&b, " --by 姓名 --reason 原因");
  next[b.count] = 0;
  uint32_t which = ledger_of(u, e->unit);
  if (which != LEDGER_NONE) {
    u->ledgers[which].refused_epoch = e->boot_epoch;
    memcpy(u->ledgers[which].refused_id, e->boot_id, sizeof e->boot_id);
  }
  /* Each names the boot that a person may admit: one that stands names an earlier one. */
  alarm_end(u, "bootLower", e->unit, "12345外端机又以另一较低的启动序号发送",
            "the sender runs under yet another lower boot epoch");
  alarm_begin(u, "bootLower", e->unit, "12345外端机以较低的启动序号发送,已拒收,须人工核实放行",
              "a sender runs under a lower boot epoch than before; its datagrams are refused until "
              "a person admits it",
              next);
}

static unsigned admit(weir_unit *u, const weir_message *m) {
  if (!u->receiver) return WEIR_REFUSAL_WRONG_UNIT;
  char unit[WEIR_UNIT_NAME_MAX + 1] = {0};
  const uint8_t *slash = memchr(m->id.at, '/', m->id.count);
  size_t name = slash ? (size_t)(slash - m->id.at) : 0;
  uint64_t epoch = 0;
  if (name == 0 || name > WEIR_UNIT_NAME_MAX) return WEIR_REFUSAL_BAD_VALUE;
  if (weir_decimal_read(weir_view(slash + 1, m->id.count - name - 1), &epoch) != WEIR_OK) {
    return WEIR_REFUSAL_BAD_VALUE;
  }
  memcpy(unit, m->id.at, name);
  uint32_t which = ledger_of(u, unit);
  if (which == LEDGER_NONE || epoch == 0) return WEIR_REFUSAL_BAD_VALUE;
  ledger *l = &u->ledgers[which];
  if (l->refused_epoch != epoch) return WEIR_REFUSAL_BAD_VALUE;
  if (!journal_due(u, l) || !journal_boot(u, unit, epoch, l->refused_id, true)) {
    return refusal_unjournalled(u);
  }
  weir_status admitted = weir_link_receiver_admit(u->receiver, unit, epoch);
  WEIR_ASSERT(admitted == WEIR_OK); /* it remembers more than the last that it refused */
  l->admitted_epoch = epoch;
  l->refused_epoch = 0;
  alarm_end(u, "bootLower", unit, "较低启动序号的12345外端机已由人工放行",
            "a person admitted the lower boot");
  return WEIR_REFUSAL_NONE;
}

void apply_admit(weir_unit *u, connection *c, entry *e) {
  unsigned refusal = admit(u, &e->message);
  if (refusal == WEIR_REFUSAL_BAD_VALUE) set_field(e->field, "id");
  if (refusal != WEIR_REFUSAL_NONE) {
    apply_refusal(u, c, e, refusal);
    return;
  }
  weir_buffer b = weir_buffer_over(u->render_memory, ANSWER_BYTES_MAX);
  weir_put_text(&b, "{\"admitted\":");
  weir_put_quoted(&b, e->message.id);
  weir_put_text(&b, ",\"durable\":true}");
  connection_answer(u, c, weir_buffer_view(&b), weir_journal_appended(u->journal));
}

/* ---- Events of the receiver ---- */

static void on_silence(weir_unit *u, const weir_link_event *e, bool began) {
  uint32_t which = ledger_of(u, e->unit);
  if (which == LEDGER_NONE) return;
  ledger *l = &u->ledgers[which];
  l->silent = began;
  if (!began) {
    alarm_end(u, "silence", l->unit, "12345链路已恢复", "the link is back");
    return;
  }
  int64_t since = u->now.wall_ms - (int64_t)(u->now.boot_ms - e->since_ms);
  l->silence_since_ms = since;
  char time[40], text[160];
  weir_buffer t = weir_buffer_over(time, sizeof time);
  weir_put_time(&t, since);
  weir_buffer b = weir_buffer_over(text, sizeof text - 1);
  weir_put_text(&b, "12345链路中断,自");
  weir_put(&b, weir_view(time + 11, 5)); /* hh:mm */
  weir_put_text(&b, "起,来件可能缺失");
  text[b.count] = 0;
  alarm_begin(u, "silence", l->unit, text, "nothing comes over the link",
              "电话联系12345,改用电话移交;检查光闸与线路");
}

static void take_event(weir_unit *u, const weir_link_event *e) {
  switch (e->kind) {
  case WEIR_LINK_RECORD:
    (void)items_stage_record(u, e);
    return;
  case WEIR_LINK_HEARTBEAT:
    ledger_heartbeat(u, e, false);
    return;
  case WEIR_LINK_SILENCE_BEGAN:
    on_silence(u, e, true);
    return;
  case WEIR_LINK_SILENCE_ENDED:
    on_silence(u, e, false);
    return;
  case WEIR_LINK_BOOT_NEW:
    on_new_boot(u, e);
    log_boot(u, e, "bootTaken", "a sender began a new run");
    alarm_end(u, "bootLower", e->unit, "12345外端机已以新的启动序号发送",
              "the sender began a run under a higher boot epoch");
    return;
  case WEIR_LINK_BOOT_LOWER:
    on_lower_boot(u, e);
    return;
  }
}

static void drain(weir_unit *u) {
  weir_link_event e;
  while (weir_link_receiver_next(u->receiver, &e)) take_event(u, &e);
}

void weir_unit_received(weir_unit *u, uint8_t *datagram, size_t count) {
  if (!u->receiver || !u->begun || u->failing) return;
  unit_look_at_clocks(u);
  (void)weir_link_receiver_take(u->receiver, datagram, count, u->now.boot_ms);
  drain(u);
}

/* Rejects are counted by the receiver; every ten seconds the log says how many were new. */
static void log_rejects(weir_unit *u) {
  if (u->now.boot_ms < u->rejects_logged_ms + DATAGRAM_LOG_MS) return;
  u->rejects_logged_ms = u->now.boot_ms;
  weir_link_receiver_counts c = weir_link_receiver_counted(u->receiver);
  uint64_t rejects =
      c.malformed + c.unknown_key + c.forged + c.replayed + c.lower_boot + c.bad_check;
  if (rejects == u->rejects_logged) return;
  if (weir_log_begin(u->log, WEIR_LOG_WARN, true, u->now.wall_ms, "datagramsRejected",
                     "datagrams were dropped; the totals since the start stand beside")) {
    weir_log_number(u->log, "labels.rejected", (int64_t)(rejects - u->rejects_logged));
    weir_log_number(u->log, "labels.malformed", (int64_t)c.malformed);
    weir_log_number(u->log, "labels.unknownKey", (int64_t)c.unknown_key);
    weir_log_number(u->log, "labels.forged", (int64_t)c.forged);
    weir_log_number(u->log, "labels.replayed", (int64_t)c.replayed);
    weir_log_number(u->log, "labels.lowerBoot", (int64_t)c.lower_boot);
    weir_log_number(u->log, "labels.badCheck", (int64_t)c.bad_check);
    (void)weir_log_end(u->log);
  }
  u->rejects_logged = rejects;
}

/* Rejects of one kind, looked at once a second: `many` in one of them begin the alarm, a quiet
 * minute ends it. */
static void watch_rejects(weir_unit *u, reject_watch *w, uint64_t total, uint64_t many,
                          const char *code, const char *chinese, const char *english,
                          const char *next_step) {
  if (total - w->seen >= many) {
    w->last_ms = u->now.boot_ms;
    alarm_begin(u, code, "", chinese, english, next_step);
  } else if (u->now.boot_ms >= w->last_ms + REJECTS_QUIET_MS) {
    alarm_end(u, code, "", "已一分钟无此类报文", "none came for a minute");
  }
  w->seen = total;
}

static void alarm_rejects(weir_unit *u) {
  if (u->now.boot_ms < u->rejects_watched_ms + 1000) return;
  u->rejects_watched_ms = u->now.boot_ms;
  weir_link_receiver_counts c = weir_link_receiver_counted(u->receiver);
  watch_rejects(u, &u->unknown_keys, c.unknown_key, KEYS_UNKNOWN_MANY, "keyUnknown",
                "收到未知密钥批次的报文,本机可能缺少新密钥",
                "datagrams come under a key epoch that this unit does not hold",
                "核对两端密钥文件:weir key show");
  watch_rejects(u, &u->forgeries, c.forged + c.malformed, FORGED_MANY, "forged",
                "收到大量无法验证的报文,已全部丢弃", "many datagrams fail authentication",
                "检查光闸与线路,核对两端密钥");
}

void inner_tick(weir_unit *u) {
  if (!u->options.ferry_only) {
    weir_link_receiver_tick(u->receiver, u->now.boot_ms);
    drain(u);
  }
  for (unsigned i = 0; i < WEIR_LINK_SENDERS_MAX; i++) (void)journal_due(u, &u->ledgers[i]);
  fetch_tick(u);
  deliver_mark(u);
  ledger_watch(u);
  log_rejects(u);
  alarm_rejects(u);
}
