/* keys.h - SHA-256, HMAC-SHA-256 and the keys that Signature Version 4 derives. */
#ifndef FAIRLEAD_SIGV4_KEYS_H
#define FAIRLEAD_SIGV4_KEYS_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#define DIGEST_SIZE 32
#define DIGEST_HEX 64
#define SECRET_LIMIT 1024 /* longest secret access key, in bytes */
#define CACHED_KEYS 8

typedef struct {
  const char *text;
  size_t length;
} piece;

/* A signing key that was derived, under the digest of what it was derived from: the secret itself is not kept. */
typedef struct {
  unsigned char fingerprint[DIGEST_SIZE];
  unsigned char key[DIGEST_SIZE];
  unsigned long used; /* 0: empty */
} cached_key;

/* One for each Lua state. Zeroed: nothing to close. */
typedef struct {
  EVP_MD *sha256;
  EVP_MD_CTX *context;
  cached_key cache[CACHED_KEYS];
  unsigned long clock; /* counts uses; the entry used longest ago makes room */
  time_t stamped;      /* the second that `stamp` tells; requests come several a second */
  char stamp[sizeof "20260302T090000Z"];
} signer;

/* False when OpenSSL cannot give SHA-256. */
bool signer_open(signer *s);
/* Wipes all keys; may be called again. */
void signer_close(signer *s);

/* Each returns false when OpenSSL fails (out of memory). */
bool signer_digest(signer *s, piece data, unsigned char out[DIGEST_SIZE]);
bool signer_hmac(signer *s, const unsigned char key[DIGEST_SIZE], piece data, unsigned char out[DIGEST_SIZE]);

/* The key for a day, a region and a service. `date` is YYYYMMDD; `secret` is at most SECRET_LIMIT long. */
bool signer_key(signer *s, piece secret, piece date, piece region, piece service, unsigned char out[DIGEST_SIZE]);

void hex_encode(const unsigned char digest[DIGEST_SIZE], char out[DIGEST_HEX]);

#endif
