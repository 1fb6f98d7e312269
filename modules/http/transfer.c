/* transfer.c - one exchange as a task's wait: the libcurl transport below http's Lua half.
**
** Owner: a Transfer owns its exchange from birth until the answer has been taken, and holds its request's texts behind
** itself; the request's body, which may be large, is not copied but kept alive as its user value. The engine is a
** userdata in the registry.
*/
#include "transfer.h"

#include <string.h>
#include <strings.h>

#include "engine.h"
#include "failure.h"

#define TRANSFER "http.Transfer"
#define ENGINE "http.Engine"

#define COMMON_TEXTS ((size_t)2048) /* room for most requests' texts: such transfers are used again */
#define SPARES 64                   /* of them at most */

typedef struct engine_box {
  engine *engine; /* NULL: closed */
} engine_box;

typedef struct transfer {
  fl_wait wait;
  exchange *exchange; /* NULL: done, and given back */
  bool waiting;       /* between fl_wait_begin and its resumption */
  size_t room;        /* bytes of `kept` */
  _Alignas(
      struct curl_slist) char kept[]; /* curl_slist nodes and the texts of the request, which a script could change */
} transfer;

static char engine_key, spares_key; /* their addresses are the registry's keys */

/* ---- the engine --------------------------------------------------------------------------------- */

static fl_nret engine_box_close(lua_State *L) {
  engine_box *box = luaL_checkudata(L, 1, ENGINE);
  if (box->engine) engine_close(box->engine);
  box->engine = NULL;
  return 0;
}

static engine *engine_of(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &engine_key);
  const engine_box *box = lua_touserdata(L, -1);
  lua_pop(L, 1);
  if (!box || !box->engine) luaL_error(L, "http is closed");
  return box->engine;
}

static void engine_box_open(lua_State *L) {
  engine_box *box = lua_newuserdatauv(L, sizeof *box, 0);
  box->engine = NULL;
  luaL_setmetatable(L, ENGINE);
  box->engine = engine_new(fl_host_loop(fl_host_of(L)));
  if (!box->engine) luaL_error(L, "libcurl cannot be started");
  lua_rawsetp(L, LUA_REGISTRYINDEX, &engine_key);
}

/* ---- reading a request --------------------------------------------------------------------------- */

enum argument { /* of transfer_request; each is also its place on the stack while the task waits */
                METHOD = 1,
                URL,
                HEADERS,
                BODY,
                TIMEOUT,
                CONNECT_TIMEOUT,
                IDLE_TIMEOUT,
                MAX_BODY,
                CA_FILE,
                PROXY,
                STREAMING,
                BOX
};

typedef struct header_sizes {
  lua_Integer count; /* given header lines */
  size_t bytes;      /* for all nodes and texts */
  bool content_type;
} header_sizes;

static const char *text_at(lua_State *L, int index, size_t *length) {
  if (lua_type(L, index) == LUA_TSTRING) return lua_tolstring(L, index, length);
  return fl_secret_test(L, index, length);
}

/* The text of an optional argument, without a zero byte. */
static const char *optional_text(lua_State *L, int arg) {
  size_t length;
  if (lua_isnoneornil(L, arg)) return NULL;
  const char *text = fl_check_text(L, arg, &length);
  luaL_argcheck(L, strlen(text) == length, arg, "holds a zero byte");
  return text;
}

static uint64_t milliseconds(lua_State *L, int arg) {
  if (lua_isnil(L, arg)) return 0;
  lua_Number seconds = luaL_checknumber(L, arg);
  luaL_argcheck(L, seconds > 0, arg, "more than 0 expected");
  return seconds > 1e9 ? (uint64_t)1e12 : (uint64_t)(seconds * 1000 + 0.5) + (seconds < 0.0005);
}

static void check_header_text(lua_State *L, const char *text, size_t length) {
  if (!text) luaL_error(L, "bad request (headers: list of {name, value} expected)");
  if (memchr(text, '\0', length) || memchr(text, '\r', length) || memchr(text, '\n', length))
    luaL_error(L, "bad request (a header holds a line break or a zero byte)");
}

/* Pushes name and value of header `i`; both checked. */
static void push_header(lua_State *L, lua_Integer i) {
  size_t name = 0, value = 0;
  if (lua_rawgeti(L, HEADERS, i) != LUA_TTABLE) check_header_text(L, NULL, 0);
  lua_rawgeti(L, -1, 1);
  lua_rawgeti(L, -2, 2);
  lua_remove(L, -3);
  check_header_text(L, text_at(L, -2, &name), name);
  check_header_text(L, text_at(L, -1, &value), value);
}

static header_sizes measure_headers(lua_State *L) {
  header_sizes sizes = {0};
  if (lua_isnil(L, HEADERS)) return sizes;
  luaL_checktype(L, HEADERS, LUA_TTABLE);
  sizes.count = (lua_Integer)lua_rawlen(L, HEADERS);
  for (lua_Integer i = 1; i <= sizes.count; i++) {
    size_t name_length, value_length;
    push_header(L, i);
    const char *name = text_at(L, -2, &name_length);
    text_at(L, -1, &value_length);
    sizes.bytes += sizeof(struct curl_slist) + name_length + value_length + sizeof ": ";
    if (name_length == 12 && strncasecmp(name, "content-type", 12) == 0) sizes.content_type = true;
    lua_pop(L, 2);
  }
  return sizes;
}

/* Lays header lines out in `kept`: the nodes first, then the texts. Moves *free_space to where the next text may go. */
static struct curl_slist *keep_headers(lua_State *L, transfer *t, const header_sizes *sizes, bool posts,
                                       char **free_space) {
  static char no_type[] = "Content-Type:", no_expect[] = "Expect:"; /* libcurl's own: leave out */
  struct curl_slist *nodes = (struct curl_slist *)(void *)t->kept, *node = nodes;
  size_t count = (size_t)sizes->count + (posts ? 2 : 0);
  char *at = (char *)(nodes + count);
  *free_space = at;
  if (count == 0) return NULL;
  for (lua_Integer i = 1; i <= sizes->count; i++) {
    size_t name_length, value_length;
    push_header(L, i);
    const char *name = text_at(L, -2, &name_length), *value = text_at(L, -1, &value_length);
    node->data = at;
    node->next = node + 1;
    node++;
    memcpy(at, name, name_length);
    at += name_length;
    if (value_length) {
      *at++ = ':';
      *at++ = ' ';
      memcpy(at, value, value_length);
      at += value_length;
    } else {
      *at++ = ';'; /* how libcurl is told to send a header without a value */
    }
    *at++ = '\0';
    lua_pop(L, 2);
  }
  if (posts) {
    *node = (struct curl_slist){no_expect, node + 1};
    node++;
    if (!sizes->content_type) {
      *node = (struct curl_slist){no_type, NULL};
      node++;
    }
  }
  node[-1].next = NULL;
  *free_space = at;
  return nodes;
}

static size_t text_room(const char *text) {
  return text ? strlen(text) + 1 : 0;
}

static const char *keep_text(const char *text, char **free_space) {
  if (!text) return NULL;
  size_t room = text_room(text);
  char *copy = memcpy(*free_space, text, room);
  *free_space += room;
  return copy;
}

static bool is_idempotent(const char *method) {
  static const char *const methods[] = {"GET", "HEAD", "PUT", "DELETE", "OPTIONS"};
  for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
    if (strcmp(method, methods[i]) == 0) return true;
  }
  return false;
}

static bool has_body(const char *method) {
  return strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 || strcmp(method, "PATCH") == 0;
}

static order read_order(lua_State *L) {
  order o = {0};
  o.method = luaL_checkstring(L, METHOD);
  o.url = optional_text(L, URL);
  luaL_argexpected(L, o.url, URL, "string");
  if (!lua_isnil(L, BODY)) o.body = fl_check_text(L, BODY, &o.body_length);
  o.timeout_ms = milliseconds(L, TIMEOUT);
  o.connect_timeout_ms = milliseconds(L, CONNECT_TIMEOUT);
  o.idle_timeout_ms = milliseconds(L, IDLE_TIMEOUT);
  o.limited = !lua_isnil(L, MAX_BODY);
  if (o.limited) o.max_body = (uint64_t)luaL_checkinteger(L, MAX_BODY);
  o.ca_file = optional_text(L, CA_FILE);
  o.proxy = lua_isboolean(L, PROXY) ? "" : optional_text(L, PROXY);
  o.streaming = lua_toboolean(L, STREAMING);
  o.posts = o.body || has_body(o.method);
  o.repeatable = is_idempotent(o.method);
  return o;
}

/* ---- transfers ----------------------------------------------------------------------------------- */

static void transfer_release(transfer *t) {
  exchange *x = t->exchange;
  t->exchange = NULL;
  if (x) engine_take_back(x);
}

static void transfer_wake(void *owner) {
  transfer *t = owner;
  if (!t->waiting) return; /* it will see for itself when it comes to wait */
  t->waiting = false;
  fl_wait_deliver(&t->wait);
}

static void transfer_abandon(fl_wait *wait) {
  transfer *t = (transfer *)wait; /* its first member */
  t->waiting = false;
  if (t->exchange) engine_stop(t->exchange, ENDED_BY_ABANDONING);
  fl_wait_deliver(wait);
}

static bool has_failed(const exchange *x) {
  return x->end != ENDED_BY_CURL || x->code != CURLE_OK;
}

/* Pushes a transfer with room for `texts` bytes: a used one that no script has ever seen, or a new one. Most requests need
** no memory of their own, and no finalizer, for that. */
static transfer *transfer_new(lua_State *L, size_t texts) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &spares_key);
  lua_Unsigned count = lua_rawlen(L, -1);
  if (texts <= COMMON_TEXTS && count > 0) {
    lua_rawgeti(L, -1, (lua_Integer)count);
    lua_pushnil(L);
    lua_rawseti(L, -3, (lua_Integer)count);
    lua_remove(L, -2);
    transfer *t = lua_touserdata(L, -1);
    t->wait = (fl_wait){0};
    return t;
  }
  lua_pop(L, 1);
  if (texts < COMMON_TEXTS) texts = COMMON_TEXTS;
  transfer *t = lua_newuserdatauv(L, sizeof *t + texts, 1);
  memset(t, 0, sizeof *t);
  t->room = texts;
  luaL_setmetatable(L, TRANSFER);
  return t;
}

/* Puts the transfer at BOX by for the next request. Its texts may be secrets. */
static void transfer_spare(lua_State *L, transfer *t) {
  explicit_bzero(t->kept, t->room);
  lua_pushnil(L);
  lua_setiuservalue(L, BOX, 1);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &spares_key);
  lua_Unsigned count = lua_rawlen(L, -1);
  if (t->room == COMMON_TEXTS && count < SPARES) {
    lua_pushvalue(L, BOX);
    lua_rawseti(L, -2, (lua_Integer)count + 1);
  }
  lua_pop(L, 1);
}

/* Transfer:close()
**     -> (nothing); gives up what has not been read; may be called again */
static fl_nret transfer_close(lua_State *L) {
  transfer_release(luaL_checkudata(L, 1, TRANSFER));
  return 0;
}

static fl_nret transfer_gc(lua_State *L) {
  transfer *t = luaL_checkudata(L, 1, TRANSFER);
  fl_wait_abandon(&t->wait);
  transfer_release(t);
  return 0;
}

static fl_nret read_resume(lua_State *L, fl_wait *wait) {
  transfer *t = (transfer *)wait;
  exchange *x = t->exchange;
  t->waiting = false;
  if (x->body.used) { /* before any failure: these bytes did arrive */
    lua_pushlstring(L, x->body.at, x->body.used);
    x->body.used = 0;
    return 1;
  }
  if (has_failed(x)) {
    failure_push(L, x);
    transfer_release(t);
    return lua_error(L);
  }
  transfer_release(t);
  lua_pushnil(L);
  return 1;
}

/* Transfer:read()
**     -> string, the next piece of the body
**     -> nil at its end
**     raises http.* when it ends too early; waits */
static fl_nret transfer_read(lua_State *L) {
  transfer *t = luaL_checkudata(L, 1, TRANSFER);
  exchange *x = t->exchange;
  if (!x) {
    lua_pushnil(L);
    return 1;
  }
  fl_wait_check(L, "http.request");
  if (!x->body.used && x->running && !exchange_resume(x)) {
    engine_stop(x, ENDED_BY_CURL);
    x->code = CURLE_RECV_ERROR;
  }
  if (x->body.used || !x->running) return read_resume(L, &t->wait);
  t->wait = (fl_wait){0};
  t->waiting = true;
  return fl_wait_begin(L, &t->wait, "http.request", transfer_abandon, read_resume);
}

/* -> status, header, body, version [, Transfer] */
static fl_nret push_answer(lua_State *L, transfer *t) {
  exchange *x = t->exchange;
  long version = 0;
  lua_pushinteger(L, x->status);
  lua_pushlstring(L, x->header.at ? x->header.at : "", x->header.used);
  if (x->collecting)
    lua_pushnil(L);
  else
    lua_pushlstring(L, x->body.at ? x->body.at : "", x->body.used);
  curl_easy_getinfo(x->easy, CURLINFO_HTTP_VERSION, &version);
  lua_pushstring(L, version == CURL_HTTP_VERSION_2_0 ? "2" : version == CURL_HTTP_VERSION_1_0 ? "1.0" : "1.1");
  if (x->collecting) { /* a failure is told by read, after the bytes that came before it */
    lua_pushvalue(L, BOX);
    return 5;
  }
  transfer_release(t);
  transfer_spare(L, t);
  return 4;
}

static fl_nret push_failure(lua_State *L, transfer *t) {
  lua_pushnil(L);
  failure_push(L, t->exchange);
  transfer_release(t);
  return 2;
}

static fl_nret request_resume(lua_State *L, fl_wait *wait) {
  transfer *t = (transfer *)wait;
  t->waiting = false;
  return has_failed(t->exchange) && !t->exchange->collecting ? push_failure(L, t) : push_answer(L, t);
}

/* The request as libcurl takes it, with all texts in `t`. */
static void keep_order(lua_State *L, transfer *t, order *o, const header_sizes *sizes) {
  char *free_space;
  lua_pushvalue(L, BODY);
  lua_setiuservalue(L, BOX, 1);
  o->headers = keep_headers(L, t, sizes, o->posts, &free_space);
  o->method = keep_text(o->method, &free_space);
  o->url = keep_text(o->url, &free_space);
  o->ca_file = keep_text(o->ca_file, &free_space);
  o->proxy = keep_text(o->proxy, &free_space);
}

fl_nret transfer_request(lua_State *L) {
  lua_settop(L, STREAMING);
  fl_wait_check(L, "http.request");
  order o = read_order(L);
  header_sizes sizes = measure_headers(L);
  size_t texts = text_room(o.method) + text_room(o.url) + text_room(o.ca_file) + text_room(o.proxy);
  transfer *t = transfer_new(L, sizes.bytes + 2 * sizeof(struct curl_slist) + texts);
  keep_order(L, t, &o, &sizes);
  t->exchange = engine_lend(engine_of(L));
  if (!t->exchange) return luaL_error(L, "not enough memory for an HTTP request");
  t->exchange->owner = t;
  t->exchange->wake = transfer_wake;
  CURLcode code = exchange_prepare(t->exchange, &o);
  if (code == CURLE_OK && engine_start(t->exchange) != CURLM_OK) code = CURLE_FAILED_INIT;
  if (code != CURLE_OK) {
    t->exchange->code = code;
    return push_failure(L, t);
  }
  t->waiting = true;
  return fl_wait_begin(L, &t->wait, "http.request", transfer_abandon, request_resume);
}

/* ---- the header of an answer ----------------------------------------------------------------------- */

/* A carriage return within a line is taken for a space (RFC 9112, 2.2): who joins lines again must not make two of one. */
static void push_line(lua_State *L, const char *text, size_t length) {
  if (!memchr(text, '\r', length)) {
    lua_pushlstring(L, text, length);
    return;
  }
  luaL_Buffer line;
  luaL_buffinit(L, &line);
  for (size_t i = 0; i < length; i++) luaL_addchar(&line, text[i] == '\r' ? ' ' : text[i]);
  luaL_pushresult(&line);
}

static void add_header(lua_State *L, lua_Integer i, const char *line, size_t length) {
  const char *colon = memchr(line, ':', length);
  size_t name = colon ? (size_t)(colon - line) : length, from = colon ? name + 1 : length, to = length;
  while (from < to && (line[from] == ' ' || line[from] == '\t')) from++;
  while (to > from && (line[to - 1] == ' ' || line[to - 1] == '\t')) to--;
  lua_createtable(L, 2, 0);
  push_line(L, line, name);
  lua_rawseti(L, -2, 1);
  push_line(L, line + from, to - from);
  lua_rawseti(L, -2, 2);
  lua_rawseti(L, -2, i);
}

/* A line that begins with a space goes on with the one before it (RFC 9112, 5.2). */
static void continue_header(lua_State *L, lua_Integer i, const char *line, size_t length) {
  if (lua_rawgeti(L, -1, i) == LUA_TTABLE) {
    lua_rawgeti(L, -1, 2);
    push_line(L, line, length);
    lua_concat(L, 2);
    lua_rawseti(L, -2, 2);
  }
  lua_pop(L, 1);
}

fl_nret transfer_headers(lua_State *L) {
  size_t size;
  const char *at = luaL_checklstring(L, 1, &size), *end = at + size;
  lua_Integer count = 0;
  lua_createtable(L, 12, 0);
  while (at < end) {
    const char *newline = memchr(at, '\n', (size_t)(end - at));
    const char *stop = newline ? newline : end;
    size_t length = (size_t)(stop - at);
    while (length && at[length - 1] == '\r') length--;
    if (length && (*at == ' ' || *at == '\t'))
      continue_header(L, count, at, length);
    else if (length)
      add_header(L, ++count, at, length);
    at = stop + 1;
  }
  return 1;
}

static const luaL_Reg transfer_methods[] = {
    {"read", transfer_read},   /* the next piece of the body */
    {"close", transfer_close}, /* give up the rest */
    {NULL, NULL},
};
static const luaL_Reg transfer_meta[] = {
    {"__close", transfer_close},
    {"__gc", transfer_gc},
    {NULL, NULL},
};
static const luaL_Reg engine_meta[] = {
    {"__gc", engine_box_close},
    {NULL, NULL},
};
void transfers_open(lua_State *L) {
  luaL_newmetatable(L, ENGINE);
  luaL_setfuncs(L, engine_meta, 0);
  luaL_newmetatable(L, TRANSFER);
  luaL_setfuncs(L, transfer_meta, 0);
  luaL_newlib(L, transfer_methods);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 2);
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &engine_key) == LUA_TNIL) { /* a module loaded anew goes on with its engine */
    lua_newtable(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &spares_key);
    engine_box_open(L);
  }
  lua_pop(L, 1);
}
