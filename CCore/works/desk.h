/* desk.h: what a desk does with what was delivered or set aside: the stream of items, and the
 * quarantine. The last part of internal.h, which includes it. */
#ifndef WEIR_WORKS_DESK_H
#define WEIR_WORKS_DESK_H

#include "internal.h"

/* quarantine.c */
void quarantine_add(weir_unit *u, uint64_t serial, weir_position position);
/* A dangerous line that was refused is kept, and a person is told to take it by telephone. */
void quarantine_line(weir_unit *u, weir_bytes line, unsigned refusal);
bool quarantine_recover_release(weir_unit *u, const weir_frame_view *frame);
/* The item of a released one is marked. */
void quarantine_settle(weir_unit *u, uint64_t serial);
/* Each turn: what was released is staged. */
void quarantine_tick(weir_unit *u);
/* Nothing that was released waits for its mark. */
bool quarantine_quiet(const weir_unit *u);
/* How many lie there and were not released. */
uint64_t quarantine_open(const weir_unit *u);
/* `quarantine`: the list, or one by its number; `release`: a person lets one go. */
void apply_quarantine(weir_unit *u, connection *c, const entry *e);
void apply_release(weir_unit *u, connection *c, const entry *e);

/* taking.c */
void taking_begin(weir_unit *u, connection *c, const entry *e);
void apply_taken(weir_unit *u, connection *c, const entry *e);
/* Serves the readers; true: call again soon. */
bool taking_pump(weir_unit *u);
/* Does nothing but the cursors of readers wait for the disk, and not for long yet? */
bool taking_waits(const weir_unit *u);
/* When their patience ends, CLOCK_BOOTTIME ms; UINT64_MAX: none waits. */
uint64_t taking_due_ms(const weir_unit *u);
bool taking_recover(weir_unit *u, weir_bytes body);

#endif
