/* weir_faulty_os: an outside world that lies on purpose, in order, and with a seed.
 *
 * A table for weir_os whose files live in memory. It keeps apart what a process sees and what the
 * disk would still have after the power went: every file has its content as seen and as durable,
 * with the writes between them in a list; every directory has its names as seen and as durable,
 * with the creations, renames and removals between them in a list.
 *
 *   sync            the file's list goes into its durable content
 *   sync_directory  that directory's list goes into the durable names. A file's sync does not make
 *                   its name durable, and a name's sync does not make the file's content durable.
 *   sync_filesystem both, for everything
 *   a failed sync   some sectors of the list become durable, by chance, and the list is forgotten:
 *                   no later sync writes them, though they can still be read. So does Linux.
 *   a failed write  a beginning of it, by chance, was written
 *   power cut       every sector (512 bytes) of every listed write is kept, dropped or garbled,
 *                   every listed name change is kept or lost; bytes beside a write stay whole.
 *                   Then what is durable is what is seen; open files and locks are gone.
 *   crash           the death of a process: open files and locks are gone, all that was written
 *                   stays, and stays unsynced
 *
 * The same calls with the same seeds give the same world. "/" and "." are always there; other
 * directories must be made, and are lost with a power cut if nobody synced their parent. Files
 * that were open when the process died answer IO_FAILED, and may still be closed. For one thread
 * at a time; only for tests: what would be a status in the program may be a trap here.
 *
 * Cost: a copy in memory, and a walk along lists of names. Bounded by memory: pages of zeros take
 * none. Kept true by FaultyOsTests.
 */
#ifndef WEIR_FAULTY_OS_H
#define WEIR_FAULTY_OS_H

#include "weir_os.h"

typedef struct weir_faulty_os weir_faulty_os;

/* The functions that can fail, and be counted. ANY stands for all of them together. */
typedef enum weir_faulty_call {
  WEIR_FAULTY_ANY,
  WEIR_FAULTY_BOOT_ID,
  WEIR_FAULTY_RANDOM,
  WEIR_FAULTY_OPEN,
  WEIR_FAULTY_READ_AT,
  WEIR_FAULTY_WRITE_AT,
  WEIR_FAULTY_SYNC,
  WEIR_FAULTY_RESERVE,
  WEIR_FAULTY_SIZE,
  WEIR_FAULTY_RENAME,
  WEIR_FAULTY_REMOVE,
  WEIR_FAULTY_SYNC_DIRECTORY,
  WEIR_FAULTY_SYNC_FILESYSTEM,
  WEIR_FAULTY_MAKE_DIRECTORY,
  WEIR_FAULTY_LIST,
  WEIR_FAULTY_FREE_BYTES,
  WEIR_FAULTY_CALLS /* how many there are */
} weir_faulty_call;

/* An empty world: both clocks at 0, the boot id drawn from the seed, no end of space. */
weir_faulty_os *weir_faulty_os_open(uint64_t seed);
void weir_faulty_os_close(weir_faulty_os *os); /* null accepted */
/* The table, valid until close. */
const weir_os *weir_faulty_os_table(weir_faulty_os *os);

/* ---- Clocks and chance -------------------------------------------------------------------- */

void weir_faulty_os_set_boot_ns(weir_faulty_os *os, uint64_t boot_ns);
void weir_faulty_os_set_wall_ms(weir_faulty_os *os, int64_t wall_ms);
/* Time passes on both clocks; the wall clock keeps the part of a millisecond. */
void weir_faulty_os_advance(weir_faulty_os *os, uint64_t ns);
void weir_faulty_os_set_boot_id(weir_faulty_os *os, const uint8_t id[16]);
/* Begins the random bytes anew. */
void weir_faulty_os_set_random(weir_faulty_os *os, uint64_t seed);

/* ---- Faults ------------------------------------------------------------------------------- */

/* After `good` more good calls of this kind, `bad` calls fail with `status` (UINT64_MAX: for
 * ever). One fault at a time: this replaces the one before. */
void weir_faulty_os_fail(weir_faulty_os *os, weir_faulty_call call, uint64_t good, uint64_t bad,
                         weir_status status);
/* Calls that the fault has made fail since it was set. A countdown is over when this stays 0. */
uint64_t weir_faulty_os_failures(const weir_faulty_os *os);
/* No fault any more. */
void weir_faulty_os_heal(weir_faulty_os *os);
/* Calls since open, failed ones too. */
uint64_t weir_faulty_os_calls(const weir_faulty_os *os, weir_faulty_call call);
/* The size of the disk. Files count with their size; a smaller one than is used is allowed. */
void weir_faulty_os_set_capacity(weir_faulty_os *os, uint64_t bytes);

/* ---- Ends --------------------------------------------------------------------------------- */

/* The power goes and comes back: another boot id (drawn from the seed), the boot clock at 0. The
 * seed also picks how bad it is: everything kept, everything lost, kept up to some point, or each
 * sector and name for itself. */
void weir_faulty_os_power_cut(weir_faulty_os *os, uint64_t seed);
/* The same, and nothing survives that was not synced. */
void weir_faulty_os_power_cut_losing_all(weir_faulty_os *os, uint64_t seed);
/* The process dies; the machine goes on. */
void weir_faulty_os_crash(weir_faulty_os *os);
/* All that was done so far is durable, and was not counted. */
void weir_faulty_os_settle(weir_faulty_os *os);

/* ---- Behind the table's back -------------------------------------------------------------- */

/* These see and change what a process sees, and count no calls. NOT_FOUND for a path that is no
 * file. */
weir_status weir_faulty_os_file_size(const weir_faulty_os *os, const char *path, uint64_t *size);
weir_status weir_faulty_os_peek(const weir_faulty_os *os, const char *path, uint64_t offset,
                                void *into, size_t count, size_t *got);
/* Overwrites, as a bad disk does: seen and durable at once. Grows the file where it must. */
weir_status weir_faulty_os_poke(weir_faulty_os *os, const char *path, uint64_t offset,
                                weir_bytes bytes);
/* Cuts or lengthens (with zeros), seen and durable at once. */
weir_status weir_faulty_os_truncate(weir_faulty_os *os, const char *path, uint64_t size);

#endif
