/* editor.c - lines that are typed at a prompt, edited by libedit in a thread of its own: the loop's side.
**
** Lua: fairlead.editor.native: open(); modules/editor/init.lua is what scripts get.
**
** Owners: the userdata owns an `editor` struct, which holds the loop's handles and what it shares with the thread; it
** is freed when the thread has been joined and the handles are closed. The handles keep the loop alive only while a
** task waits for the editor.
*/
#include "editor.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "fairlead.h"

#define EDITOR "editor.Editor"
#define MOST_PRINTED ((size_t)16 << 20) /* bytes that may wait for a terminal that takes none */

typedef struct editor_box editor_box;

typedef struct loop_editor { /* the shared struct and the loop's own handles; freed by the last close callback */
  editor shared;
  uv_signal_t signals[3]; /* of the terminal, while a read is open: see `watched` */
  bool job_control;       /* whoever started the program lets it be stopped by Ctrl-Z */
  int handles;
  text taken;      /* the last event's */
  editor_box *box; /* NULL: the userdata is gone */
} loop_editor;

struct editor_box {
  fl_wait wait;
  loop_editor *editor; /* NULL: closed */
  bool waiting;
  bool completing; /* the task that reads looks for a completion */
};

static const int watched[] = {SIGWINCH, SIGCONT, SIGTSTP};

void editor_wake(editor *self) {
  eventfd_write(self->wake, 1);
}

/* ---- in the loop ---- */

static void on_signal(uv_signal_t *handle, int number) {
  loop_editor *self = handle->data;
  pthread_mutex_lock(&self->shared.mutex);
  if (number == SIGWINCH)
    self->shared.resize = true;
  else if (number == SIGCONT)
    self->shared.resume = true;
  else
    self->shared.suspend = true;
  pthread_mutex_unlock(&self->shared.mutex);
  editor_wake(&self->shared);
}

/* Else they do what they always do: between two reads the terminal is in its usual mode. */
static void watch_signals(loop_editor *self) {
  int count = self->job_control ? 3 : 2;
  for (int i = 0; i < count; i++) uv_signal_start(&self->signals[i], on_signal, watched[i]);
}

static void leave_signals(loop_editor *self) {
  for (int i = 0; i < 3; i++) uv_signal_stop(&self->signals[i]);
}

static void end_waiting(editor_box *box) {
  if (!box->waiting) return;
  box->waiting = false;
  if (box->editor != NULL) uv_unref((uv_handle_t *)&box->editor->shared.async);
  fl_wait_deliver(&box->wait);
}

static bool has_event(editor *shared) {
  pthread_mutex_lock(&shared->mutex);
  bool has = shared->event != EVENT_NONE && shared->event_read == shared->wanted;
  pthread_mutex_unlock(&shared->mutex);
  return has;
}

static void on_event(uv_async_t *async) {
  const loop_editor *self = async->data;
  if (self->box != NULL && self->box->waiting && has_event(&self->box->editor->shared)) end_waiting(self->box);
}

static void on_closed(uv_handle_t *handle) {
  loop_editor *self = handle->data;
  if (--self->handles > 0) return;
  editor *shared = &self->shared;
  while (shared->entries != NULL) {
    history_entry *next = shared->entries->next;
    free(shared->entries);
    shared->entries = next;
  }
  text_clear(&shared->prompt);
  text_clear(&shared->continuation);
  text_clear(&shared->printed);
  text_clear(&shared->insert);
  text_clear(&shared->line);
  text_clear(&self->taken);
  pthread_mutex_destroy(&shared->mutex);
  pthread_cond_destroy(&shared->ready);
  close(shared->wake);
  free(self);
}

static void close_handles(loop_editor *self) {
  uv_close((uv_handle_t *)&self->shared.async, on_closed);
  for (int i = 0; i < 3; i++) uv_close((uv_handle_t *)&self->signals[i], on_closed);
}

/* Ends an open read; its event comes. */
static void interrupt_read(editor_box *box) {
  editor *shared = &box->editor->shared;
  if (box->completing) leave_signals(box->editor); /* nobody may ask for the event */
  box->completing = false;
  pthread_mutex_lock(&shared->mutex);
  shared->interrupted = shared->wanted;
  pthread_mutex_unlock(&shared->mutex);
  editor_wake(shared);
}

static void abandon_read(fl_wait *wait) {
  editor_box *box = (editor_box *)wait;
  if (box->editor == NULL) return;
  interrupt_read(box);
  leave_signals(box->editor);
}

/* ---- beginning and end ---- */

static void editor_end(lua_State *L, editor_box *box) {
  loop_editor *self = box->editor;
  if (self == NULL) return;
  tcflow(STDOUT_FILENO, TCOON); /* output that Ctrl-S has stopped would hold up the change of the terminal's modes */
  pthread_mutex_lock(&self->shared.mutex);
  self->shared.end = true;
  pthread_mutex_unlock(&self->shared.mutex);
  editor_wake(&self->shared);
  pthread_join(self->shared.thread, NULL);
  tcsetattr(STDIN_FILENO, TCSADRAIN, &self->shared.modes);
  end_waiting(box);
  box->editor = NULL;
  self->box = NULL;
  close_handles(self);
  lua_pushnil(L);
  lua_setfield(L, LUA_REGISTRYINDEX, EDITOR ".open");
}

/* Editor:close()
**     -> (nothing); the terminal is as it was; may be called again */
static fl_nret editor_close(lua_State *L) {
  editor_end(L, luaL_checkudata(L, 1, EDITOR));
  return 0;
}

static fl_nret editor_gc(lua_State *L) {
  editor_box *box = luaL_checkudata(L, 1, EDITOR);
  fl_wait_abandon(&box->wait);
  editor_end(L, box);
  return 0;
}

/* The thread takes no signals: they are the loop's. */
static int start_thread(editor *shared) {
  sigset_t all, before;
  sigfillset(&all);
  sigdelset(&all, SIGTTIN); /* but for those of a program in the background, which has to stop and not to take the */
  sigdelset(&all, SIGTTOU); /* terminal from the one in front */
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int code = pthread_create(&shared->thread, NULL, editor_thread, shared);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (code != 0) return code;
  pthread_mutex_lock(&shared->mutex);
  while (!shared->started) pthread_cond_wait(&shared->ready, &shared->mutex);
  pthread_mutex_unlock(&shared->mutex);
  return 0;
}

static loop_editor *editor_new(uv_loop_t *loop) {
  loop_editor *self = calloc(1, sizeof *self);
  if (self == NULL) return NULL;
  editor *shared = &self->shared;
  shared->last_entry = &shared->entries;
  shared->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (shared->wake < 0 || uv_async_init(loop, &shared->async, on_event) != 0) {
    if (shared->wake >= 0) close(shared->wake);
    free(self);
    return NULL;
  }
  uv_unref((uv_handle_t *)&shared->async);
  shared->async.data = self;
  for (int i = 0; i < 3; i++) {
    uv_signal_init(loop, &self->signals[i]);
    uv_unref((uv_handle_t *)&self->signals[i]);
    self->signals[i].data = self;
  }
  self->handles = 4;
  struct sigaction stops;
  self->job_control = sigaction(SIGTSTP, NULL, &stops) == 0 && stops.sa_handler != SIG_IGN;
  pthread_mutex_init(&shared->mutex, NULL);
  pthread_cond_init(&shared->ready, NULL);
  tcgetattr(STDIN_FILENO, &shared->modes);
  return self;
}

/* native.open()
**     -> Editor
**     raises kind "editor.no_terminal", "editor.busy" (there is one already), "editor.failed" */
static fl_nret editor_open(lua_State *L) {
  if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
    return fl_error_raise(L, "editor.no_terminal", "standard input and output are no terminal");
  if (lua_getfield(L, LUA_REGISTRYINDEX, EDITOR ".open") != LUA_TNIL)
    return fl_error_raise(L, "editor.busy", "the terminal has an editor already");
  editor_box *box = lua_newuserdatauv(L, sizeof *box, 0);
  memset(box, 0, sizeof *box);
  luaL_setmetatable(L, EDITOR);
  lua_pushboolean(L, true);
  lua_setfield(L, LUA_REGISTRYINDEX, EDITOR ".open");
  const char *problem = "out of memory";
  loop_editor *self = editor_new(fl_host_loop(fl_host_of(L)));
  if (self != NULL) {
    int code = start_thread(&self->shared);
    if (code == 0) {
      box->editor = self;
      self->box = box;
      if (self->shared.problem == NULL) return 1;
      problem = self->shared.problem;
      editor_end(L, box);
    } else {
      close_handles(self);
      problem = strerror(code);
    }
  }
  lua_pushnil(L);
  lua_setfield(L, LUA_REGISTRYINDEX, EDITOR ".open");
  return fl_error_raise(L, "editor.failed", "the terminal cannot be edited on: %s", problem);
}

/* ---- in the task ---- */

static editor_box *check_editor(lua_State *L) {
  editor_box *box = luaL_checkudata(L, 1, EDITOR);
  if (box->editor == NULL) luaL_error(L, "the editor is closed");
  return box;
}

/* What has happened: "line", text | "paste", text | "interrupt" | "end" | "complete", line, cursor */
static fl_nret push_event(lua_State *L, editor_box *box) {
  static const char *const names[] = {"end", "line", "paste", "interrupt", "end", "complete"};
  if (box->editor == NULL) { /* closed meanwhile */
    lua_pushliteral(L, "end");
    return 1;
  }
  editor *shared = &box->editor->shared;
  text *taken = &box->editor->taken;
  pthread_mutex_lock(&shared->mutex); /* while a completion is looked for the thread may end the read */
  event_kind kind = shared->event;
  size_t cursor = shared->cursor;
  text_move(taken, &shared->line);
  pthread_mutex_unlock(&shared->mutex);
  box->completing = kind == EVENT_COMPLETE;
  if (!box->completing) leave_signals(box->editor);
  lua_pushstring(L, names[kind]);
  if (kind != EVENT_LINE && kind != EVENT_PASTE && kind != EVENT_COMPLETE) return 1;
  lua_pushlstring(L, taken->bytes != NULL ? taken->bytes : "", taken->length);
  text_clear(taken);
  if (kind != EVENT_COMPLETE) return 2;
  lua_pushinteger(L, (lua_Integer)cursor);
  return 3;
}

static fl_nret read_resume(lua_State *L, fl_wait *wait) {
  return push_event(L, (editor_box *)wait);
}

static fl_nret wait_for_event(lua_State *L, editor_box *box) {
  if (has_event(&box->editor->shared)) return push_event(L, box);
  uv_ref((uv_handle_t *)&box->editor->shared.async);
  watch_signals(box->editor);
  box->waiting = true;
  memset(&box->wait, 0, sizeof box->wait);
  return fl_wait_begin(L, &box->wait, "Editor:read", abandon_read, read_resume);
}

/* Editor:read(prompt: string, continuation: string, plain: boolean)
**     -> "line", text
**     -> "paste", text
**     -> "interrupt"
**     -> "end"
**     -> "complete", line, bytes before the cursor: the prompt stays open, Editor:answer goes on
**     waits
**     raises misuse while another task reads */
static fl_nret editor_read(lua_State *L) {
  editor_box *box = check_editor(L);
  size_t length, more;
  const char *prompt = luaL_checklstring(L, 2, &length);
  const char *continuation = luaL_checklstring(L, 3, &more);
  bool plain = lua_toboolean(L, 4);
  fl_wait_check(L, "Editor:read");
  if (box->waiting || box->completing) return luaL_error(L, "Editor:read: another task is reading already");
  editor *shared = &box->editor->shared;
  pthread_mutex_lock(&shared->mutex);
  shared->event = EVENT_NONE;
  text_clear(&shared->line);
  text_clear(&shared->prompt);
  text_clear(&shared->continuation);
  bool done = text_append(&shared->prompt, prompt, length) && text_append(&shared->continuation, continuation, more);
  if (done) {
    shared->plain = plain;
    shared->open = true;
    shared->wanted++;
  }
  pthread_mutex_unlock(&shared->mutex);
  if (!done) return luaL_error(L, "not enough memory");
  editor_wake(shared);
  return wait_for_event(L, box);
}

/* Editor:answer(remove: integer, insert: string)
**     -> as Editor:read, whose completion this answers: so many characters before the cursor go, the text comes
**     waits */
static fl_nret editor_answer(lua_State *L) {
  editor_box *box = luaL_checkudata(L, 1, EDITOR);
  if (box->editor == NULL) return push_event(L, box); /* closed while the completion was looked for */
  lua_Integer remove = luaL_checkinteger(L, 2);
  size_t length;
  const char *insert = luaL_checklstring(L, 3, &length);
  fl_wait_check(L, "Editor:read");
  if (box->waiting) return luaL_error(L, "Editor:read: another task is reading already");
  box->completing = false;
  editor *shared = &box->editor->shared;
  pthread_mutex_lock(&shared->mutex);
  if (shared->event == EVENT_COMPLETE) { /* else the read has ended meanwhile */
    shared->event = EVENT_NONE;
    text_clear(&shared->insert);
    bool done = text_append(&shared->insert, insert, length);
    shared->remove = done && remove > 0 ? (size_t)remove : 0;
    shared->answered = true;
  }
  pthread_mutex_unlock(&shared->mutex);
  editor_wake(shared);
  return wait_for_event(L, box);
}

/* Editor:interrupt()
**     -> (nothing): an open read gives "interrupt" */
static fl_nret editor_interrupt(lua_State *L) {
  check_editor(L);
  interrupt_read(lua_touserdata(L, 1));
  return 0;
}

/* Editor:print(text: string)
**     -> true: it will stand above the prompt
**     -> false: no prompt is open; nothing was done */
static fl_nret editor_print(lua_State *L) {
  editor *shared = &check_editor(L)->editor->shared;
  size_t length;
  const char *bytes = luaL_checklstring(L, 2, &length);
  pthread_mutex_lock(&shared->mutex);
  bool open = shared->open;
  if (open) {
    bool fits = shared->printed.length + length <= MOST_PRINTED && shared->left_out == 0;
    if (!fits || !text_append(&shared->printed, bytes, length)) shared->left_out += length;
    if (fits && length > 0 && bytes[length - 1] != '\n') text_append(&shared->printed, "\n", 1);
  }
  pthread_mutex_unlock(&shared->mutex);
  if (open) editor_wake(shared);
  lua_pushboolean(L, open);
  return 1;
}

/* Editor:remember(text: string)
**     -> (nothing): the line is the newest of the history from the next read on */
static fl_nret editor_remember(lua_State *L) {
  editor *shared = &check_editor(L)->editor->shared;
  size_t length, count;
  const char *bytes = luaL_checklstring(L, 2, &length);
  wchar_t *wide = wide_from_utf8(bytes, length, &count);
  history_entry *entry = wide != NULL ? malloc(sizeof *entry + (count + 1) * sizeof *wide) : NULL;
  if (entry != NULL) {
    entry->next = NULL;
    memcpy(entry->wide, wide, (count + 1) * sizeof *wide);
    pthread_mutex_lock(&shared->mutex);
    *shared->last_entry = entry;
    shared->last_entry = &entry->next;
    pthread_mutex_unlock(&shared->mutex);
  }
  free(wide);
  return entry != NULL ? 0 : luaL_error(L, "not enough memory");
}

/* Editor:keys(mode: "vi"|"emacs")
**     -> (nothing): from the next read on */
static fl_nret editor_keys(lua_State *L) {
  static const char *const modes[] = {"emacs", "vi", NULL};
  editor *shared = &check_editor(L)->editor->shared;
  int mode = luaL_checkoption(L, 2, NULL, modes);
  pthread_mutex_lock(&shared->mutex);
  shared->keys = mode == 1 ? KEYS_VI : KEYS_EMACS;
  pthread_mutex_unlock(&shared->mutex);
  return 0;
}

static const luaL_Reg editor_methods[] = {
    {"read", editor_read},           /* a line */
    {"answer", editor_answer},       /* a completion */
    {"interrupt", editor_interrupt}, /* the open read */
    {"print", editor_print},         /* above the prompt */
    {"remember", editor_remember},   /* in the history */
    {"keys", editor_keys},           /* emacs's or vi's */
    {"close", editor_close},         /* and give the terminal back */
    {NULL, NULL},
};

static const luaL_Reg editor_meta[] = {
    {"__close", editor_close},
    {"__gc", editor_gc},
    {NULL, NULL},
};

static const luaL_Reg editor_functions[] = {
    {"open", editor_open}, /* on the terminal */
    {NULL, NULL},
};

FL_API int luaopen_fairlead_editor_native(lua_State *L);

int luaopen_fairlead_editor_native(lua_State *L) {
  luaL_newmetatable(L, EDITOR);
  luaL_setfuncs(L, editor_meta, 0);
  luaL_newlib(L, editor_methods);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
  luaL_newlib(L, editor_functions);
  return 1;
}
