--- Amazon CloudWatch Logs: what the containers wrote.
---
--- Source of shapes and codes: botocore's model logs/2014-03-28. Times in this service are milliseconds.
local json = require "fairlead.json"
local sorted = require "fairlead.sorted"

local M = {
  signing_name = "logs",
  target = "Logs_20140328",
  json = "1.1",
  operations = {},
}

---@class fairlead.world.aws.LogStream
---@field name string
---@field created_at number
---@field events {at: number, text: string, id: string}[] in order of time

function M.store()
  return { groups = {} }
end

--- Appends a line to a stream; group and stream are made when they are not there.
---@param store table
---@param group_name string
---@param stream_name string
---@param at number unix seconds
---@param text string
function M.write(store, group_name, stream_name, at, text)
  local groups = store.logs.groups
  local group = groups[group_name] or { name = group_name, streams = {}, count = 0 }
  groups[group_name] = group
  local stream = group.streams[stream_name] or { name = stream_name, created_at = at, events = {} }
  group.streams[stream_name] = stream
  group.count = group.count + 1
  table.insert(stream.events, { at = at, text = text, id = ("%032d%024d"):format(math.floor(at * 1000), group.count) })
end

--- This service's words for a member that is not there.
---@param call fairlead.world.aws.Call
---@param member string
function M.missing(call, member)
  local text = "1 validation error detected: Value null at '%s' failed to satisfy constraint: Member must not be null"
  call:fail("InvalidParameterException", text:format(member))
end

local function milliseconds(at)
  return math.floor(at * 1000)
end

local function find_group(call, name)
  for _, store in ipairs(call:stores()) do
    local group = store.logs.groups[name]
    if group then
      return group, store
    end
  end
  call:fail("ResourceNotFoundException", "The specified log group does not exist.")
end

local function bad_token(call)
  return function()
    call:fail("InvalidParameterException", "The specified nextToken is invalid.")
  end
end

local function check_limit(call, limit, most)
  if limit and (limit < 1 or limit > most) then
    local text = "1 validation error detected: Value '%d' at 'limit' failed to satisfy constraint: Member must have "
      .. "value %s than or equal to %d"
    call:fail(
      "InvalidParameterException",
      text:format(limit, limit < 1 and "greater" or "less", limit < 1 and 1 or most)
    )
  end
end

M.operations.DescribeLogStreams = {
  input = {
    ["logGroupName!"] = "string",
    logStreamNamePrefix = "string",
    orderBy = "string",
    descending = "boolean",
    nextToken = "string",
    limit = "integer",
  },
  run = function(call, input)
    check_limit(call, input.limit, 50)
    local by_time = input.orderBy == "LastEventTime"
    if by_time and input.logStreamNamePrefix then
      call:fail("InvalidParameterException", "Cannot order by LastEventTime with a logStreamNamePrefix.")
    end
    local group, store = find_group(call, input.logGroupName)
    local list, prefix = {}, input.logStreamNamePrefix or ""
    for name, stream in sorted(group.streams) do
      if name:sub(1, #prefix) == prefix then
        list[#list + 1] = stream
      end
    end
    table.sort(list, function(a, b)
      if by_time and a.events[#a.events].at ~= b.events[#b.events].at then
        return a.events[#a.events].at < b.events[#b.events].at
      end
      return a.name < b.name
    end)
    if input.descending then
      for i = 1, #list // 2 do
        list[i], list[#list + 1 - i] = list[#list + 1 - i], list[i]
      end
    end
    local part, next_token = call:page(list, input.nextToken, input.limit or 50, bad_token(call))
    local streams = {}
    for i, stream in ipairs(part) do
      local last = stream.events[#stream.events]
      streams[i] = {
        logStreamName = stream.name,
        creationTime = milliseconds(stream.created_at),
        firstEventTimestamp = milliseconds(stream.events[1].at),
        lastEventTimestamp = milliseconds(last.at),
        lastIngestionTime = milliseconds(last.at) + 1,
        uploadSequenceToken = last.id,
        arn = ("arn:aws:logs:%s:%s:log-group:%s:log-stream:%s"):format(
          store.region,
          store.account,
          group.name,
          stream.name
        ),
        storedBytes = 0,
      }
    end
    return { logStreams = json.array(streams), nextToken = next_token }
  end,
}

local function within(event, input)
  local at = milliseconds(event.at)
  return (not input.startTime or at >= input.startTime) and (not input.endTime or at < input.endTime)
end

M.operations.GetLogEvents = {
  input = {
    ["logGroupName!"] = "string",
    ["logStreamName!"] = "string",
    startTime = "integer",
    endTime = "integer",
    nextToken = "string",
    limit = "integer",
    startFromHead = "boolean",
  },
  run = function(call, input)
    check_limit(call, input.limit, 10000)
    local stream = find_group(call, input.logGroupName).streams[input.logStreamName]
    if not stream then
      call:fail("ResourceNotFoundException", "The specified log stream does not exist.")
    end
    local all, limit = {}, input.limit or 10000
    for _, event in ipairs(stream.events) do
      if within(event, input) then
        all[#all + 1] = event
      end
    end
    -- Tokens are "f/<events before>" forward and "b/<events before>" backward. The end gives the same token again.
    local first = input.startFromHead and 1 or math.max(1, #all - limit + 1)
    local last = math.min(#all, first + limit - 1)
    if input.nextToken then
      local way, digits = input.nextToken:match "^([fb])/(%d+)$"
      local at = tonumber(digits)
      if not way or at > #all then
        bad_token(call)()
      elseif way == "f" then
        first, last = at + 1, math.min(#all, at + limit)
      else
        first, last = math.max(1, at - limit + 1), at
      end
    end
    local events = {}
    for i = first, last do
      local event = all[i]
      events[#events + 1] = {
        timestamp = milliseconds(event.at),
        message = event.text,
        ingestionTime = milliseconds(event.at) + 1,
      }
    end
    return {
      events = json.array(events),
      nextForwardToken = ("f/%d"):format(math.max(last, first - 1)),
      nextBackwardToken = ("b/%d"):format(first - 1),
    }
  end,
}

--- Whether a line has all terms of a pattern: words that must be there, words after "-" that must not, "quoted text".
--- Patterns of JSON and of columns are not simulated.
local function matches(call, pattern, text)
  if pattern:find "^%s*[{%[%%]" then
    call:fail("InvalidParameterException", "Invalid filter pattern")
  end
  for sign, quoted in pattern:gmatch '([-?]?)"([^"]*)"' do
    if (text:find(quoted, 1, true) ~= nil) == (sign == "-") then
      return false
    end
  end
  for word in pattern:gsub('[-?]?"[^"]*"', " "):gmatch "%S+" do
    local unwanted = word:sub(1, 1) == "-"
    if (text:find(unwanted and word:sub(2) or word, 1, true) ~= nil) == unwanted then
      return false
    end
  end
  return true
end

M.operations.FilterLogEvents = {
  input = {
    ["logGroupName!"] = "string",
    logStreamNames = { "list", "string" },
    logStreamNamePrefix = "string",
    startTime = "integer",
    endTime = "integer",
    filterPattern = "string",
    nextToken = "string",
    limit = "integer",
    interleaved = "boolean",
  },
  run = function(call, input)
    check_limit(call, input.limit, 10000)
    if input.logStreamNames and input.logStreamNamePrefix then
      call:fail("InvalidParameterException", "logStreamNamePrefix and logStreamNames are mutually exclusive.")
    end
    local group, wanted, found = find_group(call, input.logGroupName), nil, {}
    if input.logStreamNames then
      wanted = {}
      for _, name in ipairs(input.logStreamNames) do
        wanted[name] = true
      end
    end
    local prefix = input.logStreamNamePrefix or ""
    for name, stream in sorted(group.streams) do
      if (not wanted or wanted[name]) and name:sub(1, #prefix) == prefix then
        for _, event in ipairs(stream.events) do
          if within(event, input) and matches(call, input.filterPattern or "", event.text) then
            found[#found + 1] = { event = event, stream = name }
          end
        end
      end
    end
    table.sort(found, function(a, b)
      return a.event.id < b.event.id
    end)
    local part, next_token = call:page(found, input.nextToken, input.limit or 10000, bad_token(call))
    local events = {}
    for i, item in ipairs(part) do
      events[i] = {
        logStreamName = item.stream,
        timestamp = milliseconds(item.event.at),
        message = item.event.text,
        ingestionTime = milliseconds(item.event.at) + 1,
        eventId = item.event.id,
      }
    end
    return { events = json.array(events), searchedLogStreams = json.array {}, nextToken = next_token }
  end,
}

return M
