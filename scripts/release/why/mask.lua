--- What containers and jobs printed, made fit to be shown to others: no terminal's commands, no secrets.
---
--- What looks like a secret is taken out, by its form or by the word before it. That is a guess: it may take out too
--- much, and a secret that looks like any other text it does not know.
local text = require "fairlead.faces.text"

local M = {}

local MASK <const> = "[masked]"

-- By their form. Sources: GitHub Docs, "GitHub credential types"; Slack docs, "Token types", "Sending messages using
-- incoming webhooks" (the address is the secret); IAM User Guide, "Unique identifier prefixes"; RFC 7519 (JWT); npm
-- Docs, "About access tokens"; GitLab Docs, "Token overview".
local FORMS <const> = {
  "gh[pousr]_%w+", "github_pat_[%w_]+", "xox[abeoprs]%-[%w%-]+", "xapp%-[%w%-]+", "A[KS]IA%w%w%w%w%w%w%w%w%w%w%w%w+",
  "eyJ[%w_-]+%.[%w_-]+%.?[%w_-]*", "sk_live_%w+", "AIza[%w_-]+", "hooks%.slack%.com/[%w/_-]+",
  "npm_" .. ("%w"):rep(30) .. "+", "glpat%-[%w_-]+",
}

-- Words after which a value is a secret, wherever they stand in a name: DATABASE_PASSWORD=…, "apiKey": "…".
local WORDS <const> = {
  "password", "passwd", "passphrase", "pwd", "secret", "token", "api[_ -]?key", "access[_ -]?key", "account[_ -]?key",
  "private[_ -]?key", "credential", "signature", "authorization", "session_?id", "cookie",
}

-- A pattern in either case of its letters; classes such as %w stay what they are.
local function any_case(word)
  return (word:gsub("()(%a)", function(at, letter)
    if word:sub(at - 1, at - 1) == "%" then return nil end
    return ("[%s%s]"):format(letter:upper(), letter)
  end))
end

-- Between a name and its value: "=", ": ", "=>"; the name may be quoted, in JSON within JSON with a backslash.
local BETWEEN <const> = "\\*[\"']?%s*[:=]+>?%s*"

-- What stands before the word in a name stays anyway: to look for it would take a long line's length squared.
local NAMED = { "([_.-]" .. any_case "pass" .. BETWEEN .. ")" } -- DB_PASS; but "passed: 3" is none
for _, word in ipairs(WORDS) do
  NAMED[#NAMED + 1] = "(" .. any_case(word) .. "[%w_.-]*" .. BETWEEN .. ")"
  NAMED[#NAMED + 1] = "(" .. any_case(word) .. "[%w-]*%s+)" -- --password x
end

-- "the token was refused" names none; "--db-token was" does.
local function is_name(line, first, name)
  return not name:find "^[%w_%- ]+$" or line:sub(math.max(1, first - 40), first - 1):find "%-%-[%w-]*$" ~= nil
end

-- The end of a quoted text; a quote after a backslash is part of it, unless the first one has a backslash, too.
local function end_of_quoted(rest, open)
  local from = #open + 1
  while true do
    local first <const>, last <const> = rest:find(open, from, true)
    if not first then return #rest + 1 end
    if #open > 1 or rest:sub(first - 1, first - 1) ~= "\\" then return last + 1 end
    from = last + 1
  end
end

-- Where what stands behind a name ends: the whole rest of a header's line, a quoted text, or a word.
local function end_of_value(name, rest)
  local open <const> = rest:match "^\\*[\"']"
  if open then return end_of_quoted(rest, open) end
  local lower <const> = name:lower()
  if lower:find("authorization", 1, true) or lower:find("cookie", 1, true) then return #rest + 1 end
  return rest:match "^[^%s;&]+()"
end

local function named(line)
  for _, pattern in ipairs(NAMED) do
    local parts, from = {}, 1
    while true do
      local first <const>, last <const>, name <const> = line:find(pattern, from)
      if not first then break end
      local after <const> = is_name(line, first, name) and end_of_value(name, line:sub(last + 1))
      if after and after > 1 then
        parts[#parts + 1] = line:sub(from, last) .. MASK
        from = last + after
      else
        parts[#parts + 1] = line:sub(from, last)
        from = last + 1
      end
    end
    line = table.concat(parts) .. line:sub(from)
  end
  return line
end

---One line without what looks like a secret, safe to print.
---@param line string
---@return string
function M.line(line)
  line = line:gsub("\27%[[%d;?]*%a", ""):gsub("\27%][^\7]*\7?", "") -- colours, titles
  line = line:gsub("(%a[%w+.-]*://)[^/%s]+@", "%1" .. MASK .. "@") -- RFC 3986: userinfo; a password may hold an "@"
  line = line:gsub("(%f[%a][Bb][Ee][Aa][Rr][Ee][Rr]%s+)[%w._~+/=-][%w._~+/=-][%w._~+/=-][%w._~+/=-]+", "%1" .. MASK)
  for _, form in ipairs(FORMS) do line = line:gsub("%f[%w]" .. form, MASK) end
  return text.clean(named(line))
end

-- A line of a key's body: what a file in PEM holds between its first line and its last one (RFC 7468).
local function is_body(line)
  return line:find(("[%w+/=]"):rep(40)) ~= nil
end

-- The last lines of a key whose beginning was not read.
local function drop_body(kept)
  local dropped = false
  while kept[1] and is_body(kept[#kept]) do
    kept[#kept], dropped = nil, true
  end
  if dropped then kept[#kept + 1] = MASK end
end

---The last lines of a text, each masked. A key between -----BEGIN … and -----END … is one line.
---@param lines string[]
---@param most integer
---@return string[]
function M.tail(lines, most)
  local kept, inside = {}, false
  for _, line in ipairs(lines) do
    local ends <const> = line:find "%-%-%-%-%-END [%u ]*PRIVATE KEY"
    if line:find "%-%-%-%-%-BEGIN [%u ]*PRIVATE KEY" then
      inside = not ends
      kept[#kept + 1] = MASK
    elseif inside then
      inside = not ends
    elseif ends then
      drop_body(kept)
    elseif line:find "%S" then
      kept[#kept + 1] = line
    end
  end
  local tail = {}
  for i = math.max(1, #kept - most + 1), #kept do tail[#tail + 1] = M.line(kept[i]:sub(1, 4000)) end
  return tail
end

return M
