--- Which line of the REPL, or what else, the running task works for. A task works for what it was told itself or, where
--- it was told nothing, for what the task around it works for. Unlike task.context this holds within a script's own
--- coroutines, and a procedure that runs in a line leaves it alone.
local task = require "fairlead.task"

local M = {}

---@class repl.Mark what a tree of tasks works for
---@field name string "line 3", "run 20260302-090000-215603": for lists and questions
---@field line integer? a line that somebody typed: its number
---@field text string? the line
---@field allowed boolean? its writes are guarded by something else: a procedure's confirmation and journal
---@field all boolean? "all" was answered: the line's further writes are not asked for

---@type table<Task, repl.Mark[]>
local marks = setmetatable({}, { __mode = "k" })

---Calls `fn(...)` in the running task, which works for `mark` meanwhile, and so do the tasks that it starts.
---@async
---@param mark repl.Mark
---@param fn async fun(...): ...
---@return any ... its results
function M.within(mark, fn, ...)
  local mine <const> = (task.lineage())
  local list <const> = marks[mine] or {}
  marks[mine] = list
  list[#list + 1] = mark
  -- Its own entry is taken out, not the last one: two coroutines of one task may end in another order than they began.
  local _ <close> = setmetatable({}, { __close = function()
    for i = #list, 1, -1 do
      if rawequal(list[i], mark) then
        table.remove(list, i)
        break
      end
    end
  end })
  return (function(...) return ... end)(fn(...)) -- no tail call: the closer comes after it
end

---What the running task works for.
---@return repl.Mark|nil mark nil: nobody has said
function M.nearest()
  for _, one in ipairs { task.lineage() } do
    local list <const> = marks[one]
    if list and list[1] then return list[#list] end
  end
  return nil
end

---A part of the REPL: each line's task works for that line.
---@param session repl.Session
function M.open(session)
  session:on_line(function(line, body)
    return M.within({ name = ("line %d"):format(line.number), line = line.number, text = line.text }, body)
  end)
end

return M
