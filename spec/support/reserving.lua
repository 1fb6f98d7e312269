--- Several runs of several people in one world at a time, for specs of reservations: each is a procedure over the
--- release library, as on a machine of its own.
local clock = require "fairlead.clock"
local github = require "fairlead.github"
local memory = require "fairlead.procedure.memory"
local procedure = require "fairlead.procedure"
local rehearsal = require "fairlead.world.rehearsal"
local task = require "fairlead.task"
local world = require "fairlead.world"

package.path = "scripts/?.lua;" .. package.path -- the library of releases is not one of Fairlead's modules

local record = require "release.reservation.record"
local records = require "fairlead.github.records"
local release = require "release"
local settings = require "settings"

local M = {}

M.settings = settings.planning_data

local TOKENS <const> = {
  ["ghp_areviewers-token"] = { user = "areviewer" },
  ["ghp_anadmins-token"] = { user = "anadmin" },
}

---@class spec.Place
---@field world table
---@field folder table
---@field records fairlead.github.Records
local Place = {}
Place.__index = Place

---Runs `fn(place)` in a world.
---@async
---@param fn async fun(place: spec.Place)
---@param options? {scenario: string?, seed: integer?}
function M.inside(fn, options)
  local fixture = procedure.load("scripts/planning-data.lua").rehearsal()
  fixture.github.tokens = TOKENS
  options = options or {}
  local w = world.new { seed = options.seed, scenario = options.scenario, fixture = fixture }
  rehearsal.inside(w, function(folder)
    local client = github.client { repository = M.settings.repository }
    fn(setmetatable({
      world = w, folder = folder, runs = 0, started = clock.now(),
      records = records.open { client = client, prefix = record.prefix(M.settings.key) },
    }, Place))
  end)
end

---What is on record of an environment now.
---@async
---@param environment? string
---@return Reservation
function Place:reservation(environment)
  environment = environment or "development"
  return record.read(environment, (self.records:read(environment)), M.settings.key)
end

---Writes a reservation as another machine would.
---@async
---@param value table
function Place:put(value)
  value.environment, value.queue = "development", value.queue or {}
  self.records:update("development", function() return record.plain(value) end)
end

---Seconds since the world began.
---@return number
function Place:time() return clock.now() - self.started end

---A change as procedures hand it on.
---@param number integer?
---@return table
function M.change(number)
  return {
    number = number or 7, title = ("Change %d"):format(number or 7), url = "https://example.org", branch = "b",
    author = "adeveloper", head = ("%040x"):format(number or 7),
  }
end

---@class spec.RunOptions
---@field token string? whose: the developer's when left out
---@field no_wait boolean?
---@field dry boolean?
---@field id string? of a run that is taken up again
---@field recorder table? its records
---@field settings table? laid over the application's
---@field slack boolean? it says things in Slack

---A run of its own: `body(release, run)` is the procedure.
---@async
---@param options spec.RunOptions
---@param body async fun(release: Release, run: procedure.Run)
---@return procedure.Result
function Place:run(options, body)
  self.runs = self.runs + 1
  local id = options.id or ("20260302-0900%02d-aaaaaa"):format(self.runs)
  local p = procedure.new {
    name = "spec", summary = "a spec's run",
    run = function(run)
      local this = release.new(run, setmetatable(options.settings or {}, { __index = M.settings }))
      if options.token then
        this.github = github.client { repository = M.settings.repository, token = options.token }
      end
      if options.slack then this.talk:begin { title = "a spec", number = 7, url = "https://example.org" } end
      return body(this, run)
    end,
  }
  return procedure.execute(p, {}, {
    mode = options.dry and "dry-run" or "rehearsal", directory = self.folder.work, id = id,
    recorder = not options.dry and (options.recorder or memory.new()) or nil,
    no_wait = options.no_wait, user = "spec",
    attempt = options.recorder and options.recorder.attempts,
  })
end

---Several at the same time, by name.
---@async
---@param bodies table<string, async fun(): any>
---@return table<string, any>
function M.together(bodies) return task.all(bodies) end

---All that was said in a channel of Slack.
---@return string
function Place:said()
  local texts = {}
  for _, channel in ipairs(self.world.slack.channels) do
    for _, message in ipairs(channel.messages or {}) do texts[#texts + 1] = message.text end
  end
  return table.concat(texts, "\n")
end

return M
