--- The curl command line that repeats a request, with each secret as a variable by the name that people know it by.
---
--- Sources: curl(1) of 7.88; curl's lib/http_aws_sigv4.c of that release, for what --aws-sigv4 signs; GitHub CLI,
--- "environment"; AWS, "Environment variables to configure the AWS CLI".
local environment = require "fairlead.environment"
local errors = require "fairlead.errors"
local http = require "fairlead.http"
local secrets = require "fairlead.repl.secrets"
local shell = require "fairlead.repl.http.shell"

local M = {}

-- ---- variables ----

---@class curl.Names the variables that a command uses
---@field of table<string, string> by the secret's text
---@field taken table<string, boolean>
---@field order string[]

local function new_names() return { of = {}, taken = {}, order = {} } end

local function take(names, value, wanted)
  local known <const> = names.of[value]
  if known then return known end
  local name, count = wanted, 1
  while names.taken[name] do
    count = count + 1
    name = ("%s_%d"):format(wanted, count)
  end
  names.of[value], names.taken[name] = name, true
  names.order[#names.order + 1] = name
  return name
end

-- The variable that holds this text in the environment.
local function in_environment(value)
  for _, name in ipairs(secrets.VARIABLES) do
    if environment.get(name) == value then return name end
  end
  return nil
end

local function host_of(variable)
  local url <const> = environment.get(variable)
  return url and (url:match "^%a+://([^/]+)" or url)
end

-- Whose token goes to a host.
local function service_variable(host)
  if host == "slack.com" or host:find "%.slack%.com$" or host == host_of "SLACK_API_URL" then
    return "SLACK_BOT_TOKEN"
  end
  if host == "github.com" or host:find "%.github%.com$" or host == host_of "GITHUB_API_URL"
    or host == host_of "GH_HOST" then
    return "GH_TOKEN"
  end
  return nil
end

local function upper(name)
  return (name:upper():gsub("[^%w]", "_"):gsub("^(%d)", "_%1"))
end

-- The service's own address may be that of all services together (`fairlead world serve`): the shape decides first.
local function by_shape(value)
  if value:find "^gh[pousr]_" or value:find "^github_pat_" then return "GH_TOKEN" end
  if value:find "^xoxb%-" then return "SLACK_BOT_TOKEN" end
  if value:find "^xapp%-" then return "SLACK_APP_TOKEN" end
  return nil
end

-- ---- words ----

-- A text's pieces, secrets as variables. `whole`: all of it is one.
local function pieces_of(names, value, whole, wanted)
  if whole then return { { variable = take(names, value, in_environment(value) or by_shape(value) or wanted) } } end
  local pieces <const>, at = {}, 1
  -- Within: a text that holds a secret is kept as one, but only that part of it has to be hidden.
  for _, range in ipairs(secrets.find(value, true)) do
    local found <const> = value:sub(range.first, range.last)
    pieces[#pieces + 1] = { text = value:sub(at, range.first - 1) }
    pieces[#pieces + 1] = { variable = take(names, found, in_environment(found) or by_shape(found) or wanted) }
    at = range.last + 1
  end
  pieces[#pieces + 1] = { text = value:sub(at) }
  return pieces
end

local function header_word(names, name, value, host)
  -- curl leaves a header without a value out, unless it ends in a semicolon.
  if value == "" then return shell.quote(name .. ";") end
  if type(value) == "string" then
    return shell.word(pieces_of(names, ("%s: %s"):format(name, value), false, "SECRET"))
  end
  local text <const> = http.reveal(value)
  local scheme, token
  if name:lower():find "authorization$" then scheme, token = text:match "^(%a[%w%-]*%s+)(.+)$" end
  local wanted <const> = name:lower() == "authorization" and (scheme and scheme:lower():find "^basic"
    and "BASIC_CREDENTIALS" or service_variable(host) or "TOKEN") or upper(name)
  local pieces <const> = pieces_of(names, token or text, true, wanted)
  table.insert(pieces, 1, { text = ("%s: %s"):format(name, scheme or "") })
  return shell.word(pieces)
end

local function url_word(names, value)
  if type(value) == "string" then return shell.quote(value) end
  local is_secret_query <const> = require "fairlead.repl.http.exchanges".is_secret_query
  local url <const> = http.reveal(value)
  local before <const>, query = url:match "^([^?]*)%??(.*)$"
  local pieces <const> = {}
  local hook <const>, rest = before:match "^(https?://hooks%.slack%.com/%w+/)(.+)$"
  if hook then
    pieces[1] = { text = hook }
    pieces[2] = { variable = take(names, rest, "SLACK_WEBHOOK") }
  else
    for _, piece in ipairs(pieces_of(names, before, false, "SECRET")) do pieces[#pieces + 1] = piece end
  end
  local joint = "?"
  for part in query:gmatch "[^&]+" do
    local name <const>, given = part:match "^([^=]*)=?(.*)$"
    pieces[#pieces + 1] = { text = joint .. name .. (part:find("=", 1, true) and "=" or "") }
    for _, piece in ipairs(pieces_of(names, given, given ~= "" and is_secret_query(name), upper(name))) do
      pieces[#pieces + 1] = piece
    end
    joint = "&"
  end
  return shell.word(pieces)
end

-- ---- AWS ----

local SIGNED <const> = { authorization = true, ["x-amz-date"] = true, host = true }

local function aws_scope(headers)
  for _, pair in ipairs(headers) do
    if pair[1]:lower() == "authorization" then
      return http.reveal(pair[2]):match "^AWS4%-HMAC%-SHA256%s+Credential=[^/]+/%d+/([^/]+)/([^/]+)/aws4_request"
    end
  end
  return nil
end

-- What curl 7.88 signs otherwise than AWS does, found by comparing its signatures with AWS's test suite.
local function signed_wrongly(url)
  local path <const>, query = url:match "^%a+://[^/?]*([^?]*)%??(.*)$"
  if path:find("%20", 1, true) then return "a space (%20) in the path" end
  if path:find("//", 1, true) then return "'//' in the path" end
  local last
  for part in query:gmatch "[^&]+" do
    if not part:find("=", 1, true) then return ("'%s', which has no '=', in the query"):format(part) end
    if last and part < last then return "a query that is not in alphabetical order" end
    last = part
  end
  return nil
end

local function add_aws(words, notes, names, request, region, service)
  words[#words + 1] = "--aws-sigv4 " .. ('"aws:amz:%s:%s"'):format(region, service)
  words[#words + 1] = [[--user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY"]]
  for _, name in ipairs { "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY" } do
    names.taken[name] = true
    names.order[#names.order + 1] = name
  end
  notes[#notes + 1] = "signed anew: the old signature holds for five minutes only"
  local problem <const> = signed_wrongly(http.reveal(request.url))
  if problem then
    notes[#notes + 1] = ("curl 7.88 signs %s wrongly; where the answer is SignatureDoesNotMatch, take a newer curl")
      :format(problem)
  end
end

-- ---- the command ----

local BODY_METHODS <const> = { POST = true, PUT = true, PATCH = true } -- without one, its length is said to be 0

local function add_headers(words, names, request, host, signed)
  local has_type = false
  for _, pair in ipairs(request.headers) do
    local name <const> = pair[1]:lower()
    has_type = has_type or name == "content-type"
    if signed and name == "x-amz-security-token" then
      local token <const> = http.reveal(pair[2])
      names.of[token] = nil
      local word <const> = shell.word { { text = pair[1] .. ": " },
        { variable = take(names, token, "AWS_SESSION_TOKEN") } }
      words[#words + 1] = "-H " .. word
    elseif name == "user-agent" and type(pair[2]) == "string" and pair[2] ~= "" then
      words[#words + 1] = "-A " .. shell.quote(pair[2]) -- as -H curl would sign it
    elseif not (signed and SIGNED[name]) then
      words[#words + 1] = "-H " .. header_word(names, pair[1], pair[2], host)
    end
  end
  -- Fairlead sends no type that nobody gave; curl would call every body a form, an empty one, too. Not where it is
  -- signed: curl 7.88 signs a header that it leaves out.
  local sends_body <const> = request.body or BODY_METHODS[request.method]
  if sends_body and not has_type and not signed then words[#words + 1] = "-H 'Content-Type:'" end
end

-- The word for the body, and what has to be piped into curl where no word can carry it: control characters that a
-- terminal would obey, bytes that are no UTF-8, and an '@' in front, which means a file to curl.
local function body_word(names, request)
  if request.body == nil then return nil end
  local body <const> = http.reveal(request.body)
  if request.hidden and not shell.is_typable(body) then
    errors.raise { kind = "repl.curl", op = "curl", message = "the body is a secret, and cannot be typed" }
  end
  local pieces <const> = pieces_of(names, body, request.hidden, request.hidden and "BODY" or "SECRET")
  local all_typable, has_variable = true, false
  for _, piece in ipairs(pieces) do
    all_typable = all_typable and (not piece.text or shell.is_typable(piece.text))
    has_variable = has_variable or piece.variable ~= nil
  end
  local first <const> = pieces[1].text and pieces[1].text ~= "" and pieces[1] or pieces[2] or pieces[1]
  if all_typable and first.text and not first.text:find "^@" then return shell.word(pieces) end
  if all_typable then return "@-", ("printf %%s %s"):format(shell.word(pieces)) end
  if has_variable then
    errors.raise {
      kind = "repl.curl", op = "curl", message = "the body holds a secret among bytes that cannot be typed",
    }
  end
  return "@-", "printf " .. shell.printf_format(body)
end

local function add_method(words, request)
  if request.method == "HEAD" then
    words[#words + 1] = "--head"
  elseif request.method ~= "GET" or request.body then
    words[#words + 1] = "-X " .. request.method
  end
end

local function add_url(words, names, request)
  local url <const> = http.reveal(request.url)
  if url:find "[%[%]{}]" then words[#words + 1] = "--globoff" end
  if url:find "/%.%.?[/?]" or url:find "/%.%.?$" then words[#words + 1] = "--path-as-is" end
  words[#words + 1] = url_word(names, request.url)
end

local function add_way(words, names, request)
  if request.ca_file and http.reveal(request.url):find "^https:" then
    words[#words + 1] = "--cacert " .. shell.quote(request.ca_file)
  end
  if request.proxy == false then words[#words + 1] = "--noproxy '*'" end
  if request.proxy then
    words[#words + 1] = "--proxy " .. shell.word(pieces_of(names, http.reveal(request.proxy),
      type(request.proxy) ~= "string", "HTTPS_PROXY"))
  end
end

local LINE <const> = 100 -- columns from which each option has a line of its own

-- Where the other tools get them from. Sources: AWS CLI, "configure export-credentials"; GitHub CLI, "auth token".
local FROM_AWS <const> = [[eval "$(aws configure export-credentials --format env)"]]
local WHENCE <const> = {
  AWS_ACCESS_KEY_ID = FROM_AWS, AWS_SECRET_ACCESS_KEY = FROM_AWS, AWS_SESSION_TOKEN = FROM_AWS,
  GH_TOKEN = [[export GH_TOKEN="$(gh auth token)"]],
}

local function add_notes(notes, names, one)
  if one.replaced then
    table.insert(notes, 1, "a request of the simulated world: it went over no network, and this address answers "
      .. "nothing, or something else")
  end
  for _, name in ipairs(names.order) do
    if not environment.get(name) then
      notes[#notes + 1] = ("$%s is not set here: %s"):format(name, WHENCE[name] or "export it first")
    end
  end
end

---The command line that repeats an exchange's request; lines that begin with # say what is to be known of it.
---@param one repl.Exchange
---@return string
---errors: kind "repl.curl": its request is not kept any more, or no command line can carry it
function M.command(one)
  local request <const> = one.request
  if not request or request.cut then
    errors.raise {
      kind = "repl.curl", op = "curl", target = ("#%d"):format(one.number),
      message = request and ("its body is too large to be kept: %d bytes"):format(one.sent)
        or "its request is not kept any more",
      hint = "only the newest 50 are",
    }
  end
  local names <const>, notes, words = new_names(), {}, {}
  local region <const>, service = aws_scope(request.headers)
  add_method(words, request)
  add_url(words, names, request)
  if region then add_aws(words, notes, names, request, region, service) end
  add_headers(words, names, request, one.host, region ~= nil)
  local body, piped = body_word(names, request)
  if not body and BODY_METHODS[request.method] then body = "''" end
  if body then words[#words + 1] = "--data-binary " .. body end
  words[#words + 1] = "--compressed"
  add_way(words, names, request)
  add_notes(notes, names, one)
  local command = "curl " .. table.concat(words, " ")
  if #command > LINE then command = "curl " .. table.concat(words, " \\\n  ") end
  if piped then command = piped .. " | " .. command end
  for i, note in ipairs(notes) do notes[i] = "# " .. note end
  notes[#notes + 1] = command
  return table.concat(notes, "\n")
end

return M
