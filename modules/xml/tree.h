/* tree.h - the log of a document as Lua tables. */
#ifndef FAIRLEAD_XML_TREE_H
#define FAIRLEAD_XML_TREE_H

#include "fairlead.h"
#include "xml.h"

/* Pushes the root element of a complete document whose elements nest at most `depth` deep. May raise (memory). */
void xml_tree_push(lua_State *L, const xml_log *log, int depth);

#endif
