/* Items for the 110 desk: a record that came whole, wrapped with what the inner unit knows of it;
 * or an alarm. The record's own bytes are passed on as they crossed.
 *
 *   a repeat            is known by its number, revision and check, and not read again
 *   checked again here  the inner unit trusts nothing: what is no record for a desk goes to
 *                       quarantine and alarms (see weir_crossed_read) */
#include "internal.h"

#include <jansson.h>
#include <string.h>

enum {
  STALE_DEFAULT_MS = 30 * 60 * 1000,
  ITEM_HEAD_MAX = 4096,
  CHANGED_MAX = 2048,
  ESCAPED_MOST = 6 /* a control character as JSON writes it */
};

/* Events that came since the revision that was delivered before. */
static void put_changed(const weir_crossed *f, uint32_t previous, weir_buffer *b) {
  weir_crossed left = *f;
  size_t end = b->count + CHANGED_MAX;
  weir_put_text(b, ",\"changed\":[");
  bool first = true;
  weir_bytes event;
  uint64_t revision;
  while (weir_crossed_change(&left, &event, &revision)) {
    if (revision <= previous || !weir_crossed_is_name(event)) continue;
    if (b->count + WEIR_CROSSED_NAME_MAX + 8 > end) break;
    if (!first) weir_put_text(b, ",");
    weir_put_quoted(b, event);
    first = false;
  }
  weir_put_text(b, "]");
}

static void put_receipt(weir_unit *u, const weir_link_event *e, const weir_crossed *f,
                        weir_buffer *b) {
  uint8_t digest[32];
  char code[7];
  weir_sha256(e->record, digest);
  if (weir_receipt_code(u->options.keys, e->key_epoch, e->unit, f->handover, e->revision, digest,
                        code) != WEIR_OK) {
    return;
  }
  weir_put_text(b, ",\"receipt\":\"");
  weir_put_text(b, code);
  weir_put_text(b, "\",\"receiptReading\":\""); /* in two groups, as it is read out */
  put_reading(b, weir_view(code, 3));
  weir_put_text(b, " ");
  put_reading(b, weir_view(code + 3, 3));
  weir_put_text(b, "\"");
}

static void put_item(weir_unit *u, const ledger *l, const weir_link_event *e, const weir_crossed *f,
                     bool conflicted, stage_item *item, weir_buffer *b) {
  uint32_t previous = conflicted ? 0 : l->entries[e->crossing].revision;
  item->age_ms = u->now.wall_ms - (l->offset_known ? l->offset_ms : 0) - f->received_ms;
  int64_t limit = u->options.stale_ms ? u->options.stale_ms : STALE_DEFAULT_MS;
  item->stale = item->age_ms > limit;
  weir_put_text(b, "{\"kind\":\"matter\",\"handover\":");
  weir_put_quoted(b, f->handover);
  weir_put_text(b, ",\"spoken\":");
  weir_put_quoted(b, f->spoken);
  weir_put_text(b, ",\"unit\":");
  weir_put_quoted(b, weir_text(e->unit));
  weir_put_text(b, ",\"crossing\":");
  weir_put_decimal(b, e->crossing);
  weir_put_text(b, ",\"revision\":");
  weir_put_decimal(b, e->revision);
  put_flag(b, "firstOfMatter", previous == 0);
  put_changed(f, previous, b);
  if (conflicted) put_flag(b, "conflict", true);
  put_wall_time(b, "sentAt", e->sent_ms);
  put_wall_time(b, "arrivedAt", u->now.wall_ms);
  weir_put_text(b, ",\"ageMs\":");
  weir_put_signed(b, item->age_ms);
  put_flag(b, "stale", item->stale);
  put_flag(b, "drill", f->drill);
  put_receipt(u, e, f, b);
  weir_put_text(b, ",\"record\":");
  weir_put(b, e->record);
  weir_put_text(b, "}\n");
}

weir_bytes stage_keep(stage *s, size_t from) {
  return weir_view(s->memory.at + from, s->memory.count - from);
}

weir_bytes stage_keep_text(stage *s, weir_bytes text) {
  size_t from = s->memory.count;
  weir_put(&s->memory, text);
  return stage_keep(s, from);
}

static void put_name(stage *s, stage_item *item, const weir_link_event *e, weir_bytes handover) {
  size_t from = s->memory.count;
  if (item->mark.quarantined) {
    weir_put_text(&s->memory, QUARANTINE_PREFIX);
    weir_put_text(&s->memory, e->unit);
    weir_put_text(&s->memory, "-crossing");
    weir_put_decimal(&s->memory, e->crossing);
  } else {
    weir_put(&s->memory, handover);
  }
  weir_put_text(&s->memory, "-r");
  weir_put_decimal(&s->memory, e->revision);
  if (item->mark.conflict) {
    uint8_t check[8];
    for (unsigned i = 0; i < 8; i++) check[i] = (uint8_t)(e->check >> (56 - 8 * i));
    weir_put_text(&s->memory, "-conflict-");
    weir_put_hex(&s->memory, weir_view(check, sizeof check));
  }
  weir_put_text(&s->memory, ".json");
  item->mark.name = stage_keep(s, from);
}

/* Before the item, so that its mark stands before the item's (see alarms.c). */
static void alarm_before(weir_unit *u, const weir_link_event *e, bool conflicted,
                         const char *fault) {
  if (conflicted) {
    u->counters.conflicts++;
    alarm_once(u, "conflict", e->unit, "同一编号来件内容不一致,已作为冲突件投送,请人工核对",
               "the same number came with another content; it was delivered as a conflict",
               "电话与12345核对该编号的两个版本");
  }
  if (!fault) return;
  u->counters.quarantined++;
  char text[192];
  weir_buffer b = weir_buffer_over(text, sizeof text - 1);
  bool danger = e->lane == WEIR_LANE_DANGER;
  weir_put_text(&b, danger ? "一件紧急来件未通过检查,已隔离,请立即电话接收;编号"
                           : "一件来件未通过检查,已进入隔离区,请人工查看;编号");
  weir_put_decimal(&b, e->crossing);
  text[b.count] = 0;
  if (danger) {
    alarm_once(u, "phoneItIn", e->unit, text,
               "a dangerous record failed its checks and lies in quarantine: take it by telephone",
               "立即电话12345口头接收该件,再查看隔离区");
  } else {
    alarm_once(u, "quarantined", e->unit, text, "a record failed its checks and lies in quarantine",
               "查看隔离区文件并电话询问12345");
  }
}

/* `handover` is the number's key, 0 where there is a fault. */
static void stage_record(weir_unit *u, const weir_link_event *e, uint32_t which,
                         const weir_crossed *f, uint64_t handover, bool conflicted,
                         const char *fault) {
  alarm_before(u, e, conflicted, fault);
  stage *s = stage_gathering(u, 1, e->record.count + ITEM_HEAD_MAX);
  WEIR_ASSERT(s != NULL);
  stage_item *item = &s->items[s->count];
  memset(item, 0, sizeof *item);
  item->lane = e->lane;
  item->drill = f->drill;
  item->mark.crossing = e->crossing;
  item->mark.revision = e->revision;
  item->mark.check = e->check;
  item->mark.boot_epoch = e->boot_epoch;
  item->mark.arrived = fault ? 0 : crossed_arrival(f->arrived_ms);
  item->mark.conflict = conflicted;
  item->mark.quarantined = fault != NULL;
  item->mark.unit = stage_keep_text(s, weir_text(e->unit));
  item->mark.handover = stage_keep_text(s, fault ? weir_text("") : f->handover);
  item->mark.reason = stage_keep_text(s, weir_text(fault ? fault : ""));
  put_name(s, item, e, f->handover);
  size_t from = s->memory.count;
  if (fault) {
    weir_put(&s->memory, e->record);
  } else {
    put_item(u, &u->ledgers[which], e, f, conflicted, item, &s->memory);
  }
  item->bytes = stage_keep(s, from);
  WEIR_ASSERT(!s->memory.overflow);
  s->count++;
  const ledger_entry *before = &u->ledgers[which].entries[e->crossing];
  item->ledger = which;
  item->handover_before = before->handover;
  item->revision_before = before->revision;
  item->arrived_before = before->arrived;
  ledger_take(u, which, &item->mark, handover);
}

/* What is no item for a desk: counted, and what a number over the limit says is kept. */
static void count_unstaged(weir_unit *u, const weir_link_event *e, uint32_t which,
                           ledger_verdict verdict) {
  if (verdict == LEDGER_SUPERSEDED) u->counters.superseded++;
  if (verdict == LEDGER_REPEAT) u->counters.repeats++;
  if (verdict != LEDGER_BEYOND) return;
  u->counters.rejected++; /* and alarmed: it was sent, whatever the heartbeats say yet */
  if (e->crossing > u->ledgers[which].highest_sent) u->ledgers[which].highest_sent = e->crossing;
}

static bool is_for_desk(ledger_verdict verdict) {
  return verdict == LEDGER_NEW || verdict == LEDGER_CONFLICT;
}

bool items_stage_record(weir_unit *u, const weir_link_event *e) {
  uint32_t which = ledger_of(u, e->unit);
  if (which == LEDGER_NONE) return false;
  /* Copies that are not new come as often as new ones: they are known without being read. */
  ledger_verdict verdict = ledger_judge(u, which, e, 0, 0);
  if (!is_for_desk(verdict)) {
    count_unstaged(u, e, which, verdict);
    return true;
  }
  /* Room for the item and for both alarms that it may raise. */
  if (!stage_gathering(u, 3, e->record.count + 3 * ITEM_HEAD_MAX)) return false;
  weir_crossed f;
  const char *fault = weir_crossed_read(e->record, e->revision, u->record_scratch, &f);
  uint64_t handover = fault ? 0 : ledger_handover(f.handover);
  uint32_t arrived = fault ? 0 : crossed_arrival(f.arrived_ms);
  if (verdict == LEDGER_NEW) verdict = ledger_judge(u, which, e, handover, arrived);
  if (is_for_desk(verdict)) {
    stage_record(u, e, which, &f, handover, verdict == LEDGER_CONFLICT, fault);
  } else {
    count_unstaged(u, e, which, verdict);
  }
  return true;
}

/* A new item of this unit's own: its mark bears no sender. */
static stage_item *add_item(stage *s, weir_bytes name, size_t from) {
  stage_item *item = &s->items[s->count++];
  memset(item, 0, sizeof *item);
  item->mark.name = name;
  item->bytes = stage_keep(s, from);
  WEIR_ASSERT(!s->memory.overflow);
  return item;
}

bool items_stage_alarm(weir_unit *u, const alarm *a, unsigned moment) {
  static const char *const moments[] = {"begin", "end", "once"};
  bool ends = moment == ALARM_END;
  stage *s = stage_gathering(u, 1, ITEM_HEAD_MAX);
  if (!s) return false;
  weir_buffer *b = &s->memory;
  size_t from = b->count;
  weir_put_text(b, "ALARM-");
  weir_put_decimal(b, a->id);
  weir_put_text(b, "-");
  weir_put_text(b, a->code);
  weir_put_text(b, "-");
  weir_put_text(b, moments[moment]);
  weir_put_text(b, ".json");
  weir_bytes name = stage_keep(s, from);
  weir_bytes sender = stage_keep_text(s, weir_text(a->unit));
  from = b->count;
  weir_put_text(b, "{\"kind\":\"alarm\",\"id\":");
  weir_put_decimal(b, a->id);
  weir_put_text(b, ",\"code\":");
  weir_put_quoted(b, weir_text(a->code));
  weir_put_text(b, ",\"moment\":\"");
  weir_put_text(b, moments[moment]);
  weir_put_text(b, "\",\"sender\":");
  weir_put_quoted(b, weir_text(a->unit));
  put_wall_time(b, "beganAt", a->began_ms);
  put_wall_time(b, "at", ends ? a->ended_ms : a->began_ms);
  weir_put_text(b, ",\"text\":");
  weir_put_quoted(b, weir_text(ends ? a->end_text : a->text));
  if (!ends && a->next_step[0]) {
    weir_put_text(b, ",\"nextStep\":");
    weir_put_quoted(b, weir_text(a->next_step));
  }
  weir_put_text(b, "}\n");
  stage_item *item = add_item(s, name, from);
  item->alarm = true;
  item->mark.handover = sender;
  return true;
}

/* `"record":…` where the bytes are JSON; else as text, what is no UTF-8 in hexadecimal. */
void put_content(weir_buffer *b, const char *key, weir_bytes bytes) {
  json_error_t error;
  const char *text = (const char *)bytes.at;
  json_t *root = json_loadb(text, bytes.count, JSON_REJECT_DUPLICATES, &error);
  json_t *string = root ? NULL : json_stringn(text, bytes.count);
  weir_put_text(b, ",\"");
  weir_put_text(b, key);
  weir_put_text(b, root ? "\":" : string ? "Text\":" : "Hex\":\"");
  if (root) weir_put(b, bytes);
  if (string) weir_put_quoted(b, bytes);
  if (!root && !string) weir_put_hex(b, bytes);
  if (!root && !string) weir_put_text(b, "\"");
  json_decref(root);
  json_decref(string);
}

bool items_stage_released(weir_unit *u, const mark_record *m, uint64_t number, weir_bytes by,
                          weir_bytes reason) {
  stage *s = stage_gathering(u, 1, ESCAPED_MOST * m->item.count + 2 * ITEM_HEAD_MAX);
  if (!s) return false;
  weir_buffer *b = &s->memory;
  size_t from = b->count;
  weir_put(b, m->unit);
  weir_put_text(b, "-crossing");
  weir_put_decimal(b, m->crossing);
  weir_put_text(b, "-r");
  weir_put_decimal(b, m->revision);
  weir_put_text(b, "-released-"); /* more than one may have come under this number */
  weir_put_decimal(b, number);
  weir_put_text(b, ".json");
  weir_bytes name = stage_keep(s, from);
  from = b->count;
  weir_put_text(b, "{\"kind\":\"matter\",\"unit\":");
  weir_put_quoted(b, m->unit);
  weir_put_text(b, ",\"crossing\":");
  weir_put_decimal(b, m->crossing);
  weir_put_text(b, ",\"revision\":");
  weir_put_decimal(b, m->revision);
  put_wall_time(b, "arrivedAt", u->now.wall_ms);
  weir_put_text(b, ",\"released\":{\"by\":");
  weir_put_quoted(b, by);
  weir_put_text(b, ",\"reason\":");
  weir_put_quoted(b, reason);
  weir_put_text(b, ",\"failed\":");
  weir_put_quoted(b, m->reason);
  weir_put_text(b, "}");
  put_content(b, "record", m->item);
  weir_put_text(b, "}\n");
  stage_item *item = add_item(s, name, from);
  item->mark.crossing = m->crossing;
  item->mark.revision = m->revision;
  item->mark.released = number;
  return true;
}
