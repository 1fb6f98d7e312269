/* canonical.c - a request's path, query and headers in the form that Signature Version 4 signs.
**
** Source of the rules: AWS, "Create a signed AWS API request", and the published test suite. Where the page is silent
** (a '+' in a query, empty parameters) this does what AWS's own aws-c-auth does.
*/
#include "canonical.h"

#include <lauxlib.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK 4096

void *arena_take(arena *memory, size_t size) {
  if (size > SIZE_MAX - 16) luaL_error(memory->L, "sigv4: request is too large");
  size = size == 0 ? 16 : (size + 15) & ~(size_t)15;
  if (size > memory->left) {
    size_t chunk = size > CHUNK ? size : CHUNK;
    memory->next = lua_newuserdatauv(memory->L, chunk, 1);
    memory->left = chunk;
    lua_pushvalue(memory->L, memory->anchor);
    lua_setiuservalue(memory->L, -2, 1);
    lua_replace(memory->L, memory->anchor);
  }
  void *taken = memory->next;
  memory->next += size;
  memory->left -= size;
  return taken;
}

static char *take_text(arena *memory, size_t count, size_t each) {
  if (count > SIZE_MAX / each) luaL_error(memory->L, "sigv4: request is too large");
  return arena_take(memory, count * each);
}

static bool is_unreserved(unsigned char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

static int hex_value(unsigned char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

static bool is_escape(piece text, size_t i) {
  return text.text[i] == '%' && text.length - i > 2 && hex_value((unsigned char)text.text[i + 1]) >= 0 &&
         hex_value((unsigned char)text.text[i + 2]) >= 0;
}

static char *put_escape(char *to, unsigned char c) {
  static const char digits[] = "0123456789ABCDEF";
  *to++ = '%';
  *to++ = digits[c >> 4];
  *to++ = digits[c & 15];
  return to;
}

/* ---- Encoding ------------------------------------------------------------------------------------ */

typedef enum {
  ENCODE_ALL,    /* all but unreserved characters */
  ENCODE_PATH,   /* the same, and slashes stay */
  ENCODE_ILLEGAL /* only what cannot stand in a path; escapes stay */
} encoding;

static bool stays(piece text, size_t i, encoding how) {
  unsigned char c = (unsigned char)text.text[i];
  if (is_unreserved(c)) return true;
  if (how == ENCODE_ALL) return false;
  if (c == '/') return true;
  if (how == ENCODE_PATH) return false;
  return is_escape(text, i) || (c != '\0' && strchr("!$&'()*+,;=:@", c) != NULL);
}

static piece encode(arena *memory, piece text, encoding how) {
  char *start = take_text(memory, text.length, 3);
  char *to = start;
  for (size_t i = 0; i < text.length; i++) {
    if (stays(text, i, how))
      *to++ = text.text[i];
    else
      to = put_escape(to, (unsigned char)text.text[i]);
  }
  return (piece){start, (size_t)(to - start)};
}

piece encode_component(arena *memory, piece text) {
  return encode(memory, text, ENCODE_ALL);
}

/* Escapes are read and written again, so that one parameter has one form. A '+' is a plus and a '%' without two digits
** is a percent sign. */
static piece encode_again(arena *memory, piece text) {
  char *start = take_text(memory, text.length, 3);
  char *to = start;
  for (size_t i = 0; i < text.length; i++) {
    unsigned char c = (unsigned char)text.text[i];
    if (is_escape(text, i)) {
      c = (unsigned char)(hex_value((unsigned char)text.text[i + 1]) << 4 | hex_value((unsigned char)text.text[i + 2]));
      i += 2;
    }
    if (is_unreserved(c))
      *to++ = (char)c;
    else
      to = put_escape(to, c);
  }
  return (piece){start, (size_t)(to - start)};
}

/* ---- Path ------------------------------------------------------------------------------------------ */

/* Text of the same length at most: each segment is copied after a slash, ".." takes the last one back. */
static piece remove_dots(arena *memory, piece path) {
  char *start = take_text(memory, path.length + 1, 1);
  size_t length = 0;
  size_t i = 0;
  while (i < path.length) {
    const char *segment = path.text + i;
    const char *slash = memchr(segment, '/', path.length - i);
    size_t size = slash ? (size_t)(slash - segment) : path.length - i;
    i += size + 1;
    if (size == 0 || (size == 1 && segment[0] == '.')) continue;
    if (size == 2 && segment[0] == '.' && segment[1] == '.') {
      while (length > 0 && start[--length] != '/') {
      }
      continue;
    }
    start[length++] = '/';
    memcpy(start + length, segment, size);
    length += size;
  }
  if (length == 0 || path.text[path.length - 1] == '/') start[length++] = '/';
  return (piece){start, length};
}

piece canonical_path(arena *memory, piece path, bool normalize, bool double_encode) {
  if (path.length == 0) path = PIECE("/");
  if (normalize) path = remove_dots(memory, path);
  return encode(memory, path, double_encode ? ENCODE_PATH : ENCODE_ILLEGAL);
}

/* ---- Query ----------------------------------------------------------------------------------------- */

static int compare_pieces(piece a, piece b) {
  size_t shorter = a.length < b.length ? a.length : b.length;
  int order = shorter ? memcmp(a.text, b.text, shorter) : 0;
  return order != 0 ? order : (a.length > b.length) - (a.length < b.length);
}

/* By name, then by value; comparing "name=value" whole would put "a-b=" before "a=". */
static int compare_params(const void *left, const void *right) {
  const param *a = left;
  const param *b = right;
  int order = compare_pieces(a->name, b->name);
  return order != 0 ? order : compare_pieces(a->value, b->value);
}

size_t split_query(arena *memory, piece query, size_t spare, param **params) {
  size_t count = spare + 1;
  for (size_t i = 0; i < query.length; i++)
    if (query.text[i] == '&') count++;
  *params = (param *)take_text(memory, count, sizeof(param));
  count = 0;
  for (size_t i = 0; i < query.length;) {
    const char *start = query.text + i;
    const char *end = memchr(start, '&', query.length - i);
    size_t size = end ? (size_t)(end - start) : query.length - i;
    i += size + 1;
    if (size == 0) continue;
    const char *equals = memchr(start, '=', size);
    size_t name = equals ? (size_t)(equals - start) : size;
    piece value = equals ? (piece){equals + 1, size - name - 1} : PIECE("");
    (*params)[count++] = (param){encode_again(memory, (piece){start, name}), encode_again(memory, value)};
  }
  return count;
}

static char *put(char *to, piece text) {
  if (text.length > 0) memcpy(to, text.text, text.length);
  return to + text.length;
}

piece canonical_query(arena *memory, param *params, size_t count) {
  size_t size = 0;
  for (size_t i = 0; i < count; i++) size += params[i].name.length + params[i].value.length + 2;
  qsort(params, count, sizeof *params, compare_params);
  char *start = arena_take(memory, size);
  char *to = start;
  for (size_t i = 0; i < count; i++) {
    if (i > 0) *to++ = '&';
    to = put(to, params[i].name);
    *to++ = '=';
    to = put(to, params[i].value);
  }
  return (piece){start, (size_t)(to - start)};
}

/* ---- Headers --------------------------------------------------------------------------------------- */

static int compare_fields(const void *left, const void *right) {
  const field *a = left;
  const field *b = right;
  int order = compare_pieces(a->name, b->name);
  return order != 0 ? order : (a->order > b->order) - (a->order < b->order);
}

piece canonical_headers(arena *memory, field *fields, size_t count, piece *names) {
  size_t size = 0, names_size = 0;
  for (size_t i = 0; i < count; i++) {
    size += fields[i].name.length + fields[i].value.length + 2;
    names_size += fields[i].name.length + 1;
  }
  qsort(fields, count, sizeof *fields, compare_fields);
  char *start = arena_take(memory, size + 1);
  char *names_start = arena_take(memory, names_size);
  char *to = start;
  char *names_to = names_start;
  for (size_t i = 0; i < count; i++) {
    if (i > 0 && compare_pieces(fields[i].name, fields[i - 1].name) == 0) {
      *to++ = ',';
    } else {
      if (i > 0) *to++ = '\n';
      if (i > 0) *names_to++ = ';';
      names_to = put(names_to, fields[i].name);
      to = put(to, fields[i].name);
      *to++ = ':';
    }
    to = put(to, fields[i].value);
  }
  if (count > 0) *to++ = '\n';
  *names = (piece){names_start, (size_t)(names_to - names_start)};
  return (piece){start, (size_t)(to - start)};
}

bool unfold(arena *memory, piece value, piece *out) {
  char *start = take_text(memory, value.length, 1);
  size_t length = 0;
  bool space = false;
  for (size_t i = 0; i < value.length; i++) {
    unsigned char c = (unsigned char)value.text[i];
    unsigned char after = i + 1 < value.length ? (unsigned char)value.text[i + 1] : '\0';
    bool line_break = c == '\n' && (after == ' ' || after == '\t');
    bool half_break = c == '\r' && after == '\n';
    if (c == ' ' || c == '\t' || line_break || half_break) {
      space = length > 0;
    } else if (c < 0x20 || c == 0x7F) {
      return false;
    } else {
      if (space) start[length++] = ' ';
      space = false;
      start[length++] = (char)c;
    }
  }
  *out = (piece){start, length};
  return true;
}
