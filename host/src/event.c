/* event.c - task.event: a condition that tasks wait for and any task sets.
**
** Lua: task.event() -> event; event:set() event:clear() event:wait() event:is_set()
** A Ctrl-C may mean one (interrupt.c), hence event_fire.
*/
#include <string.h>

#include "internal.h"

#define EVENT "task.Event"

struct event_box {
  bool set;
  signal_list waiters;
};

event_box *event_test(lua_State *L, int index) {
  return luaL_testudata(L, index, EVENT);
}

bool event_fire(event_box *event) {
  bool was_clear = !event->set;
  event->set = true;
  signal_fire(&event->waiters);
  return was_clear;
}

/* native.event() -> task.Event, not set */
static fl_nret event_new(lua_State *L) {
  event_box *event = lua_newuserdatauv(L, sizeof *event, 0);
  memset(event, 0, sizeof *event);
  luaL_setmetatable(L, EVENT);
  return 1;
}

/* Event:set() -> (nothing); wakes all that wait for it */
static fl_nret event_set(lua_State *L) {
  event_fire(luaL_checkudata(L, 1, EVENT));
  return 0;
}

/* Event:clear() -> (nothing) */
static fl_nret event_clear(lua_State *L) {
  ((event_box *)luaL_checkudata(L, 1, EVENT))->set = false;
  return 0;
}

static fl_nret event_resume(lua_State *L, fl_wait *wait) {
  (void)L;
  (void)wait;
  return 0;
}

/* Event:wait() -> (nothing), when it is set */
static fl_nret event_wait(lua_State *L) {
  event_box *event = luaL_checkudata(L, 1, EVENT);
  if (event->set) return 0;
  lua_settop(L, 1);
  return signal_wait(L, &event->waiters, "event:wait", false, event_resume);
}

/* Event:is_set() -> boolean */
static fl_nret event_is_set(lua_State *L) {
  lua_pushboolean(L, ((event_box *)luaL_checkudata(L, 1, EVENT))->set);
  return 1;
}

static const luaL_Reg event_methods[] = {
    {"set", event_set},       /* wake the waiting */
    {"clear", event_clear},   /* make them wait again */
    {"wait", event_wait},     /* until set */
    {"is_set", event_is_set}, /* without waiting */
    {NULL, NULL},
};
static const luaL_Reg functions[] = {
    {"event", event_new}, /* to wake tasks with */
    {NULL, NULL},
};

void event_functions(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}

void events_open(lua_State *L) {
  luaL_newmetatable(L, EVENT);
  luaL_newlib(L, event_methods);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
}
