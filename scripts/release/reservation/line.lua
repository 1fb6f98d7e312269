--- The rules of a reservation: who has an environment, who comes next, and what each may do. Plain data in, plain data
--- out; nothing here asks anybody, or writes.
local M = {}

local SIGN <const> = 120 -- seconds after which who waits gives another sign of life
local GONE <const> = 300 -- seconds without one after which a place in the line is lost

M.SIGN = SIGN
M.NUDGE = 600 -- seconds before the end at which a holder is told
M.EXTENSION = 1800 -- seconds that a run adds by itself while it deploys

local function last(reservation, what, who, why, now)
  reservation.last = { what = what, login = who.login, why = why, at = now }
end

---Whether the environment is this claim's already: its run has it, or its person has reserved it by hand.
---@param holder table|nil
---@param claim table
---@return boolean
function M.is_mine(holder, claim)
  if not holder then return false end
  if holder.run then return holder.run == claim.run end
  return holder.by_hand == true and holder.login == claim.login
end

---Forgets who was in line and gives no sign of life.
---@param reservation Reservation
---@param now number
---@param run string? whose own place stays
---@return boolean changed
function M.forget_gone(reservation, now, run)
  local staying = {}
  for _, waiter in ipairs(reservation.queue) do
    if waiter.run == run or now - waiter.seen <= GONE then staying[#staying + 1] = waiter end
  end
  local changed <const> = #staying < #reservation.queue
  reservation.queue = staying
  return changed
end

---@param reservation Reservation
---@param run string
---@return integer|nil place in order of arrival
---@return table|nil waiter
function M.find(reservation, run)
  for i, waiter in ipairs(reservation.queue) do
    if waiter.run == run then return i, waiter end
  end
end

---Takes a place at the end of the line, or gives a sign of life at the one that it has.
---@param reservation Reservation
---@param claim table
---@param now number
---@return "joined"|"seen"|nil what nil: nothing has to be written
function M.join(reservation, claim, now)
  local _, waiter <const> = M.find(reservation, claim.run)
  if waiter then
    if now - waiter.seen < SIGN then return nil end
    waiter.seen = now
    return "seen"
  end
  table.insert(reservation.queue, {
    login = claim.login, slack = claim.slack, run = claim.run, kind = claim.kind, pull_request = claim.pull_request,
    commit = claim.commit, why = claim.why, since = now, seen = now, seconds = claim.seconds,
  })
  last(reservation, "queued", claim, claim.why, now)
  return "joined"
end

---@param reservation Reservation
---@param run string
---@return boolean changed
function M.leave(reservation, run)
  local place <const> = M.find(reservation, run)
  if place then table.remove(reservation.queue, place) end
  return place ~= nil
end

---The line in the order in which it is served: by arrival. Of those who bring commits of main an older commit comes
---first, whoever arrived first: after a newer one it could not be brought at all.
---@param queue table[]
---@param is_older async fun(a: string, b: string): boolean whether commit a is an ancestor of commit b
---@return table[]
function M.in_order(queue, is_older)
  local places, deploys = {}, {}
  for i, waiter in ipairs(queue) do
    if waiter.kind == "deploy" and waiter.commit then
      places[#places + 1] = i
      -- Before the first that is newer; the others keep their order.
      local at = #deploys + 1
      for j = #deploys, 1, -1 do
        if waiter.commit ~= deploys[j].commit and is_older(waiter.commit, deploys[j].commit) then at = j end
      end
      table.insert(deploys, at, waiter)
    end
  end
  local ordered = table.move(queue, 1, #queue, 1, {})
  for i, place in ipairs(places) do ordered[place] = deploys[i] end
  return ordered
end

---Gives the environment to a claim.
---@param reservation Reservation
---@param claim table
---@param now number
---@return table|nil former who had it
function M.take(reservation, claim, now)
  local former <const> = reservation.holder
  M.leave(reservation, claim.run)
  reservation.holder = {
    login = claim.login, slack = claim.slack, kind = claim.kind, run = not claim.by_hand and claim.run or nil,
    by_hand = claim.by_hand, deploying = claim.deploying, pull_request = claim.pull_request, commit = claim.commit,
    why = claim.why, since = now, ["until"] = now + claim.seconds, thread = claim.thread,
  }
  last(reservation, former and "taken-over" or "taken", claim, claim.why, now)
  return former
end

---Goes on with what is this claim's already: a run that was interrupted, or one whose person had reserved it.
---@param reservation Reservation
---@param claim table
---@param now number
---@return boolean changed
function M.enter(reservation, claim, now)
  local holder <const> = reservation.holder
  M.leave(reservation, claim.run)
  local same <const> = holder.run == (not claim.by_hand and claim.run or nil)
  if same and not claim.by_hand and holder["until"] - now > M.NUDGE then return false end
  holder.run, holder.deploying = not claim.by_hand and claim.run or nil, claim.deploying
  holder.kind, holder.commit = claim.kind, claim.commit
  holder.pull_request, holder.thread = claim.pull_request or holder.pull_request, claim.thread or holder.thread
  if claim.by_hand then holder.why = claim.why end
  holder["until"], holder.nudged = math.max(holder["until"], now + claim.seconds), nil
  last(reservation, "entered", claim, claim.why, now)
  return true
end

---A run gives it back. A person who had reserved it has it again, for as long as they said.
---@param reservation Reservation
---@param claim {run: string, login: string}
---@param now number
---@param why string?
---@return boolean changed
function M.give_back(reservation, claim, now, why)
  local holder <const> = reservation.holder
  if not M.is_mine(holder, claim) then return M.leave(reservation, claim.run) end
  if holder.by_hand and holder.run then
    holder.run, holder.deploying, holder.kind = nil, nil, "try"
  else
    reservation.holder = nil
  end
  last(reservation, "given-back", claim, why, now)
  return true
end

---It stays this claim's until then, for people to try what came.
---@param reservation Reservation
---@param claim table
---@param now number
---@param seconds number
---@return boolean changed
function M.keep(reservation, claim, now, seconds)
  local holder <const> = reservation.holder
  if not M.is_mine(holder, claim) then return false end
  holder.deploying, holder.nudged, holder["until"] = nil, nil, math.max(now + seconds, holder.by_hand
    and holder["until"] or 0)
  last(reservation, "kept", claim, holder.why, now)
  return true
end

---So many seconds more, from now or from its end, whichever is later.
---@param reservation Reservation
---@param who table
---@param now number
---@param seconds number
function M.extend(reservation, who, now, seconds)
  local holder <const> = reservation.holder
  holder["until"], holder.nudged = math.max(holder["until"], now) + seconds, nil
  last(reservation, "extended", who, nil, now)
end

---Somebody else's from now on, until the same time.
---@param reservation Reservation
---@param who table
---@param to {login: string, slack: string?}
---@param now number
---@param why string?
function M.hand_over(reservation, who, to, now, why)
  local holder <const> = reservation.holder
  holder.login, holder.slack, holder.by_hand, holder.run, holder.nudged = to.login, to.slack, true, nil, nil
  holder.why, holder.since = why or holder.why, now
  last(reservation, "handed-over", who, why, now)
end

---Takes it away.
---@param reservation Reservation
---@param who table
---@param now number
---@param why string
---@return table|nil former
function M.steal(reservation, who, now, why)
  local former <const> = reservation.holder
  reservation.holder = nil
  last(reservation, "stolen", who, why, now)
  return former
end

---Nobody deploys there any more, until somebody frees it.
---@param reservation Reservation
---@param who table
---@param now number
---@param why string
function M.hold(reservation, who, now, why)
  reservation.hold = { login = who.login, slack = who.slack, why = why, since = now, run = who.run }
  last(reservation, "held", who, why, now)
end

---@param reservation Reservation
---@param who table
---@param now number
---@param why string
function M.free(reservation, who, now, why)
  reservation.hold = nil
  last(reservation, "freed", who, why, now)
end

---Why somebody who comes first in line may take it now; nil: they may not.
---@param holder table|nil
---@param now number
---@param closed async fun(number: integer): string|nil "closed" or "merged"
---@return string|nil why
function M.vacancy(holder, now, closed)
  if not holder then return "it was free" end
  if holder["until"] <= now then return "its time was over" end
  if holder.deploying or holder.kind ~= "try" or not holder.pull_request then return nil end
  local how <const> = closed(holder.pull_request)
  return how and ("pull request #%d was %s"):format(holder.pull_request, how)
end

return M
