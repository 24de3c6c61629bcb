/* The receiver: datagrams in, events out.
 *
 * Happy path: the clear header is read, the datagram authenticated, its pieces parsed; a record
 * that lies whole in one piece goes straight on, others are put together; every event is queued
 * and drained by the caller before the next datagram.
 * What can go wrong: anything at all may come in from the network; an authentic sender may err;
 * nothing may come in.
 * What we do then: what is wrong is counted under its own name and changes nothing else. A rule
 * broken inside an authentic datagram ends that datagram; the records before it have gone on.
 * Silence is told once when it begins and once when it ends.
 */
#include "assembly.h"
#include "boots.h"
#include "parity.h"

#include <string.h>

enum {
  /* As many one-byte records as fit, */
  EVENTS_RECORDS = (WEIR_DATAGRAM_MAX - WIRE_DATAGRAM_MIN) / (WEIR_LINK_PIECE_HEADER_BYTES + 1),
  /* a new boot, and the end of silence. */
  EVENTS_MAX = EVENTS_RECORDS + 1 + 1
};
_Static_assert((int)EVENTS_MAX >= (int)WEIR_LINK_SENDERS_MAX, "a tick may find all units silent");

struct weir_link_receiver {
  weir_boots boots;
  weir_assemblies assemblies;
  weir_parity_in parity;
  weir_link_receiver_counts counts;
  uint64_t now_ms;
  size_t event_count;
  size_t event_next;
  wire_heartbeat beat; /* the last one; its page is lent to an event */
  weir_link_event events[EVENTS_MAX];
};

weir_status weir_link_receiver_open(const weir_link_receiver_options *options,
                                    weir_link_receiver **out) {
  weir_link_receiver *r = weir_allocate(1, sizeof *r);
  if (r == NULL) return WEIR_OUT_OF_MEMORY;
  r->boots.keys = options->keys;
  r->boots.files = options->files;
  r->now_ms = options->now_ms;
  weir_status status = weir_assemblies_open(&r->assemblies);
  if (status == WEIR_OK && !options->files) status = weir_parity_in_open(&r->parity);
  if (status != WEIR_OK) {
    weir_link_receiver_close(r);
    return status;
  }
  *out = r;
  return WEIR_OK;
}

void weir_link_receiver_close(weir_link_receiver *r) {
  if (r == NULL) return;
  weir_boots_close(&r->boots);
  weir_assemblies_close(&r->assemblies);
  weir_parity_in_close(&r->parity);
  weir_free(r);
}

weir_status weir_link_receiver_know(weir_link_receiver *r, const char *unit, uint64_t boot_epoch,
                                    const uint8_t boot_id[16]) {
  boot_name name = {.epoch = boot_epoch};
  memcpy(name.id, boot_id, sizeof name.id);
  return weir_boots_know(&r->boots, unit, &name, r->now_ms);
}

void weir_link_receiver_begin(weir_link_receiver *r, uint64_t now_ms) {
  if (now_ms > r->now_ms) r->now_ms = now_ms;
  for (size_t i = 0; i < r->boots.count; i++) r->boots.units[i].heard_ms = r->now_ms;
}

weir_status weir_link_receiver_admit(weir_link_receiver *r, const char *unit, uint64_t boot_epoch) {
  return weir_boots_admit(&r->boots, unit, boot_epoch);
}

/* ---- Events ---- */

/* A new event about a unit's boot, at the end of the queue. */
static weir_link_event *event_add(weir_link_receiver *r, weir_link_event_kind kind,
                                  const boot_unit *unit, const boot_name *name,
                                  uint32_t key_epoch) {
  WEIR_ASSERT(r->event_count < EVENTS_MAX);
  weir_link_event *event = &r->events[r->event_count++];
  *event = (weir_link_event){.kind = kind, .boot_epoch = name->epoch, .key_epoch = key_epoch};
  memcpy(event->unit, unit->name, sizeof unit->name);
  memcpy(event->boot_id, name->id, sizeof name->id);
  return event;
}

static void events_begin(weir_link_receiver *r, uint64_t now_ms) {
  WEIR_ASSERT(r->event_next == r->event_count); /* or else something would be lost silently */
  r->event_next = r->event_count = 0;
  weir_assemblies_release(&r->assemblies);
  if (now_ms > r->now_ms) r->now_ms = now_ms;
}

/* ---- One datagram ---- */

typedef struct take_context {
  boot_unit *unit;
  const boot_state *boot;
  const boot_stream *stream;
  uint32_t key_epoch;
  uint64_t sequence;
  bool restored; /* by parity: it belongs to no group that is still open */
} take_context;

static void take_record(weir_link_receiver *r, const take_context *c, const wire_piece *piece,
                        weir_bytes record) {
  weir_link_event *event = event_add(r, WEIR_LINK_RECORD, c->unit, &c->boot->name, c->key_epoch);
  event->crossing = piece->crossing;
  event->revision = piece->revision;
  event->lane = piece->lane;
  event->sent_ms = piece->sent_ms;
  event->check = piece->check;
  event->record = record;
  r->counts.records++;
}

static weir_status take_pieces(weir_link_receiver *r, const take_context *c, weir_bytes plaintext) {
  uint32_t group = 0;
  uint8_t index = 0;
  weir_bytes rest;
  if (!weir_wire_get_data(plaintext, &group, &index, &rest)) return WEIR_INVALID;
  if (group != 0 && !c->restored && !r->boots.files) weir_parity_hold(&r->parity, group, index);
  size_t unit = (size_t)(c->unit - r->boots.units);
  while (rest.count > 0) {
    wire_piece piece;
    if (!weir_wire_get_piece(&rest, &piece)) return WEIR_INVALID;
    weir_bytes record = piece.bytes;
    weir_status status = WEIR_OK;
    if (piece.pieces > 1)
      status = weir_assemblies_add(&r->assemblies, unit, &piece, &record);
    else if (weir_wire_check(record) != piece.check)
      status = WEIR_CORRUPT;
    if (status == WEIR_OK) take_record(r, c, &piece, record);
    if (status == WEIR_CORRUPT) r->counts.bad_check++;
  }
  return WEIR_OK;
}

static weir_status take_heartbeat(weir_link_receiver *r, const take_context *c,
                                  weir_bytes plaintext) {
  wire_heartbeat *beat = &r->beat;
  if (!weir_wire_get_heartbeat(plaintext, beat)) return WEIR_INVALID;
  weir_link_event *event = event_add(r, WEIR_LINK_HEARTBEAT, c->unit, &c->boot->name, c->key_epoch);
  event->crossing = beat->highest;
  event->sent_ms = beat->wall_ms;
  event->sent_boot_ms = beat->boot_ms;
  event->open_danger = beat->open_danger;
  event->index_first = beat->index_first;
  event->index_count = beat->index_count;
  event->index = beat->index;
  event->sequence = c->sequence;
  event->received = c->stream->received;
  event->reordered = c->stream->reordered;
  r->counts.heartbeats++;
  return WEIR_OK;
}

/* An authentic, new datagram of the current boot. */
static weir_status take_plaintext(weir_link_receiver *r, const take_context *c,
                                  weir_bytes plaintext) {
  WEIR_ASSERT(plaintext.count >= 1);
  uint8_t type = plaintext.at[0];
  if (type == WIRE_TYPE_DATA) return take_pieces(r, c, plaintext);
  if (c->restored) return WEIR_INVALID; /* only data is protected */
  if (type == WIRE_TYPE_HEARTBEAT) return take_heartbeat(r, c, plaintext);
  if (type != WIRE_TYPE_PARITY) return WEIR_INVALID;
  if (r->boots.files) return WEIR_OK; /* files lose no datagrams, and bring none */
  return weir_parity_take(&r->parity, plaintext) ? WEIR_OK : WEIR_INVALID;
}

static void take_heard(weir_link_receiver *r, const take_context *c, bool boot_new) {
  boot_unit *unit = c->unit;
  if (boot_new) {
    (void)event_add(r, WEIR_LINK_BOOT_NEW, unit, &unit->boots[0].name, c->key_epoch);
  }
  if (unit->silent) {
    weir_link_event *event =
        event_add(r, WEIR_LINK_SILENCE_ENDED, unit, &unit->boots[0].name, c->key_epoch);
    event->since_ms = unit->heard_ms;
    unit->silent = false;
  }
  unit->heard_ms = r->now_ms;
}

static weir_status take(weir_link_receiver *r, uint8_t *datagram, size_t count, bool restored) {
  wire_header header;
  if (!weir_wire_get_header(weir_view(datagram, count), &header)) return WEIR_INVALID;
  if (!restored && !r->boots.files) weir_parity_came(&r->parity, weir_view(datagram, count));
  boot_verdict verdict = {.restored = restored};
  weir_status status = weir_boots_unseal(&r->boots, &header, datagram, r->now_ms, &verdict);
  if (verdict.reported) {
    boot_name name = {.epoch = header.id.boot_epoch};
    memcpy(name.id, header.id.boot_id, sizeof name.id);
    (void)event_add(r, WEIR_LINK_BOOT_LOWER, verdict.unit, &name, header.key_epoch);
  }
  if (status != WEIR_OK) return status;
  take_context context = {verdict.unit,     verdict.boot,    verdict.stream,
                          header.key_epoch, header.sequence, restored};
  if (!r->boots.files) take_heard(r, &context, verdict.taken_up);
  return take_plaintext(r, &context,
                        weir_view(datagram + WEIR_LINK_HEADER_BYTES, header.ciphertext_bytes));
}

static weir_status take_counted(weir_link_receiver *r, uint8_t *datagram, size_t count,
                                bool restored) {
  r->counts.datagrams++;
  weir_status status = take(r, datagram, count, restored);
  switch (status) {
  case WEIR_OK:
    r->counts.good++;
    break;
  case WEIR_UNKNOWN_KEY:
    r->counts.unknown_key++;
    break;
  case WEIR_FORGED:
    r->counts.forged++;
    break;
  case WEIR_REPLAYED:
    r->counts.replayed++;
    break;
  case WEIR_REFUSED:
    r->counts.lower_boot++;
    break;
  case WEIR_FULL:
    r->counts.no_room++;
    break;
  default:
    WEIR_ASSERT(status == WEIR_INVALID);
    r->counts.malformed++;
  }
  return status;
}

weir_status weir_link_receiver_take(weir_link_receiver *r, uint8_t *datagram, size_t count,
                                    uint64_t now_ms) {
  events_begin(r, now_ms);
  return take_counted(r, datagram, count, false);
}

/* What parity gave back is taken here, one datagram after the other, when the events before it are
 * gone. */
bool weir_link_receiver_next(weir_link_receiver *r, weir_link_event *event) {
  while (r->event_next == r->event_count) {
    uint8_t *datagram = NULL;
    size_t count = 0;
    if (!weir_parity_restored(&r->parity, &datagram, &count)) return false;
    events_begin(r, r->now_ms);
    r->counts.restored++;
    (void)take_counted(r, datagram, count, true);
  }
  *event = r->events[r->event_next++];
  return true;
}

/* ---- Silence ---- */

void weir_link_receiver_tick(weir_link_receiver *r, uint64_t now_ms) {
  events_begin(r, now_ms);
  for (size_t i = 0; i < r->boots.count; i++) {
    boot_unit *unit = &r->boots.units[i];
    if (unit->silent || r->now_ms - unit->heard_ms < WEIR_LINK_SILENCE_MS) continue;
    unit->silent = true;
    weir_link_event *event = event_add(r, WEIR_LINK_SILENCE_BEGAN, unit, &unit->boots[0].name, 0);
    event->since_ms = unit->heard_ms;
  }
}

weir_link_receiver_counts weir_link_receiver_counted(const weir_link_receiver *r) {
  weir_link_receiver_counts counts = r->counts;
  counts.evicted = r->assemblies.evicted;
  return counts;
}
