/* Who may speak: units, boots and streams.
 *
 * Happy path: a datagram names a unit, boot and stream that are known; the replay window has not
 * seen its sequence; its tag fits; only then is the sequence marked.
 * What can go wrong: the boot or stream is unknown, and might be a new start of the outer unit, an
 * old recording, or nobody's.
 * What we do then: derive the key that such a stream would have and try the tag; only what fits
 * changes a table. A higher boot epoch becomes current. Anything up to the highest epoch that ever
 * was current is refused and reported once. Derivations are limited a second: known streams need
 * none, so that a flood of inventions never holds them up.
 */
#include "boots.h"

#include <string.h>

/* ---- Finding ---- */

static boot_unit *unit_find(weir_boots *b, const char name[WEIR_UNIT_NAME_MAX]) {
  for (size_t i = 0; i < b->count; i++) {
    if (memcmp(b->units[i].name, name, WEIR_UNIT_NAME_MAX) == 0) return &b->units[i];
  }
  return NULL;
}

static bool name_same(const boot_name *a, const boot_name *b) {
  return a->epoch == b->epoch && memcmp(a->id, b->id, sizeof a->id) == 0;
}

static boot_name name_of(const weir_stream_id *id) {
  boot_name name = {.epoch = id->boot_epoch};
  memcpy(name.id, id->boot_id, sizeof name.id);
  return name;
}

static boot_state *boot_find(boot_unit *unit, const boot_name *name) {
  for (size_t i = 0; i < BOOTS_PER_UNIT; i++) {
    if (unit->boots[i].used && name_same(&unit->boots[i].name, name)) return &unit->boots[i];
  }
  return NULL;
}

static boot_stream *stream_find(boot_state *boot, uint32_t stream) {
  for (size_t i = 0; i < WEIR_LINK_STREAMS_MAX; i++) {
    boot_stream *s = &boot->streams[i];
    if (s->sealer != NULL && s->stream == stream) return s;
  }
  return NULL;
}

static boot_stream *stream_free(boot_state *boot) {
  for (size_t i = 0; i < WEIR_LINK_STREAMS_MAX; i++) {
    if (boot->streams[i].sealer == NULL) return &boot->streams[i];
  }
  return NULL;
}

/* ---- Boots coming and going ---- */

static void boot_clear(boot_state *boot) {
  for (size_t i = 0; i < WEIR_LINK_STREAMS_MAX; i++) weir_sealer_close(boot->streams[i].sealer);
  memset(boot, 0, sizeof *boot);
}

/* A place for a boot that is not current: the least recently touched gives way. */
static boot_state *boot_aside(boot_unit *unit) {
  boot_state *best = &unit->boots[1];
  for (size_t i = 2; i < BOOTS_PER_UNIT; i++) {
    if (unit->boots[i].touched < best->touched) best = &unit->boots[i];
  }
  boot_clear(best);
  return best;
}

/* Makes room for a new current boot; the one before keeps its keys and windows aside. */
static boot_state *boot_succeed(boot_unit *unit, const boot_name *name, uint64_t quiet_until_ms) {
  boot_state *current = &unit->boots[0];
  if (current->used) {
    boot_state *aside = boot_aside(unit);
    *aside = *current;
    aside->quiet_until_ms = quiet_until_ms;
  }
  memset(current, 0, sizeof *current);
  current->used = true;
  current->name = *name;
  if (name->epoch > unit->peak) unit->peak = name->epoch;
  return current;
}

static boot_name *refused_find(boot_unit *unit, const boot_name *name) {
  for (size_t i = 0; i < WEIR_LINK_REFUSED_MAX && i < unit->refused_count; i++) {
    if (name_same(&unit->refused[i], name)) return &unit->refused[i];
  }
  return NULL;
}

/* Is this refusal news? Remembers it. */
static bool refused_remember(boot_unit *unit, const boot_state *boot, uint64_t now_ms) {
  if (now_ms < boot->quiet_until_ms) return false;
  if (refused_find(unit, &boot->name) != NULL) return false;
  unit->refused[unit->refused_count % WEIR_LINK_REFUSED_MAX] = boot->name;
  unit->refused_count++;
  return true;
}

/* ---- Authentication ---- */

static weir_status unseal(weir_sealer *sealer, const wire_header *header, uint8_t *datagram) {
  uint8_t *plain = datagram + WEIR_LINK_HEADER_BYTES;
  return weir_sealer_open_datagram(sealer, header->sequence,
                                   weir_view(datagram, WEIR_LINK_HEADER_BYTES), plain,
                                   header->ciphertext_bytes, plain + header->ciphertext_bytes);
}

/* May one more key be derived in this second? */
static bool trial_allowed(weir_boots *b, uint64_t now_ms) {
  if (b->files) return true;
  WEIR_ASSERT(now_ms >= b->trial_second_ms); /* the receiver's clock never goes back */
  if (now_ms - b->trial_second_ms >= 1000) {
    b->trial_second_ms = now_ms;
    b->trials = 0;
  }
  if (b->trials == WEIR_LINK_TRIALS_MAX) return false;
  b->trials++;
  return true;
}

/* Derives the key that the datagram's stream would have and tries it: OK gives the sealer. */
static weir_status trial(weir_boots *b, const wire_header *header, uint8_t *datagram,
                         uint64_t now_ms, weir_sealer **out) {
  if (!trial_allowed(b, now_ms)) return WEIR_FORGED;
  weir_sealer *sealer = NULL;
  weir_status status = weir_sealer_open(b->keys, header->key_epoch, &header->id, &sealer);
  if (status != WEIR_OK) return WEIR_FULL; /* the epoch is known: there was no memory */
  status = unseal(sealer, header, datagram);
  if (status == WEIR_OK)
    *out = sealer;
  else
    weir_sealer_close(sealer);
  return status;
}

/* Gives an authentic stream its place in a boot; null when the boot has its full number. The
 * window of a stream that goes over to another key epoch stays: its sequences go on. */
static boot_stream *stream_adopt(boot_state *boot, const wire_header *header, weir_sealer *sealer) {
  boot_stream *stream = stream_find(boot, header->id.stream);
  if (stream == NULL) stream = stream_free(boot);
  if (stream == NULL) return NULL;
  weir_sealer_close(stream->sealer);
  stream->sealer = sealer;
  stream->stream = header->id.stream;
  stream->key_epoch = header->key_epoch;
  return stream;
}

/* An authentic datagram came on this stream, or was given back. */
static void stream_heard(boot_stream *stream, uint64_t sequence, bool restored) {
  if (!restored) stream->received++;
  if (!restored && sequence < stream->replay.highest) stream->reordered++;
  bool marked = weir_replay_mark(&stream->replay, sequence);
  WEIR_ASSERT(marked || WEIR_CANARY(ACCEPT_REPLAY));
}

/* Gives an authentic boot its place: current, or aside. Null when there are too many units. */
static boot_state *boot_adopt(weir_boots *b, const wire_header *header, uint64_t now_ms,
                              boot_verdict *verdict) {
  boot_name name = name_of(&header->id);
  if (verdict->unit == NULL) {
    if (b->count == WEIR_LINK_SENDERS_MAX) return NULL;
    verdict->unit = &b->units[b->count++];
    memcpy(verdict->unit->name, header->id.unit, WEIR_UNIT_NAME_MAX);
    verdict->unit->heard_ms = now_ms;
  }
  boot_unit *unit = verdict->unit;
  if (!unit->boots[0].used || name.epoch > unit->peak) {
    verdict->taken_up = true;
    return boot_succeed(unit, &name, now_ms + WEIR_LINK_SILENCE_MS);
  }
  boot_state *aside = boot_aside(unit);
  aside->used = true;
  aside->name = name;
  return aside;
}

/* A datagram of a stream without a key: authenticate it, and only then take the stream up. */
static weir_status unseal_unknown(weir_boots *b, const wire_header *header, uint8_t *datagram,
                                  uint64_t now_ms, boot_state **known, boot_stream **out,
                                  boot_verdict *verdict) {
  weir_sealer *sealer = NULL;
  weir_status status = trial(b, header, datagram, now_ms, &sealer);
  if (status != WEIR_OK) return status;
  if (*known == NULL) *known = boot_adopt(b, header, now_ms, verdict);
  boot_stream *stream = *known == NULL ? NULL : stream_adopt(*known, header, sealer);
  if (stream == NULL) {
    weir_sealer_close(sealer);
    return WEIR_FULL;
  }
  *out = stream;
  return WEIR_OK;
}

weir_status weir_boots_unseal(weir_boots *b, const wire_header *header, uint8_t *datagram,
                              uint64_t now_ms, boot_verdict *verdict) {
  *verdict = (boot_verdict){.restored = verdict->restored};
  weir_suite suite = weir_keyring_suite(b->keys, header->key_epoch);
  if (suite == 0) return WEIR_UNKNOWN_KEY;
  if (suite != (weir_suite)header->suite) return WEIR_FORGED; /* no tag fits another cipher's */
  verdict->unit = unit_find(b, header->id.unit);
  boot_name name = name_of(&header->id);
  boot_state *boot = verdict->unit == NULL ? NULL : boot_find(verdict->unit, &name);
  boot_stream *stream = boot == NULL ? NULL : stream_find(boot, header->id.stream);
  if (!b->files && stream != NULL && !weir_replay_fresh(&stream->replay, header->sequence) &&
      !WEIR_CANARY(ACCEPT_REPLAY)) {
    return WEIR_REPLAYED;
  }
  weir_status status;
  if (stream != NULL && stream->key_epoch == header->key_epoch) {
    status = unseal(stream->sealer, header, datagram);
  } else {
    status = unseal_unknown(b, header, datagram, now_ms, &boot, &stream, verdict);
  }
  if (status != WEIR_OK) return status;
  if (!b->files) stream_heard(stream, header->sequence, verdict->restored);
  verdict->stream = stream;
  verdict->boot = boot;
  boot->touched = ++b->touches;
  if (b->files || boot == &verdict->unit->boots[0]) return WEIR_OK;
  verdict->reported = refused_remember(verdict->unit, boot, now_ms);
  return WEIR_REFUSED;
}

/* ---- What people and the journal say ---- */

static bool unit_named(const char *unit, char padded[WEIR_UNIT_NAME_MAX]) {
  size_t count = strnlen(unit, WEIR_UNIT_NAME_MAX + 1);
  if (count > WEIR_UNIT_NAME_MAX) return false;
  memset(padded, 0, WEIR_UNIT_NAME_MAX);
  memcpy(padded, unit, count);
  return weir_wire_unit(padded);
}

weir_status weir_boots_know(weir_boots *b, const char *unit, const boot_name *name,
                            uint64_t now_ms) {
  char padded[WEIR_UNIT_NAME_MAX];
  if (!unit_named(unit, padded)) return WEIR_INVALID;
  boot_unit *known = unit_find(b, padded);
  if (known == NULL) {
    if (b->count == WEIR_LINK_SENDERS_MAX) return WEIR_FULL;
    known = &b->units[b->count++];
    memcpy(known->name, padded, sizeof padded);
    known->heard_ms = now_ms;
  }
  if (known->boots[0].used && name_same(&known->boots[0].name, name)) return WEIR_OK;
  (void)boot_succeed(known, name, 0);
  return WEIR_OK;
}

weir_status weir_boots_admit(weir_boots *b, const char *unit, uint64_t epoch) {
  char padded[WEIR_UNIT_NAME_MAX];
  if (!unit_named(unit, padded)) return WEIR_NOT_FOUND;
  boot_unit *known = unit_find(b, padded);
  if (known == NULL) return WEIR_NOT_FOUND;
  boot_name *refused = NULL; /* the last one reported, should two share the epoch */
  size_t first = known->refused_count > WEIR_LINK_REFUSED_MAX
                     ? known->refused_count - WEIR_LINK_REFUSED_MAX
                     : 0;
  for (size_t i = first; i < known->refused_count; i++) {
    boot_name *name = &known->refused[i % WEIR_LINK_REFUSED_MAX];
    if (name->epoch == epoch) refused = name;
  }
  if (refused == NULL) return WEIR_NOT_FOUND;
  boot_name name = *refused;
  memset(refused, 0, sizeof *refused); /* should it be refused again, that is news again */
  boot_state *aside = boot_find(known, &name);
  if (aside == NULL) {
    (void)boot_succeed(known, &name, 0);
    return WEIR_OK;
  }
  WEIR_ASSERT(aside != &known->boots[0]);
  boot_state before = known->boots[0];
  known->boots[0] = *aside;
  known->boots[0].quiet_until_ms = 0;
  *aside = before;
  aside->quiet_until_ms = 0;
  return WEIR_OK;
}

void weir_boots_close(weir_boots *b) {
  for (size_t i = 0; i < b->count; i++) {
    for (size_t k = 0; k < BOOTS_PER_UNIT; k++) boot_clear(&b->units[i].boots[k]);
  }
}
