/* peer.c - bare TCP for specs and benchmarks: a peer that a Lua task scripts byte by byte, on the host's own loop.
**
** Written with the public header alone, as any native module; never installed.
**
** Lua: local peer = require "fairlead.peer"
**      peer.listen{host=, port=, backlog=} -> Listener     default: 127.0.0.1, a free port
**      peer.connect(host, port) -> Connection              host is an IPv4 address; waits; nil, reason
**      listener:port() -> integer      listener:accept() -> Connection (waits)      listener:close()
**      connection:read() -> string     what has come, up to 64 KiB (waits); nil at the end; nil, reason on an error
**      connection:write(text) -> true  waits until the kernel has it all, so a reader that stops holds it up; nil, reason
**      connection:shutdown()           no more from this side (FIN)
**      connection:reset()              cuts the connection (RST)
**      connection:close()
**      peer.handles() -> integer       active handles of the loop: to find what was left behind
**      peer.setenv(name, value|nil)    the process's environment, which libraries read
**      peer.sleep(seconds)             waits by a timer of the loop, as native modules do, not by the task's clock
** All of them are closed by <close> and by the collector. spec/support/server.lua is an HTTP server over this.
**
** Owners: a userdata owns its handle; the handle's C memory goes in its close callback, which is why they are apart.
*/
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "fairlead.h"

#define LISTENER "peer.Listener"
#define CONNECTION "peer.Connection"
#define PIECE ((size_t)64 * 1024)

typedef struct socket_handle {
  uv_tcp_t tcp;
  uv_connect_t connecting;
  void *box; /* the owning userdata's listener or connection; NULL: it is gone */
} socket_handle;

typedef struct listener {
  socket_handle *socket; /* NULL: closed */
  fl_wait accepting;
  int pending; /* connections that wait to be accepted */
  bool waiting;
} listener;

typedef struct writing writing;

typedef struct connection {
  socket_handle *socket; /* NULL: closed */
  fl_wait reading, sending;
  bool is_reading;
  writing *written; /* the write that a task waits for */
  int status;       /* of what was waited for last: 0, or a uv error */
  int send_status;
  size_t used; /* bytes in piece */
  char piece[PIECE];
} connection;

struct writing { /* its own memory: it outlives a cancelled task */
  uv_write_t request;
  connection *connection; /* NULL: nobody waits */
  char text[];
};

/* ---- handles ---------------------------------------------------------------------------------------- */

static void socket_closed(uv_handle_t *handle) {
  free(handle);
}

static socket_handle *socket_new(lua_State *L, void *box) {
  socket_handle *s = calloc(1, sizeof *s);
  if (!s) luaL_error(L, "not enough memory");
  uv_tcp_init(fl_host_loop(fl_host_of(L)), &s->tcp);
  s->box = box;
  return s;
}

static void socket_close(socket_handle **place, bool reset) {
  socket_handle *s = *place;
  *place = NULL;
  if (!s) return;
  s->box = NULL;
  if (!reset || uv_tcp_close_reset(&s->tcp, socket_closed) != 0) uv_close((uv_handle_t *)&s->tcp, socket_closed);
}

static fl_nret push_status(lua_State *L, int status) {
  if (status == 0) {
    lua_pushboolean(L, true);
    return 1;
  }
  lua_pushnil(L);
  lua_pushstring(L, uv_strerror(status));
  return 2;
}

/* ---- connections ------------------------------------------------------------------------------------ */

static connection *connection_new(lua_State *L) {
  connection *c = lua_newuserdatauv(L, sizeof *c, 0);
  memset(c, 0, offsetof(connection, piece));
  luaL_setmetatable(L, CONNECTION);
  c->socket = socket_new(L, c);
  return c;
}

static connection *check_connection(lua_State *L) {
  connection *c = luaL_checkudata(L, 1, CONNECTION);
  luaL_argcheck(L, c->socket, 1, "connection is closed");
  return c;
}

static void forget_writing(connection *c) {
  if (c->written) c->written->connection = NULL;
  c->written = NULL;
}

static void connection_end(connection *c, bool reset) {
  forget_writing(c);
  socket_close(&c->socket, reset);
  c->status = c->send_status = UV_ECANCELED;
  if (c->is_reading) {
    c->is_reading = false;
    fl_wait_deliver(&c->reading);
  }
  fl_wait_deliver(&c->sending);
}

/* Connection:close()
**     -> (nothing); may be called again */
static fl_nret connection_close(lua_State *L) {
  connection_end(luaL_checkudata(L, 1, CONNECTION), false);
  return 0;
}

/* Connection:reset()
**     -> (nothing); the other side sees ECONNRESET */
static fl_nret connection_reset(lua_State *L) {
  connection_end(luaL_checkudata(L, 1, CONNECTION), true);
  return 0;
}

static fl_nret connection_gc(lua_State *L) {
  connection *c = luaL_checkudata(L, 1, CONNECTION);
  fl_wait_abandon(&c->reading);
  fl_wait_abandon(&c->sending);
  forget_writing(c);
  socket_close(&c->socket, false);
  return 0;
}

static void on_space(uv_handle_t *handle, size_t wanted, uv_buf_t *buffer) {
  connection *c = ((socket_handle *)handle)->box;
  (void)wanted;
  *buffer = uv_buf_init(c->piece, PIECE);
}

static void on_read(uv_stream_t *stream, ssize_t length, const uv_buf_t *buffer) {
  connection *c = ((socket_handle *)stream)->box;
  (void)buffer;
  if (length == 0) return; /* nothing yet */
  uv_read_stop(stream);
  c->is_reading = false;
  if (length > 0)
    c->used = (size_t)length;
  else
    c->status = (int)length;
  fl_wait_deliver(&c->reading);
}

static void read_abandon(fl_wait *wait) {
  connection *c = (connection *)((char *)wait - offsetof(connection, reading));
  if (c->socket && c->is_reading) uv_read_stop((uv_stream_t *)&c->socket->tcp);
  c->is_reading = false;
  fl_wait_deliver(wait);
}

static fl_nret read_resume(lua_State *L, fl_wait *wait) {
  connection *c = (connection *)((char *)wait - offsetof(connection, reading));
  if (c->used) {
    lua_pushlstring(L, c->piece, c->used);
    c->used = 0;
    return 1;
  }
  lua_pushnil(L);
  if (c->status == UV_EOF) return 1;
  lua_pushstring(L, uv_strerror(c->status));
  return 2;
}

/* Connection:read()
**     -> string: what has come
**     -> nil at the end of the stream
**     -> nil, reason */
static fl_nret connection_read(lua_State *L) {
  connection *c = check_connection(L);
  fl_wait_check(L, "connection:read");
  if (c->is_reading) return luaL_error(L, "another task reads this connection");
  c->status = 0;
  c->reading = (fl_wait){0};
  int status = uv_read_start((uv_stream_t *)&c->socket->tcp, on_space, on_read);
  if (status != 0) return push_status(L, status);
  c->is_reading = true;
  return fl_wait_begin(L, &c->reading, "connection:read", read_abandon, read_resume);
}

static void on_written(uv_write_t *request, int status) {
  writing *w = (writing *)request;
  connection *c = w->connection;
  free(w);
  if (!c) return;
  c->written = NULL;
  c->send_status = status;
  fl_wait_deliver(&c->sending);
}

static void send_abandon(fl_wait *wait) {
  forget_writing((connection *)((char *)wait - offsetof(connection, sending)));
  fl_wait_deliver(wait);
}

static fl_nret send_resume(lua_State *L, fl_wait *wait) {
  return push_status(L, ((connection *)((char *)wait - offsetof(connection, sending)))->send_status);
}

/* Connection:write(text: string)
**     -> true
**     -> nil, reason */
static fl_nret connection_write(lua_State *L) {
  connection *c = check_connection(L);
  size_t length;
  const char *text = luaL_checklstring(L, 2, &length);
  fl_wait_check(L, "connection:write");
  if (c->written) return luaL_error(L, "another task writes to this connection");
  writing *w = calloc(1, sizeof *w + length);
  if (!w) return luaL_error(L, "not enough memory");
  memcpy(w->text, text, length);
  w->connection = c;
  uv_buf_t buffer = uv_buf_init(w->text, (unsigned)length);
  int status = uv_write(&w->request, (uv_stream_t *)&c->socket->tcp, &buffer, 1, on_written);
  if (status != 0) {
    free(w);
    return push_status(L, status);
  }
  c->written = w;
  c->sending = (fl_wait){0};
  return fl_wait_begin(L, &c->sending, "connection:write", send_abandon, send_resume);
}

static void on_shutdown(uv_shutdown_t *request, int status) {
  (void)status;
  free(request);
}

/* Connection:shutdown()
**     -> (nothing): the other side reads to the end */
static fl_nret connection_shutdown(lua_State *L) {
  connection *c = check_connection(L);
  uv_shutdown_t *request = calloc(1, sizeof *request);
  if (request && uv_shutdown(request, (uv_stream_t *)&c->socket->tcp, on_shutdown) != 0) free(request);
  return 0;
}

static void on_connected(uv_connect_t *request, int status) {
  connection *c = ((socket_handle *)request->handle)->box;
  if (!c) return;
  c->send_status = status;
  fl_wait_deliver(&c->sending);
}

static void connect_abandon(fl_wait *wait) {
  connection_end((connection *)((char *)wait - offsetof(connection, sending)), false);
}

static fl_nret connect_resume(lua_State *L, fl_wait *wait) {
  const connection *c = (connection *)((char *)wait - offsetof(connection, sending));
  if (c->send_status != 0) return push_status(L, c->send_status);
  lua_pushvalue(L, 3);
  return 1;
}

/* peer.connect(host: string, port: integer)
**     -> peer.Connection
**     -> nil, reason */
static fl_nret peer_connect(lua_State *L) {
  struct sockaddr_in address;
  const char *host = luaL_checkstring(L, 1);
  lua_Integer port = luaL_checkinteger(L, 2);
  luaL_argcheck(L, uv_ip4_addr(host, (int)port, &address) == 0, 1, "IPv4 address expected");
  lua_settop(L, 2);
  fl_wait_check(L, "peer.connect");
  connection *c = connection_new(L);
  int status = uv_tcp_connect(&c->socket->connecting, &c->socket->tcp, (const struct sockaddr *)&address, on_connected);
  if (status != 0) return push_status(L, status);
  return fl_wait_begin(L, &c->sending, "peer.connect", connect_abandon, connect_resume);
}

/* ---- listeners --------------------------------------------------------------------------------------- */

static void listener_end(listener *l) {
  socket_close(&l->socket, false);
  if (l->waiting) {
    l->waiting = false;
    fl_wait_deliver(&l->accepting);
  }
}

/* Listener:close()
**     -> (nothing); may be called again; a task in accept gets nil */
static fl_nret listener_close(lua_State *L) {
  listener_end(luaL_checkudata(L, 1, LISTENER));
  return 0;
}

static fl_nret listener_gc(lua_State *L) {
  listener *l = luaL_checkudata(L, 1, LISTENER);
  fl_wait_abandon(&l->accepting);
  socket_close(&l->socket, false);
  return 0;
}

/* Listener:port()
**     -> integer */
static fl_nret listener_port(lua_State *L) {
  const listener *l = luaL_checkudata(L, 1, LISTENER);
  struct sockaddr_in address = {0};
  int length = sizeof address;
  luaL_argcheck(L, l->socket, 1, "listener is closed");
  uv_tcp_getsockname(&l->socket->tcp, (struct sockaddr *)&address, &length);
  lua_pushinteger(L, ntohs(address.sin_port));
  return 1;
}

static void on_connection(uv_stream_t *stream, int status) {
  listener *l = ((socket_handle *)stream)->box;
  if (!l || status != 0) return;
  l->pending++;
  if (!l->waiting) return;
  l->waiting = false;
  fl_wait_deliver(&l->accepting);
}

static void accept_abandon(fl_wait *wait) {
  ((listener *)((char *)wait - offsetof(listener, accepting)))->waiting = false;
  fl_wait_deliver(wait);
}

static fl_nret accept_resume(lua_State *L, fl_wait *wait) {
  listener *l = (listener *)((char *)wait - offsetof(listener, accepting));
  if (!l->socket || l->pending == 0) return push_status(L, UV_ECANCELED);
  l->pending--;
  connection *c = connection_new(L);
  int status = uv_accept((uv_stream_t *)&l->socket->tcp, (uv_stream_t *)&c->socket->tcp);
  if (status != 0) return push_status(L, status);
  uv_tcp_nodelay(&c->socket->tcp, 1);
  return 1;
}

/* Listener:accept()
**     -> peer.Connection
**     -> nil, reason: the listener was closed */
static fl_nret listener_accept(lua_State *L) {
  listener *l = luaL_checkudata(L, 1, LISTENER);
  luaL_argcheck(L, l->socket, 1, "listener is closed");
  fl_wait_check(L, "listener:accept");
  if (l->waiting) return luaL_error(L, "another task accepts");
  if (l->pending > 0) return accept_resume(L, &l->accepting);
  l->accepting = (fl_wait){0};
  l->waiting = true;
  return fl_wait_begin(L, &l->accepting, "listener:accept", accept_abandon, accept_resume);
}

/* peer.listen(options: table|nil)
**     -> peer.Listener
**     raises when the port is taken */
static fl_nret peer_listen(lua_State *L) {
  struct sockaddr_in address;
  lua_settop(L, 1);
  if (lua_isnil(L, 1)) lua_newtable(L), lua_replace(L, 1);
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_getfield(L, 1, "host");
  lua_getfield(L, 1, "port");
  lua_getfield(L, 1, "backlog");
  const char *host = luaL_optstring(L, 2, "127.0.0.1");
  lua_Integer port = luaL_optinteger(L, 3, 0), backlog = luaL_optinteger(L, 4, 1024);
  luaL_argcheck(L, uv_ip4_addr(host, (int)port, &address) == 0, 1, "host: IPv4 address expected");
  listener *l = lua_newuserdatauv(L, sizeof *l, 0);
  memset(l, 0, sizeof *l);
  luaL_setmetatable(L, LISTENER);
  l->socket = socket_new(L, l);
  int status = uv_tcp_bind(&l->socket->tcp, (const struct sockaddr *)&address, 0);
  if (status == 0) status = uv_listen((uv_stream_t *)&l->socket->tcp, (int)backlog, on_connection);
  if (status != 0) return luaL_error(L, "cannot listen on %s:%d: %s", host, (int)port, uv_strerror(status));
  return 1;
}

/* ---- the process --------------------------------------------------------------------------------------- */

static void count_handle(uv_handle_t *handle, void *count) {
  if (uv_is_active(handle) && !uv_is_closing(handle)) ++*(lua_Integer *)count;
}

/* ---- a timer of libuv's own, as modules have them -------------------------------------------------- */

#define TIMER "peer.Timer"

typedef struct timer_box {
  fl_wait wait;
  uv_timer_t *timer;
} timer_box;

static void timer_gone(uv_handle_t *handle) {
  free(handle);
}

static void timer_close(timer_box *box) {
  if (box->timer) uv_close((uv_handle_t *)box->timer, timer_gone);
  box->timer = NULL;
}

static fl_nret timer_gc(lua_State *L) {
  timer_box *box = luaL_checkudata(L, 1, TIMER);
  fl_wait_abandon(&box->wait);
  timer_close(box);
  return 0;
}

static void timer_fired(uv_timer_t *timer) {
  fl_wait_deliver(timer->data);
}

static void timer_abandon(fl_wait *wait) {
  fl_wait_deliver(wait);
}

static fl_nret timer_resume(lua_State *L, fl_wait *wait) {
  (void)L;
  timer_close((timer_box *)wait);
  return 0;
}

/* peer.sleep(seconds: number)
**     -> (nothing), by a timer of the loop instead of the task's clock; waits */
static fl_nret peer_sleep(lua_State *L) {
  lua_Number seconds = luaL_checknumber(L, 1);
  fl_wait_check(L, "peer.sleep");
  timer_box *box = lua_newuserdatauv(L, sizeof *box, 0);
  memset(box, 0, sizeof *box);
  luaL_setmetatable(L, TIMER);
  box->timer = malloc(sizeof *box->timer);
  if (!box->timer) return luaL_error(L, "not enough memory");
  uv_timer_init(fl_host_loop(fl_host_of(L)), box->timer);
  box->timer->data = &box->wait;
  uv_timer_start(box->timer, timer_fired, (uint64_t)(seconds * 1000), 0);
  return fl_wait_begin(L, &box->wait, "peer.sleep", timer_abandon, timer_resume);
}

/* peer.handles()
**     -> integer */
static fl_nret peer_handles(lua_State *L) {
  lua_Integer count = 0;
  uv_walk(fl_host_loop(fl_host_of(L)), count_handle, &count);
  lua_pushinteger(L, count);
  return 1;
}

/* peer.setenv(name: string, value: string|nil)
**     -> string|nil: what it was */
static fl_nret peer_setenv(lua_State *L) {
  const char *name = luaL_checkstring(L, 1), *value = luaL_optstring(L, 2, NULL);
  lua_pushstring(L, getenv(name));
  if (value)
    setenv(name, value, 1);
  else
    unsetenv(name);
  return 1;
}

static const luaL_Reg listener_methods[] = {
    {"accept", listener_accept}, /* the next connection */
    {"close", listener_close},   /* stop listening */
    {"port", listener_port},     /* where it listens */
    {NULL, NULL},
};
static const luaL_Reg listener_meta[] = {{"__close", listener_close}, {"__gc", listener_gc}, {NULL, NULL}};
static const luaL_Reg connection_methods[] = {
    {"close", connection_close},       /* politely */
    {"read", connection_read},         /* what has come */
    {"reset", connection_reset},       /* rudely */
    {"shutdown", connection_shutdown}, /* this direction only */
    {"write", connection_write},       /* all of it */
    {NULL, NULL},
};
static const luaL_Reg connection_meta[] = {{"__close", connection_close}, {"__gc", connection_gc}, {NULL, NULL}};
static const luaL_Reg peer_functions[] = {
    {"connect", peer_connect}, /* to a port */
    {"handles", peer_handles}, /* how many are active */
    {"listen", peer_listen},   /* on a port */
    {"setenv", peer_setenv},   /* for what libraries read */
    {"sleep", peer_sleep},     /* by a timer of the loop */
    {NULL, NULL},
};

static void new_type(lua_State *L, const char *name, const luaL_Reg *meta, const luaL_Reg *methods) {
  luaL_newmetatable(L, name);
  luaL_setfuncs(L, meta, 0);
  lua_newtable(L);
  luaL_setfuncs(L, methods, 0);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
}

FL_API int luaopen_fairlead_peer(lua_State *L);

int luaopen_fairlead_peer(lua_State *L) {
  new_type(L, LISTENER, listener_meta, listener_methods);
  new_type(L, CONNECTION, connection_meta, connection_methods);
  luaL_newmetatable(L, TIMER);
  lua_pushcfunction(L, timer_gc);
  lua_setfield(L, -2, "__gc");
  luaL_newlib(L, peer_functions);
  return 1;
}
