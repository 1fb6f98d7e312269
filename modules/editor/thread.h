/* thread.h - the editor's thread: its parts. Nothing here is for the loop's side. */
#ifndef FAIRLEAD_EDITOR_THREAD_H
#define FAIRLEAD_EDITOR_THREAD_H

#include <histedit.h>
#include <stdio.h>

#include "editor.h"

enum { PUSHED_BACK = 64 };

typedef struct session {
  editor *shared;
  EditLine *el;
  HistoryW *history, *no_history;

  /* output (screen.c) */
  FILE *out;              /* libedit's and ours */
  int out_fd;             /* never blocks */
  bool muted;             /* what libedit still writes is not for the screen */
  bool stuck;             /* the terminal takes nothing, and the read is to end */
  char up[32], clear[32]; /* the terminal's sequences; empty: it cannot */
  int columns, rows;
  wchar_t *prompt; /* as libedit takes it, escape sequences between PROMPT_ESCAPE */
  wchar_t *shown;  /* the prompt's characters that are seen */
  text prompt_text, continuation;

  /* input (keys.c) */
  wchar_t pushed[PUSHED_BACK];
  size_t pushed_count, pushed_next;
  text settings;      /* what ~/.editrc says */
  bool own_sequences; /* it binds escape sequences: they go to libedit as they come */
  wchar_t inserted;   /* for the command that inserts one character */
  text pasted;

  /* the read */
  unsigned number; /* the read's */
  bool plain, paste_mode;
  bool leaving;       /* out of libedit, from wherever it waits for a key */
  event_kind outcome; /* what ended the read, when it was not a line's end */
} session;

#define PROMPT_ESCAPE L'\1'

/* screen.c */
bool screen_open(session *self);
void screen_close(session *self);
void screen_measure(session *self);
bool screen_set_prompt(session *self, const text *prompt);
wchar_t *screen_prompt(EditLine *el);
void screen_print_above(session *self, const text *lines);
void screen_echo(session *self, const text *line, const char *end);
void screen_resize(session *self);
void screen_leave(session *self);
void screen_return(session *self);
void screen_refresh(session *self);
void screen_paste_mode(session *self, bool on);

/* keys.c */
enum { KEY_LEFT_OUT = -1, KEY_LATE = -2 };
bool keys_open(session *self);
void keys_close(session *self);
void keys_set(session *self, key_mode mode);
int keys_read(EditLine *el, wchar_t *key);

/* thread.c: does what the loop's side has asked for; true: the read is to end. */
bool session_obey(session *self);
/* One byte of input, obeying meanwhile: 0 to 255, KEY_LEFT_OUT: the read ends, KEY_LATE: not within `milliseconds`
** (below 0: as long as it takes). */
int session_byte(session *self, int milliseconds);
/* Asks the loop for a completion and carries it out. */
bool session_complete(session *self);

#endif
