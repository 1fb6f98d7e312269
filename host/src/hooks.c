/* hooks.c - line hooks: breakpoints, and going on step by step.
**
** A hook belongs to one coroutine. While there is a breakpoint or a task that steps, each coroutine gets the hook when it
** runs next (hooks_apply); when there is none it loses it then. So nothing is paid where nobody debugs.
**
** The hook holds a task by yielding from it. Lua then keeps the coroutine just before the line's first instruction and
** tells its line and its locals as they were one instruction earlier: both are noted in the hook, where they are right.
**
** Fairlead's own modules are passed by steps, unless one was made from there.
*/
#include <string.h>

#include "internal.h"

static const char breakpoints_key; /* registry: the break_list, whose user value holds the texts */

typedef struct {
  int line;
  const char *file; /* the end of a source's name, from a slash or the beginning */
  size_t length;
} break_point;

struct break_list {
  size_t count;
  break_point points[];
};

/* ---- which coroutines have the hook ---- */

static void line_hook(lua_State *L, lua_Debug *ar);
static void settling_hook(lua_State *L, lua_Debug *ar);

static bool is_wanted(const debug_state *debug) {
  return debug->attached && (debug->breakpoints != NULL || debug->stepping > 0);
}

/* A function that was held in a hook is marked by Lua, so that the hook does not run twice there. Only a hook takes the
** mark away: one that is left would later have a line passed. Hence settling_hook, for one instruction. */
static void remove_hook(lua_State *L) {
  if (lua_status(L) == LUA_YIELD)
    lua_sethook(L, settling_hook, LUA_MASKCOUNT, 1);
  else
    lua_sethook(L, NULL, 0, 0);
}

void hooks_apply(lua_State *L) {
  lua_Hook now = lua_gethook(L);
  bool of_interrupt = interrupt_is_hook(now);
  if (is_wanted(&fl_host_of(L)->debug)) {
    if (now == NULL || of_interrupt) lua_sethook(L, line_hook, LUA_MASKLINE, 0);
  } else if (now == line_hook || of_interrupt) {
    remove_hook(L);
  }
}

bool hooks_wanted(const fl_host *host) {
  return is_wanted(&host->debug);
}

/* The running coroutine's at once; the others' when they run. */
static void refresh(lua_State *L) {
  fl_host *host = fl_host_of(L);
  if (host->executing != NULL) interrupt_executes(host, host->executing);
}

/* After the first instruction of a coroutine that goes on: it gets the hook that it should have. Its task may be ending: its
** closing handlers are not to be raised in. */
static void settling_hook(lua_State *L, lua_Debug *ar) {
  (void)ar;
  lua_sethook(L, NULL, 0, 0);
  interrupt_executes(fl_host_of(L), L);
}

/* The same, for one whose task was cancelled where a hook held it: it is raised there. */
static void raising_hook(lua_State *L, lua_Debug *ar) {
  fl_host *host = fl_host_of(L);
  settling_hook(L, ar);
  if (host->running != NULL && task_must_stop(host->running)) task_raise_cancellation(L, host->running);
}

void hooks_raise_next(lua_State *co) {
  lua_sethook(co, raising_hook, LUA_MASKCOUNT, 1);
}

/* ---- steps ---- */

void hooks_stop_stepping(fl_task *task) {
  lua_State *L = task->host->L;
  if (task->step == STEP_NONE) return;
  task->step = STEP_NONE;
  task->host->debug.stepping--;
  lua_pushnil(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &task->step_co);
}

static void start_stepping(fl_task *task, step_mode mode) {
  hooks_stop_stepping(task);
  task->step = mode;
  task->step_depth = 0;
  task->step_co = NULL;
  task->step_ours = false;
  task->step_serial = task->host->serials;
  task->host->debug.stepping++;
}

void hooks_step(lua_State *L, fl_task *task, step_mode mode, lua_State *co) {
  lua_Debug ar;
  int level = 0; /* of the innermost function that is Lua's: breakpoint() itself is not */
  while (lua_getstack(co, level, &ar) && lua_getinfo(co, "S", &ar) && ar.what[0] == 'C') level++;
  lua_pushthread(co);
  if (co != L) lua_xmove(co, L, 1);
  start_stepping(task, mode);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &task->step_co); /* a coroutine may be gone before the next line */
  task->step_co = co;
  task->step_depth = coroutine_depth(co) - level;
  task->step_ours = lua_getstack(co, level, &ar) && lua_getinfo(co, "S", &ar) && source_is_ours(task->host, ar.source);
  refresh(L);
}

/* The coroutine in which a step began has ended, or does not wait for the one that runs: that one is outside of it. */
static bool is_outside(lua_State *step) {
  lua_Debug ar;
  return lua_status(step) != LUA_OK || !lua_getstack(step, 0, &ar);
}

static bool is_step_of(lua_State *L, const fl_task *task) {
  lua_Debug ar;
  if (task->step == STEP_INTO || task->step_co == NULL) return true;
  if (task->step_co != L) return is_outside(task->step_co);
  int deepest = task->step == STEP_OVER ? task->step_depth : task->step_depth - 1;
  return !lua_getstack(L, deepest, &ar); /* no more levels than that */
}

/* The task whose step ends with this line: the running one's, or a step into something that this task does for another. */
static fl_task *step_ending(lua_State *L, lua_Debug *ar, fl_task *task) {
  fl_task *of = task;
  uint64_t oldest =
      task->serial; /* of the tasks below the one that steps: those that it had before are not its step's */
  if (of->step == STEP_NONE || !is_step_of(L, of)) {
    do {
      if (of->serial < oldest) oldest = of->serial;
      of = of->group != NULL ? of->group->owner : NULL;
    } while (of != NULL && (of->step != STEP_INTO || oldest <= of->step_serial));
    if (of == NULL) return NULL;
  }
  if (of->step_ours) return of;
  lua_getinfo(L, "S", ar);
  return source_is_ours(task->host, ar->source) ? NULL : of;
}

/* A task that steps has ended: its step ends where the task goes on that waits for it. */
void hooks_task_ended(fl_task *task) {
  if (task->step == STEP_NONE) return;
  fl_task *owner = task->group != NULL ? task->group->owner : NULL;
  hooks_stop_stepping(task);
  if (owner == NULL || owner->hold != NULL || owner->step != STEP_NONE || !task->host->debug.attached) return;
  if (task->group != owner->background || task->watched) start_stepping(owner, STEP_OVER);
}

/* ---- breakpoints ---- */

static bool may_break_at(const debug_state *debug, int line) {
  return debug->breakpoints != NULL && (debug->lines[(line / 64) % BREAK_WORDS] >> (line % 64) & 1) != 0;
}

static bool ends_with(const char *source, const break_point *point) {
  if (source[0] == '@' || source[0] == '=') source++;
  size_t length = strlen(source);
  if (length < point->length || memcmp(source + length - point->length, point->file, point->length) != 0) return false;
  return length == point->length || source[length - point->length - 1] == '/';
}

static bool breaks_at(lua_State *L, lua_Debug *ar, const break_list *list) {
  lua_getinfo(L, "S", ar);
  for (size_t i = 0; i < list->count; i++)
    if (list->points[i].line == ar->currentline && ends_with(ar->source, &list->points[i])) return true;
  return false;
}

/* native.set_breakpoints(list: {file=, line=}[])
**     -> (nothing); all that there are from now on */
static fl_nret set_breakpoints(lua_State *L) {
  debug_state *debug = &fl_host_of(L)->debug;
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  size_t count = lua_rawlen(L, 1);
  break_list *list = lua_newuserdatauv(L, sizeof *list + count * sizeof *list->points, 1);
  list->count = count;
  lua_createtable(L, (int)count, 0);
  for (size_t i = 0; i < count; i++) {
    lua_rawgeti(L, 1, (lua_Integer)i + 1);
    lua_getfield(L, -1, "line");
    list->points[i].line = (int)luaL_checkinteger(L, -1);
    lua_getfield(L, -2, "file");
    list->points[i].file = luaL_checklstring(L, -1, &list->points[i].length);
    lua_rawseti(L, 3, (lua_Integer)i + 1);
    lua_settop(L, 3);
  }
  lua_setiuservalue(L, 2, 1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &breakpoints_key);
  debug->breakpoints = count > 0 ? list : NULL;
  memset(debug->lines, 0, sizeof debug->lines);
  for (size_t i = 0; i < count; i++) {
    unsigned line = (unsigned)list->points[i].line;
    debug->lines[(line / 64) % BREAK_WORDS] |= (uint64_t)1 << line % 64;
  }
  refresh(L);
  return 0;
}

void hooks_clear(lua_State *L) {
  fl_host_of(L)->debug.breakpoints = NULL;
  lua_pushnil(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &breakpoints_key);
  refresh(L);
}

/* ---- the hook ---- */

/* The names of the innermost function's locals, in the order of their places; places without a name are last. */
static void push_names(lua_State *L, lua_Debug *ar) {
  lua_newtable(L);
  for (int place = 1;; place++) {
    const char *name = lua_getlocal(L, ar, place);
    if (name == NULL) return;
    lua_pop(L, 1);
    if (strcmp(name, "(temporary)") == 0 || strcmp(name, "(C temporary)") == 0) return;
    lua_pushstring(L, name);
    lua_rawseti(L, -2, place);
  }
}

static void hold_here(lua_State *L, lua_Debug *ar, fl_task *task, hold_kind kind) {
  fl_host *host = task->host;
  bool ending = host->ending;
  host->ending = true; /* what is kept about it is not the script's memory */
  hold_box *hold = hold_new(L, kind, L);
  hold->hooked = true;
  hold->line = ar->currentline;
  push_names(L, ar);
  hold_set_names(L, -2);
  hold_begin(L, hold, task);
  lua_pop(L, 1);
  host->ending = ending;
  wait_start(&hold->wait, task, kind == HOLD_STEP ? "a step" : "a breakpoint", hold_abandon);
}

void hooks_line(lua_State *L, lua_Debug *ar) {
  fl_host *host = fl_host_of(L);
  fl_task *task = host->running;
  debug_state *debug = &host->debug;
  if (task == NULL || !debug->attached || task_must_stop(task)) return;
  fl_task *stepper = debug->stepping > 0 ? step_ending(L, ar, task) : NULL;
  bool breaks = may_break_at(debug, ar->currentline) && breaks_at(L, ar, debug->breakpoints);
  if (stepper == NULL && !breaks) return;
  if (!lua_isyieldable(L)) {
    if (breaks) hold_pass(L, ar->source, ar->currentline);
    return;
  }
  if (stepper != NULL) hooks_stop_stepping(stepper);
  hold_here(L, ar, task, breaks ? HOLD_BREAKPOINT : HOLD_STEP);
  lua_yield(L, 0);
}

static void line_hook(lua_State *L, lua_Debug *ar) {
  hooks_line(L, ar);
}

static const luaL_Reg functions[] = {
    {"set_breakpoints", set_breakpoints}, /* all of them */
    {NULL, NULL},
};

void hooks_functions(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
