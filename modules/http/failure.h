/* failure.h - what an exchange that gave no answer means, as an error object. */
#ifndef FAIRLEAD_HTTP_FAILURE_H
#define FAIRLEAD_HTTP_FAILURE_H

#include "engine.h"
#include "fairlead.h"

/* Pushes the error object of an exchange that has failed. */
void failure_push(lua_State *L, const exchange *x);

/* Pushes scheme://host/path of a URL: what errors and listeners may show of it. */
void failure_push_target(lua_State *L, const char *url);

#endif
