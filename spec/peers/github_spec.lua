-- GitHub's own OpenAPI description, by Prism: every kind of request that the procedures make, and of answer that the
-- simulated GitHub gives; and what Fairlead's client reads of GitHub's own examples.
local exchanges = require "spec.peers.support.exchanges"
local github = require "fairlead.github"
local http = require "fairlead.http"
local openapi = require "spec.peers.support.openapi"
local rehearsed = require "spec.peers.support.rehearsed"
local results = require "spec.peers.support.results"
local server = require "spec.support.server"
local servers = require "spec.peers.support.servers"

local function prism(...)
  local command = { name = "prism", servers.NODE, openapi.PRISM, ... }
  for _, argument in ipairs { "-p", "{port}", "-h", "127.0.0.1", "-v", "silent" } do
    command[#command + 1] = argument
  end
  return servers.start(command)
end

-- What Prism found: its header is cut off after some thousand characters, so it may be no JSON.
local function violations(response)
  local found = {}
  for where, message in (response.headers["sl-violations"] or ""):gmatch
    '"location":%[(.-)%],"severity":"Error","code":"[%w-]+","message":"(.-)"[},]' do
    found[#found + 1] = ("%s: %s"):format(where:gsub('"', ""):gsub(",", "."), message)
  end
  return found
end

-- What breaks GitHub's description, and is as GitHub does it.
local KNOWN <const> = {
  ["response.body.target_url: Response body property target_url must match format \\\"uri\\\""] = true,
  ["response.body.log_url: Response body property log_url must match format \\\"uri\\\""] = true,
}

local function why_known(line)
  return KNOWN[line] and "GitHub's own default for target_url and log_url is an empty text, which is no URI."
end

describe("GitHub's description", function()
  local kinds <const> = exchanges.kinds(rehearsed.exchanges "api.github.com")
  local current, upstream, proxy

  setup(function()
    upstream = server.start(function(exchange)
      local headers = {}
      for _, pair in ipairs(current.answer.headers) do
        if pair[1]:lower() ~= "content-length" then headers[pair[1]] = pair[2] end
      end
      exchange:reply(current.answer.status, headers, exchanges.complete(current.answer))
    end)
    proxy = prism("proxy", openapi.FILE, upstream.url)
  end)
  teardown(function()
    proxy:close()
    upstream:close()
  end)

  local function find(method, pattern)
    for _, kind in ipairs(kinds) do
      if kind.operation:find("^" .. method) and kind.operation:find(pattern) then return kind.list[1] end
    end
  end

  -- Sends a rehearsed request through Prism, which has it answered as it was in the rehearsal.
  local function send(exchange)
    current = exchange
    local request <const>, headers = exchange.request, {}
    for _, pair in ipairs(request.headers) do
      if not ({ host = true, ["content-length"] = true })[pair[1]:lower()] then headers[#headers + 1] = pair end
    end
    return http.request { method = request.method, url = proxy.url .. request.url:match "^https?://[^/]+(.*)$",
      headers = headers, body = request.body ~= "" and request.body or nil, retry = false, follow = false }
  end

  local column <const> = results.column { spec = "github", group = "GitHub",
    peer = "procedures' requests and simulated answers, by Prism", it = it }
  for _, kind in ipairs(kinds) do
    column(kind.operation, function()
      local unknown, notes, seen = {}, {}, {}
      for _, exchange in ipairs(kind.list) do
        local response <const> = send(exchange)
        local redirected <const> = exchange.answer.status == 302 and "Prism follows the redirect itself, and fails to."
        if redirected then
          notes[1] = redirected
        else
          assert.equal(exchange.answer.status, response.status) -- otherwise it is Prism's own
        end
        for _, line in ipairs(violations(response)) do
          local why <const> = why_known(line)
          local list <const> = why and notes or unknown
          if not seen[why or line] then list[#list + 1], seen[why or line] = why or line, true end
        end
      end
      assert.equal("", table.concat(unknown, "\n"))
      return notes
    end)
  end

  it("is what Prism looks at", function()
    local spoilt = { request = setmetatable({ body = '{"title":1}' }, { __index = find("POST", "/pulls$").request }),
      answer = { status = 201, headers = { { "content-type", "application/json" } }, body = '{"id":"x"}' } }
    local found <const> = table.concat(violations(send(spoilt)), "\n")
    assert.matches("request.body: Request body must have required property 'head'", found, 1, true)
    assert.matches("response.body.id: Response body property id must be integer", found, 1, true)
  end)
end)

describe("Fairlead's client, with GitHub's own examples for answers:", function()
  local mock, gh

  setup(function() mock = prism("mock", openapi.FILE) end)
  before_each(function() -- a new client has not written yet, and need not keep its distance
    gh = github.client { repository = "octocat/Hello-World", base_url = mock.url, token = "ghp_nobodys" }
  end)
  teardown(function() mock:close() end)

  local column <const> = results.column { spec = "github", group = "GitHub", it = it,
    peer = "Fairlead's client, GitHub's examples by Prism" }
  local SHA <const> = "6dcb09b5b57875f334f61aebed695e2e4193db5e"

  local function refused(kind, ...)
    local _, err <const> = try(gh.request, gh, ...)
    assert.equal(kind, err and err.kind)
  end
  local BY_CODE <const> = "Prefer"

  -- Lists in GitHub's examples have a next page, at GitHub's own address.
  local function of_next_page(err)
    assert.matches("leads to another host than " .. mock.url, tostring(err), 1, true)
    return "The next page of GitHub's example is at api.github.com, where the token of another address does not go."
  end

  column("POST /repos/{owner}/{repo}/pulls", function()
    assert.equal(1347, gh:post("/repos/octocat/Hello-World/pulls", { title = "t", head = "h", base = "main" }).number)
    refused("github.api.invalid", "POST", "/repos/octocat/Hello-World/pulls", nil, { title = "no head" })
  end)

  column("GET /repos/{owner}/{repo}/pulls/{pull_number}", function()
    local pull <const> = gh:pull_request { number = 1347 }
    assert.equal(1347, pull.number)
    assert.equal(SHA, pull.head.sha)
  end)

  column("GET /repos/{owner}/{repo}/commits/{ref}/check-runs", function()
    assert.equal("neutral", gh:get("commits/" .. SHA .. "/check-runs").check_runs[1].conclusion)
    local _, err <const> = try(gh.checks, gh, SHA)
    return of_next_page(err)
  end)

  column("GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews", function()
    assert.equal("APPROVED", gh:get("pulls/1347/reviews")[1].state)
    local _, err <const> = try(gh.reviews, gh, 1347)
    return of_next_page(err)
  end)

  column("PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge", function()
    assert.equal(SHA, gh:put("/repos/octocat/Hello-World/pulls/1/merge", { sha = SHA, merge_method = "squash" }).sha)
    refused("github.api.conflict", "PUT", "/repos/octocat/Hello-World/pulls/1/merge", nil, { sha = SHA },
      { headers = { [BY_CODE] = "code=409" } })
    refused("github.api.not_mergeable", "PUT", "/repos/octocat/Hello-World/pulls/1/merge", nil, { sha = SHA },
      { headers = { [BY_CODE] = "code=405" } })
    refused("github.api.invalid", "PUT", "/repos/octocat/Hello-World/pulls/1/merge", nil, { merge_method = "bad" })
  end)

  column("POST /repos/{owner}/{repo}/actions/workflows/{workflow_id}/dispatches", function()
    local path <const> = "/repos/octocat/Hello-World/actions/workflows/publish.yml/dispatches"
    assert.is_number(gh:post(path, { ref = "main", inputs = { environment = "staging" } }).workflow_run_id)
    refused("github.api.invalid", "POST", path, nil, {})
  end)

  column("GET /repos/{owner}/{repo}/actions/runs/{run_id}", function()
    assert.equal("queued", gh:workflow_run(30433642).status)
  end)

  column("GET /repos/{owner}/{repo}/actions/runs/{run_id}/pending_deployments", function()
    assert.equal("staging", gh:pending_deployments(30433642)[1].environment)
  end)

  column("POST /repos/{owner}/{repo}/actions/runs/{run_id}/pending_deployments", function()
    gh:post("/repos/octocat/Hello-World/actions/runs/30433642/pending_deployments",
      { environment_ids = { 161171787 }, state = "approved", comment = "fine" })
    refused("github.api.invalid", "POST", "/repos/octocat/Hello-World/actions/runs/30433642/pending_deployments", nil,
      { environment_ids = { "a" }, state = "approved", comment = "fine" })
  end)

  column("GET /repos/{owner}/{repo}/rules/branches/{branch}", function()
    assert.is_table(gh:branch_rules "main")
  end)

  column("GET /repos/{owner}/{repo}/compare/{base}...{head}", function()
    assert.equal("behind", gh:compare("main", "topic").status)
  end)

  it("is told of a route that is none", function()
    refused("github.api.not_found", "GET", "/repos/octocat/Hello-World/nonsense")
  end)
end)
