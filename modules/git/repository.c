/* repository.c - what a repository is, where its HEAD points, what a revision names, what its settings say. */
#include <string.h>

#include "native.h"

void native_push_id(lua_State *L, const git_oid *id) {
  char text[GIT_OID_HEXSZ + 1];
  git_oid_tostr(text, sizeof text, id);
  lua_pushstring(L, text);
}

/* ---- text ---- */

/* Bytes of the UTF-8 sequence that begins at `text`; 0 when it is none. */
static size_t sequence_length(const unsigned char *text) {
  static const unsigned smallest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (text[0] < 0x80) return 1;
  size_t length = text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : 2;
  if (text[0] < 0xc2 || text[0] > 0xf4) return 0;
  unsigned code = text[0] & (0xffu >> (length + 1));
  for (size_t i = 1; i < length; i++) {
    if ((text[i] & 0xc0) != 0x80) return 0; /* the end of the text is such a byte, too */
    code = code << 6 | (text[i] & 0x3fu);
  }
  return code < smallest[length] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? 0 : length;
}

static bool is_utf8(const char *text) {
  while (*text != '\0') {
    size_t length = sequence_length((const unsigned char *)text);
    if (length == 0) return false;
    text += length;
  }
  return true;
}

void native_push_text(lua_State *L, const char *text) {
  if (is_utf8(text)) {
    lua_pushstring(L, text);
    return;
  }
  luaL_Buffer latin;
  luaL_buffinit(L, &latin);
  for (; *text != '\0'; text++) {
    unsigned char byte = (unsigned char)*text;
    if (byte >= 0x80) {
      luaL_addchar(&latin, (char)(0xc0 | byte >> 6));
      byte = 0x80 | (byte & 0x3f);
    }
    luaL_addchar(&latin, (char)byte);
  }
  luaL_pushresult(&latin);
}

/* ---- revisions ---- */

/* The object that a revision names; an annotated tag's is what it was put on. */
static void resolve(lua_State *L, git_repository *repository, const char *revision, const char *op,
                    git_object **object) {
  git_object **named = hold_object(L);
  native_check(L, git_revparse_single(named, repository, revision), op, revision);
  int code = git_object_type(*named) == GIT_OBJECT_TAG ? git_object_peel(object, *named, GIT_OBJECT_ANY)
                                                       : git_object_dup(object, *named);
  native_check(L, code, op, revision);
}

void native_resolve_commit(lua_State *L, git_repository *repository, int arg, const char *op, git_oid *id) {
  const char *revision = luaL_checkstring(L, arg);
  git_object **object = hold_object(L);
  git_object **commit = hold_object(L);
  resolve(L, repository, revision, op, object);
  if (git_object_peel(commit, *object, GIT_OBJECT_COMMIT) < 0) {
    native_refuse(L, "git.not_found", op, revision, "it names no commit", "name a commit, branch or tag");
  }
  git_oid_cpy(id, git_object_id(*commit));
}

/* Repository:resolve(revision: string)
**     -> string, the full id
**     raises git.not_found, git.ambiguous */
static fl_nret repository_resolve(lua_State *L) {
  git_repository *repository = check_repository(L);
  const char *revision = luaL_checkstring(L, 2);
  git_object **object = hold_object(L);
  resolve(L, repository, revision, "git.resolve", object);
  native_push_id(L, git_object_id(*object));
  return 1;
}

/* ---- HEAD ---- */

static void set_branch(lua_State *L, const git_reference *head) {
  static const char prefix[] = "refs/heads/";
  const char *target = git_reference_symbolic_target(head);
  if (target == NULL) return;
  if (strncmp(target, prefix, sizeof prefix - 1) == 0) target += sizeof prefix - 1;
  lua_pushstring(L, target);
  lua_setfield(L, -2, "branch");
}

/* Repository:head()
**     -> {branch=, sha=, detached=, unborn=}: branch nil when detached, sha nil before the first commit */
static fl_nret repository_head(lua_State *L) {
  git_repository *repository = check_repository(L);
  git_reference **head = hold_reference(L);
  git_oid id;
  native_check(L, git_reference_lookup(head, repository, "HEAD"), "git.head", git_repository_path(repository));
  int code = git_reference_name_to_id(&id, repository, "HEAD");
  bool unborn = code == GIT_ENOTFOUND || code == GIT_EUNBORNBRANCH;
  if (!unborn) native_check(L, code, "git.head", git_repository_path(repository));
  lua_createtable(L, 0, 4);
  set_branch(L, *head);
  lua_pushboolean(L, git_reference_type(*head) == GIT_REFERENCE_DIRECT);
  lua_setfield(L, -2, "detached");
  if (unborn) {
    lua_pushboolean(L, true);
    lua_setfield(L, -2, "unborn");
  } else {
    native_push_id(L, &id);
    lua_setfield(L, -2, "sha");
  }
  return 1;
}

/* ---- facts ---- */

static void push_folder(lua_State *L, const char *path) {
  size_t length = strlen(path);
  while (length > 1 && path[length - 1] == '/') length--;
  lua_pushlstring(L, path, length);
}

/* Repository:folder()
**     -> string, the working tree's; a bare repository's own */
static fl_nret repository_folder(lua_State *L) {
  git_repository *repository = check_repository(L);
  const char *tree = git_repository_workdir(repository);
  push_folder(L, tree != NULL ? tree : git_repository_path(repository));
  return 1;
}

/* Repository:is_bare()
**     -> boolean */
static fl_nret repository_is_bare(lua_State *L) {
  lua_pushboolean(L, git_repository_is_bare(check_repository(L)));
  return 1;
}

/* Repository:is_shallow()
**     -> boolean: the history was cut when it was cloned */
static fl_nret repository_is_shallow(lua_State *L) {
  lua_pushboolean(L, git_repository_is_shallow(check_repository(L)) == 1);
  return 1;
}

/* Repository:setting(name: string)
**     -> string, the value that git would use; nil when there is none */
static fl_nret repository_setting(lua_State *L) {
  git_repository *repository = check_repository(L);
  const char *name = luaL_checkstring(L, 2);
  const char *value;
  git_config **config = hold_config(L);
  native_check(L, git_repository_config_snapshot(config, repository), "git.setting", name);
  int code = git_config_get_string(&value, *config, name);
  if (code == GIT_ENOTFOUND || code == GIT_EINVALIDSPEC) return 0;
  native_check(L, code, "git.setting", name);
  native_push_text(L, value);
  return 1;
}

/* The name in "remote.<name>.url", or NULL. */
static const char *remote_name(const char *setting, size_t *length) {
  static const char before[] = "remote.", after[] = ".url";
  size_t whole = strlen(setting), ends = sizeof before - 1 + sizeof after - 1;
  if (whole <= ends || strncmp(setting, before, sizeof before - 1) != 0) return NULL;
  if (strcmp(setting + whole - (sizeof after - 1), after) != 0) return NULL;
  *length = whole - ends;
  return setting + sizeof before - 1;
}

/* Repository:remotes()
**     -> list of names
** Not by git_remote_list, which leaks memory for each setting that there is (libgit2 1.5). */
static fl_nret repository_remotes(lua_State *L) {
  git_repository *repository = check_repository(L);
  const char *folder = git_repository_path(repository);
  git_config **config = hold_config(L);
  git_config_iterator **settings = hold_config_iterator(L);
  git_config_entry *entry;
  lua_Integer count = 0;
  native_check(L, git_repository_config_snapshot(config, repository), "git.remotes", folder);
  native_check(L, git_config_iterator_new(settings, *config), "git.remotes", folder);
  lua_newtable(L); /* the list */
  lua_newtable(L); /* the names in it: a remote may have several addresses */
  for (;;) {
    size_t length;
    int code = git_config_next(&entry, *settings);
    if (code == GIT_ITEROVER) break;
    native_check(L, code, "git.remotes", folder);
    const char *name = remote_name(entry->name, &length);
    if (name == NULL) continue;
    lua_pushlstring(L, name, length);
    lua_pushvalue(L, -1);
    if (lua_rawget(L, -3) == LUA_TNIL) {
      lua_pushvalue(L, -2);
      lua_seti(L, -5, ++count);
      lua_pushvalue(L, -2);
      lua_pushboolean(L, true);
      lua_rawset(L, -5);
    }
    lua_pop(L, 2);
  }
  lua_pop(L, 1);
  return 1;
}

const luaL_Reg repository_methods[] = {
    {"resolve", repository_resolve},       /* the full id of a revision */
    {"head", repository_head},             /* what is checked out */
    {"folder", repository_folder},         /* where it is */
    {"is_bare", repository_is_bare},       /* has no working tree */
    {"is_shallow", repository_is_shallow}, /* has no full history */
    {"setting", repository_setting},       /* of git config */
    {"remotes", repository_remotes},       /* their names */
    {NULL, NULL},
};
