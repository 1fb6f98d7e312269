--- Secrets in what somebody types or is about to be shown: lines that hold one are not kept in the history, and what is
--- shown or written down of a text has a tag in their place.
---
--- Found are the secrets that this program holds itself (Secret values that live; the variables that tools keep tokens
--- in), texts that are secrets by their shape (tokens of GitHub and Slack, keys of AWS, JWTs, private keys), and texts
--- that somebody calls one (`secret("…")`, `password = "…"`, `"token": "…"`, `https://user:password@host`). When in
--- doubt it is one: a line that is missing from the history costs less than a password in it.
---
--- Sources: GitHub, "Behind GitHub's new authentication token formats"; Slack, "Token types"; AWS IAM, "Unique
--- identifiers" and "Access keys"; RFC 7519, 7.1 (JWT); RFC 7468 (PEM).
local environment = require "fairlead.environment"
local native = require "fairlead.secret.native"

local M = {}

local TAG <const> = "[secret]"

--- Variables whose values are secrets, by the names that other tools use.
M.VARIABLES = {
  "GH_TOKEN", "GITHUB_TOKEN", "GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN", "SLACK_BOT_TOKEN", "SLACK_USER_TOKEN",
  "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN",
  "AWS_CONTAINER_AUTHORIZATION_TOKEN", "NPM_TOKEN", "NODE_AUTH_TOKEN", "PYPI_TOKEN", "TWINE_PASSWORD", "VAULT_TOKEN",
  "DOCKER_PASSWORD", "DATABASE_URL", "PGPASSWORD", "MYSQL_PWD", "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
  "ACTIONS_RUNTIME_TOKEN",
}
local LEAST <const> = 6 -- bytes of a value that is looked for: a shorter one is found anywhere

-- ---- by their shape ----

local SHAPES <const> = {
  "%f[%w_]gh[pousr]_[%w_]+", "%f[%w_]github_pat_[%w_]+", "%f[%w]xox[abcdeoprs]%-[%w%-%%]+", "%f[%w]xoxe%.[%w%-%.]+",
  "%f[%w]xapp%-[%w%-]+", "%f[%w]glpat%-[%w_%-]+", "%f[%w]npm_%w+",
}
local SHORTEST <const> = 12 -- bytes: "ghp_x" in a sentence is no token

local function by_shape(text, add)
  for _, shape in ipairs(SHAPES) do
    local at = 1
    while true do
      local first <const>, last = text:find(shape, at)
      if not first then break end
      if last - first + 1 >= SHORTEST then add(first, last) end
      at = last + 1
    end
  end
end

local function by_parts(text, add) -- of a JWT
  for first, after in text:gmatch "%f[%w]()eyJ[%w_%-]+()" do
    local last <const> = text:match("^%.[%w_%-]+%.[%w_%-]*()", after)
    if last then add(first, last - 1) end
  end
end

-- A secret access key is 40 characters of base64's; a commit's id is 40, too, but all of them hexadecimal. What comes
-- with temporary keys, a session token, is longer than anything that people write without a space.
local function by_size(text, add)
  for first, word, after in text:gmatch "()([%w+/=]+)()" do
    local mixed <const> = word:find "%u" and word:find "%l" and word:find "%d"
    if mixed and (#word == 40 or #word >= 160) then add(first, after - 1) end
  end
end

local function by_armour(text, add)
  local at = 1
  while true do
    local first <const>, head = text:find("%-%-%-%-%-BEGIN [%u ]*PRIVATE KEY%-%-%-%-%-", at)
    if not first then return end
    local _, last = text:find("%-%-%-%-%-END [%u ]*PRIVATE KEY%-%-%-%-%-", head)
    add(first, last or #text) -- without an end: cut off, and a secret as far as it goes
    at = (last or #text) + 1
  end
end

-- ---- because somebody calls it one ----

-- A string literal of Lua's or JSON's that begins at `at`: where its text is, and what comes after it. One that is not
-- closed goes on to the end.
local function literal(text, at)
  local quote <const> = text:match("^[\"']", at)
  if quote then
    local last = at + 1
    while last <= #text and text:sub(last, last) ~= quote do
      last = last + (text:sub(last, last) == "\\" and 2 or 1)
    end
    last = math.min(last, #text + 1)
    return at + 1, last - 1, last + 1
  end
  local level <const> = text:match("^%[(=*)%[", at)
  if not level then return nil end
  local first <const> = at + #level + 2
  local last <const>, after = text:find("]" .. level .. "]", first, true)
  return first, (last or #text + 1) - 1, (after or #text) + 1
end

-- What no secret looks like: nothing, a tag, the name of a variable, a scheme without its token.
local function is_empty(value)
  return value == "" or value == TAG or value:find "^%$[%a_{]" or value:find "^%a+%s+$" or value:find "^%a+%s+%$"
    or value:find "^%a+%s+%[secret%]$"
end

-- "Bearer " is said before many tokens, and is none.
local function without_scheme(text, first, last)
  local scheme <const> = text:match("^[Bb][Ee][Aa][Rr][Ee][Rr]%s+()", first)
    or text:match("^[Bb][Aa][Ss][Ii][Cc]%s+()", first) or text:match("^[Tt][Oo][Kk][Ee][Nn]%s+()", first)
  return scheme and scheme <= last and scheme or first
end

-- The literals at `at`, joined by `..`.
local function add_literals(text, at, add)
  while true do
    local first <const>, last, after = literal(text, at)
    if not first then return end
    if not is_empty(text:sub(first, last)) then add(without_scheme(text, first, last), last) end
    at = text:match("^%s*%.%.%s*()", after)
    if not at then return end
  end
end

local CALLED <const> = {
  "password", "passwd", "passphrase", "pwd", "token", "secret", "apikey", "privatekey", "accesskey", "authorization",
  "cookie", "secretstring", "secretbinary", "signature", "plaintext", "assertion",
}
-- Tokens that let nobody in: they lead to the next page, or make a request the same as an earlier one.
local HARMLESS <const> = {
  "nexttoken", "continuationtoken", "pagetoken", "clienttoken", "requesttoken", "idempotencytoken", "starttoken",
  "forwardtoken", "backwardtoken",
}

local function ends_with_one(name, list)
  for _, ending in ipairs(list) do
    if name:sub(-#ending) == ending then return true end
  end
  return false
end

-- Names that were asked for, a few thousand: a text has the same words over and over.
local known, known_count = {}, 0

---Whether something that is called so is a secret: "password", "GH_TOKEN", "X-Api-Key", "SecretAccessKey".
---@param name string
---@return boolean
function M.is_secret_name(name)
  if known[name] ~= nil then return known[name] end
  local plain <const> = name:lower():gsub("[_%-]", "")
  local answer <const> = ends_with_one(plain, CALLED) and not ends_with_one(plain, HARMLESS)
  if known_count == 4096 then known, known_count = {}, 0 end
  if #name <= 64 then known[name], known_count = answer, known_count + 1 end
  return answer
end

-- A value without quotes, after `name=`. In a command line, a URL and a form it is taken as it is; elsewhere `token=x`
-- is most often Lua's, and x a variable.
local function add_bare(text, first, at, add)
  local last <const> = select(2, text:find("^[^%s&\"'<>{}%(%)%[%],;]+", at))
  if not last then return end
  local value <const> = text:sub(at, last)
  local before <const> = text:sub(first - 1, first - 1)
  local as_it_is <const> = text:find "^%s*:" or before == "?" or before == "&" or before == "-" -- --password=x
    or text:find("^&", last + 1)
  local looks_so <const> = #value >= 8 and value:find "%d" and value:find "%a" and not value:find "^%d+$"
  if (as_it_is or looks_so) and not is_empty(value) then add(at, last) end
end

-- What follows a name that ends before `at`.
local function add_value(text, name, first, at, add)
  local value = text:match("^[\"']?%]?%s*=%s*()", at) or text:match("^[\"']%s*:%s*()", at)
  if value and literal(text, value) then return add_literals(text, value, add) end
  value = text:match("^[\"']%s*,%s*()[\"']", at) -- {"--password", "…"}
  if value and text:sub(first - 1, first - 1) == "-" then return add_literals(text, value, add) end
  value = text:match("^\\+[\"']%s*:%s*\\+[\"']()", at) -- JSON within a text within a text
  if value then return add(value, (text:find("\\+[\"']", value) or #text + 1) - 1) end
  value = text:match("^=()", at)
  if value then return add_bare(text, first, value, add) end
  value = text:match("^:%s+()", at) -- a header's line
  if value then
    local last = value + #text:match("^[^\r\n\"']*", value) - 1
    if not name:lower():find "authorization$" and not name:lower():find "cookie$" then
      last = value + #text:match("^[^%s\"',}]*", value) - 1
    end
    if not is_empty(text:sub(value, last)) then add(without_scheme(text, value, last), last) end
    return
  end
  local stop <const> = text:find("^>", at) and text:find("<", at, true) -- XML
  if stop and text:find("^/", stop + 1) then add(at + 1, stop - 1) end
end

local function by_name(text, add)
  local done = 0 -- what lies in a secret needs no second look: that would cost a hostile text's length for each name
  local function add_once(first, last)
    done = math.max(done, last)
    add(first, last)
  end
  for first, name, after in text:gmatch "()([%a_][%w_%-]*)()" do
    if first > done and name == "secret" then
      local at <const> = text:match("^%s*%(?%s*()", after)
      if literal(text, at) then add_literals(text, at, add_once) end
    end
    if first > done and M.is_secret_name(name) then add_value(text, name, first, after, add_once) end
  end
end

-- A parameter of AWS's Systems Manager that says of itself that it is one.
local function by_type(text, add)
  if not text:find("SecureString", 1, true) then return end
  for at in text:gmatch "%f[%w]Value[\"']?%]?%s*[=:]%s*()" do
    if literal(text, at) then add_literals(text, at, add) end
  end
end

-- https://user:password@host, and curl's -u user:password.
local function by_place(text, add)
  for first, after in text:gmatch "%w://[^%s/@:\"']*:()[^%s/@\"']+()@" do add(first, after - 1) end
  for first, after in text:gmatch "[\"']%-%-?u[ser]*[\"']%s*,%s*[\"'][^\"':]*:()[^\"']+()" do add(first, after - 1) end
  if not text:find("curl", 1, true) then return end -- docker's -u is no secret
  for _, option in ipairs { "%-u", "%-%-user" } do
    local pattern <const> = "%s" .. option .. "%s*=?[\"']?[^%s:\"'%-][^%s:\"']*:()[^%s\"']+()"
    for first, after in text:gmatch(pattern) do add(first, after - 1) end
  end
end

-- What tools keep in the environment.
local function by_variable(text, add)
  for _, name in ipairs(M.VARIABLES) do
    for _, value in ipairs { environment.get(name) or false, os.getenv(name) or false } do
      local at = 1
      while value and #value >= LEAST do
        local first <const>, last = text:find(value, at, true)
        if not first then break end
        add(first, last)
        at = last + 1
      end
    end
  end
end

local FINDERS <const> = { by_shape, by_parts, by_size, by_armour, by_name, by_type, by_place, by_variable }

---Where a text's secrets are, from left to right, none within another.
---@param text string
---@param within? boolean not because this program holds all of it as one secret
---@return {first: integer, last: integer}[]
function M.find(text, within)
  local ranges <const>, held = {}, native.find(text, within)
  local function add(first, last)
    if last >= first then ranges[#ranges + 1] = { first = first, last = last } end
  end
  for i = 1, #held, 2 do add(held[i], held[i + 1]) end
  for _, find in ipairs(FINDERS) do find(text, add) end
  table.sort(ranges, function(a, b) return a.first < b.first end)
  local merged <const> = {}
  for _, range in ipairs(ranges) do
    local before <const> = merged[#merged]
    if before and range.first <= before.last then
      before.last = math.max(before.last, range.last)
    else
      merged[#merged + 1] = range
    end
  end
  return merged
end

---The text with a tag in place of each secret.
---@param text string
---@return string
function M.redact(text)
  local parts <const>, at = {}, 1
  for _, range in ipairs(M.find(text)) do
    parts[#parts + 1] = text:sub(at, range.first - 1)
    parts[#parts + 1] = TAG
    at = range.last + 1
  end
  return at == 1 and text or table.concat(parts) .. text:sub(at)
end

---Whether a line may be kept: it holds no secret, as far as can be told.
---@param line string
---@return boolean
function M.keep(line)
  return M.find(line)[1] == nil
end

return M
