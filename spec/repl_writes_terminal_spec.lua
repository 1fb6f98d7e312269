-- The question before a real write, as somebody meets it at a terminal.
local clock = require "fairlead.clock"
local journal = require "fairlead.journal"
local program = require "spec.support.program"
local server = require "spec.support.server"
local sessions = require "spec.support.terminal_session"

local folder, peer

local function start(...)
  local session = sessions.start {
    program.path, "repl", columns = 100, env = { FAIRLEAD_STATE = folder.path, HOME = folder.path, USER = "ada",
      NO_COLOR = "1", NO_PROXY = "127.0.0.1" }, ...,
  }
  session:expect "fairlead> "
  session:line(("url = %q"):format(peer.url))
  session:expect_pattern "url = [^\n]*\nfairlead> $"
  return session
end

local function leave(session)
  session:expect_pattern "%S+> $"
  session:key "ctrl-d"
  assert.equal(0, session:finish())
end

local function made()
  local list = {}
  for i, request in ipairs(peer.requests) do list[i] = request.method .. " " .. request.path end
  return list
end

local function entries()
  local book <close> = journal.open { folder = folder.path }
  local run = book:runs()[1]
  return run and book:entries(run.id) or {}
end

describe("a write at a terminal", function()
  before_each(function()
    folder = program.folder()
    peer = server.start(function(exchange) exchange:reply(200, {}, "{}") end)
  end)
  after_each(function()
    peer:close()
    getmetatable(folder).__close(folder)
  end)

  it("is asked for by its name, and made on a yes", function()
    local session <close> = start()
    session:line "http.get(url .. '/read').status"
    session:expect "\n200\nfairlead> "
    session:line "http.post(url .. '/merge', { body = 'x' }).status"
    session:expect("POST " .. peer.url .. "/merge? [y/N/all in this line] ")
    assert.same({ "GET /read" }, made())
    session:line "y"
    session:expect_pattern "this line%] y\n200\nfairlead> $"
    leave(session)
    assert.same({ "GET /read", "POST /merge" }, made())
    assert.equal(200, entries()[1].result.status)
    assert.equal("http.post(url .. '/merge', { body = 'x' }).status", entries()[1].intent.line)
  end)

  it("is not made on anything else", function()
    local session <close> = start()
    for _, answer in ipairs { "", "n", "yesterday", "Y E S" } do
      session:line "http.delete(url)"
      session:expect_pattern "this line%] $"
      session:line(answer)
      session:expect_pattern "not done: nobody said yes\nfairlead> $"
      session:key "ctrl-l"
      session:expect_pattern "^fairlead> $"
    end
    session:line "http.delete(url)"
    session:expect_pattern "this line%] $"
    session:key "ctrl-d"
    session:expect_pattern "not done: nobody said yes\nfairlead> $"
    leave(session)
    assert.same({}, made())
    assert.same({}, entries())
  end)

  it("and those after it in the line are, when that is the answer", function()
    local session <close> = start()
    session:line "for i = 1, 3 do http.put(url .. '/' .. i) end"
    session:expect_pattern "/1%? %[y/N/all in this line%] $"
    session:line "all"
    session:expect_pattern "this line%] all\nfairlead> $"
    session:line "http.put(url .. '/4')"
    session:expect_pattern "/4%? %[y/N/all in this line%] $"
    session:line "n"
    leave(session)
    assert.same({ "PUT /1", "PUT /2", "PUT /3" }, made())
  end)

  it("is asked for each time, also when it is the same once more", function()
    local session <close> = start()
    session:line "http.post(url).status + http.post(url).status"
    session:expect_pattern "this line%] $"
    session:line "y"
    session:expect_pattern "this line%] y\n[^\n]*this line%] $"
    session:line "y"
    session:expect "\n400\nfairlead> "
    leave(session)
  end)

  it("goes with its line on Ctrl-C", function()
    local session <close> = start()
    session:line "local c <close> = setmetatable({}, { __close = function() print 'closed' end }) http.post(url)"
    session:expect_pattern "this line%] $"
    session:key "ctrl-c"
    session:expect_pattern "closed\nerror: interrupted\nfairlead> $"
    session:line "1 + 1"
    session:expect "\n2\nfairlead> "
    leave(session)
    assert.same({}, made())
  end)

  it("of several tasks is asked for one after the other", function()
    local session <close> = start()
    session:line "#task.map({ 'a', 'b', 'c' }, function(p) return http.post(url .. '/' .. p).status end)"
    for i, path in ipairs { "a", "b", "c" } do
      session:expect_pattern("/" .. path .. "%? %[y/N/all in this line%] $")
      assert.equal(i - 1, #peer.requests)
      session:line "y"
      local enough = clock.monotonic() + 10
      while #peer.requests < i and clock.monotonic() < enough do clock.sleep(0.01) end
    end
    session:expect "\n3\nfairlead> "
    leave(session)
    assert.same({ "POST /a", "POST /b", "POST /c" }, made())
  end)

  it("of a background line is asked for above the prompt", function()
    local session <close> = start()
    session:line "http.post(url .. '/behind').status &"
    session:expect "/behind? [y/N/all in this line]"
    session:line "1 + 1"
    session:expect "\n2\nfairlead> "
    assert.same({}, made())
    session:line ":answer y"
    session:expect "[1] done: 200"
    leave(session)
    assert.same({ "POST /behind" }, made())
  end)

  it("of what cleans up when the session ends is asked for as well", function()
    for _, answer in ipairs { "y\r", "\3" } do
      local session <close> = start()
      session:line("last = setmetatable({}, { __close = function() http.post(url .. '/closer') end })")
      session:expect_pattern "end }%)\nfairlead> $"
      session:line "do local c <close> = last clock.sleep(100) end &"
      session:expect "[1] started"
      session:line ":quit"
      session:expect_pattern ":quit\n[^\n]*/closer%? %[y/N/all in this line%] $"
      session:type(answer)
      assert.equal(0, session:finish())
      assert.same({ "POST /closer" }, made()) -- by the first of the two
    end
  end)

  it("of a program shows its arguments", function()
    local session <close> = start()
    session:line "process.run{'sh', '-c', 'exit 3'}.code"
    session:expect "run sh -c 'exit 3'? [y/N/all in this line] "
    session:line "yes"
    session:expect "\n3\nfairlead> "
    leave(session)
  end)

  it("is not asked for while the prompt says so", function()
    local session <close> = start()
    session:line ":writes on"
    session:expect_pattern "production!> $"
    session:line "http.post(url).status"
    session:expect "\n200\nproduction!> "
    session:line ":writes off"
    session:expect_pattern "\nfairlead> $"
    session:line "http.post(url)"
    session:expect_pattern "this line%] $"
    session:line "n"
    leave(session)
    assert.equal(1, #peer.requests)
  end)

  it("may not be asked for any more once a line has taken the guard away, and the prompt says so", function()
    local session <close> = start()
    session:line "http.get(url).status"
    session:line "require 'fairlead.http.native'.request = print"
    session:expect_pattern "unguarded!> $"
    leave(session)
  end)

  it("is listed without the time that somebody thought about it", function()
    local session <close> = start()
    session:line "http.post(url).status"
    session:expect_pattern "this line%] $"
    clock.sleep(1.2)
    session:line "y"
    session:expect "\n200\nfairlead> "
    session:line ":http"
    session:expect_pattern "200  0%.%d%d s   2 B  line 2  POST 127"
    session:line ":curl"
    session:expect_pattern("curl %-X POST[^%w]+http://127")
    leave(session)
  end)

  it("of a procedure is its own affair", function()
    local script = folder:write("p.lua", [[
      local http = require "fairlead.http"
      return require("fairlead.procedure").new {
        name = "post", parameters = { url = { type = "string" } },
        run = function(run, given) run:step("Post", function() return http.post(given.url).status end) end,
      }
    ]])
    local session <close> = start(script)
    session:line(":start url=" .. peer.url)
    session:expect_pattern "%(yes/no%) $"
    session:line "yes"
    session:expect_pattern "Done[^\n]*\n.*fairlead> $"
    leave(session)
    assert.same({ "POST /" }, made())
  end)

  it("of a run under the debugger is the run's affair; of a line at its stop it is asked for", function()
    local script = folder:write("p.lua", [[
      local http = require "fairlead.http"
      return require("fairlead.procedure").new {
        name = "post", parameters = { url = { type = "string" } },
        run = function(run, given)
          run:step("One", function() return http.post(given.url .. "/one").status end)
          run:step("Two", function() error "no" end)
        end,
      }
    ]])
    local session <close> = sessions.start {
      program.path, "run", script, "url=" .. peer.url, "--debug", columns = 100, env = { FAIRLEAD_STATE = folder.path,
        HOME = folder.path, USER = "ada", NO_COLOR = "1", NO_PROXY = "127.0.0.1" },
    }
    session:expect_pattern "stop 1> $"
    assert.same({ "POST /one" }, made())
    session:line(("require 'fairlead.http'.post(%q).status"):format(peer.url .. "/line"))
    session:expect_pattern "/line%? %[y/N/all in this line%] $"
    session:line "y"
    session:expect_pattern "\n200\nstop 1> $"
    session:line ":writes on"
    session:expect_pattern "stop 1!> $"
    session:key "ctrl-d"
    session:finish()
    assert.same({ "POST /one", "POST /line" }, made())
    assert.equal("write", entries()[1].kind)
  end)

  it("that a procedure makes shows no secret parameter, and neither does the history", function()
    local script = folder:write("p.lua", [[
      return require("fairlead.procedure").new {
        name = "post", parameters = { pin = { secret = true }, to = {} }, run = function() end,
      }
    ]])
    local session <close> = start(script)
    session:line ":start pin=1379 to=here"
    session:expect_pattern "with pin=%[secret%], to=here%? %(yes/no%) $"
    session:line "yes"
    session:expect_pattern "Done[^\n]*\n.*fairlead> $"
    session:line ":replay 3 door=2468"
    session:expect "no run is open"
    session:line ":start to=there"
    session:expect_pattern "with to=there%? %(yes/no%) $"
    session:line "no"
    leave(session)
    local file <close> = assert(io.open(folder.path .. "/history"))
    local kept = file:read "a":gsub("\\040", " ")
    assert.matches("to=there", kept, 1, true)
    assert.is_nil(kept:find("1379", 1, true))
    assert.is_nil(kept:find("2468", 1, true))
  end)

  it("leaves no secret in the history, nor in the list of tasks", function()
    local session <close> = start()
    session:line "t = secret('hunter2-hunter2')"
    session:line "kept = 'an ordinary line'"
    session:line "x = 'hunter2-hunter2'"
    session:line "clock.sleep(30, { password = 'swordfish' }) &"
    session:expect "[1] started"
    session:line ":tasks"
    session:expect_pattern "password = '%[secret%]'"
    session:line ":quit"
    assert.equal(0, session:finish())
    local file <close> = assert(io.open(folder.path .. "/history"))
    local kept = file:read "a"
    assert.matches("an ordinary line", kept:gsub("\\040", " "), 1, true)
    assert.is_nil(kept:find("hunter2", 1, true))
    assert.is_nil(kept:find("swordfish", 1, true))
  end)
end)
