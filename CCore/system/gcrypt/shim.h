/* libgcrypt's one header, so that the build can find the library by pkg-config. Only the room
 * `seal` includes it, and no Swift module does. */
#ifndef WEIR_SYSTEM_GCRYPT_H
#define WEIR_SYSTEM_GCRYPT_H

#include <gcrypt.h>

#endif
