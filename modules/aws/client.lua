--- A client for one service: `client:DescribeServices { … }`.
---
--- Sources: "AWS JSON 1.0 protocol" and "AWS JSON 1.1 protocol" in the Smithy specification (the query protocol is in
--- query.lua); botocore `paginators-1.json` for how pages are
--- told.
local answer = require "fairlead.service.answer"
local chance = require "fairlead.service.chance"
local clock = require "fairlead.clock"
local errors = require "fairlead.errors"
local http = require "fairlead.http"
local json = require "fairlead.json"
local shape = require "fairlead.service.shape"
local sigv4 = require "fairlead.sigv4"

local Retry = require "fairlead.aws.retry"
local endpoint = require "fairlead.aws.endpoint"
local failure = require "fairlead.aws.failure"
local operations = require "fairlead.aws.operations"
local query = require "fairlead.aws.query"
local services = require "fairlead.aws.services"

-- Read when it is needed: a tenth of what a call of another service takes would be reading this.
local s3 = setmetatable({}, { __index = function(_, name) return require "fairlead.aws.s3"[name] end })

local CALL_TIMEOUT <const> = 120 -- seconds for a call with its retries
local REQUEST_TIMEOUT <const> = 30 -- seconds for one request
local MAX_PAGES <const> = 1000
local SKEW <const> = 240 -- seconds; AWS refuses a signature whose time is five minutes off

-- What AWS answers when it finds a signature's time too far from its own.
local SKEWED <const> = { RequestTimeTooSkewed = true, RequestExpired = true, RequestInTheFuture = true,
  InvalidSignatureException = true, SignatureDoesNotMatch = true, AuthFailure = true }
-- What it answers when credentials are too old, or have been replaced.
local OUTDATED <const> = { ExpiredToken = true, ExpiredTokenException = true, InvalidClientTokenId = true,
  UnrecognizedClientException = true }

local NEWER <const> = " (`{ newer = true }` after the parameters sends what AWS has added since)"

---@class fairlead.aws.CallOptions
---@field timeout? number seconds for the call with its retries; default the client's
---@field idempotent? boolean twice is the same as once: repeat it also when an answer is lost
---@field sink? async fun(chunk: string) S3's GetObject: takes the object in pieces, one part after the other
---@field progress? fun(done: integer, total: integer) with a sink: bytes, after each part
---@field part_size? integer with a sink: bytes, default 8 MiB
---@field max_body? integer S3: bytes that an answer may have without a sink, default 64 MiB
---@field newer? boolean AWS has added the operation or a parameter since: send what is not known here

---@class fairlead.aws.Client any operation of the service is a method of it
---@field service string
---@field region string
---@field endpoint string
local Client = {}

-- "describe_services", as the Python SDK has it, is DescribeServices.
local function as_operation(name)
  local words = name:gsub("_?(%a)(%w*)", function(first, rest) return first:upper() .. rest end)
  return words:find "^%u%a[%w]+$" and words or "DescribeServices"
end

-- Operations are found by name; what is not written like one is a mistake, which would otherwise cost a request.
local metatable = {
  __name = "fairlead.aws.Client",
  __index = function(self, name)
    local method = Client[name] or rawget(self, "description").rest and s3.methods[name]
    if method then
      return method
    end
    if type(name) ~= "string" then
      return nil
    end
    if not name:find "^%u%a[%w]+$" then
      error(("'%s' has no method '%s' (operations are named as in AWS's API: %s)"):format(rawget(self, "service"), name,
        as_operation(name)), 2)
    end
    method = function(client, parameters, options)
      return client:call(name, parameters, options)
    end
    Client[name] = method
    return method
  end,
}

---@param session fairlead.aws.Session
---@param service string
---@param description fairlead.aws.Service
---@param options fairlead.aws.ClientOptions
---@return fairlead.aws.Client
function Client.new(session, service, description, options)
  local region <const> = session:region()
  local client <const> = setmetatable({
    session = session, service = service, description = description, region = region,
    endpoint = endpoint.resolve(session, description, region, options.endpoint),
    timeout = options.timeout or CALL_TIMEOUT, request_timeout = options.request_timeout or REQUEST_TIMEOUT,
    retry = Retry.new(session:settings(), description.retries),
  }, metatable)
  if description.rest then
    s3.open(client, options)
  end
  return client
end

--- A copy of parameters with Secrets opened, and whether there were any: what is sent is the text, not the tag that
--- JSON shows for a Secret.
local function opened(value)
  if type(value) == "userdata" and value ~= json.null then
    return http.reveal(value), true
  elseif type(value) ~= "table" then
    return value, false
  end
  local copy, any = nil, false
  for key, item in pairs(value) do
    local text, was_secret = opened(item)
    if was_secret then
      if not copy then
        copy = setmetatable({}, getmetatable(value))
        for name, other in pairs(value) do
          copy[name] = other
        end
      end
      copy[key], any = text, true
    end
  end
  return copy or value, any
end

--- Marks what an answer tells in confidence: Secrets Manager's values, SecureString parameters, registry passwords,
--- credentials.
local function protect(value)
  if type(value) ~= "table" then
    return value
  end
  for _, field in ipairs { "SecretString", "SecretBinary", "authorizationToken", "SecretAccessKey", "SessionToken" } do
    if type(value[field]) == "string" then
      value[field] = secret(value[field])
    end
  end
  if value.Type == "SecureString" and type(value.Value) == "string" then
    value.Value = secret(value.Value)
  end
  for _, item in pairs(value) do
    protect(item)
  end
  return value
end

--- Whether a refusal comes of this machine's clock being wrong; from then on the session signs with AWS's time.
local function adopt_clock(session, err, response)
  local theirs <const> = response and SKEWED[err.code] and answer.http_date(response.headers.date)
  if not theirs then
    return false
  end
  local offset <const> = theirs - clock.now()
  if math.abs(offset - session.clock_offset) < SKEW then
    return false
  end
  session.clock_offset = offset
  return true
end

local CONFIDENTIAL <const> = { secretsmanager = true, ssm = true, ecr = true, sts = true }

--- The body of a request, and its headers, in the service's protocol.
local function encode(description, operation, parameters)
  if description.types then
    return query.encode(operation, description.version, parameters), { ["Content-Type"] = query.CONTENT_TYPE }
  end
  return json.encode(parameters), {
    ["Content-Type"] = "application/x-amz-json-" .. description.json,
    ["X-Amz-Target"] = description.target .. "." .. operation,
    ["X-Amzn-Query-Mode"] = description.query_mode and "true" or nil,
  }
end

local function decode(description, operation, response, about)
  if description.types then
    return query.decode(response, operation, description.types, about)
  end
  local output <const> = answer.decode(response, about) or {}
  local problem <const> = shape.problem(output, {})
  if problem then
    errors.raise { kind = about.kind, op = about.op, target = about.target, status = response.status,
      message = ("answered %d with something that is no output (%s)"):format(response.status, problem),
      hint = "does the address belong to this service, and is no proxy answering in its place?" }
  end
  return output
end

--- Whether there are other credentials than those that AWS has refused: a long release outlives them, but the files may
--- hold newer ones by now, or another task has read them already.
local function has_newer(session, used)
  if session.found == used then
    session:refresh()
  end
  local found <const> = try(session.credentials, session)
  return found ~= nil and (found.access_key_id ~= used.access_key_id
    or http.reveal(found.session_token or "") ~= http.reveal(used.session_token or ""))
end

--- What is sent for a call, in the protocols where all is in the body.
local function posted(self, operation, parameters)
  local description <const> = self.description
  local token_field <const> = description.tokens and description.tokens[operation]
  local plain, confidential = opened(parameters)
  if token_field and plain[token_field] == nil then
    local copy = {}
    for key, value in pairs(plain) do
      copy[key] = value
    end
    copy[token_field] = chance.token()
    plain = copy
  end
  local body, headers = encode(description, operation, plain)
  headers["User-Agent"] = "fairlead"
  return {
    method = "POST", url = self.endpoint .. "/", region = self.region, headers = headers,
    body = confidential and secret(body) or body,
    allowance = self.request_timeout + (description.long_polls and description.long_polls[operation] or 0),
    repeatable = services.repeatable(description, operation, plain),
    unsigned = description.unsigned and description.unsigned[operation],
    is_poll = description.long_polls ~= nil and description.long_polls[operation] ~= nil,
    decode = function(response, about)
      local output <const> = decode(description, operation, response, about)
      return CONFIDENTIAL[self.service] and protect(output) or output
    end,
  }
end

local function sign(self, request, credentials)
  if request.unsigned then
    return request.headers
  end
  local signed <const> = sigv4.sign {
    method = request.method, url = request.url, body = request.body, payload_hash = request.payload_hash,
    service = self.description.signing, region = request.region, credentials = credentials,
    time = clock.now() + self.session.clock_offset, headers = request.headers, normalize_path = request.normalize_path,
    double_encode = request.double_encode, sign_payload_header = request.sign_payload_header,
  }
  for name, value in pairs(request.unsigned_headers or {}) do
    signed.headers[name] = value
  end
  return signed.headers
end

local function exchange(self, request, credentials, deadline)
  local headers <const>, left <const> = sign(self, request, credentials), deadline - clock.now()
  return http.request {
    method = request.method, url = request.url, headers = headers, body = request.body, retry = false,
    follow = false, ca_file = self.session:ca_file(), sink = request.sink, max_body = request.max_body,
    idle_timeout = request.idle_timeout, timeout = math.max(math.min(request.allowance or left, left), 0.001),
  }
end

--- An answer that is not a success, or none, as the call's error.
local function refused(self, request, response, err, about)
  if not response then
    return err:is "http" and errors.new { kind = err.kind, op = about.op, target = self.endpoint, message = err.message,
      retryable = err.retryable, hint = err.hint, cause = err } or err
  elseif response.status < 300 then -- the failure is in the body
    response = setmetatable({ status = 500 }, { __index = response })
  end
  about.codes = request.codes
  return failure.new(response, about)
end

-- What operations are asked with that bear no signature.
local NOBODY <const> = { source = "no credentials" }
-- Refusals that an own attempt may be the cause of, when its answer was lost.
local BY_OWN_HAND <const> = { PreconditionFailed = true, NoSuchUpload = true }

--- Any operation by its API name: what `client:DescribeServices(parameters)` stands for.
---@async
---@param operation string
---@param parameters? table as in the API reference; an empty list is json.array{}
---@param options? fairlead.aws.CallOptions
---@return table output
--- raises aws.api (.not_authorised .not_found .throttled) and http.*; aws.no_credentials
function Client:call(operation, parameters, options)
  if parameters ~= nil and type(parameters) ~= "table" then
    error(("bad argument #1 to '%s' (table expected, got %s)"):format(operation, type(parameters)), 2)
  end
  parameters, options = parameters or {}, options or {}
  if not options.newer and not self.description.rest then -- S3's requests are made of what is known
    local mistake, hint <const> = operations.mistake(self.service, operation, parameters)
    if mistake then
      error(("%s; %s"):format(mistake, hint or "see its API reference") .. NEWER, 2)
    end
  end
  local about <const> = { kind = "aws.api", op = ("%s.%s"):format(self.service, operation), target = self.region,
    service = self.service }
  local deadline <const> = clock.now() + (options.timeout or self.timeout)

  local rest <const> = self.description.rest
  if rest and s3.is_stream(operation, options) then
    return s3.stream(self, parameters, options)
  end
  local request <const> = rest and s3.request(self, operation, parameters, options)
    or posted(self, operation, parameters)
  local repeatable <const> = options.idempotent or request.repeatable

  local attempt, cost, renewed, set_right, moved, in_doubt = 0, nil, false, false, false, false
  while true do
    attempt = attempt + 1
    local credentials <const> = request.unsigned and NOBODY or self.session:credentials()
    if not self.retry:admit(deadline) then
      errors.raise { kind = "aws.api.throttled", op = about.op, target = about.target, retryable = true,
        message = "AWS has throttled this client's calls, and takes no more of them before this one's time is over",
        hint = "make fewer calls at once, or give it a longer timeout" }
    end
    local response, err = try(exchange, self, request, credentials, deadline)
    if response and response.status < 300 and not (rest and request.failed_late(response)) then
      self.retry:heard()
      self.retry:succeeded(cost)
      return request.decode(response, about)
    end
    about.credentials = credentials.source
    err = refused(self, request, response, err, about)
    self.retry:heard(err)
    if rest and not moved and request.moved(err, response) then
      moved = true
      request.locate()
    elseif not set_right and adopt_clock(self.session, err, response) then
      set_right = true
    elseif OUTDATED[err.code] and not renewed and credentials ~= NOBODY and has_newer(self.session, credentials) then
      renewed = true
    elseif not request.spent and self.retry:may_pass(err) and (repeatable or Retry.was_not_heard(err)) then
      in_doubt = in_doubt or not Retry.was_not_heard(err)
      local milliseconds <const> = response and tonumber(response.headers["x-amz-retry-after"])
      cost = self.retry:wait(err, attempt, deadline, milliseconds and milliseconds / 1000, request.is_poll)
      if not cost then
        error(err, 0)
      end
    else
      if in_doubt and BY_OWN_HAND[err.code] then
        err.hint = "an earlier attempt of this call, whose answer was lost, may have done it: look before going on"
      end
      error(err, 0)
    end
  end
end

-- output's field -> the parameter that asks for what follows
local TOKENS <const> = {
  { "nextToken", "nextToken" },
  { "NextToken", "NextToken" },
  { "NextContinuationToken", "ContinuationToken" }, -- S3 ListObjectsV2
  { "ContinuationToken", "ContinuationToken" }, -- S3 ListBuckets; ListObjectsV2 repeats there what was asked
  { "LastEvaluatedKey", "ExclusiveStartKey" }, -- DynamoDB Query, Scan
  { "LastEvaluatedTableName", "ExclusiveStartTableName" }, -- DynamoDB ListTables
  { "LastEvaluatedBackupArn", "ExclusiveStartBackupArn" }, -- DynamoDB ListBackups
  { "NextMarker", "Marker" }, -- Elastic Load Balancing
  { "nextForwardToken", "nextToken" }, -- CloudWatch Logs GetLogEvents: repeats the token at the end
}

local function following(output)
  for _, pair in ipairs(TOKENS) do
    local value <const> = output[pair[1]]
    if value ~= nil and value ~= "" then
      return value, pair[2]
    end
  end
end

--- Every item of a list over all its pages: `for arn in ecs:paginate("ListTasks", { cluster = c }, "taskArns") do`.
---@async
---@param operation string
---@param parameters table?
---@param result_key string the output's field that holds the list
---@param options? fairlead.aws.CallOptions for each page
---@return fun(): any iterator
function Client:paginate(operation, parameters, result_key, options)
  if type(result_key) ~= "string" then
    error(("bad argument #3 to 'paginate' (string expected, got %s)"):format(type(result_key)), 2)
  end
  local asked = {}
  for key, value in pairs(parameters or {}) do
    asked[key] = value
  end
  local items, position, pages, more, last = {}, 0, 0, true, nil
  return function()
    while position >= #items do
      if not more then
        return nil
      end
      if pages >= MAX_PAGES then
        errors.raise { kind = "aws.api", op = ("%s.%s"):format(self.service, operation), target = self.region,
          message = ("has more than %d pages"):format(MAX_PAGES), hint = "ask for less with the parameters" }
      end
      local output <const> = self:call(operation, asked, options)
      pages, position, items = pages + 1, 0, output[result_key] or {}
      if type(items) ~= "table" or #items == 0 and next(items) ~= nil then
        errors.raise { kind = "aws.api", op = ("%s.%s"):format(self.service, operation), target = self.region,
          message = ("answered with a %s that is no list"):format(result_key) }
      end
      local value, parameter = following(output)
      more = value ~= nil and value ~= last
      if more then
        asked[parameter], last = value, type(value) ~= "table" and value or nil
      end
    end
    position = position + 1
    return items[position]
  end
end

return Client
