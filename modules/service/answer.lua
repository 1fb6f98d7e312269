--- What a service said, as Lua values: JSON answers without nulls, and times as unix seconds.
local errors = require "fairlead.errors"
local json = require "fairlead.json"

local M = {}

--- A JSON body as a Lua value, without nulls in objects; nil when the body is empty.
---@param response table an answer of `http.request`
---@param about {kind: string, op: string, target: string} for the error when the body is not JSON
---@return any
function M.decode(response, about)
  local body = response.body
  if body == nil or body == "" then
    return nil
  end
  local value, err = try(json.decode, body, { nulls = false })
  if err then
    local content_type = response.headers["content-type"] or "no content type"
    errors.raise {
      kind = about.kind, op = about.op, target = about.target, status = response.status, cause = err,
      message = ("answered %d with something that is not JSON (%s, %d bytes)"):format(response.status, content_type,
        #body),
      hint = "does the address belong to this service, and is no proxy answering in its place?",
    }
  end
  if value == json.null then
    return nil
  end
  return value
end

--- Days from 1970-01-01 to a date of the Gregorian calendar.
local function days(year, month, day)
  if month <= 2 then
    year, month = year - 1, month + 12
  end
  local era = year // 400
  local year_of_era = year - era * 400
  local day_of_year = (153 * (month - 3) + 2) // 5 + day - 1
  return era * 146097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719468
end

local function seconds(year, month, day, hour, minute, second)
  return days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second
end

--- An ISO 8601 time, as GitHub writes them, in unix seconds; nil for nil and for what is no time.
---@param text string? "2026-03-02T09:00:00Z", with a fraction or an offset such as +01:00 where there is one
---@return number?
function M.time(text)
  local year, month, day, hour, minute, second, rest =
    tostring(text):match "^(%d%d%d%d)-(%d%d)-(%d%d)T(%d%d):(%d%d):(%d%d)(.*)$"
  if not year then
    return nil
  end
  local fraction, zone = rest:match "^(%.?%d*)(.*)$"
  local at = seconds(math.tointeger(year), math.tointeger(month), math.tointeger(day), math.tointeger(hour),
    math.tointeger(minute), math.tointeger(second))
  if #fraction > 1 then
    at = at + tonumber("0" .. fraction)
  end
  local sign, zone_hour, zone_minute = zone:match "^([+-])(%d%d):?(%d%d)$"
  if sign then
    local offset = zone_hour * 3600 + zone_minute * 60
    at = at - math.tointeger(sign == "+" and offset or -offset)
  end
  return at
end

local LONGEST <const> = 1000 -- bytes

--- What a service gives as a reason, as one line, no longer than is good in an error, a message or a log.
---@param text string
---@return string
function M.brief(text)
  local cut <const> = #text > LONGEST and text:sub(1, LONGEST):gsub("[\192-\255][\128-\191]*$", "") or text
  local line <const> = cut:gsub("%s+", function(space) return space:find "[\r\n]" and " " or nil end)
  return #text > LONGEST and line .. "…" or line
end

local FAR <const> = 1e10 -- seconds; more than any of the waits and times that are told

--- The number in a header such as Retry-After or X-RateLimit-Reset; nil for nil and for what is none.
---@param text string?
---@return number? seconds not below 0, and finite
function M.seconds(text)
  local number = text and #text < 100 and text:match "^%s*(%d+%.?%d*)%s*$"
  return number and math.min(tonumber(number), FAR) or nil
end

local MONTHS <const> = { Jan = 1, Feb = 2, Mar = 3, Apr = 4, May = 5, Jun = 6, Jul = 7, Aug = 8, Sep = 9, Oct = 10,
  Nov = 11, Dec = 12 }

--- An HTTP date (the Date header), in unix seconds; nil for nil and for what is none.
---@param text string? "Mon, 02 Mar 2026 09:00:00 GMT"
---@return integer?
function M.http_date(text)
  local day, name, year, hour, minute, second =
    tostring(text):match "^%a+, (%d+) (%a+) (%d%d%d%d) (%d%d):(%d%d):(%d%d) GMT$"
  local month = MONTHS[name]
  if not month then
    return nil
  end
  return seconds(math.tointeger(year), month, math.tointeger(day), math.tointeger(hour), math.tointeger(minute),
    math.tointeger(second))
end

return M
