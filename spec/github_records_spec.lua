-- Records in git refs: of two that write at once one wins, an answer that is lost is looked up, and what anybody may
-- have put there is read with care.
local github = require "fairlead.github"
local http = require "fairlead.http"
local records = require "fairlead.github.records"
local support = require "spec.support.world"

local PREFIX <const> = "refs/fairlead/notes"

-- fn(store, another store of another person, w, call)
local function visit(fn, options)
  support.visit(options or {}, function(w, call)
    local function open(token)
      local client = github.client { repository = "acme/lighthouse", token = token }
      return records.open { client = client, prefix = PREFIX }
    end
    fn(open "ghp_a-developers-token", open "ghp_bobs-token", w, call)
  end)
end

-- Puts something in the network's place for one kind of request.
local function meddling(method, path, fn)
  local inner
  inner = http.use_transport(function(request)
    if request.method == method and request.url:find(path) then return fn(request, inner) end
    return inner(request)
  end)
  return setmetatable({}, { __close = function() http.use_transport(inner) end })
end

local function lost()
  require "fairlead.errors".raise { kind = "http.reset", message = "the connection broke", retryable = true }
end

local function put(call, text)
  local R <const> = support.REPOSITORY
  local _, main = call("GET", R .. "/branches/main")
  local _, commit = call("POST", R .. "/git/commits", { body = {
    message = text, tree = main.commit.commit.tree.sha, parents = {},
  } })
  call("POST", R .. "/git/refs", { body = { ref = PREFIX .. "/x", sha = commit.sha } })
end

describe("github.records", function()
  it("gives what was written, to another as well, with its history", function()
    visit(function(mine, theirs)
      assert.is_nil(mine:read "x")
      local first = assert(mine:write("x", { n = 1 }, nil, "Ada makes it"))
      local value, version = theirs:read "x"
      assert.same({ n = 1 }, value)
      assert.equal(first, version)
      assert.is_string(theirs:write("x", { n = 2 }, version, "Bob {changes}\nit"))
      assert.same({ n = 2 }, (mine:read "x"))
      assert.same({ "x" }, mine:names())
      local history = mine:history "x"
      assert.same({ 2, 1 }, { history[1].value.n, history[2].value.n })
      assert.same({ "Bob", "Ada" }, { history[1].author, history[2].author })
      assert.equal("Ada makes it", history[2].subject)
      assert.equal(1, #mine:history("x", 1))
    end)
  end)

  it("of two that write at the same time the second is told", function()
    visit(function(mine, theirs)
      assert.is_string(mine:write("x", { by = "ada" }, nil))
      assert.is_nil(theirs:write("x", { by = "bob" }, nil))
      local _, version = mine:read "x"
      assert.is_string(theirs:write("x", { by = "bob" }, version))
      assert.is_nil(mine:write("x", { by = "ada" }, version))
      assert.same({ by = "bob" }, (mine:read "x"))
    end)
  end)

  it("update changes what is there by then, however often others write in between", function()
    visit(function(mine, theirs)
      local calls = 0
      local result, version = mine:update("x", function(value)
        calls = calls + 1
        if calls < 4 then
          theirs:update("x", function(v) return { n = (v and v.n or 0) + 1 } end)
        end
        return { n = (value and value.n or 0) + 10 }, "adds ten", "ten"
      end)
      assert.equal("ten", result)
      assert.is_string(version)
      assert.same({ n = 13 }, (mine:read "x"))
      assert.is_nil(select(2, mine:update("x", function() return nil end)))
      assert.same({ n = 13 }, (mine:read "x"))
      local ok, err = pcall(mine.update, mine, "x", function(value)
        theirs:update("x", function(v) return { n = v.n + 1 } end)
        return value
      end)
      assert.is_false(ok)
      assert.equal("github.record.busy", err.kind)
    end)
  end)

  for _, case in ipairs {
    { "made", "POST", "/git/refs$" }, { "moved", "PATCH", "/git/refs/" }, { "committed", "POST", "/git/commits$" },
  } do
    it(("is %s once although the answer is lost"):format(case[1]), function()
      visit(function(mine)
        local version
        if case[1] == "moved" then version = mine:write("x", { n = 0 }, nil) end
        local times = 0
        do
          local _ <close> = meddling(case[2], case[3], function(request, inner)
            local answer = inner(request)
            times = times + 1
            if times == 1 then lost() end
            return answer
          end)
          assert.is_string(mine:write("x", { n = 1 }, version))
        end
        assert.equal(2, times)
        assert.same({ n = 1 }, (mine:read "x"))
        assert.equal(version and 2 or 1, #mine:history "x")
      end)
    end)
  end

  it("knows its own although somebody wrote after it and the answer was lost", function()
    visit(function(mine, theirs)
      local version = assert(mine:write("x", { by = "nobody" }, nil))
      local times = 0
      do
        local _ <close> = meddling("PATCH", "/git/refs/", function(request, inner)
          times = times + 1
          local answer = inner(request)
          if times == 1 then
            theirs:update("x", function() return { by = "bob" } end)
            lost()
          end
          return answer
        end)
        assert.is_string(mine:write("x", { by = "ada" }, version), "it was written, and Bob's write followed")
      end
      assert.same({ by = "bob" }, (mine:read "x"))
      assert.equal(3, #mine:history "x")
    end)
  end)

  it("raises what is refused for good", function()
    visit(function(mine)
      local _ <close> = meddling("POST", "/git/refs$", function()
        return { status = 422, headers = { { "content-type", "application/json" } },
          body = '{"message":"Reference update failed"}' }
      end)
      local ok, err = pcall(mine.write, mine, "x", { n = 1 }, nil)
      assert.is_false(ok)
      assert.equal("github.api.invalid", err.kind)
    end)
  end)

  for name, text in pairs {
    ["no JSON"] = "hello", ["half of it"] = '{"n":', ["too much"] = '{"n":"' .. ("x"):rep(70000) .. '"}',
    ["another kind of value"] = "[1]",
  } do
    it("refuses to read " .. name, function()
      visit(function(mine, _, _, call)
        put(call, text)
        local ok, err = pcall(mine.read, mine, "x")
        assert.is_false(ok)
        assert.equal("github.record", err.kind)
        assert.matches("refs/fairlead/notes/x", tostring(err))
      end)
    end)
  end

  it("takes names and prefixes that are fit for a ref only", function()
    visit(function(mine)
      for _, name in ipairs { "", "../heads/main", "a/b", "a b", "-x", ("x"):rep(101) } do
        assert.is_false(pcall(mine.read, mine, name), name)
      end
      for _, prefix in ipairs { "heads/x", "refs/heads", "refs/fairlead/../heads" } do
        assert.is_false(pcall(records.open, { client = {}, prefix = prefix }), prefix)
      end
      local ok, why = pcall(mine.write, mine, "x", { text = ("y"):rep(60000) }, nil)
      assert.is_false(ok)
      assert.matches("bytes; a record holds 60000", tostring(why))
    end)
  end)
end)
