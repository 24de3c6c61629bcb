/* rules.c: which fields an operation and an event take, and which they need.
 *
 *   happy path             masks over the fields that came: nothing foreign, nothing missing
 *   a field of another op  unknownField, for the first such field in the line
 *   a field is missing     missingField, for the first in the order of the fields' list
 *   what masks cannot say  (this or that, danger facts only) is looked at behind them */
#include "reading.h"

#define REF_BITS    (BIT(OP) | BIT(REF))
#define PERSON_BITS (BIT(BY) | BIT(AT) | BIT(REASON) | BIT(SEAT))
#define BODY_BITS   (BIT(FACTS) | BIT(TEXT) | BIT(CALLER) | BIT(PLACE))
#define MARK_BITS   (BIT(REDIALLED) | BIT(CONFIDENTIAL) | BIT(DRILL))

typedef struct field_rule {
  uint64_t takes, needs;
} field_rule;

/* Events take these beside what each needs for itself. */
static const field_rule rules[WEIR_OP_COUNT] = {
    [WEIR_OP_INTAKE] = {REF_BITS | BODY_BITS | MARK_BITS | BIT(RECEIVED_BY) | BIT(CHANNEL) |
                            BIT(RECEIVED_AT) | BIT(SEAT) | BIT(FOLLOWS),
                        BIT(RECEIVED_BY) | BIT(CHANNEL)},
    [WEIR_OP_UPDATE] = {REF_BITS | BODY_BITS | PERSON_BITS | BIT(HANDOVER), BIT(HANDOVER)},
    [WEIR_OP_EVENT] = {REF_BITS | PERSON_BITS | BIT(HANDOVER) | BIT(EVENT), BIT(EVENT)},
    [WEIR_OP_GET] = {REF_BITS | BIT(HANDOVER), BIT(HANDOVER)},
    [WEIR_OP_WATCH] = {REF_BITS | BIT(AFTER), 0},
    [WEIR_OP_STATUS] = {REF_BITS, 0},
    [WEIR_OP_METRICS] = {REF_BITS, 0},
    [WEIR_OP_ADMIT] = {REF_BITS | BIT(ID) | BIT(BY) | BIT(REASON), BIT(ID) | BIT(BY) | BIT(REASON)},
    [WEIR_OP_DRILL] = {REF_BITS | BIT(UNTIL) | BIT(BY) | BIT(REASON), 0},
    [WEIR_OP_RELOAD] = {REF_BITS | BIT(PATH) | BIT(BY) | BIT(SECOND) | BIT(REASON), 0},
    [WEIR_OP_TRACE] = {REF_BITS | BIT(HANDOVER), BIT(HANDOVER)},
    [WEIR_OP_DIGEST] = {REF_BITS | BIT(ID) | BIT(RANGE) | BIT(CODE) | BIT(BY), 0},
    [WEIR_OP_QUARANTINE] = {REF_BITS | BIT(ID), 0},
    [WEIR_OP_RELEASE] = {REF_BITS | BIT(ID) | BIT(BY) | BIT(REASON),
                         BIT(ID) | BIT(BY) | BIT(REASON)},
    [WEIR_OP_TAKE] = {REF_BITS | BIT(AFTER), 0},
    [WEIR_OP_TAKEN] = {REF_BITS | BIT(AFTER), BIT(AFTER)},
    [WEIR_OP_RESEND] = {REF_BITS | BIT(RANGE) | BIT(BY), BIT(RANGE) | BIT(BY)},
    [WEIR_OP_EXPORT] = {REF_BITS | BIT(RANGE) | BIT(PATH) | BIT(BY) | BIT(SECOND),
                        BIT(RANGE) | BIT(PATH) | BIT(BY) | BIT(SECOND)},
    [WEIR_OP_IMPORT] = {REF_BITS | BIT(PATH) | BIT(BY), BIT(PATH) | BIT(BY)},
};

static const field_rule event_rules[WEIR_EVENT_SPEAKABLE] = {
    [WEIR_EVENT_TRANSFER_FAILED] = {BIT(CAUSE), BIT(CAUSE)},
    [WEIR_EVENT_CALLER_TOLD] = {0, BIT(BY)},
    [WEIR_EVENT_THREE_WAY_JOINED] = {BIT(PARTY) | BIT(LEFT), 0},
    [WEIR_EVENT_AGREED] = {BIT(OWNER), BIT(OWNER)},
    [WEIR_EVENT_DANGER_RAISED] = {BIT(FACTS) | BIT(TEXT), 0},
    [WEIR_EVENT_DANGER_CLEARED] = {0, BIT(BY) | BIT(REASON)},
    [WEIR_EVENT_VERIFIED] = {BIT(DEPARTMENT) | BIT(ANSWER), BIT(DEPARTMENT)},
    [WEIR_EVENT_GUIDED] = {BIT(REACHED), BIT(REACHED)},
    [WEIR_EVENT_REFERRED] = {BIT(DEPARTMENT), BIT(DEPARTMENT)},
    [WEIR_EVENT_RECEIPT] = {BIT(CODE), BIT(CODE)},
    [WEIR_EVENT_REPORT_ACKNOWLEDGED] = {BIT(REPORT), 0},
    [WEIR_EVENT_CANCELLED] = {0, BIT(REASON)},
};

/* False while the line has not told its operation, or its event. */
static bool rule_of(const reading *r, weir_message_mode mode, field_rule *rule) {
  const weir_message *m = r->m;
  bool judge = mode == WEIR_MESSAGE_JUDGE;
  if (!judge && !(r->seen & BIT(OP))) return false;
  WEIR_ASSERT(m->op < WEIR_OP_COUNT);
  *rule = rules[m->op];
  if (judge) rule->takes |= JUDGE_BITS;
  if (m->op == WEIR_OP_EVENT) {
    if (!(r->seen & BIT(EVENT))) return false;
    WEIR_ASSERT(m->event < WEIR_EVENT_SPEAKABLE);
    rule->takes |= event_rules[m->event].takes;
    rule->needs |= event_rules[m->event].needs;
  }
  if (!judge && (m->op == WEIR_OP_INTAKE || m->op == WEIR_OP_UPDATE)) rule->needs |= BIT(REF);
  return true;
}

int rules_first_foreign(const reading *r, weir_message_mode mode) {
  field_rule rule;
  if (!rule_of(r, mode, &rule) || !(r->seen & ~rule.takes)) return -1;
  unsigned i = 0;
  while (rule.takes & (UINT64_C(1) << r->order[i])) i++;
  WEIR_ASSERT(i < r->count);
  return r->order[i];
}

/* An event names a handover; the acknowledgement of a report may name the report instead. */
static bool check_event(reading *r) {
  bool handover = r->seen & BIT(HANDOVER), report = r->seen & BIT(REPORT);
  if (handover && report) return scan_fail(&r->s, WEIR_REFUSAL_BAD_VALUE, "report");
  if (!handover && !report) return scan_fail(&r->s, WEIR_REFUSAL_MISSING_FIELD, "handover");
  /* Only dangerRaised takes facts at all. */
  if ((r->m->facts & ~WEIR_FACTS_DANGER) == 0) return true;
  return scan_fail(&r->s, WEIR_REFUSAL_BAD_VALUE, "facts");
}

bool rules_check(reading *r, weir_message_mode mode) {
  const weir_message *m = r->m;
  field_rule rule;
  bool judge = mode == WEIR_MESSAGE_JUDGE;
  if (judge && m->op != WEIR_OP_INTAKE) return scan_fail(&r->s, WEIR_REFUSAL_UNKNOWN_OP, "op");
  if (!rule_of(r, mode, &rule)) {
    const char *untold = r->seen & BIT(OP) ? "event" : "op";
    return scan_fail(&r->s, WEIR_REFUSAL_MISSING_FIELD, untold);
  }
  int foreign = rules_first_foreign(r, mode);
  if (foreign >= 0) return scan_fail(&r->s, WEIR_REFUSAL_UNKNOWN_FIELD, field_name(foreign));
  uint64_t missing = rule.needs & ~r->seen;
  if (missing) {
    return scan_fail(&r->s, WEIR_REFUSAL_MISSING_FIELD, field_name(__builtin_ctzll(missing)));
  }
  if (m->op == WEIR_OP_EVENT) return check_event(r);
  uint64_t one_of = m->op == WEIR_OP_INTAKE   ? BIT(FACTS) | BIT(TEXT)
                    : m->op == WEIR_OP_UPDATE ? BODY_BITS
                                              : 0;
  if (one_of && !(r->seen & one_of)) return scan_fail(&r->s, WEIR_REFUSAL_MISSING_FIELD, "facts");
  return true;
}
