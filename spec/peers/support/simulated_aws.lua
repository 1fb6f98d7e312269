--- moto, a simulated AWS that others wrote, behind the verifier of signatures; and specs that ask it.
local assert = require "luassert"
local keys = require "spec.peers.support.keys"
local others = require "spec.peers.support.others"
local results = require "spec.peers.support.results"
local servers = require "spec.peers.support.servers"

local M = {}

---Declares the servers of a spec file, and gives what declares its specs.
---@param spec string the file's name, without _spec.lua
---@param busted {it: function, setup: function, teardown: function}
---@return {asked: fun(operation: string, body: async fun(session: fairlead.aws.Session): ...), url: fun(): string}
function M.of(spec, busted)
  local moto, verifier
  busted.setup(function()
    moto = servers.start { name = "moto", servers.PYTHON, "-m", "moto.server", "-H", "127.0.0.1", "-p", "{port}" }
    verifier = servers.verified(moto, keys.known)
  end)
  busted.teardown(function()
    verifier:close()
    moto:close()
  end)
  local column <const> = results.column { spec = spec, group = "AWS", peer = "moto, behind the verifier",
    it = busted.it }
  local function asked(operation, body)
    column(operation, function() return keys.session(verifier.url, body) end)
  end
  return {
    asked = asked,
    ---An operation that moto does not have: all that can be told is that the signature was found right.
    lacking = function(operation, parameters)
      asked(operation, function(session)
        local service <const>, name <const> = operation:match "^(%w+)%.(%w+)$"
        local _, err <const> = try(session:client(service).call, session:client(service), name, parameters)
        assert.is_true(err:is "aws.api")
        assert.not_equal("aws.api.not_authorised", err.kind, tostring(err))
        return "moto has no such operation; the signature was found right."
      end)
    end,
    ---What Fairlead has no client for, boto3 makes.
    made = function(service, operation, parameters)
      local boto3 <close> = others.start("boto3", verifier.url)
      return boto3:call(service, operation, parameters)
    end,
    url = function() return verifier.url end,
  }
end

return M
