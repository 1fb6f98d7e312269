--- The calls of the service clients that read much of what they are answered, and what the simulated services answered.
local clock = require "fairlead.clock"
local github = require "fairlead.github"
local http = require "fairlead.http"
local process = require "fairlead.process"
local records = require "fairlead.github.records"
local slack = require "fairlead.slack"
local support = require "spec.support.world"

local M = {}

local CHANNEL <const> = "C01LIGHT"

---@class fuzz.Clients
---@field gh fairlead.github.Client
---@field root fairlead.github.Client of somebody who may review
---@field slack fairlead.slack.Client

---@return fuzz.Clients
function M.clients()
  local function client(token)
    return github.client { repository = "acme/lighthouse", token = token, base_url = "https://api.github.com",
      timeout = 300 }
  end
  return { gh = client "ghp_a-developers-token", root = client "ghp_roots-token",
    slack = slack.client { token = "xoxb-a-bots-token", base_url = "https://slack.com/api" } }
end

local function book(gh) return records.open { client = gh, prefix = "refs/fairlead/x" } end

---In the order in which they are made when they are recorded; `memory` keeps what later ones need.
---@type { name: string, run: async fun(clients: fuzz.Clients, memory: table): any }[]
M.list = {}

local function add(name, run) M.list[#M.list + 1] = { name = name, run = run } end

add("default_branch", function(c) return c.gh:default_branch() end)
add("open_pull_request", function(c) return c.gh:open_pull_request { title = "t", head = "light-it", body = "b" } end)
add("pull_request", function(c, memory)
  local pull = c.gh:pull_request { head = "light-it" }
  memory.sha, memory.number = memory.sha or pull.head.sha, memory.number or pull.number
  return pull
end)
add("pull_request_by_number", function(c, memory) return c.gh:pull_request { number = memory.number, wait = 5 } end)
add("branch_rules", function(c) return c.gh:branch_rules "main" end)
add("permission", function(c) return c.gh:permission "bob" end)
add("viewer", function(c) return c.gh:viewer() end)
add("checks", function(c, memory) return c.gh:checks(memory.sha) end)
add("reviews", function(c, memory) return c.gh:reviews(memory.number) end)
add("workflow_runs", function(c) return c.gh:workflow_runs { workflow = "test.yml" } end)
add("dispatch", function(c, memory)
  local run = c.gh:dispatch { workflow = "publish.yml", ref = "main", inputs = { environment = "production" } }
  memory.run = memory.run or run.id
  return run
end)
add("find_dispatched", function(c)
  return c.gh:find_dispatched { workflow = "publish.yml", ref = "main", since = 1772442000 }
end)
add("workflow_run", function(c, memory) return c.gh:workflow_run(memory.run) end)
add("jobs", function(c, memory)
  local jobs = c.gh:jobs(memory.run)
  memory.job = memory.job or jobs[1].id
  return jobs
end)
add("job_log", function(c, memory) return c.gh:job_log(memory.job) end)
add("pending_deployments", function(c, memory) return c.gh:pending_deployments(memory.run) end)
add("review_deployments", function(c, memory)
  return c.root:review_deployments { run = memory.run, environments = { "production" }, state = "approved" }
end)
add("compare", function(c, memory) return c.gh:compare("main", memory.sha) end)
add("pulls_of", function(c, memory) return c.gh:pulls_of(memory.sha) end)
add("create_deployment", function(c, memory)
  local made = c.gh:create_deployment { environment = "staging", sha = memory.sha }
  memory.deployment = memory.deployment or made.id
  return made
end)
add("deployments", function(c) return c.gh:deployments { environment = "staging" } end)
add("set_deployment_state", function(c, memory)
  return c.gh:set_deployment_state(memory.deployment, "success")
end)
add("deployment_states", function(c, memory) return c.gh:deployment_states(memory.deployment) end)
add("records.write", function(c) return book(c.gh):write("a", { b = 1 }) end)
add("records.read", function(c) return book(c.gh):read "a" end)
add("records.names", function(c) return book(c.gh):names() end)
add("records.history", function(c) return book(c.gh):history "a" end)
add("records.update", function(c) return book(c.gh):update("a", function() return { b = 2 } end) end)
add("approve", function(c, memory)
  return c.root:post(("pulls/%d/reviews"):format(memory.number), { event = "APPROVE" })
end)
add("merge", function(c, memory) return c.gh:merge { number = memory.number, sha = memory.sha } end)
add("list", function(c) return c.gh:list("pulls", { state = "all" }) end)
add("graphql", function(c) return c.gh:graphql "query { viewer { login } }" end)

add("post", function(c, memory)
  local posted = c.slack:post { channel = CHANNEL, text = "hello" }
  memory.ts = memory.ts or posted.ts
  return posted
end)
add("update", function(c, memory) return c.slack:update { channel = CHANNEL, ts = memory.ts, text = "x" } end)
add("history", function(c) return c.slack:history { channel = CHANNEL } end)
add("replies", function(c, memory) return c.slack:replies { channel = CHANNEL, ts = memory.ts } end)
add("reactions", function(c, memory) return c.slack:reactions { channel = CHANNEL, ts = memory.ts } end)
add("find", function(c) return c.slack:find { channel = CHANNEL, payload = { a = 1 } } end)
add("channel", function(c) return c.slack:channel "lighthouse" end)
add("user", function(c) return c.slack:user "ada" end)
add("user_by_address", function(c) return c.slack:user "ada@example.com" end)
add("user_by_id", function(c) return c.slack:user "U01ADA" end)
add("group_members", function(c) return c.slack:group_members "admins" end)
add("upload", function(c) return c.slack:upload { channel = CHANNEL, filename = "x.txt", content = "abc" } end)
add("auth.test", function(c) return c.slack:call "auth.test" end)

---Makes all calls once, in a world of their own.
---@async
---@return { answers: table<string, http.Raw[]>, memory: table }
function M.record()
  local recorded = { answers = {}, memory = {} }
  support.visit({}, function(w)
    process.run({ "git", "-C", w:open().work, "push", "-q", "origin", "light-it" }):check()
    local ask = w:transport()
    for _, call in ipairs(M.list) do
      local list = {}
      recorded.answers[call.name] = list
      clock.sleep(60)
      local _, err = try(http.with_transport, function(order)
        local raw = ask(order)
        list[#list + 1] = raw
        return raw
      end, call.run, M.clients(), recorded.memory)
      if #list == 0 then error(("%s was not answered: %s"):format(call.name, tostring(err)), 0) end
      call.failed = err and tostring(err)
    end
  end)
  return recorded
end

return M
