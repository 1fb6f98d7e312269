-- The simulated GitHub's git database: refs, commits, trees and blobs, written through the API on a real repository.
local clock = require "fairlead.clock"
local process = require "fairlead.process"
local support = require "spec.support.world"
local task = require "fairlead.task"

local R <const> = support.REPOSITORY
local NOTE <const> = "refs/fairlead/notes/development"

local function git(w, ...)
  return process.run({ "git", "--git-dir=" .. w:open().origin, ... }):check().stdout
end

local function create(call, path, body)
  local response, made = call("POST", R .. "/git/" .. path, { body = body })
  assert.equal(201, response.status)
  return made
end

--- A commit on `parents` that holds nothing but its message.
local function note(call, text, ...)
  local _, main = call("GET", R .. "/branches/main")
  return create(call, "commits", {
    message = text, tree = main.commit.commit.tree.sha, parents = { ... },
  }).sha
end

local function message_of(call, method, path, body, token)
  local response, answer = call(method, R .. "/git/" .. path, { body = body, token = token })
  return response.status, answer and answer.message
end

describe("world.github's refs", function()
  it("may be anything below refs/ with two slashes, hold a commit, and are real", function()
    support.visit({}, function(w, call)
      local sha = note(call, '{"by":"ada"}')
      local made = create(call, "refs", { ref = NOTE, sha = sha })
      assert.same({ NOTE, "commit", sha }, { made.ref, made.object.type, made.object.sha })
      assert.equal(sha .. "\n", git(w, "rev-parse", NOTE))
      assert.equal('{"by":"ada"}\n', git(w, "log", "-1", "--format=%B", NOTE):gsub("\n+$", "\n"))
      assert.equal(sha, select(2, call("GET", R .. "/git/ref/fairlead/notes/development")).object.sha)
      local _, commit = call("GET", R .. "/git/commits/" .. sha)
      assert.same({ '{"by":"ada"}', "Ada", "ada@example.com" },
        { commit.message, commit.author.name, commit.committer.email })
      assert.equal(404, (call("GET", R .. "/git/ref/fairlead/notes")).status)
      local _, list = call("GET", R .. "/git/matching-refs/fairlead/")
      assert.same({ NOTE }, { list[1].ref, list[2] })
      git(w, "fsck", "--strict", "--no-dangling")
    end)
  end)

  it("are made once only: the second is told that there is one already", function()
    support.visit({}, function(_, call)
      local mine, theirs = note(call, "mine"), note(call, "theirs")
      local won = task.all {
        function() return (call("POST", R .. "/git/refs", { body = { ref = NOTE, sha = mine } })).status end,
        function() return (call("POST", R .. "/git/refs", { body = { ref = NOTE, sha = theirs } })).status end,
      }
      table.sort(won)
      assert.same({ 201, 422 }, won)
      assert.same({ 422, "Reference already exists" },
        { message_of(call, "POST", "refs", { ref = NOTE, sha = mine }) })
    end)
  end)

  it("move without force only to a descendant, so that of two who saw the same one wins", function()
    support.visit({}, function(_, call)
      local first = note(call, "first")
      create(call, "refs", { ref = NOTE, sha = first })
      local second, rival = note(call, "second", first), note(call, "rival", first)
      local path = "refs/fairlead/notes/development"
      assert.equal(200, (message_of(call, "PATCH", path, { sha = second })))
      assert.same({ 422, "Update is not a fast forward" }, { message_of(call, "PATCH", path, { sha = rival }) })
      assert.equal(second, select(2, call("GET", R .. "/git/ref/fairlead/notes/development")).object.sha)
      assert.equal(200, (message_of(call, "PATCH", path, { sha = rival, force = true })))
      assert.equal(204, (message_of(call, "DELETE", path)))
      assert.same({ 422, "Reference does not exist" }, { message_of(call, "DELETE", path) })
      assert.same({ 422, "Reference does not exist" }, { message_of(call, "PATCH", path, { sha = second }) })
    end)
  end)

  it("are refused for names, objects and owners that will not do", function()
    support.visit({}, function(_, call)
      local sha = note(call, "x")
      local function refusal(ref, of, token)
        return select(2, message_of(call, "POST", "refs", { ref = ref, sha = of or sha }, token))
      end
      assert.equal("Reference name must start with 'refs/'.", refusal "heads/x/y")
      assert.equal("Reference name must contain at least three slash-separated components.", refusal "refs/x")
      assert.equal("Object does not exist", refusal(NOTE, ("0"):rep(40)))
      assert.equal("Reference update failed", refusal "refs/pull/1/head")
      assert.equal("Reference update failed", refusal "refs/fairlead/a..b")
      assert.equal("Must have push access to repository.", refusal(NOTE, nil, "ghp_eves-token"))
      create(call, "refs", { ref = "refs/fairlead/notes", sha = sha })
      assert.equal("Reference update failed", refusal(NOTE)) -- refs/fairlead/notes is no folder
    end)
  end)

  it("of protected branches want a pull request; others start workflows like any push", function()
    support.visit({}, function(w, call)
      local _, main = call("GET", R .. "/branches/main")
      local sha = note(call, "straight to main", main.commit.sha)
      assert.matches("must be made through a pull request",
        select(2, message_of(call, "PATCH", "refs/heads/main", { sha = sha })))
      local pushes = {}
      w:on("push", function(data) pushes[#pushes + 1] = data.ref end)
      create(call, "refs", { ref = "refs/heads/feature", sha = sha })
      assert.same({ "refs/heads/feature" }, pushes)
      assert.equal(sha, select(2, call("GET", R .. "/branches/feature")).commit.sha)
    end)
  end)

  it("that somebody pushes with git are seen, too", function()
    support.visit({}, function(w, call)
      local work = w:open().work
      process.run({ "git", "push", "-q", "origin", "HEAD:refs/fairlead/notes/pushed", cwd = work }):check()
      local head = process.run({ "git", "rev-parse", "HEAD", cwd = work }):check().stdout:sub(1, -2)
      assert.equal(head, select(2, call("GET", R .. "/git/ref/fairlead/notes/pushed")).object.sha)
    end)
  end)
end)

describe("world.github's objects", function()
  it("are blobs, trees over other trees, and commits with dates of their own", function()
    support.visit({}, function(w, call)
      local _, main = call("GET", R .. "/branches/main")
      local blob = create(call, "blobs", { content = "AAEC", encoding = "base64" })
      local tree = create(call, "trees", {
        base_tree = main.commit.commit.tree.sha,
        tree = {
          { path = "bin/three", mode = "100755", type = "blob", sha = blob.sha },
          { path = "docs/a b.md", mode = "100644", content = "Text\n" },
        },
      })
      local commit = create(call, "commits", {
        message = "Two files", tree = tree.sha, parents = { main.commit.sha },
        author = { name = "Zoë", email = "z@example.com", date = "2024-02-29T23:30:00+01:00" },
      })
      assert.equal("2024-02-29T22:30:00Z", commit.author.date)
      create(call, "refs", { ref = "refs/heads/files", sha = commit.sha })
      assert.equal("\0\1\2", git(w, "show", "files:bin/three"))
      assert.equal("100755", git(w, "ls-tree", "files", "bin/three"):match "^%d+")
      local _, whole = call("GET", R .. "/git/trees/files", { query = { recursive = 1 } })
      local paths = {}
      for i, entry in ipairs(whole.tree) do paths[i] = entry.path end
      assert.same({ "README.md", "bin", "bin/three", "docs", "docs/a b.md", "lamp.txt" }, paths)
      local _, read = call("GET", R .. "/git/blobs/" .. blob.sha)
      assert.same({ "AAEC", 3 }, { (read.content:gsub("\n", "")), read.size })
      local without = create(call, "trees", {
        base_tree = tree.sha,
        tree = { { path = "lamp.txt", mode = "100644", type = "blob", sha = require("fairlead.json").null } },
      })
      for _, entry in ipairs(without.tree) do assert.are_not.equal("lamp.txt", entry.path) end
      git(w, "fsck", "--strict", "--no-dangling")
    end)
  end)

  it("have the same ids for the same text at the same time, and not a second later", function()
    support.visit({}, function(_, call)
      local body = { message = "x", tree = select(2, call("GET", R .. "/git/trees/main")).sha,
        author = { name = "A", email = "a@example.com", date = "2026-03-02T09:00:00Z" } }
      assert.equal(create(call, "commits", body).sha, create(call, "commits", body).sha)
      body.author = nil
      local before = create(call, "commits", body).sha
      clock.sleep(1)
      assert.are_not.equal(before, create(call, "commits", body).sha)
    end)
  end)

  it("are refused when what they name is not there", function()
    support.visit({}, function(_, call)
      local none = ("1"):rep(40)
      assert.same({ 422, "Tree SHA does not exist" },
        { message_of(call, "POST", "commits", { message = "x", tree = none }) })
      local _, tree = call("GET", R .. "/git/trees/main")
      assert.same({ 422, "Parent SHA does not exist or is not a commit object" },
        { message_of(call, "POST", "commits", { message = "x", tree = tree.sha, parents = { tree.sha } }) })
      assert.matches('"tree" wasn\'t supplied', select(2, message_of(call, "POST", "commits", { message = "x" })))
      assert.matches("is not a valid object", select(2, message_of(call, "POST", "trees",
        { tree = { { path = "x", mode = "100644", sha = none } } })))
      assert.equal("tree.path contains a malformed path component", select(2, message_of(call, "POST", "trees",
        { tree = { { path = "a/../x", mode = "100644", content = "" } } })))
      assert.equal(404, (message_of(call, "GET", "blobs/" .. tree.sha)))
    end)
  end)
end)
