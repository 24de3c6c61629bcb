/* weir_hall: the one loop. Sockets, threads, and files in and out around a weir_unit; nothing of
 * what a matter is. This target, CCore, is the one door to Swift.
 *
 *   every turn of the loop: read what came in → weir_unit_turn → hand the next disk job to the
 *   thread pool (one in flight) → send datagrams at the configured rate → write answers → write
 *   the log → sleep until the next due time or the next byte
 *
 *   a client too many   is told `overloaded` with the number to dial, and closed: of all that the
 *                       process may open, files and sockets of the unit's own come first
 *   a stranger          (peer credentials not allowed) is told `notAllowed` and closed
 *   an idle client      is closed after `idle_ms`; a slow one is not read until it reads
 *   link errors         are counted and change nothing
 *   the log fails       its bytes stay in the ring and are tried again each second
 *   the disk fails      see weir_works: everything is said, then run() returns the status
 *   a job hangs         run() returns two seconds after everything else has ended
 *
 * One-way: an inner hall, when its sockets are open, denies itself on all threads connect, sendto,
 * sendmsg, sendmmsg, io_uring and every socket but AF_UNIX (seccomp), and proves it by trying to
 * send; an outer one never reads its link socket.
 *
 * Cost: a few system calls a turn, shared by the batch. Bounded by the unit's limits. Kept true by
 * Benchmarks/Rooms.
 */
#ifndef WEIR_HALL_H
#define WEIR_HALL_H

#include "weir_base.h"
#include "weir_datagrams.h"
#include "weir_frame.h"
#include "weir_journal.h"
#include "weir_link.h"
#include "weir_log.h"
#include "weir_message.h"
#include "weir_os.h"
#include "weir_seal.h"
#include "weir_wheel.h"
#include "weir_works.h"

typedef struct weir_hall weir_hall;

enum { WEIR_HALL_ADDRESSES_MAX = 8 };

/* An IP address as text, IPv4 or IPv6 without brackets, and a port. No names: no DNS here. */
typedef struct weir_address {
  const char *host;
  uint16_t port;
} weir_address;

typedef struct weir_hall_options {
  weir_unit *unit; /* borrowed */
  weir_log *log;   /* borrowed */
  const weir_os *os;
  bool inner;
  const char *intake_socket;   /* path, or null */
  const char *control_socket;  /* path, or null */
  const char *delivery_socket; /* inner: where delivered items are taken; path, or null */
  weir_address intake_tcp;     /* loopback; host null: none */
  const uint32_t *allow;       /* user ids that may connect to the intake socket */
  size_t allow_count;
  uint32_t idle_ms;
  const weir_address *link; /* outer: where to send; inner: where to listen */
  size_t link_count;
  uint64_t rate_bits;   /* outer: bits a second on the link; 0: unlimited */
  const char *log_file; /* path; null: standard output */
} weir_hall_options;

/* Opens every socket; on failure `problem` says in English which one, why, and what to do. */
weir_status weir_hall_open(const weir_hall_options *options, weir_hall **out, char problem[512]);
/* Runs until stopped or failed: the calling thread is the loop thread. OK after a stop; else what
 * failed. */
weir_status weir_hall_run(weir_hall *h);
/* After run has returned: a job hangs in the kernel, and its thread goes on using hall, unit, log
 * and table. None of them may be closed, and the process must leave by _exit: libuv would wait for
 * that thread at an ordinary end. */
bool weir_hall_abandoned(const weir_hall *h);
/* After run has returned and nothing was abandoned. Null accepted. */
void weir_hall_close(weir_hall *h);

/* The port that was really bound (0 was asked for); 0 when there is none. Before run. */
uint16_t weir_hall_tcp_port(const weir_hall *h);

/* -- any thread -- */

void weir_hall_stop(weir_hall *h);
void weir_hall_reopen_log(weir_hall *h);
/* Has a function called on the loop thread, between two turns of the unit; `live` is false when the
 * loop has ended meanwhile and the unit must be left alone. OUT_OF_MEMORY: it is not called. */
weir_status weir_hall_post(weir_hall *h, void (*open)(void *context, bool live), void *context);

#endif
