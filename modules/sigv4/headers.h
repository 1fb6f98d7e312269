/* headers.h - the headers of a request: from Lua, to be signed and to be sent. */
#ifndef FAIRLEAD_SIGV4_HEADERS_H
#define FAIRLEAD_SIGV4_HEADERS_H

#include "canonical.h"
#include "options.h"

typedef struct {
  arena *memory;
  const char *op; /* "sigv4.sign": for messages */
  int sent;       /* Lua table of all headers to be sent, at this index */
  field *fields;  /* those that are signed */
  size_t count, capacity;
  piece *names; /* of all given headers, signed or not, in lower case */
  size_t given, names_capacity;
  size_t values;   /* given so far */
  bool has_secret; /* a signed value is a Secret */
} header_set;

/* The metatable of `sent` tables, which finds a name in any case. */
void headers_open(lua_State *L);

/* Makes the table, pushes it, and reads the headers at `index` (nil: none). */
void headers_read(header_set *set, int index);

/* Adds a header of our own; the value is on top of the stack and is taken off. */
void headers_add(header_set *set, piece name, bool is_signed);

bool headers_have(const header_set *set, piece lower_name);

#endif
