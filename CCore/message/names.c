/* The names of the closed lists, in both directions. A name that is not in its list is refused by
 * the reader; a number that is not in its list has no name here (null). */
#include "names.h"

#include "scan.h"

#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

enum { FACT_NAME_MAX = 31, ESCAPE_BYTES = 6 /* \uXXXX */ };

static const char *const facts[] = {
#define X(upper, name) #name,
    WEIR_FACT_MAP(X)
#undef X
};

static const uint8_t fact_lengths[] = {
#define X(upper, name) sizeof(#name) - 1,
    WEIR_FACT_MAP(X)
#undef X
};

/* Bit n: some fact's name has n bytes, or begins or ends with the n-th letter from 'A' on. */
#define LETTER(character) (UINT64_C(1) << ((unsigned)(character) - 'A'))
static const uint64_t fact_sizes = 0
#define X(upper, name) | UINT64_C(1) << (sizeof(#name) - 1)
    WEIR_FACT_MAP(X)
#undef X
    ;
static const uint64_t fact_begins = 0
#define X(upper, name) | LETTER(#name[0])
    WEIR_FACT_MAP(X)
#undef X
    ;
static const uint64_t fact_ends = 0
#define X(upper, name) | LETTER(#name[sizeof(#name) - 2])
    WEIR_FACT_MAP(X)
#undef X
    ;

static const char *const ops[] = {
#define X(upper, name) #name,
    WEIR_OP_MAP(X)
#undef X
};

static const char *const events[] = {
#define X(upper, name) #name,
    WEIR_EVENT_MAP(X)
#undef X
};

static const char *const causes[] = {"none",
#define X(upper, name) #name,
                                     WEIR_CAUSE_MAP(X)
#undef X
};

static const char *const parties[] = {"none",
#define X(upper, name) name,
                                      WEIR_PARTY_MAP(X)
#undef X
};

static const char *const refusals[] = {"none",
#define X(upper, name, text) #name,
                                       WEIR_REFUSAL_MAP(X)
#undef X
};

static const char *const refusal_texts[] = {"nothing was refused",
#define X(upper, name, text) text,
                                            WEIR_REFUSAL_MAP(X)
#undef X
};

static const char *const platforms[] = {"none", "12345", "110"};
static const char *const channels[] = {"none", "phone", "internet"};

const char *weir_fact_name(unsigned bit) {
  return bit < COUNT_OF(facts) ? facts[bit] : NULL;
}
const char *weir_op_name(unsigned op) {
  return op < COUNT_OF(ops) ? ops[op] : NULL;
}

const char *weir_event_name(unsigned event) {
  return event < COUNT_OF(events) ? events[event] : NULL;
}

const char *weir_cause_name(unsigned cause) {
  return cause < COUNT_OF(causes) ? causes[cause] : NULL;
}

const char *weir_party_name(unsigned party) {
  return party < COUNT_OF(parties) ? parties[party] : NULL;
}

const char *weir_platform_name(unsigned platform) {
  return platform < COUNT_OF(platforms) ? platforms[platform] : NULL;
}

const char *weir_channel_name(unsigned channel) {
  return channel < COUNT_OF(channels) ? channels[channel] : NULL;
}

const char *weir_refusal_name(unsigned refusal) {
  return refusal < COUNT_OF(refusals) ? refusals[refusal] : NULL;
}

const char *weir_refusal_text(unsigned refusal) {
  return refusal < COUNT_OF(refusal_texts) ? refusal_texts[refusal] : NULL;
}

/* Linear, but a name is compared only where its first byte fits. */
static int find(const char *const *names, size_t from, size_t count, weir_bytes name) {
  if (name.count == 0) return -1;
  for (size_t i = from; i < count; i++) {
    if (names[i][0] != (char)name.at[0]) continue;
    if (strlen(names[i]) == name.count && memcmp(names[i], name.at, name.count) == 0) {
      return (int)i;
    }
  }
  return -1;
}

static inline bool is_among(uint64_t letters, uint8_t c) {
  return c >= 'A' && c <= 'z' && (letters >> (c - 'A') & 1);
}

/* By size, first and last letter: every quoted word of a line is held against these when danger is
 * looked for, and few pass. */
static inline bool may_be_fact(weir_bytes name) {
  if (name.count > FACT_NAME_MAX || !(fact_sizes >> name.count & 1)) return false;
  return is_among(fact_begins, name.at[0]) && is_among(fact_ends, name.at[name.count - 1]);
}

/* Of a name that may be one. */
static int find_fact(weir_bytes name) {
  for (size_t i = 0; i < COUNT_OF(facts); i++) {
    bool near = fact_lengths[i] == name.count && facts[i][0] == (char)name.at[0];
    if (near && memcmp(facts[i], name.at, name.count) == 0) return (int)i;
  }
  return -1;
}

int names_fact(weir_bytes name) {
  return may_be_fact(name) ? find_fact(name) : -1;
}

int names_op(weir_bytes name) {
  return find(ops, 0, COUNT_OF(ops), name);
}
int names_event(weir_bytes name) {
  return find(events, 0, WEIR_EVENT_SPEAKABLE, name);
}
int names_cause(weir_bytes name) {
  return find(causes, 1, COUNT_OF(causes), name);
}
int names_party(weir_bytes name) {
  return find(parties, 1, COUNT_OF(parties), name);
}
int names_platform(weir_bytes name) {
  return find(platforms, 1, COUNT_OF(platforms), name);
}
int names_channel(weir_bytes name) {
  return find(channels, 1, COUNT_OF(channels), name);
}

/* The fact whose name stands between two quotes and is spelt by escapes. */
static int escaped_fact(weir_bytes quoted) {
  uint8_t scratch[FACT_NAME_MAX * ESCAPE_BYTES];
  if (quoted.count > sizeof scratch || !memchr(quoted.at, '\\', quoted.count)) return -1;
  weir_message_fault fault;
  weir_bytes name;
  scan s = {.at = quoted.at - 1, .end = quoted.at + quoted.count + 1, .scratch = scratch};
  s.fault = &fault;
  return scan_string(&s, SCAN_ANY, "", &name, NULL) ? names_fact(name) : -1;
}

/* What stands before the next quote, and behind that one the rest. False: there is none. */
static inline bool take_to_quote(weir_bytes *rest, weir_bytes *quoted) {
  const uint8_t *quote = rest->count > 0 ? memchr(rest->at, '"', rest->count) : NULL;
  if (!quote) return false;
  *quoted = weir_view(rest->at, (size_t)(quote - rest->at));
  *rest = weir_view(quote + 1, rest->count - quoted->count - 1);
  return true;
}

uint32_t weir_message_facts_plain(weir_bytes line) {
  uint32_t shown = 0;
  weir_bytes quoted;
  if (!take_to_quote(&line, &quoted)) return shown;
  while (take_to_quote(&line, &quoted)) {
    int fact = may_be_fact(quoted) ? find_fact(quoted) : -1;
    if (fact >= 0) shown |= 1u << fact;
  }
  return shown;
}

uint32_t weir_message_facts_shown(weir_bytes line) {
  uint32_t shown = weir_message_facts_plain(line);
  weir_bytes quoted;
  if (!take_to_quote(&line, &quoted)) return shown;
  while (take_to_quote(&line, &quoted)) {
    int fact = escaped_fact(quoted);
    if (fact >= 0) shown |= 1u << fact;
  }
  return shown;
}
