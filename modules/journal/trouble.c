/* trouble.c - what went wrong with a journal's file, in one line, and what to do about it.
**
** Source of the codes: sqlite.org, "Result and Error Codes".
*/
#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "journal.h"

#define OTHER_FOLDER "or set FAIRLEAD_STATE to another folder"

int journal_raise_kind(lua_State *L, const char *kind, const char *path, const char *message, const char *hint) {
  fl_error_push(L, kind, "%s", message);
  lua_pushliteral(L, "journal");
  lua_setfield(L, -2, "op");
  lua_pushstring(L, path);
  lua_setfield(L, -2, "target");
  lua_pushstring(L, hint);
  lua_setfield(L, -2, "hint");
  return lua_error(L);
}

static bool no_space(int error) {
  return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

/* A file that may not grow (ulimit -f): SQLite often no longer has the errno by the time it is asked. */
static bool hit_size_limit(int result) {
  struct rlimit limit;
  if (result != SQLITE_IOERR_WRITE && result != SQLITE_IOERR_SHMSIZE && result != SQLITE_IOERR_TRUNCATE) return false;
  return getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
}

int journal_raise_system(lua_State *L, const char *path, int error) {
  if (no_space(error)) {
    return journal_raise_kind(L, "journal.full", path, "there is no space left for it", "make room, " OTHER_FOLDER);
  }
  if (error == EACCES || error == EPERM || error == EROFS) {
    lua_pushfstring(L, "cannot be written: %s", strerror(error));
    return journal_raise_kind(L, "journal.read_only", path, lua_tostring(L, -1),
                              "check its permissions and its disk, " OTHER_FOLDER);
  }
  return journal_raise_kind(L, "journal.io", path, strerror(error), "check its path and its disk, " OTHER_FOLDER);
}

int journal_raise(lua_State *L, int index, int result) {
  const journal_database *database = lua_touserdata(L, index);
  int error = database->handle != NULL ? sqlite3_system_errno(database->handle) : 0;
  const char *said = database->handle != NULL ? sqlite3_errmsg(database->handle) : sqlite3_errstr(result);
  lua_getiuservalue(L, index, 2);
  const char *path = lua_tostring(L, -1);
  switch (result & 0xff) {
  case SQLITE_BUSY:
  case SQLITE_LOCKED:
    return journal_raise_kind(L, "journal.busy", path, "another process keeps it locked",
                              "end that process (fuser tells which), or wait and try again");
  case SQLITE_FULL: return journal_raise_system(L, path, ENOSPC);
  case SQLITE_READONLY: return journal_raise_system(L, path, EROFS);
  case SQLITE_CANTOPEN:
  case SQLITE_PERM: return journal_raise_system(L, path, error != 0 ? error : EACCES);
  case SQLITE_CORRUPT:
  case SQLITE_NOTADB:
    lua_pushfstring(L, "is damaged, or is not a journal (%s)", said);
    return journal_raise_kind(L, "journal.corrupt", path, lua_tostring(L, -1),
                              "move it away and keep it: the next run begins a new one; what it held can no longer be "
                              "resumed");
  case SQLITE_NOMEM: return luaL_error(L, "out of memory");
  case SQLITE_TOOBIG:
    return journal_raise_kind(L, "journal.too_large", path, "a value is larger than it can hold", "record less");
  case SQLITE_IOERR:
    if (hit_size_limit(result)) error = EFBIG;
    if (no_space(error)) return journal_raise_system(L, path, error);
    lua_pushfstring(L, "%s%s%s", said, error != 0 ? ": " : "", error != 0 ? strerror(error) : "");
    return journal_raise_kind(L, "journal.io", path, lua_tostring(L, -1), "check its disk, " OTHER_FOLDER);
  default:
    lua_pushfstring(L, "%s (SQLite's code %d)", said, result);
    return journal_raise_kind(L, "journal.failed", path, lua_tostring(L, -1),
                              "this is a fault of fairlead's: report it");
  }
}
