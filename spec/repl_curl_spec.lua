-- The command line that repeats a request: run by real shells with the real curl, and what arrives compared.
local aws = require "spec.support.aws"
local clock = require "fairlead.clock"
local curl = require "fairlead.repl.http.curl"
local exchanges = require "fairlead.repl.http.exchanges"
local http = require "fairlead.http"
local process = require "fairlead.process"
local serve = require "fairlead.world.serve"
local server = require "spec.support.server"
local shell = require "fairlead.repl.http.shell"
local world = require "fairlead.world"

local TOKEN <const> = "gh" .. "p_" .. ("aB3"):rep(12)

-- Runs a command as somebody would who has pasted it.
local function paste(command, variables, with)
  local env <const> = { NO_PROXY = "127.0.0.1", http_proxy = false, HTTP_PROXY = false }
  for name, value in pairs(variables or {}) do env[name] = value end
  local done = process.run { with or "sh", "-c", command, env = env, timeout = 20 }
  assert.equal(0, done.code, done.stderr .. "\n" .. command)
  return done.stdout
end

-- Makes a request, repeats it by its command, and gives what arrived of both.
local function both(options, variables, with)
  local peer <close> = server.start(function(exchange) exchange:reply(200, {}, "same answer") end)
  local list <close> = exchanges.listen()
  options.url = peer.url .. (options.url or "/")
  http.request(options)
  local command = curl.command(list:get())
  local answer = paste(command, variables, with)
  assert.equal(options.method == "HEAD" and "" or "same answer", options.method == "HEAD" and "" or answer)
  assert.is_nil(list.trouble)
  local first, second = peer.requests[1], peer.requests[2]
  assert.equal(first.method, second.method)
  assert.equal(first.target, second.target)
  assert.equal(first.body, second.body)
  for name, value in pairs(first.headers) do
    -- Which compressions each can undo is its own affair.
    if name ~= "accept-encoding" then assert.equal(value, second.headers[name], name) end
  end
  for name in pairs(second.headers) do
    if name ~= "accept-encoding" then assert.is_truthy(first.headers[name], "curl adds " .. name) end
  end
  return command, first
end

describe("the command line of a request", function()
  for _, with in ipairs { "sh", "bash" } do
    it("survives hostile bodies, in " .. with, function()
      local hostile <const> = {
        "it's", "$(touch /tmp/never) `id` ${HOME} \\ \" ! # ; & | * ?", "two\nlines\n", "\n", "", "@/etc/passwd", "-x",
        "%s%d", "\0", "\27[31m red\7", "\255\254", "caf\u{e9}\r\n", "$GH_TOKEN", "'\\''", "\0'\\@%s\n1", "a\tb",
      }
      for _, body in ipairs(hostile) do
        both({ method = "POST", body = body }, { GH_TOKEN = "not this" }, with)
      end
    end)

    it("survives hostile headers and addresses, in " .. with, function()
      both({ method = "GET", url = "/a'b;c$(id)/../d?x=[1-3]&y=%20&z=*&w=!!",
        headers = { ["X-Note"] = "it's $(id) `id` \"quoted\" \\ !", ["X-Empty"] = "", ["X-Semi"] = "a;b" } }, nil, with)
    end)
  end

  it("is of any method, with and without a body", function()
    for _, method in ipairs { "GET", "HEAD", "DELETE", "OPTIONS", "PUT", "PATCH", "POST" } do
      both { method = method }
    end
    for _, method in ipairs { "PUT", "PATCH", "DELETE", "GET" } do both { method = method, json = { a = 1 } } end
    both { method = "POST", form = { a = "b c", d = "&" } }
  end)

  it("has a token by the name that people know", function()
    local peer <close> = server.start(function(exchange) exchange:reply(200) end)
    local list <close> = exchanges.listen()
    local function command_of(headers)
      http.get(peer.url, { headers = headers })
      return curl.command(list:get())
    end
    local command = command_of { Authorization = secret("Bearer " .. TOKEN) }
    assert.matches('-H "Authorization: Bearer $GH_TOKEN"', command, 1, true)
    paste(command, { GH_TOKEN = TOKEN })
    assert.equal("Bearer " .. TOKEN, peer.requests[2].headers.authorization)
    command = command_of { Authorization = secret("Bearer xo" .. "xb-1-2-abcdef") }
    assert.matches('"Authorization: Bearer $SLACK_BOT_TOKEN"', command, 1, true)
    assert.matches("# $SLACK_BOT_TOKEN is not set here: export it first", command, 1, true)
    command = command_of { ["X-Api-Key"] = "typed in plain" }
    assert.matches('"X-Api-Key: $X_API_KEY"', command, 1, true)
    command = command_of { Authorization = "Basic " .. "dXNlcjpodW50ZXIy" }
    assert.matches('"Authorization: Basic $BASIC_CREDENTIALS"', command, 1, true)
  end)

  it("never has a secret's text, wherever it was sent", function()
    local hidden <const> = "hunter2-hunter2"
    local list <close> = exchanges.listen()
    local peer <close> = server.start(function(exchange) exchange:reply(200) end)
    local cases <const> = {
      { url = "/?token=" .. hidden .. "&page=2" },
      { url = "/x?X-Amz-Signature=" .. hidden .. "&a=b" },
      { headers = { Cookie = "session=" .. hidden } },
      { headers = { ["X-Vault-Token"] = secret(hidden) } },
      { method = "POST", body = secret("all of it is " .. hidden) },
      { method = "POST", form = { client_secret = secret(hidden), grant_type = "x" } },
      { method = "POST", json = { password = hidden, user = "it's me" } },
      { method = "POST", body = "client_secret=" .. hidden .. "&grant_type=x" },
    }
    for i, case in ipairs(cases) do
      case.url = peer.url .. (case.url or "/")
      http.request(case)
      local command = curl.command(list:get())
      assert.is_nil(command:find(hidden, 1, true), i .. ": " .. command)
      local names = {}
      for name in command:gmatch "# %$([%w_]+) is not set here" do names[name] = hidden end
      assert.is_truthy(next(names), command)
      if not (case.headers and case.headers.Cookie) and not command:find("$BODY", 1, true) then
        paste(command, names)
        local first, second = peer.requests[#peer.requests - 1], peer.requests[#peer.requests]
        assert.equal(first.target, second.target)
        assert.equal(first.body, second.body, command)
        assert.equal(first.headers["x-vault-token"], second.headers["x-vault-token"])
      end
    end
    assert.is_nil(list.trouble)
  end)

  it("cannot be given for what no command line can carry, or for what is not kept", function()
    assert.has_error(function() shell.quote "a\0b" end)
    local list <close> = exchanges.listen()
    local peer <close> = server.start(function(exchange) exchange:reply(200) end)
    http.post(peer.url, { body = ("x"):rep(100000) })
    local _, err = try(curl.command, list:get())
    assert.equal("repl.curl", err.kind)
    assert.matches("100000 bytes", tostring(err), 1, true)
    http.post(peer.url, { body = secret("\0\1 hunter2-hunter2") })
    _, err = try(curl.command, list:get())
    assert.equal("repl.curl", err.kind)
    http.post(peer.url, { body = "\0client_secret=hunter2hunter2" })
    _, err = try(curl.command, list:get())
    assert.equal("repl.curl", err.kind)
  end)

  it("says when it was of the simulated world", function()
    local list <close> = exchanges.listen()
    local function answer() return { status = 200, headers = {}, body = "" } end
    http.with_transport(answer, http.get, "http://example.org/")
    assert.matches("# a request of the simulated world", curl.command(list:get()), 1, true)
  end)
end)

describe("the command line of a call to AWS", function()
  local KEYS <const> = {
    AWS_ACCESS_KEY_ID = "AKIDEXAMPLE", AWS_SECRET_ACCESS_KEY = "wJalrXUtnFEMI/K7MDENG+" .. "bPxRfiCYEXAMPLEKEY",
  }

  -- The world verifies each signature as AWS does.
  local function with_world(body)
    local served <close> = world.new { fixture = aws.fixture(), start = clock.now() }
    local serving <close> = serve.start { world = served }
    local list <close> = exchanges.listen()
    local session = require "fairlead.aws".session {
      region = "eu-west-2", credentials = { access_key_id = KEYS.AWS_ACCESS_KEY_ID,
        secret_access_key = secret(KEYS.AWS_SECRET_ACCESS_KEY) },
    }
    body(session, list, serving)
  end

  it("is signed anew by curl, and gets the same answer", function()
    with_world(function(session, list, serving)
      session:client("ecs", { endpoint = serving.url }):DescribeServices {
        cluster = "staging-cluster", services = { "staging-web" },
      }
      local command = curl.command(list:get())
      assert.matches('--aws-sigv4 "aws:amz:eu-west-2:ecs" ', command:gsub("[\\\n]+%s*", ""), 1, true)
      assert.matches('--user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY"', command, 1, true)
      assert.is_nil(command:find("Signature=", 1, true))
      assert.is_nil(command:find("AKIDEXAMPLE", 1, true))
      assert.equal(list:get().answer.body, paste(command, KEYS))
    end)
  end)

  it("is that of a query protocol, too", function()
    with_world(function(session, list, serving)
      session:client("sts", { endpoint = serving.url }):GetCallerIdentity {}
      local function without_ids(text) return (text:gsub("<RequestId>.-</RequestId>", "")) end
      assert.equal(without_ids(list:get().answer.body), without_ids(paste(curl.command(list:get()), KEYS)))
    end)
  end)

  it("has the session token as a variable, and says what curl signs wrongly", function()
    local list <close> = exchanges.listen()
    local peer <close> = server.start(function(exchange) exchange:reply(200) end)
    local function command_of(url)
      local signed = require "fairlead.sigv4".sign {
        method = "GET", url = peer.url .. url, headers = {}, region = "eu-west-2", service = "s3",
        credentials = { access_key_id = "ASIAEXAMPLE", secret_access_key = "k", session_token = secret "long-lived" },
      }
      http.get(peer.url .. url, { headers = signed.headers })
      return curl.command(list:get())
    end
    local command = command_of "/bucket/key"
    assert.matches(": $AWS_SESSION_TOKEN\"", command, 1, true)
    assert.is_nil(command:find("long-lived", 1, true))
    assert.is_nil(command:find("wrongly", 1, true))
    paste(command, { AWS_ACCESS_KEY_ID = "ASIAEXAMPLE", AWS_SECRET_ACCESS_KEY = "k", AWS_SESSION_TOKEN = "long-lived" })
    assert.equal("long-lived", peer.requests[2].headers["x-amz-security-token"])
    local wrong <const> = {
      ["/a%20b"] = "%20", ["/a//b"] = "//", ["/?b=1&a=2"] = "alphabetical", ["/?acl"] = "no '='",
    }
    for url, why in pairs(wrong) do
      assert.matches(why, command_of(url):match "# (curl 7.88 signs .-)\n", 1, true)
    end
  end)
end)
