--- Listens to what reaches the simulated services, and adds up what it needs of each.
local json = require "fairlead.json"
local message = require "fairlead.world.message"
local of_aws = require "fairlead.permissions.aws"
local of_github = require "fairlead.permissions.github"
local of_slack = require "fairlead.permissions.slack"
local worlds = require "fairlead.world"

local M = {}

---@class permissions.Collected
---@field accounts table<string, {environments: table<string, boolean>, needs: table<string, permissions.Sum>}>
---@field github table<string, table<string, "read"|"write">> by repository or organisation: access by permission
---@field slack table<string, boolean> scopes
---@field unknown table<string, boolean> methods of Slack whose scope is not known
---@field learned table<string, {application: string, group: string}>

---@class permissions.Sum
---@field action string
---@field resources table<string, boolean>
---@field condition? table

local Collector = {}
Collector.__index = Collector

---@return permissions.Collected
function M.new()
  return setmetatable({ accounts = {}, github = {}, slack = {}, pushes = {}, unknown = {}, learned = {} }, Collector)
end

-- Every text in a plain value.
local function texts(value, found)
  if type(value) == "table" then
    for _, item in pairs(value) do texts(item, found) end
  elseif type(value) == "string" or type(value) == "number" then
    found[tostring(value)] = true
  end
  return found
end

-- Names come alone, in an ARN or in a URL.
local function mentions(p)
  local found = {}
  for text in pairs(texts(p, {})) do
    found[text] = true
    for part in text:gmatch "[^:/]+" do found[part] = true end
  end
  return found
end

-- The accounts that a request may go to: the one whose number it names, else those whose environment has most of the
-- names in it. Environments may share names, such as a repository's; then each needs it.
local function accounts_of(world, p)
  local named, best, score = mentions(p), {}, 0
  for name, environment in pairs(world.fixture.aws.environments) do
    local count = named[environment.account] and 1000 or 0
    for text in pairs(texts(environment, {})) do
      if named[text] and text ~= environment.region then count = count + 1 end
    end
    if count > score then best, score = {}, count end
    if count == score then best[#best + 1] = { name = name, account = environment.account } end
  end
  return best
end

local function decode(request)
  local query = request.body:match "^[%w%%.+&=_~%-]*$" and request.body:find("Action=", 1, true)
  if query then return message.form(request.body) end
  local ok, value = pcall(json.decode, request.body)
  return ok and type(value) == "table" and value or {}
end

local function add(account, need)
  local key = need.action .. (need.condition and json.encode(need.condition, { sort_keys = true }) or "")
  local sum = account.needs[key] or { action = need.action, resources = {}, condition = need.condition }
  account.needs[key] = sum
  for _, resource in ipairs(need.resources) do sum.resources[resource] = true end
end

local function learn(self, answer)
  local info = answer and answer.deploymentInfo
  if info then
    self.learned[info.deploymentId] = { application = info.applicationName, group = info.deploymentGroupName }
  end
end

function Collector:aws(world, request, answer)
  local prefix, region = of_aws.service_of(request.host)
  local p = decode(request)
  local operation = (request.header "x-amz-target" or ""):match "([^.]+)$" or p.Action
  if not prefix or not operation then return end
  local ok, answered = pcall(json.decode, answer and answer.body or "")
  learn(self, ok and type(answered) == "table" and answered or nil)
  local known = self.learned[p.deploymentId]
  for _, place in ipairs(accounts_of(world, known and { p, known } or p)) do
    local account = self.accounts[place.account] or { environments = {}, needs = {} }
    self.accounts[place.account] = account
    account.environments[place.name] = true
    local context = { region = region, account = place.account, learned = self.learned }
    for _, need in ipairs(of_aws.needs(prefix, operation, p, context)) do add(account, need) end
  end
end

function Collector:allow(subject, permission, access)
  local list = self.github[subject] or {}
  self.github[subject] = list
  if list[permission] ~= "write" then list[permission] = access end
end

function Collector:hear(world, request, answer)
  local service = worlds.service_for(request)
  if service == "aws" then
    self:aws(world, request, answer)
  elseif service == "github" then
    local need = of_github.need(request.method, request.path)
    if need then self:allow(need.repository or need.organisation, need.permission, need.access) end
  elseif service == "slack" then
    local method = request.path:match "([%w.]+)$"
    local scope = of_slack.scopes[method]
    if scope then self.slack[scope] = true elseif scope == nil then self.unknown[method] = true end
  end
end

---Listens to a world until it is gone. A push by git needs to write contents, too.
---@param world fairlead.world.World one that has its fixture
function Collector:listen(world)
  local handle = world.handle
  world.handle = function(self_, request)
    local answer = handle(self_, request)
    self:hear(world, request, answer)
    return answer
  end
  local github = world.fixture.github
  world:on("push", function(push)
    if push.by == github.user then self:allow(github.repository, "contents", "write") end
  end)
end

return M
