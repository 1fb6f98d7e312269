/* globals.c - what scripts find in _G: Lua's own, less what blocks or injects, and with a pcall that lets a cancellation pass.
**
** Lua: pcall, xpcall, try, secret; os.execute and io.popen refuse; os.exit unwinds. boot.lua does the rest.
*/
#include <string.h>
#include <unistd.h>

#include <lualib.h>

#include "internal.h"

/* ---- protected calls ---- */

/* What a protected call must know of its task's cancellation when it began. */
enum { DELIVERED = 1, CUT = 2 };

static lua_KContext entered(lua_State *L) {
  const fl_task *task = fl_host_of(L)->running;
  if (task == NULL) return 0;
  return (task->cancel_delivered ? DELIVERED : 0) | (task->cut ? CUT : 0);
}

/* The error is on top. A cancellation that came while the call ran is not the call's to swallow: raises it again. Nor is
** one when the time to clean up is over: a handler that tries until it succeeds would go on for ever. */
static bool must_rethrow(lua_State *L, lua_KContext before) {
  fl_host *host = fl_host_of(L);
  const fl_task *task = host->running;
  if (task == NULL) return false;
  host->executing = L; /* wherever it was raised */
  if (!task->cancel_delivered) return false;
  lua_rawgeti(L, LUA_REGISTRYINDEX, task->cancel_reference);
  bool same = lua_rawequal(L, -1, -2);
  lua_pop(L, 1);
  return !(before & DELIVERED) || (task->cut && (!(before & CUT) || same));
}

static void rethrow(lua_State *L, lua_KContext before) {
  if (!must_rethrow(L, before)) return;
  lua_rawgeti(L, LUA_REGISTRYINDEX, fl_host_of(L)->running->cancel_reference);
  lua_error(L);
}

static int pcall_finished(lua_State *L, int status, lua_KContext before) {
  if (status == LUA_OK || status == LUA_YIELD) return lua_gettop(L);
  rethrow(L, before);
  lua_pushboolean(L, false);
  lua_pushvalue(L, -2);
  return 2;
}

/* pcall(fn, …) -> true, results… or false, error */
static fl_nret global_pcall(lua_State *L) {
  luaL_checkany(L, 1);
  lua_KContext before = entered(L);
  lua_pushboolean(L, true);
  lua_insert(L, 1);
  return pcall_finished(L, lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, before, pcall_finished), before);
}

static int xpcall_finished(lua_State *L, int status, lua_KContext before) {
  if (status == LUA_OK || status == LUA_YIELD) return lua_gettop(L) - 2;
  rethrow(L, before);
  lua_pushboolean(L, false);
  lua_pushvalue(L, -2);
  return 2;
}

/* xpcall(fn, handler, …) -> as pcall */
static fl_nret global_xpcall(lua_State *L) {
  lua_KContext before = entered(L);
  int count = lua_gettop(L);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  lua_pushboolean(L, true);
  lua_pushvalue(L, 1);
  lua_rotate(L, 3, 2);
  return xpcall_finished(L, lua_pcallk(L, count - 2, LUA_MULTRET, 2, before, xpcall_finished), before);
}

static int try_finished(lua_State *L, int status, lua_KContext before) {
  if (status == LUA_OK || status == LUA_YIELD) return lua_gettop(L) - 1;
  rethrow(L, before);
  error_wrap(L);
  lua_pushnil(L);
  lua_insert(L, -2);
  return 2;
}

/* try(fn, …)
**     -> results…, or nil and an error object */
static fl_nret global_try(lua_State *L) {
  luaL_checkany(L, 1);
  lua_KContext before = entered(L);
  lua_pushcfunction(L, error_handler);
  lua_insert(L, 1);
  return try_finished(L, lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 1, before, try_finished), before);
}

/* ---- what is gone, and what ends a run ---- */

static fl_nret refuse_shell(lua_State *L) {
  return luaL_error(
      L,
      "%s is not available: it blocks everything else and hands text to a shell; use process.run{\"program\", "
      "\"argument\"} from require \"fairlead.process\"",
      lua_tostring(L, lua_upvalueindex(1)));
}

static void refuse(lua_State *L, const char *library, const char *name) {
  lua_getglobal(L, library);
  lua_pushfstring(L, "%s.%s", library, name);
  lua_pushcclosure(L, refuse_shell, 1);
  lua_setfield(L, -2, name);
  lua_pop(L, 1);
}

/* os.exit(code: boolean|integer|nil)
**     does not return: cancels the root task, so that closing handlers run; the run then ends with that code */
static fl_nret global_exit(lua_State *L) {
  fl_host *host = fl_host_of(L);
  lua_Integer code = lua_isboolean(L, 1) ? !lua_toboolean(L, 1) : luaL_optinteger(L, 1, 0);
  if (host->running == NULL) return luaL_error(L, "os.exit can only be called while the host runs a script");
  fl_error_push(L, "exit", "os.exit(%d)", (int)code);
  lua_pushinteger(L, code);
  lua_setfield(L, -2, "status");
  lua_pushvalue(L, -1);
  task_cancel(L, host->root);
  task_cancel(L, host->running);
  return task_raise_cancellation(L, host->running);
}

/* ---- for boot.lua ---- */

static fl_nret boot_entered(lua_State *L) {
  lua_pushinteger(L, entered(L));
  return 1;
}

static fl_nret boot_rethrow(lua_State *L) {
  lua_settop(L, 2);
  rethrow(L, lua_tointeger(L, 1));
  return 0;
}

/* cancelled(at, error) -> whether rethrow would raise */
static fl_nret boot_cancelled(lua_State *L) {
  lua_settop(L, 2);
  lua_pushboolean(L, must_rethrow(L, lua_tointeger(L, 1)));
  return 1;
}

static int guarded_ended(lua_State *L, int status, lua_KContext context) {
  (void)context;
  return status == LUA_OK || status == LUA_YIELD ? lua_gettop(L) : lua_error(L);
}

static fl_nret call_guarded(lua_State *L) {
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  return guarded_ended(L, lua_pcallk(L, lua_gettop(L) - 1, LUA_MULTRET, 0, 0, guarded_ended), 0);
}

/* guarded(fn) -> fn for a coroutine whose closing handlers may wait after an error, too: they run in it, not over it */
static fl_nret boot_guarded(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_settop(L, 1);
  lua_pushcclosure(L, call_guarded, 1);
  return 1;
}

/* executing(co) -> the coroutine that ran before; nil outside tasks (a finalizer at the end), and so back to none */
static fl_nret boot_executing(lua_State *L) {
  fl_host *host = fl_host_of(L);
  lua_State *before = host->executing;
  interrupt_executes(host, host->running != NULL ? lua_tothread(L, 1) : NULL);
  if (before == NULL || !lua_checkstack(before, 1)) return 0;
  lua_pushthread(before);
  if (before != L) lua_xmove(before, L, 1);
  return 1;
}

/* coroutine.yield: a task itself yields only to the host */
static fl_nret boot_yield(lua_State *L) {
  const fl_task *task = fl_host_of(L)->running;
  if (task != NULL && task->co == L) return luaL_error(L, "attempt to yield from outside a coroutine");
  return lua_yield(L, lua_gettop(L));
}

static fl_nret boot_yieldable(lua_State *L) {
  lua_pushboolean(L, lua_isyieldable(L));
  return 1;
}

static fl_nret boot_is_file(lua_State *L) {
  lua_pushboolean(L, access(luaL_checkstring(L, 1), R_OK) == 0);
  return 1;
}

static const luaL_Reg boot_functions[] = {
    {"entered", boot_entered},     /* the cancellation's state, for rethrow */
    {"rethrow", boot_rethrow},     /* what must not be swallowed */
    {"cancelled", boot_cancelled}, /* whether it would be */
    {"guarded", boot_guarded},     /* a coroutine's body */
    {"executing", boot_executing}, /* for the interrupt's hook */
    {"yield", boot_yield},         /* of a script's coroutine */
    {"yieldable", boot_yieldable}, /* the running coroutine may wait */
    {"is_file", boot_is_file},     /* can be read */
    {NULL, NULL},
};

static const luaL_Reg global_functions[] = {
    {"pcall", global_pcall},   /* lets a cancellation pass */
    {"xpcall", global_xpcall}, /* the same */
    {"try", global_try},       /* results, or nil and an error object */
    {NULL, NULL},
};

static void preload(lua_State *L, const char *name, lua_CFunction open) {
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  lua_pushcfunction(L, open);
  lua_setfield(L, -2, name);
  lua_pop(L, 1);
}

static fl_nret open_try(lua_State *L) {
  lua_getglobal(L, "try");
  return 1;
}

void globals_open(lua_State *L) {
  fl_host *host = fl_host_of(L);
  luaL_openlibs(L);
  waiters_open(L);
  tasks_open(L);
  events_open(L);
  holds_open(L);
  errors_open(L);
  secrets_open(L);
  preload(L, "fairlead.clock.native", luaopen_fairlead_clock_native);
  preload(L, "fairlead.task.native", luaopen_fairlead_task_native);
  preload(L, "fairlead.errors.native", luaopen_fairlead_errors_native);
  preload(L, "fairlead.script", luaopen_fairlead_script);
  preload(L, "fairlead.secret", luaopen_fairlead_secret);
  preload(L, "fairlead.secret.native", luaopen_fairlead_secret_native);
  preload(L, "fairlead.try", open_try);
  preload(L, "fairlead.debugger.native", luaopen_fairlead_debugger_native);

  lua_pushglobaltable(L);
  luaL_setfuncs(L, global_functions, 0);
  luaopen_fairlead_secret(L);
  lua_setfield(L, -2, "secret");
  lua_pop(L, 1);
  refuse(L, "os", "execute");
  refuse(L, "io", "popen");
  lua_getglobal(L, "os");
  lua_pushcfunction(L, global_exit);
  lua_setfield(L, -2, "exit");
  lua_pop(L, 1);

  if (luaL_loadbufferx(L, (const char *)boot_code, boot_code_length, "boot", "b") != LUA_OK) lua_error(L);
  luaL_newlib(L, boot_functions);
  hold_boot_functions(L);
  luaopen_fairlead_task_native(L);
  lua_getfield(L, -1, "event");
  lua_setfield(L, -3, "event");
  lua_getfield(L, -1, "current");
  lua_setfield(L, -3, "current");
  lua_pop(L, 1);
  push_wait_tag(L);
  lua_setfield(L, -2, "tag");
  lua_pushstring(L, host->data_dir);
  lua_setfield(L, -2, "data_dir");
  lua_pushstring(L, host->native_dir);
  lua_setfield(L, -2, "native_dir");
  loader_open(L); /* sets "folders" */
  lua_pushvalue(L, -1);
  lua_setfield(L, LUA_REGISTRYINDEX, "fairlead.boot");
  lua_call(L, 1, 0);
}
