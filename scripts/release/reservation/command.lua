--- `fairlead reserve APPLICATION ENVIRONMENT`: to have an environment by hand, and all that becomes of it: longer,
--- somebody else's, given back, taken away, freed after a rollback. And to see who has what.
local clock = require "fairlead.clock"
local errors = require "fairlead.errors"
local procedure = require "fairlead.procedure"
local reality = require "release.reservation.reality"
local slack = require "fairlead.slack"
local sorted = require "fairlead.sorted"
local words = require "release.reservation.words"

local M = {}

local HOUR <const> = 3600
local LONGEST <const> = 30 * 24 * HOUR

local function mention(this, login)
  local id <const> = this.settings.people[login]
  return id and ("<@%s>"):format(id) or slack.escape(login)
end

local function moment(time) return words.moment(time, clock.now()) end

-- What changes a record once, however often the run is taken up: whoever did it last, and when, is on record.
local function once(this, environment, what, intent, act)
  local me <const> = this:reservations():me()
  return this.run:step(("%s: %s"):format(environment, what), {
    intent = intent,
    already = function(begun)
      if not begun then return nil end
      local last <const> = this:reservations():read(environment).last
      local ours <const> = last and last.what == what and last.login == me.login and (last.at or 0) >= begun.began
      return ours and { again = true } or nil
    end,
    act = function() return act(me) or { done = true } end,
  })
end

local function tell(this, text) this.run:notify(text) end

local function need_reason(run, reason, what)
  if reason and reason:find "%S" then return end
  run:refuse("reason-missing", ("%s needs a reason: somebody will read it"):format(what), "add --reason \"…\"")
end

-- Whom a login is of, in GitHub's own writing.
local function github_user(this, login)
  local user, err
  if login:find "^%w[%w-]*$" then user, err = try(this.github.get, this.github, "/users/" .. login) end
  if user then return user end
  if err and not err:is "github.api.not_found" then error(err, 0) end
  this.run:refuse("nobody-named", ("GitHub knows nobody called '%s'"):format(login), "give their login on GitHub")
end

local ACTIONS = {}

function ACTIONS.take(this, environment, given)
  local place <const> = this.settings.environments[environment]
  this:reserve(environment, {
    seconds = given["for"] or place.hold or HOUR, why = given.reason or "no reason given",
    pull_request = given.pull_request,
  })
end

function ACTIONS.extend(this, environment, given)
  local seconds <const> = given["for"] or HOUR
  once(this, environment, "extended", { ["for"] = seconds }, function()
    this:reservations():extend(environment, seconds)
  end)
  tell(this, (":lock: %s has %s until %s"):format(mention(this, this:reservations():me().login), environment,
    moment(this:reservations():read(environment).holder["until"])))
end

ACTIONS["hand-over"] = function(this, environment, given)
  local known <const> = github_user(this, given.to)
  once(this, environment, "handed-over", { to = known.login }, function()
    this:reservations():hand_over(environment, known.login, given.reason)
  end)
  tell(this, (":lock: %s has %s now, from %s%s"):format(mention(this, known.login), environment,
    mention(this, this:reservations():me().login), given.reason and ": " .. slack.escape(given.reason) or ""))
end

ACTIONS["give-back"] = function(this, environment, given)
  local done <const> = once(this, environment, "given-back", { environment = environment }, function()
    local former <const> = this:reservations():clear(environment, given.reason, { mine = true })
    return { done = former ~= nil }
  end)
  if done.done == false then return this.run:say(environment .. " is free already") end
  tell(this, (":unlock: %s is free again"):format(environment))
end

function ACTIONS.steal(this, environment, given)
  local former <const> = this:reservations():read(environment).holder
  local done <const> = once(this, environment, "stolen", { reason = given.reason }, function()
    local had <const> = this:reservations():clear(environment, given.reason)
    return { done = had ~= nil, login = had and had.login }
  end)
  if done.done == false then return this.run:say(environment .. " is free already") end
  local whose <const> = done.login or former and former.login
  tell(this, (":unlock: %s took %s away from %s: %s"):format(mention(this, this:reservations():me().login), environment,
    whose and mention(this, whose) or "its holder", slack.escape(given.reason)))
end

function ACTIONS.free(this, environment, given)
  local done <const> = once(this, environment, "freed", { reason = given.reason }, function()
    return { done = this:reservations():free(environment, given.reason) ~= nil }
  end)
  if done.done == false then return this.run:say(environment .. " is not held") end
  tell(this, (":unlock: deployments to %s go on, says %s: %s"):format(environment,
    mention(this, this:reservations():me().login), slack.escape(given.reason)))
end

-- ---- who has what ----

-- One environment: as data, and told.
local function show(this, environment)
  local reservation <const> = this:reservations():read(environment)
  local lines <const> = words.lines(reservation, clock.now())
  local differs <const> = reservation.holder and reality.difference(this, environment, reservation.holder)
  if differs then lines[#lines + 1] = "but " .. differs end
  for _, line in ipairs(lines) do this.run:say(("%s: %s"):format(environment, line)) end
  return {
    application = this.settings.key, environment = environment, holder = reservation.holder, hold = reservation.hold,
    queue = reservation.queue, differs = differs, text = lines,
  }
end

local function show_all(this, wanted)
  local list = {}
  for environment in sorted(this.settings.environments) do
    if not wanted or wanted == environment then list[#list + 1] = show(this, environment) end
  end
  return list
end

local BY_HOLDER <const> = {
  extend = { name = "extend", done = "extended" }, ["hand-over"] = { name = "hand over", done = "handed-over" },
}
local WITH_REASON <const> = { steal = "taking it away", free = "letting deployments go on" }

local function check_given(this, run, given)
  if (given["for"] or 0) > LONGEST then
    run:refuse("too-long", ("%s is for everybody: nobody has it for more than 30 days"):format(given.environment),
      "say how long you need it: --for 2h")
  end
  if WITH_REASON[given.what] then need_reason(run, given.reason, WITH_REASON[given.what]) end
  local own <const> = BY_HOLDER[given.what]
  -- A run that is taken up may have done it: then it is somebody else's by now.
  if own and not run:recorded(("%s: %s"):format(given.environment, own.done)) then
    this:reservations():need_mine(given.environment, own.name)
  end
  if given.what == "hand-over" and not given.to then
    run:refuse("nobody-named", "to whom?", "name their login on GitHub: --hand-over LOGIN")
  end
end

-- Before anything is said or done.
local function check(this, run, given)
  local known <const> = this.settings.environments[given.environment]
  if known then return check_given(this, run, given) end
  if given.what == "show" and not given.environment then return end
  local names = {}
  for name in sorted(this.settings.environments) do names[#names + 1] = name end
  errors.raise {
    kind = "usage", op = "reserve", target = this.settings.key,
    message = given.environment and ("there is no environment '%s'"):format(given.environment) or "which environment?",
    hint = "it has: " .. table.concat(names, ", "),
  }
end

local TITLES <const> = {
  take = "Reserving", extend = "Extending", ["hand-over"] = "Handing over", ["give-back"] = "Giving back",
  steal = "Taking away", free = "Freeing",
}

---@param settings table of one application
---@param release table the library itself
---@return procedure.Procedure
function M.of(settings, release)
  return procedure.new {
    name = settings.key .. " reserve",
    summary = ("reserve an environment of %s"):format(settings.name),
    parameters = {
      environment = { help = "which; for show all when left out" },
      what = {
        type = "choice", choices = { "take", "extend", "hand-over", "give-back", "steal", "free", "show" },
        default = "take", help = "what is to become of it",
      },
      ["for"] = { type = "duration", help = "how long: 2h; for extend how much longer" },
      reason = { help = "why; those who wait read it" },
      to = { help = "hand-over: whose it is to be, their login on GitHub" },
      pull_request = { type = "integer", help = "its number: the reservation ends when it closes" },
    },
    run = function(run, given)
      local this <const> = release.new(run, settings, {})
      check(this, run, given)
      if given.what == "show" then return show_all(this, given.environment) end
      this.talk:begin {
        what = ("%s %s of %s"):format(TITLES[given.what], given.environment, settings.name),
        title = given.reason or given.to or given.environment,
      }
      ACTIONS[given.what](this, given.environment, given)
      return show_all(this, given.environment)
    end,
  }
end

return M
