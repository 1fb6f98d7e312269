-- The annotations feed editors and help, so they have to be whole and true: every public function of the modules is
-- annotated, and every annotated function exists.
local annotations = require "spec.support.annotations"

local function exists(path)
  local file = io.open(path)
  if file then file:close() end
  return file ~= nil
end

local function append(list, item)
  list[#list + 1] = item
end

local function is_private(name)
  return name:sub(1, 1) == "_"
end

-- Everything that a module's folder says. `promised` are the functions that `require` is said to give: those of
-- init.lua or, where there is no Lua half, those of meta.lua.
local function describe_module(name)
  local folder = "modules/" .. name
  local meta = folder .. "/meta.lua"
  local face = exists(folder .. "/init.lua") and folder .. "/init.lua" or meta
  local module = { all = {}, documented = {}, fields = {}, meta = {}, promised = {}, registered = {} }
  for _, path in ipairs(annotations.files(folder, ".lua")) do
    local functions, fields, returned = annotations.read(path)
    for _, definition in ipairs(functions) do
      append(module.all, definition)
      if path == meta then append(module.meta, definition) end
      if path == face and definition.owner == returned and definition.defines_function then
        append(module.promised, definition)
      end
      if definition.documented then module.documented[definition.name] = true end
    end
    for field in pairs(fields) do
      module.documented[field] = true
      module.fields[field] = true
    end
  end
  for _, path in ipairs(annotations.files(folder, ".c")) do
    for row, place in pairs(annotations.registered(path)) do module.registered[row] = place end
  end
  return module
end

-- Adds to `faults` what an annotation lacks.
local function check_definition(definition, faults)
  if not definition.documented then
    append(faults, ("%s: %s has no annotation"):format(definition.place, definition.name))
    return
  end
  for _, parameter in ipairs(definition.parameters) do
    local described = definition.described[parameter] or definition.described["*"]
    if not described and parameter ~= "self" and parameter ~= "..." and not is_private(parameter) then
      append(faults, ("%s: %s does not describe its parameter '%s' (---@param)"):format(
        definition.place, definition.name, parameter))
    end
  end
end

local function assert_none(faults)
  table.sort(faults)
  assert(#faults == 0, "\n" .. table.concat(faults, "\n"))
end

describe("annotations", function()
  for _, name in ipairs(annotations.modules()) do
    describe("of " .. name, function()
      local module = describe_module(name)

      it("stand above every public function, parameter by parameter", function()
        local faults = {}
        for _, definition in ipairs(module.all) do
          -- A method may have its description in the class that it implements, as a field.
          local inherited = not definition.documented and module.fields[definition.name]
          if definition.defines_function and definition.public and not inherited then
            check_definition(definition, faults)
          end
        end
        assert_none(faults)
      end)

      it("cover every function that C registers", function()
        local faults, described = {}, {}
        for _, definition in ipairs(module.meta) do described[definition.name] = true end
        for row, place in pairs(module.registered) do
          if not described[row] then
            append(faults, ("%s: '%s' is not in modules/%s/meta.lua"):format(place, row, name))
          end
        end
        assert_none(faults)
      end)

      it("in meta.lua describe only functions that C registers", function()
        local faults = {}
        for _, definition in ipairs(module.meta) do
          if definition.defines_function and next(module.registered) and not module.registered[definition.name] then
            append(faults, ("%s: no C file of the module registers '%s'"):format(definition.place, definition.name))
          end
        end
        assert_none(faults)
      end)

      if exists("modules/" .. name .. "/init.lua") or next(module.registered) then
        it("match what require gives", function()
          local faults = {}
          local loaded = require("fairlead." .. name)
          local given = type(loaded) == "table" and loaded or {}
          for key, value in pairs(given) do
            if type(value) == "function" and not is_private(key) and not module.documented[key] then
              append(faults, ("fairlead.%s.%s has no annotation"):format(name, key))
            end
          end
          for _, definition in ipairs(module.promised) do
            if given[definition.name] == nil then
              append(faults, ("%s: fairlead.%s has no '%s'"):format(definition.place, name, definition.name))
            end
          end
          assert_none(faults)
        end)
      end
    end)
  end

  it("are looked for in all modules of the build", function()
    local names = table.concat(annotations.modules(), " ")
    for _, expected in ipairs { "http", "json", "procedure", "world" } do
      assert.is_truthy(names:find(expected, 1, true), expected .. " is not among " .. names)
    end
  end)
end)
