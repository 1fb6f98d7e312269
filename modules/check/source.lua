--- The syntax tree of a Lua file, by luacheck's parser: it is kept by others, knows all of Lua 5.4, and tells places.
local errors = require "fairlead.errors"

local M = {}

---@class check.Source
---@field path string
---@field tree table[] statements, as luacheck's parser has them: {tag=, line=, offset=, …children}
---@field comments {contents: string, line: integer}[]
---@field text string
---@field starts integer[] the place in the text at which each line begins

local PARTS <const> = { "parser", "lexer", "utils", "decoder", "unicode", "unicode_printability_boundaries" }

-- Debian keeps luacheck for Lua 5.1 only; these parts of it are good for any Lua, and nothing else is taken from there.
local function folder_of_luacheck()
  for entry in package.path:gmatch "[^;]+" do
    local folder = entry:match "^(.*/)%?%.lua$"
    if folder then
      for _, version in ipairs { "5.4", "5.3", "5.2", "5.1" } do
        local path = folder:gsub("/5%.%d/$", "/" .. version .. "/") .. "luacheck/"
        local file = io.open(path .. "parser.lua")
        if file then
          file:close()
          return path
        end
      end
    end
  end
  errors.raise {
    kind = "config.missing", op = "check", message = "luacheck, whose parser reads the scripts, is not installed",
    hint = "install the package lua-check",
  }
end

local loaded
local function luacheck(part)
  if not loaded then
    local folder = folder_of_luacheck()
    for _, name in ipairs(PARTS) do
      local full = "luacheck." .. name
      package.preload[full] = package.preload[full] or function(...)
        return assert(loadfile(folder .. name .. ".lua"))(...)
      end
    end
    loaded = true
  end
  return require("luacheck." .. part)
end

-- Where a place in the text is: columns count characters from 1.
local function column(starts, line, offset)
  return math.max(1, offset - (starts[line] or offset) + 1)
end

---Line and column of a node.
---@param source check.Source
---@param node table
---@return integer line, integer column
function M.place(source, node)
  return node.line, column(source.starts, node.line, node.offset)
end

-- What only the compiler finds: a goto without its label, a constant that is assigned.
local function compile(text, path)
  local _, problem = load(text, "=" .. path:gsub("[\r\n]", " "), "t")
  if not problem then return nil end
  local line, message = problem:match ":(%d+): (.*)$"
  return { line = tonumber(line) or 1, column = 1, message = message or problem }
end

---Parses a script.
---@param text string
---@param path string for messages
---@return check.Source|nil source
---@return {line: integer, column: integer, message: string}|nil problem its first syntax error
function M.parse(text, path)
  if not utf8.len(text) then
    return nil, { line = 1, column = 1, message = "the text is not UTF-8" }
  end
  text = text:gsub("^#!", "--")
  local chars = luacheck("decoder").decode(text)
  local starts, length = {}, {}
  local ok, tree, comments = pcall(luacheck("parser").parse, chars, starts, length)
  if not ok then
    local failure = tree
    if type(failure) ~= "table" or not failure.msg then error(failure, 0) end
    return nil, {
      line = failure.line, column = column(starts, failure.line, failure.offset), message = failure.msg,
    }
  end
  local problem = compile(text, path)
  if problem then return nil, problem end
  return { path = path, tree = tree, comments = comments, text = text, starts = starts }
end

---Reads and parses a file.
---@param path string
---@return check.Source|nil source
---@return {line: integer, column: integer, message: string}|nil problem
---errors: kind "script.not_found"
function M.read(path)
  local file, why = io.open(path, "r")
  local text = file and file:read "a"
  if file then file:close() end
  if not text then
    errors.raise {
      kind = "script.not_found", op = "check", target = path,
      message = why and (why:gsub("^.-: ", "")) or "cannot be read",
    }
  end
  return M.parse(text, path)
end

return M
