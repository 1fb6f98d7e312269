/* fairlead.h - the Fairlead host as a C library.
**
** Two readers: a program that embeds the host (examples/embed.c, whole), and a native module that a
** script can require (examples/wait.c, whole: a module whose function waits).
**
** One `fl_host` owns one Lua state and one libuv loop. Nothing is global: several hosts may live in one
** process, each used from one thread at a time. Times are seconds, sizes are bytes.
*/
#ifndef FAIRLEAD_H
#define FAIRLEAD_H

#include <stdbool.h>
#include <stddef.h>

#include <lauxlib.h>
#include <lua.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Lua's headers do not say what never returns; an analyser that knows follows no false paths. */
#if defined(__clang_analyzer__) && !defined(__cppcheck__)
/* NOLINTBEGIN(readability-redundant-declaration) */
extern int(lua_error)(lua_State *L) __attribute__((noreturn));
extern int(luaL_error)(lua_State *L, const char *format, ...) __attribute__((noreturn));
extern int(luaL_argerror)(lua_State *L, int arg, const char *extra) __attribute__((noreturn));
extern int(luaL_typeerror)(lua_State *L, int arg, const char *name) __attribute__((noreturn));
/* NOLINTEND(readability-redundant-declaration) */
#endif

#define FL_API __attribute__((visibility("default")))

typedef int fl_nret; /* number of results that a C function leaves on the Lua stack */

typedef struct fl_host fl_host;
typedef struct fl_task fl_task;

/* Exit codes, as the program's: what fl_host_run_* return. */
enum {
  FL_DONE = 0,
  FL_FAILED = 1,
  FL_USAGE = 2,
  FL_REFUSED = 3,
  FL_NOT_AUTHORISED = 4,
  FL_ROLLED_BACK = 5,
  FL_WAITING = 75,
  FL_INTERRUPTED = 130
};

/* ---- Embedding ------------------------------------------------------------------------------- */

typedef struct fl_options {
  size_t memory_limit;    /* bytes that the Lua state may hold; 0: 512 MiB */
  const char *data_dir;   /* folder that holds modules/ (Lua halves); NULL: found from the library's place */
  const char *native_dir; /* folder that holds the native modules; NULL: found from the library's place */
  double grace;           /* seconds that a cancelled task's closing handlers may take; 0: 10 */
} fl_options;

typedef struct fl_error {
  char kind[64];      /* dotted, as in error objects; "" for none */
  char message[1024]; /* one line */
} fl_error;

/* A new host, or NULL with `error` filled. NULL options: the defaults. */
FL_API fl_host *fl_host_new(const fl_options *options, fl_error *error);

/* Cancels what still runs, closes the state and the loop. NULL is allowed. */
FL_API void fl_host_close(fl_host *host);

/* Runs a script, or a chunk of Lua, as the host's root task, until it and all that it started have ended.
** `argc`/`argv` become the script's `arg` (from 1) and its `...`. Returns an exit code; when it is not FL_DONE,
** fl_host_error tells why. A chunk sees modules by their short names (`json`, `http`), a script requires them. */
FL_API int fl_host_run_file(fl_host *host, const char *path, int argc, char **argv);
FL_API int fl_host_run_string(fl_host *host, const char *chunk, const char *name, int argc, char **argv);

/* As fl_host_run_string, and prints the values that the chunk returns, or that it is, when it is an expression. */
FL_API int fl_host_evaluate(fl_host *host, const char *chunk, const char *name, int argc, char **argv);

/* Why the last run ended as it did: kind and one line; `details` (its own, a traceback; may be empty) lives until
** the next run or close. */
FL_API const fl_error *fl_host_error(const fl_host *host, const char **details);

/* The main Lua state: for setting up between runs, never from inside one. */
FL_API lua_State *fl_host_lua(fl_host *host);

/* `require(name)` will call `open`, as for any C module. 0, or -1 when memory ran out. */
FL_API int fl_host_preload(fl_host *host, const char *name, lua_CFunction open);

/* From a signal handler in the host's thread (they are async-signal-safe; another thread sends that one a signal).
** What Ctrl-C means: the first call cancels the root task, whose closing handlers run and may wait; the second cuts their
** cleaning short. A script may have it mean a task or an event instead (task.on_interrupt). Returns how often it was called
** since the run began, or since the script named somebody anew or acted on it: at the third nobody does. */
FL_API int fl_host_interrupt(fl_host *host);
/* What SIGTERM means: the same, always for the root task. */
FL_API int fl_host_terminate(fl_host *host);

/* ---- Native modules -------------------------------------------------------------------------- */

/* The host that owns a state (any coroutine of it). */
FL_API fl_host *fl_host_of(lua_State *L);

struct uv_loop_s;
FL_API struct uv_loop_s *fl_host_loop(fl_host *host);

/* Waiting. A module's function that has to wait:
**
**   1. checks its arguments;
**   2. makes its userdata, zeroed, with an fl_wait inside; calls fl_wait_check;
**   3. starts the operation on the loop;
**   4. ends with `return fl_wait_begin(L, &box->wait, abandon, resume)`.
**
** The calling task sleeps. When the operation's callback has filled the module's struct it calls fl_wait_deliver; it
** never touches Lua. The host later calls `resume(L, wait)` in the task, with the stack as the function left it; it
** pushes results and returns their number, or raises.
**
** When the task is cancelled, the host calls `abandon(wait)` instead: it stops the operation and sees to it that
** fl_wait_deliver is called, at once or when the operation has stopped. The host then raises the cancellation; `resume`
** is not called. The userdata stays alive (it is on the task's stack) until then.
**
** A module's __gc calls fl_wait_abandon before it frees what a late callback could reach. */
typedef struct fl_wait fl_wait;
typedef void (*fl_abandon)(fl_wait *wait);
typedef fl_nret (*fl_resume)(lua_State *L, fl_wait *wait);

struct fl_wait { /* the host's; a module zeroes it once and reads nothing in it */
  fl_task *task;
  fl_abandon abandon;
  fl_resume resume;
  const char *what;
  bool delivered;
  bool abandoned;
  bool internal; /* for a timer or another task, no input or output of its own: virtual time may pass */
  bool shielded; /* for tasks that are being cancelled already: not abandoned */
  double since;  /* the task's clock when the wait began */
};

/* Raises unless the calling code may wait: `what` names the function in the message ("http.request"). Call it before
** starting anything. */
FL_API void fl_wait_check(lua_State *L, const char *what);
FL_API fl_nret fl_wait_begin(lua_State *L, fl_wait *wait, const char *what, fl_abandon abandon, fl_resume resume);
FL_API void fl_wait_deliver(fl_wait *wait);
/* Forgets a wait whose owner goes away (from __gc): a later fl_wait_deliver does nothing. */
FL_API void fl_wait_abandon(fl_wait *wait);

/* Errors. An error object is a table with the fields kind, message, op, target, status, code, request_id, retryable,
** hint, cause, traceback. fl_error_push leaves one with kind and message on the stack; set further fields with
** lua_setfield, then lua_error. Messages name no secret. */
FL_API void fl_error_push(lua_State *L, const char *kind, const char *format, ...);
FL_API int fl_error_raise(lua_State *L, const char *kind, const char *format, ...); /* never returns */

/* Secrets. `tostring`, JSON and logs show a tag. */
FL_API void fl_secret_push(lua_State *L, const char *text, size_t length);
/* The text of a secret at `index`, or NULL when the value is none. */
FL_API const char *fl_secret_test(lua_State *L, int index, size_t *length);
/* The text of a string or of a secret at `arg`; raises otherwise. */
FL_API const char *fl_check_text(lua_State *L, int arg, size_t *length);

/* The calling task's clock: unix seconds, real or virtual. */
FL_API double fl_now(lua_State *L);

#ifdef __cplusplus
}
#endif

#endif
