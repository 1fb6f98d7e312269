-- AWS sessions that end while somebody is at work, in the simulated world.
local aws = require "spec.support.aws"
local clients = require "fairlead.aws"
local clock = require "fairlead.clock"
local environment = require "fairlead.environment"
local http = require "fairlead.http"
local memory = require "fairlead.procedure.memory"
local procedure = require "fairlead.procedure"
local rehearsal = require "fairlead.world.rehearsal"

local SESSION <const> = 2400 -- seconds, as in the scenario

--- Calls `body(enter, w)` in a world whose session ends; `enter(fn)` calls `fn` as a new process would be started.
local function rehearse(renews, body, scenario)
  return aws.rehearse(function()
    local w <close> = aws.world { scenario = scenario or "token-expires-midway", change = function(fixture)
      fixture.aws.renews = renews
      fixture.aws.profiles = { "deploy" }
    end }
    local folder <const> = w:open()
    return body(function(fn)
      return environment.with(rehearsal.environment(w, folder), http.with_transport, w:transport(), fn)
    end, w)
  end)
end

local function running(ecs)
  return (ecs or clients.session():client "ecs"):DescribeServices({ cluster = "staging-cluster",
    services = { "staging-web" } }).services[1].runningCount
end

describe("a session of AWS", function()
  it("ends, and only new credentials help", function()
    rehearse(false, function(enter, w)
      enter(function()
        assert.is_not_nil(environment.get "AWS_SESSION_TOKEN")
        local session <const> = clients.session()
        local ecs <const>, elb = session:client "ecs", session:client "elbv2"
        assert.equal(2, running(ecs))
        clock.sleep(SESSION - 10)
        assert.equal(2, running(ecs))
        clock.sleep(20)
        local _, err = try(running, ecs)
        assert.equal("aws.api.not_authorised ExpiredTokenException", err.kind .. " " .. err.code)
        assert.equal("the credentials (environment) have expired; sign in again (`aws sso login`, or new AWS_* "
          .. "variables), then `fairlead resume` goes on", err.hint)
        _, err = try(elb.DescribeTargetGroups, elb)
        assert.equal("ExpiredToken 403", err.code .. " " .. err.status)
        assert.equal("ExpiredToken", w.aws.requests[#w.aws.requests].code)
      end)
      assert.equal(2, enter(running))
    end)
  end)

  it("is followed by another where the shared credentials file gets it, again and again", function()
    rehearse(true, function(enter, w)
      enter(function()
        assert.is_nil(environment.get "AWS_ACCESS_KEY_ID")
        local ecs <const> = clients.session({ profile = "deploy" }):client "ecs"
        local keys = {}
        for i = 1, 3 do
          assert.equal(2, running(ecs))
          keys[i] = ecs.session:credentials().access_key_id
          clock.sleep(SESSION + 10)
        end
        assert.equal("AKIDEXAMPLE", keys[1])
        assert.matches("^ASIA", keys[2])
        assert.not_equal(keys[2], keys[3])
        assert.equal(2, running())
      end)
      local refused = 0
      for _, request in ipairs(w.aws.requests) do
        refused = refused + (request.code == "ExpiredTokenException" and 1 or 0)
      end
      -- Each time once: the world, and with it the file, comes to the present with a request.
      assert.equal(3, refused)
    end)
  end)

  it("does not end in other scenarios", function()
    rehearse(false, function(enter)
      enter(function()
        clock.sleep(86400)
        assert.equal(2, running())
      end)
    end, "all-well")
  end)
end)

describe("a role in the simulated world", function()
  local ROLE <const> = "arn:aws:iam::222222222222:role/release/deployer"

  it("is assumed, says who it is, and ends", function()
    rehearse(false, function(enter)
      enter(function()
        local session <const> = clients.session { role_arn = ROLE }
        assert.equal(2, running(session:client "ecs"))
        local who <const> = session:client("sts"):GetCallerIdentity()
        assert.equal("222222222222", who.Account)
        assert.matches("^arn:aws:sts::222222222222:assumed%-role/deployer/fairlead%-%d+$", who.Arn)
        assert.matches("^AROA%w+:fairlead%-%d+$", who.UserId)
        local held <const> = session:credentials()
        local fixed <const> = clients.session({ credentials = held }):client "ecs"
        assert.equal(2, running(fixed))
        clock.sleep(3660)
        local _, err = try(running, fixed)
        assert.equal("ExpiredTokenException", err.code)
        assert.equal(2, running(session:client "ecs"))
      end)
    end, "all-well")
  end)

  it("is refused in accounts that are not there, and with what is no role", function()
    rehearse(false, function(enter)
      enter(function()
        local sts <const> = clients.session():client "sts"
        local function code(input)
          local _, err = try(sts.AssumeRole, sts, input)
          return err.code
        end
        assert.equal("AccessDenied", code { RoleArn = "arn:aws:iam::999999999999:role/r", RoleSessionName = "s" })
        assert.equal("ValidationError", code { RoleArn = "deployer", RoleSessionName = "s" })
        assert.equal("ValidationError", code { RoleArn = ROLE, RoleSessionName = "a b" })
        assert.equal("ValidationError", code { RoleArn = ROLE, RoleSessionName = "s", DurationSeconds = 60 })
        assert.equal("MissingParameter", code { RoleArn = ROLE })
        assert.equal("arn:aws:iam::111111111111:user/deployer", sts:GetCallerIdentity().Arn)
      end)
    end, "all-well")
  end)
end)

describe("a run whose session ends", function()
  local function release(done)
    return procedure.new { name = "r", summary = "s", run = function(run)
      local session <const> = clients.session()
      local ecs <const> = session:client "ecs"
      run:step("Before", function() done[#done + 1] = "before" end)
      local began <const> = clock.now()
      run:wait { name = "While", timeout = 7200, check = function()
        return running(ecs) == 2 and clock.now() > began + 1500
      end }
      run:step("After", function() done[#done + 1] = "after" end)
    end }
  end

  it("is not authorised, and goes on when it is taken up with new credentials", function()
    rehearse(false, function(enter)
      local done <const> = {}
      local options <const> = { interactive = false, recorder = memory.new(), id = "r-1" }
      clock.sleep(SESSION - 600)
      local first <const> = enter(function() return procedure.execute(release(done), {}, options) end)
      assert.equal("aws.api.not_authorised 4", first.reason .. " " .. first.exit_code)
      assert.same({ "before" }, done)
      options.attempt = 2
      local second <const> = enter(function() return procedure.execute(release(done), {}, options) end)
      assert.equal("done", second.outcome)
      assert.same({ "before", "after" }, done)
    end)
  end)

  it("notices nothing where its credentials are renewed", function()
    rehearse(true, function(enter)
      local done <const> = {}
      clock.sleep(SESSION - 600)
      local result <const> = enter(function()
        return procedure.execute(release(done), {}, { interactive = false })
      end)
      assert.equal("done", result.outcome)
      assert.same({ "before", "after" }, done)
    end)
  end)
end)
