--- fairlead doctor: what is well, what is bad, and what cannot be told, in a simulated world.
local clock = require "fairlead.clock"
local doctoring = require "spec.support.doctoring"
local errors = require "fairlead.errors"
local program = require "spec.support.program"
local rsa_keys = require "spec.support.rsa_keys"

local examine, find, all = doctoring.examine, doctoring.find, doctoring.all

local function assert_state(state, text, result)
  assert.equal(state, result.state, result.text)
  assert.matches(text, result.text)
end

local REPOSITORY <const> = "GitHub digital-land/digital-land.info"

local function answer_of(status, body, headers)
  return { status = status, headers = headers or { { "content-type", "application/json" } }, body = body }
end

describe("what is well", function()
  it("is told with whose credentials, from where, and what may be done", function()
    local results = examine {}
    assert.same({}, all(results, "bad"))
    assert_state("ok", "^adeveloper, by GH_TOKEN %(a classic personal access token%)$",
      find(results, "GitHub", "token"))
    assert_state("ok", "^public, role write$", find(results, REPOSITORY, "repository"))
    assert_state("ok", "^may read pull requests, workflow runs, checks, statuses, deployments$",
      find(results, REPOSITORY, "reading"))
    assert_state("ok", "^Publish, active$", find(results, REPOSITORY, "publish.yml"))
    assert_state("ok", "^fairlead in Workspace, by SLACK_BOT_TOKEN %(a bot's token%)$", find(results, "Slack", "token"))
    assert_state("ok", "^C01PLATFORM, the bot is in it$", find(results, "Slack", "channel planning-data-platform"))
    assert_state("ok", "^from AWS_ACCESS_KEY_ID$", find(results, "AWS eu-west-2", "credentials"))
    assert_state("ok", "^arn:aws:iam::111111111111:user/deployer$", find(results, "AWS eu-west-2", "identity"))
    assert_state("ok", "^2 of 2 tasks run, deployed by CodeDeploy$",
      find(results, "AWS planning-data production", "service production-planning-data"))
    assert_state("ok", "^https://www%.planning%.data%.gov%.uk/health answers with version %x+$",
      find(results, "Site planning-data production", "version"))
    assert_state("ok", "^you may push to https://github%.com/digital%-land/digital%-land%.info%.git$",
      find(results, "git", "pushing"))
    assert_state("ok", "^right, by 6 hosts$", find(results, "Network", "clock"))
  end)

  it("is told of a GitHub App, too", function()
    local keys <close> = rsa_keys.open()
    local results = examine {
      variables = {
        GH_TOKEN = false, FAIRLEAD_GITHUB_APP_ID = "4711", FAIRLEAD_GITHUB_APP_PRIVATE_KEY_FILE = keys:make "app",
      },
      fixture = function(fixture)
        fixture.github.app = { id = 4711, slug = "releaser", installation = 99, public_key = keys:read "app.pub" }
      end,
    }
    assert.same({}, all(results, "bad"))
    assert_state("ok", "^of an app, by GitHub App 4711 %(/.*/app%.pem%) %(a token of a GitHub App%)$",
      find(results, "GitHub", "token"))
    assert_state("ok", "^may read pull requests, workflow runs, checks, statuses, deployments$",
      find(results, REPOSITORY, "reading"))
  end)

  it("tells what it cannot know without writing", function()
    local results = examine {}
    assert.same({
      "AWS planning-data development, writing: codedeploy:CreateDeployment, codedeploy:StopDeployment: cannot be told "
        .. "without writing",
      "AWS planning-data staging, writing: codedeploy:CreateDeployment, codedeploy:StopDeployment: cannot be told "
        .. "without writing",
      "AWS planning-data production, writing: codedeploy:CreateDeployment, codedeploy:StopDeployment: cannot be told "
        .. "without writing",
    }, all(results, "unknown"))
  end)

  it("is the same for the other applications", function()
    for _, application in ipairs { "providers", "async_processor" } do
      assert.same({}, all(examine { application = application }, "bad"))
    end
  end)

  it("writes nothing, anywhere", function()
    local _, w = examine { application = "async_processor" }
    for _, request in ipairs(w.github.requests) do assert.equal("GET", request.method, request.path) end
    for _, request in ipairs(w.slack.requests) do
      local method = request.operation:match "%.(%l+)$" or request.operation
      assert.is_not_nil(({ test = 1, list = 1, info = 1, [""] = 1 })[method], request.operation)
    end
    for _, request in ipairs(w.aws.requests) do
      local operation = request.operation or "Get"
      assert.is_not_nil(operation:find "^Get" or operation:find "^Describe" or operation:find "^List"
        or operation == "BatchGetImage" or operation == "SimulatePrincipalPolicy", operation)
    end
  end)

  it("comes in the same order each time", function()
    local function names()
      local list = {}
      for i, result in ipairs(examine {}) do list[i] = result.where .. "/" .. result.what end
      return list
    end
    assert.same(names(), names())
  end)
end)

describe("GitHub", function()
  it("refuses a wrong token: all that needs it is not looked at, and the rest is", function()
    local results = examine { variables = { GH_TOKEN = "ghp_wrong00000000000000" } }
    assert.same({ "GitHub, token: Bad credentials, by GH_TOKEN (a classic personal access token)" },
      all(results, "bad"))
    assert.matches("set GH_TOKEN or GITHUB_TOKEN to a new one", find(results, "GitHub", "token").advice)
    local repository = find(results, REPOSITORY, "repository")
    assert_state("unknown", "^not looked at; see GitHub, token$", repository)
    assert.equal("GitHub, token", find(results, REPOSITORY, "publish.yml").cause)
    assert.equal("ok", find(results, "Slack", "token").state)
  end)

  it("has a token that ends soon, and another that is not used", function()
    local results = examine {
      variables = { GITHUB_TOKEN = "ghp_another00000000000000" },
      through = function(sent, answer)
        local raw = answer()
        if sent.url:find "/user$" then
          table.insert(raw.headers, { "github-authentication-token-expiration", "2026-03-05 09:00:00 UTC" })
        end
        return raw
      end,
    }
    local token = find(results, "GitHub", "token")
    assert_state("ok", "by GH_TOKEN, not the other one in GITHUB_TOKEN %(.*, until 2026%-03%-05 09:00:00 UTC%)$", token)
    assert.equal("it ends soon: make a new one", token.advice)
  end)

  it("has an address that is none: the variable is named, and a password in it is not told", function()
    local results = examine { variables = { GITHUB_API_URL = "https://me:letmeinplease@github.example/api" } }
    assert_state("bad", "^GITHUB_API_URL https://…@github%.example/api is not a base address$",
      find(results, "GitHub", "token"))
    assert.is_nil(require "fairlead.json".encode(results):find("letmeinplease", 1, true))
  end)

  it("has an app's token, as in GitHub Actions: it is nobody's", function()
    local results = examine {
      variables = { GH_TOKEN = "ghs_installation" },
      fixture = function(fixture)
        fixture.github.tokens = { ghs_installation = { user = "adeveloper", rights = { "contents:write" } } }
      end,
      through = function(sent, answer)
        if not sent.url:find "/user$" then return answer() end
        return answer_of(403, '{"message":"Resource not accessible by integration"}')
      end,
    }
    assert_state("ok", "^of an app, by GH_TOKEN %(a token of a GitHub App%)$", find(results, "GitHub", "token"))
    assert.equal("ok", find(results, REPOSITORY, "branch main").state)
  end)

  it("lacks a scope", function()
    local results = examine { fixture = function(fixture) fixture.github.scopes = { "workflow" } end }
    assert_state("bad", "^lacks repo %(it has: workflow%)$", find(results, REPOSITORY, "scopes"))
  end)

  it("does not tell what a fine-grained token may do: reading is tried", function()
    local results = examine {
      variables = { GH_TOKEN = "github_pat_narrow" },
      fixture = function(fixture)
        fixture.github.tokens = {
          github_pat_narrow = { user = "adeveloper", rights = { "contents:write", "pull_requests:write",
            "actions:write", "deployments:write" } },
        }
      end,
    }
    assert_state("unknown", "does not tell what a fine%-grained personal access token may do",
      find(results, REPOSITORY, "scopes"))
    assert_state("unknown", "cannot be told without writing$", find(results, REPOSITORY, "writing"))
    local reading = find(results, REPOSITORY, "reading")
    assert_state("bad", "^may not read checks, statuses$", reading)
    assert.equal("the token needs: statuses=read", reading.advice)
  end)

  it("does without checks where only these cannot be read", function()
    local results = examine {
      variables = { GH_TOKEN = "github_pat_narrow" },
      fixture = function(fixture)
        fixture.github.tokens = {
          github_pat_narrow = { user = "adeveloper", rights = { "contents:write", "pull_requests:write",
            "actions:write", "deployments:write", "statuses:read" } },
        }
      end,
    }
    local reading = find(results, REPOSITORY, "reading")
    assert_state("ok", "^may read pull requests, workflow runs, statuses, deployments$", reading)
    assert.matches("workflow runs and statuses are read in their place", reading.advice)
  end)

  it("has no such workflow, branch, or team", function()
    local results = examine {
      settings = function(settings)
        settings.main = "trunk"
        settings.workflows.by_hand = "deploy.yml"
        settings.environments.production.approval = { by = { github_teams = { "nobody" } }, via = { "terminal" } }
      end,
    }
    assert_state("bad", "Branch not found", find(results, REPOSITORY, "branch trunk"))
    assert_state("bad", "Not Found", find(results, REPOSITORY, "deploy.yml"))
    assert_state("bad", "Not Found", find(results, "GitHub", "team digital-land/nobody"))
  end)

  it("asks nobody where a review of its environment is waited for", function()
    local results = examine {
      application = "providers",
      fixture = function(fixture) fixture.github.environments.production = {} end,
    }
    assert_state("bad", "^asks nobody for a review", find(results, "GitHub digital-land/submit",
      "environment production"))
  end)
end)

describe("Slack", function()
  it("lacks a scope that the application's approvals need", function()
    local results = examine {
      fixture = function(fixture)
        fixture.slack.scopes = { "chat:write", "channels:read", "channels:history", "users:read" }
      end,
    }
    local scopes = find(results, "Slack planning-data", "scopes")
    assert_state("bad", "^lacks reactions:read$", scopes)
    assert.matches("install it again", scopes.advice)
    assert.same({ "Slack planning-data, scopes: lacks reactions:read" }, all(results, "bad"))
  end)

  it("has no such channel, or the bot is not in it", function()
    local results = examine {
      settings = function(settings) settings.infrastructure_channel = "no-such-channel" end,
      fixture = function(fixture) fixture.slack.channels[1].is_member = false end,
    }
    assert_state("bad", "^no such channel$", find(results, "Slack", "channel no-such-channel"))
    assert_state("bad", "^the bot is not in it$", find(results, "Slack", "channel planning-data-platform"))
  end)

  it("knows nobody by an id of the settings", function()
    local results = examine { settings = function(settings) settings.people.anadmin = "U0NOBODY" end }
    assert_state("bad", "^anadmin %(U0NOBODY%): nobody has that id$", find(results, "Slack planning-data", "people"))
  end)

  it("is down: one line says so, what needs it is not looked at, and the rest is well", function()
    local results = examine { scenario = "slack-down" }
    assert.equal("bad", find(results, "Network", "slack.com").state)
    assert_state("unknown", "^not looked at; see Network, slack.com$", find(results, "Slack", "token"))
    assert.equal(1, #all(results, "bad"))
    assert.equal("ok", find(results, "GitHub", "token").state)
  end)
end)

describe("AWS", function()
  local STAGING <const> = "AWS planning-data staging"

  it("has no such service, repository or deployment group", function()
    local results = examine {
      settings = function(settings)
        local service = settings.environments.staging.services[1]
        service.service, service.image, service.group = "staging-plannning-data", "staging-images", "staging-group"
      end,
    }
    assert_state("bad", "^there is no such service in the cluster staging%-cluster$",
      find(results, STAGING, "service staging-plannning-data"))
    assert_state("bad", "RepositoryNotFoundException", find(results, STAGING, "images staging-images"))
    assert_state("bad", "DeploymentGroupDoesNotExistException", find(results, STAGING, "group staging-group"))
  end)

  it("deploys a service in another way than the settings say", function()
    local results = examine {
      settings = function(settings) settings.environments.staging.services[1].deploys = "rolling" end,
    }
    assert_state("bad", "^is deployed by CodeDeploy, and the settings say ECS itself$",
      find(results, STAGING, "service staging-planning-data"))
  end)

  it("has no such queue", function()
    local results = examine {
      application = "async_processor",
      settings = function(settings) settings.environments.staging.smoke_test[2].queue = "staging-queue" end,
    }
    assert.equal("bad", find(results, "AWS async-processor staging", "queue staging-queue").state)
  end)

  -- Answers as AWS does to a role that may not do this.
  local function denying(operation)
    return function(sent, answer)
      for _, header in ipairs(sent.headers) do
        if header[1]:lower() == "x-amz-target" and header[2]:match "[^.]+$" == operation then
          return answer_of(400, ('{"__type":"AccessDeniedException","message":"User: arn:aws:sts::1:assumed-role/dev/x '
            .. 'is not authorized to perform: %s"}'):format(operation))
        end
      end
      return answer()
    end
  end

  it("denies the role what a release reads", function()
    local results = examine { through = denying "DescribeServices" }
    local service = find(results, STAGING, "service staging-planning-data")
    assert_state("bad", "is not authorized to perform: DescribeServices", service)
    assert.equal("an administrator has to allow this action to these credentials", service.advice)
    assert.equal("ok", find(results, STAGING, "images staging-planning-data").state)
  end)

  it("may keep to itself how a deployment group is set up: a release does not need that", function()
    local results = examine { through = denying "GetDeploymentGroup" }
    assert_state("ok", "^deployments may be read$", find(results, STAGING, "group staging-planning-data-deployment"))
    results = examine { through = denying "ListDeployments" }
    assert.equal("bad", find(results, STAGING, "group staging-planning-data-deployment").state)
  end)

  it("does not know the key: nothing else is asked with it", function()
    local results = examine { variables = { AWS_ACCESS_KEY_ID = "AKIAWRONG0000000000" } }
    local identity = find(results, "AWS eu-west-2", "identity")
    assert.equal("bad", identity.state)
    assert.equal("AWS eu-west-2, identity", find(results, STAGING, "service staging-planning-data").cause)
    assert.equal(1, #all(results, "bad"))
  end)

  it("has no credentials", function()
    local results = examine { variables = { AWS_ACCESS_KEY_ID = false, AWS_SECRET_ACCESS_KEY = false } }
    assert_state("bad", "^no AWS credentials", find(results, "AWS eu-west-2", "credentials"))
    assert.matches("^not looked at; see AWS eu%-west%-2, credentials$",
      find(results, STAGING, "service staging-planning-data").text)
  end)

  it("has a malformed configuration: the file and the line are named", function()
    local folder <close> = program.folder()
    local path = folder:write("config", "[default]\nregion = eu-west-2\n[profile staging\n")
    local results = examine { variables = { AWS_CONFIG_FILE = path } }
    local told = table.concat(all(results, "bad"), "\n")
    assert.is_not_nil(told:find(path .. ":3", 1, true), told)
    assert.equal("ok", find(results, "GitHub", "token").state)
  end)

  it("has no such profile", function()
    local results = examine {
      settings = function(settings) settings.environments.production.profile = "prod" end,
    }
    assert_state("bad", "^no AWS credentials", find(results, "AWS prod eu-west-2", "credentials"))
    assert.equal("ok", find(results, STAGING, "service staging-planning-data").state)
  end)

  -- IAM's policy simulator, which the world does not have.
  local function simulating(decide)
    return function(sent, answer)
      if not sent.url:find("//iam.amazonaws.com/", 1, true) then return answer() end
      assert.matches("PolicySourceArn=arn%%3Aaws%%3Aiam%%3A%%3A111111111111%%3Auser%%2Fdeployer", sent.body)
      local results = {}
      for action in sent.body:gmatch "ActionNames%.member%.%d+=([^&]+)" do
        action = action:gsub("%%3A", ":")
        results[#results + 1] = ("<member><EvalActionName>%s</EvalActionName><EvalDecision>%s</EvalDecision></member>")
          :format(action, decide(action))
      end
      return answer_of(200, ("<SimulatePrincipalPolicyResponse><SimulatePrincipalPolicyResult><EvaluationResults>%s"
        .. "</EvaluationResults></SimulatePrincipalPolicyResult></SimulatePrincipalPolicyResponse>"):format(
        table.concat(results)), { { "content-type", "text/xml" } })
    end
  end

  it("tells what may be written, where IAM's simulator may be asked", function()
    local results = examine { through = simulating(function() return "allowed" end) }
    assert_state("ok", "^may codedeploy:CreateDeployment, codedeploy:StopDeployment, says IAM's simulator$",
      find(results, STAGING, "writing"))
    results = examine { through = simulating(function(action)
      return action == "codedeploy:StopDeployment" and "implicitDeny" or "allowed"
    end) }
    assert_state("bad", "^may not codedeploy:StopDeployment$", find(results, STAGING, "writing"))
  end)
end)

describe("the network", function()
  -- The hosts' clocks are ahead of this machine's by so much.
  local function ahead_by(seconds)
    return function(_, answer)
      local raw = answer()
      for _, header in ipairs(raw.headers) do
        if header[1] == "date" then
          header[2] = os.date("!%a, %d %b %Y %H:%M:%S GMT", math.floor(clock.now() + seconds))
        end
      end
      return raw
    end
  end

  it("tells the time: ten minutes are too much, two seconds are not", function()
    local slow = find(examine { through = ahead_by(600) }, "Network", "clock")
    assert_state("bad", "^is 600 s slow, so that AWS refuses signatures$", slow)
    assert.equal("set it right: timedatectl set-ntp true", slow.advice)
    assert_state("bad", "^is 600 s fast", find(examine { through = ahead_by(-600) }, "Network", "clock"))
    assert_state("ok", "^is [123] s slow$", find(examine { through = ahead_by(2) }, "Network", "clock"))
  end)

  it("does not believe one host against all others", function()
    local results = examine { through = function(sent, answer)
      return ahead_by(sent.url:find "slack%.com" and 3600 or 0)(sent, answer)
    end }
    assert.equal("ok", find(results, "Network", "clock").state)
  end)

  it("is not there: each host says so, and nothing else is tried", function()
    local asked = {}
    local began, ended
    local results = examine { through = function(sent)
      began = began or clock.now()
      ended = clock.now()
      asked[#asked + 1] = sent.url
      errors.raise { kind = "http.resolve", op = "GET", target = sent.url, message = "the name cannot be resolved" }
    end }
    for _, name in ipairs { "api.github.com", "slack.com", "ecs.eu-west-2.amazonaws.com" } do
      assert_state("bad", "^the name cannot be resolved$", find(results, "Network", name))
    end
    assert.equal("Network, api.github.com", find(results, REPOSITORY, "reading").cause)
    assert.equal("Network, ecs.eu-west-2.amazonaws.com",
      find(results, "AWS planning-data staging", "service staging-planning-data").cause)
    assert_state("unknown", "no host has told the time", find(results, "Network", "clock"))
    assert.equal(9, #asked) -- six hosts, three sites: each once
    assert.equal(0, ended - began)
  end)

  it("keeps no check longer than ten seconds", function()
    local began, ended
    local results = examine { through = function(sent, answer)
      began = began or clock.now()
      if sent.url:find "/pulls" then clock.sleep(1000) end
      ended = clock.now()
      return answer()
    end }
    assert_state("unknown", "^no answer within 10 s$", find(results, REPOSITORY, "reading"))
    assert.equal("ok", find(results, REPOSITORY, "publish.yml").state)
    assert.is_true(ended - began < 15)
  end)

  it("holds something else than a service: no check falls over it", function()
    local results = examine { through = function() return answer_of(200, '["surprise"]') end }
    assert.equal("bad", find(results, "Site planning-data staging", "version").state)
    assert.is_not.equal("ok", find(results, "GitHub", "token").state)
    assert.is_not.equal("ok", find(results, "Slack", "token").state)
  end)
end)

describe("secrets", function()
  it("are told to nobody, also when a service sends them back", function()
    local SECRETS <const> = { "ghp_rehearsal0000000000000000000000000000", "xoxb-rehearsal-0000000000",
      "rehearsal/secret/key/rehearsal/secret/key" }
    local results = examine { through = function(sent)
      local said = {}
      for _, header in ipairs(sent.headers) do said[#said + 1] = require "fairlead.http".reveal(header[2]) end
      said[#said + 1] = SECRETS[3]
      return answer_of(401, require "fairlead.json".encode {
        ok = false, error = table.concat(said, " "), message = table.concat(said, " "),
      })
    end }
    local told = require "fairlead.json".encode(results)
    for _, text in ipairs(SECRETS) do assert.is_nil(told:find(text, 1, true), told) end
    assert.matches("%[secret%]", find(results, "GitHub", "token").text)
  end)
end)

describe("a second organisation", function()
  it("has its pipeline, its own branch, and no Slack", function()
    package.path = "spec/support/?.lua;" .. package.path
    local settings = require "second_organisation.settings"
    local results = examine {
      given = settings, world = require("second_organisation.rehearsal").world(),
    }
    assert.same({}, all(results, "bad"))
    assert_state("ok", "^%d stages$", find(results, "AWS tide-tables live", "pipeline tide-tables-delivery"))
    for _, result in ipairs(results) do assert.is_nil(result.where:find "^Slack", result.what) end
  end)
end)
