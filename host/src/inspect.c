/* inspect.c - what tasks there are, and what each of them does: for task.list (modules/task). */
#include <string.h>

#include "internal.h"

/* native.root()
**     -> task.Task that all others are below; nothing where the host runs none */
static fl_nret inspect_root(lua_State *L) {
  const fl_host *host = fl_host_of(L);
  if (host->root == NULL) return 0;
  task_push(L, host->root);
  return 1;
}

/* Groups and members are linked newest first: the table is filled from its end. */
static lua_Integer count_members(const fl_task *task) {
  lua_Integer count = 0;
  for (const group_box *group = task->groups; group != NULL; group = group->owner_next)
    for (const fl_task *member = group->members; member != NULL; member = member->group_next) count++;
  return count;
}

/* native.children(task: task.Task)
**     -> list of task.Task: those that it has started and that have not finished, oldest first */
static fl_nret inspect_children(lua_State *L) {
  const fl_task *task = task_at(L, 1);
  lua_Integer place = count_members(task);
  lua_createtable(L, (int)place, 0);
  for (const group_box *group = task->groups; group != NULL; group = group->owner_next)
    for (fl_task *member = group->members; member != NULL; member = member->group_next) {
      task_push(L, member);
      lua_rawseti(L, -2, place--);
    }
  return 1;
}

/* native.about(task: task.Task)
**     -> name or nil, what it waits for or nil, since when (unix seconds of its clock) or nil */
static fl_nret inspect_about(lua_State *L) {
  const fl_task *task = task_at(L, 1);
  lua_settop(L, 1);
  if (task->name[0] != '\0')
    lua_pushstring(L, task->name);
  else
    lua_pushnil(L);
  if (task->wait == NULL) return 1;
  lua_pushstring(L, task->wait->what);
  lua_pushnumber(L, task->wait->since);
  return 3;
}

static const luaL_Reg functions[] = {
    {"root", inspect_root},         /* of all tasks */
    {"children", inspect_children}, /* of one */
    {"about", inspect_about},       /* what one does */
    {NULL, NULL},
};

void inspect_functions(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
