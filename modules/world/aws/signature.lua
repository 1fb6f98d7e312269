--- Verifies a request's AWS signature: computes it again from what arrived, and refuses what the services refuse.
---
--- Sources: AWS General Reference, "Authenticating requests (AWS Signature Version 4)", "Troubleshooting Signature
--- Version 4"; the wording of the services' own answers.
local sigv4 = require "fairlead.sigv4"

local M = {}

local SKEW <const> = 300 -- seconds by which a request's date may differ from the service's

--- Unix seconds of `YYYYMMDD'T'HHMMSS'Z'`, or nil.
local function parse_date(text)
  local year, month, day, hour, minute, second = text:match "^(%d%d%d%d)(%d%d)(%d%d)T(%d%d)(%d%d)(%d%d)Z$"
  if not year then
    return nil
  end
  year, month, day = tonumber(year), tonumber(month), tonumber(day)
  if month < 1 or month > 12 or day < 1 or day > 31 then
    return nil
  end
  -- Days from the civil calendar, with years that begin in March so that a leap day is a year's last.
  local y = month <= 2 and year - 1 or year
  local days = 365 * y + y // 4 - y // 100 + y // 400 + (153 * ((month + 9) % 12) + 2) // 5 + day - 1 - 719468
  return days * 86400 + tonumber(hour) * 3600 + tonumber(minute) * 60 + tonumber(second)
end

local function format_date(time)
  return os.date("!%Y%m%dT%H%M%SZ", math.floor(time))
end

local function words(text, separator)
  local set, list = {}, {}
  for word in text:gmatch("[^" .. separator .. "]+") do
    set[word] = true
    list[#list + 1] = word
  end
  return set, list
end

--- What the Authorization header says, or nil and what it lacks.
local function parse_authorization(text)
  local fields = {}
  local rest = text:match "^AWS4%-HMAC%-SHA256%s+(.*)$"
  if not rest then
    return nil, "Authorization header requires 'AWS4-HMAC-SHA256'."
  end
  for name, value in rest:gmatch "(%w+)=([^,%s]+)" do
    fields[name] = value
  end
  local lacking = {}
  for _, name in ipairs { "Credential", "Signature", "SignedHeaders" } do
    if not fields[name] then
      lacking[#lacking + 1] = ("Authorization header requires '%s' parameter."):format(name)
    end
  end
  if lacking[1] then
    return nil, table.concat(lacking, " ")
  end
  local key, date, region, service, ending = fields.Credential:match "^([^/]+)/(%d+)/([^/]+)/([^/]+)/([^/]+)$"
  if ending ~= "aws4_request" then
    return nil, ("Credential must have exactly 5 slash-delimited elements, e.g. "
      .. "keyid/date/region/service/term, got '%s'"):format(fields.Credential)
  end
  return {
    key = key,
    date = date,
    region = region,
    service = service,
    signed_headers = fields.SignedHeaders,
    signature = fields.Signature,
  }
end

--- Headers that signing itself adds, from the URL, the time and the credentials.
local ADDED <const> = { host = true, ["x-amz-date"] = true, ["x-amz-security-token"] = true }
local PAYLOAD <const> = "x-amz-content-sha256" -- added in S3, where it is sent with every request

--- The headers that were signed, as they arrived; nil when one is not there.
local function signed_headers(request, list, in_s3)
  local headers = {}
  for _, name in ipairs(list) do
    local found, added = false, ADDED[name] or in_s3 and name == PAYLOAD
    for _, pair in ipairs(request.headers) do
      if pair[1]:lower() == name and not added then
        headers[#headers + 1] = { name, pair[2] }
        found = true
      end
    end
    if not found and not added then
      return nil
    end
  end
  return headers
end

--- The URL as the signer saw it: the Host header's name, and the path and query as sent.
local function signed_url(request)
  local host = request.header "host" or request.host
  local query = request.raw_query ~= "" and "?" .. request.raw_query or ""
  return request.scheme .. "://" .. host .. request.path .. query
end

--- Who signed a request, and for which region and service; or nil and a refusal `{reason=, message=}`, reason being
--- "missing", "incomplete", "unknown_key", "expired", "session_over", "scope" or "mismatch".
---@param request fairlead.world.Request
---@param keys table<string, fairlead.world.aws.Credentials> by access key
---@param service string the service that answers, as in a credential scope
---@param now number unix seconds
---@return {key: string, region: string, service: string}?
---@return {reason: string, message: string}?
function M.verify(request, keys, service, now)
  local authorization = request.header "authorization"
  if not authorization then
    return nil, { reason = "missing", message = "Missing Authentication Token" }
  end
  local claim, lacking = parse_authorization(authorization)
  if not claim then
    return nil, { reason = "incomplete", message = lacking .. " Authorization=AWS4-HMAC-SHA256" }
  end
  local date = request.header "x-amz-date"
  local time = date and parse_date(date)
  if not time then
    return nil, {
      reason = "incomplete",
      message = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.",
    }
  end
  local credentials = keys[claim.key]
  local token = request.header "x-amz-security-token"
  if not credentials or credentials.session_token ~= token then
    return nil, { reason = "unknown_key", message = "The security token included in the request is invalid." }
  end
  if credentials.expires_at and credentials.expires_at <= now then
    return nil, { reason = "session_over", message = "The security token included in the request is expired" }
  end
  if time < now - SKEW then
    return nil, {
      reason = "expired",
      message = ("Signature expired: %s is now earlier than %s (%s - 5 min.)"):format(
        date,
        format_date(now - SKEW),
        format_date(now)
      ),
    }
  elseif time > now + SKEW then
    return nil, {
      reason = "expired",
      message = ("Signature not yet current: %s is still later than %s (%s + 5 min.)"):format(
        date,
        format_date(now + SKEW),
        format_date(now)
      ),
    }
  end
  if claim.service ~= service then
    local text = "Credential should be scoped to correct service: '%s'. "
    return nil, { reason = "scope", message = text:format(service) }
  end
  local host_region = request.host:match "%.([%a]+%-[%a%-]+%-%d+)%.amazonaws%.com$"
  if not claim.region:find "^%a%a%a?%a?%-[%a%-]+%-%d+$" or (host_region and claim.region ~= host_region) then
    return nil, { reason = "scope", message = "Credential should be scoped to a valid region. " }
  end
  if claim.date ~= date:sub(1, 8) then
    return nil, {
      reason = "scope",
      message = ("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
        .. "'%s' != '%s', from '%s'."):format(claim.date, date:sub(1, 8), date),
    }
  end

  local is_signed, list = words(claim.signed_headers, ";")
  local unsigned = "%s must be a 'SignedHeader' in the AWS Authorization."
  if not is_signed.host then
    return nil, { reason = "mismatch", message = unsigned:format "'Host' or ':authority'" }
  end
  for _, pair in ipairs(request.headers) do
    local name = pair[1]:lower()
    if name:find("x-amz-", 1, true) == 1 and not is_signed[name] then
      return nil, { reason = "mismatch", message = unsigned:format(("'%s'"):format(name)) }
    end
  end
  local mismatch = {
    reason = "mismatch",
    message = "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
      .. "Access Key and signing method. Consult the service documentation for details.",
  }
  local in_s3 = service == "s3"
  local headers = signed_headers(request, list, in_s3)
  if not headers then
    return nil, mismatch
  end
  -- S3's paths are signed as they were sent, and the body by the hash that its header tells.
  local ok, signed = pcall(sigv4.sign, {
    normalize_path = not in_s3,
    double_encode = not in_s3,
    sign_payload_header = in_s3,
    payload_hash = in_s3 and request.header(PAYLOAD) or nil,
    method = request.method,
    url = signed_url(request),
    headers = headers,
    body = request.body,
    service = claim.service,
    region = claim.region,
    credentials = credentials,
    time = time,
  })
  if not ok or signed.signature ~= claim.signature then
    return nil, mismatch
  end
  return { key = claim.key, region = claim.region, service = claim.service }
end

return M
