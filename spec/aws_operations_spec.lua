-- What is known of AWS's operations, against botocore's models; and what is said about a call before it is sent.
local aws = require "fairlead.aws"
local fake = require "spec.support.fake_service"
local botocore = require "spec.support.botocore"
local json = require "fairlead.json"
local operations = require "fairlead.aws.operations"
local process = require "fairlead.process"
local services = require "fairlead.aws.services"

local function models(python, names)
  local done <const> = process.run { timeout = 120, python, "spec/support/aws_operations.py", "json",
    table.unpack(names) }
  assert.equal(0, done.code, done.stderr)
  return json.decode(done.stdout)
end

local function compare(service, name, theirs, faults)
  local ours <const> = operations.find(service, name)
  if not ours then
    faults[#faults + 1] = service .. "." .. name .. " is not known"
    return
  end
  for member, about in pairs(theirs.takes) do
    local own <const> = ours.by_name[member]
    if not own then
      faults[#faults + 1] = ("%s.%s lacks %s"):format(service, name, member)
    elseif own.kind ~= about.kind then
      faults[#faults + 1] = ("%s.%s: %s is a %s, not a %s"):format(service, name, member, about.kind, own.kind)
    end
  end
  local gives = {}
  for _, member in ipairs(ours.results) do gives[member.name] = true end
  for member in pairs(theirs.gives) do
    if not gives[member] then
      faults[#faults + 1] = ("%s.%s does not give %s"):format(service, name, member)
    end
  end
end

describe("AWS's operations", function()
  it("are those of botocore's models, with what they take and give", function()
    local names, compared = {}, 0
    for _, name in ipairs(services.names()) do
      names[#names + 1] = not services.list[name].rest and name or nil -- S3's are in aws_s3_wire_spec.lua
    end
    for _, python in ipairs(botocore.pythons()) do
      local faults = {}
      for service, theirs in pairs(models(python, names)) do
        for name, operation in pairs(theirs) do
          compare(service, name, operation, faults)
          compared = compared + 1
        end
      end
      table.sort(faults)
      assert.same({}, faults)
    end
    assert.is_true(compared > 400 or #botocore.pythons() == 0)
  end)

  it("are listed by name, sorted, each of which is known", function()
    local all = 0
    for _, service in ipairs(services.names()) do
      local names <const> = operations.names(service)
      for i, name in ipairs(names) do
        assert.is_true(i == 1 or names[i - 1] < name, name)
        assert.is_table(operations.find(service, name))
        all = all + 1
      end
    end
    assert.is_true(all > 700)
  end)

  it("tell what is required, of what kind, and which words", function()
    local run <const> = operations.find("ecs", "RunTask")
    assert.same({ name = "taskDefinition", kind = "string", required = true }, run.parameters[1])
    assert.same({ "TASK_DEFINITION", "SERVICE", "NONE" }, run.by_name.propagateTags.words)
    assert.equal("integer", run.by_name.count.kind)
    assert.equal("tasks", run.results[1].name)
    local put <const> = operations.find("s3", "PutObject")
    assert.same({ "Bucket", "Key" }, { put.parameters[1].name, put.parameters[2].name })
    assert.equal("blob", put.by_name.Body.kind)
    assert.equal("map", put.by_name.Metadata.kind)
    assert.equal(0, #operations.find("sts", "GetCallerIdentity").parameters)
    assert.is_nil(operations.find("ecs", "sort")) -- a parameter's words stand in the same text
    assert.is_nil(operations.find("cloudwatch", "StateValue"))
  end)
end)

local function client(service)
  return aws.session({ region = "eu-west-2", credentials = { access_key_id = "A", secret_access_key = "k" } })
    :client(service)
end

local function refusal(service, operation, parameters)
  local sent <const>, err = fake.run(function() return 200, {} end, function()
    local one <const> = client(service)
    return select(2, try(one[operation], one, parameters))
  end)
  assert.equal(0, #sent)
  return tostring(err)
end

describe("before anything is sent", function()
  it("a slip in an operation's name is reported", function()
    assert.truthy(refusal("ecs", "DescribeService", {}):find("ecs has no operation 'DescribeService'; did you mean "
      .. "'DescribeServices'?", 1, true))
    assert.truthy(refusal("sqs", "Sendmessage", {}):find("'SendMessage'", 1, true))
  end)

  it("an operation that is not known is, where answers need to be known", function()
    assert.truthy(refusal("sts", "GetCaller", {}):find("sts has no operation 'GetCaller'", 1, true))
    assert.truthy(refusal("elbv2", "DescribeTargets", {}):find("elbv2 has no operation 'DescribeTargets'", 1, true))
  end)

  it("a wrong parameter is reported, with the right one or all of them", function()
    assert.truthy(refusal("ecs", "DescribeServices", { service = {} }):find("ecs.DescribeServices has no parameter "
      .. "'service'; did you mean 'services'?", 1, true))
    assert.truthy(refusal("sqs", "GetQueueUrl", { Region = "x" }):find("it takes QueueName, QueueOwnerAWSAccountId", 1,
      true))
    assert.truthy(refusal("sts", "GetCallerIdentity", { Account = "x" }):find("it takes none", 1, true))
    assert.truthy(refusal("ecs", "ListClusters", { "web" }):find("takes its parameters by name, got [1]", 1, true))
  end)

  it("the error is of the script's line", function()
    local _, problem = pcall(function()
      local one <const> = client "ecs"
      one:DescribeServices { service = {} }
    end)
    assert.truthy(problem:find "^[^:]*spec/aws_operations_spec%.lua:%d+: ecs%.DescribeServices")
  end)
end)

describe("what AWS has added since", function()
  it("is sent: an operation with a name of its own, where the protocol is JSON", function()
    local sent <const> = fake.run(function() return 200, { done = true } end, function()
      return client "ecs":BrewCoffee { cups = 2 }
    end)
    assert.equal(1, #sent)
    assert.same({ cups = 2 }, sent[1].body)
  end)

  it("is sent, whatever it is called, when the script says that it is newer", function()
    local sent <const> = fake.run(function() return 200, {} end, function()
      client "ecs":DescribeService({ cups = 2 }, { newer = true })
      client "ecs":DescribeServices({ cups = 2 }, { newer = true })
    end)
    assert.equal(2, #sent)
  end)

  it("and what AWS does not know either, is refused with the nearest name", function()
    local _, err = fake.run(function() return 400, { __type = "UnknownOperationException" } end, function()
      return select(2, try(function() return client "ecs":DescribeAllServices {} end))
    end)
    assert.truthy(tostring(err):find("did you mean 'DescribeServices'?", 1, true), tostring(err))
  end)
end)
