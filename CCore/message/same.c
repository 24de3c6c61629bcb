/* Do two labels say the same? By meaning: escapes and the order of fields are gone by now, and a
 * coordinate is compared as a number. */
#include "weir_message.h"

#include <stdlib.h>
#include <string.h>

static bool same_number(weir_bytes a, weir_bytes b) {
  char one[48] = {0}, other[48] = {0};
  if (a.count >= sizeof one || b.count >= sizeof other) return weir_equal(a, b);
  if (a.count) memcpy(one, a.at, a.count);
  if (b.count) memcpy(other, b.at, b.count);
  double difference = strtod(one, NULL) - strtod(other, NULL);
  return !(difference < 0) && !(difference > 0);
}

static bool same_texts(const weir_message *a, const weir_message *b) {
  return weir_equal(a->ref, b->ref) && weir_equal(a->text, b->text) &&
         weir_equal(a->name, b->name) && weir_equal(a->phone, b->phone) &&
         weir_equal(a->address, b->address) && weir_equal(a->seat, b->seat) &&
         weir_equal(a->handover, b->handover) && weir_equal(a->report, b->report) &&
         weir_equal(a->by, b->by) && weir_equal(a->reason, b->reason) &&
         weir_equal(a->department, b->department) && weir_equal(a->answer, b->answer) &&
         weir_equal(a->code, b->code) && weir_equal(a->id, b->id) &&
         weir_equal(a->range, b->range) && weir_equal(a->path, b->path) &&
         weir_equal(a->second, b->second) && weir_equal(a->follows, b->follows);
}

bool weir_message_same(const weir_message *a, const weir_message *b) {
  if (a->op != b->op || a->platform != b->platform || a->channel != b->channel) return false;
  if (a->event != b->event || a->cause != b->cause || a->owner != b->owner) return false;
  if (a->redialled != b->redialled || a->confidential != b->confidential) return false;
  if (a->drill != b->drill || a->reached != b->reached) return false;
  if (a->party != b->party || a->left != b->left) return false;
  if (a->facts != b->facts || a->present != b->present || a->county != b->county) return false;
  if (a->received_at_ms != b->received_at_ms || a->at_ms != b->at_ms) return false;
  if (a->after != b->after || a->until_ms != b->until_ms) return false;
  return same_texts(a, b) && same_number(a->lon, b->lon) && same_number(a->lat, b->lat);
}
