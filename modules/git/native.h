/* native.h - what the files of fairlead.git.native share.
**
** native.c opens the module and repositories and turns libgit2's errors into error objects; holder.c keeps libgit2's
** objects from leaking; repository.c, status.c, history.c and refs.c are the methods of a repository.
*/
#ifndef FAIRLEAD_GIT_NATIVE_H
#define FAIRLEAD_GIT_NATIVE_H

#include <git2.h>

#include "fairlead.h"

#define REPOSITORY "git.Repository"

/* ---- native.c ---- */

/* The open repository of a method's first argument; raises when it is closed. */
git_repository *check_repository(lua_State *L);

/* Raises the error object for libgit2's `code`: `op` as "git.log"; `target` is what it was asked about. */
int native_raise(lua_State *L, int code, const char *op, const char *target);

/* As above, when `code` is an error; else returns it. */
int native_check(lua_State *L, int code, const char *op, const char *target);

/* Raises an error object with a hint; NULL hint: none. */
int native_refuse(lua_State *L, const char *kind, const char *op, const char *target, const char *message,
                  const char *hint);

/* ---- holder.c ----
**
** Each hold_x pushes a value that frees the object when the C function returns or raises, and gives the place to put
** the object into. The stack below must not be popped under it before the function returns. */
git_object **hold_object(lua_State *L);
git_commit **hold_commit(lua_State *L);
git_tag **hold_tag(lua_State *L);
git_reference **hold_reference(lua_State *L);
git_branch_iterator **hold_branch_iterator(lua_State *L);
git_reference_iterator **hold_reference_iterator(lua_State *L);
git_config **hold_config(lua_State *L);
git_config_iterator **hold_config_iterator(lua_State *L);
git_index **hold_index(lua_State *L);
git_status_list **hold_status_list(lua_State *L);
git_revwalk **hold_revwalk(lua_State *L);
git_tree **hold_tree(lua_State *L);
git_diff **hold_diff(lua_State *L);
git_patch **hold_patch(lua_State *L);
git_signature **hold_signature(lua_State *L);

/* ---- repository.c ---- */

void native_push_id(lua_State *L, const git_oid *id);

/* The commit that a revision at `arg` names, tags followed. Raises git.not_found, git.ambiguous. */
void native_resolve_commit(lua_State *L, git_repository *repository, int arg, const char *op, git_oid *id);

/* Pushes text as valid UTF-8: what is none is taken for Latin-1. */
void native_push_text(lua_State *L, const char *text);

extern const luaL_Reg repository_methods[];
extern const luaL_Reg status_methods[];
extern const luaL_Reg history_methods[];
extern const luaL_Reg refs_methods[];

#endif
