--- AWS: sessions (who and where) and clients (one service).
---
---     local aws = require "fairlead.aws"
---     local ecs = aws.session { region = "eu-west-2" }:client "ecs"
---     local output = ecs:DescribeServices { cluster = "web", services = { "site" } }
local environment = require "fairlead.environment"
local errors = require "fairlead.errors"
local sorted = require "fairlead.sorted"

local Client = require "fairlead.aws.client"
local credentials = require "fairlead.aws.credentials"
local profile = require "fairlead.aws.profile"
local renewal = require "fairlead.aws.credentials.renewal"
local services = require "fairlead.aws.services"

local M = {}

-- Settings of a profile that have no settings below them.
local TEXTS <const> = {}
for name in ([[
  region role_arn source_profile credential_source mfa_serial external_id role_session_name duration_seconds
  credential_process web_identity_token_file sso_session sso_account_id sso_role_name sso_start_url sso_region
  output aws_access_key_id aws_secret_access_key aws_session_token aws_account_id login_session endpoint_url
  services use_fips_endpoint use_dualstack_endpoint ignore_configured_endpoint_urls ca_bundle retry_mode
  max_attempts
]]):gmatch "%S+" do
  TEXTS[name] = true
end

---@class fairlead.aws.SessionOptions
---@field profile? string default: AWS_PROFILE, then AWS_DEFAULT_PROFILE, then "default"
---@field region? string default: AWS_REGION, then AWS_DEFAULT_REGION, then the profile's
---@field credentials? fairlead.sigv4.Credentials
---@field role_arn? string a role that the credentials otherwise found assume
---@field mfa_code? async fun(serial_number: string): string gives the code of a device that a profile asks for
--- (`mfa_serial`); default: asks at the terminal

---@class fairlead.aws.ClientOptions
---@field endpoint? string default AWS_ENDPOINT_URL_<SERVICE>, then AWS_ENDPOINT_URL, then the profile's `services` and
--- endpoint_url, then AWS's (of the kind that use_fips_endpoint and use_dualstack_endpoint ask for)
---@field timeout? number seconds for a call with its retries, default 120
---@field request_timeout? number seconds for one request, default 30; S3: in which nothing moves
---@field addressing_style? "auto"|"virtual"|"path" S3: buckets in the host or in the path; default the profile's, then
--- "auto": in the host where that is AWS's and the name has no dots

---@class fairlead.aws.Session
---@field profile string
---@field options fairlead.aws.SessionOptions
---@field clock_offset number seconds that AWS's clock is ahead of this machine's, when that was found out
---@field memory table what providers of credentials keep between two uses
local Session = {}
Session.__index = Session
Session.__name = "fairlead.aws.Session"

--- The shared files, read once.
---@return fairlead.aws.Files
function Session:files()
  self.loaded_files = self.loaded_files or profile.load()
  return self.loaded_files
end

--- The profile's settings, of both files; empty when there are none.
---@return fairlead.aws.Settings
function Session:settings()
  local settings <const> = self:files().profiles[self.profile] or {}
  if settings ~= self.checked_settings then
    for name, value in sorted(settings) do
      if type(value) == "table" and TEXTS[name] then
        errors.raise { kind = "config.invalid", op = "aws.session", target = self:name(self:path_of(name)),
          message = ("has settings below `%s`, which is a text"):format(name), hint = "are they indented by mistake?" }
      end
    end
    self.checked_settings = settings
  end
  return settings
end

--- The file of certificate authorities to trust instead of the system's, where one was configured.
---@return string? path
function Session:ca_file()
  return environment.get "AWS_CA_BUNDLE" or self:settings().ca_bundle
end

--- Whether the profile is in one of the files.
---@return boolean
function Session:exists()
  return self:files().profiles[self.profile] ~= nil
end

--- Whether somebody asked for the profile: a script, or a variable.
---@return boolean
function Session:is_named()
  return (self.options.profile or environment.get "AWS_PROFILE" or environment.get "AWS_DEFAULT_PROFILE") ~= nil
end

--- The file that has a setting of the profile.
---@param setting string
---@return string path
function Session:path_of(setting)
  local files <const> = self:files()
  local own <const> = files.credentials[self.profile]
  return own and own[setting] ~= nil and files.credentials_path or files.config_path
end

--- How errors name the profile.
---@param path string
---@return string
function Session:name(path)
  return ("profile '%s' in %s"):format(self.profile, path)
end

--- The region. An older way to ask for FIPS addresses, fips-us-east-1 or us-east-1-fips, is understood.
---@return string region
---@return boolean fips
--- raises config.missing
function Session:region()
  local region = self.options.region or environment.get "AWS_REGION" or environment.get "AWS_DEFAULT_REGION"
    or self:settings().region
  if not region then
    errors.raise {
      kind = "config.missing", op = "aws.session", target = ("profile '%s'"):format(self.profile),
      message = "no AWS region", hint = "set AWS_REGION (London is eu-west-2), or `region` in the profile",
    }
  end
  if not region:find "^[a-z][a-z0-9%-]*$" then
    errors.raise { kind = "config.invalid", op = "aws.session", target = region, message = "is no AWS region",
      hint = "regions look like eu-west-2" }
  end
  local plain <const> = region:match "^fips%-(.+)$" or region:match "^(.+)%-fips$"
  return plain or region, plain ~= nil
end

--- The credentials, as the first provider that has some gives them; the secrets among them are Secrets. Those that
--- expire are replaced before they do.
---@async
---@return fairlead.aws.Credentials
--- raises aws.no_credentials, whose details tell what was tried, config.invalid; aws.api when a role may not be assumed
function Session:credentials()
  return renewal.current(self, credentials.find)
end

--- A session like this one, of other credentials.
---@param options table as of `aws.session`
---@return fairlead.aws.Session
function Session:derive(options)
  local region <const>, fips = try(self.region, self)
  local copy = { region = fips == true and "fips-" .. region or region, mfa_code = self.options.mfa_code }
  for name, value in pairs(options) do
    copy[name] = value
  end
  return setmetatable({
    options = copy, clock_offset = self.clock_offset, profile = copy.profile or self.profile,
    memory = self.memory, loaded_files = self.loaded_files,
  }, Session)
end

--- Forgets the credentials and the files, so that the next use reads them again: somebody may have signed in anew.
function Session:refresh()
  self.found, self.loaded_files = nil, nil
end

--- A client for one service. Its methods are the service's operations, by their API names.
---@param service fairlead.aws.ServiceName
---@param options? fairlead.aws.ClientOptions
---@return fairlead.aws.Client client for "s3" a fairlead.aws.S3
--- raises config.missing, config.invalid
function Session:client(service, options)
  local description <const> = services.list[service]
  if not description then
    error(("bad argument #1 to 'client' (one of %s expected, got '%s')"):format(table.concat(services.names(), ", "),
      tostring(service)), 2)
  end
  return Client.new(self, service, description, options or {})
end

--- A session: credentials and a region. Nothing is looked up before it is needed.
---@param options? fairlead.aws.SessionOptions
---@return fairlead.aws.Session
function M.session(options)
  options = options or {}
  if type(options) ~= "table" then
    error(("bad argument #1 to 'aws.session' (table expected, got %s)"):format(type(options)), 2)
  end
  local given <const> = options.credentials
  if given ~= nil and not (type(given) == "table" and given.access_key_id and given.secret_access_key) then
    error("bad argument #1 to 'aws.session' (credentials: {access_key_id=, secret_access_key=} expected)", 2)
  end
  if options.role_arn ~= nil and type(options.role_arn) ~= "string" then
    error(("bad argument #1 to 'aws.session' (role_arn: string expected, got %s)"):format(type(options.role_arn)), 2)
  end
  return setmetatable({
    options = options, clock_offset = 0, memory = {},
    profile = options.profile or environment.get "AWS_PROFILE" or environment.get "AWS_DEFAULT_PROFILE" or "default",
  }, Session)
end

--- A gate's channel that goes by a manual approval of CodePipeline, and hands on to it what was decided elsewhere.
---@param options fairlead.aws.ApprovalOptions
---@return fairlead.aws.Approval channel
function M.approval(options)
  return require "fairlead.aws.approval".new(options)
end

return M
