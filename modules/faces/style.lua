--- Colours and signs, for terminals that have them.
local environment = require "fairlead.environment"

local M = {}

---@class faces.Style
---@field colours boolean
---@field unicode boolean the terminal shows UTF-8
---@field signs table<string, string> by status
---@field spinner string[]
local Style = {}
Style.__index = Style

local CODES <const> = { bold = 1, dim = 2, red = 31, green = 32, yellow = 33, cyan = 36 }

local UNICODE <const> = {
  done = "✔", failed = "✘", refused = "✘", cancelled = "✘", skipped = "↷", stopped = "↷", pending = "○", gate = "?",
  between = " › ", full = "█", empty = "░", dot = " · ",
}
local ASCII <const> = {
  done = "+", failed = "x", refused = "x", cancelled = "x", skipped = "-", stopped = "-", pending = ".", gate = "?",
  between = " > ", full = "#", empty = ".", dot = ", ",
}

---Whether the locale's character set is UTF-8, as its variables say.
---@return boolean
function M.is_utf8()
  local locale = environment.get "LC_ALL" or environment.get "LC_CTYPE" or environment.get "LANG" or ""
  return locale:lower():find "utf%-?8" ~= nil
end

---@param options {colours: boolean?, unicode: boolean?} colours: asked for, unless NO_COLOR is set (no-color.org)
---@return faces.Style
function M.new(options)
  local unicode = options.unicode
  if unicode == nil then unicode = M.is_utf8() end
  return setmetatable({
    colours = (options.colours or false) and environment.get "NO_COLOR" == nil,
    unicode = unicode,
    signs = unicode and UNICODE or ASCII,
    spinner = unicode and { "⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏" } or { "-", "\\", "|", "/" },
  }, Style)
end

---@param name "bold"|"dim"|"red"|"green"|"yellow"|"cyan"|nil
---@param text string
---@return string
function Style:paint(name, text)
  if not self.colours or not name or text == "" then return text end
  return ("\27[%dm%s\27[0m"):format(CODES[name], text)
end

---A step's path as people read it.
---@param path string
---@return string
function Style:path(path)
  return (path:gsub("/", self.signs.between))
end

---A bar of ten cells.
---@param percent number
---@return string
function Style:bar(percent)
  local full = math.floor(math.max(0, math.min(100, percent)) / 10 + 0.5)
  return self.signs.full:rep(full) .. self.signs.empty:rep(10 - full)
end

return M
