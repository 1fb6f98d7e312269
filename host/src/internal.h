/* internal.h - what the host's files share: the structs behind fairlead.h.
**
** host.c owns fl_host; task.c owns tasks and is the only one to resume them; wait.c suspends and wakes them; event.c is what
** they wake each other with; inspect.c lists them; clock.c keeps time; interrupt.c stops them from outside; errors.c and
** secret.c make two kinds of value; globals.c and loader.c prepare what scripts see.
*/
#ifndef FAIRLEAD_INTERNAL_H
#define FAIRLEAD_INTERNAL_H

#include <signal.h>
#include <stdint.h>

#include <uv.h>

#include "fairlead.h"

/* ---- clock.c ---- */

typedef struct fl_clock fl_clock;
typedef struct fl_timer fl_timer;
typedef void (*fl_timer_fire)(fl_timer *timer);

struct fl_timer {  /* lives in its user's struct; zeroed = stopped */
  fl_clock *clock; /* NULL = stopped */
  double at;       /* seconds of that clock */
  uint64_t order;  /* equal times fire in order of setting */
  size_t slot;     /* in the clock's heap */
  fl_timer_fire fire;
};

struct fl_clock {
  fl_host *host;
  fl_clock *next; /* the host's clocks */
  int references;
  bool virtual_time;
  double speed;     /* real: seconds of this clock a real second */
  double now;       /* virtual: the time */
  double base;      /* real: this clock's time at real_base */
  double real_base; /* real: monotonic seconds */
  int external;     /* waits of its tasks for something outside the process */
  fl_timer **heap;
  size_t count, capacity;
};

fl_clock *clock_new(fl_host *host, bool virtual_time, double start, double speed);
void clock_retain(fl_clock *clock);
void clock_release(fl_clock *clock);
double clock_now(const fl_clock *clock);
bool timer_start(fl_timer *timer, fl_clock *clock, double seconds, fl_timer_fire fire); /* false: out of memory */
void timer_stop(fl_timer *timer);
bool clock_jump(fl_host *host);              /* moves one idle virtual clock to its next timer; false: none could */
bool clock_fire_due(fl_host *host);          /* fires real clocks' timers that are due */
double clock_next_real(const fl_host *host); /* real seconds until the next one; -1: none */
double monotonic_seconds(void);
fl_clock *clock_check(lua_State *L, int arg); /* the clock of a clock.Clock */
int luaopen_fairlead_clock_native(lua_State *L);

/* ---- wait.c ---- */

typedef struct waiter waiter;
typedef struct signal_list { /* tasks that wait for one thing inside the process */
  waiter *first;
} signal_list;

/* Suspends until signal_fire; then calls `resume`. The value that holds `list` must be on the caller's stack. */
fl_nret signal_wait(lua_State *L, signal_list *list, const char *what, bool shielded, fl_resume resume);
void signal_fire(signal_list *list);
void push_wait_tag(lua_State *L); /* the value that marks the host's own yields */
bool is_wait_tag(lua_State *L, int index);
void wait_cancel(fl_task *task); /* abandons what the task waits for, unless it is shielded */
void waiters_open(lua_State *L);

/* ---- task.c ---- */

typedef enum { TASK_READY, TASK_RUNNING, TASK_WAITING, TASK_FINISHED } task_state;

typedef struct group_box group_box;

struct fl_task { /* a "task.Task" userdata; its user value is the coroutine */
  fl_host *host;
  lua_State *co;
  fl_clock *clock;
  task_state state;
  bool started;
  bool failed;
  bool watched; /* somebody asked for its result: its failure is theirs */
  bool cancel_requested;
  bool failed_below; /* cancelled because a task in its background failed: it fails with that one's error */
  bool cancel_delivered;
  bool cut;             /* no more time to clean up: every wait raises */
  int cancel_reference; /* registry: the error object to raise */
  int arguments;        /* on co, for the first resume */
  int results;          /* on co, when finished */
  fl_wait *wait;
  fl_timer grace;
  signal_list finished;
  group_box *group;      /* that it is a member of */
  group_box *groups;     /* that it owns */
  group_box *background; /* the one of these that task.start fills */
  fl_task *group_next;
  fl_task *ready_next;
  char name[64];
};

struct group_box { /* a "task.Group" userdata; its user value is the owner's handle */
  fl_task *owner;
  group_box *owner_next;
  fl_task *members;                        /* not finished */
  fl_task *finished_first, *finished_last; /* in the order of finishing, until group:next takes them */
  signal_list changed;
};

void task_new(lua_State *L, int arguments, fl_clock *clock, group_box *group); /* function and arguments -> handle */
fl_task *task_at(lua_State *L, int index);
void task_make_ready(fl_task *task);
void task_run_ready(fl_host *host);
void task_cancel(lua_State *L, fl_task *task); /* pops the error object that it will raise */
void task_cut(fl_task *task);
int task_raise_cancellation(lua_State *L, fl_task *task);
bool task_must_stop(const fl_task *task);
fl_task *task_running(lua_State *L);               /* raises where there is none */
void task_push(lua_State *L, const fl_task *task); /* the handle of one that has not finished */
void tasks_open(lua_State *L);
int luaopen_fairlead_task_native(lua_State *L);

/* ---- event.c ---- */

typedef struct event_box event_box;

event_box *event_test(lua_State *L, int index); /* NULL: another value */
bool event_fire(event_box *event);              /* sets it; whether it was clear */
void event_functions(lua_State *L);             /* into the table on top, as the next ones */
void events_open(lua_State *L);

/* ---- inspect.c ---- */

void inspect_functions(lua_State *L);

/* ---- interrupt.c ---- */

typedef struct {
  volatile sig_atomic_t asked;        /* Ctrl-C, in this run */
  volatile sig_atomic_t base;         /* how many of these somebody has acted on, or were before the target was named */
  volatile sig_atomic_t terminations; /* SIGTERM */
  volatile sig_atomic_t elsewhere;    /* Ctrl-C does not mean the root */
  int taken, terminated;
  int root_times, times; /* that the root, and the target, were hit */
  fl_task *task;         /* whom Ctrl-C means; NULL: the event, or the root */
  event_box *event;
  fl_task *caller;    /* who said so */
  uint64_t busy_turn; /* the turn of a task that is watched, as it does not wait */
  double busy_for, busy_at;
} interrupts;

void interrupt_take(fl_host *host); /* on the loop or from a hook */
bool interrupt_waits(const fl_host *host);
void interrupt_reset(fl_host *host);
void interrupt_executes(fl_host *host, lua_State *L); /* that coroutine runs from now on; NULL: none */
void interrupt_watch(lua_State *L);
void interrupt_functions(lua_State *L);

/* ---- errors.c ---- */

#define FL_ERROR "fairlead.Error"

int error_handler(lua_State *L); /* message handler: any value -> error object with the script's traceback */
void error_wrap(lua_State *L);   /* value on top -> error object */
int exit_code_of(lua_State *L, int index);
const char *error_kind(lua_State *L, int index); /* "" for none; lives as long as the object */
void errors_open(lua_State *L);
int luaopen_fairlead_errors_native(lua_State *L);

/* ---- secret.c ---- */

typedef struct secret_box secret_box;

void secrets_open(lua_State *L);
int luaopen_fairlead_secret(lua_State *L);
int luaopen_fairlead_secret_native(lua_State *L);

/* ---- globals.c, loader.c ---- */

extern const unsigned char boot_code[]; /* boot.lua, compiled by the build */
extern const size_t boot_code_length;

void globals_open(lua_State *L);
void loader_open(lua_State *L);
int luaopen_fairlead_script(lua_State *L);
void loader_add_folder(lua_State *L, const char *folder); /* for require, before the others */
int loader_load_script(lua_State *L, const char *path);   /* 0 and the function, or -1 and an error object */
int loader_load_chunk(lua_State *L, const char *chunk,
                      const char *name); /* as above; short names of modules are globals */

/* ---- host.c ---- */

struct fl_host {
  lua_State *L;
  uv_loop_t loop;
  uv_async_t wake;  /* from fl_host_interrupt */
  uv_idle_t ready;  /* active while a task is ready: then the loop polls without waiting, whatever made it ready */
  uv_timer_t timer; /* the next of the real clocks' timers */
  size_t memory_used, memory_limit;
  double grace;
  char *data_dir, *native_dir;
  fl_clock *clocks;
  fl_clock *clock; /* the real one */
  uint64_t timer_order;
  fl_task *ready_first, *ready_last;
  fl_task *root;
  fl_task *running;
  secret_box *secrets;           /* all that live, the newest first */
  bool ending;                   /* the running task ends others, which must not fail because memory is out */
  lua_State *volatile executing; /* the coroutine that runs now, for the interrupt's hook */
  int external;                  /* waits for something outside the process, all clocks */
  uint64_t turns;                /* how often a task was resumed */
  interrupts interrupts;
  fl_error error;
  char *details;
};

#endif
