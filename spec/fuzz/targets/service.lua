--- Answers of GitHub and Slack that are not as they should be: each of the clients' calls gives something, or an error
--- object that can be shown; never a mistake of ours, such as an index into nothing.
---
--- Real answers (of the simulated services, asked once) are changed and given again. The input's first byte says which
--- call is made; then come changes of four bytes each: which of the call's answers, which value in it (two bytes;
--- beyond all: the answer as a whole), and what becomes of that.
local answers = require "spec.fuzz.answers"
local calls = require "spec.fuzz.calls"
local clock = require "fairlead.clock"
local errors = require "fairlead.errors"
local http = require "fairlead.http"
local json = require "fairlead.json"
local sorted = require "fairlead.sorted"

local M = { lua = true }

local START <const> = 1772442000
local GONE <const> = {}

local VALUES <const> = {
  GONE, json.null, true, false, 0, -1, 9007199254740993, 1e300, "", "x", "\n\27[2J\u{202E}", ("long "):rep(1000),
  json.array {}, {}, json.array { json.null }, json.array { "x" }, { a = 1 }, "2026-03-02T09:00:00Z",
}
local BODIES <const> = { "", "null", "[]", "{}", "5", '"x"', "{", "<html><body>Sign in</body></html>", "\0",
  '{"ok":true}', '{"errors":[5]}', '{"errors":"x"}', '{"message":5,"errors":[{"message":[]}]}' }
local STATUSES <const> = { 200, 201, 202, 204, 205, 304, 400, 401, 403, 404, 409, 422, 429, 500, 502, 503 }

local recorded

-- ---- changing an answer ---------------------------------------------------------------------------------

-- Where each value of a decoded text is: { table, key }, in one order always.
local function places_of(value, list)
  if type(value) ~= "table" then return list end
  if #value > 0 then
    for i, item in ipairs(value) do
      list[#list + 1] = { value, i }
      places_of(item, list)
    end
  else
    for key, item in sorted(value) do
      list[#list + 1] = { value, key }
      places_of(item, list)
    end
  end
  return list
end

local function change_value(body, number, what)
  local ok, value = pcall(json.decode, body)
  if not ok then return BODIES[what % #BODIES + 1] end
  local places = places_of(value, {})
  local place = places[number + 1]
  if not place then return nil end
  local new = VALUES[what % #VALUES + 1]
  if new ~= GONE then
    place[1][place[2]] = new
  elseif math.type(place[2]) == "integer" then
    table.remove(place[1], place[2])
  else
    place[1][place[2]] = nil
  end
  return json.encode(value)
end

local function change(answer, number, what)
  local body = change_value(answer.body, number, what)
  if body then
    answer.body = body
  elseif what < 128 then
    answer.body = BODIES[what % #BODIES + 1]
  elseif what < 224 then
    answer.status = STATUSES[what % #STATUSES + 1]
  else
    answer.headers = { { "Retry-After", "1" }, { "Link", '<https://api.github.com/x?page=2>; rel="next"' },
      { "ETag", '"x"' } }
  end
end

local function changed(list, input)
  local copy = {}
  for i, answer in ipairs(list) do
    copy[i] = { status = answer.status, headers = answer.headers, body = answer.body, url = answer.url }
  end
  for at = 2, math.min(#input - 3, 2 + 4 * 20), 4 do
    local which, high, low, what = input:byte(at, at + 3)
    if #copy > 0 then change(copy[which % #copy + 1], high << 8 | low, what) end
  end
  return copy
end

-- ---- making a call --------------------------------------------------------------------------------------

local MOST <const> = 3000 -- requests that one call may make: pages and retries have ends

local function play(call, list)
  local sent = 0
  local function transport()
    sent = sent + 1
    assert(sent <= MOST, "a call without an end")
    clock.sleep(0.05)
    return list[math.min(sent, #list)] or errors.raise { kind = "http.reset", message = "no answer is left" }
  end
  clock.simulate({ start = START }, http.with_transport, transport, function()
    local _, err = try(call.run, calls.clients(), recorded.memory)
    if errors.is_error(err) then answers.check_error(err) end
  end)
end

---@param input string
function M.run(input)
  recorded = recorded or calls.record()
  local call = calls.list[(input:byte() or 0) % #calls.list + 1]
  play(call, changed(recorded.answers[call.name], input))
end

return M
