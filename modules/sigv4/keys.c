/* keys.c - SHA-256, HMAC-SHA-256 and the chain of keys of Signature Version 4, over OpenSSL's EVP.
**
** HMAC is written out over one digest context that is used again and again: EVP_MAC and HMAC() allocate and look the
** algorithm up for every message, which costs more than the hashing. No function here calls Lua, so whatever is secret
** on the C stack is wiped before anything can raise.
*/
#include "keys.h"

#include <openssl/crypto.h>
#include <string.h>

#define BLOCK_SIZE 64

bool signer_open(signer *s) {
  s->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
  s->context = EVP_MD_CTX_new();
  return s->sha256 != NULL && s->context != NULL;
}

void signer_close(signer *s) {
  EVP_MD_CTX_free(s->context);
  EVP_MD_free(s->sha256);
  OPENSSL_cleanse(s, sizeof *s);
}

static bool digest_pieces(signer *s, const piece *pieces, size_t count, unsigned char out[DIGEST_SIZE]) {
  if (!EVP_DigestInit_ex2(s->context, s->sha256, NULL)) return false;
  for (size_t i = 0; i < count; i++)
    if (!EVP_DigestUpdate(s->context, pieces[i].text, pieces[i].length)) return false;
  return EVP_DigestFinal_ex(s->context, out, NULL);
}

bool signer_digest(signer *s, piece data, unsigned char out[DIGEST_SIZE]) {
  return digest_pieces(s, &data, 1, out);
}

/* RFC 2104. Keys longer than a block are hashed first. */
static bool hmac(signer *s, piece key, piece data, unsigned char out[DIGEST_SIZE]) {
  unsigned char inner[BLOCK_SIZE] = {0};
  unsigned char outer[BLOCK_SIZE];
  bool done = true;
  if (key.length > BLOCK_SIZE)
    done = signer_digest(s, key, inner);
  else
    memcpy(inner, key.text, key.length);
  for (size_t i = 0; i < BLOCK_SIZE; i++) {
    outer[i] = inner[i] ^ 0x5C;
    inner[i] ^= 0x36;
  }
  done = done && digest_pieces(s, (piece[]){{(char *)inner, BLOCK_SIZE}, data}, 2, out) &&
         digest_pieces(s, (piece[]){{(char *)outer, BLOCK_SIZE}, {(char *)out, DIGEST_SIZE}}, 2, out);
  OPENSSL_cleanse(inner, sizeof inner);
  OPENSSL_cleanse(outer, sizeof outer);
  return done;
}

bool signer_hmac(signer *s, const unsigned char key[DIGEST_SIZE], piece data, unsigned char out[DIGEST_SIZE]) {
  return hmac(s, (piece){(const char *)key, DIGEST_SIZE}, data, out);
}

static bool derive_key(signer *s, piece secret, piece date, piece region, piece service,
                       unsigned char out[DIGEST_SIZE]) {
  char first[4 + SECRET_LIMIT] = "AWS4";
  memcpy(first + 4, secret.text, secret.length);
  bool done = hmac(s, (piece){first, 4 + secret.length}, date, out) && signer_hmac(s, out, region, out) &&
              signer_hmac(s, out, service, out) && signer_hmac(s, out, (piece){"aws4_request", 12}, out);
  OPENSSL_cleanse(first, 4 + secret.length);
  return done;
}

bool signer_key(signer *s, piece secret, piece date, piece region, piece service, unsigned char out[DIGEST_SIZE]) {
  unsigned char fingerprint[DIGEST_SIZE];
  piece end = {"", 1}; /* the NUL: region and service hold none, so no two sets of parts run together */
  if (!digest_pieces(s, (piece[]){date, region, end, service, end, secret}, 6, fingerprint)) return false;
  cached_key *oldest = &s->cache[0];
  for (size_t i = 0; i < CACHED_KEYS; i++) {
    cached_key *entry = &s->cache[i];
    if (entry->used != 0 && CRYPTO_memcmp(entry->fingerprint, fingerprint, DIGEST_SIZE) == 0) {
      entry->used = ++s->clock;
      memcpy(out, entry->key, DIGEST_SIZE);
      return true;
    }
    if (entry->used < oldest->used) oldest = entry;
  }
  if (!derive_key(s, secret, date, region, service, out)) return false;
  memcpy(oldest->fingerprint, fingerprint, DIGEST_SIZE); /* overwrites the key that goes */
  memcpy(oldest->key, out, DIGEST_SIZE);
  oldest->used = ++s->clock;
  return true;
}

void hex_encode(const unsigned char digest[DIGEST_SIZE], char out[DIGEST_HEX]) {
  static const char digits[] = "0123456789abcdef";
  for (size_t i = 0; i < DIGEST_SIZE; i++) {
    out[2 * i] = digits[digest[i] >> 4];
    out[2 * i + 1] = digits[digest[i] & 15];
  }
}
