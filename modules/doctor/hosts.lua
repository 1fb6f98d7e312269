--- The hosts that requests go to: whether they answer at all, and what their clocks say.
---
--- A host is asked without credentials for nothing in particular; any answer of it will do, a refusal too.
local address = require "fairlead.service.address"
local answer = require "fairlead.service.answer"
local clock = require "fairlead.clock"
local http = require "fairlead.http"
local list = require "fairlead.doctor.list"

local M = {}

-- "Troubleshooting Signature Version 4 errors": AWS refuses a signature whose time is five minutes off, or more.
local TOO_FAR <const> = 300 -- seconds
local CONNECT <const> = 5 -- seconds for name, connection and TLS
local ANSWER <const> = 9

local ADVICE <const> = {
  ["http.resolve"] = "is there a network, and a name server? Is the address right?",
  ["http.connect"] = "is there a network? Does the way out need HTTPS_PROXY?",
  ["http.timeout"] = "is there a network? Does the way out need HTTPS_PROXY?",
}

---@param checks doctor.List
---@return table hosts with `need(url, application)` -> check, and `clock()`
function M.new(checks)
  local self = { skews = {} }

  ---The check of the host that an address belongs to; nil for what is no address, which is another check's business.
  function self.need(url, application)
    local origin <const> = address.origin(url)
    if not origin then return nil end
    local name <const> = origin:gsub("^https://(.*):443$", "%1")
    local check = checks:add("Network", name, { application = application }, function()
      local began <const> = clock.now()
      local response, err = try(http.request, {
        url = origin:gsub(":443$", "") .. "/", headers = { ["User-Agent"] = "fairlead" }, retry = false, follow = false,
        timeout = ANSWER, connect_timeout = CONNECT,
      })
      if err then
        local finding <const> = list.bad(err.message, err.hint or ADVICE[err.kind])
        finding.error = err
        return finding
      end
      local ended <const> = clock.now()
      local theirs <const> = answer.http_date(response.headers.date)
      -- The date is a whole second, somewhere between question and answer.
      self.skews[name] = theirs and theirs + 0.5 - (began + ended) / 2
      if response.status >= 500 then
        return list.bad(("answers %d"):format(response.status), "the service is out of order; try again later")
      end
      return list.ok(("answers within %.1f s"):format(ended - began))
    end)
    self.hosts = self.hosts or {}
    self.hosts[name] = check
    return check
  end

  ---A check of this machine's clock against those of all hosts: added last.
  function self.clock()
    local names, all = {}, {}
    for name in pairs(self.hosts or {}) do names[#names + 1] = name end
    table.sort(names)
    checks:add("Network", "clock", {}, function()
      for _, name in ipairs(names) do self.hosts[name].done:wait() end
      for _, name in ipairs(names) do all[#all + 1] = self.skews[name] end
      if #all == 0 then return list.unknown "no host has told the time" end
      table.sort(all, function(a, b) return math.abs(a) < math.abs(b) end)
      -- One host may be wrong; most of them are not.
      local skew <const> = all[#all // 2 + 1]
      local seconds <const> = math.floor(math.abs(skew) + 0.5)
      if seconds <= 1 then return list.ok(("right, by %d host%s"):format(#all, #all == 1 and "" or "s")) end
      local text <const> = ("is %d s %s"):format(seconds, skew > 0 and "slow" or "fast")
      if seconds < TOO_FAR then return list.ok(text) end
      return list.bad(text .. ", so that AWS refuses signatures", "set it right: timedatectl set-ntp true")
    end)
  end

  return self
end

return M
