/* editor.h - what the loop's side of the editor and its thread share.
**
** The thread owns libedit and, while a prompt is open, the terminal; it never touches Lua or the loop but for
** uv_async_send. The loop's side never touches libedit and never waits for the terminal. Between them is this struct:
** the loop's side leaves requests in it and wakes the thread through an eventfd, the thread leaves an event in it and
** wakes the loop.
*/
#ifndef FAIRLEAD_EDITOR_H
#define FAIRLEAD_EDITOR_H

#include <pthread.h>
#include <stdbool.h>
#include <termios.h>
#include <uv.h>

#include "text.h"

typedef enum event_kind { EVENT_NONE, EVENT_LINE, EVENT_PASTE, EVENT_INTERRUPT, EVENT_END, EVENT_COMPLETE } event_kind;

typedef enum key_mode { KEYS_AS_THEY_ARE, KEYS_EMACS, KEYS_VI } key_mode;

typedef struct history_entry history_entry;
struct history_entry {
  history_entry *next;
  wchar_t wide[];
};

typedef struct editor {
  pthread_t thread;
  uv_async_t async;      /* to the loop: there is an event */
  struct termios modes;  /* the terminal's before the editor came */
  int wake;              /* eventfd: there is something new below */
  pthread_mutex_t mutex; /* for all that follows */
  pthread_cond_t ready;  /* `started` has become true */
  const char *problem;   /* why the thread has failed to make its libedit; NULL: it has not */
  bool started;          /* it has made it, or has failed to */

  /* from the loop */
  bool plain; /* of the read: a question, without history and completion */
  bool end, resize;
  bool suspend, resume; /* Ctrl-Z: give the terminal back and stop; the program goes on: take it again */
  bool answered;        /* a completion: `remove` and `insert` */
  unsigned wanted;      /* number of the read that is wanted; the first is 1 */
  unsigned finished;    /* number of the last read that the thread has ended */
  unsigned interrupted; /* number of a read that is to end; 0: none so far */
  key_mode keys;        /* wanted; KEYS_AS_THEY_ARE: no wish */
  text prompt, continuation;
  text printed;           /* lines for above the prompt */
  size_t left_out;        /* bytes of such lines that were too many */
  history_entry *entries; /* to be remembered, the oldest first */
  history_entry **last_entry;
  size_t remove; /* characters before the cursor */
  text insert;

  /* from the thread */
  event_kind event;
  unsigned event_read; /* the read that it belongs to */
  text line;
  size_t cursor; /* bytes of `line` before the cursor */
  bool open;     /* a prompt is on the screen: lines are printed by the thread */
} editor;

/* Wakes the thread. */
void editor_wake(editor *self);

/* The thread's body; its argument is the editor. */
void *editor_thread(void *argument);

#endif
