/* holder.c - holders: to-be-closed userdata, each of which owns one object of libgit2's.
**
** Any Lua call may raise, and libgit2's objects are none of Lua's. So the holder is made first, and the object goes from
** libgit2 straight into it.
*/
#include <string.h>

#include "native.h"

#define HOLDER "git.Holder"

typedef struct holder {
  void (*release)(struct holder *self);
  void *object;
} holder;

static fl_nret holder_close(lua_State *L) {
  holder *self = luaL_checkudata(L, 1, HOLDER);
  self->release(self);
  return 0;
}

static holder *hold(lua_State *L, void (*release)(holder *self)) {
  luaL_checkstack(L, 4, NULL);
  holder *self = lua_newuserdatauv(L, sizeof *self, 0);
  memset(self, 0, sizeof *self);
  self->release = release;
  if (luaL_newmetatable(L, HOLDER)) {
    lua_pushcfunction(L, holder_close);
    lua_setfield(L, -2, "__close");
    lua_pushcfunction(L, holder_close);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  lua_toclose(L, -1);
  return self;
}

#define HOLDER_OF(type)                                                                                                \
  static void release_##type(holder *self) {                                                                           \
    git_##type *object = self->object;                                                                                 \
    self->object = NULL;                                                                                               \
    git_##type##_free(object);                                                                                         \
  }                                                                                                                    \
  git_##type **hold_##type(lua_State *L) {                                                                             \
    return (git_##type **)&hold(L, release_##type)->object;                                                            \
  }

HOLDER_OF(object)
HOLDER_OF(commit)
HOLDER_OF(tag)
HOLDER_OF(reference)
HOLDER_OF(branch_iterator)
HOLDER_OF(reference_iterator)
HOLDER_OF(config)
HOLDER_OF(config_iterator)
HOLDER_OF(index)
HOLDER_OF(status_list)
HOLDER_OF(revwalk)
HOLDER_OF(tree)
HOLDER_OF(diff)
HOLDER_OF(patch)
HOLDER_OF(signature)
