--- Scripts with an editor, on a terminal of their own.
local program = require "spec.support.program"
local sessions = require "spec.support.terminal_session"

local M = {}

-- What every script begins with: an editor, and a loop that says what each read gave.
local PRELUDE <const> = [[
  local clock, editor, task = require "fairlead.clock", require "fairlead.editor", require "fairlead.task"
  local e <close> = editor.open { history = arg[1], on_problem = function(text) print("problem: " .. text) end }
  local function say(kind, text) e:print(("<%s %s>"):format(kind, tostring(text):gsub("\n", "|"))) end
  local function all(prompt)
    while true do
      local kind, text = e:read(prompt or "> ", { continuation = ".. " })
      say(kind, text)
      if kind == "end" then return end
      if kind == "line" then e:add_history(text) end
    end
  end
  local _ = clock, task, all
]]

--- Writes such a script into a folder (program.folder); gives its path.
function M.script(folder, script) return folder:write("script.lua", PRELUDE .. script) end

--- Starts one, on a terminal of 40 by 10, or what `options` say: columns, rows, env, history (path), before (words that
--- start it).
function M.start(folder, script, options)
  local call = { columns = 40, rows = 10 }
  for key, value in pairs(options or {}) do call[key] = value end
  for _, word in ipairs(call.before or {}) do call[#call + 1] = word end
  table.move({ program.path, M.script(folder, script), call.history }, 1, 3, #call + 1, call)
  return sessions.start(call)
end

return M
