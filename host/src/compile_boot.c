/* compile_boot.c - runs during the build: boot.lua -> a C array of its compiled form, since compiling it would be
** most of a host's start. Usage: compile_boot boot.lua boot_lua.c */
#define _GNU_SOURCE
#include <stdio.h>

#include <lauxlib.h>

static int write_bytes(lua_State *L, const void *bytes, size_t length, void *file) {
  (void)L;
  for (size_t i = 0; i < length; i++) fprintf(file, "%u,", ((const unsigned char *)bytes)[i]);
  return 0;
}

int main(int argc, char **argv) {
  lua_State *L = luaL_newstate();
  FILE *out = argc == 3 ? fopen(argv[2], "w") : NULL;
  char *source = NULL;
  size_t length = 0;
  FILE *in = argc == 3 ? fopen(argv[1], "r") : NULL;
  if (L == NULL || in == NULL || out == NULL) return 1;
  if (getdelim(&source, &length, EOF, in) < 0) return 1;
  if (luaL_loadbufferx(L, source, (size_t)ftell(in), "=(fairlead boot)", "t") != LUA_OK) {
    fprintf(stderr, "%s\n", lua_tostring(L, -1));
    return 1;
  }
  fputs("#include \"internal.h\"\nconst unsigned char boot_code[] = {", out);
  lua_dump(L, write_bytes, out, 0);
  fputs("};\nconst size_t boot_code_length = sizeof boot_code;\n", out);
  return fclose(out);
}
