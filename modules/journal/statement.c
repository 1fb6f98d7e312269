/* statement.c - statements with values: prepared once for each text, run many times.
**
** Lua: Database:run(sql, …) -> changes; Database:rows(sql, …) -> list of rows.
** Owner: a "journal.Statement" userdata owns a prepared statement; the database's user value 1 keeps them by their text.
** The texts of statements are the module's own, so there are few. A statement is reset before its function returns or
** raises: one that is not would hold its transaction open.
*/
#include <string.h>

#include "journal.h"

#define MOST_ROWS 100000

enum { DATABASE = 1, SQL, FIRST_VALUE };

void journal_finalize(journal_statement *box) {
  if (box == NULL) return;
  sqlite3_finalize(box->handle);
  box->handle = NULL;
}

static fl_nret statement_close(lua_State *L) {
  journal_finalize(luaL_checkudata(L, 1, JOURNAL_STATEMENT));
  return 0;
}

/* The statement for the text at SQL, prepared when it is new; left on the stack. */
static sqlite3_stmt *push_statement(lua_State *L, const journal_database *database) {
  size_t length;
  const char *sql = luaL_checklstring(L, SQL, &length);
  lua_getiuservalue(L, DATABASE, 1);
  lua_pushvalue(L, SQL);
  if (lua_rawget(L, -2) == LUA_TUSERDATA) {
    lua_remove(L, -2);
    return ((journal_statement *)lua_touserdata(L, -1))->handle;
  }
  lua_pop(L, 1);
  journal_statement *box = lua_newuserdatauv(L, sizeof *box, 0);
  box->handle = NULL;
  luaL_setmetatable(L, JOURNAL_STATEMENT);
  int result =
      sqlite3_prepare_v3(database->handle, sql, (int)length + 1, SQLITE_PREPARE_PERSISTENT, &box->handle, NULL);
  if (result != SQLITE_OK) journal_raise(L, DATABASE, result);
  if (box->handle == NULL) luaL_argerror(L, SQL, "a statement expected");
  lua_pushvalue(L, SQL);
  lua_pushvalue(L, -2);
  lua_rawset(L, -4);
  lua_remove(L, -2);
  return box->handle;
}

/* Texts stay on the stack while the statement runs, so SQLite needs no copy of them. */
static int bind_value(lua_State *L, sqlite3_stmt *statement, int number, int index) {
  size_t length;
  switch (lua_type(L, index)) {
  case LUA_TNONE:
  case LUA_TNIL: return sqlite3_bind_null(statement, number);
  case LUA_TBOOLEAN: return sqlite3_bind_int(statement, number, lua_toboolean(L, index));
  case LUA_TNUMBER:
    if (lua_isinteger(L, index)) return sqlite3_bind_int64(statement, number, lua_tointeger(L, index));
    return sqlite3_bind_double(statement, number, lua_tonumber(L, index));
  case LUA_TSTRING: {
    const char *text = lua_tolstring(L, index, &length);
    return sqlite3_bind_text64(statement, number, text, length, SQLITE_STATIC, SQLITE_UTF8);
  }
  default:
    sqlite3_clear_bindings(statement); /* none may point at a text that is collected later */
    return luaL_argerror(L, index, "nil, boolean, number or string expected");
  }
}

static sqlite3_stmt *begin(lua_State *L) {
  const journal_database *database = journal_check(L);
  int values = lua_gettop(L) - SQL;
  sqlite3_stmt *statement = push_statement(L, database);
  int wanted = sqlite3_bind_parameter_count(statement);
  if (values != wanted)
    luaL_error(L, "the statement takes %d values, got %d: %s", wanted, values, lua_tostring(L, SQL));
  for (int i = 0; i < values; i++) {
    int result = bind_value(L, statement, i + 1, FIRST_VALUE + i);
    if (result != SQLITE_OK) {
      sqlite3_clear_bindings(statement);
      journal_raise(L, DATABASE, result);
    }
  }
  return statement;
}

/* sqlite3_reset returns, and keeps as the connection's last error, what the last step failed with. */
static void finish(sqlite3_stmt *statement) {
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
}

/* Database:run(sql: string, …)
**     -> integer, the number of rows that it changed; `…` are the values of its `?`s
**     raises kinds journal.* */
fl_nret journal_run(lua_State *L) {
  sqlite3_stmt *statement = begin(L);
  int result = sqlite3_step(statement);
  finish(statement);
  if (result != SQLITE_DONE && result != SQLITE_ROW) return journal_raise(L, DATABASE, result);
  lua_pushinteger(L, sqlite3_changes(((journal_database *)lua_touserdata(L, DATABASE))->handle));
  return 1;
}

static void push_column(lua_State *L, sqlite3_stmt *statement, int column) {
  switch (sqlite3_column_type(statement, column)) {
  case SQLITE_INTEGER: lua_pushinteger(L, sqlite3_column_int64(statement, column)); break;
  case SQLITE_FLOAT: lua_pushnumber(L, sqlite3_column_double(statement, column)); break;
  case SQLITE_NULL: lua_pushnil(L); break;
  default: {
    const char *bytes = sqlite3_column_blob(statement, column);
    lua_pushlstring(L, bytes != NULL ? bytes : "", (size_t)sqlite3_column_bytes(statement, column));
  }
  }
}

/* (statement: light userdata) -> list of rows, SQLite's result. In a protected call: memory may run out here. */
static fl_nret collect_rows(lua_State *L) {
  sqlite3_stmt *statement = lua_touserdata(L, 1);
  int columns = sqlite3_column_count(statement);
  int result;
  lua_newtable(L);
  for (lua_Integer row = 1; (result = sqlite3_step(statement)) == SQLITE_ROW; row++) {
    if (row > MOST_ROWS) return luaL_error(L, "more than %d rows", MOST_ROWS);
    lua_createtable(L, 0, columns);
    for (int i = 0; i < columns; i++) {
      push_column(L, statement, i);
      lua_setfield(L, -2, sqlite3_column_name(statement, i));
    }
    lua_rawseti(L, 2, row);
  }
  lua_pushinteger(L, result);
  return 2;
}

/* Database:rows(sql: string, …)
**     -> list of tables, by the columns' names; `…` are the values of its `?`s
**     raises kinds journal.*; above 100,000 rows */
fl_nret journal_rows(lua_State *L) {
  sqlite3_stmt *statement = begin(L);
  lua_pushcfunction(L, collect_rows);
  lua_pushlightuserdata(L, statement);
  int status = lua_pcall(L, 1, 2, 0);
  finish(statement);
  if (status != LUA_OK) return lua_error(L);
  int result = (int)lua_tointeger(L, -1);
  if (result != SQLITE_DONE) return journal_raise(L, DATABASE, result);
  lua_pop(L, 1);
  return 1;
}

static const luaL_Reg statement_meta[] = {
    {"__gc", statement_close},
    {NULL, NULL},
};

void journal_open_statements(lua_State *L) {
  luaL_newmetatable(L, JOURNAL_STATEMENT);
  luaL_setfuncs(L, statement_meta, 0);
  lua_pop(L, 1);
}
