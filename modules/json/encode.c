/* encode.c - Lua values to JSON text.
**
** Written straight from the tables, without jansson: a tree between the two would be a second copy outside the memory
** limit, and jansson 2.14 writes 0.1 as 0.10000000000000001. The text grows in a userdata that takes its memory from
** Lua's allocator, so it counts against the limit and is freed whatever raises.
**
** No Lua code runs while a value is written: tables are read raw, metamethods are not asked.
*/
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_lua.h"

#define WRITER_TYPE "json.Writer"
#define INDENT_LIMIT 16
#define PATH_PARTS 12 /* parts of a path that an error shows */
#define PATH_KEY 40   /* bytes of a key that it shows */

typedef struct {
  const char *text;
  size_t length;
  int index; /* where the key is on the Lua stack, which keeps it alive */
} sort_key;

/* A block from Lua's allocator. */
typedef struct {
  void *start;
  size_t size;
} block;

typedef struct {
  lua_State *L; /* the running coroutine, during one call */
  block text, keys;
  size_t length, key_count;
  int indent;
  bool sort_keys;
} writer;

/* Where a value is: a chain on the C stack, from the value up to the root. */
typedef struct frame {
  const struct frame *parent;
  const void *table;
  const char *key; /* NULL: `index` says where */
  size_t key_length;
  lua_Integer index;
  int depth;
} frame;

static void write_value(writer *out, const frame *at);

static void *block_resize(lua_State *L, block *b, size_t size) {
  void *ud;
  lua_Alloc alloc = lua_getallocf(L, &ud);
  void *start = alloc(ud, b->start, b->start ? b->size : 0, size);
  if (size > 0 && start == NULL) return NULL;
  b->start = start;
  b->size = size;
  return start;
}

static void block_need(lua_State *L, block *b, size_t size) {
  if (b->start != NULL && size <= b->size) return;
  size_t wanted = b->size < 512 ? 512 : b->size;
  while (wanted < size) wanted += wanted / 2;
  if (block_resize(L, b, wanted) != NULL) return;
  lua_gc(L, LUA_GCCOLLECT); /* as Lua itself would before it gives up */
  if (block_resize(L, b, wanted) == NULL) json_no_memory(L);
}

static fl_nret writer_free(lua_State *L) {
  writer *out = luaL_checkudata(L, 1, WRITER_TYPE);
  block_resize(L, &out->text, 0);
  block_resize(L, &out->keys, 0);
  return 0;
}

/* ---- Errors: always with the path to the value --------------------------------------------------- */

static bool is_name(const char *text, size_t length) {
  if (length == 0 || (text[0] >= '0' && text[0] <= '9')) return false;
  for (size_t i = 0; i < length; i++) {
    char c = text[i];
    if (!(c == '_' || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'))) return false;
  }
  return true;
}

static void add_path(luaL_Buffer *buffer, const frame *at, int last) {
  if (at->parent == NULL) {
    luaL_addchar(buffer, '$');
    return;
  }
  if (at->depth <= last - PATH_PARTS) {
    luaL_addstring(buffer, "$…");
    return;
  }
  add_path(buffer, at->parent, last);
  if (at->key == NULL) {
    char number[32];
    snprintf(number, sizeof number, "[%" PRId64 "]", (int64_t)at->index);
    luaL_addstring(buffer, number);
  } else if (is_name(at->key, at->key_length) && at->key_length <= PATH_KEY) {
    luaL_addchar(buffer, '.');
    luaL_addlstring(buffer, at->key, at->key_length);
  } else {
    luaL_addstring(buffer, "[\"");
    for (size_t i = 0; i < at->key_length && i < PATH_KEY; i++) {
      unsigned char c = (unsigned char)at->key[i];
      luaL_addchar(buffer, c < 0x20 || c >= 0x7F || c == '"' || c == '\\' ? '?' : (char)c);
    }
    luaL_addstring(buffer, at->key_length > PATH_KEY ? "…\"]" : "\"]");
  }
}

/* Raises a misuse: "bad argument #1 to 'json.encode' ($.a[3]: why)". */
static _Noreturn void refuse(writer *out, const frame *at, const char *why) {
  lua_State *L = out->L;
  luaL_Buffer buffer;
  luaL_checkstack(L, LUA_MINSTACK, "JSON value");
  luaL_buffinit(L, &buffer);
  add_path(&buffer, at, at->depth);
  luaL_pushresult(&buffer);
  luaL_error(L, "bad argument #1 to 'json.encode' (%s: %s)", lua_tostring(L, -1), why);
  __builtin_unreachable();
}

/* ---- Text ------------------------------------------------------------------------------------------ */

static char *reserve(writer *out, size_t length) {
  block_need(out->L, &out->text, out->length + length);
  return (char *)out->text.start + out->length;
}

static void write_bytes(writer *out, const char *text, size_t length) {
  memcpy(reserve(out, length), text, length);
  out->length += length;
}

static void write_char(writer *out, char c) {
  *reserve(out, 1) = c;
  out->length++;
}

static void write_line(writer *out, int depth) {
  if (out->indent == 0) return;
  size_t spaces = (size_t)out->indent * (size_t)depth;
  char *start = reserve(out, spaces + 1);
  start[0] = '\n';
  memset(start + 1, ' ', spaces);
  out->length += spaces + 1;
}

static void write_escape(writer *out, unsigned char c) {
  static const char shorts[] = "\"\"\\\\\bb\ff\nn\rr\tt";
  for (const char *s = shorts; *s != '\0'; s += 2) {
    if ((unsigned char)s[0] == c) {
      write_bytes(out, (char[]){'\\', s[1]}, 2);
      return;
    }
  }
  char escape[8];
  snprintf(escape, sizeof escape, "\\u%04x", c);
  write_bytes(out, escape, 6);
}

static void write_string(writer *out, const frame *at, const char *text, size_t length) {
  write_char(out, '"');
  size_t done = 0;
  for (size_t i = 0; i < length;) {
    unsigned char c = (unsigned char)text[i];
    if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\') {
      i++;
    } else if (c >= 0x80) {
      size_t width = json_utf8_length(text + i, length - i);
      if (width == 0) {
        char why[64];
        snprintf(why, sizeof why, "string is not UTF-8 (byte %zu)", i + 1);
        refuse(out, at, why);
      }
      i += width;
    } else {
      write_bytes(out, text + done, i - done);
      write_escape(out, c);
      done = ++i;
    }
  }
  write_bytes(out, text + done, length - done);
  write_char(out, '"');
}

static void write_integer(writer *out, lua_Integer value) {
  char text[32];
  int length = snprintf(text, sizeof text, "%" PRId64, (int64_t)value);
  write_bytes(out, text, (size_t)length);
}

/* The shortest of 15, 16 and 17 digits that reads back as the same number; always with a '.' or an exponent, so that it
** reads back as a float. */
static void write_float(writer *out, const frame *at, double value) {
  if (isnan(value)) refuse(out, at, "NaN has no JSON form");
  if (isinf(value)) refuse(out, at, "an infinite number has no JSON form");
  char text[40];
  int length = 0;
  for (int digits = 15; digits <= 17; digits++) {
    length = snprintf(text, sizeof text, "%.*g", digits, value);
    if (strtod(text, NULL) == value) break;
  }
  bool whole = true;
  for (int i = 0; i < length; i++) {
    if (strchr("+-0123456789", text[i]) != NULL) continue;
    whole = false;
    if (text[i] != 'e') text[i] = '.'; /* whatever the locale writes */
  }
  write_bytes(out, text, (size_t)length);
  if (whole) write_bytes(out, ".0", 2);
}

/* ---- Tables ---------------------------------------------------------------------------------------- */

static void write_array(writer *out, const frame *at, lua_Integer count) {
  lua_State *L = out->L;
  write_char(out, '[');
  for (lua_Integer i = 1; i <= count; i++) {
    if (i > 1) write_char(out, ',');
    write_line(out, at->depth + 1);
    lua_rawgeti(L, -1, i);
    frame element = {.parent = at, .index = i, .depth = at->depth + 1};
    write_value(out, &element);
    lua_pop(L, 1);
  }
  if (count > 0) write_line(out, at->depth);
  write_char(out, ']');
}

/* The value is on top of the stack. */
static void write_member(writer *out, const frame *at, const char *key, size_t length, bool first) {
  frame member = {.parent = at, .key = key, .key_length = length, .depth = at->depth + 1};
  if (!first) write_char(out, ',');
  write_line(out, at->depth + 1);
  write_string(out, &member, key, length);
  write_char(out, ':');
  if (out->indent > 0) write_char(out, ' ');
  write_value(out, &member);
}

static int compare_keys(const void *left, const void *right) {
  const sort_key *a = left;
  const sort_key *b = right;
  size_t shorter = a->length < b->length ? a->length : b->length;
  int order = memcmp(a->text, b->text, shorter);
  return order != 0 ? order : (a->length > b->length) - (a->length < b->length);
}

/* All keys go on the Lua stack, which keeps them alive, and are sorted in a block beside it, shared by all levels. */
static void write_sorted(writer *out, const frame *at, size_t count) {
  lua_State *L = out->L;
  if (count == 0) return;
  if (count > LUAI_MAXSTACK / 2 || !lua_checkstack(L, (int)count + LUA_MINSTACK))
    refuse(out, at, "too many keys to sort (sort_keys = false writes them as they come)");
  int table = lua_gettop(L);
  size_t base = out->key_count;
  block_need(L, &out->keys, (base + count) * sizeof(sort_key));
  lua_pushnil(L);
  while (lua_next(L, table)) {
    lua_pop(L, 1);
    if (out->key_count == base + count) refuse(out, at, "the table was changed meanwhile (by a __gc)");
    sort_key *key = (sort_key *)out->keys.start + out->key_count++;
    key->index = lua_gettop(L);
    key->text = lua_tolstring(L, -1, &key->length);
    lua_pushvalue(L, -1); /* one stays, lua_next takes the other */
  }
  count = out->key_count - base;
  if (count > 1) qsort((sort_key *)out->keys.start + base, count, sizeof(sort_key), compare_keys);
  for (size_t i = 0; i < count; i++) {
    sort_key key = ((sort_key *)out->keys.start)[base + i]; /* a copy: deeper levels may move the block */
    lua_pushvalue(L, key.index);
    lua_rawget(L, table);
    write_member(out, at, key.text, key.length, i == 0);
    lua_pop(L, 1);
  }
  out->key_count = base;
  lua_settop(L, table);
}

static void write_unsorted(writer *out, const frame *at) {
  lua_State *L = out->L;
  bool first = true;
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    size_t length;
    const char *key = lua_tolstring(L, -2, &length);
    write_member(out, at, key, length, first);
    first = false;
    lua_pop(L, 1);
  }
}

static bool is_marked(lua_State *L) {
  if (!lua_getmetatable(L, -1)) return false;
  bool marked = lua_rawequal(L, -1, lua_upvalueindex(UPVALUE_ARRAY));
  lua_pop(L, 1);
  return marked;
}

/* What the keys of a table say. */
typedef struct {
  size_t names;
  lua_Integer indexes, highest;
  const char *other; /* the type of a key that is neither */
} census;

static census count_keys(lua_State *L) {
  census found = {0};
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    lua_pop(L, 1);
    if (lua_type(L, -1) == LUA_TSTRING) {
      found.names++;
    } else if (lua_isinteger(L, -1) && lua_tointeger(L, -1) >= 1) {
      lua_Integer index = lua_tointeger(L, -1);
      found.indexes++;
      if (index > found.highest) found.highest = index;
    } else {
      found.other = lua_isinteger(L, -1) ? "an integer below 1" : luaL_typename(L, -1);
    }
  }
  return found;
}

static void write_table(writer *out, frame *at) {
  lua_State *L = out->L;
  at->table = lua_topointer(L, -1);
  for (const frame *above = at->parent; above != NULL; above = above->parent)
    if (above->table == at->table) refuse(out, at, "the table contains itself");
  if (at->depth >= JSON_MAX_DEPTH) refuse(out, at, "nested too deep");

  char why[128];
  census keys = count_keys(L);
  bool array = is_marked(L) || keys.indexes > 0;
  if (keys.other != NULL) {
    snprintf(why, sizeof why, "a key is %s; keys are strings, or 1 to n", keys.other);
    refuse(out, at, why);
  }
  if (array && keys.names > 0) refuse(out, at, "an array has string keys too");
  if (array && keys.indexes != keys.highest) {
    snprintf(why, sizeof why, "an array has holes (%" PRId64 " values, highest index %" PRId64 ")",
             (int64_t)keys.indexes, (int64_t)keys.highest);
    refuse(out, at, why);
  }
  if (array) {
    write_array(out, at, keys.indexes);
    return;
  }
  write_char(out, '{');
  if (out->sort_keys)
    write_sorted(out, at, keys.names);
  else
    write_unsorted(out, at);
  if (keys.names > 0) write_line(out, at->depth);
  write_char(out, '}');
}

static void write_userdata(writer *out, const frame *at) {
  lua_State *L = out->L;
  if (lua_rawequal(L, -1, lua_upvalueindex(UPVALUE_NULL)) || lua_touserdata(L, -1) == NULL) {
    write_bytes(out, "null", 4); /* ours, or lua-cjson's, which is the light userdata NULL */
  } else if (fl_secret_test(L, -1, NULL) != NULL) {
    write_string(out, at, JSON_SECRET, strlen(JSON_SECRET));
  } else {
    char why[96];
    bool named = luaL_getmetafield(L, -1, "__name") == LUA_TSTRING;
    snprintf(why, sizeof why, "a value of type %.40s has no JSON form", named ? lua_tostring(L, -1) : "userdata");
    refuse(out, at, why);
  }
}

/* Writes the value on top of the stack and leaves it there. */
static void write_value(writer *out, const frame *at) {
  lua_State *L = out->L;
  size_t length;
  const char *text;
  char why[64];
  luaL_checkstack(L, LUA_MINSTACK, "JSON value is nested too deep");
  switch (lua_type(L, -1)) {
  case LUA_TSTRING:
    text = lua_tolstring(L, -1, &length);
    write_string(out, at, text, length);
    break;
  case LUA_TNUMBER:
    if (lua_isinteger(L, -1))
      write_integer(out, lua_tointeger(L, -1));
    else
      write_float(out, at, lua_tonumber(L, -1));
    break;
  case LUA_TBOOLEAN:
    if (lua_toboolean(L, -1))
      write_bytes(out, "true", 4);
    else
      write_bytes(out, "false", 5);
    break;
  case LUA_TTABLE: {
    frame here = *at;
    write_table(out, &here);
    break;
  }
  case LUA_TUSERDATA:
  case LUA_TLIGHTUSERDATA: write_userdata(out, at); break;
  case LUA_TNIL: refuse(out, at, "nil has no JSON form (json.null has)"); break;
  default: snprintf(why, sizeof why, "a %s has no JSON form", luaL_typename(L, -1)); refuse(out, at, why);
  }
}

/* ---- Lua ------------------------------------------------------------------------------------------- */

static void read_options(lua_State *L, writer *out) {
  out->sort_keys = true;
  if (lua_isnoneornil(L, 2)) return;
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_pushnil(L);
  while (lua_next(L, 2)) {
    const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
    if (strcmp(name, "indent") == 0) {
      int is_integer;
      lua_Integer indent = lua_tointegerx(L, -1, &is_integer);
      luaL_argcheck(L, is_integer && indent >= 0 && indent <= INDENT_LIMIT, 2, "indent: 0 to 16 spaces expected");
      out->indent = (int)indent;
    } else if (strcmp(name, "sort_keys") == 0) {
      luaL_argcheck(L, lua_isboolean(L, -1), 2, "sort_keys: boolean expected");
      out->sort_keys = lua_toboolean(L, -1);
    } else {
      luaL_argerror(L, 2, lua_pushfstring(L, "unknown option '%s'", name));
    }
    lua_pop(L, 1);
  }
}

/* json.encode(value: any, {indent: integer?, sort_keys: boolean?})
**     -> string; keys sorted by their bytes unless sort_keys is false, so equal values give equal texts
**     raises a misuse that names the path of what has no JSON form */
fl_nret json_encode(lua_State *L) {
  luaL_checkany(L, 1);
  lua_settop(L, 2);
  writer options = {0};
  read_options(L, &options);
  writer *out = lua_newuserdatauv(L, sizeof *out, 0);
  *out = options;
  luaL_setmetatable(L, WRITER_TYPE);
  out->L = L;
  lua_pushvalue(L, 1);
  frame root = {.depth = 0};
  write_value(out, &root);
  lua_pushlstring(L, out->text.start, out->length);
  block_resize(L, &out->text, 0); /* now, not when the collector comes */
  block_resize(L, &out->keys, 0);
  return 1;
}

void json_encode_open(lua_State *L) {
  luaL_newmetatable(L, WRITER_TYPE);
  lua_pushcfunction(L, writer_free);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 1);
}
