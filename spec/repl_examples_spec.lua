-- The examples of help: every public function has one, and each runs, in a session on simulated services, and prints
-- what it says that it prints.
local examples = require "fairlead.repl.help.examples"
local help = require "fairlead.repl.help"
local jobs = require "fairlead.repl.jobs"
local known = require "fairlead.repl.known"
local place = require "fairlead.repl.place"
local repl = require "fairlead.repl"
local world = require "fairlead.world"

local MODULES <const> = { "aws", "clock", "errors", "git", "github", "http", "inspect", "json", "procedure", "process",
  "secret", "sigv4", "slack", "task", "try", "world" }
local CLASSES <const> = { "http.Response", "fairlead.git.Repository", "fairlead.slack.Client", "fairlead.github.Client",
  "fairlead.aws.Session", "fairlead.aws.Client", "fairlead.aws.S3", "fairlead.process.Result", "Task", "TaskEvent",
  "procedure.Run", "procedure.Lock", "fairlead.world.World", "Error" }

local function full_name(module, name)
  if name == module then return name end
  if name:find "^Task" or name:find "^Error" then return name end
  return (name:find "^%u" and module ~= "procedure" and module ~= "http" and "fairlead." or "") .. module .. "." .. name
end

-- What an example prints, by its own comments.
local function expected(code)
  local lines = {}
  for line in code:gmatch "%-%-> ([^\n]*)" do lines[#lines + 1] = line end
  return lines
end

-- The code as a line of a session: what is printed, line by line, and the error it ended in.
local function carry_out(code)
  local session = repl.open { world = world.new { seed = 1 }, interactive = false }
  local printed = {}
  function session:print(said) -- luacheck: ignore self
    if not said:find "^%[%d+%] " then printed[#printed + 1] = said end -- how a background line ended
  end
  function session:warn(said) printed[#printed + 1] = said end -- luacheck: ignore self
  place.inside(session, function()
    jobs.with(session, function(running)
      session.jobs, session.said = running, code
      session:start(code)
    end)
  end)
  for i = #session.closers, 1, -1 do session.closers[i]() end
  return session.last_error, printed
end

describe("examples", function()
  for _, module in ipairs(MODULES) do
    for _, name in ipairs(examples.names(module)) do
      it(("of %s: %s runs"):format(module, name), function()
        local code = examples.of(full_name(module, name))
        assert.is_string(code, full_name(module, name))
        local err, printed = carry_out(code)
        assert.is_nil(err, ("%s\n%s"):format(tostring(err), code))
        local wanted = expected(code)
        if #wanted > 0 then assert.same(wanted, { table.unpack(printed, 1, #wanted) }) end
      end)
    end
  end

  it("are there for every public function and method", function()
    local missing = {}
    local function look(shape)
      for name, member in pairs(shape.members) do
        local of = type(member) == "table" and member.kind == "fun" and member or nil
        local definition = of and of.definition
        if of and not (definition and definition.private) and name:sub(1, 1) ~= "_" and name ~= "new" then
          local full = of.full or shape.name .. ":" .. name
          if not examples.of(full) then missing[#missing + 1] = full end
        end
      end
    end
    for _, module in ipairs(MODULES) do
      local shape = known.library:shape(known.library:module("fairlead." .. module))
      if shape then look(shape) end
    end
    for _, class in ipairs(CLASSES) do look(known.library:shape { kind = "name", name = class }) end
    for _, full in ipairs { "try", "secret", "procedure.new", "world.new", "errors.new" } do
      if not examples.of(full) then missing[#missing + 1] = full end
    end
    table.sort(missing)
    assert.same({}, missing)
  end)

  it("are shown with what they are of", function()
    for topic, part in pairs { ["http.get"] = "lighthouse.example.com", ["gh:merge"] = "gh.merge", try = "json.decode",
      ["run:step"] = 'run:step("Start the build"', ["json.decode"] = "json.null", ["response:json"] = ":json()",
      ["job:wait"] = ":wait()", ["err:is"] = 'e:is "http"' } do
      local said = help.text(topic, { env = {}, width = 120 })
      assert.is_truthy(said:find("Example", 1, true), topic)
      assert.is_truthy(said:find(part, 1, true), topic .. "\n" .. said)
    end
  end)
end)
