--- GitHub's deployments, as a record that everybody shares: what was deployed where, what came of it, and whatever
--- plain data whoever deployed wants to find again.
---
--- Sources: GitHub Docs, REST "Deployments", "Deployment statuses". Without `auto_merge = false` and an empty list of
--- required contexts the call would merge branches, and refuse commits whose checks are not green.
local answer = require "fairlead.service.answer"
local clock = require "fairlead.clock"
local json = require "fairlead.json"
local shape = require "fairlead.service.shape"

---@class fairlead.github.Deployments: fairlead.github.Client
---@field private own_deployments table<integer, true>? those that this client has made
local Deployments = {}

local STATES <const> = {
  error = true, failure = true, inactive = true, in_progress = true, queued = true, pending = true, success = true,
}
local DESCRIPTION <const> = 140 -- characters that GitHub takes
local ATTEMPTS <const> = 3
local CLOCKS_DIFFER <const> = 60 -- seconds between GitHub's clock and this one

---@class fairlead.github.Deployment
---@field id integer
---@field sha string
---@field ref string
---@field task string
---@field environment string
---@field payload table what was recorded; empty where it was no object
---@field by string login
---@field created_at string ISO 8601
---@field url string of the API

-- What is read from GitHub's answers.
local CREATOR <const> = shape.maybe { login = "text?" }
local DEPLOYMENT <const> = { id = "integer", sha = "text?", ref = "text?", task = "text?", environment = "text?",
  creator = CREATOR, created_at = "text?", url = "text?", description = "text?" }
local STATE <const> = { state = "text", description = "text?", created_at = "text?", creator = CREATOR }

local function as_deployment(item)
  local payload = item.payload
  -- Older tools store their payload as text.
  if type(payload) == "string" then payload = try(json.decode, payload) end
  return {
    id = item.id, sha = item.sha, ref = item.ref, task = item.task, environment = item.environment,
    payload = type(payload) == "table" and payload ~= json.null and payload or {},
    by = type(item.creator) == "table" and item.creator.login or "", created_at = item.created_at, url = item.url,
  }
end

---@class fairlead.github.DeploymentOptions
---@field sha string
---@field environment string
---@field task? string whose record it is; "deploy" is what workflows' jobs use
---@field payload? table plain data
---@field description? string
---@field production? boolean

--- A deployment whose answer was lost: one with all that was asked for, that was not there before it was asked for and
--- is none of those that this client has made.
local function find_lost(self, body, since)
  -- As it comes back: empty tables and whole numbers may be written in two ways.
  local wanted <const> = json.encode(json.decode(json.encode(body.payload or {})), { sort_keys = true })
  local raws <const> = self:get("deployments", {
    environment = body.environment, task = body.task, ref = body.ref, per_page = 30,
  }, { op = "github.create_deployment", shape = shape.list(DEPLOYMENT) })
  for _, raw in ipairs(raws) do
    local found <const> = as_deployment(raw)
    local at <const> = answer.time(found.created_at)
    if not self.own_deployments[found.id] and at and at >= since - CLOCKS_DIFFER
      and (raw.description or "") == body.description
      and (json.encode(found.payload, { sort_keys = true }) == wanted
        or next(found.payload) == nil and next(body.payload or {}) == nil) then
      return found
    end
  end
end

--- Records a deployment. It deploys nothing by itself, unless the repository has a workflow on this event. When
--- GitHub's answer is lost, looks whether it was recorded before asking again.
---@async
---@param options fairlead.github.DeploymentOptions
---@return fairlead.github.Deployment
function Deployments:create_deployment(options)
  local body <const> = {
    ref = options.sha, environment = options.environment, task = options.task or "deploy",
    payload = options.payload, description = (options.description or ""):sub(1, DESCRIPTION),
    production_environment = options.production, auto_merge = false, required_contexts = json.array {},
  }
  local since <const> = clock.now()
  self.own_deployments = self.own_deployments or {}
  for attempt = 1, ATTEMPTS do
    local made, err = try(self.post, self, "deployments", body, { op = "github.create_deployment",
      shape = DEPLOYMENT })
    made = made and as_deployment(made)
    if not made then
      if not err.retryable then error(err, 0) end
      clock.sleep(attempt) -- what was carried out may take a moment to show
      made = find_lost(self, body, since)
    end
    if made then
      self.own_deployments[made.id] = true
      return made
    end
    if attempt == ATTEMPTS then error(err, 0) end
  end
end

--- The newest deployments, the newest first.
---@async
---@param options {environment: string?, task: string?, sha: string?, limit: integer?} limit: 30, 100 at most
---@return fairlead.github.Deployment[]
function Deployments:deployments(options)
  local found <const> = self:get("deployments", {
    environment = options.environment, task = options.task, sha = options.sha, per_page = options.limit or 30,
  }, { op = "github.deployments", shape = shape.list(DEPLOYMENT) })
  local list = {}
  for i, item in ipairs(found) do list[i] = as_deployment(item) end
  return list
end

--- The states that a deployment went through, the newest first.
---@async
---@param id integer
---@return {state: string, description: string, by: string, at: string}[]
function Deployments:deployment_states(id)
  local list = {}
  local path <const> = ("deployments/%d/statuses"):format(id)
  for i, item in ipairs(self:get(path, { per_page = 100 }, { op = "github.deployment_states",
    shape = shape.list(STATE) })) do
    list[i] = {
      state = item.state, description = item.description or "", at = item.created_at,
      by = type(item.creator) == "table" and item.creator.login or "",
    }
  end
  return list
end

--- Says what came of a deployment.
---@async
---@param id integer
---@param state string success, failure, error, inactive, in_progress, queued or pending
---@param options? {description: string?, environment_url: string?, log_url: string?, auto_inactive: boolean?}
--- auto_inactive: false leaves the environment's earlier successes as they are; true
function Deployments:set_deployment_state(id, state, options)
  if not STATES[state] then
    error(("bad argument #2 to 'set_deployment_state' ('%s' is no state of a deployment)"):format(tostring(state)), 2)
  end
  options = options or {}
  self:post(("deployments/%d/statuses"):format(id), {
    state = state, description = (options.description or ""):sub(1, DESCRIPTION),
    environment_url = options.environment_url, log_url = options.log_url, auto_inactive = options.auto_inactive,
  }, { op = "github.set_deployment_state", once = false }) -- said twice it is the same state
end

return Deployments
