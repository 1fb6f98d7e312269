--- The release of the Planning Data Platform as it is done for real: one process serves the world, another one releases
--- from a clone of its repository, over HTTP and with real pushes.
local http = require "fairlead.http"
local json = require "fairlead.json"
local lfs = require "lfs"
local process = require "fairlead.process"
local program = require "spec.support.program"
local served = require "spec.support.served"
local task = require "fairlead.task"

local SCRIPT <const> = lfs.currentdir() .. "/scripts/planning-data.lua"
local SPEED <const> = "1500"

-- Calls body(variables, text, folder) while another process serves the world.
local function while_served(scenario, body)
  local folder <close> = program.folder()
  local printed = folder.path .. "/served"
  local serving = task.start(process.run, {
    "sh", "-c", 'exec "$0" "$@" >' .. printed, program.path, "world", "serve", SCRIPT, "--scenario", scenario,
    "--speed", SPEED, timeout = 170, env = { FAIRLEAD_STRESS_GC = false },
  })
  local variables, text = served.read(printed)
  local result = body(variables, text, folder)
  serving:cancel "the spec is over"
  return result
end

local function release(variables, text, folder)
  local env = { FAIRLEAD_STRESS_GC = false, GITHUB_ACTIONS = false }
  for name, value in pairs(variables) do env[name] = value end
  local base = assert(variables.GITHUB_API_URL:match "^(.*)/github$")
  local result = program.run {
    "run", SCRIPT, "sites=" .. base .. "/sites/{host}", "--json", "--pace", SPEED,
    cwd = served.clone(text, folder), env = env, timeout = 160,
  }
  local events = {}
  for line in result.stdout:gmatch "[^\n]+" do events[#events + 1] = json.decode(line) end
  return { code = result.code, events = events, last = events[#events], base = base, stderr = result.stderr }
end

describe("a release over sockets", function()
  it("goes from a real clone to production", function()
    while_served("all-well", function(variables, text, folder)
      local done = release(variables, text, folder)
      assert.equal(0, done.code, done.last and done.last.error or done.stderr)
      assert.equal("done", done.last.outcome)
      local merged
      for _, event in ipairs(done.events) do
        merged = (event.text or ""):match "^merged into main as (%x+)$" or merged
      end
      local answer = http.get(done.base .. "/sites/www.planning.data.gov.uk/health"):check():json()
      assert.equal(merged, answer.version)
    end)
  end)

  it("ends with 5 when staging rolls back, and production stays as it was", function()
    while_served("staging-rolls-back", function(variables, text, folder)
      local done = release(variables, text, folder)
      assert.equal(5, done.code, done.stderr)
      assert.equal("deployment.rolled_back", done.last.reason)
    end)
  end)

  -- A procedure that tells Slack how it ended; `body` is what it is doing when Ctrl-C comes.
  local PROCEDURE <const> = [[
    local clock = require "fairlead.clock"
    local procedure = require "fairlead.procedure"
    local process = require "fairlead.process"
    local slack = require "fairlead.slack"
    local task = require "fairlead.task"
    return procedure.new {
      name = "interrupted",
      run = function(run)
        local client = slack.client {}
        run:notifier(function(message)
          client:post { channel = "planning-data-platform", text = "ended: " .. message.outcome }
        end)
        task.start(process.run, { "sh", "-c", "sleep 0.3; kill -INT $PPID" })
        clock.sleep(0.1)
        %s
      end,
    }
  ]]

  for name, body in pairs {
    ["a wait"] = [[run:wait { name = "For ever", timeout = 1e6, check = function() end }]],
    ["a busy loop"] = [[while true do pcall(function() while true do end end) end]],
  } do
    it("interrupted in " .. name .. " exits with 130 and tells Slack", function()
      while_served("all-well", function(variables, _, folder)
        local env = { FAIRLEAD_STRESS_GC = false }
        for variable, value in pairs(variables) do env[variable] = value end
        local script = folder:write("interrupted.lua", PROCEDURE:format(body))
        local result = program.run { "run", script, "--json", env = env }
        assert.equal(130, result.code, result.stderr)
        local last = json.decode(result.stdout:match "([^\n]+)\n$")
        assert.equal("interrupted", last.outcome)
        local history = http.post(variables.SLACK_API_URL .. "/conversations.history", {
          headers = { Authorization = "Bearer " .. variables.SLACK_BOT_TOKEN }, form = { channel = "C01PLATFORM" },
        }):check():json()
        assert.equal("ended: interrupted", history.messages[1].text)
      end)
    end)
  end
end)
