/* rs256.c - RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518, 3.3), over OpenSSL's EVP: what JSON Web Tokens are signed with.
**
** Lua: native.sign(header, claims, key) native.verify(text, signature, key) native.read_key(path)
** Owner: nothing outlives a call. No function that holds an OpenSSL object or an open file calls Lua, so nothing can
** leak when Lua raises.
*/
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "fairlead.h"

#define TEXT_LIMIT 4096                                  /* bytes of a header, and of claims */
#define KEY_LIMIT 16384                                  /* bytes of a key's file; RSA of 8192 bits has 6,400 */
#define SIGNATURE_LIMIT 1024                             /* bytes: 8192 bits */
#define LEAST_BITS 2048                                  /* RFC 7518, 3.3 */
#define ENCODED(size) (((size_t)(size) + 2) / 3 * 4 + 1) /* Base64 with its zero */

typedef enum { KEY_OK, KEY_UNREADABLE, KEY_LOCKED, KEY_NOT_RSA, KEY_SHORT, KEY_LONG, KEY_REFUSED } key_state;

static const char *const key_problems[] = {
    [KEY_OK] = "",
    [KEY_UNREADABLE] = "is no key in PEM",
    [KEY_LOCKED] = "is encrypted with a passphrase",
    [KEY_NOT_RSA] = "is no RSA key",
    [KEY_SHORT] = "has fewer than 2048 bits",
    [KEY_LONG] = "has more than 8192 bits",
    [KEY_REFUSED] = "is refused by OpenSSL",
};

/* OpenSSL would ask at the terminal otherwise. Notes that a passphrase was wanted. */
static int refuse_passphrase(char *buffer, int size, int writing, void *wanted) {
  (void)writing;
  if (size > 0) buffer[0] = '\0';
  *(bool *)wanted = true;
  return -1;
}

static key_state read_pem(const char *pem, size_t length, bool is_private, EVP_PKEY **key) {
  bool wanted = false;
  *key = NULL;
  BIO *source = BIO_new_mem_buf(pem, (int)length);
  if (source == NULL) return KEY_REFUSED;
  *key = is_private ? PEM_read_bio_PrivateKey(source, NULL, refuse_passphrase, &wanted)
                    : PEM_read_bio_PUBKEY(source, NULL, refuse_passphrase, &wanted);
  BIO_free(source);
  if (*key == NULL) return wanted ? KEY_LOCKED : KEY_UNREADABLE;
  if (!EVP_PKEY_is_a(*key, "RSA")) return KEY_NOT_RSA;
  if (EVP_PKEY_get_bits(*key) < LEAST_BITS) return KEY_SHORT;
  if (EVP_PKEY_get_size(*key) > SIGNATURE_LIMIT) return KEY_LONG;
  return KEY_OK;
}

/* Frees what both ways have in common. OpenSSL's queue of errors belongs to the thread: TLS must not find ours. */
static void release(EVP_PKEY *key, EVP_MD_CTX *context) {
  EVP_MD_CTX_free(context);
  EVP_PKEY_free(key); /* wipes the private parts */
  ERR_clear_error();
}

static key_state sign(const char *pem, size_t length, const char *text, size_t size, unsigned char *signature,
                      size_t *signature_size) {
  EVP_PKEY *key;
  key_state state = read_pem(pem, length, true, &key);
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  if (state == KEY_OK &&
      (context == NULL || EVP_DigestSignInit_ex(context, NULL, "SHA256", NULL, NULL, key, NULL) != 1 ||
       EVP_DigestSign(context, signature, signature_size, (const unsigned char *)text, size) != 1))
    state = KEY_REFUSED;
  release(key, context);
  return state;
}

static key_state verify(const char *pem, size_t length, const char *text, size_t size, const char *signature,
                        size_t signature_size, bool *holds) {
  EVP_PKEY *key;
  key_state state = read_pem(pem, length, false, &key);
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  *holds = false;
  if (state == KEY_OK &&
      (context == NULL || EVP_DigestVerifyInit_ex(context, NULL, "SHA256", NULL, NULL, key, NULL) != 1))
    state = KEY_REFUSED;
  if (state == KEY_OK)
    *holds = EVP_DigestVerify(context, (const unsigned char *)signature, signature_size, (const unsigned char *)text,
                              size) == 1;
  release(key, context);
  return state;
}

/* Base64 for URLs, without padding (RFC 7515, 2); `to` has room for ENCODED(size). */
static size_t encode(char *to, const unsigned char *from, size_t size) {
  size_t length = (size_t)EVP_EncodeBlock((unsigned char *)to, from, (int)size);
  while (length > 0 && to[length - 1] == '=') length--;
  for (size_t i = 0; i < length; i++) to[i] = (char)(to[i] == '+' ? '-' : to[i] == '/' ? '_' : to[i]);
  return length;
}

/* native.sign(header: string, claims: string, key: string|Secret)
**     -> Secret, the token in compact form
**     -> nil, string: what is wrong with the key
**     raises when a text is longer than 4 KiB */
static fl_nret native_sign(lua_State *L) {
  unsigned char signature[SIGNATURE_LIMIT];
  char token[2 * ENCODED(TEXT_LIMIT) + ENCODED(SIGNATURE_LIMIT) + 2];
  size_t header_size, claims_size, key_size, signature_size = sizeof signature;
  const char *header = luaL_checklstring(L, 1, &header_size);
  const char *claims = luaL_checklstring(L, 2, &claims_size);
  const char *key = fl_check_text(L, 3, &key_size);
  luaL_argcheck(L, header_size <= TEXT_LIMIT, 1, "is longer than 4 KiB");
  luaL_argcheck(L, claims_size <= TEXT_LIMIT, 2, "is longer than 4 KiB");
  luaL_argcheck(L, key_size <= KEY_LIMIT, 3, "is longer than 16 KiB");

  size_t length = encode(token, (const unsigned char *)header, header_size);
  token[length++] = '.';
  length += encode(token + length, (const unsigned char *)claims, claims_size);
  key_state state = sign(key, key_size, token, length, signature, &signature_size);
  if (state != KEY_OK) {
    lua_pushnil(L);
    lua_pushstring(L, key_problems[state]);
    return 2;
  }
  token[length++] = '.';
  length += encode(token + length, signature, signature_size);
  fl_secret_push(L, token, length);
  OPENSSL_cleanse(token, sizeof token);
  return 1;
}

/* native.verify(text: string, signature: string, key: string)
**     -> boolean, whether the signature is the private key's that goes with this public one
**     -> nil, string: what is wrong with the key */
static fl_nret native_verify(lua_State *L) {
  size_t size, signature_size, key_size;
  bool holds;
  const char *text = luaL_checklstring(L, 1, &size);
  const char *signature = luaL_checklstring(L, 2, &signature_size);
  const char *key = luaL_checklstring(L, 3, &key_size);
  luaL_argcheck(L, key_size <= KEY_LIMIT, 3, "is longer than 16 KiB");
  key_state state = verify(key, key_size, text, size, signature, signature_size, &holds);
  if (state != KEY_OK) {
    lua_pushnil(L);
    lua_pushstring(L, key_problems[state]);
    return 2;
  }
  lua_pushboolean(L, holds);
  return 1;
}

/* The file's first bytes, at most `limit`; -1 with errno set. Unbuffered, so that no copy stays in the C library. */
static long read_file(const char *path, char *to, size_t limit) {
  FILE *file = fopen(path, "rbe");
  if (file == NULL) return -1;
  setvbuf(file, NULL, _IONBF, 0);
  errno = 0;
  size_t length = fread(to, 1, limit, file);
  int problem = ferror(file) ? (errno != 0 ? errno : EIO) : 0;
  (void)fclose(file);
  errno = problem;
  return problem != 0 ? -1 : (long)length;
}

/* native.read_key(path: string)
**     -> Secret, the file's text: it is never a Lua string
**     -> nil, string: why it cannot be read */
static fl_nret native_read_key(lua_State *L) {
  char text[KEY_LIMIT + 1];
  const char *path = luaL_checkstring(L, 1);
  long length = read_file(path, text, sizeof text);
  int problem = errno;
  if (length >= 0 && length <= KEY_LIMIT) {
    fl_secret_push(L, text, (size_t)length);
    OPENSSL_cleanse(text, sizeof text);
    return 1;
  }
  OPENSSL_cleanse(text, sizeof text);
  lua_pushnil(L);
  if (length < 0)
    lua_pushstring(L, strerror(problem));
  else
    lua_pushliteral(L, "it is longer than 16 KiB");
  return 2;
}

static const luaL_Reg native_functions[] = {
    {"sign", native_sign},         /* a token */
    {"verify", native_verify},     /* somebody else's signature */
    {"read_key", native_read_key}, /* a file, as a secret */
    {NULL, NULL},
};

FL_API int luaopen_fairlead_jwt_native(lua_State *L);

int luaopen_fairlead_jwt_native(lua_State *L) {
  luaL_newlib(L, native_functions);
  return 1;
}
