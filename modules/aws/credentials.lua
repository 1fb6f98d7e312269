--- Where credentials come from: an ordered list of providers. The first that has some gives them; one that finds
--- something wrong says so; when none has any, the error tells what each was asked and why it did not serve.
---
--- Order: botocore `credentials.py`, create_credential_resolver (a profile given by name leaves the environment out);
--- AWS SDKs and Tools Reference Guide, "Standardized credential providers".
local errors = require "fairlead.errors"
local nearest = require "fairlead.nearest"
local sorted = require "fairlead.sorted"

local M = {}

local FEW <const> = 8 -- profiles that an error names

--- In the order in which they are asked: modules of fairlead.aws.credentials, loaded when it is their turn (most
--- programs come no further than the third), and which provider of a module that has more than one.
---@type string[][]
M.providers = {
  { "session_role" },
  { "given" },
  { "variables" },
  { "role" }, -- before the profile's own keys: as for the AWS command line
  { "web_identity" },
  { "sso" },
  { "keys", "shared" },
  { "process" },
  { "keys", "config" },
  { "container" },
  { "instance" },
}

---@return fairlead.aws.Provider
local function load(entry)
  local module <const> = require("fairlead.aws.credentials." .. entry[1])
  return entry[2] and module[entry[2]] or module
end

--- Why a provider is not asked at all; nothing when it is.
local function left_out(session, provider)
  local kind <const> = provider.kind
  if kind ~= "container" and kind ~= "instance" then
    return nil
  elseif session.options.own then
    return "left out, as a profile's own credentials are wanted"
  elseif session:is_named() and not session:exists() then
    -- A mistyped profile must not end as somebody else.
    return ("left out, as the profile '%s' was asked for"):format(session.profile)
  end
end

local function hint_of(session)
  local profiles <const> = session:files().profiles
  if session:is_named() and not session:exists() then
    local near <const> = nearest.name(session.profile, profiles)
    return near and ("did you mean the profile '%s'?"):format(near)
      or ("write a profile '%s', or set AWS_PROFILE to one that is there"):format(session.profile)
  end
  local names <const> = {}
  for name in sorted(profiles) do
    names[#names + 1] = name
  end
  if not session:is_named() and names[1] and #names <= FEW then
    return ("set AWS_PROFILE to one of the profiles that are there (%s), or AWS_ACCESS_KEY_ID and "
      .. "AWS_SECRET_ACCESS_KEY"):format(table.concat(names, ", "))
  end
  return "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE to a profile that has them"
end

--- The credentials of a session.
---@async
---@param session fairlead.aws.Session
---@return fairlead.aws.Credentials
--- raises aws.no_credentials, whose details tell what was tried; config.invalid; aws.api when a role may not be assumed
function M.find(session)
  local only <const>, tried = session.options.only, {}
  for _, entry in ipairs(M.providers) do
    local provider <const> = load(entry)
    if not only or provider.kind == only then
      local credentials, why
      why = left_out(session, provider)
      if not why then
        credentials, why = provider.load(session)
      end
      if credentials then
        return credentials
      end
      tried[#tried + 1] = ("%s: %s"):format(provider.name, why)
    end
  end
  errors.raise {
    kind = "aws.no_credentials", op = "aws.session", target = ("profile '%s'"):format(session.profile),
    message = only and ("no AWS credentials (%s)"):format(tried[1])
      or ("no AWS credentials in any of %d places"):format(#tried),
    hint = hint_of(session), details = tried,
  }
end

return M
