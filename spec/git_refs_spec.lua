-- A repository's branches, tags and remotes, against the real git.
local clock = require "fairlead.clock"
local environment = require "fairlead.environment"
local git = require "fairlead.git"
local sandboxes = require "spec.support.sandbox"

local function failure(fn, ...)
  local value, err = try(fn, ...)
  assert.is_nil(value)
  return err
end

describe("git", function()
  local sandbox

  before_each(function() sandbox = sandboxes.new() end)
  after_each(function() sandbox:close() end)

  describe("branches and tags", function()
    it("are listed with their commits", function()
      sandbox:pair()
      local sha = sandbox:git("work", "rev-parse", "HEAD")
      sandbox:git("work", "branch", "side")
      sandbox:git("work", "remote", "set-head", "origin", "main")
      sandbox:git("work", "tag", "light")
      sandbox:git("work", "tag", "-a", "-m", "First release", "v1.0")
      sandbox:git("work", "tag", "of-a-file", "HEAD:README.md")
      local repository <close> = git.open(sandbox.path .. "/work")
      assert.same({ { name = "main", sha = sha, head = true, upstream = "origin/main" }, { name = "side", sha = sha } },
        repository:branches())
      assert.same({ { name = "origin/main", sha = sha } }, repository:branches { remote = true })
      assert.same({
        { name = "light", sha = sha, annotated = false },
        { name = "v1.0", sha = sha, annotated = true, message = "First release" },
      }, repository:tags())
      local refs = repository:refs()
      assert.equal(sha, refs["refs/heads/side"])
      assert.equal(sandbox:git("work", "rev-parse", "v1.0"), refs["refs/tags/v1.0"])
    end)

    it("know their upstreams, wherever these are kept", function()
      sandbox:pair()
      sandbox:git("work", "branch", "--track", "local", "main")
      sandbox:git("work", "branch", "none")
      sandbox:git("work", "switch", "-q", "-c", "Feature/X.y")
      sandbox:git("work", "push", "-q", "-u", "origin", "Feature/X.y:other-name")
      sandbox:git("work", "config", "remote.odd.url", sandbox.path .. "/remote")
      sandbox:git("work", "config", "remote.odd.fetch", "+refs/heads/*:refs/remotes/odd/place/*")
      sandbox:git("work", "fetch", "-q", "odd")
      sandbox:git("work", "branch", "--track", "far", "odd/place/main")
      local repository <close> = git.open(sandbox.path .. "/work")
      for _, branch in ipairs(repository:branches()) do
        local told = sandbox:git("work", "for-each-ref", "--format=%(upstream:short)", "refs/heads/" .. branch.name)
        assert.equal(told, branch.upstream or "", branch.name)
      end
      assert.equal("origin/other-name", repository:branches()[1].upstream)
    end)

    it("are seen as other programs leave them", function()
      sandbox:repository "work"
      local repository <close> = git.open(sandbox.path .. "/work")
      assert.equal(1, #repository:branches())
      sandbox:git("work", "branch", "side")
      sandbox:git("work", "pack-refs", "--all")
      assert.equal(2, #repository:branches())
      local sha = sandbox:commit("work", "a", "1")
      sandbox:git("work", "gc", "-q")
      assert.equal(sha, repository:head().sha)
      assert.equal(2, #repository:log())
    end)

    it("make a branch that git agrees with", function()
      sandbox:repository "work"
      local first = sandbox:git("work", "rev-parse", "HEAD")
      sandbox:commit("work", "a", "1")
      local repository <close> = git.open(sandbox.path .. "/work")
      assert.equal(first, repository:create_branch { name = "fix/ünï", at = "HEAD~1" })
      assert.equal(first, sandbox:git("work", "rev-parse", "refs/heads/fix/ünï"))
      local err = failure(repository.create_branch, repository, { name = "main" })
      assert.equal("git.create_branch main: there is a branch of this name", tostring(err))
      assert.equal("git.exists", err.kind)
      assert.equal("git.not_found", failure(repository.create_branch, repository, { name = "x", at = "nope" }).kind)
      assert.error_matches(function() repository:create_branch {} end, "name: string expected, got nil")
    end)

    it("refuse names that could be taken for something else", function()
      sandbox:repository "work"
      local repository <close> = git.open(sandbox.path .. "/work")
      local names = { "-f", "--force", "a b", "a:b", "a..b", "", "HEAD", "a.lock", "a\nb", "@{x", "a~1", "/a" }
      for _, name in ipairs(names) do
        assert.equal("git.invalid_name", failure(repository.create_branch, repository, { name = name }).kind, name)
        if name ~= "HEAD" then
          assert.equal("git.invalid_name", failure(repository.tag, repository, { name = name }).kind, name)
        end
      end
    end)

    it("make a tag, annotated when there is a message, by git's identity, at the task's time", function()
      sandbox:repository "work"
      local repository <close> = git.open(sandbox.path .. "/work")
      local sha = repository:tag { name = "light" }
      assert.equal("commit", sandbox:git("work", "cat-file", "-t", "light"))
      environment.with({ GIT_COMMITTER_NAME = false, GIT_COMMITTER_EMAIL = false }, function()
        clock.simulate({ start = 1772442000 }, function()
          assert.equal(sha, repository:tag { name = "v1", message = "First\n\nbody" })
        end)
      end)
      assert.equal("tag", sandbox:git("work", "cat-file", "-t", "v1"))
      local text = sandbox:git("work", "cat-file", "tag", "v1")
      assert.matches("tagger Grace <grace@example.org> 1772442000 [+-]%d%d%d%d\n\nFirst\n\nbody", text)
      assert.equal("git.exists", failure(repository.tag, repository, { name = "v1" }).kind)
      sandbox:git("work", "fsck", "--strict")
    end)

    it("say who is missing for an annotated tag", function()
      sandbox:repository "work"
      sandbox:git("work", "config", "user.email", "") -- over the machine's own
      local repository <close> = git.open(sandbox.path .. "/work")
      environment.with({ GIT_COMMITTER_EMAIL = false, EMAIL = false }, function()
        local err = failure(repository.tag, repository, { name = "v1", message = "x" })
        assert.equal("git.no_identity", err.kind)
        assert.matches("git has no user.email; git config %-%-global user.name", tostring(err))
      end)
    end)
  end)

  describe("remote", function()
    local repository

    before_each(function()
      sandbox:repository "work"
      repository = git.open(sandbox.path .. "/work")
    end)

    after_each(function()
      repository:close()
    end)

    it("is taken apart, in all forms of address", function()
      local addresses = { -- address, scheme, host, port, owner, name
        { "https://github.com/digital-land/submit.git", "https", "github.com", nil, "digital-land", "submit" },
        { "https://github.com/digital-land/submit/", "https", "github.com", nil, "digital-land", "submit" },
        { "git@github.com:digital-land/submit.git", "ssh", "github.com", nil, "digital-land", "submit" },
        { "github.com:/digital-land/submit", "ssh", "github.com", nil, "digital-land", "submit" },
        { "ssh://git@GitHub.com:443/digital-land/submit", "ssh", "github.com", 443, "digital-land", "submit" },
        { "ssh://git@[2001:db8::1]:22/a/b.git", "ssh", "2001:db8::1", 22, "a", "b" },
        { "[2001:db8::1]:a/b.git", "ssh", "2001:db8::1", nil, "a", "b" },
        { "git://example.org/a/b", "git", "example.org", nil, "a", "b" },
        { "https://gitlab.com/group/sub/project.git", "https", "gitlab.com", nil, "group/sub", "project" },
        { "https://example.org/dots.in.name.git", "https", "example.org", nil, nil, "dots.in.name" },
        { "file:///srv/git/a/b.git", "file", nil, nil, "a", "b" },
        { "/srv/git/a/b.git", "file", nil, nil, "a", "b" },
        { "/srv/a/b/.git", "file", nil, nil, "a", "b" },
        { "../b", "file", nil, nil, nil, "b" },
      }
      for _, row in ipairs(addresses) do
        local url, scheme, host, port, owner, name = table.unpack(row, 1, 6)
        sandbox:git("work", "config", "remote.origin.url", url)
        assert.same({ url = url, scheme = scheme, host = host, port = port, owner = owner, name = name },
          repository:remote "origin")
      end
    end)

    it("never shows credentials", function()
      local addresses = {
        ["https://ghp_token@github.com/a/b"] = "https://github.com/a/b",
        ["https://user:p@ss@github.com:8443/a/b"] = "https://github.com:8443/a/b",
        ["ssh://git:hunter2@example.org/a/b"] = "ssh://git@example.org/a/b",
      }
      for url, shown in pairs(addresses) do
        sandbox:git("work", "config", "remote.origin.url", url)
        sandbox:git("work", "config", "remote.origin.pushurl", url)
        local remote = repository:remote()
        assert.equal(shown, remote.url)
        assert.equal(shown, remote.push_url)
        assert.equal("a", remote.owner)
      end
    end)

    it("is what is written in the settings, not where insteadOf leads", function()
      sandbox:git("work", "config", "remote.origin.url", "https://github.com/a/b")
      sandbox:git("work", "config", "url.file:///tmp/.insteadOf", "https://github.com/")
      assert.equal("github.com", repository:remote().host)
    end)

    it("is told missing, with those that there are", function()
      local err = failure(repository.remote, repository, "origin")
      assert.equal("git.no_remote", err.kind)
      assert.equal(("git.remote %s/work: there is no remote 'origin'; git remote add origin ADDRESS"):format(
        sandbox.path), tostring(err))
      sandbox:git("work", "remote", "add", "upstream", "/x")
      sandbox:git("work", "remote", "set-url", "--add", "upstream", "/y")
      sandbox:git("work", "remote", "add", "Fork.of/me", "/z")
      assert.same({ "upstream", "Fork.of/me" }, repository:remotes())
      err = failure(repository.remote, repository, "origin")
      assert.equal("its remotes are: upstream, Fork.of/me", err.hint)
      assert.equal("git.no_remote", failure(repository.remote, repository, "-f").kind)
      assert.equal("git.no_remote", failure(repository.fetch, repository, { remote = "ext::sh -c id" }).kind)
    end)
  end)
end)
