--- Real kills: `fairlead run` in a process of its own, against a world that another process serves, ended by kill -9 at
--- a random instant; then `fairlead resume`; then what the world holds is compared with what an undisturbed release
--- leaves there. `./dev sweep --kill N [SEED]` runs it.
package.path = "./?.lua;" .. package.path

local clock = require "fairlead.clock"
local effects = require "fairlead.world.sweep.effects"
local http = require "fairlead.http"
local json = require "fairlead.json"
local lfs = require "lfs"
local process = require "fairlead.process"
local program = require "spec.support.program"
local random = require "fairlead.world.random"
local served = require "spec.support.served"
local task = require "fairlead.task"

local SCRIPT <const> = lfs.currentdir() .. "/scripts/planning-data.lua"
local REPOSITORY <const> = "digital-land/digital-land.info"
local SPEED <const> = "1500"
local CHANNELS <const> = { "C01PLATFORM", "C02INFRA" }
local AT_ONCE <const> = 3 -- releases, each with a world of its own; they mostly wait

-- What GitHub and Slack hold, as they answer; counted.
local function look(variables)
  local counts = {}
  local function add(text, ...)
    local label = effects.plain((text:format(...):gsub("127%.0%.0%.1:%d+", "<world>")))
    counts[label] = (counts[label] or 0) + 1
  end
  local function github(path)
    return http.get(("%s/repos/%s/%s"):format(variables.GITHUB_API_URL, REPOSITORY, path), {
      headers = { Authorization = "Bearer " .. variables.GH_TOKEN }, retry = 3,
    }):check():json()
  end
  local function slack(method, form)
    return http.post(variables.SLACK_API_URL .. "/" .. method, {
      headers = { Authorization = "Bearer " .. variables.SLACK_BOT_TOKEN }, form = form,
    }):check():json()
  end
  for _, pull in ipairs(github "pulls?state=all&per_page=100") do
    add("pull request from %s: %s, %s", pull.head.ref, pull.title, pull.state)
  end
  for _, run in ipairs(github("actions/runs?per_page=100").workflow_runs) do
    add("workflow run of %s on %s (%s): %s", run.name, run.head_branch, run.event, tostring(run.conclusion))
  end
  for _, channel in ipairs(CHANNELS) do
    for _, message in ipairs(slack("conversations.history", { channel = channel, limit = 200 }).messages) do
      add("message: %s", message.text)
      if message.reply_count and message.reply_count > 0 then
        local thread = slack("conversations.replies", { channel = channel, ts = message.ts, limit = 200 }).messages
        for i = 2, #thread do add("reply: %s", thread[i].text) end
      end
    end
  end
  return counts
end

-- The same, once nothing changes any more: a second is most of half an hour there.
local function look_when_quiet(variables)
  local before
  for _ = 1, 20 do
    local now = look(variables)
    if before and #effects.differences(before, now) == 0 then return now end
    before = now
    clock.sleep(1.5)
  end
  return before
end

-- A release in a world of its own; killed after so many seconds, if any.
local function play(after)
  local folder <close> = program.folder()
  local printed = folder.path .. "/served"
  local serving = task.start(process.run, {
    "sh", "-c", 'exec "$0" "$@" >' .. printed, program.path, "world", "serve", SCRIPT, "--speed", SPEED,
    timeout = 300,
  })
  local variables, text = served.read(printed)
  local base <const> = assert(variables.GITHUB_API_URL:match "^(.*)/github$")
  local env = { GITHUB_ACTIONS = false, FAIRLEAD_STATE = folder.path .. "/state" }
  for name, value in pairs(variables) do env[name] = value end
  local clone <const> = served.clone(text, folder)
  local function run(words, kill_after)
    local call = { cwd = clone, env = env, timeout = 200 }
    if kill_after then
      local kill <const> = ('"$0" "$@" & pid=$!; sleep %.3f; kill -9 $pid; wait $pid'):format(kill_after)
      call[1], call[2], call[3] = "sh", "-c", kill
    end
    call[#call + 1] = program.path
    table.move(words, 1, #words, #call + 1, call)
    return process.run(call)
  end
  local words = { "run", SCRIPT, "sites=" .. base .. "/sites/{host}", "--json", "--pace", SPEED }
  local began = clock.monotonic()
  local done = run(words, after)
  local took, killed = clock.monotonic() - began, done.code == 137
  if killed then
    done = run { "resume", "--json", "--pace", SPEED }
    -- Killed before it was on record: there is nothing to take up.
    if done.code == 2 and done.stdout == "" then done = run(words) end
  end
  local found = look_when_quiet(variables)
  serving:cancel "over"
  local last = done.stdout:match "([^\n]+)\n$"
  local ok, event = pcall(json.decode, last or "")
  return {
    code = done.code, took = took, killed = killed, effects = found,
    ending = ok and event.error or (done.code ~= 0 and done.stderr) or nil,
  }
end

local count, seed = tonumber(arg[1]) or 200, math.tointeger(tonumber(arg[2])) or 1
local draws = random.stream(seed, "kills")
local whole = play()
assert(whole.code == 0, whole.ending)
print(("an undisturbed release takes %.1f s over sockets"):format(whole.took))

local instants, wrong, killed = {}, 0, 0
for i = 1, count do instants[i] = draws:between(0.02, whole.took) end
task.map(instants, function(after, i)
  local one = play(after)
  if one.killed then killed = killed + 1 end
  local differences = effects.differences(whole.effects, one.effects)
  if one.code == 0 and #differences == 0 then return end
  wrong = wrong + 1
  print(("kill %d, after %.3f s: ended with %d%s"):format(i, after, one.code, one.ending and ": " .. one.ending or ""))
  for _, difference in ipairs(differences) do
    print(("  %d instead of %d times: %s"):format(difference.found, difference.expected, difference.effect))
  end
  io.stdout:flush()
end, { limit = AT_ONCE })
print(("%d releases, %d ended by kill -9 and taken up again (seed %d), %d wrong"):format(count, killed, seed, wrong))
if wrong > 0 then os.exit(1) end
