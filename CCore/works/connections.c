/* Connections: what came in and is not yet read, what was answered and is not yet written.
 *
 * An answer is put behind the ones before it at once, with a mark that says which serial of the
 * journal must be durable before it may leave. Marks of one connection rise, so what may be
 * written is always a prefix.
 *
 *   a client that does not read   its output fills up, then it is not read any more
 *   the last line has no end      when no more comes it is a line like any other: what was cut off
 *                                 within is no JSON object, so only a whole one is taken
 *   the disk fails                answers that may not leave any more are taken back, and each
 *                                 request gets `outcomeUnknown` in its place */
#include "internal.h"

#include <string.h>

enum { ANSWER_HEAD_MAX = 2048 };

weir_status connections_open(weir_unit *u) {
  u->connections = weir_allocate(WEIR_CONNECTIONS_MAX, sizeof *u->connections);
  return u->connections ? WEIR_OK : WEIR_OUT_OF_MEMORY;
}

static void connection_free(connection *c) {
  weir_free(c->input);
  weir_free(c->output);
  weir_free(c->marks);
}

void connections_close(weir_unit *u) {
  if (!u->connections) return;
  for (uint32_t i = 0; i < WEIR_CONNECTIONS_MAX; i++) connection_free(&u->connections[i]);
  weir_free(u->connections);
}

/* The memory of a place is taken when it is first used and kept for the next connection there. */
static weir_status take_memory_on_connect(connection *c) {
  if (c->input) return WEIR_OK;
  c->input = weir_allocate(WEIR_LINE_BYTES_MAX, 1);
  c->output = weir_allocate(OUTPUT_BYTES, 1);
  c->marks = weir_allocate(MARKS, sizeof *c->marks);
  if (c->input && c->output && c->marks) return WEIR_OK;
  connection_free(c);
  memset(c, 0, sizeof *c);
  return WEIR_OUT_OF_MEMORY;
}

weir_status weir_unit_connect(weir_unit *u, bool control, uint32_t *connection_out) {
  if (u->failing) return WEIR_CLOSED;
  for (uint32_t i = 0; i < WEIR_CONNECTIONS_MAX; i++) {
    connection *c = &u->connections[i];
    if (c->used) continue;
    weir_status status = take_memory_on_connect(c);
    if (status != WEIR_OK) return status;
    uint8_t *input = c->input, *output = c->output;
    mark *marks = c->marks;
    memset(c, 0, sizeof *c);
    c->input = input;
    c->output = output;
    c->marks = marks;
    c->used = true;
    c->control = control;
    weir_frame_init(&c->frame, input, WEIR_LINE_BYTES_MAX);
    u->connection_count++;
    if (i >= u->connection_end) u->connection_end = i + 1;
    *connection_out = i;
    return WEIR_OK;
  }
  return WEIR_FULL;
}

weir_bytes weir_unit_no_place(weir_unit *u) {
  weir_buffer b = weir_buffer_over(u->render_memory, ANSWER_BYTES_MAX);
  bool failing = u->failing;
  unsigned refusal = failing ? WEIR_REFUSAL_UNIT_FAILING : WEIR_REFUSAL_OVERLOADED;
  answer_refusal(u, &b, weir_text(""), refusal, "",
                 failing ? NULL : "every connection is in use; close one, or try again later",
                 SPEAKS);
  weir_put_text(&b, "\n");
  return weir_buffer_view(&b);
}

void weir_unit_take_items(weir_unit *u, uint32_t index) {
  WEIR_ASSERT(index < WEIR_CONNECTIONS_MAX && u->connections[index].used);
  u->connections[index].taker = true;
}

static connection *connection_at(const weir_unit *u, uint32_t index) {
  WEIR_ASSERT(index < WEIR_CONNECTIONS_MAX);
  WEIR_ASSERT(u->connections[index].used);
  return &u->connections[index];
}

/* Where the next answer goes. Nothing is moved for it: bytes may be on their way from there. */
static size_t end_of(const connection *c) {
  return c->first + c->count;
}

bool connection_has_room(const connection *c) {
  return end_of(c) < OUTPUT_HIGH && c->mark_count < MARKS - WEIR_BATCH_MAX;
}

/* A reading may need the longest answer; every other answer is a few numbers and three texts. */
static size_t answer_bytes_of(const weir_unit *u, const weir_message *m) {
  bool reads = m->op > WEIR_OP_EVENT;
  return reads ? (size_t)ANSWER_BYTES_MAX : ANSWER_HEAD_MAX + 3 * u->texts->longest;
}

bool connection_promise(const weir_unit *u, connection *c, const weir_message *m) {
  size_t bytes = answer_bytes_of(u, m);
  if (end_of(c) + c->promised + bytes > OUTPUT_BYTES - ANSWER_BYTES_MAX) return false;
  c->promised += bytes;
  return true;
}

uint8_t *weir_unit_space(weir_unit *u, uint32_t index, size_t *room) {
  connection *c = connection_at(u, index);
  *room = 0;
  if (c->hung_up || c->closing || u->failing || !connection_has_room(c)) return NULL;
  return weir_frame_space(&c->frame, room);
}

void weir_unit_filled(weir_unit *u, uint32_t index, size_t count) {
  weir_frame_filled(&connection_at(u, index)->frame, count);
}

void weir_unit_hang_up(weir_unit *u, uint32_t index) {
  connection *c = connection_at(u, index);
  c->hung_up = true;
  c->head_waiting = 0;
  weir_frame_end(&c->frame);
}

void weir_unit_disconnect(weir_unit *u, uint32_t index) {
  connection *c = connection_at(u, index);
  reload_forget(u, index);
  if (c->watching) u->watching_count--;
  c->used = false;
  u->connection_count--;
  while (u->connection_end > 0 && !u->connections[u->connection_end - 1].used) u->connection_end--;
}

void connection_answer(weir_unit *u, connection *c, weir_bytes line, uint64_t serial) {
  if (!c->used) return;
  WEIR_ASSERT(end_of(c) + line.count + 1 <= OUTPUT_BYTES);
  WEIR_ASSERT(c->mark_count < MARKS);
  memcpy(c->output + end_of(c), line.at, line.count);
  c->count += line.count;
  c->output[end_of(c)] = '\n';
  c->count++;
  uint64_t end = c->written + c->count;
  bool durable = serial <= weir_journal_durable(u->journal) || WEIR_CANARY(ANSWER_EARLY);
  if (durable && c->mark_count == 0) {
    c->released = end;
    return;
  }
  c->marks[(c->mark_first + c->mark_count) % MARKS] = (mark){end, serial};
  c->mark_count++;
}

static void release_one(connection *c, uint64_t durable) {
  while (c->mark_count > 0 && c->marks[c->mark_first].serial <= durable) {
    c->released = c->marks[c->mark_first].end;
    c->mark_first = (c->mark_first + 1) % MARKS;
    c->mark_count--;
  }
}

void connections_release(weir_unit *u) {
  uint64_t durable = weir_journal_durable(u->journal);
  for (uint32_t i = 0; i < u->connection_end; i++) {
    if (u->connections[i].used) release_one(&u->connections[i], durable);
  }
}

weir_bytes weir_unit_output(weir_unit *u, uint32_t index) {
  connection *c = connection_at(u, index);
  return weir_view(c->output + c->first, (size_t)(c->released - c->written));
}

void weir_unit_written(weir_unit *u, uint32_t index, size_t count) {
  connection *c = connection_at(u, index);
  WEIR_ASSERT(count <= c->released - c->written);
  c->first += count;
  c->count -= count;
  c->written += count;
  /* Bytes move seldom, and never more than were written since: a slow reader costs no more. */
  if (c->count > 0 && c->first < OUTPUT_BYTES / 2) return;
  memmove(c->output, c->output + c->first, c->count);
  c->first = 0;
}

/* Does the frame still hold a line? What stands behind a watch is not read: its end counts. */
static bool has_line(const connection *c) {
  const weir_frame *f = &c->frame;
  if (!c->watching || f->begin == f->end) return weir_frame_waits(f);
  return memchr(f->at + f->begin, '\n', f->end - f->begin) != NULL;
}

bool weir_unit_finished(const weir_unit *u, uint32_t index) {
  const connection *c = connection_at(u, index);
  if (c->count > 0 || c->waiting) return false;
  if (u->failing) return c->failing_told;
  return c->closing || (c->hung_up && !has_line(c));
}

bool weir_unit_idle(const weir_unit *u, uint32_t index) {
  const connection *c = connection_at(u, index);
  return !c->watching && !c->taking && !c->waiting && c->count == 0 && c->mark_count == 0;
}

/* The ref of an answer that may not leave: answers that wait for a sync begin with it or have
 * none. */
static weir_bytes ref_of_answer(weir_bytes line) {
  static const char begin[] = "{\"ref\":\"";
  size_t skip = sizeof begin - 1;
  if (line.count < skip || memcmp(line.at, begin, skip) != 0) return weir_view(line.at, 0);
  const uint8_t *end = memchr(line.at + skip, '"', line.count - skip);
  return weir_view(line.at + skip, end ? (size_t)(end - line.at) - skip : 0);
}

/* Is it about a drill? Then what is said in its place names the drill number too. */
static bool is_of_drill(weir_bytes line) {
  static const char spoken[] = ",\"spoken\":\"Y"; /* no text of a person holds bare quotes */
  return memmem(line.at, line.count, spoken, sizeof spoken - 1) != NULL;
}

static void put_behind(connection *c, weir_bytes line, size_t most) {
  WEIR_ASSERT(line.at != NULL);
  if (end_of(c) + line.count > most) return;
  memcpy(c->output + end_of(c), line.at, line.count);
  c->count += line.count;
}

/* Takes back what may not leave any more, and says so for each request. What only stood behind such
 * an answer, and hangs on no sync of its own, leaves as it is. */
static void take_back_on_fail(weir_unit *u, connection *c) {
  size_t keep = (size_t)(c->released - c->written);
  WEIR_ASSERT(u->body_memory != NULL);
  weir_buffer old = weir_buffer_over(u->body_memory, OUTPUT_BYTES);
  weir_put(&old, weir_view(c->output + c->first + keep, c->count - keep));
  uint64_t durable = weir_journal_durable(u->journal), from = c->released;
  c->count = keep;
  for (uint32_t i = 0; i < c->mark_count; i++) {
    mark m = c->marks[(c->mark_first + i) % MARKS];
    weir_bytes line = weir_view(old.at + (from - c->released), (size_t)(m.end - from));
    from = m.end;
    weir_buffer b = weir_buffer_over(u->render_memory, ANSWER_BYTES_MAX);
    if (m.serial > durable) {
      answer_refusal(u, &b, ref_of_answer(line), WEIR_REFUSAL_OUTCOME_UNKNOWN, "", NULL,
                     is_of_drill(line) ? SPEAKS_DRILL : SPEAKS);
      weir_put_text(&b, "\n");
      line = weir_buffer_view(&b);
    }
    put_behind(c, line, OUTPUT_BYTES - ANSWER_BYTES_MAX);
  }
  c->mark_count = 0;
}

/* The cursor of a reader that was not durable. */
static void fail_taken(weir_unit *u, connection *c) {
  if (!c->owes_taken) return;
  weir_buffer b = weir_buffer_over(u->render_memory, ANSWER_BYTES_MAX);
  answer_refusal(u, &b, weir_view(c->taken_ref, c->taken_ref_count), WEIR_REFUSAL_OUTCOME_UNKNOWN,
                 "", NULL, SILENT);
  weir_put_text(&b, "\n");
  put_behind(c, weir_buffer_view(&b), OUTPUT_BYTES - ANSWER_BYTES_MAX);
  c->owes_taken = c->waiting = false;
}

/* A disk that failed is real for whoever is connected: the number is the one for the next real
 * matter, on a connection that only drills came over too. Each drill was told its own. */
static void fail_one(weir_unit *u, connection *c) {
  take_back_on_fail(u, c);
  fail_taken(u, c);
  weir_buffer b = weir_buffer_over(u->render_memory, ANSWER_BYTES_MAX);
  weir_put_text(&b,
                "{\"op\":\"failing\",\"error\":{\"code\":\"unitFailing\",\"message\":\"the disk "
                "failed; this unit takes no more\"},\"dial\":");
  weir_put_quoted(&b, texts_at(u->texts, u->refusal_dial));
  weir_put_text(&b, ",\"say\":");
  weir_bytes say = texts_at(u->texts, u->refusal_say);
  if (say.count) weir_put(&b, say);
  if (!say.count) weir_put_text(&b, "[]");
  weir_put_text(&b, "}\n");
  put_behind(c, weir_buffer_view(&b), OUTPUT_BYTES);
  c->released = c->written + c->count;
  c->failing_told = true;
}

void connections_fail(weir_unit *u) {
  for (uint32_t i = 0; i < u->connection_end; i++) {
    if (u->connections[i].used) fail_one(u, &u->connections[i]);
  }
}
