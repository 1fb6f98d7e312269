--- What S3 has of its own beside its operations: requests over buckets' addresses, presigned URLs, files up and down.
local clock = require "fairlead.clock"
local sigv4 = require "fairlead.sigv4"

local address = require "fairlead.aws.s3.address"
local operations = require "fairlead.aws.s3.operations"
local transfer = require "fairlead.aws.s3.transfer"
local wire = require "fairlead.aws.s3.wire"

local M = {}

local LONGEST <const> = 7 * 86400 -- seconds that a presigned URL may be good for

-- Answers to HEAD have no body, and so no code: these are what the same refusals of GET have.
local CODES <const> = { [304] = "NotModified", [400] = "BadRequest", [403] = "AccessDenied", [404] = "NotFound",
  [405] = "MethodNotAllowed", [409] = "ConditionalRequestConflict", [412] = "PreconditionFailed",
  [416] = "InvalidRange" }

--- Makes a client one of S3's.
---@param client fairlead.aws.Client
---@param options {addressing_style?: "auto"|"virtual"|"path"}
function M.open(client, options)
  client.addressing = address.style(client.session, options.addressing_style)
  client.bucket_regions = {}
end

--- Whether a call is one that is made of several.
---@param operation string
---@param options table
function M.is_stream(operation, options)
  return operation == "GetObject" and options.sink ~= nil and not options.single
end

M.stream = transfer.stream

--- An operation's request, as the client's loop takes it.
---@param client fairlead.aws.Client
---@param operation string
---@param parameters table
---@param options table
---@return table request
--- raises a misuse
function M.request(client, operation, parameters, options)
  local encoded <const> = wire.encode(operation, parameters)
  encoded.headers["User-Agent"] = "fairlead"
  local request <const> = {
    method = encoded.method, headers = encoded.headers, body = encoded.body, repeatable = true, codes = CODES,
    normalize_path = false, double_encode = false, sign_payload_header = true,
    -- An object is given as it is stored, and ranges are of those bytes. Proxies change this header: it is not signed.
    unsigned_headers = { ["Accept-Encoding"] = "identity" },
    idle_timeout = client.request_timeout, max_body = options.max_body,
  }
  function request.locate()
    local url <const> = address.url(client, encoded.bucket, encoded.key)
    request.url = encoded.query ~= "" and url .. "?" .. encoded.query or url
    request.region = address.region(client, encoded.bucket)
    request.payload_hash = options.unsigned and request.url:find "^https:" and "UNSIGNED-PAYLOAD" or nil
  end
  function request.moved(err, response) return address.moved(client, encoded.bucket, err, response) end
  function request.failed_late(response) return wire.failed_late(operation, response) end
  function request.decode(response, about) return wire.decode(operation, parameters, response, about) end
  if options.sink then
    request.sink = function(chunk)
      request.spent = true -- what the sink has taken cannot be taken back for another attempt
      options.sink(chunk)
    end
  end
  request.locate()
  return request
end

---@class fairlead.aws.S3: fairlead.aws.Client what clients of "s3" have besides their operations
local methods = {}

M.methods = methods

--- A URL that lets whoever has it do one operation until it expires: hand it out with care.
---@async
---@param operation string
---@param parameters table as of the operation; a body is sent by whoever uses the URL
---@param options? {expires?: integer} seconds, 1 to 604800, default 900; it also ends with the credentials that made it
---@return string url
---@return table<string, string|Secret> headers that have to be sent with it
--- raises a misuse; aws.no_credentials
function methods:presign(operation, parameters, options)
  local expires <const> = options and options.expires or 900
  if not (math.tointeger(expires) and expires >= 1 and expires <= LONGEST) then
    error(("bad argument #3 to 'presign' (expires: a whole number of seconds up to %d expected, got %s)"):format(
      LONGEST, tostring(expires)), 2)
  end
  local plain = {}
  local known <const> = operations.list[operation]
  for member, value in pairs(parameters or {}) do
    plain[member] = not (known and known.payload == "Body" and member == "Body") and value or nil
  end
  local encoded <const> = wire.encode(operation, plain)
  if known.element then
    error(("bad argument #1 to 'presign' (%s is told by its body, which a URL does not hold)"):format(operation), 2)
  end
  local url <const> = address.url(self, encoded.bucket, encoded.key)
  local signed <const> = sigv4.presign {
    method = encoded.method, url = encoded.query ~= "" and url .. "?" .. encoded.query or url,
    headers = encoded.headers, payload_hash = "UNSIGNED-PAYLOAD", service = "s3",
    region = address.region(self, encoded.bucket), credentials = self.session:credentials(),
    time = clock.now() + self.session.clock_offset, expires = expires,
    normalize_path = false, double_encode = false,
  }
  return signed, encoded.headers
end

--- Makes a file an object: in one request, or in parts when it is longer than one.
---@async
---@param path string
---@param parameters table of PutObject, without a body; IfNoneMatch and IfMatch hold for the object as a whole
---@param options? fairlead.aws.s3.TransferOptions
---@return table output of PutObject or CompleteMultipartUpload
--- raises as these do
function methods:upload(path, parameters, options)
  return transfer.upload(self, path, parameters, options)
end

--- Writes an object to a file, which is there when all of it is.
---@async
---@param parameters table of GetObject
---@param path string
---@param options? fairlead.aws.s3.TransferOptions
---@return table output of GetObject, without its body
--- raises as GetObject does
function methods:download(parameters, path, options)
  return transfer.download(self, parameters, path, options)
end

return M
