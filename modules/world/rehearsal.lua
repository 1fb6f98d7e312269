--- A procedure carried out in a world: virtual clock, the world for a network, tokens that it accepts, a working clone.
local chance = require "fairlead.service.chance"
local clock = require "fairlead.clock"
local environment = require "fairlead.environment"
local errors = require "fairlead.errors"
local http = require "fairlead.http"
local journal = require "fairlead.journal"
local procedure = require "fairlead.procedure"
local sorted = require "fairlead.sorted"

local M = {}

--- The variables of somebody who is allowed to do everything in this world. The user's own are hidden: a rehearsal must
--- neither use nor show them.
---@param world fairlead.world.World
---@param folder fairlead.world.Folder
---@return fairlead.environment.Overlay
function M.environment(world, folder)
  local github, aws, slack = world.fixture.github or {}, world.fixture.aws or {}, world.fixture.slack or {}
  local keys, file, region = world.aws:credentials() or {}, "/dev/null", nil
  if aws.renews and keys.access_key_id then
    file = folder.path .. "/aws-credentials"
    world.aws:keep_credentials(file)
    keys = {}
  end
  for _, place in sorted(aws.environments) do
    region = region or place.region
  end
  return {
    GH_TOKEN = github.token or false,
    GITHUB_TOKEN = false,
    GH_ENTERPRISE_TOKEN = false,
    GITHUB_ENTERPRISE_TOKEN = false,
    GITHUB_API_URL = false,
    GH_HOST = false,
    GH_CONFIG_DIR = "/dev/null", -- no login of gh's
    ["FAIRLEAD_GITHUB_*"] = false,
    ["AWS_*"] = false,
    AWS_ACCESS_KEY_ID = keys.access_key_id or false,
    AWS_SECRET_ACCESS_KEY = keys.secret_access_key or false,
    AWS_SESSION_TOKEN = keys.session_token or false,
    AWS_REGION = region or false,
    AWS_CONFIG_FILE = "/dev/null",
    AWS_SHARED_CREDENTIALS_FILE = file,
    AWS_EC2_METADATA_DISABLED = "true",
    SLACK_BOT_TOKEN = slack.token or false,
    SLACK_API_URL = false,
    HTTPS_PROXY = false,
    https_proxy = false,
    FAIRLEAD_STATE = folder.state,
    GIT_CONFIG_GLOBAL = "/dev/null",
    GIT_CONFIG_NOSYSTEM = "1",
    GIT_TERMINAL_PROMPT = "0",
  }
end

--- The procedure that a script returns; the world takes the fixture that it names, when it has none yet.
---@async
---@param world fairlead.world.World
---@param script string|table
---@param command? string the command wanted of it
---@return table procedure
function M.load(world, script, command)
  local loaded = type(script) == "string" and procedure.load(script) or script
  if command then loaded = procedure.command(loaded, command, type(script) == "string" and script or loaded.name) end
  if not world.fixture then
    if not loaded.rehearsal then
      errors.raise {
        kind = "usage",
        op = "rehearse",
        target = loaded.name,
        message = "the procedure names no world to be rehearsed in",
        hint = "give procedure.new a function `rehearsal` that returns one",
      }
    end
    world:assemble(loaded.rehearsal())
  end
  return loaded
end

--- Calls `body(folder, transport)` with this world's tokens and network in force for the whole program, on whatever
--- clock the calling task has.
---@async
---@param world fairlead.world.World
---@param folder fairlead.world.Folder
---@param body async fun(folder: fairlead.world.Folder, transport: async fun(sent: table): table): ...
---@return any ... its results
function M.scope(world, folder, body)
  local variables = M.environment(world, folder)
  -- The clients' pauses before retries, and their one-time tokens, come from the seed too.
  local drawn = world:stream "clients"
  local function draw() return drawn:unit() end
  local transport = world:transport()
  return environment.with(variables, chance.with, draw, http.with_transport, transport, body, folder, transport)
end

--- Calls `body(folder, transport)` inside the world: on its virtual clock, with its network and tokens, and a working
--- clone that is gone afterwards.
---@async
---@param world fairlead.world.World one that has its fixture
---@param body async fun(folder: fairlead.world.Folder, transport: async fun(sent: table): table): ...
---@param prepare? async fun(folder: fairlead.world.Folder) called before the world's variables and network are in force
---@return any ... its results
function M.inside(world, body, prepare)
  return clock.simulate({ start = world.now }, function()
    local closing <close> = world -- luacheck: ignore closing
    local folder = world:open()
    if prepare then prepare(folder) end
    return M.scope(world, folder, body)
  end)
end

--- How procedure.execute is called in a world.
---@param world fairlead.world.World
---@param folder fairlead.world.Folder
---@param options {listener: function?, recorder: table?, interactive: boolean?, id: string?, attempt: integer?,
--- supervise: procedure.Supervisor?, on_run: function?}
--- attempt: more than 1 where the run is taken up; supervise, on_run: as for procedure.execute
---@return procedure.ExecuteOptions
function M.execute_options(world, folder, options)
  return {
    listener = options.listener,
    recorder = options.recorder,
    interactive = options.interactive or false,
    id = options.id,
    attempt = options.attempt,
    mode = "rehearsal",
    directory = folder.work,
    seed = world.seed,
    user = world.fixture.github and world.fixture.github.user,
    supervise = options.supervise,
    on_run = options.on_run,
  }
end

--- Carries a procedure out inside a world.
---@async
---@param folder fairlead.world.Folder
---@param loaded procedure.Procedure
---@param parameters table<string, any>
---@param execution procedure.ExecuteOptions
---@return procedure.Result
function M.execute(folder, loaded, parameters, execution)
  local began = clock.now()
  -- A journal as in earnest, in the folder that goes with the world: what could not be recorded fails here, too.
  local book <close> = not execution.recorder and journal.open { folder = folder.state, durable = false } or nil
  execution.recorder = execution.recorder or book:recording()
  local result = procedure.execute(loaded, parameters, execution)
  result.elapsed = clock.now() - began
  return result
end

--- See World:run.
---@async
---@param world fairlead.world.World
---@param script string|table
---@param parameters table<string, any>
---@param options table
function M.run(world, script, parameters, options)
  local loaded = M.load(world, script, options.command)
  return M.inside(world, function(folder)
    return M.execute(folder, loaded, parameters, M.execute_options(world, folder, options))
  end, options.prepare)
end

return M
