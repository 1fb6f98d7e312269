--- A small S3 over real sockets, in path style, for specs: objects, conditions, ranges, lists, uploads in parts, and
--- faults on demand. It refuses what is signed wrongly.
---
---   local store <close> = s3_server.start { buckets = { site = {} } }
---   store.buckets.site["a key"] = store.object("text")
---   store.faults = { "503", "lost" }   -- for the next requests, one each; false: none
---
--- Source: Amazon S3 API Reference, "GetObject", "PutObject", "DeleteObject(s)", "HeadObject", "ListObjectsV2",
--- "CopyObject", "CreateMultipartUpload" and its sisters; "Error responses"; S3 User Guide, "Conditional writes".
local clock = require "fairlead.clock"
local digest = require "fairlead.digest"
local server = require "spec.support.server"
local signature = require "fairlead.world.aws.signature"
local xml = require "fairlead.xml"

local M = {}

M.CREDENTIALS = { access_key_id = "AKIDEXAMPLE", secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" }

local ESCAPES <const> = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;" }

local function element(name, text)
  return ("<%s>%s</%s>"):format(name, (tostring(text):gsub("[&<>]", ESCAPES)), name)
end

local function plain(text)
  return (text:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

local function fields(query)
  local values = {}
  for name, value in (query or ""):gmatch "([^&=]+)=?([^&]*)" do
    values[plain(name)] = plain(value)
  end
  return values
end

local function etag(body)
  return '"' .. digest.md5(body) .. '"'
end

function M.object(body, headers)
  return { body = body, etag = etag(body), headers = headers or {}, at = 1772442000 }
end

local function refuse(exchange, status, code, more)
  local body = status == 304 and "" or ("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>%s%s%s%s</Error>"):format(
    element("Code", code), element("Message", "The words for " .. code), more and more.xml or "",
    element("RequestId", "4442587FB7D0A2F9"))
  local headers = { ["Content-Type"] = "application/xml", ["x-amz-request-id"] = "4442587FB7D0A2F9" }
  for name, value in pairs(more and more.headers or {}) do
    headers[name] = value
  end
  exchange:reply(status, headers, body)
end

local function answer(exchange, root, content, status)
  exchange:reply(status or 200, { ["Content-Type"] = "application/xml" },
    ('<?xml version="1.0" encoding="UTF-8"?>\n<%s xmlns="http://s3.amazonaws.com/doc/2006-03-01/">%s</%s>'):format(root,
    content, root))
end

--- The request as the world's check of signatures takes it.
local function signed_request(exchange)
  local list = {}
  for name, value in exchange.raw_header:gmatch "\r\n([^:\r\n]+):[ \t]*([^\r\n]*)" do
    list[#list + 1] = { name, value }
  end
  return { method = exchange.method, scheme = "http", host = exchange.headers.host, path = exchange.path,
    raw_query = exchange.query or "", headers = list, body = exchange.body,
    header = function(name) return exchange.headers[name] end }
end

local function is_signed(exchange)
  local claim, refusal = signature.verify(signed_request(exchange), { AKIDEXAMPLE = M.CREDENTIALS }, "s3", clock.now())
  if not claim then
    refuse(exchange, 403, refusal.reason == "mismatch" and "SignatureDoesNotMatch" or "AccessDenied")
    return nil
  end
  local hash = exchange.headers["x-amz-content-sha256"]
  if hash ~= "UNSIGNED-PAYLOAD" and hash ~= digest.sha256(exchange.body) then
    refuse(exchange, 400, "XAmzContentSHA256Mismatch")
    return nil
  end
  return claim
end

--- Whether a condition is not met; then it has answered.
local function is_refused(exchange, object)
  local match, none = exchange.headers["if-match"], exchange.headers["if-none-match"]
  local reads = exchange.method == "GET" or exchange.method == "HEAD"
  if match and not object then
    refuse(exchange, 404, "NoSuchKey")
  elseif match and match ~= "*" and object.etag ~= match then
    refuse(exchange, 412, "PreconditionFailed", { xml = element("Condition", "If-Match") })
  elseif none and object and (none == "*" or object.etag == none) then
    refuse(exchange, reads and 304 or 412, reads and "NotModified" or "PreconditionFailed")
  else
    return false
  end
  return true
end

local function stored_headers(exchange)
  local headers = {}
  for name, value in pairs(exchange.headers) do
    if name:find "^x%-amz%-meta%-" or name == "content-type" or name == "content-encoding" then
      headers[name] = value
    end
  end
  return headers
end

local routes = {}

function routes.GET(store, exchange, bucket, key)
  local object = bucket[key]
  if not object then
    return refuse(exchange, 404, "NoSuchKey", { xml = element("Key", key) })
  elseif is_refused(exchange, object) then
    return
  end
  local headers = { ETag = object.etag, ["Last-Modified"] = os.date("!%a, %d %b %Y %H:%M:%S GMT", object.at),
    ["Accept-Ranges"] = "bytes" }
  for name, value in pairs(object.headers) do
    headers[name] = value
  end
  local from, to = (exchange.headers.range or ""):match "^bytes=(%d+)%-(%d*)$"
  if not from then
    headers["Content-Length"] = tostring(#object.body)
    return exchange:reply(200, headers, object.body)
  end
  from, to = math.tointeger(from), math.min(math.tointeger(to) or #object.body, #object.body - 1)
  if from >= #object.body then
    return refuse(exchange, 416, "InvalidRange")
  end
  headers["Content-Range"] = ("bytes %d-%d/%d"):format(from, to, #object.body)
  exchange:reply(206, headers, object.body:sub(from + 1, to + 1))
  if store.after_read then
    store.after_read(bucket, key)
  end
end
routes.HEAD = routes.GET

local function put(bucket, key, object)
  bucket[key] = object
  return object
end

function routes.PUT(store, exchange, bucket, key, query)
  local source = exchange.headers["x-amz-copy-source"]
  if query.uploadId then
    local upload = store.uploads[query.uploadId]
    if not upload then
      return refuse(exchange, 404, "NoSuchUpload")
    end
    upload.parts[math.tointeger(query.partNumber)] = exchange.body
    return exchange:reply(200, { ETag = etag(exchange.body) })
  elseif is_refused(exchange, bucket[key]) then
    return
  elseif source then
    local name, from = plain(source):match "^([^/]+)/(.*)$"
    local object = put(bucket, key, M.object(store.buckets[name][from].body))
    return answer(exchange, "CopyObjectResult", element("ETag", object.etag)
      .. element("LastModified", "2026-03-02T09:00:00.000Z"))
  end
  local object = put(bucket, key, M.object(exchange.body, stored_headers(exchange)))
  exchange:reply(200, { ETag = object.etag })
end

function routes.DELETE(store, exchange, bucket, key, query)
  if query.uploadId then
    store.uploads[query.uploadId] = nil
  elseif exchange.headers["if-match"] and is_refused(exchange, bucket[key]) then
    return
  else
    bucket[key] = nil
  end
  exchange:reply(204)
end

local function child_text(parent, name)
  for _, child in ipairs(parent) do
    if type(child) == "table" and child.name == name then
      return child[1] or ""
    end
  end
end

local function complete(store, exchange, bucket, key, id)
  local upload = store.uploads[id]
  if not upload then
    return refuse(exchange, 404, "NoSuchUpload")
  elseif is_refused(exchange, bucket[key]) then
    return
  end
  local bodies = {}
  for _, part in ipairs(xml.decode(exchange.body)) do
    local body = upload.parts[math.tointeger(child_text(part, "PartNumber"))]
    if not body or etag(body) ~= child_text(part, "ETag") then
      return refuse(exchange, 400, "InvalidPart")
    end
    bodies[#bodies + 1] = body
  end
  store.uploads[id] = nil
  local object = put(bucket, key, M.object(table.concat(bodies), upload.headers))
  object.etag = ('"%s-%d"'):format(digest.md5(object.body), #bodies)
  answer(exchange, "CompleteMultipartUploadResult", element("Key", key) .. element("ETag", object.etag))
end

function routes.POST(store, exchange, bucket, key, query)
  if query.uploads then
    store.last_upload = store.last_upload + 1
    local id = "upload/" .. store.last_upload
    store.uploads[id] = { parts = {}, headers = stored_headers(exchange) }
    return answer(exchange, "InitiateMultipartUploadResult", element("Key", key) .. element("UploadId", id))
  elseif query.uploadId then
    return complete(store, exchange, bucket, key, query.uploadId)
  end
  local parts = {} -- ?delete
  for _, object in ipairs(xml.decode(exchange.body)) do
    local name = object.name == "Object" and child_text(object, "Key")
    if name and name:find "^kept" then
      parts[#parts + 1] = ("<Error>%s%s</Error>"):format(element("Key", name), element("Code", "AccessDenied"))
    elseif name then
      bucket[name] = nil
      parts[#parts + 1] = ("<Deleted>%s</Deleted>"):format(element("Key", name))
    end
  end
  answer(exchange, "DeleteResult", table.concat(parts))
end

local function encoded(text)
  return (text:gsub("[^%w%-._~/]", function(byte) return ("%%%02X"):format(byte:byte()) end))
end

local function list(exchange, bucket, query)
  local names, groups, parts, last = {}, {}, {}, nil
  for key in pairs(bucket) do
    if key:sub(1, #(query.prefix or "")) == (query.prefix or "") and key > (query["continuation-token"] or "") then
      names[#names + 1] = key
    end
  end
  table.sort(names)
  local most = math.tointeger(query["max-keys"] or 1000)
  for i, key in ipairs(names) do
    local stop = query.delimiter and key:find(query.delimiter, #(query.prefix or "") + 1, true)
    if i > most then
      break
    elseif stop then
      groups[key:sub(1, stop)] = true
    else
      parts[#parts + 1] = ("<Contents>%s%s%s%s</Contents>"):format(element("Key", encoded(key)),
        element("LastModified", "2026-03-02T09:00:00.000Z"), element("ETag", bucket[key].etag),
        element("Size", #bucket[key].body))
    end
    last = key
  end
  for group in pairs(groups) do
    parts[#parts + 1] = ("<CommonPrefixes>%s</CommonPrefixes>"):format(element("Prefix", encoded(group)))
  end
  local more = #names > most
  answer(exchange, "ListBucketResult", table.concat(parts) .. element("EncodingType", "url")
    .. element("KeyCount", math.min(#names, most)) .. element("IsTruncated", more)
    .. (query["continuation-token"] and element("ContinuationToken", query["continuation-token"]) or "")
    .. (more and element("NextContinuationToken", last) or ""))
end

local function handle(store, exchange)
  local fault = table.remove(store.faults, 1)
  if fault == "503" then
    return refuse(exchange, 503, "SlowDown")
  elseif fault == "500 inside" then
    return answer(exchange, "Error", element("Code", "InternalError") .. element("Message", "We encountered an error"))
  elseif fault == "reset" then
    return exchange:reset()
  end
  local claim = is_signed(exchange)
  if not claim then
    return
  end
  local path = plain(exchange.path)
  local name, key = path:match "^/([^/]+)/?(.*)$"
  local bucket = name and store.buckets[name]
  if not name then
    local parts = {}
    for one in pairs(store.buckets) do
      parts[#parts + 1] = ("<Bucket>%s</Bucket>"):format(element("Name", one))
    end
    table.sort(parts)
    return answer(exchange, "ListAllMyBucketsResult", "<Buckets>" .. table.concat(parts) .. "</Buckets>")
  elseif not bucket then
    return refuse(exchange, 404, "NoSuchBucket")
  end
  local region = store.regions[name]
  if region and claim.region ~= region then
    return refuse(exchange, 301, "PermanentRedirect", { headers = { ["x-amz-bucket-region"] = region } })
  end
  local query = fields(exchange.query)
  if fault == "lost" then -- it is done, and nobody hears of it
    exchange.reply = exchange.reset
  end
  if key == "" and exchange.method == "HEAD" then
    exchange:reply(200, { ["x-amz-bucket-region"] = region or claim.region })
  elseif key == "" and exchange.method == "GET" then
    list(exchange, bucket, query)
  else
    routes[exchange.method](store, exchange, bucket, key, query)
  end
end

---@param options {buckets: table<string, table>, regions: table<string, string>?}
function M.start(options)
  local store = { buckets = options.buckets, regions = options.regions or {}, uploads = {}, last_upload = 0,
    faults = {}, object = M.object }
  local peer = server.start(function(exchange) handle(store, exchange) end)
  store.url, store.requests, store.failures = peer.url, peer.requests, peer.failures
  return setmetatable(store, { __close = function()
    peer:close()
    if peer.failures[1] then
      error(peer.failures[1], 0)
    end
  end })
end

return M
