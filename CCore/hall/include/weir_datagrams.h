/* weir_datagrams: many datagrams in one system call, over sockets that the caller opened.
 *
 *   segments   the kernel cuts one long send into equal datagrams (UDP_SEGMENT) and hands over runs
 *              of equal ones in one piece (UDP_GRO)
 *   batches    sendmmsg and recvmmsg, a datagram a message
 *   plain      one system call for each datagram
 *
 * Happy path: a run of equal datagrams, the last perhaps shorter, becomes one message.
 * What can go wrong: the kernel or the device cannot cut; the socket has no room; the network is
 * not there.
 * What we do then: fall back to batches for good, or to plain; say how many went; count what was
 * given up: copies and turns make up for it.
 *
 * Cost: with segments some 0.1 µs a datagram, 1 µs without. Bounded by the kernel. Kept true by
 * `Benchmarks link`.
 */
#ifndef WEIR_DATAGRAMS_H
#define WEIR_DATAGRAMS_H

#include "weir_base.h"

#include <sys/socket.h>

typedef enum weir_offload {
  WEIR_OFFLOAD_PLAIN,
  WEIR_OFFLOAD_BATCHES,
  WEIR_OFFLOAD_SEGMENTS
} weir_offload;

enum { WEIR_DATAGRAMS_MAX = 128 }; /* in one call */

const char *weir_offload_name(weir_offload offload);

/* The most that the kernel does for sending on this UDP socket. */
weir_offload weir_offload_for_sending(int fd);
/* Asks for runs in one piece on a receiving socket; what will be used. */
weir_offload weir_offload_for_receiving(int fd);

typedef struct weir_outlet {
  int fd;                     /* unconnected */
  struct sockaddr_storage to; /* where to send */
  socklen_t to_bytes;
  weir_offload offload; /* falls back by itself */
  size_t burst_bytes;   /* of one message on the wire; 0: as much as fits */
  size_t around_bytes;  /* on the wire around each datagram */
  uint64_t given_up;    /* datagrams that the kernel refused */
  int error;            /* errno of the last that was given up, or for which there was no room */
} weir_outlet;

/* Sends datagrams in their order, WEIR_DATAGRAMS_MAX at the most: how many are done with, sent or
 * given up; less than `count` when the socket has no room for more. `refused` counts one up for
 * each that was given up; null: nobody asks. */
size_t weir_outlet_send(weir_outlet *outlet, const weir_bytes *datagrams, size_t count,
                        uint8_t *refused);

typedef struct weir_inlet weir_inlet; /* buffers for one receiving socket after another */

weir_status weir_inlet_open(weir_inlet **out);
void weir_inlet_close(weir_inlet *inlet); /* null accepted */
/* Receives what is there, at most a few messages, and gives each datagram to `take`, which may
 * write into it; how many datagrams there were. 0: nothing waits. */
size_t weir_inlet_receive(weir_inlet *inlet, int fd, void *context,
                          void (*take)(void *context, uint8_t *datagram, size_t count));

#endif
