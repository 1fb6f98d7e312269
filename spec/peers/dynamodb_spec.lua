-- Fairlead's DynamoDB client against three stand-ins that others wrote, each behind the verifier of signatures.
local json = require "fairlead.json"
local keys = require "spec.peers.support.keys"
local results = require "spec.peers.support.results"
local servers = require "spec.peers.support.servers"
local task = require "fairlead.task"

local PEERS <const> = {
  { name = "moto", command = { servers.PYTHON, "-m", "moto.server", "-H", "127.0.0.1", "-p", "{port}" } },
  { name = "dynalite", command = { servers.NODE, servers.PLACE .. "/node_modules/.bin/dynalite", "--host", "127.0.0.1",
    "--port", "{port}", "--createTableMs", "0", "--deleteTableMs", "0" },
    lacks = { ["dynamodb.TransactWriteItems"] = true } },
  -- Its telemetry would speak to AWS.
  { name = "DynamoDB Local", command = { "java", "-Djava.library.path=" .. servers.PLACE .. "/dynamodb",
    "-cp", servers.PLACE .. "/dynamodb/*", "com.amazonaws.services.dynamodbv2.local.main.ServerRunner", "-inMemory",
    "-port", "{port}", "-disableTelemetry" } },
}

local RACERS <const> = 20

for _, peer in ipairs(PEERS) do
  describe(peer.name, function()
    local server, verifier

    setup(function()
      peer.command.name = peer.name
      server = servers.start(peer.command)
      verifier = servers.verified(server, keys.known)
    end)
    teardown(function()
      verifier:close()
      server:close()
    end)

    local column <const> = results.column { spec = "dynamodb", group = "AWS", it = it,
      peer = peer.name == "moto" and "moto, behind the verifier" or peer.name .. ", behind it" }
    local function asked(operation, body)
      if peer.lacks and peer.lacks[operation] then return end
      column(operation, function()
        return keys.session(verifier.url, function(session) return body(session:client "dynamodb") end)
      end)
    end

    asked("dynamodb.CreateTable", function(dynamodb)
      dynamodb:CreateTable { TableName = "locks", BillingMode = "PAY_PER_REQUEST",
        KeySchema = { { AttributeName = "environment", KeyType = "HASH" },
          { AttributeName = "at", KeyType = "RANGE" } },
        AttributeDefinitions = { { AttributeName = "environment", AttributeType = "S" },
          { AttributeName = "at", AttributeType = "N" } } }
      assert.equal("ACTIVE", dynamodb:DescribeTable({ TableName = "locks" }).Table.TableStatus)
    end)

    local function item(at, more)
      local fields = { environment = { S = "production é" }, at = { N = tostring(at) } }
      for name, value in pairs(more or {}) do fields[name] = value end
      return fields
    end

    asked("dynamodb.PutItem", function(dynamodb)
      local put <const> = { TableName = "locks", ConditionExpression = "attribute_not_exists(environment)",
        Item = item(0, { fence = { N = "9007199254740993" }, tags = { L = json.array {} }, held = { BOOL = true } }) }
      dynamodb:PutItem(put)
      local _, err <const> = try(dynamodb.PutItem, dynamodb, put)
      assert.equal("ConditionalCheckFailedException", err.code)
    end)

    asked("dynamodb.GetItem", function(dynamodb)
      local found <const> = dynamodb:GetItem { TableName = "locks", Key = item(0), ConsistentRead = true }
      assert.equal("9007199254740993", found.Item.fence.N)
      assert.equal(0, #found.Item.tags.L)
      assert.is_nil(dynamodb:GetItem({ TableName = "locks", Key = item(99) }).Item)
    end)

    asked("dynamodb.UpdateItem", function(dynamodb)
      local updated <const> = dynamodb:UpdateItem { TableName = "locks", Key = item(0),
        UpdateExpression = "SET fence = fence + :one", ConditionExpression = "#h = :true",
        ExpressionAttributeNames = { ["#h"] = "held" },
        ExpressionAttributeValues = { [":one"] = { N = "1" }, [":true"] = { BOOL = true } },
        ReturnValues = "UPDATED_NEW" }
      assert.equal("9007199254740994", updated.Attributes.fence.N)
    end)

    asked("dynamodb.PutItem, raced for", function(dynamodb)
      local racers = {}
      for i = 1, RACERS do racers[i] = i end
      local winners = 0
      task.map(racers, function(i)
        local won, err <const> = try(dynamodb.PutItem, dynamodb, { TableName = "locks",
          ConditionExpression = "attribute_not_exists(environment)", Item = item(1000, { by = { N = tostring(i) } }) })
        if won then winners = winners + 1 else assert.equal("ConditionalCheckFailedException", err.code) end
      end)
      assert.equal(1, winners)
    end)

    asked("dynamodb.Query", function(dynamodb)
      for at = 1, 5 do dynamodb:PutItem { TableName = "locks", Item = item(at) } end
      local found = {}
      for row in dynamodb:paginate("Query", { TableName = "locks", Limit = 2,
        KeyConditionExpression = "environment = :e AND #a BETWEEN :first AND :last",
        ExpressionAttributeNames = { ["#a"] = "at" }, ExpressionAttributeValues = { [":e"] = { S = "production é" },
          [":first"] = { N = "1" }, [":last"] = { N = "5" } } }, "Items") do
        found[#found + 1] = row.at.N
      end
      assert.same({ "1", "2", "3", "4", "5" }, found)
    end)

    asked("dynamodb.TransactWriteItems", function(dynamodb)
      local _, err <const> = try(dynamodb.TransactWriteItems, dynamodb, { TransactItems = {
        { Put = { TableName = "locks", Item = item(7) } },
        { Put = { TableName = "locks", Item = item(1), ConditionExpression = "attribute_not_exists(environment)" } },
      } })
      assert.equal("TransactionCanceledException", err.code)
      assert.is_nil(dynamodb:GetItem({ TableName = "locks", Key = item(7) }).Item)
    end)

    asked("dynamodb.DeleteItem", function(dynamodb)
      local gone <const> = dynamodb:DeleteItem { TableName = "locks", Key = item(1), ReturnValues = "ALL_OLD" }
      assert.equal("1", gone.Attributes.at.N)
      local _, err <const> = try(dynamodb.DeleteItem, dynamodb, { TableName = "none", Key = item(1) })
      assert.equal("aws.api.not_found ResourceNotFoundException", err.kind .. " " .. err.code)
    end)
  end)
end
