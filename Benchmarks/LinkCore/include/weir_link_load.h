/* weir_link_load: the link by itself, from the sender's room to a counting sink: two processes over
 * UDP, each with a core if the machine has two, no disk. What is sent are records of `record_bytes`
 * that say their crossing number and when they were due.
 *
 *   sender     offers records at a rate or all at once, sends what its schedule says until it is
 *              told that the run is over: the run has that word, not the link
 *   receiver   opens datagrams, checks every record, counts each crossing number once
 *   hook       the receiver loses datagrams by chance, or all of them for a time
 *
 * Cost: a memcpy of the record. Bounded by WEIR_LINK_LOAD_RECORDS_MAX. Kept true by `Benchmarks
 * link`.
 */
#ifndef WEIR_LINK_LOAD_H
#define WEIR_LINK_LOAD_H

#include "weir_load.h"

enum { WEIR_LINK_LOAD_RECORDS_MAX = 16 * 1000 * 1000 };

typedef struct weir_link_load_options {
  const char *key_line;      /* of a key file: EPOCH SUITE HEX */
  const char *address;       /* of the receiver, IPv4 */
  const char *outer, *inner; /* files of network namespaces, or null: this one */
  uint32_t mtu;
  uint64_t rate_bits;             /* on the wire; 0: unlimited */
  uint64_t records, per_second;   /* per second 0: all at once */
  uint32_t record_bytes;          /* 16 at the least */
  uint32_t danger_every;          /* each so-many-th record is danger; 0: none */
  bool plain;                     /* no segmentation offload */
  bool parity;                    /* behind bursts */
  double lost;                    /* share of datagrams that the hook loses, 0 to 1 */
  uint64_t dark_from_ms, dark_ms; /* and when it loses all, from the first offer on */
  uint64_t end_ms;                /* the run is given up then */
} weir_link_load_options;

typedef struct weir_link_load_result {
  uint64_t fresh, repeats, wrong; /* records: first of their number, again, of other content */
  uint64_t copies, datagrams, wire_bytes, given_up; /* sent; bytes as the rate counts them */
  uint64_t received, lost, rejected;                /* datagrams at the receiver */
  uint64_t first_ns, last_ns;        /* from the first offer to the first and last fresh record */
  uint64_t sending_ns, receiving_ns; /* of CPU */
  weir_times danger, others;         /* from when it was due to the sink */
  bool segments_out, segments_in;    /* what the kernel did */
  const char *problem;               /* null: the run was whole */
} weir_link_load_result;

/* One run. It is over when every record is here, or at `end_ms`. */
void weir_link_load_run(const weir_link_load_options *options, weir_link_load_result *result);

/* ---- Without sockets ---- */

typedef struct weir_link_storm_result {
  uint64_t wrong, accepted;                 /* wrong datagrams, and what was taken of them */
  uint64_t good, good_taken;                /* datagrams of the stream beside them */
  uint64_t resident_before, resident_after; /* bytes */
  uint64_t wrong_ns;                        /* that a wrong datagram takes, on average */
} weir_link_storm_result;

/* Forged, replayed, cut short, bit-flipped and old-epoch datagrams, and invented senders, in turn,
 * at ten a millisecond of the receiver's time; between any ten a good one. */
void weir_link_storm(const char *key_line, uint64_t wrong, weir_link_storm_result *result);

typedef struct weir_link_outage_result {
  uint64_t records, danger;
  uint64_t danger_ms, all_ms; /* after the return, until all danger, and everything, is across */
  uint64_t missing;
} weir_link_outage_result;

/* A line of `rate_bits` goes dark for `dark_ms` of simulated time, while `per_second` records of
 * `record_bytes` arise, each `danger_every`-th of them danger, and comes back. */
void weir_link_outage(const weir_link_load_options *options, weir_link_outage_result *result);

typedef struct weir_link_parity_options {
  const char *key_line;
  uint64_t bursts;
  uint32_t datagrams; /* of a burst, 1,024 at the most */
  double lost;        /* share of datagrams */
  uint64_t dark_ms;   /* of darkness, in which the burst begins at some moment */
  bool parity;
} weir_link_parity_options;

typedef struct weir_link_parity_result {
  uint64_t bursts, missing, restored;
  /* Whole after the first sendings, after parity (20 ms) and after the second copies (60 ms). */
  uint64_t whole_once, whole_parity, whole_copy;
  uint64_t bytes_once, bytes_parity, bytes_copy; /* on the wire until then */
  weir_times times;                              /* until a burst is whole */
} weir_link_parity_result;

/* Bursts over a line in simulated time. */
void weir_link_parity(const weir_link_parity_options *options, weir_link_parity_result *result);

#endif
