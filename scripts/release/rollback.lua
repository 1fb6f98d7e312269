--- Rolling back: to the last release that was live and healthy, by each service's own way, and held afterwards until
--- somebody says why.
local context = require "release.live.context"
local errors = require "fairlead.errors"
local live = require "release.live"

---@class Release
local Release = {}

local short <const> = context.short

---@class Release.Proposal
---@field environment string
---@field from string? commit that is live now
---@field target Release.Target
---@field note Release.Note? what it undoes; nil: one of the commits is not known

local function full_commit(self, text)
  return self.github:get("commits/" .. text).sha
end

-- The record of one commit, where somebody says which they want.
local function target_of(self, environment, text)
  local sha <const> = full_commit(self, text)
  for record in self:history(environment) do
    if record.commit == sha and #record.services > 0 then
      return { commit = sha, proven = record.healthy, at = record.at, services = record.services }
    end
  end
  self.run:refuse("not-released", ("no release of %s to %s is on record"):format(short(sha), environment),
    "leave `to` out for the last one that was healthy")
end

local function propose(self, environment, to)
  local place <const> = self.settings.environments[environment]
  local from <const> = live.now(self, place).commit
  local target <const> = to and target_of(self, environment, to) or self:way_back(environment, from)
  if not target then
    self.run:refuse("no-way-back", ("nothing is known of what was live in %s before"):format(environment),
      "deploy a commit that is known to be good")
  end
  if target.commit == from and from then
    self.run:refuse("nothing-to-roll-back", ("%s runs %s already"):format(environment, short(from)))
  end
  local problems <const>, unknown <const> = self:obstacles(place, target)
  if #problems > 0 then
    self.run:refuse("no-way-back", ("%s cannot go back to %s: %s"):format(environment,
      target.commit and short(target.commit) or "what ran before", table.concat(problems, "; ")),
      "put back what is gone, or choose another commit: to=COMMIT")
  end
  for _, doubt in ipairs(unknown) do self.run:warn(doubt) end
  return {
    environment = environment, from = from, target = target,
    note = from and target.commit and self:between(from, target.commit) or nil,
  }
end

---Finds out where a rollback would go, that it could, and what it would undo.
---@async
---@param environment string
---@param options? {to: string?} to: a commit, in place of the last healthy one
---@return Release.Proposal
---errors: kind "usage" (there is no such environment)
function Release:propose_rollback(environment, options)
  if not self.settings.environments[environment] then
    local names = {}
    for name in pairs(self.settings.environments) do names[#names + 1] = name end
    table.sort(names)
    errors.raise {
      kind = "usage", op = "rollback", target = self.settings.key,
      message = ("there is no environment '%s'"):format(environment), hint = "it has: " .. table.concat(names, ", "),
    }
  end
  local to <const> = options and options.to
  local proposal <const> = self.run:step("Proposal", {
    intent = { environment = environment, to = to },
    reads = true, -- what it found stays what was agreed to
    act = function() return propose(self, environment, to) end,
  })
  self.run:fact(("from %s to %s"):format(proposal.from and short(proposal.from) or "an unknown commit",
    proposal.target.commit and short(proposal.target.commit) or "what ran before"))
  if proposal.note then self.run:fact("undoes " .. self.note_line(proposal.note)) end
  for _, path in ipairs(proposal.note and proposal.note.migrations or {}) do
    self.run:warn(("migration %s stays: undo it by hand where the older version cannot live with it"):format(path))
  end
  return proposal
end

-- What whoever agrees gets to see, and what must not change meanwhile.
local function evidence_of(self, proposal)
  local now <const> = live.now(self, self.settings.environments[proposal.environment])
  local shown = {
    environment = proposal.environment, now = now.commit or "unknown", back_to = proposal.target.commit or "unknown",
    proven = proposal.target.proven,
  }
  for _, service in ipairs(proposal.target.services) do
    shown[service.name] = ("%s with %s"):format(context.short_id(service.definition),
      context.short_digest(service.digest))
  end
  if proposal.note then shown.undoes = self.note_line(proposal.note) end
  return shown
end

---Asks whoever started it, at the terminal (--yes has answered): going back to what was agreed to once is not a new
---decision, and it must not wait.
---@async
---@param proposal Release.Proposal
function Release:confirm_rollback(proposal)
  local function evidence() return evidence_of(self, proposal) end
  self.run:gate {
    name = "Confirmation",
    question = ("Roll %s of %s back to %s?"):format(proposal.environment, self.settings.name,
      proposal.target.commit and short(proposal.target.commit) or "what ran before"),
    evidence = evidence,
    timeout = self.settings.timeouts.approval,
  }
end

---Does it, by each service's own way, and follows it until the older version answers. From its beginning on nobody
---else deploys there until somebody says why it may go on.
---@async
---@param proposal Release.Proposal
---@param why string
function Release:roll_back(proposal, why)
  local environment <const>, target <const> = proposal.environment, proposal.target
  local change <const> = { title = "rollback: " .. why, merged = target.commit }
  self.run:stage("Rollback", function()
    self.talk:begin {
      what = ("Rolling back %s in %s"):format(self.settings.name, environment), title = why,
      failure = ("rollback of %s in %s"):format(self.settings.name, environment),
    }
    local _ <close> = self:have(environment, change, { goes_back = true })
    if proposal.from then self:record_bad(environment, proposal.from, why) end
    self.run:notify { text = (":rewind: rolling %s back to %s: %s"):format(environment,
      target.commit and short(target.commit) or "what ran before", why) }
    -- First of all: neither who comes next in line, nor a rollback that fails on its way, opens the environment again.
    self:hold(environment, why)
    local result <const> = live.back(self, self.settings.environments[environment], target)
    if target.commit then self:record(environment, target.commit, result) end
    self.results[environment] = result
  end)
end

return Release
