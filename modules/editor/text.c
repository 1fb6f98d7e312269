/* text.c - bytes that grow, and UTF-8 to and from wide characters.
**
** UTF-8 is read and written here, not by the locale's functions: the bytes of a terminal and of Lua's strings are UTF-8
** whatever the environment says.
*/
#include "text.h"

#include <stdlib.h>
#include <string.h>

#define NO_CHARACTER 0xFFFD

static bool text_grow(text *self, size_t more) {
  if (self->capacity - self->length >= more) return true;
  size_t capacity = self->capacity * 2 > self->length + more ? self->capacity * 2 : self->length + more + 64;
  char *bytes = realloc(self->bytes, capacity);
  if (bytes == NULL) return false;
  self->bytes = bytes;
  self->capacity = capacity;
  return true;
}

bool text_append(text *self, const char *bytes, size_t length) {
  if (length == 0) return true;
  if (!text_grow(self, length)) return false;
  memcpy(self->bytes + self->length, bytes, length);
  self->length += length;
  return true;
}

static size_t utf8_encode(wchar_t character, char *bytes) {
  unsigned long code = (unsigned long)character;
  if (code < 0x80) {
    bytes[0] = (char)code;
    return 1;
  }
  size_t length = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  for (size_t i = length - 1; i > 0; i--, code >>= 6) bytes[i] = (char)(0x80 | (code & 0x3F));
  bytes[0] = (char)((0xF00 >> length & 0xFF) | code);
  return length;
}

bool text_append_wide(text *self, const wchar_t *wide, size_t length) {
  if (!text_grow(self, length * 4)) return false;
  for (size_t i = 0; i < length; i++) self->length += utf8_encode(wide[i], self->bytes + self->length);
  return true;
}

void text_clear(text *self) {
  free(self->bytes);
  memset(self, 0, sizeof *self);
}

void text_move(text *to, text *from) {
  text_clear(to);
  *to = *from;
  memset(from, 0, sizeof *from);
}

static bool is_character(unsigned long code, int more) {
  static const unsigned long least[] = {0, 0x80, 0x800, 0x10000};
  return code >= least[more] && code <= 0x10FFFF && !(code >= 0xD800 && code <= 0xDFFF);
}

wchar_t utf8_character(int first, int (*next)(void *source), void *source) {
  if (first < 0x80) return (wchar_t)first;
  int more = first >= 0xF0 && first < 0xF5   ? 3
             : first >= 0xE0 && first < 0xF0 ? 2
             : first >= 0xC2 && first < 0xE0 ? 1
                                             : 0;
  if (more == 0) return NO_CHARACTER;
  unsigned long code = (unsigned long)first & (0x3FUL >> more);
  for (int i = 0; i < more; i++) {
    int byte = next(source);
    if (byte < 0x80 || byte > 0xBF) return NO_CHARACTER;
    code = code << 6 | ((unsigned long)byte & 0x3F);
  }
  return is_character(code, more) ? (wchar_t)code : NO_CHARACTER;
}

typedef struct {
  const unsigned char *at, *end;
} span;

/* The next byte of a character; one that starts another character stays where it is. */
static int span_next(void *source) {
  span *self = source;
  if (self->at == self->end || (*self->at & 0xC0) != 0x80) return -1;
  return *self->at++;
}

wchar_t *wide_from_utf8(const char *bytes, size_t length, size_t *count) {
  wchar_t *wide = malloc((length + 1) * sizeof *wide);
  if (wide == NULL) return NULL;
  span rest = {(const unsigned char *)bytes, (const unsigned char *)bytes + length};
  size_t used = 0;
  while (rest.at < rest.end) {
    int first = *rest.at++;
    wide[used++] = utf8_character(first, span_next, &rest);
  }
  wide[used] = L'\0';
  if (count != NULL) *count = used;
  return wide;
}
