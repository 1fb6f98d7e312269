--- Writes in words: what a request or a program would do, on what, and as whom, as far as that can be told.
local reads = require "fairlead.dry.reads"
local secrets = require "fairlead.repl.secrets"
local text = require "fairlead.faces.text"

local M = {}

---@class repl.Write
---@field what string one line for a person
---@field record string? the same for the journal, where that is another one
---@field operation string "POST", "UpdateService", "chat.postMessage", "git push", "run"
---@field on string address, folder
---@field method string?
---@field url string?
---@field body string? digest
---@field bytes integer?
---@field arguments string[]? of a program
---@field key string? the same for a request that is sent again

-- The session's module http may not be loaded yet, nor libcurl with it.
local function reveal(value) return require "fairlead.http.native".reveal(value) end

local LONGEST <const> = 160 -- columns of the values that are shown

local function header(headers, wanted)
  for _, pair in ipairs(headers or {}) do
    if pair[1]:lower() == wanted then return reveal(pair[2]) end
  end
  return nil
end

-- ---- AWS ----

local BASE32 <const> = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"

---The account that an AWS access key is of. Keys made since 2019 have it in their ids (T. Be'ery, "A short note on AWS
---KEY ID", 2023): 47 bits after the first, of what follows the prefix as base 32.
---@param id string
---@return string|nil account 12 digits; nil: an older key
function M.account(id)
  local coded <const> = id:match "^A[KS]IA(%u[%u2-7]+)$"
  if not coded or #coded ~= 16 or coded:find "^[IJ]" then return nil end
  local number = 0
  for digit in coded:sub(1, 10):gmatch "." do number = number << 5 | BASE32:find(digit, 1, true) - 1 end
  return ("%012d"):format((number >> 2 & 0x7fffffffff80) >> 7)
end

-- Parameters whose values are a person's to keep: their names say it, or that the parameter is a secret one.
local function is_hidden(name, values)
  if name == "Value" then return values.Type == "SecureString" end
  return name == "Plaintext" or secrets.is_secret_name(name)
end

-- Parameters that say what a call is about: they may be written down. Others are a part of its body.
local ABOUT <const> = { cluster = true, service = true, channel = true, ts = true, thread_ts = true, user = true,
  desiredCount = true, taskDefinition = true, family = true, forceNewDeployment = true, key = true, bucket = true }

local function is_about(name)
  return ABOUT[name] or name:find "[nN]ame$" or name:find "I[dD]$" or name:find "A[rR][nN]$" or name:find "Url$"
end

local function values_of(body)
  local ok, values = pcall(require "fairlead.json".decode, body)
  if ok then return type(values) == "table" and values or {} end
  values = {}
  for name, value in body:gmatch "([%w_.]+)=([^&]*)" do values[name] = value end
  values.Action, values.Version = nil, nil
  return values
end

-- A call's plain parameters, as " (cluster=production, service=web)"; `about`: only those that say what it is about.
local function parameters(body, about)
  local shown <const>, values = {}, values_of(body)
  for i = #values, 1, -1 do values[i] = nil end
  for name, value in require "fairlead.sorted"(values) do
    if type(value) ~= "table" and type(value) ~= "userdata" and (not about or is_about(name)) then
      shown[#shown + 1] = ("%s=%s"):format(name, is_hidden(name, values) and "[secret]" or tostring(value))
    end
  end
  if not shown[1] then return "" end
  return (" (%s)"):format(text.cut(text.clean(secrets.redact(table.concat(shown, ", "))), LONGEST))
end

local function aws_words(request, operation, values)
  local key <const>, region, service = (header(request.headers, "authorization") or "")
    :match "^AWS4%-HMAC%-SHA256%s+Credential=([^/]+)/%d+/([^/]+)/([^/]+)/"
  if not key then return nil end
  local account <const> = M.account(key)
  local name = operation .. values
  if operation == request.method then name = ("%s %s"):format(operation, request.visible) end
  local whose <const> = account and ("account %s, key %s"):format(account, key) or "key " .. key
  return ("%s %s in %s, %s"):format(service, name, region, whose)
end

-- ---- others ----

local function graphql_words(body, host)
  local first <const> = body:match "mutation.-{[%s\\n]*([%a_]+)"
  return ("GraphQL mutation%s at %s"):format(first and " " .. first or "", host)
end

-- In one line; `about`: without what is only the request's body.
local function words_of(request, operation, body, about)
  local host <const> = request.url:match "^%a+://([^/?]*)" or "?"
  local values <const> = not request.hidden and operation ~= request.method and parameters(body, about) or ""
  local said = aws_words(request, operation, values)
  if not said and operation == "a GraphQL mutation" then said = graphql_words(body, host) end
  if not said and operation:find "^%l%a*%.[%a.]+$" then said = ("%s%s at %s"):format(operation, values, host) end
  return text.clean(said or ("%s %s"):format(request.method, request.visible))
end

---What a request would change; nil when it only reads.
---@param method string
---@param url string
---@param headers (string|Secret)[][]|nil
---@param body string|Secret|nil
---@return repl.Write|nil
function M.request(method, url, headers, body)
  local plain <const> = body and reveal(body) or ""
  local request <const> = { method = method, url = url, headers = headers, hidden = type(body) == "userdata" }
  local operation <const>, only_reads = reads.classify(request, plain)
  if only_reads then return nil end
  local sha256 <const> = require "fairlead.digest".sha256
  request.visible = require "fairlead.repl.http.exchanges".visible_url(url)
  return {
    what = words_of(request, operation, plain, false), record = words_of(request, operation, plain, true),
    operation = operation, on = request.visible:match "^[^?]*", method = method, url = request.visible, bytes = #plain,
    body = body and sha256(plain) or nil, key = sha256(("%s %s\0%s"):format(method, url, plain)),
  }
end

-- "git push" of {"git", "-C", folder, "push", …}.
local function git_operation(arguments)
  if not arguments[1]:find "^git$" and not arguments[1]:find "/git$" then return nil end
  local i = 2
  while arguments[i] and arguments[i]:find "^%-" do
    i = i + ((arguments[i] == "-C" or arguments[i] == "-c") and 2 or 1)
  end
  return arguments[i] and "git " .. arguments[i] or nil
end

-- An argument as it may be shown: what follows "--password" is one, and what follows "--user name:".
local function safe_argument(argument, before)
  if before:find "^%-%-?[%w_-]+$" and secrets.is_secret_name(before) then return "[secret]" end
  if before == "-u" or before == "--user" then argument = argument:gsub("^([^:]*:).+$", "%1[secret]") end
  return secrets.redact(argument)
end

---What a program would be run for.
---@param options fairlead.process.Options
---@return repl.Write
function M.program(options)
  local quote <const> = require "fairlead.repl.http.shell".quote
  local arguments <const>, shown = {}, {}
  for i, argument in ipairs(options) do
    arguments[i] = safe_argument(tostring(argument), tostring(options[i - 1] or ""))
    shown[i] = arguments[i] == "[secret]" and arguments[i] or quote((arguments[i]:gsub("%z", "?")))
  end
  local line <const> = text.clean(table.concat(shown, " "))
  local operation <const> = arguments[1] and git_operation(arguments) or "run"
  local folder <const> = options.cwd and tostring(options.cwd) or "."
  return {
    what = ("run %s%s"):format(line, folder ~= "." and " in " .. text.clean(folder) or ""), operation = operation,
    on = folder, arguments = require "fairlead.json".array(arguments),
  }
end

---What a change to a local repository would be.
---@param name string "create_branch" or "tag"
---@param folder string
---@param ref string
---@param at string
---@return repl.Write
function M.ref(name, folder, ref, at)
  local words <const> = name == "tag" and "tag" or "branch"
  return {
    what = text.clean(("make the %s %s at %s in %s"):format(words, ref, at, folder)), operation = "git " .. words,
    on = folder,
  }
end

return M
