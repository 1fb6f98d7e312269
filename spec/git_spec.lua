local environment = require "fairlead.environment"
local git = require "fairlead.git"
local id = require "fairlead.git.id"
local lfs = require "lfs"
local process = require "fairlead.process"
local sandboxes = require "spec.support.sandbox"

local function failure(fn, ...)
  local value, err = try(fn, ...)
  assert.is_nil(value)
  return err
end

local function lines(text)
  local list = {}
  for line in text:gmatch "[^\n]+" do list[#list + 1] = line end
  return list
end

local function column(list, field)
  local values = {}
  for i, item in ipairs(list) do values[i] = item[field] end
  return values
end

describe("git", function()
  local sandbox, files_before

  local function open_files()
    local count = 0
    for _ in lfs.dir "/proc/self/fd" do count = count + 1 end
    return count
  end

  before_each(function()
    sandbox = sandboxes.new()
    collectgarbage()
    files_before = open_files()
  end)

  after_each(function()
    sandbox:close()
    collectgarbage()
    assert.equal(files_before, open_files(), "open files left")
  end)

  describe("open", function()
    it("finds the repository from a folder within it", function()
      local path = sandbox:repository "work"
      sandbox:write("work/src/deep/file", "")
      local repository <close> = git.open(path .. "/src/deep")
      assert.equal(path, repository:folder())
      assert.is_false(repository:is_bare())
      assert.is_false(repository:is_shallow())
    end)

    it("takes a bare repository", function()
      sandbox:pair()
      local repository <close> = git.open(sandbox.path .. "/remote")
      assert.is_true(repository:is_bare())
      assert.equal(sandbox.path .. "/remote", repository:folder())
      assert.equal("main", repository:head().branch)
      assert.equal(sandbox:git("work", "rev-parse", "HEAD"), repository:head().sha)
      assert.equal("git.bare", failure(repository.status, repository).kind)
    end)

    it("takes a linked worktree", function()
      sandbox:repository "work"
      sandbox:git("work", "worktree", "add", "-q", "-b", "side", "../side")
      local repository <close> = git.open(sandbox.path .. "/side")
      assert.equal("side", repository:head().branch)
      assert.equal(sandbox.path .. "/side", repository:folder())
      assert.is_true(repository:is_clean())
    end)

    it("tells that there is none", function()
      local err = failure(git.open, sandbox.path)
      assert.equal("git.no_repository", err.kind)
      assert.equal(("git.open %s: no git repository here, nor in a folder above; " ..
        "change into a clone, or name its folder"):format(sandbox.path), tostring(err))
      assert.equal("git.no_repository", failure(git.open, sandbox.path .. "/no/such/folder").kind)
    end)

    it("refuses SHA-256 repositories clearly", function()
      process.run({ "git", "init", "-q", "--object-format=sha256", sandbox.path .. "/new" }):check()
      local err = failure(git.open, sandbox.path .. "/new")
      assert.equal("git.unsupported", err.kind)
      assert.matches("SHA%-256 commit ids; only SHA%-1 repositories can be read", tostring(err))
    end)

    it("takes repositories with settings of one worktree, and partial clones", function()
      sandbox:pair()
      sandbox:git("work", "config", "extensions.worktreeConfig", "true")
      sandbox:git("work", "config", "core.repositoryFormatVersion", "1")
      sandbox:git("work", "config", "extensions.partialClone", "origin")
      local repository <close> = git.open(sandbox.path .. "/work")
      assert.equal("main", repository:head().branch)
    end)

    it("refuses a repository of another user, with the way out", function()
      local path = sandbox:repository "work"
      if process.run({ "chown", "-R", "65534:65534", path }).code ~= 0 then
        pending "only root can give a folder away"
      end
      local err = failure(git.open, path)
      process.run({ "chown", "-R", "0:0", path }):check()
      assert.equal("git.unsafe", err.kind)
      assert.matches("safe.directory", tostring(err))
    end)

    it("refuses what is no path", function()
      assert.error_matches(function() git.open(5) end, "bad argument #1 to 'git.open' %(string expected, got number%)")
    end)
  end)

  describe("close", function()
    it("may be called again; nothing else may be called after it", function()
      sandbox:repository "work"
      local repository = git.open(sandbox.path .. "/work")
      repository:close()
      repository:close()
      assert.equal("git.Repository (closed)", tostring(repository))
      assert.error_matches(function() repository:head() end, "the repository is closed")
      assert.error_matches(function() repository:log() end, "the repository is closed")
    end)
  end)

  describe("head", function()
    it("is a branch and its commit", function()
      sandbox:repository "work"
      sandbox:git("work", "switch", "-q", "-c", "feature/ünï")
      local repository <close> = git.open(sandbox.path .. "/work")
      assert.same({ branch = "feature/ünï", sha = sandbox:git("work", "rev-parse", "HEAD"), detached = false },
        repository:head())
      assert.equal("feature/ünï", repository:require_branch())
    end)

    it("is a branch without a commit at first", function()
      sandbox:repository("work", true)
      local repository <close> = git.open(sandbox.path .. "/work")
      assert.same({ branch = "main", detached = false, unborn = true }, repository:head())
      assert.equal("main", repository:require_branch())
      assert.equal("git.not_found", failure(repository.resolve, repository, "HEAD").kind)
      assert.equal("git.not_found", failure(repository.log, repository).kind)
      assert.same({}, repository:status())
    end)

    it("is a commit alone when detached, which require_branch refuses", function()
      sandbox:repository "work"
      sandbox:git("work", "switch", "-q", "--detach")
      local repository <close> = git.open(sandbox.path .. "/work")
      local sha = sandbox:git("work", "rev-parse", "HEAD")
      assert.same({ sha = sha, detached = true }, repository:head())
      local err = failure(repository.require_branch, repository)
      assert.equal("git.detached", err.kind)
      assert.equal(("git.head %s/work: HEAD is detached at %s: no branch is checked out; " ..
        "git switch BRANCH, or git switch --create NEW-BRANCH"):format(sandbox.path, sha:sub(1, 10)), tostring(err))
    end)
  end)

  describe("resolve", function()
    it("gives the commit of whatever names one", function()
      sandbox:repository "work"
      local first = sandbox:git("work", "rev-parse", "HEAD")
      local second = sandbox:commit("work", "a", "1")
      sandbox:git("work", "tag", "-a", "-m", "one", "v1")
      local repository <close> = git.open(sandbox.path .. "/work")
      for _, name in ipairs { "HEAD", "main", "refs/heads/main", "v1", second:sub(1, 7), second:upper(), "@" } do
        assert.equal(second, repository:resolve(name))
      end
      assert.equal(first, repository:resolve "HEAD~1")
      assert.equal(sandbox:git("work", "rev-parse", "HEAD:a"), repository:resolve "HEAD:a")
    end)

    it("tells what it did not find", function()
      sandbox:repository "work"
      local repository <close> = git.open(sandbox.path .. "/work")
      for _, name in ipairs { "nope", ("1"):rep(40), "HEAD~9", "", "-x", "--all", "main..main", "HEAD:nope", "a\nb" } do
        local err = failure(repository.resolve, repository, name)
        assert.is_true(err.kind == "git.not_found" or err.kind == "git.invalid_name", name .. ": " .. tostring(err))
      end
      assert.equal("git.resolve nope: no such commit, branch or tag",
        tostring(failure(repository.resolve, repository, "nope")))
      assert.equal("git.not_found", failure(repository.commit, repository, "HEAD:README.md").kind)
      assert.error_matches(function() repository:resolve() end, "string expected")
    end)

    it("tells an abbreviation that fits two commits", function()
      sandbox:repository "work"
      local ids = sandbox:fill("work", 5, 400)
      local seen, ambiguous = {}, nil
      for _, sha in ipairs(ids) do
        local start = sha:sub(1, 4)
        if seen[start] then ambiguous = start end
        seen[start] = true
      end
      local repository <close> = git.open(sandbox.path .. "/work")
      assert.is_not_nil(ambiguous)
      assert.equal("git.ambiguous", failure(repository.resolve, repository, ambiguous).kind)
    end)
  end)

  describe("status", function()
    -- `git status`, as repository:status() should tell it.
    local function peer_status()
      local index = { A = "added", M = "modified", D = "deleted", R = "renamed", T = "type_changed" }
      local worktree = { M = "modified", D = "deleted", T = "type_changed" }
      local list, fields = {}, {}
      for field in (sandbox:git("work", "status", "--porcelain=v1", "-z") .. "\0"):gmatch "([^%z]+)%z" do
        fields[#fields + 1] = field
      end
      local i = 1
      while i <= #fields do
        local x, y, path = fields[i]:match "^(.)(.) (.*)$"
        local entry = { path = path, index = index[x], worktree = worktree[y] }
        if x == "?" then entry = { path = path, worktree = "untracked" } end
        if x == "U" or y == "U" then entry = { path = path, index = "conflicted", worktree = "conflicted" } end
        if x == "R" then
          i = i + 1
          entry.old_path = fields[i]
        end
        list[#list + 1] = entry
        i = i + 1
      end
      table.sort(list, function(a, b) return a.path < b.path end)
      return list
    end

    local function assert_same_as_git()
      local repository <close> = git.open(sandbox.path .. "/work")
      local ours = repository:status()
      table.sort(ours, function(a, b) return a.path < b.path end)
      assert.same(peer_status(), ours)
      return ours
    end

    it("is git's own, for every kind of change at once", function()
      sandbox:repository "work"
      for _, name in ipairs { "changed", "staged", "both", "gone", "gone-staged", "old-name", "type", "ünï çödé" } do
        sandbox:commit("work", name, ("text of " .. name .. "\n"):rep(5))
      end
      sandbox:write("work/.gitignore", "*.ignored\n/out/\n")
      sandbox:git("work", "add", ".gitignore")
      sandbox:git("work", "commit", "-qm", "ignore")
      sandbox:write("work/changed", "other")
      sandbox:write("work/ünï çödé", "other")
      sandbox:write("work/staged", "other")
      sandbox:write("work/both", "other")
      sandbox:write("work/added", "new\n")
      sandbox:git("work", "add", "staged", "both", "added")
      sandbox:write("work/both", "and more")
      sandbox:git("work", "rm", "-q", "gone-staged")
      sandbox:git("work", "mv", "old-name", "new-name")
      os.remove(sandbox.path .. "/work/gone")
      os.remove(sandbox.path .. "/work/type")
      process.run({ "ln", "-s", "changed", sandbox.path .. "/work/type" }):check()
      sandbox:write("work/untracked", "x")
      sandbox:write("work/folder/one", "x")
      sandbox:write("work/folder/two", "x")
      sandbox:write("work/note.ignored", "x")
      sandbox:write("work/out/x", "x")
      process.run({ "mkdir", sandbox.path .. "/work/empty" }):check()
      assert.equal(11, #assert_same_as_git())
    end)

    it("shows conflicts", function()
      sandbox:repository "work"
      sandbox:git("work", "switch", "-qc", "other")
      sandbox:commit("work", "README.md", "theirs\n")
      sandbox:git("work", "switch", "-q", "main")
      sandbox:commit("work", "README.md", "ours\n")
      pcall(sandbox.git, sandbox, "work", "merge", "-q", "other")
      assert.same({ { path = "README.md", index = "conflicted", worktree = "conflicted" } }, assert_same_as_git())
    end)

    it("does not miss files that a sparse checkout leaves out", function()
      sandbox:repository "work"
      sandbox:commit("work", "kept/a", "1")
      sandbox:commit("work", "left/b", "1")
      sandbox:git("work", "sparse-checkout", "set", "kept")
      assert.same({}, assert_same_as_git())
    end)

    it("does not mind that another git is at work", function()
      sandbox:repository "work"
      sandbox:write("work/.git/index.lock", "")
      process.run({ "touch", sandbox.path .. "/work/README.md" }):check()
      local repository <close> = git.open(sandbox.path .. "/work")
      assert.is_true(repository:is_clean())
    end)

    it("sees a file that changed in the moment when it was added", function()
      sandbox:repository "work"
      for i = 1, 20 do
        sandbox:write("work/racy", ("%02d"):format(i))
        sandbox:git("work", "add", "racy")
        sandbox:write("work/racy", ("%02d"):format(i + 50))
        assert.equal("modified", assert_same_as_git()[1].worktree)
      end
    end)
  end)

  describe("is_clean and require_clean", function()
    it("pass when everything is committed", function()
      sandbox:repository "work"
      local repository <close> = git.open(sandbox.path .. "/work")
      assert.is_true(repository:is_clean())
      repository:require_clean()
    end)

    it("count untracked files unless told not to", function()
      sandbox:repository "work"
      sandbox:write("work/forgotten", "x")
      local repository <close> = git.open(sandbox.path .. "/work")
      assert.is_false(repository:is_clean())
      assert.is_true(repository:is_clean { untracked = false })
      repository:require_clean { untracked = false }
      assert.equal(("git.status %s/work: 1 uncommitted change: ?? forgotten; commit or stash them, " ..
        "or add what is not meant for git to .gitignore"):format(sandbox.path),
        tostring(failure(repository.require_clean, repository)))
    end)

    it("name up to five paths", function()
      sandbox:repository "work"
      for i = 1, 7 do sandbox:write("work/file" .. i, "x") end
      sandbox:git("work", "add", "file1")
      local repository <close> = git.open(sandbox.path .. "/work")
      local err = failure(repository.require_clean, repository)
      assert.equal("git.dirty", err.kind)
      assert.equal("7 uncommitted changes: A file1, ?? file2, ?? file3, ?? file4, ?? file5, …", err.message)
    end)

    it("refuse options that they do not know", function()
      sandbox:repository "work"
      local repository <close> = git.open(sandbox.path .. "/work")
      assert.error_matches(function() repository:is_clean { untraced = true } end,
        "bad argument #1 to 'repository:is_clean' %(unknown option 'untraced'%)")
      local ok, message = pcall(function() repository:log { limit = "5" } end)
      assert.is_false(ok)
      assert.matches("git_spec.lua:%d+: bad argument #1 to 'repository:log' %(limit: integer expected, got string%)",
        message)
    end)
  end)

  describe("over a random history", function()
    for seed = 1, 3 do
      it(("answers as git does (seed %d)"):format(seed), function()
        sandbox:repository("work", true)
        local ids = sandbox:fill("work", seed, 60)
        local repository <close> = git.open(sandbox.path .. "/work")
        local function peer(...) return sandbox:git("work", ...) end

        assert.same(lines(peer("rev-list", "--date-order", ids[60])), column(repository:log { to = ids[60] }, "sha"))
        for pair = 1, 12 do
          local a, b = ids[(pair * 17 * seed) % 60 + 1], ids[(pair * 31 + seed) % 60 + 1]
          local range = a .. "..." .. b
          assert.same(lines(peer("rev-list", "--date-order", a .. ".." .. b)),
            column(repository:log { from = a, to = b }, "sha"))
          local ahead, behind = repository:ahead_behind(a, b)
          assert.equal(peer("rev-list", "--left-right", "--count", range), ahead .. "\t" .. behind)
          local bases = lines(peer("merge-base", "--all", a, b))
          assert.is_truthy(table.concat(bases, " "):find(repository:merge_base(a, b), 1, true))
          assert.equal(bases[1] == a, repository:is_ancestor(a, b))
          local stat = repository:diff_stat(a, b)
          local text = (" %d file%s changed"):format(stat.files, stat.files == 1 and "" or "s")
          if stat.files == 0 then text = "" end
          local function add(count, word)
            if count > 0 then text = ("%s, %d %s%s(%s)"):format(text, count, word, count == 1 and "" or "s",
              word == "insertion" and "+" or "-") end
          end
          add(stat.insertions, "insertion")
          add(stat.deletions, "deletion")
          assert.equal(peer("diff", "--shortstat", a, b), text)
          local names = {}
          for i, file in ipairs(stat.by_file) do names[i] = file.path end
          table.sort(names)
          local expected = {}
          for name in (peer("diff", "-z", "--name-only", a, b)):gmatch "[^%z]+" do expected[#expected + 1] = name end
          table.sort(expected)
          assert.same(expected, names)
        end
      end)
    end
  end)

  describe("log", function()
    it("tells all about a commit", function()
      sandbox:repository "work"
      local parent = sandbox:git("work", "rev-parse", "HEAD")
      local sha = sandbox:commit("work", "a", "1", "Ünïcode\nsecond line\n\nbody\n\n")
      local repository <close> = git.open(sandbox.path .. "/work")
      local at = math.tointeger(sandbox:git("work", "show", "-s", "--format=%ct"))
      local ada = { name = "Ada", email = "ada@example.org", time = at }
      local expected = {
        sha = sha, summary = "Ünïcode second line", message = "Ünïcode\nsecond line\n\nbody", author = ada,
        committer = ada, time = at, parents = { parent },
      }
      assert.same({ expected }, repository:log { limit = 1 })
      assert.same(expected, repository:commit(sha:sub(1, 8)))
      assert.same({}, repository:log { limit = 0 })
      assert.same({}, repository:log { from = "HEAD" })
      assert.same({ sha }, column(repository:log { from = parent }, "sha"))
    end)

    it("gives messages in old encodings as UTF-8", function()
      sandbox:repository "work"
      sandbox:git("work", "config", "i18n.commitEncoding", "ISO-8859-1")
      sandbox:commit("work", "a", "1", "Stra\xdfe")
      local repository <close> = git.open(sandbox.path .. "/work")
      assert.equal("Straße", repository:commit("HEAD").summary)
    end)

    it("counts binary files, which have no lines", function()
      sandbox:repository "work"
      sandbox:commit("work", "image", "a\0b\n")
      local repository <close> = git.open(sandbox.path .. "/work")
      assert.same({
        files = 1, insertions = 0, deletions = 0,
        by_file = { { path = "image", status = "added", insertions = 0, deletions = 0, binary = true } },
      }, repository:diff_stat("HEAD~1"))
    end)

    it("finds renames", function()
      sandbox:repository "work"
      sandbox:commit("work", "old", ("line\n"):rep(20))
      sandbox:git("work", "mv", "old", "new")
      sandbox:commit("work", "new", ("line\n"):rep(20) .. "more\n")
      local repository <close> = git.open(sandbox.path .. "/work")
      assert.same({ { path = "new", old_path = "old", status = "renamed", insertions = 1, deletions = 0 } },
        repository:diff_stat("HEAD~1", "HEAD").by_file)
    end)

    it("finds no common ancestor where there is none", function()
      sandbox:repository "work"
      sandbox:git("work", "switch", "-q", "--orphan", "other")
      sandbox:commit("work", "a", "1")
      local repository <close> = git.open(sandbox.path .. "/work")
      assert.is_nil(repository:merge_base("main", "other"))
      assert.same({ 1, 1 }, { repository:ahead_behind("main", "other") })
      assert.is_false(repository:is_ancestor("main", "other"))
    end)
  end)

  describe("in a shallow clone", function()
    it("answers for the history that is there", function()
      sandbox:pair()
      local ids = { sandbox:git("work", "rev-parse", "HEAD") }
      for i = 2, 6 do ids[i] = sandbox:commit("work", "a", tostring(i)) end
      sandbox:git("work", "push", "-q")
      local repository <close> = git.clone {
        url = "file://" .. sandbox.path .. "/remote", path = sandbox.path .. "/shallow", depth = 3,
      }
      assert.is_true(repository:is_shallow())
      local log = repository:log()
      assert.same({ ids[6], ids[5], ids[4] }, column(log, "sha"))
      assert.same({}, log[3].parents)
      assert.same({ ids[5] }, column(repository:log { from = ids[4], limit = 1, to = "HEAD~1" }, "sha"))
      assert.same({ 0, 2 }, { repository:ahead_behind(ids[4], "HEAD") })
      assert.equal(ids[4], repository:merge_base(ids[4], "HEAD"))
      assert.is_true(repository:is_ancestor(ids[4], ids[6]))
      assert.is_false(repository:is_ancestor(ids[6], ids[4]))
      assert.equal(1, repository:diff_stat(ids[4], "HEAD").files)
      assert.equal("git.not_found", failure(repository.log, repository, { from = ids[1] }).kind)
      assert.is_true(repository:is_clean())
      repository:fetch { unshallow = true }
      assert.is_false(repository:is_shallow())
      assert.equal(6, #repository:log())
    end)
  end)

  it("is not led astray by git's variables of a hook that started it", function()
    sandbox:pair()
    local other = sandbox:repository "other"
    environment.with({ GIT_DIR = other .. "/.git", GIT_WORK_TREE = other }, function()
      local repository <close> = git.open(sandbox.path .. "/work")
      assert.equal(sandbox.path .. "/work", repository:folder())
      assert.same({}, repository:fetch())
    end)
  end)
end)

describe("git.is_abbreviation", function()
  local sha = "0123456789abcdef0123456789abcdef01234567"

  it("takes 7 characters of the id or more", function()
    for length = 7, 40 do assert.is_true(git.is_abbreviation(sha:sub(1, length), sha)) end
    assert.is_true(git.is_abbreviation(sha:sub(1, 7), sha:upper()))
    assert.equal(id.is_abbreviation, git.is_abbreviation)
  end)

  it("takes nothing else", function()
    local others = {
      "", "012345", "1234567", "0123457", sha .. "0", "latest", "main", "0123456g", "0123456-dirty", "0123456 ",
      sha:sub(1, 12):upper(), ".......", "0x12345",
    }
    for _, text in ipairs(others) do assert.is_false(git.is_abbreviation(text, sha), text) end
  end)

  it("wants the full id to compare with", function()
    assert.error_matches(function() git.is_abbreviation("0123456", "0123456") end,
      "full commit id expected, got '0123456'")
    assert.error_matches(function() git.is_abbreviation("0123456", nil) end, "full commit id expected, got nil")
    assert.error_matches(function() git.is_abbreviation(nil, sha) end, "bad argument #1 to 'git.is_abbreviation'")
  end)
end)
