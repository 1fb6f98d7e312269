/* clock.c - real, scaled and virtual time, and timers on them.
**
** Lua: clock.now() clock.sleep(s) clock.monotonic(), and the making of other clocks for modules/clock
** Owner: each task holds a reference to its clock, inherited by the tasks that it starts. Timers live in their users' structs.
** All real clocks share one uv_timer. A virtual clock jumps to its next timer when none of its tasks can run and none
** waits for anything outside the process.
*/
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "internal.h"

static double seconds_of(clockid_t id) {
  struct timespec t;
  clock_gettime(id, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

double monotonic_seconds(void) {
  return seconds_of(CLOCK_MONOTONIC);
}

fl_clock *clock_new(fl_host *host, bool virtual_time, double start, double speed) {
  fl_clock *clock = calloc(1, sizeof *clock);
  if (clock == NULL) return NULL;
  clock->host = host;
  clock->references = 1;
  clock->virtual_time = virtual_time;
  clock->speed = speed;
  clock->now = clock->base = start;
  clock->real_base = monotonic_seconds();
  clock->next = host->clocks;
  host->clocks = clock;
  return clock;
}

void clock_retain(fl_clock *clock) {
  clock->references++;
}

void clock_release(fl_clock *clock) {
  if (clock == NULL || --clock->references > 0) return;
  for (fl_clock **link = &clock->host->clocks; *link != NULL; link = &(*link)->next)
    if (*link == clock) {
      *link = clock->next;
      break;
    }
  while (clock->count > 0) timer_stop(clock->heap[0]);
  free(clock->heap);
  free(clock);
}

double clock_now(const fl_clock *clock) {
  if (clock->virtual_time) return clock->now;
  if (clock->speed == 1.0) return seconds_of(CLOCK_REALTIME);
  return clock->base + (monotonic_seconds() - clock->real_base) * clock->speed;
}

/* What timers count in: a real clock's must not follow when somebody sets the wall clock. */
double clock_steady_now(const fl_clock *clock) {
  return clock->virtual_time ? clock->now : monotonic_seconds() * clock->speed;
}

/* ---- a binary heap of timers, earliest first ---- */

static bool earlier(const fl_timer *a, const fl_timer *b) {
  return a->at < b->at || (a->at == b->at && a->order < b->order);
}

static void place(fl_clock *clock, size_t slot, fl_timer *timer) {
  clock->heap[slot] = timer;
  timer->slot = slot;
}

static void sift_up(fl_clock *clock, size_t slot, fl_timer *timer) {
  while (slot > 0 && earlier(timer, clock->heap[(slot - 1) / 2])) {
    place(clock, slot, clock->heap[(slot - 1) / 2]);
    slot = (slot - 1) / 2;
  }
  place(clock, slot, timer);
}

static void sift_down(fl_clock *clock, size_t slot, fl_timer *timer) {
  for (;;) {
    size_t child = 2 * slot + 1;
    if (child >= clock->count) break;
    if (child + 1 < clock->count && earlier(clock->heap[child + 1], clock->heap[child])) child++;
    if (!earlier(clock->heap[child], timer)) break;
    place(clock, slot, clock->heap[child]);
    slot = child;
  }
  place(clock, slot, timer);
}

bool timer_start(fl_timer *timer, fl_clock *clock, double seconds, fl_timer_fire fire) {
  timer_stop(timer);
  if (clock->count == clock->capacity) {
    size_t capacity = clock->capacity ? 2 * clock->capacity : 16;
    fl_timer **heap = realloc(clock->heap, capacity * sizeof *heap);
    if (heap == NULL) return false;
    clock->heap = heap;
    clock->capacity = capacity;
  }
  timer->clock = clock;
  timer->at = clock_steady_now(clock) + (seconds > 0 ? seconds : 0);
  timer->order = clock->host->timer_order++;
  timer->fire = fire;
  sift_up(clock, clock->count++, timer);
  return true;
}

void timer_stop(fl_timer *timer) {
  fl_clock *clock = timer->clock;
  if (clock == NULL) return;
  timer->clock = NULL;
  fl_timer *last = clock->heap[--clock->count];
  if (last == timer) return;
  size_t slot = timer->slot;
  if (slot > 0 && earlier(last, clock->heap[(slot - 1) / 2]))
    sift_up(clock, slot, last);
  else
    sift_down(clock, slot, last);
}

static void fire_first(fl_clock *clock) {
  fl_timer *timer = clock->heap[0];
  timer_stop(timer);
  timer->fire(timer);
}

bool clock_jump(fl_host *host) {
  for (fl_clock *clock = host->clocks; clock != NULL; clock = clock->next)
    if (clock->virtual_time && clock->external == 0 && clock->count > 0) {
      if (clock->heap[0]->at > clock->now) clock->now = clock->heap[0]->at;
      fire_first(clock);
      return true;
    }
  return false;
}

bool clock_fire_due(fl_host *host) {
  bool fired = false;
  for (fl_clock *clock = host->clocks; clock != NULL; clock = clock->next) {
    if (clock->virtual_time) continue;
    double now = clock_steady_now(clock);
    while (clock->count > 0 && clock->heap[0]->at <= now) {
      fire_first(clock);
      fired = true;
    }
  }
  return fired;
}

double clock_next_real(const fl_host *host) {
  double next = -1;
  for (const fl_clock *clock = host->clocks; clock != NULL; clock = clock->next) {
    if (clock->virtual_time || clock->count == 0) continue;
    double left = (clock->heap[0]->at - clock_steady_now(clock)) / clock->speed;
    if (left < 0) left = 0;
    if (next < 0 || left < next) next = left;
  }
  return next;
}

/* ---- Lua ---- */

double fl_now(lua_State *L) {
  fl_host *host = fl_host_of(L);
  return clock_now(host->running ? host->running->clock : host->clock);
}

/* clock.now() -> number: unix seconds of the task's clock */
static fl_nret clock_now_lua(lua_State *L) {
  lua_pushnumber(L, fl_now(L));
  return 1;
}

/* clock.monotonic() -> number: real seconds since some moment; for measuring only */
static fl_nret clock_monotonic(lua_State *L) {
  lua_pushnumber(L, monotonic_seconds());
  return 1;
}

/* clock.steady() -> number: what the task's timers count in: nobody can set it back or forward, and processes of one
**     machine share it (scaled and virtual clocks have their own) */
static fl_nret clock_steady(lua_State *L) {
  fl_host *host = fl_host_of(L);
  lua_pushnumber(L, clock_steady_now(host->running ? host->running->clock : host->clock));
  return 1;
}

#define SLEEP "clock.Sleep"

typedef struct {
  fl_wait wait;
  fl_timer timer;
} sleep_box;

static void sleep_fired(fl_timer *timer) {
  fl_wait_deliver(&((sleep_box *)((char *)timer - offsetof(sleep_box, timer)))->wait);
}

static void sleep_abandon(fl_wait *wait) {
  timer_stop(&((sleep_box *)wait)->timer);
  fl_wait_deliver(wait);
}

static fl_nret sleep_resume(lua_State *L, fl_wait *wait) {
  (void)L;
  (void)wait;
  return 0;
}

static fl_nret sleep_gc(lua_State *L) {
  sleep_box *box = luaL_checkudata(L, 1, SLEEP);
  timer_stop(&box->timer);
  fl_wait_abandon(&box->wait);
  return 0;
}

/* clock.sleep(seconds: number)
**     -> (nothing), that much later
**     raises on a negative number, NaN or infinity */
static fl_nret clock_sleep(lua_State *L) {
  lua_Number seconds = luaL_checknumber(L, 1);
  luaL_argcheck(L, seconds >= 0 && isfinite(seconds), 1, "must be a finite number of seconds, not negative");
  fl_wait_check(L, "clock.sleep");
  sleep_box *box = lua_newuserdatauv(L, sizeof *box, 0);
  memset(box, 0, sizeof *box);
  luaL_setmetatable(L, SLEEP);
  box->wait.internal = true;
  if (!timer_start(&box->timer, fl_host_of(L)->running->clock, seconds, sleep_fired))
    return luaL_error(L, "not enough memory");
  return fl_wait_begin(L, &box->wait, "clock.sleep", sleep_abandon, sleep_resume);
}

#define CLOCK "clock.Clock"

typedef struct {
  fl_clock *clock;
} clock_box;

fl_clock *clock_check(lua_State *L, int arg) {
  return ((clock_box *)luaL_checkudata(L, arg, CLOCK))->clock;
}

static fl_nret clock_gc(lua_State *L) {
  clock_box *box = luaL_checkudata(L, 1, CLOCK);
  fl_clock *clock = box->clock;
  box->clock = NULL;
  clock_release(clock);
  return 0;
}

static fl_nret push_clock(lua_State *L, bool virtual_time, double start, double speed) {
  clock_box *box = lua_newuserdatauv(L, sizeof *box, 0);
  box->clock = NULL;
  luaL_setmetatable(L, CLOCK);
  box->clock = clock_new(fl_host_of(L), virtual_time, start, speed);
  if (box->clock == NULL) return luaL_error(L, "not enough memory");
  return 1;
}

/* native.virtual(start: number)
**     -> clock.Clock that stands still unless all its tasks sleep; unix seconds */
static fl_nret clock_virtual(lua_State *L) {
  lua_Number start = luaL_checknumber(L, 1);
  luaL_argcheck(L, isfinite(start), 1, "must be unix seconds");
  return push_clock(L, true, start, 1);
}

/* native.scaled(speed: number, start: number)
**     -> clock.Clock that runs `speed` times as fast as real time */
static fl_nret clock_scaled(lua_State *L) {
  lua_Number speed = luaL_checknumber(L, 1);
  lua_Number start = luaL_optnumber(L, 2, fl_now(L));
  luaL_argcheck(L, speed > 0 && isfinite(speed), 1, "must be a positive number");
  return push_clock(L, false, start, speed);
}

static const luaL_Reg clock_functions[] = {
    {"now", clock_now_lua},         /* unix seconds */
    {"monotonic", clock_monotonic}, /* for measuring */
    {"steady", clock_steady},       /* for leases */
    {"sleep", clock_sleep},         /* let others run */
    {"virtual", clock_virtual},     /* new clock that jumps */
    {"scaled", clock_scaled},       /* new clock that hurries */
    {NULL, NULL},
};

int luaopen_fairlead_clock_native(lua_State *L) {
  luaL_newmetatable(L, SLEEP);
  lua_pushcfunction(L, sleep_gc);
  lua_setfield(L, -2, "__gc");
  luaL_newmetatable(L, CLOCK);
  lua_pushcfunction(L, clock_gc);
  lua_setfield(L, -2, "__gc");
  luaL_newlib(L, clock_functions);
  return 1;
}
