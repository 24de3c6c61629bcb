/* weir_link: one way, records → datagrams and back. What crosses is the latest revision of a
 * matter under its crossing number; repeats and order do not matter.
 *
 *   datagram     clear header (associated data), ciphertext, tag. Numbers are big endian.
 *      0  1  version, 1
 *      1  1  suite (1 aes-256-gcm, 2 sm4-gcm)
 *      2  2  bytes of ciphertext
 *      4  4  key epoch
 *      8  8  unit, zero padded
 *     16  8  boot epoch
 *     24 16  boot id
 *     40  4  stream
 *     44  8  sequence, from 1, one per datagram of a stream
 *     52  n  ciphertext
 *   52+n 16  tag
 *
 *   plaintext    1 type: 1 data, 2 parity, 3 heartbeat; then
 *   data         4 parity group (0: none) · 1 place in it, then pieces, one behind the other:
 *      0  8  crossing number, from 1
 *      8  4  revision, from 1
 *     12  1  lane (0 danger, 1 phone, 2 internet, 3 later)
 *     13  1  zero
 *     14  8  first sending of this revision, wall ms
 *     22  8  check: weir_hash of the record under the seed "weirlink"
 *     30  4  record bytes
 *     34  2  size of every piece of this record but the last (a whole record: its own size)
 *     36  2  index of this piece
 *     38  n  the piece's bytes
 *   parity       4 group · 1 data datagrams k (1 … 32) · 1 parity datagrams m (1 … 11) · 1 index
 *                below m · 2 shard bytes, then the shard: row k + index of weir_fec.h's code over
 *                the group's k data datagrams, each whole and sealed, with zeros behind it
 *   heartbeat    8 wall ms · 8 boottime ms · 8 highest crossing number sent · 4 open emergencies ·
 *                8 first crossing of the index page (0: none) · 2 entries (0 … 256), then for each
 *                of these consecutive crossings the latest sent revision as LEB128; 0: nothing is
 *                owed, because it was settled or not sent yet. Each beat brings the newest page and
 *                one other in turn, of those that hold an unsettled crossing; a page too long for
 *                a datagram goes on in the next one.
 *
 *   file         of the ferry, or a disc: sealed datagrams of a stream of their own
 *      0  8  "WEIRFIL1"
 *      8     frames, one behind the other: 2 bytes of the datagram · the datagram
 *            then the end: 2 zero · 4 datagrams · 4 CRC32C of all bytes before it
 *
 * There are no verbs: no datagram stops, resets, re-keys or rewinds a receiver. A receiver
 * authenticates first, then parses, and its memory is taken at open.
 *
 *   parity       what leaves first in 10 ms, 8 to 32 datagrams that are not danger's, is a group; a
 *                third as many parity datagrams follow 20 ms after it began. What they give back is
 *                taken as if it had come by itself
 *   schedule     a latest revision is due at 0, 60 ms, 0.3 and 1.2 s, then once a turn until it is
 *                settled or superseded; what leaves first stands at the top of schedule.c
 *
 * Cost: sealing dominates. Bounded by the tables taken at open. Kept true by Benchmarks/Rooms.
 */
#ifndef WEIR_LINK_H
#define WEIR_LINK_H

#include "weir_base.h"
#include "weir_seal.h"

enum {
  WEIR_LINK_HEADER_BYTES = 52,
  WEIR_LINK_PIECE_HEADER_BYTES = 38,
  WEIR_LINK_HEARTBEAT_MS = 250,
  WEIR_LINK_SILENCE_MS = 1000, /* four heartbeats missed: silence */
  WEIR_LINK_TURN_MS = 1000,    /* at the least, see schedule.c */
  WEIR_LINK_DANGER_TURN_MS = 250,
  /* Around a datagram on the wire: UDP 8, IP 20 or 40; Ethernet's header 14, check 4, preamble 8
   * and gap 12. Rates count all of it. */
  WEIR_LINK_AROUND_IPV4 = 8 + 20 + 38,
  WEIR_LINK_AROUND_IPV6 = 8 + 40 + 38,
  WEIR_LINK_ASSEMBLIES = 64,  /* records being put together at once, per receiver */
  WEIR_LINK_SENDERS_MAX = 16, /* outer units one receiver knows */
  WEIR_LINK_LANES = 4,
  WEIR_LINK_PAGE = 256,       /* crossings of one index page */
  WEIR_LINK_PIECES_MAX = 256, /* pieces of one record: a piece but the last has 256 bytes or more */
  WEIR_LINK_PARITY_DATA_MAX = 32, /* datagrams of one parity group, */
  WEIR_LINK_PARITY_MAX = 11,      /* and parity datagrams over them */
  WEIR_LINK_STREAMS_MAX = 4,      /* streams (carriers) of one boot */
  WEIR_LINK_REFUSED_MAX = 32,     /* refused boots of one unit that are remembered */
  /* Unknown streams whose key is derived in one second; further ones count as forged, so that a
   * flood of invented boot ids costs about 3 ms of each second. Known streams never pass here. */
  WEIR_LINK_TRIALS_MAX = 1024
};

enum { WEIR_LANE_DANGER, WEIR_LANE_PHONE, WEIR_LANE_INTERNET, WEIR_LANE_LATER };

/* ---- Sender ---------------------------------------------------------------------------------- */

typedef struct weir_link_sender weir_link_sender;

typedef struct weir_link_sender_options {
  weir_stream_id id;
  const weir_keyring *keys; /* borrowed; the newest epoch seals */
  uint32_t mtu;             /* 576 … 9000: what one IP packet may hold */
  uint32_t capacity;        /* crossings that may be unsettled at once */
  uint64_t rate;            /* bytes a second on the wire, for the turns; 0: unlimited */
  uint64_t turn_ms;         /* files: no spaced copies, and a turn of this length; 0: a line */
  uint64_t now_ms;
  bool parity; /* bursts are followed by parity datagrams: a line */
} weir_link_sender_options;

/* INVALID: the unit's name, the mtu or the capacity is out of its range. */
weir_status weir_link_sender_open(const weir_link_sender_options *options, weir_link_sender **out);
void weir_link_sender_close(weir_link_sender *s);
/* How many bytes a second repeats may take from now on, 0: as many as are due. First sendings are
 * never held back. */
void weir_link_sender_bound_repeats(weir_link_sender *s, uint64_t rate);
/* A latest revision arose and is durable. A higher revision of a known crossing replaces it and
 * begins the schedule anew; a lower or equal one changes nothing. FULL: capacity is spent. */
weir_status weir_link_sender_offer(weir_link_sender *s, uint64_t crossing, uint32_t revision,
                                   uint8_t lane, uint64_t now_ms);
/* A person asked for it: its schedule begins anew. False when the crossing is not unsettled. */
bool weir_link_sender_again(weir_link_sender *s, uint64_t crossing, uint64_t now_ms);
/* Confirmed or expired: it is sent no more. */
void weir_link_sender_settle(weir_link_sender *s, uint64_t crossing);
/* The next record that is due, most urgent first; false when none is. The caller then gives its
 * bytes to weir_link_sender_pack, or calls weir_link_sender_skip. */
bool weir_link_sender_due(weir_link_sender *s, uint64_t now_ms, uint64_t *crossing,
                          uint32_t *revision);
/* Packs one copy of the record that `due` named; several records share a datagram where they fit.
 * AGAIN: nothing is named, since it was settled or superseded meanwhile. FULL: take datagrams, then
 * pack again. TOO_LONG when it is over WEIR_RECORD_BYTES_MAX and INVALID when it is empty: it was
 * skipped, and must be told of. */
weir_status weir_link_sender_pack(weir_link_sender *s, weir_bytes record, uint64_t now_ms,
                                  int64_t wall_ms);
/* Passes over what `due` named until its next time on the schedule; no copy is counted. */
void weir_link_sender_skip(weir_link_sender *s, uint64_t now_ms);
/* Queues a heartbeat when one is due: one datagram, or a few when the index has further pages. */
void weir_link_sender_heartbeat(weir_link_sender *s, uint64_t now_ms, int64_t wall_ms,
                                uint32_t open_danger);
/* Bytes of pieces that were packed and wait to be taken. */
size_t weir_link_sender_packed(const weir_link_sender *s);
/* The next sealed datagram: a heartbeat, then danger, then first sendings of others, parity that is
 * due by the time of the last pack or heartbeat, repeats. Borrowed until the next pack or
 * heartbeat, so that many may be taken and sent together. A half-filled one is sealed too when
 * `flush`, and danger's before any other. count 0: none. */
weir_bytes weir_link_sender_take(weir_link_sender *s, bool flush);
/* Datagrams taken since the last pack or heartbeat, in their order, that the kernel refused: what
 * they hold is no copy, and is taken out of the count and of the time of the last one. The schedule
 * stays as it is. */
void weir_link_sender_refused(weir_link_sender *s, const weir_bytes *datagrams, size_t count);
/* When something may be due next (heartbeat or copy), in the caller's ms. */
uint64_t weir_link_sender_next(const weir_link_sender *s);
typedef struct weir_link_copies {
  uint32_t count;    /* of all revisions */
  uint32_t revision; /* the latest that was offered */
  int64_t first_ms;  /* wall, its first sending; 0: it was not sent yet */
  int64_t last_ms;   /* wall, the last copy of any; 0: none */
} weir_link_copies;

/* Copies of a crossing since open, packed and not refused; false when it is unknown. */
bool weir_link_sender_copies(const weir_link_sender *s, uint64_t crossing,
                             weir_link_copies *copies);
/* Takes up what an earlier run sent, so that the count goes on, and the offered revision keeps the
 * time of its first sending; after the offer. It is sent as if it had just arisen. */
void weir_link_sender_restore_copies(weir_link_sender *s, uint64_t crossing,
                                     const weir_link_copies *copies);

typedef struct weir_link_sender_counts {
  uint64_t datagrams, bytes, records, heartbeats, parity; /* since open */
  uint64_t unsettled;                                     /* now */
  uint64_t highest;                                       /* crossing number sent */
} weir_link_sender_counts;
weir_link_sender_counts weir_link_sender_counted(const weir_link_sender *s);

/* ---- Receiver -------------------------------------------------------------------------------- */

typedef struct weir_link_receiver weir_link_receiver;

typedef struct weir_link_receiver_options {
  const weir_keyring *keys; /* borrowed */
  uint64_t now_ms;
  /* Of files and discs: any boot counts and nothing is a replay, since they may come late, twice
   * and in any order; what they hold is judged by crossing number and revision. */
  bool files;
} weir_link_receiver_options;

typedef enum weir_link_event_kind {
  WEIR_LINK_RECORD, /* a whole record, its check verified */
  WEIR_LINK_HEARTBEAT,
  WEIR_LINK_SILENCE_BEGAN, /* since_ms: when the last good datagram came */
  WEIR_LINK_SILENCE_ENDED,
  WEIR_LINK_BOOT_NEW,  /* a higher boot epoch was taken up, or a unit's first */
  WEIR_LINK_BOOT_LOWER /* a lower boot epoch was refused; a person may admit it. Once per
                          boot id, not once per datagram. */
} weir_link_event_kind;

typedef struct weir_link_event {
  weir_link_event_kind kind;
  char unit[WEIR_UNIT_NAME_MAX + 1];
  uint64_t boot_epoch;
  uint8_t boot_id[16];
  uint64_t crossing; /* RECORD; HEARTBEAT: highest sent */
  uint32_t revision;
  uint8_t lane;
  int64_t sent_ms;       /* RECORD: first sending; HEARTBEAT: the outer wall clock */
  uint64_t sent_boot_ms; /* HEARTBEAT: the outer boottime */
  uint64_t check;
  uint32_t open_danger; /* HEARTBEAT */
  uint64_t since_ms;
  uint32_t key_epoch;
  /* HEARTBEAT: the latest sent revisions of `index_count` crossings from `index_first` on, 0 where
   * nothing is owed; borrowed until the next call. */
  uint64_t index_first;
  uint32_t index_count;
  const uint32_t *index;
  /* HEARTBEAT, of its stream since it was first heard: its own sequence, how many datagrams came,
   * and how many of them behind a later one. */
  uint64_t sequence, received, reordered;
  weir_bytes record; /* RECORD: borrowed until the next call */
} weir_link_event;

typedef struct weir_link_receiver_counts {
  uint64_t datagrams, good, malformed, unknown_key, forged, replayed, lower_boot, bad_check,
      evicted;
  uint64_t records, heartbeats;
  uint64_t restored;         /* of `datagrams`: given back by parity */
  uint64_t no_room;          /* authentic, but a unit or stream more than the tables hold */
} weir_link_receiver_counts; /* datagrams = good + malformed + unknown_key + forged + replayed +
                                lower_boot + no_room */

weir_status weir_link_receiver_open(const weir_link_receiver_options *options,
                                    weir_link_receiver **out);
void weir_link_receiver_close(weir_link_receiver *r);
/* A sender known from the journal, so that a lower boot epoch is recognised after a restart. Told
 * several boots in the order they were taken up, the last is current and the highest epoch stays
 * the bar. INVALID: no unit's name. FULL: one unit too many. */
weir_status weir_link_receiver_know(weir_link_receiver *r, const char *unit, uint64_t boot_epoch,
                                    const uint8_t boot_id[16]);
/* From now on datagrams are taken: whoever is known counts as heard at this moment. */
void weir_link_receiver_begin(weir_link_receiver *r, uint64_t now_ms);
/* A person admits a boot that was refused: it becomes the unit's current one. NOT_FOUND when no
 * such boot was reported as refused. Boots up to the highest epoch that ever was current stay
 * refused, or else recordings of them could push the admitted one aside. */
weir_status weir_link_receiver_admit(weir_link_receiver *r, const char *unit, uint64_t boot_epoch);
/* Takes one datagram; the bytes are decrypted in place. OK; else what was wrong, counted:
 * INVALID, UNKNOWN_KEY, FORGED, REPLAYED, REFUSED (lower boot epoch), FULL (no_room). After each
 * call, whatever it returned, drain weir_link_receiver_next; not doing so traps. */
weir_status weir_link_receiver_take(weir_link_receiver *r, uint8_t *datagram, size_t count,
                                    uint64_t now_ms);
/* Looks for silence. Drain weir_link_receiver_next afterwards. */
void weir_link_receiver_tick(weir_link_receiver *r, uint64_t now_ms);
bool weir_link_receiver_next(weir_link_receiver *r, weir_link_event *event);
weir_link_receiver_counts weir_link_receiver_counted(const weir_link_receiver *r);

/* ---- Files ----------------------------------------------------------------------------------- */

enum { WEIR_LINK_FILE_BEGIN_BYTES = 8, WEIR_LINK_FILE_END_BYTES = 10 };

/* What was written so far: its check goes on over the pieces of a long file. */
typedef struct weir_link_file {
  uint32_t datagrams, check;
} weir_link_file;
void weir_link_file_begin(weir_link_file *f, weir_buffer *into);
void weir_link_file_add(weir_link_file *f, weir_bytes datagram, weir_buffer *into);
void weir_link_file_end(weir_link_file *f, weir_buffer *into);

typedef struct weir_link_file_reader {
  weir_link_file read;
  bool begun;
} weir_link_file_reader;
/* Takes the next datagram off the front of `rest`, borrowed from it. CLOSED: the file ended as it
 * should, and `rest` is what lies behind it. AGAIN: the bytes end before the frame does, nothing
 * was taken. INVALID: this is no such file, or a damaged one. */
weir_status weir_link_file_next(weir_link_file_reader *r, weir_bytes *rest, weir_bytes *datagram);

#endif
