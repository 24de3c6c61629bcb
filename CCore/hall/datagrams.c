/* Sending and receiving many datagrams at once; see the header for the ways and their fall-backs.
 */
#include "weir_datagrams.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>

enum {
  SEGMENTS_MAX = 64,         /* datagrams of one message, as the kernel has it */
  MESSAGE_BYTES_MAX = 65000, /* less than what one IP packet may say of its length */
  MESSAGES_IN = 4,
  BUFFER_BYTES = 64 * 1024
};

const char *weir_offload_name(weir_offload offload) {
  static const char *const names[] = {"plain", "batches", "segments"};
  return names[offload];
}

weir_offload weir_offload_for_sending(int fd) {
  int size = 0;
  socklen_t bytes = sizeof size;
  bool segments = getsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &size, &bytes) == 0;
  return segments ? WEIR_OFFLOAD_SEGMENTS : WEIR_OFFLOAD_BATCHES;
}

weir_offload weir_offload_for_receiving(int fd) {
  int on = 1;
  bool segments = setsockopt(fd, IPPROTO_UDP, UDP_GRO, &on, sizeof on) == 0;
  return segments ? WEIR_OFFLOAD_SEGMENTS : WEIR_OFFLOAD_BATCHES;
}

/* ---- Sending ---- */

typedef struct segment_size {
  _Alignas(struct cmsghdr) uint8_t bytes[CMSG_SPACE(sizeof(uint16_t))];
} segment_size;

typedef struct batch_out {
  struct iovec parts[WEIR_DATAGRAMS_MAX];
  struct mmsghdr messages[WEIR_DATAGRAMS_MAX];
  segment_size sizes[WEIR_DATAGRAMS_MAX];
  size_t datagrams[WEIR_DATAGRAMS_MAX]; /* of each message */
  unsigned count;
} batch_out;

/* How many of these datagrams go into one message: equal ones, and one shorter behind them. */
static size_t run_length(const weir_outlet *o, const weir_bytes *datagrams, size_t count) {
  if (o->offload != WEIR_OFFLOAD_SEGMENTS) return 1;
  const size_t around = o->around_bytes;
  size_t most = o->burst_bytes > 0 ? o->burst_bytes : SIZE_MAX;
  size_t bytes = datagrams[0].count, run = 1;
  while (run < count && run < SEGMENTS_MAX && datagrams[run - 1].count == datagrams[0].count) {
    size_t next = datagrams[run].count;
    if (next == 0 || next > datagrams[0].count || bytes + next > MESSAGE_BYTES_MAX) break;
    if (bytes + next + (run + 1) * around > most) break;
    bytes += next;
    run++;
  }
  return run;
}

static void say_segment_size(struct msghdr *header, segment_size *size, size_t bytes) {
  memset(size, 0, sizeof *size);
  header->msg_control = size->bytes;
  header->msg_controllen = sizeof size->bytes;
  struct cmsghdr *message = CMSG_FIRSTHDR(header);
  message->cmsg_level = IPPROTO_UDP;
  message->cmsg_type = UDP_SEGMENT;
  message->cmsg_len = CMSG_LEN(sizeof(uint16_t));
  const uint16_t value = (uint16_t)bytes;
  memcpy(CMSG_DATA(message), &value, sizeof value);
}

static void batch_fill(batch_out *b, weir_outlet *o, const weir_bytes *datagrams, size_t count) {
  b->count = 0;
  for (size_t at = 0; at < count;) {
    size_t run = run_length(o, datagrams + at, count - at);
    for (size_t i = 0; i < run; i++) {
      /* The kernel only reads what it sends, though its type has no const. */
      union {
        const uint8_t *in;
        void *out;
      } pointer = {datagrams[at + i].at};
      b->parts[at + i] = (struct iovec){pointer.out, datagrams[at + i].count};
    }
    struct mmsghdr *message = &b->messages[b->count];
    *message = (struct mmsghdr){.msg_hdr = {.msg_name = &o->to,
                                            .msg_namelen = o->to_bytes,
                                            .msg_iov = &b->parts[at],
                                            .msg_iovlen = run}};
    if (run > 1) say_segment_size(&message->msg_hdr, &b->sizes[b->count], datagrams[at].count);
    b->datagrams[b->count++] = run;
    at += run;
  }
}

/* Sends messages from `first` on: how many went; 0 with errno set. */
static unsigned batch_send(const weir_outlet *o, batch_out *b, unsigned first) {
  const int flags = MSG_NOSIGNAL | MSG_DONTWAIT;
  if (o->offload == WEIR_OFFLOAD_PLAIN) {
    return sendmsg(o->fd, &b->messages[first].msg_hdr, flags) < 0 ? 0 : 1;
  }
  int sent = sendmmsg(o->fd, &b->messages[first], b->count - first, flags);
  return sent < 0 ? 0 : (unsigned)sent;
}

/* After an error: true when another way was chosen, and the same is to be tried again. */
static bool fall_back(weir_outlet *o, size_t run) {
  if (errno == ENOSYS && o->offload == WEIR_OFFLOAD_BATCHES) {
    o->offload = WEIR_OFFLOAD_PLAIN;
    return true;
  }
  bool cannot_cut = errno == EIO || errno == EINVAL || errno == EMSGSIZE || errno == EOPNOTSUPP;
  if (run < 2 || !cannot_cut) return false;
  o->offload = WEIR_OFFLOAD_BATCHES;
  return true;
}

size_t weir_outlet_send(weir_outlet *o, const weir_bytes *datagrams, size_t count,
                        uint8_t *refused) {
  WEIR_ASSERT(count <= WEIR_DATAGRAMS_MAX);
  batch_out batch;
  size_t done = 0;
  bool filled = false;
  unsigned next = 0;
  while (done < count) {
    if (!filled) batch_fill(&batch, o, datagrams + done, count - done);
    if (!filled) next = 0;
    filled = true;
    unsigned sent = batch_send(o, &batch, next);
    for (unsigned i = 0; i < sent; i++) done += batch.datagrams[next++];
    if (sent > 0 || errno == EINTR) continue;
    o->error = errno;
    if (errno == EAGAIN || errno == ENOBUFS) break;
    if (fall_back(o, batch.datagrams[next])) {
      filled = false;
      continue;
    }
    const size_t run = batch.datagrams[next++];
    for (size_t i = 0; refused && i < run; i++) refused[done + i]++;
    o->given_up += run;
    done += run;
  }
  return done;
}

/* ---- Receiving ---- */

struct weir_inlet {
  uint8_t *buffers;
  struct iovec parts[MESSAGES_IN];
  struct mmsghdr messages[MESSAGES_IN];
  struct {
    _Alignas(struct cmsghdr) uint8_t bytes[CMSG_SPACE(sizeof(int))];
  } sizes[MESSAGES_IN];
};

weir_status weir_inlet_open(weir_inlet **out) {
  weir_inlet *inlet = weir_allocate(1, sizeof *inlet);
  uint8_t *buffers = weir_allocate(MESSAGES_IN, BUFFER_BYTES);
  if (!inlet || !buffers) {
    weir_free(inlet);
    weir_free(buffers);
    return WEIR_OUT_OF_MEMORY;
  }
  inlet->buffers = buffers;
  *out = inlet;
  return WEIR_OK;
}

void weir_inlet_close(weir_inlet *inlet) {
  if (!inlet) return;
  weir_free(inlet->buffers);
  weir_free(inlet);
}

/* The size of the datagrams that came in one piece; `bytes` when it is one. */
static size_t segment_bytes(struct msghdr *header, size_t bytes) {
  for (struct cmsghdr *m = CMSG_FIRSTHDR(header); m; m = CMSG_NXTHDR(header, m)) {
    if (m->cmsg_level != IPPROTO_UDP || m->cmsg_type != UDP_GRO) continue;
    int size = 0;
    memcpy(&size, CMSG_DATA(m), sizeof size);
    WEIR_ASSERT(size > 0);
    return (size_t)size;
  }
  return bytes;
}

size_t weir_inlet_receive(weir_inlet *inlet, int fd, void *context,
                          void (*take)(void *context, uint8_t *datagram, size_t count)) {
  for (unsigned i = 0; i < MESSAGES_IN; i++) {
    inlet->parts[i] = (struct iovec){inlet->buffers + (size_t)i * BUFFER_BYTES, BUFFER_BYTES};
    inlet->messages[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &inlet->parts[i],
                                                      .msg_iovlen = 1,
                                                      .msg_control = inlet->sizes[i].bytes,
                                                      .msg_controllen = sizeof inlet->sizes[i]}};
  }
  int got = recvmmsg(fd, inlet->messages, MESSAGES_IN, MSG_DONTWAIT, NULL);
  size_t datagrams = 0;
  for (int i = 0; i < got; i++) {
    uint8_t *at = inlet->parts[i].iov_base;
    size_t left = inlet->messages[i].msg_len;
    size_t each = segment_bytes(&inlet->messages[i].msg_hdr, left);
    do { /* an empty datagram is one too */
      size_t count = left < each ? left : each;
      take(context, at, count);
      at += count;
      left -= count;
      datagrams++;
    } while (left > 0);
  }
  return datagrams;
}
