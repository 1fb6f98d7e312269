--- Credentials of an EC2 instance's role, from its metadata service (IMDSv2, and version 1 where there is no other).
---
--- Sources: AWS SDKs and Tools Reference Guide, "IMDS credential provider"; EC2 User Guide, "Use IMDSv2"; botocore
--- `utils.py`, IMDSFetcher (which answers lead to version 1) and InstanceMetadataFetcher (credentials past their end).
local chance = require "fairlead.service.chance"
local clock = require "fairlead.clock"
local environment = require "fairlead.environment"
local errors = require "fairlead.errors"
local http = require "fairlead.http"

local address = require "fairlead.service.address"
local container = require "fairlead.aws.credentials.container"
local found = require "fairlead.aws.credentials.found"

local M = { name = "instance", kind = "instance" }

local TTL <const> = "21600" -- seconds that the token holds: six hours, the most
local TIMEOUT <const> = 1 -- second
local TRIES <const> = 1
local LARGEST <const> = 1 << 16 -- bytes of an answer
local LONGER <const> = 900 -- seconds for which credentials past their end are used on, and 120 to 600 more
local ROLES <const> = "/latest/meta-data/iam/security-credentials/"

local ADDRESSES <const> = { ipv4 = "http://169.254.169.254", ipv6 = "http://[fd00:ec2::254]" }

local function option(session, variable, setting)
  local value <const> = environment.get(variable) or session:settings()[setting]
  return type(value) == "string" and value ~= "" and value or nil
end

local function is_true(text)
  return text ~= nil and text:lower() == "true"
end

local function base(session)
  local own <const> = option(session, "AWS_EC2_METADATA_SERVICE_ENDPOINT", "ec2_metadata_service_endpoint")
  if own then
    return address.base(own, "AWS_EC2_METADATA_SERVICE_ENDPOINT")
  end
  local mode <const> = option(session, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "ec2_metadata_service_endpoint_mode")
  return ADDRESSES[(mode or "ipv4"):lower()] or errors.raise { kind = "config.invalid", op = "aws.session",
    target = "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", message = ("'%s' is no such mode"):format(mode),
    hint = "it is IPv4 or IPv6" }
end

local function number(session, variable, setting, usual)
  local text <const> = option(session, variable, setting)
  local value <const> = text and tonumber(text) or not text and usual
  if not value or value < 0.001 or value > 600 then
    errors.raise { kind = "config.invalid", op = "aws.session", target = variable,
      message = ("'%s' is no number from 1 to 600"):format(text) }
  end
  return value
end

--- Sends a request, more than once only where that was configured.
local function send(service, request)
  local response, err
  for _ = 1, service.tries do
    response, err = try(http.request, {
      method = request.method, url = service.url .. request.path, headers = request.headers, retry = false,
      follow = false, connect_timeout = service.timeout, timeout = 2 * service.timeout, max_body = LARGEST,
      idle_timeout = service.timeout, proxy = false,
    })
    if response and response.status < 500 then
      return response
    end
  end
  return response, err
end

--- A token of version 2; nothing and a reason where there is no asking; nothing at all where version 1 is there.
local function token_of(service)
  local response <const>, err = send(service, { method = "PUT", path = "/latest/api/token",
    headers = { ["X-aws-ec2-metadata-token-ttl-seconds"] = TTL } })
  if response and response.status == 200 then
    return secret(response.body)
  elseif response and response.status == 400 then
    return nil, "it refused to give a token (400)"
  elseif not response and not (err:is "http.timeout" and not err.message:find "connecting") then
    return nil, err.message
  elseif service.v2_only then
    return nil, ("it gave no token (%s), and version 1 is switched off"):format(response and response.status
      or err.message)
  end
end

local function get(service, path, token)
  local response <const>, err = send(service, { method = "GET", path = path,
    headers = token and { ["X-aws-ec2-metadata-token"] = token } or {} })
  if not response then
    return nil, err.message
  elseif response.status == 404 and path == ROLES then
    return nil, "this instance has no role"
  elseif response.status ~= 200 then
    return nil, ("it answered %d"):format(response.status)
  elseif (response.body or "") == "" then
    return nil, "it gave an empty answer"
  end
  return response.body
end

local function fetch(service)
  local token <const>, refused = token_of(service)
  if refused then
    return nil, refused
  end
  local roles <const>, no_role = get(service, ROLES, token)
  local role <const> = roles and roles:match "^%s*([%w+=,.@_-]+)"
  if not role then
    return nil, no_role or "it gave something that is no role's name"
  end
  local text <const>, no_text = get(service, ROLES .. role, token)
  if not text then
    return nil, no_text
  end
  local fields <const>, problem = found.parse(text)
  if not fields then
    return nil, "it gave " .. problem
  end
  local code <const> = found.text(fields, "Code")
  if code and code ~= "Success" then
    return nil, ("%s: %s"):format(code, found.text(fields, "Message") or "it gives no credentials of " .. role)
  end
  local given <const>, wrong = found.take(fields, "Token")
  return given, wrong and "it gave " .. wrong
end

---@async
---@param session fairlead.aws.Session
---@return fairlead.aws.Credentials?
---@return string? why
function M.load(session)
  if is_true(environment.get "AWS_EC2_METADATA_DISABLED") then
    return nil, "AWS_EC2_METADATA_DISABLED is true"
  elseif container.is_named() and session.options.only ~= M.kind then
    return nil, "left out, as this is a container"
  end
  local service <const> = {
    url = base(session),
    timeout = number(session, "AWS_METADATA_SERVICE_TIMEOUT", "metadata_service_timeout", TIMEOUT),
    tries = number(session, "AWS_METADATA_SERVICE_NUM_ATTEMPTS", "metadata_service_num_attempts", TRIES),
    v2_only = is_true(option(session, "AWS_EC2_METADATA_V1_DISABLED", "ec2_metadata_v1_disabled")),
  }
  local memory <const> = session.memory
  local given <const>, problem = fetch(service)
  if not given and not memory.instance then
    return nil, ("%s: %s"):format(service.url, problem)
  end
  -- When the service has nothing newer, or is out of order, AWS takes the old ones on: better than to stop everything.
  memory.instance = given or memory.instance
  local kept <const> = found.make(memory.instance, "instance " .. service.url)
  local now <const> = clock.now() + session.clock_offset
  if kept.expires_at and kept.expires_at <= now then
    kept.expires_at = now + LONGER + chance.random(120, 600)
  end
  return kept
end

return M
