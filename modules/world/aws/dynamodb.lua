--- Amazon DynamoDB: items by key, with conditions: what a lock needs.
---
--- Source of shapes, codes and messages: botocore's model dynamodb/2012-08-10.
local expression = require "fairlead.world.aws.expression"
local json = require "fairlead.json"
local sorted = require "fairlead.sorted"

local M = {
  signing_name = "dynamodb",
  target = "DynamoDB_20120810",
  json = "1.0",
  error_prefix = "com.amazonaws.dynamodb.v20120810#",
  front_door_prefix = "com.amazon.coral.service#",
  operations = {},
}

function M.store()
  return { tables = {} }
end

--- Makes the tables of the fixture.
---@param aws fairlead.world.AWS
---@param store table
---@param fixture {tables: {name: string, key: string, sort_key: string?}[]?} an environment's part; keys are strings
function M.create(aws, store, fixture)
  for _, held in ipairs(fixture.tables or {}) do
    store.dynamodb.tables[held.name] = {
      name = held.name,
      key = held.key,
      sort_key = held.sort_key,
      items = {},
      created_at = aws.w.now,
    }
  end
end

--- This service's words for a member that is not there.
---@param call fairlead.world.aws.Call
---@param member string
function M.missing(call, member)
  local text = "1 validation error detected: Value null at '%s' failed to satisfy constraint: Member must not be null"
  call:fail("ValidationException", text:format(member:gsub("^%u", string.lower)))
end

local function find_table(call, name)
  for _, store in ipairs(call:stores()) do
    if store.dynamodb.tables[name] then
      return store.dynamodb.tables[name]
    end
  end
  call:fail("ResourceNotFoundException", "Requested resource not found")
end

local TYPES <const> = {
  S = true, N = true, B = true, BOOL = true, NULL = true, M = true, L = true, SS = true, NS = true, BS = true,
}

--- Every attribute value holds exactly one type.
local function check_values(call, values)
  for _, value in sorted(values) do
    local kind, held = next(value)
    if not kind or next(value, kind) or not TYPES[kind] then
      call:fail(
        "ValidationException",
        "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"
      )
    elseif (kind == "S" or kind == "N" or kind == "B") and type(held) ~= "string" then
      call:fail("SerializationException", "NUMBER_VALUE cannot be converted to String")
    elseif kind == "N" and not tonumber(held) then
      call:fail("ValidationException", "The parameter cannot be converted to a numeric value: " .. tostring(held))
    end
  end
end

--- The name under which a table holds the item of a key; an item may be given in the key's place.
local function key_of(call, held_table, attributes, is_item)
  local names, parts, count = { held_table.key, held_table.sort_key }, {}, 0
  for _, name in ipairs(names) do
    local value = attributes[name]
    if not value and is_item then
      call:fail(
        "ValidationException",
        "One or more parameter values were invalid: Missing the key " .. name .. " in the item"
      )
    elseif not value or not value.S then
      call:fail("ValidationException", "The provided key element does not match the schema")
    elseif value.S == "" then
      call:fail("ValidationException", "One or more parameter values are not valid. The AttributeValue for a key "
        .. "attribute cannot contain an empty string value. Key: " .. name)
    end
    parts[#parts + 1] = ("%d:%s"):format(#value.S, value.S)
  end
  for _ in pairs(attributes) do
    count = count + 1
  end
  if not is_item and count ~= #names then
    call:fail("ValidationException", "The provided key element does not match the schema")
  end
  return table.concat(parts, " ")
end

--- Runs what may find an expression invalid.
local function with_expressions(call, fn, ...)
  local ok, result = pcall(fn, ...)
  if not ok then
    if type(result) == "table" and result.invalid then
      call:fail("ValidationException", result.invalid)
    end
    error(result, 0)
  end
  return result
end

--- What the request names and no expression uses is an error, as in the service.
local function check_used(call, input)
  for member, kind in sorted { ExpressionAttributeNames = "names", ExpressionAttributeValues = "values" } do
    for name in sorted(input[member]) do
      if not input.used[name] then
        call:fail(
          "ValidationException",
          ("Value provided in %s unused in expressions: keys: {%s}"):format(member, name),
          { kind = kind }
        )
      end
    end
  end
end

local function check_condition(call, input, item)
  local text = input.ConditionExpression
  if not text then
    return
  end
  local condition = with_expressions(call, expression.condition, "ConditionExpression", text, input)
  check_used(call, input)
  if not with_expressions(call, condition, item or {}) then
    local all_old = input.ReturnValuesOnConditionCheckFailure == "ALL_OLD"
    call:fail("ConditionalCheckFailedException", "The conditional request failed", {
      extra = all_old and item and { Item = item } or nil,
    })
  end
end

local VALUES <const> = { "map", "value" }

local function shape(more)
  local all = {
    ["TableName!"] = "string",
    ConditionExpression = "string",
    ExpressionAttributeNames = { "map", "string" },
    ExpressionAttributeValues = { "map", {} },
    ReturnValues = "string",
    ReturnValuesOnConditionCheckFailure = "string",
  }
  for name, held in pairs(more) do
    all[name] = held == VALUES and { "map", {} } or held
  end
  return all
end

--- Reads what all writing operations share.
local function begin(call, input, returns)
  input.used = {}
  check_values(call, input.ExpressionAttributeValues)
  if input.ReturnValues and not returns[input.ReturnValues] then
    call:fail("ValidationException", "Return values set to invalid value")
  end
  return find_table(call, input.TableName)
end

local NONE_OR_OLD <const> = { NONE = true, ALL_OLD = true }

M.operations.GetItem = {
  input = shape {
    ["Key!"] = VALUES,
    ConsistentRead = "boolean",
    ProjectionExpression = "string",
  },
  run = function(call, input)
    local held = find_table(call, input.TableName)
    check_values(call, input.Key)
    local item = held.items[key_of(call, held, input.Key)]
    if item and input.ProjectionExpression then
      local part = {}
      for word in input.ProjectionExpression:gmatch "[^,%s]+" do
        local name = (input.ExpressionAttributeNames or {})[word] or word
        part[name] = item[name]
      end
      item = part
    end
    return { Item = item }
  end,
}

M.operations.PutItem = {
  input = shape { ["Item!"] = VALUES },
  run = function(call, input)
    local held = begin(call, input, NONE_OR_OLD)
    check_values(call, input.Item)
    local key = key_of(call, held, input.Item, true)
    local before = held.items[key]
    check_condition(call, input, before)
    held.items[key] = input.Item
    return { Attributes = input.ReturnValues == "ALL_OLD" and before or nil }
  end,
}

M.operations.DeleteItem = {
  input = shape { ["Key!"] = VALUES },
  run = function(call, input)
    local held = begin(call, input, NONE_OR_OLD)
    check_values(call, input.Key)
    local key = key_of(call, held, input.Key)
    local before = held.items[key]
    check_condition(call, input, before)
    held.items[key] = nil
    return { Attributes = input.ReturnValues == "ALL_OLD" and before or nil }
  end,
}

M.operations.UpdateItem = {
  input = shape { ["Key!"] = VALUES, UpdateExpression = "string" },
  run = function(call, input)
    local returns = { NONE = true, ALL_OLD = true, ALL_NEW = true, UPDATED_OLD = true, UPDATED_NEW = true }
    local held = begin(call, input, returns)
    check_values(call, input.Key)
    local key = key_of(call, held, input.Key)
    local before = held.items[key]
    local update = input.UpdateExpression
      and with_expressions(call, expression.update, input.UpdateExpression, input)
    check_condition(call, input, before)
    if not input.ConditionExpression then
      check_used(call, input)
    end
    local after = {}
    for name, value in pairs(before or input.Key) do
      after[name] = value
    end
    if update then
      with_expressions(call, update, before or {}, after)
    end
    if key_of(call, held, after, true) ~= key then
      call:fail("ValidationException", "One or more parameter values were invalid: Cannot update attribute "
        .. held.key .. ". This attribute is part of the key")
    end
    held.items[key] = after
    local wanted = input.ReturnValues or "NONE"
    local source = wanted:find "NEW" and after or before
    if wanted == "NONE" or not source then
      return {}
    elseif wanted:find "^ALL" then
      return { Attributes = source }
    end
    local changed = {}
    for _, side in ipairs { before or {}, after } do
      for name in pairs(side) do
        if (before or {})[name] ~= after[name] then
          changed[name] = source[name]
        end
      end
    end
    return { Attributes = next(changed) and changed or nil }
  end,
}

M.operations.Query = {
  input = shape {
    KeyConditionExpression = "string",
    FilterExpression = "string",
    ScanIndexForward = "boolean",
    Limit = "integer",
  },
  run = function(call, input)
    input.used = {}
    local held = find_table(call, input.TableName)
    if not input.KeyConditionExpression then
      call:fail("ValidationException", "Either the KeyConditions or KeyConditionExpression parameter must be specified "
        .. "in the request.")
    end
    local matches = with_expressions(
      call, expression.condition, "KeyConditionExpression", input.KeyConditionExpression, input
    )
    local filter = input.FilterExpression
      and with_expressions(call, expression.condition, "FilterExpression", input.FilterExpression, input)
    check_used(call, input)
    local items, scanned = {}, 0
    for _, item in sorted(held.items) do
      if matches(item) and (not input.Limit or scanned < input.Limit) then
        scanned = scanned + 1
        if not filter or filter(item) then
          table.insert(items, input.ScanIndexForward == false and 1 or #items + 1, item)
        end
      end
    end
    return { Items = json.array(items), Count = #items, ScannedCount = scanned }
  end,
}

M.operations.DescribeTable = {
  input = { ["TableName!"] = "string" },
  run = function(call, input)
    local held = find_table(call, input.TableName)
    local schema, definitions, count = {}, {}, 0
    for i, name in ipairs { held.key, held.sort_key } do
      schema[i] = { AttributeName = name, KeyType = i == 1 and "HASH" or "RANGE" }
      definitions[i] = { AttributeName = name, AttributeType = "S" }
    end
    for _ in pairs(held.items) do
      count = count + 1
    end
    return {
      Table = {
        TableName = held.name,
        TableStatus = "ACTIVE",
        KeySchema = json.array(schema),
        AttributeDefinitions = json.array(definitions),
        ItemCount = count,
        CreationDateTime = math.floor(held.created_at),
      },
    }
  end,
}

return M
