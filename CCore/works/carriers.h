/* carriers.h: what carries records across, on both sides: the link, the ferry, discs. The last part
 * of internal.h, which includes it. */
#ifndef WEIR_WORKS_CARRIERS_H
#define WEIR_WORKS_CARRIERS_H

#include "internal.h"

/* carry.c */
weir_status carry_open(weir_unit *u);
/* A durable record crosses from now on, or its matter is confirmed and is sent no more. */
void carry_offer(weir_unit *u, const weir_state *state, weir_position position);
/* What was summed up of a crossing is kept, also when its matter has ended. */
void carry_keep(weir_unit *u, uint64_t crossing, const weir_link_copies *copies);
typedef enum packed { PACKED_NONE, PACKED_ONE, PACKED_FULL } packed;
/* What a sender of this unit is opened with; streams tell carriers apart. */
weir_link_sender_options carry_options(const weir_unit *u, uint32_t stream, uint32_t capacity);
/* Packs one record that is due on a carrier. NONE: none is. FULL: take datagrams first. */
packed carry_pack(weir_unit *u, weir_link_sender *sender);
typedef struct carried {
  weir_position position; /* of the newest record that crosses */
  uint32_t revision;
  uint8_t lane;
} carried;
/* What crosses under a number, confirmed and ended ones too. False: the journal holds none. */
bool carry_find(weir_unit *u, uint64_t crossing, carried *found);
/* Puts the datagrams that a sender has ready into a file. */
void carry_drain(weir_link_sender *sender, bool flush, weir_link_file *frames, weir_buffer *file);
/* Copies sent by all carriers, or what is kept of them; false when none is known. */
bool carry_copies(const weir_unit *u, uint64_t crossing, weir_link_copies *copies);
/* A person asked for this crossing: it is sent anew. False: nothing is owed under that number. */
bool carry_again(weir_unit *u, uint64_t crossing);
/* Nothing leaves on the link, and this is alarmed. */
bool carry_stuck(weir_unit *u);
/* Sums up copies once a minute. True: call again soon, more are to be summed up. */
bool carry_tick(weir_unit *u);
/* The same at a stop, until nothing is `tallying`. True: it went on, call again soon. */
bool carry_tally_last(weir_unit *u);

/* files.c, ferry.c, export.c, fetch.c */
weir_status perform_file(weir_job *job, const weir_os *os);
weir_status ferry_open(weir_unit *u);
void ferry_close(weir_unit *u);
bool ferry_take_job(weir_unit *u, weir_job *job);
void ferry_job_done(weir_unit *u, weir_status status);
void export_close(weir_unit *u);
void apply_export(weir_unit *u, connection *c, entry *e);
bool export_take_job(weir_unit *u, weir_job *job);
void export_job_done(weir_unit *u, weir_status status);
void put_export(const weir_unit *u, weir_buffer *b);
weir_status fetch_open(weir_unit *u);
void fetch_close(weir_unit *u);
void fetch_tick(weir_unit *u);
void apply_import(weir_unit *u, connection *c, const entry *e);
bool fetch_take_job(weir_unit *u, weir_job *job);
void fetch_job_done(weir_unit *u, const weir_job *job, weir_status status);
void put_import(const weir_unit *u, weir_buffer *b);

/* resend.c */
void apply_resend(weir_unit *u, connection *c, const entry *e);

#endif
