-- The reader of annotations: types, and the blocks above definitions.
local annotations = require "fairlead.annotations"
local types = require "fairlead.annotations.types"

local function same(text)
  local found, rest = types.parse(text)
  assert.equal("", rest)
  return assert.equal(text, found and types.text(found))
end

describe("types in annotations", function()
  it("are read, and written again, as they are", function()
    for _, text in ipairs {
      "string", "string?", "string|integer", "fairlead.github.Check[]", "(string|integer)[]", '"passing"|"failing"',
      "table<string, procedure.Parameter>", "{name: string, at?: number}", "{name: string, [string]: any}",
      "fun(sha: string): boolean", "fun(...): any, string?", "fun()", "(fun(): any)|table", "{string, integer}",
    } do same(text) end
  end)

  it("end where the remark begins", function()
    local found, rest = types.parse 'string|nil "name", or nothing'
    assert.same({ "string?", ' "name", or nothing' }, { types.text(found), rest })
    found, rest = types.parse "fun(): any, (string|procedure.WaitNote|nil) a value that is not false"
    assert.same({ "fun(): any, string|procedure.WaitNote|nil", " a value that is not false" },
      { types.text(found), rest })
    found, rest = types.parse "integer. A full stop"
    assert.same({ "integer", ". A full stop" }, { types.text(found), rest })
  end)

  it("that cannot be read are none", function()
    for _, text in ipairs { "", "{name: ", "fun(", "table<string", "(string" } do
      assert.is_nil(types.parse(text), text)
    end
  end)
end)

describe("annotations", function()
  local file = annotations.parse([[
--- What the file is.
--- In two lines.
local M = {}

---@class Thing: Other, Further what it is
---@field name string what it is called,
--- over two lines
---@field private secret? Secret
local Thing = {}

---Does it.
---@async
---@param options {a: string,
---  b?: integer} a: first
---@param ... any
---@return string name of it
---@return integer|nil
---errors: kind "x"
function Thing:go(options, ...) end

---@type fun(text: string): boolean whether
M.is = native.is

function M.bare(one) end

return M
]], "x.lua")

  it("are read with what goes on in further lines", function()
    assert.same({ "What the file is.", "In two lines." }, file.text)
    local class = file.classes[1]
    assert.same({ "Thing", { "Other", "Further" }, "what it is" }, { class.name, class.parents, class.text })
    assert.equal("what it is called, over two lines", class.fields[1].text)
    assert.is_true(class.fields[2].private and class.fields[2].optional)
    assert.equal("Thing", file.variables.Thing)
  end)

  it("belong to the definition below", function()
    local go, is, bare = table.unpack(file.definitions)
    assert.same({ "Thing", "go", true, true, "Does it." }, { go.owner, go.name, go.method, go.async, go.text })
    assert.same({ "options", "..." }, { go.parameters[1].name, go.parameters[2].name })
    assert.equal("{a: string, b?: integer}", types.text(go.parameters[1].type))
    assert.same({ "name", "name of it", "" }, { go.returns[1].name, go.returns[1].text, go.returns[2].name })
    assert.same({ 'errors: kind "x"' }, go.notes)
    assert.same({ true, "text", "whether" }, { is.is_function, is.parameters[1].name, is.text })
    assert.same({ false, "one" }, { bare.documented, bare.parameters[1].name })
    assert.equal("M", file.returned)
  end)
end)
