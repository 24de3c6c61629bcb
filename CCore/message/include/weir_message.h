/* weir_message: one request line → a label (ids, times, facts) and borrowed text.
 *
 * A strict, single-pass reader for the fixed schema of the intake: no tree, no allocation.
 * Everything that is not in the schema is refused with a code and the field's path: unknown and
 * repeated fields, wrong types, wrong code values, control characters (line feed and tab are
 * allowed in `text`, `reason` and `answer`), bidirectional controls (U+061C, U+200E, U+200F,
 * U+202A-202E, U+2066-2069), zero-width characters (U+200B-200D, U+2060, U+FEFF), bad UTF-8, lone
 * surrogates, lengths over their limit (counted in Unicode scalars), bytes behind the object. The
 * codes and names are the closed lists below; WeirModel holds the same lists, and a test holds the
 * two together.
 *
 * Strings in the label are decoded: they point into the line where it had no escapes, else into
 * the scratch memory; both are borrowed as long as line and scratch live.
 *
 * Cost: about 0.6 µs for 600 bytes. Bounded by the line limit. Kept true by Benchmarks/Rooms.
 */
#ifndef WEIR_MESSAGE_H
#define WEIR_MESSAGE_H

#include "weir_base.h"

/* ---- Closed lists; the order is the number, on disk too: append only ------------------------ */

#define WEIR_FACT_MAP(X)                                                                           \
  X(CRIME, crime)                                                                                  \
  X(PUBLIC_ORDER, publicOrder)                                                                     \
  X(MASS_INCIDENT, massIncident)                                                                   \
  X(FIRE, fire)                                                                                    \
  X(TRAFFIC, traffic)                                                                              \
  X(OTHER_UNLAWFUL, otherUnlawful)                                                                 \
  X(MISSING_PERSON, missingPerson)                                                                 \
  X(DANGER_TO_LIFE, dangerToLife)                                                                  \
  X(UTILITY_HAZARD, utilityHazard)                                                                 \
  X(NATURAL_DISASTER, naturalDisaster)                                                             \
  X(OTHER_URGENT_POLICE, otherUrgentPolice)                                                        \
  X(POLICE_MISCONDUCT, policeMisconduct)                                                           \
  X(NON_URGENT_REQUEST, nonUrgentRequest)                                                          \
  X(NATIONAL_PLATFORM_REFERRAL, nationalPlatformReferral)                                          \
  X(SICHUAN_CHONGQING_REFERRAL, sichuanChongqingReferral)                                          \
  X(PAST_POLICE_MISCONDUCT, pastPoliceMisconduct)                                                  \
  X(LEGAL_OR_PETITION_PROCESS, legalOrPetitionProcess)                                             \
  X(SECRET_OR_PRIVACY, secretOrPrivacy)                                                            \
  X(MEDICAL_ONLY, medicalOnly)                                                                     \
  X(MILITARY, military)                                                                            \
  X(HARASSMENT_OR_NO_SUBSTANCE, harassmentOrNoSubstance)                                           \
  X(ILLEGAL_DEMAND, illegalDemand)                                                                 \
  X(OTHER_EXCLUDED, otherExcluded)                                                                 \
  X(SCOPE_UNCLEAR, scopeUnclear)                                                                   \
  X(RESPONSIBILITY_UNCLEAR, responsibilityUnclear)                                                 \
  X(DANGER_TO_PROPERTY, dangerToProperty)                                                          \
  X(DANGER_TO_PUBLIC, dangerToPublic)                                                              \
  X(SOCIAL_STABILITY, socialStability)                                                             \
  X(ESCALATED, escalated)

enum {
#define X(upper, name) WEIR_FACT_BIT_##upper,
  WEIR_FACT_MAP(X)
#undef X
      WEIR_FACT_COUNT
};
#define WEIR_FACT(upper) (1u << WEIR_FACT_BIT_##upper)
/* Danger facts: life, property, public, social stability, escalated. */
#define WEIR_FACTS_DANGER                                                                          \
  (WEIR_FACT(DANGER_TO_LIFE) | WEIR_FACT(DANGER_TO_PROPERTY) | WEIR_FACT(DANGER_TO_PUBLIC) |       \
   WEIR_FACT(SOCIAL_STABILITY) | WEIR_FACT(ESCALATED))
/* Facts that make a refusal carry `dial` and `say`: danger, section 二 of the notice, and fire. */
#define WEIR_FACTS_VOICE                                                                           \
  (WEIR_FACTS_DANGER | WEIR_FACT(MISSING_PERSON) | WEIR_FACT(UTILITY_HAZARD) |                     \
   WEIR_FACT(NATURAL_DISASTER) | WEIR_FACT(OTHER_URGENT_POLICE) | WEIR_FACT(FIRE))

#define WEIR_OP_MAP(X)                                                                             \
  X(INTAKE, intake)                                                                                \
  X(UPDATE, update)                                                                                \
  X(EVENT, event)                                                                                  \
  X(GET, get)                                                                                      \
  X(WATCH, watch)                                                                                  \
  X(STATUS, status)                                                                                \
  X(METRICS, metrics)                                                                              \
  X(ADMIT, admit)                                                                                  \
  X(DRILL, drill)                                                                                  \
  X(DIGEST, digest)                                                                                \
  X(QUARANTINE, quarantine)                                                                        \
  X(RELEASE, release)                                                                              \
  X(TAKE, take)                                                                                    \
  X(TAKEN, taken)                                                                                  \
  X(RESEND, resend)                                                                                \
  X(EXPORT, export)                                                                                \
  X(IMPORT, import)                                                                                \
  X(TRACE, trace)                                                                                  \
  X(RELOAD, reload)

enum {
#define X(upper, name) WEIR_OP_##upper,
  WEIR_OP_MAP(X)
#undef X
      WEIR_OP_COUNT
};

/* The last three are the deadlines' own: no line may name them. */
#define WEIR_EVENT_MAP(X)                                                                          \
  X(TRANSFER_STARTED, transferStarted)                                                             \
  X(TRANSFER_ANSWERED, transferAnswered)                                                           \
  X(TRANSFER_FAILED, transferFailed)                                                               \
  X(CALLER_TOLD, callerTold)                                                                       \
  X(CALLER_GONE, callerGone)                                                                       \
  X(CALLED_ON_BEHALF, calledOnBehalf)                                                              \
  X(THREE_WAY_STARTED, threeWayStarted)                                                            \
  X(THREE_WAY_JOINED, threeWayJoined)                                                              \
  X(TALK_STARTED, talkStarted)                                                                     \
  X(AGREED, agreed)                                                                                \
  X(NOT_AGREED, notAgreed)                                                                         \
  X(DANGER_RAISED, dangerRaised)                                                                   \
  X(DANGER_CLEARED, dangerCleared)                                                                 \
  X(VERIFIED, verified)                                                                            \
  X(GUIDED, guided)                                                                                \
  X(REDIAL_ADVISED, redialAdvised)                                                                 \
  X(REFERRED, referred)                                                                            \
  X(RECEIPT, receipt)                                                                              \
  X(REPORT_ACKNOWLEDGED, reportAcknowledged)                                                       \
  X(ESCALATED, escalated)                                                                          \
  X(CANCELLED, cancelled)                                                                          \
  X(CLOSED, closed)                                                                                \
  X(PRE_ALARM, preAlarm)                                                                           \
  X(DEADLINE_PASSED, deadlinePassed)                                                               \
  X(REMINDER, reminder)

enum {
#define X(upper, name) WEIR_EVENT_##upper,
  WEIR_EVENT_MAP(X)
#undef X
      WEIR_EVENT_COUNT
};
enum { WEIR_EVENT_SPEAKABLE = WEIR_EVENT_PRE_ALARM }; /* lines may name events below this one */

/* Why a transfer failed (transferFailed.cause). */
#define WEIR_CAUSE_MAP(X)                                                                          \
  X(NETWORK, network)                                                                              \
  X(TRUNK, trunk)                                                                                  \
  X(NO_ANSWER, noAnswer)                                                                           \
  X(BUSY, busy)                                                                                    \
  X(PLATFORM, platform)                                                                            \
  X(CALLER_HUNG_UP, callerHungUp)                                                                  \
  X(OTHER, other)

enum {
  WEIR_CAUSE_NONE,
#define X(upper, name) WEIR_CAUSE_##upper,
  WEIR_CAUSE_MAP(X)
#undef X
      WEIR_CAUSE_COUNT
};

/* Who joined a three-way call or left it (threeWayJoined.party). */
#define WEIR_PARTY_MAP(X)                                                                          \
  X(CALLER, "caller")                                                                              \
  X(12345, "12345")                                                                                \
  X(110, "110")

enum {
  WEIR_PARTY_NONE,
#define X(upper, name) WEIR_PARTY_##upper,
  WEIR_PARTY_MAP(X)
#undef X
      WEIR_PARTY_COUNT
};

enum { WEIR_PLATFORM_NONE, WEIR_PLATFORM_12345, WEIR_PLATFORM_110 };
enum { WEIR_CHANNEL_NONE, WEIR_CHANNEL_PHONE, WEIR_CHANNEL_INTERNET };

/* Refusals: the closed list, documented in the README. The first block is the reader's. */
#define WEIR_REFUSAL_MAP(X)                                                                        \
  X(BAD_JSON, badJson, "the line is not one JSON object")                                          \
  X(LINE_TOO_LONG, lineTooLong, "the line is longer than 64 KiB")                                  \
  X(BAD_UTF8, badUtf8, "the line is not UTF-8")                                                    \
  X(UNKNOWN_FIELD, unknownField, "no such field here")                                             \
  X(DUPLICATE_FIELD, duplicateField, "the field stands twice")                                     \
  X(MISSING_FIELD, missingField, "the field is required")                                          \
  X(WRONG_TYPE, wrongType, "the field has the wrong JSON type")                                    \
  X(BAD_VALUE, badValue, "the field's value is not one of those allowed")                          \
  X(BAD_TEXT, badText, "control, bidirectional or zero-width character")                           \
  X(TOO_LONG, tooLong, "the field is longer than its limit")                                       \
  X(UNKNOWN_FACT, unknownFact, "no such fact")                                                     \
  X(UNKNOWN_OP, unknownOp, "no such operation")                                                    \
  X(UNKNOWN_EVENT, unknownEvent, "no such event")                                                  \
  X(BAD_TIME, badTime, "not a time as RFC 3339 writes it")                                         \
  X(TIME_AHEAD, timeAhead, "receivedAt is more than 2 s ahead of this unit")                       \
  X(WRONG_UNIT, wrongUnit, "not for this unit: the other one does it")                             \
  X(REF_CONFLICT, refConflict, "the same ref came before with other values")                       \
  X(UNKNOWN_HANDOVER, unknownHandover, "no such handover")                                         \
  X(UNKNOWN_REPORT, unknownReport, "no such open report")                                          \
  X(NOT_NOW, notNow, "the event does not fit the phase")                                           \
  X(SUPERVISOR_NEEDED, supervisorNeeded, "a named supervisor and a reason are needed")             \
  X(DRILL_CLOSED, drillClosed, "no drill window is open")                                          \
  X(WRONG_CODE, wrongCode, "the code does not fit")                                                \
  X(NOT_IN_QUARANTINE, notInQuarantine, "nothing in quarantine has that number")                   \
  X(CURSOR_GONE, cursorGone, "the cursor is ahead of the journal or no longer held")               \
  X(NOT_ALLOWED, notAllowed, "this connection may not do that")                                    \
  X(OVERLOADED, overloaded, "more is waiting than the unit takes; try again later")                \
  X(TOO_MANY, tooMany, "a limit on open matters or updates is reached")                            \
  X(STOPPING, stopping, "the unit is stopping")                                                    \
  X(DISK_FULL, diskFull, "no room on the disk but the reserve for danger")                         \
  X(OUTCOME_UNKNOWN, outcomeUnknown, "the disk failed; ask again with the same ref")               \
  X(UNIT_FAILING, unitFailing, "the unit has stopped taking matters")                              \
  X(UNDECIDED, undecided, "no decision was reached; a person must decide")                         \
  X(POLICY_REFUSED, policyRefused, "the policy was not taken; the one before goes on")

enum {
  WEIR_REFUSAL_NONE,
#define X(upper, name, text) WEIR_REFUSAL_##upper,
  WEIR_REFUSAL_MAP(X)
#undef X
      WEIR_REFUSAL_COUNT
};

/* Names of the lists; null for a number outside the list. The number 0 of causes, platforms,
 * channels and refusals is "none", which no line may say. */
const char *weir_fact_name(unsigned bit);
const char *weir_op_name(unsigned op);
const char *weir_event_name(unsigned event);
const char *weir_cause_name(unsigned cause);
const char *weir_party_name(unsigned party);       /* "caller", "12345", "110" */
const char *weir_platform_name(unsigned platform); /* "12345", "110" */
const char *weir_channel_name(unsigned channel);   /* "phone", "internet" */
const char *weir_refusal_name(unsigned refusal);
const char *weir_refusal_text(unsigned refusal); /* English */

/* ---- The label ------------------------------------------------------------------------------- */

/* Bits of `present`: which fields the line held. */
enum {
  WEIR_HAS_REF = 1 << 0,
  WEIR_HAS_FACTS = 1 << 1,
  WEIR_HAS_TEXT = 1 << 2,
  WEIR_HAS_RECEIVED_AT = 1 << 3,
  WEIR_HAS_CALLER = 1 << 4,
  WEIR_HAS_NAME = 1 << 5,
  WEIR_HAS_PHONE = 1 << 6,
  WEIR_HAS_PLACE = 1 << 7,
  WEIR_HAS_COUNTY = 1 << 8,
  WEIR_HAS_ADDRESS = 1 << 9,
  WEIR_HAS_POINT = 1 << 10,
  WEIR_HAS_SEAT = 1 << 11,
  WEIR_HAS_HANDOVER = 1 << 12,
  WEIR_HAS_REPORT = 1 << 13,
  WEIR_HAS_BY = 1 << 14,
  WEIR_HAS_AT = 1 << 15,
  WEIR_HAS_REASON = 1 << 16,
  WEIR_HAS_OWNER = 1 << 17,
  WEIR_HAS_DEPARTMENT = 1 << 18,
  WEIR_HAS_ANSWER = 1 << 19,
  WEIR_HAS_CODE = 1 << 20,
  WEIR_HAS_AFTER = 1 << 21,
  WEIR_HAS_REACHED = 1 << 22,
  WEIR_HAS_ID = 1 << 23,
  WEIR_HAS_UNTIL = 1 << 24,
  WEIR_HAS_RANGE = 1 << 25,
  WEIR_HAS_PATH = 1 << 26,
  WEIR_HAS_SECOND = 1 << 27,
  WEIR_HAS_FOLLOWS = 1 << 28
};

typedef struct weir_message {
  uint8_t op;
  uint8_t platform; /* receivedBy */
  uint8_t channel;
  uint8_t event; /* when op is EVENT */
  uint8_t cause; /* transferFailed.cause */
  uint8_t owner; /* agreed.owner, as a platform */
  uint8_t party; /* threeWayJoined.party */
  bool redialled, confidential, drill, reached, left;
  uint32_t facts; /* bit i: fact i */
  uint32_t present;
  uint32_t county;        /* place.county as a number, 0: none */
  int64_t received_at_ms; /* receivedAt, wall ms */
  int64_t at_ms;          /* at, as claimed */
  int64_t until_ms;       /* drill: when the window closes */
  uint64_t after;         /* watch */
  weir_bytes ref, text, name, phone, address, lon, lat, seat; /* lon, lat: the number's own text */
  weir_bytes handover, report, by, reason, department, answer, code, id, range, path, second,
      follows;
} weir_message;

typedef enum weir_message_mode {
  WEIR_MESSAGE_UNIT, /* `op` and `ref` (on intake, update) are required */
  WEIR_MESSAGE_JUDGE /* weir judge: op (default intake), ref, id, expected, difficulty and why may
                        stand there; the last four are read over, id is kept */
} weir_message_mode;

typedef struct weir_message_fault {
  uint8_t refusal; /* WEIR_REFUSAL_… */
  char field[48];  /* the path, e.g. "facts[2]" or "place.county"; empty for the whole line */
} weir_message_fault;

enum { WEIR_MESSAGE_SCRATCH = WEIR_LINE_BYTES_MAX };

/* Reads one line (without its line feed). True: `message` is whole. False: `fault` names what is
 * wrong, and message->ref holds the ref when it could be read before (else count 0), op likewise.
 * `scratch` holds as many bytes as the line, which are WEIR_MESSAGE_SCRATCH at most. */
bool weir_message_read(weir_bytes line, weir_message_mode mode, uint8_t *scratch,
                       weir_message *message, weir_message_fault *fault);
/* The ref of a line that the reader takes, or takes no more; empty when it has none. Nothing behind
 * it is looked at, so that a start finds the refs of a journal's lines in a few dozen ns each. */
weir_bytes weir_message_ref(weir_bytes line, uint8_t *scratch);
/* Facts whose quoted names stand anywhere in the bytes, well formed or not, and spelt by escapes
 * too: for refusals, so that a dangerous line is never turned away without a number to dial. */
uint32_t weir_message_facts_shown(weir_bytes line);
/* Of these, the ones that stand there without escapes: for the order in which lines that nobody
 * has read are taken. It looks at no byte twice. */
uint32_t weir_message_facts_plain(weir_bytes line);
/* ---- What crossed ---------------------------------------------------------------------------- */

enum { WEIR_CROSSED_NAME_MAX = 40, WEIR_CROSSED_SCRATCH = 2 * WEIR_RECORD_BYTES_MAX };

/* What an inner unit takes out of a record that crossed; views into its bytes or the scratch. */
typedef struct weir_crossed {
  weir_bytes handover, spoken; /* letters, digits and hyphens, 1 to WEIR_CROSSED_NAME_MAX bytes */
  int64_t received_ms, arrived_ms;
  bool drill;
  weir_bytes history; /* what is left of its lines */
  uint8_t *scratch;
} weir_crossed;

/* Reads a record of this revision. Null, or what is wrong: the field's name, or that it is no JSON
 * object. An inner unit trusts nothing: the whole record must be JSON (RFC 8259) without a name
 * that stands twice in its object and without U+0000, at most 16 deep, with at most 256 names open
 * at once, and hold the fields that a desk relies on; fields that are not known here are allowed.
 * `scratch` has WEIR_CROSSED_SCRATCH bytes. */
const char *weir_crossed_read(weir_bytes record, uint32_t revision, uint8_t *scratch,
                              weir_crossed *crossed);
/* Letters, digits and hyphens, as numbers of handovers and names of events are. */
bool weir_crossed_is_name(weir_bytes text);
/* The next line of its history that has an event and a revision; false: there is none. */
bool weir_crossed_change(weir_crossed *crossed, weir_bytes *event, uint64_t *revision);

/* The same field values? Compares the meaning, not the bytes: escapes and order do not count. */
bool weir_message_same(const weir_message *a, const weir_message *b);

#endif
