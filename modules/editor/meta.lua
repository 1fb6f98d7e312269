---@meta fairlead.editor.native

---The C half of fairlead.editor.
---@class fairlead.editor.native
local native = {}

---@class editor.Editor
local Editor = {}

---Takes the terminal: standard input and output.
---@return editor.Editor
---errors: kinds "editor.no_terminal", "editor.busy", "editor.failed"
function native.open() end

---Reads one line. "complete" is no end: the prompt stays open, and Editor:answer goes on.
---@async
---@param prompt string
---@param continuation string stands in front of the further lines of pasted text
---@param plain boolean a question: no history, no completion
---@return "line"|"paste"|"interrupt"|"end"|"complete" kind
---@return string? text
---@return integer? cursor "complete": bytes before it
function Editor:read(prompt, continuation, plain) end

---Answers a completion and goes on reading.
---@async
---@param remove integer characters before the cursor that go
---@param insert string what comes in their place
---@return "line"|"paste"|"interrupt"|"end"|"complete" kind
---@return string? text
---@return integer? cursor
function Editor:answer(remove, insert) end

---Ends an open read, which gives "interrupt".
function Editor:interrupt() end

---Has lines written above the open prompt.
---@param text string
---@return boolean taken false: no prompt is open
function Editor:print(text) end

---Makes a text the newest of the history, from the next read on.
---@param text string
function Editor:remember(text) end

---Emacs's or vi's keys, from the next read on.
---@param mode "vi"|"emacs"
function Editor:keys(mode) end

---Gives the terminal back as it was.
function Editor:close() end

return native
