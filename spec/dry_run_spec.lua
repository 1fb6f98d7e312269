-- Dry runs: real reads, no writes, on to the end; and the belt below, which lets nothing through that writes.
local dry = require "fairlead.dry"
local http = require "fairlead.http"
local playing = require "spec.support.playing"
local procedure = require "fairlead.procedure"
local reads = require "fairlead.dry.reads"
local rehearsal = require "fairlead.world.rehearsal"
local world = require "fairlead.world"

local events = playing.events

local function play(fn, options)
  options = options or {}
  options.mode = "dry-run"
  return playing.play(fn, options)
end

local function final_of(result) return result.events[#result.events] end

describe("a dry run", function()
  it("looks what is done already, does not act, and tells what it would do", function()
    local acted, told, looked = {}, {}, 0
    local result = play(function(run)
      run:notifier(function(message) told[#told + 1] = message end)
      run:on_failure(function() acted[#acted + 1] = "on_failure" end)
      run:stage("Pull request", function()
        run:step("Push", {
          already = function() looked = looked + 1 return { sha = "1" } end,
          act = function() acted[1] = 1 end,
        })
        run:step("Open", { intent = "open a pull request", act = function() acted[1] = 2 end })
        run:notify "opened"
        run:wait { name = "Tests", timeout = 60, check = function() looked = looked + 1 return nil, "2 of 3" end }
      end)
    end, { plan = { "Pull request" } })
    assert.same({ "done", "dry_run", 0 }, { result.outcome, result.reason, result.exit_code })
    assert.same({ {}, {}, 2 }, { acted, told, looked })
    assert.same({ { "Pull request/Push", "already", "-" }, { "Pull request/Open", "dry run", "open a pull request" },
      { "Pull request/Tests", "dry run", "wait for Tests" } }, events(result, "step.skipped", "path", "why", "would"))
    assert.same({ "-", "-", "2 of 3" }, events(result, "step.skipped", "note"))
  end)

  it("does steps that only read", function()
    local result = play(function(run)
      local live = run:step("What is live", { reads = true, act = function() return { commit = "1a2b" } end })
      run:step("Deploy", { act = error })
      local note = run:step("Note", { reads = true, act = function() error "no such commit" end, pretend = { 1 } })
      return live.commit .. #note
    end)
    assert.equal("1a2b1", result.value)
    assert.same({ { "Deploy", "Deploy" }, { "Note", "-" } }, events(result, "step.skipped", "path", "would"))
    assert.equal("failed", play(function(run)
      run:step("What is live", { reads = true, act = function() error "cannot read" end })
    end).outcome)
  end)

  it("goes on with what a step pretends", function()
    local result = play(function(run)
      local pull = run:step("Open", { act = error, pretend = { number = 12, head = { sha = "1a2b" } } })
      local merged = run:step("Merge", {
        intent = ("#%d at %s"):format(pull.number, pull.head.sha), act = error,
        pretend = function() return { commit = pull.head.sha } end,
      })
      local seen = run:wait {
        name = "Site", timeout = 5, check = function() end, pretend = { version = merged.commit },
      }
      return seen.version
    end)
    assert.equal("1a2b", result.value)
    assert.same({ "Open", "#12 at 1a2b", "wait for Site" }, events(result, "step.skipped", "would"))
  end)

  it("goes on with unknowns, which stand for texts and tables of them", function()
    local result = play(function(run)
      local pull = run:step("Open pull request", { act = error })
      local id = run:step("Build", { intent = { ref = pull.head.ref, list = { pull.url } }, act = error })
      return table.concat({ tostring(pull), pull.head.sha:sub(1, 8) .. "!", ("%s"):format(id) }, " ")
    end)
    assert.equal("‹result of Open pull request› ‹head.sha of Open pull request›! ‹result of Build›", result.value)
    assert.equal("list [\"‹url of Open pull request›\"], ref ‹head.ref of Open pull request›",
      events(result, "step.skipped", "would")[2])
  end)

  it("passes what cannot be looked at because of what was not done, with a note", function()
    local result = play(function(run)
      local build = run:step("Build", { act = error })
      run:wait { name = "Image", timeout = 5, check = function() return #build > 1 end }
      local function refuse() run:refuse("site.wrong", "it shows another commit") end
      run:wait { name = "Site", timeout = 5, check = refuse }
      run:step("Merge", { already = function() error "no such pull request" end, act = error })
      local decision = run:gate {
        name = "Approval", timeout = 5, approvers = { "ada" }, evidence = function() return { build = build.id } end,
      }
      return decision.decision .. " " .. decision.by .. " " .. decision.evidence.build
    end)
    assert.equal("approved ada ‹id of Build›", result.value)
    local notes = events(result, "step.skipped", "path", "note", "error")
    local because = "it depends on what was not done"
    assert.same({ "Image", because, "the dry run ends here: what follows needs ‹result of Build›" }, notes[2])
    assert.same({ "Site", because, "it shows another commit" }, notes[3])
    assert.same({ "Merge", because }, { notes[4][1], notes[4][2] })
    assert.matches("no such pull request", notes[4][3])
    assert.same({ "Approval", "-", "-" }, notes[5])
  end)

  it("fails where a reading fails before anything was left out", function()
    assert.equal("failed", play(function() error "cannot read" end).outcome)
    local refused = play(function(run)
      run:wait { name = "Site", timeout = 5, check = function() run:refuse("site.wrong", "no") end }
    end)
    assert.equal("site.wrong", refused.reason)
  end)

  it("ends well where nobody can tell how it goes on", function()
    local result = play(function(run)
      run:stage("Build", function()
        local build = run:step("Start", { act = error })
        return build.number + 1
      end)
    end, { plan = { "Build", "Deploy" } })
    assert.same({ "done", "dry_run", 0 }, { result.outcome, result.reason, result.exit_code })
    assert.equal("the dry run ends here: what follows needs ‹number of Start›", final_of(result).stopped)
    assert.same({ "Build", "Deploy" }, final_of(result).not_reached)
    local formatted = play(function(run) return ("%d"):format(run:step("Start", { act = error })) end)
    assert.equal("done", formatted.outcome)
    assert.matches("what was not done %(.*number expected", final_of(formatted).stopped)
  end)

  it("refuses to pretend what could not have been recorded", function()
    local wrong = play(function(run) run:step("Open", { act = error, pretend = { print } }) end)
    assert.matches("Open: pretend%[1%] is a function; pretend is plain data", tostring(wrong.error))
  end)
end)

describe("which requests only read", function()
  local function kind(method, url, headers, body)
    local name, only = reads.classify({ method = method, url = url, headers = headers }, body or "")
    return { name, only }
  end

  it("is told by the method", function()
    assert.same({ "GET", true }, kind("GET", "https://api.github.com/user"))
    assert.same({ "PUT", false }, kind("PUT", "https://api.github.com/repos/a/b/pulls/1/merge"))
    assert.same({ "POST", false }, kind("POST", "https://api.github.com/repos/a/b/pulls"))
  end)

  it("is no token's business unless it is posted", function()
    assert.same({ "a token", true }, kind("POST", "https://oidc.eu-west-2.amazonaws.com/token"))
    assert.same({ "DELETE", false }, kind("DELETE", "https://oidc.eu-west-2.amazonaws.com/token"))
    assert.same({ "PATCH", false }, kind("PATCH", "https://x.example/", {}, "Action=AssumeRoleWithSAML"))
  end)

  it("is told by the operation of AWS", function()
    local function aws(operation) return kind("POST", "https://ecs.eu-west-2.amazonaws.com/",
      { { "X-Amz-Target", "AmazonEC2ContainerServiceV20141113." .. operation } }) end
    assert.same({ "DescribeServices", true }, aws "DescribeServices")
    assert.same({ "BatchGetImage", true }, aws "BatchGetImage")
    assert.same({ "UpdateService", false }, aws "UpdateService")
    assert.same({ "TestFailover", false }, aws "TestFailover") -- ElastiCache's: it does fail over
    assert.same({ "ReceiveMessage", false }, aws "ReceiveMessage") -- hides it from others for a while
    local signed = { { "Authorization", "AWS4-HMAC-SHA256 Credential=x" } }
    assert.same({ "GetCallerIdentity", true },
      kind("POST", "https://sts.amazonaws.com/", signed, "Action=GetCallerIdentity&Version=2011-06-15"))
    assert.same({ "SetAlarmState", false }, kind("POST", "https://x/", signed, "Version=1&Action=SetAlarmState"))
  end)

  it("is told by the method of Slack, and by GraphQL's own words", function()
    assert.same({ "conversations.history", true }, kind("POST", "https://slack.com/api/conversations.history"))
    assert.same({ "chat.postMessage", false }, kind("POST", "https://slack.com/api/chat.postMessage"))
    assert.same({ "chat.update", false }, kind("POST", "http://127.0.0.1:1/slack/api/chat.update"))
    assert.is_true(kind("POST", "https://api.github.com/graphql", nil, '{"query":"{ viewer { login } }"}')[2])
    assert.is_false(kind("POST", "https://api.github.com/graphql", nil, '{"query":"mutation { x }"}')[2])
  end)

  it("is told of what gives credentials", function()
    local ttl = { { "X-aws-ec2-metadata-token-ttl-seconds", "21600" } }
    assert.same({ "a token", true }, kind("PUT", "http://169.254.169.254/latest/api/token", ttl))
    assert.same({ "PUT", false }, kind("PUT", "http://169.254.169.254/latest/api/token"))
    assert.same({ "PUT", false }, kind("PUT", "https://example.org/a/latest/api/token", ttl))
    assert.same({ "a token", true }, kind("POST", "https://oidc.eu-west-2.amazonaws.com/token"))
    assert.same({ "a token", true }, kind("POST", "http://127.0.0.1:1/token", nil, '{"grantType":"refresh_token"}'))
    assert.same({ "POST", false }, kind("POST", "https://example.org/token", nil, "{}"))
    assert.same({ "a token", true }, kind("POST", "https://api.github.com/app/installations/12/access_tokens"))
    assert.same({ "a token", true },
      kind("POST", "https://sts.amazonaws.com/", nil, "Action=AssumeRoleWithWebIdentity&Version=2011-06-15"))
    assert.same({ "POST", false }, kind("POST", "https://sts.amazonaws.com/", nil, "Action=DeleteEverything"))
  end)
end)

describe("the belt of a dry run", function()
  local sent
  local function transport(request)
    sent[#sent + 1] = request.method
    return { status = 200, headers = {}, body = "{}" }
  end

  before_each(function() sent = {} end)

  it("lets reads through and refuses writes, and is gone afterwards", function()
    http.with_transport(transport, function()
      local _, err = try(dry.inside, function()
        http.get "https://example.org/"
        http.post("https://example.org/things", { json = {} })
      end)
      assert.equal("dry_run.write", err.kind)
      assert.matches("POST https://example.org/things: a dry run does not write, and POST would", tostring(err), 1,
        true)
      assert.same({ "GET" }, sent)
      http.post "https://example.org/things"
      assert.same({ "GET", "POST" }, sent)
    end)
  end)

  it("does not ask anybody for what is not there", function()
    http.with_transport(transport, function()
      local result = play(function(run)
        local build = run:step("Build", { act = error })
        dry.inside(function()
          local function ask() return http.get("https://example.org", { query = { run = build.id .. "" } }).status end
          run:wait { name = "Run", timeout = 5, check = ask }
          ask()
        end)
      end)
      assert.same({}, sent)
      assert.equal("the dry run ends here: what follows needs ‹id of Build›", final_of(result).stopped)
    end)
  end)
end)

describe("a dry run of a release", function()
  local function dry_run(script)
    local w = world.new { seed = 1 }
    local loaded = rehearsal.load(w, script)
    return rehearsal.inside(w, function(folder)
      return dry.inside(procedure.execute, loaded, {}, { mode = "dry-run", directory = folder.work, user = "ada" })
    end), w
  end

  local function would(result)
    local list = {}
    for _, event in ipairs(result.events) do
      local kept = event.would and not event.would:find "^wait for " and not event.would:find "^ask: "
      if event.event == "step.skipped" and kept then list[#list + 1] = event.path end
    end
    return list
  end

  for script, expected in pairs {
    ["../spec/support/second_organisation/procedure"] = { "Pull request/Push", "Pull request/Open pull request",
      "Merge/Merge pull request" }, -- CodePipeline does the rest
    ["planning-data"] = { "Pull request/Push", "Pull request/Open pull request", "Development/Start the build",
      "Merge/Merge pull request", "Production/Start the build" },
    providers = { "Pull request/Push", "Pull request/Open pull request", "Development/Start the build",
      "Merge/Merge pull request" },
    ["async-processor"] = { "Pull request/Push", "Development/Send a message to development-request-queue",
      "Merge/Merge pull request", "Production/Start the build" },
  } do
    it("goes to its end and lists what it would write: " .. script, function()
      local result = dry_run("scripts/" .. script .. ".lua")
      local final = final_of(result)
      assert.same({ "done", "dry_run" }, { result.outcome, result.reason }, tostring(result.error))
      assert.is_nil(final.stopped)
      local listed = {}
      for _, path in ipairs(would(result)) do listed[path] = true end
      for _, path in ipairs(expected) do assert.is_true(listed[path], path .. " is not listed") end
    end)
  end

  it("changes nothing anywhere", function()
    local result, w = dry_run "scripts/planning-data.lua"
    assert.equal("done", result.outcome, tostring(result.error))
    for _, name in ipairs { "github", "slack", "aws" } do
      for _, request in ipairs(w[name].requests) do
        local operation = request.operation or ""
        assert.is_true(request.method == "GET" or operation:find "Describe" ~= nil or operation:find "List" ~= nil
          or operation:find "Get" ~= nil or operation:find "%.test$" ~= nil or operation:find "%.list$" ~= nil,
          ("%s %s %s"):format(request.method, request.path, operation))
      end
    end
    assert.same({}, w.github.pulls.list)
  end)
end)
