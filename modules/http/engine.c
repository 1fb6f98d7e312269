/* engine.c - libcurl's multi interface on the host's loop.
**
** libcurl says which sockets it watches and when it wants to be called (on_socket, on_timeout); the loop tells it what
** happened (on_poll, on_timer, on_kick). Rules that hold throughout:
**
**   - libcurl is never called from inside its own callbacks: they only arm loop handles.
**   - Messages are read after every call of curl_multi_socket_action, and the easy handle leaves the multi at once.
**   - One uv_poll for a socket, from CURL_POLL_IN/OUT until CURL_POLL_REMOVE.
**   - When socket_action itself fails, all transfers are void, and the next request gets a new multi handle.
*/
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine.h"

#define IDLE_EXCHANGES 64 /* kept for later requests: easy handle if it may be, timer, small buffers */
#define IDLE_CONNECTIONS 128

typedef struct watch {
  uv_poll_t poll;
  engine *home;
  struct watch *next, *previous;
  curl_socket_t socket;
} watch;

struct engine {
  uv_loop_t *loop;
  CURLM *multi;     /* NULL before the first request, and after a failure */
  uv_timer_t timer; /* when libcurl wants to be called */
  uv_idle_t kick;   /* when it wants to be called at once: a timer of 0 ms re-armed from a timer starves libuv 1.44 */
  watch *watches;
  exchange *running;
  exchange *idle;
  size_t idle_count;
  char *ca_file, *ca_folder; /* SSL_CERT_FILE and SSL_CERT_DIR, as they were when the engine was made */
  size_t handles;            /* loop handles that still refer to this memory */
  bool closing;
};

static void collect(engine *e);
static void fail_all(engine *e);

/* ---- memory that loop handles refer to -------------------------------------------------------- */

static void let_go(engine *e) {
  if (--e->handles == 0 && e->closing) {
    free(e->ca_file);
    free(e->ca_folder);
    free(e);
    curl_global_cleanup();
  }
}

static void engine_handle_closed(uv_handle_t *handle) {
  let_go(handle->data);
}

static void watch_closed(uv_handle_t *handle) {
  watch *w = handle->data;
  engine *e = w->home;
  free(w);
  let_go(e);
}

static void exchange_closed(uv_handle_t *handle) {
  exchange *x = handle->data;
  engine *e = x->home;
  free(x->header.at);
  free(x->body.at);
  free(x);
  let_go(e);
}

/* ---- what the loop tells libcurl --------------------------------------------------------------- */

static void drive(engine *e, curl_socket_t socket, int events) {
  int running = 0;
  if (!e->multi) return;
  if (curl_multi_socket_action(e->multi, socket, events, &running) == CURLM_OK) {
    collect(e);
  } else {
    fail_all(e);
  }
}

static void on_poll(uv_poll_t *poll, int status, int events) {
  const watch *w = poll->data;
  int flags = 0;
  if (status < 0) { /* libuv reports EBADF for a plain EPOLLERR; libcurl finds out what it is */
    flags = CURL_CSELECT_ERR;
  } else {
    if (events & UV_READABLE) flags |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE) flags |= CURL_CSELECT_OUT;
  }
  drive(w->home, w->socket, flags); /* may free the watch */
}

static void on_timer(uv_timer_t *timer) {
  drive(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static void on_kick(uv_idle_t *kick) {
  uv_idle_stop(kick); /* first: libcurl may ask for another turn */
  drive(kick->data, CURL_SOCKET_TIMEOUT, 0);
}

/* ---- what libcurl asks of the loop -------------------------------------------------------------- */

static int on_timeout(CURLM *multi, long ms, void *user) {
  engine *e = user;
  (void)multi;
  uv_timer_stop(&e->timer);
  uv_idle_stop(&e->kick);
  if (e->closing || ms < 0) return 0;
  if (ms == 0) {
    uv_idle_start(&e->kick, on_kick);
  } else {
    uv_timer_start(&e->timer, on_timer, (uint64_t)ms, 0);
  }
  return 0;
}

static void unwatch(engine *e, watch *w) {
  if (w->previous)
    w->previous->next = w->next;
  else
    e->watches = w->next;
  if (w->next) w->next->previous = w->previous;
  uv_poll_stop(&w->poll); /* now: libcurl may close the socket right after */
  uv_close((uv_handle_t *)&w->poll, watch_closed);
}

static watch *watch_new(engine *e, curl_socket_t socket) {
  watch *w = calloc(1, sizeof *w);
  if (!w) return NULL;
  if (uv_poll_init_socket(e->loop, &w->poll, socket)) {
    free(w);
    return NULL;
  }
  e->handles++;
  w->poll.data = w;
  w->home = e;
  w->socket = socket;
  w->next = e->watches;
  if (w->next) w->next->previous = w;
  e->watches = w;
  return w;
}

static int on_socket(CURL *easy, curl_socket_t socket, int what, void *user, void *known) {
  engine *e = user;
  watch *w = known;
  (void)easy;
  if (what == CURL_POLL_REMOVE) {
    if (!w) return 0; /* removed twice, or never watched */
    curl_multi_assign(e->multi, socket, NULL);
    unwatch(e, w);
    return 0;
  }
  if (e->closing) return 0; /* curl_multi_cleanup may ask once more */
  if (!w) {
    w = watch_new(e, socket);
    if (!w) return -1;
    curl_multi_assign(e->multi, socket, w);
  }
  int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
  return uv_poll_start(&w->poll, events, on_poll) ? -1 : 0;
}

/* libcurl closes a socket. It should have said CURL_POLL_REMOVE before; a watch that outlived its socket would take the
** next one with the same number down with it. */
static int on_close_socket(void *user, curl_socket_t socket) {
  engine *e = user;
  for (watch *w = e->watches; w; w = w->next) {
    if (w->socket != socket) continue;
    curl_multi_assign(e->multi, socket, NULL);
    unwatch(e, w);
    break;
  }
  return close(socket);
}

/* ---- exchanges ------------------------------------------------------------------------------------ */

static void link_running(engine *e, exchange *x) {
  x->previous = NULL;
  x->next = e->running;
  if (e->running) e->running->previous = x;
  e->running = x;
  x->running = true;
}

static void unlink_running(engine *e, exchange *x) {
  if (x->previous)
    x->previous->next = x->next;
  else
    e->running = x->next;
  if (x->next) x->next->previous = x->previous;
  x->next = x->previous = NULL;
  x->running = false;
}

static void on_limit(uv_timer_t *timer) {
  exchange *x = timer->data;
  ending why = ENDED_BY_DEADLINE;
  uint64_t due = exchange_due(x, uv_now(x->home->loop), &why);
  if (due == 0) {
    engine_stop(x, why);
    x->wake(x->owner);
  } else if (due != UINT64_MAX) {
    uv_timer_start(timer, on_limit, due, 0);
  }
}

static void settle(exchange *x, ending why, CURLcode code) {
  uv_timer_stop(&x->timer);
  unlink_running(x->home, x);
  if (x->end == ENDED_BY_CURL) x->end = why; /* a callback of ours may have said why it broke off */
  x->code = code;
}

static void collect(engine *e) {
  CURLMsg *message;
  int left = 0;
  while (e->multi && (message = curl_multi_info_read(e->multi, &left))) {
    if (message->msg != CURLMSG_DONE) continue;
    CURLcode code = message->data.result; /* the message dies with remove_handle */
    CURL *easy = message->easy_handle;
    exchange *x = NULL;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&x);
    curl_multi_remove_handle(e->multi, easy);
    settle(x, ENDED_BY_CURL, code);
    x->wake(x->owner);
  }
}

static void drop_multi(engine *e) {
  CURLM *multi = e->multi;
  if (!multi) return;
  curl_multi_cleanup(multi); /* still calls on_socket, which still needs e->multi */
  e->multi = NULL;
  while (e->watches) unwatch(e, e->watches);
  uv_timer_stop(&e->timer);
  uv_idle_stop(&e->kick);
}

static void fail_all(engine *e) {
  while (e->running) {
    exchange *x = e->running;
    curl_multi_remove_handle(e->multi, x->easy);
    settle(x, ENDED_BY_ENGINE, CURLE_OK);
    x->wake(x->owner);
  }
  drop_multi(e);
}

static bool make_multi(engine *e) {
  CURLM *multi = curl_multi_init();
  if (!multi) return false;
  curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
  curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, e);
  curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timeout);
  curl_multi_setopt(multi, CURLMOPT_TIMERDATA, e);
  curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)IDLE_CONNECTIONS);
  e->multi = multi;
  return true;
}

static void discard(exchange *x) {
  curl_easy_cleanup(x->easy);
  x->easy = NULL;
  uv_close((uv_handle_t *)&x->timer, exchange_closed);
}

static char *variable(const char *name) {
  const char *value = getenv(name);
  return value && *value ? strdup(value) : NULL;
}

/* The system's folder is left out: with one, libcurl reads all authorities again for each connection. */
void engine_authorities(const engine *e, const char **file, const char **folder) {
  const curl_version_info_data *built = curl_version_info(CURLVERSION_NOW);
  *file = e->ca_file;
  *folder = e->ca_folder;
  if (*file || *folder) return;
  *file = built->cainfo;
  if (!*file) *folder = built->capath;
}

engine *engine_new(uv_loop_t *loop) {
  if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) return NULL;
  engine *e = calloc(1, sizeof *e);
  if (!e) {
    curl_global_cleanup();
    return NULL;
  }
  e->loop = loop;
  e->ca_file = variable("SSL_CERT_FILE");
  e->ca_folder = variable("SSL_CERT_DIR");
  uv_timer_init(loop, &e->timer);
  uv_idle_init(loop, &e->kick);
  e->timer.data = e->kick.data = e;
  e->handles = 2;
  return e;
}

void engine_close(engine *e) {
  e->closing = true;
  while (e->running) { /* their owners are gone, or going */
    exchange *x = e->running;
    engine_stop(x, ENDED_BY_ABANDONING);
    discard(x);
  }
  while (e->idle) {
    exchange *x = e->idle;
    e->idle = x->next;
    discard(x);
  }
  drop_multi(e);
  uv_close((uv_handle_t *)&e->timer, engine_handle_closed);
  uv_close((uv_handle_t *)&e->kick, engine_handle_closed);
}

/* An easy handle that is used again keeps, before libcurl 8.1, a pointer to the last answer's last header, which is freed:
** a server whose first header line begins with a space would write there (curl issue 11101). Connections outlive it. */
static bool may_use_again(void) {
  return curl_version_info(CURLVERSION_NOW)->version_num >= 0x080100;
}

static bool equip(exchange *x) {
  if (x->easy) return true;
  x->usual_authorities = false;
  x->easy = curl_easy_init();
  if (!x->easy) return false;
  curl_easy_setopt(x->easy, CURLOPT_CLOSESOCKETFUNCTION, on_close_socket);
  curl_easy_setopt(x->easy, CURLOPT_CLOSESOCKETDATA, x->home);
  if (exchange_init(x)) return true;
  curl_easy_cleanup(x->easy);
  x->easy = NULL;
  return false;
}

exchange *engine_lend(engine *e) {
  exchange *x = e->idle;
  if (!e->multi && !make_multi(e)) return NULL;
  if (x) {
    if (!equip(x)) return NULL;
    e->idle = x->next;
    e->idle_count--;
    x->next = NULL;
    return x;
  }
  x = calloc(1, sizeof *x);
  if (!x) return NULL;
  x->home = e;
  if (!equip(x)) {
    free(x);
    return NULL;
  }
  uv_timer_init(e->loop, &x->timer);
  x->timer.data = x;
  e->handles++;
  return x;
}

void engine_take_back(exchange *x) {
  engine *e = x->home;
  if (x->running) engine_stop(x, ENDED_BY_ABANDONING);
  exchange_reset(x);
  x->owner = NULL;
  if (!may_use_again()) {
    curl_easy_cleanup(x->easy);
    x->easy = NULL;
  }
  if (e->idle_count < IDLE_EXCHANGES && !e->closing) {
    x->next = e->idle;
    e->idle = x;
    e->idle_count++;
  } else {
    discard(x);
  }
}

uint64_t engine_now(engine *e) {
  uv_update_time(e->loop);
  return uv_now(e->loop);
}

CURLMcode engine_start(exchange *x) {
  engine *e = x->home;
  ending why = ENDED_BY_CURL;
  x->began = x->moved = engine_now(e);
  CURLMcode code = curl_multi_add_handle(e->multi, x->easy); /* calls on_timeout, which arms the kick */
  if (code != CURLM_OK) return code;
  link_running(e, x);
  uint64_t due = exchange_due(x, x->began, &why);
  if (due != UINT64_MAX) uv_timer_start(&x->timer, on_limit, due ? due : 1, 0);
  return CURLM_OK;
}

void engine_stop(exchange *x, ending why) {
  if (!x->running) return;
  curl_multi_remove_handle(x->home->multi, x->easy);
  x->end = why;
  settle(x, why, CURLE_OK);
}
