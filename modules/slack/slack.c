/* slack.c - the parts of Slack's API that are computation: text escaping and request signatures.
**
** Lua: fairlead.slack.native (escape, verify_signature), for modules/slack.
**
** Slack signs what it sends to an app: v0=HMAC-SHA-256 of "v0:<timestamp>:<body>", in hex, under the app's signing
** secret (Slack, "Verifying requests from Slack"). Everything about a request is its sender's to choose, so a request
** that is malformed is simply not genuine; only the caller's own mistakes raise.
*/
#include <math.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "fairlead.h"

#define DIGEST_SIZE 32
#define SIGNATURE_LENGTH 67 /* "v0=" and 64 hex digits */
#define TIMESTAMP_DIGITS 15 /* more than time will ever need; a double holds them exactly */
#define MAX_AGE 300         /* seconds, either way: what is older may be a replay */

/* native.escape(text: string | Secret)
**     -> string | Secret, as given: &, < and > as entities, so that they show instead of making mentions and links */
static fl_nret slack_escape(lua_State *L) {
  size_t length;
  const char *text = fl_check_text(L, 1, &length);
  bool is_secret = fl_secret_test(L, 1, NULL) != NULL;
  luaL_Buffer out;
  luaL_buffinit(L, &out);
  size_t done = 0;
  for (size_t i = 0; i < length; i++) {
    const char *entity = text[i] == '&' ? "&amp;" : text[i] == '<' ? "&lt;" : text[i] == '>' ? "&gt;" : NULL;
    if (entity == NULL) continue;
    luaL_addlstring(&out, text + done, i - done);
    luaL_addstring(&out, entity);
    done = i + 1;
  }
  luaL_addlstring(&out, text + done, length - done);
  luaL_pushresult(&out);
  if (is_secret) {
    text = lua_tolstring(L, -1, &length);
    fl_secret_push(L, text, length);
  }
  return 1;
}

typedef struct {
  const char *text; /* NULL: not there */
  size_t length;
} piece;

static void misuse(lua_State *L, const char *field, const char *expected) {
  luaL_error(L, "bad argument #1 to 'slack.verify_signature' (%s: %s expected, got %s)", field, expected,
             luaL_typename(L, -1));
}

/* A field that is a string, or a Secret; leaves it on the stack. */
static piece read_text(lua_State *L, const char *field, bool required) {
  piece text = {NULL, 0};
  lua_getfield(L, 1, field);
  text.text = fl_secret_test(L, -1, &text.length);
  if (text.text != NULL || (lua_isnil(L, -1) && !required)) return text;
  if (lua_type(L, -1) != LUA_TSTRING) misuse(L, field, required ? "string or Secret" : "string");
  text.text = lua_tolstring(L, -1, &text.length);
  return text;
}

/* The timestamp as text, as it was sent: that is what was signed. */
static piece read_timestamp(lua_State *L) {
  piece text = {NULL, 0};
  lua_getfield(L, 1, "timestamp");
  if (lua_isnil(L, -1)) return text;
  if (lua_type(L, -1) != LUA_TSTRING && !lua_isinteger(L, -1)) misuse(L, "timestamp", "string or integer");
  text.text = lua_tolstring(L, -1, &text.length); /* turns the copy on the stack into a string */
  return text;
}

static double read_now(lua_State *L) {
  lua_getfield(L, 1, "now");
  if (lua_isnil(L, -1)) return fl_now(L);
  if (lua_type(L, -1) != LUA_TNUMBER) misuse(L, "now", "number");
  return lua_tonumber(L, -1);
}

static bool is_recent(piece timestamp, double now) {
  if (timestamp.length == 0 || timestamp.length > TIMESTAMP_DIGITS) return false;
  double at = 0;
  for (size_t i = 0; i < timestamp.length; i++) {
    if (timestamp.text[i] < '0' || timestamp.text[i] > '9') return false;
    at = at * 10 + (timestamp.text[i] - '0');
  }
  return fabs(now - at) <= MAX_AGE;
}

/* Writes "v0=<hex>". False when OpenSSL fails. Calls nothing of Lua's. */
static bool sign(piece secret, const void *message, size_t length, char out[SIGNATURE_LENGTH]) {
  static const char digits[] = "0123456789abcdef";
  static const char version[] = {'v', '0', '='};
  unsigned char digest[DIGEST_SIZE];
  if (HMAC(EVP_sha256(), secret.text, (int)secret.length, message, length, digest, NULL) == NULL) return false;
  memcpy(out, version, sizeof version);
  for (size_t i = 0; i < DIGEST_SIZE; i++) {
    out[3 + 2 * i] = digits[digest[i] >> 4];
    out[4 + 2 * i] = digits[digest[i] & 15];
  }
  OPENSSL_cleanse(digest, sizeof digest);
  return true;
}

/* native.verify_signature({signing_secret=, timestamp=, body=, signature=, now=})
**     -> boolean: Slack sent this body, within five minutes of now. False too without timestamp or signature: a request
**        that lacks the headers is not Slack's
**     raises a misuse: no signing secret (an empty one would verify anybody's request), no body, wrong types */
static fl_nret slack_verify_signature(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  piece secret = read_text(L, "signing_secret", true);
  if (secret.length == 0 || secret.length > 1024) {
    return luaL_error(L, "bad argument #1 to 'slack.verify_signature' (signing_secret: 1 to 1024 bytes expected)");
  }
  piece body = read_text(L, "body", true);
  piece signature = read_text(L, "signature", false);
  piece timestamp = read_timestamp(L);
  double now = read_now(L);

  bool genuine = timestamp.text != NULL && signature.text != NULL && is_recent(timestamp, now);
  if (genuine) {
    static const char version[] = {'v', '0', ':'};
    char expected[SIGNATURE_LENGTH];
    size_t length = 3 + timestamp.length + 1 + body.length;
    char *message = lua_newuserdatauv(L, length, 0);
    memcpy(message, version, sizeof version);
    memcpy(message + 3, timestamp.text, timestamp.length);
    message[3 + timestamp.length] = ':';
    if (body.length > 0) memcpy(message + 4 + timestamp.length, body.text, body.length);
    if (!sign(secret, message, length, expected)) return luaL_error(L, "slack.verify_signature: OpenSSL failed");
    genuine = signature.length == SIGNATURE_LENGTH && CRYPTO_memcmp(signature.text, expected, SIGNATURE_LENGTH) == 0;
    OPENSSL_cleanse(expected, sizeof expected); /* the right answer to a forged request */
  }
  lua_pushboolean(L, genuine);
  return 1;
}

static const luaL_Reg slack_functions[] = {
    {"escape", slack_escape},                     /* &, <, > as entities */
    {"verify_signature", slack_verify_signature}, /* did Slack send this? */
    {NULL, NULL},
};

FL_API int luaopen_fairlead_slack_native(lua_State *L);

int luaopen_fairlead_slack_native(lua_State *L) {
  luaL_newlib(L, slack_functions);
  return 1;
}
