/* interrupt.c - stopping a host from outside: whom Ctrl-C and SIGTERM mean, and what they do to them.
**
** Lua: task.on_interrupt(target)
** fl_host_interrupt and fl_host_terminate may be called in a signal handler: they count, set a hook on the coroutine that
** runs now (a busy loop) and wake the loop (an idle one). What they mean is done by interrupt_take, on the loop or from
** the hook: the root task is cancelled, at the second its cleaning is cut short. task.on_interrupt names another whom
** Ctrl-C means: a task, or an event that is set. SIGTERM always means the root.
**
** The hook also finds the busy loop of a task that is not meant: without that nobody could act on the interrupt. Being the
** one that runs just then is no fault, so it is cancelled when it goes on for BUSY_SECONDS without waiting.
*/
#include "internal.h"

#define BUSY_SECONDS 1.0  /* of Lua code without a wait, after an interrupt that means another */
#define BUSY_COUNT 10000  /* instructions between two looks */
#define LONGEST_LOOK 0.01 /* seconds: more between two looks is a C function's time, not a loop's */

static const char target_key, caller_key; /* registry: the handles that keep these alive */

static void push_interrupted(lua_State *L) {
  fl_error_push(L, "cancelled", "interrupted");
}

static void stop(fl_task *task, int times) {
  if (times > 1) {
    task_cut(task);
    return;
  }
  push_interrupted(task->host->L);
  task_cancel(task->host->L, task);
}

static bool is_pending(const interrupts *state) {
  return state->taken < state->asked || state->terminated < state->terminations;
}

/* The program's own end: whom Ctrl-C meant besides no longer counts. */
static void terminate(fl_host *host) {
  interrupts *state = &host->interrupts;
  state->terminated++;
  state->task = NULL;
  state->event = NULL;
  state->elsewhere = false;
  state->taken = state->base = state->asked;
  stop(host->root, ++state->root_times);
}

/* One Ctrl-C. A task that has ended leaves it to whoever is named next. */
static bool interrupt(fl_host *host) {
  interrupts *state = &host->interrupts;
  if (state->task != NULL && state->task->state == TASK_FINISHED) return false;
  state->taken++;
  if (state->event != NULL) {
    if (event_fire(state->event)) state->base = state->taken; /* somebody acts on it: the count begins anew */
  } else if (state->task != NULL) {
    stop(state->task, ++state->times);
  } else {
    stop(host->root, ++state->root_times);
  }
  return true;
}

void interrupt_take(fl_host *host) {
  interrupts *state = &host->interrupts;
  if (host->root == NULL) return;
  while (state->terminated < state->terminations) terminate(host);
  while (state->taken < state->asked)
    if (!interrupt(host)) return;
}

bool interrupt_waits(const fl_host *host) {
  const interrupts *state = &host->interrupts;
  bool kept = state->task != NULL && state->task->state == TASK_FINISHED;
  return is_pending(state) && (!kept || state->terminated < state->terminations);
}

void interrupt_reset(fl_host *host) {
  host->interrupts = (interrupts){0};
}

/* ---- busy loops ---- */

static bool is_around(const fl_task *outer, const fl_task *task) {
  while (task != NULL && task != outer) task = task->group != NULL ? task->group->owner : NULL;
  return task != NULL;
}

/* Whether the interrupt means a task that runs, by itself or by one around it: then it ends now. */
static bool is_meant(const fl_host *host, const fl_task *task) {
  const interrupts *state = &host->interrupts;
  if (state->terminated > 0 || !state->elsewhere) return true;
  return state->task != NULL && is_around(state->task, task);
}

static bool is_spared(const fl_host *host, const fl_task *task) {
  const interrupts *state = &host->interrupts;
  return task == host->root || is_around(task, state->caller) || is_around(task, state->task);
}

static bool is_watching(const fl_host *host) {
  return host->interrupts.busy_turn == host->turns;
}

static void watch(lua_State *L);

/* Looks again at a task that is not meant, for as long as it does not wait; true when that was too long. */
static bool is_too_busy(lua_State *L, const fl_task *task) {
  interrupts *state = &task->host->interrupts;
  double now = monotonic_seconds();
  if (!is_watching(task->host)) {
    state->busy_turn = task->host->turns;
    state->busy_for = 0;
  } else {
    double since = now - state->busy_at;
    state->busy_for += since < LONGEST_LOOK ? since : LONGEST_LOOK;
  }
  state->busy_at = now;
  if (state->busy_for >= BUSY_SECONDS) return true;
  watch(L);
  return false;
}

static void stop_running(lua_State *L, fl_task *task) {
  fl_host *host = task->host;
  host->ending = true; /* a script that has filled its memory can be stopped, too */
  interrupt_take(host);
  if (!task->cancel_requested && (is_meant(host, task) || (!is_spared(host, task) && is_too_busy(L, task)))) {
    push_interrupted(host->L);
    task_cancel(host->L, task);
  }
  host->ending = false;
  if (task_must_stop(task)) task_raise_cancellation(L, task);
}

/* Takes the place of the debugger's hook on this coroutine, and so does its work, too. */
static void interrupt_hook(lua_State *L, lua_Debug *ar) {
  fl_host *host = fl_host_of(L);
  bool is_line = ar->event == LUA_HOOKLINE;
  bool watching = is_watching(host), pending = is_pending(&host->interrupts);
  if (!watching || pending || !is_line) {
    lua_sethook(L, NULL, 0, 0);
    hooks_apply(L);
    if (host->running != NULL && (pending || watching)) stop_running(L, host->running); /* else the loop has taken it */
  }
  if (is_line) hooks_line(L, ar);
}

bool interrupt_is_hook(lua_Hook hook) {
  return hook == interrupt_hook;
}

static void set_hook(lua_State *L) {
  lua_sethook(L, interrupt_hook, LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT, 1);
}

static void watch(lua_State *L) {
  lua_sethook(L, interrupt_hook, LUA_MASKCOUNT | (hooks_wanted(fl_host_of(L)) ? LUA_MASKLINE : 0), BUSY_COUNT);
}

void interrupt_executes(fl_host *host, lua_State *L) {
  host->executing = L;
  if (L == NULL) return;
  hooks_apply(L);
  if (is_pending(&host->interrupts)) /* last, as a signal may come at any moment */
    set_hook(L);
  else if (is_watching(host))
    watch(L);
}

/* ---- from outside ---- */

static void wake(fl_host *host) {
  lua_State *executing = host->executing;
  if (executing != NULL) set_hook(executing);
  uv_async_send(&host->wake);
}

int fl_host_interrupt(fl_host *host) {
  interrupts *state = &host->interrupts;
  int count = ++state->asked - state->base + (state->elsewhere ? 0 : state->terminations);
  wake(host);
  return count;
}

int fl_host_terminate(fl_host *host) {
  interrupts *state = &host->interrupts;
  int count = ++state->terminations + (state->elsewhere ? 0 : state->asked - state->base);
  wake(host);
  return count;
}

/* ---- Lua ---- */

static void *keep(lua_State *L, int index, const void *key, void *value) {
  lua_pushvalue(L, index);
  lua_rawsetp(L, LUA_REGISTRYINDEX, key);
  return value;
}

/* native.on_interrupt(target: task.Task|task.Event|nil)
**     -> (nothing); whom Ctrl-C means from now on: a task (the first cancels it, the second cuts it short), an event (it is
**     set), nil: the root task. Counting begins anew */
static fl_nret on_interrupt(lua_State *L) {
  fl_host *host = fl_host_of(L);
  interrupts *state = &host->interrupts;
  fl_task *caller = task_running(L);
  event_box *event = event_test(L, 1);
  lua_settop(L, 1);
  fl_task *task = event == NULL && !lua_isnil(L, 1) ? task_at(L, 1) : NULL;
  task_push(L, caller);
  state->caller = keep(L, 2, &caller_key, caller);
  keep(L, 1, &target_key, NULL);
  state->task = task == host->root ? NULL : task;
  state->event = event;
  state->elsewhere = state->task != NULL || event != NULL;
  state->times = 0;
  state->base = state->taken;
  if (is_pending(state)) uv_async_send(&host->wake); /* what the one before left */
  return 0;
}

static const luaL_Reg functions[] = {
    {"on_interrupt", on_interrupt}, /* whom Ctrl-C means */
    {NULL, NULL},
};

void interrupt_functions(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
