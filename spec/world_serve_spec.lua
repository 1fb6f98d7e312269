-- The world over real HTTP: clients that share nothing with Fairlead (botocore, curl, git), faults on real sockets, and
-- the command that serves it.
local aws = require "spec.support.aws"
local clock = require "fairlead.clock"
local json = require "fairlead.json"
local peer = require "fairlead.peer"
local process = require "fairlead.process"
local program = require "spec.support.program"
local serve = require "fairlead.world.serve"
local task = require "fairlead.task"
local world = require "fairlead.world"

local SHA <const> = "ab12ab12ab12ab12ab12ab12ab12ab12ab12ab12"

--- Serves a world for as long as a body runs.
local function with_world(options, body)
  local served <close> = world.new {
    fixture = aws.fixture(),
    scenario = options.scenario,
    speed = options.speed,
    start = clock.now(),
  }
  local serving <close> = serve.start { world = served }
  return body(serving, served)
end

local function variables(serving, more)
  local list = {
    AWS_ENDPOINT_URL = serving.url,
    AWS_ACCESS_KEY_ID = "AKIDEXAMPLE",
    AWS_SECRET_ACCESS_KEY = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    AWS_DEFAULT_REGION = "eu-west-2",
    AWS_EC2_METADATA_DISABLED = "true",
    AWS_SESSION_TOKEN = false,
    AWS_PROFILE = false,
    HTTP_PROXY = false,
    http_proxy = false,
    NO_PROXY = "127.0.0.1",
  }
  for name, value in pairs(more or {}) do
    list[name] = value
  end
  return list
end

--- What botocore gets from a list of calls.
local function botocore(serving, calls, more)
  local done = process.run {
    "/usr/bin/python3", "spec/support/botocore_calls.py",
    stdin = json.encode { calls = json.array(calls) },
    env = variables(serving, more),
    timeout = 60,
  }
  assert.equal("", done.stderr)
  return json.decode(done.stdout)
end

local function curl(serving, ...)
  local arguments = { "curl", "-s", "--noproxy", "*", "-m", "20", ... }
  arguments[#arguments] = serving.url .. arguments[#arguments]
  return process.run(arguments)
end

local function git(folder, ...)
  local call = { "git", "-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "credential.helper=", ... }
  call.cwd, call.timeout = folder, 30
  call.env = {
    GIT_TERMINAL_PROMPT = "0", GIT_ASKPASS = "true", GIT_CONFIG_NOSYSTEM = "1", GIT_CONFIG_GLOBAL = "/dev/null",
    HOME = folder, http_proxy = false, HTTP_PROXY = false, NO_PROXY = "127.0.0.1",
  }
  return process.run(call)
end

--- A temporary folder for as long as a body runs.
local function with_folder(body)
  local folder <close> = program.folder()
  return body(folder.path)
end

describe("a served world", function()
  it("answers botocore, which signs and reads by itself, in JSON, in forms, in XML", function()
    with_world({}, function(serving, served)
      local queue = serving.url .. "/111111111111/staging-jobs"
      local application = { applicationName = "staging-web", deploymentGroupName = "staging-web-deployment" }
      local results = botocore(serving, {
        { service = "sts", operation = "get_caller_identity" },
        { service = "ecs", operation = "describe_services", input = {
          cluster = "staging-cluster", services = json.array { "staging-web", "nothing" },
        } },
        { service = "ecr", pages = "describe_images", input = { repositoryName = "staging-web-app" } },
        { service = "codedeploy", pages = "list_deployments", input = application },
        { service = "codedeploy", operation = "get_deployment_group", input = application },
        { service = "sqs", operation = "get_queue_url", input = { QueueName = "staging-jobs" } },
        { service = "sqs", operation = "send_message", input = { QueueUrl = queue, MessageBody = "<hé & \"lo\">" } },
        { service = "sqs", operation = "receive_message", input = {
          QueueUrl = queue, AttributeNames = json.array { "All" },
        } },
        { service = "ssm", pages = "get_parameters_by_path", input = { Path = "/staging", Recursive = true } },
        { service = "secretsmanager", operation = "get_secret_value", input = { SecretId = "staging/key" } },
        { service = "dynamodb", operation = "put_item", input = {
          TableName = "locks", Item = { LockID = { S = "x" } }, ConditionExpression = "attribute_not_exists(LockID)",
        } },
        { service = "dynamodb", operation = "put_item", input = {
          TableName = "locks", Item = { LockID = { S = "x" } }, ConditionExpression = "attribute_not_exists(LockID)",
        } },
        { service = "ecs", pages = "list_tasks", input = { cluster = "worker-cluster" } },
        { service = "ecs", wait = "services_stable", input = {
          cluster = "worker-cluster", services = json.array { "worker-api" },
        } },
        { service = "codedeploy", operation = "get_deployment", input = { deploymentId = "d-NOTHING99" } },
      })
      local function output(i)
        assert.is_not_nil(results[i].output, ("call %d: %s"):format(i, json.encode(results[i])))
        return results[i].output
      end
      assert.equal("arn:aws:iam::111111111111:user/deployer", output(1).Arn)
      assert.equal("staging-web", output(2).services[1].serviceName)
      assert.equal("MISSING", output(2).failures[1].reason)
      assert.equal(1, #output(3).imageDetails)
      assert.equal(1, #output(4).deployments)
      assert.equal("ECS", output(5).deploymentGroupInfo.computePlatform)
      assert.equal(queue, output(6).QueueUrl)
      assert.equal("<hé & \"lo\">", output(8).Messages[1].Body)
      assert.equal(output(7).MD5OfMessageBody, output(8).Messages[1].MD5OfBody)
      assert.equal("1", output(8).Messages[1].Attributes.ApproximateReceiveCount)
      assert.equal(3, #output(9).Parameters)
      assert.equal("s3cr3t", output(10).SecretString)
      output(11)
      assert.equal("ConditionalCheckFailedException", results[12].code)
      assert.equal(2, #output(13).taskArns)
      output(14)
      assert.equal("DeploymentDoesNotExistException", results[15].code)
      assert.is_true(#served.aws.requests >= 15)
    end)
  end)

  it("refuses what botocore signed with a wrong secret, an unknown key, another service's scope", function()
    with_world({}, function(serving)
      local calls = {
        { service = "ecs", operation = "list_services", input = { cluster = "staging-cluster" } },
        { service = "sts", operation = "get_caller_identity" },
        { service = "dynamodb", operation = "describe_table", input = { TableName = "locks" } },
      }
      local function codes(more)
        local list = {}
        for i, result in ipairs(botocore(serving, calls, more)) do
          list[i] = ("%s %s"):format(result.code, result.status)
        end
        return list
      end
      assert.same(
        { "InvalidSignatureException 400", "SignatureDoesNotMatch 403", "InvalidSignatureException 400" },
        codes { AWS_SECRET_ACCESS_KEY = "wrong" }
      )
      assert.same(
        { "UnrecognizedClientException 400", "InvalidClientTokenId 403", "UnrecognizedClientException 400" },
        codes { AWS_ACCESS_KEY_ID = "AKIDOTHER" }
      )
      assert.same(
        { "UnrecognizedClientException 400", "InvalidClientTokenId 403", "UnrecognizedClientException 400" },
        codes { AWS_SESSION_TOKEN = "a token that belongs to no key" }
      )
    end)
  end)

  it("lets botocore's own waiter see a deployment through, in less time by its speed", function()
    with_world({ speed = 400 }, function(serving, served)
      local input = { applicationName = "staging-web", deploymentGroupName = "staging-web-deployment" }
      local before = clock.monotonic()
      served:settle()
      served:publish { environment = "staging", sha = SHA, short_sha = SHA:sub(1, 7), at = served.now }
      clock.sleep(0.2)
      served:settle()
      local id = served.aws.environments.staging.group.deployments[1].id
      local results = botocore(serving, {
        { service = "codedeploy", wait = "deployment_successful", input = { deploymentId = id } },
        { service = "codedeploy", operation = "get_deployment", input = { deploymentId = id } },
        { service = "codedeploy", operation = "list_deployments", input = input },
      })
      assert.is_not_nil(results[1].output, json.encode(results[1]))
      local info = results[2].output.deploymentInfo
      assert.equal("Succeeded", info.status)
      assert.equal(id, results[3].output.deployments[1])
      assert.is_true(info.completeTime - info.createTime > 1)
      assert.is_true(clock.monotonic() - before < 20)
      local site = curl(serving, "-i", "/sites/www.staging.example.com/health")
      assert.match("[xX]%-[vV]ersion: " .. SHA, site.stdout)
    end)
  end)

  it("answers curl: sites, GitHub, Slack, and what there is where nothing is", function()
    with_world({}, function(serving)
      assert.equal('{"status":"ok"', curl(serving, "/sites/www.staging.example.com/health").stdout:sub(1, 14))
      local bearer = "Authorization: Bearer ghp_a-developers-token"
      local repository = json.decode(curl(serving, "-H", bearer, "/github/repos/acme/lighthouse").stdout)
      assert.equal("main", repository.default_branch)
      assert.match("^" .. serving.url:gsub("%p", "%%%0") .. "/github/", repository.url)
      local slack = curl(serving, "-H", "Authorization: Bearer xoxb-a-bots-token", "-d", "", "/slack/api/auth.test")
      assert.is_true(json.decode(slack.stdout).ok)
      local function status(...)
        return curl(serving, "-o", "/dev/null", "-w", "%{http_code}", ...).stdout
      end
      assert.equal("404", status "/nowhere")
      assert.equal("502", status "/sites/elsewhere.example.com/")
      assert.equal("401", status("-H", "Authorization: Bearer wrong", "/github/repos/acme/lighthouse"))
      assert.equal("403", status("-H", "X-Amz-Target: DynamoDB_20120810.GetItem", "-d", "{}", "/"))
      assert.match(serving.url .. "/slack/api", curl(serving, "/nowhere").stdout, 1, true)
    end)
  end)

  it("takes files at the address that its Slack gives for them", function()
    with_world({}, function(serving)
      local bearer = "Authorization: Bearer xoxb-a-bots-token"
      local function slack(method, form)
        return json.decode(curl(serving, "-H", bearer, "-d", form, "/slack/api/" .. method).stdout)
      end
      local place = slack("files.getUploadURLExternal", "filename=log.txt&length=5")
      local path = place.upload_url:match("^" .. serving.url:gsub("%p", "%%%0") .. "(/.*)$")
      assert.match("^OK", curl(serving, "-F", "file=hello", path).stdout)
      local shared = slack("files.completeUploadExternal", "files=" .. json.encode { { id = place.file_id } }
        .. "&channel_id=C01LIGHT")
      assert.equal("log.txt", shared.files[1].name)
    end)
  end)

  it("is cloned by git, and takes pushes with the token, also in chunks, but none to the protected branch", function()
    with_world({}, function(serving)
      with_folder(function(folder)
        local plain = serving.url .. "/acme/lighthouse.git"
        local known = (plain:gsub("//", "//ada:ghp_a-developers-token@", 1))
        assert.equal("", git(folder, "clone", "-q", plain, "work").stderr)
        local work = folder .. "/work"
        local file = assert(io.open(work .. "/noise", "wb"))
        local noise = {}
        for i = 1, 40000 do
          noise[i] = string.pack("<I8", (i * 0x9E3779B97F4A7C15) ~ (i << 40))
        end
        file:write(table.concat(noise))
        file:close()
        git(work, "checkout", "-q", "-b", "noise"):check()
        git(work, "add", "noise"):check()
        git(work, "commit", "-q", "-m", "Add noise"):check()
        local anonymous = git(work, "push", "-q", "origin", "noise")
        assert.not_equal(0, anonymous.code)
        assert.match("Authentication", anonymous.stderr)
        git(work, "remote", "set-url", "origin", known):check()
        local pushed = git(work, "-c", "http.postBuffer=65536", "push", "-q", "origin", "noise")
        assert.equal("", pushed.stderr)
        local head = git(work, "rev-parse", "HEAD").stdout:match "%x+"
        local bearer = "Authorization: Bearer ghp_a-developers-token"
        local branch = json.decode(curl(serving, "-H", bearer, "/github/repos/acme/lighthouse/branches/noise").stdout)
        assert.equal(head, branch.commit.sha)
        local refused = git(work, "push", "-q", "origin", "noise:main")
        assert.not_equal(0, refused.code)
        assert.match("through a pull request", refused.stderr)
        local below = plain:gsub("/acme", "/git/acme")
        assert.equal("", git(folder, "clone", "-q", "--branch", "noise", below, "again").stderr)
      end)
    end)
  end)

  it("bears many clients at once, and bodies of size", function()
    with_world({}, function(serving)
      local answers = task.map({ 1, 2, 3, 4, 5, 6, 7, 8 }, function()
        return curl(serving, "-o", "/dev/null", "-w", "%{http_code}", "/sites/www.staging.example.com/").stdout
      end)
      assert.equal("200 200 200 200 200 200 200 200", table.concat(answers, " "))
      local large = process.run {
        "curl", "-s", "--noproxy", "*", "-H", "Expect:", "-H", "X-Amz-Target: AmazonSQS.SendMessage",
        "-o", "/dev/null", "-w", "%{http_code}", "--data-binary", "@-", serving.url .. "/",
        stdin = ("x"):rep(3 << 20),
      }
      assert.equal("403", large.stdout)
    end)
  end)
end)

describe("a fault of the scenario", function()
  it("is a real reset on the socket, before or after the request was carried out", function()
    with_world({}, function(serving, served)
      local next_fault = "reset"
      served.fault = function()
        return next_fault
      end
      local queue = "/sites/www.staging.example.com/"
      local cut = curl(serving, "-S", queue)
      assert.equal(56, cut.code)
      assert.match("reset by peer", cut.stderr)
      assert.equal(0, #served.sites.requests)
      next_fault = "lost"
      assert.equal(56, curl(serving, queue).code)
      assert.equal(1, #served.sites.requests)
      next_fault = nil
      assert.equal(0, curl(serving, queue).code)
    end)
  end)

  it("that is silence ends by the client's patience, or when the world is closed", function()
    local hanging
    with_world({}, function(serving, served)
      served.fault = function()
        return "timeout"
      end
      local started = clock.monotonic()
      assert.equal(28, process.run({
        "curl", "-s", "--noproxy", "*", "-m", "0.5", serving.url .. "/sites/www.staging.example.com/",
      }).code)
      assert.is_true(clock.monotonic() - started < 5)
      hanging = task.start(curl, serving, "/sites/www.staging.example.com/")
      clock.sleep(0.3)
      served.fault = nil
    end)
    assert.equal(56, hanging:wait().code)
  end)
end)

describe("the server below", function()
  local native = require "fairlead.world.native"

  --- A server whose every request `handle` answers, for as long as a body runs.
  local function with_server(options, handle, body)
    local server <close> = native.listen(options)
    local acceptor = task.start(function()
      while true do
        local sent, exchange = server:next()
        if not sent then
          return
        end
        handle(sent, exchange)
      end
    end)
    body({ url = ("http://127.0.0.1:%d"):format(server:port()) }, server)
    server:close()
    acceptor:wait()
  end

  it("gives the target and the headers as they were sent, and sends the answer's own", function()
    local seen
    local function handle(sent, exchange)
      seen = sent
      exchange:answer { status = 201, headers = { { "X-A", "1" }, { "X-A", "2" } }, body = "done\0done" }
    end
    with_server({}, handle, function(at)
      local target = "/a%2Fb/../c?x=%20&y+z&&"
      local got = curl(at, "--path-as-is", "-i", "-X", "PATCH", "-H", "X-B: é, x", "-d", "a+b", target)
      assert.equal(("PATCH %s a+b"):format(target), ("%s %s %s"):format(seen.method, seen.target, seen.body))
      local header = aws.find(seen.headers, function(pair)
        return pair[1] == "X-B"
      end)
      assert.equal("é, x", header[2])
      assert.match("^HTTP/1.1 201 ", got.stdout)
      assert.match("X%-A: 1\r\nX%-A: 2\r\n", got.stdout)
      assert.equal("done\0done", got.stdout:sub(-9))
    end)
  end)

  it("notices at once what came while the script computed", function()
    local function handle(_, exchange)
      exchange:answer { status = 200 }
      local free = clock.monotonic() + 0.03
      -- Meanwhile the client's next request comes, and the server's timer is due.
      repeat until clock.monotonic() > free
    end
    with_server({}, handle, function(at)
      local started = clock.monotonic()
      assert.equal(0, curl(at, "-o", "/dev/null", "-o", "/dev/null", at.url .. "/one", "/two").code)
      assert.is_true(clock.monotonic() - started < 5)
    end)
  end)

  it("refuses bodies that are too large, without a word to Lua", function()
    local requests = 0
    local function handle(_, exchange)
      requests = requests + 1
      exchange:answer { status = 200 }
    end
    with_server({ max_body = 1000 }, handle, function(at)
      local function status(size)
        return curl(at, "-o", "/dev/null", "-w", "%{http_code}", "-d", ("x"):rep(size), "/").stdout
      end
      assert.equal("200", status(1000))
      assert.equal("413", status(1001))
      assert.equal("413", status(100000))
      assert.equal(1, requests)
    end)
  end)

  it("cuts the connection of an exchange that nobody answers, and answers each once", function()
    local failure
    local function handle(sent, exchange)
      if sent.target == "/twice" then
        exchange:answer { status = 204 }
        failure = select(2, try(exchange.answer, exchange, { status = 200 }))
      elseif sent.target == "/split" then
        failure = select(2, try(exchange.answer, exchange, { status = 200, headers = { { "X-A", "1\r\nX-B: 2" } } }))
      end
      collectgarbage()
    end
    with_server({}, handle, function(at)
      assert.equal(0, curl(at, "/twice").code)
      assert.match("exchange is over", tostring(failure))
      handle = function() end
      local function forgotten(path)
        local waiting = task.start(curl, at, path)
        clock.sleep(0.2)
        collectgarbage()
        collectgarbage()
        return waiting:wait().code
      end
      assert.equal(56, forgotten "/split")
      assert.match("line break", tostring(failure))
      assert.equal(56, forgotten "/forget")
    end)
  end)

  it("cuts a request that comes in as it closes", function()
    local server <close> = native.listen {}
    local waiting, late = peer.connect("127.0.0.1", server:port()), peer.connect("127.0.0.1", server:port())
    waiting:write "GET / HTTP/1.1\r\nHost: here\r\n\r\n"
    local _, unanswered = server:next()
    task.all {
      function() late:write "GET / HTTP/1.1\r\nHost: here\r\n\r\n" end,
      function() server:close() end,
    }
    assert.is_nil((late:read()))
    assert.is_nil((waiting:read()))
    unanswered:reset()
  end)

  it("lets one task at a time wait for the next request, and tells it of the close", function()
    local server <close> = native.listen {}
    local waiting = task.start(server.next, server)
    clock.sleep(0.01)
    assert.match("another task waits", tostring(select(2, try(server.next, server))))
    server:close()
    assert.is_nil((waiting:wait()))
    assert.match("server is closed", tostring(select(2, try(server.next, server))))
    local cancelled_server <close> = native.listen {}
    local cancelled = task.start(cancelled_server.next, cancelled_server)
    clock.sleep(0.01)
    cancelled:cancel "no longer wanted"
    clock.sleep(0.01)
    local again = task.start(cancelled_server.next, cancelled_server)
    clock.sleep(0.01)
    cancelled_server:close()
    assert.is_nil((again:wait()))
  end)
end)

describe("fairlead world serve", function()
  it("says what to export, answers, and ends at Ctrl-C, leaving no folder behind", function()
    with_folder(function(folder)
      local port = with_world({}, function(serving)
        return serving.port -- free again in a moment
      end)
      local running = task.start(process.run, {
        "timeout", "--preserve-status", "-s", "INT", "3",
        program.path, "world", "serve", "--port", tostring(port), "--scenario", "image-late", "--speed", "10",
        env = { TMPDIR = folder },
      })
      local answer
      for _ = 1, 40 do
        clock.sleep(0.1)
        answer = curl({ url = ("http://127.0.0.1:%d"):format(port) }, "/sites/lighthouse.example.com/health")
        if answer.code == 0 then
          break
        end
      end
      assert.equal("ok", json.decode(answer.stdout).status)
      local done = running:wait()
      assert.match("scenario image%-late", done.stdout)
      for _, name in ipairs { "GITHUB_API_URL", "SLACK_API_URL", "AWS_ENDPOINT_URL" } do
        assert.match(("export %s=http://127.0.0.1:%d"):format(name, port), done.stdout, 1, true)
      end
      assert.match("git clone http://ada:ghp_", done.stdout)
      assert.equal(130, done.code)
      assert.equal("", process.run({ "ls", folder }).stdout)
    end)
  end)

  it("says which port is taken, and what to do", function()
    with_world({}, function(serving)
      local done = process.run { program.path, "world", "serve", "--port", tostring(serving.port) }
      assert.equal(1, done.code)
      assert.match(("cannot listen on 127.0.0.1:%d: Address already in use"):format(serving.port), done.stderr)
      assert.match("choose one with %-%-port", done.stderr)
    end)
  end)
end)
