--- Credentials of a container: its agent (ECS, EKS Pod Identity, Greengrass) gives them at an address on this machine.
---
--- Sources: AWS SDKs and Tools Reference Guide, "Container credential provider"; botocore `utils.py`,
--- ContainerMetadataFetcher (2 s, three times).
local clock = require "fairlead.clock"
local environment = require "fairlead.environment"
local errors = require "fairlead.errors"
local http = require "fairlead.http"

local found = require "fairlead.aws.credentials.found"

local M = { name = "container", kind = "container" }

local TIMEOUT <const> = 2 -- seconds for a try
local TRIES <const> = 3
local BETWEEN <const> = 1 -- seconds
local LARGEST <const> = 1 << 16 -- bytes of an answer, and of a token's file

local RELATIVE <const>, FULL <const> = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"
local TOKEN <const>, TOKEN_FILE <const> = "AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"

-- The agents of ECS and of EKS.
local ECS <const> = "169.254.170.2"
local AGENTS <const> = { [ECS] = true, ["169.254.170.23"] = true, ["fd00:ec2::23"] = true }

local function refuse(target, message, hint)
  errors.raise { kind = "config.invalid", op = "aws.session", target = target, message = message, hint = hint }
end

local function is_loopback(host)
  return host == "localhost" or host == "::1" or host:find "^127%.%d%d?%d?%.%d%d?%d?%.%d%d?%d?$" ~= nil
end

--- Whether credentials may be asked for at an address: the token that goes with the question is for nobody else.
---@param url string
---@return boolean
function M.is_allowed(url)
  local scheme <const>, authority = url:lower():match "^(https?)://([^/?#]+)"
  if not scheme or authority:find "[@\\%s]" or url:find '[%c \\"<>^`{|}]' then
    return false
  end
  local host <const> = authority:match "^%[([%x:.]+)%]:?%d*$" or authority:match "^([^:%[%]]+):?%d*$"
  return host ~= nil and (scheme == "https" or AGENTS[host] or is_loopback(host))
end

local function url_of()
  local relative <const>, full = environment.get(RELATIVE), environment.get(FULL)
  if relative then
    if not relative:find "^/" or relative:find '[%c \\"<>^`{|}]' then
      refuse(RELATIVE, "is no path: it has to begin with a /")
    end
    return ("http://%s%s"):format(ECS, relative)
  elseif full and not M.is_allowed(full) then
    refuse(FULL, "is an address that credentials are not asked for at",
      "https, this machine itself, 169.254.170.2, 169.254.170.23 and [fd00:ec2::23] are allowed")
  end
  return full
end

--- What is to be sent as Authorization: read at each use, as the file is replaced.
local function token()
  local path <const>, source = environment.get(TOKEN_FILE), TOKEN
  local text = environment.get(TOKEN)
  if path then
    local file <close>, problem = io.open(path, "r")
    text, source = file and file:read(LARGEST), TOKEN_FILE
    if not text then
      refuse(TOKEN_FILE, "cannot be read: " .. (problem or path .. " is empty"))
    end
  end
  if text and text:find "[\r\n]" then
    refuse(source, "holds a line's end, which has no place in a header", "write the token without one")
  end
  return text and secret(text)
end

--- Whether this is a container: then its instance is not asked.
---@return boolean
function M.is_named()
  return environment.get(RELATIVE) ~= nil or environment.get(FULL) ~= nil
end

--- One try.
local function ask(url)
  local response <const>, err = try(http.request, {
    url = url, headers = { Accept = "application/json", Authorization = token() }, retry = false, follow = false,
    timeout = TIMEOUT, connect_timeout = TIMEOUT, max_body = LARGEST, proxy = false,
  })
  if not response then
    return nil, err.message, true
  end
  local fields <const>, problem = found.parse(response.body or "")
  if response.status ~= 200 then
    local said <const> = fields and (found.text(fields, "message") or found.text(fields, "Message"))
    return nil, ("it answered %d%s"):format(response.status, said and ": " .. said or ""),
      response.status >= 500 or response.status == 429
  elseif not fields then
    return nil, "it gave " .. problem, true
  end
  local given <const>, wrong = found.take(fields, "Token")
  return given, wrong and "it gave " .. wrong, false
end

---@async
---@return fairlead.aws.Credentials?
---@return string? why
function M.load()
  local url <const> = url_of()
  if not url then
    return nil, ("neither %s nor %s is set"):format(RELATIVE, FULL)
  end
  local target <const> = url:match "^[^?#]*"
  local given, problem, again
  for try_number = 1, TRIES do
    if try_number > 1 then
      clock.sleep(BETWEEN)
    end
    given, problem, again = ask(url)
    if given then
      return found.make(given, "container " .. target)
    elseif not again then
      break
    end
  end
  errors.raise { kind = "aws.no_credentials", op = "aws.session", target = target,
    message = "the container's credentials could not be got: " .. problem,
    hint = "has the task or the pod a role? Or take the AWS_CONTAINER_* variables away" }
end

return M
