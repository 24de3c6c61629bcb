/* Records of matters read back from the journal, to be told: what crosses, what `get` answers.
 *
 *   happy path   a record crosses again and again, and telling it asks for the same few frames
 *                several times: those read last are kept with their line as it was read, each in
 *                the place that its position chooses. What crosses stands there from the start:
 *                it is asked for as soon as it is durable
 *   a long one   is read anew each time
 *   a bad read   nothing is kept
 *
 * A position names the same bytes for ever, so what is kept cannot be out of date. */
#include "internal.h"

#include <string.h>

enum {
  READINGS = 2048,     /* a power of two: what crosses in about half a second */
  READING_BYTES = 1024 /* of a frame's body; its line's decoded strings take no more */
};

struct reading {
  weir_position position; /* 0: none */
  bool is_read, has_line; /* the line was looked at; it is a message */
  matter_record record;
  weir_message message;
  uint8_t body[READING_BYTES];
  uint8_t scratch[READING_BYTES];
};

weir_status readings_open(weir_unit *u) {
  u->readings = weir_allocate(READINGS, sizeof *u->readings);
  return u->readings ? WEIR_OK : WEIR_OUT_OF_MEMORY;
}

void readings_close(weir_unit *u) {
  weir_free(u->readings);
}

/* Frames of one matter lie near each other or far apart; multiplying spreads both. */
static reading *reading_of(const weir_unit *u, weir_position position) {
  uint64_t spread = position * UINT64_C(0x9e3779b97f4a7c15);
  return &u->readings[spread >> 40 & (READINGS - 1)];
}

static bool read_anew(weir_unit *u, weir_position position, weir_bytes *body, matter_record *r) {
  weir_buffer memory = weir_buffer_over(u->body_memory, WEIR_JOURNAL_BODY_MAX);
  weir_frame_view frame;
  if (weir_journal_read(u->journal, position, &memory, &frame) != WEIR_OK) return false;
  *body = frame.body;
  return frame.kind == RECORD_MATTER && record_get_matter(frame.body, r);
}

/* The kept reading of this position, which is made if it is not there. Null: it is too long, then
 * `r` holds it, or it could not be read, then `good` is false. */
static reading *reading_at(weir_unit *u, weir_position position, matter_record *r, bool *good) {
  reading *kept = reading_of(u, position);
  weir_bytes body = {NULL, 0};
  *good = true;
  if (kept->position == position) return kept;
  *good = read_anew(u, position, &body, r);
  if (!*good || body.count > READING_BYTES) return NULL;
  memcpy(kept->body, body.at, body.count);
  kept->position = position;
  kept->is_read = false;
  kept->record = *r;
  kept->record.line = weir_view(kept->body + (r->line.at - body.at), r->line.count);
  return kept;
}

/* It is decoded from its bytes as it would be from the disk, so that both tell the same. */
void readings_keep(weir_unit *u, weir_position position, const weir_bytes parts[2]) {
  if (parts[0].count + parts[1].count > READING_BYTES) return;
  reading *kept = reading_of(u, position);
  weir_buffer b = weir_buffer_over(kept->body, sizeof kept->body);
  weir_put(&b, parts[0]);
  weir_put(&b, parts[1]);
  bool good = record_get_matter(weir_buffer_view(&b), &kept->record);
  WEIR_ASSERT(good && !b.overflow);
  kept->position = position;
  kept->is_read = false;
}

bool read_one(weir_unit *u, weir_position position, matter_record *r) {
  bool good;
  const reading *kept = reading_at(u, position, r, &good);
  if (kept) *r = kept->record;
  return good;
}

bool read_with_line(weir_unit *u, weir_position at, matter_record *r, weir_message *m, bool *line) {
  weir_message_fault fault;
  bool good;
  reading *kept = reading_at(u, at, r, &good);
  if (!good) return false;
  if (!kept) {
    *line = r->line.count &&
            weir_message_read(r->line, WEIR_MESSAGE_UNIT, u->record_scratch, m, &fault);
    return true;
  }
  *r = kept->record;
  if (!kept->is_read) {
    kept->has_line = r->line.count && weir_message_read(r->line, WEIR_MESSAGE_UNIT, kept->scratch,
                                                        &kept->message, &fault);
    kept->is_read = true;
  }
  *line = kept->has_line;
  if (kept->has_line) *m = kept->message;
  return true;
}

bool find_linked(weir_unit *u, weir_position newest, link_kind kind, size_t most, chain *c) {
  WEIR_ASSERT(most > 0 && most <= CHAIN_MAX);
  c->count = c->left_out = c->line_bytes = 0;
  for (weir_position p = newest; p != 0;) {
    matter_record r;
    if (!read_one(u, p, &r)) return false;
    if (c->count == most) {
      c->count--;
      c->left_out++;
    }
    c->at[c->count++] = p;
    c->line_bytes += r.line.count;
    p = kind == LINK_TEXT ? r.previous_body : r.previous_danger;
  }
  return true;
}

/* A matter that nobody settles is reminded of for weeks, so not all of its records are read: where
 * there are too many, the intake stands at the end of the texts' links, and the revisions, one a
 * record, say how many lie between. */
bool find_records(weir_unit *u, weir_position newest, chain *c) {
  c->count = c->left_out = c->line_bytes = 0;
  weir_position p = newest, texts = 0;
  matter_record r;
  while (p != 0 && c->count < CHAIN_MAX - 1) {
    if (!read_one(u, p, &r)) return false;
    c->at[c->count++] = p;
    c->line_bytes += r.line.count;
    texts = r.previous_body;
    p = r.previous;
  }
  if (p == 0) return true;
  chain intake;
  if (!read_one(u, p, &r) || !find_linked(u, texts, LINK_TEXT, 1, &intake)) return false;
  c->at[c->count++] = intake.at[0];
  c->left_out = r.state.revision - 1;
  return true;
}
