/* Delivery on an outer unit: matters that have become 12345's without having been submitted by it,
 * from 110's internet channel or by the end of talks. Each of their changes that 12345 must know is
 * an item, delivered as on an inner unit (deliver.c).
 *
 *   happy path     a durable change of such a matter is staged as soon as it is durable
 *   no room        the cursor stays where it is; the journal is read on from there later
 *   a restart      the marks say up to which record all was delivered; the rest is read again
 *
 * The cursor is the serial of the last record that was looked at; a mark holds the serial of the
 * record that its item tells, in the place of a crossing number. */
#include "internal.h"

#include <string.h>

enum { OUTBOX_BUDGET = 256, ITEM_HEAD_MAX = 4096 };

void outbox_mark_state(const weir_unit *u, const weir_state *before, weir_state *after) {
  if (u->options.inner || after->owner != OWNER_12345) return;
  bool is_new = before->revision == 0;
  bool submitted =
      after->platform == WEIR_PLATFORM_12345 && (is_new || before->owner == OWNER_12345);
  if (!submitted) after->flags |= FLAG_BECAME_12345;
}

/* Does this change concern the people who take the matter over? */
static bool is_told(uint8_t step_kind, uint8_t event, const weir_state *s) {
  if (!(s->flags & FLAG_BECAME_12345)) return false;
  if (step_kind == WEIR_STEP_INTAKE || step_kind == WEIR_STEP_UPDATE) return true;
  return event != WEIR_EVENT_PRE_ALARM && event != WEIR_EVENT_REMINDER &&
         event != WEIR_EVENT_REPORT_ACKNOWLEDGED && event != WEIR_EVENT_RECEIPT;
}

static bool has_outbox(const weir_unit *u) {
  return !u->options.inner && u->stages[0] != NULL;
}

/* Was the matter 12345's business before this record? */
static bool is_first(weir_unit *u, weir_position previous) {
  weir_buffer memory = weir_buffer_over(u->read_memory[1], WEIR_JOURNAL_BODY_MAX);
  weir_frame_view frame;
  matter_record r;
  if (previous == 0) return true;
  if (weir_journal_read(u->journal, previous, &memory, &frame) != WEIR_OK) return false;
  if (frame.kind != RECORD_MATTER || !record_get_matter(frame.body, &r)) return false;
  return !(r.state.flags & FLAG_BECAME_12345);
}

static bool put_item(weir_unit *u, weir_position position, const matter_record *r,
                     weir_bytes number, weir_buffer *b) {
  bool first = is_first(u, r->previous);
  const char *change = r->step_kind == WEIR_STEP_INTAKE   ? "intake"
                       : r->step_kind == WEIR_STEP_UPDATE ? "update"
                                                          : weir_event_name(r->event);
  weir_put_text(b, "{\"kind\":\"matter\",\"handover\":");
  weir_put_quoted(b, number);
  weir_put_text(b, ",\"spoken\":\"");
  put_spoken(b, r->state.serial, r->state.flags & FLAG_DRILL);
  weir_put_text(b, "\",\"unit\":");
  weir_put_quoted(b, weir_text(u->name));
  weir_put_text(b, ",\"revision\":");
  weir_put_decimal(b, r->state.revision);
  put_flag(b, "firstOfMatter", first);
  weir_put_text(b, ",\"changed\":[\"");
  weir_put_text(b, change);
  weir_put_text(b, "\"],\"sentAt\":\"");
  weir_put_time(b, r->now.wall_ms);
  weir_put_text(b, "\",\"arrivedAt\":\"");
  weir_put_time(b, u->now.wall_ms);
  weir_put_text(b, "\",\"ageMs\":");
  weir_put_signed(b, u->now.wall_ms - r->state.received_ms);
  put_flag(b, "drill", r->state.flags & FLAG_DRILL);
  weir_put_text(b, ",\"record\":");
  if (!render_record(u, position, true, b)) return false;
  weir_put_text(b, "}\n");
  return !b->overflow;
}

/* Stages the change as an item. False: no room now, or the record could not be read. */
static bool stage_change(weir_unit *u, uint64_t serial, weir_position position,
                         const matter_record *r) {
  stage *s = stage_gathering(u, 1, ANSWER_BYTES_MAX + ITEM_HEAD_MAX);
  if (!s) return false;
  stage_item *item = &s->items[s->count];
  size_t before = s->memory.count;
  memset(item, 0, sizeof *item);
  handover_text number =
      handover_write(u->name, r->state.day, r->state.serial, r->state.flags & FLAG_DRILL);
  item->lane = r->state.lane;
  item->drill = r->state.flags & FLAG_DRILL;
  item->age_ms = u->now.wall_ms - r->state.received_ms;
  item->mark.crossing = serial;
  item->mark.revision = r->state.revision;
  item->mark.unit = stage_keep_text(s, weir_text(u->name));
  item->mark.handover = stage_keep_text(s, handover_view(&number));
  size_t from = s->memory.count;
  weir_put(&s->memory, handover_view(&number));
  weir_put_text(&s->memory, "-r");
  weir_put_decimal(&s->memory, r->state.revision);
  weir_put_text(&s->memory, ".json");
  item->mark.name = stage_keep(s, from);
  from = s->memory.count;
  if (!put_item(u, position, r, handover_view(&number), &s->memory)) {
    s->memory.count = before;
    s->memory.overflow = false;
    return false;
  }
  item->bytes = stage_keep(s, from);
  s->count++;
  return true;
}

void outbox_note(weir_unit *u, uint64_t serial, weir_position position, const matter_record *r) {
  if (!has_outbox(u) || u->outbox.is_behind || serial <= u->outbox.cursor) return;
  bool told = is_told(r->step_kind, r->event, &r->state);
  if (told && !stage_change(u, serial, position, r)) {
    u->outbox.is_behind = true;
    return;
  }
  u->outbox.cursor = serial;
}

/* Reads one record behind the cursor. False: there is none, or no room for its item. */
static bool read_on(weir_unit *u) {
  weir_position position = 0;
  weir_buffer memory = weir_buffer_over(u->read_memory[0], WEIR_JOURNAL_BODY_MAX);
  weir_frame_view frame;
  matter_record r;
  if (u->outbox.cursor >= weir_journal_durable(u->journal)) {
    u->outbox.is_behind = false;
    return false;
  }
  if (weir_journal_seek(u->journal, u->outbox.cursor + 1, &u->outbox.hint, &position) != WEIR_OK ||
      weir_journal_read(u->journal, position, &memory, &frame) != WEIR_OK) {
    return false;
  }
  if (frame.serial > weir_journal_durable(u->journal)) return false;
  bool told = frame.kind == RECORD_MATTER && record_get_matter(frame.body, &r) &&
              is_told(r.step_kind, r.event, &r.state);
  uint64_t serial = frame.serial;
  if (told && !stage_change(u, serial, position, &r)) return false;
  u->outbox.cursor = serial;
  return true;
}

bool outbox_tick(weir_unit *u) {
  unsigned count = 0;
  if (!has_outbox(u) || !u->outbox.is_behind) return false;
  while (count < OUTBOX_BUDGET && read_on(u)) count++;
  return count == OUTBOX_BUDGET;
}

bool outbox_quiet(const weir_unit *u) {
  return !has_outbox(u) || !u->outbox.is_behind;
}

void outbox_recover(weir_unit *u, uint64_t serial, const matter_record *r) {
  if (is_told(r->step_kind, r->event, &r->state)) u->outbox.owed = serial;
}

void outbox_recover_mark(weir_unit *u, const mark_record *m) {
  u->outbox.cursor = m->crossing;
}

void outbox_begin(weir_unit *u) {
  u->outbox.is_behind = u->outbox.owed > u->outbox.cursor;
}
