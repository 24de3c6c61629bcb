/* weir_peer: durable intake into other programs, at the same message and the same window.
 *
 *   redis     XADD into one stream; the window is pipelined on one connection
 *   nats      JetStream: a message with a reply subject, acknowledged when it is stored; pipelined
 *   postgres  a prepared INSERT of one row, its own transaction; a connection for each in flight,
 *             since a connection has one transaction at a time
 *
 * Cost: as the generator of weir_load. Bounded by the window. Kept true by `Benchmarks compare`.
 */
#ifndef WEIR_PEER_H
#define WEIR_PEER_H

#include "weir_load.h"

typedef enum weir_peer_kind { WEIR_PEER_REDIS, WEIR_PEER_NATS, WEIR_PEER_POSTGRES } weir_peer_kind;

typedef struct weir_peer_options {
  weir_peer_kind kind;
  const char *socket; /* a Unix socket's path; null: 127.0.0.1 and the port */
  uint16_t port;
  uint32_t window;
  uint64_t time_ns;
  const char *message; /* its first bytes are made its own by a number of 12 digits */
  size_t message_count;
} weir_peer_options;

enum { WEIR_PEER_WINDOW_MAX = 1024 };

/* Runs to the end. Null: done; else what went wrong, in English. Blocks; one thread. */
const char *weir_peer_run(const weir_peer_options *options, weir_load_result *result);

#endif
