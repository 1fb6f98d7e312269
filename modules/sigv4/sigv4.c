/* sigv4.c - AWS Signature Version 4, in headers or in the query of a URL.
**
** Lua: sigv4.sign(options) -> signed; sigv4.presign(options) -> url
**
** Nothing here waits or talks to anybody. One signer (digest context, derived keys) for each Lua state, as an upvalue;
** it is wiped with the state. What a secret went into is a Secret in the results.
*/
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "fairlead.h"
#include "headers.h"
#include "keys.h"
#include "options.h"

#define SIGNER_TYPE "sigv4.Signer"
#define ALGORITHM "AWS4-HMAC-SHA256"
#define TIMESTAMP_LENGTH 16 /* YYYYMMDDTHHMMSSZ */
#define DATE_LENGTH 8

/* One call's work. */
typedef struct {
  lua_State *L;
  signer *keys;
  arena memory;
  options given;
  header_set headers;
  char timestamp[TIMESTAMP_LENGTH + 1];
  piece scope; /* date/region/service/aws4_request */
  char payload_hash[DIGEST_HEX];
  piece payload; /* payload_hash, or the caller's */
  piece signed_headers, canonical, string_to_sign;
  char signature[DIGEST_HEX];
} signing;

static void check(signing *s, bool done) {
  if (!done) luaL_error(s->L, "%s: OpenSSL failed", s->given.op);
}

static piece join(signing *s, size_t count, const piece *parts) {
  size_t length = 0;
  for (size_t i = 0; i < count; i++) length += parts[i].length;
  char *start = arena_take(&s->memory, length);
  char *to = start;
  for (size_t i = 0; i < count; i++) {
    if (parts[i].length > 0) memcpy(to, parts[i].text, parts[i].length);
    to += parts[i].length;
  }
  return (piece){start, length};
}
#define JOIN(s, ...) join(s, sizeof((piece[]){__VA_ARGS__}) / sizeof(piece), (piece[]){__VA_ARGS__})

static void push_piece(lua_State *L, piece text) {
  lua_pushlstring(L, text.text, text.length);
}

/* Reads the arguments and what follows from them alone. */
static void begin(signing *s, lua_State *L, const char *op) {
  s->L = L;
  s->keys = lua_touserdata(L, lua_upvalueindex(1));
  options_read(L, op, &s->memory, &s->given);

  if (s->keys->stamped != s->given.time || s->keys->stamp[0] == '\0') {
    struct tm utc;
    gmtime_r(&s->given.time, &utc);
    strftime(s->keys->stamp, sizeof s->keys->stamp, "%Y%m%dT%H%M%SZ", &utc);
    s->keys->stamped = s->given.time;
  }
  memcpy(s->timestamp, s->keys->stamp, sizeof s->keys->stamp);
  s->scope = JOIN(s, {s->timestamp, DATE_LENGTH}, PIECE("/"), s->given.region, PIECE("/"), s->given.service,
                  PIECE("/aws4_request"));

  s->payload = s->given.payload_hash;
  if (s->payload.length == 0) {
    unsigned char digest[DIGEST_SIZE];
    check(s, signer_digest(s->keys, s->given.body, digest));
    hex_encode(digest, s->payload_hash);
    s->payload = (piece){s->payload_hash, DIGEST_HEX};
  }

  s->headers = (header_set){.memory = &s->memory, .op = op};
  headers_read(&s->headers, s->given.headers);
}

/* The URL's host as an HTTP client sends it: lower case, without the scheme's own port. */
static void add_host(signing *s) {
  if (headers_have(&s->headers, PIECE("host"))) return;
  piece host = s->given.authority;
  bool secure = s->given.scheme.length == 5;
  const char *port = secure ? ":443" : ":80";
  size_t port_length = strlen(port);
  if (host.length > port_length && memcmp(host.text + host.length - port_length, port, port_length) == 0)
    host.length -= port_length;
  char *lower = arena_take(&s->memory, host.length);
  for (size_t i = 0; i < host.length; i++) lower[i] = to_lower(host.text[i]);
  lua_pushlstring(s->L, lower, host.length);
  headers_add(&s->headers, PIECE("Host"), true);
}

/* `spare` more parameters may be added to the list. */
static size_t read_query(signing *s, size_t spare, param **params) {
  static const char *const own[] = {"X-Amz-Algorithm",      "X-Amz-Credential", "X-Amz-Date",         "X-Amz-Expires",
                                    "X-Amz-Security-Token", "X-Amz-Signature",  "X-Amz-SignedHeaders"};
  size_t count = split_query(&s->memory, s->given.query, spare, params);
  for (size_t i = 0; i < count; i++)
    for (size_t k = 0; k < sizeof own / sizeof *own; k++)
      if (piece_is((*params)[i].name, own[k], strlen(own[k])))
        misuse(s->L, s->given.op, "url: %s is already there: signing adds it, and a request is signed once", own[k]);
  return count;
}

/* From the canonical headers and query to the signature. */
static void finish(signing *s, piece headers, param *params, size_t count) {
  const options *o = &s->given;
  piece line = PIECE("\n");
  piece path = canonical_path(&s->memory, o->path, o->normalize_path, o->double_encode);
  s->canonical = JOIN(s, o->method, line, path, line, canonical_query(&s->memory, params, count), line, headers, line,
                      s->signed_headers, line, s->payload);

  unsigned char digest[DIGEST_SIZE];
  char hex[DIGEST_HEX];
  check(s, signer_digest(s->keys, s->canonical, digest));
  hex_encode(digest, hex);
  s->string_to_sign =
      JOIN(s, PIECE(ALGORITHM "\n"), {s->timestamp, TIMESTAMP_LENGTH}, line, s->scope, line, {hex, DIGEST_HEX});

  unsigned char key[DIGEST_SIZE];
  bool done =
      signer_key(s->keys, o->secret_access_key, (piece){s->timestamp, DATE_LENGTH}, o->region, o->service, key) &&
      signer_hmac(s->keys, key, s->string_to_sign, digest);
  OPENSSL_cleanse(key, sizeof key); /* before anything can raise */
  check(s, done);
  hex_encode(digest, s->signature);
}

/* The canonical request holds the values of the headers that were signed: it is as secret as they are. */
static void push_canonical(signing *s) {
  if (s->headers.has_secret)
    fl_secret_push(s->L, s->canonical.text, s->canonical.length);
  else
    push_piece(s->L, s->canonical);
}

/* sigv4.sign(options: table)
**     -> {headers=, canonical_request=, string_to_sign=, signature=}
**     raises a misuse */
static fl_nret sigv4_sign(lua_State *L) {
  signing s = {0};
  begin(&s, L, "sigv4.sign");
  const options *o = &s.given;
  param *params;
  size_t count = read_query(&s, 0, &params);

  add_host(&s);
  lua_pushlstring(L, s.timestamp, TIMESTAMP_LENGTH);
  headers_add(&s.headers, PIECE("X-Amz-Date"), true);
  if (o->sign_payload_header) {
    push_piece(L, s.payload);
    headers_add(&s.headers, PIECE("X-Amz-Content-Sha256"), true);
  }
  if (o->session_token.length > 0) {
    lua_pushvalue(L, o->token);
    headers_add(&s.headers, PIECE("X-Amz-Security-Token"), !o->omit_session_token);
  }
  piece headers = canonical_headers(&s.memory, s.headers.fields, s.headers.count, &s.signed_headers);
  finish(&s, headers, params, count);

  push_piece(L, JOIN(&s, PIECE(ALGORITHM " Credential="), o->access_key_id, PIECE("/"), s.scope,
                     PIECE(", SignedHeaders="), s.signed_headers, PIECE(", Signature="), {s.signature, DIGEST_HEX}));
  headers_add(&s.headers, PIECE("Authorization"), false);

  lua_createtable(L, 0, 4);
  lua_pushvalue(L, s.headers.sent);
  lua_setfield(L, -2, "headers");
  push_canonical(&s);
  lua_setfield(L, -2, "canonical_request");
  push_piece(L, s.string_to_sign);
  lua_setfield(L, -2, "string_to_sign");
  lua_pushlstring(L, s.signature, DIGEST_HEX);
  lua_setfield(L, -2, "signature");
  return 1;
}

/* sigv4.presign(options: table)
**     -> string; the URL with its signature: whoever has it may do what was signed, until it expires
**     raises a misuse */
static fl_nret sigv4_presign(lua_State *L) {
  signing s = {0};
  begin(&s, L, "sigv4.presign");
  const options *o = &s.given;
  param *params;
  size_t count = read_query(&s, 6, &params);

  add_host(&s);
  piece headers = canonical_headers(&s.memory, s.headers.fields, s.headers.count, &s.signed_headers);

  char expires[24];
  piece lasting = {expires, (size_t)snprintf(expires, sizeof expires, "%lld", (long long)o->expires)};
  piece timestamp = {s.timestamp, TIMESTAMP_LENGTH};
  piece credential = encode_component(&s.memory, JOIN(&s, o->access_key_id, PIECE("/"), s.scope));
  piece names = encode_component(&s.memory, s.signed_headers);
  piece token = encode_component(&s.memory, o->session_token);
  params[count++] = (param){PIECE("X-Amz-Algorithm"), PIECE(ALGORITHM)};
  params[count++] = (param){PIECE("X-Amz-Credential"), credential};
  params[count++] = (param){PIECE("X-Amz-Date"), timestamp};
  params[count++] = (param){PIECE("X-Amz-Expires"), lasting};
  params[count++] = (param){PIECE("X-Amz-SignedHeaders"), names};
  if (token.length > 0 && !o->omit_session_token) params[count++] = (param){PIECE("X-Amz-Security-Token"), token};
  finish(&s, headers, params, count);

  bool more = o->query.length > 0 && o->query.text[o->query.length - 1] != '&';
  push_piece(L, JOIN(&s, o->scheme, PIECE("://"), o->authority, o->path.length > 0 ? o->path : PIECE("/"), PIECE("?"),
                     o->query, more ? PIECE("&") : PIECE(""), PIECE("X-Amz-Algorithm=" ALGORITHM "&X-Amz-Credential="),
                     credential, PIECE("&X-Amz-Date="), timestamp, PIECE("&X-Amz-SignedHeaders="), names,
                     PIECE("&X-Amz-Expires="), lasting, token.length > 0 ? PIECE("&X-Amz-Security-Token=") : PIECE(""),
                     token, PIECE("&X-Amz-Signature="), {s.signature, DIGEST_HEX}));
  return 1;
}

static fl_nret signer_gc(lua_State *L) {
  signer_close(luaL_checkudata(L, 1, SIGNER_TYPE));
  return 0;
}

static const luaL_Reg sigv4_functions[] = {
    {"presign", sigv4_presign}, /* sign in the query: a URL to hand out */
    {"sign", sigv4_sign},       /* sign in the headers */
    {NULL, NULL},
};

FL_API int luaopen_fairlead_sigv4(lua_State *L);

int luaopen_fairlead_sigv4(lua_State *L) {
  headers_open(L);
  luaL_newlibtable(L, sigv4_functions);
  signer *keys = lua_newuserdatauv(L, sizeof *keys, 0);
  memset(keys, 0, sizeof *keys);
  luaL_newmetatable(L, SIGNER_TYPE);
  lua_pushcfunction(L, signer_gc);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  if (!signer_open(keys)) return luaL_error(L, "sigv4: OpenSSL gives no SHA-256");
  luaL_setfuncs(L, sigv4_functions, 1);
  return 1;
}
