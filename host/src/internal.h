/* internal.h - what the host's files share: the structs behind fairlead.h.
**
** host.c owns fl_host; task.c owns tasks and is the only one to resume them; wait.c suspends and wakes them; event.c is what
** they wake each other with; inspect.c lists them; hold.c holds them for a debugger, hooks.c line by line, keep.c where they
** failed; clock.c keeps time; interrupt.c stops them from outside; errors.c and
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
double clock_steady_now(const fl_clock *clock); /* what its timers count in: nobody sets it back or forward */
fl_clock *clock_check(lua_State *L, int arg);   /* the clock of a clock.Clock */
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
void wait_start(fl_wait *wait, fl_task *task, const char *what, fl_abandon abandon); /* without yielding */
void wait_set_internal(fl_wait *wait, bool internal);                                /* also of one that has begun */
void wait_cancel(fl_task *task); /* abandons what the task waits for, unless it is shielded */
void waiters_open(lua_State *L);

/* ---- task.c ---- */

typedef enum { TASK_READY, TASK_RUNNING, TASK_WAITING, TASK_FINISHED } task_state;

typedef enum { STEP_NONE, STEP_INTO, STEP_OVER, STEP_OUT } step_mode;

typedef struct group_box group_box;
typedef struct hold_box hold_box;

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
  double grace_held; /* for how long it was held when the grace period began */
  signal_list finished;
  group_box *group;      /* that it is a member of */
  group_box *groups;     /* that it owns */
  group_box *background; /* the one of these that task.start fills */
  fl_task *group_next;
  fl_task *ready_next;
  uint64_t serial;                /* tasks are numbered in the order of their start */
  bool kept;                      /* keep.c: held where it fails */
  lua_State *first;               /* of one that has failed and been kept: the coroutine that it was known by */
  hold_box *hold;                 /* while it is held */
  int holds;                      /* of it and of the tasks below it */
  double held_since, held_before; /* on its clock */
  step_mode step;                 /* hooks.c */
  int step_depth;
  bool step_ours;
  uint64_t step_serial;
  lua_State *step_co;
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
int task_body_ended(lua_State *L, int status,
                    lua_KContext failed); /* below the top: a handler, and results or an error */
int task_not_begun(lua_State *L);         /* the end of one that was cancelled before it ran */
void task_start_in_background(lua_State *L, bool kept);
void task_cancel_delivered(fl_task *task); /* from now on it may clean up */
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

/* ---- hold.c ---- */

typedef enum { HOLD_BREAKPOINT, HOLD_STEP, HOLD_FAILED } hold_kind;

struct hold_box { /* a "debugger.Hold" userdata */
  fl_wait wait;
  fl_task *task; /* NULL: it has gone on */
  lua_State *co; /* where it was held */
  hold_kind kind;
  bool hooked; /* by a line hook */
  int line;    /* then */
};

hold_box *hold_new(lua_State *L, hold_kind kind, lua_State *co); /* pushes it */
void hold_set_error(lua_State *L, int hold);                     /* pops the error */
void hold_set_names(lua_State *L, int hold);                     /* pops the list */
void hold_begin(lua_State *L, hold_box *hold, fl_task *task);    /* it is on top */
void hold_abandon(fl_wait *wait);
void hold_pass(lua_State *L, const char *source, int line); /* a place where nothing can be held */
double hold_seconds(const fl_task *task);                   /* that it, or a task below it, was held so far */
void hold_reset(fl_host *host);
fl_nret task_held(lua_State *L);
void hold_boot_functions(lua_State *L);
void holds_open(lua_State *L);
int luaopen_fairlead_debugger_native(lua_State *L);

/* ---- hooks.c ---- */

#define BREAK_WORDS 32

typedef struct break_list break_list;

typedef struct {
  bool attached;
  bool time_passes;            /* virtual time does not stand still for what is held */
  int stepping;                /* tasks that do */
  break_list *breakpoints;     /* NULL: none */
  uint64_t lines[BREAK_WORDS]; /* a bit for each line of a breakpoint, modulo their number */
  signal_list told;            /* who waits for a stop */
  lua_Integer first, last;     /* what the debugger has taken of its events, and how many there were */
  int passes;                  /* places that were passed, among those that it has not taken */
} debug_state;

void hooks_apply(lua_State *L); /* the coroutine on which this is called gets the hook that it should have */
bool hooks_wanted(const fl_host *host);
void hooks_line(lua_State *L, lua_Debug *ar); /* in a line hook; nothing may follow */
void hooks_raise_next(lua_State *co);         /* its task's cancellation, at the next instruction */
void hooks_step(lua_State *L, fl_task *task, step_mode mode, lua_State *co);
void hooks_stop_stepping(fl_task *task);
void hooks_task_ended(fl_task *task);
void hooks_clear(lua_State *L);
void hooks_functions(lua_State *L);

/* ---- frames.c ---- */

int coroutine_depth(lua_State *co); /* levels of its stack */
void frames_functions(lua_State *L);

/* ---- keep.c ---- */

void keep_this(fl_task *task); /* that has not begun */
int keep_body(lua_State *L);
bool keep_failed(fl_task *task, int status); /* false: out of memory */
void keep_functions(lua_State *L);

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
bool interrupt_is_hook(lua_Hook hook);
void interrupt_executes(fl_host *host, lua_State *L); /* that coroutine runs from now on; NULL: none */
void interrupt_functions(lua_State *L);

/* ---- errors.c ---- */

#define FL_ERROR "fairlead.Error"

bool source_is_ours(const fl_host *host, const char *source); /* of Fairlead's own Lua */
void error_wrap_from(lua_State *L, lua_State *dead); /* as error_handler, of a coroutine that an error has ended */
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
  uint64_t serials;              /* of tasks */
  debug_state debug;
  interrupts interrupts;
  fl_error error;
  char *details;
};

#endif
