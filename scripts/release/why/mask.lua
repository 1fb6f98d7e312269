--- What containers and jobs printed, made fit to be shown to others: no terminal's commands, no secrets.
---
--- What looks like a secret is taken out, by its form or by the word before it. That is a guess: it may take out too
--- much, and a secret that looks like any other text it does not know.
local text = require "fairlead.faces.text"

local M = {}

local MASK <const> = "[masked]"

-- By their form. Sources: GitHub Docs, "GitHub credential types"; Slack docs, "Token types"; IAM User Guide, "Unique
-- identifier prefixes"; RFC 7519 (JWT); RFC 3986 (userinfo).
local FORMS <const> = {
  "gh[pousr]_%w+", "github_pat_[%w_]+", "xox[abeoprs]%-[%w%-]+", "xapp%-[%w%-]+", "A[KS]IA%w%w%w%w%w%w%w%w%w%w%w%w+",
  "eyJ[%w_-]+%.[%w_-]+%.?[%w_-]*", "sk_live_%w+", "AIza[%w_-]+",
}

-- Words after which a value is a secret, wherever they stand in a name: DATABASE_PASSWORD=…, "apiKey": "…".
local WORDS <const> = {
  "password", "passwd", "pwd", "secret", "token", "api_?%-?key", "access_?%-?key", "private_?%-?key", "credential",
  "authorization", "session_?id", "cookie",
}

-- A pattern in either case of its letters; classes such as %w stay what they are.
local function any_case(word)
  return (word:gsub("()(%a)", function(at, letter)
    if word:sub(at - 1, at - 1) == "%" then return nil end
    return ("[%s%s]"):format(letter:upper(), letter)
  end))
end

local NAMED = {}
for i, word in ipairs(WORDS) do NAMED[i] = "([%w_.-]*" .. any_case(word) .. "[%w_.-]*[\"']?%s*[:=]%s*)" end

-- What stands behind a name: "Bearer x", a quoted text, or a word.
local function without_value(rest)
  local quote <const> = rest:match "^[\"']"
  if quote then return MASK, rest:match("^" .. quote .. "[^" .. quote .. "]*" .. quote .. "?()") end
  local scheme <const> = rest:match "^%a+%s+()%S" and rest:lower():match "^([bd]%a+)%s" or nil
  if scheme == "bearer" or scheme == "basic" or scheme == "digest" then return MASK, #rest + 1 end
  return MASK, rest:match "^[^%s,;&}%]]+()"
end

local function named(line)
  for _, pattern in ipairs(NAMED) do
    local parts, from = {}, 1
    while true do
      local first <const>, last = line:find(pattern, from)
      if not first then break end
      local mask <const>, length = without_value(line:sub(last + 1))
      if length and length > 1 then
        parts[#parts + 1] = line:sub(from, last) .. mask
        from = last + length
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
  line = line:gsub("(%a[%w+.-]*://)[^/%s@]+@", "%1" .. MASK .. "@")
  for _, form in ipairs(FORMS) do line = line:gsub("%f[%w]" .. form, MASK) end
  return text.clean(named(line))
end

---The last lines of a text, each masked. A key between -----BEGIN … and -----END … is one line.
---@param lines string[]
---@param most integer
---@return string[]
function M.tail(lines, most)
  local kept, inside = {}, false
  for _, line in ipairs(lines) do
    if line:find "%-%-%-%-%-BEGIN [%u ]*PRIVATE KEY" then
      inside = true
      kept[#kept + 1] = MASK
    elseif inside then
      inside = not line:find "%-%-%-%-%-END "
    elseif line:find "%S" then
      kept[#kept + 1] = line
    end
  end
  local tail = {}
  for i = math.max(1, #kept - most + 1), #kept do tail[#tail + 1] = M.line(kept[i]:sub(1, 4000)) end
  return tail
end

return M
