--- An admin's decision before a change goes on: who is asked, and what the decision is about.
local live = require "release.live"

---@class Release
local Release = {}

local function short(sha) return sha:sub(1, 8) end

--- Slack ids of the admins, less the change's own author and whoever releases it.
local function approvers_of(self, change, environment)
  local ids, requester <const> = {}, self.github:viewer()
  for _, login in ipairs(self.settings.environments[environment].approval.by.people) do
    if login ~= change.author and login ~= requester then ids[#ids + 1] = self.settings.people[login] end
  end
  table.sort(ids)
  if #ids == 0 then
    self.run:refuse("no-approver", "the only admin is the change's author, or releases it",
      "name another one in settings.lua, or let somebody else release it")
  end
  return ids
end

---Asks an admin, in Slack, with what the decision is about: the commit, and what runs where it was tried.
---@async
---@param change table
---@param where { after: string, before: string } names of environments
function Release:get_approved(change, where)
  local tried <const>, approvers <const> = self.results[where.after], approvers_of(self, change, where.before)
  self.run:gate {
    name = "Approval",
    question = ("%s: deploy %s, %q, to %s?"):format(
      self.settings.name, short(change.merged), change.title, where.before),
    evidence = function()
      return {
        commit = change.merged, main = self:head_of_main(), pull_request = change.url,
        [where.after] = {
          image = tried.digest, deployment = live.current(self, self.settings.environments[where.after]),
        },
      }
    end,
    approvers = approvers,
    via = { self.talk:approval(approvers) },
    timeout = self.settings.timeouts.approval,
  }
end

return Release
