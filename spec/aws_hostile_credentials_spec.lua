-- Sources of credentials that hang, talk nonsense or are not there: bounded time and memory, and what to do about it.
local aws = require "fairlead.aws"
local clock = require "fairlead.clock"
local home = require "spec.support.aws_home"
local memory = require "spec.support.memory"
local peer = require "fairlead.peer"
local process = require "fairlead.process"
local task = require "fairlead.task"

local function failure_of(options)
  local err, seconds
  home.with(options, function()
    local began = clock.monotonic()
    err = home.failure(function() aws.session():credentials() end)
    seconds = clock.monotonic() - began
  end)
  assert.equal("aws.no_credentials", err.kind)
  assert.is_nil(tostring(err):find "[\r\n]")
  return err, seconds
end

local function of_program(script)
  return failure_of { files = { ["tool.sh"] = script },
    config = "[default]\ncredential_process = /bin/sh @/tool.sh\n" }
end

-- A program that may take two minutes, with less patience.
local function impatient(fn)
  local run = process.run
  local _ <close> = setmetatable({}, { __close = function() process.run = run end })
  process.run = function(options)
    if options.max_output then options.timeout = 0.3 end
    return run(options)
  end
  return fn()
end

describe("a credential_process", function()
  it("that hangs is ended, with all that it started", function()
    local err, seconds = impatient(function()
      return of_program "echo $$ >\"${0%.sh}.id\"\nsleep 300 | sleep 300\n"
    end)
    assert.matches("credential_process has given nothing in 120 s", err.message)
    assert.is_true(seconds < 5, seconds)
  end)

  it("that prints without end is ended, and not kept in memory", function()
    local err, seconds
    local peak = memory.peak(function() err, seconds = of_program "yes AccessKeyId" end)
    assert.matches("credential_process", err.message)
    assert.is_true(seconds < 10, seconds)
    if memory.counts() then assert.is_true(peak < 32 << 20, peak) end
  end)

  it("that prints megabytes in its distress has little of them told", function()
    local err = of_program "head -c 3000000 /dev/zero | tr '\\0' 'x' >&2; exit 1"
    assert.is_true(#tostring(err) < 2000)
  end)

  it("that prints a page of a proxy's is told as one that prints no JSON", function()
    local err = of_program "echo '<!DOCTYPE html><html><body>Sign in</body></html>'"
    assert.matches("^aws.session profile 'default' in .*/.aws/config: credential_process has printed something that is "
      .. "no JSON object; run the profile's command by hand", tostring(err))
  end)
end)

describe("an instance's metadata service", function()
  local function at(url) return { variables = { AWS_EC2_METADATA_SERVICE_ENDPOINT = url } } end

  it("that is not there is given up within a second", function()
    -- A listener whose queue is full: the kernel answers nobody, as where no such machine is.
    local listener <close> = peer.listen { backlog = 0 }
    local filler <close> = peer.connect("127.0.0.1", listener:port()) -- luacheck: ignore 211
    local other = task.start(function() return pcall(peer.connect, "127.0.0.1", listener:port()) end)
    clock.sleep(0.05)
    local err, seconds = failure_of(at(("http://127.0.0.1:%d"):format(listener:port())))
    other:cancel()
    assert.is_true(seconds < 1.3, seconds)
    assert.matches("instance: http://127.0.0.1:%d+: timed out after 1 s while connecting", err.details[11])
  end)

  it("that takes connections and says nothing is given up within two", function()
    local listener <close> = peer.listen()
    local _, seconds = failure_of(at(("http://127.0.0.1:%d"):format(listener:port())))
    assert.is_true(seconds < 2.5, seconds)
  end)

  it("that is somebody else's page gives no credentials", function()
    local server = require "spec.support.server"
    local s <close> = server.start(function(exchange)
      exchange:reply(200, { ["Content-Type"] = "text/html" }, "<html>Sign in</html>")
    end)
    assert.matches("instance: .*it gave something that is no role's name", failure_of(at(s.url)).details[11])
  end)
end)

describe("a sign-in that has ended", function()
  it("says which command signs in again", function()
    local err = failure_of { config = "[default]\nsso_start_url = https://corp.awsapps.com/start\n"
      .. "sso_region = eu-west-2\nsso_account_id = 111111111111\nsso_role_name = deploy\n" }
    assert.matches("; run `aws sso login %-%-profile default`$", tostring(err))
  end)
end)
