/* secret.c - values that are never shown.
**
** Lua: secret(text) -> Secret. tostring gives a tag; joining one to a string gives another Secret; only C opens it.
** fairlead.secret.native finds the secrets that live in a text that somebody is about to show or keep.
** Owner: the userdata holds the text and wipes it when collected. It is in its host's list from birth until then.
*/
#include <stdlib.h>
#include <string.h>

#include "internal.h"

#define SECRET "fairlead.Secret"
#define TAG "[secret]"

struct secret_box {
  secret_box *next;
  secret_box **link; /* what points at this one; NULL: it is in no list */
  size_t length;
  char text[]; /* and a zero */
};

static secret_box *new_secret(lua_State *L, size_t length) {
  secret_box *box = lua_newuserdatauv(L, sizeof *box + length + 1, 0);
  memset(box, 0, sizeof *box + length + 1);
  box->length = length;
  luaL_setmetatable(L, SECRET);
  secret_box **first = &fl_host_of(L)->secrets;
  box->next = *first;
  box->link = first;
  if (box->next != NULL) box->next->link = &box->next;
  *first = box;
  return box;
}

static void unlink_secret(secret_box *box) {
  if (box->link == NULL) return;
  *box->link = box->next;
  if (box->next != NULL) box->next->link = box->link;
  box->link = NULL;
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
  unlink_secret(box);
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

/* ---- secrets in a text ---- */

#define LEAST 6 /* bytes: a shorter one is found in any text */

typedef struct {
  const char *text;
  size_t length;
} needle;

/* What of a secret is to be looked for: all of it, and what comes after its last space, the token of "Bearer TOKEN". */
static int needles_of(const secret_box *box, needle found[2]) {
  int count = 0;
  if (box->length < LEAST) return 0;
  found[count++] = (needle){box->text, box->length};
  const char *space = memrchr(box->text, ' ', box->length);
  size_t rest = space != NULL ? box->length - (size_t)(space + 1 - box->text) : 0;
  if (rest >= LEAST) found[count++] = (needle){space + 1, rest};
  return count;
}

static bool mark(char *marks, const char *text, size_t length, needle wanted) {
  const char *at = text;
  bool any = false;
  while ((at = memmem(at, length - (size_t)(at - text), wanted.text, wanted.length)) != NULL) {
    memset(marks + (at - text), 1, wanted.length);
    any = true;
    at++;
  }
  return any;
}

/* native.find(text: string, within: boolean|nil)
**     within: not those that are all of it
**     -> list of first, last, first, last, …: where the secrets that live are in it, from left to right */
static fl_nret secret_find(lua_State *L) {
  size_t length;
  const char *text = luaL_checklstring(L, 1, &length);
  bool within = lua_toboolean(L, 2);
  char *marks = lua_newuserdatauv(L, length + 1, 0); /* one for each byte, and a 0 that ends the last range */
  memset(marks, 0, length + 1);
  bool any = false;
  for (const secret_box *box = fl_host_of(L)->secrets; box != NULL; box = box->next) {
    needle needles[2];
    int count = needles_of(box, needles);
    for (int i = 0; i < count; i++)
      if (!within || needles[i].length < length) any |= mark(marks, text, length, needles[i]);
  }
  lua_newtable(L);
  lua_Integer count = 0;
  for (size_t i = 0; any && i <= length; i++) {
    bool before = i > 0 && marks[i - 1];
    if (marks[i] == before) continue;
    lua_pushinteger(L, (lua_Integer)(before ? i : i + 1));
    lua_rawseti(L, -2, ++count);
  }
  return 1;
}

static const luaL_Reg native_functions[] = {
    {"find", secret_find}, /* where in a text */
    {NULL, NULL},
};

int luaopen_fairlead_secret_native(lua_State *L) {
  luaL_newlib(L, native_functions);
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
