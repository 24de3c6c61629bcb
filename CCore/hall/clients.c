/* Listeners and clients: who may come in, what they send, what they are answered. */
#include "internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 1024 };

/* ---- Closing ---- */

static void on_client_closed(uv_handle_t *handle) {
  client *c = handle->data;
  weir_unit_disconnect(c->hall->unit, c->number);
  c->used = false;
  c->hall->client_count--;
}

static void close_client(client *c) {
  if (c->closing) return;
  c->closing = true;
  uv_close(&c->handle, on_client_closed);
}

void hall_close_clients(weir_hall *h) {
  for (uint32_t i = 0; i < WEIR_CONNECTIONS_MAX; i++) {
    if (h->clients[i].used) close_client(&h->clients[i]);
  }
}

/* ---- Reading and writing ---- */

static void on_space(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer) {
  client *c = handle->data;
  (void)suggested;
  size_t room = 0;
  uint8_t *at = weir_unit_space(c->hall->unit, c->number, &room);
  *buffer = uv_buf_init((char *)at, (unsigned)room);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer) {
  client *c = stream->data;
  (void)buffer;
  hall_begin_turn(c->hall);
  if (count > 0) {
    c->active_ms = hall_now_ms(c->hall);
    weir_unit_filled(c->hall->unit, c->number, (size_t)count);
    return;
  }
  if (count == 0) return;
  uv_read_stop(stream);
  c->reading = false;
  if (count == UV_ENOBUFS) return; /* no room now: it is read again when there is */
  /* An error is an end too: who closes without reading its answers resets the connection, and yet
   * everything that it sent before came. */
  weir_unit_hang_up(c->hall->unit, c->number);
}

static void on_written(uv_write_t *write, int status) {
  client *c = write->data;
  size_t count = c->writing;
  c->writing = 0;
  if (status == 0) {
    weir_unit_written(c->hall->unit, c->number, count);
  } else {
    close_client(c);
  }
}

static void write_answers(client *c) {
  while (c->writing == 0) {
    weir_bytes bytes = weir_unit_output(c->hall->unit, c->number);
    if (bytes.count == 0) return;
    uv_buf_t buffer = uv_buf_init((char *)(uintptr_t)bytes.at, (unsigned)bytes.count);
    int written = uv_try_write(&c->stream, &buffer, 1);
    if (written > 0) {
      c->active_ms = hall_now_ms(c->hall);
      weir_unit_written(c->hall->unit, c->number, (size_t)written);
      continue;
    }
    if (written != UV_EAGAIN) {
      close_client(c);
      return;
    }
    c->writing = bytes.count;
    c->write.data = c;
    if (uv_write(&c->write, &c->stream, &buffer, 1, on_written) != 0) {
      c->writing = 0;
      close_client(c);
    }
    return;
  }
}

static void serve_one(client *c) {
  weir_hall *h = c->hall;
  if (c->closing) return;
  write_answers(c);
  if (c->closing) return;
  size_t room = 0;
  if (!c->reading && weir_unit_space(h->unit, c->number, &room) != NULL && room > 0) {
    c->reading = uv_read_start(&c->stream, on_space, on_read) == 0;
  }
  if (c->writing == 0 && weir_unit_finished(h->unit, c->number)) close_client(c);
}

static void close_idle(weir_hall *h) {
  uint64_t now = hall_now_ms(h);
  if (h->options.idle_ms == 0 || now < h->idle_scan_ms) return;
  h->idle_scan_ms = now + IDLE_SCAN_MS;
  for (uint32_t i = 0; i < WEIR_CONNECTIONS_MAX; i++) {
    client *c = &h->clients[i];
    if (!c->used || c->closing || now < c->active_ms + h->options.idle_ms) continue;
    /* Closed when its last line is answered: one whose end never came may wait there. */
    if (weir_unit_idle(h->unit, c->number)) weir_unit_hang_up(h->unit, c->number);
  }
}

void hall_serve_clients(weir_hall *h) {
  uint32_t left = h->client_count;
  for (uint32_t i = 0; i < WEIR_CONNECTIONS_MAX && left > 0; i++) {
    if (!h->clients[i].used) continue;
    left--;
    serve_one(&h->clients[i]);
  }
  close_idle(h);
}

bool hall_clients_quiet(const weir_hall *h) {
  for (uint32_t i = 0; i < WEIR_CONNECTIONS_MAX; i++) {
    const client *c = &h->clients[i];
    if (!c->used || c->closing) continue;
    if (c->writing > 0 || weir_unit_output(h->unit, c->number).count > 0) return false;
  }
  return true;
}

/* ---- Accepting ---- */

static bool is_allowed(const weir_hall *h, const listener *l, client *c) {
  if (l->tcp_kind) return true;
  uv_os_fd_t fd = -1;
  struct ucred peer = {0};
  socklen_t size = sizeof peer;
  if (uv_fileno(&c->handle, &fd) != 0) return false;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
  for (size_t i = 0; i < h->options.allow_count; i++) {
    if (h->options.allow[i] == peer.uid) return true;
  }
  return false;
}

/* A client that is turned away gets one line that says why; what it cannot take is lost. */
static void turn_away(client *c, weir_bytes line) {
  uv_buf_t buffer = uv_buf_init((char *)(uintptr_t)line.at, (unsigned)line.count);
  (void)uv_try_write(&c->stream, &buffer, 1);
}

static int init_stream(weir_hall *h, bool tcp, client *c) {
  return tcp ? uv_tcp_init(&h->loop, &c->tcp) : uv_pipe_init(&h->loop, &c->pipe, 0);
}

static void on_stray_closed(uv_handle_t *handle) {
  weir_free(handle->data);
}

/* A client over the limit: accepted only to be told so. */
static void refuse_stray(listener *l) {
  client *stray = weir_allocate(1, sizeof *stray);
  if (!stray) return;
  stray->handle.data = stray;
  if (init_stream(l->hall, l->tcp_kind, stray) != 0) {
    weir_free(stray);
    return;
  }
  stray->handle.data = stray;
  if (uv_accept(&l->stream, &stray->stream) == 0) {
    turn_away(stray, weir_unit_no_place(l->hall->unit));
  }
  uv_close(&stray->handle, on_stray_closed);
}

static void on_connection(uv_stream_t *server, int status) {
  listener *l = server->data;
  weir_hall *h = l->hall;
  uint32_t number = 0;
  if (status != 0) return;
  bool full = h->client_count >= h->client_max;
  if (full || weir_unit_connect(h->unit, l->control, &number) != WEIR_OK) {
    refuse_stray(l);
    return;
  }
  client *c = &h->clients[number];
  memset(c, 0, sizeof *c);
  c->hall = h;
  c->number = number;
  if (init_stream(h, l->tcp_kind, c) != 0) {
    weir_unit_disconnect(h->unit, number);
    return;
  }
  if (l->taker) weir_unit_take_items(h->unit, number);
  c->used = true;
  c->handle.data = c;
  c->active_ms = hall_now_ms(h);
  h->client_count++;
  if (uv_accept(server, &c->stream) != 0) {
    close_client(c);
    return;
  }
  if (!is_allowed(h, l, c)) {
    turn_away(c, weir_text("{\"error\":{\"code\":\"notAllowed\",\"message\":\"this user is not in "
                           "intake.allow\"}}\n"));
    close_client(c);
    return;
  }
  c->reading = uv_read_start(&c->stream, on_space, on_read) == 0;
}

/* ---- Listening ---- */

/* Does a process listen there? Then it is another unit's, or no unit's at all. */
static bool is_served(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  size_t count = strlen(path);
  if (count >= sizeof address.sun_path) return false;
  memcpy(address.sun_path, path, count);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return false;
  bool served = connect(fd, (struct sockaddr *)&address, sizeof address) == 0 || errno == EAGAIN;
  (void)close(fd);
  return served;
}

/* A socket left behind by a run that was killed is in the way. Anything that is not a socket
 * stays. */
static void remove_left_behind(const char *path) {
  struct stat info;
  if (lstat(path, &info) == 0 && S_ISSOCK(info.st_mode)) (void)unlink(path);
}

static weir_status listen_unix(weir_hall *h, listener *l, const char *path, const char *key,
                               char problem[512]) {
  if (is_served(path)) {
    hall_say(problem, key, path, "another process listens there",
             "Stop it, or give each unit a socket of its own");
    return WEIR_BUSY;
  }
  l->hall = h;
  remove_left_behind(path);
  int failed = uv_pipe_init(&h->loop, &l->pipe, 0);
  l->open = failed == 0;
  l->handle.data = l;
  if (!failed) failed = uv_pipe_bind(&l->pipe, path);
  if (!failed) l->path = path;
  if (!failed) failed = uv_pipe_chmod(&l->pipe, UV_READABLE | UV_WRITABLE);
  if (!failed) failed = uv_listen(&l->stream, BACKLOG, on_connection);
  if (!failed) return WEIR_OK;
  hall_say(problem, key, path, uv_strerror(failed),
           failed == UV_EADDRINUSE
               ? "What lies there is no socket: move it away, or name another path"
               : "Check that its folder exists and that this user may write there");
  return WEIR_IO_FAILED;
}

static weir_status listen_tcp(weir_hall *h, listener *l, char problem[512]) {
  struct sockaddr_storage address = {0};
  const weir_address *a = &h->options.intake_tcp;
  int failed = strchr(a->host, ':') ? uv_ip6_addr(a->host, a->port, (struct sockaddr_in6 *)&address)
                                    : uv_ip4_addr(a->host, a->port, (struct sockaddr_in *)&address);
  l->hall = h;
  l->tcp_kind = true;
  if (!failed) failed = uv_tcp_init(&h->loop, &l->tcp);
  l->open = failed == 0;
  l->handle.data = l;
  if (!failed) failed = uv_tcp_bind(&l->tcp, (struct sockaddr *)&address, 0);
  if (!failed) failed = uv_listen(&l->stream, BACKLOG, on_connection);
  if (!failed) return WEIR_OK;
  hall_say_address(problem, "intake.tcp", a, uv_strerror(failed),
                   "Check that the port is free and the address is this machine's");
  return WEIR_IO_FAILED;
}

weir_status hall_listen(weir_hall *h, char problem[512]) {
  const weir_hall_options *o = &h->options;
  weir_status status = WEIR_OK;
  if (o->intake_socket) {
    status = listen_unix(h, &h->listeners[0], o->intake_socket, "intake.socket", problem);
  }
  if (status == WEIR_OK && o->control_socket) {
    h->listeners[1].control = true;
    status = listen_unix(h, &h->listeners[1], o->control_socket, "control", problem);
  }
  if (status == WEIR_OK && o->delivery_socket) {
    h->listeners[3].taker = true;
    status = listen_unix(h, &h->listeners[3], o->delivery_socket, "delivery.socket", problem);
  }
  if (status == WEIR_OK && o->intake_tcp.host) {
    status = listen_tcp(h, &h->listeners[2], problem);
  }
  return status;
}

void hall_stop_listening(weir_hall *h) {
  for (unsigned i = 0; i < LISTENERS; i++) {
    listener *l = &h->listeners[i];
    if (!l->open) continue;
    l->open = false;
    uv_close(&l->handle, NULL);
    if (l->path) remove_left_behind(l->path);
  }
}

uint16_t weir_hall_tcp_port(const weir_hall *h) {
  const listener *l = &h->listeners[2];
  struct sockaddr_storage address = {0};
  int size = sizeof address;
  if (!l->open || uv_tcp_getsockname(&l->tcp, (struct sockaddr *)&address, &size) != 0) return 0;
  if (address.ss_family == AF_INET6) return ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
  return ntohs(((struct sockaddr_in *)&address)->sin_port);
}
