--- A session at a terminal: the line editor with its history and completion.
local inputs = require "fairlead.repl.input"

local M = {}

-- The history's file; its folder is made when there is none yet. Without a place for it the session goes on.
local function history_path()
  local folder, problem = try(require "fairlead.journal.folder")
  if not folder then return nil, problem end
  local path <const> = folder .. "/history"
  local known <close> = io.open(path)
  if known then return path end
  local _, denied = try(require "fairlead.journal.native".folder, folder)
  if denied then return nil, denied end
  return path
end

---Takes the terminal for a session.
---@async
---@param session repl.Session
---@return table closing gives the terminal back when it is closed
function M.open(session)
  local path, problem = history_path()
  local editor <const> = require "fairlead.editor".open {
    history = path, on_problem = function(said) session:warn(said) end,
  }
  session.editor, session.output.editor, session.input = editor, editor, inputs.terminal(editor)
  if problem then session:warn("the history is not kept: " .. tostring(problem)) end
  editor:completer(function(line, cursor) -- loaded when it is first asked for: a prompt is there at once
    return require "fairlead.repl.complete".of(session, line, cursor)
  end)
  for _, fn in ipairs(session.editor_hooks) do fn(editor) end
  local terminal <const> = require "fairlead.terminal"
  local before <const> = terminal.use_reader(function() return session:ask "> " end)
  return setmetatable({}, { __close = function()
    terminal.use_reader(before)
    editor:save_history()
    editor:close()
    session.editor, session.output.editor = nil, nil
  end })
end

return M
