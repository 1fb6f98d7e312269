/* server.h - what the parts of the world's HTTP server share.
**
** exchange.c: one request and its answer. server.c: libmicrohttpd on the host's loop, without Lua. listen.c: what Lua sees.
*/
#ifndef WORLD_SERVER_H
#define WORLD_SERVER_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>

#include "fairlead.h"

struct uv_loop_s;
typedef struct server server;
typedef struct exchange exchange;

typedef enum {
  EXCHANGE_NEW,      /* the request line has been read */
  EXCHANGE_READING,  /* headers are there, the body comes */
  EXCHANGE_WAITING,  /* complete; in the server's queue, or in Lua's hands; its connection is suspended */
  EXCHANGE_ANSWERED, /* the answer is to be sent */
  EXCHANGE_RESET,    /* the connection is to be cut */
  EXCHANGE_OVER      /* the connection has done with it */
} exchange_state;

typedef struct pair {
  char *name;
  char *value;
} pair;

/* Held by its connection until that has done with it, and by Lua's userdata. */
struct exchange {
  int holders;
  exchange_state state;
  server *server; /* NULL: closed meanwhile */
  struct MHD_Connection *connection;
  exchange *next; /* in the server's queue */
  bool queued;
  bool too_large;
  char *method;
  char *target; /* path and query, as sent */
  char *version;
  pair *headers;
  size_t header_count;
  size_t header_room;
  char *body;
  size_t body_length;
  size_t body_room;
  unsigned int status;
  struct MHD_Response *response;
};

exchange *exchange_new(server *owner, struct MHD_Connection *connection, const char *target);
void exchange_release(exchange *x);
/* false: no memory */
bool exchange_read_head(exchange *x, const char *method, const char *version);
/* Appends to the body; more than `most` bytes are dropped, and too_large is set. false: no memory. */
bool exchange_append(exchange *x, const char *data, size_t length, size_t most);

/* Serves on a listening socket, which becomes the server's. NULL: errno tells why. */
server *server_start(struct uv_loop_s *loop, int socket, size_t max_body);
/* Cuts every connection and gives everything back. */
void server_stop(server *s);
/* Whether a request waits to be taken. */
bool server_ready(const server *s);
/* The longest waiting request, held for the caller; NULL: none. */
exchange *server_take(server *s);
/* Whom to tell of the next request. */
void server_watch(server *s, fl_wait *wait);
/* The exchange's state has changed by the caller: its connection goes on. */
void server_resume(exchange *x);

#endif
