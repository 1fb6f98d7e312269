--- What was live and healthy, where everybody finds it: a GitHub deployment for each release that was proven live and
--- passed its smoke test. A rollback asks it where to go back to.
---
--- A record's states tell the rest: "success" when it was proven; "error" when it was rolled back later, or found bad.

local surely = require "release.live.surely"

---@class Release
local Release = {}

local TASK <const> = "fairlead" -- whose records these are; jobs of workflows make others
local READ <const> = 30 -- of the newest records

---@class Release.Record
---@field id integer
---@field commit string
---@field run string
---@field at string ISO 8601
---@field services table[] {name=, digest=, definition=, deployment=} as live.follow found them
---@field healthy boolean it was proven live and has not been called bad since

-- A token that may not write deployments, or no deployments at all, do not end a release: it is live all the same.
local function tolerate(self, what, fn)
  local result <const>, err <const> = try(fn)
  if not err then return result end
  local missing <const> = err:is "github.api.not_authorised" or err:is "github.api.not_found"
  if not missing then error(err, 0) end
  self.run:warn(("%s: %s"):format(what, tostring(err)))
end

local function plain(services)
  local list = {}
  for i, service in ipairs(services) do
    list[i] = {
      name = service.name, digest = service.digest, definition = service.definition, deployment = service.deployment,
    }
  end
  return list
end

local function recorded(self, environment, sha)
  local key <const> = self.run:step_id()
  for _, found in ipairs(self.github:deployments { environment = environment, task = TASK, sha = sha }) do
    if found.payload.key == key then return found.id end
  end
end

local function succeeded(self, id)
  local newest <const> = self.github:deployment_states(id)[1]
  return newest ~= nil and newest.state == "success"
end

---Writes down that a commit is live in an environment, proven link by link and tried.
---@async
---@param environment string
---@param sha string
---@param result table of live.follow
function Release:record(environment, sha, result)
  local gh <const> = self.github
  tolerate(self, "what is live was not written down, so that a rollback cannot find it", function()
    self.run:step("Record", {
      intent = { environment = environment, commit = sha },
      already = function(begun)
        local id <const> = begun and recorded(self, environment, sha)
        return id and succeeded(self, id) and { id = id } or nil
      end,
      act = function()
        local function find() return recorded(self, environment, sha) end
        local id <const> = find() or surely(function()
          return gh:create_deployment({
            sha = sha, environment = environment, task = TASK,
            description = ("Released by %s"):format(self.run.user or "somebody"),
            payload = { key = self.run:step_id(), run = self.run.id, services = plain(result.services) },
          }).id
        end, find)
        gh:set_deployment_state(id, "success", { environment_url = result.site, description = "live, and tried" })
        return { id = id }
      end,
    })
  end)
end

local function as_record(self, found)
  local healthy = false
  for _, state in ipairs(self.github:deployment_states(found.id)) do -- the newest first
    if state.state == "error" or state.state == "failure" then break end
    if state.state == "success" then healthy = true end
  end
  return {
    id = found.id, commit = found.sha, run = tostring(found.payload.run), at = found.created_at, healthy = healthy,
    services = type(found.payload.services) == "table" and found.payload.services or {},
  }
end

---What was released to an environment, the newest first. It is read as it is asked for: mostly the first will do.
---@async
---@param environment string
---@return fun(): Release.Record?
function Release:history(environment)
  local list <const> = self.github:deployments { environment = environment, task = TASK, limit = READ }
  local i = 0
  return function()
    i = i + 1
    return list[i] and as_record(self, list[i])
  end
end

---Writes down that what was live there has turned out to be bad.
---@async
---@param environment string
---@param sha string
---@param why string
function Release:record_bad(environment, sha, why)
  local gh <const> = self.github
  tolerate(self, "the record of what was rolled back was not changed", function()
    self.run:step("Record what was bad", {
      intent = { environment = environment, commit = sha, why = why },
      repeatable = true,
      act = function()
        local ids = {}
        for _, found in ipairs(gh:deployments { environment = environment, task = TASK, sha = sha }) do
          gh:set_deployment_state(found.id, "error", { description = "rolled back: " .. why })
          ids[#ids + 1] = found.id
        end
        return { ids = ids }
      end,
    })
  end)
end

---The newest release that was healthy and is another commit; and the commits that were found bad since.
---@async
---@param environment string
---@param leaving string the commit that is, or will be, live
---@return Release.Record? record
---@return table<string, boolean> bad commits
function Release:last_healthy(environment, leaving)
  local bad = {}
  for record in self:history(environment) do
    if not record.healthy then
      bad[record.commit] = true
    elseif record.commit ~= leaving and not bad[record.commit] and #record.services > 0 then
      return record, bad
    end
  end
  return nil, bad
end

return Release
