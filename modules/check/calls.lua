--- What a call is given, against what its function's annotations want: options by name, words of a fixed set, and the
--- habits that keep a procedure resumable and finite.
local operations = require "fairlead.check.operations"
local types = require "fairlead.annotations.types"

local M = {}

---A function's parameters as its caller sees them: without self where a colon gives it, with it where a dot does not.
---@param fn check.Known|nil
---@param with_colon boolean
---@return annotations.Slot[]
function M.parameters(fn, with_colon)
  if not fn or fn.kind ~= "fun" then return {} end
  local list, shift = fn.parameters, 0
  if with_colon and not fn.method then shift = 1 elseif not with_colon and fn.method then shift = -1 end
  if shift == 0 then return list end
  local seen = {}
  for i, slot in pairs(list) do
    if i - shift >= 1 then seen[i - shift] = slot end
  end
  return seen
end

local function is_table_like(library, one)
  if one.kind == "table" or one.kind == "list" or one.kind == "record" then return true end
  if one.kind ~= "name" then return false end
  return one.arguments ~= nil or library:find(one.name) ~= nil
end

---Of the types that are wanted, the one that fits what is written there; nil: none, or several.
---@param library check.Library
---@param wanted check.Known|boolean|nil
---@param node table
---@return check.Known|nil
function M.fitting(library, wanted, node)
  if type(wanted) ~= "table" then return nil end
  if wanted.kind ~= "union" then return wanted end
  local found
  for _, one in ipairs(types.members(wanted)) do
    local fits = true
    if node.tag == "Table" then
      fits = is_table_like(library, one)
    elseif node.tag == "Function" then
      fits = one.kind == "fun"
    end
    if fits then
      if found then return nil end
      found = one
    end
  end
  return found
end

-- The words that a type allows; nil when it allows more than words.
local function words_of(library, wanted, words)
  words = words or {}
  for _, one in ipairs(types.members(wanted)) do
    local alias = one.kind == "name" and select(2, library:find(one.name))
    if one.kind == "literal" and type(one.value) == "string" then
      words[one.value] = true
    elseif not (alias and words_of(library, alias, words)) then
      return nil
    end
  end
  return next(words) and words
end

local function listed(words)
  local list = {}
  for word in pairs(words) do list[#list + 1] = '"' .. word .. '"' end
  table.sort(list)
  return table.concat(list, ", ")
end

local RULES <const> = { ["run:wait"] = { timeout = "wait-without-timeout" } }

local function check_fields(walker, shape, node, context)
  local given, dynamic = {}, false
  for _, item in ipairs(node) do
    if item.tag == "Pair" and item[1].tag == "String" then
      local name = item[1][1]
      given[name] = item[2].tag ~= "Nil" -- `timeout = nil` gives none
      if shape.members[name] == nil and not shape.index and not shape.open and #shape.slots > 0 then
        walker:find("unknown-option", item[1], ("unknown option '%s' %s"):format(name, context),
          walker:near(name, shape.members))
      end
    else
      dynamic = true
    end
  end
  if shape.object or dynamic and not shape.list then return end
  for _, slot in ipairs(shape.slots) do
    if not slot.optional and not given[slot.name] and not types.is_optional(slot.type) and not slot.private then
      local call = context:match "^of (.*)$"
      walker:find(RULES[call] and RULES[call][slot.name] or "missing-option", node,
        ("option '%s' %s is missing"):format(slot.name, context), slot.text ~= "" and slot.text or nil)
    end
  end
end

---What is written out where something is wanted: a table's options, a word of several.
---@param walker check.Walker
---@param wanted check.Known
---@param node table
---@param context string|nil whose option it is: "of run:wait"; or the option's name
function M.check_value(walker, wanted, node, context)
  if node.tag == "String" then
    local words = words_of(walker.library, wanted)
    if words and not words[node[1]] then
      walker:find("wrong-value", node, ("'%s' is none of %s"):format(node[1], listed(words)),
        walker:near(node[1], words))
    end
  elseif node.tag == "Table" then
    local fitting = M.fitting(walker.library, wanted, node)
    local shape = fitting and walker.library:shape(fitting)
    if shape and #shape.slots > 0 then
      check_fields(walker, shape, node, context and (context:find "^of " and context or ("in '%s'"):format(context))
        or "of this table")
    end
  end
end

-- The callee as the script has it: "run:wait", "gh:merge", "procedure.new".
local function name_of(node)
  if node.tag == "Id" then return node[1] end
  if (node.tag == "Index" or node.tag == "Invoke") and node[2].tag == "String" then
    local base = name_of(node[1])
    return base and base .. (node.tag == "Invoke" and ":" or ".") .. node[2][1]
  end
end

local function option(node, name)
  for _, item in ipairs(node) do
    if item.tag == "Pair" and item[1].tag == "String" and item[1][1] == name then
      local value <const> = item[2]
      return value.tag ~= "Nil" and value.tag ~= "False" and value or nil
    end
    if item.tag ~= "Pair" or item[1].tag ~= "String" then return item end -- it may be anything
  end
end

local ALREADY <const> = "give it already = function() … end, which looks whether it is done; or repeatable = true, "
  .. "where doing it twice does no harm; or reads = true, where it only reads"

-- By the method's own name, whatever the script calls its run.
local habits = {}

habits["procedure.Run:step"] = function(walker, node, first)
  local what = node[first + 1]
  if not what then return end
  local bare = what.tag == "Function"
  if what.tag == "Id" then
    local known = walker.scope[what[1]]
    bare = known ~= nil and type(known.type) == "table" and known.type.kind == "fun"
  end
  local marked = what.tag == "Table"
    and (option(what, "already") or option(what, "repeatable") or option(what, "reads"))
  if bare or what.tag == "Table" and not marked then
    local name = node[first]
    walker:find("step-without-already", what, ("step%s cannot be taken up again: nothing tells whether it was done")
      :format(name.tag == "String" and (" '%s'"):format(name[1]) or ""), ALREADY)
  end
end

habits["procedure.Run:gate"] = function(walker, node, first)
  local options = node[first]
  if options and options.tag == "Table" and not option(options, "timeout") then
    walker:find("gate-without-timeout", options, "gate without a timeout",
      "say how many seconds it waits for a decision: timeout = 8 * 3600")
  end
end

---Checks the arguments of a call.
---@param walker check.Walker
---@param fn check.Known
---@param node table the call
---@param first integer which of its children is the first argument
---@param expected annotations.Slot[] as M.parameters gives them
function M.check(walker, fn, node, first, expected)
  local name = name_of(node.tag == "Call" and node[1] or node) or fn.full or "it"
  if fn.full == "procedure.Run:wait" then name = "run:wait" end
  for i = first, #node do
    local slot = expected[i - first + 1]
    if slot and slot.type then M.check_value(walker, slot.type, node[i], "of " .. name) end
  end
  if fn.full and habits[fn.full] then habits[fn.full](walker, node, first) end
end

---What a table's own contents say about what is wanted of others in it: a procedure's parameters are what its function
---is given.
---@param walker check.Walker
---@param node table a table constructor
---@param expected check.Known|nil
---@return table<string, check.Known>|nil wanted by key
function M.overrides(walker, node, expected)
  local plain = walker.library:plain(expected)
  if not plain or plain.kind ~= "name" or plain.name ~= "procedure.Options" then return nil end
  local declared
  for _, item in ipairs(node) do
    if item.tag ~= "Pair" or item[1].tag ~= "String" then return nil end
    if item[1][1] == "parameters" then declared = item[2] end
  end
  if declared and declared.tag ~= "Table" then return nil end
  local parameters = { kind = "module", name = "parameters", members = {} }
  for _, item in ipairs(declared or {}) do
    if item.tag ~= "Pair" or item[1].tag ~= "String" then return nil end
    parameters.members[item[1][1]] = true
  end
  return {
    run = { kind = "fun", returns = {}, parameters = {
      { name = "run", type = { kind = "name", name = "procedure.Run" } }, { name = "parameters", type = parameters },
    } },
  }
end

local OPERATION <const> = { kind = "fun", parameters = { { name = "parameters" } }, returns = {}, method = true }

---A method of an AWS client: any operation, by its name in the API.
---@param walker check.Walker
---@param node table its name
---@param service string|nil what the client is of, where that is known
---@return check.Known|nil
function M.aws_operation(walker, node, service)
  local name = node[1]
  if not name:find "^%u%a[%w]+$" then
    walker:find("unknown-name", node, ("AWS clients have no method '%s'"):format(name),
      "operations are named as in AWS's API, such as DescribeServices")
    return nil
  end
  local operation = service and operations.operation(service, name)
  if operation or not service then return operation or OPERATION end
  local mistake, hint = operations.mistake(service, name)
  if mistake then walker:find("unknown-name", node, mistake, hint) end
  return OPERATION
end

return M
