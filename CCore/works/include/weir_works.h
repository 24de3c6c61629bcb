/* weir_works: a whole unit as a state machine over the rooms, without sockets, threads or clocks of
 * its own, so that the hall and a simulation drive the same code.
 *
 *   in    connections and their bytes, datagrams, the end of disk jobs, and turns
 *   out   answers, disk jobs, datagrams, log lines, and notices of reports
 *
 *   lines → weir_frame → weir_message → a batch of up to 64 steps → judge (policy and handover,
 *   through the `judge` function) → journal → answers, held back until the sync that covers them;
 *   then, when durable: link, log, reports, watch stream.
 *
 *   outer unit: + deadlines, + link sender
 *   inner unit: + link receiver, ledger, delivery (stage → mark → rename), alarms
 *
 *   happy path   a line is answered after the sync that covers its record
 *   bad line     refused with a code and the field; a dangerous one is kept in quarantine and
 *                raises an alarm; the line behind it goes on
 *   disk full    non-danger is refused `diskFull`, danger uses the reserve
 *   disk fails   nothing more is answered `durable`; what is in flight gets `outcomeUnknown`,
 *                every connection is told, every armed deadline is spoken, then failed() says so
 *
 * All functions are for the loop thread, save weir_job_perform (the disk thread). Memory is taken
 * at open.
 *
 * Cost: reading, deciding, a memcpy into the journal and into the answer. Bounded by the limits in
 * weir_base.h. Kept true by Benchmarks/Rooms.
 */
#ifndef WEIR_WORKS_H
#define WEIR_WORKS_H

#include "weir_base.h"
#include "weir_journal.h"
#include "weir_log.h"
#include "weir_os.h"
#include "weir_seal.h"

/* ---- The border to policy and handover ------------------------------------------------------ */

typedef struct weir_moment {
  uint64_t boot_ms; /* CLOCK_BOOTTIME */
  int64_t wall_ms;  /* CLOCK_REALTIME */
} weir_moment;

/* The durable state of one handover. Swift's `Handover` holds the same fields under the same
 * names; the numbers are WeirModel's raw values. */
typedef struct weir_state {
  uint32_t day, serial; /* its number: yyyymmdd at +08:00, and from 1 within the day */
  uint64_t crossing;    /* crossing number, 0: it never crossed */
  uint32_t revision;
  uint32_t facts, ever_facts;
  uint32_t flags;
  uint32_t county;
  uint8_t platform, channel, owner, action, phase;
  uint8_t voice, cause, data, report, report_kind, lane, deadline_kind;
  weir_moment deadline, minute;
  int64_t received_ms, arrived_ms, decided_ms, started_ms, answered_ms, told_ms, late_ms;
  int64_t reported_ms;
  uint32_t decision_text, dial_text, say_text; /* durable text ids, 0: none */
  uint32_t report_number;
  uint8_t ground, parties, first_platform;
  uint8_t receipt_tries;                /* wrong receipt codes typed; the core's own, as are: */
  uint8_t confirmed_by;                 /* WEIR_CONFIRMED_…, how a revision was confirmed */
  uint32_t confirmed_revision;          /* the highest that was, 0: none */
  uint32_t follows_day, follows_serial; /* the earlier matter that this one follows, 0: none */
  bool follows_drill;
  uint64_t caller; /* keyed hash of the telephone number, 0: not needed */
  int64_t first_contact_ms, settled_ms, confirmed_ms;
} weir_state;

enum { WEIR_CONFIRMED_NOT, WEIR_CONFIRMED_BY_CODE, WEIR_CONFIRMED_BY_DIGEST };

enum { WEIR_STEP_INTAKE, WEIR_STEP_UPDATE, WEIR_STEP_EVENT, WEIR_STEP_DEADLINE };

/* Bits of weir_step.flags, as WeirModel's Happening.Flags. */
enum {
  WEIR_STEP_BY_SUPERVISOR = 1 << 0,
  WEIR_STEP_REASON = 1 << 1,
  WEIR_STEP_REACHED = 1 << 2,
  WEIR_STEP_REDIALLED = 1 << 3,
  WEIR_STEP_CONFIDENTIAL = 1 << 4,
  WEIR_STEP_DRILL = 1 << 5,
  WEIR_STEP_SEAT = 1 << 6,
  WEIR_STEP_UNATTENDED = 1 << 7,
  WEIR_STEP_CLOCK_UNCERTAIN = 1 << 8,
  WEIR_STEP_SENT_AWAY_TWICE = 1 << 9,
  WEIR_STEP_LEFT = 1 << 10,
  WEIR_STEP_OLDER_REVISION = 1 << 11,
  WEIR_STEP_OVERLOADED = 1 << 13,   /* the unit is above the high mark of its intake */
  WEIR_STEP_CARRIER_LOST = 1 << 14, /* the link's carrier refuses what is sent */
  WEIR_STEP_DIGEST = 1 << 15        /* a receipt by 对账码, not by a spoken code */
};

/* What a step came to. Every step arrives as ESCALATE: what the judge does not reach is handed to
 * a person, never dropped. */
enum { WEIR_VERDICT_ESCALATE, WEIR_VERDICT_CHANGED, WEIR_VERDICT_REFUSED };

enum {
  WEIR_EFFECT_CROSS = 1 << 0,
  WEIR_EFFECT_REPORT = 1 << 1,
  WEIR_EFFECT_ALARM = 1 << 2,
  WEIR_EFFECT_END = 1 << 3,
  WEIR_EFFECT_SENT_AWAY = 1 << 4,
  WEIR_EFFECT_DANGER = 1 << 5 /* the core's own: a danger was raised or cleared by this record */
};

typedef struct weir_step {
  uint8_t kind;
  uint8_t event; /* WEIR_EVENT_…; a deadline's is set by the judge */
  uint8_t cause, agreed_owner, platform, channel;
  uint16_t flags;
  uint32_t facts, county;
  int64_t received_ms;    /* 0: none claimed */
  uint8_t party;          /* threeWayJoined.party, as a bit of WeirModel's Parties; 0: none named */
  uint8_t first_platform; /* an intake that follows an earlier matter: who was reached first */
  int64_t first_contact_ms; /* and when; 0: it follows none */
  weir_moment now;
  bool has_before;
  weir_state state; /* in: before; out, when CHANGED: after */
  uint8_t verdict, refusal;
  uint16_t effects;
} weir_step;

/* A report that was raised or settled, when durable; `recovering` while the journal is read. */
typedef struct weir_notice {
  bool acknowledged; /* else raised, or changed by what happened to one of its matters */
  bool recovering;
  uint32_t report_number;
  uint8_t step_kind; /* WEIR_STEP_…: an intake and an update are no event */
  uint8_t report_kind, event, cause;
  weir_moment at;
  const weir_state *state; /* null when acknowledged; borrowed for the call */
  weir_bytes handover;     /* its number; borrowed for the call */
  weir_bytes by;           /* who said so, empty: the unit itself; borrowed */
  weir_bytes dial, say;    /* what was ordered to be said; borrowed */
} weir_notice;

/* Somebody asks over the control socket for another policy. All borrowed for the call. */
typedef struct weir_reload {
  weir_bytes policy;             /* a path; empty: what the configuration names */
  weir_bytes reason, by, second; /* all three given: it is forced */
} weir_reload;

typedef struct weir_desk {
  void *context;
  void (*judge)(void *context, weir_step *steps, size_t count);
  void (*notice)(void *context, const weir_notice *notice);
  /* May be null: then no reload is taken. Answered by weir_unit_policy_… later. */
  void (*reload)(void *context, const weir_reload *asked);
} weir_desk;

/* ---- Ways of delivering ---------------------------------------------------------------------- */

/* One item of a batch; its views are borrowed for the call. */
typedef struct weir_delivery_item {
  weir_bytes name;  /* unique among items, and fit for a file: HANDOVER-rREVISION.json */
  weir_bytes bytes; /* one JSON object and a line feed; what lies in quarantine as it crossed */
  bool alarm, drill, quarantined;
} weir_delivery_item;

/* A way of delivering: the directory is one, a table of a database or fixed text would be others.
 * A batch is staged, then marked in the journal, then published, so that a crash neither loses an
 * item nor shows one twice. `stage` and `publish` run on the disk thread, `recover` before the
 * loop; a bad status ends the unit like a failed disk. */
typedef struct weir_delivery {
  void *context;
  /* Makes the items safe, out of sight. */
  weir_status (*stage)(void *context, const weir_os *os, const weir_delivery_item *items,
                       size_t count);
  /* They are marked: brings them into sight. */
  weir_status (*publish)(void *context, const weir_os *os, const weir_delivery_item *items,
                         size_t count);
  /* At a start: publishes what is staged and marked, removes what is staged and not. */
  weir_status (*recover)(void *context, const weir_os *os,
                         bool (*is_marked)(const void *user, weir_bytes name), const void *user);
} weir_delivery;

/* ---- A unit ---- */

typedef struct weir_unit weir_unit;

typedef struct weir_unit_options {
  bool inner;
  const char *name;
  const char *data;               /* directory; made if missing; the journal lies in data/journal */
  const char *version;            /* of the program, for the start record and the log */
  uint64_t segment_bytes;         /* 0: the journal's default */
  uint32_t open_max;              /* handovers open at once */
  uint32_t refs_max;              /* refs remembered */
  const char *const *supervisors; /* names, `supervisor_count` of them */
  size_t supervisor_count;
  const weir_keyring *keys; /* null: no link */
  uint32_t mtu;
  const char
      *ferry;      /* outer: directory that a gate pulls from; inner: that it puts into; or null */
  bool ferry_only; /* no link beside the ferry */
  uint64_t rate_bits;                /* outer: bits a second on the link; 0: unlimited */
  const char *delivery;              /* inner: directory for delivered items, or null */
  const weir_delivery *delivery_way; /* inner: a further way, borrowed, or null */
  bool delivery_stream;         /* inner: items can be taken as JSON lines, with acknowledgement */
  int64_t stale_ms;             /* inner: older than this on arrival is stale */
  const char *report_directory; /* for the last words of a failing unit, or null */
  const char *report_second;    /* the same, on another device, or null */
  uint64_t snapshot_records;    /* a snapshot each so many records of the journal; 0: 10 million */
  int64_t retain_ms;            /* segments of the journal are kept at least so long; 0: for ever */
  weir_desk desk;
  const weir_os *os;
  weir_log *log;
} weir_unit_options;

/* Opens, recovers and journals its start. On failure `problem` says in English what is wrong, where
 * and what to do next. CORRUPT: the journal is damaged. REFUSED: it is another unit's, or one's of
 * the other role. BUSY: the data folder is in use. */
weir_status weir_unit_open(const weir_unit_options *options, weir_unit **out, char problem[512]);
/* Null accepted. What was not durable is lost, as at a power cut: stop first. */
void weir_unit_close(weir_unit *u);

/* Interns a text: the durable id of these bytes, journalled when they are new. Called at start and
 * on a policy's change, before the first batch that uses it. FULL or a journal's status. */
weir_status weir_unit_intern(weir_unit *u, weir_bytes text, uint32_t *id);
/* Which texts refusals and alarms use: the number to dial and the sentences (JSON array). */
void weir_unit_set_refusal_texts(weir_unit *u, uint32_t dial, uint32_t say);
/* The same for drills. */
void weir_unit_set_drill_texts(weir_unit *u, uint32_t dial, uint32_t say);
/* Between two batches, for a policy that was changed: journals it, logs it, and answers whoever
 * asked (`asked`: over the control socket). `versions` is a JSON array of the versions in force.
 * FULL: the journal waits for its disk; nothing has happened, call again soon. */
weir_status weir_unit_policy_changed(weir_unit *u, bool asked, weir_bytes versions);
/* For one that stays as it is; `why` says in a few lines what is wrong, empty: nothing is new. */
void weir_unit_policy_kept(weir_unit *u, bool asked, weir_bytes why);
/* At start: the versions in force, for status. */
void weir_unit_policy_is(weir_unit *u, weir_bytes versions);
/* What the unit knows, written as a snapshot below an existing folder: so that two starts can be
 * compared, the one from a snapshot and the one from the whole journal. Before begin. */
weir_status weir_unit_state(weir_unit *u, const char *folder);
/* Does a file hold as a snapshot of this unit? CORRUPT, NOT_FOUND. */
weir_status weir_snapshot_check(const weir_os *os, const char *path, const char *unit);
/* Everything is ready: overdue deadlines fire, lines are taken. */
void weir_unit_begin(weir_unit *u);

/* -- connections: numbered from 0; `control` ones may ask for status and metrics too -- */

weir_status weir_unit_connect(weir_unit *u, bool control, uint32_t *connection); /* FULL */
/* What one is told that finds no place: a line with its end, valid until the unit's next call. */
weir_bytes weir_unit_no_place(weir_unit *u);
/* From now on this connection takes delivered items, and does nothing else. */
void weir_unit_take_items(weir_unit *u, uint32_t connection);
/* Room for received bytes; 0: do not read from it now. */
uint8_t *weir_unit_space(weir_unit *u, uint32_t connection, size_t *room);
void weir_unit_filled(weir_unit *u, uint32_t connection, size_t count);
/* No more comes from the peer: what is left without a line feed is its last line. */
void weir_unit_hang_up(weir_unit *u, uint32_t connection);
void weir_unit_disconnect(weir_unit *u, uint32_t connection);   /* it is gone */
weir_bytes weir_unit_output(weir_unit *u, uint32_t connection); /* may be written now; borrowed */
void weir_unit_written(weir_unit *u, uint32_t connection, size_t count);
/* It hung up or must be closed, and everything was written. */
bool weir_unit_finished(const weir_unit *u, uint32_t connection);
/* No request is unanswered and no stream runs: an idle time-out may close it. */
bool weir_unit_idle(const weir_unit *u, uint32_t connection);

/* -- work -- */

/* A bounded amount of work on what has come in and what is due. True: call again soon. */
bool weir_unit_turn(weir_unit *u);
/* When the next turn is needed without anything coming in, CLOCK_BOOTTIME ms. */
uint64_t weir_unit_next_ms(const weir_unit *u);
/* So long the loop was at work in one turn, its waits left out: nobody was served meanwhile. For
 * status and metrics; the longest of the last one to two minutes is kept. */
void weir_unit_turned(weir_unit *u, uint64_t took_us);

typedef struct weir_job weir_job;
weir_job *weir_unit_take_job(weir_unit *u); /* null: none, or one is in flight */
weir_status weir_job_perform(weir_job *job, const weir_os *os); /* disk thread */
void weir_unit_job_done(weir_unit *u, weir_job *job, weir_status status);

/* The second lane: files of the ferry and of discs, on foreign paths; one job of it may be in
 * flight beside one of the first. Any thread performs it, by weir_job_perform. */
weir_job *weir_unit_take_file_job(weir_unit *u);
void weir_unit_file_job_done(weir_unit *u, weir_job *job, weir_status status);

/* The third lane: what follows the closing of a segment, slow and never urgent. A job of it may be
 * in flight beside those of the others; any thread performs it, by weir_job_perform. */
weir_job *weir_unit_take_closing_job(weir_unit *u);
void weir_unit_closing_job_done(weir_unit *u, weir_job *job, weir_status status);

/* The fourth lane: the last words of a failing unit, a job for each place of its reports; both may
 * be in flight together, beside those of the other lanes, and any thread performs them. */
weir_job *weir_unit_take_words_job(weir_unit *u);
void weir_unit_words_job_done(weir_unit *u, weir_job *job, weir_status status);

/* -- link -- */

/* Outer: the next datagrams to send, `max` at most and no further one when there are `bytes_max`;
 * how many. Borrowed until the next call. */
size_t weir_unit_datagrams(weir_unit *u, weir_bytes *into, size_t max, size_t bytes_max);
void weir_unit_send_failed(weir_unit *u, uint64_t datagrams); /* counted, and changes nothing */
/* Those of the last datagrams that every address refused, in their order: no copies. */
void weir_unit_refused(weir_unit *u, const weir_bytes *datagrams, size_t count);
/* How an attempt to send went: whether any address took any datagram; else why not, in English.
 * When none has for a second, it is alarmed. */
void weir_unit_tried(weir_unit *u, bool took, const char *why);
void weir_unit_received(weir_unit *u, uint8_t *datagram, size_t count); /* inner */

/* -- the end -- */

void weir_unit_stop(weir_unit *u);          /* no more is taken; what is in flight is finished */
bool weir_unit_stopped(const weir_unit *u); /* everything is durable and answered */
/* OK while the disk holds; else what failed. The unit takes nothing more. */
weir_status weir_unit_failed(const weir_unit *u);

/* What a failing unit says to whoever reads its standard error and its report: one JSON object
 * with every armed deadline. count 0 before it failed. */
weir_bytes weir_unit_last_words(const weir_unit *u);

/* ---- Hashes of a journal's closed segments: weir journal verify -------------------------------
 */

typedef struct weir_hashes_finding {
  uint64_t fit;     /* closed segments that are as they were hashed */
  uint8_t hash[32]; /* the last one's; zeros when there is none */
  uint32_t segment; /* the one that does not fit */
  char reason[96];  /* English: why */
} weir_hashes_finding;

/* Hashes every held segment that has a hash again; the unit may run. `data` is its data folder.
 * CORRUPT: one does not fit, `finding` names it. OK with `fit` 0: none has a hash yet. */
weir_status weir_hashes_verify(const weir_os *os, const char *data, const char *unit,
                               weir_hashes_finding *finding);

/* ---- Reading a journal without a unit: weir journal show ------------------------------------- */

/* What a journal frame holds, for those who count: weir report, weir trace. */
typedef enum weir_record_kind {
  WEIR_RECORD_OTHER,
  WEIR_RECORD_START,        /* now, text: the program's version */
  WEIR_RECORD_STOP,         /* now */
  WEIR_RECORD_CHANGE,       /* now, step_kind, event, effects, step_flags, state, line */
  WEIR_RECORD_QUARANTINE,   /* now, line */
  WEIR_RECORD_TALLY,        /* text, for weir_record_tally */
  WEIR_RECORD_ACKNOWLEDGED, /* now, report, settled, line */
  WEIR_RECORD_DRILL,        /* now, until, line */
  WEIR_RECORD_POLICY        /* now, text: the versions in force from here on */
} weir_record_kind;

typedef struct weir_record {
  weir_record_kind kind;
  uint64_t serial;
  weir_moment now, until;
  uint8_t step_kind, event;
  uint16_t effects, step_flags;
  weir_state state;
  uint32_t report, settled;
  weir_bytes line, text; /* borrowed from the frame */
} weir_record;

/* Renders one journal frame as a line of JSON, no line feed. `texts` collects interned texts over
 * the calls, in order. */
typedef struct weir_texts weir_texts;
weir_status weir_texts_open(weir_texts **out);
void weir_texts_close(weir_texts *texts);
/* Of a journal whose first segments are retired: the texts that stood there, from its newest
 * snapshot. CORRUPT: no snapshot holds. `data` is the unit's data folder. */
weir_status weir_texts_recall(weir_texts *texts, const weir_os *os, const char *data,
                              const char *unit);
/* An interned text that was read by now; empty for 0 and unknown ids. */
weir_bytes weir_texts_at(const weir_texts *texts, uint32_t id);
/* Looks into one frame, which weir_works_show need not see too. CORRUPT: it does not decode. */
weir_status weir_works_look(weir_texts *texts, const weir_frame_view *frame, weir_record *record);
/* A change as one object of `weir trace`: what happened, at both clocks, and where the matter
 * stood afterwards. */
void weir_record_tell(const weir_texts *texts, const char *unit, const weir_record *record,
                      weir_buffer *into);
/* The next entry of a tally: how many copies of a crossing were sent in all, and when the last
 * was. False: there is none. */
bool weir_record_tally(weir_record *record, uint64_t *crossing, uint32_t *copies, int64_t *last_ms);
/* Reads a whole number of this unit, or a spoken one of `today` (yyyymmdd). The key: bit 63 marks
 * a drill, then day and serial, 32 bits each. INVALID; REFUSED where a spoken one's check digit
 * does not fit. */
weir_status weir_handover_read(const char *unit, uint32_t today, weir_bytes text, uint64_t *key);
/* A handover's number as it is written; the count of its bytes. */
enum { WEIR_HANDOVER_BYTES = 40 };
size_t weir_handover_write(const char *unit, const weir_state *state,
                           char into[WEIR_HANDOVER_BYTES]);
weir_status weir_works_show(weir_texts *texts, const char *unit, const weir_frame_view *frame,
                            weir_buffer *into);

#endif
