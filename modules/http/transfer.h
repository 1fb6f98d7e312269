/* transfer.h - one exchange as a task's wait. */
#ifndef FAIRLEAD_HTTP_TRANSFER_H
#define FAIRLEAD_HTTP_TRANSFER_H

#include "fairlead.h"

/* native.request(method, url, headers, body, timeout, connect_timeout, idle_timeout, max_body, ca_file, proxy, streaming)
**     -> status: integer, header: string, body: string, version: string
**     -> status, header, nil, version, Transfer: when streaming, and the status is 2xx
**     -> nil, error object of kind http.*
**     waits. Headers are a list of {name, value}; their values, the body and the proxy may be Secrets; all but method and
**     url may be nil. */
fl_nret transfer_request(lua_State *L);

/* native.headers(header: string)
**     -> list of {name, value} */
fl_nret transfer_headers(lua_State *L);

/* The types, and the state's engine. */
void transfers_open(lua_State *L);

#endif
