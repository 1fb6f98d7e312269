/* canonical.h - the parts of a request in the form that is signed. */
#ifndef FAIRLEAD_SIGV4_CANONICAL_H
#define FAIRLEAD_SIGV4_CANONICAL_H

#include <lua.h>

#include "keys.h"

/* Memory for one call: userdata that the stack slot `anchor` holds, each the one before it, so that it goes with the
** call whatever raises. */
typedef struct {
  lua_State *L;
  int anchor;
  char *next;
  size_t left;
} arena;

/* Raises when memory ran out. Leaves the stack as it was. */
void *arena_take(arena *memory, size_t size);

typedef struct {
  piece name, value; /* percent-encoded */
} param;

typedef struct {
  piece name;   /* lower case */
  piece value;  /* trimmed, each run of white space one space */
  size_t order; /* as given: values of one name keep their order */
} field;

static inline bool piece_is(piece p, const char *text, size_t length) {
  return p.length == length && __builtin_memcmp(p.text, text, length) == 0;
}
#define PIECE_IS(p, literal) piece_is(p, "" literal, sizeof(literal) - 1)
#define PIECE(literal) ((piece){"" literal, sizeof(literal) - 1})

/* ASCII only, whatever the locale. */
static inline char to_lower(char c) {
  if (c >= 'A' && c <= 'Z') return (char)(c + ('a' - 'A'));
  return c;
}
static inline char to_upper(char c) {
  if (c >= 'a' && c <= 'z') return (char)(c - ('a' - 'A'));
  return c;
}

piece encode_component(arena *memory, piece text);

/* `path` as sent. normalize: "." and ".." and empty segments go. double_encode: what is sent is encoded once more, which
** is what every service but S3 does; otherwise only bytes that cannot stand in a path are encoded. */
piece canonical_path(arena *memory, piece path, bool normalize, bool double_encode);

/* Splits a query as sent. `spare` more elements are left free at the end of *params. */
size_t split_query(arena *memory, piece query, size_t spare, param **params);

/* Sorts and joins. */
piece canonical_query(arena *memory, param *params, size_t count);

/* Sorts; joins the values of one name by commas. `names` becomes the list of signed headers. */
piece canonical_headers(arena *memory, field *fields, size_t count, piece *names);

/* A header's value without folds and doubled white space. False when it holds a control character or a line break that
** is no fold: such a value could end the header and begin another. */
bool unfold(arena *memory, piece value, piece *out);

#endif
