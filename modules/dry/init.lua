--- The belt of a dry run: under everything that it does, requests that would change something are refused.
---
--- A dry run's steps do not act, so none should come. One that comes all the same was made outside of a step; and one
--- that asks for something that was not done cannot be answered.
local errors = require "fairlead.errors"
local http = require "fairlead.http"
local pretending = require "fairlead.procedure.dry"
local reads = require "fairlead.dry.reads"

local M = {}

local function decoded(text)
  return (text:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

local function refuse(kind, request, message, hint)
  errors.raise {
    kind = kind, op = request.method, target = request.url:match "^[^?]*", message = message, hint = hint,
  }
end

local function check(request, what, kind)
  local body <const> = request.body and http.reveal(request.body) or ""
  local name <const>, only_reads = reads.classify(request, body)
  local missing <const> = pretending.named_in(decoded(request.url)) or pretending.named_in(body)
  if missing then refuse("dry_run.end", request, ("the dry run ends here: what follows needs %s"):format(missing)) end
  if not only_reads then
    refuse(kind, request, ("a %s does not write, and %s would"):format(what, name),
      "do it in a step: run:step(name, {already = …, act = …})")
  end
end

---Calls `fn(...)` where nothing can be written through http.
---@async
---@param fn async fun(...): ...
---@return any ... its results
function M.inside(fn, ...)
  return M.refusing("dry run", "dry_run.write", fn, ...)
end

---The same for something else that must not write.
---@async
---@param what string for the message: "dry run"
---@param kind string of the error
---@param fn async fun(...): ...
---@return any ... its results
function M.refusing(what, kind, fn, ...)
  local below
  local function guarded(request)
    check(request, what, kind)
    return below(request)
  end
  below = http.use_transport(guarded)
  local _ <close> = setmetatable({}, { __close = function() http.use_transport(below) end })
  return fn(...)
end

return M
