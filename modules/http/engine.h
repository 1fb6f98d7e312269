/* engine.h - libcurl's multi interface on the host's loop, and one HTTP exchange on it.
**
** Owners. The engine belongs to a userdata in the registry (http.c). An exchange is an easy handle with its own deadline
** timer, what it sends and what it has received; it belongs to the engine, which keeps a few idle ones for the next
** request, and is lent to one request at a time. Both are plain C memory because their loop handles close later than
** Lua's collector can wait for.
**
** Nothing here knows Lua. What happens in a callback ends in `wake`, by which the owner queues its task.
*/
#ifndef FAIRLEAD_HTTP_ENGINE_H
#define FAIRLEAD_HTTP_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <curl/curl.h>
#include <uv.h>

typedef struct engine engine;
typedef struct exchange exchange;

/* Bytes that grow; `at` is NULL when nothing was ever kept. */
typedef struct bytes {
  char *at;
  size_t used;
  size_t room;
} bytes;

/* Why an exchange ended, where libcurl's own code does not say it. */
typedef enum ending {
  ENDED_BY_CURL,       /* see `code`; CURLE_OK is a complete answer */
  ENDED_BY_DEADLINE,   /* the whole exchange took longer than it may */
  ENDED_BY_CONNECT,    /* no connection within connect_timeout */
  ENDED_BY_IDLE,       /* nothing moved for idle_timeout */
  ENDED_BY_BODY_LIMIT, /* more body than max_body */
  ENDED_BY_HEADER_LIMIT,
  ENDED_BY_STATUS, /* a status line whose number is none of three digits */
  ENDED_BY_MEMORY,
  ENDED_BY_ENGINE,    /* the multi handle failed: its transfers are void */
  ENDED_BY_ABANDONING /* the task went away */
} ending;

/* What to send, and within which limits. Every pointer stays the caller's, and valid until the exchange ends. */
typedef struct order {
  const char *method;
  const char *url;
  struct curl_slist *headers;
  const char *body; /* NULL: none */
  size_t body_length;
  bool posts;          /* sent by libcurl as a POST is: there is a body, or the method has one, if an empty one */
  bool repeatable;     /* the method is idempotent: libcurl may send it again on a new connection */
  bool streaming;      /* the body of a 2xx answer is taken piece by piece */
  bool limited;        /* max_body holds */
  uint64_t max_body;   /* bytes, after decompression */
  uint64_t timeout_ms; /* 0: none, as for the two below */
  uint64_t connect_timeout_ms;
  uint64_t idle_timeout_ms;
  const char *ca_file; /* NULL: SSL_CERT_FILE, SSL_CERT_DIR, the system's */
  const char *proxy;   /* NULL: as the environment says; "": none */
} order;

struct exchange {
  CURL *easy;
  engine *home;
  exchange *next, *previous; /* among the running ones; `next` also among the idle ones */
  uv_timer_t timer;          /* for the nearest of the three limits */

  void (*wake)(void *owner); /* something to collect: called from the loop, and within exchange_resume */
  void *owner;

  order order;
  size_t body_sent;
  uint64_t began, moved; /* loop time in ms: of the start, and of the last byte in either direction */

  bytes header; /* raw lines of the final answer's header */
  bytes body;   /* received and not yet collected */
  size_t header_total;
  uint64_t body_total;
  int status;       /* of the answer whose header is being, or has been, read */
  bool header_done; /* the final header is complete; what follows in header form is a trailer */
  bool collecting;  /* the body goes piece by piece to the owner */
  bool paused;

  bool usual_authorities; /* the easy handle trusts whom a request without ca_file trusts */

  bool running; /* added to the multi handle */
  ending end;
  CURLcode code;
  char error[CURL_ERROR_SIZE];
};

/* A streamed body is held back when this much waits to be collected. */
#define STREAM_WINDOW ((size_t)64 * 1024)

/* Bytes of all header lines of an exchange, interim answers included. */
#define HEADER_LIMIT ((size_t)256 * 1024)

/* ---- engine.c -------------------------------------------------------------------------------- */

/* NULL when memory ran out. */
engine *engine_new(uv_loop_t *loop);

/* Ends everything. Memory goes when the loop has closed the last handle. Owners are not woken. */
void engine_close(engine *e);

/* An exchange that is not running, or NULL when memory ran out. */
exchange *engine_lend(engine *e);

/* Stops it if it runs, and takes it back. */
void engine_take_back(exchange *x);

/* Starts a prepared exchange. `wake` is never called before this returns. */
CURLMcode engine_start(exchange *x);

/* Ends a running exchange for a reason of ours. Not from inside a libcurl callback. Does not wake. */
void engine_stop(exchange *x, ending why);

/* The files of authorities that are trusted by default; either may be NULL. */
void engine_authorities(const engine *e, const char **file, const char **folder);

/* After a task has been slow in Lua the loop's idea of now is old. */
uint64_t engine_now(engine *e);

/* ---- exchange.c ------------------------------------------------------------------------------ */

/* Sets what never changes on a new easy handle. False when memory ran out. */
bool exchange_init(exchange *x);

/* Sets the request. The exchange must not be running. */
CURLcode exchange_prepare(exchange *x, const order *what);

/* When the next limit is due: ms from `now`; 0: it has been reached, with *why telling which. UINT64_MAX: no limit. */
uint64_t exchange_due(const exchange *x, uint64_t now, ending *why);

/* Forgets what was received and, between owners, gives large buffers back. */
void exchange_reset(exchange *x);

/* Lets a paused exchange go on. False when it failed in doing so: the caller stops it. */
bool exchange_resume(exchange *x);

/* Where a running or ended exchange is, or was: for "timed out while …". */
const char *exchange_phase(const exchange *x);

#endif
