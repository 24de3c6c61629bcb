/* weir_relay: a one-way line between two UDP ports on loopback, which can be cut.
 *
 * Cost: a copy of each datagram. Bounded by one batch. Kept true by `Benchmarks drain`.
 */
#ifndef WEIR_RELAY_H
#define WEIR_RELAY_H

#include <stdbool.h>
#include <stdint.h>

typedef struct weir_relay weir_relay;

/* Null: done; else what went wrong, in English. Listens on a free port of 127.0.0.1. */
const char *weir_relay_open(uint16_t to, weir_relay **relay);
uint16_t weir_relay_port(const weir_relay *relay);
/* Passes on what comes until it is ended. Blocks. */
void weir_relay_run(weir_relay *relay);
/* Any thread: from now on all is lost, or passed on. Loss is in millionths, beside a cut. */
void weir_relay_cut(weir_relay *relay, bool dark);
void weir_relay_lose(weir_relay *relay, uint32_t millionths);
void weir_relay_end(weir_relay *relay);
/* Any thread: datagrams that were passed on, and lost. */
uint64_t weir_relay_passed(const weir_relay *relay);
uint64_t weir_relay_lost(const weir_relay *relay);
/* After `run` has returned. */
void weir_relay_close(weir_relay *relay);

#endif
