/* loader.c - scripts as text: finding, compiling, and the folders in which `require` looks for a script's own modules.
**
** Lua: fairlead.script: load(path) for programs that run other scripts (`fairlead run`), check(text, name).
** Errors are objects: script.not_found, script.syntax (path, line), so that whoever starts a script can say it in one line.
*/
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "internal.h"

#define BOOT "fairlead.boot" /* registry: boot.lua's native table */

static void push_boot(lua_State *L, const char *field) {
  lua_getfield(L, LUA_REGISTRYINDEX, BOOT);
  lua_getfield(L, -1, field);
  lua_remove(L, -2);
}

/* Into the table on top: "folders", first from FAIRLEAD_PATH. */
void loader_open(lua_State *L) {
  const char *path = getenv("FAIRLEAD_PATH");
  lua_newtable(L);
  for (int i = 1; path != NULL && *path != '\0';) {
    size_t length = strcspn(path, ":");
    if (length > 0) {
      lua_pushlstring(L, path, length);
      lua_rawseti(L, -2, i++);
    }
    path += length + (path[length] == ':');
  }
  lua_setfield(L, -2, "folders");
}

void loader_add_folder(lua_State *L, const char *folder) {
  push_boot(L, "folders");
  lua_Integer count = luaL_len(L, -1);
  for (lua_Integer i = 1; i <= count; i++) {
    lua_rawgeti(L, -1, i);
    bool known = strcmp(lua_tostring(L, -1), folder) == 0;
    lua_pop(L, 1);
    if (known) {
      lua_pop(L, 1);
      return;
    }
  }
  for (lua_Integer i = count; i >= 1; i--) {
    lua_rawgeti(L, -1, i);
    lua_rawseti(L, -2, i + 1);
  }
  lua_pushstring(L, folder);
  lua_rawseti(L, -2, 1);
  lua_pop(L, 1);
}

static int not_found(lua_State *L, const char *path, int code) {
  fl_error_push(L, "script.not_found", "%s", code == EISDIR ? "it is a folder" : strerror(code));
  lua_pushliteral(L, "script");
  lua_setfield(L, -2, "op");
  lua_pushstring(L, path);
  lua_setfield(L, -2, "target");
  lua_pushliteral(L, "name a Lua script that can be read");
  lua_setfield(L, -2, "hint");
  return -1;
}

/* The compiler's message on top -> error object. */
static int syntax_error(lua_State *L) {
  const char *text = lua_tostring(L, -1);
  const char *colon = text != NULL ? strchr(text, ':') : NULL;
  fl_error_push(L, "script.syntax", "%s", text != NULL ? text : "cannot be compiled");
  long line = colon != NULL ? strtol(colon + 1, NULL, 10) : 0;
  if (line > 0) {
    lua_pushinteger(L, line);
    lua_setfield(L, -2, "line");
  }
  lua_remove(L, -2);
  return -1;
}

static void set_environment(lua_State *L, const char *field) {
  push_boot(L, field);
  if (lua_setupvalue(L, -2, 1) == NULL) lua_pop(L, 1);
}

int loader_load_script(lua_State *L, const char *path) {
  struct stat about;
  if (stat(path, &about) != 0) return not_found(L, path, errno);
  if (S_ISDIR(about.st_mode)) return not_found(L, path, EISDIR);
  int status = luaL_loadfilex(L, path, "t");
  if (status == LUA_ERRFILE) {
    lua_pop(L, 1);
    return not_found(L, path, errno ? errno : EIO);
  }
  if (status != LUA_OK) return syntax_error(L);
  set_environment(L, "strict");
  push_boot(L, "loaded");
  lua_pushvalue(L, -2);
  lua_pushstring(L, path);
  lua_call(L, 2, 0);
  const char *slash = strrchr(path, '/');
  lua_pushlstring(L, slash != NULL ? path : ".", slash != NULL ? (size_t)(slash - path) + (slash == path) : 1);
  loader_add_folder(L, lua_tostring(L, -1));
  lua_pop(L, 1);
  return 0;
}

int loader_load_chunk(lua_State *L, const char *chunk, const char *name) {
  lua_pushfstring(L, "return %s", chunk);
  size_t length;
  const char *expression = lua_tolstring(L, -1, &length);
  int status = luaL_loadbufferx(L, expression, length, name, "t");
  lua_remove(L, -2);
  if (status != LUA_OK) {
    lua_pop(L, 1);
    if (luaL_loadbufferx(L, chunk, strlen(chunk), name, "t") != LUA_OK) return syntax_error(L);
  }
  set_environment(L, "short_names");
  return 0;
}

/* script.load(path: string)
**     -> function; the script's folder is where its `require` looks first
**     raises script.not_found, script.syntax */
static fl_nret script_load(lua_State *L) {
  if (loader_load_script(L, luaL_checkstring(L, 1)) != 0) return lua_error(L);
  return 1;
}

static const luaL_Reg script_functions[] = {
    {"load", script_load}, /* compile a file */
    {NULL, NULL},
};

int luaopen_fairlead_script(lua_State *L) {
  luaL_newlib(L, script_functions);
  return 1;
}
