/* The 110 platform's side: take, note, acknowledge.
 *
 *   happy path   lines from the socket, or names from inotify and the files behind them
 *   the folder for drills is made with the first drill: what lies in it by then is read too
 *   the unit ends, a file is gone before it was read   the first is an error; the second is counted
 *                as an item without a number, which the oracle names */
#include "weir_take.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "weir_text.h"

enum { IN_BYTES = 8 << 20, FILE_BYTES = 1 << 20, PATH_BYTES = 512, FOUND_MAX = 4096 };
enum { FOLDER_ITEMS, FOLDER_DRILLS, FOLDERS };

struct weir_take {
  int fd;
  bool remove;
  char folders[FOLDERS][PATH_BYTES];
  int watches[FOLDERS];
  uint64_t found[FOUND_MAX]; /* names that lay among the drills when they were first watched */
  size_t found_count;
  char *in;
  size_t in_end, most;
  uint64_t cursor;
  weir_taken *items;
  _Atomic size_t count, alarms, over;
};

static uint64_t now_ns(void) {
  struct timespec t;
  (void)clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

bool weir_take_read(const char *bytes, size_t count, weir_taken *item) {
  static const char mark[] = ",\"record\":{";
  memset(item, 0, sizeof *item);
  const char *record = memmem(bytes, count, mark, sizeof mark - 1);
  weir_text head = {bytes, record ? (size_t)(record - bytes) : count};
  weir_text body = {record, record ? count - head.count : 0};
  if (!record || !weir_text_is(weir_text_field(head, "kind"), "matter")) return false;
  item->handover = weir_text_handover(weir_text_field(head, "handover"));
  item->crossing = (uint64_t)weir_text_number(weir_text_field(head, "crossing"));
  item->revision = (uint32_t)weir_text_number(weir_text_field(head, "revision"));
  item->arrived_ms = weir_text_time(weir_text_field(head, "arrivedAt"));
  weir_text age = weir_text_field(head, "ageMs"), stale = weir_text_field(head, "stale");
  weir_text receipt = weir_text_field(head, "receipt");
  item->age_ms = weir_text_number(age);
  if (!age.at) item->flags |= WEIR_TAKEN_NO_AGE;
  if (!stale.at) item->flags |= WEIR_TAKEN_NO_STALE;
  if (weir_text_is(stale, "true")) item->flags |= WEIR_TAKEN_STALE;
  if (weir_text_is(weir_text_field(head, "conflict"), "true")) item->flags |= WEIR_TAKEN_CONFLICT;
  if (receipt.at && receipt.count == sizeof item->receipt - 1) {
    memcpy(item->receipt, receipt.at, receipt.count);
  }
  item->received_ms = weir_text_time(weir_text_field(body, "receivedAt"));
  return true;
}

static void note(weir_take *t, const char *bytes, size_t count, uint64_t taken_ns) {
  size_t at = atomic_load(&t->count);
  weir_taken item;
  if (!weir_take_read(bytes, count, &item)) {
    atomic_fetch_add(&t->alarms, 1);
  } else if (at == t->most) {
    atomic_fetch_add(&t->over, 1);
  } else {
    item.taken_ns = taken_ns;
    t->items[at] = item;
    atomic_store(&t->count, at + 1);
  }
}

/* ---- The socket ---- */

static const char *acknowledge(weir_take *t, uint64_t cursor) {
  char line[64];
  if (cursor <= t->cursor) return NULL;
  t->cursor = cursor;
  int count = snprintf(line, sizeof line, "{\"op\":\"taken\",\"after\":%llu}\n",
                       (unsigned long long)cursor);
  bool sent = send(t->fd, line, (size_t)count, MSG_NOSIGNAL) == count;
  return sent ? NULL : "the unit takes no acknowledgement";
}

static const char *take_lines(weir_take *t) {
  static const char item[] = ",\"item\":";
  ssize_t got = read(t->fd, t->in + t->in_end, IN_BYTES - t->in_end);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return NULL;
  if (got <= 0) return "the inner unit closed the delivery socket";
  uint64_t taken_ns = now_ns(), cursor = 0;
  size_t at = 0;
  t->in_end += (size_t)got;
  for (;;) {
    const char *line = t->in + at, *end = memchr(line, '\n', t->in_end - at);
    if (!end) break;
    size_t count = (size_t)(end - line);
    const char *inside = memmem(line, count < 64 ? count : 64, item, sizeof item - 1);
    if (inside) {
      cursor = (uint64_t)weir_text_number(weir_text_field((weir_text){line, 64}, "cursor"));
      note(t, inside, count - (size_t)(inside - line), taken_ns);
    }
    at += count + 1;
  }
  memmove(t->in, t->in + at, t->in_end - at);
  t->in_end -= at;
  if (t->in_end == IN_BYTES) return "an item does not end";
  return acknowledge(t, cursor);
}

static const char *open_socket(weir_take *t, const char *path) {
  static const char take[] = "{\"op\":\"take\"}\n";
  struct sockaddr_un a = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof a.sun_path) return "the delivery socket's path is too long";
  memcpy(a.sun_path, path, strlen(path));
  t->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (t->fd < 0 || connect(t->fd, (struct sockaddr *)&a, sizeof a) != 0) {
    return "nobody listens at the delivery socket";
  }
  if (send(t->fd, take, sizeof take - 1, MSG_NOSIGNAL) != (ssize_t)sizeof take - 1) {
    return "the delivery socket takes nothing";
  }
  return fcntl(t->fd, F_SETFL, O_NONBLOCK) == 0 ? NULL : "the delivery socket cannot be set up";
}

/* ---- The directory ---- */

static void take_file(weir_take *t, const char *folder, const char *name, uint64_t taken_ns) {
  char path[PATH_BYTES + 300];
  if (name[0] == '.') return;
  (void)snprintf(path, sizeof path, "%s/%s", folder, name);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t count = fd >= 0 ? read(fd, t->in, FILE_BYTES) : 0;
  if (fd >= 0) (void)close(fd);
  note(t, t->in, count > 0 ? (size_t)count : 0, taken_ns);
  if (t->remove) (void)unlink(path);
}

static uint64_t hash_of(const char *name) {
  uint64_t hash = UINT64_C(0xcbf29ce484222325);
  for (; *name; name++) hash = (hash ^ (uint8_t)*name) * UINT64_C(0x100000001b3);
  return hash;
}

static bool was_found(const weir_take *t, const char *name) {
  for (size_t i = 0; i < t->found_count; i++) {
    if (t->found[i] == hash_of(name)) return true;
  }
  return false;
}

static int watch(weir_take *t, unsigned folder) {
  uint32_t events = folder == FOLDER_ITEMS ? IN_MOVED_TO | IN_CREATE : IN_MOVED_TO;
  t->watches[folder] = inotify_add_watch(t->fd, t->folders[folder], events | IN_ONLYDIR);
  return t->watches[folder];
}

/* The first drill came. A file that is renamed between the watch and the look is seen by both. */
static const char *find_drills(weir_take *t, uint64_t taken_ns) {
  if (watch(t, FOLDER_DRILLS) < 0) return "the folder for drills cannot be watched";
  DIR *folder = opendir(t->folders[FOLDER_DRILLS]);
  if (!folder) return "the folder for drills cannot be read";
  const struct dirent *e;
  while ((e = readdir(folder)) && t->found_count < FOUND_MAX) {
    if (e->d_name[0] == '.') continue;
    t->found[t->found_count++] = hash_of(e->d_name);
    take_file(t, t->folders[FOLDER_DRILLS], e->d_name, taken_ns);
  }
  (void)closedir(folder);
  return e ? "more drills lay there than there is room for" : NULL;
}

static const char *take_name(weir_take *t, const struct inotify_event *e, uint64_t taken_ns) {
  if (e->len == 0) return NULL;
  if (e->wd == t->watches[FOLDER_ITEMS]) {
    bool drills = (e->mask & IN_ISDIR) && strcmp(e->name, "drill") == 0;
    if (drills && t->watches[FOLDER_DRILLS] < 0) return find_drills(t, taken_ns);
    if (e->mask & IN_MOVED_TO) take_file(t, t->folders[FOLDER_ITEMS], e->name, taken_ns);
  } else if (e->wd == t->watches[FOLDER_DRILLS] && !was_found(t, e->name)) {
    take_file(t, t->folders[FOLDER_DRILLS], e->name, taken_ns);
  }
  return NULL;
}

static const char *take_names(weir_take *t) {
  static _Alignas(struct inotify_event) char events[65536];
  ssize_t got = read(t->fd, events, sizeof events);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return NULL;
  if (got <= 0) return "the delivery directory cannot be watched";
  uint64_t taken_ns = now_ns();
  for (ssize_t at = 0; at < got;) {
    const struct inotify_event *e = (const struct inotify_event *)(const void *)(events + at);
    if (e->mask & IN_Q_OVERFLOW) return "more files appeared than the kernel would name";
    const char *problem = take_name(t, e, taken_ns);
    if (problem) return problem;
    at += (ssize_t)sizeof *e + (ssize_t)e->len;
  }
  return NULL;
}

static const char *open_directory(weir_take *t, const char *path) {
  static const char *const folders[FOLDERS] = {"", "/drill"};
  t->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (t->fd < 0) return "no directory can be watched";
  for (unsigned i = 0; i < FOLDERS; i++) {
    int count = snprintf(t->folders[i], PATH_BYTES, "%s%s", path, folders[i]);
    if (count < 0 || count >= PATH_BYTES) return "the delivery directory's path is too long";
    (void)watch(t, i);
  }
  return t->watches[FOLDER_ITEMS] >= 0 ? NULL : "the delivery directory cannot be watched";
}

/* ---- From outside ---- */

const char *weir_take_open(const weir_take_options *o, weir_take **take) {
  weir_take *t = calloc(1, sizeof *t);
  if (!t) return "out of memory";
  size_t bytes = (o->most + 1) * sizeof *t->items;
  t->fd = -1;
  t->most = o->most;
  t->remove = o->remove;
  t->in = malloc(IN_BYTES);
  /* The kernel gives pages as they are first written. */
  void *items = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  t->items = items == MAP_FAILED ? NULL : items;
  const char *problem = !t->in || !t->items ? "out of memory"
                        : o->socket         ? open_socket(t, o->socket)
                                            : open_directory(t, o->directory);
  if (problem) {
    weir_take_close(t);
    return problem;
  }
  *take = t;
  return NULL;
}

const char *weir_take_turn(weir_take *t, int timeout_ms) {
  struct pollfd p = {.fd = t->fd, .events = POLLIN};
  if (poll(&p, 1, timeout_ms) <= 0) return NULL;
  return t->watches[0] ? take_names(t) : take_lines(t);
}

size_t weir_take_count(const weir_take *t) {
  return atomic_load(&t->count);
}

size_t weir_take_alarms(const weir_take *t) {
  return atomic_load(&t->alarms);
}

size_t weir_take_over(const weir_take *t) {
  return atomic_load(&t->over);
}

const weir_taken *weir_take_items(const weir_take *t) {
  return t->items;
}

void weir_take_close(weir_take *t) {
  if (!t) return;
  if (t->fd >= 0) (void)close(t->fd);
  if (t->items) (void)munmap(t->items, (t->most + 1) * sizeof *t->items);
  free(t->in);
  free(t);
}
