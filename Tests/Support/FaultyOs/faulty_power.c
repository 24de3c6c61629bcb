/* faulty_power.c: how a process ends, and how a machine does.
 *
 *   crash       open files are marked dead, locks fall
 *   power cut   the same, and every change that was not synced meets its fate; then the durable
 *               world becomes the only one
 *
 * A cut has one of four moods, drawn from its seed, because independent coins alone would hardly
 * ever keep a long write whole or lose a day's work: everything, nothing, up to a point, by coin.
 */
#include "faulty.h"

#include <string.h>

typedef enum mood { KEEP_ALL, LOSE_ALL, KEEP_BEGINNING, BY_COIN, MOODS } mood;

typedef enum fate { KEPT, LOST, GARBLED } fate;

typedef struct cut {
  mood mood;
  uint64_t chance;
  uint64_t left; /* KEEP_BEGINNING: how many more are kept */
} cut;

static fate next_fate(cut *c) {
  switch (c->mood) {
  case KEEP_ALL:
    return KEPT;
  case KEEP_BEGINNING:
    if (c->left > 0) {
      c->left--;
      return KEPT;
    }
    /* The one under way when the power went is the one that may be spoiled. */
    c->mood = LOSE_ALL;
    return faulty_draw(&c->chance) % 2 == 0 ? GARBLED : LOST;
  case BY_COIN: {
    uint64_t coin = faulty_draw(&c->chance) % 4;
    return coin < 2 ? KEPT : coin == 2 ? LOST : GARBLED;
  }
  case LOSE_ALL:
  case MOODS:
    break;
  }
  return LOST;
}

/* Zeros, noise, or one wrong bit. */
static void garble(cut *c, uint8_t *bytes, size_t count) {
  switch (faulty_draw(&c->chance) % 3) {
  case 0:
    memset(bytes, 0, count);
    return;
  case 1:
    for (size_t i = 0; i < count; i++) {
      bytes[i] = (uint8_t)faulty_draw(&c->chance);
    }
    return;
  default:
    break;
  }
  uint64_t bit = faulty_draw(&c->chance) % (count * 8);
  bytes[bit / 8] = (uint8_t)(bytes[bit / 8] ^ (1U << (bit % 8)));
}

/* The bytes of one write, sector by sector. */
static void meet_write(cut *c, faulty_file *file, faulty_change *change) {
  size_t at = 0;
  while (at < change->count) {
    uint64_t offset = change->offset + at;
    size_t part = SECTOR_BYTES - (size_t)(offset % SECTOR_BYTES);
    if (part > change->count - at) part = change->count - at;
    fate met = next_fate(c);
    if (met == GARBLED) garble(c, change->bytes + at, part);
    if (met != LOST) {
      faulty_content_write(&file->durable, offset, weir_view(change->bytes + at, part));
    }
    at += part;
  }
}

static void meet_changes(cut *c, faulty_file *file) {
  for (faulty_change *change = file->first; change != NULL; change = change->next) {
    if (change->kind == CHANGE_WRITE) {
      meet_write(c, file, change);
    } else if (next_fate(c) == KEPT) {
      uint64_t size = change->kind == CHANGE_TRUNCATE ? 0 : change->offset;
      bool changes = change->kind == CHANGE_TRUNCATE || size > file->durable.size;
      if (changes) faulty_content_resize(&file->durable, size);
    }
  }
  faulty_forget_changes(file);
}

static uint64_t count_changes(const weir_faulty_os *os) {
  uint64_t count = 0;
  for (const faulty_file *file = os->files; file != NULL; file = file->next) {
    for (const faulty_change *change = file->first; change != NULL; change = change->next) {
      count += 1 + change->count / SECTOR_BYTES;
    }
  }
  for (const faulty_name_change *change = os->first; change != NULL; change = change->next) {
    count++;
  }
  return count;
}

static void cut_power(weir_faulty_os *os, cut *c) {
  weir_faulty_os_crash(os);
  c->left = faulty_draw(&c->chance) % (count_changes(os) + 1);
  for (const faulty_name_change *change = os->first; change != NULL; change = change->next) {
    if (next_fate(c) == KEPT) faulty_apply(&os->durable, change);
  }
  for (faulty_file *file = os->files; file != NULL; file = file->next) {
    meet_changes(c, file);
    faulty_content_copy(&file->seen, &file->durable);
  }
  faulty_forget_name_changes(os);
  faulty_copy_names(os, &os->seen, os->durable);
  faulty_copy_names(os, &os->durable, os->seen);
  faulty_sweep(os);
  os->boot_ns = 0;
  for (size_t i = 0; i < sizeof os->boot_id; i++) {
    os->boot_id[i] = (uint8_t)faulty_draw(&c->chance);
  }
}

void weir_faulty_os_power_cut(weir_faulty_os *os, uint64_t seed) {
  cut c = {.chance = seed};
  c.mood = (mood)(faulty_draw(&c.chance) % MOODS);
  cut_power(os, &c);
}

void weir_faulty_os_power_cut_losing_all(weir_faulty_os *os, uint64_t seed) {
  cut c = {.mood = LOSE_ALL, .chance = seed};
  cut_power(os, &c);
}

void weir_faulty_os_crash(weir_faulty_os *os) {
  for (weir_file *handle = os->opens; handle != NULL; handle = handle->next) {
    if (handle->file != NULL) handle->file->lock = NULL;
    handle->file = NULL;
  }
  faulty_sweep(os);
}

void weir_faulty_os_settle(weir_faulty_os *os) {
  for (faulty_file *file = os->files; file != NULL; file = file->next) {
    faulty_settle_file(file);
  }
  for (const faulty_name_change *change = os->first; change != NULL; change = change->next) {
    faulty_apply(&os->durable, change);
  }
  faulty_forget_name_changes(os);
  faulty_sweep(os);
}
