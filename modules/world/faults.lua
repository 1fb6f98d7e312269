--- What a scenario does to requests on their way: the network's faults, and what services answer that refuse or break.
local clock = require "fairlead.clock"
local message = require "fairlead.world.message"

local M = {}

---@alias fairlead.world.Fault
---| "reset" the connection breaks before the request is carried out
---| "timeout" no answer comes, nothing is carried out
---| "lost" the request is carried out, but its answer is lost
---| "server_error" the service answers 5xx, nothing is carried out
---| "limited" the service refuses: too many requests
---| "broken" Slack's way to say that it is out of order: an answer of 200 that is no result

---@class fairlead.world.Faults
local Faults = {}
Faults.__index = Faults

---@param world fairlead.world.World
---@return fairlead.world.Faults
function M.new(world)
  return setmetatable({
    world = world,
    random = world:network_stream("faults"),
    down = world:stream("outages"),
    outages = {},
    last = {},
  }, Faults)
end

--- What is asked for, apart from its parameters: faults in succession are counted for it.
local function subject(request)
  local target = request.header("x-amz-target")
  return target or (request.method .. " " .. request.host .. request.path)
end

--- Operations of AWS by their first word, methods of Slack by their last.
local READING <const> = {
  Describe = true, Get = true, List = true, Batch = true,
  history = true, replies = true, get = true, info = true, list = true, test = true, getPermalink = true,
}

--- Whether asking twice does no harm.
local function is_read(request)
  local operation = (request.header("x-amz-target") or ""):match("%.(%a+)$")
  if operation then
    return READING[operation:match("^%u%l+")] == true
  end
  local slack = request.path:match("^/api/[%w.]+%.(%a+)$")
  if slack then
    return READING[slack] == true
  end
  return request.method == "GET" or request.method == "HEAD"
end

--- The fault of a service that is down, while it is: from the world's beginning to its end, or for some time from some
--- instant after the first request to it.
local function outage(self, service)
  local plan = (self.world.scenario.down or {})[service]
  if not plan then
    return nil
  end
  local window = self.outages[service]
  if not window then
    local after = plan.after and self.down:between(plan.after[1], plan.after[2])
    local from = after and self.world.now + self.world:duration(after) or 0
    window = { from = from, to = plan.seconds and from + self.world:duration(plan.seconds) or math.huge }
    self.outages[service] = window
  end
  local now = math.max(self.world.now, clock.now())
  if now < window.from or now >= window.to then
    return nil
  end
  return self.down:pick(plan.kinds)
end

--- Whether a service is out of order now.
---@param service string
---@return boolean
function Faults:is_down(service)
  return outage(self, service) ~= nil
end

--- The fault that meets a request, if any. Never more than two in succession for one subject, and one for what writes:
--- a service that never answers is another scenario.
---@param request fairlead.world.Request
---@param service string
---@return fairlead.world.Fault?
function Faults:draw(request, service)
  local scenario = self.world.scenario
  local out = outage(self, service)
  if out then
    return out
  end
  local plan = scenario.faults or scenario.limits
  if not plan then
    return nil
  end
  local key, read = subject(request), is_read(request)
  local hit = self.random:chance(plan.rate)
  local kind = scenario.limits and "limited" or self.random:pick(plan.kinds)
  local row = self.last[key] or 0
  local most = read and 2 or 1
  if not hit or row >= most or (scenario.faults and not read and not plan.writes) then
    self.last[key] = 0
    return nil
  end
  self.last[key] = row + 1
  return kind
end

--- The answers of each service when it refuses for too many requests, or breaks.
--- Sources: GitHub Docs, "Rate limits for the REST API"; botocore data/_retry.json; Slack docs, "Rate limits".
local ANSWERS <const> = {
  github = {
    limited = function(world, random)
      local headers = world.github.limits:headers()
      headers[#headers + 1] = { "retry-after", tostring(random:integer(5, 30)) }
      return message.json(random:chance(0.5) and 403 or 429, {
        message = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
        documentation_url = "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api"
          .. "#about-secondary-rate-limits",
      }, headers)
    end,
    server_error = function()
      return message.json(502, { message = "Server Error" })
    end,
  },
  aws = {
    limited = function(_, random)
      return message.text(400, '{"__type":"ThrottlingException","message":"Rate exceeded"}', {
        { "x-amzn-requestid", random:text(8) .. "-" .. random:text(4) .. "-" .. random:text(12) },
      }, "application/x-amz-json-1.1")
    end,
    server_error = function(_, random)
      return message.text(500, '{"__type":"ServerException","message":"Service encountered an error"}', {
        { "x-amzn-requestid", random:text(8) .. "-" .. random:text(4) .. "-" .. random:text(12) },
      }, "application/x-amz-json-1.1")
    end,
  },
  slack = {
    limited = function(_, random)
      return message.json(429, { ok = false, error = "ratelimited" }, {
        { "retry-after", tostring(random:integer(1, 20)) },
      })
    end,
    server_error = function()
      return message.json(503, { ok = false, error = "service_unavailable" })
    end,
    broken = function(_, random)
      return message.json(200, { ok = false, error = random:pick { "internal_error", "fatal_error" } })
    end,
  },
  sites = {
    limited = function(_, random)
      return message.text(429, "Too Many Requests", { { "retry-after", tostring(random:integer(1, 10)) } })
    end,
    server_error = function()
      return message.text(503, "Service Unavailable")
    end,
  },
}

--- Whether a fault is an answer of the service, as opposed to something that the network does.
---@param service string
---@param fault fairlead.world.Fault?
---@return boolean
function Faults:is_answer(service, fault) -- luacheck: ignore self
  return fault ~= nil and ANSWERS[service][fault] ~= nil
end

--- A service's answer in place of carrying a request out.
---@param service string
---@param fault "limited"|"server_error"|"broken"
---@return fairlead.world.Answer
function Faults:answer(service, fault)
  return ANSWERS[service][fault](self.world, self.random)
end

return M
