--- Reservations in words: for the terminal, for Slack, for the log of the record.
local duration = require "fairlead.procedure.duration"

local M = {}

---A moment as everybody understands it, wherever they sit.
---@param time number unix seconds
---@param now number
---@return string "10:30 UTC", "Tue 3 Mar 10:30 UTC"
function M.moment(time, now)
  time, now = math.floor(time), math.floor(now)
  local same_day <const> = time // 86400 == now // 86400
  return (os.date(same_day and "!%H:%M UTC" or "!%a %d %b %H:%M UTC", time):gsub(" 0(%d) ", " %1 "))
end

local function about(who)
  local parts = {}
  if who.pull_request then parts[#parts + 1] = ("#%d"):format(who.pull_request) end
  if who.commit then parts[#parts + 1] = (#parts > 0 and "(%s)" or "%s"):format(who.commit:sub(1, 8)) end
  return #parts > 0 and " for " .. table.concat(parts, " ") or ""
end

---Who has it, in one line.
---@param holder table
---@param now number
---@return string
function M.holder(holder, now)
  local over <const> = holder["until"] <= now
  return ("%s has it%s, since %s, %s %s: %s%s"):format(holder.login, about(holder), M.moment(holder.since, now),
    over and "was to end at" or "until", M.moment(holder["until"], now), holder.why,
    holder.run and (" (run %s)"):format(holder.run) or "")
end

---@param hold table
---@param now number
---@return string
function M.hold(hold, now)
  return ("held by %s since %s: %s"):format(hold.login, M.moment(hold.since, now), hold.why)
end

---@param waiter table
---@param now number
---@return string
function M.waiter(waiter, now)
  return ("%s%s, since %s: %s"):format(waiter.login, about(waiter), M.moment(waiter.since, now), waiter.why)
end

---All of a reservation, line by line.
---@param reservation Reservation
---@param now number
---@return string[]
function M.lines(reservation, now)
  local lines = {}
  if reservation.hold then lines[1] = M.hold(reservation.hold, now) end
  lines[#lines + 1] = reservation.holder and M.holder(reservation.holder, now) or "nobody has it"
  for i, waiter in ipairs(reservation.queue) do
    lines[#lines + 1] = ("%d. in line: %s"):format(i, M.waiter(waiter, now))
  end
  return lines
end

---How it stands for one who waits: a note of a wait.
---@param reservation Reservation
---@param before integer how many come first
---@param now number
---@return table note
function M.waiting(reservation, before, now)
  local holder <const> = reservation.holder
  local text = holder and M.holder(holder, now) or "it is free, and others come first"
  if before > 0 then text = ("%s; %d before this run"):format(text, before) end
  return { text = text, expected = before == 0 and holder and holder["until"] > now and holder["until"] or nil }
end

---@param seconds number
---@return string
function M.span(seconds) return duration.text(seconds) end

return M
