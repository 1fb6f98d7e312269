/* listen.c - the world's HTTP server as Lua sees it.
**
** Lua: fairlead.world.native: listen{port=, max_body=} -> server; server:next() -> request, exchange; server:port();
** server:close(); exchange:answer{status=, headers=, body=}; exchange:reset()
** Owner: a "world.Server" userdata owns the server, a "world.Exchange" holds its exchange. An exchange that is collected
** unanswered has its connection cut, so that no client waits for ever.
*/
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server.h"

#define SERVER "world.Server"
#define EXCHANGE "world.Exchange"
#define DEFAULT_MAX_BODY (64 << 20)
#define BACKLOG 128

typedef struct server_box {
  fl_wait wait;   /* first: an fl_wait of ours is a server_box */
  server *server; /* NULL: closed */
  bool waiting;
  int port;
} server_box;

typedef struct exchange_box {
  exchange *exchange; /* NULL: answered or cut */
} exchange_box;

static server_box *check_server(lua_State *L) {
  server_box *box = luaL_checkudata(L, 1, SERVER);
  luaL_argcheck(L, box->server != NULL, 1, "server is closed");
  return box;
}

/* ---- exchanges ---- */

static void let_go(exchange_box *box) {
  exchange_release(box->exchange);
  box->exchange = NULL;
}

/* An exchange that still can be answered; NULL when the server or the client has gone. */
static exchange *open_exchange(const exchange_box *box) {
  exchange *x = box->exchange;
  return x != NULL && x->state == EXCHANGE_WAITING ? x : NULL;
}

/* Exchange:reset()
**     -> (nothing); cuts the connection; may be called again, and after the answer */
static fl_nret exchange_reset(lua_State *L) {
  exchange_box *box = luaL_checkudata(L, 1, EXCHANGE);
  exchange *x = open_exchange(box);
  if (x != NULL) {
    x->state = EXCHANGE_RESET;
    server_resume(x);
  }
  let_go(box);
  return 0;
}

static void check_header(lua_State *L, const char *text, size_t length) {
  if (strlen(text) != length || strpbrk(text, "\r\n") != NULL) {
    luaL_error(L, "bad argument #1 to 'answer' (headers: a line break or zero byte in %s)", text);
  }
}

/* Adds the list of {name, value} on top of the stack to the response, which is owned already: this may raise. */
static void add_headers(lua_State *L, struct MHD_Response *response) {
  lua_Integer count = luaL_len(L, -1);
  for (lua_Integer i = 1; i <= count; i++) {
    size_t name_length;
    size_t value_length;
    if (lua_geti(L, -1, i) != LUA_TTABLE) luaL_error(L, "bad argument #1 to 'answer' (headers: pairs expected)");
    lua_geti(L, -1, 1);
    lua_geti(L, -2, 2);
    const char *name = luaL_checklstring(L, -2, &name_length);
    const char *value = luaL_checklstring(L, -1, &value_length);
    check_header(L, name, name_length);
    check_header(L, value, value_length);
    MHD_add_response_header(response, name, value); /* refuses Content-Length and the like, which are its own */
    lua_pop(L, 3);
  }
}

/* Exchange:answer{status: integer, headers: {{name, value}, …}?, body: string?}
**     -> true; false when the client has gone
**     raises when it was answered before */
static fl_nret exchange_answer(lua_State *L) {
  exchange_box *box = luaL_checkudata(L, 1, EXCHANGE);
  size_t length = 0;
  const char *body = "";
  luaL_checktype(L, 2, LUA_TTABLE);
  luaL_argcheck(L, box->exchange != NULL, 1, "exchange is over");
  lua_settop(L, 2);
  lua_getfield(L, 2, "status");
  lua_Integer status = luaL_checkinteger(L, -1);
  luaL_argcheck(L, status >= 200 && status <= 599, 2, "status: from 200 to 599");
  if (lua_getfield(L, 2, "body") != LUA_TNIL) body = luaL_checklstring(L, -1, &length);
  exchange *x = open_exchange(box);
  if (x != NULL) {
    if (x->response != NULL) MHD_destroy_response(x->response); /* of an answer that raised */
    /* libmicrohttpd takes a void * for a buffer that it only copies from. */
    x->response = MHD_create_response_from_buffer(length, (void *)body, MHD_RESPMEM_MUST_COPY);
    if (x->response == NULL) luaL_error(L, "not enough memory");
    if (lua_getfield(L, 2, "headers") != LUA_TNIL) add_headers(L, x->response);
    x->status = (unsigned int)status;
    x->state = EXCHANGE_ANSWERED;
    server_resume(x);
  }
  let_go(box);
  lua_pushboolean(L, x != NULL);
  return 1;
}

static void push_headers(lua_State *L, const exchange *x) {
  lua_createtable(L, (int)x->header_count, 0);
  for (size_t i = 0; i < x->header_count; i++) {
    lua_createtable(L, 2, 0);
    lua_pushstring(L, x->headers[i].name);
    lua_rawseti(L, -2, 1);
    lua_pushstring(L, x->headers[i].value);
    lua_rawseti(L, -2, 2);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
}

/* The request as a table, and the exchange. The userdata is there before anything is taken out of the queue. */
static fl_nret push_request(lua_State *L, server *s) {
  exchange_box *box = lua_newuserdatauv(L, sizeof *box, 0);
  box->exchange = NULL;
  luaL_setmetatable(L, EXCHANGE);
  box->exchange = server_take(s);
  const exchange *x = box->exchange;
  lua_createtable(L, 0, 5);
  lua_pushstring(L, x->method);
  lua_setfield(L, -2, "method");
  lua_pushstring(L, x->target);
  lua_setfield(L, -2, "target");
  lua_pushstring(L, x->version);
  lua_setfield(L, -2, "version");
  push_headers(L, x);
  lua_setfield(L, -2, "headers");
  lua_pushlstring(L, x->body != NULL ? x->body : "", x->body_length);
  lua_setfield(L, -2, "body");
  lua_insert(L, -2);
  return 2;
}

/* ---- the server ---- */

static void abandon_next(fl_wait *wait) {
  server_box *box = (server_box *)wait;
  box->waiting = false;
  if (box->server != NULL) server_watch(box->server, NULL);
  fl_wait_deliver(wait);
}

static fl_nret next_resume(lua_State *L, fl_wait *wait) {
  server_box *box = (server_box *)wait;
  box->waiting = false;
  if (box->server == NULL || !server_ready(box->server)) return 0;
  return push_request(L, box->server);
}

/* Server:next()
**     -> {method, target, version, headers, body}, Exchange; nothing when it is closed meanwhile
**     waits; raises when another task waits in it */
static fl_nret server_next(lua_State *L) {
  server_box *box = check_server(L);
  luaL_argcheck(L, !box->waiting, 1, "another task waits for the next request");
  lua_settop(L, 1);
  if (server_ready(box->server)) return push_request(L, box->server);
  fl_wait_check(L, "server:next");
  box->waiting = true;
  server_watch(box->server, &box->wait);
  return fl_wait_begin(L, &box->wait, "server:next", abandon_next, next_resume);
}

/* Server:port()
**     -> integer */
static fl_nret server_port(lua_State *L) {
  lua_pushinteger(L, check_server(L)->port);
  return 1;
}

/* Server:close()
**     -> (nothing); cuts what is open; may be called again */
static fl_nret server_close(lua_State *L) {
  server_box *box = luaL_checkudata(L, 1, SERVER);
  server *s = box->server;
  box->server = NULL;
  if (s != NULL) server_stop(s);
  if (box->waiting) {
    box->waiting = false;
    fl_wait_deliver(&box->wait);
  }
  return 0;
}

static fl_nret server_gc(lua_State *L) {
  server_box *box = luaL_checkudata(L, 1, SERVER);
  fl_wait_abandon(&box->wait);
  box->waiting = false;
  return server_close(L);
}

/* A socket that listens on loopback only; -1: errno tells why. */
static int open_socket(int port, int *bound) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
  socklen_t size = sizeof address;
  int yes = 1;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0) return -1;
  if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
      bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, BACKLOG) != 0 ||
      getsockname(fd, (struct sockaddr *)&address, &size) != 0) {
    int failure = errno;
    close(fd);
    errno = failure;
    return -1;
  }
  *bound = ntohs(address.sin_port);
  return fd;
}

static lua_Integer integer_option(lua_State *L, const char *name, lua_Integer otherwise, lua_Integer most) {
  lua_Integer value = otherwise;
  if (lua_getfield(L, 1, name) != LUA_TNIL) value = luaL_checkinteger(L, -1);
  luaL_argcheck(L, value >= 0 && value <= most, 1, name);
  lua_pop(L, 1);
  return value;
}

/* native.listen{port: integer? (0: any free one), max_body: integer? (bytes; 64 MiB)}
**     -> Server, on loopback
**     raises kind "world.listen" */
static fl_nret native_listen(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  int port = (int)integer_option(L, "port", 0, 65535);
  size_t max_body = (size_t)integer_option(L, "max_body", DEFAULT_MAX_BODY, INT32_MAX);
  server_box *box = lua_newuserdatauv(L, sizeof *box, 0);
  memset(box, 0, sizeof *box);
  luaL_setmetatable(L, SERVER);
  int fd = open_socket(port, &box->port);
  if (fd >= 0) {
    box->server = server_start(fl_host_loop(fl_host_of(L)), fd, max_body);
    if (box->server == NULL) {
      int failure = errno;
      close(fd);
      errno = failure;
    }
  }
  if (box->server == NULL) {
    int failure = errno;
    fl_error_push(L, "world.listen", "cannot listen on 127.0.0.1:%d: %s", port, strerror(failure));
    if (failure == EADDRINUSE) {
      lua_pushliteral(L, "another program has the port; choose one with --port, or let --port 0 find a free one");
      lua_setfield(L, -2, "hint");
    }
    return lua_error(L);
  }
  return 1;
}

static const luaL_Reg exchange_methods[] = {
    {"answer", exchange_answer}, /* send it */
    {"reset", exchange_reset},   /* cut the connection */
    {NULL, NULL},
};
static const luaL_Reg exchange_meta[] = {
    {"__gc", exchange_reset},
    {"__close", exchange_reset},
    {NULL, NULL},
};
static const luaL_Reg server_methods[] = {
    {"next", server_next},   /* the next request */
    {"port", server_port},   /* where it listens */
    {"close", server_close}, /* stop */
    {NULL, NULL},
};
static const luaL_Reg server_meta[] = {
    {"__gc", server_gc},
    {"__close", server_close},
    {NULL, NULL},
};
static const luaL_Reg native_functions[] = {
    {"listen", native_listen}, /* a new server */
    {NULL, NULL},
};

static void new_class(lua_State *L, const char *name, const luaL_Reg *meta, const luaL_Reg *methods) {
  luaL_newmetatable(L, name);
  luaL_setfuncs(L, meta, 0);
  lua_newtable(L);
  luaL_setfuncs(L, methods, 0);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
}

FL_API int luaopen_fairlead_world_native(lua_State *L);

int luaopen_fairlead_world_native(lua_State *L) {
  new_class(L, SERVER, server_meta, server_methods);
  new_class(L, EXCHANGE, exchange_meta, exchange_methods);
  luaL_newlib(L, native_functions);
  return 1;
}
