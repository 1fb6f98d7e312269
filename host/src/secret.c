/* secret.c - values that are never shown.
**
** Lua: secret(text) -> Secret. tostring gives a tag; joining one to a string gives another Secret; only C opens it.
** Owner: the userdata holds the text and wipes it when collected.
*/
#include <stdlib.h>
#include <string.h>

#include "internal.h"

#define SECRET "fairlead.Secret"
#define TAG "[secret]"

typedef struct {
  size_t length;
  char text[]; /* and a zero */
} secret_box;

static secret_box *new_secret(lua_State *L, size_t length) {
  secret_box *box = lua_newuserdatauv(L, sizeof *box + length + 1, 0);
  memset(box, 0, sizeof *box + length + 1);
  box->length = length;
  luaL_setmetatable(L, SECRET);
  return box;
}

void fl_secret_push(lua_State *L, const char *text, size_t length) {
  secret_box *box = new_secret(L, length);
  memcpy(box->text, text, length);
}

const char *fl_secret_test(lua_State *L, int index, size_t *length) {
  secret_box *box = luaL_testudata(L, index, SECRET);
  if (box == NULL) return NULL;
  if (length != NULL) *length = box->length;
  return box->text;
}

const char *fl_check_text(lua_State *L, int arg, size_t *length) {
  const char *text = fl_secret_test(L, arg, length);
  return text != NULL ? text : luaL_checklstring(L, arg, length);
}

static fl_nret secret_gc(lua_State *L) {
  secret_box *box = luaL_checkudata(L, 1, SECRET);
  explicit_bzero(box->text, box->length);
  return 0;
}

static fl_nret secret_tostring(lua_State *L) {
  lua_pushliteral(L, TAG);
  return 1;
}

/* secret .. text, text .. secret, secret .. secret -> Secret */
static fl_nret secret_concat(lua_State *L) {
  size_t left, right;
  const char *a = fl_check_text(L, 1, &left);
  const char *b = fl_check_text(L, 2, &right);
  secret_box *box = new_secret(L, left + right);
  memcpy(box->text, a, left);
  memcpy(box->text + left, b, right);
  return 1;
}

static fl_nret secret_equal(lua_State *L) {
  size_t left, right;
  const char *a = fl_secret_test(L, 1, &left);
  const char *b = fl_secret_test(L, 2, &right);
  unsigned char different = a == NULL || b == NULL || left != right;
  for (size_t i = 0; !different && i < left; i++) different |= (unsigned char)(a[i] ^ b[i]);
  lua_pushboolean(L, !different);
  return 1;
}

/* secret(text: string)
**     -> Secret; a Secret is given back as it is */
static fl_nret secret_new(lua_State *L) {
  size_t length;
  if (fl_secret_test(L, 1, NULL) != NULL) return (lua_settop(L, 1), 1);
  const char *text = luaL_checklstring(L, 1, &length);
  fl_secret_push(L, text, length);
  return 1;
}

static const luaL_Reg secret_meta[] = {
    {"__gc", secret_gc}, {"__tostring", secret_tostring}, {"__concat", secret_concat}, {"__eq", secret_equal},
    {NULL, NULL},
};

int luaopen_fairlead_secret(lua_State *L) {
  lua_pushcfunction(L, secret_new);
  return 1;
}

void secrets_open(lua_State *L) {
  luaL_newmetatable(L, SECRET);
  luaL_setfuncs(L, secret_meta, 0);
  lua_pushboolean(L, false); /* scripts cannot reach the metatable */
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
}
