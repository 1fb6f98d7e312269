--- JSON: any bytes are a value, which is the same when it is written and read again, or an error that says where.
local errors = require "fairlead.errors"
local json = require "fairlead.json"

---Whether two decoded values are the same, with integers, floats and empty arrays kept apart.
local function same(a, b)
  if type(a) ~= "table" then return a == b and math.type(a) == math.type(b) end
  if type(b) ~= "table" or getmetatable(a) ~= getmetatable(b) then return false end
  for key, value in next, a do
    if not same(value, rawget(b, key)) then return false end
  end
  for key in next, b do
    if rawget(a, key) == nil then return false end
  end
  return true
end

local function check_error(err, text)
  assert(errors.is_error(err) and err.kind == "json.syntax", err)
  local line = tostring(err)
  assert(utf8.len(line) and not line:find "%c", "an error that cannot be printed")
  assert(err.line >= 1 and err.column >= 1 and err.column <= #text + 1, "a place outside the text")
  assert(#err.excerpt <= 32)
  json.encode(err.message)
end

local function check_secret(text, good)
  local ok, value = pcall(json.decode, secret(text))
  assert(ok == good, "a secret is read in another way")
  if not ok then
    assert(value.excerpt == "" and not value.message:find " near ", "an error quotes a secret")
  end
end

local M = {}

---@param text string
function M.run(text)
  local ok, value = pcall(json.decode, text)
  check_secret(text, ok)
  if not ok then return check_error(value, text) end
  local written = json.encode(value)
  local again = json.decode(written)
  assert(same(value, again), "another value after writing and reading")
  assert(json.encode(again) == written, "another text after writing, reading and writing")
  assert(same(value, json.decode(json.encode(value, { indent = 3, sort_keys = false }))), "another value indented")
  json.encode(json.decode(text, { nulls = false }))
end

return M
