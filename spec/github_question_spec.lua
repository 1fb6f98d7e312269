--- A question on a pull request: who answers, what counts, and what is found again.
local fake = require "spec.support.fake_service"
local github = require "fairlead.github"
local world = require "spec.support.world"

local REQUEST <const> = {
  question = "Deploy it?", run = "r-1", path = "Approval", digest = "abc", evidence = { commit = "1a2b" },
}

local function visit(body)
  return world.visit({}, function(w)
    local gh = github.client { repository = "acme/lighthouse", token = w.fixture.github.token }
    w:open().repository.branches.work = w:open().repository.branches.main
    w.github:commit_as("work", { author = "ada", message = "Work", files = { ["w.txt"] = "w" } })
    local pull = w.github.pulls:open { title = "Work", head = "work", base = "main", by = "ada" }
    local said = {}
    local request = setmetatable({ say = function(text) said[#said + 1] = text end }, { __index = REQUEST })
    local function channel()
      return github.question {
        client = gh, number = pull.number, approvers = function() return { "bob" } end,
        show = function(evidence) return "commit " .. evidence.commit end,
      }
    end
    local function comment(by, text)
      local id = w.github:new_id()
      table.insert(pull.comments, { id = id, by = by, body = text, at = w.now })
    end
    return body { w = w, pull = pull, request = request, said = said, channel = channel, comment = comment }
  end)
end

describe("a question on a pull request", function()
  it("shows the evidence and how to answer, and takes the first answer of somebody who may decide", function()
    visit(function(t)
      local channel = t.channel()
      channel:ask(t.request)
      local text = t.pull.comments[1].body
      assert.matches("%*%*Deploy it%?%*%*\n\ncommit 1a2b\n\nWho may decide answers with a comment: `approve`", text)
      assert.is_nil(channel:answer())
      t.comment("eve", "approve")
      t.comment("bob", "I will look at it, approve of the idea")
      assert.is_nil(channel:answer())
      assert.is_nil(channel:answer())
      assert.same({ "eve answered on the pull request, and may not decide" }, t.said)
      t.comment("bob", "Refuse: not on a Friday\nnever")
      t.comment("bob", "approve")
      assert.same({ decision = "refused", by = "bob", why = "not on a Friday" }, channel:answer())
      channel:close { decision = "refused", by = "bob", why = "not on a Friday" }
      assert.matches("_refused by bob: not on a Friday_", t.pull.comments[1].body)
    end)
  end)

  it("counts nothing that was said before it was asked", function()
    visit(function(t)
      t.comment("bob", "approve")
      local channel = t.channel()
      channel:ask(t.request)
      assert.is_nil(channel:answer())
    end)
  end)

  it("is found again by whoever takes the run up, and not taken for another one", function()
    visit(function(t)
      t.channel():ask(t.request)
      local again = t.channel()
      assert.is_truthy(again:resume(t.request))
      t.comment("bob", " Approve ")
      assert.same({ decision = "approved", by = "bob" }, again:answer())
      local other = setmetatable({ digest = "def" }, { __index = t.request })
      assert.is_nil(t.channel():resume(other))
      assert.equal(2, #t.pull.comments)
    end)
  end)

  it("counts one word as an approval, and nothing that says more", function()
    visit(function(t)
      local channel = t.channel()
      channel:ask(t.request)
      for _, text in ipairs { "Approve? Never.", "approved, but wait until Monday", "approve\n\nno, do not" } do
        t.comment("bob", text)
        assert.is_nil(channel:answer(), text)
      end
      t.comment("bob", "Approved!")
      assert.equal("approved", channel:answer().decision)
    end)
  end)

  it("counts no answer that somebody has edited", function()
    visit(function(t)
      local channel = t.channel()
      channel:ask(t.request)
      t.comment("bob", "approve")
      t.pull.comments[2].edited = t.w.now + 60
      assert.is_nil(channel:answer())
    end)
  end)

  it("is not to be had by writing its mark into a comment of one's own", function()
    visit(function(t)
      t.channel():ask(t.request)
      local mark = t.pull.comments[1].body:match "<!%-%- fairlead.*"
      table.remove(t.pull.comments, 1)
      t.comment("eve", "Lunch? " .. mark)
      t.comment("bob", "approve")
      assert.is_nil(t.channel():resume(t.request))
    end)
  end)

  it("that came to no decision is not the one that is asked anew with the same evidence", function()
    visit(function(t)
      local first = t.channel()
      first:ask(t.request)
      first:close { decision = "timeout" }
      t.comment("bob", "approve") -- too late
      local again = t.channel()
      assert.is_nil(again:resume(t.request))
      again:ask(t.request)
      assert.is_nil(again:answer())
    end)
  end)

  it("that was decided is found again until the decision is on record", function()
    visit(function(t)
      local first = t.channel()
      local asked = first:ask(t.request)
      t.comment("bob", "approve")
      first:close(first:answer())
      for _, known in ipairs { asked, false } do
        local again = t.channel()
        assert.same(asked, again:resume(t.request, known or nil))
        assert.equal("approved", again:answer().decision)
      end
    end)
  end)

  it("is asked once when GitHub's answer is lost, whether it was heard or not", function()
    for _, heard in ipairs { true, false } do
      visit(function(t)
        local client <const> = t.channel().client
        t.channel():ask(t.request) -- an older question of the same mark
        t.pull.comments[1].at = t.w.now - 3600
        local sent = 0
        local inner <const> = client.post
        client.post = function(...)
          sent = sent + 1
          if sent > 1 then return inner(...) end
          if heard then inner(...) end
          fake.lose "http.reset"
        end
        local channel <const> = github.question {
          client = client, number = t.pull.number, approvers = function() return { "bob" } end,
        }
        local asked <const> = channel:ask(t.request)
        assert.equal(heard and 1 or 2, sent)
        assert.equal(2, #t.pull.comments)
        assert.equal(t.pull.comments[2].id, asked.comment)
      end)
    end
  end)

  it("is misused with an error that says how", function()
    assert.has_error(function() github.question { client = {}, number = 1 } end,
      "bad argument #1 to 'github.question' (approvers: function expected, got nil)")
  end)
end)
