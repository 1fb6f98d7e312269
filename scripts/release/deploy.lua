--- How a change comes to an environment: its build is started or found, and followed until the change is live there.
local live = require "release.live"
local pipelines = require "release.pipeline"

---@class Release
local Release = {}

local function short(sha) return sha:sub(1, 8) end

-- Environments are parts of the plan by their names: "Staging".
local function stage_of(environment) return (environment:gsub("^%l", string.upper)) end

---The commit that main is at.
---@async
---@return string sha
function Release:head_of_main()
  return self.github:get("branches/" .. self.settings.main).commit.sha
end

-- `check` is asked right before, and not again when a run is taken up that has started the build: what it asks for may
-- have changed since, and by this run itself.
local function dispatch(self, environment, ref, sha, check)
  local workflow <const> = self.settings.workflows.by_hand
  return self.run:step("Start the build", {
    intent = { workflow = workflow, ref = ref, environment = environment, commit = sha },
    already = function(begun)
      local started <const> = begun
        and self.github:find_dispatched { workflow = workflow, ref = ref, sha = sha, since = begun.began }
      if started then return { id = started.id, url = started.url } end
      check()
    end,
    act = function()
      local started <const> = self.github:dispatch {
        workflow = workflow, ref = ref, sha = sha, inputs = { environment = environment },
      }
      return { id = started.id, url = started.url }
    end,
    pretend = { id = "‹id of the build›", url = "‹address of the build›" },
  })
end

-- What runs there before, told once: afterwards nobody can see it any more.
local function look(self, environment)
  local commit <const> = self.run:step("What runs now", {
    intent = { environment = environment },
    reads = true,
    act = function()
      return { commit = live.now(self, self.settings.environments[environment]).commit }
    end,
  }).commit
  self.before = self.before or {}
  self.before[environment] = commit
  return commit
end

local function follow(self, environment, sha, build, check)
  local result <const>, err = try(live.follow, self, self.settings.environments[environment], sha, build, check)
  -- What something newer has overtaken did not fail.
  if err and (err:is "deployment.superseded" or err:is "wait.timeout") then
    self:refuse_older(environment, sha, { by = err.by })
  end
  if err then error(err, 0) end
  self.results[environment] = result
  self.run:notify {
    text = (":white_check_mark: %s is live in %s%s"):format(short(sha), environment,
      result.site and ": " .. result.site or ""),
  }
end

--- The build that the merge started.
local function build_of_push(self, sha)
  local workflow <const> = self.settings.workflows.on_push
  return self.run:wait {
    name = "Start of the build",
    timeout = self.settings.timeouts.build,
    every = 5,
    pretend = { id = "‹id of the build›", url = "‹address of the build›" },
    check = function()
      local found <const> = self.github:workflow_runs { head_sha = sha, workflow = workflow, event = "push" }[1]
      if not found then return nil, ("%s has not started for %s"):format(workflow, short(sha)) end
      return { id = found.id, url = found.url }
    end,
  }
end

---Builds the branch, deploys it to an environment and tries it there.
---@async
---@param environment string
---@param change table
---@param options { hold: number? }? hold: seconds for which people have the environment then, to try the change by
--- hand; the run goes on meanwhile, and gives it back when the change is merged, or when it ends
function Release:try_in(environment, change, options)
  self.run:stage(stage_of(environment), function()
    local _ <close> = self:have(environment, change, options)
    local build <const> = dispatch(self, environment, change.branch, change.head, function() self:unmoved(change) end)
    follow(self, environment, change.head, build)
  end)
end

-- ---- what main holds ----

local function build_of_main(self, environment, change)
  return dispatch(self, environment, self.settings.main, change.merged, function()
    self:refuse_older(environment, change.merged)
    local main <const> = self:head_of_main()
    if main ~= change.merged then
      self.run:refuse("main-moved", ("%s is at %s; %s is no longer the newest"):format(
        self.settings.main, short(main), short(change.merged)), "release what is there now")
    end
    self:need_approval(environment)
  end)
end

-- How a commit of main gets to an environment is for its settings to say. What goes on by itself, a job of the merge's
-- own run or a pipeline, is given the approval that it waits for.
local BUILD <const> = {
  dispatch = build_of_main,
  push = function(self, environment, change)
    self:hand_on_approval(environment)
    return build_of_push(self, change.merged)
  end,
  pipeline = function(self, environment, change)
    self:hand_on_approval(environment)
    local place <const> = self.settings.environments[environment]
    local execution <const> = pipelines.follow(self, place, change.merged)
    return nil, function() pipelines.check(self, place, execution) end
  end,
}

-- Until the change is live and tried; then what is live is put on record, and what came is told.
local function bring(self, environment, change)
  local before <const> = look(self, environment)
  local arrives <const> = self.settings.environments[environment].arrives
  local build <const>, check <const> = BUILD[arrives](self, environment, change)
  follow(self, environment, change.merged, build, check)
  self:record(environment, change.merged, self.results[environment])
  self:tell_what_came(environment, before, change.merged)
end

---Follows what the merge started until the change is live in an environment, and tries it there.
---@async
---@param environment string
---@param change table
function Release:go_live(environment, change)
  self.run:stage(stage_of(environment), function()
    local _ <close> = self:have(environment, change)
    bring(self, environment, change)
  end)
end

---Takes the change to an environment that matters, by this environment's own way, and tries it there; not without a way
---back.
---@async
---@param environment string
---@param change table
function Release:promote(environment, change)
  self.run:stage(stage_of(environment), function()
    local _ <close> = self:have(environment, change)
    self:need_way_back(environment, change.merged)
    bring(self, environment, change)
  end)
end

return Release
