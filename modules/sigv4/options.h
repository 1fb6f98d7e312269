/* options.h - the one argument of sigv4.sign and sigv4.presign. */
#ifndef FAIRLEAD_SIGV4_OPTIONS_H
#define FAIRLEAD_SIGV4_OPTIONS_H

#include <time.h>

#include "canonical.h"
#include "fairlead.h"

typedef struct {
  const char *op;          /* "sigv4.sign": for messages */
  piece method;            /* upper case */
  piece scheme, authority; /* "https", "host:port" */
  piece path, query;       /* as sent, without '?' and fragment */
  int headers;             /* stack index */
  piece body;
  piece payload_hash; /* empty: that of the body */
  piece service, region;
  piece access_key_id, secret_access_key, session_token; /* no token: empty */
  int token;                                             /* stack index of the session token, string or Secret */
  time_t time;
  lua_Integer expires;
  bool normalize_path, double_encode, sign_payload_header, omit_session_token;
} options;

/* Raises "bad argument #1 to 'sigv4.sign' (…)". Messages name no value that could be secret. */
_Noreturn void misuse(lua_State *L, const char *op, const char *format, ...);

/* Reads and checks the table at index 1. All that `o` points to is kept alive by the stack, which grows. */
void options_read(lua_State *L, const char *op, arena *memory, options *o);

#endif
