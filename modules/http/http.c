/* http.c - the C half of `fairlead.http`: one exchange over libcurl, for the Lua half above it.
**
** Lua: native.request(request) -> raw [, transfer]     the libcurl transport
**      transfer:read() -> chunk | nil                  of a streamed body
**      native.reveal(value) -> text                    of a string or Secret
**      native.is_secret(value), native.parse(url), native.resolve(url, reference), native.target(url),
**      native.date(text), native.user_agent
** Owner: a Transfer owns its exchange from birth until the answer has been taken, and holds its request's texts behind
** itself; the request's body, which may be large, is not copied but kept alive as its user value. The engine is a userdata in the registry.
*/
#include <string.h>
#include <strings.h>
#include <time.h>

#include "engine.h"
#include "failure.h"
#include "fairlead.h"

#define TRANSFER "http.Transfer"
#define ENGINE "http.Engine"
#define RAW "http.Raw"

#define COMMON_TEXTS ((size_t)2048) /* room for most requests' texts: such transfers are used again */
#define SPARES 64                   /* of them at most */

typedef struct engine_box {
  engine *engine; /* NULL: closed */
} engine_box;

typedef struct transfer {
  fl_wait wait;
  exchange *exchange; /* NULL: done, and given back */
  bool waiting;       /* between fl_wait_begin and its resumption */
  bool gives_failure; /* as a result, in place of raising it */
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

#define REQUEST 1 /* stack indices while a request is read */
#define HEADERS 2
#define BODY 3
#define BOX 4

typedef struct header_sizes {
  lua_Integer count; /* given header lines */
  size_t bytes;      /* for all nodes and texts */
  bool content_type;
} header_sizes;

static const char *text_at(lua_State *L, int index, size_t *length) {
  if (lua_type(L, index) == LUA_TSTRING) return lua_tolstring(L, index, length);
  return fl_secret_test(L, index, length);
}

static const char *text_field(lua_State *L, const char *name, bool required) {
  lua_getfield(L, REQUEST, name);
  size_t length = 0;
  const char *text = text_at(L, -1, &length);
  if (!text && (required || !lua_isnil(L, -1)))
    luaL_error(L, "bad request (%s: string expected, got %s)", name, luaL_typename(L, -1));
  if (text && strlen(text) != length) luaL_error(L, "bad request (%s holds a zero byte)", name);
  lua_pop(L, 1); /* the request keeps it alive until it is copied */
  return text;
}

static uint64_t seconds_field(lua_State *L, const char *name) {
  lua_getfield(L, REQUEST, name);
  lua_Number seconds = lua_tonumber(L, -1);
  if (!lua_isnil(L, -1) && !(seconds > 0)) luaL_error(L, "bad request (%s must be more than 0)", name);
  lua_pop(L, 1);
  if (seconds <= 0) return 0;
  return seconds > 1e9 ? (uint64_t)1e12 : (uint64_t)(seconds * 1000 + 0.5) + (seconds < 0.001);
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
  luaL_argexpected(L, lua_istable(L, HEADERS), REQUEST, "request with a list of headers");
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
static struct curl_slist *keep_headers(lua_State *L, transfer *t, const header_sizes *sizes, bool has_body,
                                       char **free_space) {
  static char no_type[] = "Content-Type:", no_expect[] = "Expect:"; /* libcurl's own: leave out */
  struct curl_slist *nodes = (struct curl_slist *)(void *)t->kept, *node = nodes;
  size_t count = (size_t)sizes->count + (has_body ? 2 : 0);
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
  if (has_body) {
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

static order read_order(lua_State *L) {
  order o = {0};
  o.method = text_field(L, "method", true);
  o.url = text_field(L, "url", true);
  o.ca_file = text_field(L, "ca_file", false);
  if (lua_getfield(L, REQUEST, "proxy") == LUA_TBOOLEAN && !lua_toboolean(L, -1)) {
    o.proxy = "";
  } else {
    o.proxy = text_field(L, "proxy", false);
  }
  lua_pop(L, 1);
  o.repeatable = is_idempotent(o.method);
  o.timeout_ms = seconds_field(L, "timeout");
  o.connect_timeout_ms = seconds_field(L, "connect_timeout");
  o.idle_timeout_ms = seconds_field(L, "idle_timeout");
  o.streaming = lua_getfield(L, REQUEST, "sink") != LUA_TNIL;
  o.limited = lua_getfield(L, REQUEST, "max_body") != LUA_TNIL;
  o.max_body = (uint64_t)lua_tointeger(L, -1);
  lua_pop(L, 2);
  if (!lua_isnil(L, BODY)) {
    o.body = text_at(L, BODY, &o.body_length);
    if (!o.body) luaL_error(L, "bad request (body: string expected, got %s)", luaL_typename(L, BODY));
  }
  return o;
}

/* ---- an answer as a Lua table ---------------------------------------------------------------------- */

static void add_header(lua_State *L, lua_Integer i, const char *line, size_t length) {
  const char *colon = memchr(line, ':', length);
  size_t name = colon ? (size_t)(colon - line) : length, from = colon ? name + 1 : length, to = length;
  while (from < to && (line[from] == ' ' || line[from] == '\t')) from++;
  while (to > from && (line[to - 1] == ' ' || line[to - 1] == '\t')) to--;
  lua_createtable(L, 2, 0);
  lua_pushlstring(L, line, name);
  lua_rawseti(L, -2, 1);
  lua_pushlstring(L, line + from, to - from);
  lua_rawseti(L, -2, 2);
  lua_rawseti(L, -2, i);
}

/* Pushes the list of {name, value} of a header's lines. */
static void push_headers(lua_State *L, const char *at, size_t size) {
  const char *end = at + size;
  lua_Integer count = 0;
  lua_createtable(L, 12, 0);
  while (at < end) {
    const char *newline = memchr(at, '\n', (size_t)(end - at));
    const char *stop = newline ? newline : end;
    size_t length = (size_t)(stop - at);
    while (length && at[length - 1] == '\r') length--;
    if (length) add_header(L, ++count, at, length);
    at = stop + 1;
  }
}

/* Raw.headers is made when it is first asked for: most answers are only asked for their status and body. */
static fl_nret raw_index(lua_State *L) {
  size_t size;
  if (lua_type(L, 2) != LUA_TSTRING || strcmp(lua_tostring(L, 2), "headers") != 0) return 0;
  lua_settop(L, 2);
  lua_pushliteral(L, "header");
  if (lua_rawget(L, 1) != LUA_TSTRING) return 0;
  const char *text = lua_tolstring(L, -1, &size);
  push_headers(L, text, size);
  lua_pushvalue(L, -1);
  lua_setfield(L, 1, "headers");
  return 1;
}

static void push_raw(lua_State *L, exchange *x) {
  long version = 0;
  lua_createtable(L, 0, 4);
  luaL_setmetatable(L, RAW);
  lua_pushinteger(L, x->status);
  lua_setfield(L, -2, "status");
  lua_pushlstring(L, x->header.at ? x->header.at : "", x->header.used);
  lua_setfield(L, -2, "header");
  if (!x->collecting) {
    lua_pushlstring(L, x->body.at ? x->body.at : "", x->body.used);
    lua_setfield(L, -2, "body");
  }
  curl_easy_getinfo(x->easy, CURLINFO_HTTP_VERSION, &version);
  lua_pushstring(L, version == CURL_HTTP_VERSION_2_0 ? "2" : version == CURL_HTTP_VERSION_1_0 ? "1.0" : "1.1");
  lua_setfield(L, -2, "http_version");
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

static fl_nret transfer_fail(lua_State *L, transfer *t) {
  failure_push(L, t->exchange);
  transfer_release(t);
  if (!t->gives_failure) return lua_error(L);
  lua_pushnil(L);
  lua_insert(L, -2);
  return 2;
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
  if (has_failed(x)) return transfer_fail(L, t);
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

static fl_nret request_resume(lua_State *L, fl_wait *wait) {
  transfer *t = (transfer *)wait;
  exchange *x = t->exchange;
  t->waiting = false;
  if (x->collecting) { /* a failure is told by read, after the bytes that came before it */
    push_raw(L, x);
    lua_pushvalue(L, BOX);
    return 2;
  }
  if (has_failed(x)) return transfer_fail(L, t);
  push_raw(L, x);
  transfer_release(t);
  transfer_spare(L, t);
  return 1;
}

static fl_nret start_request(lua_State *L, bool gives_failure) {
  luaL_checktype(L, REQUEST, LUA_TTABLE);
  lua_settop(L, REQUEST);
  fl_wait_check(L, "http.request");
  lua_getfield(L, REQUEST, "headers");
  lua_getfield(L, REQUEST, "body");
  order o = read_order(L);
  header_sizes sizes = measure_headers(L);

  size_t texts = text_room(o.method) + text_room(o.url) + text_room(o.ca_file);
  transfer *t = transfer_new(L, sizes.bytes + 2 * sizeof(struct curl_slist) + texts);
  t->gives_failure = gives_failure;
  lua_pushvalue(L, BODY);
  lua_setiuservalue(L, BOX, 1);
  char *free_space;
  o.headers = keep_headers(L, t, &sizes, o.body != NULL, &free_space);
  o.method = keep_text(o.method, &free_space);
  o.url = keep_text(o.url, &free_space);
  o.ca_file = keep_text(o.ca_file, &free_space);

  t->exchange = engine_lend(engine_of(L));
  if (!t->exchange) return luaL_error(L, "not enough memory for an HTTP request");
  t->exchange->owner = t;
  t->exchange->wake = transfer_wake;
  CURLcode code = exchange_prepare(t->exchange, &o);
  if (code == CURLE_OK && engine_start(t->exchange) != CURLM_OK) code = CURLE_FAILED_INIT;
  if (code != CURLE_OK) {
    t->exchange->code = code;
    return transfer_fail(L, t);
  }
  t->waiting = true;
  return fl_wait_begin(L, &t->wait, "http.request", transfer_abandon, request_resume);
}

/* native.request(request: table)
**     -> raw {status, headers, body, http_version}
**     -> raw without body, Transfer: when request.sink is set and the status is 2xx
**     raises http.*; waits */
static fl_nret http_request(lua_State *L) {
  return start_request(L, false);
}

/* native.attempt(request: table), for a request without sink
**     -> raw
**     -> nil, error object
**     waits */
static fl_nret http_attempt(lua_State *L) {
  return start_request(L, true);
}

/* ---- odds and ends that the Lua half needs libcurl for ----------------------------------------------- */

/* native.reveal(value: string|Secret)
**     -> string
**     raises on anything else */
static fl_nret http_reveal(lua_State *L) {
  size_t length;
  const char *text = fl_check_text(L, 1, &length);
  lua_pushlstring(L, text, length);
  return 1;
}

/* native.is_secret(value)
**     -> boolean */
static fl_nret http_is_secret(lua_State *L) {
  lua_pushboolean(L, fl_secret_test(L, 1, NULL) != NULL);
  return 1;
}

/* native.target(url: string)
**     -> string: scheme://host/path */
static fl_nret http_target(lua_State *L) {
  failure_push_target(L, luaL_checkstring(L, 1));
  return 1;
}

static void part_field(lua_State *L, CURLU *url, CURLUPart part, const char *name, unsigned flags) {
  char *text = NULL;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK || !text) return;
  lua_pushstring(L, text);
  curl_free(text);
  lua_setfield(L, -2, name);
}

/* The URL handle of a call: to be closed on any exit. */
static fl_nret url_close(lua_State *L) {
  CURLU **box = lua_touserdata(L, 1);
  curl_url_cleanup(*box);
  *box = NULL;
  return 0;
}

static CURLU *url_open(lua_State *L) {
  CURLU **box = lua_newuserdatauv(L, sizeof *box, 0);
  *box = NULL;
  if (luaL_newmetatable(L, "http.Url")) {
    lua_pushcfunction(L, url_close);
    lua_setfield(L, -2, "__gc");
    lua_pushcfunction(L, url_close);
    lua_setfield(L, -2, "__close");
  }
  lua_setmetatable(L, -2);
  *box = curl_url();
  if (!*box) luaL_error(L, "not enough memory for a URL");
  lua_toclose(L, -1);
  return *box;
}

/* native.parse(url: string)
**     -> {scheme, host, port, user, path, query}; port is the scheme's own if none is given
**     -> nil, reason */
static fl_nret http_parse(lua_State *L) {
  const char *text = luaL_checkstring(L, 1);
  CURLU *url = url_open(L);
  CURLUcode code = curl_url_set(url, CURLUPART_URL, text, CURLU_PATH_AS_IS);
  if (code != CURLUE_OK) {
    lua_pushnil(L);
    lua_pushstring(L, curl_url_strerror(code));
    return 2;
  }
  lua_createtable(L, 0, 6);
  part_field(L, url, CURLUPART_SCHEME, "scheme", 0);
  part_field(L, url, CURLUPART_HOST, "host", 0);
  part_field(L, url, CURLUPART_PORT, "port", CURLU_DEFAULT_PORT);
  part_field(L, url, CURLUPART_USER, "user", 0);
  part_field(L, url, CURLUPART_PATH, "path", 0);
  part_field(L, url, CURLUPART_QUERY, "query", 0);
  return 1;
}

/* native.resolve(url: string, reference: string)
**     -> string: where a Location header leads to, without a fragment
**     -> nil, reason */
static fl_nret http_resolve(lua_State *L) {
  const char *base = luaL_checkstring(L, 1), *reference = luaL_checkstring(L, 2);
  char *text = NULL;
  CURLU *url = url_open(L);
  CURLUcode code = curl_url_set(url, CURLUPART_URL, base, CURLU_PATH_AS_IS);
  if (code == CURLUE_OK) code = curl_url_set(url, CURLUPART_URL, reference, CURLU_URLENCODE);
  if (code == CURLUE_OK) code = curl_url_set(url, CURLUPART_FRAGMENT, NULL, 0);
  if (code == CURLUE_OK) code = curl_url_get(url, CURLUPART_URL, &text, 0);
  if (code != CURLUE_OK) {
    lua_pushnil(L);
    lua_pushstring(L, curl_url_strerror(code));
    return 2;
  }
  lua_pushstring(L, text);
  curl_free(text);
  return 1;
}

/* native.date(text: string)
**     -> number: unix seconds of an HTTP date
**     -> nil when it is none */
static fl_nret http_date(lua_State *L) {
  time_t seconds = curl_getdate(luaL_checkstring(L, 1), NULL);
  if (seconds == -1)
    lua_pushnil(L);
  else
    lua_pushinteger(L, (lua_Integer)seconds);
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
static const luaL_Reg raw_meta[] = {
    {"__index", raw_index},
    {NULL, NULL},
};
static const luaL_Reg engine_meta[] = {
    {"__gc", engine_box_close},
    {NULL, NULL},
};
static const luaL_Reg http_functions[] = {
    {"request", http_request},     /* one exchange */
    {"attempt", http_attempt},     /* the same, failures as results */
    {"reveal", http_reveal},       /* the text of a secret */
    {"is_secret", http_is_secret}, /* to treat it with care */
    {"target", http_target},       /* a URL without its query */
    {"parse", http_parse},         /* a URL's parts */
    {"resolve", http_resolve},     /* a relative reference */
    {"date", http_date},           /* an HTTP date */
    {NULL, NULL},
};

__attribute__((visibility("default"))) int luaopen_fairlead_http_native(lua_State *L);

int luaopen_fairlead_http_native(lua_State *L) {
  luaL_newmetatable(L, ENGINE);
  luaL_setfuncs(L, engine_meta, 0);
  luaL_newmetatable(L, TRANSFER);
  luaL_setfuncs(L, transfer_meta, 0);
  luaL_newlib(L, transfer_methods);
  lua_setfield(L, -2, "__index");
  luaL_newmetatable(L, RAW);
  luaL_setfuncs(L, raw_meta, 0);
  lua_newtable(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &spares_key);
  lua_pop(L, 3);
  engine_box_open(L);
  luaL_newlib(L, http_functions);
  lua_pushstring(L, "fairlead/" FAIRLEAD_VERSION);
  lua_setfield(L, -2, "user_agent");
  return 1;
}
