/* status.c - what differs between HEAD, the index and the working tree. */
#include "native.h"

typedef struct status_word {
  unsigned flag;
  const char *word;
} status_word;

static const status_word index_words[] = {
    {GIT_STATUS_INDEX_NEW, "added"},
    {GIT_STATUS_INDEX_MODIFIED, "modified"},
    {GIT_STATUS_INDEX_DELETED, "deleted"},
    {GIT_STATUS_INDEX_RENAMED, "renamed"},
    {GIT_STATUS_INDEX_TYPECHANGE, "type_changed"},
    {GIT_STATUS_CONFLICTED, "conflicted"},
    {0, NULL},
};
static const status_word worktree_words[] = {
    {GIT_STATUS_WT_NEW, "untracked"},           {GIT_STATUS_WT_MODIFIED, "modified"},
    {GIT_STATUS_WT_DELETED, "deleted"},         {GIT_STATUS_WT_RENAMED, "renamed"},
    {GIT_STATUS_WT_TYPECHANGE, "type_changed"}, {GIT_STATUS_WT_UNREADABLE, "unreadable"},
    {GIT_STATUS_CONFLICTED, "conflicted"},      {0, NULL},
};

static void set_word(lua_State *L, const char *field, const status_word *words, unsigned status) {
  while (words->flag != 0 && (status & words->flag) == 0) words++;
  if (words->word == NULL) return;
  lua_pushstring(L, words->word);
  lua_setfield(L, -2, field);
}

/* A file that a sparse checkout leaves out is missing on purpose; libgit2 does not know. */
static bool is_left_out(git_index *index, const git_status_entry *entry) {
  if (entry->status != GIT_STATUS_WT_DELETED) return false;
  const git_index_entry *tracked = git_index_get_bypath(index, entry->index_to_workdir->old_file.path, 0);
  return tracked != NULL && (tracked->flags_extended & GIT_INDEX_ENTRY_SKIP_WORKTREE) != 0;
}

/* The paths of an entry: the present one, and the one before a rename or NULL. */
static const char *paths_of(const git_status_entry *entry, const char **old_path) {
  const git_diff_delta *staged = entry->head_to_index, *unstaged = entry->index_to_workdir;
  const git_diff_delta *latest = unstaged != NULL ? unstaged : staged;
  *old_path = NULL;
  if (latest == NULL) return ""; /* libgit2 gives at least one of them */
  if (staged != NULL && (entry->status & GIT_STATUS_INDEX_RENAMED) != 0) *old_path = staged->old_file.path;
  return latest->new_file.path != NULL ? latest->new_file.path : latest->old_file.path;
}

static void push_entry(lua_State *L, const git_status_entry *entry) {
  const char *old_path;
  const char *path = paths_of(entry, &old_path);
  lua_createtable(L, 0, 3);
  lua_pushstring(L, path);
  lua_setfield(L, -2, "path");
  if (old_path != NULL) {
    lua_pushstring(L, old_path);
    lua_setfield(L, -2, "old_path");
  }
  set_word(L, "index", index_words, entry->status);
  set_word(L, "worktree", worktree_words, entry->status);
}

/* Repository:status()
**     -> list of {path=, old_path=, index=, worktree=}, as `git status` lists them; empty: nothing to commit
**     raises git.bare */
static fl_nret repository_status(lua_State *L) {
  git_repository *repository = check_repository(L);
  const char *folder = git_repository_path(repository);
  git_status_options options;
  git_status_options_init(&options, GIT_STATUS_OPTIONS_VERSION);
  /* Without UPDATE_INDEX: asking must not fail because another git holds the index's lock. */
  options.flags =
      GIT_STATUS_OPT_INCLUDE_UNTRACKED | GIT_STATUS_OPT_RENAMES_HEAD_TO_INDEX | GIT_STATUS_OPT_SORT_CASE_SENSITIVELY;
  git_status_list **list = hold_status_list(L);
  git_index **index = hold_index(L);
  lua_Integer count = 0;
  native_check(L, git_status_list_new(list, repository, &options), "git.status", folder);
  native_check(L, git_repository_index(index, repository), "git.status", folder);
  lua_newtable(L);
  for (size_t i = 0; i < git_status_list_entrycount(*list); i++) {
    const git_status_entry *entry = git_status_byindex(*list, i);
    if (is_left_out(*index, entry)) continue;
    push_entry(L, entry);
    lua_seti(L, -2, ++count);
  }
  return 1;
}

const luaL_Reg status_methods[] = {
    {"status", repository_status}, /* what is not committed */
    {NULL, NULL},
};
