--- GitHub's OpenAPI description: which of its paths a request is for.
local json = require "fairlead.json"
local servers = require "spec.peers.support.servers"

local M = {}

M.FILE = servers.PLACE .. "/node_modules/@octokit/openapi/generated/api.github.com.json"
M.PRISM = servers.PLACE .. "/node_modules/.bin/prism"

local templates

-- Paths as patterns; the more of a path is written out, the sooner it is looked at.
local function load()
  local file <close> = assert(io.open(M.FILE))
  templates = {}
  for path in pairs(json.decode(file:read "a").paths) do
    local literal <const> = path:gsub("{[%w_]+}", "")
    -- A ref's and a file's name may hold slashes.
    local pattern = path:gsub("[-.+*?^$()%%]", "%%%0"):gsub("{([%w_]+)}", function(name)
      return (name == "ref" or name == "path") and "(.+)" or "([^/]+)"
    end)
    templates[#templates + 1] = { path = path, pattern = "^" .. pattern .. "$", literal = #literal }
  end
  table.sort(templates, function(a, b) return a.literal > b.literal or a.literal == b.literal and a.path < b.path end)
end

---"/repos/{owner}/{repo}/pulls/{pull_number}" for a path; nil: there is none.
---@param path string
---@return string?
function M.template(path)
  if not templates then load() end
  for _, template in ipairs(templates) do
    if path:find(template.pattern) then return template.path end
  end
end

return M
