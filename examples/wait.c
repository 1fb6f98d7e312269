/* wait.c - a native module with a function that waits: the script that calls it stops there, and its other tasks go on.
**
** Lua: local disk = require "disk"; disk.room(path) -> bytes free on the file system that holds path
** It asks in libuv's thread pool, because a file system on the network can take its time to answer.
**
** Build it with an installed Fairlead:
**     cc -shared -fPIC wait.c $(pkg-config --cflags fairlead libuv) -o disk.so
** and put it beside the script, or into a folder that FAIRLEAD_PATH names. It takes Lua's, libuv's and the host's functions from the process.
**
** Owner: the request lives in a userdata. While the request is under way the userdata is on the waiting task's stack,
** so it is collected only after the answer.
*/
#include <fairlead.h>
#include <string.h>
#include <uv.h>

#define REQUEST "disk.Request"

typedef struct {
  fl_wait wait; /* first: the address of the wait is the address of the box */
  uv_fs_t fs;
  bool started; /* fs holds memory of libuv's */
} request_box;

/* In the loop, when the answer is there: no Lua here, only word that the task may go on. */
static void on_answer(uv_fs_t *fs) {
  request_box *request = fs->data;
  fl_wait_deliver(&request->wait);
}

/* The task is cancelled. A request that has not begun is taken back; one that has cannot be stopped, and is waited for.
** Either way libuv calls on_answer, so fl_wait_deliver is called once. */
static void abandon_room(fl_wait *wait) {
  request_box *request = (request_box *)wait;
  uv_cancel((uv_req_t *)&request->fs);
}

static int request_close(lua_State *L) {
  request_box *request = luaL_checkudata(L, 1, REQUEST);
  fl_wait_abandon(&request->wait);
  if (request->started) uv_fs_req_cleanup(&request->fs);
  request->started = false;
  return 0;
}

/* Raises what went wrong, with what was done and on what, so that `try` and the log can tell them apart. */
static fl_nret raise_failure(lua_State *L, const char *path, int result) {
  fl_error_push(L, result == UV_ENOENT ? "disk.not_found" : "disk.failed", "%s", uv_strerror(result));
  lua_pushliteral(L, "disk.room");
  lua_setfield(L, -2, "op");
  lua_pushstring(L, path);
  lua_setfield(L, -2, "target");
  return lua_error(L);
}

/* In the task again, with the stack as disk_room left it: 1 the path, 2 the request. */
static fl_nret room_resume(lua_State *L, fl_wait *wait) {
  request_box *request = (request_box *)wait;
  const uv_statfs_t *answer = request->fs.ptr;
  if (request->fs.result < 0) return raise_failure(L, lua_tostring(L, 1), (int)request->fs.result);
  lua_pushinteger(L, (lua_Integer)answer->f_bavail * (lua_Integer)answer->f_bsize);
  return 1;
}

/* disk.room(path: string)
**     -> integer, the bytes that an ordinary user may still write
**     waits
**     raises kind "disk.not_found", "disk.failed" */
static fl_nret disk_room(lua_State *L) {
  const char *path = luaL_checkstring(L, 1); /* 1. check every argument */
  lua_settop(L, 1);
  request_box *request = lua_newuserdatauv(L, sizeof *request, 0); /* 2. the owner, empty */
  memset(request, 0, sizeof *request);
  luaL_setmetatable(L, REQUEST);
  fl_wait_check(L, "disk.room"); /* raises where the caller cannot wait */
  request->fs.data = request;    /* 3. start the operation */
  int result = uv_fs_statfs(fl_host_loop(fl_host_of(L)), &request->fs, path, on_answer);
  if (result < 0) return raise_failure(L, path, result);
  request->started = true;
  return fl_wait_begin(L, &request->wait, "disk.room", abandon_room, room_resume); /* 4. wait */
}

static const luaL_Reg disk_functions[] = {
    {"room", disk_room}, /* how much can still be written */
    {NULL, NULL},
};

__attribute__((visibility("default"))) int luaopen_disk(lua_State *L);

int luaopen_disk(lua_State *L) {
  luaL_newmetatable(L, REQUEST);
  lua_pushcfunction(L, request_close);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 1);
  luaL_newlib(L, disk_functions);
  return 1;
}
