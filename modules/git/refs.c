/* refs.c - branches, tags and other refs: listing all, making branches and tags. */
#include <string.h>
#include <time.h>

#include "native.h"

/* ---- branches ---- */

/* Where a branch's upstream is kept here. libgit2's own git_branch_upstream looks the remote up, and that leaks 20 KB for
** each setting there is (1.5: its regular expressions keep their memory when nothing matches). */
typedef struct upstream_search {
  const char *merge; /* the branch on the remote, "refs/heads/main" */
  git_buf found;     /* "refs/remotes/origin/main" */
} upstream_search;

static int try_refspec(const git_config_entry *entry, void *context) {
  upstream_search *search = context;
  git_refspec *refspec = NULL;
  if (search->found.size > 0 || git_refspec_parse(&refspec, entry->value, 1) < 0) return 0;
  if (git_refspec_src_matches(refspec, search->merge)) {
    git_refspec_transform(&search->found, refspec, search->merge);
  }
  git_refspec_free(refspec);
  return 0;
}

static const char *branch_setting(lua_State *L, git_config *config, const char *branch, const char *name) {
  const char *value;
  lua_pushfstring(L, "branch.%s.%s", branch, name);
  int code = git_config_get_string(&value, config, lua_tostring(L, -1));
  lua_pop(L, 1);
  return code == 0 ? value : NULL;
}

/* Sets `upstream` in the table on top. */
static void set_upstream(lua_State *L, git_config *config, const char *branch) {
  static const char heads[] = "refs/heads/", remotes[] = "refs/remotes/";
  upstream_search search = {NULL, {NULL, 0, 0}};
  const char *remote = branch_setting(L, config, branch, "remote");
  search.merge = branch_setting(L, config, branch, "merge");
  if (remote == NULL || search.merge == NULL) return;
  if (strcmp(remote, ".") == 0) { /* a branch of this repository */
    if (strncmp(search.merge, heads, sizeof heads - 1) != 0) return;
    lua_pushstring(L, search.merge + sizeof heads - 1);
  } else {
    luaL_checkstack(L, 4, NULL);
    lua_pushfstring(L, "remote.%s.fetch", remote);
    char place[256] = "";
    git_config_get_multivar_foreach(config, lua_tostring(L, -1), NULL, try_refspec, &search);
    lua_pop(L, 1);
    if (search.found.size > 0 && search.found.size < sizeof place)
      memcpy(place, search.found.ptr, search.found.size + 1);
    git_buf_dispose(&search.found);
    if (strncmp(place, remotes, sizeof remotes - 1) != 0) return;
    lua_pushstring(L, place + sizeof remotes - 1);
  }
  lua_setfield(L, -2, "upstream");
}

/* Pushes {name=, sha=, head=, upstream=}; false and nothing for one that points nowhere, as origin/HEAD may. */
static bool push_branch(lua_State *L, git_reference *branch, git_object **commit, git_config *config) {
  const char *name;
  if (git_branch_name(&name, branch) != 0) return false;
  if (git_reference_peel(commit, branch, GIT_OBJECT_COMMIT) != 0) return false;
  lua_createtable(L, 0, 4);
  lua_pushstring(L, name);
  lua_setfield(L, -2, "name");
  native_push_id(L, git_object_id(*commit));
  lua_setfield(L, -2, "sha");
  git_object_free(*commit);
  *commit = NULL;
  if (git_branch_is_head(branch) == 1) {
    lua_pushboolean(L, true);
    lua_setfield(L, -2, "head");
  }
  if (!git_reference_is_remote(branch)) set_upstream(L, config, name);
  return true;
}

/* Repository:branches(remote: boolean)
**     remote: those that follow remotes' branches ("origin/main"), not the local ones
**     -> list of {name=, sha=, head=, upstream=} */
static fl_nret repository_branches(lua_State *L) {
  git_repository *repository = check_repository(L);
  git_branch_t wanted = lua_toboolean(L, 2) ? GIT_BRANCH_REMOTE : GIT_BRANCH_LOCAL;
  git_branch_t kind;
  lua_Integer count = 0;
  git_branch_iterator **all = hold_branch_iterator(L);
  git_reference **branch = hold_reference(L);
  git_config **config = hold_config(L);
  git_object **commit = hold_object(L);
  native_check(L, git_repository_config_snapshot(config, repository), "git.branches", git_repository_path(repository));
  native_check(L, git_branch_iterator_new(all, repository, wanted), "git.branches", git_repository_path(repository));
  lua_newtable(L);
  for (;;) {
    int code = git_branch_next(branch, &kind, *all);
    if (code == GIT_ITEROVER) return 1;
    native_check(L, code, "git.branches", git_repository_path(repository));
    bool symbolic = git_reference_type(*branch) == GIT_REFERENCE_SYMBOLIC; /* origin/HEAD is another name for one */
    if (!symbolic && push_branch(L, *branch, commit, *config)) lua_seti(L, -2, ++count);
    git_reference_free(*branch);
    *branch = NULL;
  }
}

/* Repository:create_branch(name: string, at: string)
**     -> string, the id of its commit
**     raises git.exists, git.invalid_name, git.not_found */
static fl_nret repository_create_branch(lua_State *L) {
  git_repository *repository = check_repository(L);
  const char *name = luaL_checkstring(L, 2);
  lua_settop(L, 3);
  git_oid id;
  int valid = 0;
  if (git_branch_name_is_valid(&valid, name) < 0 || !valid || *name == '-') {
    native_refuse(L, "git.invalid_name", "git.create_branch", name, "no branch can have this name", NULL);
  }
  native_resolve_commit(L, repository, 3, "git.create_branch", &id);
  git_commit **commit = hold_commit(L);
  git_reference **branch = hold_reference(L);
  native_check(L, git_commit_lookup(commit, repository, &id), "git.create_branch", name);
  int code = git_branch_create(branch, repository, name, *commit, 0);
  if (code == GIT_EEXISTS) {
    native_refuse(L, "git.exists", "git.create_branch", name, "there is a branch of this name", NULL);
  }
  native_check(L, code, "git.create_branch", name);
  native_push_id(L, &id);
  return 1;
}

/* Repository:is_branch_name(name: string)
**     -> boolean: a branch may be called so */
static fl_nret repository_is_branch_name(lua_State *L) {
  int valid = 0;
  check_repository(L);
  const char *name = luaL_checkstring(L, 2);
  lua_pushboolean(L, git_branch_name_is_valid(&valid, name) == 0 && valid && *name != '-');
  return 1;
}

/* ---- tags ---- */

/* Pushes {name=, sha=, annotated=, message=}; false and nothing when the tag is on something that is no commit. */
static bool push_tag(lua_State *L, git_repository *repository, const git_reference *reference, git_object **commit,
                     git_tag **tag) {
  if (git_reference_peel(commit, reference, GIT_OBJECT_COMMIT) != 0) return false;
  lua_createtable(L, 0, 4);
  lua_pushstring(L, git_reference_shorthand(reference));
  lua_setfield(L, -2, "name");
  native_push_id(L, git_object_id(*commit));
  lua_setfield(L, -2, "sha");
  git_object_free(*commit);
  *commit = NULL;
  const git_oid *target = git_reference_target(reference);
  bool annotated = target != NULL && git_tag_lookup(tag, repository, target) == 0;
  lua_pushboolean(L, annotated);
  lua_setfield(L, -2, "annotated");
  if (!annotated) return true;
  size_t length;
  const char *message = git_tag_message(*tag);
  native_push_text(L, message != NULL ? message : "");
  message = lua_tolstring(L, -1, &length);
  while (length > 0 && message[length - 1] == '\n') length--;
  lua_pushlstring(L, message, length);
  lua_setfield(L, -3, "message");
  lua_pop(L, 1);
  git_tag_free(*tag);
  *tag = NULL;
  return true;
}

/* Repository:tags()
**     -> list of {name=, sha= (of the commit), annotated=, message=} */
static fl_nret repository_tags(lua_State *L) {
  git_repository *repository = check_repository(L);
  lua_Integer count = 0;
  git_reference_iterator **all = hold_reference_iterator(L);
  git_reference **reference = hold_reference(L);
  git_object **commit = hold_object(L);
  git_tag **tag = hold_tag(L);
  native_check(L, git_reference_iterator_glob_new(all, repository, "refs/tags/*"), "git.tags",
               git_repository_path(repository));
  lua_newtable(L);
  for (;;) {
    int code = git_reference_next(reference, *all);
    if (code == GIT_ITEROVER) return 1;
    native_check(L, code, "git.tags", git_repository_path(repository));
    if (push_tag(L, repository, *reference, commit, tag)) lua_seti(L, -2, ++count);
    git_reference_free(*reference);
    *reference = NULL;
  }
}

/* Minutes east of Greenwich, here and then. */
static int zone_at(time_t when) {
  struct tm parts;
  return localtime_r(&when, &parts) != NULL ? (int)(parts.tm_gmtoff / 60) : 0;
}

static int annotate(lua_State *L, git_repository *repository, const git_object *commit, git_oid *made) {
  const char *name = luaL_checkstring(L, 2);
  double now = fl_now(L);
  git_signature **tagger = hold_signature(L);
  int code =
      git_signature_new(tagger, luaL_checkstring(L, 5), luaL_checkstring(L, 6), (git_time_t)now, zone_at((time_t)now));
  native_check(L, code, "git.tag", name);
  return git_tag_create(made, repository, name, commit, *tagger, luaL_checkstring(L, 4), 0);
}

/* Repository:tag(name: string, at: string, message: string|nil, tagger: string|nil, email: string|nil)
**     message: makes an annotated tag, by the tagger
**     -> string, the id of its commit
**     raises git.exists, git.invalid_name, git.not_found */
static fl_nret repository_tag(lua_State *L) {
  git_repository *repository = check_repository(L);
  const char *name = luaL_checkstring(L, 2);
  lua_settop(L, 6); /* holders go above the arguments, also above those that were not given */
  git_oid id, made;
  int valid = 0;
  if (git_tag_name_is_valid(&valid, name) < 0 || !valid || *name == '-') {
    native_refuse(L, "git.invalid_name", "git.tag", name, "no tag can have this name", NULL);
  }
  native_resolve_commit(L, repository, 3, "git.tag", &id);
  git_object **commit = hold_object(L);
  native_check(L, git_object_lookup(commit, repository, &id, GIT_OBJECT_COMMIT), "git.tag", name);
  int code = lua_isnoneornil(L, 4) ? git_tag_create_lightweight(&made, repository, name, *commit, 0)
                                   : annotate(L, repository, *commit, &made);
  if (code == GIT_EEXISTS) native_refuse(L, "git.exists", "git.tag", name, "there is a tag of this name", NULL);
  native_check(L, code, "git.tag", name);
  native_push_id(L, &id);
  return 1;
}

/* ---- all refs ---- */

/* Repository:refs()
**     -> table, full name -> id of what it points at; symbolic ones left out */
static fl_nret repository_refs(lua_State *L) {
  git_repository *repository = check_repository(L);
  git_reference_iterator **all = hold_reference_iterator(L);
  git_reference **reference = hold_reference(L);
  native_check(L, git_reference_iterator_new(all, repository), "git.refs", git_repository_path(repository));
  lua_newtable(L);
  for (;;) {
    int code = git_reference_next(reference, *all);
    if (code == GIT_ITEROVER) return 1;
    native_check(L, code, "git.refs", git_repository_path(repository));
    const git_oid *target = git_reference_target(*reference);
    if (target != NULL) {
      native_push_id(L, target);
      lua_setfield(L, -2, git_reference_name(*reference));
    }
    git_reference_free(*reference);
    *reference = NULL;
  }
}

const luaL_Reg refs_methods[] = {
    {"branches", repository_branches},             /* local ones, or remotes' */
    {"create_branch", repository_create_branch},   /* at a commit */
    {"is_branch_name", repository_is_branch_name}, /* by git's rules */
    {"tags", repository_tags},                     /* those on commits */
    {"tag", repository_tag},                       /* puts one on a commit */
    {"refs", repository_refs},                     /* every name and its id */
    {NULL, NULL},
};
