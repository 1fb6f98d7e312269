--- The credentials with which AWS's stand-ins are asked: nobody's.
local aws = require "fairlead.aws"
local environment = require "fairlead.environment"

local M = { id = "AKIAPEERS00000000000", secret = "peers/secret+key/peers/secret+key/peers0", region = "eu-west-2" }

--- For the verifier.
M.known = { [M.id] = { secret = M.secret } }

--- For other people's clients, which are asked to try once and to look nowhere else.
---@param endpoint string
---@return table<string, string>
function M.variables(endpoint)
  return { AWS_ACCESS_KEY_ID = M.id, AWS_SECRET_ACCESS_KEY = M.secret, AWS_REGION = M.region,
    AWS_DEFAULT_REGION = M.region, AWS_ENDPOINT_URL = endpoint, AWS_EC2_METADATA_DISABLED = "true",
    AWS_MAX_ATTEMPTS = "1", AWS_CONFIG_FILE = "/dev/null", AWS_SHARED_CREDENTIALS_FILE = "/dev/null",
    NO_PROXY = "127.0.0.1,localhost" }
end

---Calls a body with a session of Fairlead's, whose clients all go to one address.
---@async
---@param endpoint string
---@param body async fun(session: fairlead.aws.Session): ...
function M.session(endpoint, body)
  return environment.with({ ["AWS_*"] = false, AWS_ENDPOINT_URL = endpoint }, body,
    aws.session { region = M.region, credentials = { access_key_id = M.id, secret_access_key = M.secret } })
end

return M
