--- Who may approve: nobody their own change or run, by whatever name they come.
package.path = "scripts/?.lua;" .. package.path -- the library of releases is not one of Fairlead's modules

local approvers = require "release.approvers"
local procedure = require "fairlead.procedure"
local world = require "fairlead.world"

local CHANGE <const> = { author = "adev", requester = "adev" }

-- Who may approve by these settings, where `group` are the ids in Slack's group "admins".
local function find(people, by, group, change)
  local release <const> = {
    settings = { people = people, repository = "acme/shop" },
    slack = { group_members = function() return group or {} end },
  }
  return approvers.find(release, change or CHANGE, { by = by })
end

describe("an approver", function()
  it("is not the author under a login that the settings write otherwise", function()
    local who <const> = find({ ADev = "U1", boss = "U2" }, { people = { "ADev", "Boss" } })
    assert.same({ "Boss" }, who.logins)
    assert.same({ "U2" }, who.ids)
    assert.is_truthy(who.barred.U1)
    assert.is_truthy(approvers.barred(who, "ADEV"))
    assert.is_true(approvers.includes(who, "boss"))
    assert.is_false(approvers.includes(who, "adev"))
  end)

  it("is not the author under another login of the same person's", function()
    local who <const> = find({ adev = "U1", ["adev-admin"] = "U1" }, { people = { "adev-admin" } }, nil)
    assert.same({}, who.names)
  end)

  it("is nobody of a group who may be the author, whom Slack knows by an unknown id", function()
    local who = find({ boss = "U2" }, { slack_groups = { "admins" } }, { "U2", "U9" })
    assert.same({ "U2" }, who.ids)
    assert.equal("adev", who.unknown)
    who = find({ boss = "U2", adev = "U1" }, { slack_groups = { "admins" } }, { "U1", "U2", "U9" })
    assert.same({ "U2", "U9" }, who.ids)
    assert.is_nil(who.unknown)
  end)

  it("may be anybody of a group where a bot wrote the change", function()
    local who = find({}, { slack_groups = { "admins" } }, { "U9" }, { author = "dependabot[bot]" })
    assert.same({ "U9" }, who.ids)
  end)
end)

describe("a release that an unknown person in a group would approve", function()
  it("is refused, and says whom the settings lack", function()
    local fixture <const> = procedure.load("scripts/planning-data.lua").rehearsal()
    local settings <const> = package.loaded.settings.planning_data
    local production <const>, people <const> = settings.environments.production, settings.people
    local approval <const> = production.approval
    settings.people = { areviewer = people.areviewer }
    production.approval = { by = { slack_groups = { "async-admins" } }, via = { "slack" } }
    local _ <close> = setmetatable({}, { __close = function()
      settings.people, production.approval = people, approval
    end })
    local result <const> = world.new({ seed = 1, fixture = fixture }):run("scripts/planning-data.lua",
      { development = "no" })
    assert.equal("no-approver", result.reason, tostring(result.error))
    assert.matches("adeveloper may be any of those in a group of Slack's", tostring(result.error), 1, true)
  end)
end)
