-- `fairlead check`: what is found in scripts that are wrong in one way each, and that nothing is found in those that
-- are right, our own first of all.
local process = require "fairlead.process"
local check = require "fairlead.check"

local folder

local function write(name, text)
  local file <close> = assert(io.open(folder .. "/" .. name, "w"))
  file:write(text)
  return folder .. "/" .. name
end

-- What is found in a script, as "line:column rule message; hint".
local function found_in(text, name)
  local path = write(name or "script.lua", text)
  local lines = {}
  for i, finding in ipairs(check.files({ path }).findings) do
    assert.equal(path, finding.path)
    lines[i] = ("%d:%d %s %s%s"):format(finding.line, finding.column, finding.rule, finding.message,
      finding.hint and "; " .. finding.hint or "")
  end
  return lines
end

local function rules_of(text)
  local rules = {}
  for i, line in ipairs(found_in(text)) do rules[i] = line:match "^%S+ (%S+)" end
  return rules
end

-- The body of a procedure with what scripts usually have at hand.
local function procedure(body)
  return ([[
local github = require "fairlead.github"
local http = require "fairlead.http"
local procedure = require "fairlead.procedure"
return procedure.new { name = "p", parameters = { editor = { required = true } }, run = function(run, parameters)
  local gh = github.client { repository = "a/b" }
  %s
  return http, gh, run, parameters
end }
]]):format(body)
end

-- What is found in the sixth line of such a procedure.
local function in_procedure(body)
  local lines = found_in(procedure(body))
  for i, line in ipairs(lines) do
    assert.equal("6:", line:sub(1, 2), line)
    lines[i] = line:gsub("^6:%d+ ", "")
  end
  return lines
end

describe("fairlead check", function()
  before_each(function()
    folder = process.run({ "mktemp", "-d" }):check().stdout:gsub("\n$", "")
  end)
  after_each(function() process.run { "rm", "-rf", folder } end)

  describe("of syntax", function()
    it("tells line, column and what was expected", function()
      assert.same({ "2:5 syntax expected condition near 'then'" }, found_in "local a = 1\nif  then end\n")
    end)

    it("counts columns in characters, not in bytes", function()
      assert.same({ "1:18 syntax expected expression near <eof>" }, found_in 'local a = "äöü" +')
    end)

    it("knows what only the compiler finds", function()
      assert.same({ "2:1 syntax attempt to assign to const variable 'a'" }, found_in "local a <const> = 1\na = 2\n")
      assert.matches("no visible label 'out'", found_in("goto out")[1], 1, true)
    end)

    it("takes a first line that names the interpreter, and refuses what is not text", function()
      assert.same({}, found_in "#!/usr/bin/env fairlead\nprint(1)\n")
      assert.same({ "1:1 syntax the text is not UTF-8" }, found_in "\27Lua\xff\xfe")
    end)
  end)

  describe("of names", function()
    it("finds undefined and assigned globals, and names the nearest", function()
      assert.same({
        "2:7 undefined-global undefined variable 'cuont'; did you mean 'count'?",
        "3:1 assigned-global assignment to the undeclared variable 'total'; write `local total`",
      }, found_in "local count = 1\nprint(cuont)\ntotal = count\n")
    end)

    it("sees a name only where it is visible", function()
      assert.same({ "undefined-global" }, rules_of "do local a = 1 end print(a)")
      assert.same({ "undefined-global" }, rules_of "local a = a")
      assert.same({}, rules_of "breakpoint() print(try, secret)")
      assert.same({}, rules_of "local function f() return f end for i = 1, 2 do print(i, f) end")
      assert.same({}, rules_of "repeat local done = true until done")
    end)

    it("says how a module that is used by its name comes in", function()
      assert.same({ "1:1 undefined-global undefined variable 'json'; write `local json = require \"fairlead.json\"`" },
        found_in "json.encode {}")
    end)

    it("finds functions that the standard libraries do not have, and those that scripts do not have", function()
      assert.same({
        "1:8 unknown-name string has no member 'fromat'; did you mean 'format'?",
        "2:17 unknown-name string has no method 'lowre'; did you mean 'lower'?",
        "3:4 unknown-name os has no member 'execute'; use process.run { … } of \"fairlead.process\", "
          .. "which takes an argument list",
      }, found_in 'string.fromat "x"\nlocal _ = ("x"):lowre()\nos.execute "ls"\n')
    end)

    it("gives specs busted's names, and only them", function()
      local text = 'describe("x", function() it("y", function() end) end)'
      assert.same({}, found_in(text, "some_spec.lua"))
      assert.equal(2, #found_in(text))
    end)
  end)

  describe("of modules", function()
    it("finds those that are not there", function()
      assert.same({
        "1:9 unknown-module there is no module 'fairlead.htpt'; did you mean 'fairlead.http'?",
        "2:9 unknown-module there is no module 'beside' in " .. folder,
      }, found_in 'require "fairlead.htpt"\nrequire "beside"\nrequire "lfs"\nrequire "fairlead.http.retry"\n')
    end)

    it("checks the script's own modules, and what they give", function()
      local part = write("part.lua", "local M = {}\nfunction M.deploy() return undeclared end\nreturn M\n")
      local path = write("script.lua", 'local part = require "part"\npart.deploi()\npart.deploy()\n')
      local report = check.files { path }
      assert.same({ path, part }, report.files)
      local findings = report.findings
      assert.same({ part, path }, { findings[1].path, findings[2].path })
      assert.same({ "undefined-global", "unknown-name" }, { findings[1].rule, findings[2].rule })
      assert.equal("did you mean 'deploy'?", findings[2].hint)
    end)

    it("leaves a module alone that puts together what it gives", function()
      write("part.lua", 'local M = {}\nfor _, name in ipairs { "a" } do M[name] = 1 end\nreturn M\n')
      assert.same({}, found_in 'local part = require "part"\nprint(part.a)\n')
    end)

    it("finds functions and methods that they do not have", function()
      assert.same({ "unknown-name http has no member 'gte'; did you mean 'get'?" }, in_procedure 'http.gte "x"')
      assert.same({ "unknown-name fairlead.github.Client has no method 'merg'; did you mean 'merge'?" },
        in_procedure "gh:merg {}")
      assert.same({ "unknown-name procedure.Run has no method 'stepp'; did you mean 'step'?" },
        in_procedure "run:stepp()")
    end)

    it("knows what their functions return", function()
      assert.same({ "unknown-name http.Response has no method 'jsno'; did you mean 'json'?" },
        in_procedure 'local answer = http.get "https://x"; answer:jsno()')
      assert.same({ "unknown-name fairlead.github.PullRequest has no member 'mergable'; did you mean 'mergeable'?" },
        in_procedure "print((gh:pull_request { number = 1 }).mergable)")
      assert.same({ "unknown-name fairlead.github.Check has no member 'nmae'; did you mean 'name'?" },
        in_procedure 'for _, one in ipairs(gh:checks("1").runs) do print(one.nmae) end')
      assert.same({ "unknown-name Error has no member 'knd'; did you mean 'kind'?" },
        in_procedure "local _, err = try(gh.default_branch, gh) print(err.knd)")
    end)

    it("lets an answer have more fields than are annotated", function()
      assert.same({}, in_procedure "print((gh:pull_request { number = 1 }).assignee)")
    end)

    it("lets a script give its own objects further fields", function()
      assert.same({}, found_in [[
---@class Board
---@field close fun(self: Board)
local Board = {}
function Board:is_closed() return self.closed end
function Board:close() self.closed = true end
return Board
]])
    end)

    it("lets an AWS client have any operation, written as in the API", function()
      assert.same({
        "unknown-name AWS clients have no method 'describe_services'; operations are named as in AWS's API, "
          .. "such as DescribeServices",
      }, in_procedure('local ecs = require("fairlead.aws").session({}):client "ecs" '
        .. "ecs:describe_services {} ecs:DescribeServices { services = { 'web' } }"))
      assert.same({}, in_procedure('local s3 = require("fairlead.aws").session({}):client "s3" '
        .. 's3:presign("GetObject", { Bucket = "b", Key = "k" }) s3:GetObject { Bucket = "b", Key = "k" }'))
    end)

    it("knows the operations of an AWS client's service, and what they take and give", function()
      local function with(service, code)
        return in_procedure(('local client = require("fairlead.aws").session({}):client(%q) %s'):format(service, code))
      end
      assert.same({ "unknown-name ecs has no operation 'DescribeService'; did you mean 'DescribeServices'?" },
        with("ecs", "client:DescribeService {}"))
      assert.same({ "missing-option option 'services' of client:DescribeServices is missing",
        "unknown-option unknown option 'service' of client:DescribeServices; did you mean 'services'?" },
        with("ecs", "client:DescribeServices { service = {} }"))
      assert.same({ "unknown-name it has no member 'servicez'; did you mean 'services'?" },
        with("ecs", "print(client:DescribeServices({ services = {} }).servicez)"))
      assert.same({ "unknown-name sts has no operation 'GetCaller'" }, with("sts", "client:GetCaller {}"))
      assert.same({ "unknown-option unknown option 'Bodi' of client:PutObject; did you mean 'Body'?" },
        with("s3", 'client:PutObject { Bucket = "b", Key = "k", Bodi = "x" }'))
    end)

    it("lets AWS have operations and parameters' words that were not known when this was written", function()
      local code = 'local ecs = require("fairlead.aws").session({}):client "ecs" '
      assert.same({}, in_procedure(code .. "ecs:BrewCoffee { cups = 2 }"))
      assert.same({}, in_procedure(code .. 'ecs:RunTask { taskDefinition = "t", launchType = "TOMORROWS" }'))
      assert.same({}, in_procedure(code .. 'ecs:paginate("ListTasks", {}, "taskArns")'))
    end)

    it("knows the services of AWS, those that the clients know", function()
      local source = 'local ecs = require("fairlead.aws").session({}):client "%s" print(ecs)'
      assert.matches("wrong%-value 'esc' is none of .*; did you mean 'ecs'%?$", in_procedure(source:format "esc")[1])
      for _, name in ipairs(require "fairlead.aws.services".names()) do
        assert.same({}, in_procedure(source:format(name)), name)
      end
    end)

    it("knows nothing of a variable that is given something else later", function()
      assert.same({}, in_procedure 'local one = gh; one = 5; one:anything()')
    end)
  end)

  describe("of options", function()
    it("finds unknown, missing and wrong ones", function()
      assert.same({ "unknown-option unknown option 'timout' of http.get; did you mean 'timeout'?" },
        in_procedure 'http.get("https://x", { timout = 3 })')
      assert.same({ "missing-option option 'sha' of gh:merge is missing" },
        in_procedure 'gh:merge { number = 1, method = "squash" }')
      assert.same({ "wrong-value 'sqash' is none of \"merge\", \"rebase\", \"squash\"; did you mean 'squash'?" },
        in_procedure 'gh:merge { number = 1, sha = "1", method = "sqash" }')
      assert.same({ "unknown-option unknown option 'reson' of run:lock; did you mean 'reason'?" },
        in_procedure 'run:lock("development", { reson = "x" })')
    end)

    it("finds those of a procedure, of its parameters, and the use of parameters that it does not have", function()
      local lines = found_in [[
local procedure = require "fairlead.procedure"
return procedure.new {
  name = "p", sumary = "x",
  parameters = { editor = { requird = true, type = "text" } },
  run = function(_, parameters) print(parameters.edtor, parameters.editor) end,
}]]
      assert.same({
        "3:15 unknown-option unknown option 'sumary' of procedure.new; did you mean 'summary'?",
        "4:29 unknown-option unknown option 'requird' in 'editor'; did you mean 'required'?",
      }, { lines[1], lines[2] })
      assert.matches("^4:52 wrong%-value 'text' is none of ", lines[3])
      assert.equal("5:50 unknown-name parameters has no member 'edtor'; did you mean 'editor'?", lines[4])
      assert.equal(4, #lines)
    end)

    it("finds those of settings, which are data below their type", function()
      local lines = found_in [[
---@type release.Settings
return {
  key = "x", name = "X", repostory = "a/b", main = "main", required_checks = {}, approvals = 1, merge_method = "sqash",
  workflows = { tests = "x" }, timeouts = require "elsewhere",
  environments = { live = { name = "live", order = 1, region = "x", arrives = "push",
    services = { { name = "a", cluster = "c", service = "s", image = "i", deploys = "codedeply" } } } },
}]]
      assert.same({
        "2:8 missing-option option 'repository' of this table is missing; on GitHub: \"owner/name\"",
        "3:26 unknown-option unknown option 'repostory' of this table; did you mean 'repository'?",
        "3:112 wrong-value 'sqash' is none of \"merge\", \"rebase\", \"squash\"; did you mean 'squash'?",
        "4:51 unknown-module there is no module 'elsewhere' in " .. folder,
        "6:85 wrong-value 'codedeply' is none of \"blue_green\", \"codedeploy\", \"rolling\"; "
          .. "did you mean 'codedeploy'?",
      }, lines)
    end)

    it("lets a table stand in for an object", function()
      assert.same({}, in_procedure 'github.approval { client = { path = print }, run = 1, environment = "x" }')
    end)

    it("says nothing of tables that are put together elsewhere", function()
      assert.same({}, in_procedure 'local options = {} options.timeot = 1 http.get("https://x", options)')
    end)
  end)

  describe("of habits", function()
    it("finds steps that cannot be taken up", function()
      local bare = in_procedure 'run:step("Deploy", function() end)'
      assert.matches("^step%-without%-already step 'Deploy' cannot be taken up again", bare[1])
      assert.equal(1, #bare)
      assert.equal(1, #in_procedure 'run:step("Deploy", { act = function() end })')
      assert.equal(1, #in_procedure 'local function go() end run:step("Deploy", go)')
      assert.same({}, in_procedure 'run:step("Deploy", { already = function() end, act = function() end })')
      assert.same({}, in_procedure 'run:step("Deploy", { repeatable = true, act = function() end })')
      assert.same({}, in_procedure 'run:step("Look", { reads = true, act = function() end })')
    end)

    it("takes a mark that says no for none", function()
      assert.same({ "step-without-already" },
        rules_of(procedure 'run:step("Deploy", { repeatable = false, already = nil, act = function() end })'))
      assert.same({ "gate-without-timeout" }, rules_of(procedure 'run:gate { name = "g", timeout = nil }'))
    end)

    it("finds waits and questions without an end", function()
      assert.same({ "wait-without-timeout" }, rules_of(procedure 'run:wait { name = "w", check = print }'))
      assert.same({ "wait-without-timeout" },
        rules_of(procedure 'run:wait { name = "w", check = print, timeout = nil }'))
      assert.same({ "gate-without-timeout" }, rules_of(procedure 'run:gate { name = "g" }'))
      assert.same({}, in_procedure [[run:wait { name = "w", timeout = 5, check = print }
        run:gate { name = "g", timeout = 5 }]])
    end)

    it("finds them in functions that are handed a run", function()
      assert.same({ "wait-without-timeout" },
        rules_of 'return function(run) run:wait { name = "w", check = print } end')
    end)
  end)

  describe("allows what a comment allows", function()
    it("in its line, and alone in a line in the next", function()
      assert.same({}, found_in "print(a) -- fairlead: allow undefined-global\n")
      assert.same({}, found_in "-- fairlead: allow undefined-global, because of a reason\nprint(a)\n")
      assert.same({ "unused-allow", "undefined-global" }, rules_of "-- fairlead: allow undefined-global\n\nprint(a)\n")
    end)

    it("and says so when there is nothing to allow", function()
      assert.same({ "1:1 unused-allow nothing here needs to be allowed undefined-global" },
        found_in "-- fairlead: allow undefined-global\nprint(1)\n")
      assert.same({ "1:1 unused-allow there is no rule 'undefined-globl'; did you mean 'undefined-global'?" },
        found_in "-- fairlead: allow undefined-globl\nprint(1)\n")
    end)
  end)

  it("finds nothing in our own scripts and examples", function()
    local list = process.run({ "sh", "-c", "ls scripts/*.lua examples/*.lua" }):check().stdout
    local paths = {}
    for path in list:gmatch "[^\n]+" do paths[#paths + 1] = path end
    local report = check.files(paths)
    local lines = {}
    for i, one in ipairs(report.findings) do lines[i] = ("%s:%d: %s"):format(one.path, one.line, one.message) end
    assert.same({}, lines)
    assert.is_true(#report.files > #paths, "modules below scripts/ were not followed")
  end)

  describe("as a program", function()
    local fairlead = require "spec.support.program".path

    local function run(...) return process.run { fairlead, "check", ... } end

    it("ends with 0 when nothing is found, 1 when something is, 2 when it cannot look", function()
      local good, bad = write("good.lua", "print(1)\n"), write("bad.lua", "print(one)\n")
      local clean = run(good)
      assert.same({ 0, "Nothing found in 1 file.\n", "" }, { clean.code, clean.stdout, clean.stderr })
      local result = run(good, bad)
      assert.same({ 1, bad .. ":1:7: undefined variable 'one' [undefined-global]\n1 finding in 2 files.\n" },
        { result.code, result.stdout })
      local missing = run(folder .. "/none.lua")
      assert.equal(2, missing.code)
      assert.matches("none.lua: No such file or directory", missing.stderr, 1, true)
      assert.equal(2, run().code)
    end)

    it("runs nothing of what it looks at", function()
      local touched = folder .. "/touched"
      assert.equal(0, run(write("script.lua", ('io.open(%q, "w"):close()'):format(touched))).code)
      assert.is_nil(io.open(touched))
    end)
  end)
end)
