--- Two requests for the same call, compared in what a service can notice.
local json = require "fairlead.json"
local sorted = require "fairlead.sorted"

local M = {}

-- Headers by which no service decides: about the client itself, the connection, and how often it has tried.
local OF_NO_MATTER <const> = {
  ["user-agent"] = true, ["x-amz-user-agent"] = true, ["amz-sdk-invocation-id"] = true, ["amz-sdk-request"] = true,
  connection = true, ["content-length"] = true, ["transfer-encoding"] = true, ["accept-encoding"] = true,
  expect = true,
  authorization = true, -- what it is for is compared, as "signed for"; whether it is right, the verifier tells
}

-- Tokens that make a call safe to repeat: AWS's SDKs draw UUIDs, Fairlead as many digits without dashes.
local DIGITS <const> = "^" .. ("%x"):rep(32) .. "$"
local UUID <const> = "^%x%x%x%x%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$"

--- Tokens that each client draws for itself are one like the other.
local function settled(value)
  if type(value) == "string" and (value:find(UUID) or value:find(DIGITS)) then
    return "‹token›"
  elseif type(value) ~= "table" then
    return value
  end
  local copy = setmetatable({}, getmetatable(value))
  for key, item in pairs(value) do copy[key] = settled(item) end
  return copy
end

local function text_of(value)
  if type(value) == "string" then return value end
  return value == nil and "nothing" or json.encode(value, { sort_keys = true })
end

-- What a header says, in the form in which it is compared.
local function header_of(name, value)
  if value == nil then return nil end
  if name == "host" then
    return (value:gsub("^127%.0%.0%.1:%d+$", "‹address›"))
  elseif name == "accept" then
    return value ~= "*/*" and value or nil -- whatever there is: libcurl says so, the SDKs leave it out
  elseif name == "x-amz-date" then
    return value:find "^%d%d%d%d%d%d%d%dT%d%d%d%d%d%dZ$" and "‹time›" or value
  elseif name == "content-type" then
    -- Forms are in UTF-8 whether that is said or not: URL Standard, "application/x-www-form-urlencoded".
    return (value:gsub("^(application/x%-www%-form%-urlencoded); charset=utf%-8$", "%1"))
  end
  return value
end

local function headers_of(request)
  local all = {}
  -- The SDK for JavaScript sends the body's hash to every service; only S3 asks for it.
  local s3 <const> = request.signature and request.signature.scope:find "/s3$"
  for name, value in pairs(request.headers) do
    local counts <const> = not OF_NO_MATTER[name] and (s3 or name ~= "x-amz-content-sha256")
    all[name] = counts and header_of(name, value) or nil
  end
  all["signed for"] = request.signature and request.signature.scope or nil
  return all
end

---What differs, as lines; empty: nothing.
---@param ours table as of recorder.describe
---@param theirs table
---@return {what: string, ours: string, theirs: string}[]
function M.differences(ours, theirs)
  local found = {}
  local function compare(what, one, other)
    one, other = text_of(settled(one)), text_of(settled(other))
    if one ~= other then found[#found + 1] = { what = what, ours = one, theirs = other } end
  end
  for _, part in ipairs { "method", "path", "query", "body" } do compare(part, ours[part], theirs[part]) end
  local own <const>, other <const>, names = headers_of(ours), headers_of(theirs), {}
  for name in pairs(own) do names[name] = true end
  for name in pairs(other) do names[name] = true end
  for name in sorted(names) do compare(name, own[name], other[name]) end
  return found
end

return M
