/* journal.c - a journal's file: an SQLite database of one's own, on a disk of this machine.
**
** Lua: fairlead.journal.native: open(path, busy) -> Database; absolute(path); folder(path); process(pid). Database: run, rows, script,
** in_transaction, close. What is in the file is the Lua half's: schema.lua, runs.lua, recorder.lua.
** Owner: the "journal.Database" userdata owns the connection; its statements (statement.c) own themselves, and SQLite
** keeps a closed connection until the last of them has gone.
*/
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal.h"

#define LONGEST_VALUE (64 << 20) /* bytes of one value or row: a hostile file must not fill the memory */

journal_database *journal_check(lua_State *L) {
  journal_database *box = luaL_checkudata(L, 1, JOURNAL_DATABASE);
  luaL_argcheck(L, box->handle != NULL, 1, "the journal is closed");
  return box;
}

/* The file itself: ours, regular, readable by nobody else. Never opened here when it exists: closing a second descriptor
** of a file drops the locks that another connection of this process has on it (fcntl(2), "Advisory record locking"). */
static void prepare_file(lua_State *L, const char *path) {
  struct stat about;
  if (lstat(path, &about) != 0) {
    if (errno != ENOENT) journal_raise_system(L, path, errno);
    int file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file >= 0)
      close(file);
    else if (errno != EEXIST) /* another process was faster */
      journal_raise_system(L, path, errno);
    return;
  }
  if (!S_ISREG(about.st_mode)) {
    journal_raise_kind(L, "journal.not_a_journal", path, "is not a plain file", "move it away, or set FAIRLEAD_STATE");
  }
  if (about.st_uid != geteuid()) {
    journal_raise_kind(L, "journal.not_owned", path, "belongs to another user",
                       "run fairlead as that user, or set FAIRLEAD_STATE to a folder of your own");
  }
  if ((about.st_mode & 077) != 0 && chmod(path, 0600) != 0) journal_raise_system(L, path, errno);
}

static void configure(lua_State *L, sqlite3 *handle, double busy) {
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_busy_timeout(handle, (int)(busy * 1000));
  sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, LONGEST_VALUE);
  /* The file may have been made by somebody else: nothing in its schema is to be run as code. */
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
  if (sqlite3_db_readonly(handle, "main") == 1) {
    lua_getiuservalue(L, -1, 2);
    journal_raise_kind(L, "journal.read_only", lua_tostring(L, -1), "cannot be written",
                       "check its permissions and its disk, or set FAIRLEAD_STATE to another folder");
  }
}

/* native.open(path: string, busy: number)
**     -> journal.Database; made (0600) when there is none. `busy`: seconds that it waits for other processes, each time
**     raises kinds journal.not_owned, .not_a_journal, .read_only, .full, .io */
static fl_nret native_open(lua_State *L) {
  size_t length;
  const char *path = luaL_checklstring(L, 1, &length);
  lua_Number busy = luaL_checknumber(L, 2);
  luaL_argcheck(L, strlen(path) == length && length > 0, 1, "a path expected");
  luaL_argcheck(L, busy >= 0 && busy <= 600, 2, "seconds from 0 to 600 expected");
  prepare_file(L, path);
  journal_database *box = lua_newuserdatauv(L, sizeof *box, 2);
  memset(box, 0, sizeof *box);
  luaL_setmetatable(L, JOURNAL_DATABASE);
  lua_newtable(L);
  lua_setiuservalue(L, -2, 1);
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, 2);
  /* Never as a URI: a path is a path, whatever characters it has. */
  int result = sqlite3_open_v2(path, &box->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW, NULL);
  if (box->handle == NULL) return luaL_error(L, "out of memory");
  if (result != SQLITE_OK) return journal_raise(L, lua_gettop(L), result);
  configure(L, box->handle, busy);
  return 1;
}

/* Database:script(sql: string)
**     -> (nothing); runs statements that take no values and give none
**     raises kinds journal.* */
static fl_nret database_script(lua_State *L) {
  const journal_database *box = journal_check(L);
  int result = sqlite3_exec(box->handle, luaL_checkstring(L, 2), NULL, NULL, NULL);
  if (result != SQLITE_OK) return journal_raise(L, 1, result);
  return 0;
}

/* Database:in_transaction()
**     -> boolean */
static fl_nret database_in_transaction(lua_State *L) {
  lua_pushboolean(L, !sqlite3_get_autocommit(journal_check(L)->handle));
  return 1;
}

/* Database:close()
**     -> (nothing); may be called again */
static fl_nret database_close(lua_State *L) {
  journal_database *box = luaL_checkudata(L, 1, JOURNAL_DATABASE);
  sqlite3 *handle = box->handle;
  lua_settop(L, 1);
  box->handle = NULL;
  if (handle == NULL) return 0;
  /* The statements first, so that the connection ends now and not when the last of them is collected. */
  lua_getiuservalue(L, 1, 1);
  for (lua_pushnil(L); lua_istable(L, 2) && lua_next(L, 2); lua_pop(L, 1)) journal_finalize(lua_touserdata(L, -1));
  sqlite3_close_v2(handle);
  return 0;
}

static const luaL_Reg database_methods[] = {
    {"run", journal_run},                        /* one statement; how many rows it changed */
    {"rows", journal_rows},                      /* one query; its rows */
    {"script", database_script},                 /* several statements */
    {"in_transaction", database_in_transaction}, /* between BEGIN and COMMIT */
    {"close", database_close},                   /* now, not when it is collected */
    {NULL, NULL},
};

static const luaL_Reg database_meta[] = {
    {"__close", database_close},
    {"__gc", database_close},
    {NULL, NULL},
};

static const luaL_Reg native_functions[] = {
    {"open", native_open},          /* a journal's file */
    {"absolute", journal_absolute}, /* a path that holds from any folder */
    {"folder", journal_folder},     /* makes a folder of one's own; its file system */
    {"process", journal_process},   /* what tells a process from a later one of the same number */
    {NULL, NULL},
};

FL_API int luaopen_fairlead_journal_native(lua_State *L);
int luaopen_fairlead_journal_native(lua_State *L) {
  luaL_newmetatable(L, JOURNAL_DATABASE);
  luaL_setfuncs(L, database_meta, 0);
  luaL_newlib(L, database_methods);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
  journal_open_statements(L);
  luaL_newlib(L, native_functions);
  return 1;
}
