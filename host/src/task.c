/* task.c - tasks, and the groups that hold them.
**
** A task is a coroutine that the host resumes; task_resume is the only function that calls lua_resume. Its userdata (the
** handle) is anchored in the registry until it has finished and its group has let go of it; the coroutine is the userdata's
** user value.
**
** Structure: every task but the root belongs to a group, every group to the task that made it. Closing a group cancels the
** members that still run and waits for them, so no task outlives the block that started it. task.all and its kin
** (modules/task) are written over groups.
**
** Cancellation is requested (task_cancel), delivered once as an error at the next wait (task_raise_cancellation), and not
** swallowed by the host's pcall (globals.c). From then on closing handlers may wait until the grace period ends: task_cut.
*/
#include <string.h>

#include "internal.h"

#define SOON 0.1 /* seconds between two looks at a task that is held when its grace period would be over */

#define TASK "task.Task"
#define GROUP "task.Group"

static fl_nret group_close(lua_State *L);

static const char tasks_key; /* registry: light userdata of a task -> its handle */

/* ---- groups' lists ---- */

void task_push(lua_State *L, const fl_task *task) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &tasks_key);
  lua_rawgetp(L, -1, task);
  lua_remove(L, -2);
}

static void let_go(lua_State *L, fl_task *task) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &tasks_key);
  lua_pushnil(L);
  lua_rawsetp(L, -2, task);
  lua_pop(L, 1);
}

static void group_remove(group_box *group, fl_task *task) {
  for (fl_task **link = &group->members; *link != NULL; link = &(*link)->group_next)
    if (*link == task) {
      *link = task->group_next;
      break;
    }
  task->group_next = NULL;
}

/* ---- making and resuming ---- */

fl_task *task_at(lua_State *L, int index) {
  return luaL_checkudata(L, index, TASK);
}

/* There is none where a finalizer runs while the host itself works, or when the state ends. */
fl_task *task_running(lua_State *L) {
  fl_task *task = fl_host_of(L)->running;
  if (task == NULL) luaL_error(L, "tasks can only be used while the host runs a script");
  return task;
}

/* Ends the groups that the body left open (task.start's, as a rule) one by one; then the body's results are the task's. */
int task_body_ended(lua_State *L, int status, lua_KContext failed) {
  (void)status;
  fl_task *task = fl_host_of(L)->running;
  while (task->groups != NULL) {
    lua_pushcfunction(L, group_close);
    lua_rawgetp(L, LUA_REGISTRYINDEX, task->groups);
    lua_callk(L, 1, 0, failed, task_body_ended);
  }
  task->failed = failed != 0;
  return lua_gettop(L) - 1; /* all but the message handler */
}

static int body_called(lua_State *L, int status, lua_KContext context) {
  (void)context;
  bool failed = status != LUA_OK && status != LUA_YIELD;
  fl_host *host = fl_host_of(L);
  host->ending = failed;
  if (failed) error_wrap(L); /* no handler runs when memory is out */
  host->ending = false;
  return task_body_ended(L, LUA_OK, failed);
}

int task_not_begun(lua_State *L) {
  fl_task *task = fl_host_of(L)->running;
  lua_settop(L, 1);
  task->cancel_delivered = true;
  lua_rawgeti(L, LUA_REGISTRYINDEX, task->cancel_reference);
  return task_body_ended(L, LUA_OK, true);
}

/* The first function of every task: calls the given one under a message handler, then ends its background tasks. */
static int task_body(lua_State *L) {
  if (task_must_stop(fl_host_of(L)->running)) return task_not_begun(L);
  lua_pushcfunction(L, error_handler);
  lua_insert(L, 1);
  int status = lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 1, 0, body_called);
  return body_called(L, status, 0);
}

void task_new(lua_State *L, int arguments, fl_clock *clock, group_box *group) {
  fl_task *task = lua_newuserdatauv(L, sizeof *task, 1);
  memset(task, 0, sizeof *task);
  task->state = TASK_FINISHED;
  task->cancel_reference = LUA_NOREF;
  luaL_setmetatable(L, TASK);
  task->host = fl_host_of(L);
  task->serial = ++task->host->serials;
  task->clock = clock;
  clock_retain(clock);
  task->co = lua_newthread(L);
  lua_setiuservalue(L, -2, 1);
  if (!lua_checkstack(task->co, arguments + 4)) luaL_error(L, "too many arguments for a task");
  lua_rawgetp(L, LUA_REGISTRYINDEX, &tasks_key);
  lua_pushvalue(L, -2);
  lua_rawsetp(L, -2, task);
  lua_pop(L, 1);
  lua_insert(L, -arguments - 2);
  lua_pushcfunction(task->co, task_body);
  lua_xmove(L, task->co, arguments + 1);
  task->arguments = arguments + 1;
  if (group != NULL) {
    task->group = group;
    task->group_next = group->members;
    group->members = task;
  }
  task_make_ready(task);
}

static void keep_turning(uv_idle_t *handle) {
  (void)handle; /* that it is active is what counts */
}

void task_make_ready(fl_task *task) {
  fl_host *host = task->host;
  task->state = TASK_READY;
  task->ready_next = NULL;
  if (host->ready_last == NULL)
    host->ready_first = task;
  else
    host->ready_last->ready_next = task;
  host->ready_last = task;
  uv_idle_start(&host->ready, keep_turning);
}

static void task_ended(fl_task *task) {
  fl_host *host = task->host;
  lua_State *L = host->L;
  group_box *group = task->group;
  hooks_task_ended(task);
  task->state = TASK_FINISHED;
  timer_stop(&task->grace);
  clock_release(task->clock);
  task->clock = NULL;
  luaL_unref(L, LUA_REGISTRYINDEX, task->cancel_reference);
  task->cancel_reference = LUA_NOREF;
  signal_fire(&task->finished);
  if (group == NULL) { /* the root: run_root holds its handle */
    let_go(L, task);
    return;
  }
  group_remove(group, task);
  if (group == group->owner->background) {
    if (task->failed && !task->watched && (!task->cancel_requested || task->failed_below)) {
      if (!group->owner->cancel_requested) group->owner->failed_below = true;
      lua_pushvalue(task->co, -1);
      lua_xmove(task->co, L, 1);
      task_cancel(L, group->owner);
    }
    task->group = NULL;
    let_go(L, task);
  } else {
    if (group->finished_last == NULL)
      group->finished_first = task;
    else
      group->finished_last->group_next = task;
    group->finished_last = task;
  }
  signal_fire(&group->changed);
}

static void task_resume(fl_task *task) {
  fl_host *host = task->host;
  lua_State *co = task->co;
  int count = 0;
  int arguments = task->started ? 0 : task->arguments;
  task->started = true;
  task->state = TASK_RUNNING;
  host->running = task;
  host->turns++;
  interrupt_executes(host, co);
  int status = lua_resume(co, host->L, arguments, &count);
  interrupt_executes(host, NULL);
  host->running = NULL;
  host->ending = false;
  if (status == LUA_YIELD) {
    /* Only the host yields a task (globals.c sees to it), unless a foreign C module does: that one merely lets others run.
    ** A hook, which holds the task, yields nothing. */
    if (task->hold == NULL && (count == 0 || !is_wait_tag(co, -count))) task_make_ready(task);
    lua_pop(co, count);
    return;
  }
  if (status != LUA_OK && task->kept && keep_failed(task, status)) return;
  task->results = status == LUA_OK ? count : 1;
  if (status != LUA_OK) task->failed = true;
  task_ended(task);
}

void task_run_ready(fl_host *host) {
  fl_task *task = host->ready_first; /* what these make ready comes after the loop has seen its sockets */
  host->ready_first = host->ready_last = NULL;
  uv_idle_stop(&host->ready);
  while (task != NULL) {
    fl_task *next = task->ready_next;
    task_resume(task);
    task = next;
  }
}

/* ---- cancelling ---- */

bool task_must_stop(const fl_task *task) {
  return (task->cancel_requested && !task->cancel_delivered) || task->cut;
}

void task_cancel(lua_State *L, fl_task *task) {
  if (task->state == TASK_FINISHED || task->cancel_requested) {
    lua_pop(L, 1);
    return;
  }
  task->cancel_reference = luaL_ref(L, LUA_REGISTRYINDEX);
  task->cancel_requested = true;
  if (task->state == TASK_WAITING) wait_cancel(task);
}

static void task_grace_over(fl_timer *timer);

static void give_grace(fl_task *task, double seconds) {
  task->grace_held = hold_seconds(task);
  timer_start(&task->grace, task->clock, seconds, task_grace_over);
}

/* What a debugger held up does not count. */
static void task_grace_over(fl_timer *timer) {
  fl_task *task = (fl_task *)((char *)timer - offsetof(fl_task, grace));
  double held = hold_seconds(task) - task->grace_held;
  if (held > 0)
    give_grace(task, held < SOON ? SOON : held);
  else
    task_cut(task);
}

void task_cut(fl_task *task) {
  if (task->state == TASK_FINISHED) return;
  task->cut = task->cancel_requested; /* only what is being cancelled already */
  if (task->cut && task->state == TASK_WAITING) wait_cancel(task);
  for (group_box *group = task->groups; group != NULL; group = group->owner_next)
    for (fl_task *member = group->members; member != NULL; member = member->group_next) {
      if (!member->cancel_requested && task->cut) {
        lua_rawgeti(task->host->L, LUA_REGISTRYINDEX, task->cancel_reference);
        task_cancel(task->host->L, member);
      }
      task_cut(member);
    }
}

void task_cancel_delivered(fl_task *task) {
  if (task->cancel_delivered) return;
  task->cancel_delivered = true;
  give_grace(task, task->host->grace);
}

int task_raise_cancellation(lua_State *L, fl_task *task) {
  task_cancel_delivered(task);
  lua_rawgeti(L, LUA_REGISTRYINDEX, task->cancel_reference);
  return lua_error(L);
}

/* ---- handles ---- */

static fl_nret push_results(lua_State *L, fl_task *task) {
  int count = task->results;
  luaL_checkstack(L, count, "too many results");
  if (!lua_checkstack(task->co, count)) return luaL_error(L, "too many results");
  int first = lua_gettop(task->co) - count + 1;
  for (int i = 0; i < count; i++) lua_pushvalue(task->co, first + i);
  lua_xmove(task->co, L, count);
  return task->failed ? lua_error(L) : count;
}

/* Task:result()
**     -> what its function returned; raises what it raised, or when it has not finished */
static fl_nret task_result(lua_State *L) {
  fl_task *task = task_at(L, 1);
  luaL_argcheck(L, task->state == TASK_FINISHED, 1, "the task has not finished");
  return push_results(L, task);
}

static fl_nret task_wait_resume(lua_State *L, fl_wait *wait) {
  (void)wait;
  return push_results(L, task_at(L, 1));
}

/* Task:wait()
**     -> what its function returns; raises what it raises */
static fl_nret task_wait(lua_State *L) {
  fl_task *task = task_at(L, 1);
  luaL_argcheck(L, task != task->host->running, 1, "a task cannot wait for itself");
  task->watched = true;
  if (task->state == TASK_FINISHED) return push_results(L, task);
  lua_settop(L, 1);
  return signal_wait(L, &task->finished, "task:wait", false, task_wait_resume);
}

/* Task:cancel(reason: string|nil)
**     -> (nothing); raises an error of kind "cancelled" in it at its next wait */
static fl_nret task_cancel_lua(lua_State *L) {
  fl_task *task = task_at(L, 1);
  fl_error_push(L, "cancelled", "%s", luaL_optstring(L, 2, "the task was cancelled"));
  task_cancel(L, task);
  return 0;
}

/* Task:status()
**     -> "ready", "running", "waiting", "held", "done" or "failed", and what it waits for */
static fl_nret task_status(lua_State *L) {
  static const char *const names[] = {"ready", "running", "waiting", "done"};
  fl_task *task = task_at(L, 1);
  const char *name = task->state == TASK_FINISHED && task->failed ? "failed" : names[task->state];
  lua_pushstring(L, task->hold != NULL ? "held" : name);
  lua_pushstring(L, task->wait != NULL ? task->wait->what : NULL);
  return 2;
}

static fl_nret task_gc(lua_State *L) {
  fl_task *task = task_at(L, 1);
  timer_stop(&task->grace);
  clock_release(task->clock);
  task->clock = NULL;
  return 0;
}

/* native.name(text: string)
**     -> (nothing); labels the running task in messages */
static fl_nret task_name(lua_State *L) {
  fl_task *task = task_running(L);
  const char *text = luaL_checkstring(L, 1);
  strncpy(task->name, text, sizeof task->name - 1);
  return 0;
}

/* native.current() -> light userdata that stands for the running task */
static fl_nret task_current(lua_State *L) {
  lua_pushlightuserdata(L, fl_host_of(L)->running);
  return 1;
}

/* native.lineage()
**     -> task.Task, …: the running task, the one that it is part of, and so on to the root */
static fl_nret task_lineage(lua_State *L) {
  int count = 0;
  for (fl_task *task = task_running(L); task != NULL; task = task->group != NULL ? task->group->owner : NULL) {
    luaL_checkstack(L, 3, "tasks are nested too deeply");
    task_push(L, task);
    count++;
  }
  return count;
}

/* native.is_ending(co: thread)
**     -> true when that is the coroutine of the running task, or of one around it, and that task is being cancelled */
static fl_nret task_is_ending(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTHREAD);
  lua_State *co = lua_tothread(L, 1);
  fl_task *task = task_running(L);
  while (task != NULL && task->co != co && task->first != co) task = task->group != NULL ? task->group->owner : NULL;
  lua_pushboolean(L, task != NULL && task->cancel_requested);
  return 1;
}

/* native.more_time(seconds: number)
**     -> (nothing); the closing handlers of the running task, and of those around it, that is being cancelled may take so
**     long from now on. Who is being cut short stays so */
static fl_nret task_more_time(lua_State *L) {
  lua_Number seconds = luaL_checknumber(L, 1);
  luaL_argcheck(L, seconds >= 0 && seconds <= 3600, 1, "seconds from 0 to 3600 expected");
  for (fl_task *task = task_running(L); task != NULL; task = task->group != NULL ? task->group->owner : NULL)
    if (task->cancel_delivered && !task->cut) give_grace(task, seconds);
  return 0;
}

/* ---- groups ---- */

static group_box *new_group(lua_State *L) {
  fl_task *owner = task_running(L);
  group_box *group = lua_newuserdatauv(L, sizeof *group, 1);
  memset(group, 0, sizeof *group);
  luaL_setmetatable(L, GROUP);
  task_push(L, owner);
  lua_setiuservalue(L, -2, 1);
  group->owner = owner;
  lua_pushvalue(L, -1); /* alive until it is closed */
  lua_rawsetp(L, LUA_REGISTRYINDEX, group);
  group->owner_next = owner->groups;
  owner->groups = group;
  return group;
}

static void disown(lua_State *L, group_box *group) {
  if (group->owner == NULL) return;
  for (group_box **link = &group->owner->groups; *link != NULL; link = &(*link)->owner_next)
    if (*link == group) {
      *link = group->owner_next;
      break;
    }
  group->owner = NULL;
  lua_pushnil(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, group);
}

static group_box *check_group(lua_State *L) {
  group_box *group = luaL_checkudata(L, 1, GROUP);
  luaL_argcheck(L, group->owner != NULL, 1, "the group is closed");
  return group;
}

/* native.group() -> task.Group, to be closed by the task that made it */
static fl_nret group_new(lua_State *L) {
  new_group(L);
  return 1;
}

/* Group:start(fn: function, …)
**     -> task.Task that runs fn(…) */
static fl_nret group_start(lua_State *L) {
  group_box *group = check_group(L);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  task_new(L, lua_gettop(L) - 2, task_running(L)->clock, group);
  return 1;
}

/* Group:start_on(clock: clock.Clock, fn: function, …)
**     -> task.Task that lives on that clock */
static fl_nret group_start_on(lua_State *L) {
  group_box *group = check_group(L);
  fl_clock *clock = clock_check(L, 2);
  luaL_checktype(L, 3, LUA_TFUNCTION);
  task_new(L, lua_gettop(L) - 3, clock, group);
  return 1;
}

static fl_nret group_next(lua_State *L);

static fl_nret group_next_resume(lua_State *L, fl_wait *wait) {
  (void)wait;
  return group_next(L);
}

/* Group:next()
**     -> the next member that has finished; nil when there is none left */
static fl_nret group_next(lua_State *L) {
  group_box *group = check_group(L);
  lua_settop(L, 1);
  fl_task *task = group->finished_first;
  if (task != NULL) {
    group->finished_first = task->group_next;
    if (group->finished_first == NULL) group->finished_last = NULL;
    task->group_next = NULL;
    task->group = NULL;
    task_push(L, task);
    let_go(L, task);
    return 1;
  }
  if (group->members == NULL) return 0;
  return signal_wait(L, &group->changed, "tasks", false, group_next_resume);
}

static fl_nret group_closing(lua_State *L, fl_wait *wait) {
  (void)wait;
  group_box *group = luaL_checkudata(L, 1, GROUP);
  fl_host *host = fl_host_of(L);
  lua_settop(L, 1);
  host->ending = true; /* until it waits, or returns */
  if (group->members != NULL) return signal_wait(L, &group->changed, "tasks that end", true, group_closing);
  while (group->finished_first != NULL) {
    fl_task *task = group->finished_first;
    group->finished_first = task->group_next;
    task->group_next = NULL;
    task->group = NULL;
    let_go(L, task);
  }
  group->finished_last = NULL;
  disown(L, group);
  host->ending = false;
  return 0;
}

/* Group:close()
**     -> (nothing); cancels the members that still run and waits for them */
static fl_nret group_close(lua_State *L) {
  group_box *group = luaL_checkudata(L, 1, GROUP);
  if (group->owner == NULL) return 0;
  lua_settop(L, 1);
  fl_host_of(L)->ending = true;
  for (fl_task *task = group->members, *next; task != NULL; task = next) {
    next = task->group_next;
    if (task->cancel_requested) continue;
    fl_error_push(L, "cancelled", "the tasks around it ended");
    task_cancel(L, task);
    if (group->owner->cut) task_cut(task);
  }
  return group_closing(L, NULL);
}

/* On the stack: a function and its arguments, and nothing else. Leaves the handle. */
void task_start_in_background(lua_State *L, bool kept) {
  fl_task *owner = task_running(L);
  if (owner->background == NULL) {
    owner->background = new_group(L);
    lua_pop(L, 1);
  }
  task_new(L, lua_gettop(L) - 1, owner->clock, owner->background);
  if (kept) keep_this(task_at(L, -1));
}

/* native.start(fn: function, …)
**     -> task.Task in the background of the calling task, which ends it with itself; its failure is the caller's */
static fl_nret task_start(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  task_start_in_background(L, false);
  return 1;
}

static const luaL_Reg task_methods[] = {
    {"wait", task_wait},         /* until it has finished */
    {"result", task_result},     /* of a finished one */
    {"cancel", task_cancel_lua}, /* ask it to stop */
    {"status", task_status},     /* what it does */
    {"held", task_held},         /* for how long */
    {NULL, NULL},
};
static const luaL_Reg task_meta[] = {{"__gc", task_gc}, {NULL, NULL}};
static const luaL_Reg group_methods[] = {
    {"start", group_start},       /* new member */
    {"start_on", group_start_on}, /* new member on another clock */
    {"next", group_next},         /* wait for the next to finish */
    {"close", group_close},       /* cancel the rest */
    {NULL, NULL},
};
static const luaL_Reg group_meta[] = {{"__close", group_close}, {NULL, NULL}};
static const luaL_Reg task_functions[] = {
    {"start", task_start},         /* in the background */
    {"group", group_new},          /* of tasks that end together */
    {"name", task_name},           /* label the running one */
    {"current", task_current},     /* its identity */
    {"lineage", task_lineage},     /* the running one and those around it */
    {"is_ending", task_is_ending}, /* whether it, or one around it, is being cancelled */
    {"more_time", task_more_time}, /* for closing handlers */
    {NULL, NULL},
};

static void new_class(lua_State *L, const char *name, const luaL_Reg *meta, const luaL_Reg *methods) {
  luaL_newmetatable(L, name);
  luaL_setfuncs(L, meta, 0);
  lua_newtable(L);
  luaL_setfuncs(L, methods, 0);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
}

int luaopen_fairlead_task_native(lua_State *L) {
  luaL_newlib(L, task_functions);
  event_functions(L);
  interrupt_functions(L);
  inspect_functions(L);
  return 1;
}

void tasks_open(lua_State *L) {
  lua_newtable(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &tasks_key);
  new_class(L, TASK, task_meta, task_methods);
  new_class(L, GROUP, group_meta, group_methods);
}
