/* owner.c - whose a folder is, and which process a number means.
**
** Lua: native.absolute(path) -> path; native.folder(path) -> {type=}; native.process(pid) -> {pid=, began=, boot=, namespace=, host=, uid=}
** Owner: nothing outlives a call.
*/
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "journal.h"

/* native.folder(path: string)
**     -> {type = integer}: statfs's number of its file system. Made with the folders above it, 0700, when it is missing
**     raises kinds journal.not_owned, .read_only, .full, .io */
fl_nret journal_folder(lua_State *L) {
  size_t length;
  struct stat about;
  struct statfs system;
  const char *given = luaL_checklstring(L, 1, &length);
  luaL_argcheck(L, length > 0 && strlen(given) == length, 1, "a path expected");
  char *path = lua_newuserdatauv(L, length + 1, 0);
  memcpy(path, given, length + 1);
  for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
    *slash = '\0';
    if (mkdir(path, 0700) != 0 && errno != EEXIST && stat(path, &about) != 0) journal_raise_system(L, path, errno);
    *slash = '/';
  }
  if (mkdir(path, 0700) != 0 && errno != EEXIST) journal_raise_system(L, given, errno);
  if (stat(path, &about) != 0) journal_raise_system(L, given, errno);
  if (!S_ISDIR(about.st_mode)) {
    journal_raise_kind(L, "journal.not_a_folder", given, "is not a folder", "set FAIRLEAD_STATE to one");
  }
  if (about.st_uid != geteuid()) {
    journal_raise_kind(L, "journal.not_owned", given, "belongs to another user",
                       "run fairlead as that user, or set FAIRLEAD_STATE to a folder of your own");
  }
  if ((about.st_mode & 077) != 0 && chmod(path, 0700) != 0) journal_raise_system(L, given, errno);
  if (statfs(path, &system) != 0) journal_raise_system(L, given, errno);
  lua_createtable(L, 0, 1);
  lua_pushinteger(L, (lua_Integer)system.f_type & 0xffffffff);
  lua_setfield(L, -2, "type");
  return 1;
}

/* native.absolute(path: string)
**     -> string, without links and without "..": the same from any folder
**     -> nil when there is no such file */
fl_nret journal_absolute(lua_State *L) {
  char path[PATH_MAX];
  lua_pushstring(L, realpath(luaL_checkstring(L, 1), path));
  return 1;
}

static bool read_file(const char *path, char *text, size_t size) {
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  ssize_t got = read(file, text, size - 1);
  close(file);
  if (got < 0) return false;
  text[got] = '\0';
  return true;
}

/* Field 22 of /proc/PID/stat (proc(5)): when it began, in clock ticks after boot. The name in field 2 may hold anything,
** so fields are counted from its last bracket. -1: there is no such process, or only its remains (state Z or X). */
static long long process_began(long long pid) {
  char path[64];
  char text[2048];
  snprintf(path, sizeof path, "/proc/%lld/stat", pid);
  if (!read_file(path, text, sizeof text)) return -1;
  const char *at = strrchr(text, ')');
  if (at == NULL || at[1] != ' ' || at[2] == 'Z' || at[2] == 'X') return -1;
  for (int field = 2; at != NULL && field < 22; field++) at = strchr(at + 1, ' ');
  return at != NULL ? strtoll(at + 1, NULL, 10) : -1;
}

/* native.process(pid: integer?)
**     -> {pid, began, boot, namespace, host, uid} of that process, or of this one: together they name it, also when its
**        number is used again; began: nil when there is no such process now */
fl_nret journal_process(lua_State *L) {
  char boot[64] = "";
  char host[256] = "";
  struct stat space;
  lua_Integer pid = luaL_optinteger(L, 1, getpid());
  long long began = process_began(pid);
  read_file("/proc/sys/kernel/random/boot_id", boot, sizeof boot);
  boot[strcspn(boot, "\n")] = '\0';
  gethostname(host, sizeof host - 1);
  bool known = stat("/proc/self/ns/pid", &space) == 0;
  lua_createtable(L, 0, 6);
  lua_pushinteger(L, pid);
  lua_setfield(L, -2, "pid");
  if (began >= 0) {
    lua_pushinteger(L, began);
    lua_setfield(L, -2, "began");
  }
  lua_pushstring(L, boot);
  lua_setfield(L, -2, "boot");
  lua_pushinteger(L, known ? (lua_Integer)space.st_ino : 0);
  lua_setfield(L, -2, "namespace");
  lua_pushstring(L, host);
  lua_setfield(L, -2, "host");
  lua_pushinteger(L, geteuid());
  lua_setfield(L, -2, "uid");
  return 1;
}
