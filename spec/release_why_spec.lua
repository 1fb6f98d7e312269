--- Why a release failed: what AWS and GitHub know of it, told with the end; and that nothing is made up, shown that
--- must not be, or hidden.
local json = require "fairlead.json"
local message = require "fairlead.world.message"
local procedure = require "fairlead.procedure"
local program = require "spec.support.program"
local task = require "fairlead.task"
local world = require "fairlead.world"

local PLANNING <const>, ASYNC <const> = "scripts/planning-data.lua", "scripts/async-processor.lua"

procedure.load(PLANNING) -- from here on its modules are found
local mask = require "release.why.mask"

-- Rehearses; `change` gets the fixture, `prepare` the world.
local function rehearse(script, scenario, change, prepare)
  local loaded = procedure.load(script)
  local fixture = loaded.rehearsal()
  if change then change(fixture) end
  local w = world.new { seed = 1, scenario = scenario, fixture = fixture }
  if prepare then prepare(w) end
  return w:run(loaded, {}), w
end

-- What was found out: the lines, and what they were found by.
local function reasons(result)
  local lines, details = {}, {}
  for _, event in ipairs(result.events) do
    if event.event == "note" and event.kind == "why" then
      lines[#lines + 1] = event.text
      details[#details + 1] = event.details
    end
  end
  return table.concat(lines, "\n"), table.concat(details, "\n")
end

local function fails_by(how, alarms)
  return function(fixture)
    for _, environment in pairs(fixture.aws.environments) do
      environment.failure, environment.alarms = how, alarms
    end
  end
end

-- AWS answers these operations with a refusal.
local function refuse(w, ...)
  local refused = {}
  for _, operation in ipairs { ... } do refused[operation] = true end
  local handle = w.aws.handle
  w.aws.handle = function(self, request)
    local operation = (request.header "x-amz-target" or ""):match "[^.]+$" or request.body:match "Action=(%w+)"
    if not refused[operation] then return handle(self, request) end
    return message.json(400, { __type = "AccessDeniedException",
      message = "User: arn:aws:iam::111111111111:user/a is not authorized to perform: " .. operation })
  end
end

describe("a deployment of CodeDeploy that fails", function()
  -- how the new version fails; what has to be among the reasons, and what they are found by
  local WAYS <const> = {
    health = {
      { "lifecycle event Install of d%-%w+ failed", "stopped: Task failed ELB health checks in %(target%-group "
        .. "staging%-planning%-data%-green%)", "printed last: sqlalchemy.*geometry_type does not exist",
        "ECS says of staging%-planning%-data: .* is unhealthy in .*codes: %[500%]" },
      { "task %x+: ServiceSchedulerInitiated", "ERROR in app: Exception on /health" },
    },
    exit = {
      { "Essential container in task exited %(staging%-planning%-data ended with 1%)",
        "printed last: error: cannot start: a required setting has no value" },
      { "container staging%-planning%-data: exit code 1\n", "KeyError: 'REQUEST_QUEUE_URL'", "and %d+ more of them" },
    },
    memory = {
      { "OutOfMemoryError: Container killed due to memory usage %(staging%-planning%-data ended with 137%)" },
      { "exit code 137, OutOfMemoryError", "loading 4800000 entities into memory" },
    },
    secret = {
      { "unable to retrieve secret from asm" },
      { "TaskFailedToStart", "no exit code" },
    },
  }

  for how, expected in pairs(WAYS) do
    it("says so when the new version fails by " .. how, function()
      local result = rehearse(PLANNING, "staging-rolls-back", fails_by(how))
      assert.equal("deployment.rolled_back", result.reason, tostring(result.error))
      local lines, details = reasons(result)
      for _, pattern in ipairs(expected[1]) do assert.matches(pattern, lines) end
      for _, pattern in ipairs(expected[2]) do assert.matches(pattern, details) end
      assert.is_nil(lines:find("could not", 1, true), lines)
      assert.is_true(select(2, lines:gsub("\n", "")) < 8, lines)
      -- What was stopped in good order, or before, is no reason.
      assert.is_nil(lines:find("Scaling activity", 1, true))
    end)
  end

  it("names the alarm that stopped it", function()
    local lines = reasons(rehearse(PLANNING, "staging-rolls-back", fails_by("alarm", { "too-many-5xx" })))
    assert.matches("alarm too%-many%-5xx is raised", lines)
    assert.matches("lifecycle event AllowTraffic of", lines)
  end)

  it("shows it at the end of the run, in the thread and to the infrastructure team", function()
    local result, w = rehearse(PLANNING, "staging-rolls-back", fails_by "exit")
    local last = result.events[#result.events]
    assert.equal("run.finished", last.event)
    assert.matches("ended with 1", table.concat(last.why, "\n"))
    assert.matches("rolled back by deployment", last.error) -- the error is what it was
    local thread, infrastructure
    for _, channel in ipairs(w.slack.channels) do
      for _, item in ipairs(channel.messages) do
        if item.user == w.slack.me.id and item.blocks and item.thread_ts then thread = item end
        if channel.name:find "infrastructure" then infrastructure = item end
      end
    end
    local function shown(item)
      local parts = {}
      for i, block in ipairs(item.blocks) do
        parts[i] = block.text.text
        assert.is_true(#parts[i] <= 3000)
      end
      return table.concat(parts, "\n")
    end
    assert.matches("^:rewind: rolled back: deployment d%-", shown(thread))
    assert.matches("\n• tasks of staging%-planning%-data stopped: .*ended with 1", shown(thread))
    assert.matches("```\n.*File \"/src/application/settings.py\", line 31, in &lt;module&gt;.*```", shown(thread))
    assert.matches("%*What:%* deployment d%-.*\n• tasks of staging%-planning%-data stopped", shown(infrastructure))
    assert.is_nil(shown(infrastructure):find("```", 1, true))
  end)

  it("is told as it was, though AWS lets nobody look", function()
    local told = rehearse(PLANNING, "staging-rolls-back")
    local result = rehearse(PLANNING, "staging-rolls-back", nil, function(w)
      refuse(w, "GetLogEvents", "DescribeAlarms", "DescribeTargetHealth", "GetDeploymentGroup")
    end)
    assert.equal(tostring(told.error), tostring(result.error))
    assert.equal(5, result.exit_code)
    local lines, details = reasons(result)
    assert.matches("could not be read: the alarms, the container's log, the targets' health$", lines)
    assert.matches("the container's log: logs.GetLogEvents .*not authorized to perform: GetLogEvents", details)
    assert.matches("tasks of staging%-planning%-data stopped", lines) -- the others are asked all the same
  end)

  it("is not held up for long by a service that does not answer", function()
    local told = rehearse(PLANNING, "staging-rolls-back")
    local result = rehearse(PLANNING, "staging-rolls-back", nil, function(w)
      local handle = w.handle
      w.handle = function(self, request)
        if request.host:find "^logs%." then task.event():wait() end
        return handle(self, request)
      end
    end)
    assert.equal("deployment.rolled_back", result.reason)
    assert.is_true(result.elapsed < told.elapsed + 30)
    assert.matches("could not be read: the container's log$", (reasons(result)))
  end)
end)

describe("a rolling update that fails", function()
  it("says what the circuit breaker saw, of the service that it was", function()
    local result = rehearse(ASYNC, "rolling-update-rolls-back")
    assert.equal("deployment.rolled_back", result.reason)
    local lines, details = reasons(result)
    assert.matches("^staging%-pub%-async%-request%-api: the deployment circuit breaker opened", lines)
    assert.matches("3 failures, 3 are allowed", details)
    assert.matches("tasks of staging%-pub%-async%-request%-api stopped", lines)
    assert.matches("container %S+ of staging%-pub%-async%-request%-api printed last: sqlalchemy", lines)
    assert.is_nil(lines:find("request-processor", 1, true)) -- nothing is wrong with the other one
  end)
end)

describe("a smoke test that fails", function()
  it("comes with what the new containers printed", function()
    local lines, details = reasons(rehearse(PLANNING, "smoke-test-fails"))
    assert.matches("container staging%-planning%-data of staging%-planning%-data printed last", lines)
    assert.matches("starting commit %x+\nready", details)
  end)
end)

describe("tests that fail", function()
  it("come with the end of the failing job's log, and whose commit it was", function()
    local lines, details = reasons(rehearse(PLANNING, "tests-fail"))
    assert.matches("^check acceptance tests failed: FAILED tests/acceptance/test_pages.py::test_page", lines)
    assert.matches("\ncommit %x+ is by adeveloper: Name the map's layers$", lines)
    assert.matches("test_pages.py:41: AssertionError\n.*error: Process completed with exit code 1", details)
    assert.is_nil(details:find("Current runner version", 1, true)) -- of the failing step only
    assert.is_nil(details:find("2026-03-02T", 1, true))
  end)

  -- GitHub has lost what a path leads to.
  local function lost(pattern)
    return function(w)
      local handle = w.handle
      w.handle = function(self, request)
        if request.path:find(pattern) then return message.json(410, { message = "Gone" }) end
        return handle(self, request)
      end
    end
  end

  it("come with what was annotated where their log is gone", function()
    local lines = reasons(rehearse(PLANNING, "tests-fail", nil, lost "/logs$"))
    assert.matches("^check acceptance tests failed: %.github:%d+: Process completed with exit code 1", lines)
    assert.is_nil(lines:find("could not", 1, true))
  end)

  it("say so when nothing is left of them", function()
    local lines, details = reasons(rehearse(PLANNING, "tests-fail", nil, function(w)
      lost "/logs$"(w)
      lost "/annotations$"(w)
    end))
    assert.matches("^commit %x+ is by", lines)
    assert.matches("could not be read: the failing check's log$", lines)
    assert.matches("410", details)
  end)
end)

describe("a build that fails", function()
  local function broken(fixture)
    for _, job in ipairs(fixture.github.workflows["publish.yml"].jobs) do
      if job.publishes then
        job.conclusion = "failure"
        job.log = { "#12 pushing layers", "Authorization: Bearer abcdefghijklmnop", "<script>```",
          "error: failed to push: denied: token ghp_0123456789abcdefghijklmnop expired" }
      end
    end
  end

  it("names the job and the step, masks what it printed, and says whose commit it was", function()
    local result, w = rehearse(PLANNING, "all-well", broken)
    assert.equal("github.run_failed", result.reason)
    local lines, details = reasons(result)
    assert.matches("^job publish %(development%) failed in \"Build and push the images\": error: failed to push: "
      .. "denied: token %[masked%] expired\n", lines)
    assert.matches("Authorization: %[masked%]\n", details)
    assert.matches("commit %x+ is by adeveloper", lines)
    local everything = json.encode(result.events)
    for _, channel in ipairs(w.slack.channels) do
      for _, item in ipairs(channel.messages) do
        everything = everything .. item.text .. json.encode(item.blocks or {})
      end
    end
    assert.is_nil(everything:find("ghp_0123", 1, true))
    assert.is_nil(everything:find("abcdefghijklmnop", 1, true))
    assert.is_nil(everything:find("&lt;script&gt;```", 1, true))
    assert.is_truthy(everything:find("&lt;script&gt;'''", 1, true))
  end)
end)

describe("what needs no explanation", function()
  for _, scenario in ipairs { "admin-refuses", "head-moves", "review-missing" } do
    it("is not asked about: " .. scenario, function() assert.equal("", (reasons(rehearse(PLANNING, scenario)))) end)
  end
end)

describe("a line from outside", function()
  local LINES <const> = {
    { "DATABASE_PASSWORD=hunter2 and more", "DATABASE_PASSWORD=[masked] and more" },
    { '{"apiKey": "abc def", "x": 1}', '{"apiKey": [masked], "x": 1}' },
    { "password: 'p w', next=1", "password: [masked], next=1" },
    { "Authorization: Basic Zm9vOmJhcg== x", "Authorization: [masked]" },
    { "postgres://user:pw@host/db", "postgres://[masked]@host/db" },
    { "it has ghp_abcdefghijklmnop0123 here", "it has [masked] here" },
    { "key AKIAIOSFODNN7EXAMPLE, ASIAIOSFODNN7EXAMPLE", "key [masked], [masked]" },
    { "xoxb-1-2-abc", "[masked]" },
    { "eyJhbGciOi.eyJzdWIi.sig ok", "[masked] ok" },
    { "tokens=3", "tokens=[masked]" }, -- too much rather than too little
    { "\27[31mred\27[0m", "red" },
    { "a\8\7b", "a␈␇b" },
    { "the token was refused", "the token was refused" },
    { "KeyError: 'REQUEST_QUEUE_URL'", "KeyError: 'REQUEST_QUEUE_URL'" },
    { "GET /map?page=2 HTTP/1.1 500", "GET /map?page=2 HTTP/1.1 500" },
    { "password=", "password=" },
    { "SMTP_PASS=hunter2, 3 passed: 3", "SMTP_PASS=[masked] 3 passed: 3" },
    { "password => 'hunter2'", "password => [masked]" },
    { [[{\"password\":\"hunter2\",\"a\":1}]], [[{\"password\":[masked],\"a\":1}]] },
    { [[password="hun\"ter2" b]], "password=[masked] b" },
    { "password=hun,ter2 b", "password=[masked] b" },
    { "run --db-password hunter2 --fast", "run --db-password [masked] --fast" },
    { "postgres://user:p@ss@host/db", "postgres://[masked]@host/db" },
    { "sent Bearer abc.def.ghi again", "sent Bearer [masked] again" },
    { "Authorization: token hunter2", "Authorization: [masked]" },
    { "Set-Cookie: a=hunter2; b=hunter2", "Set-Cookie: [masked]" },
    { "POST https://hooks.slack.com/services/T00/B00/abc 404", "POST https://[masked] 404" },
    { "", "" },
  }

  it("loses what looks like a secret or a command, and nothing else", function()
    for _, row in ipairs(LINES) do assert.equal(row[2], mask.line(row[1])) end
  end)

  it("is one of the last, and a private key is none", function()
    assert.same({ "[masked]", "b", "c" }, mask.tail({
      "a", "-----BEGIN RSA PRIVATE KEY-----", "MIIE", "-----END RSA PRIVATE KEY-----", "b", " ", "c",
    }, 3))
    assert.same({ "[masked]", "b" }, mask.tail({
      "-----BEGIN PRIVATE KEY----- MIIE -----END PRIVATE KEY-----", "b",
    }, 3))
    assert.same({ "a", "[masked]", "b" }, mask.tail({
      "a", ("MIIE"):rep(16), ("Zm9v"):rep(16), "-----END PRIVATE KEY-----", "b", -- its beginning was not read
    }, 9))
    assert.same({}, mask.tail({}, 3))
    assert.is_true(#mask.tail({ ("x"):rep(1000000) }, 1)[1] <= 4000)
  end)
end)

describe("fairlead why and fairlead show", function()
  it("print what was found out, of the last attempt", function()
    local folder <close> = program.folder()
    local script = folder:write("fails.lua", [[
      return require "fairlead.procedure".new { name = "fails", run = function(run)
        run:on_failure(function() run:because("the disk is full", "df says\n100 %") end)
        run:refuse("full", "no room")
      end }
    ]])
    local env = { FAIRLEAD_STATE = folder.path .. "/state" }
    local ran = program.run { "run", "--plain", script, env = env }
    assert.equal(3, ran.code, ran.stderr)
    assert.matches("why +the disk is full\n", ran.stdout)
    assert.matches("\nWhy\n  the disk is full\n", ran.stdout)
    local id = json.decode(program.run({ "runs", "--json", env = env }).stdout).run
    for _, command in ipairs { { "why" }, { "show", id } } do
      local done = program.run { command[1], command[2], env = env }
      assert.equal(0, done.code, done.stderr)
      assert.matches("no room.-\nWhy\n  the disk is full\n    df says\n    100 %%\n", done.stdout)
    end
    local plain = json.decode(program.run({ "why", "--json", env = env }).stdout)
    assert.same({ { text = "the disk is full", details = "df says\n100 %" } }, { plain.why[1] })
    assert.same({ "the disk is full" }, { plain.error.why[1] })
  end)
end)
