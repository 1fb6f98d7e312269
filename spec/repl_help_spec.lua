-- What is said of names, from the annotations, at any width; and the nearest names of those that nothing is known of.
local errors = require "fairlead.errors"
local help = require "fairlead.repl.help"
local known = require "fairlead.repl.known"
local text = require "fairlead.faces.text"

local function of(topic, env, width)
  return help.text(topic, { env = env or {}, width = width or 100 })
end

local function says(topic, ...)
  local said = of(topic)
  for _, part in ipairs { ... } do
    assert.is_truthy(said:find(part, 1, true), ("'%s' is not said of %s:\n%s"):format(part, topic, said))
  end
end

local function refusal(topic, env)
  local said, err = try(of, topic, env)
  assert.is_nil(said)
  return err
end

describe("help", function()
  it("of a function has its signature, text, parameters, options, results, errors", function()
    says("http.get", "http.get(url, options?) → http.Response", "options = {", "timeout?", "number: seconds until",
      "It may wait.", "Raises")
    says("procedure.new", "procedure.new(options) → procedure.Procedure", "parameters?", "Makes a procedure.")
    says("json.decode", "text", "string|Secret", "Raises", "`json.syntax`")
    says("git.open", "fairlead.git.Repository", "path?")
    says("try", "try(fn, ...)", "an error object")
    says("secret", "secret(text) → Secret")
    says("string.format", "string.format(…)", "lua.org/manual")
  end)

  it("takes the question as it was typed", function()
    assert.equal(of "http.get", of "?http.get")
    assert.equal(of "http.get", of " ? http.get() ")
    assert.equal(of "http.request", of "http.request{")
  end)

  it("of methods is had by what variables are usually called", function()
    says("run:step", "run:step(name, what)", "already?", "resume.unsure")
    says("gh:merge", '"merge"|"squash"|"rebase"', "github.api.conflict")
    says("repository:log", "fairlead.git.Commit[]")
    says("response:json", "response:json()")
    says("session:client", "service", '"codedeploy"')
  end)

  it("of methods is had by values and calls", function()
    local aws = require "fairlead.aws"
    local mine = aws.session { region = "eu-west-2", credentials = { access_key_id = "A", secret_access_key = "k" } }
    assert.truthy(of("mine:client", { mine = mine }):find("mine:client(service, options?)", 1, true))
    assert.truthy(of("mine", { mine = mine }):find("mine: fairlead.aws.Session", 1, true))
    says("github.client {}:merge", "Merges a pull request")
  end)

  it("of an AWS operation has its parameters, which are required, their words, and what it gives", function()
    says("ecs:RunTask", "ecs:RunTask(parameters, options?) → output", "taskDefinition ", "launchType?",
      '"EC2"|"FARGATE"',
      "tasks", "list", "aws.api", 'aws.session {}:client "ecs"', 'ecs:RunTask { taskDefinition = "…" }')
    says("sts:GetCallerIdentity", "It takes no parameters", "Account")
    says("s3:PutObject", "Bucket", "Key", "Body?")
    says("ecs", "Operations", "DescribeServices", "ecs:paginate(")
  end)

  it("of a module lists what it has, with a sentence for each", function()
    says("http", 'require "fairlead.http"', "http.get(url, options?)", "Sends a request and waits")
    says("json", "json.decode(text, options?)", "null")
    says("string", "gsub")
  end)

  it("of an object has its fields and methods, and what it is now", function()
    local e = errors.new { kind = "k", message = "m" }
    says("gh", "gh: fairlead.github.Client", "base_url", "gh:merge(options)")
    assert.truthy(of("e", { e = e }):find("message", 1, true))
    assert.truthy(of("numbers", { numbers = { 1, 2 } }):find("{ 1, 2 }", 1, true))
  end)

  it("of a script's own function has its comment", function()
    local path = os.tmpname()
    finally(function() os.remove(path) end)
    local file <close> = assert(io.open(path, "w"))
    file:write "---Lights the lamp.\n---@param lamp string which one\n"
    file:write "local function light(lamp) return lamp end\nreturn light\n"
    file:flush()
    local light = dofile(path)
    local said = of("light", { light = light })
    for _, part in ipairs { "light(lamp)", "Lights the lamp.", "string: which one" } do
      assert.is_truthy(said:find(part, 1, true), said)
    end
    assert.truthy(of("f", { f = function(a, b, ...) return a, b, ... end }):find("f(a, b, …)", 1, true))
  end)

  it("of a command is what the command says", function()
    says(":help", ":help", "also :h")
    says(":set", "width   columns")
    local said, err = try(of, ":nosuch")
    assert.is_nil(said)
    assert.equal("usage", err.kind)
  end)

  it("of a word of Lua says where it is explained", function() says("while", "lua.org/manual") end)

  it("of what is not there names the nearest", function()
    assert.equal("nothing is known of 'http.gett'; did you mean http.get?", tostring(refusal "http.gett"))
    assert.truthy(tostring(refusal "gh:pull_requst"):find("gh:pull_request", 1, true))
    assert.truthy(tostring(refusal "pull_request"):find("gh:pull_request", 1, true))
    assert.truthy(tostring(refusal "ecs:DescribeService"):find("ecs:DescribeServices", 1, true))
    assert.truthy(tostring(refusal "githup"):find("github", 1, true))
    assert.equal("repl.no_help", refusal("nosuchthing").kind)
    for _, topic in ipairs { "", "((", "1 + 1", "a b c", "\0", "..", "x.", "'text" } do
      assert.is_string(refusal(topic).message)
    end
  end)

  it("keeps to the width", function()
    for _, width in ipairs { 40, 60, 80, 120 } do
      for _, topic in ipairs { "http.get", "run:step", "ecs:RunTask", "gh", "github", "procedure", "session:client",
        "json.decode", "git.clone" } do
        for line in (of(topic, nil, width) .. "\n"):gmatch "(.-)\n" do
          local alone = not line:match "^%s*%S+%s%s*%S+%s" -- a name and a word of its own that cannot be broken
          assert.is_true(text.width(line) <= width or alone, ("%s at %d:\n%s"):format(topic, width, line))
        end
      end
    end
  end)

  it("is there for all that the modules give", function()
    for _, module in ipairs(known.public) do
      local shape = known.library:shape(known.library:module("fairlead." .. module))
      assert.is_string(of(module))
      for name, member in pairs(shape.members) do
        if type(member) == "table" and not (member.definition and member.definition.private) then
          assert.is_string(of(module .. "." .. name))
        end
      end
    end
    for class, variable in pairs(known.variables_of) do
      local shape = known.library:shape { kind = "name", name = class }
      for name in pairs(shape.members) do
        if name:sub(1, 1) ~= "_" then assert.is_string(of(variable .. ":" .. name)) end
      end
    end
  end)

  it("runs nothing of a value's", function()
    local ran
    local meta = setmetatable({}, { __index = function(_, key) ran = key end })
    for _, event in ipairs { "index", "tostring", "call", "pairs", "len", "name", "eq" } do
      meta["__" .. event] = function()
        ran = event
        error "a metamethod was run"
      end
    end
    local bad = setmetatable({ field = 1 }, meta)
    of("bad", { bad = bad })
    of("bad.field", { bad = bad })
    refusal("bad.other", setmetatable({ bad = bad }, meta))
    assert.is_nil(ran)
  end)
end)
