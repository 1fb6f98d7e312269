/* json_lua.h - what the files of the json module share. */
#ifndef FAIRLEAD_JSON_LUA_H
#define FAIRLEAD_JSON_LUA_H

#include "fairlead.h"

/* Upvalues of every function of the module. */
enum {
  UPVALUE_NULL = 1, /* the userdata that stands for null */
  UPVALUE_ARRAY = 2 /* the metatable that marks arrays */
};

/* Deepest nesting that is read or written. Both recurse in C, so the bound is what keeps hostile text off the end of
** the C stack; it is the same in both, so whatever was decoded can be encoded. */
#define JSON_MAX_DEPTH 1000

/* The text's form of a secret. */
#define JSON_SECRET "[secret]"

/* Length of the UTF-8 character at `text`, `left` bytes long at most; 0: none starts here (RFC 3629: no surrogates, no
** longer form than needed). */
size_t json_utf8_length(const char *text, size_t left);

/* Raises what Lua raises, so that the host knows it. */
_Noreturn void json_no_memory(lua_State *L);

fl_nret json_decode(lua_State *L);
fl_nret json_encode(lua_State *L);
void json_encode_open(lua_State *L);
void json_decode_open(lua_State *L);

#endif
