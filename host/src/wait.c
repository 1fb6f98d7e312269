/* wait.c - how a task waits and is woken.
**
** fl_wait_begin yields the task with a private tag, so that the host's yields pass through a script's own coroutines
** (boot.lua). fl_wait_deliver, from any callback, puts the task on the ready queue. When the task runs again wait_continue
** raises its cancellation, or calls the module's `resume`.
*/
#include <string.h>

#include "internal.h"

static const char tag; /* its address is the tag */

void push_wait_tag(lua_State *L) {
  lua_pushlightuserdata(L, (void *)&tag);
}

bool is_wait_tag(lua_State *L, int index) {
  return lua_touserdata(L, index) == (const void *)&tag;
}

static void check_place(lua_State *L, const char *what) {
  const fl_task *task = fl_host_of(L)->running;
  if (task == NULL) luaL_error(L, "%s can only be called while the host runs a script", what);
  if (!lua_isyieldable(L)) {
    fl_error_push(L, "cannot_wait", "%s would have to wait where Lua cannot", what);
    lua_pushliteral(
        L,
        "it was called from inside a function such as table.sort, string.gsub or __tostring; wait before or after it");
    lua_setfield(L, -2, "hint");
    lua_error(L);
  }
}

void fl_wait_check(lua_State *L, const char *what) {
  check_place(L, what);
  fl_task *task = fl_host_of(L)->running;
  if (task_must_stop(task)) task_raise_cancellation(L, task);
}

static void count_external(fl_wait *wait, int change) {
  if (wait->internal) return;
  wait->task->host->external += change;
  if (wait->task->clock != NULL) wait->task->clock->external += change; /* the state's end may take the task first */
}

void wait_set_internal(fl_wait *wait, bool internal) {
  bool begun = wait->task != NULL && !wait->delivered;
  if (begun) count_external(wait, -1);
  wait->internal = internal;
  if (begun) count_external(wait, 1);
}

static int wait_continue(lua_State *L, int status, lua_KContext context) {
  fl_wait *wait = (fl_wait *)context; /* NOLINT(performance-no-int-to-ptr): the one way that Lua hands a context on */
  fl_task *task = fl_host_of(L)->running;
  (void)status;
  if (!wait->shielded && (wait->abandoned || task_must_stop(task))) return task_raise_cancellation(L, task);
  return wait->resume(L, wait);
}

void wait_start(fl_wait *wait, fl_task *task, const char *what, fl_abandon abandon) {
  wait->task = task;
  wait->abandon = abandon;
  wait->what = what;
  wait->delivered = wait->abandoned = false;
  wait->since = clock_now(task->clock);
  task->wait = wait;
  task->state = TASK_WAITING;
  count_external(wait, 1);
}

fl_nret fl_wait_begin(lua_State *L, fl_wait *wait, const char *what, fl_abandon abandon, fl_resume resume) {
  check_place(L, what); /* before anything begins: lua_yieldk would raise when the task counts as waiting already */
  fl_task *task = fl_host_of(L)->running;
  luaL_checkstack(L, 1, NULL);
  wait->resume = resume;
  wait_start(wait, task, what, abandon);
  if (task_must_stop(task)) wait_cancel(task); /* a finalizer has run since the check: stop what began */
  push_wait_tag(L);
  return lua_yieldk(L, 1, (lua_KContext)wait, wait_continue);
}

void fl_wait_deliver(fl_wait *wait) {
  if (wait->task == NULL || wait->delivered) return;
  wait->delivered = true;
  count_external(wait, -1);
  wait->task->wait = NULL;
  task_make_ready(wait->task);
}

void fl_wait_abandon(fl_wait *wait) {
  if (wait->task != NULL && !wait->delivered) {
    count_external(wait, -1);
    if (wait->task->wait == wait) wait->task->wait = NULL;
  }
  wait->task = NULL;
}

void wait_cancel(fl_task *task) {
  fl_wait *wait = task->wait;
  if (wait == NULL || wait->shielded || wait->abandoned) return;
  wait->abandoned = true;
  wait->abandon(wait);
}

/* ---- waiting for something inside the process ---- */

#define WAITER "fairlead.Waiter"

struct waiter { /* a userdata on the waiting task's stack */
  fl_wait wait;
  signal_list *list;
  waiter *next;
};

static void waiter_unlink(waiter *self) {
  if (self->list == NULL) return;
  for (waiter **link = &self->list->first; *link != NULL; link = &(*link)->next)
    if (*link == self) {
      *link = self->next;
      break;
    }
  self->list = NULL;
}

static void waiter_abandon(fl_wait *wait) {
  waiter_unlink((waiter *)wait);
  fl_wait_deliver(wait);
}

static fl_nret waiter_gc(lua_State *L) {
  waiter *self = luaL_checkudata(L, 1, WAITER);
  waiter_unlink(self);
  fl_wait_abandon(&self->wait);
  return 0;
}

fl_nret signal_wait(lua_State *L, signal_list *list, const char *what, bool shielded, fl_resume resume) {
  if (!shielded) fl_wait_check(L, what);
  waiter *self = lua_newuserdatauv(L, sizeof *self, 0);
  memset(self, 0, sizeof *self);
  luaL_setmetatable(L, WAITER);
  self->wait.internal = true;
  self->wait.shielded = shielded;
  self->list = list;
  waiter **link = &list->first; /* at the end: first come, first woken */
  while (*link != NULL) link = &(*link)->next;
  *link = self;
  return fl_wait_begin(L, &self->wait, what, waiter_abandon, resume);
}

void signal_fire(signal_list *list) {
  while (list->first != NULL) {
    waiter *self = list->first;
    list->first = self->next;
    self->list = NULL;
    fl_wait_deliver(&self->wait);
  }
}

void waiters_open(lua_State *L) {
  luaL_newmetatable(L, WAITER);
  lua_pushcfunction(L, waiter_gc);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 1);
}
