-- The client itself, over real sockets where the wire matters, and on a virtual clock where time does.
local clock = require "fairlead.clock"
local environment = require "fairlead.environment"
local fake = require "spec.support.fake_service"
local github = require "fairlead.github"
local json = require "fairlead.json"
local server = require "spec.support.server"
local task = require "fairlead.task"

local function client(base_url, options)
  options = options or {}
  options.repository = options.repository or "owner/name"
  options.token = options.token or "t0ken"
  options.base_url = base_url
  return github.client(options)
end

local function failure(fn, ...)
  local _, err = try(fn, ...)
  assert.is_not_nil(err, "no error was raised")
  return err
end

describe("github.client", function()
  it("sends the token, both media types and the version of the interface", function()
    local s <close> = server.start(function(exchange)
      exchange:reply(200, {}, '{"number":5,"merged_at":null}')
    end)
    local pull, response = client(s.url):get("pulls/5", { state = "all", labels = "a b" })
    assert.same({ number = 5 }, pull)
    assert.equal(200, response.status)
    local request <const> = s.requests[1]
    assert.equal("GET", request.method)
    assert.equal("/repos/owner/name/pulls/5?labels=a%20b&state=all", request.target)
    assert.equal("Bearer t0ken", request.headers.authorization)
    assert.equal("application/vnd.github+json, application/json;q=0.9", request.headers.accept)
    assert.equal("2022-11-28", request.headers["x-github-api-version"])
    assert.is_truthy(request.headers["user-agent"])
  end)

  it("sends bodies as JSON with each writing verb", function()
    local s <close> = server.start(function(exchange) exchange:reply(200, {}, "") end)
    local gh = client(s.url)
    for _, verb in ipairs { "post", "put", "patch" } do
      clock.simulate({}, gh[verb], gh, "/x", { a = json.array {} })
    end
    clock.simulate({}, gh.delete, gh, "/x")
    local seen = {}
    for i, request in ipairs(s.requests) do
      seen[i] = request.method .. " " .. request.body
    end
    assert.same({ 'POST {"a":[]}', 'PUT {"a":[]}', 'PATCH {"a":[]}', "DELETE " }, seen)
    assert.equal("application/json", s.requests[1].headers["content-type"])
    assert.is_nil(s.requests[4].headers["content-type"])
  end)

  it("takes GH_TOKEN before GITHUB_TOKEN, and GITHUB_API_URL", function()
    local s <close> = server.start(function(exchange) exchange:reply(200, {}, "{}") end)
    environment.with({ GH_TOKEN = "first", GITHUB_TOKEN = "second", GITHUB_API_URL = s.url .. "/github/" }, function()
      github.client { repository = "o/n" }:get "/user"
    end)
    environment.with({ GH_TOKEN = false, GITHUB_TOKEN = "second", GITHUB_API_URL = s.url }, function()
      github.client { repository = "o/n" }:get "/user"
    end)
    assert.equal("Bearer first", s.requests[1].headers.authorization)
    assert.equal("/github/user", s.requests[1].path)
    assert.equal("Bearer second", s.requests[2].headers.authorization)
  end)

  it("names the variables when there is no token", function()
    environment.with({ GH_TOKEN = false, GITHUB_TOKEN = false, GH_CONFIG_DIR = "/dev/null" }, function()
      local err <const> = failure(github.client, { repository = "o/n" })
      assert.equal("config.missing", err.kind)
      assert.matches("GH_TOKEN or GITHUB_TOKEN", tostring(err))
    end)
  end)

  it("refuses a token that no header can hold, without showing it", function()
    environment.with({ GH_TOKEN = "ghp_first\nghp_second" }, function()
      local err <const> = failure(github.client, { repository = "a/b" })
      assert.equal("config.invalid", err.kind)
      assert.equal("github.client GH_TOKEN: holds a line break or a space; set it to the token alone", tostring(err))
    end)
    assert.matches("token: non%-empty string or secret expected", tostring(failure(github.client, { token = "" })))
  end)

  it("refuses a repository or an address that is none", function()
    assert.error_matches(function() github.client { repository = "just-a-name", token = "t" } end,
      'repository: "owner/name" expected')
    assert.error_matches(function() github.client "owner/name" end, "table expected, got string")
    assert.equal("config.invalid", failure(github.client, { token = "t", base_url = "ftp://x" }).kind)
    assert.equal("config.invalid", failure(github.client, { token = "t", base_url = "http://u:p@x" }).kind)
  end)

  it("keeps the token out of errors", function()
    local s <close> = server.start(function(exchange) exchange:reply(401, {}, '{"message":"Bad credentials"}') end)
    local err <const> = failure(function() client(s.url, { token = "sesame-open" }):get "/user" end)
    assert.is_nil(require("fairlead.errors").describe(err):find("sesame", 1, true))
    assert.equal("github.api.not_authorised", err.kind)
    assert.matches("GH_TOKEN", tostring(err))
  end)

  it("says what was refused, on what, why, and what to do", function()
    local cases <const> = {
      { 403, {}, '{"message":"Resource not accessible by personal access token"}', "github.api.not_authorised",
        "Resource not accessible" },
      { 403, { ["X-Accepted-GitHub-Permissions"] = "checks=read" }, "{}", "github.api.not_authorised",
        "the token needs: checks=read" },
      { 404, {}, '{"message":"Not Found"}', "github.api.not_found", "may not see it" },
      { 409, {}, '{"message":"Conflict"}', "github.api.conflict", "Conflict" },
      { 422, {},
        '{"message":"Validation Failed","errors":[{"field":"head","code":"invalid"},{"message":"No commits"}]}',
        "github.api.invalid", "Validation Failed: head invalid; No commits" },
      { 405, {}, '{"message":"Method Not Allowed"}', "github.api", "Method Not Allowed" },
      { 418, {}, "short and stout", "github.api", "GitHub answered 418" },
    }
    local current
    local s <close> = server.start(function(exchange)
      local headers = current[2]
      headers["X-GitHub-Request-Id"] = "ABCD:1"
      exchange:reply(current[1], headers, current[3])
    end)
    for _, case in ipairs(cases) do
      current = case
      local err <const> = failure(function() client(s.url):get "pulls/5" end)
      assert.equal(case[4], err.kind)
      assert.equal(case[1], err.status)
      assert.equal("ABCD:1", err.request_id)
      assert.equal("/repos/owner/name/pulls/5", err.target)
      assert.matches(case[5], tostring(err), 1, true)
      assert.is_nil(tostring(err):find "\n")
    end
  end)

  it("says that an answer is not JSON", function()
    local s <close> = server.start(function(exchange)
      exchange:reply(200, { ["Content-Type"] = "text/html" }, "<html>Sign in to the hotel's network</html>")
    end)
    local err <const> = failure(function() client(s.url):get "/user" end)
    assert.equal("github.api", err.kind)
    assert.matches("/user", tostring(err), 1, true)
    assert.matches("not JSON (text/html, 43 bytes)", tostring(err), 1, true)
  end)

  it("repeats a GET after a cut connection and a 502, and a POST after neither", function()
    local step = 0
    local s <close> = server.start(function(exchange)
      step = step + 1
      if step == 1 then
        exchange:reset()
      elseif step == 2 then
        exchange:reply(502, {}, "")
      else
        exchange:reply(200, {}, '{"login":"adev"}')
      end
    end)
    local gh <const> = client(s.url)
    local user <const> = clock.scaled(100, gh.get, gh, "/user")
    assert.equal("adev", user.login)
    assert.equal(3, #s.requests)
    step = 0
    local err = failure(gh.post, gh, "/x", {})
    assert.is_true(err:is "http.reset" or err:is "http.truncated", err.kind)
    assert.equal(4, #s.requests)
    step = 1
    err = failure(gh.post, gh, "/x", {})
    assert.equal(502, err.status)
    assert.is_true(err.retryable)
    assert.equal(5, #s.requests)
  end)

  it("gives up after three repetitions, 1, 4 and 9 seconds apart", function()
    local seen <const>, err = fake.run(function() return 503, {} end, function()
      return failure(function() client("http://h"):get "/x" end)
    end)
    assert.equal(503, err.status)
    assert.equal(4, #seen)
    assert.near(1, seen[2].at - seen[1].at, 0.1)
    assert.near(4, seen[3].at - seen[2].at, 0.1)
    assert.near(9, seen[4].at - seen[3].at, 0.1)
  end)
end)

describe("github conditional requests", function()
  it("send the ETag of the last answer and serve 304 from memory", function()
    local s <close> = server.start(function(exchange)
      if exchange.headers["if-none-match"] == '"v1"' then
        exchange:reply(304, { ETag = '"v1"' })
      else
        exchange:reply(200, { ETag = '"v1"', Link = '<http://x/next>; rel="prev"' }, '{"state":"open"}')
      end
    end)
    local gh <const> = client(s.url)
    local first <const> = gh:get "pulls/5"
    first.state = "changed by the caller"
    local second, response = gh:get "pulls/5"
    assert.equal("open", second.state)
    assert.equal(200, response.status)
    assert.is_nil(s.requests[1].headers["if-none-match"])
    assert.equal('"v1"', s.requests[2].headers["if-none-match"])
    gh:get("pulls/5", { other = 1 })
    assert.is_nil(s.requests[3].headers["if-none-match"], "another query is another answer")
  end)
end)

describe("github.paginate", function()
  it("follows Link to the last page", function()
    local s
    s = server.start(function(exchange)
      local page = tonumber((exchange.query or ""):match "&page=(%d+)$" or 1)
      local link = page < 3 and ('<%s/repos/owner/name/pulls?per_page=100&page=%d>; rel="next", <%s/z>; rel="last"')
        :format(s.url, page + 1, s.url) or ""
      exchange:reply(200, { Link = link }, ("[%d,%d]"):format(page * 2 - 1, page * 2))
    end)
    local closing <close> = s -- luacheck: ignore closing
    local all = {}
    for item in client(s.url):paginate "pulls" do
      all[#all + 1] = item
    end
    assert.same({ 1, 2, 3, 4, 5, 6 }, all)
    assert.equal("per_page=100", s.requests[1].query)
  end)

  it("reads lists that stand in an object, empty ones too", function()
    local s <close> = server.start(function(exchange)
      exchange:reply(200, {}, exchange.path:find "none" and '{"total_count":0,"check_runs":[]}'
        or '{"total_count":2,"check_runs":[{"id":1},{"id":2}]}')
    end)
    local gh <const> = client(s.url)
    assert.equal(2, #gh:list "/some")
    assert.equal(0, #gh:list "/none")
  end)

  it("does not take the token to another host", function()
    local other <close> = server.start(function(exchange) exchange:reply(200, {}, "[3]") end)
    local s <close> = server.start(function(exchange)
      exchange:reply(200, { Link = ('<%s/steal>; rel="next"'):format(other.url) }, "[1]")
    end)
    local err <const> = failure(function() client(s.url):list "pulls" end)
    assert.equal("github.api", err.kind)
    assert.matches("another host", tostring(err))
    assert.equal(0, #other.requests)
  end)

  it("reads a hostile Link as fast as any", function()
    local began <const> = os.clock()
    local link <const> = ("<"):rep(100000)
    fake.run(function() return 200, {}, { Link = link } end, function() client("http://h"):list "pulls" end)
    assert.is_true(os.clock() - began < 2)
  end)

  it("ends with an error after so many pages", function()
    local s
    s = server.start(function(exchange)
      exchange:reply(200, { Link = ('<%s/for-ever>; rel="next"'):format(s.url) }, "[1]")
    end)
    local closing <close> = s -- luacheck: ignore closing
    local err <const> = failure(function() client(s.url):list("pulls", nil, { max_pages = 4 }) end)
    assert.matches("more than 4 pages", tostring(err))
    assert.equal(4, #s.requests)
  end)
end)

describe("github.graphql", function()
  it("gives data and raises errors, even beside data", function()
    local answer = '{"data":{"viewer":{"login":"adev"}}}'
    local s <close> = server.start(function(exchange) exchange:reply(200, {}, answer) end)
    local gh <const> = client(s.url .. "/api/v3")
    assert.same({ viewer = { login = "adev" } }, gh:graphql("query($n:Int){viewer{login}}", { n = 1 }))
    assert.equal("/api/graphql", s.requests[1].path)
    assert.same({ query = "query($n:Int){viewer{login}}", variables = { n = 1 } }, json.decode(s.requests[1].body))
    answer = '{"data":{"a":1},"errors":[{"type":"NOT_FOUND","message":"Could not resolve"},{"message":"b"}]}'
    local err <const> = failure(gh.graphql, gh, "{a}")
    assert.equal("github.api.not_found", err.kind)
    assert.equal("NOT_FOUND", err.code)
    assert.matches("Could not resolve %(and 1 more%)", tostring(err))
  end)
end)

describe("github limits", function()
  it("keep writes one at a time and a second apart, and let reads through", function()
    local running, most = 0, 0
    local seen <const> = fake.run(function(request)
      if request.method == "POST" then
        running = running + 1
        most = math.max(most, running)
        clock.sleep(0.5)
        running = running - 1
      end
      return 200, {}
    end, function()
      local gh <const> = client "http://h"
      local function write() gh:post("/w", {}) end
      local function read() gh:get "/r" end
      task.all { write, write, write, read, read }
    end)
    local writes, reads = {}, {}
    for _, request in ipairs(seen) do
      table.insert(request.method == "POST" and writes or reads, request.at)
    end
    assert.equal(1, most)
    assert.is_true(writes[2] - writes[1] >= 1.5 and writes[3] - writes[2] >= 1.5)
    assert.is_true(reads[2] < 0.1)
  end)

  it("wait for the reset of the primary limit and a second more, then send even a POST again", function()
    local seen <const> = fake.run(function(_, number)
      if number == 1 then
        return 403, { message = "API rate limit exceeded" }, { ["X-RateLimit-Remaining"] = 0,
          ["X-RateLimit-Limit"] = 5000, ["X-RateLimit-Reset"] = fake.START + 300 }
      end
      return 201, {}
    end, function() client("http://h"):post("/x", {}) end)
    assert.equal(2, #seen)
    assert.near(301, seen[2].at, 0.01)
  end)

  it("wait as long as Retry-After says, or a minute and then two, after a secondary limit", function()
    local seen <const> = fake.run(function(_, number)
      if number == 1 then
        return 429, { message = "slow down" }, { ["Retry-After"] = 7 }
      elseif number <= 3 then
        return 403, { message = "You have exceeded a secondary rate limit." }
      end
      return 200, {}
    end, function() client("http://h"):get "/x" end)
    assert.near(7, seen[2].at - seen[1].at, 0.1)
    assert.is_true(seen[3].at - seen[2].at >= 60)
    assert.is_true(seen[4].at - seen[3].at >= 120)
  end)

  it("say when GitHub asks for a silence without end", function()
    for _, headers in ipairs { { ["Retry-After"] = ("9"):rep(60) }, { ["Retry-After"] = "1e999" },
      { ["X-RateLimit-Remaining"] = "0", ["X-RateLimit-Reset"] = ("9"):rep(60) } } do
      local _, err = fake.run(function() return 429, {}, headers end, function()
        return failure(function() client("http://h"):get "/x" end)
      end)
      assert.equal("github.api.rate_limited", err.kind)
    end
  end)

  it("silence all requests of the client, not only the one that was refused", function()
    local seen <const> = fake.run(function(_, number)
      if number == 1 then
        return 429, {}, { ["Retry-After"] = 20 }
      end
      return 200, {}
    end, function()
      local gh <const> = client "http://h"
      task.all {
        function() gh:get "/a" end,
        function()
          clock.sleep(5)
          gh:get "/b"
        end,
      }
    end)
    assert.equal(3, #seen)
    assert.is_true(seen[2].at >= 20 and seen[3].at >= 20)
  end)

  it("end the call at once when the wait would pass its deadline", function()
    local seen <const>, err, at = fake.run(function()
      return 403, {}, { ["X-RateLimit-Remaining"] = 0, ["X-RateLimit-Reset"] = fake.START + 3000 }
    end, function()
      local e <const> = failure(function() client("http://h"):get("/x", nil, { timeout = 60 }) end)
      return e, clock.now() - fake.START
    end)
    assert.equal("github.api.rate_limited", err.kind)
    assert.is_true(err.retryable)
    assert.matches("another 3001 s", tostring(err))
    assert.equal(1, #seen)
    assert.is_true(at < 1)
  end)

  it("take a 403 without their marks for a missing permission", function()
    local seen <const>, err = fake.run(function()
      return 403, { message = "Must have admin rights" }, { ["X-RateLimit-Remaining"] = 4000 }
    end, function() return failure(function() client("http://h"):get "/x" end) end)
    assert.equal("github.api.not_authorised", err.kind)
    assert.equal(1, #seen)
  end)

  it("let the next writer in when one is cancelled while it waits", function()
    local seen <const> = fake.run(function() return 200, {} end, function()
      local gh <const> = client "http://h"
      gh:post("/first", {})
      try(task.timeout, 0.3, function() gh:post("/cancelled", {}) end)
      gh:post("/second", {})
    end)
    assert.equal(2, #seen)
    assert.equal("/second", seen[2].path)
  end)
end)
