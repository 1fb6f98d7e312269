/* keep.c - tasks that are kept where they failed, and how the error takes its course afterwards.
**
** Lua: for modules/debugger: start (such a task), owner and coroutine of a task
**
** The body of such a task runs without a protected call: when it fails its coroutine is dead and keeps its frames, which
** debug.getlocal and debug.setlocal reach. The task is not finished: its groups, locks and background tasks go on. It is
** held until somebody lets the error take its course.
**
** That happens in a second coroutine of the same task, in which closing handlers may wait; in the dead one Lua would run them
** in one go. The VM itself says which values are to be closed and in what order: while the dead coroutine is reset
** (lua_resetthread), the __close of every value in its frames is a recorder. boot.lua has coroutine.running tell the first
** coroutine in the second, so that nothing that is known by a task's coroutine is lost.
*/
#include <string.h>

#include "internal.h"

#define EDGE                                                                                                           \
  500 /* frames that are looked through at both ends of a very deep stack: each costs as many steps as it is deep */

/* ---- the body ---- */

static int kept_called(lua_State *L, int status, lua_KContext context) {
  (void)status;
  (void)context;
  return task_body_ended(L, LUA_OK, false);
}

/* As task_body, without its protected call. */
int keep_body(lua_State *L) {
  if (task_must_stop(fl_host_of(L)->running)) return task_not_begun(L);
  lua_pushnil(L); /* for a message handler */
  lua_insert(L, 1);
  lua_callk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, kept_called);
  return kept_called(L, LUA_OK, 0);
}

void keep_this(fl_task *task) {
  lua_pushcfunction(task->co, keep_body);
  lua_replace(task->co, 1);
  task->kept = true;
}

/* ---- what is to be closed ---- */

/* The __close of a value that is found in the dead coroutine, while that is reset. */
static fl_nret record(lua_State *L) {
  lua_Integer count = (lua_Integer)lua_rawlen(L, lua_upvalueindex(1));
  lua_pushvalue(L, 1);
  lua_rawseti(L, lua_upvalueindex(1), count + 1);
  lua_pushvalue(L, lua_upvalueindex(2));
  lua_rawseti(L, lua_upvalueindex(1), count + 2);
  return 0;
}

enum { HANDLER = 1, DEAD, ERROR, CLOSERS, METATABLES }; /* places on the second coroutine's stack */

/* The value on top is popped. */
static void swap_close(lua_State *L) {
  if (!lua_getmetatable(L, -1)) {
    lua_pop(L, 1);
    return;
  }
  lua_pushvalue(L, -1);
  if (lua_rawget(L, METATABLES) == LUA_TNIL) {
    lua_pushliteral(L, "__close");
    if (lua_rawget(L, -3) != LUA_TNIL) {
      lua_pushvalue(L, -3);
      lua_pushvalue(L, -2);
      lua_rawset(L, METATABLES);
      lua_pushliteral(L, "__close");
      lua_pushvalue(L, CLOSERS);
      lua_pushvalue(L, -3);
      lua_pushcclosure(L, record, 2);
      lua_rawset(L, -5);
    }
    lua_pop(L, 1);
  }
  lua_pop(L, 3);
}

static bool swap_in_frame(lua_State *L, lua_State *dead, int level) {
  lua_Debug frame;
  if (!lua_getstack(dead, level, &frame)) return false;
  for (int place = 1; lua_getlocal(dead, &frame, place) != NULL; place++) {
    lua_xmove(dead, L, 1);
    swap_close(L);
  }
  return true;
}

/* In protected mode, as memory may be out: what was swapped by then is put back all the same. */
static int swap_all(lua_State *L) {
  lua_State *dead = lua_tothread(L, DEAD);
  int level = 0;
  while (level < EDGE && swap_in_frame(L, dead, level)) level++;
  if (level < EDGE) return 0;
  int depth = coroutine_depth(dead);
  if (level < depth - EDGE) level = depth - EDGE;
  while (swap_in_frame(L, dead, level)) level++;
  return 0;
}

static void put_back(lua_State *L) {
  lua_pushnil(L);
  while (lua_next(L, METATABLES) != 0) {
    lua_pushliteral(L, "__close");
    lua_insert(L, -2);
    lua_pushvalue(L, -3);
    lua_insert(L, -3);
    lua_rawset(L, -3);
    lua_pop(L, 1);
  }
}

/* Leaves the list of closers: value, function, value, function … No finalizer runs meanwhile, whose own closing would be
** taken for one of these. */
static void reset_dead(lua_State *L) {
  bool collects = lua_gc(L, LUA_GCISRUNNING) != 0;
  lua_newtable(L);
  lua_newtable(L);
  lua_gc(L, LUA_GCSTOP);
  lua_pushcfunction(L, swap_all);
  for (int i = HANDLER; i <= METATABLES; i++) lua_pushvalue(L, i);
  lua_pcall(L, METATABLES, 0, 0);
  lua_settop(L, METATABLES);
  lua_resetthread(lua_tothread(L, DEAD));
  put_back(L);
  if (collects) lua_gc(L, LUA_GCRESTART);
  lua_settop(L, CLOSERS);
}

/* ---- the error's course ---- */

static int close_next(lua_State *L, int status, lua_KContext at);

/* Calls what is to be closed from `at` on. An error in a handler takes the place of the one before, as in Lua. */
static int close_from(lua_State *L, lua_KContext at) {
  lua_Integer count = (lua_Integer)lua_rawlen(L, CLOSERS);
  while ((lua_Integer)at < count) {
    lua_settop(L, CLOSERS);
    lua_rawgeti(L, CLOSERS, (lua_Integer)at + 2);
    lua_rawgeti(L, CLOSERS, (lua_Integer)at + 1);
    lua_pushvalue(L, ERROR);
    at += 2;
    int status = lua_pcallk(L, 2, 0, HANDLER, at, close_next);
    if (status != LUA_OK) lua_replace(L, ERROR);
  }
  lua_settop(L, ERROR);
  lua_remove(L, DEAD);
  return task_body_ended(L, LUA_OK, true);
}

static int close_next(lua_State *L, int status, lua_KContext at) {
  if (status != LUA_OK && status != LUA_YIELD) lua_replace(L, ERROR);
  return close_from(L, at);
}

/* On the stack: the dead coroutine, the error. */
static int course(lua_State *L) {
  fl_host *host = fl_host_of(L);
  fl_task *task = host->running;
  lua_pushcfunction(L, error_handler);
  lua_insert(L, 1);
  host->ending = true;
  reset_dead(L);
  host->ending = false;
  if (task->cancel_requested) task_cancel_delivered(task); /* it has let the task go: it is not raised besides */
  return close_from(L, 0);
}

/* ---- a task that has failed ---- */

static bool is_to_be_kept(lua_State *L, const fl_task *task, int status) {
  static const char *const never[] = {"cancelled", "exit", "dry_run.end", "memory"};
  if (status != LUA_ERRRUN || !task->host->debug.attached || task->cancel_requested) return false;
  const char *kind = error_kind(L, -1);
  for (size_t i = 0; i < sizeof never / sizeof *never; i++)
    if (strcmp(kind, never[i]) == 0) return false;
  return strncmp(kind, "waiting.", 8) != 0;
}

/* Where the task goes on: a coroutine in which the error takes its course. On top: the error. */
static void prepare_course(lua_State *L, fl_task *task) {
  lua_State *dead = task->co;
  lua_State *second = lua_newthread(L);
  lua_pushcfunction(second, course);
  lua_pushthread(dead);
  lua_xmove(dead, second, 1);
  lua_pushvalue(L, -2);
  lua_xmove(L, second, 1);
  lua_getfield(L, LUA_REGISTRYINDEX, "fairlead.boot");
  lua_getfield(L, -1, "first");
  lua_pushvalue(L, -3);
  lua_pushthread(dead);
  lua_xmove(dead, L, 1);
  lua_rawset(L, -3);
  lua_pop(L, 2);
  task_push(L, task);
  lua_insert(L, -2);
  lua_setiuservalue(L, -2, 1);
  lua_pop(L, 1);
  task->first = dead;
  task->co = second;
  task->arguments = 2;
  task->started = task->kept = false;
}

typedef struct {
  fl_task *task;
  int status;
} failure;

static int keep_protected(lua_State *L) {
  const failure *failed = lua_touserdata(L, 1);
  fl_task *task = failed->task;
  lua_State *dead = task->co;
  lua_pushvalue(dead, -1);
  lua_xmove(dead, L, 1);
  error_wrap_from(L, dead);
  bool held = is_to_be_kept(L, task, failed->status);
  if (held) {
    hold_box *hold = hold_new(L, HOLD_FAILED, dead);
    lua_pushvalue(L, -2);
    hold_set_error(L, -2);
    lua_insert(L, -2);
    prepare_course(L, task);
    lua_pop(L, 1);
    hold_begin(L, hold, task);
    wait_start(&hold->wait, task, "a failure", hold_abandon);
  } else {
    prepare_course(L, task);
    task_make_ready(task);
  }
  return 0;
}

bool keep_failed(fl_task *task, int status) {
  lua_State *L = task->host->L;
  failure failed = {task, status};
  lua_pushcfunction(L, keep_protected);
  lua_pushlightuserdata(L, &failed);
  if (lua_pcall(L, 1, 0, 0) == LUA_OK) return true;
  lua_pop(L, 1);
  return false;
}

/* ---- Lua ---- */

/* native.start(fn: function, …)
**     -> task.Task in the background of the calling task that is kept when it fails */
static fl_nret keep_start(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  task_start_in_background(L, true);
  return 1;
}

/* native.owner(task: task.Task)
**     -> task.Task that it is part of, or nothing */
static fl_nret keep_owner(lua_State *L) {
  const fl_task *task = task_at(L, 1);
  if (task->group == NULL || task->group->owner == NULL) return 0;
  task_push(L, task->group->owner);
  return 1;
}

/* native.coroutine(task: task.Task)
**     -> thread that it runs in; of a task that is held where it failed, the dead one */
static fl_nret keep_coroutine(lua_State *L) {
  const fl_task *task = task_at(L, 1);
  lua_State *co = task->hold != NULL && task->hold->kind == HOLD_FAILED ? task->first : task->co;
  if (task->state == TASK_FINISHED) return 0;
  lua_pushthread(co);
  if (co != L) lua_xmove(co, L, 1);
  return 1;
}

/* native.boot()
**     -> table shared with boot.lua: `waiting` (a coroutine that waits -> the one around it), `sources` (paths of loaded files),
**     `on_load` (called with the function and the path of a file that was loaded) */
static fl_nret keep_boot(lua_State *L) {
  lua_getfield(L, LUA_REGISTRYINDEX, "fairlead.boot");
  return 1;
}

static const luaL_Reg functions[] = {
    {"start", keep_start},         /* a task that is kept */
    {"boot", keep_boot},           /* boot.lua's side */
    {"owner", keep_owner},         /* of a task */
    {"coroutine", keep_coroutine}, /* of a task */
    {NULL, NULL},
};

void keep_functions(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
