/* Who sends: units, their boots, the streams of each boot, and what was refused. */
#ifndef WEIR_LINK_BOOTS_H
#define WEIR_LINK_BOOTS_H

#include "wire.h"

typedef struct boot_stream {
  weir_sealer *sealer; /* null: free */
  uint32_t stream;
  uint32_t key_epoch;
  weir_replay replay;
  uint64_t received;
  uint64_t reordered; /* of these, behind a later one */
} boot_stream;

typedef struct boot_name {
  uint64_t epoch;
  uint8_t id[16];
} boot_name;

typedef struct boot_state {
  bool used;
  boot_name name;
  /* Until then its late datagrams are refused without a word: it was current a moment ago, and
   * the network may still hold some. */
  uint64_t quiet_until_ms;
  uint64_t touched;
  boot_stream streams[WEIR_LINK_STREAMS_MAX];
} boot_state;

enum { BOOTS_PER_UNIT = 3 }; /* the current one and two that are refused */

typedef struct boot_unit {
  char name[WEIR_UNIT_NAME_MAX];
  boot_state boots[BOOTS_PER_UNIT];         /* [0] is current */
  uint64_t peak;                            /* the highest epoch that ever was current: the bar */
  boot_name refused[WEIR_LINK_REFUSED_MAX]; /* reported, the oldest overwritten */
  size_t refused_count;                     /* ever */
  uint64_t heard_ms;                        /* when the last good datagram came */
  bool silent;
} boot_unit;

typedef struct weir_boots {
  const weir_keyring *keys;
  bool files; /* any boot counts, nothing is a replay, and keys are derived as often as needed */
  boot_unit units[WEIR_LINK_SENDERS_MAX];
  size_t count;
  uint64_t touches;
  uint64_t trial_second_ms; /* when the second that is being counted began */
  uint32_t trials;          /* keys derived in it */
} weir_boots;

typedef struct boot_verdict {
  bool restored;             /* asked for: parity gave it back, so its order says nothing */
  boot_state *boot;          /* OK: whose it is */
  boot_unit *unit;           /* null when the datagram is from nobody we know */
  const boot_stream *stream; /* OK: what it came on */
  bool taken_up;             /* a new boot became current */
  bool reported;             /* a refused boot is to be told of */
} boot_verdict;

void weir_boots_close(weir_boots *b);
/* Authenticates and decrypts a datagram in place. OK: of the current boot, and new. FORGED,
 * REPLAYED, REFUSED (another boot, authentic), UNKNOWN_KEY, FULL (authentic, no room). */
weir_status weir_boots_unseal(weir_boots *b, const wire_header *header, uint8_t *datagram,
                              uint64_t now_ms, boot_verdict *verdict);
weir_status weir_boots_know(weir_boots *b, const char *unit, const boot_name *name,
                            uint64_t now_ms);
weir_status weir_boots_admit(weir_boots *b, const char *unit, uint64_t epoch);

#endif
