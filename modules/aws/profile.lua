--- AWS's shared files, `~/.aws/config` and `~/.aws/credentials`.
---
--- Source: AWS SDKs and Tools Reference Guide, "Shared config and credentials files" (locations, sections, comments).
local environment = require "fairlead.environment"
local errors = require "fairlead.errors"

local M = {}

local LARGEST <const> = 1 << 20 -- bytes; these files are some hundreds

---@class fairlead.aws.Files
---@field config table<string, table<string, any>> by profile
---@field credentials table<string, table<string, any>> by profile
---@field config_path string
---@field credentials_path string

local function invalid(path, line, message)
  errors.raise {
    kind = "config.invalid", op = "aws.session", target = ("%s:%d"):format(path, line), message = message,
    hint = "the file holds lines such as [profile name] and region = eu-west-2",
  }
end

--- A line's text without its comment.
local function strip(text)
  return (text:gsub("%s[#;].*$", ""):gsub("^%s+", ""):gsub("%s+$", ""))
end

--- A file's sections: name -> settings; a setting with indented lines below it is a table of those.
---@param text string
---@param path string for errors
---@return table<string, table<string, string|table<string, string>>>
function M.parse(text, path)
  local sections, section, parent = {}, nil, nil
  local number = 0
  for line in (text:gsub("\r\n?", "\n") .. "\n"):gmatch "([^\n]*)\n" do
    number = number + 1
    if line:find "^%s*$" or line:find "^[#;]" then -- luacheck: ignore 542
      -- nothing
    elseif line:find "^%[" then
      local name = line:match "^%[%s*([^%]]-)%s*%]%s*[#;]?" or invalid(path, number, "this section has no ]")
      sections[name] = sections[name] or {}
      section, parent = sections[name], nil
    elseif line:find "^%s" then
      -- Indented: belongs to the setting above. A continued value of any other setting goes on with it.
      local key, value = line:match "^%s+([^=%s]+)%s*=(.*)$"
      if not (section and parent) then
        invalid(path, number, "an indented line without a setting above it")
      elseif section[parent] == "" and key then
        section[parent] = { [key:lower()] = strip(value) }
      elseif type(section[parent]) == "table" and key then
        section[parent][key:lower()] = strip(value)
      elseif type(section[parent]) == "string" then
        section[parent] = section[parent] .. "\n" .. strip(line)
      else
        invalid(path, number, "neither a setting nor a section")
      end
    else
      local key, value = line:match "^([^=]-)%s*=(.*)$"
      if not key or key == "" then
        invalid(path, number, "neither a setting nor a section")
      elseif not section then
        invalid(path, number, "a setting before the first section")
      end
      parent = key:lower()
      section[parent] = strip(" " .. value)
    end
  end
  return sections
end

local function expand(path)
  if path:find "^~/" then
    return (environment.get "HOME" or "") .. path:sub(2)
  end
  return path
end

--- A file's sections; none when there is no such file.
local function read(path)
  local file <close>, problem, code = io.open(path, "r")
  if not file then
    if code == 2 or code == 20 then -- ENOENT, ENOTDIR
      return {}
    end
    errors.raise { kind = "config.invalid", op = "aws.session", target = path, message = problem }
  end
  local text, why = file:read(LARGEST + 1)
  if why then
    errors.raise { kind = "config.invalid", op = "aws.session", target = path, message = why }
  end
  if text and #text > LARGEST then
    errors.raise { kind = "config.invalid", op = "aws.session", target = path,
      message = "is larger than 1 MiB and surely no AWS configuration" }
  end
  return M.parse(text or "", path)
end

--- Both files, by profile.
---@return fairlead.aws.Files
function M.load()
  local config_path <const> = expand(environment.get "AWS_CONFIG_FILE" or "~/.aws/config")
  local credentials_path <const> = expand(environment.get "AWS_SHARED_CREDENTIALS_FILE" or "~/.aws/credentials")
  local config = {}
  for name, settings in pairs(read(config_path)) do
    -- [default] and [profile default] are one; the second wins. Other sections without "profile" are none.
    local profile = name:match "^profile%s+(.+)$"
    if profile then
      config[profile:match "^[\"'](.*)[\"']$" or profile] = settings
    elseif name == "default" and not config.default then
      config.default = settings
    end
  end
  return { config = config, credentials = read(credentials_path), config_path = config_path,
    credentials_path = credentials_path }
end

return M
