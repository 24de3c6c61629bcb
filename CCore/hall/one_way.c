/* The inner unit's own lock: after its sockets are open, the kernel refuses every way out, on all
 * threads and for good. Then it tries each of these ways, and says in the log that all were
 * refused.
 *
 * Denied with EPERM: connect, sendto, sendmsg, sendmmsg, io_uring_*, and socket for any family but
 * AF_UNIX. The link socket is not connected, so write on it fails too. */
#include "internal.h"

#include <errno.h>
#include <pthread.h>
#include <seccomp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static int deny(scmp_filter_ctx filter, int call) {
  return seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), call, 0);
}

static int build(scmp_filter_ctx filter) {
  const int calls[] = {SCMP_SYS(connect),          SCMP_SYS(sendto),
                       SCMP_SYS(sendmsg),          SCMP_SYS(sendmmsg),
                       SCMP_SYS(io_uring_setup),   SCMP_SYS(io_uring_enter),
                       SCMP_SYS(io_uring_register)};
  int failed = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
  for (size_t i = 0; i < sizeof calls / sizeof *calls && !failed; i++) {
    failed = deny(filter, calls[i]);
  }
  if (failed) return failed;
  const struct scmp_arg_cmp other_family = {0, SCMP_CMP_NE, AF_UNIX, 0};
  return seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 1, other_family);
}

/* Sockets of a kind that could carry something out. */
static bool is_socket_refused(void) {
  const int families[] = {AF_INET, AF_INET6, AF_PACKET, AF_NETLINK, AF_VSOCK};
  for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
    if (socket(families[i], SOCK_DGRAM, 0) >= 0 || errno != EPERM) return false;
  }
  return true;
}

/* Every call that could send on this socket; `write` fails because it is not connected. */
static bool is_sending_refused(const link_socket *s) {
  uint8_t byte = 0;
  struct sockaddr_storage to = s->address;
  struct iovec part = {&byte, 1};
  struct mmsghdr message = {
      .msg_hdr = {.msg_name = &to, .msg_namelen = sizeof to, .msg_iov = &part, .msg_iovlen = 1}};
  const struct sockaddr *address = (const struct sockaddr *)&to;
  if (connect(s->fd, address, sizeof to) == 0 || errno != EPERM) return false;
  if (sendto(s->fd, &byte, 1, 0, address, sizeof to) >= 0 || errno != EPERM) return false;
  if (sendmsg(s->fd, &message.msg_hdr, 0) >= 0 || errno != EPERM) return false;
  if (sendmmsg(s->fd, &message, 1, 0) >= 0 || errno != EPERM) return false;
  return write(s->fd, &byte, 1) < 0 && writev(s->fd, &part, 1) < 0;
}

/* True when the kernel refuses what this unit must never do. */
static bool is_refused(const weir_hall *h) {
  if (syscall(SYS_io_uring_setup, 1, NULL) >= 0 || errno != EPERM) return false;
  if (!is_socket_refused()) return false;
  for (size_t i = 0; i < h->link_count; i++) {
    if (!is_sending_refused(&h->links[i])) return false;
  }
  return true;
}

/* The lock holds for all threads: another one tries too. */
static void *try_elsewhere(void *context) {
  bool *refused = context;
  *refused = is_socket_refused();
  return NULL;
}

static bool is_refused_elsewhere(void) {
  bool refused = false;
  pthread_t thread;
  if (pthread_create(&thread, NULL, try_elsewhere, &refused) != 0) return false;
  return pthread_join(thread, NULL) == 0 && refused;
}

weir_status hall_deny_sending(weir_hall *h, char problem[512]) {
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
  int failed = filter ? build(filter) : -ENOMEM;
  if (!failed) failed = seccomp_load(filter);
  if (filter) seccomp_release(filter);
  if (failed) {
    hall_say(problem, "one-way lock", "(seccomp)", strerror(-failed),
             "The kernel must support seccomp filters; an inner unit does not run without it");
    return WEIR_UNSUPPORTED;
  }
  if (!is_refused(h) || !is_refused_elsewhere()) {
    hall_say(problem, "one-way lock", "(seccomp)", "a test datagram was not refused",
             "This machine must not run an inner unit");
    return WEIR_UNSUPPORTED;
  }
  int64_t wall_ms = h->options.os->wall_ms(h->options.os->context);
  if (weir_log_begin(h->options.log, WEIR_LOG_INFO, true, wall_ms, "oneWayProved",
                     "this unit tried every way to send and the kernel refused each")) {
    (void)weir_log_end(h->options.log);
  }
  return WEIR_OK;
}
