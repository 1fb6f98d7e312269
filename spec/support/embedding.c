/* embedding.c - what an embedder does to a host over and over, for spec/embedding_spec.lua.
**
**     embedding TRIAL     runs that trial; prints what does not hold and ends with 1, or prints nothing and ends with 0
*/
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <fairlead.h>

static int wrong(const char *what) {
  printf("%s\n", what);
  return 1;
}

static int run(fl_host *host, const char *chunk) {
  return fl_host_run_string(host, chunk, "=trial", 0, NULL);
}

static bool ended_with(const fl_host *host, const char *kind) {
  return strcmp(fl_host_error(host, NULL)->kind, kind) == 0;
}

static int held(fl_host *host) {
  lua_State *L = fl_host_lua(host);
  lua_gc(L, LUA_GCCOLLECT); /* finalizers run in the first, what they held is freed in the second */
  lua_gc(L, LUA_GCCOLLECT);
  return lua_gc(L, LUA_GCCOUNT);
}

static int many_runs(fl_host *host) {
  int before = held(host);
  for (int i = 0; i < 500; i++)
    if (run(host, "local x = {}; if math.type(x) then error(x) end") != FL_DONE) return wrong("a run failed");
  if (held(host) - before > 100) return wrong("runs that have ended are kept");
  return lua_gettop(fl_host_lua(host)) == 0 ? 0 : wrong("something is left on the stack");
}

static int after_an_error(fl_host *host) {
  run(host, "package.loaded.much = ('x'):rep(4 << 20)");
  if (run(host, "error 'broken'") != FL_FAILED || !ended_with(host, "script")) return wrong("the error is not told");
  if (run(host, "local x <const> = 1") != FL_DONE || !ended_with(host, "")) return wrong("it does not run again");
  return 0;
}

static fl_host *interrupted;

static void on_alarm(int number) {
  (void)number;
  fl_host_interrupt(interrupted); /* NOLINT(bugprone-signal-handler,cert-sig30-c): the header says that it may be */
}

static int after_an_interrupt(fl_host *host) {
  interrupted = host;
  signal(SIGALRM, on_alarm);
  alarm(1);
  if (run(host, "require('fairlead.clock').sleep(60)") != FL_INTERRUPTED) return wrong("it is not interrupted");
  fl_host_interrupt(host); /* none runs: it concerns nobody */
  return run(host, "require('fairlead.clock').sleep(0.01)") == FL_DONE ? 0 : wrong("it does not run again");
}

/* A script leaves memory full to the brim, with tasks that still wait: no task of its own outlives it. */
static int full_memory(fl_host *host) {
  int code =
      run(host, "local task, clock = require 'fairlead.task', require 'fairlead.clock'\n"
                "local kept = {}\n"
                "local ended = {}\n"
                "package.loaded.kept, package.loaded.ended = kept, ended\n"
                "for i = 1, 50 do ended[i] = 0 task.start(function()\n"
                "  local c <close> = setmetatable({}, { __close = function() ended[i] = 1 end })\n"
                "  clock.sleep(3600)\n"
                "end) end\n"
                "clock.sleep(0)\n"
                "for size = 20, 4, -1 do\n"
                "  pcall(function() while true do kept[#kept + 1] = string.rep('x', 1 << size) .. #kept end end)\n"
                "end\n"
                "kept.fill = function() while true do kept = { kept } end end kept.fill()");
  if (code != FL_FAILED || !ended_with(host, "memory")) return wrong(fl_host_error(host, NULL)->message);
  if (strstr(fl_host_error(host, NULL)->message, " 8 MiB") == NULL) return wrong(fl_host_error(host, NULL)->message);
  code = run(host, "package.loaded.kept = nil; collectgarbage()\n"
                   "local count = 0 for _, n in ipairs(package.loaded.ended) do count = count + n end\n"
                   "if count < 50 then error(count .. ' of 50 tasks have ended', 0) end");
  return code == FL_DONE ? 0 : wrong(fl_host_error(host, NULL)->message);
}

static int closed_at_once(fl_host *host) {
  (void)host; /* main closes it */
  return 0;
}

static void *run_for_itself(void *context) {
  fl_host *host = fl_host_new(NULL, NULL);
  int *code = context;
  if (host == NULL) return NULL;
  *code =
      run(host, "local task, clock, json = require 'fairlead.task', require 'fairlead.clock', require 'fairlead.json'\n"
                "require 'fairlead.http' require 'fairlead.sigv4'\n"
                "local list = {} for i = 1, 200 do list[i] = i end\n"
                "local got = task.map(list, function(i) clock.sleep(i / 1e5) return json.decode(json.encode(i)) end)\n"
                "for i = 1, 200 do assert(got[i] == i) end\n"
                "assert(require('fairlead.process').run { 'true' }.code == 0)");
  fl_host_close(host);
  return NULL;
}

static int two_threads(fl_host *host) {
  pthread_t threads[2];
  int codes[2] = {-1, -1};
  (void)host;
  for (int i = 0; i < 2; i++)
    if (pthread_create(&threads[i], NULL, run_for_itself, &codes[i]) != 0) return wrong("no thread");
  for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
  return codes[0] == FL_DONE && codes[1] == FL_DONE ? 0 : wrong("a host in a thread failed");
}

static const struct {
  const char *name;
  int (*run)(fl_host *host);
  size_t memory_limit;
} trials[] = {
    {"many_runs", many_runs, SIZE_MAX},
    {"after_an_error", after_an_error, SIZE_MAX},
    {"after_an_interrupt", after_an_interrupt, 0},
    {"full_memory", full_memory, (size_t)8 << 20},
    {"closed_at_once", closed_at_once, 0},
    {"two_threads", two_threads, 0},
};

int main(int argc, char **argv) {
  for (size_t i = 0; i < sizeof trials / sizeof *trials; i++) {
    if (argc < 2 || strcmp(argv[1], trials[i].name) != 0) continue;
    fl_error error;
    fl_host *host = fl_host_new(&(fl_options){.memory_limit = trials[i].memory_limit, .grace = 1}, &error);
    if (host == NULL) return wrong(error.message);
    int code = trials[i].run(host);
    fl_host_close(host);
    return code;
  }
  return wrong("no such trial");
}
