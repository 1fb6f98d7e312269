-- Pull requests: found, opened once, reviewed, merged only as they were checked.
local fake = require "spec.support.fake_service"
local github = require "fairlead.github"
local json = require "fairlead.json"

local HEAD <const>, BASE_SHA <const>, MERGED <const> = ("a"):rep(40), ("b"):rep(40), ("c"):rep(40)
local PULLS <const> = "/repos/owner/name/pulls"

local function client()
  return github.client { repository = "owner/name", token = "t", base_url = "http://h" }
end

local function pull(number, fields)
  local raw = {
    number = number, title = "Add a map layer", state = "open", draft = false, merged = false, mergeable = json.null,
    html_url = "https://github.com/owner/name/pull/" .. number, user = { login = "adev" },
    head = { sha = HEAD, ref = "add-layer" }, base = { sha = BASE_SHA, ref = "main" }, merged_at = json.null,
    merge_commit_sha = ("f"):rep(40), created_at = "2026-03-02T09:00:00Z", updated_at = "2026-03-02T09:00:00Z",
    body = "Why: so that maps are whole.", requested_teams = { { slug = "maps" } },
    requested_reviewers = { { login = "areviewer" } },
  }
  for key, value in pairs(fields or {}) do
    raw[key] = value
  end
  return raw
end

local function failure(fn)
  return select(2, try(fn))
end

describe("github pull requests", function()
  it("are found by branch: the open one, else the newest", function()
    local listed
    local seen <const>, found, none = fake.run(fake.routes {
      ["GET " .. PULLS] = function() return 200, json.array(listed) end,
      ["GET " .. PULLS .. "/7"] = pull(7), ["GET " .. PULLS .. "/9"] = pull(9, { state = "closed" }),
    }, function()
      local gh <const> = client()
      listed = { pull(9, { state = "closed" }), pull(7), pull(5, { state = "closed" }) }
      local open <const> = gh:pull_request { head = "add-layer" }
      listed = { pull(9, { state = "closed" }), pull(5, { state = "closed" }) }
      assert.equal(9, gh:pull_request({ head = "fork:add-layer" }).number)
      listed = {}
      return open, gh:pull_request { head = "add-layer" }
    end)
    assert.equal("owner:add-layer", seen[1].query.head)
    assert.equal("fork:add-layer", seen[3].query.head)
    assert.same({
      number = 7, title = "Add a map layer", state = "open", draft = false, merged = false,
      url = "https://github.com/owner/name/pull/7", user = "adev", head = { sha = HEAD, ref = "add-layer" },
      base = { sha = BASE_SHA, ref = "main" }, created_at = fake.START, updated_at = fake.START,
      requested_reviewers = { "areviewer" }, requested_teams = { "maps" }, body = "Why: so that maps are whole.",
    }, found)
    assert.is_nil(none)
  end)

  it("are asked again until GitHub knows whether they can be merged", function()
    local seen <const>, found = fake.run(function(_, number)
      return 200, pull(7, { mergeable = number > 3 and true or json.null })
    end, function() return client():pull_request { number = 7, wait = 30 } end)
    assert.is_true(found.mergeable)
    assert.equal(4, #seen)
    local again <const>, unknown = fake.run(function() return 200, pull(7) end, function()
      return client():pull_request { number = 7, wait = 5 }
    end)
    assert.is_nil(unknown.mergeable)
    assert.is_true(again[#again].at <= 5)
  end)

  it("are merged ones when they were merged", function()
    local _, found = fake.run(function()
      return 200, pull(7, { state = "closed", merged = true, merge_commit_sha = MERGED,
        merged_at = "2026-03-02T10:00:00Z", merged_by = { login = "adev" } })
    end, function() return client():pull_request { number = 7 } end)
    assert.equal("merged", found.state)
    assert.equal(MERGED, found.merge_commit_sha)
    assert.equal(fake.START + 3600, found.merged_at)
    assert.equal("adev", found.merged_by)
  end)

  it("refuse a call without a number or a branch", function()
    assert.error_matches(function() client():pull_request {} end, "head: string expected, got nil")
    assert.error_matches(function() client():pull_request { number = "7" } end, "number: integer expected, got string")
  end)
end)

describe("github.open_pull_request", function()
  local function open(answer)
    return fake.run(answer, function()
      return client():open_pull_request { title = "Add a map layer", head = "add-layer", base = "main", body = "why" }
    end)
  end

  it("opens one", function()
    local seen <const>, made = open(fake.routes {
      ["GET " .. PULLS] = json.array {},
      ["POST " .. PULLS] = function() return 201, pull(7) end,
    })
    assert.equal(7, made.number)
    assert.is_false(made.existing)
    assert.same({ title = "Add a map layer", head = "add-layer", base = "main", body = "why", draft = false },
      seen[2].body)
    assert.equal("open", seen[1].query.state)
  end)

  it("returns the one that is open already", function()
    local seen <const>, made = open(fake.routes {
      ["GET " .. PULLS] = { pull(7) }, ["GET " .. PULLS .. "/7"] = pull(7),
    })
    assert.equal(7, made.number)
    assert.is_true(made.existing)
    for _, request in ipairs(seen) do
      assert.equal("GET", request.method)
    end
  end)

  it("returns the one that somebody opened in between", function()
    local posted = false
    local _, made = open(fake.routes {
      ["GET " .. PULLS] = function() return 200, json.array(posted and { pull(7) } or {}) end,
      ["GET " .. PULLS .. "/7"] = pull(7),
      ["POST " .. PULLS] = function()
        posted = true
        return 422, { message = "Validation Failed",
          errors = { { message = "A pull request already exists for o:b." } } }
      end,
    })
    assert.is_true(made.existing)
  end)

  it("looks before it repeats when the answer was lost, and opens no second one", function()
    local opened = 0
    local function answer(lost)
      return fake.routes {
        ["GET " .. PULLS] = function() return 200, json.array(opened > 0 and { pull(7) } or {}) end,
        ["GET " .. PULLS .. "/7"] = pull(7),
        ["POST " .. PULLS] = function()
          if lost.after then
            opened = opened + 1
          end
          lost.count = lost.count + 1
          if lost.count == 1 then
            fake.lose(lost.kind)
          end
          opened = opened + 1
          return 201, pull(7)
        end,
      }
    end
    local _, made = open(answer { kind = "http.reset", after = true, count = 0 })
    assert.equal(7, made.number)
    assert.equal(1, opened)
    opened = 0
    local _, again = open(answer { kind = "http.reset", after = false, count = 0 })
    assert.equal(7, again.number)
    assert.equal(1, opened)
  end)

  it("raises what GitHub refuses", function()
    local _, err = fake.run(fake.routes {
      ["GET " .. PULLS] = json.array {},
      ["POST " .. PULLS] = function()
        return 422, { message = "Validation Failed",
          errors = { { message = "No commits between main and add-layer" } } }
      end,
    }, function()
      return failure(function()
        client():open_pull_request { title = "t", head = "add-layer", base = "main" }
      end)
    end)
    assert.equal("github.api.invalid", err.kind)
    assert.matches("No commits between main and add%-layer", tostring(err))
  end)
end)

describe("github.reviews", function()
  local function review(user, state, commit, minute)
    return { user = user and { login = user } or json.null, state = state, commit_id = commit or HEAD,
      submitted_at = ("2026-03-02T09:%02d:00Z"):format(minute or 0), html_url = "u" }
  end

  local function reviews(list)
    local _, found = fake.run(fake.routes {
      ["GET " .. PULLS .. "/7"] = pull(7), ["GET " .. PULLS .. "/7/reviews"] = json.array(list),
    }, function() return client():reviews(7) end)
    return found
  end

  it("tell whether an approval was given for the head commit", function()
    local found <const> = reviews { review("ann", "APPROVED", BASE_SHA), review("bob", "APPROVED", HEAD, 5) }
    assert.same({ "ann", "bob" }, found.approved_by)
    assert.same({ "bob" }, found.approved_current_by)
    assert.is_false(found.list[1].current)
    assert.same({ user = "bob", state = "approved", commit_id = HEAD, current = true, submitted_at = fake.START + 300,
      url = "u" }, found.list[2])
    assert.same({ "areviewer" }, found.requested)
    assert.equal(HEAD, found.head)
  end)

  it("count each person's last word, and take a comment for none", function()
    local found <const> = reviews {
      review("ann", "APPROVED"), review("ann", "COMMENTED"),
      review("bob", "APPROVED"), review("bob", "CHANGES_REQUESTED"),
      review("cat", "CHANGES_REQUESTED"), review("cat", "APPROVED"),
      review("dan", "APPROVED"), review("dan", "DISMISSED"),
      review("eve", "COMMENTED"), review("me", "PENDING"), review(nil, "COMMENTED"),
    }
    assert.same({ "ann", "cat" }, found.approved_by)
    assert.same({ "bob" }, found.changes_requested_by)
    local states = {}
    for i, one in ipairs(found.list) do
      states[i] = one.user .. " " .. one.state
    end
    assert.same({ "ann approved", "bob changes_requested", "cat approved", "dan dismissed", "eve commented",
      "ghost commented" }, states)
  end)
end)

describe("github.merge", function()
  local function merge(answer)
    return fake.run(answer, function()
      local merged, err = try(function()
        return client():merge { number = 7, sha = HEAD, method = "squash" }
      end)
      return merged, err
    end)
  end

  it("merges the commit that was checked", function()
    local seen <const>, merged = merge(fake.routes {
      ["PUT " .. PULLS .. "/7/merge"] = { sha = MERGED, merged = true, message = "Pull Request successfully merged" },
    })
    assert.same({ sha = MERGED, already = false }, merged)
    assert.same({ sha = HEAD, merge_method = "squash" }, seen[1].body)
  end)

  it("says that the head moved, and merges nothing", function()
    local moved <const> = ("d"):rep(40)
    local seen <const>, merged, err = merge(fake.routes {
      ["PUT " .. PULLS .. "/7/merge"] = function()
        return 409, { message = "Head branch was modified. Review and try the merge again." }
      end,
      ["GET " .. PULLS .. "/7"] = pull(7, { head = { sha = moved, ref = "add-layer" } }),
    })
    assert.is_nil(merged)
    assert.equal("github.api.conflict", err.kind)
    assert.equal(409, err.status)
    assert.matches("owner/name#7: its head moved from aaaaaaaa to dddddddd", tostring(err), 1, true)
    assert.equal(2, #seen)
  end)

  it("says why it cannot be merged", function()
    for state, why in pairs { dirty = "conflicts", behind = "behind its base", blocked = "rules are not met",
      draft = "draft", odd = "Pull Request is not mergeable" } do
      local _, _, err = merge(fake.routes {
        ["PUT " .. PULLS .. "/7/merge"] = function() return 405, { message = "Pull Request is not mergeable" } end,
        ["GET " .. PULLS .. "/7"] = pull(7, { mergeable_state = state }),
      })
      assert.equal("github.api.not_mergeable", err.kind)
      assert.matches(why, tostring(err), 1, true)
    end
  end)

  -- Another merge in the same second: GitHub works it out anew, and says 405 until it has.
  it("tries again when GitHub refuses what it then says can be merged", function()
    local puts, gets = 0, 0
    local seen <const>, merged, err = merge(fake.routes {
      ["PUT " .. PULLS .. "/7/merge"] = function()
        puts = puts + 1
        if puts == 1 then
          return 405, { message = "Base branch was modified. Review and try the merge again." }
        end
        return 200, { sha = MERGED, merged = true }
      end,
      ["GET " .. PULLS .. "/7"] = function()
        gets = gets + 1
        if gets == 1 then
          return 200, pull(7, { mergeable_state = "unknown" })
        end
        return 200, pull(7, { mergeable = true, mergeable_state = "clean" })
      end,
    })
    assert.is_nil(err)
    assert.same({ sha = MERGED, already = false }, merged)
    assert.equal(4, #seen)
  end)

  it("gives GitHub's own words when it goes on refusing", function()
    local seen <const>, _, err = merge(fake.routes {
      ["PUT " .. PULLS .. "/7/merge"] = function() return 405, { message = "Merge commits are not allowed" } end,
      ["GET " .. PULLS .. "/7"] = pull(7, { mergeable = true, mergeable_state = "clean" }),
    })
    assert.equal("github.api.not_mergeable", err.kind)
    assert.matches("owner/name#7: Merge commits are not allowed; see https://", tostring(err), 1, true)
    assert.equal(6, #seen)
  end)

  it("says no more than GitHub where the head that it shows is still the same", function()
    local _, _, err = merge(fake.routes {
      ["PUT " .. PULLS .. "/7/merge"] = function() return 409, { message = "Head branch was modified." } end,
      ["GET " .. PULLS .. "/7"] = pull(7),
    })
    assert.equal("github.api.conflict", err.kind)
    assert.matches("owner/name#7: Head branch was modified.; ", tostring(err), 1, true)
  end)

  it("takes a merge that went through before for done", function()
    local _, merged = merge(fake.routes {
      ["PUT " .. PULLS .. "/7/merge"] = function() return 405, { message = "Pull Request is not mergeable" } end,
      ["GET " .. PULLS .. "/7"] = pull(7, { state = "closed", merged = true, merge_commit_sha = MERGED }),
    })
    assert.same({ sha = MERGED, already = true }, merged)
  end)

  it("looks whether it went through when the answer was lost", function()
    for _, went_through in ipairs { true, false } do
      local puts = 0
      local _, merged, err = merge(fake.routes {
        ["PUT " .. PULLS .. "/7/merge"] = function()
          puts = puts + 1
          if puts == 1 then
            fake.lose "http.timeout"
          end
          return 200, { sha = MERGED, merged = true }
        end,
        ["GET " .. PULLS .. "/7"] = went_through and pull(7, { merged = true, merge_commit_sha = MERGED }) or pull(7),
      })
      assert.is_nil(err)
      assert.same({ sha = MERGED, already = false }, merged)
      assert.equal(went_through and 1 or 2, puts)
    end
  end)

  it("wants the commit that is to be merged", function()
    assert.error_matches(function() client():merge { number = 7 } end, "sha: string expected, got nil")
  end)
end)
