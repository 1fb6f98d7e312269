/* process.c - programs run as child processes: no shell, an argument list, bounded output.
**
** Lua: fairlead.process.native: run(options, overrides) -> result; which(name, path) -> path. modules/process/init.lua
** adds the host's environment overlays and result:check().
** Owner: a "process.Child" userdata on the waiting task's stack owns the child (child.c); its user values keep the text
** that goes to standard input, and the function that hears of output.
*/
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "child.h"
#include "fairlead.h"

#define CHILD "process.Child"
#define RESULT "process.Result"

#define DEFAULT_MAX_OUTPUT (16 << 20)
#define DEFAULT_GRACE 5.0

/* process_run's stack; what the child needs at its start stays alive there. FAILURE: what the listener raised. */
enum { OPTIONS = 1, OVERRIDES, BOX, ARGUMENTS, ENVIRONMENT, POINTERS, FAILURE };

enum { INPUT = 1, LISTENER }; /* user values of a child_box */

typedef struct child_box {
  fl_wait wait; /* first: an fl_wait of ours is a child_box */
  child *child; /* NULL: closed */
  bool ended;
  size_t told[2]; /* bytes of each stream that the listener has heard */
} child_box;

static fl_nret child_close(lua_State *L) {
  child_box *box = luaL_checkudata(L, 1, CHILD);
  fl_wait_abandon(&box->wait);
  child_release(box->child);
  box->child = NULL;
  return 0;
}

/* ---- options ---- */

/* As luaL_argerror, but for the Lua function process.run, which calls this half: it names that and blames its caller. */
static int option_error(lua_State *L, const char *format, const char *a, const char *b) {
  luaL_where(L, 2);
  lua_pushliteral(L, "bad argument #1 to 'process.run' (");
  lua_pushfstring(L, format, a, b);
  lua_pushliteral(L, ")");
  lua_concat(L, 4);
  return lua_error(L);
}

static void check_names(lua_State *L) {
  static const char *const names[] = {"cwd",        "env",      "stdin",     "timeout", "grace",
                                      "max_output", "harmless", "on_output", NULL};
  lua_Integer count = luaL_len(L, OPTIONS);
  lua_pushnil(L);
  while (lua_next(L, OPTIONS)) {
    int i = 0;
    lua_pop(L, 1);
    if (lua_isinteger(L, -1) && lua_tointeger(L, -1) >= 1 && lua_tointeger(L, -1) <= count) continue;
    if (lua_type(L, -1) == LUA_TSTRING) {
      while (names[i] != NULL && strcmp(names[i], lua_tostring(L, -1)) != 0) i++;
      if (names[i] != NULL) continue;
    }
    lua_pushvalue(L, -1); /* lua_next must find its key as it was */
    option_error(L, "unknown option '%s'; known are cwd, env, stdin, timeout, grace, max_output, harmless, on_output%s",
                 luaL_tolstring(L, -1, NULL), "");
  }
}

static double number_option(lua_State *L, const char *name, double otherwise) {
  double value = otherwise;
  if (lua_getfield(L, OPTIONS, name) != LUA_TNIL) {
    int is_number;
    value = lua_tonumberx(L, -1, &is_number);
    if (lua_type(L, -1) != LUA_TNUMBER || !is_number) {
      option_error(L, "%s: number expected, got %s", name, luaL_typename(L, -1));
    }
    if (isnan(value) || value < 0) option_error(L, "%s: must not be negative%s", name, "");
  }
  lua_pop(L, 1);
  return value;
}

/* The argument list as strings, in a table of their own. */
static size_t push_arguments(lua_State *L) {
  lua_Integer count = luaL_len(L, OPTIONS);
  if (count < 1) option_error(L, "a program's name expected at [1]%s%s", "", "");
  if (count > 1000000) option_error(L, "too many arguments%s%s", "", "");
  lua_createtable(L, (int)count, 0);
  for (lua_Integer i = 1; i <= count; i++) {
    size_t length;
    lua_geti(L, OPTIONS, i);
    lua_pushinteger(L, i);
    const char *place = lua_tostring(L, -1);
    if (fl_secret_test(L, -2, &length) != NULL) {
      option_error(L,
                   "[%s]: a secret among the arguments could be seen by every user of the machine; "
                   "pass it in env or stdin%s",
                   place, "");
    }
    if (lua_type(L, -2) != LUA_TSTRING && lua_type(L, -2) != LUA_TNUMBER) {
      option_error(L, "[%s]: string expected, got %s", place, luaL_typename(L, -2));
    }
    const char *text = lua_tolstring(L, -2, &length);
    if (strlen(text) != length) option_error(L, "[%s]: an argument cannot hold a zero byte%s", place, "");
    if (i == 1 && length == 0) option_error(L, "[1]: the program's name is empty%s%s", "", "");
    lua_pop(L, 1);
    lua_seti(L, ARGUMENTS, i);
  }
  return (size_t)count;
}

/* ---- the child's environment ---- */

/* In the table at ENVIRONMENT: name -> "name=value", as a string or, for a secret, as a userdata. */
static void set_variable(lua_State *L, const char *name, const char *value, size_t length, bool secret) {
  if (!secret) {
    lua_pushfstring(L, "%s=%s", name, value);
  } else {
    char *text = lua_newuserdatauv(L, strlen(name) + length + 2, 0);
    stpcpy(stpcpy(stpcpy(text, name), "="), value);
  }
  lua_setfield(L, ENVIRONMENT, name);
}

static void inherit_environment(lua_State *L) {
  for (char **entry = environ; *entry != NULL; entry++) {
    const char *equals = strchr(*entry, '=');
    if (equals == NULL || equals == *entry) continue;
    lua_pushlstring(L, *entry, (size_t)(equals - *entry));
    lua_pushvalue(L, -1);
    if (lua_gettable(L, ENVIRONMENT) == LUA_TNIL) { /* of two of one name getenv sees the first */
      lua_pop(L, 1);
      lua_pushstring(L, *entry);
      lua_settable(L, ENVIRONMENT);
    } else {
      lua_pop(L, 2);
    }
  }
}

/* A table of changes at `index`: name -> string, number or secret; false takes the variable away. */
static void change_environment(lua_State *L, int index) {
  lua_pushnil(L);
  while (lua_next(L, index)) {
    size_t length, name_length;
    if (lua_type(L, -2) != LUA_TSTRING)
      option_error(L, "env: names must be strings, got %s%s", luaL_typename(L, -2), "");
    const char *name = lua_tolstring(L, -2, &name_length);
    if (name_length == 0 || strlen(name) != name_length || strchr(name, '=') != NULL) {
      option_error(L, "env: '%s' is no name for a variable%s", name, "");
    }
    const char *secret = fl_secret_test(L, -1, &length);
    if (secret == NULL && lua_type(L, -1) == LUA_TBOOLEAN && !lua_toboolean(L, -1)) {
      lua_pushnil(L);
      lua_setfield(L, ENVIRONMENT, name);
      lua_pop(L, 1);
      continue;
    }
    if (secret == NULL && lua_type(L, -1) != LUA_TSTRING && lua_type(L, -1) != LUA_TNUMBER) {
      option_error(L, "env: %s: string, secret or false expected, got %s", name, luaL_typename(L, -1));
    }
    const char *value = secret != NULL ? secret : lua_tolstring(L, -1, &length);
    if (strlen(value) != length) option_error(L, "env: %s: a value cannot hold a zero byte%s", name, "");
    set_variable(L, name, value, length, secret != NULL);
    lua_pop(L, 1);
  }
}

static size_t push_environment(lua_State *L) {
  size_t count = 0;
  lua_createtable(L, 0, 64);
  inherit_environment(L);
  if (lua_istable(L, OVERRIDES)) change_environment(L, OVERRIDES);
  int type = lua_getfield(L, OPTIONS, "env");
  if (type == LUA_TTABLE)
    change_environment(L, lua_gettop(L));
  else if (type != LUA_TNIL)
    option_error(L, "env: table expected, got %s%s", luaL_typename(L, -1), "");
  lua_pop(L, 1);
  lua_pushnil(L);
  while (lua_next(L, ENVIRONMENT)) {
    count++;
    lua_pop(L, 1);
  }
  return count;
}

/* argv and envp as C wants them, in one userdata; the texts stay in the tables below it. */
static void push_pointers(lua_State *L, size_t arguments, size_t variables, child_plan *plan) {
  char **pointers = lua_newuserdatauv(L, (arguments + variables + 2) * sizeof *pointers, 0);
  plan->argv = pointers;
  for (size_t i = 1; i <= arguments; i++) {
    lua_geti(L, ARGUMENTS, (lua_Integer)i);
    *pointers++ = (char *)lua_tostring(L, -1);
    lua_pop(L, 1);
  }
  *pointers++ = NULL;
  plan->environment = pointers;
  lua_pushnil(L);
  while (lua_next(L, ENVIRONMENT)) {
    bool secret = lua_type(L, -1) == LUA_TUSERDATA;
    *pointers++ = secret ? lua_touserdata(L, -1) : (char *)lua_tostring(L, -1);
    lua_pop(L, 1);
  }
  *pointers = NULL;
}

static void read_input(lua_State *L, child_plan *plan) {
  if (lua_getfield(L, OPTIONS, "stdin") == LUA_TNIL) {
    lua_pop(L, 1);
    return;
  }
  plan->input = fl_secret_test(L, -1, &plan->input_size);
  if (plan->input == NULL && lua_type(L, -1) != LUA_TSTRING) {
    option_error(L, "stdin: string or secret expected, got %s%s", luaL_typename(L, -1), "");
  }
  if (plan->input == NULL) plan->input = lua_tolstring(L, -1, &plan->input_size);
  if (plan->input_size > 0xffffffffu) option_error(L, "stdin: more than 4 GiB%s%s", "", "");
  lua_setiuservalue(L, BOX, INPUT);
}

/* The task then goes on whatever happens, for the child is still there: run_resume waits again, and is cancelled there.
** Who is cancelled already waits for the child's end. */
static void on_child_output(void *owner) {
  child_box *box = owner;
  if (box->wait.abandoned || box->wait.delivered) return; /* delivered: the listener runs, run_resume looks then */
  box->wait.shielded = true;
  fl_wait_deliver(&box->wait);
}

static void read_listener(lua_State *L, child_plan *plan) {
  int type = lua_getfield(L, OPTIONS, "on_output");
  if (type != LUA_TNIL && type != LUA_TFUNCTION) {
    option_error(L, "on_output: function expected, got %s%s", luaL_typename(L, -1), "");
  }
  if (type == LUA_TFUNCTION) plan->on_output = on_child_output;
  lua_setiuservalue(L, BOX, LISTENER);
}

static void read_directory(lua_State *L, child_plan *plan) {
  int type = lua_getfield(L, OPTIONS, "cwd");
  if (type != LUA_TNIL && type != LUA_TSTRING) {
    option_error(L, "cwd: string expected, got %s%s", luaL_typename(L, -1), "");
  }
  plan->directory = lua_tostring(L, -1); /* options keeps it: nothing runs between here and the start */
  lua_pop(L, 1);
}

static void read_options(lua_State *L, child_plan *plan) {
  memset(plan, 0, sizeof *plan);
  check_names(L);
  plan->timeout = number_option(L, "timeout", -1);
  plan->grace = number_option(L, "grace", DEFAULT_GRACE);
  double max_output = number_option(L, "max_output", DEFAULT_MAX_OUTPUT);
  plan->max_output = max_output > 1e15 ? (size_t)1e15 : (size_t)max_output;
  size_t arguments = push_arguments(L);
  size_t variables = push_environment(L);
  push_pointers(L, arguments, variables, plan);
  read_input(L, plan);
  read_listener(L, plan);
  read_directory(L, plan);
}

/* ---- failing ---- */

/* An error object for process.run of the program that the options name. */
static void push_failure(lua_State *L, const char *kind, const char *message) {
  fl_error_push(L, kind, "%s", message);
  lua_pushliteral(L, "process.run");
  lua_setfield(L, -2, "op");
  lua_geti(L, ARGUMENTS, 1);
  lua_setfield(L, -2, "target");
}

static int raise_with_hint(lua_State *L, const char *kind, const char *message, const char *hint) {
  push_failure(L, kind, message);
  lua_pushstring(L, hint);
  lua_setfield(L, -2, "hint");
  return lua_error(L);
}

static int raise_not_found(lua_State *L, const char *program) {
  if (strchr(program, '/') == NULL) {
    return raise_with_hint(L, "process.not_found", "program not found",
                           "install it, or add its folder to the PATH variable");
  }
  if (access(program, F_OK) == 0) {
    return raise_with_hint(L, "process.not_found", "the interpreter that its first line names does not exist",
                           "correct the script's #! line, or install the interpreter");
  }
  return raise_with_hint(L, "process.not_found", "no such file", "check the path");
}

/* uv_spawn has one error for a missing folder and a missing program; whoever reads the message needs to know which. */
static void check_directory(lua_State *L, const char *directory) {
  struct stat status;
  if (directory == NULL || (stat(directory, &status) == 0 && S_ISDIR(status.st_mode))) return;
  lua_pushfstring(L, "cannot run in '%s': no such folder", directory);
  raise_with_hint(L, "process.no_directory", lua_tostring(L, -1), "create it, or correct cwd");
}

static int raise_start_error(lua_State *L, const child_plan *plan, int error) {
  lua_geti(L, ARGUMENTS, 1);
  const char *program = lua_tostring(L, -1);
  if (error == UV_ENOENT || error == UV_ENOTDIR) return raise_not_found(L, program);
  if (error == UV_EACCES && (plan->directory == NULL || access(plan->directory, X_OK) == 0)) {
    return raise_with_hint(L, "process.not_executable", "no permission to execute it", "chmod +x, or check the mount");
  }
  if (error == UV_EMFILE || error == UV_ENFILE) {
    return raise_with_hint(L, "process.start", "too many open files", "run fewer at once, or raise ulimit -n");
  }
  if (error == UV_E2BIG) {
    return raise_with_hint(L, "process.start", "its arguments and environment are too long for the system",
                           "pass the data in stdin or a file");
  }
  lua_pushfstring(L, "cannot be started: %s", uv_strerror(error));
  push_failure(L, "process.start", lua_tostring(L, -1));
  return lua_error(L);
}

/* ---- running ---- */

static const char *const stream_names[] = {"stdout", "stderr"};

static void on_child_end(void *owner) {
  child_box *box = owner;
  box->ended = true;
  fl_wait_deliver(&box->wait);
}

static void run_abandon(fl_wait *wait) {
  child_stop(((child_box *)wait)->child, CHILD_CANCELLED);
}

static int raise_too_large(lua_State *L, const child *ended) {
  lua_pushfstring(L, "wrote more than %I bytes to standard %s", (LUAI_UACINT)ended->plan.max_output,
                  ended->streams[0].overflowed ? "output" : "error");
  return raise_with_hint(L, "process.too_large", lua_tostring(L, -1), "raise max_output, or have it write to a file");
}

static void push_ending(lua_State *L, const child *ended) {
  bool timed_out = ended->stop == CHILD_TIMED_OUT;
  lua_Integer code = ended->exit_status;
  if (ended->exit_signal != 0) {
    const char *name = sigabbrev_np(ended->exit_signal);
    if (name != NULL)
      lua_pushstring(L, name);
    else
      lua_pushfstring(L, "%d", ended->exit_signal);
    lua_setfield(L, -2, "signal");
    code = 128 + ended->exit_signal;
  }
  lua_pushinteger(L, timed_out ? 124 : code);
  lua_setfield(L, -2, "code");
  if (timed_out) {
    lua_pushboolean(L, true);
    lua_setfield(L, -2, "timed_out");
  }
}

static fl_nret run_ended(lua_State *L, child_box *box) {
  const child *ended = box->child;
  if (ended->stop == CHILD_TOO_LARGE) return raise_too_large(L, ended);
  if (ended->stop == CHILD_NO_MEMORY) return luaL_error(L, "not enough memory");
  lua_createtable(L, 0, 6);
  luaL_setmetatable(L, RESULT);
  lua_geti(L, ARGUMENTS, 1);
  lua_setfield(L, -2, "program");
  push_ending(L, ended);
  for (int i = 0; i < 2; i++) {
    lua_pushlstring(L, ended->streams[i].data != NULL ? ended->streams[i].data : "", ended->streams[i].size);
    lua_setfield(L, -2, stream_names[i]);
  }
  child_release(box->child); /* its output may be large: not left to the collector */
  box->child = NULL;
  return 1;
}

static fl_nret run_resume(lua_State *L, fl_wait *wait);

static fl_nret run_failed(lua_State *L, fl_wait *wait) {
  const child_box *box = (child_box *)wait;
  lua_settop(L, FAILURE);
  if (!box->ended) return fl_wait_begin(L, wait, "process.run", run_abandon, run_failed); /* it was only more output */
  return lua_error(L);
}

/* What the listener raised, its cancellation too, is raised again when the child is gone. */
static fl_nret stop_for_failure(lua_State *L, child_box *box) {
  lua_replace(L, FAILURE);
  if (!box->ended) child_stop(box->child, CHILD_CANCELLED);
  box->wait.shielded = true;
  return run_failed(L, &box->wait);
}

static int run_told(lua_State *L, int status, lua_KContext context) {
  (void)context;
  child_box *box = luaL_checkudata(L, BOX, CHILD);
  if (status != LUA_OK && status != LUA_YIELD) return stop_for_failure(L, box);
  return run_resume(L, &box->wait);
}

/* Tells the listener what came since it last heard, then waits for more, or ends. */
static fl_nret run_resume(lua_State *L, fl_wait *wait) {
  child_box *box = (child_box *)wait;
  wait->shielded = false;
  for (int i = 0; box->child->plan.on_output != NULL && i < 2; i++) {
    const child_stream *stream = &box->child->streams[i];
    size_t from = box->told[i];
    if (stream->size <= from) continue;
    lua_settop(L, FAILURE);
    lua_getiuservalue(L, BOX, LISTENER);
    lua_pushlstring(L, stream->data + from, stream->size - from);
    lua_pushstring(L, stream_names[i]);
    box->told[i] = stream->size;
    int status = lua_pcallk(L, 2, 0, 0, 0, run_told);
    if (status != LUA_OK) return stop_for_failure(L, box);
    i = -1; /* meanwhile more may have come */
  }
  if (box->ended) return run_ended(L, box);
  return fl_wait_begin(L, &box->wait, "process.run", run_abandon, run_resume);
}

/* native.run(options: table, overrides: table|nil)
**     options: the argument list, cwd, env, stdin, timeout, grace, max_output, on_output; overrides: as env, under it
**     -> {code=, signal=, stdout=, stderr=, timed_out=}
**     raises process.not_found, .not_executable, .no_directory, .start, .too_large */
static fl_nret process_run(lua_State *L) {
  child_plan plan;
  int error;
  if (!lua_istable(L, OPTIONS)) option_error(L, "table expected, got %s%s", luaL_typename(L, OPTIONS), "");
  lua_settop(L, OVERRIDES);
  child_box *box = lua_newuserdatauv(L, sizeof *box, LISTENER);
  memset(box, 0, sizeof *box);
  luaL_setmetatable(L, CHILD);
  read_options(L, &plan);
  fl_wait_check(L, "process.run");
  check_directory(L, plan.directory);
  plan.on_end = on_child_end;
  plan.owner = box;
  box->child = child_spawn(fl_host_loop(fl_host_of(L)), &plan, &error);
  if (box->child == NULL) return raise_start_error(L, &plan, error);
  return fl_wait_begin(L, &box->wait, "process.run", run_abandon, run_resume);
}

/* The last line of what it said to standard error, "" for none; pushed. */
static void push_last_words(lua_State *L) {
  size_t length = 0;
  lua_getfield(L, 1, "stderr");
  const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &length) : "";
  while (length > 0 && strchr("\r\n \t", text[length - 1]) != NULL && text[length - 1] != '\0') length--;
  size_t start = length;
  while (start > 0 && text[start - 1] != '\n') start--;
  if (length - start > 300) start = length - 300;
  lua_pushlstring(L, text + start, length - start);
  lua_remove(L, -2);
}

/* Result:check()
**     -> the result itself, when the program ended with code 0
**     raises process.timeout or process.failed, with the last line of its standard error */
static fl_nret result_check(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  lua_getfield(L, 1, "code");
  lua_getfield(L, 1, "timed_out");
  lua_getfield(L, 1, "signal");
  bool timed_out = lua_toboolean(L, 3);
  if (!timed_out && lua_isinteger(L, 2) && lua_tointeger(L, 2) == 0) {
    lua_settop(L, 1);
    return 1;
  }
  push_last_words(L);
  const char *words = lua_tostring(L, 5);
  if (timed_out)
    lua_pushliteral(L, "ran out of time");
  else if (lua_isstring(L, 4))
    lua_pushfstring(L, "was ended by signal %s", lua_tostring(L, 4));
  else
    lua_pushfstring(L, "ended with code %s", luaL_tolstring(L, 2, NULL));
  fl_error_push(L, timed_out ? "process.timeout" : "process.failed", "%s%s%s", lua_tostring(L, -1),
                *words != '\0' ? ": " : "", words);
  lua_pushliteral(L, "process.run");
  lua_setfield(L, -2, "op");
  lua_getfield(L, 1, "program");
  lua_setfield(L, -2, "target");
  lua_pushvalue(L, 2);
  lua_setfield(L, -2, "code");
  return lua_error(L);
}

/* ---- finding ---- */

static bool is_program(const char *path) {
  struct stat status;
  return stat(path, &status) == 0 && S_ISREG(status.st_mode) && access(path, X_OK) == 0;
}

/* native.which(name: string, path: string)
**     path: folders, separated by colons; an empty one is the current folder
**     -> string, where that program is; nil when it is nowhere */
static fl_nret process_which(lua_State *L) {
  const char *name = luaL_checkstring(L, 1);
  const char *folder = luaL_checkstring(L, 2);
  if (*name == '\0') return 0;
  if (strchr(name, '/') != NULL) {
    if (!is_program(name)) return 0;
    lua_settop(L, 1);
    return 1;
  }
  for (;;) {
    size_t length = strcspn(folder, ":");
    lua_pushlstring(L, length > 0 ? folder : ".", length > 0 ? length : 1);
    lua_pushfstring(L, "%s/%s", lua_tostring(L, -1), name);
    if (is_program(lua_tostring(L, -1))) return 1;
    if (folder[length] == '\0') return 0;
    folder += length + 1;
    lua_pop(L, 2);
  }
}

static const luaL_Reg child_meta[] = {
    {"__close", child_close}, /* and the same for the collector */
    {"__gc", child_close},
    {NULL, NULL},
};
static const luaL_Reg result_methods[] = {
    {"check", result_check}, /* raises unless it ended well */
    {NULL, NULL},
};
static const luaL_Reg process_functions[] = {
    {"run", process_run},     /* runs a program to its end */
    {"which", process_which}, /* finds a program */
    {NULL, NULL},
};

FL_API int luaopen_fairlead_process_native(lua_State *L);

int luaopen_fairlead_process_native(lua_State *L) {
  luaL_newmetatable(L, CHILD);
  luaL_setfuncs(L, child_meta, 0);
  luaL_newmetatable(L, RESULT);
  luaL_newlib(L, result_methods);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 2);
  luaL_newlib(L, process_functions);
  return 1;
}
