/* log_text.h: text from anywhere as the inside of a JSON string; private to the room. */
#ifndef WEIR_LOG_TEXT_H
#define WEIR_LOG_TEXT_H

#include "weir_base.h"

/* Appends `text`, escaped; bytes that are not UTF-8 become U+FFFD, each one. When it does not fit
 * it is cut between two characters and ends with an ellipsis (with nothing, where not even that
 * fits). True when it was cut. Never sets overflow. */
bool weir_log_put_cut(weir_buffer *b, weir_bytes text);

#endif
