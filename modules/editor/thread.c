/* thread.c - the editor's thread: libedit, reading one line after the other, and obeying the loop's side meanwhile.
**
** Whatever waits here waits in session_byte or in session_complete, both of which listen to the loop's side, or in
** screen.c's writing, which gives up when the editor is to end. So the thread can always be joined.
**
** libedit works in the thread's own locale: a program's LC_CTYPE is left alone, for it would change what Lua's
** string functions take for a letter.
*/
#include "thread.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define HISTORY 5000
#define MOST_TYPED 8 /* bytes that may wait behind a key */

/* ---- obeying ---- */

static void note_left_out(text *printed, size_t left_out) {
  char note[80];
  int length = snprintf(note, sizeof note, "[%zu KiB of output came too fast to be shown]\n", (left_out + 1023) / 1024);
  text_append(printed, note, (size_t)length);
}

static void drain_wake(session *self) {
  eventfd_t count;
  eventfd_read(self->shared->wake, &count);
}

/* Leaves prompt and text behind as they are, and the cursor under them. */
static void leave_on_screen(session *self, const char *end) {
  const LineInfoW *line = el_wline(self->el);
  text typed = {0};
  text_append_wide(&typed, line->buffer, (size_t)(line->lastchar - line->buffer));
  screen_echo(self, &typed, end);
  text_clear(&typed);
}

/* Ends the read: libedit gets no more keys, and what it does on its way out is not shown. */
static void leave(session *self, event_kind outcome) {
  if (self->leaving) return;
  self->leaving = true;
  if (self->muted) return;
  leave_on_screen(self, outcome == EVENT_INTERRUPT ? "^C\n" : "\n");
  self->outcome = outcome;
  self->muted = true;
}

/* Somebody else has had the terminal. */
static bool is_usual_mode(void) {
  struct termios modes;
  return tcgetattr(STDIN_FILENO, &modes) == 0 && (modes.c_lflag & ICANON) != 0;
}

static void take_terminal(session *self) {
  el_wset(self->el, EL_PREP_TERM, 0); /* libedit thinks that it has it */
  el_wset(self->el, EL_PREP_TERM, 1);
  if (!self->muted) screen_return(self);
}

/* Ctrl-Z. Nothing stops where nobody could let the program go on: where no shell has started it. */
static void stop_program(void) {
  struct sigaction usual = {.sa_handler = SIG_DFL}, before;
  sigset_t stop, mask;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTSTP);
  sigaction(SIGTSTP, &usual, &before);
  pthread_sigmask(SIG_UNBLOCK, &stop, &mask);
  raise(SIGTSTP);
  pthread_sigmask(SIG_SETMASK, &mask, NULL);
  sigaction(SIGTSTP, &before, NULL);
}

static void stop(session *self) {
  if (!self->muted) screen_leave(self);
  el_wset(self->el, EL_PREP_TERM, 0);
  stop_program();
  take_terminal(self);
}

bool session_obey(session *self) {
  editor *shared = self->shared;
  text printed = {0};
  pthread_mutex_lock(&shared->mutex);
  text_move(&printed, &shared->printed);
  size_t left_out = shared->left_out;
  bool end = shared->end, resize = shared->resize;
  bool interrupt = shared->interrupted == self->number || shared->wanted != self->number; /* nobody waits for it */
  bool suspend = shared->suspend, resume = shared->resume;
  shared->left_out = 0;
  shared->resize = shared->suspend = shared->resume = false;
  pthread_mutex_unlock(&shared->mutex);
  if (left_out > 0) note_left_out(&printed, left_out);
  if (printed.length > 0) screen_print_above(self, &printed);
  text_clear(&printed);
  if (suspend)
    stop(self);
  else if (resume && is_usual_mode())
    take_terminal(self);
  if (resize && !self->muted) screen_resize(self);
  if (end || interrupt) leave(self, end ? EVENT_END : EVENT_INTERRUPT);
  return self->leaving;
}

int session_byte(session *self, int milliseconds) {
  while (!session_obey(self)) {
    unsigned char byte;
    struct pollfd polled[] = {{.fd = self->shared->wake, .events = POLLIN}, {.fd = STDIN_FILENO, .events = POLLIN}};
    int count = poll(polled, 2, milliseconds);
    if (count == 0) return KEY_LATE;
    if (count < 0 || polled[0].revents != 0) {
      if (count > 0) drain_wake(self);
      continue;
    }
    ssize_t length = read(STDIN_FILENO, &byte, 1);
    if (length == 1) return byte;
    if (length < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    leave(self, EVENT_END); /* the terminal is gone */
  }
  return KEY_LEFT_OUT;
}

/* ---- events ---- */

static void post(session *self, event_kind kind, text *line, size_t cursor) {
  editor *shared = self->shared; /* locked */
  shared->event = kind;
  shared->event_read = self->number;
  text_move(&shared->line, line);
  shared->cursor = cursor;
  uv_async_send(&shared->async);
}

/* So much input behind a Tab was not typed: it was pasted into a terminal that does not mark it, and the Tab is one. */
static bool was_pasted(void) {
  int waiting = 0;
  return ioctl(STDIN_FILENO, FIONREAD, &waiting) == 0 && waiting > MOST_TYPED;
}

/* Takes the loop's answer, when it has come. */
static bool take_answer(session *self, size_t *remove, text *insert) {
  editor *shared = self->shared;
  pthread_mutex_lock(&shared->mutex);
  bool answered = shared->answered;
  shared->answered = false;
  if (answered) {
    *remove = shared->remove;
    text_move(insert, &shared->insert);
  }
  pthread_mutex_unlock(&shared->mutex);
  return answered;
}

bool session_complete(session *self) {
  if (was_pasted()) return el_winsertstr(self->el, L"\t") == 0;
  const LineInfoW *info = el_wline(self->el);
  text line = {0}, insert = {0};
  text_append_wide(&line, info->buffer, (size_t)(info->cursor - info->buffer));
  size_t cursor = line.length, remove = 0;
  text_append_wide(&line, info->cursor, (size_t)(info->lastchar - info->cursor));
  pthread_mutex_lock(&self->shared->mutex);
  self->shared->answered = false;
  post(self, EVENT_COMPLETE, &line, cursor);
  pthread_mutex_unlock(&self->shared->mutex);
  while (!take_answer(self, &remove, &insert)) {
    struct pollfd polled = {.fd = self->shared->wake, .events = POLLIN};
    if (session_obey(self)) return true;
    if (poll(&polled, 1, -1) > 0) drain_wake(self);
  }
  wchar_t *wide = wide_from_utf8(insert.bytes, insert.length, NULL);
  bool changed = remove > 0 || insert.length > 0;
  if (wide != NULL && remove > 0) el_deletestr(self->el, (int)remove);
  if (wide != NULL && insert.length > 0) el_winsertstr(self->el, wide);
  free(wide);
  text_clear(&insert);
  return changed;
}

/* ---- reading ---- */

static void remember(session *self, history_entry *entries) {
  HistEventW event;
  while (entries != NULL) {
    history_entry *next = entries->next;
    history_w(self->history, &event, H_ENTER, entries->wide);
    free(entries);
    entries = next;
  }
}

/* The next read that is wanted. False: the editor is to end. */
static bool next_read(session *self) {
  editor *shared = self->shared;
  for (;;) {
    struct pollfd polled = {.fd = shared->wake, .events = POLLIN};
    pthread_mutex_lock(&shared->mutex);
    bool end = shared->end, wanted = shared->wanted != shared->finished;
    if (wanted && !end) {
      history_entry *entries = shared->entries;
      shared->entries = NULL;
      shared->last_entry = &shared->entries;
      key_mode keys = shared->keys;
      shared->keys = KEYS_AS_THEY_ARE;
      self->number = shared->wanted;
      self->plain = shared->plain;
      text_move(&self->prompt_text, &shared->prompt);
      text_move(&self->continuation, &shared->continuation);
      pthread_mutex_unlock(&shared->mutex);
      remember(self, entries);
      if (keys != KEYS_AS_THEY_ARE) keys_set(self, keys);
      return true;
    }
    pthread_mutex_unlock(&shared->mutex);
    if (end) return false;
    if (poll(&polled, 1, -1) > 0) drain_wake(self);
  }
}

/* Tells the loop how the read ended, when all lines that were to stand above the prompt are written. */
static void finish_read(session *self, event_kind kind, text *line) {
  editor *shared = self->shared;
  text printed = {0};
  self->outcome = kind;
  for (;;) {
    pthread_mutex_lock(&shared->mutex);
    text_move(&printed, &shared->printed);
    if (printed.length == 0 || shared->end) break;
    pthread_mutex_unlock(&shared->mutex);
    screen_print_above(self, &printed);
  }
  shared->finished = self->number;
  if (shared->wanted == self->number) { /* else nobody waits for this read, and there is a next one already */
    shared->open = shared->resize = shared->resume = false;
    post(self, kind, line, 0);
  }
  pthread_mutex_unlock(&shared->mutex);
  text_clear(&printed);
}

static void read_line(session *self) {
  int count = 0;
  text line = {0};
  self->muted = self->leaving = self->stuck = false;
  self->outcome = EVENT_NONE;
  self->pushed_count = self->pushed_next = 0;
  screen_measure(self);
  screen_set_prompt(self, &self->prompt_text);
  el_wset(self->el, EL_HIST, history_w, self->plain ? self->no_history : self->history);
  screen_paste_mode(self, true);
  el_wset(self->el, EL_PREP_TERM, 1); /* before the prompt is seen: what is typed then is not echoed twice */
  const wchar_t *wide = el_wgets(self->el, &count);
  self->muted = false;
  screen_paste_mode(self, false);
  event_kind kind = self->outcome;
  if (kind == EVENT_NONE && (wide == NULL || count <= 0)) kind = EVENT_END;
  if (kind == EVENT_NONE) {
    kind = EVENT_LINE;
    if (wide[count - 1] == L'\n' || wide[count - 1] == L'\r') count--;
    text_append_wide(&line, wide, (size_t)count);
  } else if (kind == EVENT_PASTE) {
    text_move(&line, &self->pasted);
  }
  finish_read(self, kind, &line);
  text_clear(&line);
}

/* ---- beginning and end ---- */

static locale_t utf8_locale(void) {
  static const char *const names[] = {"", "C.UTF-8", "en_US.UTF-8"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    locale_t locale = newlocale(LC_CTYPE_MASK, names[i], (locale_t)0);
    if (locale == (locale_t)0) continue;
    if (strcmp(nl_langinfo_l(CODESET, locale), "UTF-8") == 0) return locale;
    freelocale(locale);
  }
  return (locale_t)0;
}

/* A terminal's sequence; one with a pause in it ($<5>) without the pause. */
static void find_capability(session *self, const char *name, char sequence[32]) {
  const char *value = NULL;
  if (el_get(self->el, EL_GETTC, name, &value, NULL) != 0 || value == NULL) return;
  const char *pause = strstr(value, "$<");
  size_t length = pause != NULL ? (size_t)(pause - value) : strlen(value);
  if (length < 32) snprintf(sequence, 32, "%.*s", (int)length, value);
}

static const char *session_open(session *self) {
  HistEventW event;
  if (!screen_open(self)) return "cannot write to the terminal";
  self->el = el_init_fd("fairlead", stdin, self->out, self->out, STDIN_FILENO, self->out_fd, self->out_fd);
  self->history = history_winit();
  self->no_history = history_winit();
  if (self->el == NULL || self->history == NULL || self->no_history == NULL) return "libedit cannot be set up";
  history_w(self->history, &event, H_SETSIZE, HISTORY);
  history_w(self->no_history, &event, H_SETSIZE, 0);
  el_wset(self->el, EL_CLIENTDATA, self);
  el_wset(self->el, EL_SIGNAL, 0);
  el_wset(self->el, EL_PROMPT_ESC, screen_prompt, PROMPT_ESCAPE);
  find_capability(self, "up", self->up);
  find_capability(self, "cd", self->clear);
  self->paste_mode = self->up[0] != '\0';
  return keys_open(self) ? NULL : "libedit takes no keys from the editor";
}

static void session_close(session *self) {
  if (self->el != NULL) el_end(self->el);
  if (self->history != NULL) history_wend(self->history);
  if (self->no_history != NULL) history_wend(self->no_history);
  keys_close(self);
  screen_close(self);
}

void *editor_thread(void *argument) {
  editor *shared = argument;
  session self = {.shared = shared, .out_fd = -1};
  locale_t locale = utf8_locale();
  if (locale != (locale_t)0) uselocale(locale);
  const char *problem = session_open(&self);
  pthread_mutex_lock(&shared->mutex);
  shared->started = true;
  shared->problem = problem;
  pthread_cond_signal(&shared->ready);
  pthread_mutex_unlock(&shared->mutex);
  while (problem == NULL && next_read(&self)) read_line(&self);
  session_close(&self);
  uselocale(LC_GLOBAL_LOCALE);
  if (locale != (locale_t)0) freelocale(locale);
  return NULL;
}
