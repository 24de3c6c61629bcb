/* Bursts over a line that loses, in simulated time: when is each whole, and after how many bytes?
 *
 *   burst   records that fill a datagram each leave at once; then what the schedule says, at its
 *           own times, until all of the burst is here
 *   line    loses datagrams by chance; darkness, if any, has the burst begin inside it */
#include "link_load.h"

#include <string.h>

enum { EVERY_MS = 60000, RECORD_BYTES = 1200, BURST_MAX = 1024 };

static const uint64_t looks_ms[] = {0, 20, 21, 22, 23, 60, 300, 1200};
enum { LOOKS = sizeof looks_ms / sizeof looks_ms[0], LOOK_PARITY = 4, LOOK_COPY = 5, TURNS = 40 };

typedef struct trial {
  const weir_link_parity_options *o;
  weir_link_parity_result *result;
  weir_keyring *keys;
  weir_link_sender *sender;
  weir_link_receiver *receiver;
  uint64_t first; /* crossing of the burst */
  uint64_t now_ms, chance, dark_until_ms, bytes;
  uint32_t here;
  bool seen[BURST_MAX];
} trial;

static double below_one(trial *t) {
  t->chance = t->chance * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (double)(t->chance >> 11) * 0x1p-53;
}

static void take_record(void *context, const weir_link_event *e) {
  trial *t = context;
  if (e->crossing < t->first) return;
  uint64_t place = e->crossing - t->first;
  if (place >= t->o->datagrams || t->seen[place]) return;
  t->seen[place] = true;
  t->here++;
}

/* Sends all that is due at this moment. */
static void send_due(trial *t) {
  static uint8_t record[RECORD_BYTES];
  uint64_t crossing = 0;
  uint32_t revision = 0;
  weir_link_sender_heartbeat(t->sender, t->now_ms, 1, 0);
  for (;;) {
    bool due = weir_link_sender_due(t->sender, t->now_ms, &crossing, &revision);
    if (due) {
      load_record(record, sizeof record, crossing, 0);
      (void)weir_link_sender_pack(t->sender, weir_view(record, sizeof record), t->now_ms, 1);
    }
    weir_bytes sealed = weir_link_sender_take(t->sender, true);
    if (sealed.count == 0 && !due) break;
    if (sealed.count <= RECORD_BYTES) continue; /* a heartbeat */
    t->bytes += sealed.count + WEIR_LINK_AROUND_IPV4;
    if (t->now_ms < t->dark_until_ms || below_one(t) < t->o->lost) continue;
    load_arrive(t->receiver, sealed, t->now_ms, t, take_record);
  }
}

static void begin_burst(trial *t, uint64_t number) {
  const uint64_t begun_ms = (number + 1) * EVERY_MS;
  t->first = number * t->o->datagrams + 1;
  t->here = 0;
  t->bytes = 0;
  t->now_ms = begun_ms;
  t->dark_until_ms = begun_ms + (uint64_t)(below_one(t) * (double)t->o->dark_ms);
  memset(t->seen, 0, sizeof t->seen);
  for (uint32_t i = 0; i < t->o->datagrams; i++) {
    (void)weir_link_sender_offer(t->sender, t->first + i, 1, WEIR_LANE_PHONE, begun_ms);
  }
}

static void one_burst(trial *t, uint64_t number) {
  weir_link_parity_result *result = t->result;
  begin_burst(t, number);
  const uint64_t begun_ms = t->now_ms;
  bool whole = false;
  for (unsigned look = 0; look < LOOKS + TURNS && (!whole || look <= LOOK_COPY); look++) {
    uint64_t after =
        look < LOOKS ? looks_ms[look] : looks_ms[LOOKS - 1] + 1000 * (look - LOOKS + 1);
    t->now_ms = begun_ms + after;
    send_due(t);
    if (look == 0) result->bytes_once += t->bytes;
    if (look == LOOK_PARITY) result->bytes_parity += t->bytes;
    if (look == LOOK_COPY) result->bytes_copy += t->bytes;
    if (t->here < t->o->datagrams || whole) continue;
    whole = true;
    result->whole_once += look == 0;
    result->whole_parity += look <= LOOK_PARITY;
    result->whole_copy += look <= LOOK_COPY;
    weir_times_add(&result->times, after * 1000000);
  }
  result->missing += t->o->datagrams - t->here;
  result->bursts++;
  for (uint32_t i = 0; i < t->o->datagrams; i++) {
    weir_link_sender_settle(t->sender, t->first + i);
  }
}

void weir_link_parity(const weir_link_parity_options *o, weir_link_parity_result *result) {
  memset(result, 0, sizeof *result);
  trial t = {.o = o, .result = result, .chance = 42};
  WEIR_ASSERT(o->datagrams <= BURST_MAX);
  t.keys = load_keys(o->key_line);
  weir_link_sender_options sender = {.id = load_stream(),
                                     .keys = t.keys,
                                     .mtu = 1500,
                                     .capacity = o->datagrams,
                                     .parity = o->parity};
  weir_link_receiver_options receiver = {.keys = t.keys};
  bool opened = t.keys && weir_link_sender_open(&sender, &t.sender) == WEIR_OK &&
                weir_link_receiver_open(&receiver, &t.receiver) == WEIR_OK;
  for (uint64_t number = 0; opened && number < o->bursts; number++) one_burst(&t, number);
  if (opened) result->restored = weir_link_receiver_counted(t.receiver).restored;
  weir_link_sender_close(t.sender);
  weir_link_receiver_close(t.receiver);
  weir_keyring_close(t.keys);
}
