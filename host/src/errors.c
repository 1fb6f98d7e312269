/* errors.c - error objects: tables that say what failed, on what, why, and what to do next.
**
** Lua: fairlead.errors.native (new, is, wrap, exit_code), for modules/errors. The message handler of every task turns what
** was raised into such an object and adds a traceback of the script, without the host's own frames.
*/
#include <stdarg.h>
#include <string.h>

#include "internal.h"

#define TRACEBACK_LINES 24

void fl_error_push(lua_State *L, const char *kind, const char *format, ...) {
  va_list arguments;
  luaL_checkstack(L, 4, NULL);
  lua_createtable(L, 0, 6);
  luaL_setmetatable(L, FL_ERROR);
  lua_pushstring(L, kind);
  lua_setfield(L, -2, "kind");
  va_start(arguments, format);
  lua_pushvfstring(L, format, arguments);
  va_end(arguments);
  lua_setfield(L, -2, "message");
}

int fl_error_raise(lua_State *L, const char *kind, const char *format, ...) {
  va_list arguments;
  fl_error_push(L, kind, "%s", "");
  va_start(arguments, format);
  lua_pushvfstring(L, format, arguments);
  va_end(arguments);
  lua_setfield(L, -2, "message");
  return lua_error(L);
}

static bool is_error(lua_State *L, int index) {
  if (!lua_istable(L, index) || !lua_getmetatable(L, index)) return false;
  luaL_getmetatable(L, FL_ERROR);
  bool same = lua_rawequal(L, -1, -2);
  lua_pop(L, 2);
  return same;
}

const char *error_kind(lua_State *L, int index) {
  const char *kind = "";
  if (!is_error(L, index)) return kind;
  index = lua_absindex(L, index);
  lua_pushliteral(L, "kind");
  if (lua_rawget(L, index) == LUA_TSTRING) kind = lua_tostring(L, -1);
  lua_pop(L, 1);
  return kind;
}

/* ---- tracebacks ---- */

/* The host's own Lua: its modules, and what is compiled in. */
bool source_is_ours(const fl_host *host, const char *source) {
  size_t length = strlen(host->data_dir);
  if (strncmp(source, "=(fairlead", 10) == 0) return true;
  return source[0] == '@' && strncmp(source + 1, host->data_dir, length) == 0 &&
         strncmp(source + 1 + length, "/modules/", 9) == 0;
}

static int push_frames(lua_State *L, lua_State *of, int level, bool ours_too) {
  lua_Debug frame;
  luaL_Buffer text;
  int lines = 0;
  luaL_buffinit(L, &text);
  for (; lines < TRACEBACK_LINES && lua_getstack(of, level, &frame); level++) {
    lua_getinfo(of, "Sln", &frame);
    if (frame.what[0] == 'C' || (source_is_ours(fl_host_of(L), frame.source) && !ours_too)) continue;
    if (lines++ > 0) luaL_addchar(&text, '\n');
    lua_pushfstring(L, "%s:%d: in ", frame.short_src, frame.currentline);
    luaL_addvalue(&text);
    if (frame.name != NULL)
      lua_pushfstring(L, "%s '%s'", frame.namewhat[0] ? frame.namewhat : "function", frame.name);
    else if (frame.what[0] == 'm')
      lua_pushliteral(L, "main chunk");
    else
      lua_pushfstring(L, "function at line %d", frame.linedefined);
    luaL_addvalue(&text);
  }
  luaL_pushresult(&text);
  return lines;
}

static void push_traceback(lua_State *L, lua_State *of, int level) {
  if (push_frames(L, of, level, false) > 0) return;
  lua_pop(L, 1);
  push_frames(L, of, level, true);
}

void error_wrap(lua_State *L) {
  if (is_error(L, -1)) return;
  size_t length;
  const char *text = luaL_tolstring(L, -1, &length);
  bool memory = lua_type(L, -2) == LUA_TSTRING && strcmp(text, "not enough memory") == 0;
  lua_createtable(L, 0, 4);
  luaL_setmetatable(L, FL_ERROR);
  lua_pushstring(L, memory ? "memory" : "script");
  lua_setfield(L, -2, "kind");
  if (memory) {
    lua_pushfstring(L, "the script reached its memory limit of %d MiB", (int)(fl_host_of(L)->memory_limit >> 20));
    lua_setfield(L, -2, "message");
    lua_pushliteral(L, "keep less at once, or raise the limit with --memory-limit MIB");
    lua_setfield(L, -2, "hint");
  } else {
    lua_pushvalue(L, -2);
    lua_setfield(L, -2, "message");
    if (lua_type(L, -3) != LUA_TSTRING) { /* what a script raised of its own making */
      lua_pushvalue(L, -3);
      lua_setfield(L, -2, "cause");
    }
  }
  lua_replace(L, -3);
  lua_pop(L, 1);
}

/* The error on top becomes an object and gets the traceback of a coroutine, from a level on, unless it has one. */
static void wrap_with_traceback(lua_State *L, lua_State *of, int level) {
  error_wrap(L);
  lua_pushliteral(L, "traceback");
  bool has = lua_rawget(L, -2) != LUA_TNIL;
  lua_pop(L, 1);
  if (has || strcmp(error_kind(L, -1), "cancelled") == 0) return;
  push_traceback(L, of, level);
  lua_setfield(L, -2, "traceback");
}

int error_handler(lua_State *L) {
  lua_settop(L, 1);
  wrap_with_traceback(L, L, 1);
  return 1;
}

void error_wrap_from(lua_State *L, lua_State *dead) {
  wrap_with_traceback(L, dead, 0);
}

/* ---- Lua ---- */

static bool has_prefix(const char *kind, const char *prefix, size_t length) {
  return strncmp(kind, prefix, length) == 0 && (kind[length] == '\0' || kind[length] == '.');
}

/* Error:is(kind: string)
**     -> boolean: its kind is that one, or begins with it and a dot */
static fl_nret error_is(lua_State *L) {
  size_t length;
  const char *kind = luaL_checklstring(L, 2, &length);
  lua_pushboolean(L, has_prefix(error_kind(L, 1), kind, length));
  return 1;
}

static bool add_field(lua_State *L, luaL_Buffer *text, const char *before, const char *name) {
  lua_pushstring(L, name);
  if (lua_rawget(L, 1) == LUA_TNIL) {
    lua_pop(L, 1);
    return false;
  }
  luaL_tolstring(L, -1, NULL);
  lua_remove(L, -2);
  /* luaL_addvalue wants the value on top; the separator goes in front of it */
  lua_pushstring(L, before);
  lua_insert(L, -2);
  lua_concat(L, 2); /* lua_pushfstring would cut the text off at a zero byte */
  luaL_addvalue(text);
  return true;
}

/* The text on top, which may quote what came from outside: line breaks and tabs become spaces and other controls '?', so
** that it is one line and a terminal finds no command in it. */
static void keep_to_one_line(lua_State *L) {
  luaL_Buffer line;
  size_t length, i = 0;
  const char *text = lua_tolstring(L, -1, &length);
  while (i < length && (unsigned char)text[i] >= 0x20 && text[i] != 0x7F) i++;
  if (i == length) return;
  luaL_buffinit(L, &line);
  for (i = 0; i < length; i++) {
    unsigned char c = (unsigned char)text[i];
    luaL_addchar(&line, c == '\n' || c == '\r' || c == '\t' ? ' ' : c < 0x20 || c == 0x7F ? '?' : (char)c);
  }
  luaL_pushresult(&line);
}

/* tostring(error)
**     -> "<op> <target>: <message>; <hint>", one line */
static fl_nret error_tostring(lua_State *L) {
  luaL_Buffer text;
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_buffinit(L, &text);
  bool op = add_field(L, &text, "", "op");
  bool target = add_field(L, &text, op ? " " : "", "target");
  if (!add_field(L, &text, op || target ? ": " : "", "message")) add_field(L, &text, op || target ? ": " : "", "kind");
  add_field(L, &text, "; ", "hint");
  luaL_pushresult(&text);
  if (strcmp(error_kind(L, 1), "script") != 0) keep_to_one_line(L); /* what a script says of itself stays as it is */
  return 1;
}

/* native.new(fields: table)
**     -> the same table, an error object from now on
**     raises without kind and message */
static fl_nret error_new(lua_State *L) {
  static const char *const required[] = {"kind", "message"};
  if (!lua_istable(L, 1))
    return luaL_error(L, "bad argument #1 to 'errors.new' (table expected, got %s)", luaL_typename(L, 1));
  for (size_t i = 0; i < 2; i++)
    if (lua_getfield(L, 1, required[i]) != LUA_TSTRING)
      return luaL_error(L, "bad argument #1 to 'errors.new' (%s: string expected, got %s)", required[i],
                        luaL_typename(L, -1));
  lua_settop(L, 1);
  luaL_setmetatable(L, FL_ERROR);
  return 1;
}

/* native.wrap(value: any)
**     -> value if it is an error object, or one of kind "script" */
static fl_nret error_wrap_lua(lua_State *L) {
  luaL_checkany(L, 1);
  lua_settop(L, 1);
  error_wrap(L);
  return 1;
}

/* native.is_error(value: any) -> boolean */
static fl_nret error_is_error(lua_State *L) {
  lua_pushboolean(L, is_error(L, 1));
  return 1;
}

int exit_code_of(lua_State *L, int index) {
  static const struct {
    const char *kind;
    int code;
  } codes[] = {
      {"usage", FL_USAGE},
      {"config", FL_USAGE},
      {"aws.no_credentials", FL_USAGE},
      {"script.not_found", FL_USAGE},
      {"script.syntax", FL_USAGE},
      {"script.no_procedure", FL_USAGE},
      {"gate", FL_REFUSED},
      {"deployment.rolled_back", FL_ROLLED_BACK},
      {"lock.held", FL_WAITING},
      {"waiting", FL_WAITING},
      {"resume.running", FL_WAITING},
      {"resume.unknown", FL_USAGE},
      {"resume.finished", FL_USAGE},
      {"resume.nothing", FL_USAGE},
      {"resume.changed", FL_USAGE},
      {"journal.not_owned", FL_USAGE},
      {"journal.not_a_folder", FL_USAGE},
      {"journal.not_a_journal", FL_USAGE},
      {"journal.read_only", FL_USAGE},
      {"journal.network", FL_USAGE},
      {"journal.newer", FL_USAGE},
      {"cancelled", FL_INTERRUPTED},
  };
  static const char suffix[] = ".not_authorised";
  const char *kind = error_kind(L, index);
  size_t length = strlen(kind);
  if (strcmp(kind, "exit") == 0) {
    index = lua_absindex(L, index);
    lua_getfield(L, index, "status");
    int code = (int)lua_tointeger(L, -1);
    lua_pop(L, 1);
    return code;
  }
  for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
    if (has_prefix(kind, codes[i].kind, strlen(codes[i].kind))) return codes[i].code;
  if (length >= sizeof suffix && strcmp(kind + length - (sizeof suffix - 1), suffix) == 0) return FL_NOT_AUTHORISED;
  return FL_FAILED;
}

/* native.exit_code(error: any)
**     -> integer: what a run that ends with this error exits with */
static fl_nret error_exit_code(lua_State *L) {
  luaL_checkany(L, 1);
  lua_pushinteger(L, exit_code_of(L, 1));
  return 1;
}

static const luaL_Reg error_functions[] = {
    {"new", error_new},             /* from fields */
    {"wrap", error_wrap_lua},       /* from anything */
    {"is_error", error_is_error},   /* rather than any other value */
    {"exit_code", error_exit_code}, /* of a run that ends so */
    {NULL, NULL},
};
static const luaL_Reg error_methods[] = {
    {"is", error_is}, /* of a kind, by dotted prefix */
    {NULL, NULL},
};

int luaopen_fairlead_errors_native(lua_State *L) {
  luaL_newlib(L, error_functions);
  return 1;
}

void errors_open(lua_State *L) {
  luaL_newmetatable(L, FL_ERROR);
  lua_pushcfunction(L, error_tostring);
  lua_setfield(L, -2, "__tostring");
  lua_pushliteral(L, FL_ERROR);
  lua_setfield(L, -2, "__name");
  luaL_newlib(L, error_methods);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
}
