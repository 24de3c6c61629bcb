/* The inside of the hall: what its files share. */
#ifndef WEIR_HALL_INTERNAL_H
#define WEIR_HALL_INTERNAL_H

#include "cable.h"
#include "weir_datagrams.h"
#include "weir_hall.h"
#include "weir_pacer.h"

#include <stdatomic.h>
#include <uv.h>

enum {
  LISTENERS = 4,
  LANES = 4,
  DATAGRAMS_PER_TURN = 128,
  STOP_GRACE_MS = 5000,
  END_GRACE_MS = 2000, /* for jobs in flight, once everything else has ended */
  IDLE_SCAN_MS = 1000,
  CABLE_SCAN_MS = 1000,
  LOG_RETRY_MS = 1000,
  LOG_GATHER_MS = 20
};

typedef struct listener {
  union {
    uv_handle_t handle;
    uv_stream_t stream;
    uv_pipe_t pipe;
    uv_tcp_t tcp;
  };
  weir_hall *hall;
  const char *path; /* of a Unix socket, removed at close */
  bool open, tcp_kind, control, taker;
} listener;

typedef struct client {
  union {
    uv_handle_t handle;
    uv_stream_t stream;
    uv_pipe_t pipe;
    uv_tcp_t tcp;
  };
  uv_write_t write;
  weir_hall *hall;
  uint32_t number; /* the unit's connection */
  size_t writing;  /* bytes in flight */
  uint64_t active_ms;
  bool used, reading, closing;
} client;

typedef struct link_socket {
  uv_poll_t poll;
  weir_hall *hall;
  int fd; /* -1: none */
  bool polling;
  struct sockaddr_storage address;
  uint16_t port;
  weir_offload offload; /* as it was said in the log */
  weir_outlet outlet;   /* outer */
  size_t sent;          /* outer: of the hall's batch */
  hall_cable cable;     /* outer: towards the address; */
  bool lost;            /* and it has no carrier */
} link_socket;

/* Jobs beside the disk thread's, one in flight on a thread of the loop's pool. */
typedef struct lane {
  uv_work_t work;
  weir_hall *hall;
  weir_job *job; /* in flight, or null */
  weir_status status;
  weir_job *(*take)(weir_unit *u);
  void (*done)(weir_unit *u, weir_job *job, weir_status status);
} lane;

typedef struct letter {
  struct letter *next;
  void (*open)(void *context, bool live);
  void *context;
} letter;

struct weir_hall {
  weir_hall_options options;
  weir_unit *unit;
  uv_loop_t loop;
  uv_prepare_t prepare;
  uv_idle_t idle;
  uv_timer_t timer;
  uv_async_t wake;
  bool running, ending, closed, abandoned;
  weir_status result;
  atomic_bool stop_asked, reopen_asked;
  uv_mutex_t mail;
  letter *letters; /* under `mail`; the newest first */
  bool mail_closed;
  atomic_bool has_mail;
  bool stopping;
  uint64_t stop_ms, idle_scan_ms;
  uint64_t turn_ns; /* when this turn began; 0: the loop waits */

  listener listeners[LISTENERS];
  client *clients;                   /* WEIR_CONNECTIONS_MAX */
  uint32_t client_count, client_max; /* the most is what the limit of open files leaves */

  link_socket links[WEIR_HALL_ADDRESSES_MAX];
  size_t link_count;
  weir_inlet *inlet;                    /* inner */
  weir_bytes batch[WEIR_DATAGRAMS_MAX]; /* outer: being sent, lent by the unit */
  size_t batch_count;
  uint8_t refused[WEIR_DATAGRAMS_MAX]; /* of the batch: how many addresses refused it */
  weir_pacer pacer;                    /* of each address */
  bool throttled;                      /* something waits for the rate */
  uint64_t cable_scan_ms;              /* outer: the next look at the cables */

  weir_job *job; /* with the disk thread */
  weir_status job_status;
  uv_thread_t disk;
  uv_sem_t disk_wanted; /* a job is there, or disk_ends */
  uv_async_t disk_done;
  atomic_bool disk_idle, disk_ends;
  lane lanes[LANES];

  uv_fs_t log_request;
  uv_file log_fd;
  bool log_busy;
  uint64_t log_retry_ms;
  uint64_t log_since_ms; /* lines gather since then; 0: none do */
};

/* hall.c */
uint64_t hall_now_ms(const weir_hall *h); /* CLOCK_BOOTTIME */
/* A turn is what lies between two waits. libuv's own figure of its idle time would cost a second
 * poll in each, so whatever may be long and comes before on_prepare calls this. */
void hall_begin_turn(weir_hall *h);
void hall_say(char problem[512], const char *what, const char *name, const char *why,
              const char *next);
void hall_say_address(char problem[512], const char *what, const weir_address *a, const char *why,
                      const char *next);

/* disk.c */
weir_status hall_start_disk(weir_hall *h);
void hall_end_disk(weir_hall *h);   /* after the loop */
void hall_close_disk(weir_hall *h); /* while the loop ends: when no job is on its way */
void hall_on_disk_done(uv_async_t *done);
void hall_start_job(weir_hall *h);
void hall_start_lanes(weir_hall *h);
weir_status hall_open_log(weir_hall *h);
void hall_flush_log(weir_hall *h);
/* At the end: what is left in the ring, written without the loop. */
void hall_drain_log(weir_hall *h);

/* mailbox.c */
void hall_open_letters(weir_hall *h, bool live);
/* The loop is about to be closed: what is posted from now on is opened at once, `live` false. */
void hall_close_mail(weir_hall *h);
/* From any thread, whether or not the loop has ended. */
void hall_wake(weir_hall *h);

/* clients.c */
weir_status hall_listen(weir_hall *h, char problem[512]);
void hall_stop_listening(weir_hall *h);
void hall_serve_clients(weir_hall *h);
void hall_close_clients(weir_hall *h);
bool hall_clients_quiet(const weir_hall *h);

/* link.c */
weir_status hall_open_links(weir_hall *h, char problem[512]);
void hall_start_links(weir_hall *h);
/* True when it stopped for the budget, not for want of something to send. */
bool hall_send_datagrams(weir_hall *h);
void hall_close_links(weir_hall *h);

/* one_way.c */
weir_status hall_deny_sending(weir_hall *h, char problem[512]);

#endif
