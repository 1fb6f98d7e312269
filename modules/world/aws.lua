--- The simulated AWS: takes a signed request to the service and operation that it names, and answers as that service
--- does. Every signature is computed again from what arrived.
---
--- The services keep their state by account and region. One access key of the fixture sees every account that it
--- names, which stands for a role in each.
---
--- Sources: botocore's service models (protocols, target prefixes, error codes); AWS JSON 1.0 and 1.1 and AWS query
--- protocol in Smithy's documentation.
local arrivals = require "fairlead.world.aws.arrivals"
local call_of = require "fairlead.world.aws.call"
local environments = require "fairlead.world.aws.environments"
local json = require "fairlead.json"
local message = require "fairlead.world.message"
local pipelines = require "fairlead.world.aws.pipelines"
local shape = require "fairlead.world.aws.shape"
local sign_ins = require "fairlead.world.aws.sign_ins"
local signature = require "fairlead.world.aws.signature"
local xml = require "fairlead.world.aws.xml"

local M = {}

--- By the name of its part.
local SERVICES <const> = {}
--- By name as in a credential scope, which is also how their hosts begin.
local BY_SIGNING <const> = {}
--- By the prefix of X-Amz-Target.
local TARGETS <const> = {}
for _, name in ipairs {
  "cloudwatch", "codedeploy", "codepipeline", "dynamodb", "ecr", "ecs", "elbv2", "logs", "secretsmanager", "sqs", "ssm",
  "sts",
} do
  local service = require("fairlead.world.aws." .. name)
  SERVICES[name] = service
  BY_SIGNING[service.signing_name] = service
  if service.target then
    TARGETS[service.target] = service
  end
end

---@class fairlead.world.AWS
---@field requests {at: number, method: string, path: string, service: string?, operation: string?, status: integer,
--- code: string?}[] in the order in which they were answered
---@field environments table<string, fairlead.world.aws.Environment>
---@field stores table<string, table> what the services hold, by "account/region"
---@field account string the account of the key itself
---@field signed_in fairlead.world.aws.Credentials? the newest
local Aws = {}
Aws.__index = Aws

---@param w fairlead.world.World
---@return fairlead.world.AWS
function M.new(w)
  local fixture = w.fixture.aws or {}
  local self = setmetatable({
    w = w,
    requests = {},
    stores = {},
    environments = {},
    fixture = fixture,
    keys = {},
    ids = w:stream "aws.request_ids",
    draws = w:stream "aws",
  }, Aws)
  sign_ins.begin(self)
  local accounts = {}
  for _, environment in pairs(fixture.environments or {}) do
    accounts[#accounts + 1] = environment.account
  end
  table.sort(accounts)
  self.account = fixture.account or accounts[1] or "000000000000"
  environments.create(self)
  pipelines.create(self)
  return self
end

--- What the services hold in one account and region.
---@param account string
---@param region string
---@return table store
function Aws:store(account, region)
  local name = account .. "/" .. region
  local store = self.stores[name]
  if not store then
    store = { account = account, region = region }
    for service_name, service in pairs(SERVICES) do
      store[service_name] = service.store and service.store() or {}
    end
    self.stores[name] = store
  end
  return store
end

--- The stores of a region, in order of account.
---@param region string
---@return table[]
function Aws:stores_in(region)
  local list = {}
  for _, store in pairs(self.stores) do
    if store.region == region then
      list[#list + 1] = store
    end
  end
  table.sort(list, function(a, b)
    return a.account < b.account
  end)
  return list
end

--- What takes an environment's traffic now, and what does not any more.
---@param environment string
---@return {sha: string?, short_sha: string?, digest: string?, deployment: string?, weights: table[],
--- services: table<string, table>} live of the first service, its `sha` only if all services run the same; each in
--- `services`
function Aws:live(environment)
  return environments.live(self, environment)
end

--- Somebody stops what is under way in an environment.
---@param environment string
function Aws:stop_deployments(environment)
  arrivals.stop(self, environment)
end

--- The credentials that are good now: whoever starts a process has signed in.
---@return fairlead.world.aws.Credentials? credentials nil: the fixture has none
function Aws:credentials()
  return sign_ins.current(self)
end

--- Keeps a shared credentials file, where a session that ends is followed by another.
---@param path string
function Aws:keep_credentials(path)
  sign_ins.keep_file(self, path)
end

--- An image was put into a repository through the API.
---@param repository fairlead.world.aws.Repository
---@param image fairlead.world.aws.Image
---@param tags string[]
function Aws:image_arrived(repository, image, tags)
  arrivals.image_arrived(self, repository, image, tags)
end

local function request_id(self)
  local digits = self.ids:digits(32)
  return ("%s-%s-%s-%s-%s"):format(
    digits:sub(1, 8),
    digits:sub(9, 12),
    digits:sub(13, 16),
    digits:sub(17, 20),
    digits:sub(21, 32)
  )
end

--- The service and the operation that a request names, and the protocol in which it speaks.
local function find_operation(request)
  local target = request.header "x-amz-target"
  if target then
    local prefix, operation = target:match "^([^.]+)%.([%w_]+)$"
    return TARGETS[prefix], operation, "json"
  end
  -- Query: what the host or the credential scope says, and Action in the form.
  local scope = (request.header "authorization" or ""):match "Credential=[^/]+/%d+/[^/]+/([^/]+)/"
  local host = request.host:match "^([%a]+)%.[%w%-.]*amazonaws%.com$"
  local service = BY_SIGNING[host or scope]
  if service and service.query then
    return service, message.form(request.body).Action or request.query.Action, "query"
  end
  return service, nil, "json"
end

--- Codes and statuses by which services refuse a signature.
local JSON_REFUSALS <const> = {
  missing = "MissingAuthenticationTokenException",
  incomplete = "IncompleteSignatureException",
  unknown_key = "UnrecognizedClientException",
  expired = "InvalidSignatureException",
  session_over = "ExpiredTokenException",
  scope = "InvalidSignatureException",
  mismatch = "InvalidSignatureException",
}
local QUERY_REFUSALS <const> = {
  missing = "MissingAuthenticationToken",
  incomplete = "IncompleteSignature",
  unknown_key = "InvalidClientTokenId",
  expired = "SignatureDoesNotMatch",
  session_over = "ExpiredToken",
  scope = "SignatureDoesNotMatch",
  mismatch = "SignatureDoesNotMatch",
}

local function json_answer(call, service, status, value, code)
  local headers = { { "x-amzn-requestid", call.request_id } }
  if code and service and service.query_codes and service.query_codes[code] then
    -- The code by which clients of the service's older protocol know the error.
    headers[2] = { "x-amzn-query-error", service.query_codes[code] .. (status < 500 and ";Sender" or ";Receiver") }
  end
  local content_type = "application/x-amz-json-" .. (service and service.json or "1.1")
  return message.text(status, value and json.encode(value, { sort_keys = true }) or "", headers, content_type)
end

local function json_error(call, service, failure)
  local body = { __type = (service and service.error_prefix or "") .. failure.code, message = failure.message }
  if failure.from_front_door and service and service.front_door_prefix then
    body.__type = service.front_door_prefix .. failure.code
  end
  for name, value in pairs(failure.extra or {}) do
    body[name] = value
  end
  return json_answer(call, service, failure.status or 400, body, failure.code)
end

local function query_error(call, service, failure)
  local code = service.query_codes and service.query_codes[failure.code] or failure.code
  local body = xml.error(service.namespace, code, failure.message, call.request_id)
  local headers = { { "x-amzn-requestid", call.request_id } }
  return message.text(failure.status or 400, body, headers, "text/xml")
end

--- The input of a JSON request, checked against the operation's shape.
local function read_json(call, service, operation, body)
  local ok, input = pcall(json.decode, body)
  if not ok or type(input) ~= "table" then
    call:fail("SerializationException", "Unable to parse the request body as JSON.")
  end
  local fault = shape.check(input, operation.input or {}, "")
  if fault and fault.problem == "type" then
    call:fail("SerializationException", fault.message)
  elseif fault then
    service.missing(call, fault.member)
  end
  return input
end

local function read_query(call, service, operation, request)
  local input = service.read_query(message.pairs(request.body ~= "" and request.body or request.raw_query))
  local fault = shape.check(input, operation.input or {}, "")
  if fault and fault.problem == "missing" then
    call:fail("MissingParameter", ("The request must contain the parameter %s."):format(fault.member))
  elseif fault then
    call:fail("InvalidParameterValue", fault.message)
  end
  return input
end

local function carry_out(self, call, request, service, name, protocol)
  if not service then
    call:fail("UnknownOperationException", nil, { status = 404 })
  end
  local claim, refusal = signature.verify(request, self.keys, service.signing_name, self.w.now)
  if not claim then
    local codes = protocol == "query" and QUERY_REFUSALS or JSON_REFUSALS
    call:fail(codes[refusal.reason], refusal.message, {
      status = (protocol == "query" or refusal.reason == "missing") and 403 or 400,
      from_front_door = true,
    })
  end
  call.region, call.credentials = claim.region, self.keys[claim.key]
  local operation = name and service.operations[name]
  if not operation then
    if protocol == "query" then
      call:fail("InvalidAction", ("Could not find operation %s for version %s"):format(name, service.version))
    end
    call:fail("UnknownOperationException", nil, { from_front_door = true })
  end
  if request.method ~= "POST" and protocol == "json" then
    call:fail("UnknownOperationException", nil, { status = 404 })
  end
  if protocol == "query" then
    local input = read_query(call, service, operation, request)
    local output = operation.run(call, input)
    local body = xml.answer(service.namespace, name, service.write_query(name, output), call.request_id)
    return message.text(200, body, { { "x-amzn-requestid", call.request_id } }, "text/xml")
  end
  local content_type = (request.header "content-type" or ""):gsub(";.*$", "")
  if content_type ~= "application/x-amz-json-" .. service.json then
    call:fail("UnknownOperationException", nil, { status = 404 })
  end
  local output = operation.run(call, read_json(call, service, operation, request.body))
  return json_answer(call, service, 200, output)
end

--- Answers a request.
---@async
---@param request fairlead.world.Request
---@return fairlead.world.Answer|{hold: number} answer hold: there is none yet; ask again, at that time at the latest
function Aws:handle(request)
  local service, name, protocol = find_operation(request)
  request.began = request.began or self.w.now
  local call = call_of.new(self, request_id(self), name, request.began)
  local ok, answer = pcall(carry_out, self, call, request, service, name, protocol)
  local code
  if not ok and call_of.held(answer) then
    return { hold = call_of.held(answer) }
  elseif not ok then
    local failure = call_of.failure(answer)
    if not failure then
      error(answer, 0)
    end
    code = failure.code
    answer = (protocol == "query" and query_error or json_error)(call, service, failure)
  end
  self.requests[#self.requests + 1] = {
    at = self.w.now,
    method = request.method,
    path = request.path,
    service = service and service.signing_name,
    operation = name,
    status = answer.status,
    code = code,
  }
  return answer
end

return M
