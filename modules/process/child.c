/* child.c - starts a child process, feeds and reads its pipes, stops it.
**
** Owner: `child` is heap memory, because libuv's handles outlive the userdata that holds it by the time their closing
** takes. It is freed by child_release, or in the last close callback after that.
**
** One timer serves one phase after another: the deadline, then the grace between TERM and KILL, and after the exit the
** time for which a pipe that somebody else holds open is still read.
*/
#include "child.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A daemon that the child left behind may hold its output open for ever (ssh's shared connections do). What the child
** itself wrote is in the pipe when it exits, so this is only courtesy to its last descendants. */
static const uint64_t linger_ms = 500;

/* A descendant that writes without end must not keep the last look into the pipe going. */
static const size_t last_look = 4u << 20;

static uint64_t milliseconds(double seconds) {
  if (seconds >= 1e12) return (uint64_t)1e15;
  return (uint64_t)(seconds * 1000 + 0.5);
}

/* The loop's own idea of the time is as old as its last turn; a script may have computed since. */
static void start_timer(child *self, uv_timer_cb fire, uint64_t after) {
  uv_update_time(self->timer.loop);
  uv_timer_start(&self->timer, fire, after, 0);
}

/* ---- closing ---- */

static void child_free(child *self) {
  free(self->streams[0].data);
  free(self->streams[1].data);
  free(self);
}

static void on_closed(uv_handle_t *handle) {
  child *self = handle->data;
  if (--self->open_handles > 0) return;
  if (self->orphaned)
    child_free(self);
  else
    self->plan.on_end(self->plan.owner);
}

static void close_handle(void *handle) {
  uv_close(handle, on_closed);
}

static void close_input(child *self) {
  if (!self->input_open) return;
  self->input_open = false;
  close_handle(&self->input);
}

static void close_stream(child_stream *stream) {
  if (!stream->open) return;
  stream->open = false;
  close_handle(&stream->pipe);
}

/* Everything ends here, and only after the exit callback: a process handle that is closed earlier leaves a zombie. */
static void close_all(child *self) {
  if (self->closing) return;
  self->closing = true;
  close_input(self);
  close_stream(&self->streams[0]);
  close_stream(&self->streams[1]);
  close_handle(&self->timer);
  close_handle(&self->process);
}

/* ---- stopping ---- */

static void signal_group(const child *self, int number) {
  kill(-self->process.pid, number);
}

static void kill_group(child *self) {
  if (self->killed || self->group_gone) return;
  self->killed = true;
  signal_group(self, SIGKILL);
}

static void close_if_ended(child *self) {
  if (!self->exited || self->streams[0].open || self->streams[1].open) return;
  /* It was told to stop: whoever of its group has outlived it, and closed its output, is not waited for. */
  if (self->terminated) kill_group(self);
  close_all(self);
}

static void on_linger_end(uv_timer_t *timer);

static void on_grace_end(uv_timer_t *timer) {
  child *self = timer->data;
  kill_group(self);
  if (self->exited) start_timer(self, on_linger_end, linger_ms);
}

void child_stop(child *self, child_stop_reason reason) {
  if (self->stop != CHILD_RUNS || self->closing) return;
  self->stop = reason;
  if (self->exited) { /* only a descendant's hold on a pipe is being waited for */
    if (reason == CHILD_CANCELLED) close_all(self);
    return;
  }
  self->terminated = true;
  signal_group(self, SIGTERM);
  signal_group(self, SIGCONT); /* a stopped one could not obey */
  start_timer(self, on_grace_end, milliseconds(self->plan.grace));
}

static void on_deadline(uv_timer_t *timer) {
  child_stop(timer->data, CHILD_TIMED_OUT);
}

/* ---- output ---- */

/* Room for more output: the free end of the stream's memory, or the waste bin. */
static uv_buf_t room_in(child *self, child_stream *stream) {
  size_t free_bytes = stream->capacity - stream->size;
  if (stream->overflowed) return uv_buf_init(self->discarded, sizeof self->discarded);
  if (free_bytes < 4096) {
    size_t capacity = stream->capacity == 0 ? 8192 : stream->capacity * 2;
    char *data = realloc(stream->data, capacity);
    if (data == NULL) {
      stream->overflowed = true;
      child_stop(self, CHILD_NO_MEMORY);
      return uv_buf_init(self->discarded, sizeof self->discarded);
    }
    stream->data = data;
    stream->capacity = capacity;
    free_bytes = capacity - stream->size;
  }
  if (free_bytes > (1u << 30)) free_bytes = 1u << 30;
  return uv_buf_init(stream->data + stream->size, (unsigned)free_bytes);
}

static void take_output(child *self, child_stream *stream, size_t count) {
  if (stream->overflowed) return;
  stream->size += count;
  if (self->plan.on_output != NULL) self->plan.on_output(self->plan.owner);
  if (stream->size <= self->plan.max_output) return;
  stream->size = self->plan.max_output;
  stream->overflowed = true;
  child_stop(self, CHILD_TOO_LARGE);
}

static child_stream *stream_of(child *self, const void *handle) {
  return handle == (const void *)&self->streams[0].pipe ? &self->streams[0] : &self->streams[1];
}

static void on_room_wanted(uv_handle_t *handle, size_t suggested, uv_buf_t *room) {
  child *self = handle->data;
  (void)suggested;
  *room = room_in(self, stream_of(self, handle));
}

static void on_output(uv_stream_t *handle, ssize_t count, const uv_buf_t *room) {
  child *self = handle->data;
  child_stream *stream = stream_of(self, handle);
  (void)room;
  if (count > 0) take_output(self, stream, (size_t)count);
  if (count >= 0) return;
  close_stream(stream); /* its end, or an error, which is an end too */
  close_if_ended(self);
}

/* The loop may have been busy elsewhere for longer than the timer ran: what is in the pipe now counts. */
static void look_once_more(child *self, child_stream *stream) {
  uv_os_fd_t fd;
  if (!stream->open || uv_fileno((uv_handle_t *)&stream->pipe, &fd) != 0) return;
  for (size_t seen = 0; seen < last_look;) {
    uv_buf_t room = room_in(self, stream);
    ssize_t count = read(fd, room.base, room.len);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;
    take_output(self, stream, (size_t)count);
    seen += (size_t)count;
  }
}

static void on_linger_end(uv_timer_t *timer) {
  child *self = timer->data;
  look_once_more(self, &self->streams[0]);
  look_once_more(self, &self->streams[1]);
  close_all(self);
}

static void on_exited(uv_process_t *process, int64_t status, int number) {
  child *self = process->data;
  self->exited = true;
  self->exit_status = status;
  self->exit_signal = number;
  /* Its number may be given to another process from now on, unless others of its group still use it. */
  self->group_gone = kill(-process->pid, 0) != 0 && errno == ESRCH;
  close_input(self);
  /* While it is being stopped the grace goes on for the rest of its group, as long as they hold its output. */
  if (!self->terminated || self->killed || self->group_gone) {
    start_timer(self, on_linger_end, linger_ms);
  }
  close_if_ended(self);
}

/* ---- starting ---- */

/* A child that does not read what it is given, or closes its input, is within its rights: EPIPE ends the writing. */
static void on_written(uv_write_t *write, int status) {
  (void)status;
  close_input(write->data);
}

/* A real pipe, not libuv's socket pair: on a socket, a shell's `echo >/dev/stderr` fails. `ours` is opened into `pipe`;
** the child's end goes to *theirs. */
static int open_pipe(child *self, uv_loop_t *loop, uv_pipe_t *pipe, bool we_write, uv_file *theirs) {
  uv_file ends[2];
  int error = uv_pipe(ends, we_write ? 0 : UV_NONBLOCK_PIPE, we_write ? UV_NONBLOCK_PIPE : 0);
  if (error != 0) return error;
  *theirs = ends[we_write ? 0 : 1];
  uv_pipe_init(loop, pipe, 0);
  pipe->data = self;
  self->open_handles++;
  error = uv_pipe_open(pipe, ends[we_write ? 1 : 0]);
  if (error != 0) close(ends[we_write ? 1 : 0]);
  return error;
}

static int open_pipes(child *self, uv_loop_t *loop, uv_file theirs[3]) {
  int error = 0;
  if (self->plan.input != NULL) {
    error = open_pipe(self, loop, &self->input, true, &theirs[0]);
    self->input_open = theirs[0] != -1;
  }
  for (int i = 0; i < 2 && error == 0; i++) {
    error = open_pipe(self, loop, &self->streams[i].pipe, false, &theirs[i + 1]);
    self->streams[i].open = theirs[i + 1] != -1;
  }
  return error;
}

/* libuv marks its own files as not for children, but C's fopen, and with it Lua's io.open, does not: a daemon must not
** inherit a script's open files and locks. From the first child on that holds for files that the host was given itself,
** too. Kernels before 5.11 do not know the call: then they are inherited, as from any Lua program. */
static void keep_files_from_children(void) {
  (void)close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
}

static int start_process(child *self, uv_loop_t *loop, const uv_file theirs[3]) {
  uv_stdio_container_t stdio[3];
  memset(stdio, 0, sizeof stdio);
  for (int i = 0; i < 3; i++) {
    stdio[i].flags = theirs[i] == -1 ? UV_IGNORE : UV_INHERIT_FD;
    stdio[i].data.fd = theirs[i];
  }
  uv_process_options_t options;
  memset(&options, 0, sizeof options);
  options.exit_cb = on_exited;
  options.file = self->plan.argv[0];
  options.args = self->plan.argv;
  options.env = self->plan.environment;
  options.cwd = self->plan.directory;
  options.flags = UV_PROCESS_DETACHED;
  options.stdio = stdio;
  options.stdio_count = 3;
  keep_files_from_children();
  self->open_handles++; /* uv_spawn initialises the handle even when it fails */
  int error = uv_spawn(loop, &self->process, &options);
  self->process.data = self;
  return error;
}

static void feed_and_read(child *self) {
  if (self->input_open && self->plan.input_size == 0) close_input(self);
  if (self->input_open) {
    /* One uv_buf_t holds 4 GiB at most; the caller has checked. */
    uv_buf_t text = uv_buf_init((char *)self->plan.input, (unsigned)self->plan.input_size);
    self->write.data = self;
    if (uv_write(&self->write, (uv_stream_t *)&self->input, &text, 1, on_written) != 0) close_input(self);
  }
  for (int i = 0; i < 2; i++) uv_read_start((uv_stream_t *)&self->streams[i].pipe, on_room_wanted, on_output);
  if (self->plan.timeout >= 0) start_timer(self, on_deadline, milliseconds(self->plan.timeout));
}

child *child_spawn(uv_loop_t *loop, const child_plan *plan, int *error) {
  uv_file theirs[3] = {-1, -1, -1};
  child *self = calloc(1, sizeof *self);
  if (self == NULL) {
    *error = UV_ENOMEM;
    return NULL;
  }
  self->plan = *plan;
  uv_timer_init(loop, &self->timer);
  self->timer.data = self;
  self->open_handles = 1;
  *error = open_pipes(self, loop, theirs);
  bool spawned = false;
  if (*error == 0) {
    *error = start_process(self, loop, theirs);
    spawned = true;
  }
  for (int i = 0; i < 3; i++)
    if (theirs[i] != -1) close(theirs[i]);
  self->plan.argv = self->plan.environment = NULL; /* the caller's, and only for the start */
  self->plan.directory = NULL;
  if (*error == 0) {
    feed_and_read(self);
    return self;
  }
  self->orphaned = self->closing = true;
  close_input(self);
  close_stream(&self->streams[0]);
  close_stream(&self->streams[1]);
  close_handle(&self->timer);
  if (spawned) close_handle(&self->process);
  return NULL;
}

void child_release(child *self) {
  if (self == NULL) return;
  if (self->open_handles == 0) {
    child_free(self);
    return;
  }
  self->orphaned = true;
  self->plan.input = NULL;
  self->plan.on_output = NULL; /* nobody listens any more */
  if (self->closing) return;
  /* The input's memory goes with the owner. */
  close_input(self);
  if (self->exited)
    close_all(self);
  else
    kill_group(self);
}
