/* sigv4.c - the hashing of a request's signature and nothing else: no Lua, no canonical form, no memory.
**
** sigv4 COUNT BODY CANONICAL : for a body and a canonical request of so many bytes, prints signatures per second with
** the signing key kept, then with it derived each time, then how often a second 38 blocks of SHA-256 in one message are
** hashed: what a signature with a derived key takes if nothing but its blocks counts. One digest context throughout,
** which is the fastest that OpenSSL's EVP goes.
*/
#include "../modules/sigv4/keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { MOST_BYTES = 1 << 20, STRING_TO_SIGN = 138, FLOOR = 38 * 64 - 9 /* bytes; padding fills the last block */ };

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* One signature; `derive`: from the secret, as if for a new day. */
static bool sign(signer *s, piece body, piece canonical, long turn, bool derive) {
  static const piece region = {"eu-west-2", 9}, service = {"ecs", 3};
  static const piece secret = {"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", 40};
  unsigned char digest[DIGEST_SIZE];
  unsigned char key[DIGEST_SIZE];
  char date[32];
  char hex[DIGEST_HEX];
  char text[STRING_TO_SIGN] = {0};
  if (derive)
    snprintf(date, sizeof date, "%08ld", turn % 100000000); /* no two in the cache */
  else
    snprintf(date, sizeof date, "20260302");
  if (!signer_digest(s, body, digest)) return false;
  hex_encode(digest, hex);
  if (!signer_digest(s, canonical, digest)) return false;
  hex_encode(digest, hex);
  return signer_key(s, secret, (piece){date, 8}, region, service, key) &&
         signer_hmac(s, key, (piece){text, sizeof text}, digest);
}

static double rate(signer *s, piece body, piece canonical, long count, bool derive) {
  double began = seconds();
  for (long i = 0; i < count; i++)
    if (!sign(s, body, canonical, i, derive)) return 0;
  return (double)count / (seconds() - began);
}

static double floor_rate(signer *s, const char *bytes, long count) {
  unsigned char digest[DIGEST_SIZE];
  double began = seconds();
  for (long i = 0; i < count; i++)
    if (!signer_digest(s, (piece){bytes, FLOOR}, digest)) return 0;
  return (double)count / (seconds() - began);
}

int main(int argc, char **argv) {
  long count = argc == 4 ? strtol(argv[1], NULL, 10) : 0;
  long body = argc == 4 ? strtol(argv[2], NULL, 10) : -1;
  long canonical = argc == 4 ? strtol(argv[3], NULL, 10) : -1;
  if (count < 1 || body < 0 || body > MOST_BYTES || canonical < 0 || canonical > MOST_BYTES) {
    fprintf(stderr, "usage: sigv4 COUNT BODY CANONICAL\n");
    return 2;
  }
  signer keys = {0};
  char *bytes = calloc(1, MOST_BYTES);
  bool ready = bytes != NULL && signer_open(&keys);
  if (ready) {
    piece body_bytes = {bytes, (size_t)body}, canonical_bytes = {bytes, (size_t)canonical};
    rate(&keys, body_bytes, canonical_bytes, count / 10, false); /* warms up */
    printf("%.0f\n", rate(&keys, body_bytes, canonical_bytes, count, false));
    printf("%.0f\n", rate(&keys, body_bytes, canonical_bytes, count, true));
    printf("%.0f\n", floor_rate(&keys, bytes, count));
  }
  signer_close(&keys);
  free(bytes);
  return ready ? 0 : 1;
}
