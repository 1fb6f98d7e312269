/* hold.c - tasks that are held for a debugger: at a breakpoint, after a step, or where they failed.
**
** Lua: breakpoint() in scripts; for modules/debugger: attach, detach, next, Hold methods
** Owner: a hold is anchored in the registry while its task is held; its wait counts as one for something outside, so that
** virtual time stands still. It is ended by hold:go(), by the task's cancellation and by detach, whichever is first.
** Or it does not count, so that what is not held can go on there: let_time_pass.
**
** Three ways into a hold: breakpoint() waits as every function that waits does; a line hook yields (hooks.c); a task that
** has failed is held instead of ended (keep.c). A hold's `what` tells which.
*/
#include <string.h>

#include "internal.h"

#define HOLD "debugger.Hold"

enum { USER_CO = 1, USER_ERROR = 2, USER_NAMES = 3 };

#define MOST_PASSES 100 /* that wait to be told: a sort can pass a breakpoint a million times in one go */

static const char events_key; /* registry: list of what the debugger has not taken yet */

/* ---- how long tasks are held ---- */

/* A task is held while any task below it is: its deadlines are meant for work, not for somebody who looks at it. */
static void count_held(fl_task *task, int change) {
  const fl_clock *clock = NULL;
  double now = 0;
  for (; task != NULL; task = task->group != NULL ? task->group->owner : NULL) {
    if (task->clock != clock) now = clock_steady_now(clock = task->clock); /* the same for all that share one */
    if (task->holds == 0)
      task->held_since = now;
    else if (task->holds + change == 0)
      task->held_before += now - task->held_since;
    task->holds += change;
  }
}

double hold_seconds(const fl_task *task) {
  double seconds = task->held_before;
  if (task->holds > 0) seconds += clock_steady_now(task->clock) - task->held_since;
  return seconds;
}

/* Task:held()
**     -> number: seconds of its clock during which it, or a task below it, was held */
fl_nret task_held(lua_State *L) {
  lua_pushnumber(L, hold_seconds(task_at(L, 1)));
  return 1;
}

/* ---- holds ---- */

static hold_box *check_hold(lua_State *L) {
  hold_box *hold = luaL_checkudata(L, 1, HOLD);
  luaL_argcheck(L, hold->task != NULL, 1, "the task has gone on");
  return hold;
}

hold_box *hold_new(lua_State *L, hold_kind kind, lua_State *co) {
  hold_box *hold = lua_newuserdatauv(L, sizeof *hold, 3);
  memset(hold, 0, sizeof *hold);
  luaL_setmetatable(L, HOLD);
  hold->kind = kind;
  hold->co = co;
  lua_pushthread(co); /* one value has always room, also where a stack has overflowed */
  if (co != L) lua_xmove(co, L, 1);
  lua_setiuservalue(L, -2, USER_CO);
  return hold;
}

void hold_set_error(lua_State *L, int hold) {
  lua_setiuservalue(L, hold, USER_ERROR);
}

void hold_set_names(lua_State *L, int hold) {
  lua_setiuservalue(L, hold, USER_NAMES);
}

/* Leaves what is on top for the debugger to take. */
static void push_event(lua_State *L) {
  debug_state *debug = &fl_host_of(L)->debug;
  lua_rawgetp(L, LUA_REGISTRYINDEX, &events_key);
  lua_insert(L, -2);
  lua_rawseti(L, -2, debug->last + 1);
  debug->last++;
  lua_pop(L, 1);
  signal_fire(&debug->told);
}

void hold_begin(lua_State *L, hold_box *hold, fl_task *task) {
  hold->wait.internal = task->host->debug.time_passes;
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, hold);
  lua_pushvalue(L, -1);
  push_event(L);
  hold->task = task;
  task->hold = hold;
  hooks_stop_stepping(task);
  count_held(task, 1);
}

static void hold_end(hold_box *hold) {
  fl_task *task = hold->task;
  lua_State *L = task->host->L;
  count_held(task, -1);
  task->hold = NULL;
  hold->task = NULL;
  lua_pushnil(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, hold);
}

void hold_abandon(fl_wait *wait) {
  hold_box *hold = (hold_box *)wait;
  if (hold->task == NULL) return;
  if (hold->hooked) hooks_raise_next(hold->co);
  hold_end(hold);
  fl_wait_deliver(wait);
}

static fl_nret hold_gc(lua_State *L) {
  hold_box *hold = luaL_checkudata(L, 1, HOLD);
  fl_wait_abandon(&hold->wait); /* at the state's end */
  return 0;
}

/* ---- breakpoint() ---- */

void hold_pass(lua_State *L, const char *source, int line) {
  fl_host *host = fl_host_of(L);
  if (host->debug.passes >= MOST_PASSES) return;
  lua_createtable(L, 0, 3);
  task_push(L, host->running);
  lua_setfield(L, -2, "task");
  lua_pushstring(L, source);
  lua_setfield(L, -2, "source");
  lua_pushinteger(L, line);
  lua_setfield(L, -2, "line");
  push_event(L);
  host->debug.passes++;
}

static fl_nret breakpoint_resume(lua_State *L, fl_wait *wait) {
  (void)L;
  (void)wait;
  return 0;
}

/* breakpoint()
**     -> (nothing), when whoever debugs lets it go on; at once where nobody does */
static fl_nret breakpoint(lua_State *L) {
  fl_host *host = fl_host_of(L);
  if (!host->debug.attached || host->running == NULL || host->running->cut) return 0;
  if (!lua_isyieldable(L)) {
    lua_Debug caller;
    if (lua_getstack(L, 1, &caller) && lua_getinfo(L, "Sl", &caller)) hold_pass(L, caller.source, caller.currentline);
    return 0;
  }
  fl_wait_check(L, "breakpoint");
  luaL_checkstack(L, 8, NULL); /* for hold_begin, after which nothing may be raised */
  hold_box *hold = hold_new(L, HOLD_BREAKPOINT, L);
  hold_begin(L, hold, host->running);
  return fl_wait_begin(L, &hold->wait, "breakpoint", hold_abandon, breakpoint_resume);
}

/* native.pass()
**     -> true when the running task was to be held where a coroutine around it cannot wait: it goes on at once */
static fl_nret pass(lua_State *L) {
  fl_task *task = fl_host_of(L)->running;
  hold_box *hold = task != NULL ? task->hold : NULL;
  if (hold == NULL) return 0;
  lua_Debug place;
  int level = hold->hooked ? 0 : 1;
  hold_end(hold);
  fl_wait_abandon(&hold->wait);
  task->state = TASK_RUNNING;
  if (lua_getstack(hold->co, level, &place) && lua_getinfo(hold->co, "Sl", &place))
    hold_pass(L, place.source, hold->hooked ? hold->line : place.currentline);
  lua_pushboolean(L, true);
  return 1;
}

/* native.is_held() -> whether the running task yields because it is held */
static fl_nret is_held(lua_State *L) {
  const fl_task *task = fl_host_of(L)->running;
  lua_pushboolean(L, task != NULL && task->hold != NULL);
  return 1;
}

/* ---- Hold, for modules/debugger ---- */

/* Hold:go(how: "step"|"next"|"finish"|nil)
**     -> (nothing); its task goes on: until the next line, the next line of this function or of one that called it, the
**     next line after this function; nil: until something else holds it
**     raises when it has gone on already */
static fl_nret hold_go(lua_State *L) {
  static const char *const hows[] = {"on", "step", "next", "finish", NULL};
  hold_box *hold = check_hold(L);
  int how = luaL_checkoption(L, 2, "on", hows);
  luaL_argcheck(L, how == 0 || hold->kind != HOLD_FAILED, 2, "what has failed cannot go on step by step");
  if (how > 0) hooks_step(L, hold->task, (step_mode)how, hold->co);
  hold_end(hold);
  fl_wait_deliver(&hold->wait);
  return 0;
}

/* Hold:is_held() -> whether its task has not gone on */
static fl_nret hold_is_held(lua_State *L) {
  const hold_box *hold = luaL_checkudata(L, 1, HOLD);
  lua_pushboolean(L, hold->task != NULL);
  return 1;
}

/* Hold:about()
**     -> kind, task, coroutine, error|nil, line|nil, names|nil: of a task that a hook holds the innermost function's line and
**     its locals' names, which Lua tells wrongly while it is held there */
static fl_nret hold_about(lua_State *L) {
  static const char *const kinds[] = {"breakpoint", "step", "failure"};
  const hold_box *hold = check_hold(L);
  lua_pushstring(L, kinds[hold->kind]);
  task_push(L, hold->task);
  lua_getiuservalue(L, 1, USER_CO);
  lua_getiuservalue(L, 1, USER_ERROR);
  if (!hold->hooked) return 4;
  lua_pushinteger(L, hold->line);
  lua_getiuservalue(L, 1, USER_NAMES);
  return 6;
}

/* ---- attaching ---- */

/* What an earlier run left when it ended for want of memory. */
void hold_reset(fl_host *host) {
  host->debug.attached = false;
  host->debug.stepping = 0;
  host->debug.breakpoints = NULL;
  host->debug.first = host->debug.last = host->debug.passes = 0;
}

/* native.attach()
**     -> (nothing); from now on tasks are held; raises when a debugger is attached already */
static fl_nret attach(lua_State *L) {
  debug_state *debug = &fl_host_of(L)->debug;
  if (debug->attached) return luaL_error(L, "a debugger is attached already");
  debug->time_passes = false;
  debug->first = debug->last = debug->passes = 0;
  lua_newtable(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &events_key);
  debug->attached = true;
  return 0;
}

static void set_time(fl_task *task, bool passes) {
  if (task->hold != NULL) wait_set_internal(&task->hold->wait, passes);
  for (group_box *group = task->groups; group != NULL; group = group->owner_next)
    for (fl_task *member = group->members; member != NULL; member = member->group_next) set_time(member, passes);
}

/* native.let_time_pass(passes: boolean)
**     -> (nothing); virtual time stands still for tasks that are held, or goes on with the others */
static fl_nret let_time_pass(lua_State *L) {
  fl_host *host = fl_host_of(L);
  luaL_checktype(L, 1, LUA_TBOOLEAN);
  host->debug.time_passes = lua_toboolean(L, 1);
  if (host->root != NULL) set_time(host->root, host->debug.time_passes);
  return 0;
}

static void let_all_go(fl_task *task) {
  if (task->hold != NULL) {
    hold_box *hold = task->hold;
    hold_end(hold);
    fl_wait_deliver(&hold->wait);
  }
  hooks_stop_stepping(task);
  for (group_box *group = task->groups; group != NULL; group = group->owner_next)
    for (fl_task *member = group->members; member != NULL; member = member->group_next) let_all_go(member);
}

/* native.detach()
**     -> (nothing); all held tasks go on, failures take their course; breakpoints are no more */
static fl_nret detach(lua_State *L) {
  fl_host *host = fl_host_of(L);
  host->debug.attached = false;
  hooks_clear(L);
  if (host->root != NULL) let_all_go(host->root);
  return 0;
}

static fl_nret next_resume(lua_State *L, fl_wait *wait);

/* native.next()
**     -> the next Hold, or a table {task=, source=, line=} for a place that was passed as nothing can wait there */
static fl_nret next_event(lua_State *L) {
  debug_state *debug = &fl_host_of(L)->debug;
  lua_settop(L, 0);
  if (debug->first == debug->last) return signal_wait(L, &debug->told, "a stop", false, next_resume);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &events_key);
  if (lua_rawgeti(L, 1, ++debug->first) == LUA_TTABLE) debug->passes--;
  lua_pushnil(L);
  lua_rawseti(L, 1, debug->first);
  if (debug->first == debug->last) debug->first = debug->last = 0;
  return 1;
}

static fl_nret next_resume(lua_State *L, fl_wait *wait) {
  (void)wait;
  return next_event(L);
}

static const luaL_Reg hold_methods[] = {
    {"go", hold_go},           /* on */
    {"is_held", hold_is_held}, /* still */
    {"about", hold_about},     /* what and where */
    {NULL, NULL},
};
static const luaL_Reg functions[] = {
    {"attach", attach},               /* hold tasks */
    {"detach", detach},               /* let them go */
    {"next", next_event},             /* that is held */
    {"let_time_pass", let_time_pass}, /* for what is held */
    {NULL, NULL},
};
static const luaL_Reg boot_functions[] = {
    {"is_held", is_held}, /* a yield that a script did not make */
    {"pass", pass},       /* where it cannot be made */
    {NULL, NULL},
};

void hold_boot_functions(lua_State *L) {
  luaL_setfuncs(L, boot_functions, 0);
}

int luaopen_fairlead_debugger_native(lua_State *L) {
  luaL_newlib(L, functions);
  hooks_functions(L);
  keep_functions(L);
  frames_functions(L);
  return 1;
}

void holds_open(lua_State *L) {
  luaL_newmetatable(L, HOLD);
  lua_pushcfunction(L, hold_gc);
  lua_setfield(L, -2, "__gc");
  luaL_newlib(L, hold_methods);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
  lua_pushcfunction(L, breakpoint);
  lua_setglobal(L, "breakpoint");
}
