--- Lines that somebody types at a prompt on a terminal: editing with emacs's or vi's keys, history, search, completion,
--- pasted blocks, and other tasks' output above the prompt.
---
--- libedit reads the keys in a thread of its own, so that nothing that is typed, or half typed, stops the loop. While a
--- prompt is open Ctrl-C still is a signal; between prompts the terminal is in its usual mode. The file ~/.editrc is
--- read as by other programs that use libedit.
---
--- The terminal is given back when the editor is closed, collected, or its script is interrupted. A program that is
--- killed outright (kill -9, a third Ctrl-C) cannot do that: the keys are not seen then, and `stty sane` mends it; most
--- shells do so by themselves.
local completion = require "fairlead.editor.completion"
local histories = require "fairlead.editor.history"
local native = require "fairlead.editor.native"
local terminal = require "fairlead.terminal"

local M = {}

---@class EditorOptions
---@field history string? a file that keeps what was entered (mode 0600); nil: only in memory
---@field on_problem fun(text: string)? is told, in one line, that the history could not be read or written

---@class EditorCandidate
---@field text string what comes in the place of the text that is completed
---@field shown string? how a list shows it; nil: text
---@field after string? comes behind it, when it is the only one

---@class Editor
---@field package native editor.Editor
---@field package past EditorHistory
---@field package complete (fun(line: string, cursor: integer): integer, EditorCandidate[])?
---@field package asked string? cursor and line after a completion that had several candidates
local Editor = {}
Editor.__index = Editor

---Takes the terminal. There is one editor at a time; close it, or have it closed by `<close>`.
---@param options? EditorOptions
---@return Editor
---errors: kinds "editor.no_terminal" (standard input or output is none), "editor.busy", "editor.failed"
function M.open(options)
  options = options or {}
  local self = setmetatable({ native = native.open() }, Editor)
  self.past = histories.open(options.history, options.on_problem)
  for _, text in ipairs(self.past.entries) do self.native:remember(text) end
  return self
end

-- What the completer says to a line. A completer that fails completes nothing; the line is more important.
local function complete(self, line, cursor)
  if not self.complete then return 0, "\t" end
  local done, start, candidates = pcall(self.complete, line, cursor)
  if not done or not start then return 0, "" end
  local plan = completion.plan(line, cursor, start, candidates or {})
  if plan.list and self.asked == cursor .. ":" .. line then self:print(completion.columns(plan.list, self:size())) end
  self.asked = plan.list and plan.place or nil
  return plan.remove, plan.insert
end

local function read(self, prompt, continuation, plain)
  self.asked = nil
  local kind, text, cursor = self.native:read(prompt, continuation, plain)
  -- Cancelled, say, in the completer: nobody will answer the prompt that is still open.
  local open <close> = setmetatable({}, { __close = function(guard)
    if not guard.ended then pcall(self.native.interrupt, self.native) end
  end })
  while kind == "complete" do
    kind, text, cursor = self.native:answer(complete(self, text, cursor))
  end
  open.ended = true
  return kind, text
end

---Reads one line.
---@async
---@param prompt string one line; may hold colours (escape sequences)
---@param options? { continuation: string? } stands in front of the further lines of a pasted block
---@return "line"|"paste"|"interrupt"|"end" kind "paste": several lines at once, with what was typed before them; "end":
--- Ctrl-D on an empty line, or the editor was closed
---@return string? text of "line" and "paste"; a line that was recalled from the history may hold several
function Editor:read(prompt, options)
  return read(self, prompt, options and options.continuation or "", false)
end

---Asks for one line, which the history does not keep. Of several pasted lines it takes the first.
---@async
---@param question string
---@return string? answer nil: interrupted, or the end of the input
function Editor:ask(question)
  local _, text = read(self, question, "", true)
  return text and text:match "^[^\n]*"
end

---Writes lines above the prompt, or plainly to standard output where no prompt is open. Never waits for the terminal
---while one is open. The text is written as it is: whoever prints what others wrote cleans it first.
---@param text string
function Editor:print(text)
  if self.native:print(text) then return end
  io.stdout:write(text, text:sub(-1) == "\n" and "" or "\n")
  io.stdout:flush()
end

---Ends an open read: it gives "interrupt". Does nothing when none is open.
function Editor:interrupt()
  self.native:interrupt()
end

---Sets what Tab does. The function is called in the task that reads, with the line and the number of bytes before the
---cursor; it may wait. It gives the position of the first byte of what it completes, which ends at the cursor, and the
---candidates for its place.
---@param fn (fun(line: string, cursor: integer): integer?, EditorCandidate[]?)?
function Editor:completer(fn)
  self.complete = fn
end

---Makes a text the newest of the history: up, Ctrl-P and the search find it from the next read on. The same text twice
---in a row is kept once.
---@param text string may have several lines
function Editor:add_history(text)
  if self.past:add(text) then self.native:remember(text) end
end

---What the history holds.
---@return string[] texts the oldest first
function Editor:history()
  return table.move(self.past.entries, 1, #self.past.entries, 1, {})
end

---Cuts the file of the history to its limit. Entries are in it since they were added.
function Editor:save_history()
  self.past:save()
end

---The terminal's size.
---@return integer columns 80 where the terminal does not know
---@return integer rows
function Editor:size() -- luacheck: no self
  local columns, rows = terminal.size(1)
  return columns or 80, rows or 24
end

---Emacs's or vi's keys, from the next read on.
---@param mode "vi"|"emacs"
function Editor:keys(mode)
  self.native:keys(mode)
end

---Gives the terminal back as it was. An open read gives "end". May be called again.
function Editor:close()
  self.native:close()
end

Editor.__close = Editor.close

return M
