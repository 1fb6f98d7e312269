--- Takes secrets out of what is printed. Nothing here is meant to put one in; a service that sends back what it was
--- sent would.
local environment = require "fairlead.environment"
local http = require "fairlead.http"

local M = {}

local VARIABLES <const> = { "GH_TOKEN", "GITHUB_TOKEN", "GH_ENTERPRISE_TOKEN",
  "GITHUB_ENTERPRISE_TOKEN", "SLACK_BOT_TOKEN", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
  "AWS_SESSION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN" }
local PROXIES <const> = { "HTTPS_PROXY", "https_proxy", "http_proxy", "ALL_PROXY", "all_proxy" }
local SHORTEST <const> = 6 -- bytes; what is shorter is no secret of any service, and would tear words apart

---@class doctor.Hider
---@field private texts string[]
local Hider = {}
Hider.__index = Hider

---What the environment holds is hidden from the beginning.
---@return doctor.Hider
function M.new()
  local self = setmetatable({ texts = {} }, Hider)
  for _, name in ipairs(VARIABLES) do self:add(environment.get(name)) end
  for _, name in ipairs(PROXIES) do
    local userinfo = (environment.get(name) or ""):match "^%a*:?/?/?([^/]*)@"
    self:add(userinfo and userinfo:match ":(.+)$")
  end
  return self
end

---One more text that must not be seen.
---@param value string|Secret|nil
function Hider:add(value)
  if value == nil then return end
  local text <const> = http.reveal(value)
  if #text < SHORTEST then return end
  self.texts[#self.texts + 1] = text
  -- The longest first: one may be part of another.
  table.sort(self.texts, function(a, b) return #a > #b end)
end

local function replace(text, what)
  local parts, from = {}, 1
  while true do
    local first, last = text:find(what, from, true)
    if not first then break end
    parts[#parts + 1] = text:sub(from, first - 1) .. "[secret]"
    from = last + 1
  end
  return table.concat(parts) .. text:sub(from)
end

---@param text string
---@return string
function Hider:clean(text)
  for _, what in ipairs(self.texts) do text = replace(text, what) end
  return text
end

return M
