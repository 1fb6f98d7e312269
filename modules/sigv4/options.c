/* options.c - reads and checks what sigv4.sign and sigv4.presign are given. */
#include "options.h"

#include <lauxlib.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>

#define LATEST_TIME 253402300799 /* the last second of the year 9999: the date has four digits for it */
#define LONGEST_EXPIRY 604800    /* seven days: AWS refuses more */
#define NAME_LIMIT 128           /* bytes of a region, service or access key id */

/* Each option has a stack slot, so that what it points to stays alive. */
enum {
  OPTION_BODY,
  OPTION_CREDENTIALS,
  OPTION_DOUBLE_ENCODE,
  OPTION_EXPIRES,
  OPTION_HEADERS,
  OPTION_METHOD,
  OPTION_NORMALIZE_PATH,
  OPTION_OMIT_SESSION_TOKEN,
  OPTION_PAYLOAD_HASH,
  OPTION_REGION,
  OPTION_SERVICE,
  OPTION_SIGN_PAYLOAD_HEADER,
  OPTION_TIME,
  OPTION_URL,
  OPTION_COUNT
};

static const char *const option_names[OPTION_COUNT] = {
    "body",         "credentials", "double_encode",  "expires",
    "headers",      "method",      "normalize_path", "omit_session_token",
    "payload_hash", "region",      "service",        "sign_payload_header",
    "time",         "url",
};

#define SLOT(option) (2 + (option)) /* after the table, at 1 */

typedef struct {
  lua_State *L;
  const char *op;
} reader;

_Noreturn void misuse(lua_State *L, const char *op, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const char *why = lua_pushvfstring(L, format, arguments);
  va_end(arguments);
  luaL_error(L, "bad argument #1 to '%s' (%s)", op, why);
  __builtin_unreachable();
}

static void fill_slots(const reader *in) {
  lua_State *L = in->L;
  if (!lua_istable(L, 1)) misuse(L, in->op, "table expected, got %s", luaL_typename(L, 1));
  lua_settop(L, 1);
  luaL_checkstack(L, 2 * LUA_MINSTACK, in->op);
  lua_settop(L, SLOT(OPTION_COUNT) - 1);
  lua_pushnil(L);
  while (lua_next(L, 1)) {
    const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
    int option = 0;
    while (option < OPTION_COUNT && (*name != *option_names[option] || strcmp(name, option_names[option]) != 0))
      option++;
    if (option == OPTION_COUNT) misuse(L, in->op, "unknown option '%s'", name);
    lua_replace(L, SLOT(option));
  }
}

static _Noreturn void expect(const reader *in, const char *name, const char *type, int slot) {
  misuse(in->L, in->op, "%s: %s expected, got %s", name, type, luaL_typename(in->L, slot));
}

static piece read_string(const reader *in, int option) {
  int slot = SLOT(option);
  if (lua_type(in->L, slot) != LUA_TSTRING) expect(in, option_names[option], "string", slot);
  piece text;
  text.text = lua_tolstring(in->L, slot, &text.length);
  return text;
}

/* A string or a Secret; nil is an empty one. */
static piece read_text(const reader *in, const char *name, int slot) {
  piece text = PIECE("");
  if (lua_isnil(in->L, slot)) return text;
  const char *revealed = fl_secret_test(in->L, slot, &text.length);
  if (revealed == NULL) {
    if (lua_type(in->L, slot) != LUA_TSTRING) expect(in, name, "string or Secret", slot);
    revealed = lua_tolstring(in->L, slot, &text.length);
  }
  text.text = revealed;
  return text;
}

static bool read_flag(const reader *in, int option, bool otherwise) {
  int slot = SLOT(option);
  if (lua_isnil(in->L, slot)) return otherwise;
  if (!lua_isboolean(in->L, slot)) expect(in, option_names[option], "boolean", slot);
  return lua_toboolean(in->L, slot);
}

/* Visible ASCII but for what divides a credential scope and an Authorization header. */
static void check_scope_part(const reader *in, const char *name, piece text) {
  bool good = text.length > 0 && text.length <= NAME_LIMIT;
  for (size_t i = 0; good && i < text.length; i++) {
    char c = text.text[i];
    good = c > ' ' && c < 0x7F && c != '/' && c != ',';
  }
  if (!good) misuse(in->L, in->op, "%s: 1 to %d visible characters without '/' and ',' expected", name, NAME_LIMIT);
}

/* ---- URL ------------------------------------------------------------------------------------------- */

static void read_url(const reader *in, options *o) {
  piece url = read_string(in, OPTION_URL);
  for (size_t i = 0; i < url.length; i++)
    if ((unsigned char)url.text[i] < 0x20 || url.text[i] == 0x7F)
      misuse(in->L, in->op, "url: holds a control character");
  size_t scheme = strncasecmp(url.text, "https://", 8) == 0 ? 8 : strncasecmp(url.text, "http://", 7) == 0 ? 7 : 0;
  if (scheme == 0) misuse(in->L, in->op, "url: http:// or https:// expected");
  const char *start = url.text + scheme;
  size_t authority = strcspn(start, "/?#");
  if (authority == 0) misuse(in->L, in->op, "url: has no host");
  for (size_t i = 0; i < authority; i++) {
    if (start[i] == '@') misuse(in->L, in->op, "url: holds a user name; put it into a header");
    if ((unsigned char)start[i] <= ' ' || (unsigned char)start[i] > 0x7E || start[i] == '\\')
      misuse(in->L, in->op, "url: its host is not ASCII (give the xn-- form)");
  }
  o->scheme = (piece){url.text, scheme - 3};
  o->authority = (piece){start, authority};
  const char *path = start + authority;
  o->path = (piece){path, strcspn(path, "?#")};
  const char *query = path + o->path.length;
  o->query = *query == '?' ? (piece){query + 1, strcspn(query + 1, "#")} : PIECE("");
}

/* ---- The rest -------------------------------------------------------------------------------------- */

static void read_method(const reader *in, arena *memory, options *o) {
  piece given = lua_isnil(in->L, SLOT(OPTION_METHOD)) ? PIECE("GET") : read_string(in, OPTION_METHOD);
  char *upper = arena_take(memory, given.length);
  for (size_t i = 0; i < given.length; i++) {
    upper[i] = to_upper(given.text[i]);
    if (!(upper[i] >= 'A' && upper[i] <= 'Z') && upper[i] != '-' && upper[i] != '_')
      misuse(in->L, in->op, "method: letters expected");
  }
  if (given.length == 0) misuse(in->L, in->op, "method: letters expected");
  o->method = (piece){upper, given.length};
}

static bool is_payload_hash(piece hash) {
  if (PIECE_IS(hash, "UNSIGNED-PAYLOAD") || strncmp(hash.text, "STREAMING-", 10) == 0)
    return strspn(hash.text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") == hash.length;
  return hash.length == DIGEST_HEX && strspn(hash.text, "0123456789abcdef") == hash.length;
}

static void read_payload(const reader *in, options *o) {
  o->body = read_text(in, "body", SLOT(OPTION_BODY));
  if (lua_isnil(in->L, SLOT(OPTION_PAYLOAD_HASH))) return;
  o->payload_hash = read_string(in, OPTION_PAYLOAD_HASH);
  if (!is_payload_hash(o->payload_hash))
    misuse(in->L, in->op, "payload_hash: 64 lower-case hex digits, UNSIGNED-PAYLOAD or STREAMING-… expected");
}

/* Leaves the field on the stack. */
static piece read_credential(const reader *in, const char *key, const char *name) {
  lua_getfield(in->L, SLOT(OPTION_CREDENTIALS), key);
  return read_text(in, name, lua_gettop(in->L));
}

static void read_credentials(const reader *in, options *o) {
  int slot = SLOT(OPTION_CREDENTIALS);
  if (!lua_istable(in->L, slot)) expect(in, "credentials", "table", slot);
  o->access_key_id = read_credential(in, "access_key_id", "credentials.access_key_id");
  check_scope_part(in, "credentials.access_key_id", o->access_key_id);
  o->secret_access_key = read_credential(in, "secret_access_key", "credentials.secret_access_key");
  if (o->secret_access_key.length == 0 || o->secret_access_key.length > SECRET_LIMIT)
    misuse(in->L, in->op, "credentials.secret_access_key: 1 to %d bytes expected", SECRET_LIMIT);
  o->session_token = read_credential(in, "session_token", "credentials.session_token");
  o->token = lua_gettop(in->L);
  for (size_t i = 0; i < o->session_token.length; i++)
    if (o->session_token.text[i] <= ' ' || o->session_token.text[i] > '~')
      misuse(in->L, in->op, "credentials.session_token: holds white space or what is not ASCII");
}

static void read_times(const reader *in, options *o) {
  lua_State *L = in->L;
  double when;
  if (lua_isnil(L, SLOT(OPTION_TIME))) {
    when = fl_now(L);
  } else {
    if (lua_type(L, SLOT(OPTION_TIME)) != LUA_TNUMBER) expect(in, "time", "number", SLOT(OPTION_TIME));
    when = lua_tonumber(L, SLOT(OPTION_TIME));
  }
  if (!(when >= 0 && when <= LATEST_TIME)) misuse(L, in->op, "time: unix seconds expected");
  o->time = (time_t)floor(when);

  o->expires = 900;
  if (lua_isnil(L, SLOT(OPTION_EXPIRES))) return;
  int is_integer = 0;
  if (lua_type(L, SLOT(OPTION_EXPIRES)) == LUA_TNUMBER)
    o->expires = lua_tointegerx(L, SLOT(OPTION_EXPIRES), &is_integer);
  if (!is_integer || o->expires < 1 || o->expires > LONGEST_EXPIRY)
    misuse(L, in->op, "expires: 1 to %d whole seconds expected", LONGEST_EXPIRY);
}

void options_read(lua_State *L, const char *op, arena *memory, options *o) {
  reader in = {L, op};
  fill_slots(&in);
  lua_pushnil(L); /* the arena's anchor */
  *memory = (arena){.L = L, .anchor = lua_gettop(L)};
  *o = (options){.op = op, .headers = SLOT(OPTION_HEADERS), .payload_hash = PIECE("")};
  read_method(&in, memory, o);
  read_url(&in, o);
  if (!lua_isnil(L, o->headers) && !lua_istable(L, o->headers)) expect(&in, "headers", "table", o->headers);
  read_payload(&in, o);
  o->service = read_string(&in, OPTION_SERVICE);
  check_scope_part(&in, "service", o->service);
  o->region = read_string(&in, OPTION_REGION);
  check_scope_part(&in, "region", o->region);
  read_credentials(&in, o);
  read_times(&in, o);
  o->normalize_path = read_flag(&in, OPTION_NORMALIZE_PATH, true);
  o->double_encode = read_flag(&in, OPTION_DOUBLE_ENCODE, true);
  o->sign_payload_header = read_flag(&in, OPTION_SIGN_PAYLOAD_HEADER, false);
  o->omit_session_token = read_flag(&in, OPTION_OMIT_SESSION_TOKEN, false);
}
