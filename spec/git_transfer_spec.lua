-- Fetch, push and clone by the real git: between folders, over HTTP through git's own server program, and over an SSH
-- that is a stub.
local clock = require "fairlead.clock"
local environment = require "fairlead.environment"
local errors = require "fairlead.errors"
local git = require "fairlead.git"
local lfs = require "lfs"
local process = require "fairlead.process"
local sandboxes = require "spec.support.sandbox"
local server = require "spec.support.server"
local task = require "fairlead.task"
local trouble = require "fairlead.git.trouble"

local function failure(fn, ...)
  local value, err = try(fn, ...)
  assert.is_nil(value)
  return err
end

local function exists(path)
  return lfs.symlinkattributes(path, "mode") ~= nil
end

-- The machine's own proxy must not stand between git and loopback.
local DIRECT = { no_proxy = "*", NO_PROXY = "*", http_proxy = false, HTTP_PROXY = false, ALL_PROXY = false }

describe("git", function()
  local sandbox, repository

  before_each(function()
    sandbox = sandboxes.new()
    sandbox:pair()
    repository = git.open(sandbox.path .. "/work")
  end)

  after_each(function()
    repository:close()
    sandbox:close()
  end)

  local function remote_id(ref)
    return sandbox:git("remote", "rev-parse", ref)
  end

  -- Somebody else's commit on a branch of the remote.
  local function elsewhere(branch, text)
    if not exists(sandbox.path .. "/other") then
      sandbox:git(".", "clone", "-q", sandbox.path .. "/remote", "other")
    end
    sandbox:git("other", "fetch", "-q")
    sandbox:git("other", "switch", "-q", "-C", branch)
    local sha = sandbox:commit("other", "theirs", text)
    sandbox:git("other", "push", "-q", "-f", "origin", branch)
    return sha
  end

  describe("fetch", function()
    it("tells what has changed, and nothing when nothing has", function()
      assert.same({}, repository:fetch())
      local before = repository:resolve "main"
      local after = elsewhere("main", "1")
      local new = elsewhere("new", "2")
      assert.same({
        { ref = "refs/remotes/origin/main", old = before, new = after },
        { ref = "refs/remotes/origin/new", new = new },
      }, repository:fetch())
      assert.same({ 0, 1 }, { repository:ahead_behind("main", "origin/main") })
    end)

    it("takes away what is gone only when told to prune", function()
      local gone = elsewhere("gone", "1")
      repository:fetch()
      sandbox:git("other", "push", "-q", "origin", ":gone")
      assert.same({}, repository:fetch())
      assert.same({ { ref = "refs/remotes/origin/gone", old = gone } }, repository:fetch { prune = true })
    end)

    it("takes tags as it is told", function()
      local sha = elsewhere("main", "1")
      sandbox:git("other", "tag", "v1")
      sandbox:git("other", "push", "-q", "origin", "v1")
      local updates = repository:fetch { tags = false }
      assert.equal(1, #updates)
      assert.same({ { ref = "refs/tags/v1", new = sha } }, repository:fetch { tags = true })
    end)

    it("takes refspecs", function()
      local sha = elsewhere("new", "1")
      elsewhere("unwanted", "2")
      assert.same({
        { ref = "refs/heads/copy", new = sha },
        { ref = "refs/remotes/origin/new", new = sha }, -- git keeps what follows the remote up to date, too
      }, repository:fetch { refspecs = { "+refs/heads/new:refs/heads/copy" } })
    end)

    it("tells a ref that the remote does not have", function()
      local err = failure(repository.fetch, repository, { refspecs = { "refs/heads/nope" } })
      assert.equal("git.not_found", err.kind)
      assert.equal("couldn't find remote ref refs/heads/nope", err.message)
      assert.equal("check the name: git ls-remote", err.hint)
    end)

    it("tells a remote that is not there", function()
      sandbox:git("work", "remote", "set-url", "origin", sandbox.path .. "/moved")
      local err = failure(repository.fetch, repository)
      assert.equal("git.not_found", err.kind)
      assert.equal("no such repository, or none that these credentials may see", err.message)
    end)

    it("refuses to move back what it would lose", function()
      local refspecs = { "refs/heads/copy:refs/heads/copy" }
      elsewhere("copy", "1")
      repository:fetch { refspecs = refspecs }
      sandbox:git("other", "commit", "-q", "--amend", "-m", "rewritten")
      sandbox:git("other", "push", "-q", "-f", "origin", "copy")
      local err = failure(repository.fetch, repository, { refspecs = refspecs })
      assert.equal("git.rejected", err.kind)
      assert.equal("copy here was left as it is (non-fast-forward)", err.message)
    end)

    it("works in a bare repository", function()
      sandbox:git(".", "clone", "-q", "--mirror", sandbox.path .. "/remote", "mirror")
      local sha = elsewhere("main", "1")
      local mirror <close> = git.open(sandbox.path .. "/mirror")
      local updates = mirror:fetch { prune = true }
      assert.equal(sha, updates[1].new)
      assert.equal("refs/heads/main", updates[1].ref)
    end)

    it("tells that somebody else holds the lock", function()
      elsewhere("main", "1")
      local lock = sandbox:write("work/.git/refs/remotes/origin/main.lock", "")
      local err = failure(repository.fetch, repository)
      os.remove(lock)
      assert.equal("git.locked", err.kind)
      assert.is_true(err.retryable)
    end)
  end)

  describe("push", function()
    it("pushes the branch that is checked out", function()
      local old = repository:resolve "main"
      local sha = sandbox:commit("work", "a", "1")
      assert.same({
        { ref = "refs/heads/main", from = "refs/heads/main", status = "updated", old = old, new = sha },
      }, repository:push())
      assert.equal(sha, remote_id "main")
    end)

    it("tells new, moved, unmoved, forced and deleted apart", function()
      sandbox:git("work", "switch", "-q", "-c", "feature")
      local first = sandbox:commit("work", "a", "1")
      local function status(options) return repository:push(options)[1].status end
      assert.equal("new", status {})
      assert.equal("up_to_date", status {})
      local second = sandbox:commit("work", "a", "2")
      assert.equal("updated", status {})
      assert.equal(second, remote_id "feature")
      sandbox:git("work", "reset", "-q", "--hard", first)
      assert.equal("forced", status { force_with_lease = true })
      assert.equal(first, remote_id "feature")
      assert.equal("deleted", status { refs = ":refs/heads/feature" })
      assert.is_false(pcall(remote_id, "refs/heads/feature"))
    end)

    it("pushes a branch by name, and remembers its upstream when told to", function()
      sandbox:git("work", "branch", "side")
      repository:push { branch = "side" }
      assert.is_nil(repository:branches()[2].upstream)
      repository:push { branch = "side", set_upstream = true }
      assert.equal("origin/side", repository:branches()[2].upstream)
    end)

    it("pushes tags and refspecs", function()
      repository:tag { name = "v1" }
      local updates = repository:push { refs = { "refs/tags/v1", "HEAD:refs/heads/elsewhere" } }
      assert.equal(2, #updates)
      assert.equal(repository:resolve "HEAD", remote_id "v1")
      assert.equal(repository:resolve "HEAD", remote_id "elsewhere")
    end)

    it("is rejected when the remote has moved on", function()
      elsewhere("main", "1")
      sandbox:commit("work", "a", "1")
      local err = failure(repository.push, repository)
      assert.is_true(err:is "git.rejected")
      assert.equal("git.rejected", err.kind)
      assert.equal(("git.push %s/remote: refs/heads/main was rejected: it has commits that you lack; " ..
        "fetch, then merge or rebase, and push again"):format(sandbox.path), tostring(err))
      repository:fetch()
      assert.equal("git.rejected", failure(repository.push, repository).kind)
    end)

    it("with a lease is rejected when somebody has moved the branch since", function()
      sandbox:git("work", "switch", "-q", "-c", "feature")
      local mine = sandbox:commit("work", "a", "1")
      repository:push()
      elsewhere("feature", "1")
      sandbox:git("work", "commit", "-q", "--amend", "-m", "rewritten")
      local err = failure(repository.push, repository, { force_with_lease = true })
      assert.equal("git.rejected", err.kind)
      assert.matches("somebody has moved it since you fetched", tostring(err))
      assert.equal("git.rejected", failure(repository.push, repository, { force_with_lease = mine }).kind)
      local theirs = remote_id "feature"
      assert.equal("forced", repository:push({ force_with_lease = theirs })[1].status)
    end)

    it("tells a tag that exists there and is another", function()
      repository:tag { name = "v1" }
      repository:push { ref = "refs/tags/v1" }
      sandbox:commit("work", "a", "1")
      sandbox:git("work", "tag", "-f", "v1")
      local err = failure(repository.push, repository, { ref = "refs/tags/v1" })
      assert.equal("git.rejected", err.kind)
      assert.matches("points at something else", tostring(err))
    end)

    it("passes on what the remote's hook says", function()
      sandbox:write("remote/hooks/pre-receive", "#!/bin/sh\necho 'GH006: Protected branch update failed.'\n" ..
        "echo 'Changes must be made through a pull request.' >&2\nexit 1\n", "+x")
      sandbox:commit("work", "a", "1")
      local err = failure(repository.push, repository)
      assert.equal("git.rejected.hook", err.kind)
      assert.is_true(err:is "git.rejected")
      assert.equal("refs/heads/main was refused there (pre-receive hook declined): " ..
        "GH006: Protected branch update failed. / Changes must be made through a pull request.", err.message)
    end)

    it("tells which of several refs a hook refused", function()
      sandbox:write("remote/hooks/update", '#!/bin/sh\n[ "$1" != refs/heads/no ]\n', "+x")
      local err = failure(repository.push, repository, { refs = { "HEAD:refs/heads/yes", "HEAD:refs/heads/no" } })
      assert.equal("git.rejected.hook", err.kind)
      assert.matches("^refs/heads/no was refused there", err.message)
      assert.equal(repository:resolve "HEAD", remote_id "yes")
    end)

    it("runs the user's own pre-push hook, and passes on what it says", function()
      sandbox:write("work/.git/hooks/pre-push", "#!/bin/sh\necho 'the tests fail' >&2\nexit 1\n", "+x")
      local err = failure(repository.push, repository)
      assert.equal("git.rejected.hook", err.kind)
      assert.equal("the repository's own pre-push hook refused: the tests fail", err.message)
    end)

    it("needs a branch that is checked out, or a name", function()
      sandbox:git("work", "switch", "-q", "--detach")
      assert.equal("git.detached", failure(repository.push, repository).kind)
      local err = failure(repository.push, repository, { branch = "nope" })
      assert.equal("git.not_found", err.kind)
      assert.equal("git.no_remote", failure(repository.push, repository, { remote = "nope" }).kind)
      assert.equal("git.not_found", failure(repository.push, repository, { ref = "refs/heads/nope" }).kind)
    end)

    it("lets no name pass for an option, a second ref or a force", function()
      local branches = { "--mirror", "-f", "main:refs/heads/x", ":main", "a b", "main\nx", "" }
      for _, branch in ipairs(branches) do
        assert.equal("git.invalid_name", failure(repository.push, repository, { branch = branch }).kind, branch)
      end
      for _, ref in ipairs { "--mirror", "+HEAD:refs/heads/x", "a b", "a:b:c", "", "HEAD:-x", "a\nb" } do
        local ok, message = pcall(repository.push, repository, { refs = { ref } })
        assert.is_false(ok)
        assert.matches("bad argument #1 to 'repository:push'", tostring(message))
      end
      assert.equal("git.no_remote", failure(repository.push, repository, { remote = "--receive-pack=id" }).kind)
      assert.error_matches(function() repository:push { force = true } end, "unknown option 'force'")
      assert.error_matches(function() repository:fetch { refspecs = { "--upload-pack=id" } } end, "is no refspec")
    end)
  end)

  describe("clone", function()
    local path

    before_each(function() path = sandbox.path .. "/clone" end)

    it("gives the clone, opened", function()
      local clone <close> = git.clone { url = sandbox.path .. "/remote", path = path }
      assert.equal(path, clone:folder())
      assert.equal(repository:resolve "main", clone:head().sha)
      assert.equal(sandbox.path .. "/remote", clone:remote().url)
    end)

    it("takes a branch, or no working tree", function()
      local sha = elsewhere("side", "1")
      local clone <close> = git.clone { url = sandbox.path .. "/remote", path = path, branch = "side" }
      assert.same({ branch = "side", sha = sha, detached = false }, clone:head())
      local bare <close> = git.clone { url = sandbox.path .. "/remote", path = path .. ".git", bare = true }
      assert.is_true(bare:is_bare())
    end)

    it("leaves nothing behind when it fails", function()
      local err = failure(git.clone, { url = sandbox.path .. "/remote", path = path, branch = "nope" })
      assert.equal("git.not_found", err.kind)
      assert.matches("Remote branch nope not found", tostring(err))
      assert.is_false(exists(path))
    end)

    it("does not touch a folder that holds something", function()
      sandbox:write("clone/mine", "x")
      local err = failure(git.clone, { url = sandbox.path .. "/remote", path = path })
      assert.equal("git.exists", err.kind)
      assert.is_true(exists(path .. "/mine"))
    end)

    it("refuses addresses that are commands, options or hold credentials, and does not repeat these", function()
      local witness = sandbox.path .. "/witness"
      for _, url in ipairs { "ext::sh -c touch% " .. witness, "-u./x", "--upload-pack=touch " .. witness, "" } do
        assert.equal("git.invalid_address", failure(git.clone, { url = url, path = path }).kind)
      end
      assert.is_false(exists(witness))
      local err = failure(git.clone, { url = "https://user:hunter2@example.org/a/b", path = path })
      assert.equal("git.invalid_address", err.kind)
      assert.is_nil(errors.describe(err):find "hunter2")
      assert.error_matches(function() git.clone { url = "x" } end, "path: string expected, got nil")
    end)
  end)

  describe("over HTTP", function()
    local address, http, answer

    -- git's own server program, as a web server would call it.
    local function backend(exchange)
      local headers = exchange.headers
      local done = process.run({
        "git", "http-backend", stdin = exchange.body or "", timeout = 20,
        env = {
          GIT_PROJECT_ROOT = sandbox.path, GIT_HTTP_EXPORT_ALL = "1", PATH_INFO = exchange.path,
          REQUEST_METHOD = exchange.method, QUERY_STRING = exchange.query or "", REMOTE_USER = "ada",
          CONTENT_TYPE = headers["content-type"] or false, HTTP_CONTENT_ENCODING = headers["content-encoding"] or false,
          GIT_PROTOCOL = headers["git-protocol"] or false,
        },
      }):check()
      local head, body = done.stdout:match "^(.-)\r\n\r\n(.*)$"
      local fields, status = {}, 200
      for name, value in head:gmatch "([^\r\n:]+): ([^\r\n]+)" do
        if name == "Status" then status = tonumber(value:match "%d+") else fields[name] = value end
      end
      exchange:reply(status, fields, body)
    end

    before_each(function()
      answer = backend
      http = server.start(function(exchange) answer(exchange) end)
      address = http.url .. "/remote"
      sandbox:git("work", "remote", "set-url", "origin", address)
    end)

    after_each(function()
      http:close()
    end)

    local function guarded(exchange)
      if exchange.headers.authorization == "Basic YWRhOnNlY3JldA==" then return backend(exchange) end -- ada:secret
      exchange:reply(401, { ["WWW-Authenticate"] = 'Basic realm="git"' }, "")
    end

    it("fetches, pushes and clones", function()
      environment.with(DIRECT, function()
        local clone <close> = git.clone { url = address, path = sandbox.path .. "/clone" }
        assert.equal(repository:resolve "main", clone:head().sha)
        local sha = sandbox:commit("work", "a", ("x"):rep(2 << 20)) -- more than fits into one request
        repository:push()
        assert.same({ { ref = "refs/remotes/origin/main", old = clone:resolve "main", new = sha } }, clone:fetch())
      end)
    end)

    it("uses the user's own credentials", function()
      answer = guarded
      local helper = { GIT_CONFIG_COUNT = "1", GIT_CONFIG_KEY_0 = "credential.helper" }
      helper.GIT_CONFIG_VALUE_0 = "!f() { echo username=ada; echo password=secret; }; f"
      environment.with(DIRECT, function()
        environment.with(helper, function()
          assert.same({}, repository:fetch())
          sandbox:commit("work", "a", "1")
          assert.equal("updated", repository:push()[1].status)
        end)
        helper.GIT_CONFIG_VALUE_0 = "!f() { echo username=ada; echo password=wrong; }; f"
        environment.with(helper, function()
          assert.equal("git.authentication", failure(repository.fetch, repository).kind)
        end)
      end)
    end)

    it("tells that there are no credentials, without asking at the terminal", function()
      answer = guarded
      environment.with(DIRECT, function()
        environment.with({ GIT_ASKPASS = false, SSH_ASKPASS = false, GIT_CONFIG_COUNT = "1",
          GIT_CONFIG_KEY_0 = "credential.helper", GIT_CONFIG_VALUE_0 = "" }, function()
          local err = failure(repository.fetch, repository)
          assert.equal("git.authentication", err.kind)
          assert.equal(("git.fetch %s: the server wants credentials, and none that it takes were found; over HTTPS: " ..
            "gh auth setup-git, or a credential helper; over SSH: ssh-add a key that the server knows"):format(address),
            tostring(err))
        end)
      end)
    end)

    it("tells refusals, absences and breakdowns apart", function()
      environment.with(DIRECT, function()
        local function kind_when(fault)
          answer = fault
          return failure(repository.fetch, repository).kind
        end
        assert.equal("git.not_authorised", kind_when(function(exchange) exchange:reply(403, {}, "") end))
        assert.equal("git.not_found", kind_when(function(exchange) exchange:reply(404, {}, "") end))
        assert.equal("git.network", kind_when(function(exchange) exchange:reply(503, {}, "") end))
        assert.equal("git.network", kind_when(function(exchange) exchange:reset() end))
        http:close()
        assert.equal("git.network", kind_when(nil))
        assert.is_true(failure(repository.fetch, repository).retryable)
      end)
    end)

    it("stops when it takes too long, or when the task is cancelled, and leaves no half clone", function()
      answer = function(exchange)
        clock.sleep(20)
        exchange:finish()
      end
      environment.with(DIRECT, function()
        local path = sandbox.path .. "/clone"
        local err = failure(git.clone, { url = address, path = path, timeout = 0.3 })
        assert.equal("git.timeout", err.kind)
        assert.is_true(err.retryable)
        assert.is_false(exists(path))
        local began = clock.monotonic()
        assert.equal("timeout", failure(task.timeout, 0.3, git.clone, { url = address, path = path }).kind)
        assert.is_true(clock.monotonic() - began < 5)
        assert.is_false(exists(path))
      end)
    end)
  end)

  describe("over SSH", function()
    local function with_ssh(stub, fn)
      local path = sandbox:write("ssh", "#!/bin/sh\n" .. stub, "+x")
      sandbox:git("work", "remote", "set-url", "origin", "git@git.example.org:" .. sandbox.path .. "/remote")
      return environment.with({ GIT_SSH_COMMAND = path, GIT_SSH_VARIANT = "simple" }, fn)
    end

    it("runs the user's ssh", function()
      with_ssh('echo "$1" >"' .. sandbox.path .. '/asked"\nshift\nexec sh -c "$*"\n', function()
        sandbox:commit("work", "a", "1")
        assert.equal("updated", repository:push()[1].status)
        assert.equal(repository:resolve "HEAD", remote_id "main")
      end)
      local asked <close> = io.open(sandbox.path .. "/asked")
      assert.equal("git@git.example.org", asked:read "l")
    end)

    it("is not held by a shared connection that stays behind", function()
      local began = clock.monotonic()
      with_ssh('shift\nsetsid sleep 20 & echo $! >"' .. sandbox.path .. '/master"\nexec sh -c "$*"\n', function()
        repository:fetch()
      end)
      assert.is_true(clock.monotonic() - began < 5)
      local master <close> = io.open(sandbox.path .. "/master")
      process.run { "kill", (master:read "l") }
    end)

    it("tells an unknown host key and a refused key apart", function()
      with_ssh('echo "Host key verification failed." >&2; exit 255\n', function()
        local err = failure(repository.fetch, repository)
        assert.equal("git.host_key", err.kind)
        assert.matches("ssh%-keyscan", err.hint)
      end)
      with_ssh('echo "git@git.example.org: Permission denied (publickey)." >&2; exit 255\n', function()
        assert.equal("git.authentication", failure(repository.push, repository).kind)
      end)
      with_ssh('echo "ssh: Could not resolve hostname git.example.org: Name or service not known" >&2; exit 255\n',
        function()
          local err = failure(repository.fetch, repository)
          assert.equal("git.network", err.kind)
          assert.equal("ssh: Could not resolve hostname git.example.org: Name or service not known", err.message)
        end)
    end)
  end)

  it("says that git is not installed", function()
    environment.with({ PATH = sandbox.path }, function()
      local err = failure(repository.fetch, repository)
      assert.equal("process.not_found", err.kind)
      assert.matches("git: program not found; install it", tostring(err))
    end)
  end)
end)

-- What services and older gits say that cannot be had here, word for word.
describe("git's words", function()
  local function kind_of(stderr)
    return failure(trouble.raise, "git.push", "x", { code = 128, stdout = "", stderr = stderr }).kind
  end

  it("are understood", function()
    local sayings = {
      ["remote: Permission to a/b.git denied to adev.\nfatal: unable to access 'https://github.com/a/b/': " ..
        "The requested URL returned error: 403\n"] = "git.not_authorised",
      ["ERROR: Permission to a/b.git denied to adev.\nfatal: Could not read from remote repository.\n\n" ..
        "Please make sure you have the correct access rights\nand the repository exists.\n"] = "git.not_authorised",
      ["remote: Invalid username or token. Password authentication is not supported for Git operations.\n" ..
        "fatal: Authentication failed for 'https://github.com/a/b/'\n"] = "git.authentication",
      ["fatal: could not read Username for 'https://github.com': terminal prompts disabled\n"] = "git.authentication",
      ["remote: Repository not found.\nfatal: repository 'https://github.com/a/b/' not found\n"] = "git.not_found",
      ["ERROR: Repository not found.\nfatal: Could not read from remote repository.\n"] = "git.not_found",
      ["@@@@@@@@@\n@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\n@@@@@@@@@\n"] = "git.host_key",
      ["fatal: unable to access 'https://github.com/a/b/': server certificate verification failed. CAfile: none " ..
        "CRLfile: none\n"] = "git.tls",
      ["fatal: unable to access 'https://github.com/': SSL certificate problem: self-signed certificate\n"] = "git.tls",
      ["fatal: unable to access 'https://github.com/': SSL: certificate subject name (x) does not match target host " ..
        "name 'github.com'\n"] = "git.tls",
      ["fatal: unable to access 'https://github.com/': SSL: no alternative certificate subject name matches target " ..
        "host name 'github.com'\n"] = "git.tls",
      ["fatal: unable to access 'https://github.com/a/b/': Could not resolve host: github.com\n"] = "git.network",
      ["error: RPC failed; curl 56 GnuTLS recv error\nfatal: early EOF\n"] = "git.network",
      ["kex_exchange_identification: Connection closed by remote host\n"] = "git.network",
      ["fatal: write error: No space left on device\n"] = "git.failed",
      ["fatal: something that no one has heard of\n"] = "git.failed",
    }
    for said, kind in pairs(sayings) do assert.equal(kind, kind_of(said), said) end
  end)

  it("are passed on when nothing is known of them, without credentials", function()
    local said = "warning: w\nfatal: odd thing at https://ada:hunter2@example.org/a\nhint: try\n"
    local err = failure(trouble.raise, "git.fetch", "x", { code = 128, stdout = "", stderr = said })
    assert.equal("git.fetch x: odd thing at https://example.org/a", tostring(err))
    assert.is_nil(errors.describe(err):find "hunter2")
    local silent = failure(trouble.raise, "git.fetch", "x", { code = 1, stdout = "", stderr = "" })
    assert.equal("git.fetch x: git gives no reason", tostring(silent))
  end)
end)
