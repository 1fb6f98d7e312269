/* child.h - one child process with its pipes, on a libuv loop. Knows nothing of Lua.
**
** The child lives in its own session and process group, so that a signal reaches what it has started too, and a Ctrl-C at
** the terminal reaches the host alone. It has ended when it has exited and its output has been read to the end.
*/
#ifndef FAIRLEAD_CHILD_H
#define FAIRLEAD_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

typedef enum { /* why it is being stopped; the first reason counts */
               CHILD_RUNS,
               CHILD_TIMED_OUT,
               CHILD_TOO_LARGE,
               CHILD_NO_MEMORY,
               CHILD_CANCELLED
} child_stop_reason;

typedef struct child child;

typedef struct child_plan { /* all of it is the caller's; only `input` must outlive child_spawn: until the end */
  char **argv;
  char **environment;
  const char *directory; /* NULL: the host's */
  const char *input;     /* NULL: the null device */
  size_t input_size;
  double timeout; /* seconds; negative: none */
  double grace;   /* seconds from TERM to KILL */
  size_t max_output;
  void (*on_end)(void *owner);    /* once, from the loop, when no handle of the child's is open any more */
  void (*on_output)(void *owner); /* from the loop, when a stream has grown; NULL: nobody wants to know */
  void *owner;
} child_plan;

typedef struct child_stream {
  uv_pipe_t pipe;
  char *data;
  size_t size, capacity;
  bool open, overflowed;
} child_stream;

struct child {
  child_plan plan;
  uv_process_t process;
  uv_pipe_t input;
  uv_timer_t timer;
  uv_write_t write;
  child_stream streams[2]; /* standard output, standard error */
  int open_handles;
  bool input_open, terminated, killed, exited, group_gone, closing, orphaned;
  child_stop_reason stop;
  int64_t exit_status;
  int exit_signal;
  char discarded[4096]; /* where output goes that nobody will see */
};

/* NULL with *error set to a libuv error code. */
child *child_spawn(uv_loop_t *loop, const child_plan *plan, int *error);

/* TERM to the group, after the grace KILL. Safe to call again. */
void child_stop(child *self, child_stop_reason reason);

/* The owner is done with it. One that still runs is killed, and freed when it is gone. NULL is allowed. */
void child_release(child *self);

#endif
