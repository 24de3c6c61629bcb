/* ISA-L's one header that is used here, so that the build can find the library by pkg-config. Only
 * the room `fec` includes it, and no Swift module does. */
#ifndef WEIR_SYSTEM_ISAL_H
#define WEIR_SYSTEM_ISAL_H

#include <isa-l/erasure_code.h>

#endif
