-- What Fairlead's AWS client knows of the services, compared with AWS's newest models, as the boto3 among the peers has
-- them. (`./dev test` compares with Debian's, which are older.)
local json = require "fairlead.json"
local process = require "fairlead.process"
local results = require "spec.peers.support.results"
local servers = require "spec.peers.support.servers"
local services = require "fairlead.aws.services"

local function botocore(mode, input)
  local done <const> = process.run({ servers.PYTHON, "spec/support/botocore_wire.py", mode, stdin = json.encode(input),
    timeout = 120 }):check()
  return json.decode(done.stdout)
end

local function holds(list, item)
  for _, other in ipairs(list or {}) do
    if other == item then return true end
  end
  return false
end

local TYPES <const> = { integer = "integer", long = "integer", double = "number", float = "number",
  boolean = "boolean", timestamp = "time", list = "list", map = "map" }

describe("AWS's newest models", function()
  local names <const> = services.names()
  local column <const> = results.column { spec = "aws_models", group = "Models", peer = "botocore", it = it }
  local models

  setup(function() models = botocore("models", names) end)

  for i, name in ipairs(names) do
    column(name, function()
      local own <const>, model <const> = services.list[name], models[i]
      local metadata <const> = model.metadata
      assert.equal(own.host, model.endpoint)
      assert.equal(own.signing, model.signing)
      assert.equal(own.id, (model.service_id:upper():gsub(" ", "_")))
      if own.rest then return assert.equal("rest-xml", metadata.protocol) and nil end
      assert.is_true(holds(metadata.protocols, own.types and "query" or "json"))
      assert.equal(own.version, own.types and metadata.apiVersion or nil)
      assert.equal(own.target, not own.types and metadata.targetPrefix or nil)
      assert.equal(own.json, not own.types and metadata.jsonVersion or nil)
      assert.equal(metadata.awsQueryCompatible ~= nil, own.query_mode == true)
      for operation, member in pairs(model.tokens) do
        assert.equal(member, (own.tokens or {})[operation], operation)
      end
      local unsigned <const> = own.unsigned or {}
      for _, operation in ipairs(model.unsigned) do assert.is_true(unsigned[operation], operation) end
    end)
  end

  it("have no type of an XML answer that is not known", function()
    local queries <const> = { "elbv2", "sts" }
    local compared = 0
    for i, theirs in ipairs(botocore("types", queries)) do
      local types <const> = services.list[queries[i]].types
      for path, kinds in pairs(theirs) do
        assert.equal(TYPES[kinds[1]] or "string", types[path] or types[path:match "[^.]*$"] or "string", path)
        compared = compared + 1
      end
    end
    assert.is_true(compared > 100)
  end)
end)
