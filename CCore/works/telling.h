/* telling.h: how a record tells its story: readings, details, receipts, and who may be sent away.
 * Part of internal.h, which includes it. */
#ifndef WEIR_WORKS_TELLING_H
#define WEIR_WORKS_TELLING_H

#include "internal.h"

typedef struct try_record {
  weir_moment now;
  uint32_t day, serial;
  bool drill;
  uint8_t tries;
} try_record;

void record_put_try(weir_buffer *b, const try_record *r);
bool record_get_try(weir_bytes body, try_record *r);
const char *phase_name(unsigned phase);
const char *owner_name(unsigned owner);
const char *action_name(unsigned action);
const char *ground_name(unsigned ground);
const char *voice_name(unsigned voice);
const char *report_name(unsigned report);
const char *report_kind_name(unsigned kind);
const char *lane_name(unsigned lane);
/* Digits as a radio says them (幺两三四五六拐八勾洞), for desks. */
void put_reading(weir_buffer *b, weir_bytes digits);
const char *event_needs(unsigned event);

/* fields.c: `,"key":value` */
void put_word(weir_buffer *b, const char *key, const char *value);
void put_flag(weir_buffer *b, const char *key, bool value);
void put_wall_time(weir_buffer *b, const char *key, int64_t wall_ms);

/* render.c */
/* The matter as its record at `position` says: what crosses, or the whole of it for `get`. A
 * function of the journal alone. False when that could not be read, or does not fit. */
bool render_record(weir_unit *u, weir_position position, bool whole, weir_buffer *b);

/* details.c: parts of a record that tell how it came about */
void put_key_time(weir_buffer *b, const char *key, int64_t wall_ms); /* nothing for 0 */
void put_key_text(weir_buffer *b, const char *key, weir_bytes value, bool *first);
void put_facts(weir_buffer *b, const char *key, uint32_t facts);
/* `key` is written with quotes and colon (`"clause":"`); empty when the decision has none. */
weir_bytes decision_part(weir_bytes decision, const char *key);
/* `"inCall":[…]`: who is in the three-way call now; nothing when nobody is. */
void put_in_call(const weir_state *s, weir_buffer *b);
/* Who took it after talks and why, the three-way call, what it follows, what was told. */
void put_details(weir_unit *u, const weir_state *s, weir_buffer *b);
/* The text that a caller was guided by, and the version of the policy it is from. */
void put_guidance(weir_unit *u, const weir_state *s, bool words, weir_buffer *b);
/* `"dangers":[…]`: every raising and clearing. False when the journal could not be read. */
bool put_dangers(weir_unit *u, weir_position newest, weir_buffer *b);

/* readings.c */
weir_status readings_open(weir_unit *u);
void readings_close(weir_unit *u);
/* What was just appended as a record of a matter, in two parts, will be read soon. */
void readings_keep(weir_unit *u, weir_position position, const weir_bytes parts[2]);
/* Reads the record at `position`; what it borrows stands until the next reading. */
bool read_one(weir_unit *u, weir_position position, matter_record *r);
/* Reads the record at `position` and its line; `line` says whether it has one. */
bool read_with_line(weir_unit *u, weir_position position, matter_record *r, weir_message *m,
                    bool *line);
/* Records of one matter, newest first; the last of them is always the oldest of all. */
typedef struct chain {
  weir_position at[CHAIN_MAX];
  size_t count, left_out; /* left_out: from the middle, where there are too many */
  size_t line_bytes;      /* of all requests met on the way */
} chain;
typedef enum link_kind { LINK_TEXT, LINK_DANGER } link_kind;
/* Follows one kind of link from `newest` to its end, and keeps at most `most` (from 1 on) of the
 * records. False: one could not be read. */
bool find_linked(weir_unit *u, weir_position newest, link_kind kind, size_t most, chain *c);
/* The newest records of a matter, and its intake. False: one could not be read. */
bool find_records(weir_unit *u, weir_position newest, chain *c);

/* receipt.c */
enum { RECEIPT_TRIES_MAX = 5 };
/* May this code confirm the data leg? A refusal, or none: then `revision` is the one it is of. */
unsigned receipt_refusal(weir_unit *u, uint32_t slot, weir_bytes typed, uint32_t *revision);
void receipt_recover(weir_unit *u, const try_record *r);

/* guard.c */
weir_status guard_open(weir_unit *u);
void guard_close(weir_unit *u);
/* A telephone number as a keyed hash; never 0. */
uint64_t guard_caller(const weir_unit *u, weir_bytes phone);
/* A durable record: was its caller sent away by it, or before it by 110? */
void guard_note(weir_unit *u, const matter_record *r);
/* Was this caller sent away twice within 24 h? */
bool guard_is_full(const weir_unit *u, const entry *e, const weir_step *step);

#endif
