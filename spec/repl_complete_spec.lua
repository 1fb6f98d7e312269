-- What can stand at the cursor: by values, read raw, and by the modules' annotations.
local complete = require "fairlead.repl.complete"
local errors = require "fairlead.errors"
local lfs = require "lfs"

local COMMANDS <const> = {
  { name = "curl", usage = ":curl N", text = "", run = function() end,
    complete = function(_, text) return { { text = "12" }, { text = "7" }, text == "" and "last" or nil } end },
  { name = "cancel", aliases = { "c" }, usage = ":cancel N", text = "", run = function() end },
  { name = "quit", usage = ":quit", text = "", run = function() end },
}

-- The candidates' texts at a line's end, or at "^" in it; and the line as it is when the first is taken.
local function at(line, env, options)
  local cursor = line:find("^", 1, true)
  line = cursor and line:gsub("%^", "") or line
  cursor = cursor and cursor - 1 or #line
  options = options or {}
  options.commands = COMMANDS
  local start, found = complete.complete(line, cursor, env or {}, options)
  local texts = {}
  for i, candidate in ipairs(found) do texts[i] = candidate.text end
  local first = found[1]
  return texts, first and line:sub(1, start - 1) .. first.text .. (first.after or "") .. line:sub(cursor + 1), found
end

local function has(list, ...)
  local set = {}
  for _, text in ipairs(list) do set[text] = true end
  for _, text in ipairs { ... } do
    assert.is_true(set[text] or false, text .. " is not among " .. table.concat(list, " "))
  end
end

local function lacks(list, ...)
  for _, text in ipairs(list) do
    for _, other in ipairs { ... } do assert.are_not.equal(other, text) end
  end
end

describe("names", function()
  it("are variables, Lua's own, keywords and modules, also those not loaded yet", function()
    assert.same({ "release" }, (at("rel", { release = 1 })))
    has(at("", { mine = 1 }), "mine", "print", "while", "http", "github", "inspect")
    assert.same({ "slack" }, (at "sl"))
    assert.same({ "doctor" }, (at "doc")) -- of what is less often needed, when it is asked for
    lacks(at "", "doctor", "_G")
    has(at "_", "_G")
  end)

  it("are those of the line itself: locals, parameters, loop variables", function()
    assert.same({ "release" }, (at "local release = 1; print(rel"))
    assert.same({ "parameters" }, (at "local function go(run, parameters) print(para"))
    assert.same({ "item" }, (at "for _, item in ipairs(list) do print(ite"))
  end)

  it("are those of a stopped frame", function()
    has(at("environ", {}, { variables = { { environment_name = "staging" } } }), "environment_name", "environment")
    has(at("stage.n", {}, { variables = { { stage = { name = "x", number = 1 } } } }), "name", "number")
  end)

  it("are nowhere where none can stand", function()
    for _, line in ipairs { "f() ", "x = 1 ", "3", "-- ht", "'http", "x.y ", "[[ ht", "print('a' .. \"ht" } do
      assert.same({}, (at(line, { x = { y = 1 } })), line)
    end
  end)

  it("are completed in the middle of a line", function()
    local texts, line = at("print(ht^, 1)")
    assert.same({ "http" }, texts)
    assert.equal("print(http, 1)", line)
  end)
end)

describe("fields and methods", function()
  it("are those that a value has", function()
    local env = { site = { url = "u", name = "n", ["not a name"] = 1, ["end"] = 2, [1] = 3 } }
    assert.same({ "name", "url" }, (at("site.", env)))
    assert.same({ "url" }, (at("site.u", env)))
    assert.same({ "to" }, (at("a.b[1].", { a = { b = { { to = 1 } } } })))
    assert.same({ "to" }, (at("a['b'].t", { a = { b = { to = 1 } } })))
  end)

  it("are found through tables that a metatable's __index names", function()
    local class = { greet = function() end, limit = 1 }
    class.__index = class
    local env = { object = setmetatable({ own = 1 }, setmetatable(class, { __index = { base = function() end } })) }
    has(at("object.", env), "own", "greet", "limit")
    assert.same({ "base", "greet" }, (at("object:", env)))
  end)

  it("of strings are string's", function()
    has(at("name:", { name = "x" }), "find", "gsub")
    has(at "('x'):", "find")
  end)

  it("of modules are listed with their parameters, whether they are loaded or not", function()
    local texts, _, found = at "http.ge"
    assert.same({ "get" }, texts)
    assert.equal("get(url, options?)", found[1].shown)
    has(at "digest.", "sha256")
    has(at "github.", "client")
  end)

  it("are known of calls that were not made, by what they say they give", function()
    has(at "github.client { repository = 'a/b' }:", "pull_request", "merge", "get")
    has(at "http.get('https://x').", "status", "body", "headers")
    has(at "http.get('https://x'):", "json", "check")
    lacks(at "http.get('https://x').", "json")
    has(at "git.open('.'):head().", "branch", "sha")
    has(at "try(http.get, 'https://x').", "status")
    has(at "require('fairlead.clock').", "now", "sleep")
    has(at "task.start(f):", "wait", "cancel")
    has(at "local gh = github.client {} ; local pull = gh:pull_request { number = 1 } ; pull.", "number")
    has(at("gh:", {}, { before = "local gh = github.client {}" }), "merge")
  end)

  it("of what a procedure's function is given are a run's", function()
    has(at "procedure.new { name = 'x', run = function(r, parameters) r:", "step", "wait", "gate")
    has(at "run:", "step", "wait")
  end)

  it("of a module that something stands in for are the module's", function()
    local copy = {}
    for name, value in pairs(require "fairlead.task") do copy[name] = value end
    copy.start = function() end
    local _, _, found = at("task.timeo", { task = copy })
    assert.equal("timeout(seconds, fn, ...)", found[1].shown)
    assert.same({ "mine" }, (at("task.", { task = { mine = 1 } })))
  end)

  it("do not show what is private", function()
    lacks(at("x.", { x = { _hidden = 1, shown = 2 } }), "_hidden")
    assert.same({ "_hidden" }, (at("x._", { x = { _hidden = 1, shown = 2 } })))
  end)
end)

describe("options", function()
  it("are those that the function's annotations name", function()
    local texts, line, found = at "http.get('https://x', { ti"
    assert.same({ "timeout" }, texts)
    assert.equal("http.get('https://x', { timeout = ", line)
    assert.truthy(found[1].shown:find("timeout?: number", 1, true))
    has(at "procedure.new { ", "name", "run", "parameters")
    has(at "run:wait { ", "check", "timeout", "every")
    has(at "run:step('Build', { ", "already", "act")
    has(at "procedure.new { name = 'x', run = function(run) run:gate { ", "question", "evidence")
    has(at "slack.client {}:post { ", "channel", "text")
  end)

  it("that are given already are left out, also those behind the cursor", function()
    local texts = at "http.get('https://x', { timeout = 3, headers = { accept = 'x' }, ^, follow = false })"
    lacks(texts, "timeout", "headers", "follow", "accept")
    has(texts, "retry", "query")
  end)

  it("within options are those of the inner table", function()
    has(at "procedure.new { name = 'x', parameters = { environment = { ", "help", "required", "default")
  end)

  it("have the words that they may be, quoted or within quotes", function()
    assert.same({ '"DELETE"', '"GET"', '"HEAD"', '"OPTIONS"', '"PATCH"', '"POST"', '"PUT"' },
      (at "http.request { method = "))
    local texts, line = at 'http.request { method = "PA'
    assert.same({ "PATCH" }, texts)
    assert.equal('http.request { method = "PATCH"', line)
    local _, closed = at 'http.request { method = "PA^" }'
    assert.equal('http.request { method = "PATCH" }', closed)
    assert.same({ "passing", "pending" }, (at 'github.client {}:checks("1a2b").state == "p'))
  end)

  it("that are true or false are offered as such", function()
    has(at "procedure.new { parameters = { x = { required = ", "true", "false")
  end)
end)

describe("AWS", function()
  local client <const> = 'aws.session { region = "eu-west-2" }:client("ecs")'

  it("operations are those of the client's service", function()
    has(at(client .. ":DescribeServ"), "DescribeServices")
    has(at(client .. ":"), "RunTask", "call", "paginate")
    lacks(at(client .. ":"), "SendMessage", "PutObject")
    has(at 'aws.session {}:client "s3":', "PutObject", "presign", "upload")
    has(at('local sqs = aws.session {}:client "sqs"; sqs:Send'), "SendMessage", "SendMessageBatch")
  end)

  it("operations are known of a client that is there", function()
    local aws = require "fairlead.aws"
    local ecs = aws.session { region = "eu-west-2", credentials = { access_key_id = "A", secret_access_key = "k" } }
      :client "ecs"
    has(at("ecs:Desc", { ecs = ecs }), "DescribeServices", "DescribeTasks")
    assert.same({ "services" }, (at("ecs:DescribeServices { ser", { ecs = ecs })))
  end)

  it("parameters are those of the operation, and what it gives has fields", function()
    assert.same({ "cluster", "include" }, (at(client .. ":DescribeServices { services = {}, ")))
    has(at(client .. ":RunTask { propagateTags = "), '"SERVICE"')
    has(at(client .. ":DescribeServices({ services = {} })."), "services", "failures")
  end)

  it("names in quotes are services, operations and lists", function()
    has(at 'aws.session {}:client "code', "codedeploy", "codepipeline")
    assert.same({ "ListTasks" }, (at(client .. ':paginate("ListTasks')))
    assert.same({ "taskArns" }, (at(client .. ':paginate("ListTasks", {}, "')))
  end)
end)

describe("quotes", function()
  it("hold the names of modules after require", function()
    local texts, line = at 'require "fairlead.htt'
    assert.same({ "fairlead.http" }, texts)
    assert.equal('require "fairlead.http"', line)
  end)

  it("hold keys after a bracket", function()
    assert.same({ "not a name" }, (at('x["not', { x = { ["not a name"] = 1 } })))
  end)

  it("hold files where a path may stand; folders go on", function()
    local folder = os.tmpname()
    os.remove(folder)
    assert(lfs.mkdir(folder))
    finally(function()
      os.remove(folder .. "/one.lua")
      os.remove(folder .. "/on")
      os.remove(folder)
    end)
    assert(io.open(folder .. "/one.lua", "w")):close()
    assert(lfs.mkdir(folder .. "/on"))
    local texts, line = at(('procedure.load "%s/one'):format(folder))
    assert.same({ folder .. "/one.lua" }, texts)
    assert.equal(('procedure.load "%s/one.lua"'):format(folder), line)
    local all, first = at(('procedure.load "%s/o'):format(folder))
    table.sort(all)
    assert.same({ folder .. "/on/", folder .. "/one.lua" }, all)
    assert.truthy(first:find("/on/", 1, true) or first:find('/one.lua"', 1, true))
    assert.same({}, (at 'http.request { method = "GET", proxy = "spe'))
  end)
end)

describe("commands", function()
  it("are completed after a colon", function()
    assert.same({ "cancel", "curl" }, (at ":c"))
    local _, line = at ":cu"
    assert.equal(":curl ", line)
    assert.same({ "cancel", "curl", "quit" }, (at ":"))
    local _, quit = at ":qu"
    assert.equal(":quit", quit)
  end)

  it("complete their own arguments", function()
    assert.same({ "12", "7", "last" }, (at ":curl "))
    assert.same({ "12" }, (at ":curl 1"))
    assert.same({}, (at ":cancel 1"))
    assert.same({}, (at ":nosuch x"))
  end)

  it("and names are completed after a question mark", function()
    assert.same({ "get" }, (at "?http.ge"))
    assert.same({ "quit" }, (at "?:qu"))
    assert.same({ "http" }, (at "? htt"))
  end)
end)

describe("hostile values", function()
  local ran
  local meta = {}
  for _, event in ipairs { "index", "newindex", "call", "tostring", "pairs", "len", "eq", "lt", "concat", "name" } do
    meta["__" .. event] = function()
      ran = event
      error("a metamethod was run: " .. event)
    end
  end
  before_each(function() ran = nil end)

  it("are looked at without running a metamethod", function()
    local bad = setmetatable({ field = 1, other = setmetatable({ deep = 2 }, meta) }, meta)
    local env = setmetatable({ bad = bad, err = errors.new { kind = "k", message = "m", cause = bad } }, meta)
    assert.same({ "field", "other" }, (at("bad.", env)))
    assert.same({ "deep" }, (at("bad.other.", env)))
    for _, line in ipairs { "bad:", "bad.nosuch.", "bad().", "bad { ", "bad.field.", "bad[bad].", "err.cause.",
      "nosuch.",
      "#bad.", "bad == \"", "bad[\"", "for _, x in pairs(bad) do x.", "bad:nosuch { a", "require(bad).", "" } do
      at(line, env)
    end
    assert.is_nil(ran)
  end)

  it("whose __index goes in a circle end", function()
    local a, b = {}, {}
    setmetatable(a, { __index = b })
    setmetatable(b, { __index = a })
    a.one, b.two = 1, 2
    assert.same({ "one", "two" }, (at("a.", { a = a })))
  end)

  it("with many keys take little time", function()
    local big = {}
    for i = 1, 300000 do big["key" .. i] = i end
    local began = os.clock()
    at("big.k", { big = big })
    assert.is_true(os.clock() - began < 0.5)
  end)

  it("are lines, too", function()
    local rubbish = { "((((", "}}}}", "{{{{{{{{", "a.b.c:d(", '"', "'\\", "[==[ x", "local", "local x = x.",
      "a = a.", "a = b.c b = a.", ")", "].", "x..y.", "...", "::", "a::", "function(", "function f(a", "for",
      "for a, b in",
      "return", "=", ",", "http.get(((((", "\0\1\2", "\xff\xfe.", "x = function(x) x.", "f{}{}{}.", "f''.", "?",
      "??", ":?", "if x then else end.", "http.get{", "http.get(,{ ", "1.2.3.", "a.1", "goto x",
      "{ a = { b = { c = ", "{[", "{ [1" }
    for _, line in ipairs(rubbish) do
      for cursor = 0, #line do
        local start, found = complete.complete(line, cursor, {}, { commands = COMMANDS })
        assert.is_true(start >= 1 and start <= cursor + 1, line)
        assert.is_table(found)
      end
    end
    local long = ("f({ a = "):rep(2000)
    local began = os.clock()
    at(long)
    assert.is_true(os.clock() - began < 2)
  end)
end)

describe("time", function()
  it("is short, also when the annotations are read for the first time", function()
    local clock = require "fairlead.clock"
    local began = clock.monotonic()
    at "github.client {}:"
    at "aws.session {}:client 'ecs':Desc"
    at "procedure.new { "
    at "slack.client {}:"
    assert.is_true(clock.monotonic() - began < 2)
    began = clock.monotonic()
    for _ = 1, 20 do at "github.client { repository = 'a/b' }:pull_request { number = 1 }." end
    assert.is_true((clock.monotonic() - began) / 20 < 0.05)
  end)
end)
