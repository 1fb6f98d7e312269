/* frames.c - what a coroutine that does not run has called, for modules/debugger.
**
** As the debug library does it, but on a coroutine whose stack is full, too: that library asks for room first, which one
** that has died of a stack overflow cannot give. For one value there is always room (Lua's EXTRA_STACK).
*/
#include "internal.h"

static lua_State *check_coroutine(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTHREAD);
  lua_State *co = lua_tothread(L, 1);
  luaL_argcheck(L, co != L, 1, "a coroutine that does not run expected");
  return co;
}

int coroutine_depth(lua_State *co) {
  lua_Debug ar;
  int low = 0, high = 1; /* the number of levels is more than low and at most high */
  if (!lua_getstack(co, 0, &ar)) return 0;
  while (lua_getstack(co, high, &ar)) {
    low = high;
    high *= 2;
  }
  while (high - low > 1) {
    int middle = low + (high - low) / 2;
    if (lua_getstack(co, middle, &ar))
      low = middle;
    else
      high = middle;
  }
  return high;
}

/* native.depth(co: thread)
**     -> how many functions it has called that have not returned */
static fl_nret depth(lua_State *L) {
  lua_pushinteger(L, coroutine_depth(check_coroutine(L)));
  return 1;
}

/* native.frame(co: thread, level: integer)
**     -> function, source, line, what, name|nil; nothing where there is no such level; 0 is the innermost */
static fl_nret frame(lua_State *L) {
  lua_Debug ar;
  lua_State *co = check_coroutine(L);
  if (!lua_getstack(co, (int)luaL_checkinteger(L, 2), &ar)) return 0;
  lua_getinfo(co, "Slnf", &ar);
  lua_xmove(co, L, 1);
  lua_pushstring(L, ar.source);
  lua_pushinteger(L, ar.currentline);
  lua_pushstring(L, ar.what);
  lua_pushstring(L, ar.name);
  return 5;
}

/* native.get_local(co: thread, level: integer, place: integer)
**     -> name, value; nothing where there is none; varargs have the places -1, -2 … */
static fl_nret get_local(lua_State *L) {
  lua_Debug ar;
  lua_State *co = check_coroutine(L);
  int place = (int)luaL_checkinteger(L, 3);
  if (!lua_getstack(co, (int)luaL_checkinteger(L, 2), &ar)) return 0;
  const char *name = lua_getlocal(co, &ar, place);
  if (name == NULL) return 0;
  lua_xmove(co, L, 1);
  lua_pushstring(L, name);
  lua_insert(L, -2);
  return 2;
}

/* native.set_local(co: thread, level: integer, place: integer, value: any)
**     -> true; nothing where there is none */
static fl_nret set_local(lua_State *L) {
  lua_Debug ar;
  lua_State *co = check_coroutine(L);
  int place = (int)luaL_checkinteger(L, 3);
  lua_settop(L, 4);
  if (!lua_getstack(co, (int)luaL_checkinteger(L, 2), &ar)) return 0;
  lua_xmove(L, co, 1);
  if (lua_setlocal(co, &ar, place) == NULL) {
    lua_pop(co, 1);
    return 0;
  }
  lua_pushboolean(L, true);
  return 1;
}

static const luaL_Reg functions[] = {
    {"depth", depth},         /* of the stack */
    {"frame", frame},         /* a function */
    {"get_local", get_local}, /* of it */
    {"set_local", set_local}, /* to another value */
    {NULL, NULL},
};

void frames_functions(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
