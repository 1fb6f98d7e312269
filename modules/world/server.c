/* server.c - libmicrohttpd on the host's loop: no thread, no Lua.
**
** The daemon's epoll descriptor is watched by libuv; its timeouts are a libuv timer's. A request that has come in whole
** suspends its connection and waits in a queue; whoever is watching is told. An answer, or the decision to cut the
** connection, resumes it.
**
** Owner: listen.c's userdata owns the server. Its memory goes when both of its handles are closed. Connections hold
** their exchange; a slot for each connection remembers it, because libmicrohttpd does not tell of the end of a request
** whose headers it refused.
*/
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "server.h"

#define IDLE_SECONDS 120u

struct server {
  struct MHD_Daemon *daemon;
  uv_poll_t poll;
  uv_timer_t timer;
  int open_handles;
  size_t max_body;
  exchange *first; /* complete requests, the longest waiting first */
  exchange *last;
  fl_wait *watcher;
  exchange **suspended; /* every exchange whose connection is suspended */
  size_t suspended_count;
  size_t suspended_room;
  bool stopping; /* what comes in now is cut, not suspended */
};

typedef struct slot {
  exchange *current;
} slot;

static void arm_timer(server *s);

/* Lets the daemon do what there is to do. */
static void turn(server *s) {
  MHD_run(s->daemon);
  arm_timer(s);
}

static void on_readable(uv_poll_t *poll, int status, int events) {
  (void)status;
  (void)events;
  turn(poll->data);
}

static void on_timer(uv_timer_t *timer) {
  turn(timer->data);
}

static void arm_timer(server *s) {
  MHD_UNSIGNED_LONG_LONG milliseconds;
  if (MHD_get_timeout(s->daemon, &milliseconds) == MHD_YES) {
    uv_timer_start(&s->timer, on_timer, milliseconds > 0 ? milliseconds : 1, 0); /* libuv starves on zero */
  } else {
    uv_timer_stop(&s->timer);
  }
}

/* ---- the queue, and the suspended ---- */

static bool suspend(server *s, exchange *x) {
  if (s->suspended_count == s->suspended_room) {
    size_t room = s->suspended_room == 0 ? 16 : 2 * s->suspended_room;
    exchange **grown = realloc(s->suspended, room * sizeof(exchange *));
    if (grown == NULL) return false;
    s->suspended = grown;
    s->suspended_room = room;
  }
  s->suspended[s->suspended_count++] = x;
  x->state = EXCHANGE_WAITING;
  MHD_suspend_connection(x->connection);
  x->queued = true;
  if (s->last != NULL) {
    s->last->next = x;
  } else {
    s->first = x;
  }
  s->last = x;
  if (s->watcher != NULL) fl_wait_deliver(s->watcher);
  s->watcher = NULL;
  return true;
}

static void forget_suspended(server *s, const exchange *x) {
  for (size_t i = 0; i < s->suspended_count; i++) {
    if (s->suspended[i] == x) {
      s->suspended[i] = s->suspended[--s->suspended_count];
      return;
    }
  }
}

bool server_ready(const server *s) {
  return s->first != NULL;
}

exchange *server_take(server *s) {
  exchange *x = s->first;
  if (x == NULL) return NULL;
  s->first = x->next;
  if (s->first == NULL) s->last = NULL;
  x->next = NULL;
  x->queued = false;
  x->holders++;
  return x;
}

void server_watch(server *s, fl_wait *wait) {
  s->watcher = wait;
}

static void resume(exchange *x) {
  server *s = x->server;
  forget_suspended(s, x);
  if (x->state == EXCHANGE_RESET) {
    /* Dissolving a connected socket's association is how TCP sends a reset at once (connect(2), AF_UNSPEC). */
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    if (info != NULL) (void)connect(info->connect_fd, &nobody, sizeof nobody);
  }
  MHD_resume_connection(x->connection);
}

void server_resume(exchange *x) {
  server *s = x->server;
  resume(x);
  turn(s);
}

/* ---- libmicrohttpd's callbacks ---- */

static void on_connection(void *context, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode what) {
  (void)context;
  (void)connection;
  slot *held = *socket_context;
  if (what == MHD_CONNECTION_NOTIFY_STARTED) {
    *socket_context = calloc(1, sizeof(slot));
  } else if (held != NULL) {
    exchange_release(held->current);
    free(held);
    *socket_context = NULL;
  }
}

static slot *slot_of(struct MHD_Connection *connection) {
  const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
  return info != NULL ? info->socket_context : NULL;
}

/* The only place where the target can be had as it was sent. */
static void *on_target(void *context, const char *target, struct MHD_Connection *connection) {
  slot *held = slot_of(connection);
  if (held == NULL) return NULL;
  exchange_release(held->current);
  held->current = exchange_new(context, connection, target);
  return held->current;
}

static void on_completed(void *context, struct MHD_Connection *connection, void **request_context,
                         enum MHD_RequestTerminationCode how) {
  (void)how;
  server *s = context;
  exchange *x = *request_context;
  slot *held = slot_of(connection);
  *request_context = NULL;
  if (x == NULL) return;
  x->state = EXCHANGE_OVER;
  x->connection = NULL;
  forget_suspended(s, x);
  if (held != NULL) held->current = NULL;
  exchange_release(x);
}

static enum MHD_Result refuse(struct MHD_Connection *connection, unsigned int status) {
  struct MHD_Response *response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
  if (response == NULL) return MHD_NO;
  MHD_add_response_header(response, "Connection", "close");
  enum MHD_Result result = MHD_queue_response(connection, status, response);
  MHD_destroy_response(response);
  return result;
}

/* Called for the headers, for each piece of the body, for the body's end, and once more when the connection goes on. */
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *data, size_t *length, void **request_context) {
  (void)url;
  server *s = context;
  exchange *x = *request_context;
  if (x == NULL || s->stopping) return MHD_NO; /* NULL: there was no memory for it */
  switch (x->state) {
  case EXCHANGE_NEW: x->state = EXCHANGE_READING; return exchange_read_head(x, method, version) ? MHD_YES : MHD_NO;
  case EXCHANGE_READING: {
    size_t came = *length;
    *length = 0;
    if (came > 0) return exchange_append(x, data, came, s->max_body) ? MHD_YES : MHD_NO;
    if (x->too_large) return refuse(connection, MHD_HTTP_CONTENT_TOO_LARGE);
    return suspend(s, x) ? MHD_YES : MHD_NO;
  }
  case EXCHANGE_ANSWERED: return MHD_queue_response(connection, x->status, x->response);
  case EXCHANGE_WAITING:
  case EXCHANGE_RESET:
  case EXCHANGE_OVER: break;
  }
  return MHD_NO;
}

/* ---- start and stop ---- */

static void on_closed(uv_handle_t *handle) {
  server *s = handle->data;
  if (--s->open_handles > 0) return;
  free(s->suspended);
  free(s);
}

server *server_start(struct uv_loop_s *loop, int socket, size_t max_body) {
  server *s = calloc(1, sizeof *s);
  if (s == NULL) return NULL;
  s->max_body = max_body;
  s->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request, s,
                               MHD_OPTION_LISTEN_SOCKET, socket, MHD_OPTION_URI_LOG_CALLBACK, on_target, s,
                               MHD_OPTION_NOTIFY_COMPLETED, on_completed, s, MHD_OPTION_NOTIFY_CONNECTION,
                               on_connection, s, MHD_OPTION_CONNECTION_TIMEOUT, IDLE_SECONDS, MHD_OPTION_END);
  const union MHD_DaemonInfo *info =
      s->daemon != NULL ? MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
  int result = info == NULL ? UV_ENOMEM : uv_poll_init(loop, &s->poll, info->epoll_fd);
  if (result < 0) {
    if (s->daemon != NULL) MHD_stop_daemon(s->daemon);
    free(s);
    errno = -result;
    return NULL;
  }
  uv_timer_init(loop, &s->timer);
  s->open_handles = 2;
  s->poll.data = s;
  s->timer.data = s;
  uv_poll_start(&s->poll, UV_READABLE, on_readable);
  turn(s);
  return s;
}

void server_stop(server *s) {
  s->stopping = true;
  s->watcher = NULL;
  s->first = s->last = NULL;
  while (s->suspended_count > 0) { /* the daemon cannot be stopped while a connection is suspended */
    exchange *x = s->suspended[0];
    x->state = EXCHANGE_RESET;
    resume(x);
  }
  uv_poll_stop(&s->poll);
  MHD_run(s->daemon);
  MHD_stop_daemon(s->daemon);
  uv_close((uv_handle_t *)&s->poll, on_closed);
  uv_close((uv_handle_t *)&s->timer, on_closed);
}
