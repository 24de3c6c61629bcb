/* The inner unit's own lock: after its sockets are open, the kernel refuses every way out, on all
 * threads and for good. Then it tries to send, and says in the log that it was refused.
 *
 * Denied with EPERM: connect, sendto, sendmsg, sendmmsg, io_uring_*, and socket for any family but
 * AF_UNIX. The link socket is not connected, so write on it fails too. */
#include "internal.h"

#include <errno.h>
#include <seccomp.h>
#include <string.h>
#include <sys/socket.h>
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

/* True when the kernel refuses what this unit must never do. */
static bool is_refused(weir_hall *h) {
  const char byte = 0;
  if (socket(AF_INET, SOCK_DGRAM, 0) >= 0 || errno != EPERM) return false;
  for (size_t i = 0; i < h->link_count; i++) {
    const link_socket *s = &h->links[i];
    const struct sockaddr *to = (const struct sockaddr *)&s->address;
    if (sendto(s->fd, &byte, 1, 0, to, sizeof s->address) >= 0 || errno != EPERM) return false;
    if (write(s->fd, &byte, 1) >= 0) return false;
  }
  return true;
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
  if (!is_refused(h)) {
    hall_say(problem, "one-way lock", "(seccomp)", "a test datagram was not refused",
             "This machine must not run an inner unit");
    return WEIR_UNSUPPORTED;
  }
  int64_t wall_ms = h->options.os->wall_ms(h->options.os->context);
  if (weir_log_begin(h->options.log, WEIR_LOG_INFO, true, wall_ms, "oneWayProved",
                     "this unit tried to send and the kernel refused")) {
    (void)weir_log_end(h->options.log);
  }
  return WEIR_OK;
}
