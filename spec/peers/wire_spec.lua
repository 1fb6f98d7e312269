-- What goes over the wire: each call by Fairlead, by AWS's SDK for JavaScript and by boto3 to one server that records.
local Client = require "fairlead.aws.client"
local calls = require "spec.peers.support.calls"
local compare = require "spec.peers.support.compare"
local json = require "fairlead.json"
local keys = require "spec.peers.support.keys"
local others = require "spec.peers.support.others"
local process = require "fairlead.process"
local recorder = require "spec.peers.support.recorder"
local results = require "spec.peers.support.results"
local servers = require "spec.peers.support.servers"

-- As modules/doctor/simulation.lua has it.
local IAM <const> = { host = "iam", signing = "iam", version = "2010-05-08", id = "IAM", types = {} }

local CHECKSUM <const> = "The SDKs send a CRC-32 of the body, Fairlead signs its SHA-256 (and sends its MD5 where S3 "
  .. "wants a checksum): S3 compares either."

-- Differences that are known, and why they do not matter. The first that fits tells.
---@type {what: string, service: string?, when: (fun(difference: table, call: table): boolean)?, why: string}[]
local KNOWN <const> = {
  { what = "x-amz-content-sha256", service = "s3",
    why = "The same XML, written in another way: its hash is another." },
  { what = "query", service = "s3", when = function(difference)
    return difference.theirs:gsub(',?"x%-id=%w+"', "") == difference.ours:gsub("^{}$", "[]")
  end, why = "The SDK for JavaScript repeats the operation's name in S3's query (x-id), which S3 ignores." },
  { what = "query", service = "s3", when = function(difference)
    return difference.ours:gsub('"encoding%-type=url",', "") == difference.theirs
  end, why = "Fairlead and boto3 have S3 list keys in URL encoding, so that XML can hold any of them; the SDK for "
    .. "JavaScript does not." },
  { what = "path", service = "s3", when = function(difference) return difference.ours .. "/" == difference.theirs end,
    why = "The SDK for JavaScript ends a bucket's path with a slash; for S3 it is the same." },
  { what = "x-amz-checksum-mode", service = "s3",
    why = "The SDKs have S3 tell an object's checksum, and compare it; Fairlead leaves that to TLS." },
  { what = "x-amz-checksum-crc32", service = "s3", why = CHECKSUM },
  { what = "x-amz-sdk-checksum-algorithm", service = "s3", why = CHECKSUM },
  { what = "content-md5", service = "s3", why = CHECKSUM },
  { what = "content-type", service = "s3", when = function(difference)
    return difference.ours == "application/xml" and difference.theirs == "nothing"
  end, why = "boto3 does not call S3's XML XML; the SDK for JavaScript and Fairlead do." },
  { what = "content-type", service = "s3", when = function(difference, call)
    return call[2] == "UploadPart" and difference.theirs == "application/octet-stream"
  end, why = "The SDK for JavaScript gives a part a type, too; S3 takes the object's from CreateMultipartUpload." },
}

local function why_known(difference, call)
  for _, known in ipairs(KNOWN) do
    if known.what == difference.what and (known.service or call[1]) == call[1]
      and (not known.when or known.when(difference, call)) then
      return known.why
    end
  end
end

--- All requests of a client that makes the calls one after the other.
local function recorded(all, make)
  local server <close> = recorder.start()
  local said <const> = make(server.url)
  assert.equal(#all, #server.requests, json.encode(said or {}))
  local list = {}
  for i, exchange in ipairs(server.requests) do list[i] = recorder.describe(exchange) end
  return list
end

local function by_fairlead(all)
  return recorded(all, function(url)
    keys.session(url, function(session)
      for _, call in ipairs(all) do
        local client <const> = call[1] == "iam" and Client.new(session, "iam", IAM, { endpoint = url })
          or session:client(call[1])
        client[call[2]](client, calls.plain(call[3]))
      end
    end)
  end)
end

local function by_javascript(all)
  return recorded(all, function(url)
    return servers.ask({ servers.NODE, "spec/peers/software/aws_sdk_calls.mjs", env = keys.variables(url) },
      { endpoint = url, calls = calls.as_input(all) })
  end)
end

local function by_boto3(all)
  return recorded(all, function(url)
    local boto3 <close>, said = others.start("boto3", url), {}
    for i, call in ipairs(all) do said[i] = boto3:ask(call[1], call[2], call[3]) end
    return said
  end)
end

local ALL <const> = table.move(calls.more, 1, #calls.more, #calls.made + 1,
  table.move(calls.made, 1, #calls.made, 1, {}))
local SDKS <const> = { { peer = "@aws-sdk/client-*", requests = by_javascript },
  { peer = "boto3", requests = by_boto3 } }

describe("on the wire a call is the same as", function()
  local ours
  setup(function() ours = by_fairlead(ALL) end)

  for _, sdk in ipairs(SDKS) do
    describe(sdk.peer .. "'s:", function()
      local theirs
      setup(function() theirs = sdk.requests(ALL) end)
      local column <const> = results.column { spec = "wire", group = "Wire", peer = sdk.peer, it = it }
      for i, call in ipairs(ALL) do
        column(calls.name(call), function()
          local notes, unknown, seen = {}, {}, {}
          for _, difference in ipairs(compare.differences(ours[i], theirs[i])) do
            local why <const> = why_known(difference, call)
            local list <const> = why and notes or unknown
            local line <const> = why
              or ("%s: %s, theirs %s"):format(difference.what, difference.ours, difference.theirs)
            if not seen[line] then list[#list + 1], seen[line] = line, true end
          end
          assert.equal("", table.concat(unknown, "\n"))
          return notes
        end)
      end
    end)
  end
end)

describe("the calls that are compared", function()
  local VERBS <const> = "^(%u%l+)%u"
  local KINDS <const> = {}
  for verb in ([[Abort Assume Batch Change Complete Continue Create Delete Describe Get Head List Put Receive Register
    Send Simulate Start Stop Update Upload]]):gmatch "%a+" do
    KINDS[verb] = true
  end
  -- What is written like a call of AWS, and is none.
  local OTHERS <const> = { GetRoleCredentials = "single sign-on", AssumeRoleWithSAML = "in a list" }

  it("are all that the procedures and the modules make", function()
    local known = {}
    for _, call in ipairs(ALL) do known[call[2]] = true end
    local found <const> = process.run({ "find", "scripts", "modules", "-name", "*.lua",
      "-not", "-path", "modules/world/*", "-not", "-path", "modules/check/*", "-not", "-path", "modules/permissions/*",
      "-not", "-path", "modules/aws/operations/*" }):check().stdout
    local seen = {}
    for path in found:gmatch "[^\n]+" do
      local text = assert(io.open(path)):read("a"):gsub("%-%-[^\n]*", "")
      for _, pattern in ipairs { "[:.](%u%l+%u%w+)%s*[,({]", 'paginate%(%s*"(%u%w+)"', 'call[(,][%w_., ]*"(%u%w+)"' } do
        for name in text:gmatch(pattern) do
          if KINDS[name:match(VERBS)] and not OTHERS[name] then
            seen[name] = true
            assert.is_true(known[name], ("%s in %s"):format(name, path))
          end
        end
      end
    end
    assert.is_true(seen.DescribeServices and seen.ListTasks and seen.StopDeployment and seen.SimulatePrincipalPolicy)
  end)
end)
