--- Objects of any size, in parts: each part is a call of its own, which is repeated when it fails, and no more than a
--- few parts are in memory.
---
--- Sources: Amazon S3 User Guide, "Uploading and copying objects using multipart upload" (limits of parts),
--- "Performance guidelines" (byte-range fetches); a part of a download asks for the same ETag, so that no object is put
--- together from two versions.
local errors = require "fairlead.errors"
local task = require "fairlead.task"

local operations = require "fairlead.aws.s3.operations"
local wire = require "fairlead.aws.s3.wire"

local M = {}

local PART <const> = 8 * 1024 * 1024 -- bytes
local SMALLEST_PART <const> = 5 * 1024 * 1024 -- bytes; of an upload, but for the last part
local MOST_PARTS <const> = 10000
local AT_A_TIME <const> = 4

---@class fairlead.aws.s3.TransferOptions
---@field progress? fun(done: integer, total: integer) bytes; after each part
---@field part_size? integer bytes, default 8 MiB
---@field timeout? number seconds for each part with its retries; default the client's

local function part_size(options, least)
  local size <const> = options.part_size or PART
  if math.type(size) ~= "integer" or size < least then
    error(("bad options (part_size: a whole number from %d expected, got %s)"):format(least, tostring(size)), 0)
  end
  return size
end

local function copy(from)
  local to = {}
  for key, value in pairs(from) do
    to[key] = value
  end
  return to
end

local function incomplete(about, text, ...)
  errors.raise { kind = "http.truncated", op = "s3.GetObject", target = about, message = text:format(...),
    retryable = true }
end

--- Gives an object to `options.sink` in pieces.
---@async
---@param client fairlead.aws.Client
---@param parameters table of GetObject
---@param options table sink, and fairlead.aws.s3.TransferOptions
---@return table output of GetObject, without its body
--- raises as the operation does; aws.api with code PreconditionFailed when the object was replaced meanwhile
function M.stream(client, parameters, options)
  local sink <const>, progress <const> = options.sink, options.progress
  local each <const> = { timeout = options.timeout }
  if parameters.Range or parameters.PartNumber then
    return client:call("GetObject", parameters, { timeout = options.timeout, sink = sink, single = true })
  end
  local size <const> = part_size(options, 1)
  local asked <const> = copy(parameters)
  asked.Range = ("bytes=0-%d"):format(size - 1)
  local first, err = try(client.call, client, "GetObject", asked, each)
  if not first and err.status == 416 then -- an empty object has no first byte
    first, err = client:call("GetObject", parameters, each), nil
  end
  if not first then
    error(err, 0)
  end
  local total <const> = math.tointeger(tonumber((first.ContentRange or ""):match "/(%d+)$")) or #first.Body
  asked.IfMatch = parameters.IfMatch or first.ETag
  asked.IfNoneMatch, asked.IfModifiedSince = nil, nil -- they have been asked
  local position, body = 0, first.Body
  first.Body, first.ContentRange, first.ContentLength = "", nil, total
  while true do
    if #body > 0 then
      sink(body)
    end
    position = position + #body
    if progress then
      progress(position, total)
    end
    if position >= total then
      return first
    elseif #body == 0 then
      incomplete(("%s/%s"):format(parameters.Bucket, parameters.Key), "ended after %d of %d bytes", position, total)
    end
    asked.Range = ("bytes=%d-%d"):format(position, math.min(position + size, total) - 1)
    body = client:call("GetObject", asked, each).Body
  end
end

local function failed(operation, path, reason)
  errors.raise { kind = "script", op = operation, target = path, message = reason }
end

-- A file that is not complete is not left behind.
local function remove_unless_done(state)
  return setmetatable(state, { __close = function()
    state.file:close()
    if not state.done then
      os.remove(state.path)
    end
  end })
end

--- Writes an object to a file, which is there when all of it is.
---@async
---@param client fairlead.aws.Client
---@param parameters table of GetObject
---@param path string
---@param options? fairlead.aws.s3.TransferOptions
---@return table output of GetObject, without its body
--- raises as the operation does
function M.download(client, parameters, path, options)
  local whole <const> = copy(options or {})
  local partial <const> = path .. ".part"
  local file, reason = io.open(partial, "wb")
  if not file then
    failed("s3.download", path, reason)
  end
  local state <close> = remove_unless_done { file = file, path = partial }
  function whole.sink(chunk)
    local ok, problem = file:write(chunk)
    if not ok then
      failed("s3.download", path, problem)
    end
  end
  local output <const> = M.stream(client, parameters, whole)
  local ok, problem = file:flush()
  if ok then
    ok, problem = os.rename(partial, path)
  end
  if not ok then
    failed("s3.download", path, problem)
  end
  state.done = true
  return output
end

--- Those of a call's parameters that an operation takes, too.
local function taken(operation, parameters)
  local some = {}
  for member, value in pairs(parameters) do
    some[member] = operations.list[operation].places[member] and value or nil
  end
  return some
end

-- What is told of a body says nothing of its parts.
local OF_THE_BODY <const> = { Body = true, ContentLength = true, ContentMD5 = true, WriteOffsetBytes = true }

local function check_upload(parameters)
  for member in pairs(parameters) do
    if OF_THE_BODY[member] or (member ~= "ChecksumAlgorithm" and tostring(member):find "^Checksum") then
      error(("bad parameters for s3.upload (%s is of one body; leave it out)"):format(member), 0)
    end
  end
  wire.check("PutObject", parameters)
end

-- Parts that were sent cost money until the upload is given up.
local function abort_unless_done(client, upload)
  return setmetatable(upload, { __close = function()
    if not upload.done then
      try(client.call, client, "AbortMultipartUpload", taken("AbortMultipartUpload", upload.parameters))
    end
  end })
end

local function read_at(file, path, offset, length)
  local ok, reason = file:seek("set", offset)
  local body = ok and file:read(length)
  if not body or #body ~= length then
    failed("s3.upload", path, reason or "became shorter while it was read")
  end
  return body
end

local function upload_parts(client, file, path, total, size, parameters, options)
  local begun <const> = client:call("CreateMultipartUpload", taken("CreateMultipartUpload", parameters))
  local all <const> = copy(parameters)
  all.UploadId = begun.UploadId
  local upload <close> = abort_unless_done(client, { parameters = all })
  local numbers, sent = {}, 0
  for number = 1, (total + size - 1) // size do
    numbers[number] = number
  end
  local parts <const> = task.map(numbers, function(number)
    local offset <const> = (number - 1) * size
    local one <const> = taken("UploadPart", all)
    one.PartNumber, one.Body = number, read_at(file, path, offset, math.min(size, total - offset))
    local output <const> = client:call("UploadPart", one, { timeout = options.timeout, unsigned = true })
    sent = sent + #one.Body
    if options.progress then
      options.progress(sent, total)
    end
    return { PartNumber = number, ETag = output.ETag, ChecksumSHA1 = output.ChecksumSHA1,
      ChecksumSHA256 = output.ChecksumSHA256 }
  end, { limit = AT_A_TIME })
  local last <const> = taken("CompleteMultipartUpload", all)
  last.MultipartUpload = { Parts = parts }
  local output <const> = client:call("CompleteMultipartUpload", last)
  upload.done = true
  return output
end

--- Makes a file an object: in one request, or in parts when it is longer than one.
---@async
---@param client fairlead.aws.Client
---@param path string
---@param parameters table of PutObject, without a body; IfNoneMatch and IfMatch hold for the object as a whole
---@param options? fairlead.aws.s3.TransferOptions
---@return table output of PutObject or CompleteMultipartUpload
--- raises as these do
function M.upload(client, path, parameters, options)
  if type(path) ~= "string" or type(parameters) ~= "table" then
    error(("bad argument #%d to 'upload' (%s expected)"):format(type(path) == "string" and 2 or 1,
      type(path) == "string" and "table" or "string"), 2)
  end
  options = options or {}
  check_upload(parameters)
  local size = part_size(options, SMALLEST_PART)
  local opened, reason = io.open(path, "rb")
  if not opened then
    failed("s3.upload", path, reason)
  end
  local file <close> = opened
  local total <const> = file:seek "end"
  if not total then
    failed("s3.upload", path, "is no file whose length can be told")
  elseif total > size then
    size = math.max(size, (total + MOST_PARTS - 1) // MOST_PARTS)
    return upload_parts(client, file, path, total, size, parameters, options)
  end
  local one <const> = copy(parameters)
  one.Body = total == 0 and "" or read_at(file, path, 0, total)
  local output <const> = client:call("PutObject", one, { timeout = options.timeout, unsigned = true })
  if options.progress then
    options.progress(total, total)
  end
  return output
end

return M
