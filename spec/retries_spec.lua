-- What calls cost where services fail, and that nothing which counts twice is done twice (bench/retries.lua prints it).
local adversity = require "spec.support.adversity"

-- Requests and seconds until the error, with the longest pauses that chance may give.
local EXPECTED <const> = {
  ["http.get: 503"] = { 3, 1.65 }, ["http.post: 503"] = { 1, 0.05 }, ["http.get: 429, Retry-After 10"] = { 3, 20.15 },
  ["aws DescribeServices: 503"] = { 3, 0.3 }, -- 0.05 + 0.1
  ["aws DescribeServices, before 2026: 503"] = { 3, 3.15 }, -- 1 + 2
  ["aws DescribeServices, legacy: 503"] = { 5, 15.25 }, -- 1 + 2 + 4 + 8
  ["aws DescribeServices, adaptive: 503"] = { 3, 0.3 },
  ["aws DescribeServices, AWS_MAX_ATTEMPTS=10: 503"] = { 10, 26.05 },
  ["aws DescribeServices: 503, x-amz-retry-after 3000"] = { 3, 6.15 },
  ["aws ListTables (DynamoDB): 503"] = { 4, 0.375 },
  ["aws UpdateService: 503"] = { 1, 0.05 }, -- may have been carried out
  ["aws UpdateService: throttled"] = { 3, 3.15 },
  ["aws UpdateService, before 2026: throttled"] = { 3, 3.15 },
  ["aws UpdateService, legacy: throttled"] = { 5, 15.25 },
  ["aws UpdateService, adaptive: throttled"] = { 3, 4.15 },
  ["github GET: 503"] = { 4, 14.2 }, -- 1 + 4 + 9
  ["github POST comment: 503"] = { 1, 0.05 },
  ["github GET: 429, Retry-After 10"] = { 7, 630.35 }, -- 10 + 20 + … + 320; 640 more are beyond its 900
  ["github POST comment: 429, Retry-After 10"] = { 7, 630.35 },
  ["github GET: 403, secondary limit, no word how long"] = { 4, 420.2 }, -- 60 + 120 + 240
  ["github GET: 403, primary limit, reset in 20 min"] = { 1, 0.05 },
  ["slack history: 503"] = { 4, 14.2 },
  ["slack post: 503"] = { 5, 15.25 }, -- the message, and a look whether it is there, which is tried four times
  ["slack history: 429, Retry-After 10"] = { 28, 298.4 },
  ["slack post: 429, Retry-After 10"] = { 28, 298.4 },
}

describe("a call to a service that always fails", function()
  for _, case in ipairs(adversity.hopeless) do
    local name = case[1] .. ": " .. case[2]
    it("ends as it should: " .. name, function()
      local cost, expected = adversity.cost(case), EXPECTED[name]
      assert.equal(expected[1], cost.requests)
      assert.near(expected[2], cost.seconds, 0.01)
    end)
  end
end)

describe("calls to services that lose three requests or answers in ten", function()
  it("do nothing twice that counts twice, and come through where they can tell what was done", function()
    local through = { ["github create_deployment"] = true, ["github dispatch"] = true, ["slack post"] = true,
      ["github GET"] = true }
    for seed = 1, 3 do
      for _, row in ipairs(adversity.losses(seed, 0.3)) do
        local about = ("%s, seed %d"):format(row.name, seed)
        assert.is_true(row.name == "http PUT" or row.twice == 0, about .. ": " .. row.twice .. " done twice")
        assert.is_true(row.effects == 0 or row.effects >= row.done, about .. ": successes that were none")
        assert.is_true(row.requests <= 6 * row.calls, about .. ": " .. row.requests .. " requests")
        if through[row.name] then assert.is_true(row.done >= row.calls * 0.95, about .. ": " .. row.done) end
      end
    end
  end)
end)
