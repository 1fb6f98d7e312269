--- Whether AWS would let somebody write, told without writing: IAM's policy simulator is asked, where it may be.
---
--- Source: IAM API reference, SimulatePrincipalPolicy (EvalDecision; a role's session is simulated as its role); "IAM
--- identifiers"; IAM endpoints and quotas (one endpoint, in us-east-1).
local Client = require "fairlead.aws.client"
local environment = require "fairlead.environment"
local list = require "fairlead.doctor.list"

local M = {}

-- As in services.lua; only what is needed here of a large service.
local IAM <const> = {
  host = "iam", signing = "iam", version = "2010-05-08", id = "IAM", types = { EvaluationResults = "list" },
}
local ENDPOINT <const>, REGION <const> = "https://iam.amazonaws.com", "us-east-1"
local ADVICE <const> = "`fairlead permissions SCRIPT` prints the policy that is needed; with "
  .. "iam:SimulatePrincipalPolicy it can be told"

-- The user or role behind an identity; nil for others, such as the account's root.
local function principal(arn)
  local account, role = arn:match "^arn:aws:sts::(%d+):assumed%-role/([^/]+)/"
  if role then return ("arn:aws:iam::%s:role/%s"):format(account, role) end
  return arn:match "^arn:aws:iam::%d+:user/.+" or arn:match "^arn:aws:iam::%d+:role/.+"
end

-- The actions of each resource, in the order in which they are named.
local function by_resource(writes, account)
  local groups, known = {}, {}
  for _, write in ipairs(writes) do
    local resource <const> = write.resource:gsub("{account}", account)
    local group = known[resource] or { resource = resource, actions = {} }
    if not known[resource] then groups[#groups + 1], known[resource] = group, group end
    table.insert(group.actions, write.action)
  end
  return groups
end

local function unknown(writes, why)
  local names, seen = {}, {}
  for _, write in ipairs(writes) do
    if not seen[write.action] then names[#names + 1] = write.action end
    seen[write.action] = true
  end
  return list.unknown(("%s: %s"):format(table.concat(names, ", "), why), ADVICE)
end

---@async
---@param session fairlead.aws.Session
---@param identity {arn: string?, account: string?}
---@param place doctor.AWS
---@return doctor.Finding
function M.look(session, identity, place)
  local who <const> = principal(identity.arn or "")
  if not who then return unknown(place.writes, "cannot be told without writing") end
  local client <const> = Client.new(session:derive { region = REGION }, "iam", IAM, {
    endpoint = environment.get "AWS_ENDPOINT_URL_IAM" or environment.get "AWS_ENDPOINT_URL" or ENDPOINT,
    timeout = 9, request_timeout = 9,
  })
  local allowed, denied = {}, {}
  for _, group in ipairs(by_resource(place.writes, identity.account)) do
    local answer <const> = try(client.call, client, "SimulatePrincipalPolicy", {
      PolicySourceArn = who, ActionNames = group.actions, ResourceArns = { group.resource },
    }, { idempotent = true })
    if not answer then return unknown(place.writes, "cannot be told without writing") end
    for _, result in ipairs(answer.EvaluationResults or {}) do
      local said <const> = result.EvalDecision == "allowed" and allowed or denied
      said[#said + 1] = result.EvalActionName
    end
  end
  if #denied > 0 then
    return list.bad("may not " .. table.concat(denied, ", "), "`fairlead permissions SCRIPT` prints the policy that is "
      .. "needed")
  end
  return list.ok(("may %s, says IAM's simulator"):format(table.concat(allowed, ", ")))
end

return M
