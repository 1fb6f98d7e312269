--- Which GitHub: github.com, an organisation's own place at ghe.com, or GitHub Enterprise Server.
---
--- Sources: docs.github.com "Getting started with the REST API for GitHub Enterprise Server" (https://HOST/api/v3);
--- "Network details for GHE.com" (https://api.NAME.ghe.com,
--- https://uploads.NAME.ghe.com); `gh help environment` (GH_HOST), and go-gh's pkg/auth
--- (which hosts GH_TOKEN is for). GITHUB_API_URL is set for each job of GitHub Actions.
local address = require "fairlead.service.address"
local environment = require "fairlead.environment"
local errors = require "fairlead.errors"

local M = {}

---@class fairlead.github.Host
---@field name string as gh calls it: "github.com"
---@field base_url string of the REST interface
---@field source string what says so: "GH_HOST", "GITHUB_API_URL", "base_url", or "" for the default
---@field server boolean GitHub Enterprise Server: gh has other variables for its token
---@field simulated boolean on this machine: `fairlead world serve`, specs

local function is_server(name)
  return name ~= "github.com" and not name:find "%.ghe%.com$"
end

local function of_host(name)
  if not name:find "^[%w][%w%-.]*$" and not name:find "^[%w][%w%-.]*:%d+$" then
    errors.raise {
      kind = "config.invalid", op = "github.client", target = "GH_HOST", message = "is not the name of a host",
      hint = "write it without https:// and without a path, such as github.example.com",
    }
  end
  name = name:lower():gsub("^api%.", "")
  if name == "github.com" or name:find "%.github%.com$" then return "github.com", "https://api.github.com" end
  local tenant <const> = name:match "([%w-]+)%.ghe%.com$"
  if tenant then return tenant .. ".ghe.com", ("https://api.%s.ghe.com"):format(tenant) end
  return name, ("https://%s/api/v3"):format(name)
end

local function of_url(url, source)
  local base <const> = address.base(url, source)
  local origin <const> = address.origin(base)
  local name = origin:match "^%w+://(.*)$":gsub(":443$", "")
  if name == "api.github.com" then name = "github.com" end
  return name:match "^api%.([%w-]+%.ghe%.com)$" or name, base
end

--- Where the client's GitHub is: what it was given, else GITHUB_API_URL, else GH_HOST, else github.com.
---@param base_url? string
---@return fairlead.github.Host
--- raises config.invalid for an address, or a host's name, that is none
function M.find(base_url)
  local name, base, source
  local url <const>, host <const> = environment.get "GITHUB_API_URL", environment.get "GH_HOST"
  if base_url or url then
    source = base_url and "base_url" or "GITHUB_API_URL"
    name, base = of_url(base_url or url, source)
  elseif host then
    source = "GH_HOST"
    name, base = of_host(host)
  else
    source, name, base = "", "github.com", "https://api.github.com"
  end
  local plain <const> = name:gsub(":%d+$", "")
  return {
    name = name, base_url = base, source = source, server = is_server(name),
    simulated = plain == "localhost" or plain:find "^127%." ~= nil or plain == "[::1]",
  }
end

--- Where files are sent to, beside the REST interface.
---@param base_url string
---@return string url without a slash at its end
function M.uploads(base_url)
  return (base_url:gsub("/api/v3$", "/api/uploads"):gsub("^(https?://)api%.([%w-]+%.com)", "%1uploads.%2")
    :gsub("^(https?://)api%.([%w-]+%.ghe%.com)", "%1uploads.%2"))
end

return M
