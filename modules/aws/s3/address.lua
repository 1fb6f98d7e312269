--- Where a bucket is: its name in the host (`bucket.s3.…`), or in the path where that cannot be.
---
--- Sources: Amazon S3 User Guide, "Virtual hosting of buckets", "Making requests by using the REST API"; botocore
--- `utils.py` (check_dns_name, S3RegionRedirectorv2).
local endpoint = require "fairlead.aws.endpoint"
local errors = require "fairlead.errors"
local query = require "fairlead.aws.query"

local wire = require "fairlead.aws.s3.wire"

local M = {}

--- Whether an address is AWS's own for a region.
local function is_own(url, region)
  local host <const> = url:match "^https://([^/:]+)$"
  local name <const> = host and ("." .. region .. "." .. endpoint.partition(region).domain)
  return host ~= nil and host:sub(1, 2) == "s3" and host:sub(-#name) == name
end

--- A name that can be part of a host's, under the certificate of `*.s3.…`: without dots.
local function fits_host(bucket)
  return #bucket >= 3 and #bucket <= 63 and bucket:find "^[a-z0-9][a-z0-9-]*[a-z0-9]$" ~= nil
end

--- How a client names buckets: "virtual", "path", or "auto".
---@param session fairlead.aws.Session
---@param given string?
---@return "virtual"|"path"|"auto"
--- raises config.invalid
function M.style(session, given)
  local settings <const> = session:settings().s3
  local style <const> = given or type(settings) == "table" and settings.addressing_style or "auto"
  if style ~= "virtual" and style ~= "path" and style ~= "auto" then
    errors.raise { kind = "config.invalid", op = "aws.session", target = tostring(style),
      message = "is no addressing style", hint = "s3's addressing_style is auto, virtual or path" }
  end
  return style
end

--- The region that a request is for.
---@param client fairlead.aws.Client
---@param bucket string?
---@return string
function M.region(client, bucket)
  return bucket and client.bucket_regions[bucket] or client.region
end

--- A request's URL, without its query.
---@param client fairlead.aws.Client
---@param bucket string?
---@param key string?
---@return string url
--- raises a misuse when the bucket's name is none
function M.url(client, bucket, key)
  local base, region = client.endpoint, M.region(client, bucket)
  if bucket == nil then
    return base .. "/"
  elseif type(bucket) ~= "string" or not bucket:find "^%w[%w._-]+$" then
    error(("'%s' is no bucket's name%s"):format(tostring(bucket), tostring(bucket):find "^arn:"
      and "; for an access point, give its alias" or ""), 0)
  elseif key ~= nil and type(key) ~= "string" then
    error(("Key: a text expected, got %s"):format(type(key)), 0)
  end
  local own <const> = is_own(base, client.region)
  if own and region ~= client.region then
    base = base:sub(1, -#("." .. client.region .. "." .. endpoint.partition(client.region).domain) - 1)
      .. "." .. region .. "." .. endpoint.partition(region).domain
  end
  local path <const> = key and "/" .. wire.escape(key, "/") or ""
  if fits_host(bucket) and (client.addressing == "virtual" or client.addressing == "auto" and own) then
    local scheme <const>, rest = base:match "^(https?://)(.*)$"
    return scheme .. bucket .. "." .. rest .. (path == "" and "/" or path)
  end
  return base .. "/" .. bucket .. path
end

local MOVED <const> = { PermanentRedirect = true, TemporaryRedirect = true, AuthorizationHeaderMalformed = true,
  IllegalLocationConstraintException = true, Redirect = true }
local MOVED_STATUS <const> = { [301] = true, [302] = true, [307] = true }

--- Whether a refusal says that the bucket is in another region; from then on this client asks there.
---@param client fairlead.aws.Client
---@param bucket string?
---@param err Error
---@param response table?
---@return boolean
function M.moved(client, bucket, err, response)
  local head <const> = response and response.method == "HEAD" and response.status == 400
  if not (bucket and response and (MOVED[err.code] or MOVED_STATUS[response.status] or head)) then
    return false
  end
  local refusal <const> = query.refusal(response.body or "")
  local region <const> = response.headers["x-amz-bucket-region"] or refusal and refusal.region
  if not region or not region:find "^[a-z][a-z0-9%-]*$" or region == M.region(client, bucket) then
    return false
  end
  client.bucket_regions[bucket] = region
  return true
end


return M
