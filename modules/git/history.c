/* history.c - commits: reading, listing, comparing. For a repository with its whole history: libgit2 1.5 does not know
** where a shallow one ends, so modules/git/shallow.lua answers for those.
*/
#include "native.h"

/* ---- one commit ---- */

static void push_person(lua_State *L, const git_signature *person) {
  lua_createtable(L, 0, 3);
  native_push_text(L, person->name);
  lua_setfield(L, -2, "name");
  native_push_text(L, person->email);
  lua_setfield(L, -2, "email");
  lua_pushinteger(L, (lua_Integer)person->when.time);
  lua_setfield(L, -2, "time");
}

static void push_message(lua_State *L, const char *message) {
  size_t length;
  native_push_text(L, message != NULL ? message : "");
  const char *text = lua_tolstring(L, -1, &length);
  while (length > 0 && text[length - 1] == '\n') length--;
  lua_pushlstring(L, text, length);
  lua_remove(L, -2);
}

static void push_commit(lua_State *L, git_commit *commit) {
  unsigned parents = git_commit_parentcount(commit);
  const char *summary = git_commit_summary(commit);
  lua_createtable(L, 0, 7);
  native_push_id(L, git_commit_id(commit));
  lua_setfield(L, -2, "sha");
  native_push_text(L, summary != NULL ? summary : "");
  lua_setfield(L, -2, "summary");
  push_message(L, git_commit_message(commit));
  lua_setfield(L, -2, "message");
  push_person(L, git_commit_author(commit));
  lua_setfield(L, -2, "author");
  push_person(L, git_commit_committer(commit));
  lua_setfield(L, -2, "committer");
  lua_pushinteger(L, (lua_Integer)git_commit_time(commit));
  lua_setfield(L, -2, "time");
  lua_createtable(L, (int)parents, 0);
  for (unsigned i = 0; i < parents; i++) {
    native_push_id(L, git_commit_parent_id(commit, i));
    lua_seti(L, -2, (lua_Integer)i + 1);
  }
  lua_setfield(L, -2, "parents");
}

/* Repository:commit(revision: string)
**     -> {sha=, summary=, message=, author=, committer=, time=, parents=}
**     raises git.not_found, git.ambiguous */
static fl_nret repository_commit(lua_State *L) {
  git_repository *repository = check_repository(L);
  lua_settop(L, 2);
  git_oid id;
  native_resolve_commit(L, repository, 2, "git.commit", &id);
  git_commit **commit = hold_commit(L);
  native_check(L, git_commit_lookup(commit, repository, &id), "git.commit", lua_tostring(L, 2));
  push_commit(L, *commit);
  return 1;
}

/* ---- lists of commits ---- */

/* Repository:log(to: string, from: string|nil, limit: integer|nil)
**     -> list of commits that `to` reaches and `from` does not, newest first, none before its children
**     raises git.not_found, git.ambiguous */
static fl_nret repository_log(lua_State *L) {
  git_repository *repository = check_repository(L);
  lua_Integer limit = luaL_optinteger(L, 4, LUA_MAXINTEGER);
  lua_settop(L, 4); /* holders go above the arguments, also above those that were not given */
  git_oid id;
  git_revwalk **walk = hold_revwalk(L);
  native_check(L, git_revwalk_new(walk, repository), "git.log", git_repository_path(repository));
  git_revwalk_sorting(*walk, GIT_SORT_TOPOLOGICAL | GIT_SORT_TIME);
  native_resolve_commit(L, repository, 2, "git.log", &id);
  native_check(L, git_revwalk_push(*walk, &id), "git.log", lua_tostring(L, 2));
  if (!lua_isnoneornil(L, 3)) {
    native_resolve_commit(L, repository, 3, "git.log", &id);
    native_check(L, git_revwalk_hide(*walk, &id), "git.log", lua_tostring(L, 3));
  }
  git_commit **commit = hold_commit(L);
  lua_newtable(L);
  for (lua_Integer count = 1; count <= limit; count++) {
    int code = git_revwalk_next(&id, *walk);
    if (code == GIT_ITEROVER) break;
    native_check(L, code, "git.log", lua_tostring(L, 2));
    native_check(L, git_commit_lookup(commit, repository, &id), "git.log", lua_tostring(L, 2));
    push_commit(L, *commit);
    lua_seti(L, -2, count);
    git_commit_free(*commit);
    *commit = NULL;
  }
  return 1;
}

/* Repository:merge_base(a: string, b: string)
**     -> string, the id of the best common ancestor; nil when they have none
**     raises git.not_found, git.ambiguous */
static fl_nret repository_merge_base(lua_State *L) {
  git_repository *repository = check_repository(L);
  lua_settop(L, 3);
  git_oid a, b, base;
  native_resolve_commit(L, repository, 2, "git.merge_base", &a);
  native_resolve_commit(L, repository, 3, "git.merge_base", &b);
  int code = git_merge_base(&base, repository, &a, &b);
  if (code == GIT_ENOTFOUND) return 0;
  native_check(L, code, "git.merge_base", lua_tostring(L, 2));
  native_push_id(L, &base);
  return 1;
}

/* Repository:ahead_behind(a: string, b: string)
**     -> integer, commits that only a has; integer, commits that only b has
**     raises git.not_found, git.ambiguous */
static fl_nret repository_ahead_behind(lua_State *L) {
  git_repository *repository = check_repository(L);
  lua_settop(L, 3);
  git_oid a, b;
  size_t ahead, behind;
  native_resolve_commit(L, repository, 2, "git.ahead_behind", &a);
  native_resolve_commit(L, repository, 3, "git.ahead_behind", &b);
  native_check(L, git_graph_ahead_behind(&ahead, &behind, repository, &a, &b), "git.ahead_behind", lua_tostring(L, 2));
  lua_pushinteger(L, (lua_Integer)ahead);
  lua_pushinteger(L, (lua_Integer)behind);
  return 2;
}

/* Repository:is_ancestor(a: string, b: string)
**     -> boolean: b contains a, or is it
**     raises git.not_found, git.ambiguous */
static fl_nret repository_is_ancestor(lua_State *L) {
  git_repository *repository = check_repository(L);
  lua_settop(L, 3);
  git_oid a, b;
  native_resolve_commit(L, repository, 2, "git.is_ancestor", &a);
  native_resolve_commit(L, repository, 3, "git.is_ancestor", &b);
  int contains = git_oid_equal(&a, &b) || git_graph_descendant_of(repository, &b, &a);
  native_check(L, contains, "git.is_ancestor", lua_tostring(L, 2));
  lua_pushboolean(L, contains);
  return 1;
}

/* ---- differences ---- */

static const char *word_for(git_delta_t status) {
  switch (status) {
  case GIT_DELTA_ADDED: return "added";
  case GIT_DELTA_DELETED: return "deleted";
  case GIT_DELTA_RENAMED: return "renamed";
  case GIT_DELTA_COPIED: return "copied";
  case GIT_DELTA_TYPECHANGE: return "type_changed";
  default: return "modified";
  }
}

static void set_integer(lua_State *L, const char *name, size_t value) {
  lua_pushinteger(L, (lua_Integer)value);
  lua_setfield(L, -2, name);
}

static void push_file(lua_State *L, const git_diff_delta *delta, size_t insertions, size_t deletions) {
  lua_createtable(L, 0, 6);
  lua_pushstring(L, delta->status == GIT_DELTA_DELETED ? delta->old_file.path : delta->new_file.path);
  lua_setfield(L, -2, "path");
  if (delta->status == GIT_DELTA_RENAMED || delta->status == GIT_DELTA_COPIED) {
    lua_pushstring(L, delta->old_file.path);
    lua_setfield(L, -2, "old_path");
  }
  lua_pushstring(L, word_for(delta->status));
  lua_setfield(L, -2, "status");
  set_integer(L, "insertions", insertions);
  set_integer(L, "deletions", deletions);
  if ((delta->flags & GIT_DIFF_FLAG_BINARY) != 0) {
    lua_pushboolean(L, true);
    lua_setfield(L, -2, "binary");
  }
}

static void hold_tree_of(lua_State *L, git_repository *repository, int arg, git_tree **tree) {
  git_oid id;
  native_resolve_commit(L, repository, arg, "git.diff_stat", &id);
  git_commit **commit = hold_commit(L);
  native_check(L, git_commit_lookup(commit, repository, &id), "git.diff_stat", lua_tostring(L, arg));
  native_check(L, git_commit_tree(tree, *commit), "git.diff_stat", lua_tostring(L, arg));
}

/* The difference of the trees at arguments 2 and 3, with renames found as git finds them. */
static void compare(lua_State *L, git_repository *repository, git_diff **diff) {
  git_tree **a = hold_tree(L);
  git_tree **b = hold_tree(L);
  git_diff_find_options options;
  hold_tree_of(L, repository, 2, a);
  hold_tree_of(L, repository, 3, b);
  native_check(L, git_diff_tree_to_tree(diff, repository, *a, *b, NULL), "git.diff_stat", lua_tostring(L, 2));
  git_diff_find_options_init(&options, GIT_DIFF_FIND_OPTIONS_VERSION);
  options.flags = GIT_DIFF_FIND_RENAMES;
  options.rename_limit = 1000; /* git's own */
  native_check(L, git_diff_find_similar(*diff, &options), "git.diff_stat", lua_tostring(L, 2));
}

/* Repository:diff_stat(a: string, b: string)
**     -> {files=, insertions=, deletions=, by_file={{path=, old_path=, status=, insertions=, deletions=, binary=}, …}}
**     raises git.not_found, git.ambiguous */
static fl_nret repository_diff_stat(lua_State *L) {
  git_repository *repository = check_repository(L);
  lua_settop(L, 3);
  git_diff **diff = hold_diff(L);
  git_patch **patch = hold_patch(L);
  size_t all_insertions = 0, all_deletions = 0;
  compare(L, repository, diff);
  size_t count = git_diff_num_deltas(*diff);
  lua_createtable(L, 0, 4);
  lua_newtable(L);
  for (size_t i = 0; i < count; i++) {
    size_t insertions = 0, deletions = 0;
    native_check(L, git_patch_from_diff(patch, *diff, i), "git.diff_stat", lua_tostring(L, 2));
    if (*patch != NULL) git_patch_line_stats(NULL, &insertions, &deletions, *patch);
    git_patch_free(*patch);
    *patch = NULL;
    push_file(L, git_diff_get_delta(*diff, i), insertions, deletions);
    lua_seti(L, -2, (lua_Integer)i + 1);
    all_insertions += insertions;
    all_deletions += deletions;
  }
  lua_setfield(L, -2, "by_file");
  set_integer(L, "files", count);
  set_integer(L, "insertions", all_insertions);
  set_integer(L, "deletions", all_deletions);
  return 1;
}

const luaL_Reg history_methods[] = {
    {"commit", repository_commit},             /* one commit */
    {"log", repository_log},                   /* commits, newest first */
    {"merge_base", repository_merge_base},     /* where two histories parted */
    {"ahead_behind", repository_ahead_behind}, /* how far they are apart */
    {"is_ancestor", repository_is_ancestor},   /* whether one contains the other */
    {"diff_stat", repository_diff_stat},       /* what changed between two, in numbers */
    {NULL, NULL},
};
