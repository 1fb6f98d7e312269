/* json.c - JSON for API payloads: what lua-cjson loses on Lua 5.4 (integers, empty arrays) is kept.
**
** Lua: json.decode(text, options) -> value; json.encode(value, options) -> text; json.null; json.array(t) -> t
**
** Arrays are tables with the metatable "json.Array"; it carries no behaviour, only the fact, so that [] and {} survive
** a round trip. null is one userdata of the state, never nil, so that it survives in tables.
*/
#include "json_lua.h"

#define NULL_TYPE "json.Null"
#define ARRAY_TYPE "json.Array"

size_t json_utf8_length(const char *text, size_t left) {
  const unsigned char *byte = (const unsigned char *)text;
  if (left == 0) return 0;
  if (byte[0] < 0x80) return 1;
  size_t length = byte[0] < 0xC2 ? 0 : byte[0] < 0xE0 ? 2 : byte[0] < 0xF0 ? 3 : byte[0] < 0xF5 ? 4 : 0;
  if (length == 0 || length > left) return 0;
  for (size_t i = 1; i < length; i++)
    if ((byte[i] & 0xC0) != 0x80) return 0;
  if (byte[0] == 0xE0 && byte[1] < 0xA0) return 0; /* longer than needed */
  if (byte[0] == 0xED && byte[1] > 0x9F) return 0; /* a surrogate */
  if (byte[0] == 0xF0 && byte[1] < 0x90) return 0; /* longer than needed */
  if (byte[0] == 0xF4 && byte[1] > 0x8F) return 0; /* beyond U+10FFFF */
  return length;
}

void json_no_memory(lua_State *L) {
  lua_pushliteral(L, "not enough memory");
  lua_error(L);
  __builtin_unreachable();
}

/* json.array(t: table?)
**     -> table; t itself (a new table without t), marked: it encodes as [...] even when empty
**     raises when t already has another metatable */
static fl_nret json_array(lua_State *L) {
  if (lua_isnoneornil(L, 1)) {
    lua_settop(L, 0);
    lua_newtable(L);
  }
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  if (lua_getmetatable(L, 1)) {
    luaL_argcheck(L, lua_rawequal(L, -1, lua_upvalueindex(UPVALUE_ARRAY)), 1, "table has a metatable of its own");
    lua_pop(L, 1);
  }
  lua_pushvalue(L, lua_upvalueindex(UPVALUE_ARRAY));
  lua_setmetatable(L, 1);
  return 1;
}

/* tostring(json.null)
**     -> "null" */
static fl_nret null_tostring(lua_State *L) {
  lua_pushliteral(L, "null");
  return 1;
}

static const luaL_Reg json_functions[] = {
    {"array", json_array},   /* mark a table as an array */
    {"decode", json_decode}, /* text to value */
    {"encode", json_encode}, /* value to text */
    {NULL, NULL},
};

FL_API int luaopen_fairlead_json(lua_State *L);

int luaopen_fairlead_json(lua_State *L) {
  json_decode_open(L);
  json_encode_open(L);

  luaL_newlibtable(L, json_functions);

  lua_newuserdatauv(L, 0, 0);
  luaL_newmetatable(L, NULL_TYPE);
  lua_pushcfunction(L, null_tostring);
  lua_setfield(L, -2, "__tostring");
  lua_pushliteral(L, NULL_TYPE);
  lua_setfield(L, -2, "__metatable");
  lua_setmetatable(L, -2);

  lua_pushvalue(L, -1);
  lua_setfield(L, -3, "null");
  luaL_newmetatable(L, ARRAY_TYPE);
  luaL_setfuncs(L, json_functions, 2); /* null and array, in the order of the enum */
  return 1;
}
