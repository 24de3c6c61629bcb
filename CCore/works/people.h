/* people.h: what people do to a unit as a whole: they open a window for drills, they compare the
 * 对账码 of two units, and they change its policy. Part of internal.h, which includes it. */
#ifndef WEIR_WORKS_PEOPLE_H
#define WEIR_WORKS_PEOPLE_H

#include "weir_works.h"

typedef struct connection connection;
typedef struct entry entry;

typedef struct drill_record {
  weir_moment now, until; /* until: none, when the window was closed */
  weir_bytes line;
} drill_record;

typedef struct drill_window {
  weir_moment until;   /* none: it is closed */
  bool other_boot;     /* recovery: its boottime is an earlier boot's */
  char opened_by[129]; /* 32 scalars of four bytes */
} drill_window;

/* Crossing numbers, both ends counted in. */
typedef struct span {
  uint64_t from, to;
} span;

typedef struct confirmed_record {
  weir_moment now;
  span range;
  weir_position offered;  /* the newest record that the link had been given; 0: none */
  bool states;            /* revisions were compared too */
  weir_position position; /* its own; 0: nothing is being confirmed */
  weir_bytes line;
} confirmed_record;

/* A policy that came into force. */
typedef struct policy_record {
  weir_moment now;
  bool forced;
  weir_bytes versions;                   /* JSON array */
  weir_bytes policy, reason, by, second; /* as it was asked; empty for a signal */
} policy_record;

enum { RELOAD_BYTES = 8 * 1024, VERSIONS_MAX = 2048 };
/* The reload that waits for its answer, one at a time. */
typedef struct reloading {
  bool asked, has_connection;
  uint32_t connection;
  uint8_t memory[RELOAD_BYTES]; /* what the views below point into */
  weir_bytes ref, policy, reason, by, second;
  char versions[VERSIONS_MAX]; /* JSON array of what is in force */
  size_t versions_count;
} reloading;

enum { RECONCILE_DIGITS = 8 };
typedef struct reconciliation {
  uint64_t count, drills; /* handovers, and how many of them are drills */
  uint8_t code[RECONCILE_DIGITS], state_code[RECONCILE_DIGITS];
} reconciliation;

/* What an outer unit keeps of a crossing number for ever. */
typedef struct crossed_number {
  uint64_t handover; /* its key, 0: nothing is known */
  int64_t first_ms;  /* of `revision`: its first sending by an earlier run, or when it arose */
  int64_t last_ms;   /* the last copy that was summed up, of any revision */
  uint32_t revision; /* the newest that was given to the link */
  uint32_t copies;   /* that were summed up */
  uint32_t arrived;  /* when its matter did (crossed_arrival), 0: nothing is known */
} crossed_number;

typedef struct reconciling {
  crossed_number *crossed; /* outer: by crossing number; LEDGER_MAX + 1 */
  weir_position offered;   /* its record that was given last; 0: none */
  confirmed_record confirming;
  uint32_t slot;       /* the next one to look at */
  uint8_t words[1024]; /* what each of its matters keeps of the request: who compared */
  size_t words_count;
} reconciling;

void record_put_drill(weir_buffer *b, const drill_record *r); /* all but the line */
bool record_get_drill(weir_bytes body, drill_record *r);
void record_put_confirmed(weir_buffer *b, const confirmed_record *r); /* all but the line */
bool record_get_confirmed(weir_bytes body, confirmed_record *r);

void record_put_policy(weir_buffer *b, const policy_record *r);
bool record_get_policy(weir_bytes body, policy_record *r);

/* Room for the records of one more batch of settled matters, and for what settles them. */
bool has_room_to_settle(const weir_unit *u);

/* reconcile.c */
weir_status reconcile_open(weir_unit *u);
void reconcile_close(weir_unit *u);
/* A state that was taken up: which handover its crossing number belongs to. */
void reconcile_note(weir_unit *u, const weir_state *s);
/* What is kept of a crossing number; null: nothing, on an inner unit or beyond the limit. */
/* The instant at which a matter arrived, shortened: a unit whose folder was restored gives a number
 * a second time, and no two matters under one number arrived at the same ms. Never 0. */
uint32_t crossed_arrival(int64_t arrived_ms);
crossed_number *reconcile_at(const weir_unit *u, uint64_t crossing);
/* Did this matter cross before, under this number? */
bool reconcile_has(const weir_unit *u, const weir_state *s);
/* A revision is given to the link: the record at `position`, in the journal's order. */
void reconcile_offered(weir_unit *u, const struct matter_record *r, weir_position position);
/* Goes on confirming what a person confirmed. */
void reconcile_tick(weir_unit *u);
void reconcile_recover(weir_unit *u, const confirmed_record *r);
/* A person admits a refused boot of an outer unit (`UNIT/EPOCH`). */
void apply_admit(weir_unit *u, connection *c, entry *e);
void apply_digest(weir_unit *u, connection *c, entry *e);

/* reload.c */
void apply_reload(weir_unit *u, connection *c, entry *e);
/* A connection is gone: whatever it waited for is answered to nobody. */
void reload_forget(weir_unit *u, uint32_t connection);
/* `"policy":[…]`: the versions in force. */
void put_policy(const weir_unit *u, weir_buffer *b);

/* story.c */
void apply_trace(weir_unit *u, connection *c, const entry *e);

/* drills.c */
bool drills_are_open(const weir_unit *u);
void drills_recover(weir_unit *u, const drill_record *r);
void drills_tick(weir_unit *u);
/* `"drill":{…}`: the window and the counts of drills. */
void put_drill(const weir_unit *u, weir_buffer *b);
void apply_drill(weir_unit *u, connection *c, entry *e);

#endif
