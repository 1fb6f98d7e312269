--- How a session shows things: values, texts of ours, errors; as wide as the terminal, in its colours.
local errors = require "fairlead.errors"
local reserve = require "fairlead.repl.reserve"
local text = require "fairlead.faces.text"

local M = {}

local CODES <const> = { bold = 1, dim = 2, red = 31, green = 32, yellow = 33, cyan = 36 }
local LONGEST <const> = 10000 -- bytes of an error's line

local function count_lines(said) return select(2, said:gsub("\n", "\n")) + 1 end

-- A value that would fill more than two screens, less deep: somebody who looks at a whole world wants to know what is
-- there, and asks for a part of it then.
local function shallower(self, value, said)
  local rows <const> = select(2, require "fairlead.terminal".size(1))
  for depth = 3, 1, -1 do
    if count_lines(said) <= 2 * rows then break end
    said = require "fairlead.inspect".text(value, {
      width = self:width(), depth = depth, items = self.settings.items, colour = self.colour,
    })
  end
  return said
end

-- A result at a terminal: as deep as it fits on a screen or two, unless a depth was set; what follows the first one in
-- a line, where it is not short anyway.
local function shown_to_a_person(self, value, nth)
  local said <const> = self:text(value)
  if self.settings.depth or not said:find("\n", 1, true) then return said end
  if nth > 1 then return self:brief(value) end
  return shallower(self, value, said)
end

---@param Session table the class of sessions
function M.install(Session)
  ---How wide lines may be.
  ---@return integer columns
  function Session:width()
    if self.settings.width then return self.settings.width end
    return self.interactive and require "fairlead.terminal".size(1) or 100
  end

  ---A value as it is shown.
  ---@param value any
  ---@return string
  function Session:text(value)
    return (require "fairlead.inspect".text(value, {
      width = self:width(), depth = self.settings.depth, items = self.settings.items, colour = self.colour,
    }))
  end

  ---A value in one line: as deep as it fits, and long texts cut.
  ---@param value any
  ---@param used? integer columns of the line that are taken; 0
  ---@return string
  function Session:brief(value, used)
    local inspect <const> = require "fairlead.inspect"
    local width <const> = math.max(self:width() - (used or 0), 20)
    for _, depth in ipairs { self.settings.depth or 6, 2, 1 } do
      local said <const> = inspect.text(value, { width = width, depth = depth, items = 20, text = width // 2,
        colour = self.colour })
      if not said:find("\n", 1, true) then return said end
    end
    return (inspect.text(value, { width = width, depth = 0, text = width // 2, colour = self.colour }))
  end

  ---Prints lines; above the prompt, when one is open.
  ---@param said string
  function Session:print(said)
    self.output:line(said)
  end

  ---A text of ours for a terminal, folded at words: paragraphs are filled, tables keep their columns. Programs, which
  ---look for lines, get it as it is.
  ---@param said string
  ---@return string[] lines
  function Session:folded(said)
    return self.interactive and require "fairlead.repl.help.page".fold(said, self:width()) or { said }
  end

  ---Prints a text of ours, folded.
  ---@param said string
  ---@param colour? "dim"|"red"|"yellow"
  function Session:tell(said, colour)
    for _, line in ipairs(self:folded(said)) do self:print(colour and self:paint(colour, line) or line) end
  end

  ---Shows values as the result of an expression is shown.
  ---@param ... any
  function Session:show(...)
    local shown = table.pack(...)
    for i = 1, shown.n do
      shown[i] = self.interactive and shown_to_a_person(self, shown[i], i) or self:text(shown[i])
    end
    if shown.n > 0 then self:print(table.concat(shown, "\n")) end
  end

  ---@param name "bold"|"dim"|"red"|"green"|"yellow"|"cyan"
  ---@param said string
  ---@return string said in that colour, where there are colours
  function Session:paint(name, said)
    return self.colour and ("\27[%dm%s\27[0m"):format(CODES[name], said) or said
  end

  ---A line in as many as a terminal needs for it, broken at blanks; what follows the first stands further in.
  ---@param line string
  ---@return string[] lines
  function Session:fitting(line)
    return self.interactive and require "fairlead.repl.help.page".hang(line, self:width(), 4) or { line }
  end

  ---Prints what is wrong; on standard error where there is no terminal.
  ---@param said string
  function Session:warn(said)
    for _, line in ipairs(self:fitting(said)) do self.output:line(self:paint("red", line), io.stderr) end
  end

  ---An error's one line.
  ---@param err Error
  ---@return string
  function Session:words(err)
    -- A script may raise any value; what only has an address to say for itself is shown.
    local bare <const> = err.kind == "script" and err.cause and tostring(err.message):find "^[%a.]+: 0x%x+$"
    if bare then return self:brief(err.cause) end
    local said = tostring(err)
    if #said <= LONGEST then return text.clean(said) end
    return ("%s… and %d bytes more"):format(text.clean(said:sub(1, LONGEST)), #said - LONGEST)
  end

  ---Tells an error, and keeps it for `err`.
  ---@param value any
  ---@param head? string what to say first
  function Session:failed(value, head)
    local err <const> = errors.wrap(value)
    if err:is "memory" then
      reserve.release(self)
      collectgarbage()
    end
    self.last_error = err
    self:warn((head or "error: ") .. self:words(err))
    for _, line in ipairs(err.details or {}) do self:warn(text.clean(line)) end
  end
end

return M
