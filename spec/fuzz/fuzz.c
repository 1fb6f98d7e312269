/* fuzz.c - libFuzzer's side of the fuzz targets: a host, into which one target's Lua is loaded; each input is one run.
**
** FUZZ_TARGET names the target, FAIRLEAD_PATH the folder that it is found from: spec/fuzz/targets/NAME.lua, a table whose
** `run` takes the input's bytes. It raises when something is not as it must be; that is reported as a crash, like what
** the sanitizers find. spec/fuzz_spec.lua calls the same functions with the kept inputs, without any of this.
**
** libFuzzer prefers inputs that reach new code. The C code tells it by what the compiler adds; for Lua, a line hook tells
** it which line came after which, where the target asks for that (`lua = true`): it is slow.
*/
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fairlead.h"

#define EDGES 65536
#define KNOWN_SOURCES 1024

static uint8_t edges[EDGES] __attribute__((section("__libfuzzer_extra_counters")));
static uint32_t last_place;

typedef struct {
  const char *source; /* Lua's own copy of the name: alive as long as its code */
  uint32_t hash;
} known_source;

static known_source known_sources[KNOWN_SOURCES];
static fl_host *host;
static const uint8_t *input;
static size_t input_size;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A file's name as a number, the same in each process. */
static uint32_t number_of(const lua_Debug *at) {
  known_source *known = &known_sources[((uintptr_t)at->source >> 4) % KNOWN_SOURCES];
  if (known->source != at->source) {
    uint32_t hash = 2166136261U;
    for (const char *c = at->short_src; *c != '\0'; c++) hash = (hash ^ (unsigned char)*c) * 16777619U;
    *known = (known_source){at->source, hash};
  }
  return known->hash;
}

static void count_edge(lua_State *L, lua_Debug *at) {
  lua_getinfo(L, "S", at);
  uint32_t place = (number_of(at) ^ (uint32_t)at->currentline) * 16777619U;
  uint8_t *edge = &edges[(place ^ (last_place >> 1)) % EDGES];
  if (*edge != UINT8_MAX) ++*edge;
  last_place = place;
}

/* fuzz.input()
**     -> string */
static fl_nret fuzz_input(lua_State *L) {
  lua_pushlstring(L, (const char *)input, input_size);
  return 1;
}

/* fuzz.count_lines()
**     -> (nothing); tasks that begin from now on tell which lines they run */
static fl_nret fuzz_count_lines(lua_State *L) {
  lua_sethook(fl_host_lua(fl_host_of(L)), count_edge, LUA_MASKLINE, 0);
  return 0;
}

static int open_fuzz(lua_State *L) {
  lua_newtable(L);
  lua_pushcfunction(L, fuzz_input);
  lua_setfield(L, -2, "input");
  lua_pushcfunction(L, fuzz_count_lines);
  lua_setfield(L, -2, "count_lines");
  return 1;
}

static _Noreturn void stop(const char *what, const char *why, const char *details) {
  (void)fprintf(stderr, "%s: %s\n%s\n", what, why, details != NULL ? details : "");
  abort();
}

static void run(const char *chunk) {
  const char *details = NULL;
  if (fl_host_run_string(host, chunk, "=fuzz", 0, NULL) != FL_DONE) {
    const fl_error *error = fl_host_error(host, &details);
    stop("the target failed", error->message, details);
  }
}

int LLVMFuzzerInitialize(int *argc, char ***argv) { /* NOLINT(readability-non-const-parameter): libFuzzer's */
  (void)argc, (void)argv;
  fl_error error;
  const char *target = getenv("FUZZ_TARGET");
  if (target == NULL) stop("fuzz", "FUZZ_TARGET names no target", NULL);
  host = fl_host_new(NULL, &error);
  if (host == NULL) stop("fuzz", error.message, NULL);
  if (fl_host_preload(host, "fairlead.fuzz", open_fuzz) != 0) stop("fuzz", "no memory", NULL);
  char chunk[256];
  (void)snprintf(chunk, sizeof chunk, "fuzz.target = require 'spec.fuzz.targets.%s'", target);
  run(chunk);
  run("if fuzz.target.lua then fuzz.count_lines() end");
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  input = data;
  input_size = size;
  last_place = 0;
  run("fuzz.target.run(fuzz.input())");
  return 0;
}
