/* journal.h - what the files of this module share: the database's box, and how its failures are told. */
#ifndef FAIRLEAD_JOURNAL_H
#define FAIRLEAD_JOURNAL_H

#include <sqlite3.h>

#include "fairlead.h"

#define JOURNAL_DATABASE "journal.Database"
#define JOURNAL_STATEMENT "journal.Statement"

typedef struct journal_database {
  sqlite3 *handle; /* NULL: closed; user value 1: statements by their text, 2: the path */
} journal_database;

/* trouble.c: raises the error object for what SQLite, or the system, said last. `index`: where the database is on the
** stack; its user value 2 is the path that the message names. */
int journal_raise(lua_State *L, int index, int result);
int journal_raise_system(lua_State *L, const char *path, int error);
int journal_raise_kind(lua_State *L, const char *kind, const char *path, const char *message, const char *hint);

/* statement.c: Database:run and Database:rows; the metatable of statements. */
fl_nret journal_run(lua_State *L);
fl_nret journal_rows(lua_State *L);
typedef struct journal_statement {
  sqlite3_stmt *handle; /* NULL: finalised */
} journal_statement;

void journal_finalize(journal_statement *box); /* may be called again; NULL is allowed */
void journal_open_statements(lua_State *L);

/* owner.c: absolute(path), folder(path), process(pid). */
fl_nret journal_folder(lua_State *L);
fl_nret journal_process(lua_State *L);
fl_nret journal_absolute(lua_State *L);

journal_database *journal_check(lua_State *L);

#endif
