/* tree.c - from the log of a document to the tables that Lua gets: see tree.h.
**
** Iterative: each open element lies on the Lua stack, below what it will contain.
*/
#include "tree.h"

/* Adds the value at the top to the element below it. */
static void add_child(lua_State *L) {
  lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
}

/* The element at the top gets an attribute. */
static void add_attribute(lua_State *L, const xml_log *log, size_t *offset, const char *name, size_t length) {
  xml_record value;
  const char *bytes;
  if (lua_getfield(L, -1, "attributes") == LUA_TNIL) {
    lua_pop(L, 1);
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, "attributes");
  }
  lua_pushlstring(L, name, length);
  if (!xml_log_read(log, offset, &value, &bytes)) luaL_error(L, "xml: an attribute without a value"); /* never */
  lua_pushlstring(L, bytes, value.length);
  lua_rawset(L, -3);
  lua_pop(L, 1);
}

void xml_tree_push(lua_State *L, const xml_log *log, int depth) {
  luaL_checkstack(L, depth + 4, "XML text is nested too deep");
  int bottom = lua_gettop(L);
  size_t offset = 0;
  xml_record record;
  const char *bytes;
  while (xml_log_read(log, &offset, &record, &bytes)) {
    switch (record.kind) {
    case RECORD_START:
      lua_createtable(L, 1, 1);
      lua_pushlstring(L, bytes, record.length);
      lua_setfield(L, -2, "name");
      break;
    case RECORD_ATTRIBUTE: add_attribute(L, log, &offset, bytes, record.length); break;
    case RECORD_TEXT:
      lua_pushlstring(L, bytes, record.length);
      add_child(L);
      break;
    case RECORD_END:
      if (lua_gettop(L) > bottom + 1) add_child(L); /* the root stays */
      break;
    }
  }
}
