--- Keeps a client within GitHub's limits: writes one at a time and a second apart, and silence for as long as GitHub
--- asks once a limit is reached. Every wait has a deadline.
---
--- Sources: docs.github.com "Best practices for using the REST API" (serial requests, a second between writes, what
--- Retry-After asks for) and "Rate limits for the REST API"; octokit's plugin-throttling.js for the second after a
--- reset and the words that tell a secondary limit.
local answer = require "fairlead.service.answer"
local clock = require "fairlead.clock"
local errors = require "fairlead.errors"
local task = require "fairlead.task"

local WRITE_GAP <const> = 1 -- seconds between two writes
local RESET_MARGIN <const> = 1 -- seconds after a primary limit's reset, as clocks differ
local LONGEST <const> = 900 -- seconds to which waits grow; longer only when GitHub says so
local SECONDARY_WAIT <const> = 60 -- seconds, when a secondary limit does not say for how long

---@class fairlead.github.Governor
---@field private silent_until number unix seconds
---@field private limit string? the limit that asked for silence
---@field private next_write number unix seconds
---@field private writing boolean
---@field private free table set when a write has ended
---@field private secondary integer refusals without a success between them
local Governor = {}
Governor.__index = Governor

---@return fairlead.github.Governor
function Governor.new()
  return setmetatable({ silent_until = 0, next_write = 0, writing = false, free = task.event(), secondary = 0 },
    Governor)
end

local function too_long(self, about, at, deadline)
  errors.raise {
    kind = "github.api.rate_limited", op = about.op, target = about.target, status = about.status,
    request_id = about.request_id, retryable = true,
    message = ("%s reached; GitHub wants no request for another %d s"):format(self.limit or "a rate limit",
      math.ceil(at - clock.now())),
    hint = ("that is %d s longer than this call may take; try again later, or give the client a longer timeout"):format(
      math.ceil(at - deadline)),
  }
end

--- Waits until a request may be sent.
---@param write boolean
---@param deadline number unix seconds
---@param about {op: string, target: string}
---@return table held to be closed (`local held <close> = …`) when the answer is there
function Governor:admit(write, deadline, about)
  if write then
    while self.writing do
      self.free:clear()
      self.free:wait()
    end
    self.writing = true
  end
  local admitted = false
  local function release()
    if write then
      self.writing = false
      self.next_write = clock.now() + WRITE_GAP
      self.free:set()
    end
  end
  -- A wait that is cut short must let the next writer in.
  local undo <close> = setmetatable({}, { -- luacheck: ignore undo
    __close = function()
      if not admitted then
        release()
      end
    end,
  })
  while true do
    local at = math.max(self.silent_until, write and self.next_write or 0)
    if at <= clock.now() then
      break
    end
    if at > deadline then
      too_long(self, about, at, deadline)
    end
    clock.sleep(at - clock.now())
  end
  admitted = true
  return setmetatable({}, { __close = release })
end

--- The primary limit is used up, and an answer has said until when: GraphQL's comes with status 200.
---@param response table
function Governor:exhausted(response)
  local now <const> = clock.now()
  local reset <const> = answer.seconds(response.headers["x-ratelimit-reset"]) or now + SECONDARY_WAIT
  self.limit = "the rate limit of GraphQL"
  self.silent_until = math.max(self.silent_until, now + 1, reset + RESET_MARGIN)
end

--- What an answer says about limits. When it is a refusal for a limit's sake, remembers until when to be silent.
---@param response table an answer of `http.request`
---@return boolean limited the request was refused, not carried out, and may be sent again
function Governor:observe(response)
  local status <const> = response.status
  if status ~= 403 and status ~= 429 then
    if status < 400 then
      self.secondary = 0
    end
    return false
  end
  local headers <const> = response.headers
  local retry_after = answer.seconds(headers["retry-after"])
  local text <const> = (response.body or ""):lower()
  local secondary <const> = text:find("secondary rate", 1, true) or text:find("abuse detection", 1, true)
  local now <const> = clock.now()
  -- Waits double when what was sent after one is refused again ("Best practices": an exponentially increasing amount of
  -- time); requests that were under way together count once.
  local refused <const> = self.secondary + (now >= self.silent_until and 1 or 0)
  local longer <const> = 2 ^ math.max(refused - 1, 0)
  local wait
  if retry_after then
    self.limit = "a secondary rate limit"
    wait = math.max(retry_after, math.min(math.max(retry_after, 1) * longer, LONGEST))
  elseif headers["x-ratelimit-remaining"] == "0" and not secondary then
    self.limit = ("the rate limit of %s requests an hour"):format(
      answer.seconds(headers["x-ratelimit-limit"]) and headers["x-ratelimit-limit"] or "so many")
    wait = math.max((answer.seconds(headers["x-ratelimit-reset"]) or now + SECONDARY_WAIT) + RESET_MARGIN - now, 1)
  elseif secondary or status == 429 then
    self.limit = "a secondary rate limit"
    wait = math.min(SECONDARY_WAIT * longer, LONGEST)
  else
    return false -- 403 for another reason: a permission
  end
  self.secondary = refused
  self.silent_until = math.max(self.silent_until, now + wait)
  return true
end

return Governor
