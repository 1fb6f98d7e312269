-- Somebody else's reservation in a rehearsal's world: written as fairlead itself writes it, given back in time, and
-- whoever got in line meanwhile is not lost.
local clock = require "fairlead.clock"
local github = require "fairlead.github"
local procedure = require "fairlead.procedure"
local records = require "fairlead.github.records"
local support = require "spec.support.world"

local APPLICATIONS <const> = { "planning-data", "providers", "async-processor" }

local function visit(application, scenario, fn)
  local fixture = procedure.load(("scripts/%s.lua"):format(application)).rehearsal()
  support.visit({ fixture = fixture, scenario = scenario }, function(w)
    local client = github.client { repository = fixture.github.repository, token = fixture.github.token }
    fn(records.open { client = client, prefix = "refs/fairlead/reservations/" .. application }, w)
  end)
end

describe("in the scenario dev-taken", function()
  for _, application in ipairs(APPLICATIONS) do
    it(("another developer has development, and gives it back (%s)"):format(application), function()
      visit(application, "dev-taken", function(store)
        local value, version = store:read "development"
        local now = clock.now()
        assert.same({ 1, "development", "anotherdeveloper", "users try the new search" },
          { value.format, value.environment, value.holder.login, value.holder.why })
        assert.is_true(value.holder.since < now and value.holder["until"] > now + 1500)
        value.queue = { { login = "adeveloper", run = "r1", kind = "try", since = now, seen = now, seconds = 60 } }
        store:write("development", value, version, "adeveloper gets in line")
        clock.sleep(1300)
        assert.equal("anotherdeveloper", store:read("development").holder.login)
        clock.sleep(400)
        local after = store:read "development"
        assert.is_nil(after.holder)
        assert.equal("adeveloper", after.queue[1].login)
        local told = store:history("development")[1].subject
        assert.matches("^anotherdeveloper gives development back%s*$", told)
      end)
    end)
  end

  it("nobody has anything in the scenario all-well", function()
    visit("planning-data", "all-well", function(store)
      assert.is_nil(store:read "development")
    end)
  end)
end)
