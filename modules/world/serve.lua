--- The simulated world over real HTTP, on loopback: for a run in another process, the AWS command line, curl, git.
---
---   /github/…            GitHub's REST API           GITHUB_API_URL=http://127.0.0.1:N/github
---   /slack/api/…         Slack's Web API             SLACK_API_URL=http://127.0.0.1:N/slack/api
---   /slack/upload/…      where it has files sent
---   /sites/<host>/…      the sites that a release changes
---   /<owner>/<name>.git  git over smart HTTP, by `git http-backend`; also below /git/
---   anything signed      AWS                         AWS_ENDPOINT_URL=http://127.0.0.1:N
---
--- The world keeps the machine's own time; `speed` shortens how long things take.
local clock = require "fairlead.clock"
local errors = require "fairlead.errors"
local gitweb = require "fairlead.world.gitweb"
local message = require "fairlead.world.message"
local native = require "fairlead.world.native"
local sorted = require "fairlead.sorted"
local task = require "fairlead.task"
local world = require "fairlead.world"

local M = {}

--- Seconds, by the world's speed, for which a request that the scenario leaves without an answer is held, before its
--- connection is cut.
local HOLD <const> = 600

---@class fairlead.world.Serving
---@field port integer
---@field url string "http://127.0.0.1:N"
---@field world fairlead.world.World
local Serving = {}
Serving.__index = Serving

--- For each prefix the service behind it, and the address at which that service is known in the world.
local PREFIXES <const> = {
  { pattern = "^/github(/.*)$", service = "github", base = "https://api.github.com" },
  { pattern = "^/slack(/api/.*)$", service = "slack", base = "https://slack.com" },
  { pattern = "^/slack(/upload/.*)$", service = "slack", base = "https://files.slack.com" },
}

local function is_aws(sent)
  local headers = message.parse({ method = "GET", url = "http://x/", headers = sent.headers }).header
  local authorization = headers "authorization" or ""
  return headers "x-amz-target" ~= nil or authorization:find("AWS4-HMAC-SHA256", 1, true) == 1, headers "host"
end

--- A request as the world reads it, or nil when nothing is served there.
local function route(sent)
  local function parse(url, service)
    return message.parse {
      method = sent.method,
      url = url,
      headers = sent.headers,
      body = sent.body,
      service = service,
    }
  end
  for _, prefix in ipairs(PREFIXES) do
    local rest = sent.target:match(prefix.pattern)
    if rest then
      return parse(prefix.base .. rest, prefix.service)
    end
  end
  local host, rest = sent.target:match "^/sites/([^/?]+)(.*)$"
  if host then
    return parse("https://" .. host .. (rest:find "^/" and rest or "/" .. rest), "sites")
  end
  local aws, own_host = is_aws(sent)
  local is_form = sent.body:find("^Action=") or sent.body:find("&Action=", 1, true)
  if aws or (is_form and sent.method == "POST") then
    return parse(("http://%s%s"):format(own_host or "127.0.0.1", sent.target), "aws")
  end
end

local function nothing_here(self, sent)
  local lines = {
    ("Nothing is served at %s. There are:"):format(sent.target),
    self.url .. "/github           GITHUB_API_URL",
    self.url .. "/slack/api        SLACK_API_URL",
    self.url .. "                  AWS_ENDPOINT_URL, for signed requests",
  }
  for host in sorted(self.world.fixture.sites) do
    lines[#lines + 1] = self.url .. "/sites/" .. host .. "/"
  end
  lines[#lines + 1] = gitweb.url(self.world, self.url)
  return message.text(404, table.concat(lines, "\n") .. "\n")
end

--- The answer to a request; nil when the connection is to be cut.
local function answer(self, sent)
  local repository_answer = gitweb.answer(self.world, sent)
  if repository_answer then
    return repository_answer
  end
  local request = route(sent)
  if not request then
    return nothing_here(self, sent)
  end
  local fault = self.world:fault(request)
  if fault == "reset" then
    return nil
  elseif fault == "timeout" then
    clock.sleep(self.world:duration(HOLD))
    return nil
  end
  local given = self.world:handle(request)
  if fault == "lost" then
    return nil
  end
  return given or message.text(502, ("no such host: %s\n"):format(request.host))
end

local function serve_one(self, sent, exchange)
  local _ <close> = exchange
  local given, failure = try(answer, self, sent)
  if failure then
    io.stderr:write(("world: %s %s: %s\n"):format(sent.method, sent.target:match "^[^?]*", tostring(failure)))
    given = message.text(500, "The simulated world failed; its standard error tells how.\n")
  end
  if not given then
    exchange:reset()
  else
    exchange:answer(given)
  end
end

local function accept(self)
  while true do
    local sent, exchange = self.server:next()
    if not sent then
      return
    end
    task.start(serve_one, self, sent, exchange)
  end
end

--- Stops serving: open connections are cut. May be called again.
function Serving:close()
  self.server:close()
  if self.acceptor then
    self.acceptor:cancel "the world is no longer served"
    self.acceptor = nil
  end
end

Serving.__close = Serving.close

--- Serves a world in the background of the calling task.
---@async
---@param options {world: fairlead.world.World, port: integer?} port: any free one when not given
---@return fairlead.world.Serving
function M.start(options)
  local served = options.world
  local server = native.listen { port = options.port or 0 }
  local self = setmetatable({ world = served, server = server, port = server:port() }, Serving)
  self.url = ("http://127.0.0.1:%d"):format(self.port)
  served.base_urls = { github = self.url .. "/github", slack = self.url .. "/slack/api", aws = self.url }
  served:open()
  self.acceptor = task.start(accept, self)
  return self
end

--- What a client has to be told, as lines for a shell.
local function exports(self)
  local fixture, lines = self.world.fixture, {}
  local function export(name, value)
    if value then
      lines[#lines + 1] = ("export %s=%s"):format(name, value)
    end
  end
  export("GITHUB_API_URL", self.url .. "/github")
  export("GH_TOKEN", (fixture.github or {}).token)
  export("SLACK_API_URL", self.url .. "/slack/api")
  export("SLACK_BOT_TOKEN", (fixture.slack or {}).token)
  export("AWS_ENDPOINT_URL", self.url)
  local keys = self.world.aws:credentials() or {}
  export("AWS_ACCESS_KEY_ID", keys.access_key_id)
  export("AWS_SECRET_ACCESS_KEY", keys.secret_access_key)
  export("AWS_SESSION_TOKEN", keys.session_token)
  local _, environment = sorted((fixture.aws or {}).environments)()
  export("AWS_REGION", environment and environment.region)
  export("AWS_DEFAULT_REGION", environment and environment.region) -- for the AWS command line of before version 2
  return lines
end

local function print_guide(self)
  local title = "# The simulated world, scenario %s. Its tokens are good nowhere else."
  local out = { title:format(self.world.scenario.name) }
  table.move(exports(self), 1, 100, #out + 1, out)
  out[#out + 1] = "#"
  out[#out + 1] = "#   git clone " .. gitweb.url(self.world, self.url, true)
  local branch = (self.world.fixture.github or {}).branch
  if branch then
    out[#out + 1] = ("#   or work in %s, on the branch %s"):format(self.world.folder.work, branch.name)
  end
  for host in sorted(self.world.fixture.sites) do
    out[#out + 1] = ("#   curl %s/sites/%s/"):format(self.url, host)
  end
  local sites = "#   fairlead run SCRIPT 'sites=%s/sites/{host}'   where the procedure has such a parameter"
  out[#out + 1] = sites:format(self.url)
  out[#out + 1] = "# Ctrl-C ends it."
  io.stdout:write(table.concat(out, "\n"), "\n")
  io.stdout:flush()
end

--- Serves a world until Ctrl-C: `fairlead world serve`.
---@async
---@param options {port: integer?, scenario: string?, seed: integer?, speed: number?, fixture: table?} fixture: a small
--- world of its own when not given
---@return integer exit_code
function M.run(options)
  local served <close> = world.new {
    seed = options.seed,
    scenario = options.scenario,
    fixture = options.fixture or require "fairlead.world.example".fixture(),
    start = clock.now(),
    speed = options.speed,
  }
  local self <close> = M.start { world = served, port = options.port }
  print_guide(self)
  local ok, why = try(function()
    self.acceptor:wait()
  end)
  if not ok and why then
    errors.raise(why)
  end
  return 0
end

return M
