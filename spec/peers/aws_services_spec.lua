-- Fairlead's AWS clients against moto, behind the verifier of signatures.
local aws = require "fairlead.aws"
local keys = require "spec.peers.support.keys"
local results = require "spec.peers.support.results"
local servers = require "spec.peers.support.servers"

local column <const> = results.column { spec = "aws_services", group = "AWS", peer = "moto", it = it }

describe("moto", function()
  local moto, verifier

  setup(function()
    moto = servers.start { name = "moto", servers.PLACE .. "/venv/bin/moto_server", "-H", "127.0.0.1", "-p", "{port}" }
    verifier = servers.verified(moto, keys.known)
  end)

  teardown(function()
    verifier:close()
    moto:close()
  end)

  local function asked(operation, fn)
    column(operation, function() return keys.session(verifier.url, fn) end)
  end

  asked("sts.GetCallerIdentity", function(session)
    local who <const> = session:client("sts"):GetCallerIdentity()
    assert.equal("123456789012", who.Account)
  end)

  asked("ecs.DescribeServices", function(session)
    local ecs <const> = session:client "ecs"
    ecs:CreateCluster { clusterName = "web" }
    local described <const> = ecs:DescribeServices { cluster = "web", services = { "site" } }
    assert.equal("MISSING", described.failures[1].reason)
  end)

  it("is not reached with a wrong secret", function()
    local session <const> = aws.session { region = keys.region, credentials = { access_key_id = keys.id,
      secret_access_key = "wrong" } }
    for service, operation in pairs { ecs = "ListClusters", sts = "GetCallerIdentity" } do
      local client <const> = session:client(service, { endpoint = verifier.url })
      local _, err <const> = try(client[operation], client, {})
      assert.equal("aws.api.not_authorised", err.kind)
    end
  end)
end)
