--- Smoke tests: what a person would try by hand once a new version is live. A page and a text that must be on it, or a
--- message through a queue and its result.
---
--- Sources: Amazon SQS Developer Guide, "Short and long polling", "Visibility timeout" (what is received and not
--- deleted comes back); API reference, SendMessage, which tells nobody whether a message was sent before.
local clock = require "fairlead.clock"
local contexts = require "release.live.context"
local errors = require "fairlead.errors"
local git = require "fairlead.git"
local http = require "fairlead.http"
local json = require "fairlead.json"
local site_of = require "release.live.site"
local surely = require "release.live.surely"

local M = {}

local LONG_POLL <const> = 10 -- seconds that one look into a queue may take
local SEEN_FOR <const> = 15 -- seconds for which a result that was looked at is hidden from others
local WITHIN <const> = 300 -- seconds until there must be a result, unless the settings say otherwise
local BATCH <const> = 10 -- messages that ReceiveMessage gives at most

local ALL_TRAFFIC <const> = "the new version takes all traffic: mend it, or roll back"

local function fail(target, message, hint, more)
  local err <const> = { kind = "smoke_test.failed", op = "smoke test", target = target, message = message, hint = hint }
  for name, item in pairs(more or {}) do err[name] = item end
  errors.raise(err)
end

-- ---- pages ----

local function try_page(url, contains, hint)
  local response <const> = http.get(url, { timeout = 10 })
  local found <const> = response.body:find(contains, 1, true)
  if response.status == 200 and found then return end
  fail(url, ("answered %d %s %q"):format(response.status, found and "with" or "without", contains), hint, {
    status = response.status,
    retryable = response.status == 429, -- the site asks us to be slower, which says nothing of the version
  })
end

--- A wrong answer fails at once; no answer is asked for again for a while.
local function try_pages(release, tests, name, address, hint)
  local passed = 0
  release.run:wait {
    name = name,
    timeout = release.settings.timeouts.site,
    every = 5,
    check = function()
      while passed < #tests do
        local test <const> = tests[passed + 1]
        try_page(address(test) .. test.path, test.contains, hint)
        passed = passed + 1
      end
      return { pages = passed }
    end,
  }
end

-- ---- queues ----

local function url_of(sqs, queue) return sqs:GetQueueUrl({ QueueName = queue }).QueueUrl end

--- The result of a message among those that wait in a queue. Others are put back at once: they are somebody else's.
local function look_for(sqs, queue, id, deadline)
  local url <const>, found = url_of(sqs, queue), nil
  local received <const> = sqs:ReceiveMessage {
    QueueUrl = url, MaxNumberOfMessages = BATCH, VisibilityTimeout = SEEN_FOR,
    WaitTimeSeconds = math.max(1, math.min(LONG_POLL, math.floor(deadline - clock.now()))),
  }
  for _, message in ipairs(received.Messages or {}) do
    local result <const> = try(json.decode, message.Body)
    if type(result) == "table" and result.id == id and not found then
      found = { result = result, url = url, receipt = message.ReceiptHandle }
    else
      -- One that cannot be put back comes back by itself.
      try(sqs.ChangeMessageVisibility, sqs,
        { QueueUrl = url, ReceiptHandle = message.ReceiptHandle, VisibilityTimeout = 0 })
    end
  end
  return found
end

-- Whether a message was sent by an interrupted attempt: then there is a result, or there will be one.
local function was_sent(sqs, test, id)
  local deadline <const> = clock.now() + (test.within or WITHIN)
  repeat
    local found <const>, err <const> = try(look_for, sqs, test.result.queue, id, deadline)
    if err and not err.retryable then error(err, 0) end
    if found then
      try(sqs.ChangeMessageVisibility, sqs,
        { QueueUrl = found.url, ReceiptHandle = found.receipt, VisibilityTimeout = 0 })
      return true
    end
    clock.sleep(1)
  until clock.now() >= deadline
  return false
end

local function send(release, sqs, test)
  local run <const> = release.run
  return run:step("Send a message to " .. test.queue, {
    intent = { queue = test.queue, message = test.message },
    already = function(begun)
      local id <const> = run:step_id()
      return begun and was_sent(sqs, test, id) and { id = id, sent = begun.began }
    end,
    act = function()
      local id <const>, message = run:step_id(), {}
      for name, item in pairs(test.message) do message[name] = item end
      message.id = id
      local body <const> = json.encode(message, { sort_keys = true })
      local url <const>, began <const> = url_of(sqs, test.queue), clock.now()
      return surely(function()
        sqs:SendMessage { QueueUrl = url, MessageBody = body }
        return { id = id, sent = began }
      end, function() return was_sent(sqs, test, id) and { id = id, sent = began } end, { looks = 1 })
    end,
    pretend = { id = "‹id of the message›", sent = clock.now() },
  })
end

-- The first field of a result that is not as it should be, in words; nothing: all are.
local function what_is_wrong(result, fields)
  local names = {}
  for name in pairs(fields or {}) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    if result[name] ~= fields[name] then
      return ("%s is %s, not %s"):format(name, tostring(result[name]), tostring(fields[name]))
    end
  end
end

local function try_queue(release, environment, test, sha)
  local sqs <const> = contexts.clients(release, environment).sqs
  local field <const> = test.result.version or environment.version and environment.version.field or "version"
  local sent <const> = send(release, sqs, test)
  local deadline <const> = clock.now() + (test.within or WITHIN)
  local answered <const> = release.run:wait {
    name = "Result in " .. test.result.queue,
    timeout = test.within or WITHIN,
    every = 5,
    pretend = { version = "" },
    check = function()
      local found <const> = look_for(sqs, test.result.queue, sent.id, deadline)
      if not found then return nil, ("no result of message %s yet"):format(sent.id:sub(1, 8)) end
      local told <const> = found.result[field]
      return { url = found.url, receipt = found.receipt, version = told ~= nil and tostring(told) or "",
        wrong = what_is_wrong(found.result, test.result.fields) }
    end,
  }
  release.run:step("Take the result from " .. test.result.queue, {
    intent = { queue = test.result.queue, id = sent.id },
    repeatable = true, -- what is gone is gone
    act = function()
      sqs:DeleteMessage { QueueUrl = answered.url, ReceiptHandle = answered.receipt }
      return { id = sent.id }
    end,
  })
  if answered.wrong then fail(test.queue, "the result's " .. answered.wrong, ALL_TRAFFIC) end
  if sha and answered.version ~= "" and not git.is_abbreviation(answered.version, sha) then
    fail(test.queue, ("the result comes from version %s, not %s"):format(answered.version, contexts.short(sha)),
      "does a worker of the old version still run?")
  end
end

-- ---- all of it ----

---Tries what is live in an environment.
---@async
---@param release Release
---@param environment table of settings.lua
---@param sha string? the commit that is live there; nil: it is not known
---@return { pages: integer, messages: integer } passed how many tests of each kind
---errors: kind "smoke_test.failed"
function M.run(release, environment, sha)
  local pages <const>, messages <const> = {}, {}
  for _, test in ipairs(environment.smoke_test or {}) do
    local list <const> = test.queue and messages or pages
    list[#list + 1] = test
  end
  if #pages > 0 then
    try_pages(release, pages, "Smoke test", function(test)
      return site_of.address(release, test.site or environment.site)
    end, ALL_TRAFFIC)
  end
  for _, test in ipairs(messages) do try_queue(release, environment, test, sha) end
  return { pages = #pages, messages = #messages }
end

---Tries a new version before it takes any traffic, at the address of the test traffic.
---@async
---@param release Release
---@param environment table of settings.lua
---@param url string address of the test traffic
---errors: kind "smoke_test.failed"
function M.before_traffic(release, environment, url)
  local pages <const> = {}
  for _, test in ipairs(environment.smoke_test or {}) do
    if test.path and not test.site then pages[#pages + 1] = test end
  end
  if #pages == 0 then return end
  try_pages(release, pages, "Smoke test of the test traffic", function() return site_of.address(release, url) end,
    "it takes no traffic yet, and is rolled back")
end

return M
