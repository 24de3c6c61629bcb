/* weir_canary: faults that are built into the product on purpose, to prove that the tests catch
 * them. An ordinary build has none: there the macro is the constant 0. A test build with
 * WEIR_CANARIES defined carries all of them, and lives with at most one, which is chosen when the
 * process starts by the environment variable WEIR_CANARY (Tests/Support/Canary).
 *
 *   happy path     if (WEIR_CANARY(SKIP_SYNC)) …: false, and the compiler drops it
 *   a wrong name   does not compile
 *
 * Cost: none; in a test build a comparison. Bounded by the list. Kept true by CanaryTests and
 * `.ci/run canaries`, which also proves that the ordinary program has none. */
#ifndef WEIR_CANARY_H
#define WEIR_CANARY_H

/* name, what the product then does wrong */
#define WEIR_CANARY_MAP(X)                                                                         \
  X(SKIP_SYNC, "a batch of the journal is written and not synced")                                 \
  X(ANSWER_EARLY, "an answer leaves before the sync that covers it")                               \
  X(LOSE_TAIL, "recovery leaves the journal's last frame out")                                     \
  X(SKIP_DUPLICATES, "a ref that came before is taken for a new one")                              \
  X(FORGET_DEADLINE, "a minute is journalled and not armed")                                       \
  X(FORGET_REBOOT, "deadlines of an earlier boot are not measured anew")                           \
  X(NO_REPORT, "a lost minute raises no report")                                                   \
  X(FULL_FOR_DANGER, "danger is refused where the disk is full")                                   \
  X(ANYBODY_CLEARS, "whoever gives a reason counts as a supervisor")                               \
  X(ANY_RECEIPT, "every receipt code is the right one")                                            \
  X(ANY_REVISION, "the code over handovers confirms revisions that may not lie inside")            \
  X(NEVER_SUPERSEDED, "a newer revision does not take the older one's place on the link")          \
  X(NO_REPEATS, "a revision is sent once and never again")                                         \
  X(DANGER_LAST, "danger waits for the other lanes")                                               \
  X(NONCE_AGAIN, "two datagrams bear one sequence")                                                \
  X(ACCEPT_REPLAY, "a datagram that came before is taken again")                                   \
  X(ACCEPT_FORGED, "a tag that does not fit is good")                                              \
  X(PUBLISH_EARLY, "an item is published before its mark is journalled")                           \
  X(FORGET_DELIVERED, "a restart forgets what was delivered")                                      \
  X(EFFECTS_EARLY, "a change crosses, and is logged, before it is durable")                        \
  X(SNAPSHOT_GAP, "a snapshot leaves out where a matter's dangers stand")

typedef enum weir_canary {
  WEIR_CANARY_NONE,
#define X(name, wrong) WEIR_CANARY_##name,
  WEIR_CANARY_MAP(X)
#undef X
      WEIR_CANARIES_END
} weir_canary;

#ifdef WEIR_CANARIES
extern weir_canary weir_canary_chosen;
#define WEIR_CANARY(name) (weir_canary_chosen == WEIR_CANARY_##name)
#else
#define WEIR_CANARY(name) (WEIR_CANARY_##name == WEIR_CANARY_NONE)
#endif

#endif
