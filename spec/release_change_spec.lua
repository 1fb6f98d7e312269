--- The change that a release carries, as it comes in real life: how its branch and its pull request are called, and
--- what others did with it before or meanwhile.
local procedure = require "fairlead.procedure"
local process = require "fairlead.process"
local world = require "fairlead.world"

local SCRIPT <const> = "scripts/planning-data.lua"

-- Rehearses without the development environment. `change` gets the fixture; `before` the world and its folder.
local function release(change, before, parameters)
  local fixture = procedure.load(SCRIPT).rehearsal()
  if change then change(fixture) end
  local w = world.new { seed = 1, fixture = fixture }
  local result = w:run(SCRIPT, parameters or { development = "no" }, {
    prepare = before and function(folder) before(w, folder) end,
  })
  return result, w
end

local function push(w, folder, ...)
  process.run({ "git", "-C", folder.work, "push", "-q", "origin", ... }):check()
  w.github:notice_pushes()
end

local function said(w)
  local texts = {}
  for _, channel in ipairs(w.slack.channels) do
    for _, message in ipairs(channel.messages or {}) do texts[#texts + 1] = message.text end
  end
  return table.concat(texts, "\n")
end

describe("a release takes a change", function()
  it("whose branch has a slash in its name", function()
    local result = release(function(fixture) fixture.github.branch.name = "feature/conservation-areas" end)
    assert.equal("done", result.outcome, tostring(result.error))
  end)

  it("whose title would be a command in Slack", function()
    local result, w = release(function(fixture)
      local commits = fixture.github.branch.commits
      commits[#commits].message = "Pull <!channel> & <@U02ADMIN>"
    end)
    assert.equal("done", result.outcome, tostring(result.error))
    assert.is_nil(said(w):find("<!channel>", 1, true))
    assert.matches("review wanted, please: <https://[^>]*|#%d+ Pull &lt;!channel&gt; &amp; &lt;@U02ADMIN&gt;>", said(w))
  end)

  it("that has a pull request into another branch too, and leaves that one alone", function()
    local result, w = release(nil, function(w, folder)
      push(w, folder, "HEAD", "origin/main:refs/heads/stack")
      w.github.pulls:open { title = "Stacked", head = "add-conservation-areas", base = "stack", by = "adeveloper" }
    end)
    assert.equal("done", result.outcome, tostring(result.error))
    local stacked <const>, own <const> = table.unpack(w.github.pulls.list)
    assert.is_nil(stacked.merged)
    assert.equal("main", own.base)
    assert.is_truthy(own.merged)
  end)

  it("that has a pull request already, which shows the push late", function()
    local result, w = release(nil, function(w, folder)
      push(w, folder, "HEAD~1:refs/heads/add-conservation-areas")
      local pulls <const> = w.github.pulls
      pulls:open { title = "Areas", head = "add-conservation-areas", base = "main", by = "adeveloper" }
      local branch_moved <const> = pulls.branch_moved
      function pulls:branch_moved(...)
        local arguments <const> = table.pack(...)
        w:after(9, function() branch_moved(self, table.unpack(arguments)) end)
      end
    end)
    assert.equal("done", result.outcome, tostring(result.error))
    assert.equal(1, #w.github.pulls.list)
  end)

  it("that somebody merges by hand once it is approved", function()
    local result, w = release(nil, function(w)
      w:on("reviewed", function(data) w.github.pulls:merge(data.pull, { by = "areviewer" }) end)
    end)
    assert.equal("done", result.outcome, tostring(result.error))
    assert.equal("areviewer", w.github.pulls.list[1].merged.by)
    assert.equal(w.github.pulls.list[1].merged.sha, w.aws:live("production").sha)
  end)

  it("and ends where it was closed", function()
    local result = release(nil, function(w)
      w:on("check_completed", function() w.github.pulls.list[1].state = "closed" end)
    end)
    assert.equal("pull-request-closed", result.reason)
  end)

  it("and tries in development nothing else, although somebody pushes when its build is started", function()
    local result, w = release(nil, function(w)
      local actions <const> = w.github.actions
      local start <const> = actions.start
      function actions:start(workflow, trigger)
        if trigger.event == "workflow_dispatch" then
          trigger.sha = w.github:commit_as("add-conservation-areas",
            { author = "areviewer", message = "More", files = { ["more.txt"] = "more\n" } })
        end
        return start(self, workflow, trigger)
      end
    end, {})
    assert.equal("github.run_failed", result.reason, tostring(result.error))
    assert.matches("it builds %x+, not %x+: the branch moved; look at what came, and start again$",
      tostring(result.error))
    assert.is_true(result.elapsed < 10 * 60)
    assert.is_nil(w.github.pulls.list[1].merged)
  end)

  it("that an admin releases, as the settings allow, and asks another admin", function()
    local settings <const> = package.loaded.settings.planning_data
    local before <const> = settings.merge_by
    settings.merge_by = "anyone"
    local restore <close> = setmetatable({}, { __close = function() settings.merge_by = before end }) -- luacheck: ignore
    local result, w = release(function(fixture)
      fixture.github.user = "anadmin"
      fixture.people.admins = {
        { name = "anadmin", after_seconds = 60 }, { name = "anotheradmin", after_seconds = 900 },
      }
    end, function(w, folder)
      push(w, folder, "HEAD")
      w.github.pulls:open { title = "Areas", head = "add-conservation-areas", base = "main", by = "adeveloper" }
    end)
    assert.equal("done", result.outcome, tostring(result.error))
    local by
    for _, event in ipairs(result.events) do
      if event.event == "gate.decided" and event.path == "Approval" then by = event.by end
    end
    assert.equal("anotheradmin", by)
    assert.matches("<@U02ADMIN>: your answer does not count here", said(w))
  end)

  it("whose deployments' AppSpec lies in S3", function()
    local view <const> = require "fairlead.world.aws.codedeploy_view"
    local deployment <const> = view.deployment
    function view.deployment(...)
      local told <const> = deployment(...)
      told.revision = { revisionType = "S3",
        s3Location = { bucket = "appspecs", key = "appspec.yaml", bundleType = "YAML", eTag = "1" } }
      return told
    end
    local restore <close> = setmetatable({}, { __close = function() view.deployment = deployment end }) -- luacheck: ignore
    local result, w = release()
    assert.equal("done", result.outcome, tostring(result.error))
    assert.equal(w.github.pulls.list[1].merged.sha, w.aws:live("production").sha)
  end)
end)
