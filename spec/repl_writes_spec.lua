-- The guard before real writes: who is asked, who gets around it and who does not, what is on record afterwards.
local journal = require "fairlead.journal"
local process = require "fairlead.process"
local program = require "spec.support.program"
local server = require "spec.support.server"
local wording = require "fairlead.repl.writes.wording"

-- Lines for `fairlead repl` on a pipe, in a folder of its own, with `url` for a server that counts what reaches it.
local function play(lines, options)
  options = options or {}
  local folder <close> = program.folder()
  local peer <close> = server.start(options.handler or function(exchange) exchange:reply(200, {}, "{}") end)
  lines = ("url = %q\nfolder = %q\n%s\n"):format(peer.url, folder.path, lines)
  local env <const> = { FAIRLEAD_STATE = folder.path .. "/state", NO_PROXY = "127.0.0.1", USER = "ada" }
  for name, value in pairs(options.env or {}) do env[name] = value end
  local result <const> = program.run { "repl", stdin = lines, env = env, table.unpack(options) }
  local made <const> = {}
  for i, request in ipairs(peer.requests) do made[i] = request.method .. " " .. request.path end
  local played <const> = {
    out = result.stdout, errors = result.stderr, code = result.code, made = made, requests = peer.requests,
    touched = io.open(folder.path .. "/touched") ~= nil,
  }
  local known <const> = io.open(folder.path .. "/state/journal.db") -- else there was no write
  if known then
    known:close()
    local book <close> = journal.open { folder = folder.path .. "/state" }
    played.run = book:runs()[1]
    played.entries = played.run and book:entries(played.run.id)
  end
  return played
end

describe("a session without a terminal", function()
  it("reads, and refuses to write", function()
    local played = play [[
      http.get(url .. "/read").status
      http.post(url .. "/write", { body = "x" })]]
    assert.same({ "GET /read" }, played.made)
    assert.equal("200\n", played.out)
    assert.matches("^error: POST http://127%.0%.0%.1:%d+/write: not done: there is no terminal to ask at; `:writes on`",
      played.errors)
    assert.equal(1, played.code)
    assert.is_nil(played.run)
  end)

  it("gives that as an error that a line can see", function()
    local played = play [[
      ok, e = pcall(http.put, url, { body = "x" })
      e.kind
      e.retryable]]
    assert.equal('"repl.write"\nfalse\n', played.out)
  end)

  it("writes after `:writes on`, until `:writes off`", function()
    local played = play [[
      :writes on
      http.post(url .. "/a").status
      process.run{"touch", folder .. "/touched"}.code
      :writes off
      http.post(url .. "/b")]]
    assert.same({ "POST /a" }, played.made)
    assert.equal("200\n0\n", played.out)
    assert.is_true(played.touched)
    assert.matches("/b: not done", played.errors, 1, true)
  end)
end)

-- Each of these writes, or tries to get around the question. None may reach the server, or make the file.
local ATTACKS <const> = {
  ["a stored function"] = "post = http.post\npost(target)",
  ["pcall"] = "pcall(http.post, target)",
  ["xpcall and try"] = "xpcall(http.delete, print, target)\ntry(http.patch, target)",
  ["a coroutine"] = "coroutine.wrap(function() http.post(target) end)()",
  ["a coroutine that is resumed by a later line"] = [[
    co = coroutine.create(function() coroutine.yield() http.post(target) end)
    coroutine.resume(co)
    coroutine.resume(co)]],
  ["tasks"] = "task.all { function() http.post(target) end, function() http.put(target) end }",
  ["a task that was started before"] = [[
    task.start(function() clock.sleep(0.05) http.post(target) end)
    clock.sleep(0.2)]],
  ["the background"] = "http.post(target) &",
  ["a closer"] = "do local c <close> = setmetatable({}, { __close = function() http.post(target) end }) end",
  ["a metamethod"] = "setmetatable({}, { __index = function() return http.post(target) end }).x",
  ["another method"] = "http.request { method = 'PURGE', url = target }",
  ["a form"] = "http.post(target, { form = { Action = 'DescribeThings' } })",
  ["a transport of one's own over libcurl"] = [[
    before = http.use_transport(nil)
    http.use_transport(function(r) return before(r) end)
    http.post(target)
    http.with_transport(before, http.post, target)]],
  ["http's C half"] = [[
    n = require 'fairlead.http.native'
    n.request('POST', target)
    n.request('POST', target, nil, secret 'x')]],
  ["http loaded again"] = [[
    for _, n in ipairs { 'fairlead.http', 'fairlead.http.native' } do package.loaded[n] = nil end
    require('fairlead.http').post(target)
    require('fairlead.http.native').request('POST', target)]],
  ["a sink"] = "http.post(target, { sink = print })",
  ["retries"] = "http.put(target, { retry = { attempts = 3, unsafe = true, backoff = 0.01 } })",
  ["a GitHub client"] = [[
    gh = github.client { repository = 'o/r', token = secret 't' }
    gh:merge { number = 1, sha = 'a' }]],
  ["GraphQL"] = "github.client { repository = 'o/r', token = secret 't' }:graphql('mutation { x }')",
  ["a Slack client"] = "slack.client { token = secret 't' }:post { channel = 'C1', text = 'x' }",
  ["an AWS client"] = [[
    s = aws.session { region = 'eu-west-2', credentials = { access_key_id = 'AKIDEXAMPLE', secret_access_key = 'x' } }
    s:client('ecs', { endpoint = target }):UpdateService { service = 'web', desiredCount = 0 }
    s:client('sqs', { endpoint = target }):SendMessage { QueueUrl = target .. '/q', MessageBody = 'x' }
    s:client('s3', { endpoint = target }):PutObject { Bucket = 'b', Key = 'k', Body = 'x' }
    s:client('s3', { endpoint = target }):DeleteObject { Bucket = 'b', Key = 'k' }]],
  ["a program"] = "process.run { 'touch', folder .. '/touched' }",
  ["a program, by the C half"] = "require('fairlead.process.native').run({ 'touch', folder .. '/touched' })",
  ["a program below another runner"] = [[
    process.with_runner(function(o, run) return run(o) end, process.run, { 'touch', folder .. '/touched' })]],
  ["git's own command"] = [[
    require('fairlead.git.command').run { op = 'x', arguments = { 'init', '-q', folder .. '/touched' } }]],
  ["the world's transport put aside"] = "http.with_transport(nil, http.post, target)",
  ["a file that is loaded"] = [[
    f = io.open(folder .. '/x.lua', 'w')
    f:write('require "fairlead.http".post("' .. target .. '")')
    f:close()
    dofile(folder .. '/x.lua')]],
}

-- Plays an attack; gives how many requests came, and whether the file was made.
local function attack(lines)
  local peer <close> = server.start(function(exchange) exchange:reply(200, {}, "{}") end)
  local env <const> = {
    AWS_EC2_METADATA_DISABLED = "true", AWS_MAX_ATTEMPTS = "1", GITHUB_API_URL = peer.url,
    SLACK_API_URL = peer.url .. "/api/",
  }
  local played = play(("target = %q\n"):format(peer.url) .. lines, { env = env })
  return #peer.requests, played
end

describe("a write that nobody said yes to is not made", function()
  for name, lines in pairs(ATTACKS) do
    it("by " .. name, function()
      local requests, played = attack(lines)
      assert.equal(0, requests, "a request got through")
      assert.is_false(played.touched)
      assert.is_nil(played.run)
      -- It is the guard that stopped it: with writes on it gets through.
      requests, played = attack(":writes on\n" .. lines)
      assert.is_true(requests > 0 or played.touched, played.errors .. played.out)
      assert.is_truthy(played.run)
    end)
  end

  it("and what it is refused by is named", function()
    local played = play([[
      keys = { access_key_id = 'ASIAQNZGKIQY56JQ7WML', secret_access_key = 'x' }
      s = aws.session { region = 'eu-west-2', credentials = keys }
      s:client('ecs', { endpoint = url }):UpdateService {
        cluster = 'production', service = 'web', desiredCount = 0 }]])
    assert.matches("ecs UpdateService (cluster=production, desiredCount=0, service=web) in eu-west-2, account "
      .. "029608264753, key ASIAQNZGKIQY56JQ7WML: not done", played.errors, 1, true)
  end)
end)

describe("reading is never asked for", function()
  it("of AWS, GitHub and Slack", function()
    local played = play([[
      s = aws.session { region = 'eu-west-2', credentials = { access_key_id = 'AKIDEXAMPLE', secret_access_key = 'x' } }
      s:client('ecs', { endpoint = url }):DescribeServices { cluster = 'c', services = { 'web' } }
      process.run { 'true', harmless = true }.code]])
    assert.same({ "POST /" }, played.made)
    assert.equal("", played.errors)
  end)

  it("of a repository, nor is a fetch", function()
    local played = play [[
      :writes on
      make = "git init -q a; cd a; git -c user.name=a -c user.email=a@b commit -q --allow-empty -m x; "
      make = make .. "git clone -q . ../b"
      process.run { "sh", "-ec", make, cwd = folder }.code
      :writes off
      r = git.open(folder .. "/b")
      #r:log{}
      #r:fetch()
      pcall(r.fetch, r, { refspecs = { "HEAD:refs/heads/x" } })
      pcall(r.create_branch, r, { name = "one" })
      pcall(r.tag, r, { name = "v1" })
      pcall(r.push, r, { ref = "HEAD:refs/heads/pushed" })
      pcall(git.clone, { url = folder .. "/a", path = folder .. "/c" })
      #r:branches() + #r:tags()
      io.open(folder .. "/c") == nil
      :writes on
      r:create_branch { name = "one" } == r:tag { name = "v1" }
      #r:push { ref = "HEAD:refs/heads/pushed" }]]
    local said <const> = played.out
    assert.equal("", played.errors)
    assert.matches("^0\n1\n0\n", said)
    for _, what in ipairs { "fetch", "make the branch one at HEAD", "make the tag v1 at HEAD", "push", "clone" } do
      assert.matches(what .. "[^\n]*: not done", said)
    end
    assert.matches("1\ntrue\ntrue\n1\n$", said)
    local operations <const> = {}
    for i, entry in ipairs(played.entries) do operations[i] = entry.intent.operation end
    assert.same({ "run", "git branch", "git tag", "git push" }, operations)
  end)
end)

it("a branch is not made by git's C half, either", function()
  local played = play [[
    process.run { "git", "init", "-q", folder .. "/a", harmless = true }.code
    make = { "git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "x" }
    make.cwd, make.harmless = folder .. "/a", true
    process.run(make).code
    r = require "fairlead.git.native".open(folder .. "/a", true)
    select(2, pcall(r.create_branch, r, "one", "HEAD")).kind
    #git.open(folder .. "/a"):branches()
    select(2, pcall(r.create_branch, r, { name = "one" })).kind
    #git.open(folder .. "/a"):branches()
    :writes on
    r:create_branch { name = "one" }; return #r:branches()]]
  assert.equal('0\n0\n"repl.write"\n1\n"repl.write"\n1\n2\n', played.out)
  assert.equal(1, #played.entries)
end)

describe("a write that is made", function()
  local LINES <const> = [[
    :writes on
    headers = { Authorization = secret "Bearer x1y2z3a4" }; http.post(url .. "/a?token=hunter2hunter2", {
      headers = headers, json = { n = 1 } })
    http.get(url .. "/b")
    http.post(url .. "/missing", { body = "password=hunter2hunter2" }).status, http.delete(url .. "/c").status
    try(http.post, "http://127.0.0.1:1/refused")
    process.run { "false" }.code
    secret("hunter2hunter2") and http.post(url .. "/d").status]]

  local function handler(exchange) exchange:reply(exchange.path == "/missing" and 404 or 201, {}, "{}") end

  it("is on record, before and after, with who, when and by which line", function()
    local played = play(LINES, { handler = handler })
    assert.equal("", played.errors)
    local run <const> = played.run
    assert.same({ "repl", "repl", "ada", "done", false },
      { run.mode, run.procedure, run.user, run.state, run.resumable })
    local made <const> = {}
    for i, entry in ipairs(played.entries) do
      made[i] = ("%d %s %s %s"):format(entry.intent.number, entry.intent.operation, entry.status,
        entry.result and (entry.result.status or entry.result.code) or "-")
      assert.equal("write", entry.kind)
      assert.is_true(entry.began <= entry.finished)
    end
    assert.same({
      "4 POST finished 201", "6 POST finished 404", "6 DELETE finished 201", "7 POST failed -", "8 run finished 1",
      "9 POST finished 201",
    }, made)
    assert.equal(64, #played.entries[1].intent.body)
    assert.matches("refused", played.entries[4].error, 1, true)
  end)

  it("leaves no secret and no body in the journal", function()
    local played = play(LINES, { handler = handler })
    local text <const> = require "fairlead.json".encode(played.entries)
    for _, hidden in ipairs { "hunter2", "x1y2z3a4", '\\"n\\"' } do
      assert.is_nil(text:find(hidden, 1, true), hidden)
    end
    assert.matches("[secret]", text, 1, true)
  end)

  it("is refused when the journal cannot be written", function()
    local played = play([[
      :writes on
      http.post(url)]], { env = { FAIRLEAD_STATE = "/dev/null/state" } })
    assert.same({}, played.made)
    assert.matches("not done: the journal, which has to hold it before, cannot be written", played.errors, 1, true)
  end)

  it("is listed and shown, and never taken up", function()
    local folder <close> = program.folder()
    local peer <close> = server.start(handler)
    local env <const> = { FAIRLEAD_STATE = folder.path, NO_PROXY = "127.0.0.1", USER = "ada" }
    local function fairlead(...) return program.run { env = env, ... } end
    fairlead("repl", "--help")
    program.run { "repl", env = env, stdin = (":writes on\nhttp.post %q\nhttp.post %q\n"):format(peer.url .. "/a",
      peer.url .. "/missing") }
    local listed = fairlead("runs").stdout
    local id <const> = listed:match "^%S+"
    assert.matches("done .* repl\n$", listed)
    assert.matches('"mode":"repl"', fairlead("runs", "--json").stdout, 1, true)
    local shown = fairlead("show", id).stdout
    assert.matches('line 2  http.post "http://127.0.0.1:%d+/a"\n  ✔ [%d:]+  POST http://127.0.0.1:%d+/a  201  0 s',
      shown)
    assert.matches("/missing  404", shown, 1, true)
    assert.matches('"kind":"write"', fairlead("show", id, "--json").stdout, 1, true)
    local result = fairlead "resume"
    assert.equal(2, result.code)
    assert.matches("no run can be taken up", result.stderr, 1, true)
    assert.matches("nothing to take up", fairlead("resume", id).stderr, 1, true)
    assert.matches("the journal holds no run", fairlead("why").stderr, 1, true)
  end)

  it("that was cut short by the program's end is not known to be made", function()
    local folder <close> = program.folder()
    local arrived = require "fairlead.task".event()
    local peer <close> = server.start(function()
      arrived:set()
      require "fairlead.clock".sleep(60)
    end)
    local env <const> = { FAIRLEAD_STATE = folder.path, NO_PROXY = "127.0.0.1" }
    local task <const> = require "fairlead.task"
    local pid <const> = folder.path .. "/pid"
    local running = task.start(process.run, { "sh", "-c", 'echo $$ >"$1"; exec "$2" repl', "sh", pid, program.path,
      env = env, stdin = (":writes on\nhttp.post %q\n"):format(peer.url) })
    arrived:wait()
    local file <close> = assert(io.open(pid))
    process.run { "kill", "-9", file:read "l" }
    assert.equal("KILL", running:wait().signal)
    local listed = program.run { "runs", env = env }.stdout
    assert.matches("^%S+ +interrupted ", listed)
    local shown = program.run { "show", listed:match "^%S+", env = env }.stdout
    assert.matches("whether it was made is not known", shown, 1, true)
    assert.matches("no run can be taken up", program.run { "resume", env = env }.stderr, 1, true)
  end)

  it("has one record in a session, also where many begin at once", function()
    local played = play [[
      :writes on
      #task.map({ 1, 2, 3, 4, 5 }, function(i) return http.post(url .. "/" .. i).status end)
      http.post(url .. "/6").status]]
    assert.equal("5\n200\n", played.out)
    assert.equal(6, #played.entries)
  end)

  it("does not make a session grow", function()
    local played = play [[
      :writes on
      for i = 1, 200 do process.run { "true" } end
      collectgarbage() collectgarbage() before = collectgarbage "count"
      for i = 1, 1000 do process.run { "true" } end
      collectgarbage() collectgarbage() return collectgarbage "count" - before < 200]]
    assert.equal("true\n", played.out)
    assert.equal(1200, #played.entries)
  end)

  it("that was cancelled has failed", function()
    local played = play([[
      :writes on
      task.timeout(0.2, http.post, url)]], { handler = function() require "fairlead.clock".sleep(60) end })
    assert.same({ "failed", "write" }, { played.entries[1].status, played.entries[1].kind })
    assert.equal("done", played.run.state)
  end)

  it("may be made again without another question when its answer was lost or put off", function()
    local peer = { busy = 0 }
    local played = play([[
      :writes on
      http.put(url, { body = "x", retry = { attempts = 3, backoff = 0.01 } }).status]], {
      handler = function(exchange)
        peer.busy = peer.busy + 1
        exchange:reply(peer.busy < 3 and 503 or 200)
      end,
    })
    assert.equal(3, #played.entries)
    assert.equal("200\n", played.out)
  end)
end)

describe("what a line does on purpose to get around the guard", function()
  it("is said", function()
    local played = play [[
      n = require "fairlead.http.native"
      n.request = function() return 200, "", "mine" end
      http.post(url).body
      :writes]]
    assert.same({}, played.made)
    assert.matches("a line has put something else into the guard's place", played.out, 1, true)
  end)
end)

describe("a session of a simulated world", function()
  it("writes there without a question, and asks before the real network", function()
    local played = play([[
      github.client { repository = 'example/site', token = os.getenv 'x' } and 1
      http.post("https://slack.com/api/chat.postMessage", { json = {} }).status
      http.with_transport(nil, http.post, url)
      :writes]], { "--world" })
    assert.same({}, played.made)
    assert.matches("\n200\n", "\n" .. played.out, 1, true)
    assert.matches("there is no terminal to ask at", played.errors, 1, true)
    assert.matches("the services are simulated", played.out, 1, true)
  end)
end)

describe("a write in words", function()
  local function words(...) return wording.request(...).what end

  it("names what it does, where, and as whom", function()
    assert.equal("PUT https://api.github.com/repos/o/r/pulls/12/merge",
      words("PUT", "https://api.github.com/repos/o/r/pulls/12/merge", {}, "{}"))
    assert.equal('chat.postMessage (channel=C1, text=Hello) at slack.com',
      words("POST", "https://slack.com/api/chat.postMessage", {}, '{"channel": "C1", "text": "Hello"}'))
    assert.equal("GraphQL mutation addComment at api.github.com",
      words("POST", "https://api.github.com/graphql", {},
        '{"query": "mutation($a: ID!) { addComment(x: $a) { id } }"}'))
    assert.is_nil(wording.request("POST", "https://api.github.com/graphql", {}, '{"query": "{ viewer { login } }"}'))
  end)

  it("has no secret and nothing that a terminal would obey", function()
    local shown = words("POST", "https://example.org/?token=hunter2hunter2", {}, "")
    assert.equal("POST https://example.org/?token=[secret]", shown)
    shown = words("POST", "https://slack.com/api/chat.postMessage", {},
      '{"text": "\\u001b[2J\\n password=hunter2hunter2"}')
    assert.is_nil(shown:find("[\27\n]") or shown:find("hunter2", 1, true), shown)
    shown = wording.program { "mysql", "--password", "hunter2", "it's\27[2J", cwd = "/x" }.what
    assert.is_nil(shown:find("\27", 1, true) or shown:find("hunter2", 1, true), shown)
    assert.matches("^run mysql ", shown)
  end)

  it("has no parameter that is a secret, and for the journal none that is only content", function()
    local signed <const> = { { "Authorization", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260302/eu-west-2/ssm/x" } }
    local function aws(operation, body)
      local headers <const> = { signed[1], { "X-Amz-Target", "X." .. operation } }
      local write <const> = wording.request("POST", "https://x.amazonaws.com/", headers, body)
      return write.what, write.record
    end
    local what, record = aws("PutParameter", '{"Name": "/a", "Value": "swordfish", "Type": "SecureString"}')
    assert.equal("ssm PutParameter (Name=/a, Type=SecureString, Value=[secret]) in eu-west-2, key AKIDEXAMPLE", what)
    assert.equal("ssm PutParameter (Name=/a) in eu-west-2, key AKIDEXAMPLE", record)
    what = aws("PutSecretValue", '{"SecretId": "a", "SecretString": "swordfish"}')
    assert.is_nil(what:find("swordfish", 1, true), what)
    what, record = aws("SendMessage", '{"QueueUrl": "https://q/1", "MessageBody": "Hello"}')
    assert.matches("MessageBody=Hello", what, 1, true)
    assert.matches("SendMessage (QueueUrl=https://q/1) in", record, 1, true)
    what = aws("PutSecretValue", secret '{"SecretId": "a", "Other": "swordfish"}')
    assert.equal("ssm PutSecretValue in eu-west-2, key AKIDEXAMPLE", what)
    local body <const> = '{"channel": "C1", "text": "Hello"}'
    assert.equal("chat.postMessage (channel=C1) at slack.com",
      wording.request("POST", "https://slack.com/api/chat.postMessage", {}, body).record)
    assert.equal("chat.postMessage at slack.com", words("POST", "https://slack.com/api/chat.postMessage", {}, "[1, 2]"))
  end)

  it("shows a program's arguments as a shell would take them", function()
    assert.equal("run sh -c 'rm -rf \"$HOME\"'", wording.program({ "sh", "-c", 'rm -rf "$HOME"' }).what)
    assert.same({ "git push", "git clone", "run" }, {
      wording.program({ "git", "-C", "/x", "push", "origin" }).operation,
      wording.program({ "/usr/bin/git", "--git-dir=/x", "clone" }).operation,
      wording.program({ "gitk", "push" }).operation,
    })
  end)

  it("tells an AWS account by its keys", function()
    assert.equal("029608264753", wording.account "ASIAQNZGKIQY56JQ7WML")
    assert.equal("171436882533", wording.account "AKIASP2TPHJSQH3FJRUX")
    assert.is_nil(wording.account "AKIAIOSFODNN7EXAMPLE") -- of before 2019
    assert.is_nil(wording.account "AKIDEXAMPLE")
  end)
end)

it("process.run's harmless is known to the C half", function()
  assert.equal(0, process.run({ "true", harmless = true }).code)
  assert.has_error(function() process.run { "true", harmles = true } end)
end)
