/* keys.c - what is typed: bytes to characters and keys, pasted text, and what each key does.
**
** The terminal's sequences for keys (ESC [ A) are taken apart here, before libedit: each becomes one character of the
** C1 range, which nobody types and which libedit looks up like any control character. So they work in the middle of a
** search and in vi's insert mode, where libedit would take the ESC alone. An ESC that nothing follows within 50 ms is
** the key of that name. Where ~/.editrc binds such sequences they are passed on as they came.
*/
#include <stdlib.h>
#include <string.h>

#include "thread.h"

#define SEQUENCE_GAP 50 /* milliseconds between the bytes of one key's sequence */
#define PASTE_GAP 5000  /* milliseconds of silence after which a paste without an end has ended */
#define LONGEST_PASTE ((size_t)1 << 20)
#define LONGEST_SETTINGS ((size_t)1 << 20)

enum {
  KEY_PASTE = 0x80, /* text was pasted: self->pasted */
  KEY_INSERT,       /* self->inserted */
  KEY_DELETE,
  KEY_FIRST /* of the table below */
};

typedef struct {
  const char *sequence; /* behind the ESC */
  const wchar_t *command;
} key_sequence;

static const key_sequence sequences[] = {
    {"[A", L"ed-prev-history"},
    {"OA", L"ed-prev-history"},
    {"[B", L"ed-next-history"},
    {"OB", L"ed-next-history"},
    {"[C", L"ed-next-char"},
    {"OC", L"ed-next-char"},
    {"[D", L"ed-prev-char"},
    {"OD", L"ed-prev-char"},
    {"[H", L"ed-move-to-beg"},
    {"OH", L"ed-move-to-beg"},
    {"[1~", L"ed-move-to-beg"},
    {"[7~", L"ed-move-to-beg"},
    {"[F", L"ed-move-to-end"},
    {"OF", L"ed-move-to-end"},
    {"[4~", L"ed-move-to-end"},
    {"[8~", L"ed-move-to-end"},
    {"[1;5C", L"em-next-word"},
    {"[1;3C", L"em-next-word"},
    {"[1;5D", L"ed-prev-word"},
    {"[1;3D", L"ed-prev-word"},
    {"[5~", L"ed-search-prev-history"},
    {"[6~", L"ed-search-next-history"},
    {"[3;5~", L"em-delete-next-word"},
};

enum { SEQUENCES = sizeof sequences / sizeof sequences[0] };

/* ---- commands ---- */

static session *session_of(EditLine *el) {
  session *self = NULL;
  el_wget(el, EL_CLIENTDATA, &self);
  return self;
}

static text line_text(EditLine *el, size_t *cursor) {
  const LineInfoW *line = el_wline(el);
  text result = {0};
  text_append_wide(&result, line->buffer, (size_t)(line->cursor - line->buffer));
  if (cursor != NULL) *cursor = result.length;
  text_append_wide(&result, line->cursor, (size_t)(line->lastchar - line->cursor));
  return result;
}

static unsigned char insert_wide(EditLine *el, const wchar_t *wide) {
  return el_winsertstr(el, wide) == 0 ? CC_REFRESH : CC_ERROR;
}

static unsigned char command_insert(EditLine *el, wint_t key) {
  wchar_t wide[2] = {session_of(el)->inserted, L'\0'};
  (void)key;
  return insert_wide(el, wide);
}

static unsigned char command_delete(EditLine *el, wint_t key) {
  const LineInfoW *line = el_wline(el);
  (void)key;
  if (line->cursor == line->lastchar) return CC_ERROR;
  el_cursor(el, 1);
  el_deletestr(el, 1);
  return CC_REFRESH;
}

/* Ctrl-D: the end on an empty line, else the character under the cursor. */
static unsigned char command_end(EditLine *el, wint_t key) {
  session *self = session_of(el);
  const LineInfoW *line = el_wline(el);
  if (line->lastchar != line->buffer) return command_delete(el, key);
  self->outcome = EVENT_END;
  fputc('\n', self->out);
  fflush(self->out);
  self->muted = true;
  return CC_EOF;
}

/* A paste of one line, or of a part of one, is typed text. Several lines end the read. */
static unsigned char command_paste(EditLine *el, wint_t key) {
  session *self = session_of(el);
  (void)key;
  if (self->pasted.length == 0) return CC_NORM;
  if (memchr(self->pasted.bytes, '\n', self->pasted.length) == NULL) {
    wchar_t *wide = wide_from_utf8(self->pasted.bytes, self->pasted.length, NULL);
    text_clear(&self->pasted);
    if (wide == NULL) return CC_ERROR;
    unsigned char result = insert_wide(el, wide);
    free(wide);
    return result;
  }
  size_t cursor;
  text line = line_text(el, &cursor), whole = {0};
  bool done = text_append(&whole, line.bytes, cursor) && text_append(&whole, self->pasted.bytes, self->pasted.length) &&
              text_append(&whole, line.bytes + cursor, line.length - cursor);
  text_clear(&line);
  text_clear(&self->pasted);
  if (!done) {
    text_clear(&whole);
    return CC_ERROR;
  }
  screen_echo(self, &whole, "\n");
  self->pasted = whole;
  self->outcome = EVENT_PASTE;
  self->muted = true;
  return CC_EOF;
}

static unsigned char command_complete(EditLine *el, wint_t key) {
  session *self = session_of(el);
  (void)key;
  if (self->plain) return CC_ERROR;
  return session_complete(self) ? CC_REFRESH : CC_ERROR;
}

/* ---- bindings ---- */

static void bind_key(EditLine *el, const wchar_t *key, const wchar_t *command) {
  el_wset(el, EL_BIND, key, command, NULL);
}

static void bind_code(EditLine *el, int code, const wchar_t *command) {
  wchar_t key[2] = {(wchar_t)code, L'\0'};
  bind_key(el, key, command);
  el_wset(el, EL_BIND, L"-a", key, command, NULL); /* vi's command mode */
}

/* What the editor binds itself, after each change between emacs's and vi's keys, which forgets all bindings. */
static void bind_all(session *self) {
  EditLine *el = self->el;
  bind_code(el, KEY_PASTE, L"fairlead-paste");
  bind_code(el, KEY_INSERT, L"fairlead-insert");
  bind_code(el, KEY_DELETE, L"fairlead-delete");
  for (int i = 0; i < SEQUENCES; i++) bind_code(el, KEY_FIRST + i, sequences[i].command);
  bind_key(el, L"^I", L"fairlead-complete");
  bind_key(el, L"^D", L"fairlead-end");
  el_wset(el, EL_BIND, L"-a", L"^D", L"fairlead-end", NULL);
  bind_key(el, L"^R", L"em-inc-search-prev");
  bind_key(el, L"^S", L"em-inc-search-next");
  bind_key(el, L"^U", L"vi-kill-line-prev");
  bind_key(el, L"^W", L"ed-delete-prev-word");
}

/* ---- ~/.editrc ---- */

/* $EDITRC or ~/.editrc, as libedit finds it. */
static void read_settings(session *self) {
  const char *given = getenv("EDITRC"), *home = getenv("HOME");
  char path[4096], piece[4096];
  if (given != NULL && given[0] != '\0')
    snprintf(path, sizeof path, "%s", given);
  else if (home == NULL || snprintf(path, sizeof path, "%s/.editrc", home) >= (int)sizeof path)
    return;
  FILE *file = fopen(path, "re");
  if (file == NULL) return;
  size_t length;
  while ((length = fread(piece, 1, sizeof piece, file)) > 0 && self->settings.length < LONGEST_SETTINGS)
    text_append(&self->settings, piece, length);
  fclose(file);
  text_append(&self->settings, "\n", 2); /* the last line's end, and the zero that string functions look for */
}

static bool names_sequence(const char *word) {
  static const char *const beginnings[] = {"^[[", "^[O", "\\e[", "\\eO", "\\033[", "\\033O"};
  for (size_t i = 0; i < sizeof beginnings / sizeof beginnings[0]; i++)
    if (strncmp(word, beginnings[i], strlen(beginnings[i])) == 0) return true;
  return false;
}

/* One setting. One that changes between emacs's and vi's keys is left out when the program has chosen. */
static void apply_setting(session *self, const char *line, bool chosen) {
  int count;
  const char **words;
  Tokenizer *tokens = tok_init(NULL);
  if (tokens == NULL) return;
  if (tok_str(tokens, line, &count, &words) == 0 && count > 0 && words[0][0] != '#') {
    bool sets_mode = count > 1 && (strcmp(words[1], "-v") == 0 || strcmp(words[1], "-e") == 0);
    for (int i = 1; i < count - 1; i++) self->own_sequences = self->own_sequences || names_sequence(words[i]);
    if (!(sets_mode && chosen)) el_parse(self->el, count, words);
    if (sets_mode && !chosen) bind_all(self);
  }
  tok_end(tokens);
}

static void apply_settings(session *self, bool chosen) {
  const char *at = self->settings.bytes, *end = at + self->settings.length;
  for (const char *newline; at < end && (newline = memchr(at, '\n', (size_t)(end - at))) != NULL; at = newline + 1) {
    char *line = strndup(at, (size_t)(newline - at));
    if (line != NULL) apply_setting(self, line, chosen);
    free(line);
  }
  el_wset(self->el, EL_EDITMODE, 1); /* `edit off` would leave half an editor */
}

void keys_set(session *self, key_mode mode) {
  const wchar_t *name = mode == KEYS_VI ? L"vi" : L"emacs", *now = NULL;
  if (el_wget(self->el, EL_EDITOR, &now) == 0 && now != NULL && wcscmp(now, name) == 0) return;
  el_wset(self->el, EL_EDITOR, name);
  bind_all(self);
  apply_settings(self, true);
}

bool keys_open(session *self) {
  EditLine *el = self->el;
  el_wset(el, EL_ADDFN, L"fairlead-paste", L"Takes what was pasted", command_paste);
  el_wset(el, EL_ADDFN, L"fairlead-insert", L"Inserts one character", command_insert);
  el_wset(el, EL_ADDFN, L"fairlead-delete", L"Deletes the character under the cursor", command_delete);
  el_wset(el, EL_ADDFN, L"fairlead-end", L"Ends the input on an empty line", command_end);
  el_wset(el, EL_ADDFN, L"fairlead-complete", L"Completes what is before the cursor", command_complete);
  el_wset(el, EL_SETTY, L"-d", L"-ixon", NULL); /* Ctrl-S searches; it does not stop the output */
  el_wset(el, EL_EDITOR, L"emacs");
  bind_all(self);
  read_settings(self);
  apply_settings(self, false);
  return el_wset(el, EL_GETCFN, keys_read) == 0;
}

void keys_close(session *self) {
  text_clear(&self->settings);
  text_clear(&self->pasted);
}

/* ---- input ---- */

static void push_back(session *self, wchar_t character) {
  if (self->pushed_next == self->pushed_count) self->pushed_next = self->pushed_count = 0;
  if (self->pushed_count < PUSHED_BACK) self->pushed[self->pushed_count++] = character;
}

/* A further byte of a character; one that starts another is kept. */
static int continuation_byte(void *source) {
  session *self = source;
  int byte = session_byte(self, SEQUENCE_GAP);
  if (byte < 0) return -1;
  if ((byte & 0xC0) == 0x80) return byte;
  push_back(self, byte < 0x80 ? (wchar_t)byte : 0xFFFD);
  return -1;
}

/* The terminal turns CR into NL and NL into CR while libedit reads, so that CR LF comes as NL CR. */
static void tidy_paste(text *pasted) {
  size_t used = 0;
  bool line_ended = false;
  for (size_t i = 0; i < pasted->length; i++) {
    char byte = pasted->bytes[i];
    bool second_half = byte == '\r' && line_ended;
    line_ended = byte == '\n';
    if (byte == '\r') byte = '\n';
    if (byte != '\0' && !second_half) pasted->bytes[used++] = byte;
  }
  pasted->length = used;
}

static void tell_left_out(session *self) {
  static char note[] = "[what was pasted is longer than 1 MiB: left out]\n";
  const text told = {.bytes = note, .length = sizeof note - 1};
  screen_print_above(self, &told);
}

/* Reads what is pasted, to its end mark. Of what is too long nothing is taken, for half of it could mean another thing. */
static void read_paste(session *self) {
  static const char mark[] = "\033[201~";
  const size_t length = sizeof mark - 1;
  text *pasted = &self->pasted;
  bool whole = true;
  text_clear(pasted);
  for (;;) {
    int byte = session_byte(self, PASTE_GAP);
    if (byte < 0) break;
    char c = (char)byte;
    if (pasted->length == LONGEST_PASTE + length) { /* only its end is looked for now */
      whole = false;
      memmove(pasted->bytes, pasted->bytes + LONGEST_PASTE, length);
      pasted->length = length;
    }
    if (!text_append(pasted, &c, 1)) whole = false;
    if (pasted->length >= length && memcmp(pasted->bytes + pasted->length - length, mark, length) == 0) {
      pasted->length -= length;
      break;
    }
  }
  tidy_paste(pasted);
  if (whole) return;
  text_clear(pasted);
  if (!self->leaving) tell_left_out(self);
}

/* The bytes of a key's sequence behind its ESC, as far as they follow at once. */
static size_t read_sequence(session *self, char bytes[16]) {
  size_t length = 0;
  bool whole = false;
  while (!whole && length < 15) {
    int byte = session_byte(self, SEQUENCE_GAP);
    if (byte < 0) break;
    bytes[length++] = (char)byte;
    if (length == 1)
      whole = byte != '[' && byte != 'O';
    else
      whole = bytes[0] == 'O' || (byte >= 0x40 && byte <= 0x7E && !(length == 2 && byte == '['));
  }
  bytes[length] = '\0';
  return length;
}

static wchar_t escape_key(session *self) {
  char bytes[16];
  size_t length = read_sequence(self, bytes);
  if (strcmp(bytes, "[200~") == 0) {
    read_paste(self);
    return KEY_PASTE;
  }
  if (!self->own_sequences) {
    if (strcmp(bytes, "[3~") == 0) return KEY_DELETE;
    for (int i = 0; i < SEQUENCES; i++)
      if (strcmp(bytes, sequences[i].sequence) == 0) return (wchar_t)(KEY_FIRST + i);
    if (length > 2 && bytes[0] == '[') return L'\0'; /* a key that does nothing */
  }
  for (size_t i = 0; i < length; i++) push_back(self, (wchar_t)(unsigned char)bytes[i]);
  return L'\033';
}

/* What libedit calls for each character: 1, or 0 when the read is to end. */
int keys_read(EditLine *el, wchar_t *key) {
  session *self = session_of(el);
  *key = L'\0';
  while (*key == L'\0') {
    if (self->leaving) return 0;
    if (self->pushed_next < self->pushed_count) {
      *key = self->pushed[self->pushed_next++];
      return 1;
    }
    int byte = session_byte(self, -1);
    if (byte < 0) return 0;
    *key = byte == 033 ? escape_key(self) : utf8_character(byte, continuation_byte, self);
    if (byte >= 0x80 && *key < 0xA0) *key = L'\0'; /* C1: the codes of the keys above */
    if (*key >= 0xA0 && wcwidth(*key) == 0) {      /* libedit would count a column for it */
      self->inserted = *key;
      *key = KEY_INSERT;
    }
    if (self->leaving) return 0;
  }
  return 1;
}
