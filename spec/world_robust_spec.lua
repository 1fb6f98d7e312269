-- Whatever is sent to the simulated services, they answer: a served world faces any client.
local clock = require "fairlead.clock"
local http = require "fairlead.http"
local json = require "fairlead.json"
local message = require "fairlead.world.message"
local procedure = require "fairlead.procedure"
local process = require "fairlead.process"
local support = require "spec.support.world"
local world = require "fairlead.world"

local ODD <const> = {
  json.null, true, 0, -1, 1.5, 1 << 62, "", "x", "main", "light-it", "no such thing", ("y"):rep(3000), "a/../b", "%00",
  json.array {}, json.array { 1 }, json.array { "x", json.null }, { a = 1 }, json.array { { id = 1 } },
}

--- Every field name that some route reads.
local FIELDS <const> = {
  "title", "head", "base", "body", "draft", "state", "sha", "merge_method", "commit_title", "event", "commit_id",
  "comments", "reviewers", "team_reviewers", "ref", "inputs", "return_run_details", "environment_ids", "comment",
  "context", "description", "target_url", "query", "channel", "text", "blocks", "metadata", "thread_ts", "ts", "name",
  "timestamp", "user", "email", "usergroup", "filename", "length", "files", "channel_id", "limit", "cursor", "oldest",
  "latest", "types", "message_ts", "attachments", "reply_broadcast", "include_all_metadata", "message", "tree",
  "base_tree", "parents", "author", "content", "encoding", "force", "labels", "assignees", "required_contexts",
  "auto_merge", "environment", "payload", "log_url", "include_users",
}

--- Good values for fields, so that the odd one is reached.
local GOOD <const> = {
  title = "T", head = "light-it", base = "main", state = "success", event = "COMMENT", body = "b", ref = "main",
  inputs = { environment = "development" }, comment = "c", channel = "C01LIGHT", text = "t", name = "eyes",
  user = "U01ADA", email = "ada@example.com", usergroup = "S01", filename = "f", length = 3, context = "c",
  message = "m", content = "c", required_contexts = json.array {},
}

local function bodies()
  local list = { "", "{}", "null", "[]", "7", '"x"', "{", json.encode(GOOD) }
  for _, field in ipairs(FIELDS) do
    for i = 1, #ODD, 5 do
      local body = {}
      for name, value in pairs(GOOD) do
        body[name] = value
      end
      body[field] = ODD[(i + #field) % #ODD + 1]
      list[#list + 1] = json.encode(body)
    end
  end
  return list
end

--- Sends to every address; gives what did not answer.
local function bombard(w, addresses, headers)
  local fallen = {}
  for _, address in ipairs(addresses) do
    for _, body in ipairs(address.method == "GET" and { "" } or bodies()) do
      local ok, answer = pcall(w.handle, w, message.parse {
        method = address.method,
        url = address.url,
        headers = headers,
        body = body,
      })
      if not ok then
        fallen[#fallen + 1] = ("%s %s %s: %s"):format(address.method, address.url, body:sub(1, 200), tostring(answer))
      elseif answer.status >= 500 then
        fallen[#fallen + 1] = ("%s %s %s: %d"):format(address.method, address.url, body:sub(1, 200), answer.status)
      end
    end
  end
  return fallen
end

describe("the simulated services", function()
  it("answer any body and any variable on each of GitHub's routes", function()
    local any = 1 << 40
    local w = world.new { fixture = support.fixture { github = {
      rate_limit = any, secondary_limits = { points = any, writes_a_minute = any, writes_an_hour = any },
    } } }
    clock.simulate({ start = w.now }, function()
      local closing <close> = w -- luacheck: ignore closing
      process.run({ "git", "push", "-q", "origin", "light-it", cwd = w:open().work }):check()
      w:settle()
      w.github.pulls:open { title = "T", head = "light-it", base = "main", by = "ada" }
      clock.sleep(30)
      w:settle()
      local values = {
        number = { "412", "413", "x", "1e3", "99999999999999999999" }, run = { w.github.actions.runs[1].id, "1", "x" },
        job = { w.github.actions.runs[1].jobs[1].id, "0", "-" }, ref = { "main", "heads/main", "zzzz", "%ff%00" },
        branch = { "main", "light-it", "a%2Fb" }, sha = { w.folder.repository.branches.main, "0" },
        range = { "main...light-it", "main...", "...", "x" }, path = { "README.md", "../../etc/passwd", "a%0Ab" },
        workflow = { "publish.yml", "0", "%25" }, environment = { "production", "x" }, login = { "ada", "%5B" },
        suite = { "1", "x" }, tree = { "main", "0", "%00" }, deployment = { "1", "x" }, comment = { "1", "x" },
        org = { "acme", "x" }, slug = { "keepers", "x" },
      }
      GOOD.sha = w.folder.repository.branches.main
      GOOD.tree = w.folder.repository.commits[GOOD.sha].tree
      local addresses = {}
      for _, routes in pairs(w.github.router.routes) do
        for _, route in ipairs(routes) do
          local method, path = route.verb:match "^(%u+) (.+)$"
          path = path:gsub("{owner}", "acme"):gsub("{repo}", "lighthouse")
          local name = path:match "{(%w+)%+?}"
          for _, value in ipairs(name and values[name] or { "" }) do
            local filled = path:gsub("{%w+%+?}", (tostring(value):gsub("%%", "%%%%")))
            for _, query in ipairs { "", "?per_page=x&page=-1&state=odd&created=..&head=:&sha=%ff" } do
              addresses[#addresses + 1] = { method = method, url = "https://api.github.com" .. filled .. query }
            end
          end
        end
      end
      assert.is_true(#addresses > 150)
      assert.same({}, bombard(w, addresses, {
        { "user-agent", "spec" }, { "authorization", "Bearer ghp_a-developers-token" },
      }))
    end)
  end)

  it("show commits and files in any encoding", function()
    support.visit({}, function(w, call)
      local work = w:open().work
      local file = assert(io.open(work .. "/caf\xe9.txt", "w"))
      file:write("x\n")
      file:close()
      process.run({ "git", "add", ".", cwd = work }):check()
      local commit_it = { "git", "-c", "i18n.commitEncoding=x-unknown", "commit", "-q", "-m", "caf\xe9", cwd = work }
      process.run(commit_it):check()
      process.run({ "git", "push", "-q", "origin", "light-it", cwd = work }):check()
      local response, commit = call("GET", support.REPOSITORY .. "/commits/light-it")
      assert.equal(200, response.status)
      assert.equal("caf\u{FFFD}", commit.commit.message)
      assert.equal(1, #commit.files)
    end)
  end)

  it("answer any arguments of each of Slack's methods, as JSON and as a form", function()
    local w = world.new { fixture = support.fixture { slack = { tier_factor = 1 << 40 } } }
    clock.simulate({ start = w.now }, function()
      local addresses = {}
      for name in pairs(w.slack.methods) do
        addresses[#addresses + 1] = { method = "POST", url = "https://slack.com/api/" .. name }
        addresses[#addresses + 1] = { method = "POST", url = "https://slack.com/api/" .. name .. "?text=%ff" }
        local query = "?channel=C01LIGHT&ts=%ff"
        addresses[#addresses + 1] = { method = "GET", url = "https://slack.com/api/" .. name .. query }
      end
      local token = { "authorization", "Bearer xoxb-a-bots-token" }
      assert.same({}, bombard(w, addresses, { token, { "content-type", "application/json" } }))
      assert.same({}, bombard(w, addresses, { token, { "content-type", "application/x-www-form-urlencoded" } }))
    end)
  end)

  it("repeat a whole run of clients that meet faults, event for event", function()
    local function rehearse()
      local w = world.new { seed = 4, scenario = "flaky" }
      local result = w:run(procedure.new {
        name = "talk",
        rehearsal = support.fixture,
        run = function(run)
          local gh = require("fairlead.github").client { repository = "acme/lighthouse" }
          local slack = require("fairlead.slack").client {}
          for i = 1, 30 do
            run:step("turn " .. i, function()
              try(gh.get, gh, "branches/main")
              try(slack.post, slack, { channel = "C01LIGHT", text = tostring(i) })
            end)
          end
        end,
      })
      assert.equal("done", result.outcome)
      return json.encode(result.events, { sort_keys = true })
    end
    local first = rehearse()
    assert.is_truthy(first:find("http.reset", 1, true) or first:find("connection was reset", 1, true))
    assert.equal(first, rehearse())
  end)

  it("leave the network as it was", function()
    local previous = http.use_transport(nil)
    http.use_transport(previous)
    local nothing = procedure.new { name = "nothing", run = function() end }
    world.new({ fixture = support.fixture() }):run(nothing)
    local now = http.use_transport(nil)
    http.use_transport(now)
    assert.equal(previous, now)
  end)
end)
