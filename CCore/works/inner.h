/* inner.h: what only an inner unit has: its ledgers, stages and alarms, and their functions. Part
 * of internal.h, which includes it. */
#ifndef WEIR_WORKS_INNER_H
#define WEIR_WORKS_INNER_H

#include "paths.h"
#include "tables.h"
#include "weir_link.h"
#include "weir_message.h"
#include "weir_works.h"

enum {
  STAGE_ITEMS = 1024,
  STAGE_BYTES = 8 * 1024 * 1024,
  GAP_AFTER_MS = 1500,
  GAPS_NAMED = 16,
  LEDGER_MAX = 4 * 1024 * 1024,
  LEDGER_PAGE = 256,
  ALARMS_MAX = 256,
  ALARMS_SHOWN_BYTES = 32 * 1024, /* of a status */
  WAYS_MAX = 2,
  /* Marks of the last batch that may stand beside staged items at a start. */
  MARKED_NAMES = STAGE_ITEMS,
  QUARANTINE_MAX = 4096
};

/* What the names of items in quarantine begin with. */
#define QUARANTINE_PREFIX "QUARANTINE-"

typedef struct mark_record {
  weir_bytes unit; /* whose record it is; empty: an alarm of this unit */
  uint64_t crossing, check, boot_epoch;
  uint32_t revision;
  uint32_t arrived; /* of the matter: crossed_arrival; 0: not known */
  bool conflict, quarantined;
  uint64_t released;   /* of what a person let out of quarantine: its number there */
  weir_bytes name;     /* the item's */
  weir_bytes handover; /* of an alarm: the sender that it speaks of */
  weir_bytes reason;   /* of what lies in quarantine: what was wrong */
  weir_bytes item;     /* to the end: the item itself, where the journal keeps it */
} mark_record;

void record_put_mark(weir_buffer *b, const mark_record *r); /* all but the item */
bool record_get_mark(weir_bytes body, mark_record *r);

typedef struct ledger_entry {
  uint64_t check;
  uint64_t handover;   /* its number (ledger_handover); 0: only faulty records came */
  uint32_t revision;   /* 0: nothing came yet */
  uint32_t owed;       /* latest sent, as the index says; 0: nothing is owed */
  uint64_t boot_epoch; /* of the sender's run that sent it */
  uint32_t arrived;    /* when its matter did (crossed_arrival); 0: not known */
  bool contested;      /* a second matter came under this number */
} ledger_entry;

/* A boot of an outer unit. */
typedef struct boot_kept {
  uint64_t epoch;
  uint8_t id[16];
} boot_kept;

typedef struct ledger {
  char unit[WEIR_UNIT_NAME_MAX + 1];
  bool used;
  ledger_entry *entries; /* by crossing number, LEDGER_MAX + 1 */
  weir_index numbers;    /* handover → the crossing number under which it came first */
  weir_index conflicts;  /* ledger_conflict of what was delivered as one → its crossing number */
  uint64_t highest_seen; /* highest crossing number received */
  uint64_t highest_sent; /* as the heartbeat says, or a record that is over the limit */
  /* What the index says was sent and is not here: since when, in tenths of a second of boottime
   * and never 0, by crossing number; how many on each page of LEDGER_PAGE, and in all. */
  uint32_t *behind_since;
  uint16_t *behind_pages;
  uint64_t behind;
  uint64_t missing; /* of these, for longer than GAP_AFTER_MS */
  uint64_t watch_ms;
  uint64_t ferry_heard_ms; /* last heartbeat by ferry; 0: none yet */
  bool silent;
  int64_t silence_since_ms;
  uint32_t open_danger;
  bool offset_known;
  bool beat_known; /* of this run: what the last heartbeat said of the outer clocks, */
  uint64_t beat_boot_epoch;
  int64_t beat_skew_ms;  /* wall minus boottime, */
  unsigned beats_jumped; /* how many since then said otherwise, */
  uint64_t steady_ms;    /* and when the last jump was taken up */
  uint64_t reordered, reordered_ms;
  int64_t offset_ms;      /* inner wall minus outer wall, lower envelope */
  int64_t offset_next_ms; /* the window that is being filled */
  uint64_t offset_window_ms, offset_since_ms;
  uint64_t admitted_epoch; /* of the last boot that a person let in, 0: none; it counts as later */
  uint64_t refused_epoch;  /* of the last boot that was refused, 0: none; and its id */
  uint8_t refused_id[16];
  bool is_boot_due; /* the run that was begun last is not in the journal yet */
  boot_kept boot_due;
} ledger;

/* Boots of an outer unit, as far as they matter after a restart. */
typedef struct boots_kept {
  char unit[WEIR_UNIT_NAME_MAX + 1];
  unsigned count;               /* 0: free; 1: there is none before the last */
  boot_kept last, before, peak; /* peak: of the highest epoch */
} boots_kept;

typedef struct stage_item {
  mark_record mark; /* its views lie in the stage's memory */
  weir_bytes bytes; /* the file; in the stage's memory too */
  int64_t age_ms;
  uint64_t handover_before; /* what the ledger held under its crossing number before it */
  uint32_t revision_before, arrived_before;
  uint32_t ledger;
  uint8_t lane;
  bool stale, alarm, drill;
} stage_item;

typedef struct stage {
  stage_item items[STAGE_ITEMS];
  weir_delivery_item views[STAGE_ITEMS]; /* the same as the ways of delivering see them */
  size_t count;
  weir_buffer memory;
} stage;

typedef struct alarm {
  uint64_t id; /* the wall ms of its begin, made unique; 0: free */
  int64_t began_ms, ended_ms;
  bool once, ended, recovered;
  bool begin_due; /* the desk has not got its begin */
  char code[24];
  char unit[WEIR_UNIT_NAME_MAX + 1]; /* the sender that it speaks of, or empty */
  char text[384], next_step[192], end_text[128];
} alarm;

/* The way into a directory (directory.c). */
typedef struct directory_way {
  weir_delivery way;
  const char *path;
  char staging[PATH_BYTES], quarantine[PATH_BYTES], drill[PATH_BYTES]; /* folders in it */
} directory_way;
weir_status directory_open(directory_way *d, const char *directory, const weir_os *os);

/* What lies in quarantine and was not released: a mark, or a dangerous line that was refused. */
typedef struct held {
  uint64_t serial; /* of its record: its number for people; 0: free */
  weir_position position;
  weir_position release; /* a person let it go, and it is not yet marked: the record of that */
  bool staged;           /* it is, and on its way */
} held;

enum { DELIVERY_IDLE, DELIVERY_STAGING, DELIVERY_MARKING, DELIVERY_PUBLISHING };

/* What an outer unit owes 12345 (outbox.c). */
typedef struct outbox {
  uint64_t cursor; /* the last record that was looked at */
  uint64_t owed;   /* recovery: the last record that has to be told */
  weir_position hint;
  bool is_behind; /* records behind the cursor wait to be read */
} outbox;

/* How many datagrams of a kind were rejected when it was last looked at, and were many last. */
typedef struct reject_watch {
  uint64_t seen, last_ms;
} reject_watch;

/* receive.c: the inner unit's side of the link */
weir_status inner_open(weir_unit *u);
/* From now on datagrams are taken. */
void inner_begin(weir_unit *u);
void inner_close(weir_unit *u);
void inner_tick(weir_unit *u);
weir_status inner_recover_boot(weir_unit *u, weir_bytes body);

/* inner_state.c */
struct snapshot_out;
void inner_state_fill(const weir_unit *u, struct snapshot_out *out);
weir_status inner_state_take(weir_unit *u, uint8_t kind, weir_reader *r);
/* A boot that the journal tells of: for the receiver, where there is one, and for a snapshot. */
weir_status inner_know_boot(weir_unit *u, const char *unit, uint64_t epoch, const uint8_t id[16]);

/* ledger.c */
enum { LEDGER_NONE = UINT32_MAX };
uint32_t ledger_of(weir_unit *u, const char *unit); /* made when new; LEDGER_NONE: no room */
typedef enum ledger_verdict {
  LEDGER_NEW,
  LEDGER_REPEAT,
  LEDGER_SUPERSEDED,
  LEDGER_CONFLICT,
  LEDGER_BEYOND /* a crossing number over the limit */
} ledger_verdict;
/* What came in conflict, as a key of 64 bits. */
uint64_t ledger_conflict(uint64_t crossing, uint32_t revision, uint64_t check);
/* A handover's number as a key; 0: its number is not known. `arrived`: crossed_arrival, or 0. */
uint64_t ledger_handover(weir_bytes number);
ledger_verdict ledger_judge(const weir_unit *u, uint32_t which, const weir_link_event *event,
                            uint64_t handover, uint32_t arrived);
void ledger_take(weir_unit *u, uint32_t which, const mark_record *m, uint64_t handover);
/* What a heartbeat says; one that lay in a file says nothing of clocks. */
void ledger_heartbeat(weir_unit *u, const weir_link_event *event, bool from_file);
void ledger_close(ledger *l);
/* `41-43,57/6`: what is missing, with its check digit, at most GAPS_NAMED ranges. */
void put_ticket(const ledger *l, uint64_t now_ms, weir_buffer *b);
void ledger_watch(weir_unit *u);
/* Names what is missing, at most `max` ranges: "41-43,57"; false when there are more. */
bool ledger_missing(const ledger *l, uint64_t now_ms, weir_buffer *b, unsigned max);

/* items.c */
/* Stages a record that came whole. False: no room now, it will be repeated. */
bool items_stage_record(weir_unit *u, const weir_link_event *event);
enum { ALARM_BEGIN, ALARM_END, ALARM_ONCE };
/* False: no room in the stage now. */
bool items_stage_alarm(weir_unit *u, const alarm *a, unsigned moment);
bool items_stage_released(weir_unit *u, const mark_record *m, uint64_t number, weir_bytes by,
                          weir_bytes reason);
/* `,"KEY":…` with the bytes as JSON; else `KEYText` with their text, or `KEYHex`. */
void put_content(weir_buffer *b, const char *key, weir_bytes bytes);

/* What was put into the stage's memory from an offset on; a text put there. */
weir_bytes stage_keep(stage *s, size_t from);
weir_bytes stage_keep_text(stage *s, weir_bytes text);

/* deliver.c */
/* The stages, and the ways that the options name. */
weir_status deliver_open(weir_unit *u);
void deliver_close(weir_unit *u);
/* A stage or a publication did not succeed: it is tried again. */
void deliver_job_failed(weir_unit *u, const weir_job *job, weir_status status);
/* The stage that gathers; null when it has no room for so many items and bytes. */
stage *stage_gathering(weir_unit *u, size_t items, size_t bytes);
bool deliver_take_job(weir_unit *u);
void deliver_job_done(weir_unit *u, const weir_job *job);
void deliver_mark(weir_unit *u);
void deliver_on_durable(weir_unit *u);
bool deliver_quiet(const weir_unit *u);
/* What is on its way does not lie inside yet: the ledgers do without it, until it is put back. */
void deliver_set_aside(weir_unit *u);
void deliver_put_back(weir_unit *u);
weir_status perform_stage(const weir_job *job, const weir_os *os);
weir_status perform_publish(const weir_job *job, const weir_os *os);
void inner_recover_mark(weir_unit *u, const mark_record *m, const weir_frame_view *frame);
weir_status deliver_recover_ways(weir_unit *u);

/* outbox.c */
struct matter_record;
/* Marks a state that has become 12345's without having been submitted by it. */
void outbox_mark_state(const weir_unit *u, const weir_state *before, weir_state *after);
/* A durable change, in the journal's order. */
void outbox_note(weir_unit *u, uint64_t serial, weir_position position,
                 const struct matter_record *r);
/* Reads on where there was no room. True: call again soon. */
bool outbox_tick(weir_unit *u);
bool outbox_quiet(const weir_unit *u);
void outbox_recover(weir_unit *u, uint64_t serial, const struct matter_record *r);
void outbox_recover_mark(weir_unit *u, const mark_record *m);
void outbox_begin(weir_unit *u);

/* alarms.c */
/* Begins an alarm, unless one of this code and sender is open: log, status, delivered item. */
void alarm_begin(weir_unit *u, const char *code, const char *unit, const char *chinese,
                 const char *english, const char *next_step);
/* Ends the open alarm of this code and sender, if there is one. */
void alarm_end(weir_unit *u, const char *code, const char *unit, const char *chinese,
               const char *english);
/* One that has no end of its own: it begins and ends at once. */
void alarm_once(weir_unit *u, const char *code, const char *unit, const char *chinese,
                const char *english, const char *next_step);
bool alarm_is_open(weir_unit *u, const char *code, const char *unit);
/* Each turn: what the desk has not got is staged. */
void alarms_tick(weir_unit *u);
/* Nothing waits to be staged. */
bool alarms_quiet(const weir_unit *u);
void alarm_recover(weir_unit *u, const mark_record *m);
/* `,"alarms":[…]`: the open ones. */
void put_alarms(const weir_unit *u, weir_buffer *b);

#endif
