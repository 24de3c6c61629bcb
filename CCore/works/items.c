/* Items for the 110 desk: a record that came whole, wrapped with what the inner unit knows of it;
 * or an alarm. The record's own bytes are passed on as they crossed.
 *
 *   checked again here  the inner unit trusts nothing: a record must be one JSON object with the
 *                       fields that a desk relies on, else it goes to quarantine and alarms
 *   read by jansson     off the hot path: a few records a second on the worst day */
#include "internal.h"

#include <jansson.h>
#include <string.h>

enum { STALE_DEFAULT_MS = 30 * 60 * 1000, ITEM_HEAD_MAX = 4096, CHANGED_MAX = 2048 };

/* What is taken out of a record; views borrowed from the parsed tree. */
typedef struct record_facts {
  const char *handover, *spoken;
  int64_t received_ms;
  bool drill;
  json_t *history;
} record_facts;

static bool is_name(const char *text) {
  size_t count = strlen(text);
  if (count == 0 || count > HANDOVER_TEXT_MAX) return false;
  for (size_t i = 0; i < count; i++) {
    char c = text[i];
    bool fits = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!fits && c != '-') return false;
  }
  return true;
}

/* The fields that a desk relies on; null, or what is wrong. */
static const char *read_record(json_t *root, uint32_t revision, record_facts *f) {
  static const char *const texts[] = {"handover", "spoken",     "receivedBy", "channel",
                                      "phase",    "receivedAt", "arrivedAt"};
  if (!json_is_object(root)) return "not a JSON object";
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    if (!json_is_string(json_object_get(root, texts[i]))) return texts[i];
  }
  if (!json_is_object(json_object_get(root, "decision"))) return "decision";
  if (!json_is_object(json_object_get(root, "legs"))) return "legs";
  if (!json_is_array(json_object_get(root, "facts"))) return "facts";
  if (json_integer_value(json_object_get(root, "revision")) != (json_int_t)revision) {
    return "revision";
  }
  f->handover = json_string_value(json_object_get(root, "handover"));
  f->spoken = json_string_value(json_object_get(root, "spoken"));
  if (!is_name(f->handover)) return "handover";
  if (!is_name(f->spoken)) return "spoken";
  weir_bytes received = weir_text(json_string_value(json_object_get(root, "receivedAt")));
  if (weir_time_read(received, &f->received_ms) != WEIR_OK) return "receivedAt";
  f->drill = json_is_true(json_object_get(root, "drill"));
  f->history = json_object_get(root, "history");
  return json_is_array(f->history) ? NULL : "history";
}

/* Events that came since the revision that was delivered before. */
static void put_changed(const record_facts *f, uint32_t previous, weir_buffer *b) {
  size_t end = b->count + CHANGED_MAX;
  weir_put_text(b, ",\"changed\":[");
  bool first = true;
  size_t index;
  json_t *line;
  json_array_foreach(f->history, index, line) {
    const char *event = json_string_value(json_object_get(line, "event"));
    json_int_t revision = json_integer_value(json_object_get(line, "revision"));
    if (!event || revision <= (json_int_t)previous) continue;
    if (!is_name(event)) continue;
    if (b->count + HANDOVER_TEXT_MAX + 8 > end) break;
    if (!first) weir_put_text(b, ",");
    weir_put_quoted(b, weir_text(event));
    first = false;
  }
  weir_put_text(b, "]");
}

static void put_receipt(weir_unit *u, const weir_link_event *e, const record_facts *f,
                        weir_buffer *b) {
  uint8_t digest[32];
  char code[7];
  weir_sha256(e->record, digest);
  if (weir_receipt_code(u->options.keys, e->key_epoch, e->unit, weir_text(f->handover), e->revision,
                        digest, code) != WEIR_OK) {
    return;
  }
  weir_put_text(b, ",\"receipt\":\"");
  weir_put_text(b, code);
  weir_put_text(b, "\"");
}

static void put_time(weir_buffer *b, const char *key, int64_t wall_ms) {
  weir_put_text(b, ",\"");
  weir_put_text(b, key);
  weir_put_text(b, "\":\"");
  weir_put_time(b, wall_ms);
  weir_put_text(b, "\"");
}

static void put_flag(weir_buffer *b, const char *key, bool value) {
  weir_put_text(b, ",\"");
  weir_put_text(b, key);
  weir_put_text(b, value ? "\":true" : "\":false");
}

static void put_item(weir_unit *u, const ledger *l, const weir_link_event *e, const record_facts *f,
                     bool conflicted, stage_item *item, weir_buffer *b) {
  uint32_t previous = conflicted ? 0 : l->entries[e->crossing].revision;
  item->age_ms = u->now.wall_ms - (l->offset_known ? l->offset_ms : 0) - f->received_ms;
  int64_t limit = u->options.stale_ms ? u->options.stale_ms : STALE_DEFAULT_MS;
  item->stale = item->age_ms > limit;
  weir_put_text(b, "{\"kind\":\"matter\",\"handover\":");
  weir_put_quoted(b, weir_text(f->handover));
  weir_put_text(b, ",\"spoken\":");
  weir_put_quoted(b, weir_text(f->spoken));
  weir_put_text(b, ",\"unit\":");
  weir_put_quoted(b, weir_text(e->unit));
  weir_put_text(b, ",\"crossing\":");
  weir_put_decimal(b, e->crossing);
  weir_put_text(b, ",\"revision\":");
  weir_put_decimal(b, e->revision);
  put_flag(b, "firstOfMatter", previous == 0);
  put_changed(f, previous, b);
  if (conflicted) put_flag(b, "conflict", true);
  put_time(b, "sentAt", e->sent_ms);
  put_time(b, "arrivedAt", u->now.wall_ms);
  weir_put_text(b, ",\"ageMs\":");
  weir_put_signed(b, item->age_ms);
  put_flag(b, "stale", item->stale);
  put_flag(b, "drill", f->drill);
  put_receipt(u, e, f, b);
  weir_put_text(b, ",\"record\":");
  weir_put(b, e->record);
  weir_put_text(b, "}\n");
}

static weir_bytes keep(stage *s, size_t from) {
  return weir_view(s->memory.at + from, s->memory.count - from);
}

static weir_bytes keep_text(stage *s, weir_bytes text) {
  size_t from = s->memory.count;
  weir_put(&s->memory, text);
  return keep(s, from);
}

static void put_name(stage *s, stage_item *item, const weir_link_event *e, const char *handover) {
  size_t from = s->memory.count;
  if (item->quarantined) {
    weir_put_text(&s->memory, e->unit);
    weir_put_text(&s->memory, "-crossing");
    weir_put_decimal(&s->memory, e->crossing);
  } else {
    weir_put_text(&s->memory, handover);
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
  item->mark.name = keep(s, from);
}

static void alarm_on_staged(weir_unit *u, const weir_link_event *e, bool conflicted,
                            const char *fault) {
  if (conflicted) {
    u->counters.conflicts++;
    alarm_once(u, "conflict", e->unit, "同一编号来件内容不一致,已作为冲突件投送,请人工核对",
               "the same crossing number came with another content; it was delivered as a conflict",
               "电话与12345核对该编号的两个版本");
  }
  if (fault) {
    u->counters.rejected++;
    alarm_once(u, "quarantined", e->unit, "一件来件未通过检查,已进入隔离区,请人工查看",
               "a record failed its checks and lies in quarantine",
               "查看隔离区文件并电话询问12345");
  }
}

bool items_stage_record(weir_unit *u, const weir_link_event *e) {
  uint32_t which = ledger_of(u, e->unit);
  stage *s = stage_gathering(u, e->record.count + ITEM_HEAD_MAX);
  if (which == LEDGER_NONE || !s) return false;
  json_error_t error;
  json_t *root =
      json_loadb((const char *)e->record.at, e->record.count, JSON_REJECT_DUPLICATES, &error);
  record_facts f = {0};
  const char *fault = root ? read_record(root, e->revision, &f) : "not JSON";
  uint64_t handover = ledger_handover(weir_text(fault ? "" : f.handover));
  ledger_verdict verdict = ledger_judge(u, which, e, handover);
  bool take = verdict == LEDGER_NEW || verdict == LEDGER_CONFLICT;
  if (verdict == LEDGER_SUPERSEDED) u->counters.superseded++;
  if (verdict == LEDGER_REPEAT) u->counters.repeats++;
  if (verdict == LEDGER_BEYOND) u->counters.rejected++;
  if (take) {
    stage_item *item = &s->items[s->count];
    memset(item, 0, sizeof *item);
    item->quarantined = fault != NULL;
    item->lane = e->lane;
    item->mark.crossing = e->crossing;
    item->mark.revision = e->revision;
    item->mark.check = e->check;
    item->mark.boot_epoch = e->boot_epoch;
    item->mark.conflict = verdict == LEDGER_CONFLICT;
    item->mark.unit = keep_text(s, weir_text(e->unit));
    item->mark.handover = keep_text(s, weir_text(fault ? "" : f.handover));
    put_name(s, item, e, f.handover);
    size_t from = s->memory.count;
    if (fault) {
      weir_put(&s->memory, e->record);
    } else {
      put_item(u, &u->ledgers[which], e, &f, item->mark.conflict, item, &s->memory);
    }
    item->bytes = keep(s, from);
    WEIR_ASSERT(!s->memory.overflow);
    s->count++;
    ledger_take(u, which, &item->mark, handover);
    alarm_on_staged(u, e, item->mark.conflict, fault);
  }
  json_decref(root);
  return true;
}

void items_stage_alarm(weir_unit *u, const alarm *a, unsigned moment, const char *chinese,
                       const char *next_step) {
  static const char *const moments[] = {"begin", "end", "once"};
  stage *s = stage_gathering(u, ITEM_HEAD_MAX);
  if (!s) return; /* logged already; the desk's copy is the lesser one */
  stage_item *item = &s->items[s->count];
  memset(item, 0, sizeof *item);
  item->alarm = true;
  size_t from = s->memory.count;
  weir_put_text(&s->memory, "ALARM-");
  weir_put_decimal(&s->memory, a->id);
  weir_put_text(&s->memory, "-");
  weir_put_text(&s->memory, a->code);
  weir_put_text(&s->memory, "-");
  weir_put_text(&s->memory, moments[moment]);
  weir_put_text(&s->memory, ".json");
  item->mark.name = keep(s, from);
  from = s->memory.count;
  weir_put_text(&s->memory, "{\"kind\":\"alarm\",\"id\":");
  weir_put_decimal(&s->memory, a->id);
  weir_put_text(&s->memory, ",\"code\":");
  weir_put_quoted(&s->memory, weir_text(a->code));
  weir_put_text(&s->memory, ",\"moment\":\"");
  weir_put_text(&s->memory, moments[moment]);
  weir_put_text(&s->memory, "\",\"sender\":");
  weir_put_quoted(&s->memory, weir_text(a->unit));
  put_time(&s->memory, "beganAt", (int64_t)a->id);
  put_time(&s->memory, "at", u->now.wall_ms);
  weir_put_text(&s->memory, ",\"text\":");
  weir_put_quoted(&s->memory, weir_text(chinese));
  if (next_step[0]) {
    weir_put_text(&s->memory, ",\"nextStep\":");
    weir_put_quoted(&s->memory, weir_text(next_step));
  }
  weir_put_text(&s->memory, "}\n");
  item->bytes = keep(s, from);
  WEIR_ASSERT(!s->memory.overflow);
  s->count++;
}
