--- Exchanges as text: a list of them, and one whole.
local http = require "fairlead.http"
local json = require "fairlead.json"
local secrets = require "fairlead.repl.secrets"
local text = require "fairlead.faces.text"

local M = {}

local MOST_LINES <const> = 200 -- of one body

-- 0.31 s, 12 s, 3 min 05 s: as wide as need be, as exact as is of use.
local function took(seconds)
  if seconds < 10 then return ("%.2f s"):format(seconds) end
  if seconds < 100 then return ("%.0f s"):format(seconds) end
  return require "fairlead.procedure.duration".text(seconds)
end

local UNITS <const> = { "B", "kB", "MB", "GB" }

---A number of bytes for people.
---@param bytes integer
---@return string
function M.size(bytes)
  local unit, amount = 1, bytes
  while amount >= 1000 and unit < #UNITS do unit, amount = unit + 1, amount / 1000 end
  return (unit == 1 and "%d %s" or amount < 10 and "%.1f %s" or "%.0f %s"):format(amount, UNITS[unit])
end

-- ---- the list ----

-- How it came out, in one word.
local function state(one)
  return one.status and tostring(one.status) or one.refused and "refused" or "failed"
end

local function row(one)
  local request = one.method .. " " .. one.url:gsub("^https?://", "")
  if one.operation then request = ("%s  %s"):format(request, one.operation) end
  if one.attempt > 1 then request = ("%s  (attempt %d)"):format(request, one.attempt) end
  if one.problem and not one.refused then request = ("%s  %s"):format(request, one.problem) end
  return {
    tostring(one.number), os.date("%H:%M:%S", math.floor(one.at)), state(one),
    took(one.elapsed), one.received and M.size(one.received) or "-",
    one.by and text.cut(text.clean(one.by), 24) or "-", request,
  }
end

local HEAD <const> = { "#", "at", "status", "took", "size", "by", "request" }
local RIGHT <const> = { true, false, true, true, true }

---One exchange in a few words.
---@param one repl.Exchange
---@return string
function M.short(one)
  return text.cut(text.clean(("%s %s %s"):format(state(one), one.method, one.url)), 70)
end

---The lines of a list, aligned; the newest last.
---@param list repl.Exchange[]
---@param options {limit: integer?, width: integer?} limit: how many, 20; width: columns
---@return string[]
function M.list(list, options)
  local rows <const>, widths = { HEAD }, {}
  local limit <const> = options.limit or 20
  for i = math.max(1, #list - limit + 1), #list do rows[#rows + 1] = row(list[i]) end
  for _, cells in ipairs(rows) do
    for i, cell in ipairs(cells) do
      cells[i] = text.clean(cell)
      widths[i] = math.max(widths[i] or 0, text.width(cells[i]))
    end
  end
  local lines <const> = {}
  for n, cells in ipairs(rows) do
    local shown <const> = {}
    for i, cell in ipairs(cells) do
      local gap <const> = (" "):rep(widths[i] - text.width(cell))
      shown[i] = i == #cells and cell or RIGHT[i] and gap .. cell or cell .. gap
    end
    lines[n] = text.cut(table.concat(shown, "  "), options.width or 1000)
  end
  return lines
end

-- ---- one of them ----

local function shown_header(pair)
  local name <const>, value = pair[1], pair[2]
  if type(value) == "string" then return ("%s: %s"):format(name, value) end
  local scheme <const> = name:lower():find "authorization$" and http.reveal(value):match "^%a[%w%-]*%s" or ""
  return ("%s: %s[secret]"):format(name, scheme)
end

local function pretty(body)
  if not body:find "^%s*[%[{]" then return nil end
  local ok <const>, value = pcall(json.decode, body)
  return ok and json.encode(value, { indent = 2, sort_keys = true }) or nil
end

local function is_text(body)
  return utf8.len(body) ~= nil and not body:find "[%z\1-\8\14-\26\28-\31]"
end

local function add_body(lines, body, length, cut)
  if not body or length == 0 then return end
  lines[#lines + 1] = ""
  if type(body) ~= "string" then
    lines[#lines + 1] = ("[secret], %s"):format(M.size(length))
    return
  end
  if not cut and not is_text(body) then
    lines[#lines + 1] = ("%s that are no text"):format(M.size(length))
    return
  end
  local all <const> = text.lines(secrets.redact(not cut and pretty(body) or body))
  for i = 1, math.min(#all, MOST_LINES) do lines[#lines + 1] = all[i] end
  if #all > MOST_LINES or cut then
    lines[#lines + 1] = ("… the rest of %s is left out"):format(M.size(length))
  end
end

local function add_headers(lines, headers, is_secret)
  for _, pair in ipairs(headers) do
    local hide <const> = type(pair[2]) == "string" and is_secret(pair[1])
    lines[#lines + 1] = text.clean(secrets.redact(shown_header(hide and { pair[1], secret(pair[2]) } or pair)))
  end
end

---The lines that show one exchange: request, answer, the beginnings of their bodies.
---@param one repl.Exchange
---@return string[]
function M.one(one)
  local is_secret_header <const> = require "fairlead.repl.http.exchanges".is_secret_header
  local lines <const> = { ("#%d%s, %s%s%s"):format(one.number, one.by and ", " .. one.by or "",
    os.date("%Y-%m-%d %H:%M:%S", math.floor(one.at)), one.attempt > 1 and (", attempt %d"):format(one.attempt) or "",
    one.replaced and ", not over the network" or "") }
  lines[2] = text.clean(one.method .. " " .. one.url .. (one.operation and "  " .. one.operation or ""))
  local request <const>, answer = one.request, one.answer
  if not request then lines[#lines + 1] = "(the headers and bodies of exchanges this old are not kept)" end
  if request then
    add_headers(lines, request.headers, is_secret_header)
    add_body(lines, request.body, one.sent, request.cut)
  end
  lines[#lines + 1] = ""
  if one.error then
    lines[#lines + 1] = text.clean(("%s after %s: %s"):format(state(one), took(one.elapsed), one.error))
    return lines
  end
  lines[#lines + 1] = ("%s in %s, %s"):format(one.status, took(one.elapsed), M.size(one.received or 0))
  if answer then
    add_headers(lines, answer.headers, is_secret_header)
    add_body(lines, answer.body, one.received, answer.cut)
  end
  return lines
end

return M
