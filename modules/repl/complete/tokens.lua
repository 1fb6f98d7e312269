--- Lua's words in a text that need not be whole: what stands before a cursor, mostly.
local M = {}

---@class repl.Token
---@field kind "name"|"keyword"|"number"|"string"|"symbol"|"comment"
---@field text string as it is written; of a string: what is between its quotes
---@field from integer its first byte
---@field to integer its last
---@field open? boolean a string or comment that does not end
---@field quote? string what a string began with

local KEYWORDS <const> = {}
for word in ([[and break do else elseif end false for function goto if in local nil not or repeat return then true
  until while]]):gmatch "%a+" do KEYWORDS[word] = true end

M.keywords = KEYWORDS

-- The longest first.
local SYMBOLS <const> = { "...", "..", "::", "==", "~=", "<=", ">=", "<<", ">>", "//" }

local function long_string(text, from, kind, after)
  local equals = text:match("^%[(=*)%[", after)
  if not equals then return nil end
  local first, last = text:find("]" .. equals .. "]", after + #equals + 2, true)
  return { kind = kind, text = text:sub(after + #equals + 2, (first or #text + 1) - 1), from = from, to = last or #text,
    open = not first or nil, quote = "[" .. equals .. "[" }
end

local ESCAPES <const> = { n = "\n", t = "\t", r = "\r", a = "\a", b = "\b", f = "\f", v = "\v" }

local function unescape(text)
  return (text:gsub("\\(.)", function(character) return ESCAPES[character] or character end))
end

local function short_string(text, from)
  local quote = text:sub(from, from)
  local at = from + 1
  while at <= #text do
    local character = text:sub(at, at)
    if character == "\\" then
      at = at + 1
    elseif character == quote then
      return { kind = "string", text = unescape(text:sub(from + 1, at - 1)), from = from, to = at, quote = quote }
    elseif character == "\n" then
      break
    end
    at = at + 1
  end
  at = math.min(at, #text + 1)
  return { kind = "string", text = unescape(text:sub(from + 1, at - 1)), from = from, to = at - 1, open = true,
    quote = quote }
end

local function comment(text, from)
  local long = long_string(text, from, "comment", from + 2)
  if long then return long end
  local stop = text:find("\n", from, true)
  return { kind = "comment", text = "", from = from, to = (stop or #text + 1) - 1, open = not stop or nil }
end

local function symbol(text, from)
  for _, one in ipairs(SYMBOLS) do
    if text:sub(from, from + #one - 1) == one then return one end
  end
  return text:sub(from, from)
end

local function token_at(text, from)
  local first = text:sub(from, from)
  local word = text:match("^[%a_][%w_]*", from)
  if word then
    return { kind = KEYWORDS[word] and "keyword" or "name", text = word, from = from, to = from + #word - 1 }
  end
  if first == '"' or first == "'" then return short_string(text, from) end
  if first == "[" then
    local long = long_string(text, from, "string", from)
    if long then return long end
  end
  if text:find("^%-%-", from) then return comment(text, from) end
  local number = text:match("^0[xX][%x.]+", from) or text:match("^%d[%w.]*", from) or text:match("^%.%d[%w.]*", from)
  if number then return { kind = "number", text = number, from = from, to = from + #number - 1 } end
  local one = symbol(text, from)
  return { kind = "symbol", text = one, from = from, to = from + #one - 1 }
end

---The tokens of a text, without its comments; one that the text ends in comes as the last.
---@param text string
---@return repl.Token[]
function M.read(text)
  local list, at = {}, 1
  while true do
    at = text:find("%S", at)
    if not at then return list end
    local token = token_at(text, at)
    if token.kind ~= "comment" or token.open then list[#list + 1] = token end
    at = token.to + 1
  end
end

local CLOSES <const> = { [")"] = "(", ["}"] = "{", ["]"] = "[" }
local OPENS <const> = { ["("] = true, ["{"] = true, ["["] = true }

---The bracket around a place, with how many commas stand between it and there.
---@param list repl.Token[]
---@param index integer the last token before that place
---@return integer|nil index of the bracket; nil: there is none
---@return integer commas
function M.enclosing(list, index)
  local depth, commas = 0, 0
  for i = index, 1, -1 do
    local token = list[i]
    if token.kind == "symbol" then
      if CLOSES[token.text] then
        depth = depth + 1
      elseif OPENS[token.text] then
        if depth == 0 then return i, commas end
        depth = depth - 1
      elseif depth == 0 and (token.text == "," or token.text == ";") then
        commas = commas + 1
      end
    end
  end
  return nil, commas
end

---The bracket that a closing one belongs to.
---@param list repl.Token[]
---@param index integer of the closing one
---@return integer|nil
function M.opening(list, index)
  return (M.enclosing(list, index - 1))
end

---The bracket that closes another.
---@param list repl.Token[]
---@param index integer of the opening one
---@return integer|nil nil: it is still open
function M.closing(list, index)
  local depth = 0
  for i = index, #list do
    local token = list[i]
    if token.kind == "symbol" and OPENS[token.text] then
      depth = depth + 1
    elseif token.kind == "symbol" and CLOSES[token.text] then
      depth = depth - 1
      if depth == 0 then return i end
    end
  end
  return nil
end

---Whether a token is this symbol.
---@param token repl.Token|nil
---@param text string
---@return boolean
function M.is(token, text)
  return token ~= nil and token.kind == "symbol" and token.text == text
end

-- Whether an expression can be called or indexed that ends in this token.
local function ends_value(token)
  return token ~= nil and (token.kind == "name" or token.kind == "string" and not token.open
    or token.kind == "symbol" and (token.text == ")" or token.text == "]" or token.text == "}"))
end

---The first token of the expression (a name with what is indexed and called after it) that ends at a token.
---@param list repl.Token[]
---@param last integer
---@return integer|nil first nil: no such expression ends there
function M.expression_start(list, last)
  local i = last
  while i and i >= 1 do
    local token, before = list[i], list[i - 1]
    if not ends_value(token) then return nil end
    if token.kind == "name" then
      if not (M.is(before, ".") or M.is(before, ":")) then return i end
      i = i - 2
    elseif token.kind == "string" or token.text == "}" then -- an argument without parentheses
      local first = token.kind == "string" and i or M.opening(list, i)
      if not first then return nil end
      before = list[first - 1]
      if not (before and (before.kind == "name" or M.is(before, ")") or M.is(before, "]"))) then
        return token.kind == "string" and first or nil
      end
      i = first - 1
    else -- ) or ]
      local first = M.opening(list, i)
      if not first then return nil end
      if not ends_value(list[first - 1]) then return token.text == ")" and first or nil end
      i = first - 1
    end
  end
end

return M
