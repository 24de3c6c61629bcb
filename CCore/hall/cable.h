/* Whether the network interface towards an address has a carrier: a cable that is plugged in, light
 * in a fibre. The kernel takes datagrams for one that has none, and drops them without an error. */
#ifndef WEIR_HALL_CABLE_H
#define WEIR_HALL_CABLE_H

#include <net/if.h>
#include <stdbool.h>
#include <sys/socket.h>

typedef struct hall_cable {
  char name[IF_NAMESIZE]; /* of the interface that was last found; empty: none yet */
} hall_cable;

/* True: the interface `cable->name` is the way to `to`, and has no carrier. False: it has one, or
 * there is no way, which the kernel says by itself to who sends. `fd` is any socket. */
bool hall_cable_lost(hall_cable *cable, int fd, const struct sockaddr *to, socklen_t to_bytes);

#endif
