--- The login that GitHub's own program keeps: hosts.yml in its folder, or, where that names only who is logged in, the
--- system's keyring, which `gh` itself is asked for.
---
--- Sources: `gh help environment` (GH_CONFIG_DIR, then XDG_CONFIG_HOME/gh, then ~/.config/gh); cli/cli's
--- internal/config (since 2.40 several users a host: `users`, `user`, and the active one's `oauth_token` beside them);
--- `gh help auth token`.
local answer = require "fairlead.service.answer"
local environment = require "fairlead.environment"
local process = require "fairlead.process"

local M = {}

local SECONDS <const> = 5 -- for gh to answer; a keyring that asks for its password does not answer
local LONGEST <const> = 1 << 20 -- bytes of hosts.yml

local function folder()
  local own <const> = environment.get "GH_CONFIG_DIR"
  if own then return own end
  local config <const> = environment.get "XDG_CONFIG_HOME"
  if config then return config .. "/gh" end
  local home <const> = environment.get "HOME"
  return home and home .. "/.config/gh"
end

local ESCAPES <const> = { n = "\n", t = "\t", ["\\"] = "\\", ['"'] = '"', ["/"] = "/" }

--- A scalar of YAML as gh writes them, without its quotes and without a comment; nil: not understood.
local function scalar(text)
  if text == "{}" or text == "null" or text == "~" then return "" end
  local quoted, rest = text:match "^'(.-)'%s*([^']*)$"
  if text:find "^'" then
    return quoted and (rest == "" or rest:find "^#") and quoted or nil
  elseif text:find '^"' then
    quoted, rest = text:match '^"(.*)"%s*(.*)$'
    if not quoted or not (rest == "" or rest:find "^#") then return nil end
    return (quoted:gsub("\\(.)", ESCAPES))
  elseif text:find "^[%[{&*!|>%%@`]" then
    return nil
  end
  return (text:gsub("%s+#.*$", ""):gsub("^#.*$", ""))
end

--- The mappings in a file, which is all that gh writes: `name: text`, and `name:` before lines that are further in.
---@param text string
---@return table? tree
---@return integer? line that is not understood
function M.parse(text)
  local tree = {}
  local open = { { indent = -1, into = tree } }
  local number = 0
  for line in (text .. "\n"):gmatch "(.-)\r?\n" do
    number = number + 1
    local indent <const>, rest = line:match "^( *)(.-)%s*$"
    if rest ~= "" and not rest:find "^#" and not (rest == "---" and number == 1) then
      local name, value = rest:match "^([^%s:#'\"][^%s'\"]-):%s+(.*)$"
      if not name then name, value = rest:match "^([^%s:#'\"][^%s'\"]*):$", "" end
      if not name then
        local key, after = rest:match "^(%b\"\"):%s*(.*)$"
        name, value = key and scalar(key), after
      end
      value = name and scalar(value)
      while #open > 1 and #indent <= open[#open].indent do table.remove(open) end
      local above <const> = open[#open]
      above.inner = above.inner or #indent
      if not value or above.inner ~= #indent or above.into[name] ~= nil then return nil, number end
      if value == "" then
        above.into[name] = {}
        open[#open + 1] = { indent = #indent, into = above.into[name] }
      else
        above.into[name] = value
      end
    end
  end
  return tree
end

local function text_of(value)
  return type(value) == "string" and value ~= "" and value or nil
end

--- Asks gh for what it keeps in the keyring.
local function ask(host)
  if not process.which "gh" then
    return nil, "the login is in the keyring, and `gh`, which could read it, is not installed"
  end
  local done <const>, err = try(process.run,
    { "gh", "auth", "token", "--hostname", host, timeout = SECONDS, max_output = 1 << 16, harmless = true })
  if not done then return nil, "`gh auth token` cannot be run: " .. err.message end
  if done.timed_out then
    return nil, ("`gh auth token` has given nothing in %d s: is the keyring locked?"):format(SECONDS)
  end
  local token <const> = done.code == 0 and done.stdout:match "^(%S+)%s*$"
  if token then return secret(token) end
  -- What failed has printed no token; what did not fail may have.
  local last <const> = done.code ~= 0 and done.stderr:match "([^\n]*)\n*$" or ""
  return nil, ("`gh auth token` %s%s"):format(done.code == 0 and "has printed no token"
    or "ended with code " .. done.code, last ~= "" and ": " .. answer.brief(last) or "")
end

--- The token that gh is logged in with.
---@async
---@param host string "github.com"
---@return Secret? token
---@return string source where from, or why there is none
function M.find(host)
  local place <const> = folder()
  if not place then return nil, "no folder of gh is known: neither GH_CONFIG_DIR, XDG_CONFIG_HOME nor HOME is set" end
  local path <const> = place .. "/hosts.yml"
  local file <close>, problem, code = io.open(path, "rb")
  if not file then
    if code == 2 or code == 20 then return nil, ("gh is not logged in: there is no %s"):format(path) end
    return nil, ("%s cannot be read: %s"):format(path, (problem:gsub("^.*: ", "")))
  end
  local text <const> = file:read(LONGEST) or ""
  local tree <const>, line = M.parse(text)
  if not tree then return nil, ("%s:%d is not as gh writes it"):format(path, line) end
  local login = tree[host]
  if type(login) ~= "table" then return nil, ("gh is not logged in to %s (%s)"):format(host, path) end
  local user <const> = text_of(login.user)
  local named <const> = type(login.users) == "table" and user and login.users[user]
  local token <const> = text_of(login.oauth_token) or type(named) == "table" and text_of(named.oauth_token)
  local who <const> = ("gh's login%s"):format(user and " as " .. user or "")
  if token then
    if token:find "[%c ]" then return nil, ("the token in %s is none: it has a blank"):format(path) end
    return secret(token), ("%s (%s)"):format(who, path)
  end
  local kept <const>, why = ask(host)
  if kept then return kept, who .. " (keyring)" end
  return nil, why
end

return M
