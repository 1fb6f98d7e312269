/* digest.c - digests and Base64 of short texts, over OpenSSL.
**
** Lua: digest.sha256(text) digest.sha1(text) digest.md5(text) digest.base64(text) digest.unbase64(text)
** Owner: nothing outlives a call.
*/
#include <string.h>

#include <openssl/evp.h>

#include "fairlead.h"

static fl_nret push_digest(lua_State *L, const EVP_MD *kind) {
  static const char digits[] = "0123456789abcdef";
  unsigned char bytes[EVP_MAX_MD_SIZE];
  char hex[2 * EVP_MAX_MD_SIZE];
  unsigned size = 0;
  size_t length;
  const char *text = luaL_checklstring(L, 1, &length);
  if (!EVP_Digest(text, length, bytes, &size, kind, NULL))
    return luaL_error(L, "OpenSSL refuses to make this digest (is it in FIPS mode?)");
  for (size_t i = 0; i < size; i++) {
    hex[2 * i] = digits[bytes[i] >> 4];
    hex[2 * i + 1] = digits[bytes[i] & 15];
  }
  lua_pushlstring(L, hex, 2 * (size_t)size);
  return 1;
}

/* digest.sha256(text: string)
**     -> string, 64 lower-case hexadecimal digits */
static fl_nret digest_sha256(lua_State *L) {
  return push_digest(L, EVP_sha256());
}

/* digest.sha1(text: string)
**     -> string, 40 lower-case hexadecimal digits; for names that others derive so, not for security */
static fl_nret digest_sha1(lua_State *L) {
  return push_digest(L, EVP_sha1());
}

/* digest.md5(text: string)
**     -> string, 32 lower-case hexadecimal digits; for checksums that services ask for, not for security */
static fl_nret digest_md5(lua_State *L) {
  return push_digest(L, EVP_md5());
}

#define MOST ((size_t)64 << 20)

/* digest.base64(text: string)
**     -> string with padding, on one line (RFC 4648, section 4)
**     raises above 64 MiB */
static fl_nret digest_base64(lua_State *L) {
  size_t length;
  luaL_Buffer buffer;
  const char *text = luaL_checklstring(L, 1, &length);
  luaL_argcheck(L, length <= MOST, 1, "is longer than 64 MiB");
  char *to = luaL_buffinitsize(L, &buffer, (length + 2) / 3 * 4 + 1);
  int written = EVP_EncodeBlock((unsigned char *)to, (const unsigned char *)text, (int)length);
  luaL_pushresultsize(&buffer, (size_t)written);
  return 1;
}

/* digest.unbase64(text: string)
**     -> string
**     -> nil when it is not Base64 with padding, on one line */
static fl_nret digest_unbase64(lua_State *L) {
  static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  size_t length;
  luaL_Buffer buffer;
  const char *text = luaL_checklstring(L, 1, &length);
  size_t padding = length >= 2 && text[length - 1] == '=' ? 1 + (text[length - 2] == '=') : 0;
  if (length % 4 != 0 || length > MOST || strspn(text, alphabet) != length - padding) return 0;
  char *to = luaL_buffinitsize(L, &buffer, length / 4 * 3 + 1);
  int written = EVP_DecodeBlock((unsigned char *)to, (const unsigned char *)text, (int)length);
  if (written < 0) return 0;
  luaL_pushresultsize(&buffer, (size_t)written - padding); /* OpenSSL counts the padding as bytes */
  return 1;
}

static const luaL_Reg digest_functions[] = {
    {"sha256", digest_sha256},     /* hexadecimal */
    {"sha1", digest_sha1},         /* hexadecimal, for names */
    {"md5", digest_md5},           /* hexadecimal, for checksums */
    {"base64", digest_base64},     /* encode */
    {"unbase64", digest_unbase64}, /* decode, or nil */
    {NULL, NULL},
};

FL_API int luaopen_fairlead_digest(lua_State *L);

int luaopen_fairlead_digest(lua_State *L) {
  luaL_newlib(L, digest_functions);
  return 1;
}
