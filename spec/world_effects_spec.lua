-- What a world holds in the end, as effects that can be counted and compared: those that tools leave on GitHub.
local effects = require "fairlead.world.sweep.effects"
local json = require "fairlead.json"
local support = require "spec.support.world"

local R <const> = support.REPOSITORY

local function post(call, path, body)
  local response, made = call("POST", R .. path, { body = body })
  assert.equal(201, response.status)
  return made
end

it("the effects of a run tell its records, deployments and issues, each so often as it is there", function()
  support.visit({}, function(w, call)
    w:open()
    local before = effects.of(w)
    local _, tree = call("GET", R .. "/git/trees/main")
    local commit = post(call, "/git/commits", {
      message = 'ada has it\n\n{"holder":{"since":17},"queue":[]}', tree = tree.sha,
    })
    post(call, "/git/refs", { ref = "refs/fairlead/notes/development", sha = commit.sha })
    for _ = 1, 2 do
      local ask = { ref = "main", environment = "staging", required_contexts = json.array {} }
      local made = post(call, "/deployments", ask)
      post(call, ("/deployments/%d/statuses"):format(made.id), { state = "success" })
    end
    post(call, "/issues", { title = "Tests do not block merges" })
    local found = {}
    for _, difference in ipairs(effects.differences(before, effects.of(w))) do
      found[difference.effect] = difference.found - difference.expected
    end
    assert.same({
      ["ref refs/fairlead/notes/development: holder, queue"] = 1,
      ["GitHub deployment to staging (deploy): success"] = 1,
      ["GitHub deployment to staging (deploy): inactive"] = 1,
      ["issue: Tests do not block merges"] = 1,
    }, found)
  end)
end)
