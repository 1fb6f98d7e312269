/* file.c - files that must never be seen half written, nor by others.
**
** Lua: file.replace(path, text)
** Owner: nothing outlives a call; the temporary file's descriptor and name are closed and removed before any error.
*/
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fairlead.h"

#define SUFFIX ".XXXXXX"

static bool write_all(int to, const char *bytes, size_t length) {
  while (length > 0) {
    ssize_t written = write(to, bytes, length);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes += written;
    length -= (size_t)written;
  }
  return true;
}

/* The temporary file lies beside the one that it becomes: rename(2) is atomic only within a file system. */
static bool replace(const char *path, char *temporary, const char *text, size_t length) {
  int to = mkstemp(temporary); /* mode 0600; no other task runs meanwhile, so close-on-exec is not needed */
  if (to < 0) return false;
  bool written = write_all(to, text, length) && fsync(to) == 0;
  int problem = errno;
  if (close(to) != 0 && written) {
    written = false;
    problem = errno;
  }
  if (written && rename(temporary, path) == 0) return true;
  if (written) problem = errno;
  unlink(temporary);
  errno = problem;
  return false;
}

/* file.replace(path: string, text: string)
**     -> true: the file holds the text, and only its owner may read it
**     -> nil, message: the file is as it was */
static fl_nret file_replace(lua_State *L) {
  size_t length;
  const char *path = luaL_checkstring(L, 1);
  const char *text = luaL_checklstring(L, 2, &length);
  luaL_argcheck(L, strlen(path) == lua_rawlen(L, 1), 1, "holds a NUL");
  size_t size = strlen(path) + sizeof SUFFIX;
  char *temporary = lua_newuserdatauv(L, size, 0);
  snprintf(temporary, size, "%s" SUFFIX, path);
  if (replace(path, temporary, text, length)) return (lua_pushboolean(L, true), 1);
  lua_pushnil(L);
  lua_pushfstring(L, "%s: %s", path, strerror(errno));
  return 2;
}

static const luaL_Reg file_functions[] = {
    {"replace", file_replace}, /* atomically, for its owner only */
    {NULL, NULL},
};

FL_API int luaopen_fairlead_file(lua_State *L);

int luaopen_fairlead_file(lua_State *L) {
  luaL_newlib(L, file_functions);
  return 1;
}
