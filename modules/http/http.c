/* http.c - the C half of `fairlead.http`: what the Lua half needs of libcurl.
**
** Lua: native.request(…) -> status, header, body, version      one exchange: transfer.c
**      native.headers(header) -> list of {name, value}
**      native.reveal(value) -> text                            of a string or Secret
**      native.is_secret(value), native.parse(url), native.resolve(url, reference), native.target(url),
**      native.date(text), native.about(), native.user_agent
*/
#include <string.h>
#include <time.h>

#include <curl/curl.h>

#include "failure.h"
#include "fairlead.h"
#include "transfer.h"

/* native.reveal(value: string|Secret)
**     -> string
**     raises on anything else */
static fl_nret http_reveal(lua_State *L) {
  size_t length;
  const char *text = fl_check_text(L, 1, &length);
  lua_pushlstring(L, text, length);
  return 1;
}

/* native.is_secret(value)
**     -> boolean */
static fl_nret http_is_secret(lua_State *L) {
  lua_pushboolean(L, fl_secret_test(L, 1, NULL) != NULL);
  return 1;
}

/* native.target(url: string)
**     -> string: scheme://host/path */
static fl_nret http_target(lua_State *L) {
  failure_push_target(L, luaL_checkstring(L, 1));
  return 1;
}

static void part_field(lua_State *L, CURLU *url, CURLUPart part, const char *name, unsigned flags) {
  char *text = NULL;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK || !text) return;
  lua_pushstring(L, text);
  curl_free(text);
  lua_setfield(L, -2, name);
}

/* The URL handle of a call: to be closed on any exit. */
static fl_nret url_close(lua_State *L) {
  CURLU **box = lua_touserdata(L, 1);
  curl_url_cleanup(*box);
  *box = NULL;
  return 0;
}

static CURLU *url_open(lua_State *L) {
  CURLU **box = lua_newuserdatauv(L, sizeof *box, 0);
  *box = NULL;
  if (luaL_newmetatable(L, "http.Url")) {
    lua_pushcfunction(L, url_close);
    lua_setfield(L, -2, "__gc");
    lua_pushcfunction(L, url_close);
    lua_setfield(L, -2, "__close");
  }
  lua_setmetatable(L, -2);
  *box = curl_url();
  if (!*box) luaL_error(L, "not enough memory for a URL");
  lua_toclose(L, -1);
  return *box;
}

/* native.parse(url: string)
**     -> {scheme, host, port, user, path, query}; port is the scheme's own if none is given
**     -> nil, reason */
static fl_nret http_parse(lua_State *L) {
  const char *text = luaL_checkstring(L, 1);
  CURLU *url = url_open(L);
  CURLUcode code = curl_url_set(url, CURLUPART_URL, text, CURLU_PATH_AS_IS);
  if (code != CURLUE_OK) {
    lua_pushnil(L);
    lua_pushstring(L, curl_url_strerror(code));
    return 2;
  }
  lua_createtable(L, 0, 6);
  part_field(L, url, CURLUPART_SCHEME, "scheme", 0);
  part_field(L, url, CURLUPART_HOST, "host", 0);
  part_field(L, url, CURLUPART_PORT, "port", CURLU_DEFAULT_PORT);
  part_field(L, url, CURLUPART_USER, "user", 0);
  part_field(L, url, CURLUPART_PATH, "path", 0);
  part_field(L, url, CURLUPART_QUERY, "query", 0);
  return 1;
}

/* native.resolve(url: string, reference: string)
**     -> string: where a Location header leads to, without a fragment
**     -> nil, reason */
static fl_nret http_resolve(lua_State *L) {
  const char *base = luaL_checkstring(L, 1), *reference = luaL_checkstring(L, 2);
  char *text = NULL;
  CURLU *url = url_open(L);
  CURLUcode code = curl_url_set(url, CURLUPART_URL, base, CURLU_PATH_AS_IS);
  if (code == CURLUE_OK) code = curl_url_set(url, CURLUPART_URL, reference, CURLU_URLENCODE);
  if (code == CURLUE_OK) code = curl_url_set(url, CURLUPART_FRAGMENT, NULL, 0);
  if (code == CURLUE_OK) code = curl_url_get(url, CURLUPART_URL, &text, 0);
  if (code != CURLUE_OK) {
    lua_pushnil(L);
    lua_pushstring(L, curl_url_strerror(code));
    return 2;
  }
  lua_pushstring(L, text);
  curl_free(text);
  return 1;
}

/* native.date(text: string)
**     -> number: unix seconds of an HTTP date
**     -> nil when it is none */
static fl_nret http_date(lua_State *L) {
  time_t seconds = curl_getdate(luaL_checkstring(L, 1), NULL);
  if (seconds == -1)
    lua_pushnil(L);
  else
    lua_pushinteger(L, (lua_Integer)seconds);
  return 1;
}

/* about() -> {versions= "libcurl/7.88.1 OpenSSL/3.0.17 …", ca_file=, ca_folder=}: what carries requests, and the system's
** certificate authorities that it was built to trust */
static fl_nret http_about(lua_State *L) {
  const curl_version_info_data *built = curl_version_info(CURLVERSION_NOW);
  lua_createtable(L, 0, 3);
  lua_pushstring(L, curl_version());
  lua_setfield(L, -2, "versions");
  lua_pushstring(L, built->cainfo);
  lua_setfield(L, -2, "ca_file");
  lua_pushstring(L, built->capath);
  lua_setfield(L, -2, "ca_folder");
  return 1;
}

static const luaL_Reg http_functions[] = {
    {"request", transfer_request}, /* one exchange */
    {"headers", transfer_headers}, /* the list of an answer's header */
    {"reveal", http_reveal},       /* the text of a secret */
    {"is_secret", http_is_secret}, /* to treat it with care */
    {"target", http_target},       /* a URL without its query */
    {"parse", http_parse},         /* a URL's parts */
    {"resolve", http_resolve},     /* a relative reference */
    {"date", http_date},           /* an HTTP date */
    {"about", http_about},         /* libcurl, for who asks what is here */
    {NULL, NULL},
};

__attribute__((visibility("default"))) int luaopen_fairlead_http_native(lua_State *L);

int luaopen_fairlead_http_native(lua_State *L) {
  transfers_open(L);
  luaL_newlib(L, http_functions);
  lua_pushstring(L, "fairlead/" FAIRLEAD_VERSION);
  lua_setfield(L, -2, "user_agent");
  return 1;
}
