/* Cables.
 *
 *   an interface is known   it is asked for its carrier: one call, no memory
 *   it has none, or none    a socket that is connected and sends nothing has the address that the
 *   is known                kernel would send from, and that is an interface's
 *
 * What can go wrong: the way goes by another interface now; there is no way; two interfaces have
 * one address. What we do then: it is looked for anew as long as there is no carrier; nothing; the
 * first counts. */
#include "cable.h"

#include <ifaddrs.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static bool is_running(const hall_cable *cable, int fd) {
  struct ifreq request = {0};
  memcpy(request.ifr_name, cable->name, sizeof request.ifr_name);
  return ioctl(fd, SIOCGIFFLAGS, &request) == 0 && (request.ifr_flags & IFF_RUNNING);
}

/* The address that the kernel would send from. */
static bool find_source(const struct sockaddr *to, socklen_t to_bytes,
                        struct sockaddr_storage *from) {
  int fd = socket(to->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  socklen_t size = sizeof *from;
  bool found =
      connect(fd, to, to_bytes) == 0 && getsockname(fd, (struct sockaddr *)from, &size) == 0;
  (void)close(fd);
  return found;
}

static bool is_same(const struct sockaddr *one, const struct sockaddr_storage *other) {
  if (one == NULL || one->sa_family != other->ss_family) return false;
  if (one->sa_family == AF_INET) {
    const struct sockaddr_in *a = (const void *)one, *b = (const void *)other;
    return a->sin_addr.s_addr == b->sin_addr.s_addr;
  }
  const struct sockaddr_in6 *a = (const void *)one, *b = (const void *)other;
  return memcmp(&a->sin6_addr, &b->sin6_addr, sizeof a->sin6_addr) == 0;
}

/* The interface with that address becomes the cable's. */
static bool find_interface(hall_cable *cable, const struct sockaddr_storage *from) {
  struct ifaddrs *all = NULL;
  if (getifaddrs(&all) != 0) return false;
  const struct ifaddrs *at = all;
  while (at != NULL && !is_same(at->ifa_addr, from)) at = at->ifa_next;
  if (at != NULL) {
    memset(cable->name, 0, sizeof cable->name);
    memcpy(cable->name, at->ifa_name, strnlen(at->ifa_name, sizeof cable->name - 1));
  }
  freeifaddrs(all);
  return at != NULL;
}

bool hall_cable_lost(hall_cable *cable, int fd, const struct sockaddr *to, socklen_t to_bytes) {
  struct sockaddr_storage from = {0};
  if (cable->name[0] != 0 && is_running(cable, fd)) return false;
  return find_source(to, to_bytes, &from) && find_interface(cable, &from) && !is_running(cable, fd);
}
