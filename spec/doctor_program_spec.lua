--- fairlead doctor as a program: its table, its exit code, its JSON, over real sockets.
local clock = require "fairlead.clock"
local json = require "fairlead.json"
local process = require "fairlead.process"
local program = require "spec.support.program"
local served = require "spec.support.served"
local task = require "fairlead.task"

-- No credentials, and no network but what a spec gives.
local BARE <const> = {
  NO_COLOR = "1", GH_TOKEN = false, GITHUB_TOKEN = false, GITHUB_API_URL = false, GH_HOST = false,
  GH_CONFIG_DIR = "/dev/null", FAIRLEAD_GITHUB_APP_ID = false, SLACK_BOT_TOKEN = false,
  SLACK_API_URL = false, AWS_ACCESS_KEY_ID = false, AWS_SECRET_ACCESS_KEY = false, AWS_SESSION_TOKEN = false,
  AWS_PROFILE = false, AWS_REGION = false, AWS_DEFAULT_REGION = false, AWS_ENDPOINT_URL = false,
  AWS_CONFIG_FILE = "/dev/null", AWS_SHARED_CREDENTIALS_FILE = "/dev/null", AWS_EC2_METADATA_DISABLED = "true",
  HTTPS_PROXY = false, https_proxy = false, ALL_PROXY = false, all_proxy = false, FAIRLEAD_STRESS_GC = false,
}

local function doctor(variables, ...)
  local call, env = { "doctor", ... }, {}
  for name, value in pairs(BARE) do env[name] = value end
  for name, value in pairs(variables) do env[name] = value end
  call.env = env
  return program.run(call)
end

local function by_name(text)
  local rows = {}
  for line in text:gmatch "[^\n]+" do
    local row = json.decode(line)
    rows[row.where .. ", " .. row.what] = row
  end
  return rows
end

local SCRIPT <const> = [[
local procedure = require "fairlead.procedure"
local needs = %s
return procedure.new { name = "boat", run = function() end, commands = {
  doctor = procedure.new { name = "boat doctor", run = function() return needs end } } }
]]

describe("fairlead doctor", function()
  it("tells where an application's places are in a served world, and hides every secret", function()
    local folder <close> = program.folder()
    local printed = folder.path .. "/served"
    local serving = task.start(process.run, {
      "sh", "-c", 'exec "$0" "$@" >' .. printed, program.path, "world", "serve", "scripts/planning-data.lua",
      timeout = 60, env = { FAIRLEAD_STRESS_GC = false },
    })
    local variables = served.read(printed)
    local sites = "sites=" .. variables.GITHUB_API_URL:match "^(.*)/github$" .. "/sites/{host}"

    local told = doctor(variables, "planning-data", sites)
    assert.equal(0, told.code, told.stdout .. told.stderr)
    assert.matches("\nok   GitHub +token +adeveloper, by G%u+_TOKEN %(a classic personal access token%)\n", told.stdout)
    assert.matches("\nok   AWS planning%-data production +service production%-planning%-data +2 of 2 tasks run",
      told.stdout)
    assert.matches("\n%?    AWS planning%-data production +writing +codedeploy:CreateDeployment", told.stdout)
    assert.matches("\n%d+ ok, 0 bad, %d+ could not be told\n$", told.stdout)

    -- The same, with a token that GitHub refuses.
    variables.GH_TOKEN = "ghp_quitesecret0000000000000000"
    variables.GITHUB_TOKEN = variables.GH_TOKEN
    for _, option in ipairs { "--json", "--verbose" } do
      local refused = doctor(variables, "planning-data", sites, option, "-v")
      assert.equal(1, refused.code)
      for _, name in ipairs { "GH_TOKEN", "SLACK_BOT_TOKEN", "AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID" } do
        for from = 1, #variables[name] - 8 do
          local piece = variables[name]:sub(from, from + 8)
          assert.is_nil((refused.stdout .. refused.stderr):find(piece, 1, true), piece)
        end
      end
      if option == "--json" then
        local row = by_name(refused.stdout)["GitHub, token"]
        assert.equal("bad", row.state)
        assert.matches("status +401", row.details)
        assert.same({ "planning-data" }, row.applications)
      end
    end
    serving:cancel "the spec is over"
  end)

  it("says of each host at once that its port is closed", function()
    local began = clock.monotonic()
    local nowhere = "http://127.0.0.1:1"
    local told = doctor({
      GH_TOKEN = "ghp_quitesecret0000000000000000", SLACK_BOT_TOKEN = "xoxb-quite-secret-0000000",
      AWS_ACCESS_KEY_ID = "AKIAQUITESECRET00000", AWS_SECRET_ACCESS_KEY = "quite/secret/key/quite/secret",
      GITHUB_API_URL = nowhere, SLACK_API_URL = nowhere, AWS_ENDPOINT_URL = nowhere,
    }, "providers", "sites=" .. nowhere .. "/{host}", "--json")
    assert.is_true(clock.monotonic() - began < 8)
    assert.equal(1, told.code)
    local rows = by_name(told.stdout)
    assert.equal("bad", rows["Network, http://127.0.0.1:1"].state)
    assert.matches("refused", rows["Network, http://127.0.0.1:1"].text)
    assert.equal("Network, http://127.0.0.1:1", rows["GitHub, token"].cause)
    assert.equal("Network, http://127.0.0.1:1", rows["Slack, token"].cause)
    assert.equal("ok", rows["AWS eu-west-2, credentials"].state)
    assert.equal("bad", rows["Site providers staging, version"].state)
  end)

  it("tells what the environment gives where there is no project; what nothing needs is not bad", function()
    local folder <close> = program.folder()
    local call = { "doctor", cwd = folder.path, env = {} }
    for name, value in pairs(BARE) do call.env[name] = value end
    local told = program.run(call)
    assert.equal(0, told.code, told.stdout .. told.stderr)
    assert.matches("\n%?    GitHub +token +no GitHub token: GH_TOKEN and GITHUB_TOKEN are not set; .*; set GH_TOKEN",
      told.stdout)
    assert.matches("\n%?    Slack +token +no Slack token", told.stdout)
    assert.matches("\n%?    AWS +credentials +no AWS credentials", told.stdout)
    assert.matches("\n%?    git +working copy +", told.stdout)
  end)

  it("says what is wrong with this machine's settings, without a proxy's password", function()
    local folder <close> = program.folder()
    local empty = folder:write("empty.pem", "")
    folder:write("journal.db", ("no database at all\n"):rep(100))
    local call = { "doctor", "--json", cwd = folder.path, env = {
      SSL_CERT_FILE = empty, FAIRLEAD_STATE = folder.path,
      HTTPS_PROXY = "http://deploy:letmeinplease@proxy.example:3128", NO_PROXY = "localhost",
    } }
    for name, value in pairs(BARE) do
      if call.env[name] == nil then call.env[name] = value end
    end
    local told = program.run(call)
    assert.equal(1, told.code)
    local rows = by_name(told.stdout)
    assert.equal("bad", rows["Machine, authorities"].state)
    assert.equal("HTTPS_PROXY: proxy.example:3128, with a name; not for localhost", rows["Machine, proxy"].text)
    assert.equal("bad", rows["Machine, journal"].state)
    assert.is_nil(told.stdout:find("letmeinplease", 1, true))

    call.env.FAIRLEAD_STATE = empty .. "/state"
    rows = by_name(program.run(call).stdout)
    assert.matches("is no folder$", rows["Machine, state folder"].text)
    assert.equal("Machine, state folder", rows["Machine, journal"].cause)
  end)

  it("goes on where one script is broken, or has no such command", function()
    local folder <close> = program.folder()
    folder:write("adrift.lua", "local procedure = require 'fairlead.procedure'\nreturn procedure.new { run = ")
    folder:write("boat.lua", SCRIPT:format "{}")
    folder:write("canoe.lua",
      "local procedure = require 'fairlead.procedure'\nreturn procedure.new { name = 'canoe', run = print }")
    folder:write("dinghy.lua", SCRIPT:format '{ sites = { { environment = "sea", url = "http://127.0.0.1:1/" } } }')
    local told = doctor({}, "--scripts", folder.path, "--json")
    assert.equal(1, told.code, told.stderr)
    local rows = by_name(told.stdout)
    assert.equal("bad", rows["Application, adrift"].state)
    assert.equal("unknown", rows["Application, canoe"].state)
    assert.is_nil(rows["Application, boat"])
    assert.equal("bad", rows["Site dinghy sea, version"].state)
    local one = doctor({}, "boat", "--scripts", folder.path)
    assert.equal(0, one.code, one.stdout)
  end)

  it("refuses an application that there is none of", function()
    local told = doctor({}, "planing-data")
    assert.equal(2, told.code)
    assert.matches("there is no application 'planing%-data'; did you mean 'planning%-data'%?", told.stderr)
  end)
end)
