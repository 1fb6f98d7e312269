#include "fairlead.h"

fl_host *fl_host_of(lua_State *L) {
  return *(fl_host **)lua_getextraspace(L);
}
