--- Signing: any request is refused as a misuse, or signed; and what is signed has one canonical form, which is computed
--- here once more, plainly, from AWS's page.
---
--- The input is fields with a NUL behind each: flags, method, service, region, session token, URL, body, then headers
--- "name:value". In a field \1 stands for NUL.
local answers = require "spec.fuzz.answers"
local http = require "fairlead.http"
local sigv4 = require "fairlead.sigv4"

local FLAGS <const> = { "normalize_path", "double_encode", "sign_payload_header", "omit_session_token", "as_map",
  "secrets", "unsigned" }
local KEY <const> = { access_key_id = "AKIDEXAMPLE", secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" }

local function request_of(input)
  local fields, flags = answers.fields(input), {}
  local bits = fields[1]:byte() or 0
  for i, name in ipairs(FLAGS) do flags[name] = bits & (1 << (i - 1)) ~= 0 end
  local hide = flags.secrets and secret or function(text) return text end
  local headers = {}
  for i = 8, #fields do
    local name, value = fields[i]:match "^([^:]*):(.*)$"
    name, value = name or fields[i], hide(value or "")
    if flags.as_map then headers[name] = value else headers[#headers + 1] = { name, value } end
  end
  return {
    method = fields[2], service = fields[3] or "", region = fields[4] or "", url = fields[6] or "",
    body = hide(fields[7] or ""), headers = headers, time = 1772442000,
    payload_hash = flags.unsigned and "UNSIGNED-PAYLOAD" or nil,
    credentials = { access_key_id = KEY.access_key_id, secret_access_key = hide(KEY.secret_access_key),
      session_token = fields[5] and fields[5] ~= "" and hide(fields[5]) or nil },
    normalize_path = flags.normalize_path, double_encode = flags.double_encode,
    sign_payload_header = flags.sign_payload_header, omit_session_token = flags.omit_session_token,
  }
end

local function escape(byte) return ("%%%02X"):format(byte:byte()) end

local function encode(text) return (text:gsub("[^%w%-._~]", escape)) end

local function decode(text)
  return (text:gsub("%%(%x%x)", function(digits) return string.char(tonumber(digits, 16)) end))
end

local function plain_path(request)
  local path = request.url:match "^%a+://[^/?#]*([^?#]*)"
  if path == "" then path = "/" end
  if request.normalize_path then
    local kept = {}
    for segment in path:gmatch "[^/]+" do
      if segment == ".." then kept[#kept] = nil elseif segment ~= "." then kept[#kept + 1] = segment end
    end
    path = (kept[1] and "/" or "") .. table.concat(kept, "/") .. (path:sub(-1) == "/" and "/" or "")
    if path == "" then path = "/" end
  end
  if request.double_encode then return (path:gsub("[^%w%-._~/]", escape)) end
  -- What cannot stand in a path is escaped; a % stays where two digits follow.
  return (path:gsub("()([^%w%-._~/!$&'()*+,;=:@])", function(at, byte)
    return byte == "%" and path:find("^%%%x%x", at) and "%" or escape(byte)
  end))
end

local function plain_query(request)
  local parameters = {}
  for parameter in (request.url:match "^[^?#]*%?([^#]*)" or ""):gmatch "[^&]+" do
    local name, value = parameter:match "^([^=]*)=(.*)$"
    parameters[#parameters + 1] = { encode(decode(name or parameter)), encode(decode(value or "")) }
  end
  table.sort(parameters, function(a, b)
    if a[1] ~= b[1] then return a[1] < b[1] end
    return a[2] < b[2]
  end)
  for i, pair in ipairs(parameters) do parameters[i] = pair[1] .. "=" .. pair[2] end
  return table.concat(parameters, "&")
end

local function check_signed(request, signed)
  local canonical = http.reveal(signed.canonical_request)
  local lines = {}
  for line in (canonical .. "\n"):gmatch "([^\n]*)\n" do lines[#lines + 1] = line end
  assert(lines[1] == request.method:upper(), "another method")
  assert(lines[2] == plain_path(request), "another path: " .. plain_path(request))
  assert(lines[3] == plain_query(request), "another query: " .. plain_query(request))
  local names = {}
  for i = 4, #lines - 3 do
    names[#names + 1] = assert(lines[i]:match "^([^:]+):[^\0-\31\127]*$", "a header line that is none")
  end
  assert(lines[#lines - 2] == "" and lines[#lines - 1] == table.concat(names, ";"), "other names of signed headers")
  for i = 2, #names do assert(names[i - 1] < names[i], "names that are not sorted") end
  assert(signed.signature:find "^%x+$" and #signed.signature == 64)
  for name, value in pairs(signed.headers) do
    for _, one in ipairs(type(value) == "table" and value or { value }) do
      assert(not http.reveal(one):find "[\r\n%z]", "a line break to be sent in " .. name)
    end
  end
end

local M = {}

---@param input string
function M.run(input)
  local request = request_of(input)
  local ok, signed = pcall(sigv4.sign, request)
  if not ok then
    assert(type(signed) == "string" and signed:find("bad argument #1 to 'sigv4.sign' (", 1, true), signed)
    return
  end
  check_signed(request, signed)
  assert(sigv4.sign(request).signature == signed.signature, "another signature the second time")
  local url = sigv4.presign(request)
  assert(url:find "[?&]X%-Amz%-Signature=%x+$" and not url:find "[%c]", "a URL that is none")
  request.url = url
  ok = pcall(sigv4.presign, request)
  assert(not ok, "signed twice")
end

return M
