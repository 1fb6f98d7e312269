/* embed.c - a program with a Fairlead host inside.
**
**     embed SCRIPT [ARG...]     runs the script, which may `require "weather"`, a module of this program's own
**
** Build it with an installed Fairlead:  cc embed.c $(pkg-config --cflags --libs fairlead) -o embed
** Owner: this program owns the host; the host owns its Lua state, its loop and everything that scripts start.
*/
#include <fairlead.h>
#include <signal.h>
#include <stdio.h>

/* weather.wind(place: string)
**     -> knots (integer)
**     raises kind "weather.unknown" for a place without a station */
static fl_nret weather_wind(lua_State *L) {
  const char *place = luaL_checkstring(L, 1);
  if (place[0] == '\0') return fl_error_raise(L, "weather.unknown", "no station in a place without a name");
  lua_pushinteger(L, 12);
  return 1;
}

static const luaL_Reg weather_functions[] = {
    {"wind", weather_wind}, /* at a place, now */
    {NULL, NULL},
};

static int open_weather(lua_State *L) {
  luaL_newlib(L, weather_functions);
  return 1;
}

/* A signal handler has no argument, so the host to interrupt is the one thing that this program keeps globally. */
static fl_host *interrupted_host;

static void on_interrupt(int signal_number) {
  /* Once: the script is cancelled and cleans up. Twice: its cleaning is cut short. Then: as if nobody caught it. */
  if (fl_host_interrupt(interrupted_host) > 2) signal(signal_number, SIG_DFL);
}

int main(int argc, char **argv) {
  if (argc < 2) {
    fprintf(stderr, "usage: embed SCRIPT [ARG...]\n");
    return FL_USAGE;
  }

  fl_options options = {.memory_limit = (size_t)64 << 20, .grace = 5}; /* what is left out has its default */
  fl_error error;
  fl_host *host = fl_host_new(&options, &error);
  if (host == NULL) {
    fprintf(stderr, "embed: %s\n", error.message);
    return FL_FAILED;
  }
  if (fl_host_preload(host, "weather", open_weather) != 0) {
    fprintf(stderr, "embed: out of memory\n");
    fl_host_close(host);
    return FL_FAILED;
  }

  interrupted_host = host;
  struct sigaction interrupt = {.sa_handler = on_interrupt};
  sigaction(SIGINT, &interrupt, NULL);

  /* Returns when the script and every task that it started have ended. */
  int code = fl_host_run_file(host, argv[1], argc - 2, argv + 2);
  if (code != FL_DONE) {
    const char *details = NULL;
    const fl_error *why = fl_host_error(host, &details);
    fprintf(stderr, "embed: %s (%s)\n%s\n", why->message, why->kind, details);
  }

  signal(SIGINT, SIG_DFL);
  fl_host_close(host);
  return code;
}
