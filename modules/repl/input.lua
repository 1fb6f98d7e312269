--- Where lines come from: a terminal by way of the editor, or a pipe or a file. Both read until a chunk is whole.
local evaluate = require "fairlead.repl.evaluate"

local M = {}

local CONTINUATION <const> = "   .. "
local LONGEST <const> = 65536 -- what terminal.read_line gives of a longer line is as long as this

---@class repl.Input
---@field read async fun(self: repl.Input, prompt: string): string, string|nil "line", "paste", "interrupt" or "end"
---@field editor Editor|nil
---@field pasted string[]|nil lines of a block that were not read yet

local function read_whole_line()
  local read_line <const> = require "fairlead.terminal".read_line
  local line = read_line()
  local parts = { line }
  while line and #line == LONGEST do
    line = read_line()
    parts[#parts + 1] = line
  end
  return parts[1] and table.concat(parts)
end

---Lines of standard input, which is no terminal.
---@return repl.Input
function M.pipe()
  return {
    read = function()
      local line <const> = read_whole_line()
      if not line then return "end" end
      return "line", line
    end,
  }
end

---What is typed at a terminal.
---@param editor Editor
---@return repl.Input
function M.terminal(editor)
  return {
    editor = editor,
    read = function(_, prompt) return editor:read(prompt, { continuation = CONTINUATION }) end,
  }
end

---Whether a text is a command: those are one line each.
---@param text string
---@return boolean
function M.is_command(text)
  return text:find "^%s*[:?]" ~= nil
end

---A line without the ` &` that has it run in the background.
---@param text string
---@return string text
---@return boolean background
function M.background(text)
  local rest <const> = text:match "^(.-%S)%s+&%s*$"
  if rest then return rest, true end
  return text, false
end

local function is_whole(text)
  return M.is_command(text) or not evaluate.is_unfinished((M.background(text)))
end

-- A pasted block is one chunk, unless commands are among its lines. What looks like one may be a method's call that
-- stands on a line of its own, but then the whole is Lua.
local function split(text)
  if not ("\n" .. text):find "\n%s*:%l" or evaluate.compile(text, "=", {}) then return { text } end
  local list = {}
  for line in (text .. "\n"):gmatch "([^\n]*)\n" do list[#list + 1] = line end
  return list
end

local function next_line(input, prompt)
  local waiting <const> = input.pasted
  if waiting and waiting[1] then return "line", table.remove(waiting, 1) end
  local kind, text = input:read(prompt)
  if kind ~= "paste" then return kind, text end
  input.pasted = split(text)
  return "line", table.remove(input.pasted, 1)
end

---Reads one chunk: a command, or Lua that is whole. At the end of the input it may not be.
---@async
---@param input repl.Input
---@param prompt string
---@return string kind "text", "interrupt" or "end"
---@return string|nil text
function M.read(input, prompt)
  local kind, text = next_line(input, prompt)
  if kind == "interrupt" or kind == "end" then return kind end
  while not is_whole(text) do
    input.unfinished = text
    local more_kind, more = next_line(input, CONTINUATION)
    input.unfinished = nil
    if more_kind == "interrupt" then return "interrupt" end
    if more_kind == "end" then break end
    text = text .. "\n" .. more
  end
  return "text", text
end

return M
