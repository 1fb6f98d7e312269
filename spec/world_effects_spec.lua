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

it("what only the network's chance makes different is no difference", function()
  local expected, others = { a = 1, b = 1 }, { { a = 1, b = 2 }, { a = 1 } }
  assert.same({}, effects.differences(expected, { a = 1, b = 2 }, others))
  assert.same({}, effects.differences(expected, { a = 1 }, others))
  assert.same({ { effect = "b", expected = 1, found = 3 } }, effects.differences(expected, { a = 1, b = 3 }, others))
  assert.same({ { effect = "a", expected = 1, found = 0 }, { effect = "c", expected = 0, found = 1 } },
    effects.differences(expected, { b = 1, c = 1 }, others))
end)

it("what a run that failed says is known by its headline", function()
  support.visit({}, function(w)
    w:open()
    local function say(text)
      w.slack.channels[1].messages = { { user = "U0", ts = "1.0", text = text, reactions = {} } }
    end
    local function told(err)
      for effect in pairs(effects.of(w, { err })) do
        if effect:find "message in" then return effect end
      end
    end
    say "stopped: A of a &amp; b: it broke\n*Where:* A"
    assert.matches("^message in [^\n]*: stopped: <error>$", told "A of a & b: it broke")
    assert.matches("stopped: A of a &amp; b: it broke", told(nil), 1, true)
    assert.matches("*Where:* A", told(nil), 1, true)
  end)
end)
