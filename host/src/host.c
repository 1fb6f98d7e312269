/* host.c - fl_host: one Lua state, one libuv loop, and the run of a root task to its end.
**
** Owner: fl_host owns everything; fl_host_close gives it back in order: the state (whose userdata close their handles), then
** the loop, which runs until those handles are gone.
*/
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

#define DEFAULT_MEMORY_LIMIT ((size_t)512 << 20)
#define RESERVE ((size_t)1 << 20) /* above the limit: to end tasks and say why when memory is out */
#define DEFAULT_GRACE 10

fl_host *fl_host_of(lua_State *L) {
  return *(fl_host **)lua_getextraspace(L);
}

lua_State *fl_host_lua(fl_host *host) {
  return host->L;
}

struct uv_loop_s *fl_host_loop(fl_host *host) {
  return &host->loop;
}

const fl_error *fl_host_error(const fl_host *host, const char **details) {
  if (details != NULL) *details = host->details != NULL ? host->details : "";
  return &host->error;
}

/* ---- making ---- */

static size_t memory_limit(const fl_host *host) {
  bool for_host = host->running == NULL || host->ending;
  return for_host && host->memory_limit < SIZE_MAX - RESERVE ? host->memory_limit + RESERVE : host->memory_limit;
}

static void *allocate(void *context, void *block, size_t old_size, size_t new_size) {
  fl_host *host = context;
  if (block == NULL) old_size = 0; /* then Lua passes the kind of object */
  if (new_size == 0) {
    free(block);
    host->memory_used -= old_size;
    return NULL;
  }
  if (new_size > old_size && host->memory_used + (new_size - old_size) > memory_limit(host)) return NULL;
  void *grown = realloc(block, new_size);
  if (grown != NULL) host->memory_used += new_size - old_size;
  return grown;
}

static void set_error(fl_error *error, const char *kind, const char *message) {
  strncpy(error->kind, kind, sizeof error->kind - 1);
  strncpy(error->message, message, sizeof error->message - 1);
}

static char *joined(const char *folder, const char *rest) {
  char *path;
  return asprintf(&path, "%s%s", folder, rest) < 0 ? NULL : path;
}

/* Modules lie beside the library: <prefix>/lib[/…]/libfairlead.so, <prefix>/lib[/…]/fairlead, <prefix>/share/fairlead. */
static bool find_folders(fl_host *host, const fl_options *options) {
  Dl_info self;
  if (options->native_dir != NULL) host->native_dir = joined(options->native_dir, "");
  if (options->data_dir != NULL) host->data_dir = joined(options->data_dir, "");
  if (host->native_dir != NULL && host->data_dir != NULL) return true;
  if (dladdr((void *)find_folders, &self) == 0 || self.dli_fname == NULL) return false;
  char *library = realpath(self.dli_fname, NULL);
  if (library == NULL) return false;
  char *end = strrchr(library, '/');
  if (end != NULL) *end = '\0';
  if (host->native_dir == NULL) host->native_dir = joined(library, "/fairlead");
  while (host->data_dir == NULL && (end = strrchr(library, '/')) != NULL) {
    *end = '\0';
    char *modules = joined(library, "/share/fairlead/modules");
    if (modules != NULL && access(modules, R_OK) == 0) host->data_dir = joined(library, "/share/fairlead");
    free(modules);
  }
  free(library);
  return host->native_dir != NULL && host->data_dir != NULL;
}

static void wake_up(uv_async_t *handle) {
  (void)handle; /* the loop looks for interrupts each time round */
}

/* The loop fires what is due each time round. uv_run(ONCE) looks at timers before it polls, too: a timer that is due
** already when it looks (the script has computed for long since libuv read its clock) would be gone, and the poll endless. */
static void timer_due(uv_timer_t *handle) {
  uv_stop(handle->loop);
}

static int open_state(lua_State *L) {
  globals_open(L);
  return 0;
}

fl_host *fl_host_new(const fl_options *given, fl_error *error) {
  static const fl_options defaults;
  const fl_options *options = given != NULL ? given : &defaults;
  fl_error ignored;
  if (error == NULL) error = &ignored;
  memset(error, 0, sizeof *error);
  fl_host *host = calloc(1, sizeof *host);
  if (host == NULL) return set_error(error, "memory", "out of memory"), NULL;
  host->memory_limit = options->memory_limit ? options->memory_limit : DEFAULT_MEMORY_LIMIT;
  host->grace = options->grace > 0 ? options->grace : DEFAULT_GRACE;
  int code = uv_loop_init(&host->loop);
  if (code != 0) {
    set_error(error, "host", uv_strerror(code));
    free(host);
    return NULL;
  }
  uv_async_init(&host->loop, &host->wake, wake_up);
  uv_idle_init(&host->loop, &host->ready);
  uv_timer_init(&host->loop, &host->timer);
  uv_unref((uv_handle_t *)&host->wake);
  uv_unref((uv_handle_t *)&host->timer);
  host->clock = clock_new(host, false, 0, 1);
  if (host->clock != NULL && !find_folders(host, options)) {
    set_error(error, "config.missing",
              "cannot find Fairlead's modules beside its library; is the installation complete?");
  } else if (host->clock == NULL || (host->L = lua_newstate(allocate, host)) == NULL) {
    set_error(error, "memory", "out of memory");
  } else {
    *(fl_host **)lua_getextraspace(host->L) = host;
    if (getenv("FAIRLEAD_STRESS_GC") != NULL) lua_gc(host->L, LUA_GCSETPAUSE, 0);
    lua_pushcfunction(host->L, open_state);
    if (lua_pcall(host->L, 0, 0, 0) == LUA_OK) return host;
    set_error(error, "host", luaL_tolstring(host->L, -1, NULL));
  }
  fl_host_close(host);
  return NULL;
}

static void close_handle(uv_handle_t *handle, void *context) {
  (void)context;
  if (!uv_is_closing(handle)) uv_close(handle, NULL);
}

void fl_host_close(fl_host *host) {
  if (host == NULL) return;
  if (host->L != NULL) lua_close(host->L);
  while (host->clocks != NULL) { /* the real one, and what finalizers made while the state closed */
    host->clocks->references = 1;
    clock_release(host->clocks);
  }
  uv_close((uv_handle_t *)&host->wake, NULL);
  uv_close((uv_handle_t *)&host->ready, NULL);
  uv_close((uv_handle_t *)&host->timer, NULL);
  uv_run(&host->loop, UV_RUN_DEFAULT);   /* modules' handles finish closing */
  if (uv_loop_close(&host->loop) != 0) { /* a foreign module left one open: unreferenced, so the run above ended */
    uv_walk(&host->loop, close_handle, NULL);
    uv_run(&host->loop, UV_RUN_DEFAULT);
    uv_loop_close(&host->loop);
  }
  free(host->data_dir);
  free(host->native_dir);
  free(host->details);
  free(host);
}

/* ---- running ---- */

static void deadlock(fl_host *host) {
  lua_State *L = host->L;
  const fl_task *root = host->root;
  fl_error_push(L, "deadlock", "every task waits for another; the script waits in %s",
                root->wait != NULL ? root->wait->what : "its last step");
  task_cancel(L, host->root);
}

static void turn(fl_host *host) {
  interrupt_take(host);
  task_run_ready(host);
  if (host->root->state == TASK_FINISHED) return;
  if (host->ready_first != NULL) {
    uv_run(&host->loop, UV_RUN_NOWAIT);
  } else if (clock_jump(host)) {
    if (host->external > 0) uv_run(&host->loop, UV_RUN_NOWAIT);
  } else {
    double next = clock_next_real(host);
    if (next < 0 && host->external == 0 && !uv_loop_alive(&host->loop) && !interrupt_waits(host)) {
      deadlock(host);
      return;
    }
    uv_ref((uv_handle_t *)&host->wake); /* without it the loop would not wait when there is nothing else */
    if (next >= 0) uv_timer_start(&host->timer, timer_due, (uint64_t)(next * 1000 + 0.999), 0);
    uv_run(&host->loop, UV_RUN_ONCE);
    if (next >= 0) uv_timer_stop(&host->timer);
    uv_unref((uv_handle_t *)&host->wake);
  }
  clock_fire_due(host);
}

/* On the stack: the function to run and its arguments. Leaves its results, or the error. Protected. */
static int run_root(lua_State *L) {
  fl_host *host = fl_host_of(L);
  task_new(L, lua_gettop(L) - 1, host->clock, NULL);
  fl_task *root = task_at(L, -1);
  host->root = root;
  while (root->state != TASK_FINISHED) turn(host);
  int count = root->results;
  luaL_checkstack(L, count + LUA_MINSTACK, NULL);
  lua_xmove(root->co, L, count);
  return root->failed ? lua_error(L) : count;
}

static void keep_error(fl_host *host, const char *kind, const char *message, const char *details) {
  memset(&host->error, 0, sizeof host->error);
  set_error(&host->error, kind, message);
  free(host->details);
  host->details = details != NULL ? joined(details, "") : NULL;
}

/* Pushes what is told below an error's message: its details, a line each, and its traceback; "" when it has neither. */
static const char *push_below(lua_State *L, int error) {
  luaL_Buffer text;
  lua_getfield(L, error, "details");
  int details = lua_gettop(L);
  lua_Integer count = lua_istable(L, details) ? (lua_Integer)lua_rawlen(L, details) : 0;
  luaL_buffinit(L, &text);
  for (lua_Integer i = 1; i <= count; i++) {
    lua_rawgeti(L, details, i);
    luaL_tolstring(L, -1, NULL);
    lua_remove(L, -2);
    luaL_addvalue(&text);
    luaL_addchar(&text, '\n');
  }
  if (lua_getfield(L, error, "traceback") == LUA_TSTRING)
    luaL_addvalue(&text);
  else
    lua_pop(L, 1);
  luaL_pushresult(&text);
  return lua_tostring(L, -1);
}

/* The error object on top -> host->error. Protected: reading it may run out of memory. */
static int describe_error(lua_State *L) {
  fl_host *host = fl_host_of(L);
  lua_settop(L, 1);
  error_wrap(L);
  const char *kind = error_kind(L, 1);
  const char *message = luaL_tolstring(L, 1, NULL);
  const char *below = push_below(L, 1);
  keep_error(host, kind, message, below[0] != '\0' ? below : NULL);
  lua_pushinteger(L, exit_code_of(L, 1));
  return 1;
}

static int failed(fl_host *host) {
  lua_State *L = host->L;
  lua_pushcfunction(L, describe_error);
  lua_insert(L, -2);
  int code = FL_FAILED;
  if (lua_pcall(L, 1, 1, 0) == LUA_OK)
    code = (int)lua_tointeger(L, -1);
  else
    keep_error(host, "memory", "not enough memory", NULL);
  lua_pop(L, 1);
  return code;
}

typedef struct {
  const char *path, *chunk, *name;
  int argc;
  char **argv;
  bool print;
} job;

static int print_results(lua_State *L) {
  int count = lua_gettop(L);
  for (int i = 1; i <= count; i++) {
    size_t length;
    const char *text = luaL_tolstring(L, i, &length);
    if (i > 1) lua_writestring("\t", 1);
    lua_writestring(text, length);
    lua_pop(L, 1);
  }
  if (count > 0) lua_writeline();
  return 0;
}

static int run_job(lua_State *L) {
  const job *work = lua_touserdata(L, 1);
  lua_settop(L, 0);
  if ((work->path != NULL ? loader_load_script(L, work->path) : loader_load_chunk(L, work->chunk, work->name)) != 0)
    return lua_error(L);
  lua_createtable(L, work->argc, 1);
  lua_pushstring(L, work->path != NULL ? work->path : work->name);
  lua_rawseti(L, -2, 0);
  luaL_checkstack(L, work->argc + 4, "too many arguments");
  for (int i = 0; i < work->argc; i++) {
    lua_pushstring(L, work->argv[i]);
    lua_rawseti(L, -2, i + 1);
  }
  lua_setglobal(L, "arg");
  for (int i = 0; i < work->argc; i++) lua_pushstring(L, work->argv[i]);
  int count = run_root(L);
  if (!work->print) return 0;
  lua_rotate(L, 1, count); /* the root's handle and whatever is below it go to the end */
  lua_settop(L, count);
  return print_results(L);
}

static int run(fl_host *host, job *work) {
  lua_State *L = host->L;
  keep_error(host, "", "", NULL);
  interrupt_reset(host);
  hold_reset(host);
  lua_pushcfunction(L, run_job);
  lua_pushlightuserdata(L, work);
  int status = lua_pcall(L, 1, 0, 0);
  host->root = host->running = NULL;
  host->executing = NULL;
  return status == LUA_OK ? FL_DONE : failed(host);
}

int fl_host_run_file(fl_host *host, const char *path, int argc, char **argv) {
  return run(host, &(job){.path = path, .argc = argc, .argv = argv});
}

int fl_host_run_string(fl_host *host, const char *chunk, const char *name, int argc, char **argv) {
  return run(host, &(job){.chunk = chunk, .name = name, .argc = argc, .argv = argv});
}

int fl_host_evaluate(fl_host *host, const char *chunk, const char *name, int argc, char **argv) {
  return run(host, &(job){.chunk = chunk, .name = name, .argc = argc, .argv = argv, .print = true});
}

int fl_host_preload(fl_host *host, const char *name, lua_CFunction open) {
  lua_State *L = host->L;
  if (!lua_checkstack(L, 4)) return -1;
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  lua_pushcfunction(L, open);
  lua_setfield(L, -2, name);
  lua_pop(L, 1);
  return 0;
}
