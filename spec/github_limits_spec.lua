-- GitHub's limits over a run's many waits, GraphQL's pages, and files of releases.
local clock = require "fairlead.clock"
local fake = require "spec.support.fake_service"
local github = require "fairlead.github"
local hosts = require "fairlead.github.host"
local support = require "spec.support.world"
local task = require "fairlead.task"

local function client(options)
  local all = { repository = "acme/lighthouse", token = "ghp_a-developers-token", base_url = "https://api.github.com" }
  for name, value in pairs(options or {}) do all[name] = value end
  return github.client(all)
end

local SECONDARY <const> = { message = "You have exceeded a secondary rate limit" }

describe("github's limits", function()
  it("cost nothing while nothing changes: polls are answered by 304s, which are not counted", function()
    support.visit({}, function(w)
      local gh <const> = client()
      gh:get "branches/main"
      local before <const> = w.github.requests
      local first, last
      local count <const> = #before
      for _ = 1, 50 do
        clock.sleep(10)
        local _, response = gh:get "branches/main"
        first = first or response.headers["x-ratelimit-used"]
        last = response.headers["x-ratelimit-used"]
      end
      assert.equal(first, last)
      local unchanged = 0
      for i = count + 1, #w.github.requests do
        if w.github.requests[i].status == 304 then unchanged = unchanged + 1 end
      end
      assert.equal(50, unchanged)
    end)
  end)

  it("let wait once for what was refused together, and longer each time that the wait did not help", function()
    local seen <const>, ended = fake.run(function(request)
      if request.at < 65 then return 403, SECONDARY, { ["Retry-After"] = 20 } end
      return 200, {}
    end, function()
      local gh <const> = client()
      local all = {}
      for i = 1, 8 do all[i] = function() gh:get("/" .. i) end end
      task.all(all)
      return clock.now() - fake.START
    end)
    -- 20 s, then 40 more, then 80 more: not 20 * 2^8.
    assert.is_true(ended > 140 and ended < 145, ended)
    assert.equal(8 * 4, #seen)
  end)

  it("that last for hours are asked about each quarter of an hour", function()
    local seen <const> = fake.run(function() return 403, SECONDARY end, function()
      local gh <const> = client()
      while clock.now() < fake.START + 7200 do
        try(gh.get, gh, "/x")
        clock.sleep(30)
      end
    end)
    assert.is_true(#seen >= 10 and #seen <= 12, #seen)
    assert.near(900, seen[#seen].at - seen[#seen - 1].at, 2)
  end)

  it("keep writes of several waits a second apart, and one at a time, over losses", function()
    local under_way, most = 0, 0
    local seen <const> = fake.run(function(_, number)
      under_way = under_way + 1
      most = math.max(most, under_way)
      clock.sleep(0.7)
      under_way = under_way - 1
      if number % 3 == 0 then fake.lose "http.reset" end
      return 200, {}
    end, function()
      local gh <const> = client()
      local all = {}
      for i = 1, 6 do all[i] = function() try(gh.post, gh, "/x" .. i, {}) end end
      task.all(all)
    end)
    assert.equal(6, #seen)
    assert.equal(1, most)
    for i = 2, #seen do assert.is_true(seen[i].at - seen[i - 1].at >= 1.7, i) end
  end)
end)

describe("github.graphql", function()
  local QUERY <const> = "query ($after: String) { repository { pulls(first: 2, after: $after) { nodes { number } "
    .. "pageInfo { hasNextPage endCursor } } } }"

  local function page(numbers, cursor)
    local nodes = {}
    for i, number in ipairs(numbers) do nodes[i] = { number = number } end
    return 200, { data = { repository = { pulls = { nodes = nodes,
      pageInfo = { hasNextPage = cursor ~= nil, endCursor = cursor } } } } }
  end

  local function numbers(gh, options)
    local list = {}
    for pull in gh:graphql_nodes(QUERY, { own = 1 }, "repository.pulls", options) do list[#list + 1] = pull.number end
    return list
  end

  it("follows a list's cursors to its end", function()
    local seen <const>, list = fake.run(function(request)
      if request.body.variables.after == nil then return page({ 1, 2 }, "a") end
      if request.body.variables.after == "a" then return page({}, "b") end
      return page { 3 }
    end, function() return numbers(client()) end)
    assert.same({ 1, 2, 3 }, list)
    assert.equal(3, #seen)
    assert.equal(1, seen[3].body.variables.own)
  end)

  it("ends where a cursor comes again, and with an error after so many pages", function()
    assert.equal(2, #fake.run(function() return page({ 1 }, "same") end, function() numbers(client()) end))
    local number = 0
    local _, err = fake.run(function()
      number = number + 1
      return page({ 1 }, "c" .. number)
    end, function() return (select(2, try(numbers, client(), { max_pages = 5 }))) end)
    assert.equal("has more than 5 pages", err.message)
  end)

  it("says when there is no such list, and what to ask for", function()
    local _, err = fake.run(function()
      return 200, { data = { repository = { pulls = { nodes = {} } } } }
    end, function() return (select(2, try(numbers, client()))) end)
    assert.matches("no list of nodes at repository.pulls %(pageInfo: an object expected, got nothing%); ask for `pulls",
      tostring(err))
  end)

  it("waits for the hour's limit, which it is told of with status 200, and sends even a mutation again", function()
    local seen <const>, data = fake.run(function(_, number)
      if number == 1 then
        return 200, { errors = { { type = "RATE_LIMITED", message = "API rate limit exceeded" } } },
          { ["x-ratelimit-reset"] = fake.START + 100, ["x-ratelimit-remaining"] = "0" }
      end
      return 200, { data = { ok = true } }
    end, function() return client():graphql "mutation { doIt }" end)
    assert.is_true(data.ok)
    assert.near(101, seen[2].at, 0.1)
    local _, err = fake.run(function()
      return 200, { errors = { { type = "RATE_LIMITED", message = "x" } } },
        { ["x-ratelimit-reset"] = fake.START + 5000 }
    end, function() return (select(2, try(function() client():graphql "query { x }" end))) end)
    assert.equal("github.api.rate_limited", err.kind)
  end)
end)

describe("github.upload_asset", function()
  local CONTENT <const> = "\0binary\255"

  local function asset(more)
    local all = { id = 7, name = "tool.tar.gz", size = #CONTENT, state = "uploaded",
      browser_download_url = "https://x/7" }
    for name, value in pairs(more or {}) do all[name] = value end
    return all
  end

  local function upload() return client():upload_asset { release = 5, name = "tool.tar.gz", content = CONTENT } end

  it("sends the bytes to the host that takes files, with the token", function()
    local seen <const>, got = fake.run(function() return 201, asset() end, upload)
    assert.equal("https://uploads.github.com/repos/acme/lighthouse/releases/5/assets?name=tool.tar.gz", seen[1].url)
    assert.equal("Bearer ghp_a-developers-token", seen[1].headers.authorization)
    assert.equal("application/octet-stream", seen[1].headers["content-type"])
    assert.equal(CONTENT, seen[1].text)
    assert.same({ id = 7, name = "tool.tar.gz", size = #CONTENT, state = "uploaded", url = "https://x/7" }, got)
    assert.equal("https://github.example/api/uploads", hosts.uploads "https://github.example/api/v3")
    assert.equal("https://uploads.octo.ghe.com", hosts.uploads "https://api.octo.ghe.com")
    assert.equal("http://127.0.0.1:80", hosts.uploads "http://127.0.0.1:80")
  end)

  it("looks whether the file is there when the answer was lost", function()
    local seen <const>, got = fake.run(function(request)
      if request.method == "GET" then return 200, { asset { id = 8 } } end
      fake.lose "http.reset"
    end, upload)
    assert.equal(2, #seen)
    assert.equal(8, got.id)
    assert.is_true(got.existing)
  end)

  it("takes away what a broken upload left, and sends again", function()
    local methods = {}
    fake.run(function(request, number)
      methods[number] = request.method
      if number == 1 then fake.lose "http.reset" end
      if request.method == "GET" then return 200, { asset { state = "starter", size = 0 } } end
      if request.method == "DELETE" then return 204 end
      return 201, asset()
    end, upload)
    assert.equal("POST GET DELETE POST", table.concat(methods, " "))
  end)

  it("sends again when what had the name was left by an upload of long ago", function()
    local methods = {}
    fake.run(function(request, number)
      methods[number] = request.method
      if number == 1 then
        return 422, { message = "Validation Failed", errors = { { field = "name", code = "already_exists" } } }
      end
      if request.method == "GET" then return 200, { asset { state = "starter", size = 0 } } end
      if request.method == "DELETE" then return 204 end
      return 201, asset()
    end, upload)
    assert.equal("POST GET DELETE POST", table.concat(methods, " "))
  end)

  it("refuses to take another file of the name for it", function()
    local _, err = fake.run(function(request)
      if request.method == "GET" then return 200, { asset { size = 1 } } end
      return 422, { message = "Validation Failed", errors = { { field = "name", code = "already_exists" } } }
    end, function() return (select(2, try(upload))) end)
    assert.equal("github.api.invalid", err.kind)
  end)
end)
