/* Files of the ferry and of discs: any bytes end in one of the reader's statuses, what it lends
 * lies within them, and a file that it calls whole is written again to the same bytes. The receiver
 * of files takes whatever datagrams they hold. */
#include "../fuzz_memory.h"
#include "weir_link.h"

#include <stdlib.h>
#include <string.h>

static weir_keyring *ring(void) {
  static weir_keyring *keys;
  static const char line[] = "1 aes-256-gcm "
                             "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a\n";
  uint32_t at = 0;
  char reason[96];
  if (keys == NULL) {
    WEIR_ASSERT(weir_seal_self_test() == WEIR_OK);
    WEIR_ASSERT(weir_keyring_read(weir_text(line), &keys, &at, reason) == WEIR_OK);
  }
  return keys;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  weir_link_receiver *receiver = NULL;
  weir_link_receiver_options o = {ring(), 0, true};
  WEIR_ASSERT(weir_link_receiver_open(&o, &receiver) == WEIR_OK);
  uint8_t *again = malloc(size + 1), *copy = malloc(WEIR_DATAGRAM_MAX);
  WEIR_ASSERT(again != NULL && copy != NULL);
  weir_buffer written = weir_buffer_over(again, size);
  weir_link_file frames;
  weir_link_file_begin(&frames, &written);
  weir_link_file_reader reader = {0};
  weir_bytes rest = weir_view(data, size), datagram;
  weir_status status;
  while ((status = weir_link_file_next(&reader, &rest, &datagram)) == WEIR_OK) {
    WEIR_ASSERT(datagram.at >= data && datagram.at + datagram.count <= data + size);
    weir_link_file_add(&frames, datagram, &written);
    memcpy(copy, datagram.at, datagram.count);
    (void)weir_link_receiver_take(receiver, copy, datagram.count, 0);
    weir_link_event event;
    while (weir_link_receiver_next(receiver, &event)) {
    }
  }
  if (status == WEIR_CLOSED) {
    weir_link_file_end(&frames, &written);
    WEIR_ASSERT(!written.overflow && written.count == size - rest.count);
    WEIR_ASSERT(memcmp(again, data, written.count) == 0);
  }
  WEIR_ASSERT(status == WEIR_CLOSED || status == WEIR_AGAIN || status == WEIR_INVALID);
  weir_link_receiver_close(receiver);
  free(again);
  free(copy);
  return 0;
}
