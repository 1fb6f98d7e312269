/* text.h - bytes that grow, and UTF-8 as libedit's wide characters. */
#ifndef FAIRLEAD_EDITOR_TEXT_H
#define FAIRLEAD_EDITOR_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <wchar.h>

typedef struct text {
  char *bytes; /* NULL while it is empty; no zero at its end */
  size_t length, capacity;
} text;

/* False when memory ran out: the text is as it was. */
bool text_append(text *self, const char *bytes, size_t length);
bool text_append_wide(text *self, const wchar_t *wide, size_t length);
void text_clear(text *self); /* frees its memory */
void text_move(text *to, text *from);

/* The wide characters of UTF-8, with a zero behind them; what is none becomes U+FFFD. To be freed; NULL: no memory. */
wchar_t *wide_from_utf8(const char *bytes, size_t length, size_t *count);

/* One character from a source of bytes, which is called for each further byte; below 0 stops it. */
wchar_t utf8_character(int first, int (*next)(void *source), void *source);

#endif
