--- Text as words of a POSIX shell's command line, whatever is in it.
---
--- Source: POSIX.1-2017, Shell Command Language, 2.2 "Quoting": between single quotes nothing is special but the single
--- quote. Interactive shells expand `!` within double quotes, so these are used only around what is plain.
local errors = require "fairlead.errors"

local M = {}

local PLAIN <const> = "^[%w_%-%./:=@%%+,]+$" -- needs no quotes
local QUIET <const> = "^[%w_%-%./:=@%%+, ;?&#()*]*$" -- stays as it is between double quotes

---@class shell.Piece a part of a word: literal text, or a variable's value
---@field text string?
---@field variable string?

---Whether a text can be typed as it is: no control character that a terminal would obey, or that ends an argument.
---@param text string
---@return boolean
function M.is_typable(text)
  return utf8.len(text) ~= nil and not text:find "[%z\1-\8\11-\31\127]"
end

---One word.
---@param text string
---@return string
---errors: kind "repl.curl" where a zero byte is in it
function M.quote(text)
  if text:find "%z" then
    errors.raise { kind = "repl.curl", op = "curl", message = "it holds a zero byte, which no command line can carry" }
  end
  if text:find(PLAIN) then return text end
  return "'" .. text:gsub("'", [['\'']]) .. "'"
end

---One word made of literal text and variables.
---@param pieces shell.Piece[]
---@return string
function M.word(pieces)
  local quiet, any = true, false
  for _, piece in ipairs(pieces) do
    any = any or piece.variable ~= nil
    quiet = quiet and (not piece.text or piece.text:find(QUIET) ~= nil)
  end
  local parts <const> = {}
  for i, piece in ipairs(pieces) do
    if not any or (piece.text and not quiet) then
      parts[i] = piece.text == "" and "" or M.quote(piece.text)
    elseif piece.text then
      parts[i] = piece.text
    else
      local after <const> = pieces[i + 1]
      local glued <const> = after and after.text and after.text:find "^[%w_]" and quiet
      local name <const> = glued and "${" .. piece.variable .. "}" or "$" .. piece.variable
      parts[i] = quiet and name or '"' .. name .. '"'
    end
  end
  local word <const> = table.concat(parts)
  if any and quiet then return '"' .. word .. '"' end
  return word == "" and "''" or word
end

---A format of printf(1) that writes these bytes, any of them. Source: POSIX.1-2017, printf, "\ddd" in the format.
---@param bytes string
---@return string word
function M.printf_format(bytes)
  -- Three digits each, so that a digit that follows is not taken for one of them.
  return "'" .. bytes:gsub("[^%w_%-%./:=@+, ;?&#()*{}%[%]\"<>|~^$!\n]", function(byte)
    return ("\\%03o"):format(byte:byte())
  end) .. "'"
end

return M
