--- What will happen in the simulated world, in order of time; of two events at one time the one scheduled first.
---
--- Nothing runs in the background: `settle(now)` runs what is due, each event at its own time, and what those events
--- schedule in turn when that is due too. An event may wait (it may run git).
local M = {}

---@class fairlead.world.Timeline
---@field now number unix seconds: the time of the event that runs, else the time last settled to
---@field private heap table[]
---@field private count integer events scheduled so far
local Timeline = {}
Timeline.__index = Timeline

---@param start number unix seconds
---@return fairlead.world.Timeline
function M.new(start)
  return setmetatable({ now = start, heap = {}, count = 0 }, Timeline)
end

local function before(a, b)
  if a.at ~= b.at then
    return a.at < b.at
  end
  return a.order < b.order
end

local function push(heap, event)
  local i = #heap + 1
  heap[i] = event
  while i > 1 do
    local parent = i // 2
    if not before(heap[i], heap[parent]) then
      return
    end
    heap[i], heap[parent] = heap[parent], heap[i]
    i = parent
  end
end

local function pop(heap)
  local top, last = heap[1], table.remove(heap)
  if #heap > 0 then
    heap[1] = last
    local i, n = 1, #heap
    while true do
      local least, left, right = i, 2 * i, 2 * i + 1
      if left <= n and before(heap[left], heap[least]) then
        least = left
      end
      if right <= n and before(heap[right], heap[least]) then
        least = right
      end
      if least == i then
        break
      end
      heap[i], heap[least] = heap[least], heap[i]
      i = least
    end
  end
  return top
end

--- Schedules `fn(timeline.now)` for a time; a time that has passed means now.
---@param time number unix seconds
---@param fn fun(now: number)
---@return table event with `cancelled`, which may be set to true
function Timeline:at(time, fn)
  self.count = self.count + 1
  local event = { at = math.max(time, self.now), order = self.count, fn = fn, cancelled = false }
  push(self.heap, event)
  return event
end

--- The time of the next event, or nil.
---@return number?
function Timeline:next()
  local heap = self.heap
  while heap[1] and heap[1].cancelled do
    pop(heap)
  end
  return heap[1] and heap[1].at
end

--- Runs everything that is due at `now`. Time never goes back: a `now` before the last one settles nothing.
---@async
---@param now number unix seconds
function Timeline:settle(now)
  local due = self:next()
  while due and due <= now do
    local event = pop(self.heap)
    self.now = event.at
    event.fn(event.at)
    due = self:next()
  end
  self.now = math.max(self.now, now)
end

return M
