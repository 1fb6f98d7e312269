--- A server that takes any request to AWS, answers with nothing in particular, and keeps what it was sent.
local json = require "fairlead.json"
local server = require "spec.support.server"
local xml = require "fairlead.xml"

local M = {}

local function decoded(text)
  return (text:gsub("+", " "):gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

-- A query or a form: its pairs, sorted.
local function pairs_of(text)
  local list = {}
  for item in (text or ""):gmatch "[^&]+" do
    local name, value = item:match "^([^=]*)=?(.*)$"
    list[#list + 1] = decoded(name) .. "=" .. decoded(value)
  end
  table.sort(list)
  return list
end

-- A document without what does not count: space between elements, the namespace's name.
local function tree_of(text)
  local function copy(element)
    local children = {}
    for _, child in ipairs(element) do
      if type(child) == "table" then
        children[#children + 1] = copy(child)
      elseif child:find "%S" then
        children[#children + 1] = child
      end
    end
    return { name = element.name, children = children }
  end
  return copy(xml.decode(text))
end

-- Data in chunks with a trailer, as the SDKs send objects: "content-encoding: aws-chunked".
local function unchunked(text)
  local parts, at = {}, 1
  while true do
    local size, first = text:match("^(%x+)[^\r\n]*\r\n()", at)
    local length = tonumber(size, 16)
    if length == 0 then return table.concat(parts) end
    parts[#parts + 1] = text:sub(first, first + length - 1)
    at = first + length + 2
  end
end

local function body_of(exchange)
  local kind, text = exchange.headers["content-type"] or "", exchange.body
  if (exchange.headers["content-encoding"] or ""):find "aws%-chunked" then text = unchunked(text) end
  if text == "" then
    return ""
  elseif kind:find "json" then
    return json.decode(text)
  elseif kind:find "form%-urlencoded" then
    return pairs_of(text)
  elseif text:find "^<" then
    return tree_of(text)
  end
  return text
end

local function answer(exchange)
  local operation = exchange.body:match "^Action=(%w+)" or exchange.body:match "&Action=(%w+)"
  if exchange.headers["x-amz-target"] then
    exchange:reply(200, { ["Content-Type"] = exchange.headers["content-type"] }, "{}")
  elseif exchange.headers["smithy-protocol"] then
    exchange:reply(200, { ["Content-Type"] = "application/cbor", ["smithy-protocol"] = "rpc-v2-cbor" }, "\xA0")
  elseif operation then
    exchange:reply(200, { ["Content-Type"] = "text/xml" }, ("<%sResponse><%sResult/></%sResponse>"):format(operation,
      operation, operation))
  elseif exchange.query and exchange.query:find "uploads" then
    exchange:reply(200, { ["Content-Type"] = "text/xml" }, "<R><UploadId>u</UploadId></R>")
  else
    exchange:reply(200, { ["Content-Type"] = "text/xml", ETag = '"e"' }, exchange.method ~= "HEAD" and "<R/>" or nil)
  end
end

---@return server.Server
function M.start()
  return server.start(answer)
end

-- A signature's parts: what it covers says what has to arrive unchanged.
local function signature_of(headers)
  local day, region, service, signed = (headers.authorization or ""):match
    "^AWS4%-HMAC%-SHA256 Credential=[^/]+/(%d+)/([^/]+)/([^/]+)/aws4_request, ?SignedHeaders=([^,]+),"
  return day and { scope = ("%s/%s"):format(region, service), day = day, signed = signed } or nil
end

---A request as it is compared with another one.
---@param exchange server.Exchange
---@return table
function M.describe(exchange)
  return {
    method = exchange.method, path = exchange.path, query = pairs_of(exchange.query), headers = exchange.headers,
    body = body_of(exchange), signature = signature_of(exchange.headers),
  }
end

return M
