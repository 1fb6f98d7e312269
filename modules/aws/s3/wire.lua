--- S3's protocol, rest-xml: an operation's parameters as a request, an answer as its output.
---
--- Sources: "AWS restXml protocol" in the Smithy specification; botocore `serialize.py` (RestXMLSerializer) and
--- `handlers.py` (CopySource, customer keys, `encoding-type=url`, failures inside a 200).
local answer = require "fairlead.service.answer"
local digest = require "fairlead.digest"
local errors = require "fairlead.errors"
local http = require "fairlead.http"
local json = require "fairlead.json"
local nearest = require "fairlead.nearest"
local operations = require "fairlead.aws.s3.operations"
local sorted = require "fairlead.sorted"
local xml = require "fairlead.xml"

local M = {}

local NAMESPACE <const> = "http://s3.amazonaws.com/doc/2006-03-01/"

-- ---- parameters ----------------------------------------------------------------------------------------

local function misuse(name, text, ...)
  error(("bad parameters for s3.%s (%s)"):format(name, text:format(...)), 0)
end

local function check_names(name, known, given, where)
  for key in sorted(given) do
    if known[key] == nil then
      local meant <const> = type(key) == "string" and nearest.name(key, known)
      misuse(name, "there is no '%s%s'%s", where, tostring(key), meant and (", but there is '%s'"):format(meant) or "")
    end
  end
end

--- An operation's description, when its parameters' names are right and none is missing.
---@param name string
---@param parameters table
---@return fairlead.aws.s3.Operation
--- raises a misuse, which names the nearest right one
function M.check(name, parameters)
  local operation <const> = operations.list[name]
  if not operation then
    local meant <const> = nearest.name(name, operations.list)
    error(("s3 has no operation '%s' here%s"):format(name, meant and (", but there is '%s'"):format(meant) or ""), 0)
  end
  check_names(name, operation.places, parameters, "")
  for _, required in ipairs(operation.required) do
    if parameters[required] == nil or parameters[required] == "" then
      misuse(name, "'%s' is missing", required)
    end
  end
  return operation
end

local function is_secret(value)
  return type(value) == "userdata" and value ~= json.null
end

-- Kinds of values, from Lua to text; nil when a value is none.
local TEXTS <const> = {
  string = function(value)
    return (type(value) == "string" or is_secret(value)) and value or math.type(value) and tostring(value) or nil
  end,
  integer = function(value)
    local number <const> = math.tointeger(tonumber(value))
    return number and ("%d"):format(number)
  end,
  boolean = function(value) return type(value) == "boolean" and tostring(value) or nil end,
  date = function(value)
    return type(value) == "string" and value or type(value) == "number"
      and os.date("!%a, %d %b %Y %H:%M:%S GMT", math.floor(value)) or nil
  end,
  time = function(value)
    return type(value) == "string" and value or type(value) == "number"
      and os.date("!%Y-%m-%dT%H:%M:%SZ", math.floor(value)) or nil
  end,
  list = function(value) return type(value) == "table" and table.concat(value, ",") or nil end,
}
local EXPECTED <const> = { string = "a text", integer = "a whole number", boolean = "true or false", list = "a list",
  date = "unix seconds, or a date as HTTP has it", time = "unix seconds, or an ISO 8601 time" }

local function text_of(name, member, kind, value)
  local text <const> = TEXTS[kind](value)
  if text == nil then
    misuse(name, "%s: %s expected, got %s", member, EXPECTED[kind], type(value))
  end
  return text
end

--- Percent-encodes all but unreserved characters, and those of `kept`.
---@param text string
---@param kept? string as in a set of a pattern
---@return string
function M.escape(text, kept)
  return (text:gsub("[^%w%-._~" .. (kept or "") .. "]", function(byte) return ("%%%02X"):format(byte:byte()) end))
end

-- ---- XML of requests -----------------------------------------------------------------------------------

local ESCAPES <const> = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }

-- A line break would be read as a space, or as another line break.
local function escape_xml(text)
  return (text:gsub('[&<>"]', ESCAPES):gsub("[\r\n]", function(break_) return ("&#x%X;"):format(break_:byte()) end))
end

local write

local function write_fields(name, shape, value, where, parts)
  if type(value) ~= "table" then
    misuse(name, "%s: a table expected, got %s", where, type(value))
  end
  check_names(name, shape, value, where .. ".")
  for key, item in sorted(value) do
    write(name, shape[key], item, key, where .. "." .. key, parts)
  end
end

function write(name, shape, value, key, where, parts)
  if type(shape) == "string" then
    parts[#parts + 1] = ("<%s>%s</%s>"):format(key, escape_xml(text_of(name, where, shape, value)), key)
    return
  elseif type(value) ~= "table" then
    misuse(name, "%s: a list expected, got %s", where, type(value))
  end
  for i, item in ipairs(value) do
    parts[#parts + 1] = ("<%s>"):format(shape.list)
    write_fields(name, shape.of, item, ("%s[%d]"):format(where, i), parts)
    parts[#parts + 1] = ("</%s>"):format(shape.list)
  end
end

local function document(name, operation, value)
  local parts = { ('<%s xmlns="%s">'):format(operation.element, NAMESPACE) }
  write_fields(name, operation.shape, value, operation.payload, parts)
  parts[#parts + 1] = ("</%s>"):format(operation.element)
  return table.concat(parts)
end

-- ---- requests ------------------------------------------------------------------------------------------

local function raw(hex)
  return (hex:gsub("%x%x", function(pair) return string.char(tonumber(pair, 16)) end))
end

local function copy_source(name, value)
  if type(value) == "table" then
    check_names(name, { Bucket = true, Key = true, VersionId = true }, value, "CopySource.")
    if type(value.Bucket) ~= "string" or type(value.Key) ~= "string" then
      misuse(name, "CopySource: {Bucket=, Key=} expected")
    end
    return M.escape(value.Bucket .. "/" .. value.Key, "/")
      .. (value.VersionId and "?versionId=" .. value.VersionId or "")
  end
  local text <const> = text_of(name, "CopySource", "string", value)
  local path <const>, version = text:match "^(.-)(%?versionId=%S+)$"
  return M.escape(path or text, "/") .. (version or "")
end

-- The key is sent in Base64, with its own checksum.
local function customer_key(headers, name, value)
  local places <const> = operations.headers
  local plain <const> = is_secret(value) and http.reveal(value) or value
  headers[places[name].name] = secret(digest.base64(plain))
  local sum <const> = places[name .. "MD5"].name
  headers[sum] = headers[sum] or digest.base64(raw(digest.md5(plain)))
end

local CHECKSUMS <const> = { SHA256 = { "x-amz-checksum-sha256", digest.sha256 },
  SHA1 = { "x-amz-checksum-sha1", digest.sha1 } }

local function add_checksum(name, operation, parameters, headers, body)
  local algorithm <const> = parameters.ChecksumAlgorithm
  if not (algorithm and operation.payload) then
    return
  end
  local one <const> = CHECKSUMS[algorithm]
  if not one and not (operation.places["Checksum" .. algorithm] and parameters["Checksum" .. algorithm]) then
    misuse(name, "ChecksumAlgorithm: SHA256 and SHA1 are made here; give another's checksum yourself")
  end
  if one and not headers[one[1]] then
    headers[one[1]] = digest.base64(raw(one[2](body)))
  end
end

local function add_metadata(name, metadata, headers)
  if type(metadata) ~= "table" then
    misuse(name, "Metadata: a table expected, got %s", type(metadata))
  end
  for key, value in sorted(metadata) do
    local text <const> = TEXTS.string(value)
    local plain <const> = text and (is_secret(text) and http.reveal(text) or text)
    if not plain or not tostring(key):find "^[%w!#$%%&'*+%-.^_`|~]+$" or plain:find "[^\32-\126]" then
      misuse(name, "Metadata.%s: names and values are of ASCII characters, without line breaks", tostring(key))
    end
    headers[operations.METADATA .. key] = text
  end
end

---@class fairlead.aws.s3.Request
---@field operation string
---@field method string
---@field bucket string?
---@field key string?
---@field query string encoded, without "?"
---@field headers table<string, string|Secret>
---@field body string|Secret|nil

--- An operation's request, but for its address.
---@param name string
---@param parameters table
---@return fairlead.aws.s3.Request
--- raises a misuse
function M.encode(name, parameters)
  local operation <const> = M.check(name, parameters)
  local query, headers, body = {}, {}, nil
  for field, value in sorted(operation.query) do
    query[#query + 1] = value == "" and field or field .. "=" .. value
  end
  for member, value in sorted(parameters) do
    local place <const> = operation.places[member]
    if member == "Body" then
      body = TEXTS.string(value)
      if not body then
        misuse(name, "Body: a text expected, got %s; `upload` takes a file", type(value))
      end
    elseif place == "body" then
      body = document(name, operation, value)
    elseif place == "query" then
      local field <const> = operations.query[member]
      query[#query + 1] = field.name .. "=" .. M.escape(text_of(name, member, field.kind, value))
    elseif place == "metadata" then
      add_metadata(name, value, headers)
    elseif member == "CopySource" then
      headers["x-amz-copy-source"] = copy_source(name, value)
    elseif member:find "SSECustomerKey$" then
      customer_key(headers, member, value)
    elseif place == "header" then
      local field <const> = operations.headers[member]
      headers[operation.headers and operation.headers[member] or field.name] =
        text_of(name, member, field.kind, value)
    end
  end
  if operation.payload == "Body" and parameters.ContentLength then
    local length <const> = #(is_secret(body) and http.reveal(body) or body or "")
    if math.tointeger(parameters.ContentLength) ~= length then
      misuse(name, "ContentLength: the body has %d bytes", length)
    end
    headers["Content-Length"] = nil -- the transport tells it
  end
  if name == "ListObjectsV2" and not parameters.EncodingType then
    query[#query + 1] = "encoding-type=url" -- keys may hold what XML cannot
  elseif name == "DeleteObjects" then
    headers["Content-MD5"] = digest.base64(raw(digest.md5(body)))
  end
  if operation.payload and not body then
    body = ""
  end
  add_checksum(name, operation, parameters, headers, body)
  if operation.element and not headers["Content-Type"] then
    headers["Content-Type"] = "application/xml"
  end
  return { operation = name, method = operation.method, bucket = parameters.Bucket, key = parameters.Key,
    query = table.concat(query, "&"), headers = headers, body = body }
end

-- ---- answers -------------------------------------------------------------------------------------------

-- A text that is not what it should be stays as it is: better than nothing in its place.
local VALUES <const> = {
  string = function(text) return text end,
  integer = function(text) return math.tointeger(tonumber(text)) or text end,
  boolean = function(text)
    if text == "true" or text == "false" then
      return text == "true"
    end
    return text
  end,
  date = function(text) return answer.http_date(text) or answer.time(text) or text end,
  time = function(text) return answer.time(text) or answer.http_date(text) or text end,
}

local function content(element)
  local parts = {}
  for _, child in ipairs(element) do
    parts[#parts + 1] = type(child) == "string" and child or nil
  end
  return table.concat(parts)
end

local read

local function read_fields(element, shape)
  local value, items = {}, {}
  for key, kind in pairs(shape) do
    if type(kind) == "table" and kind.list then
      value[key] = json.array {}
      items[kind.wrapped and key or kind.list] = { key, kind }
    end
  end
  for _, child in ipairs(element) do
    if type(child) == "table" then
      local item <const> = items[child.name]
      if item and item[2].wrapped then
        for _, inner in ipairs(child) do
          if type(inner) == "table" then
            table.insert(value[item[1]], read(inner, item[2].of))
          end
        end
      elseif item then
        table.insert(value[item[1]], read(child, item[2].of))
      elseif shape[child.name] then
        value[child.name] = read(child, shape[child.name].of or shape[child.name])
      end
    end
  end
  return value
end

function read(element, shape)
  if type(shape) == "string" then
    return VALUES[shape](content(element))
  end
  return read_fields(element, shape)
end

local function plain(text)
  return (text:gsub("+", " "):gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

--- Keys as they are, where they were encoded because XML cannot hold all characters.
local function decode_keys(output)
  for _, field in ipairs { "Prefix", "Delimiter", "StartAfter" } do
    output[field] = output[field] and plain(output[field])
  end
  for _, object in ipairs(output.Contents) do
    object.Key = object.Key and plain(object.Key)
  end
  for _, prefix in ipairs(output.CommonPrefixes) do
    prefix.Prefix = prefix.Prefix and plain(prefix.Prefix)
  end
  output.EncodingType = nil
end

local function parse(text)
  return try(xml.decode, text and text:match "%S.*" or "") -- a long copy's answer begins with spaces
end

--- Whether an answer of 200 tells of a failure all the same: S3 begins its answer before a long copy is done.
---@param name string
---@param response table
---@return boolean
function M.failed_late(name, response)
  if not operations.list[name].fails_late then
    return false
  end
  local root <const> = parse(response.body)
  return not root or root.name == "Error"
end

--- An answer's output.
---@param name string
---@param parameters table
---@param response table
---@param about {kind: string, op: string, target: string} for the error when the body is something else
---@return table output
function M.decode(name, parameters, response, about)
  local operation <const> = operations.list[name]
  local output = {}
  if operation.output then
    local root <const>, err = parse(response.body)
    if not root then
      errors.raise {
        kind = about.kind, op = about.op, target = about.target, status = response.status, cause = err,
        message = ("answered %d with something that is not XML (%s, %d bytes)"):format(response.status,
          response.headers["content-type"] or "no content type", #(response.body or "")),
        hint = "does the address belong to S3, and is no proxy answering in its place?",
      }
    end
    output = read_fields(root, operation.output)
    if operation.within then
      output = { [operation.within] = output }
    end
    if name == "ListObjectsV2" and not parameters.EncodingType and output.EncodingType == "url" then
      decode_keys(output)
    end
  end
  for member in pairs(operation.gives) do
    local field <const> = operations.headers[member]
    local text <const> = field and response.headers[field.name]
    if text then
      output[member] = VALUES[field.kind](text)
    end
  end
  if operation.gives.Metadata then
    output.Metadata = {}
    for header, value in pairs(response.headers) do
      local key <const> = header:lower():match "^x%-amz%-meta%-(.+)$"
      if key then
        output.Metadata[key] = value
      end
    end
  end
  if name == "GetObject" then
    output.Body = response.body
  end
  return output
end

return M
