/* The inside of weir_works: what its files share. Nothing here is for anybody else. */
#ifndef WEIR_WORKS_INTERNAL_H
#define WEIR_WORKS_INTERNAL_H

#include "ferry.h"
#include "inner.h"
#include "jobs.h"
#include "lines.h"
#include "people.h"
#include "recover.h"
#include "tables.h"
#include "weir_frame.h"
#include "weir_link.h"
#include "weir_message.h"
#include "weir_wheel.h"
#include "weir_works.h"

/* ---- Limits ------------------------------------------------------------------------------- */

enum {
  TEXTS_MAX = 32768,
  TEXT_BYTES_MAX = 8 * 1024 * 1024,
  TEXT_MAX = 16 * 1024, /* one text: an answer holds three of them */
  HANDOVER_TEXT_MAX = WEIR_HANDOVER_BYTES,
  /* What one answer may take: a whole record for `get`, and its frame. */
  ANSWER_BYTES_MAX = WEIR_RECORD_BYTES_MAX + 8192,
  OUTPUT_BYTES = 2 * 1024 * 1024,
  OUTPUT_HIGH = OUTPUT_BYTES - 2 * ANSWER_BYTES_MAX,
  MARKS = 8192,          /* answers of one connection that wait for a sync */
  EFFECTS = 65536,       /* changes that wait for a sync */
  EFFECT_RECORDS = 1024, /* the newest of them, whose records are kept in memory */
  UPDATES_MAX = 32,      /* updates of one matter: its record is built from all of them */
  CHAIN_MAX = 512,       /* records of one matter that its history walks back */
  RETRY_AFTER_MS = 250,
  TIME_AHEAD_MS = 2000,
  CARRIER_LOST_MS = 5000, /* after a failed sending the carrier counts as lost for so long */
  TALLY_MS = 60000,
  FAIL_GRACE_MS = 2000,
  LAST_WORDS_BYTES = 1024 * 1024,
  REPORT_KINDS = 3,
  EXPIRED_SHOWN = 64
};

_Static_assert((int)MARKS <= (int)WEIR_INFLIGHT_MAX, "a connection cannot wait for more than all");

/* ---- WeirModel's numbers, as far as the works look at them ---------------------------------- */

enum {
  FLAG_EMERGENCY = 1 << 0,
  FLAG_DRILL = 1 << 1,
  FLAG_CONFIDENTIAL = 1 << 2,
  FLAG_SUPERVISION = 1 << 3,
  FLAG_REDIALLED = 1 << 4,
  FLAG_LATE = 1 << 5,
  FLAG_UNATTENDED = 1 << 6,
  FLAG_CLOCK_UNCERTAIN = 1 << 7,
  FLAG_CALLER_GONE = 1 << 8,
  FLAG_ON_BEHALF = 1 << 9,
  FLAG_CROSSES = 1 << 10,
  FLAG_DANGER_CLEARED = 1 << 11,
  FLAG_UNDECIDED = 1 << 12,
  FLAG_GUARDED = 1 << 13,
  FLAG_BECAME_12345 = 1 << 20 /* the core's own: 12345's, and not submitted by it */
};
enum { OWNER_110 = 1, OWNER_12345 = 2, OWNER_NEITHER = 3, OWNER_UNCLEAR = 4 };
enum { ACTION_EXPLAIN_AND_GUIDE = 6, ACTION_THREE_WAY_CALL = 7, ACTION_DISPATCH_FIRST = 10 };
enum {
  PHASE_ACCEPTED = 1,
  PHASE_TALKING = 7,
  PHASE_DISPATCHED_FIRST = 8,
  PHASE_VERIFYING = 9,
  PHASE_GUIDED = 10,
  PHASE_REDIAL_ADVISED = 11
};
enum { VOICE_NONE, VOICE_DUE, VOICE_RINGING, VOICE_ANSWERED, VOICE_FAILED };
enum { DATA_NONE, DATA_QUEUED, DATA_CONFIRMED, DATA_EXPIRED };
enum { REPORT_NONE, REPORT_DUE, REPORT_RAISED, REPORT_ACKNOWLEDGED };
enum { KIND_NONE, KIND_CANNOT_TRANSFER, KIND_LATE };
enum {
  DEADLINE_NONE,
  DEADLINE_FIRST_PRE_ALARM,
  DEADLINE_SECOND_PRE_ALARM,
  DEADLINE_MINUTE,
  DEADLINE_TALK,
  DEADLINE_REMINDER,
  DEADLINE_CLOSING
};

/* ---- Journal records ----------------------------------------------------------------------- */

enum {
  RECORD_START = 1,        /* a start of the unit: clocks, boot ids, boot epoch */
  RECORD_TEXT = 2,         /* an interned text */
  RECORD_MATTER = 3,       /* a change of a handover: the state after, and the line */
  RECORD_QUARANTINE = 4,   /* a dangerous line that was refused */
  RECORD_TALLY = 5,        /* copies sent, summed up */
  RECORD_ACKNOWLEDGED = 6, /* a report was acknowledged */
  RECORD_STOP = 7,         /* a clean stop */
  RECORD_MARK = 8,         /* inner: items are staged and may be delivered */
  RECORD_BOOT = 9,         /* inner: a boot of an outer unit was taken up or admitted */
  RECORD_DRILL = 10,       /* the drill window was opened or closed */
  RECORD_TAKEN = 11,       /* inner: the reader of the delivery stream has all up to a cursor */
  RECORD_RELEASE = 12,     /* a person let something out of quarantine */
  RECORD_TRY = 15,         /* a wrong receipt code was typed */
  RECORD_POLICY = 17,      /* another policy came into force */
  RECORD_CONFIRMED = 16    /* outer: people compared the 对账码 of a range */
};

typedef struct matter_record {
  uint8_t step_kind, event;
  uint16_t effects, step_flags;
  weir_moment now;
  weir_position previous, previous_body, previous_danger;
  weir_state state;
  weir_bytes line; /* empty for deadlines */
} matter_record;

typedef struct reading reading; /* readings.c */

typedef struct acknowledged_record {
  weir_moment now;
  uint32_t number, settled; /* the report; its matters that this settled */
  weir_bytes line;
} acknowledged_record;

/* An earlier request with a certain ref: a change, or the acknowledging of a report. */
typedef struct earlier_request {
  bool acknowledged;
  matter_record change;
  acknowledged_record settling;
  weir_message message;
  uint64_t serial;
} earlier_request;

enum { ROLE_UNKNOWN, ROLE_OUTER, ROLE_INNER }; /* unknown: an earlier program wrote it */

typedef struct start_record {
  weir_moment now;
  uint64_t boot_epoch;
  uint8_t kernel_boot[16];
  uint8_t link_boot[16];
  weir_bytes version;
  uint8_t role;
} start_record;

void record_put_matter(weir_buffer *b, const matter_record *r); /* all but the line */
bool record_get_matter(weir_bytes body, matter_record *r);
void record_put_acknowledged(weir_buffer *b, const acknowledged_record *r); /* all but the line */
bool record_get_acknowledged(weir_bytes body, acknowledged_record *r);
/* One entry of a tally: what was sent of a crossing. */
void record_put_copies(weir_buffer *b, uint64_t crossing, const weir_link_copies *copies);
bool record_get_copies(weir_reader *in, uint64_t *crossing, weir_link_copies *copies);
void record_put_start(weir_buffer *b, const start_record *r);
bool record_get_start(weir_bytes body, start_record *r);

/* ---- Names ---------------------------------------------------------------------------------- */

typedef struct handover_text {
  char at[HANDOVER_TEXT_MAX];
  size_t count;
} handover_text;
handover_text handover_write(const char *unit, uint32_t day, uint32_t serial, bool drill);
static inline weir_bytes handover_view(const handover_text *t) {
  return weir_view(t->at, t->count);
}
/* Reads a whole number of this unit, or a spoken one (`417-6`, `Y417-6`) of `today`; full-width
 * forms and spaces are forgiven. INVALID; REFUSED where a spoken one's check digit does not fit. */
weir_status handover_read(const char *unit, uint32_t today, weir_bytes text, uint64_t *key);
/* Drills have serials of their own: bit 63 keeps their keys apart. */
static inline uint64_t handover_key(uint32_t day, uint32_t serial, bool drill) {
  return ((uint64_t)drill << 63) | ((uint64_t)day << 32) | serial;
}
static inline uint64_t state_key(const weir_state *s) {
  return handover_key(s->day, s->serial, s->flags & FLAG_DRILL);
}
/* `417-6`; `Y417-6` for a drill. */
void put_spoken(weir_buffer *b, uint32_t serial, bool drill);
void put_report_id(weir_buffer *b, const char *unit, uint32_t number);
bool report_id_read(const char *unit, weir_bytes text, uint32_t *number);

/* ---- Handovers that are open ---- */

typedef struct matter {
  weir_state state;
  weir_position last, body; /* its last record, and the last one that holds text */
  weir_position danger;     /* the last one about danger, 0: none */
  weir_position offered;    /* the durable record that crosses the link; 0: none */
  uint32_t offered_revision;
  uint32_t crossing_revision;       /* the newest that has to cross, durable or not yet */
  uint32_t first_crossing_revision; /* 0: none crossed yet */
  uint32_t next_free;
  bool used, reopened;  /* reopened: only looked at, nothing changed yet */
  bool clock_uncertain; /* its minute could not be measured across a reboot: it fires at once */
  bool other_boot;      /* recovery: its deadline's boottime is an earlier boot's */
  bool uncounted;       /* it was opened again: `updates` says nothing until they are counted */
  uint16_t updates;
} matter;

enum { NO_SLOT = UINT32_MAX };
/* A value of the index `handovers`: a slot (bit 63) or the position of the last record. */
#define SLOT_BIT (UINT64_C(1) << 63)

/* ---- The unit ---- */

typedef struct weir_counters {
  uint64_t intakes, updates, events, deadlines, refused, quarantined, overloaded, duplicates;
  uint64_t late, reports, send_failed, delivered, superseded, repeats, conflicts, rejected;
  uint64_t guarded, receipts_locked;
  uint64_t drill_intakes, drill_late, drill_reports; /* of drills, which count nowhere else */
  uint64_t redialled, alarms, escalated, released, resent;
  uint64_t ferry_files, ferry_failed, bad_files, expired;
} weir_counters;

/* How long the loop's turns take. */
typedef struct turn_times {
  uint64_t minute_ms;             /* when this minute began; 0: no turn was counted yet */
  uint64_t longest_us, before_us; /* the longest turn of this minute, and of the one before */
  uint64_t slow;                  /* turns over TURN_SLOW_US since the start */
} turn_times;

struct weir_unit {
  weir_unit_options options;
  char name[WEIR_UNIT_NAME_MAX + 1];
  const weir_os *os;
  weir_log *log;
  weir_journal *journal;
  weir_texts *texts;
  uint32_t refusal_dial, refusal_say;
  uint32_t drill_dial, drill_say; /* what a refused drill is told */
  bool begun, stopping, stop_recorded, failing, failed_spoken, job_in_flight;
  bool journal_went_last; /* so that a busy journal does not keep delivery waiting */
  weir_status failure;
  weir_moment now;        /* of this turn */
  uint64_t boot_ms_above; /* its boottime rounded up: a span that begins now never ends early */
  weir_moment started;
  weir_moment failed_at;
  start_record start;
  recovery recovered; /* as far as this start read */
  uint64_t hash_seed;

  /* handovers */
  matter *matters;
  uint32_t free_slot, slots_used, matter_count; /* slots_used: how many were ever taken */
  weir_index handovers;                         /* key → slot or last position */
  weir_index crossings;                         /* crossing number → slot */
  weir_index refs[2];                           /* hash of ref → position, two generations */
  unsigned ref_generation;
  weir_position ref_first[2]; /* of each generation, 0: it is empty */
  weir_index guard[2];        /* hash of a caller → when sent away (wall ms), two generations */
  unsigned guard_generation;
  weir_wheel *wheel;
  uint32_t day, day_serial;         /* the last number given */
  uint32_t drill_day, drill_serial; /* the last one of a drill */
  uint64_t crossing_highest;
  uint32_t report_highest;
  uint32_t report_open[2][REPORT_KINDS]; /* by kind: of real matters, of drills */
  uint64_t open_emergencies, data_open;  /* of real matters; of drills: */
  uint64_t drill_emergencies, drill_matters;

  drill_window drill;
  reconciling digest;
  reloading reload;
  uint64_t carrier_failed_ms; /* the last time that the carrier refused a datagram; 0: never */
  uint64_t stuck_since_ms;    /* nothing leaves on the link since then; 0: something does */
  char stuck_why[64];
  int64_t last_proof_ms; /* when a person last confirmed that something is across; 0: never */
  turn_times turns;

  /* connections and the batch */
  connection *connections;
  uint32_t connection_count, round;
  uint32_t connection_end; /* no place from here on is used */
  uint32_t watching_count;
  entry *entries;
  weir_step *steps;
  size_t entry_count, step_count;
  size_t batch_bytes;
  batch_changes changes;
  uint8_t *scratch; /* WEIR_BATCH_MAX × WEIR_MESSAGE_SCRATCH */

  /* what waits for the sync */
  effect *effects; /* a ring */
  matter_record *effect_records;
  uint64_t effect_added, effect_released; /* ever */

  /* memory for rendering and reading back */
  uint8_t *read_memory[2], *render_memory, *body_memory, *record_scratch;
  reading *readings;

  /* link, outer */
  weir_link_sender *sender;
  uint64_t tally_ms;
  uint64_t keys_look_ms;
  unsigned keys_stage; /* which warning of the key's end stands; 0: none */
  bool tally_needed;   /* a copy went since copies were last summed up */
  bool tallying, tallied_last;
  uint32_t tally_slot; /* the next one to look at */

  /* link and delivery, inner */
  weir_link_receiver *receiver;
  ledger ledgers[WEIR_LINK_SENDERS_MAX];
  boots_kept boots[WEIR_LINK_SENDERS_MAX];
  stage *stages[2];
  unsigned gathering;
  uint8_t delivery;
  uint64_t delivery_retry_ms; /* not before, after a failure; 0: it did not fail */
  outbox outbox;
  uint64_t mark_serial;
  size_t marked; /* items of the stage on its way that are in the journal */
  directory_way directory;
  const weir_delivery *ways[WAYS_MAX];
  size_t way_count;
  uint64_t marked_names[MARKED_NAMES]; /* at recovery: hashes of the newest marks' names */
  uint64_t marked_count;
  uint64_t item_serial, taken_serial; /* newest durable mark; what the stream's reader has */
  uint64_t taken_record;              /* the serial of the record that says so */
  uint64_t taken_since_ms;            /* such records wait for the disk since then; 0: none does */
  uint64_t pressing_record;           /* the newest record of any other kind */
  held quarantine[QUARANTINE_MAX];
  uint64_t quarantine_count; /* ever; the oldest give way */
  alarm alarms[ALARMS_MAX];
  uint64_t alarm_highest;
  uint32_t conflict_count; /* ever; nothing asks for it, but snapshots have a place for it */
  bool alarms_recovered;
  uint64_t rejects_logged, rejects_logged_ms, rejects_watched_ms;
  reject_watch unknown_keys, forgeries;
  uint64_t expired[EXPIRED_SHOWN]; /* handovers whose crossing nobody confirmed in time */

  ferry ferry;
  export_run export;
  fetch fetch;
  weir_job job, file_job;
  bool file_job_in_flight;
  closing closing;
  uint64_t batches_begun, batches_ended; /* of delivery */
  uint8_t *last_words;
  weir_job words_jobs[WORDS_PLACES];
  unsigned words_taken, words_done; /* of them */
  size_t last_words_count;
  weir_counters counters;
};

/* clocks.c */
void unit_look_at_clocks(weir_unit *u);
uint64_t unit_longest_turn_us(const weir_unit *u); /* of the last one to two minutes */

/* matters.c */
/* The number of the open report about a matter's fault; 0 there: none is open. */
static inline uint32_t *report_open_of(weir_unit *u, const weir_state *s) {
  return &u->report_open[(s->flags & FLAG_DRILL) != 0][s->report_kind];
}
/* Report `number` is acknowledged. */
void report_close(weir_unit *u, uint32_t number);
weir_status matters_open(weir_unit *u);
void matters_close(weir_unit *u);
/* Between the two a start, or a shadow of one, takes up what the journal knows. */
void matters_load(weir_unit *u);
void matters_loaded(weir_unit *u);
uint32_t matter_take(weir_unit *u); /* NO_SLOT when the limit is reached */
void matter_release(weir_unit *u, uint32_t slot);
/* The slot of a handover, read back from the journal when it had ended; NO_SLOT: unknown. */
uint32_t matter_find(weir_unit *u, uint64_t key);
/* Takes up the state after a record: index, deadline, crossing. `position` is the record's. */
void matter_settle(weir_unit *u, uint32_t slot, const matter_record *r, weir_position position);
/* Takes up a matter as a snapshot has it. False: there is no slot for it. */
bool matter_restore(weir_unit *u, const matter *kept);
void matter_count_change(weir_unit *u, const weir_state *before, const weir_state *after);
/* Remembers a ref; the older half is forgotten when the newer is full. */
uint64_t ref_hash_of(const weir_unit *u, weir_bytes ref);
void refs_add(weir_unit *u, uint64_t hash, weir_position position);
/* Since when every ref is known, by the wall clock; 0: there is none, or its record is unread. */
int64_t refs_since(weir_unit *u);
/* The earlier request with this ref: its frame body is in read_memory[0]. */
bool refs_find(weir_unit *u, weir_bytes ref, uint64_t hash, earlier_request *earlier);
/* Did it come before, or can that not be read just now? Then it must not be taken for a new one. */
bool refs_may_have(weir_unit *u, weir_bytes ref, uint64_t hash);
/* The places of this hash will be looked at soon. */
void refs_prefetch(const weir_unit *u, uint64_t hash);
/* Has it as many updates as a matter may have? Those of one that was opened again are counted now;
 * while its records cannot be read, it is not full. */
bool matter_is_full(weir_unit *u, uint32_t slot);
/* Gives back a slot that was only looked at. */
void matter_put_back(weir_unit *u, uint32_t slot);

/* connections.c */
weir_status connections_open(weir_unit *u);
void connections_close(weir_unit *u);
/* Appends an answer line; it is released when `serial` is durable (0: at once, in order). */
void connection_answer(weir_unit *u, connection *c, weir_bytes line, uint64_t serial);
bool connection_has_room(const connection *c);
/* Keeps room for the answer to one more request of this batch; false: there is none now. */
bool connection_promise(const weir_unit *u, connection *c, const weir_message *m);
void connections_release(weir_unit *u);
void connections_fail(weir_unit *u);

/* batch.c */
bool batch_take_lines(weir_unit *u);
bool batch_take_deadlines(weir_unit *u);
void batch_judge(weir_unit *u);
/* The path of the field at fault, for the refusal. */
void set_field(char field[48], const char *name);
bool names_supervisor(const weir_unit *u, weir_bytes by);
/* Fills what is the same in every step; the caller adds event, flags and facts. */
void batch_fill_step(const weir_unit *u, uint32_t slot, uint8_t kind, weir_step *s);
weir_step *batch_add_step(weir_unit *u, uint32_t slot, uint8_t kind);

/* apply.c */
void apply_message(weir_unit *u, entry *e, weir_step *step);
/* A change without a line: a deadline, or a report that was settled. False: nothing journalled. */
bool apply_own(weir_unit *u, uint32_t slot, weir_step *step, weir_bytes line);
void apply_refusal(weir_unit *u, connection *c, const entry *e, unsigned refusal);
/* Nothing was journalled: for want of room just now, or because the disk failed. */
unsigned refusal_unjournalled(const weir_unit *u);
void refuse_unjournalled(weir_unit *u, connection *c, const entry *e);
void apply_acknowledged(weir_unit *u, connection *c, const entry *e);
/* Appends a record. False: it does not stand; the unit failed, or the journal waits for its disk
 * and has no room just now (then nothing has changed). */
bool unit_append(weir_unit *u, uint8_t kind, const weir_bytes *parts, size_t count,
                 uint64_t *serial, weir_position *position);

/* answer.c */
/* `"ref":…,` where the request had one. */
void put_ref(weir_buffer *b, weir_bytes ref);
/* `"handover":…,"spoken":…,"revision":n`. */
void put_number(const weir_unit *u, weir_buffer *b, const weir_state *s);
/* The beginning of every answer about a handover, the brace left open: its number, revision, phase
 * and decision. */
void answer_begin(weir_unit *u, weir_buffer *b, const weir_state *s, weir_bytes ref);
void answer_change(weir_unit *u, weir_buffer *b, const matter_record *r, weir_bytes ref);
/* The answer to an acknowledgement, as its record says. */
void answer_acknowledged(weir_unit *u, weir_buffer *b, const acknowledged_record *r,
                         weir_bytes ref);
/* `"decision":{…}`: the policy's text, or what stands in its place when nobody decided. */
void put_decision(weir_unit *u, weir_buffer *b, const weir_state *s);
/* What a refusal says to do: nothing, to dial 110, or what a drill says in its place. */
typedef enum speaking { SILENT, SPEAKS, SPEAKS_DRILL } speaking;
void answer_refusal(weir_unit *u, weir_buffer *b, weir_bytes ref, unsigned refusal,
                    const char *field, const char *message, speaking voice);
void put_legs(weir_unit *u, weir_buffer *b, const weir_state *s, bool copies);

/* effects.c */
/* What follows when `serial` is durable; `r` where it is a change of a matter, else null. */
void effects_add(weir_unit *u, uint64_t serial, weir_position position, const matter_record *r);
size_t effects_waiting(const weir_unit *u);
void effects_release(weir_unit *u);
void notice_matter(weir_unit *u, const matter_record *r, bool recovering);
void notice_acknowledged(weir_unit *u, weir_bytes body, bool recovering);

/* watch.c */
bool watch_pump(weir_unit *u);
void watch_begin(weir_unit *u, connection *c, const weir_message *m);

/* unit.c */
/* Before the loop runs: performs the journal's jobs until everything appended is durable. */
weir_status unit_sync_now(weir_unit *u);
/* Makes a directory, if it is missing, so that a power cut does not take it away again. */
weir_status unit_make_folder(const weir_os *os, const char *path);

/* keys.c */
/* Whole days until a key's last day ends, -1 when it has; false: it has no last day. */
bool keys_days_left(const weir_unit *u, uint32_t expires, int64_t *days);
void keys_tick(weir_unit *u);

/* status.c */
void answer_status(weir_unit *u, weir_buffer *b, weir_bytes ref);
void answer_metrics(weir_unit *u, weir_buffer *b, weir_bytes ref);

/* fail.c */
void unit_fail(weir_unit *u, weir_status status);
void unit_speak_deadlines(weir_unit *u);
void unit_speak_failure(weir_unit *u);

#include "carriers.h"
#include "desk.h"
#include "telling.h"

#endif
