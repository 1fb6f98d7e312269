/* screen.c - the editor's output: libedit's, lines above the prompt, and the sum of where the cursor is.
**
** libedit writes into a FILE of ours, which writes to the terminal through a descriptor that does not block and is the
** editor's alone (the flag would otherwise be shared with the shell). So a terminal that takes nothing can hold up the
** thread, but not its end.
**
** Where the cursor is, in rows below the prompt's first, libedit does not tell. It is found as libedit's refresh.c finds
** it, character by character.
*/
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wctype.h>

#include "thread.h"

#define BUFFER ((size_t)64 * 1024)
#define LAST_WORDS 200 /* milliseconds that a terminal has to take what is written when the read is to end */

/* ---- output ---- */

static bool must_end(session *self) {
  pthread_mutex_lock(&self->shared->mutex);
  bool end = self->shared->end || self->shared->interrupted == self->number;
  pthread_mutex_unlock(&self->shared->mutex);
  return end || self->leaving;
}

/* Waits until the terminal takes more. False: it does not, and the read is to end; nothing more is written in it. */
static bool wait_for_terminal(session *self) {
  while (!self->stuck) {
    bool end = must_end(self);
    struct pollfd polled = {.fd = self->out_fd, .events = POLLOUT};
    int count = poll(&polled, 1, LAST_WORDS);
    if (count > 0 && (polled.revents & (POLLERR | POLLNVAL)) == 0) return true;
    self->stuck = count > 0 || end || (count < 0 && errno != EINTR);
  }
  return false;
}

static ssize_t write_out(void *cookie, const char *bytes, size_t size) {
  session *self = cookie;
  size_t written = 0;
  while (!self->muted && !self->stuck && written < size) {
    ssize_t count = write(self->out_fd, bytes + written, size - written);
    if (count > 0)
      written += (size_t)count;
    else if (errno == EAGAIN ? !wait_for_terminal(self) : errno != EINTR)
      break;
  }
  return (ssize_t)size; /* what the terminal did not take is gone: there is nobody to tell */
}

/* The terminal once more, with flags of its own; where it may not be opened, the one that there is. */
static int open_terminal(void) {
  char name[256];
  if (ttyname_r(STDOUT_FILENO, name, sizeof name) == 0) {
    int fd = open(name, O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0) return fd;
  }
  return fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
}

bool screen_open(session *self) {
  self->out_fd = open_terminal();
  if (self->out_fd < 0) return false;
  self->out = fopencookie(self, "w", (cookie_io_functions_t){.write = write_out});
  if (self->out == NULL) return false;
  setvbuf(self->out, NULL, _IOFBF, BUFFER);
  return true;
}

void screen_close(session *self) {
  if (self->out != NULL) fclose(self->out);
  if (self->out_fd >= 0) close(self->out_fd);
  free(self->prompt);
  free(self->shown);
  text_clear(&self->prompt_text);
  text_clear(&self->continuation);
}

/* The terminal's size as libedit will see it, and once, what it can do. */
void screen_measure(session *self) {
  struct winsize size;
  bool known = ioctl(self->out_fd, TIOCGWINSZ, &size) == 0;
  self->columns = known && size.ws_col > 1 ? size.ws_col : 80;
  self->rows = known && size.ws_row > 0 ? size.ws_row : 24;
}

/* ---- where things are ---- */

typedef struct place {
  int row, column, columns, rows;
} place;

static void next_row(place *at) {
  at->column = 0;
  if (at->row + 1 < at->rows) at->row++; /* else libedit shows the last rows of what is longer than the screen */
}

static void put_columns(place *at, int width) {
  if (at->column + width > at->columns) next_row(at);
  at->column += width;
  if (at->column >= at->columns) next_row(at);
}

/* As libedit shows a character: ^X for a control character, \U+1234 for one that cannot be seen. */
static int shown_as(wchar_t character, char shown[16]) {
  if (character < 0x100 && iswcntrl((wint_t)character))
    return snprintf(shown, 16, "^%c", character == 0x7F ? '?' : (int)(character & 0x1F) | 0x40);
  return snprintf(shown, 16, "\\U+%0*X", character > 0xFFFF ? 5 : 4, (unsigned)character);
}

static void put_character(place *at, wchar_t character) {
  char shown[16];
  if (character == L'\n') {
    next_row(at);
  } else if (character == L'\t') {
    do put_columns(at, 1);
    while (at->column % 8 != 0);
  } else if (iswprint((wint_t)character)) {
    int width = wcwidth(character);
    put_columns(at, width > 0 ? width : 0);
  } else {
    for (int width = shown_as(character, shown); width > 0; width--) put_columns(at, 1);
  }
}

/* Where the cursor is, and in `last` where the text ends. */
static place find_cursor(const session *self, place *last) {
  place at = {.columns = self->columns, .rows = self->rows};
  for (const wchar_t *c = self->shown; *c != L'\0'; c++) put_character(&at, *c);
  const LineInfoW *line = el_wline(self->el);
  place cursor = at;
  for (const wchar_t *c = line->buffer; c < line->lastchar; c++) {
    if (c == line->cursor) cursor = at;
    put_character(&at, *c);
    /* a wide character that does not fit into its row is in the next, and so is the cursor on it */
    if (c == line->cursor && wcwidth(*c) > 1 && cursor.column + wcwidth(*c) > cursor.columns) next_row(&cursor);
  }
  if (line->cursor >= line->lastchar) cursor = at;
  *last = at;
  return cursor;
}

/* ---- the prompt ---- */

/* The end of the escape sequence that begins at `at`: CSI … letter; others are two characters. */
static const wchar_t *sequence_end(const wchar_t *at) {
  if (at[1] != L'[') return at[1] != L'\0' ? at + 2 : at + 1;
  for (at += 2; *at >= 0x20 && *at < 0x40; at++) {
  }
  return *at != L'\0' ? at + 1 : at;
}

/* libedit ties an escape sequence to the character behind it, and loses one that has none. */
bool screen_set_prompt(session *self, const text *prompt) {
  size_t length, used = 0, seen = 0;
  wchar_t *wide = wide_from_utf8(prompt->bytes, prompt->length, &length);
  wchar_t *with_marks = malloc((length * 3 + 3) * sizeof *wide), *shown = malloc((length + 2) * sizeof *wide);
  if (wide == NULL || with_marks == NULL || shown == NULL) {
    free(wide);
    free(with_marks);
    free(shown);
    return false;
  }
  bool in_sequence = false;
  for (const wchar_t *at = wide; *at != L'\0';) {
    const wchar_t *end = *at == L'\033' ? sequence_end(at) : at + 1;
    bool is_sequence = *at == L'\033';
    if (is_sequence != in_sequence) with_marks[used++] = PROMPT_ESCAPE;
    in_sequence = is_sequence;
    if (!is_sequence) shown[seen++] = iswprint((wint_t)*at) ? *at : L' ';
    while (at < end) with_marks[used++] = is_sequence || iswprint((wint_t)*at) ? *at++ : (at++, L' ');
  }
  if (in_sequence) {
    with_marks[used++] = PROMPT_ESCAPE;
    with_marks[used++] = shown[seen++] = L' ';
  }
  with_marks[used] = shown[seen] = L'\0';
  free(wide);
  free(self->prompt);
  free(self->shown);
  self->prompt = with_marks;
  self->shown = shown;
  return true;
}

wchar_t *screen_prompt(EditLine *el) {
  session *self;
  static wchar_t none[] = L"";
  return el_wget(el, EL_CLIENTDATA, &self) == 0 && self->prompt != NULL ? self->prompt : none;
}

/* ---- drawing ---- */

/* Takes prompt and text off the screen; the cursor is where the prompt began. A terminal that cannot gets a new line. */
static void erase(session *self) {
  place last, cursor = find_cursor(self, &last);
  if (self->up[0] == '\0' || self->clear[0] == '\0') {
    fputc('\n', self->out);
    return;
  }
  for (int row = cursor.row; row > 0; row--) fputs(self->up, self->out);
  fputc('\r', self->out);
  fputs(self->clear, self->out);
}

void screen_refresh(session *self) {
  el_wset(self->el, EL_REFRESH);
}

/* Pasted text comes between marks while this is on. */
void screen_paste_mode(session *self, bool on) {
  if (self->paste_mode) fputs(on ? "\033[?2004h" : "\033[?2004l", self->out);
  fflush(self->out);
}

static void write_text(session *self, const text *bytes) {
  if (bytes->length > 0) fwrite(bytes->bytes, 1, bytes->length, self->out);
}

static void write_lines(session *self, const text *lines) {
  if (lines->length == 0) return;
  fwrite(lines->bytes, 1, lines->length, self->out);
  if (lines->bytes[lines->length - 1] != '\n') fputc('\n', self->out);
}

/* Text that came while no prompt is open is written as it is. */
void screen_print_above(session *self, const text *lines) {
  bool open = !self->muted && self->prompt != NULL && self->outcome == EVENT_NONE;
  if (open) erase(self);
  write_lines(self, lines);
  if (open)
    screen_refresh(self);
  else
    fflush(self->out);
}

static void write_character(session *self, wchar_t character) {
  char shown[16];
  text bytes = {0};
  if (character == L'\t' || iswprint((wint_t)character)) {
    text_append_wide(&bytes, &character, 1);
    if (bytes.length > 0) fwrite(bytes.bytes, 1, bytes.length, self->out);
    text_clear(&bytes);
  } else {
    shown_as(character, shown);
    fputs(shown, self->out);
  }
}

/* Writes the prompt with a text that was entered, all of it, in the place of what libedit shows, and then `end`. */
void screen_echo(session *self, const text *line, const char *end) {
  erase(self);
  write_text(self, &self->prompt_text);
  size_t length = 0;
  wchar_t *wide = wide_from_utf8(line->bytes, line->length, &length);
  while (length > 0 && end[0] == '\n' && wide[length - 1] == L'\n') length--; /* lines' ends that end the text */
  for (size_t i = 0; wide != NULL && i < length; i++) {
    if (wide[i] != L'\n') {
      write_character(self, wide[i]);
    } else {
      fputc('\n', self->out);
      write_text(self, &self->continuation);
    }
  }
  free(wide);
  fputs(end, self->out);
  fflush(self->out);
}

/* The cursor goes below the text, and keys are again what the terminal makes of them. */
void screen_leave(session *self) {
  place last;
  for (int row = find_cursor(self, &last).row; row <= last.row; row++) fputc('\n', self->out);
  screen_paste_mode(self, false);
}

/* After somebody else has had the terminal. */
void screen_return(session *self) {
  screen_paste_mode(self, true);
  screen_measure(self);
  el_resize(self->el);
  screen_refresh(self);
}

/* The terminal may or may not have wrapped the rows anew. Going up by the smaller number of rows leaves a piece of the
** prompt behind at worst; going up too far would erase what is not ours. */
void screen_resize(session *self) {
  place last;
  int before = find_cursor(self, &last).row;
  screen_measure(self);
  int after = find_cursor(self, &last).row;
  if (self->up[0] != '\0' && self->clear[0] != '\0') {
    for (int row = before < after ? before : after; row > 0; row--) fputs(self->up, self->out);
    fputc('\r', self->out);
    fputs(self->clear, self->out);
  } else {
    fputc('\n', self->out);
  }
  el_resize(self->el);
  screen_refresh(self);
}
