--- A procedure's parameters: their declaration, and the values that a command line or a script gives.
local errors = require "fairlead.errors"
local nearest = require "fairlead.nearest"

local M = {}

---@class procedure.Parameter
---@field type? "string"|"boolean"|"integer"|"number"|"choice"|"duration" "string" when left out
---@field help? string one line for the list of parameters
---@field default? any used when no value is given; checked when the procedure is made
---@field choices? any[] what a "choice" may be
---@field required? boolean there is no run without it
---@field secret? boolean the value becomes a secret: no event and no log shows it

local UNITS <const> = { s = 1, m = 60, h = 3600, d = 86400 }

---Seconds of "90", "90s", "20m", "1h30m", "2d".
---@param text string
---@return number|nil
local function seconds(text)
  if text:find "^%d+%.?%d*$" then return tonumber(text) end
  local total, at = 0, 1
  while at <= #text do
    local from, to, count, unit = text:find("^(%d+%.?%d*)([smhd])", at)
    if not from then return nil end
    total = total + tonumber(count) * UNITS[unit]
    at = to + 1
  end
  return at > 1 and total or nil
end

-- A reader gives the typed value, or nil when the given one is not of that type.
local READERS <const> = {
  string = function(given)
    if type(given) == "string" then return given end
    if type(given) == "number" then return tostring(given) end
  end,
  boolean = function(given)
    if type(given) == "boolean" then return given end
    local word = type(given) == "string" and given:lower()
    if word == "true" or word == "yes" or word == "on" or word == "1" then return true end
    if word == "false" or word == "no" or word == "off" or word == "0" then return false end
  end,
  integer = function(given)
    if type(given) == "string" and not given:find "^[-+]?%d+$" then return nil end
    return math.tointeger(tonumber(given))
  end,
  number = function(given)
    local number = (type(given) == "number" or type(given) == "string") and tonumber(given)
    if number and number == number and math.abs(number) ~= math.huge then return number end
  end,
  duration = function(given)
    if type(given) == "number" then return given >= 0 and given == given and given < math.huge and given or nil end
    return type(given) == "string" and seconds(given) or nil
  end,
  choice = function(given, spec)
    for _, choice in ipairs(spec.choices) do
      if choice == given or tostring(choice) == given then return choice end
    end
  end,
}

local EXPECTED <const> = {
  string = "text",
  boolean = "yes or no",
  integer = "a whole number",
  number = "a number",
  duration = "a time such as 90s, 20m or 1h30m",
}

local function listed(values)
  local words = {}
  for i, value in ipairs(values) do words[i] = tostring(value) end
  if #words < 2 then return words[1] or "nothing" end
  return table.concat(words, ", ", 1, #words - 1) .. " or " .. words[#words]
end

---@param spec procedure.Parameter
---@return string "a whole number", "small, medium or large"
function M.expected(spec)
  if spec.type == "choice" then return listed(spec.choices) end
  return EXPECTED[spec.type or "string"]
end

local function shown(given, spec)
  if spec and spec.secret then return "[secret]" end
  if type(given) == "string" then return ("%q"):format(given):gsub("\\\n", "\\n") .. "" end
  return type(given) == "table" and "a table" or tostring(given)
end

---The parameters' names in the order of a list for people: required ones first, then by name.
---@param specs table<string, procedure.Parameter>
---@return string[]
function M.names(specs)
  local names = {}
  for name in pairs(specs) do names[#names + 1] = name end
  table.sort(names, function(a, b)
    local first, second = specs[a].required or false, specs[b].required or false
    if first ~= second then return first end
    return a < b
  end)
  return names
end

---Checks a declaration. Misuse raises: the procedure's author has to see it.
---@param specs table<string, procedure.Parameter>
---@param owner string the procedure's name, for messages
---@return table<string, procedure.Parameter>
function M.declare(specs, owner)
  local function wrong(name, text)
    error(("procedure %q: parameter '%s': %s"):format(owner, name, text), 4)
  end
  local declared = {}
  for name, spec in pairs(specs) do
    if type(name) ~= "string" or not name:find "^[%a_][%w_-]*$" then
      wrong(tostring(name), "a name is letters, digits, _ and -")
    end
    if type(spec) ~= "table" then wrong(name, "expected a table such as {type = \"string\", help = \"…\"}") end
    local kind = spec.type or "string"
    if not READERS[kind] then
      wrong(name, ("type '%s' is none of string, boolean, integer, number, choice, duration"):format(tostring(kind)))
    end
    if kind == "choice" and (type(spec.choices) ~= "table" or #spec.choices == 0) then
      wrong(name, "a choice needs choices = {…}")
    end
    if spec.default ~= nil then
      if spec.required then wrong(name, "is required, so its default would never be used") end
      if READERS[kind](spec.default, spec) == nil then
        wrong(name, ("its default %s is not %s"):format(shown(spec.default), M.expected(spec)))
      end
    end
    declared[name] = spec
  end
  return declared
end

---Typed values from given ones. Every fault is found before the first is reported.
---@param specs table<string, procedure.Parameter>
---@param given table<string, any> text from a command line, or typed values
---@param where string how to see the list: "fairlead help deploy.lua"
---@return table<string, any> values
---errors: kind "usage"; `problems` holds one line for each fault
function M.read(specs, given, where)
  local values, problems = {}, {}
  local function fault(format, ...)
    problems[#problems + 1] = format:format(...)
  end
  local names = {}
  for name in pairs(given) do names[#names + 1] = tostring(name) end
  table.sort(names)
  local any_secret = false
  for _, spec in pairs(specs) do any_secret = any_secret or spec.secret or false end
  for _, name in ipairs(names) do
    if not specs[name] then
      local near = nearest.name(name, specs)
      -- It may be a secret whose name has a letter missing.
      local hidden = near and specs[near].secret or not near and any_secret
      fault("unknown parameter '%s'%s%s", name, hidden and "" or (" (given %s)"):format(shown(given[name])),
        near and ("; did you mean '%s'?"):format(near) or "")
    end
  end
  for _, name in ipairs(M.names(specs)) do
    local spec, value = specs[name], given[name]
    if value == nil then value = spec.default end
    if value ~= nil then
      values[name] = READERS[spec.type or "string"](value, spec)
      if values[name] == nil then
        fault("parameter '%s' is %s, expected %s", name, shown(value, spec), M.expected(spec))
      elseif spec.secret then
        values[name] = secret(tostring(values[name]))
      end
    elseif spec.required then
      fault("parameter '%s' is missing, expected %s%s", name, M.expected(spec),
        spec.help and (" (%s)"):format(spec.help) or "")
    end
  end
  if #problems > 0 then
    local err = errors.new {
      kind = "usage",
      message = table.concat(problems, "; "),
      hint = ("`%s` lists the parameters"):format(where),
    }
    err.problems = problems
    error(err, 0)
  end
  return values
end

return M
