/* pty.c - a program on a pseudo-terminal, for specs: typed at and looked at byte by byte, on the host's own loop.
**
** Written with the public header alone, as any native module; never installed.
**
** Lua: local pty = require "fairlead.pty"
**      pty.start(columns, rows, arguments, environment) -> Pty     lists; setsid makes the terminal the controlling one
**      pty:read() -> string        what has come (waits); nil when no program has the terminal any more
**      pty:write(text) -> true     waits until the terminal has taken it all; nil, reason
**      pty:resize(columns, rows)   the kernel sends SIGWINCH
**      pty:wait() -> code, signal  waits for the program's end
**      pty:kill(signal)            to the program alone, not to its group
**      pty:modes() -> table        {echo=, icanon=, isig=, ixon=, icrnl=}: what the terminal does with what is typed
**      pty:pid() -> integer
**      pty:hang_up()               the terminal goes away, the program is left to itself; pty:wait() still waits for it
**      pty:close()                 ends both; also by <close> and the collector
**
** Owners: the userdata owns a `terminal`, whose memory goes when its handles (process, poll of the master) are
** closed, too.
*/
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <uv.h>

#include "fairlead.h"

#define PTY "pty.Pty"
#define MOST_WORDS 256

typedef struct box box;

typedef struct {
  uv_process_t process;
  uv_poll_t poll;
  int master;
  int users; /* its two handles, and the userdata */
  bool running;
  int64_t code;
  int signal;
  box *box; /* NULL: the userdata is gone */
} terminal;

struct box {
  terminal *terminal; /* NULL: closed */
  fl_wait reading, writing, waiting;
  bool is_reading, is_writing, is_waiting;
  const char *left; /* of what is written: on the writing task's stack */
  size_t left_length;
  int problem; /* errno of a write */
};

/* ---- in the loop ---- */

static void release(terminal *self) {
  if (--self->users == 0) free(self);
}

static void on_closed(uv_handle_t *handle) {
  release(handle->data);
}

static void on_poll_closed(uv_handle_t *handle) {
  terminal *self = handle->data;
  close(self->master);
  release(self);
}

static void watch(terminal *self);

static void end_reading(box *owner) {
  if (!owner->is_reading) return;
  owner->is_reading = false;
  if (owner->terminal != NULL) watch(owner->terminal);
  fl_wait_deliver(&owner->reading);
}

static void end_writing(box *owner, int problem) {
  if (!owner->is_writing) return;
  owner->is_writing = false;
  owner->problem = problem;
  if (owner->terminal != NULL) watch(owner->terminal);
  fl_wait_deliver(&owner->writing);
}

static void end_waiting(box *owner) {
  if (!owner->is_waiting) return;
  owner->is_waiting = false;
  fl_wait_deliver(&owner->waiting);
}

/* False: the terminal takes no more now. */
static bool write_some(box *owner) {
  while (owner->left_length > 0) {
    ssize_t count = write(owner->terminal->master, owner->left, owner->left_length);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) return false;
    if (count < 0) {
      owner->problem = errno;
      return true;
    }
    owner->left += count;
    owner->left_length -= (size_t)count;
  }
  owner->problem = 0;
  return true;
}

static void on_poll(uv_poll_t *poll, int status, int events) {
  const terminal *self = poll->data;
  box *owner = self->box;
  if (owner == NULL) return;
  if (owner->is_writing && (status < 0 || (events & UV_WRITABLE))) {
    if (status < 0)
      end_writing(owner, EIO);
    else if (write_some(owner))
      end_writing(owner, owner->problem);
  }
  if (owner->is_reading && (status < 0 || (events & (UV_READABLE | UV_DISCONNECT)))) end_reading(owner);
}

static void watch(terminal *self) {
  if (uv_is_closing((uv_handle_t *)&self->poll)) return;
  int events = (self->box->is_reading ? UV_READABLE | UV_DISCONNECT : 0) | (self->box->is_writing ? UV_WRITABLE : 0);
  if (events != 0)
    uv_poll_start(&self->poll, events, on_poll);
  else
    uv_poll_stop(&self->poll);
}

static void on_exited(uv_process_t *process, int64_t code, int number) {
  terminal *self = process->data;
  self->running = false;
  self->code = code;
  self->signal = number;
  if (self->box != NULL) end_waiting(self->box);
  uv_close((uv_handle_t *)process, on_closed);
}

/* ---- beginning and end ---- */

static void pty_end(box *owner) {
  terminal *self = owner->terminal;
  if (self == NULL) return;
  owner->terminal = NULL;
  self->box = NULL;
  if (!uv_is_closing((uv_handle_t *)&self->poll)) uv_close((uv_handle_t *)&self->poll, on_poll_closed);
  if (self->running) { /* its exit closes the process handle: uv must not be left with a zombie */
    uv_process_kill(&self->process, SIGKILL);
    uv_unref((uv_handle_t *)&self->process);
  }
  end_reading(owner);
  end_writing(owner, EIO);
  end_waiting(owner);
  release(self);
}

static fl_nret pty_close(lua_State *L) {
  pty_end(luaL_checkudata(L, 1, PTY));
  return 0;
}

static fl_nret pty_gc(lua_State *L) {
  box *owner = luaL_checkudata(L, 1, PTY);
  fl_wait_abandon(&owner->reading);
  fl_wait_abandon(&owner->writing);
  fl_wait_abandon(&owner->waiting);
  pty_end(owner);
  return 0;
}

static void set_size(int fd, lua_Integer columns, lua_Integer rows) {
  struct winsize size = {.ws_col = (unsigned short)columns, .ws_row = (unsigned short)rows};
  ioctl(fd, TIOCSWINSZ, &size);
}

/* Opens master and slave; the slave, or -1. */
static int open_pair(terminal *self, lua_Integer columns, lua_Integer rows) {
  char name[128];
  self->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
  if (self->master < 0 || grantpt(self->master) != 0 || unlockpt(self->master) != 0) return -1;
  set_size(self->master, columns, rows);
  if (ptsname_r(self->master, name, sizeof name) != 0) return -1;
  return open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
}

static void take_words(lua_State *L, int index, char *words[MOST_WORDS]) {
  lua_Integer count = luaL_len(L, index);
  luaL_argcheck(L, count < MOST_WORDS, index, "too many words");
  for (lua_Integer i = 0; i < count; i++) {
    lua_geti(L, index, i + 1);
    words[i] = (char *)luaL_checkstring(L, -1); /* the list keeps it alive */
    lua_pop(L, 1);
  }
  words[count] = NULL;
}

/* 0, or an error of libuv's. The loop owns `self` when its handles are begun. */
static int start(uv_loop_t *loop, terminal *self, int slave, char **words, char **environment) {
  uv_stdio_container_t stdio[3];
  for (int i = 0; i < 3; i++) stdio[i] = (uv_stdio_container_t){.flags = UV_INHERIT_FD, .data.fd = slave};
  uv_process_options_t options = {
      .file = words[0], .args = words, .env = environment, .stdio = stdio, .stdio_count = 3, .exit_cb = on_exited};
  uv_poll_init(loop, &self->poll, self->master);
  self->poll.data = self->process.data = self;
  self->users = 2;
  int status = uv_spawn(loop, &self->process, &options);
  self->running = status == 0;
  if (status == 0) return 0;
  uv_close((uv_handle_t *)&self->process, on_closed);
  uv_close((uv_handle_t *)&self->poll, on_poll_closed);
  return status;
}

/* pty.start(columns: integer, rows: integer, arguments: list, environment: list)
**     -> Pty
**     raises when the program cannot be started */
static fl_nret pty_start(lua_State *L) {
  char *words[MOST_WORDS], *environment[MOST_WORDS];
  lua_Integer columns = luaL_checkinteger(L, 1), rows = luaL_checkinteger(L, 2);
  take_words(L, 3, words);
  take_words(L, 4, environment);
  luaL_argcheck(L, words[0] != NULL, 3, "a program expected");
  box *owner = lua_newuserdatauv(L, sizeof *owner, 0);
  memset(owner, 0, sizeof *owner);
  luaL_setmetatable(L, PTY);
  terminal *self = calloc(1, sizeof *self);
  if (self == NULL) return luaL_error(L, "not enough memory");
  int slave = open_pair(self, columns, rows);
  if (slave < 0) {
    int problem = errno;
    if (self->master >= 0) close(self->master);
    free(self);
    return luaL_error(L, "no pseudo-terminal: %s", strerror(problem));
  }
  int status = start(fl_host_loop(fl_host_of(L)), self, slave, words, environment);
  close(slave);
  if (status != 0) return luaL_error(L, "cannot start %s: %s", words[0], uv_strerror(status));
  self->users++;
  owner->terminal = self;
  self->box = owner;
  return 1;
}

/* ---- in the task ---- */

static box *check_pty(lua_State *L) {
  box *owner = luaL_checkudata(L, 1, PTY);
  luaL_argcheck(L, owner->terminal != NULL, 1, "pty is closed");
  return owner;
}

#define OWNER(wait, member) ((box *)((char *)(wait)-offsetof(box, member)))

static fl_nret read_resume(lua_State *L, fl_wait *wait) {
  const box *owner = OWNER(wait, reading);
  char piece[65536];
  bool gone = owner->terminal == NULL || uv_is_closing((const uv_handle_t *)&owner->terminal->poll);
  ssize_t count = gone ? 0 : read(owner->terminal->master, piece, sizeof piece);
  if (count > 0)
    lua_pushlstring(L, piece, (size_t)count);
  else if (count < 0 && (errno == EAGAIN || errno == EINTR))
    lua_pushliteral(L, "");
  else
    lua_pushnil(L); /* EIO: no program has the terminal open */
  return 1;
}

static void read_abandon(fl_wait *wait) {
  end_reading(OWNER(wait, reading));
}

static fl_nret pty_read(lua_State *L) {
  box *owner = luaL_checkudata(L, 1, PTY);
  fl_wait_check(L, "pty:read");
  if (owner->terminal == NULL) return 0; /* closed: nothing comes any more */
  if (owner->is_reading) return luaL_error(L, "another task reads this terminal");
  owner->reading = (fl_wait){0};
  owner->is_reading = true;
  watch(owner->terminal);
  return fl_wait_begin(L, &owner->reading, "pty:read", read_abandon, read_resume);
}

static fl_nret push_written(lua_State *L, const box *owner) {
  if (owner->problem == 0) {
    lua_pushboolean(L, true);
    return 1;
  }
  lua_pushnil(L);
  lua_pushstring(L, strerror(owner->problem));
  return 2;
}

static fl_nret write_resume(lua_State *L, fl_wait *wait) {
  return push_written(L, OWNER(wait, writing));
}

static void write_abandon(fl_wait *wait) {
  end_writing(OWNER(wait, writing), EINTR);
}

static fl_nret pty_write(lua_State *L) {
  box *owner = check_pty(L);
  const char *text = luaL_checklstring(L, 2, NULL);
  fl_wait_check(L, "pty:write");
  if (owner->is_writing) return luaL_error(L, "another task writes to this terminal");
  owner->left = text;
  owner->left_length = lua_rawlen(L, 2);
  if (write_some(owner)) return push_written(L, owner);
  owner->writing = (fl_wait){0};
  owner->is_writing = true;
  watch(owner->terminal);
  return fl_wait_begin(L, &owner->writing, "pty:write", write_abandon, write_resume);
}

static fl_nret wait_resume(lua_State *L, fl_wait *wait) {
  const box *owner = OWNER(wait, waiting);
  if (owner->terminal == NULL) return 0;
  lua_pushinteger(L, owner->terminal->code);
  lua_pushinteger(L, owner->terminal->signal);
  return 2;
}

static void wait_abandon(fl_wait *wait) {
  end_waiting(OWNER(wait, waiting));
}

static fl_nret pty_wait(lua_State *L) {
  box *owner = check_pty(L);
  fl_wait_check(L, "pty:wait");
  if (owner->is_waiting) return luaL_error(L, "another task waits for this program");
  if (!owner->terminal->running) return wait_resume(L, &owner->waiting);
  owner->waiting = (fl_wait){0};
  owner->is_waiting = true;
  return fl_wait_begin(L, &owner->waiting, "pty:wait", wait_abandon, wait_resume);
}

static fl_nret pty_hang_up(lua_State *L) {
  box *owner = check_pty(L);
  uv_poll_t *poll = &owner->terminal->poll;
  if (!uv_is_closing((uv_handle_t *)poll)) uv_close((uv_handle_t *)poll, on_poll_closed);
  end_reading(owner);
  end_writing(owner, EIO);
  return 0;
}

static fl_nret pty_resize(lua_State *L) {
  set_size(check_pty(L)->terminal->master, luaL_checkinteger(L, 2), luaL_checkinteger(L, 3));
  return 0;
}

static fl_nret pty_kill(lua_State *L) {
  terminal *self = check_pty(L)->terminal;
  if (self->running) uv_process_kill(&self->process, (int)luaL_checkinteger(L, 2));
  return 0;
}

static fl_nret pty_pid(lua_State *L) {
  lua_pushinteger(L, check_pty(L)->terminal->process.pid);
  return 1;
}

static void push_mode(lua_State *L, const char *name, bool on) {
  lua_pushboolean(L, on);
  lua_setfield(L, -2, name);
}

static fl_nret pty_modes(lua_State *L) {
  struct termios modes;
  if (tcgetattr(check_pty(L)->terminal->master, &modes) != 0) return luaL_error(L, "no modes: %s", strerror(errno));
  lua_newtable(L);
  push_mode(L, "echo", modes.c_lflag & ECHO);
  push_mode(L, "icanon", modes.c_lflag & ICANON);
  push_mode(L, "isig", modes.c_lflag & ISIG);
  push_mode(L, "ixon", modes.c_iflag & IXON);
  push_mode(L, "icrnl", modes.c_iflag & ICRNL);
  return 1;
}

static const luaL_Reg pty_methods[] = {
    {"read", pty_read},       /* what the program wrote */
    {"write", pty_write},     /* what somebody types */
    {"resize", pty_resize},   /* columns and rows */
    {"wait", pty_wait},       /* for the end */
    {"kill", pty_kill},       /* a signal */
    {"pid", pty_pid},         /* the program's */
    {"modes", pty_modes},     /* the line discipline's */
    {"hang_up", pty_hang_up}, /* the terminal alone */
    {"close", pty_close},     /* all */
    {NULL, NULL},
};

static const luaL_Reg pty_meta[] = {
    {"__close", pty_close},
    {"__gc", pty_gc},
    {NULL, NULL},
};

static const luaL_Reg pty_functions[] = {
    {"start", pty_start}, /* a program */
    {NULL, NULL},
};

FL_API int luaopen_fairlead_pty(lua_State *L);

int luaopen_fairlead_pty(lua_State *L) {
  luaL_newmetatable(L, PTY);
  luaL_setfuncs(L, pty_meta, 0);
  luaL_newlib(L, pty_methods);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
  luaL_newlib(L, pty_functions);
  return 1;
}
