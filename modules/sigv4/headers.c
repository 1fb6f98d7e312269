/* headers.c - reads a request's headers and makes the table of those to be sent.
**
** A name's values are kept in their order. The table that is returned has the names as they were given and finds them
** in any case, like a response's headers.
*/
#include "headers.h"

#include <lauxlib.h>
#include <string.h>
#include <strings.h>

#include "fairlead.h"

#define HEADERS_TYPE "sigv4.Headers"
#define HEADER_LIMIT 1000 /* looking for repeated names compares each with each */

/* Sent, but not signed: proxies and load balancers change or drop them (aws-c-auth's and botocore's lists together). */
static const char *const unsigned_names[] = {
    "connection", "expect",     "keep-alive",        "proxy-authorization",    "proxy-connection",
    "te",         "upgrade",    "sec-websocket-key", "sec-websocket-protocol", "sec-websocket-version",
    "trailer",    "user-agent", "transfer-encoding", "x-amzn-trace-id",        NULL,
};

/* What signing itself writes. A request that has one of these was signed before, or is about to be signed wrongly. */
static const char *const own_names[] = {
    "authorization", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token", NULL,
};

static bool is_listed(piece name, const char *const *list) {
  for (; *list != NULL; list++)
    if (*name.text == **list && piece_is(name, *list, strlen(*list))) return true;
  return false;
}

/* Lower case, or a misuse when it is no header name (RFC 9110, token). */
static piece check_name(header_set *set, const char *name, size_t length) {
  char *lower = arena_take(set->memory, length + 1);
  for (size_t i = 0; i < length; i++) {
    char c = name[i];
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!letter && c != '-' && !(c >= '0' && c <= '9') && (c == '\0' || strchr("!#$%&'*+.^_`|~", c) == NULL))
      misuse(set->memory->L, set->op, "headers: a name holds a character that is not allowed");
    lower[i] = to_lower(c);
  }
  lower[length] = '\0';
  if (length == 0) misuse(set->memory->L, set->op, "headers: a name is empty");
  return (piece){lower, length};
}

bool headers_have(const header_set *set, piece lower_name) {
  for (size_t i = 0; i < set->count; i++)
    if (piece_is(set->fields[i].name, lower_name.text, lower_name.length)) return true;
  return false;
}

static void add_field(header_set *set, piece name, piece value) {
  if (set->count == set->capacity) {
    set->capacity = set->capacity ? set->capacity * 2 : 16;
    field *more = arena_take(set->memory, set->capacity * sizeof(field));
    if (set->count > 0) memcpy(more, set->fields, set->count * sizeof(field));
    set->fields = more;
  }
  set->fields[set->count] = (field){name, value, set->count};
  set->count++;
}

static bool is_given(const header_set *set, piece lower) {
  for (size_t i = 0; i < set->given; i++)
    if (piece_is(set->names[i], lower.text, lower.length)) return true;
  return false;
}

/* Keeps a name; whether it was there already. */
static bool give_name(header_set *set, piece lower) {
  if (is_given(set, lower)) return true;
  if (set->given == set->names_capacity) {
    set->names_capacity = set->names_capacity ? set->names_capacity * 2 : 16;
    piece *more = arena_take(set->memory, set->names_capacity * sizeof(piece));
    if (set->given > 0) memcpy(more, set->names, set->given * sizeof(piece));
    set->names = more;
  }
  set->names[set->given++] = lower;
  return false;
}

/* Puts the value on top of the stack under a name into `sent`; a second value makes a list. Takes it off. */
static void send_value(header_set *set, const char *name, size_t length, bool again) {
  lua_State *L = set->memory->L;
  lua_pushlstring(L, name, length);
  if (!again) {
    lua_insert(L, -2);
    lua_rawset(L, set->sent);
    return;
  }
  lua_pushvalue(L, -1);
  lua_gettable(L, set->sent); /* in any case: the first spelling stays */
  if (!lua_istable(L, -1)) {
    lua_createtable(L, 2, 0);
    lua_insert(L, -2);
    lua_rawseti(L, -2, 1);
    lua_pushnil(L);
    while (lua_next(L, set->sent)) { /* under the spelling that it has */
      lua_pop(L, 1);
      if (lua_rawlen(L, -1) == length && strncasecmp(lua_tostring(L, -1), name, length) == 0) {
        lua_pushvalue(L, -2);
        lua_rawset(L, set->sent);
        break;
      }
    }
  }
  lua_pushvalue(L, -3); /* value, name, list, value */
  lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
  lua_pop(L, 3);
}

/* One header as given; its value is on top of the stack and is taken off. */
static void read_value(header_set *set, const char *name, size_t length) {
  lua_State *L = set->memory->L;
  piece lower = check_name(set, name, length);
  if (++set->values > HEADER_LIMIT) misuse(L, set->op, "headers: more than 1000");
  if (is_listed(lower, own_names))
    misuse(L, set->op, "headers: %s is already there: signing adds it, and a request is signed once", lower.text);

  piece value;
  size_t value_length;
  const char *text = fl_secret_test(L, -1, &value_length);
  bool is_secret = text != NULL;
  if (!is_secret) {
    if (!lua_isstring(L, -1))
      misuse(L, set->op, "headers: value of %s: string expected, got %s", lower.text, luaL_typename(L, -1));
    text = lua_tolstring(L, -1, &value_length);
  }
  if (!unfold(set->memory, (piece){text, value_length}, &value))
    misuse(L, set->op, "headers: value of %s holds a line break or a control character", lower.text);
  if (memchr(text, '\n', value_length) != NULL) { /* sent as it is signed: nobody sends folds any more */
    if (is_secret)
      fl_secret_push(L, value.text, value.length);
    else
      lua_pushlstring(L, value.text, value.length);
    lua_remove(L, -2);
  }
  if (PIECE_IS(lower, "host") && (headers_have(set, lower) || value.length == 0))
    misuse(L, set->op, "headers: one host expected");
  if (!is_listed(lower, unsigned_names)) {
    add_field(set, lower, value);
    set->has_secret = set->has_secret || is_secret;
  }
  send_value(set, name, length, give_name(set, lower));
}

/* {{name, value}, …} at `index`. */
static void read_list(header_set *set, int index, lua_Integer count) {
  lua_State *L = set->memory->L;
  for (lua_Integer i = 1; i <= count; i++) {
    if (lua_rawgeti(L, index, i) != LUA_TTABLE) misuse(L, set->op, "headers: [%d]: {name, value} expected", (int)i);
    if (lua_rawgeti(L, -1, 1) != LUA_TSTRING) misuse(L, set->op, "headers: [%d]: name: string expected", (int)i);
    size_t length;
    const char *name = lua_tolstring(L, -1, &length);
    lua_rawgeti(L, -2, 2);
    read_value(set, name, length);
    lua_pop(L, 2);
  }
}

/* {name = value | {value, …}, …} at `index`. */
static void read_map(header_set *set, int index) {
  lua_State *L = set->memory->L;
  lua_pushnil(L);
  while (lua_next(L, index)) {
    if (lua_type(L, -2) != LUA_TSTRING) misuse(L, set->op, "headers: names, or a list of {name, value}, expected");
    size_t length;
    const char *name = lua_tolstring(L, -2, &length);
    if (is_given(set, check_name(set, name, length))) /* no order between the two: refuse rather than guess */
      misuse(L, set->op, "headers: %s is there twice; give a list of {name, value}", name);
    if (!lua_istable(L, -1)) {
      read_value(set, name, length);
      continue;
    }
    lua_Integer count = (lua_Integer)lua_rawlen(L, -1);
    for (lua_Integer i = 1; i <= count; i++) {
      lua_rawgeti(L, -1, i);
      read_value(set, name, length);
    }
    lua_pop(L, 1);
  }
}

/* headers[name]
**     -> the value of the header of that name in any case; nil */
static fl_nret headers_index(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  if (lua_type(L, 2) != LUA_TSTRING) return 0;
  size_t length, key_length;
  const char *name = lua_tolstring(L, 2, &length);
  lua_settop(L, 2);
  lua_pushnil(L);
  while (lua_next(L, 1)) {
    if (lua_type(L, -2) == LUA_TSTRING) {
      const char *key = lua_tolstring(L, -2, &key_length);
      if (key_length == length && strncasecmp(key, name, length) == 0) return 1;
    }
    lua_pop(L, 1);
  }
  return 0;
}

void headers_open(lua_State *L) {
  luaL_newmetatable(L, HEADERS_TYPE);
  lua_pushcfunction(L, headers_index);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
}

void headers_read(header_set *set, int index) {
  lua_State *L = set->memory->L;
  lua_createtable(L, 0, 8);
  luaL_setmetatable(L, HEADERS_TYPE);
  set->sent = lua_gettop(L);
  if (lua_isnil(L, index)) return;
  lua_Integer count = (lua_Integer)lua_rawlen(L, index);
  if (count == 0) {
    read_map(set, index);
    return;
  }
  lua_pushnil(L);
  while (lua_next(L, index)) {
    if (!lua_isinteger(L, -2)) misuse(L, set->op, "headers: a list and names in one table");
    lua_pop(L, 1);
  }
  read_list(set, index, count);
}

void headers_add(header_set *set, piece name, bool is_signed) {
  lua_State *L = set->memory->L;
  size_t length;
  const char *text = fl_check_text(L, -1, &length);
  if (is_signed) {
    set->has_secret = set->has_secret || fl_secret_test(L, -1, NULL) != NULL;
    add_field(set, check_name(set, name.text, name.length), (piece){text, length});
  }
  lua_pushlstring(L, name.text, name.length);
  lua_insert(L, -2);
  lua_rawset(L, set->sent);
}
