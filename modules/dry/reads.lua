--- Which requests only read, by what the services say of their methods and operations.
---
--- Sources: RFC 9110, 9.2.1 (safe methods); the API references of the AWS services (operations by their verbs); Slack's
--- list of methods; GitHub GraphQL, "Forming calls" (only a mutation changes something).
local M = {}

local SAFE <const> = { GET = true, HEAD = true, OPTIONS = true }

-- Operations whose verb says it, and those that give credentials.
local AWS_VERBS <const> = { "^Describe%u", "^List%u", "^Get%u", "^BatchGet%u", "^BatchCheck%u", "^BatchDescribe%u",
  "^Query$", "^Scan$", "^Filter%u", "^Lookup%u", "^Search%u", "^AssumeRole",
  "^TestEventPattern$", "^TestMetricFilter$" } -- but ElastiCache's TestFailover fails something over

local SLACK_VERBS <const> = { "^auth%.test$", "%.list$", "%.info$", "%.get$", "%.history$", "%.replies$", "%.members$",
  "%.lookupByEmail$", "%.getPresence$", "%.getPermalink$" }

local function matches(name, patterns)
  for _, pattern in ipairs(patterns) do
    if name:find(pattern) then return true end
  end
  return false
end

local function header(request, wanted)
  for _, pair in ipairs(request.headers or {}) do
    if pair[1]:lower() == wanted then return tostring(pair[2]) end
  end
end

-- Requests by which credentials are come by: nothing of anybody's is changed by them. The instance metadata service's
-- token (EC2 User Guide, "Use the Instance Metadata Service"), single sign-on's (IAM Identity Center OIDC API
-- Reference, CreateToken), roles that are asked for without a signature (STS API Reference), a GitHub App's (REST API,
-- "Create an installation access token for an app").
local function gives_credentials(request, path, body)
  if request.method == "PUT" then
    return path == "/latest/api/token" and header(request, "x-aws-ec2-metadata-token-ttl-seconds") ~= nil
  end
  if request.method ~= "POST" then return false end
  return path:find "/token$" and (request.url:find "^https://oidc%." or body:find '"grantType"%s*:')
    or path:find "/app/installations/%d+/access_tokens$" or body:find "^Action=AssumeRoleWith%u"
    or body:find "&Action=AssumeRoleWith%u"
end

---What a request asks for: its method, or the operation of the service that it goes to.
---@param request {method: string, url: string, headers: table[]?}
---@param body string
---@return string name "POST", "ecs UpdateService", "chat.postMessage"
---@return boolean reads
function M.classify(request, body)
  if SAFE[request.method] then return request.method, true end
  local path <const> = request.url:match "^https?://[^/?]+([^?]*)" or ""
  if gives_credentials(request, path, body) then return "a token", true end
  if request.method ~= "POST" then return request.method, false end
  local target <const> = header(request, "x-amz-target")
  local operation = target and target:match "([^.]+)$"
  if not operation and (header(request, "authorization") or ""):find "^AWS4%-" then
    operation = body:match "^Action=(%w+)" or body:match "&Action=(%w+)"
  end
  if operation then return operation, matches(operation, AWS_VERBS) end
  local slack <const> = path:match "/api/([%a]+%.[%a.]+)$"
  if slack then return slack, matches(slack, SLACK_VERBS) end
  if path:find "/graphql$" then return "a GraphQL mutation", not body:find "mutation" end
  return "POST", false
end

return M
