/* terminal.c - lines from standard input that a task can wait for, and what is known of a terminal.
**
** Lua: fairlead.terminal.native: read_line(), discard(), is_tty(fd), size(fd); modules/terminal/init.lua is what scripts get.
**
** Standard input is never made non-blocking: that flag belongs to the open file, which the shell and standard output
** share, and would outlive the program. Instead an epoll instance holds descriptor 0 and the loop watches that
** instance; one read() follows each time it says that there is something. Files, which epoll refuses, never block.
**
** Owner: a reader is the loop's, made when a read begins and freed by its close callback, after which the task goes on.
** The waiting task's userdata points to it. What was read past a line's end is kept in a userdata in the registry.
*/
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include <uv.h>

#include "fairlead.h"

#define INPUT "terminal.Input"
#define READ "terminal.Read"
#define LONGEST_LINE 65536

typedef struct reader reader;

typedef struct {
  size_t length;  /* bytes of `text` that no line was made of yet */
  bool ended;     /* end of the input */
  reader *reader; /* the one that waits for a line; a second one could block in read() */
  char text[LONGEST_LINE];
} input_box;

typedef struct {
  fl_wait wait; /* first: the address of the wait is the address of the box */
  input_box *input;
  reader *reader; /* NULL when none is under way */
  int error;      /* errno, or a libuv error below 0; 0 when all is well */
} read_box;

struct reader {
  uv_poll_t poll;
  int epoll;
  read_box *box; /* NULL: its task is gone */
};

/* ---- in the loop ---- */

static void on_closed(uv_handle_t *handle) {
  reader *self = handle->data;
  read_box *box = self->box;
  close(self->epoll);
  free(self);
  if (box == NULL) return;
  box->reader = box->input->reader = NULL;
  fl_wait_deliver(&box->wait);
}

static void reader_stop(reader *self) {
  if (!uv_is_closing((uv_handle_t *)&self->poll)) uv_close((uv_handle_t *)&self->poll, on_closed);
}

/* One read into what is left of the buffer. A buffer that is full without a line's end is given as it is. */
static void take_input(read_box *box) {
  input_box *input = box->input;
  ssize_t count;
  do count = read(STDIN_FILENO, input->text + input->length, sizeof input->text - input->length);
  while (count < 0 && errno == EINTR);
  if (count < 0)
    box->error = errno;
  else if (count == 0)
    input->ended = true;
  else
    input->length += (size_t)count;
}

static bool has_line(const input_box *input) {
  return input->ended || input->length == sizeof input->text || memchr(input->text, '\n', input->length) != NULL;
}

static void on_readable(uv_poll_t *poll, int status, int events) {
  reader *self = poll->data;
  (void)events;
  if (self->box == NULL) return;
  if (status < 0)
    self->box->error = status;
  else
    take_input(self->box);
  if (self->box->error == EAGAIN) self->box->error = 0; /* somebody else took it; wait on */
  if (self->box->error != 0 || has_line(self->box->input)) reader_stop(self);
}

static void abandon_read(fl_wait *wait) {
  read_box *box = (read_box *)wait;
  if (box->reader != NULL) reader_stop(box->reader);
}

/* ---- in the task ---- */

static fl_nret read_gc(lua_State *L) {
  read_box *box = luaL_checkudata(L, 1, READ);
  fl_wait_abandon(&box->wait);
  if (box->reader != NULL) {
    box->reader->box = NULL;
    reader_stop(box->reader);
    box->reader = box->input->reader = NULL;
  }
  return 0;
}

static fl_nret push_line(lua_State *L, input_box *input) {
  const char *end = memchr(input->text, '\n', input->length);
  size_t length = end != NULL ? (size_t)(end - input->text) : input->length;
  size_t used = end != NULL ? length + 1 : length;
  if (used == 0) {
    lua_pushnil(L);
    return 1;
  }
  if (end != NULL && length > 0 && input->text[length - 1] == '\r') length--;
  lua_pushlstring(L, input->text, length);
  input->length -= used;
  memmove(input->text, input->text + used, input->length);
  return 1;
}

static fl_nret finish_read(lua_State *L, read_box *box) {
  if (box->error == 0) return push_line(L, box->input);
  return fl_error_raise(L, "terminal.read", "cannot read standard input: %s",
                        box->error < 0 ? uv_strerror(box->error) : strerror(box->error));
}

static fl_nret read_resume(lua_State *L, fl_wait *wait) {
  return finish_read(L, (read_box *)wait);
}

/* Watches descriptor 0. False: it cannot be watched (a file, /dev/null), and a read will not block. */
static bool reader_start(lua_State *L, read_box *box) {
  struct epoll_event event = {.events = EPOLLIN};
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0) {
    box->error = errno;
    return true;
  }
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, STDIN_FILENO, &event) != 0) {
    int problem = errno;
    close(epoll);
    if (problem == EPERM) return false;
    box->error = problem;
    return true;
  }
  reader *self = calloc(1, sizeof *self);
  int status = self != NULL ? uv_poll_init(fl_host_loop(fl_host_of(L)), &self->poll, epoll) : UV_ENOMEM;
  if (status < 0) {
    free(self);
    close(epoll);
    box->error = status;
    return true;
  }
  self->poll.data = self;
  self->epoll = epoll;
  self->box = box;
  box->reader = box->input->reader = self;
  status = uv_poll_start(&self->poll, UV_READABLE, on_readable);
  if (status < 0) {
    box->error = status;
    reader_stop(self);
  }
  return true;
}

static input_box *push_input(lua_State *L) {
  if (lua_getfield(L, LUA_REGISTRYINDEX, INPUT) == LUA_TUSERDATA) return lua_touserdata(L, -1);
  lua_pop(L, 1);
  input_box *input = lua_newuserdatauv(L, sizeof *input, 0);
  memset(input, 0, sizeof *input);
  lua_pushvalue(L, -1);
  lua_setfield(L, LUA_REGISTRYINDEX, INPUT);
  return input;
}

/* native.read_line()
**     -> string, without the line's end; at most 64 KiB
**     -> nil at the end of the input
**     waits
**     raises kind "terminal.read"; misuse while another task reads */
static fl_nret terminal_read_line(lua_State *L) {
  lua_settop(L, 0);
  fl_wait_check(L, "terminal.read_line");
  input_box *input = push_input(L);
  if (input->reader != NULL) return luaL_error(L, "terminal.read_line: another task is reading already");
  read_box *box = lua_newuserdatauv(L, sizeof *box, 0);
  memset(box, 0, sizeof *box);
  luaL_setmetatable(L, READ);
  box->input = input;
  while (!has_line(input) && box->error == 0) {
    if (reader_start(L, box)) break;
    take_input(box);
  }
  if (box->reader == NULL) return finish_read(L, box);
  return fl_wait_begin(L, &box->wait, "terminal.read_line", abandon_read, read_resume);
}

/* native.discard()
**     -> (nothing); what was typed and not read yet is gone. Input that is no terminal stays */
static fl_nret terminal_discard(lua_State *L) {
  if (!isatty(STDIN_FILENO)) return 0;
  push_input(L)->length = 0;
  tcflush(STDIN_FILENO, TCIFLUSH);
  return 0;
}

/* native.is_tty(fd: integer)
**     -> boolean */
static fl_nret terminal_is_tty(lua_State *L) {
  lua_pushboolean(L, isatty((int)luaL_checkinteger(L, 1)));
  return 1;
}

/* native.size(fd: integer|nil)
**     -> columns, rows
**     -> nil when fd is no terminal, or one that does not know its size */
static fl_nret terminal_size(lua_State *L) {
  struct winsize size;
  int fd = (int)luaL_optinteger(L, 1, STDOUT_FILENO);
  if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) {
    lua_pushnil(L);
    return 1;
  }
  lua_pushinteger(L, size.ws_col);
  lua_pushinteger(L, size.ws_row);
  return 2;
}

static const luaL_Reg terminal_functions[] = {
    {"read_line", terminal_read_line}, /* from standard input */
    {"discard", terminal_discard},     /* what was typed ahead */
    {"is_tty", terminal_is_tty},       /* a descriptor */
    {"size", terminal_size},           /* columns and rows */
    {NULL, NULL},
};

FL_API int luaopen_fairlead_terminal_native(lua_State *L);

int luaopen_fairlead_terminal_native(lua_State *L) {
  luaL_newmetatable(L, READ);
  lua_pushcfunction(L, read_gc);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 1);
  luaL_newlib(L, terminal_functions);
  return 1;
}
