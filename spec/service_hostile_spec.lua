-- Answers of services that are not theirs, or not whole: a proxy's page, half a text, another protocol. One line says
-- what was asked, of whom, and what came; nothing is taken for an empty result.
local aws = require "fairlead.aws"
local fake = require "spec.support.fake_service"
local github = require "fairlead.github"
local shape = require "fairlead.service.shape"
local slack = require "fairlead.slack"

local HTML <const> = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body>Guest network</body></html>"

-- The error of a call to a service that answers so.
local function failure(call, status, body, headers)
  local seen, err = fake.run(function() return status, body, headers end, function()
    return (select(2, try(call)))
  end)
  assert.is_truthy(err, "no error was raised")
  assert.is_nil(tostring(err):find "[\r\n]")
  return err, seen
end

local function describe_services()
  local session = aws.session { region = "eu-west-2",
    credentials = { access_key_id = "A", secret_access_key = secret "s" } }
  return session:client("ecs"):DescribeServices { cluster = "web", services = { "site" } }
end

local function tasks()
  local session = aws.session { region = "eu-west-2",
    credentials = { access_key_id = "A", secret_access_key = secret "s" } }
  local list = {}
  for arn in session:client("ecs"):paginate("ListTasks", { cluster = "web" }, "taskArns") do list[#list + 1] = arn end
  return list
end

local function pull_request()
  return github.client({ repository = "o/n", token = "t", base_url = "https://api.github.com" })
    :pull_request { number = 5 }
end

local function pull_requests()
  return github.client({ repository = "o/n", token = "t", base_url = "https://api.github.com" }):list "pulls"
end

local function post()
  return slack.client({ token = "t", base_url = "https://slack.com/api" }):post { channel = "C1", text = "x" }
end

describe("an answer of AWS", function()
  it("that is a proxy's page is told as one, whatever it says that it is", function()
    for _, kind in ipairs { "text/html", "application/x-amz-json-1.1" } do
      local err = failure(describe_services, 200, HTML, { ["Content-Type"] = kind })
      assert.equal("aws.api", err.kind)
      assert.matches("^ecs.DescribeServices eu%-west%-2: answered 200 with something that is not JSON %("
        .. kind:gsub("%p", "%%%0"), tostring(err))
      assert.matches("is no proxy answering in its place", err.hint)
    end
    local err, seen = failure(describe_services, 502, HTML, { ["Content-Type"] = "text/html" })
    assert.equal("ecs.DescribeServices eu-west-2: HTTP 502", tostring(err))
    assert.equal(3, #seen)
  end)

  it("that says what it is wrongly is read for what it is", function()
    local _, output = fake.run(function() return 200, '{"services":[]}', { ["Content-Type"] = "text/html" } end,
      describe_services)
    assert.same({}, output.services)
  end)

  it("that is cut short is no answer, and none that is another thing than an object", function()
    assert.matches("is not JSON", failure(describe_services, 200, '{"services":[{"serv').message)
    for body, got in pairs { ["5"] = "a number", ['"x"'] = "a text", ["[1]"] = "a list", ["true"] = "a boolean" } do
      assert.equal(("answered 200 with something that is no output (an object expected, got %s)"):format(got),
        failure(describe_services, 200, body).message)
    end
  end)

  it("in XML is a refusal in XML, also of a service that speaks JSON", function()
    local err = failure(describe_services, 403, "<ErrorResponse><Error><Code>AccessDenied</Code><Message>No\nway"
      .. "</Message></Error><RequestId>r-1</RequestId></ErrorResponse>", { ["Content-Type"] = "text/xml" })
    assert.equal("aws.api.not_authorised", err.kind)
    assert.equal("AccessDenied", err.code)
    assert.equal("r-1", err.request_id)
  end)

  it("that has no list where one is asked for is no end of the list", function()
    assert.matches("answered with a taskArns that is no list", failure(tasks, 200, { taskArns = "arn" }).message)
  end)

  it("whose pages never end is given up", function()
    local number = 0
    local seen, err = fake.run(function()
      number = number + 1
      return 200, { taskArns = { "a" }, nextToken = "t" .. number }
    end, function() return (select(2, try(tasks))) end)
    assert.equal("has more than 1000 pages", err.message)
    assert.equal(1000, #seen)
  end)

  it("with a bomb of entities is refused without being read", function()
    local bomb = '<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;">]><ErrorResponse>&b;</ErrorResponse>'
    local err = failure(describe_services, 400, bomb)
    assert.equal("HTTP 400", err.code)
  end)
end)

describe("an answer of GitHub", function()
  it("that is empty is no pull request, and no empty list", function()
    for _, call in ipairs { pull_request, pull_requests } do
      local err = failure(call, 200, "")
      assert.equal("github.api", err.kind)
      assert.matches("^github.%S+ /repos/o/n/pulls%S*: answered 200 with something else than was asked for "
        .. "%(nothing at all%); is the address GitHub's", tostring(err))
    end
  end)

  it("that is a proxy's page is told as one", function()
    assert.matches("something that is not JSON", failure(pull_request, 200, HTML).message)
  end)

  it("that lacks what is read from it says what, and what came in its place", function()
    assert.matches("%(head: an object expected, got nothing%)", failure(pull_request, 200, {
      number = 5, state = "open", base = {} }).message)
    assert.matches("%(number: a whole number expected, got a text%)", failure(pull_request, 200, {
      number = "5", state = "open", head = { sha = "a" }, base = {} }).message)
    assert.matches("list of what was asked for %(a list expected%)", failure(pull_requests, 200, { a = 1 }).message)
  end)
end)

describe("an answer of Slack", function()
  it("that is a proxy's page is told as one, and not posted again", function()
    local err, seen = failure(post, 200, HTML, { ["Content-Type"] = "text/html" })
    assert.equal("slack.api", err.kind)
    assert.matches("^slack.chat.postMessage C1: answered 200 with something that is not JSON %(text/html",
      tostring(err))
    assert.equal(1, #seen)
  end)

  it("that lacks what is read from it says what", function()
    assert.matches("%(ts: a text expected, got nothing%)", failure(post, 200, { ok = true, channel = "C1" }).message)
  end)
end)

describe("a shape", function()
  it("names the first place, in one order always, where a value is not as it must be", function()
    local wanted = { id = "integer", name = "text?", owner = { login = "text" }, labels = shape.maybe(shape.list {
      name = "text" }), sha = "sha?", page = "url?" }
    local function problem(value) return shape.problem(value, wanted) end
    assert.is_nil(problem { id = 1, owner = { login = "x" }, more = {} })
    assert.is_nil(problem { id = 1, owner = { login = "x" }, labels = { { name = "a" } }, sha = "0aF",
      page = "http://h/x" })
    assert.equal("an object expected, got nothing", problem(nil))
    assert.equal("an object expected, got a list", problem { 1 })
    assert.equal("id: a whole number expected, got a number", problem { id = 1.5, owner = { login = "x" } })
    assert.equal("id: a whole number expected, got nothing", problem {})
    assert.equal("owner.login: a text expected, got a boolean", problem { id = 1, owner = { login = true } })
    assert.equal("labels[2].name: a text expected, got nothing",
      problem { id = 1, owner = { login = "x" }, labels = { { name = "a" }, {} } })
    assert.equal("labels: a list expected, got an object",
      problem { id = 1, owner = { login = "x" }, labels = { a = 1 } })
    assert.equal("sha: an id of a git object expected, got a text",
      problem { id = 1, owner = { login = "x" }, sha = "../x" })
    assert.equal("page: an http address expected, got a text",
      problem { id = 1, owner = { login = "x" }, page = "file:///etc/passwd" })
  end)
end)
