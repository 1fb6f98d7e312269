--- Who carries out a run: a process, named so that another one with the same number is not taken for it.
local digest = require "fairlead.digest"
local native = require "fairlead.journal.native"

local M = {}

---@class journal.Owner
---@field pid integer
---@field began integer clock ticks after boot
---@field boot string the boot's id
---@field namespace integer of process numbers: a container has its own
---@field host string
---@field user? string
---@field since number unix seconds

---This process.
---@param user string|nil
---@param since number unix seconds
---@return journal.Owner
function M.here(user, since)
  local process = native.process()
  return {
    pid = process.pid, began = process.began, boot = process.boot, namespace = process.namespace,
    host = process.host, user = user, since = since,
  }
end

---Whether an owner still lives.
---@param owner journal.Owner
---@return "alive"|"gone"|"unknown" state unknown: it is of another machine or container, where this one cannot look
function M.state(owner)
  local now = native.process(math.tointeger(owner.pid) or 0)
  if owner.host ~= now.host then return "unknown" end
  if owner.boot ~= now.boot then return "gone" end -- this machine was started again since
  if owner.namespace ~= now.namespace then return "unknown" end
  return now.began ~= nil and now.began == owner.began and "alive" or "gone"
end

---"ada on laptop, process 4242"
---@param owner journal.Owner
---@return string
function M.describe(owner)
  return ("%s%s, process %s"):format(owner.user and owner.user .. " on " or "", owner.host, tostring(owner.pid))
end

---A text that no other owner has.
---@return string
function M.token()
  local random <close> = assert(io.open("/dev/urandom", "rb"))
  return digest.sha256(random:read(32)):sub(1, 32)
end

return M
