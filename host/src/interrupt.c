/* interrupt.c - stopping a host from outside.
**
** fl_host_interrupt may be called in a signal handler: it counts, sets a hook on the coroutine that runs now (a busy loop) and
** wakes the loop (an idle one). What it means is done by interrupt_take, on the loop or from the hook.
*/
#include "internal.h"

static void push_interrupted(lua_State *L) {
  fl_error_push(L, "cancelled", "interrupted");
}

void interrupt_take(fl_host *host) {
  lua_State *L = host->L;
  while (host->root != NULL && host->interrupts_taken < host->interrupts) {
    host->interrupts_taken++;
    if (host->interrupts_taken == 1) {
      push_interrupted(L);
      task_cancel(L, host->root);
    } else {
      task_cut(host->root);
    }
  }
}

static void interrupt_hook(lua_State *L, lua_Debug *ar) {
  (void)ar;
  fl_host *host = fl_host_of(L);
  fl_task *task = host->running;
  lua_sethook(L, NULL, 0, 0);
  host->ending = true; /* a script that has filled its memory can be stopped, too */
  interrupt_take(host);
  if (task != NULL && !task->cancel_requested) { /* a child of the root's that does not wait for anything */
    push_interrupted(host->L);
    task_cancel(host->L, task);
  }
  host->ending = false;
  if (task == NULL) return;
  if (task_must_stop(task)) task_raise_cancellation(L, task);
}

int fl_host_interrupt(fl_host *host) {
  lua_State *executing = host->executing;
  int count = ++host->interrupts;
  if (executing != NULL)
    lua_sethook(executing, interrupt_hook, LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT, 1);
  uv_async_send(&host->wake);
  return count;
}
