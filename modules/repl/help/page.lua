--- A page of help: paragraphs, lists and code, laid out for the terminal's width.
local style = require "fairlead.faces.style"
local text = require "fairlead.faces.text"

---@class repl.Page
---@field width integer
---@field style faces.Style
---@field lines string[]
local Page = {}
Page.__index = Page

local M = {}

local NARROWEST <const> = 30

---@param options {width: integer?, colour: boolean?}
---@return repl.Page
function M.new(options)
  return setmetatable({
    width = math.max(NARROWEST, options.width or 80), lines = {},
    style = style.new { colours = options.colour == true },
  }, Page)
end

-- A word that is wider than a line, in pieces: a type of many words goes on after one of its "|".
local function pieces(word, width)
  local list = {}
  while text.width(word) > width do
    local last = 0
    for at in word:gmatch "|()" do
      if text.width(word:sub(1, at - 1)) <= width then last = at - 1 end
    end
    if last == 0 then break end
    list[#list + 1], word = word:sub(1, last), word:sub(last + 1)
  end
  list[#list + 1] = word
  return list
end

---The lines of a paragraph, none wider than `width`, save words that cannot be broken.
---@param paragraph string
---@param width integer
---@return string[]
function M.wrap(paragraph, width)
  local lines, line, used = {}, {}, 0
  for whole in text.clean(paragraph):gmatch "%S+" do
    for _, word in ipairs(pieces(whole, width)) do
      local columns = text.width(word)
      if used > 0 and used + 1 + columns > width then
        lines[#lines + 1] = table.concat(line, " ")
        line, used = {}, 0
      end
      line[#line + 1] = word
      used = used + columns + (used > 0 and 1 or 0)
    end
  end
  if #line > 0 then lines[#lines + 1] = table.concat(line, " ") end
  return lines
end

-- A row of a table, "name   what it is": its head with the gap, and the text that is folded beside it.
local function row_of(line)
  local head, rest <const> = line:match "^(%s*%S.-%s%s+)(%S.*)$"
  if head and text.width(head) <= 40 then return head, rest end
  return nil
end

---The lines of a text for a width: paragraphs are filled, rows of tables ("name   what it is") hang.
---@param content string
---@param width integer
---@return string[]
function M.fold(content, width)
  local lines, paragraph = {}, {}
  width = math.max(NARROWEST, width)
  local function flush()
    for _, part in ipairs(M.wrap(table.concat(paragraph, " "), width)) do
      lines[#lines + 1] = part
    end
    paragraph = {}
  end
  for line in (content .. "\n"):gmatch "(.-)\n" do
    local head, rest = row_of(line)
    if head then
      flush()
      local margin = text.width(head)
      if width - margin < NARROWEST then -- below its head, then
        lines[#lines + 1], head, margin = head:gsub("%s+$", ""), "    ", 4
      end
      for i, part in ipairs(M.wrap(rest, width - margin)) do
        lines[#lines + 1] = (i == 1 and head or (" "):rep(margin)) .. part
      end
    elseif line == "" or line:find "^%s" then
      flush()
      lines[#lines + 1] = line
    else
      paragraph[#paragraph + 1] = line
    end
  end
  flush()
  return lines
end

-- Where a line that is too wide can end: after the last blank that is within the width, and past its margin.
local function break_of(line, width, margin)
  local last, at
  for before in line:gmatch "()%s+" do
    if text.width(line:sub(1, before - 1)) > width then break end
    if before > margin then last, at = before - 1, line:find("%S", before) end
  end
  return last, at
end

---A line as it is, in as many as it takes; those that follow stand further in.
---@param line string
---@param width integer
---@param margin integer columns
---@return string[]
function M.hang(line, width, margin)
  local lines = {}
  while text.width(line) > width do
    local last, at <const> = break_of(line, width, margin)
    if not at then break end
    lines[#lines + 1] = line:sub(1, last)
    line = (" "):rep(margin) .. line:sub(at)
  end
  lines[#lines + 1] = line
  return lines
end

---@param line? string
---@package
function Page:add(line) self.lines[#self.lines + 1] = line or "" end

---An empty line, but not two of them.
---@package
function Page:gap()
  if #self.lines > 0 and self.lines[#self.lines] ~= "" then self:add() end
end

---@param content string
---@package
function Page:heading(content)
  self:gap()
  for _, line in ipairs(M.wrap(content, self.width)) do self:add(self.style:paint("bold", line)) end
end

-- Whether a line of a comment is code, or an item of a list, and not to be joined with others.
local function stands_alone(line) return line:find "^%s%s" or line:find "^%s*[-*•] " or line:find "^%s*|" end

---Text as comments have it: paragraphs are filled, what stands further in stays as it is.
---@param content string
---@param indent? integer
---@package
function Page:text(content, indent)
  local margin, paragraph = (" "):rep(indent or 0), {}
  local function flush()
    for _, line in ipairs(M.wrap(table.concat(paragraph, " "), self.width - #margin)) do self:add(margin .. line) end
    paragraph = {}
  end
  for line in (content .. "\n"):gmatch "(.-)\n" do
    if line == "" then
      flush()
      self:gap()
    elseif stands_alone(line) then
      flush()
      self:code(line, #margin)
    else
      paragraph[#paragraph + 1] = line
    end
  end
  flush()
end

---Names with what is to be said of each: beside one another where there is room, else below.
---@param rows {[1]: string, [2]: string?, [3]: string?}[] name, type, text
---@param indent integer
---@package
function Page:rows(rows, indent)
  local widest, most = 0, self.width // 3
  for _, row in ipairs(rows) do
    local width = text.width(row[1])
    if width <= most and width > widest then widest = width end
  end
  local column = indent + widest + 2
  for _, row in ipairs(rows) do
    local of = row[2] and row[2] ~= "" and row[2] or nil
    local said = row[3] and row[3] ~= "" and row[3] or nil
    local lines = M.wrap((of or "") .. (of and said and ": " or "") .. (said or ""), self.width - column)
    local name = (" "):rep(indent) .. self.style:paint("cyan", text.clean(row[1]))
    if text.width(row[1]) > widest and (#lines > 0 or indent + text.width(row[1]) > self.width) then
      for i, part in ipairs(M.wrap(row[1], self.width - indent - 2)) do
        self:add((" "):rep(indent + (i > 1 and 2 or 0)) .. self.style:paint("cyan", part))
      end
    else
      local first = table.remove(lines, 1)
      self:add(first and name .. (" "):rep(widest + 2 - text.width(row[1])) .. first or name)
    end
    for _, line in ipairs(lines) do self:add((" "):rep(column) .. line) end
  end
end

---Names alone, in as many columns as fit.
---@param names string[]
---@param indent integer
---@package
function Page:names(names, indent)
  local margin, line, used = (" "):rep(indent), {}, indent
  for _, name in ipairs(names) do
    local columns = text.width(name) + 2
    if used + columns > self.width and #line > 0 then
      self:add(margin .. table.concat(line, "  "))
      line, used = {}, indent
    end
    line[#line + 1], used = name, used + columns
  end
  if #line > 0 then self:add(margin .. table.concat(line, "  ")) end
end

---Lines as they are, where they fit.
---@param code string
---@param indent integer
---@package
function Page:code(code, indent)
  local margin = (" "):rep(indent)
  for _, line in ipairs(text.lines(code)) do
    if indent + text.width(line) <= self.width then
      self:add(margin .. line)
    else
      local further = line:match "^%s*" .. margin
      for _, part in ipairs(M.wrap(line, self.width - #further)) do self:add(further .. part) end
    end
  end
end

---@return string
---@package
function Page:finish()
  while self.lines[#self.lines] == "" do self.lines[#self.lines] = nil end
  return table.concat(self.lines, "\n")
end

return M
