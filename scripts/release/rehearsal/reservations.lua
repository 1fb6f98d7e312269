--- Reservations that others have when a rehearsal's world begins (scenario dev-taken), written as
--- release/reservation/record.lua writes them. They are given back after a while; whoever got in line meanwhile stays.
local json = require "fairlead.json"
local record = require "release.reservation.record"

local M = {}

local BEFORE <const>, AFTER <const> = 1800, 600 -- seconds: held so long already, and promised so much longer than used

local function message(line, reservation)
  return line .. "\n\n" .. json.encode(record.plain(reservation), { sort_keys = true })
end

---@class release.rehearsal.Reservation
---@field environment string
---@field by string login on GitHub
---@field slack string? their id in Slack
---@field reason string
---@field pull_request integer?
---@field seconds number after which they give it back

---What the fixture says in `held`.
---@param list release.rehearsal.Reservation[]
---@param key string of the application
---@return table[]
function M.held(list, key)
  local held = {}
  for i, one in ipairs(list) do
    held[i] = {
      ref = ("%s/%s"):format(record.prefix(key), one.environment),
      by = one.by,
      seconds = one.seconds,
      message = function(now, till)
        return message(("%s has %s: %s"):format(one.by, one.environment, one.reason), {
          environment = one.environment,
          holder = {
            login = one.by, slack = one.slack, kind = "try", by_hand = true, pull_request = one.pull_request,
            why = one.reason, since = now - BEFORE, ["until"] = till + AFTER,
          },
          queue = {},
          last = { what = "taken", login = one.by, why = one.reason, at = now - BEFORE },
        })
      end,
      given_back = function(text, now)
        local reservation = record.read(one.environment, json.decode(text:match "\n({.*)$" or text), key)
        local holder <const> = reservation.holder
        if holder and holder.login == one.by and not holder.run then reservation.holder = nil end
        reservation.last = { what = "given-back", login = one.by, why = one.reason, at = now }
        return message(("%s gives %s back"):format(one.by, one.environment), reservation)
      end,
    }
  end
  return held
end

return M
