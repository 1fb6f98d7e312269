--- The sites that releases look at: whether they answer, and tell the commit that they were built from.
local http = require "fairlead.http"
local json = require "fairlead.json"
local list = require "fairlead.doctor.list"

local M = {}

---@class doctor.Site
---@field environment string
---@field url string
---@field field? string of the JSON that it answers, where it tells the commit: "version", "git.commit"

local function field_of(value, path)
  for name in path:gmatch "[^.]+" do
    value = type(value) == "table" and value[name] or nil
  end
  return value
end

local function look(site)
  local response, err = try(http.get, site.url, { timeout = 9, connect_timeout = 5, retry = false })
  if err then
    local finding <const> = list.bad(err.message, err.hint or "can it be seen from this machine? Is the address right?")
    finding.error = err
    return finding
  end
  if response.status ~= 200 then
    return list.bad(("%s answers %d"):format(site.url, response.status), "correct `site` or `version` in the settings")
  end
  if not site.field then return list.ok(site.url .. " answers") end
  local value <const> = field_of(try(json.decode, response.body), site.field)
  if type(value) ~= "string" then
    return list.bad(("%s does not tell its commit in the field %s"):format(site.url, site.field),
      "correct `version` in the settings")
  end
  return list.ok(("%s answers with %s %s"):format(site.url, site.field, value))
end

---@param checks doctor.List
---@param wanted {application: string, place: doctor.Site}[]
function M.add(checks, wanted)
  for _, one in ipairs(wanted) do
    checks:add(("Site %s %s"):format(one.application, one.place.environment), "version",
      { application = one.application }, function() return look(one.place) end)
  end
end

return M
