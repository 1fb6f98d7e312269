--- AWS's shared files, `~/.aws/config` and `~/.aws/credentials`.
---
--- Sources: AWS SDKs and Tools Reference Guide, "Shared config and credentials files" (locations, sections, comments);
--- botocore `configloader.py` where that is silent: a file may be indented throughout.
local environment = require "fairlead.environment"
local errors = require "fairlead.errors"

local M = {}

local LARGEST <const> = 1 << 20 -- bytes; these files are some hundreds

---@alias fairlead.aws.Settings table<string, string|table<string, string>>

---@class fairlead.aws.Files
---@field profiles table<string, fairlead.aws.Settings> by name, of both files; the credentials file's come first
---@field config table<string, fairlead.aws.Settings> the profiles of the config file alone
---@field credentials table<string, fairlead.aws.Settings> those of the credentials file alone
---@field sso_sessions table<string, fairlead.aws.Settings> by name: sections [sso-session name]
---@field services table<string, fairlead.aws.Settings> by name: sections [services name]
---@field config_path string
---@field credentials_path string

local function invalid(path, line, message)
  errors.raise {
    kind = "config.invalid", op = "aws.session", target = ("%s:%d"):format(path, line), message = message,
    hint = "the file holds lines such as [profile name] and region = eu-west-2",
  }
end

--- Without blanks at either end. Not by a pattern: `%s+$` would take a square of the length of inner blanks.
local function trim(text)
  local first <const> = text:find "%S"
  if not first then
    return ""
  end
  local last = #text
  while text:find("^%s", last) do
    last = last - 1
  end
  return text:sub(first, last)
end

--- A value without the comment behind it.
local function strip(text)
  local comment <const> = text:find "%s[#;]"
  return trim(comment and text:sub(1, comment) or text)
end

--- What stands before and after a line's first `=`; nothing when there is none, or no name before it.
local function split(text)
  local sign <const> = text:find("=", 1, true)
  local name <const> = sign and trim(text:sub(1, sign - 1)):lower()
  if name and name ~= "" then
    return name, text:sub(sign + 1)
  end
end

--- A setting whose lines are still coming.
---@class fairlead.aws.profile.Open
---@field section table
---@field name string
---@field indent integer of its first line
---@field lines string[]? of a text
---@field fields table<string, string>? of a setting that has settings of its own below it

local function close(open)
  if open then
    open.section[open.name] = open.fields or table.concat(open.lines, "\n")
  end
end

--- A line below a setting, and indented more than it.
local function continue(open, text, path, number)
  if open.fields or open.lines[1] == "" then
    local name <const>, value = split(text)
    if not name then
      invalid(path, number, "this indented line is no setting")
    end
    open.fields = open.fields or {}
    open.fields[name] = strip(" " .. value)
  else
    open.lines[#open.lines + 1] = text
  end
end

--- A file's sections: name -> settings; a setting with indented settings below it is a table of those.
---@param text string
---@param path string for errors
---@return table<string, fairlead.aws.Settings>
--- raises config.invalid with path and line
function M.parse(text, path)
  local sections, section, open = {}, nil, nil
  local number = 0
  text = text:gsub("^\239\187\191", ""):gsub("\r\n?", "\n")
  for line in (text .. "\n"):gmatch "([^\n]*)\n" do
    number = number + 1
    local plain <const> = trim(line)
    local indent <const> = (line:find "%S" or 1) - 1
    if line:find("\0", 1, true) then
      invalid(path, number, "this line holds a NUL: the file is no text")
    elseif plain == "" or plain:find "^[#;]" then -- luacheck: ignore 542
      -- nothing
    elseif open and indent > open.indent then
      continue(open, plain, path, number)
    elseif plain:sub(1, 1) == "[" then
      close(open)
      local last <const> = plain:find("]", 1, true)
      local name <const> = trim(plain:sub(2, (last or invalid(path, number, "this section has no ]")) - 1))
      sections[name] = sections[name] or {}
      section, open = sections[name], nil
    else
      close(open)
      local name <const>, value = split(plain)
      if not name then
        invalid(path, number, "neither a setting nor a section")
      elseif not section then
        invalid(path, number, "a setting before the first section")
      end
      open = { section = section, name = name, indent = indent, lines = { strip(" " .. value) } }
    end
  end
  close(open)
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

--- The name of a section such as `[profile "two words"]`; nothing for what is none: a blank without quotes.
local function named(text)
  local quoted <const> = text:match "^\"(.*)\"$" or text:match "^'(.*)'$"
  return quoted or not text:find "%s" and text or nil
end

--- The config file's sections by what they are. `[profile default]` comes before `[default]`; a section without a kind
--- is none of a profile there.
local function sort_out(sections)
  local kinds <const> = { profile = {}, ["sso-session"] = {}, services = {} }
  for title, settings in pairs(sections) do
    local kind <const>, rest = title:match "^(%S+)%s+(.+)$"
    local name <const> = kinds[kind] and named(rest)
    if name then
      kinds[kind][name] = settings
    end
  end
  kinds.profile.default = kinds.profile.default or sections.default
  return kinds
end

--- Both files.
---@return fairlead.aws.Files
function M.load()
  local config_path <const> = expand(environment.get "AWS_CONFIG_FILE" or "~/.aws/config")
  local credentials_path <const> = expand(environment.get "AWS_SHARED_CREDENTIALS_FILE" or "~/.aws/credentials")
  local kinds <const>, credentials = sort_out(read(config_path)), read(credentials_path)
  local profiles = {}
  for _, file in ipairs { kinds.profile, credentials } do
    for name, settings in pairs(file) do
      profiles[name] = profiles[name] or {}
      for setting, value in pairs(settings) do
        profiles[name][setting] = value
      end
    end
  end
  return { profiles = profiles, config = kinds.profile, credentials = credentials, services = kinds.services,
    sso_sessions = kinds["sso-session"], config_path = config_path, credentials_path = credentials_path }
end

return M
