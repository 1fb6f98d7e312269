/* native.c - git repositories through libgit2: what reads them, and what makes branches and tags. Nothing here waits or
** uses the network.
**
** Lua: fairlead.git.native: open(path, here) -> repository; version() -> text; repository_methods, which
** modules/git/init.lua completes.
** Owner: a "git.Repository" userdata owns the git_repository; close, __close and __gc free it. libgit2 counts its users: a
** userdata in the registry stands for this state, and outlives all its repositories.
*/
#include <string.h>

#include "native.h"

#define LIBRARY "git.Library"

typedef struct repository_box {
  git_repository *repository; /* NULL: closed */
} repository_box;

git_repository *check_repository(lua_State *L) {
  repository_box *box = luaL_checkudata(L, 1, REPOSITORY);
  luaL_argcheck(L, box->repository != NULL, 1, "the repository is closed");
  return box->repository;
}

/* ---- errors ---- */

typedef struct failure_kind { /* how an error of libgit2's reads to a script */
  int code;
  const char *kind, *hint;
} failure_kind;

static const failure_kind failures[] = {
    {GIT_ENOTFOUND, "git.not_found", NULL},
    {GIT_EAMBIGUOUS, "git.ambiguous", "write more of the commit id"},
    {GIT_EEXISTS, "git.exists", NULL},
    {GIT_EINVALIDSPEC, "git.invalid_name", NULL},
    {GIT_EBAREREPO, "git.bare", "the repository has no working tree"},
    {GIT_EUNBORNBRANCH, "git.not_found", "the branch has no commit yet"},
    {GIT_ELOCKED, "git.locked", "another git process is at work, or left its .lock file behind"},
    {GIT_EOWNER, "git.unsafe", "git config --global --add safe.directory FOLDER, if you trust it"},
    {0, "git.failed", NULL},
};

int native_refuse(lua_State *L, const char *kind, const char *op, const char *target, const char *message,
                  const char *hint) {
  fl_error_push(L, kind, "%s", message);
  lua_pushstring(L, op);
  lua_setfield(L, -2, "op");
  lua_pushstring(L, target);
  lua_setfield(L, -2, "target");
  lua_pushstring(L, hint);
  lua_setfield(L, -2, "hint");
  return lua_error(L);
}

int native_raise(lua_State *L, int code, const char *op, const char *target) {
  const git_error *last = git_error_last();
  const failure_kind *failure = failures;
  while (failure->code != 0 && failure->code != code) failure++;
  const char *message = last != NULL && last->message != NULL ? last->message : "libgit2 gives no reason";
  if (code == GIT_ENOTFOUND) message = "no such commit, branch or tag";
  native_push_text(L, message);
  return native_refuse(L, failure->kind, op, target, lua_tostring(L, -1), failure->hint);
}

int native_check(lua_State *L, int code, const char *op, const char *target) {
  if (code < 0) native_raise(L, code, op, target);
  return code;
}

/* ---- opening ---- */

static int raise_open_error(lua_State *L, int code, const char *path) {
  const git_error *last = git_error_last();
  const char *message = last != NULL && last->message != NULL ? last->message : "";
  /* libgit2 1.5 says "not found" of a stranger's repository, too: it means the setting that would permit it. */
  if (code == GIT_EOWNER || strstr(message, "safe.directory") != NULL) {
    return native_refuse(L, "git.unsafe", "git.open", path, "the repository belongs to another user",
                         "if you trust it: git config --global --add safe.directory FOLDER");
  }
  if (code == GIT_ENOTFOUND) {
    return native_refuse(L, "git.no_repository", "git.open", path, "no git repository here, nor in a folder above",
                         "change into a clone, or name its folder");
  }
  if (strstr(message, "objectformat") != NULL) {
    return native_refuse(L, "git.unsupported", "git.open", path, "the repository has SHA-256 commit ids",
                         "only SHA-1 repositories can be read");
  }
  if (strstr(message, "unsupported extension") != NULL || strstr(message, "repository version") != NULL) {
    lua_pushfstring(L, "the repository's format is too new: %s", message);
    return native_refuse(L, "git.unsupported", "git.open", path, lua_tostring(L, -1), NULL);
  }
  return native_raise(L, code, "git.open", path);
}

/* native.open(path: string, here: boolean)
**     here: true looks at the folder itself only, false also in those above it
**     -> git.Repository
**     raises git.no_repository, git.unsafe, git.unsupported */
static fl_nret native_open(lua_State *L) {
  const char *path = luaL_checkstring(L, 1);
  unsigned flags = lua_toboolean(L, 2) ? GIT_REPOSITORY_OPEN_NO_SEARCH : 0;
  repository_box *box = lua_newuserdatauv(L, sizeof *box, 0);
  box->repository = NULL;
  luaL_setmetatable(L, REPOSITORY);
  int code = git_repository_open_ext(&box->repository, path, flags, NULL);
  if (code < 0) return raise_open_error(L, code, path);
  return 1;
}

/* Repository:close()
**     -> (nothing); may be called again */
static fl_nret repository_close(lua_State *L) {
  repository_box *box = luaL_checkudata(L, 1, REPOSITORY);
  git_repository_free(box->repository);
  box->repository = NULL;
  return 0;
}

static fl_nret repository_tostring(lua_State *L) {
  repository_box *box = luaL_checkudata(L, 1, REPOSITORY);
  if (box->repository == NULL)
    lua_pushliteral(L, "git.Repository (closed)");
  else
    lua_pushfstring(L, "git.Repository (%s)", git_repository_path(box->repository));
  return 1;
}

/* ---- the module ---- */

static fl_nret library_close(lua_State *L) {
  bool *open = luaL_checkudata(L, 1, LIBRARY);
  if (*open) git_libgit2_shutdown();
  *open = false;
  return 0;
}

/* Kept in the registry. Made before any repository, it is collected after all of them when the state closes. */
static void open_library(lua_State *L) {
  /* Formats that change nothing for a reader: settings of one worktree, objects that are fetched when wanted, objects that
  ** must not be pruned. libgit2 1.5 would refuse to open such a repository. */
  static const char *const extensions[] = {"worktreeconfig", "partialclone", "preciousobjects"};
  bool known = lua_getfield(L, LUA_REGISTRYINDEX, LIBRARY " open") != LUA_TNIL;
  lua_pop(L, 1);
  if (known) return; /* the module is loaded anew */
  bool *open = lua_newuserdatauv(L, sizeof *open, 0);
  *open = false;
  luaL_newmetatable(L, LIBRARY);
  lua_pushcfunction(L, library_close);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  lua_setfield(L, LUA_REGISTRYINDEX, LIBRARY " open");
  lua_getfield(L, LUA_REGISTRYINDEX, LIBRARY " open");
  if (git_libgit2_init() < 0) luaL_error(L, "libgit2 cannot be initialised");
  *open = true;
  git_libgit2_opts(GIT_OPT_SET_EXTENSIONS, extensions, sizeof extensions / sizeof *extensions);
  lua_pop(L, 1);
}

static const luaL_Reg repository_meta[] = {
    {"__close", repository_close}, /* as close */
    {"__gc", repository_close},
    {"__tostring", repository_tostring},
    {NULL, NULL},
};
static const luaL_Reg own_methods[] = {
    {"close", repository_close}, /* give the repository back */
    {NULL, NULL},
};
/* version() -> string of libgit2: "1.5.1" */
static fl_nret native_version(lua_State *L) {
  int major, minor, patch;
  git_libgit2_version(&major, &minor, &patch);
  lua_pushfstring(L, "%d.%d.%d", major, minor, patch);
  return 1;
}

static const luaL_Reg native_functions[] = {
    {"open", native_open},       /* a repository in a folder */
    {"version", native_version}, /* libgit2's */
    {NULL, NULL},
};

FL_API int luaopen_fairlead_git_native(lua_State *L);

int luaopen_fairlead_git_native(lua_State *L) {
  open_library(L);
  luaL_newlib(L, native_functions);
  luaL_newmetatable(L, REPOSITORY);
  luaL_setfuncs(L, repository_meta, 0);
  lua_newtable(L);
  luaL_setfuncs(L, own_methods, 0);
  luaL_setfuncs(L, repository_methods, 0);
  luaL_setfuncs(L, status_methods, 0);
  luaL_setfuncs(L, history_methods, 0);
  luaL_setfuncs(L, refs_methods, 0);
  lua_pushvalue(L, -1);
  lua_setfield(L, -3, "__index");
  lua_setfield(L, -3, "repository_methods");
  lua_pop(L, 1);
  return 1;
}
