--- The simulated world: a GitHub, an AWS, a Slack, the sites that a release changes, and the people around it, for
--- rehearsals and specs.
---
--- One state machine, evaluated lazily: nothing runs in the background. A request first settles the world (whatever was
--- due by now happens, in order of time), then a service answers it. All chance comes from one seed: the same seed, the
--- same scenario and the same requests give the same run, event for event.
local beginning = require "fairlead.world.beginning"
local clock = require "fairlead.clock"
local errors = require "fairlead.errors"
local faults = require "fairlead.world.faults"
local folder = require "fairlead.world.folder"
local random = require "fairlead.world.random"
local rehearsal = require "fairlead.world.rehearsal"
local scenarios = require "fairlead.world.scenarios"
local task = require "fairlead.task"
local timeline = require "fairlead.world.timeline"
local transport = require "fairlead.world.transport"

local M = {}

--- A Monday morning, when nobody minds a release.
local DEFAULT_START <const> = 1772442000 -- 2026-03-02T09:00:00Z

--- In the order in which they are made; a later one may listen to an earlier one's events.
local SERVICES <const> = { "github", "slack", "aws", "sites", "people" }

---@class fairlead.world.World
---@field now number unix seconds: the time of the event that runs, else the time last settled to
---@field seed integer
---@field scenario fairlead.world.Scenario
---@field fixture table what exists when the world begins
---@field base_urls table<string, string> by service: the address at which clients reach it
---@field folder fairlead.world.Folder? the repositories on disk, once opened
---@field github fairlead.world.GitHub
---@field slack fairlead.world.Slack
---@field aws table
---@field sites table
---@field people table
local World = {}

function World:__index(name)
  if name == "now" then
    return self.timeline.now
  end
  return World[name]
end

---@class fairlead.world.Options
---@field seed integer? 1 when not given
---@field scenario string|fairlead.world.Scenario? "all-well" when not given
---@field fixture table? what exists: repositories, environments, channels, people; when not given, what the procedure
--- that `run` gets names as its `rehearsal`: until then there are no services
---@field start number? unix seconds at which it begins; when not given, the fixture's
---@field network integer? which of the many ways in which the network can behave, with one seed; 0 when not given
---@field speed number? how many times faster than real everything takes place; 1 when not given. Clocks stay real

--- Makes a world. Nothing is written to the disk before `open` or `run`.
---@param options fairlead.world.Options?
---@return fairlead.world.World
function M.new(options)
  options = options or {}
  if options.fixture ~= nil and type(options.fixture) ~= "table" then
    error(("bad argument #1 to 'world.new' (fixture: table expected, got %s)"):format(type(options.fixture)), 2)
  end
  local seed = options.seed or 1
  if math.type(seed) ~= "integer" then
    error("bad argument #1 to 'world.new' (seed: integer expected)", 2)
  end
  local scenario, unknown = scenarios.find(options.scenario or "all-well")
  if not scenario then
    errors.raise { kind = "usage", op = "world.new", message = unknown }
  end
  local self = setmetatable({
    seed = seed,
    scenario = scenario,
    start = options.start,
    network = options.network or 0,
    speed = options.speed or 1,
    listeners = {},
    observers = {},
    queue = {},
    busy = false,
    base_urls = { github = "https://api.github.com", slack = "https://slack.com/api" },
  }, World)
  if options.fixture then
    self:assemble(options.fixture)
  end
  return self
end

--- Makes the services of a fixture: once, at the world's beginning.
---@param fixture table
function World:assemble(fixture)
  if rawget(self, "fixture") then
    error("world:assemble: this world has its fixture already", 2)
  end
  local repository = type(fixture.github) == "table" and fixture.github.repository
  if type(repository) ~= "string" or not repository:find("^[^/]+/[^/]+$") then
    error('world: fixture: github.repository: "owner/name" expected', 2)
  end
  self.fixture = fixture
  self.scenario = scenarios.cast(self.scenario, fixture.roles)
  self.timeline = timeline.new(self.start or fixture.start or DEFAULT_START)
  self.faults = faults.new(self)
  for _, name in ipairs(SERVICES) do
    self[name] = require("fairlead.world." .. name).new(self)
  end
end

--- What the fixture calls the environment that scenarios know by a name.
---@param role string "production"
---@return string
function World:environment_of(role)
  return (self.fixture.roles or {})[role] or role
end

--- The names and descriptions of all scenarios.
---@return fairlead.world.Scenario[]
function M.scenarios()
  return scenarios.list
end

---@param time number unix seconds
---@param fn fun(now: number)
---@return table event setting its `cancelled` to true stops it
function World:at(time, fn)
  return self.timeline:at(time, fn)
end

---@param seconds number
---@param fn fun(now: number)
---@return table event setting its `cancelled` to true stops it
function World:after(seconds, fn)
  return self.timeline:at(self.now + self:duration(seconds), fn)
end

--- How long something of so many seconds takes in this world. Its speed shortens what takes place; it does not touch
--- the clock, so that times in answers, and the dates of signatures, stay those of the clients' own clocks.
---@param seconds number
---@return number
function World:duration(seconds)
  return seconds / self.speed
end

--- A generator of random numbers for one user of them.
---@param name string
---@return fairlead.world.Random
function World:stream(name)
  return random.stream(self.seed, name)
end

--- The same for what the network does, which may be varied while all else stays as it is.
---@param name string
---@return fairlead.world.Random
function World:network_stream(name)
  return random.stream(self.seed, self.network == 0 and name or ("%s %d"):format(name, self.network))
end

--- Listens to what happens in the world: "push", "publish", "deployment", "review_requested", …
---@param name string
---@param fn fun(data: table)
function World:on(name, fn)
  local list = self.listeners[name] or {}
  self.listeners[name] = list
  list[#list + 1] = fn
end

--- Tells the listeners, in the order in which they came.
---@param name string
---@param data table
function World:emit(name, data)
  for _, fn in ipairs(self.listeners[name] or {}) do
    fn(data)
  end
end

--- Calls `fn` each time when the world has come to the present: it takes in what happened outside of the world, like a
--- push to its repository.
---@param fn async fun()
function World:on_settled(fn)
  table.insert(self.observers, fn)
end

local function settle(self)
  self.timeline:settle(clock.now())
  for _, observe in ipairs(self.observers) do
    observe()
  end
end

--- A publish job has pushed its images.
---@param data {environment: string, sha: string, short_sha: string, at: number, run_id: integer}
function World:publish(data)
  self:emit("publish", data)
end

--- A CodeDeploy deployment has come a step further.
---@param data {id: string, application: string, group: string, environment: string, region: string, account: string,
--- event: string, at: number, rollback_of: string?}
function World:deployment_event(data)
  self:emit("deployment", data)
end

--- The world serves one request at a time, in the order in which they come: an event or an answer may wait for git, and
--- no other request may see the state in between.
local function take_turn(self)
  local turn = { granted = not self.busy }
  self.busy = true
  if not turn.granted then
    turn.event = task.event()
    table.insert(self.queue, turn)
  end
  return setmetatable(turn, {
    __close = function()
      if not turn.granted then -- cancelled in the queue
        for i, other in ipairs(self.queue) do
          if other == turn then
            table.remove(self.queue, i)
            return
          end
        end
      end
      local following = table.remove(self.queue, 1)
      if following then
        following.granted = true
        following.event:set()
      else
        self.busy = false
      end
    end,
  })
end

--- Lets everything happen that is due by now.
---@async
function World:settle()
  self:exclusive(settle, self)
end

--- Calls `fn` while no request is answered and nothing happens: for who changes the repositories from outside.
---@async
---@param fn async fun(...): ...
---@return any ... its results
function World:exclusive(fn, ...)
  local turn <close> = take_turn(self)
  if not turn.granted then
    turn.event:wait()
  end
  return fn(...)
end

local function ends_with(text, ending)
  return text:sub(-#ending) == ending
end

--- The service that answers a request, by its host.
---@param request fairlead.world.Request
---@return "github"|"slack"|"aws"|"sites"
function M.service_for(request)
  if request.service then
    return request.service
  end
  local host = request.host:gsub(":%d+$", "")
  if host == "api.github.com" or host == "uploads.github.com" or ends_with(host, ".actions.githubusercontent.com") then
    return "github"
  elseif host == "slack.com" or ends_with(host, ".slack.com") then
    return "slack"
  elseif ends_with(host, ".amazonaws.com") or ends_with(host, ".api.aws") then
    return "aws"
  end
  return "sites"
end

--- One look at a request, as its service answers it when the world has come to the present.
local function answer_now(self, request)
  local turn <close> = take_turn(self)
  if not turn.granted then
    turn.event:wait()
  end
  settle(self)
  local service = self[M.service_for(request)]
  if request.fault then
    local answer = self.faults:answer(M.service_for(request), request.fault)
    table.insert(service.requests, {
      at = self.now,
      method = request.method,
      path = request.path,
      operation = request.header("x-amz-target"),
      status = answer.status,
      fault = request.fault,
    })
    return answer
  end
  return service:handle(request)
end

--- Seconds between two looks of a request that waits for something to happen: what others put into the world meanwhile
--- is no event that is known beforehand.
local LOOK <const> = 1

--- Answers a request. One that waits for something (a long poll) leaves the world to others meanwhile.
---@async
---@param request fairlead.world.Request
---@return fairlead.world.Answer? answer nil: there is no such host
function World:handle(request)
  local answer = answer_now(self, request)
  while answer and answer.hold do
    local till = math.min(answer.hold, self.timeline:next() or math.huge, clock.now() + LOOK)
    clock.sleep(math.max(till - clock.now(), 0.001))
    answer = answer_now(self, request)
  end
  return answer
end

--- What meets a request on its way, by the scenario. What the service itself answers is kept in the request, for
--- `handle`; what the network does is for the caller to carry out.
---@param request fairlead.world.Request
---@return fairlead.world.Fault? fault "reset", "timeout" or "lost"
function World:fault(request)
  local service = M.service_for(request)
  local fault = self.faults:draw(request, service)
  if self.faults:is_answer(service, fault) then
    request.fault = fault
    return nil
  end
  return fault
end

--- The transport that puts this world in the network's place, for http.with_transport.
---@return fun(request: table): table
function World:transport()
  return transport.new(self)
end

--- Makes the repositories on disk: GitHub's, bare, and a developer's clone of it.
---@async
---@return fairlead.world.Folder
function World:open()
  if not self.folder then
    -- Whenever it is made, its commits are of the time before the world began: their ids are always the same.
    self.folder = folder.create(beginning.repository(self), self.fixture.start or DEFAULT_START)
    self:emit("opened", self.folder)
    beginning.opened(self, self.folder)
  end
  return self.folder
end

--- Removes what `open` made.
---@async
function World:close()
  if self.folder then
    local gone = self.folder
    self.folder = nil
    gone:remove()
  end
end

World.__close = World.close

--- Rehearses a procedure in this world: on a virtual clock, with this world's network and tokens, in a working clone of
--- its own, which is removed afterwards.
---@async
---@param script string|table path of a script that returns a procedure, or the procedure
---@param parameters table<string, any>?
---@param options {listener: function?, recorder: table?, interactive: boolean?, prepare: fun(folder: table)?,
--- command: string?, supervise: procedure.Supervisor?}?
--- prepare: called before the procedure begins, to put the working clone (folder.work) into another
--- state; command: one of the script's, in place of the procedure itself
---@return {outcome: string, reason: string?, exit_code: integer, events: table[], elapsed: number, error: any}
function World:run(script, parameters, options)
  return rehearsal.run(self, script, parameters or {}, options or {})
end

return M
