--- What holds for any answer of a service, however odd: it is a value, or an error object with one line to show.
local errors = require "fairlead.errors"
local text = require "fairlead.faces.text"

local M = {}

local LONGEST <const> = 4000 -- bytes that an error's line may have; a service's own words are cut far before

---An error's line is one line, and can be shown and written down.
---@param err Error
function M.check_line(err)
  local line = tostring(err)
  assert(not line:find "[\r\n]", "an error of more than one line: " .. line)
  assert(#line <= LONGEST, "an error of " .. #line .. " bytes")
  assert(#text.clean(line) > 0)
end

---Not a mistake of ours: a plain error of Lua's, or a misuse that the caller did not commit.
---@param err any
function M.check_error(err)
  assert(errors.is_error(err), err)
  assert(err.kind ~= "script" and err.kind ~= "memory", err)
  M.check_line(err)
end

---Fields of an input: with a NUL behind each but the last; \1 stands for NUL in them.
---@param input string
---@return string[]
function M.fields(input)
  local fields = {}
  for field in (input .. "\0"):gmatch "([^\0]*)\0" do fields[#fields + 1] = (field:gsub("\1", "\0")) end
  return fields
end

return M
