/* decode.c - JSON text to Lua values, over jansson's parser.
**
** jansson's tree lives in a userdata from birth, so that an error of Lua's (memory, above all) frees it. jansson does
** the strict part: UTF-8, surrogates, numbers that fit, no duplicate keys. What is ours is the way to Lua and an error
** that points at the start of the token that is wrong.
*/
#include <jansson.h>
#include <limits.h>
#include <string.h>

#include "json_lua.h"

#define TREE_TYPE "json.Tree"
#define EXCERPT_LENGTH 32

typedef struct {
  json_t *root;
} tree_box;

typedef struct {
  lua_State *L;
  bool secret;  /* the text was a secret: so is each string in it */
  bool no_null; /* members of objects that are null are left out */
} reader;

static fl_nret tree_free(lua_State *L) {
  tree_box *tree = luaL_checkudata(L, 1, TREE_TYPE);
  json_decref(tree->root);
  tree->root = NULL;
  return 0;
}

/* Where an error is: `offset` bytes into the text, as a line and a column in characters, both from 1. */
typedef struct {
  size_t offset;
  lua_Integer line, column;
} place;

static place place_at(const char *text, size_t offset) {
  place at = {offset, 1, 1};
  for (size_t i = 0; i < offset; i++) {
    if (text[i] == '\n') {
      at.line++;
      at.column = 1;
    } else if (((unsigned char)text[i] & 0xC0) != 0x80) {
      at.column++;
    }
  }
  return at;
}

/* jansson tells the position after the last token that it read, and quotes that token at the end of its message
** ("… near 'TOKEN'"). Its start is what a person looks for. Cuts the quotation off the message. */
static size_t offset_of(json_error_t *error, const char *text, size_t length) {
  size_t end = error->position > 0 ? (size_t)error->position : 0;
  if (end > length) end = length;
  char *near = strstr(error->text, " near ");
  if (near == NULL) return end > 0 ? end - 1 : 0;
  const char *token = near + strlen(" near ");
  *near = '\0';
  switch (json_error_code(error)) {
  case json_error_premature_end_of_input: return length;
  case json_error_invalid_utf8: return end; /* the bad byte comes after what was read */
  default: break;
  }
  size_t quoted = strlen(token);
  if (quoted < 3 || strcmp(token, "end of file") == 0) return length;
  size_t token_length = quoted - 2;
  if (token_length <= end && memcmp(text + end - token_length, token + 1, token_length) == 0) return end - token_length;
  return end > 0 ? end - 1 : 0; /* the quotation was too long for jansson's message */
}

/* At most EXCERPT_LENGTH bytes of the text from the place on: whole characters, what cannot be shown as '?', so that the
** error can be printed and encoded whatever the text was. */
static void push_excerpt(lua_State *L, const char *text, size_t length, size_t offset) {
  char excerpt[EXCERPT_LENGTH];
  size_t count = 0;
  while (offset < length) {
    unsigned char byte = (unsigned char)text[offset];
    size_t width = json_utf8_length(text + offset, length - offset);
    if (count + (width ? width : 1) > sizeof excerpt) break;
    if (width == 0) {
      excerpt[count++] = '?';
    } else if (byte < 0x20 || byte == 0x7F) {
      excerpt[count++] = ' ';
    } else {
      memcpy(excerpt + count, text + offset, width);
      count += width;
    }
    offset += width ? width : 1;
  }
  lua_pushlstring(L, excerpt, count);
}

/* Raises json.syntax. A secret's text is never quoted. */
static int syntax_error(lua_State *L, const char *why, const char *text, size_t length, size_t offset, bool secret) {
  place at = place_at(text, offset);
  if (secret || offset >= length) {
    lua_pushliteral(L, "");
    fl_error_push(L, "json.syntax", "line %d, column %d: %s", (int)at.line, (int)at.column, why);
  } else {
    push_excerpt(L, text, length, offset);
    fl_error_push(L, "json.syntax", "line %d, column %d: %s near '%s'", (int)at.line, (int)at.column, why,
                  lua_tostring(L, -1));
  }
  lua_insert(L, -2);
  lua_setfield(L, -2, "excerpt");
  lua_pushinteger(L, at.line);
  lua_setfield(L, -2, "line");
  lua_pushinteger(L, at.column);
  lua_setfield(L, -2, "column");
  lua_pushliteral(L, "json.decode");
  lua_setfield(L, -2, "op");
  return lua_error(L);
}

static int parse_error(lua_State *L, json_error_t *error, const char *text, size_t length, bool secret) {
  size_t offset = offset_of(error, text, length);
  const char *why = error->text;
  switch (json_error_code(error)) {
  case json_error_out_of_memory: json_no_memory(L);
  case json_error_numeric_overflow:
    why = strstr(why, "integer") ? "integer does not fit 64 bits (make it a string)" : "number is too large";
    break;
  case json_error_duplicate_key: why = "duplicate key"; break;
  case json_error_end_of_input_expected: why = "more text after the value"; break;
  case json_error_premature_end_of_input: why = length == 0 ? "no text" : "text ends too early"; break;
  default: break;
  }
  return syntax_error(L, why, text, length, offset, secret);
}

static void push_text(const reader *in, const char *text, size_t length) {
  if (in->secret)
    fl_secret_push(in->L, text, length);
  else
    lua_pushlstring(in->L, text, length);
}

static void push_value(const reader *in, json_t *value);

static void push_array(const reader *in, json_t *value) {
  lua_State *L = in->L;
  size_t count = json_array_size(value);
  lua_createtable(L, count > INT_MAX ? INT_MAX : (int)count, 0);
  for (size_t i = 0; i < count; i++) {
    push_value(in, json_array_get(value, i));
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  lua_pushvalue(L, lua_upvalueindex(UPVALUE_ARRAY));
  lua_setmetatable(L, -2);
}

static void push_object(const reader *in, json_t *value) {
  lua_State *L = in->L;
  size_t count = json_object_size(value);
  lua_createtable(L, 0, count > INT_MAX ? INT_MAX : (int)count);
  for (void *i = json_object_iter(value); i != NULL; i = json_object_iter_next(value, i)) {
    json_t *member = json_object_iter_value(i);
    if (in->no_null && json_is_null(member)) continue;
    lua_pushstring(L, json_object_iter_key(i));
    push_value(in, member);
    lua_rawset(L, -3);
  }
}

/* Pushes one value and all below it. Depth was checked before. */
static void push_value(const reader *in, json_t *value) {
  lua_State *L = in->L;
  luaL_checkstack(L, 4, "JSON text is nested too deep");
  switch (json_typeof(value)) {
  case JSON_OBJECT: push_object(in, value); break;
  case JSON_ARRAY: push_array(in, value); break;
  case JSON_STRING: push_text(in, json_string_value(value), json_string_length(value)); break;
  case JSON_INTEGER: lua_pushinteger(L, json_integer_value(value)); break;
  case JSON_REAL: lua_pushnumber(L, json_real_value(value)); break;
  case JSON_TRUE: lua_pushboolean(L, 1); break;
  case JSON_FALSE: lua_pushboolean(L, 0); break;
  case JSON_NULL: lua_pushvalue(L, lua_upvalueindex(UPVALUE_NULL)); break;
  }
}

/* Offset of the bracket that nests deeper than is read, or `length`: found before anything is built. */
static size_t find_too_deep(const char *text, size_t length) {
  size_t depth = 0;
  bool quoted = false;
  for (size_t i = 0; i < length; i++) {
    char c = text[i];
    if (quoted) {
      if (c == '\\')
        i++;
      else if (c == '"')
        quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '[' || c == '{') {
      if (++depth > JSON_MAX_DEPTH) return i;
    } else if ((c == ']' || c == '}') && depth > 0) {
      depth--;
    }
  }
  return length;
}

/* options.nulls; true when there are none. */
static bool keeps_nulls(lua_State *L, int options) {
  if (lua_isnoneornil(L, options)) return true;
  luaL_checktype(L, options, LUA_TTABLE);
  bool keeps = lua_getfield(L, options, "nulls") == LUA_TNIL || lua_toboolean(L, -1);
  lua_pop(L, 1);
  return keeps;
}

/* json.decode(text: string | Secret, options: {nulls: boolean?}?)
**     -> value; of a Secret's text each string is a Secret; nulls=false: without the members of objects that are null
**     raises kind json.syntax, with line, column, excerpt */
fl_nret json_decode(lua_State *L) {
  size_t length;
  const char *text = fl_check_text(L, 1, &length);
  reader in = {L, fl_secret_test(L, 1, NULL) != NULL, !keeps_nulls(L, 2)};
  size_t too_deep = find_too_deep(text, length);
  if (too_deep < length) return syntax_error(L, "nested too deep", text, length, too_deep, in.secret);

  tree_box *tree = lua_newuserdatauv(L, sizeof *tree, 0);
  tree->root = NULL;
  luaL_setmetatable(L, TREE_TYPE);
  json_error_t error;
  tree->root = json_loadb(text, length, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
  if (tree->root == NULL) return parse_error(L, &error, text, length, in.secret);

  push_value(&in, tree->root);
  json_decref(tree->root); /* now, not when the collector comes */
  tree->root = NULL;
  return 1;
}

void json_decode_open(lua_State *L) {
  luaL_newmetatable(L, TREE_TYPE);
  lua_pushcfunction(L, tree_free);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 1);
}
