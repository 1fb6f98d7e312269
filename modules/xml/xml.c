/* xml.c - XML as services answer with it, over expat: elements, attributes, text. No document types, so no entities of
** a document's own: neither bombs of them nor files that they name.
**
** Lua: xml.decode(text, options) -> tree
** Owner: a userdata owns the parser and the log; both are freed before decode returns or raises, and by __gc when
** Lua's memory runs out in between.
*/
#include "xml.h"

#include <expat.h>
#include <limits.h>
#include <string.h>

#include "tree.h"

#define DOCUMENT_TYPE "xml.Document"
#define DEFAULT_DEPTH 64
#define MOST_DEPTH 200 /* elements that are open lie on the Lua stack while the tree is made */
#define DEFAULT_BYTES (16 << 20)
#define MOST_BYTES (1 << 30) /* XML_Parse counts in int */

typedef enum { FAULT_NONE, FAULT_DOCUMENT_TYPE, FAULT_TOO_DEEP } fault;

typedef struct {
  XML_Parser parser; /* NULL = closed */
  xml_log log;
  int depth, max_depth;
  fault fault;              /* why a handler has stopped the parser */
  lua_Integer line, column; /* and where: expat's own place is past it by then */
} document;

static void document_close(document *doc) {
  if (doc->parser != NULL) XML_ParserFree(doc->parser);
  doc->parser = NULL;
  xml_log_free(&doc->log);
}

static fl_nret document_gc(lua_State *L) {
  document_close(luaL_checkudata(L, 1, DOCUMENT_TYPE));
  return 0;
}

static void note_place(document *doc) {
  doc->line = (lua_Integer)XML_GetCurrentLineNumber(doc->parser);
  doc->column = (lua_Integer)XML_GetCurrentColumnNumber(doc->parser) + 1;
}

static void stop(document *doc, fault why) {
  if (doc->fault != FAULT_NONE) return;
  doc->fault = why;
  note_place(doc);
  XML_StopParser(doc->parser, XML_FALSE);
}

static void stop_without_memory(document *doc) {
  if (doc->log.no_memory) XML_StopParser(doc->parser, XML_FALSE);
}

static void XMLCALL on_start(void *data, const XML_Char *name, const XML_Char **attributes) {
  document *doc = data;
  if (++doc->depth > doc->max_depth) {
    stop(doc, FAULT_TOO_DEEP);
    return;
  }
  xml_log_add(&doc->log, RECORD_START, name, strlen(name));
  for (size_t i = 0; attributes[i] != NULL; i += 2) {
    xml_log_add(&doc->log, RECORD_ATTRIBUTE, attributes[i], strlen(attributes[i]));
    xml_log_add(&doc->log, RECORD_TEXT, attributes[i + 1], strlen(attributes[i + 1]));
  }
  stop_without_memory(doc);
}

static void XMLCALL on_end(void *data, const XML_Char *name) {
  document *doc = data;
  (void)name; /* expat has compared it with the beginning's */
  doc->depth--;
  xml_log_add(&doc->log, RECORD_END, NULL, 0);
  stop_without_memory(doc);
}

static void XMLCALL on_text(void *data, const XML_Char *text, int length) {
  document *doc = data;
  xml_log_add_text(&doc->log, text, (size_t)length);
  stop_without_memory(doc);
}

static void XMLCALL on_document_type(void *data, const XML_Char *name, const XML_Char *system,
                                     const XML_Char *public_id, int has_internal) {
  (void)name, (void)system, (void)public_id, (void)has_internal;
  stop(data, FAULT_DOCUMENT_TYPE);
}

/* Closes the document and raises xml.syntax. */
static int syntax_error(lua_State *L, document *doc) {
  enum XML_Error code = XML_GetErrorCode(doc->parser);
  if (doc->fault == FAULT_NONE) note_place(doc);
  lua_Integer line = doc->line, column = doc->column;
  bool no_memory = doc->log.no_memory || code == XML_ERROR_NO_MEMORY;
  fault why = doc->fault;
  document_close(doc);
  if (no_memory) return luaL_error(L, "not enough memory");
  const char *text = why == FAULT_DOCUMENT_TYPE ? "a document type (<!DOCTYPE …>) is refused"
                     : why == FAULT_TOO_DEEP    ? "nested too deep"
                                                : XML_ErrorString(code);
  fl_error_push(L, "xml.syntax", "line %d, column %d: %s", (int)line, (int)column, text ? text : "not XML");
  lua_pushinteger(L, line);
  lua_setfield(L, -2, "line");
  lua_pushinteger(L, column);
  lua_setfield(L, -2, "column");
  lua_pushliteral(L, "xml.decode");
  lua_setfield(L, -2, "op");
  return lua_error(L);
}

/* An option that is a whole number from 1 to `most`. */
static int check_option(lua_State *L, const char *name, int usual, int most) {
  if (lua_isnoneornil(L, 2)) return usual;
  int given = usual;
  if (lua_getfield(L, 2, name) != LUA_TNIL) {
    int is_integer;
    lua_Integer value = lua_tointegerx(L, -1, &is_integer);
    if (!is_integer || value < 1 || value > most)
      luaL_argerror(L, 2, lua_pushfstring(L, "%s: a whole number from 1 to %d expected", name, most));
    given = (int)value;
  }
  lua_pop(L, 1);
  return given;
}

static void too_large(lua_State *L, size_t length, int max_bytes) {
  fl_error_push(L, "xml.syntax", "%d bytes of XML are more than the %d that are read", (int)length, max_bytes);
  lua_pushliteral(L, "xml.decode");
  lua_setfield(L, -2, "op");
  lua_error(L);
}

/* xml.decode(text: string, options: {max_depth: integer?, max_bytes: integer?}?)
**     -> table, the root element {name=, attributes={[name]=value}?, children…}; a child is an element or a string
**     raises kind xml.syntax, with line and column (in characters, from 1) where the text is wrong */
static fl_nret xml_decode(lua_State *L) {
  size_t length;
  const char *text = luaL_checklstring(L, 1, &length);
  if (!lua_isnoneornil(L, 2)) luaL_checktype(L, 2, LUA_TTABLE);
  int max_depth = check_option(L, "max_depth", DEFAULT_DEPTH, MOST_DEPTH);
  int max_bytes = check_option(L, "max_bytes", DEFAULT_BYTES, MOST_BYTES);
  if (length > (size_t)max_bytes) too_large(L, length, max_bytes);

  document *doc = lua_newuserdatauv(L, sizeof *doc, 0);
  memset(doc, 0, sizeof *doc);
  luaL_setmetatable(L, DOCUMENT_TYPE);
  doc->max_depth = max_depth;
  doc->parser = XML_ParserCreate(NULL);
  if (doc->parser == NULL) return luaL_error(L, "not enough memory");
  XML_SetUserData(doc->parser, doc);
  XML_SetElementHandler(doc->parser, on_start, on_end);
  XML_SetCharacterDataHandler(doc->parser, on_text);
  XML_SetStartDoctypeDeclHandler(doc->parser, on_document_type);
  if (XML_Parse(doc->parser, text, (int)length, XML_TRUE) != XML_STATUS_OK) return syntax_error(L, doc);

  xml_tree_push(L, &doc->log, max_depth);
  document_close(doc); /* now, not when the collector comes */
  return 1;
}

static const luaL_Reg xml_functions[] = {
    {"decode", xml_decode}, /* text to tree */
    {NULL, NULL},
};

FL_API int luaopen_fairlead_xml(lua_State *L);

int luaopen_fairlead_xml(lua_State *L) {
  luaL_newmetatable(L, DOCUMENT_TYPE);
  lua_pushcfunction(L, document_gc);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 1);
  luaL_newlib(L, xml_functions);
  return 1;
}
