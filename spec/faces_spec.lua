local clock = require "fairlead.clock"
local environment = require "fairlead.environment"
local errors = require "fairlead.errors"
local http = require "fairlead.http"
local json = require "fairlead.json"
local playing = require "spec.support.playing"
local program = require "spec.support.program"
local text = require "fairlead.faces.text"

local play = playing.play

-- What a face prints of a run; `env` are variables that it sees.
local function printed(face, fn, options, env)
  local folder <close> = program.folder()
  local path = folder.path .. "/out"
  do
    local stream <close> = assert(io.open(path, "w"))
    options = options or {}
    environment.with(env or {}, function()
      local listener = require("fairlead.faces." .. face).new { stream = stream, verbose = options.verbose }
      options.listener, options.verbose = listener, nil
      play(fn, options)
      listener:close()
    end)
  end
  local file <close> = assert(io.open(path))
  return file:read "a"
end

describe("text from outside", function()
  it("cannot command a terminal", function()
    assert.equal("a␛[31mb␇c␡d", text.clean "a\27[31mb\7c\127d")
    assert.equal("one two three", text.clean "one\r\n  two\tthree")
    assert.equal("\u{FFFD}31m", text.clean "\u{9b}31m")
    assert.equal("ab\u{FFFD}txt.exe", text.clean "ab\u{202e}txt.exe")
    assert.equal("caf\u{FFFD} é", text.clean "caf\xe9 é")
    assert.equal("\u{FFFD}\u{FFFD}", text.clean "\xff\xfe")
    assert.same({ "one", "two␛" }, text.lines "one\r\ntwo\27\n\n")
  end)

  it("takes no time to clean, whatever it is", function()
    local began <const> = os.clock()
    text.clean("x" .. (" "):rep(300000) .. "x" .. ("\n"):rep(300000) .. ("\27"):rep(300000))
    assert.is_true(os.clock() - began < 2)
  end)

  it("is measured and cut by the columns that it takes", function()
    assert.equal(5, text.width "abcde")
    assert.equal(4, text.width "é日ñ")
    assert.equal(2, text.width "🚀")
    assert.equal(1, text.width "e\u{301}")
    assert.equal("abc…", text.cut("abcdefg", 4))
    assert.equal("abcd", text.cut("abcd", 4))
    assert.equal("日…", text.cut("日本語", 4))
    assert.equal("日本語", text.cut("日本語", 6))
    assert.equal("", text.cut("abc", 0))
    assert.equal("é  |", text.pad("é", 3) .. "|")
  end)
end)

local function release(run)
  run:stage("Pull request", function()
    run:step("Open", { intent = { branch = "x\27[2J" }, act = function() clock.sleep(3) return 1 end })
    run:step("Label", { already = function() return true end, act = print })
  end)
  run:stage("Staging", function()
    local checks = 0
    run:wait { name = "Deployment", timeout = 600, every = 10, check = function()
      checks = checks + 1
      if checks == 3 then return true end
      return nil, { text = "shifting", traffic = checks * 40 }
    end }
  end)
  run:live { environment = "staging", version = "1a2b3c4", url = "https://staging.example.org", digest = "sha256:1" }
  run:live { environment = "dev", version = "9f" }
  run:fact "https://example.org/run/1"
  run:notify "Staging is live"
end

describe("the plain face", function()
  it("prints a line for each event, and a summary", function()
    assert.equal([[
09:00:00  run       spec (20260302-090000-de58a0)
09:00:00  begin     Pull request
09:00:00  begin     Pull request › Open  branch x␛[2J
09:00:03  done      Pull request › Open  3 s
09:00:03  begin     Pull request › Label
09:00:03  skipped   Pull request › Label  done already
09:00:03  done      Pull request  3 s
09:00:03  begin     Staging
09:00:03  begin     Staging › Deployment
09:00:03  waiting   Staging › Deployment  shifting, traffic 40 %
09:00:13  waiting   Staging › Deployment  shifting, traffic 80 %
09:00:23  done      Staging › Deployment  20 s
09:00:23  done      Staging  20 s
09:00:23  live      staging  1a2b3c4  https://staging.example.org  digest sha256:1
09:00:23  live      dev  9f
09:00:23  fact      https://example.org/run/1
09:00:23  told      Staging is live

Done: spec · 23 s · run 20260302-090000-de58a0
Live
  staging  1a2b3c4  https://staging.example.org  digest sha256:1
  dev      9f
Facts
  https://example.org/run/1
Took
  Pull request  3 s
    Open        3 s
    Label       0 s   done already
  Staging       20 s
    Deployment  20 s
]], printed("plain", release, nil, { LC_ALL = "C.UTF-8" }))
  end)

  it("says what failed, where, what was not done and what to do", function()
    local output = printed("plain", function(run)
      run:stage("One", function()
        run:step("Push", function()
          errors.raise { kind = "git.rejected", op = "git.push", target = "x", message = "behind\nit",
            hint = "fetch first" }
        end)
      end)
    end, { plan = { "One", "Two", "Three" } }, { LC_ALL = "C" })
    assert.equal([[
09:00:00  run       spec (20260302-090000-de58a0)
09:00:00  begin     One
09:00:00  begin     One > Push
09:00:00  failed    One > Push  0 s: git.push x: behind it; fetch first
09:00:00  failed    One  0 s

Failed: spec, 0 s, run 20260302-090000-de58a0
  at One > Push
  git.push x: behind it
Took
  One     0 s  failed
    Push  0 s  failed
Not done
  One, Two, Three
Next
  fetch first
]], output)
  end)

  it("shows HTTP exchanges when asked to", function()
    local function get()
      http.with_transport(function(request)
        return { status = 204, headers = {}, body = "", url = request.url }
      end, http.get, "https://example.org/a?b=c")
    end
    assert.is_nil(printed("plain", get):find("example.org", 1, true))
    assert.matches("http +GET https://example.org/a[^\n]* 204\n", printed("plain", get, { verbose = true }))
  end)
end)

describe("the JSON face", function()
  it("prints one object a line with sorted keys, run.finished last", function()
    local lines, last = {}, nil
    for line in printed("json", release):gmatch "([^\n]*)\n" do
      lines[#lines + 1], last = line, json.decode(line)
      assert.equal(line, json.encode(last, { sort_keys = true }))
    end
    assert.equal(18, #lines)
    assert.same({ "run.finished", "done", "done", 0 }, { last.event, last.outcome, last.reason, last.exit_code })
    assert.equal("staging", last.live[1].environment)
  end)

  it("prints the same bytes for the same run", function()
    assert.equal(printed("json", release, { seed = 3 }), printed("json", release, { seed = 3 }))
  end)
end)

describe("the GitHub Actions face", function()
  local function actions(fn, options, env)
    env = env or {}
    env.LC_ALL, env.GITHUB_STEP_SUMMARY = "C.UTF-8", env.GITHUB_STEP_SUMMARY or false
    return printed("github_actions", fn, options, env)
  end

  it("folds each top-level step", function()
    local output = actions(release)
    assert.matches("\n::group::Pull request\n09:00:00  begin     Pull request\n", output)
    assert.matches("\n09:00:03  done      Pull request  3 s\n::endgroup::\n::group::Staging\n", output)
    assert.equal(2, select(2, output:gsub("::endgroup::", "")))
    assert.is_nil(output:find("::error", 1, true))
  end)

  it("marks an error with its place in the script, properly escaped", function()
    local output = actions(function(run)
      run:stage("A, B: 100%", function() error("50% of it\nfailed") end)
    end)
    local line = output:match "\n(::error [^\n]*)\n"
    assert.matches("^::error title=A%%2C B%%3A 100%%25,file=[^,]*faces_spec.lua,line=%d+::", line)
    assert.matches("faces_spec.lua:%d+: 50%%25 of it%%0Afailed$", line)
  end)

  it("lets nothing from outside become a command", function()
    local output = actions(function(run)
      run:say "::set-output name=x::1\n::error::no"
      run:say "see ##[error]this"
      run:warn "::stop-commands::x\r::add-mask::y"
    end)
    for line in output:gmatch "[^\n]+" do
      local command = line:match "^%s*::([%w-]+)"
      assert.is_true(command == nil or command == "warning" or command == "group" or command == "endgroup", line)
      assert.is_nil(line:find("##[", 1, true), line)
    end
    assert.matches("\n::warning::::stop%-commands::x ::add%-mask::y\n", output)
  end)

  -- The runner takes a line's leading spaces away before it looks for a command (actions/runner, ActionCommand.cs).
  it("lets nothing from outside become a command in the summary either", function()
    local output = actions(function(run)
      run:fact "::add-mask::a"
      run:live { environment = "::add-mask::b", version = "1" }
      run:refuse("no", "refused\n::stop-commands::c\r\n \t::add-mask::d", "\n::add-mask::e")
    end, { plan = { "::add-mask::f" } })
    assert.matches("stop%-commands", output)
    for line in output:gmatch "[^\n]+" do
      local command = line:match "^%s*::([%w-]+)"
      assert.is_true(command == nil or command == "error", line)
    end
  end)

  it("says a gate as a notice", function()
    local slack = {
      name = "slack", ask = function() end,
      answer = function() return { decision = "approved", by = "x" } end,
    }
    local output = actions(function(run) run:gate { name = "Go", question = "Deploy?", via = { slack } } end)
    assert.matches("\n::notice title=Go::Deploy%? %(via slack%)\n", output)
  end)

  it("writes the summary page, in which Markdown from outside means nothing", function()
    local folder <close> = program.folder()
    local page = folder.path .. "/page"
    actions(function(run)
      run:stage("A | <b>`*", function() end)
      run:live { environment = "staging", version = "1a2b", url = "https://x.example" }
      run:refuse("no.way", "because [x](y)", "ask")
    end, { plan = { "Z" } }, { GITHUB_STEP_SUMMARY = page })
    local file <close> = assert(io.open(page))
    assert.equal([[
### spec: refused

because \[x\](y); ask

| Step | Outcome | Took |
|:-----|:--------|-----:|
| A \| &lt;b&gt;\`\* | done | 0 s |

- live in staging: 1a2b https://x.example
- not done: Z
- next: ask

]], file:read "a")
  end)
end)

describe("the choice of a face", function()
  local faces = require "fairlead.faces"
  local function chosen(choice, env)
    choice.stream = io.tmpfile()
    local face = environment.with(env or { GITHUB_ACTIONS = false }, faces.choose, choice)
    for _, name in ipairs { "plain", "json", "github_actions", "terminal" } do
      local probe = require("fairlead.faces." .. name).new { stream = io.tmpfile() }
      if getmetatable(probe) == getmetatable(face) then return name end
    end
  end

  it("follows the options, then the surroundings", function()
    assert.equal("json", chosen({ json = true }, { GITHUB_ACTIONS = "true" }))
    assert.equal("plain", chosen({ plain = true }, { GITHUB_ACTIONS = "true" }))
    assert.equal("github_actions", chosen({}, { GITHUB_ACTIONS = "true" }))
  end)
end)
