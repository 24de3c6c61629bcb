/* The mailbox: how other threads have something done on the loop thread.
 *
 *   happy path   a letter is pushed, the loop is woken and opens it before its next turn
 *   the end      what is left, or comes too late, is opened with `live` false */
#include "internal.h"

weir_status weir_hall_post(weir_hall *h, void (*open)(void *context, bool live), void *context) {
  letter *l = weir_allocate(1, sizeof *l);
  if (!l) return WEIR_OUT_OF_MEMORY;
  l->open = open;
  l->context = context;
  uv_mutex_lock(&h->mail);
  l->next = h->letters;
  h->letters = l;
  atomic_store(&h->has_mail, true);
  bool late = h->mail_closed;
  if (!late) uv_async_send(&h->wake);
  uv_mutex_unlock(&h->mail);
  if (late) hall_open_letters(h, false);
  return WEIR_OK;
}

void hall_wake(weir_hall *h) {
  uv_mutex_lock(&h->mail);
  if (!h->mail_closed) uv_async_send(&h->wake);
  uv_mutex_unlock(&h->mail);
}

void hall_close_mail(weir_hall *h) {
  uv_mutex_lock(&h->mail);
  h->mail_closed = true;
  uv_mutex_unlock(&h->mail);
  hall_open_letters(h, false);
}

void hall_open_letters(weir_hall *h, bool live) {
  if (!atomic_exchange(&h->has_mail, false)) return;
  uv_mutex_lock(&h->mail);
  letter *newest = h->letters, *first = NULL;
  h->letters = NULL;
  uv_mutex_unlock(&h->mail);
  while (newest) { /* in the order in which they were posted */
    letter *next = newest->next;
    newest->next = first;
    first = newest;
    newest = next;
  }
  while (first) {
    letter *next = first->next;
    first->open(first->context, live);
    weir_free(first);
    first = next;
  }
}
