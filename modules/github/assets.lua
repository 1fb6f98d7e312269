--- Files of a release on GitHub: what a build made, for people to fetch.
---
--- Source: docs.github.com "REST API endpoints for release assets" (another host takes the files; a name that is taken
--- is refused; what a broken upload leaves has the state "starter" and may be deleted).
local clock = require "fairlead.clock"

local ATTEMPTS <const> = 3
local TIMEOUT <const> = 600 -- seconds

---@class fairlead.github.Asset
---@field id integer
---@field name string
---@field size integer bytes
---@field state string "uploaded", or "starter" of what was broken off
---@field url string where it is fetched from
---@field existing boolean? it was there already

local ASSET <const> = { id = "integer", name = "text", size = "integer", state = "text?",
  browser_download_url = "text?" }

---@class fairlead.github.Client
local Assets = {}

local function as_asset(raw, existing)
  return { id = raw.id, name = raw.name, size = raw.size, state = raw.state or "uploaded",
    url = raw.browser_download_url, existing = existing }
end

-- A whole one of the name and size. What an upload that broke off has left is taken away, and it is said that it was.
local function find(self, path, options)
  local cleared = false
  for raw in self:paginate(path, nil, { op = "github.upload_asset", shape = ASSET }) do
    if raw.name == options.name then
      if raw.state ~= "starter" and raw.size == #options.content then
        return as_asset(raw, true)
      elseif raw.state == "starter" then
        self:delete("releases/assets/" .. raw.id, nil, { op = "github.upload_asset" })
        cleared = true
      end
    end
  end
  return nil, cleared
end

--- Adds a file to a release. When GitHub's answer is lost, looks whether the file is there before sending it again; a
--- file of the same name and size that is there already is taken for it.
---@async
---@param options {release: integer, name: string, content: string, type?: string, label?: string, timeout?: number}
---  release: its id; type: default application/octet-stream; timeout: seconds, default 600
---@return fairlead.github.Asset
--- raises github.api.invalid where another file has the name, and as request
function Assets:upload_asset(options)
  if type(options) ~= "table" then
    error(("bad argument #1 to 'upload_asset' (table expected, got %s)"):format(type(options)), 2)
  end
  for field, kind in pairs { release = "number", name = "string", content = "string" } do
    if type(options[field]) ~= kind or options[field] == "" and field == "name" then
      error(("bad argument #1 to 'upload_asset' (%s: %s expected, got %s)"):format(field, kind,
        type(options[field])), 2)
    end
  end
  local path <const> = ("releases/%d/assets"):format(options.release)
  for attempt = 1, ATTEMPTS do
    local raw, err = try(self.request, self, "POST", self:path("/" .. path),
      { name = options.name, label = options.label }, {}, {
        op = "github.upload_asset", once = true, timeout = options.timeout or TIMEOUT, shape = ASSET,
        upload = { content = options.content, type = options.type or "application/octet-stream" },
      })
    if raw then
      return as_asset(raw)
    end
    local taken <const> = err:is "github.api.invalid" and err.message:find("already_exists", 1, true)
    if not (taken or err.retryable or err:is "http") then
      error(err, 0)
    end
    clock.sleep(attempt)
    local found <const>, cleared = find(self, path, options)
    if found then
      return found
    elseif taken and not cleared or attempt == ATTEMPTS then
      error(err, 0)
    end
  end
end

return Assets
