--- The face for programs: one JSON object a line, keys sorted, so that the same events are the same bytes.
local json = require "fairlead.json"

local M = {}

---@class faces.Json
---@field stream file*
local Json = {}
Json.__index = Json

---@param options? faces.Options
---@return faces.Json
function M.new(options)
  local face = setmetatable({ stream = options and options.stream or io.stdout }, Json)
  face.stream:setvbuf "line"
  return face
end

---@param event procedure.Event
function Json:event(event)
  self.stream:write(json.encode(event, { sort_keys = true }), "\n")
end

---Nothing is left to do at the end.
function Json:close()
  self.stream:flush()
end

return M
