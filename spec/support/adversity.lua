--- Calls of the clients to services that fail: always, or three times in ten by losing the request or the answer. What
--- they cost, and whether anything that counts twice was done twice. For spec/retries_spec.lua and bench/retries.lua.
---
--- All on a virtual clock; chance is at its highest (pauses are the longest that they may be), losses are drawn from a
--- seed. Effects are counted at the service.
local aws = require "fairlead.aws"
local chance = require "fairlead.service.chance"
local clock = require "fairlead.clock"
local environment = require "fairlead.environment"
local errors = require "fairlead.errors"
local fake = require "spec.support.fake_service"
local github = require "fairlead.github"
local http = require "fairlead.http"
local random = require "fairlead.world.random"
local slack = require "fairlead.slack"
local support = require "spec.support.world"

local M = {}

local LATENCY <const> = 0.05 -- seconds

local function aws_client(service, variables)
  local overlay = { ["AWS_*"] = false, HOME = "/nonexistent" }
  for name, value in pairs(variables or {}) do overlay[name] = value end
  return environment.with(overlay, function()
    return aws.session({ region = "eu-west-2", credentials = { access_key_id = "A", secret_access_key = secret "s" } })
      :client(service)
  end)
end

local function github_client()
  return github.client { repository = "acme/lighthouse", token = "ghp_a-developers-token",
    base_url = "https://api.github.com" }
end

local function slack_client()
  return slack.client { token = "xoxb-a-bots-token", base_url = "https://slack.com/api" }
end

-- ---- services that always fail ----------------------------------------------------------------------------

local LATER <const> = { ["Retry-After"] = 10 }

local function status(number, body, headers)
  return function() return number, body or "", headers end
end

local function github_primary()
  -- Exhausted until twenty minutes from now, whenever it is asked.
  return 403, { message = "API rate limit exceeded" }, { ["x-ratelimit-remaining"] = "0",
    ["x-ratelimit-limit"] = "5000", ["x-ratelimit-reset"] = math.floor(clock.now()) + 1200 }
end

local AWS_THROTTLED <const> = { __type = "ThrottlingException", message = "Rate exceeded" }
local GITHUB_SECONDARY <const> = { message = "You have exceeded a secondary rate limit" }

local OLD <const>, LEGACY <const> = { AWS_NEW_RETRIES_2026 = "false" }, { AWS_RETRY_MODE = "legacy" }
local ADAPTIVE <const>, TEN <const> = { AWS_RETRY_MODE = "adaptive" }, { AWS_MAX_ATTEMPTS = "10" }

local function aws_call(service, operation, variables, parameters)
  return function()
    local client = aws_client(service, variables)
    return client[operation](client, parameters or {})
  end
end

local UPDATE <const> = { service = "web" }
local function get() return http.get("https://service.example/x"):check() end
local function post() return http.post("https://service.example/x"):check() end
local function list_pulls() return github_client():get "pulls" end
local function comment() return github_client():post("issues/1/comments", { body = "x" }) end
local function read_channel() return slack_client():history { channel = "C01LIGHT" } end
local function write_channel() return slack_client():post { channel = "C01LIGHT", text = "x" } end

---What is called, how it is answered each time: { name, what the service answers, its answer, the call }.
M.hopeless = {
  { "http.get", "503", status(503), get },
  { "http.post", "503", status(503), post },
  { "http.get", "429, Retry-After 10", status(429, "", LATER), get },
  { "aws DescribeServices", "503", status(503), aws_call("ecs", "DescribeServices") },
  { "aws DescribeServices, before 2026", "503", status(503), aws_call("ecs", "DescribeServices", OLD) },
  { "aws DescribeServices, legacy", "503", status(503), aws_call("ecs", "DescribeServices", LEGACY) },
  { "aws DescribeServices, adaptive", "503", status(503), aws_call("ecs", "DescribeServices", ADAPTIVE) },
  { "aws DescribeServices, AWS_MAX_ATTEMPTS=10", "503", status(503), aws_call("ecs", "DescribeServices", TEN) },
  { "aws DescribeServices", "503, x-amz-retry-after 3000", status(503, "", { ["x-amz-retry-after"] = 3000 }),
    aws_call("ecs", "DescribeServices") },
  { "aws ListTables (DynamoDB)", "503", status(503), aws_call("dynamodb", "ListTables") },
  { "aws UpdateService", "503", status(503), aws_call("ecs", "UpdateService", nil, UPDATE) },
  { "aws UpdateService", "throttled", status(400, AWS_THROTTLED), aws_call("ecs", "UpdateService", nil, UPDATE) },
  { "aws UpdateService, before 2026", "throttled", status(400, AWS_THROTTLED),
    aws_call("ecs", "UpdateService", OLD, UPDATE) },
  { "aws UpdateService, legacy", "throttled", status(400, AWS_THROTTLED),
    aws_call("ecs", "UpdateService", LEGACY, UPDATE) },
  { "aws UpdateService, adaptive", "throttled", status(400, AWS_THROTTLED),
    aws_call("ecs", "UpdateService", ADAPTIVE, UPDATE) },
  { "github GET", "503", status(503), list_pulls },
  { "github POST comment", "503", status(503), comment },
  { "github GET", "429, Retry-After 10", status(429, GITHUB_SECONDARY, LATER), list_pulls },
  { "github POST comment", "429, Retry-After 10", status(429, GITHUB_SECONDARY, LATER), comment },
  { "github GET", "403, secondary limit, no word how long", status(403, GITHUB_SECONDARY), list_pulls },
  { "github GET", "403, primary limit, reset in 20 min", github_primary, list_pulls },
  { "slack history", "503", status(503), read_channel },
  { "slack post", "503", status(503), write_channel },
  { "slack history", "429, Retry-After 10", status(429, "", LATER), read_channel },
  { "slack post", "429, Retry-After 10", status(429, "", LATER), write_channel },
}

---@class adversity.Cost
---@field name string
---@field answer string
---@field requests integer
---@field seconds number until the error
---@field kind string of the error

---@return adversity.Cost
function M.cost(case)
  local seconds
  local seen, err = chance.with(function() return 1 end, fake.run, case[3], function()
    local _, problem = try(case[4])
    seconds = clock.now() - fake.START
    return problem
  end)
  return { name = case[1], answer = case[2], requests = #seen, seconds = seconds, kind = err.kind }
end

-- ---- services that lose three in ten -----------------------------------------------------------------------

local function lose(what)
  errors.raise { kind = "http.reset", op = "POST", target = "lossy", message = what .. " was lost", retryable = true }
end

---A transport that loses: half of what is lost is the request, half the answer, after the service has acted.
---@param inner fun(order: http.Request): http.Raw
---@param seed integer
---@param share number
---@param count { requests: integer }
local function lossy(inner, seed, share, count)
  local draw = random.stream(seed, "losses")
  return function(order)
    count.requests = count.requests + 1
    local drawn = draw:unit()
    if drawn < share / 2 then
      clock.sleep(LATENCY)
      lose "the request"
    end
    local raw = inner(order)
    if drawn < share then lose "the answer" end
    return raw
  end
end

---@class adversity.Losses
---@field name string
---@field calls integer
---@field done integer calls that told of a success
---@field requests integer
---@field seconds number
---@field effects integer
---@field twice integer effects beyond the first of a call

-- Makes numbered calls, one after the other; `effects()` tells how often the service did what, by number.
local function measure(name, calls, count, call, effects)
  local row = { name = name, calls = calls, done = 0, effects = 0, twice = 0 }
  local began = clock.now()
  for number = 1, calls do
    local done, err = try(call, number)
    if done ~= nil then row.done = row.done + 1 elseif not err.retryable and not err:is "http" then error(err, 0) end
  end
  row.seconds, row.requests = clock.now() - began, count.requests
  for _, times in pairs(effects()) do
    row.effects = row.effects + times
    row.twice = row.twice + math.max(times - 1, 0)
  end
  return row
end

-- A service that only counts, by the body's or the path's number; what bears a token that it knows is not done again.
local function counter()
  local times, tokens = {}, {}
  return times, function(order)
    clock.sleep(LATENCY)
    local text = http.reveal(order.body or "") .. order.url
    local number, token = text:match "number%-(%d+)", text:match '"clientToken":"(%x+)"'
    if order.method ~= "GET" and number and not (token and tokens[token]) then
      times[number] = (times[number] or 0) + 1
    end
    if token then tokens[token] = true end
    return { status = 200, headers = {}, body = "{}", url = order.url }
  end
end

local function counted(name, calls, seed, share, call)
  local times, inner = counter()
  local count = { requests = 0 }
  return clock.simulate({ start = fake.START }, http.with_transport, lossy(inner, seed, share, count), measure, name,
    calls, count, call, function() return times end)
end

-- The simulated GitHub and Slack: what they hold in the end is asked for without losses.
local function visited(name, calls, seed, share, call, effects)
  return support.visit({ seed = seed }, function(w, ask)
    local count, inner = { requests = 0 }, w:transport()
    return http.with_transport(lossy(inner, seed, share, count), measure, name, calls, count, call, function()
      return http.with_transport(inner, effects, w, ask)
    end)
  end)
end

local function count_by(list, key)
  local times = {}
  for _, item in ipairs(list) do
    local name = key(item)
    if name then times[name] = (times[name] or 0) + 1 end
  end
  return times
end

local R <const> = support.REPOSITORY

---Each gives a row.
---@param seed integer
---@param share number of requests that are lost
---@return adversity.Losses[]
function M.losses(seed, share)
  local ecs, old, gh, sl = aws_client "ecs", aws_client("ecs", LEGACY), github_client(), slack_client()
  local rows = {}
  local function add(row) rows[#rows + 1] = row end
  add(counted("http PUT", 200, seed, share, function(number)
    return http.put(("https://service.example/number-%d"):format(number))
  end))
  add(counted("http POST", 200, seed, share, function(number)
    return http.post(("https://service.example/number-%d"):format(number))
  end))
  add(counted("aws DescribeServices", 200, seed, share, function() return ecs:DescribeServices {} end))
  add(counted("aws UpdateService", 200, seed, share, function(number)
    return ecs:UpdateService { service = "number-" .. number }
  end))
  add(counted("aws UpdateService, legacy", 200, seed, share, function(number)
    return old:UpdateService { service = "number-" .. number }
  end))
  add(counted("aws RunTask (clientToken)", 200, seed, share, function(number)
    return ecs:RunTask { taskDefinition = "number-" .. number }
  end))
  add(visited("github GET", 100, seed, share, function() return gh:get "branches/main" end, function() return {} end))
  add(visited("github POST issue", 60, seed, share, function(number)
    return gh:post("issues", { title = "number " .. number })
  end, function(_, ask)
    return count_by(select(2, ask("GET", R .. "/issues", { query = { per_page = 100, state = "all" } })), function(item)
      return item.title
    end)
  end))
  add(visited("github create_deployment", 60, seed, share, function(number)
    return gh:create_deployment { environment = "staging", sha = "main", task = "number-" .. number }
  end, function(_, ask)
    return count_by(select(2, ask("GET", R .. "/deployments", { query = { per_page = 100 } })), function(item)
      return item.task
    end)
  end))
  add(visited("github dispatch", 30, seed, share, function(number)
    local run = gh:dispatch { workflow = "publish.yml", ref = "main",
      inputs = { environment = number % 2 == 0 and "production" or "development" } }
    clock.sleep(60)
    return run
  end, function(_, ask)
    local runs = select(2, ask("GET", R .. "/actions/workflows/publish.yml/runs", { query = { per_page = 100,
      event = "workflow_dispatch" } })).workflow_runs
    -- A minute and more lies between two calls, and half of one between two of one call.
    local before
    local call = 0
    table.sort(runs, function(a, b) return a.id < b.id end)
    return count_by(runs, function(run)
      local at = require "fairlead.service.answer".time(run.created_at)
      if not before or at - before >= 60 then call = call + 1 end
      before = at
      return call
    end)
  end))
  add(visited("slack post", 60, seed, share, function(number)
    return sl:post { channel = "C01LIGHT", text = "number " .. number }
  end, function()
    return count_by(slack_client():history { channel = "C01LIGHT", limit = 1000 }, function(message)
      return message.text:match "^number %d+"
    end)
  end))
  return rows
end

return M
