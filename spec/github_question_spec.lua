--- A question on a pull request: who answers, what counts, and what is found again.
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

  it("is misused with an error that says how", function()
    assert.has_error(function() github.question { client = {}, number = 1 } end,
      "bad argument #1 to 'github.question' (approvers: function expected, got nil)")
  end)
end)
