/* A line that goes dark for an hour, in simulated time: the rooms of both ends, a millisecond at a
 * time, at the line's rate.
 *
 *   dark     what the sender sends is lost
 *   return   from then on everything arrives; the run ends when all is across */
#include "link_load.h"

#include <string.h>

enum { PATIENCE_MS = 120000, STEADY_MS = 2000 };

typedef struct outage {
  const weir_link_load_options *o;
  weir_link_outage_result *result;
  weir_keyring *keys;
  weir_link_sender *sender;
  weir_link_receiver *receiver;
  uint8_t *seen; /* a byte for each crossing */
  uint64_t now_ms, offered, danger_left, left;
  int64_t tokens;
  bool dark;
} outage;

static bool is_danger(const weir_link_load_options *o, uint64_t crossing) {
  return o->danger_every > 0 && crossing % o->danger_every == 0;
}

static void take_record(void *context, const weir_link_event *e) {
  outage *r = context;
  if (e->crossing > r->o->records || r->seen[e->crossing]) return;
  r->seen[e->crossing] = 1;
  r->left--;
  if (is_danger(r->o, e->crossing)) r->danger_left--;
}

static void offer(outage *r) {
  uint64_t due = r->now_ms * r->o->per_second / 1000;
  for (; r->offered < due && r->offered < r->o->records; r->left++) {
    bool danger = is_danger(r->o, ++r->offered);
    r->danger_left += danger;
    r->result->danger += danger;
    r->result->records++;
    (void)weir_link_sender_offer(r->sender, r->offered, 1,
                                 danger ? WEIR_LANE_DANGER : WEIR_LANE_PHONE, r->now_ms);
  }
}

/* One millisecond of the line. */
static void carry(outage *r) {
  static uint8_t record[WEIR_RECORD_BYTES_MAX];
  int64_t each_ms = (int64_t)(r->o->rate_bits / 8000);
  r->tokens = r->tokens + each_ms < 4 * each_ms ? r->tokens + each_ms : 4 * each_ms;
  weir_link_sender_heartbeat(r->sender, r->now_ms, (int64_t)r->now_ms, 0);
  while (r->tokens > 0) {
    uint64_t crossing = 0;
    uint32_t revision = 0;
    bool due = weir_link_sender_due(r->sender, r->now_ms, &crossing, &revision);
    if (due) {
      load_record(record, r->o->record_bytes, crossing, 0);
      weir_bytes view = weir_view(record, r->o->record_bytes);
      (void)weir_link_sender_pack(r->sender, view, r->now_ms, (int64_t)r->now_ms);
    }
    weir_bytes sealed = weir_link_sender_take(r->sender, !due);
    if (sealed.count == 0 && !due) return;
    if (sealed.count == 0) continue;
    r->tokens -= (int64_t)(sealed.count + WEIR_LINK_AROUND_IPV4);
    if (!r->dark) load_arrive(r->receiver, sealed, r->now_ms, r, take_record);
  }
}

static bool open_outage(outage *r) {
  r->keys = load_keys(r->o->key_line);
  r->seen = weir_allocate(r->o->records + 1, 1);
  if (!r->keys || !r->seen) return false;
  weir_link_sender_options sender = {.id = load_stream(),
                                     .keys = r->keys,
                                     .mtu = r->o->mtu,
                                     .capacity = (uint32_t)r->o->records,
                                     .rate = r->o->rate_bits / 8,
                                     .parity = r->o->parity};
  weir_link_receiver_options receiver = {.keys = r->keys};
  return weir_link_sender_open(&sender, &r->sender) == WEIR_OK &&
         weir_link_receiver_open(&receiver, &r->receiver) == WEIR_OK;
}

void weir_link_outage(const weir_link_load_options *o, weir_link_outage_result *result) {
  memset(result, 0, sizeof *result);
  outage r = {.o = o, .result = result};
  bool opened = open_outage(&r);
  uint64_t dark_end_ms = STEADY_MS + o->dark_ms;
  while (opened && r.now_ms < dark_end_ms + PATIENCE_MS) {
    r.now_ms++;
    r.dark = r.now_ms > STEADY_MS && r.now_ms <= dark_end_ms;
    if (r.now_ms <= dark_end_ms) offer(&r);
    carry(&r);
    if (r.now_ms <= dark_end_ms) continue;
    if (r.danger_left == 0 && result->danger_ms == 0) result->danger_ms = r.now_ms - dark_end_ms;
    result->all_ms = r.now_ms - dark_end_ms;
    if (r.left == 0) break;
  }
  result->missing = opened ? r.left : o->records;
  weir_link_sender_close(r.sender);
  weir_link_receiver_close(r.receiver);
  weir_keyring_close(r.keys);
  weir_free(r.seen);
}
