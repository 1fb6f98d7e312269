--- The review: another developer's approval on GitHub, of the commit that is to be merged and of no older one.
local errors = require "fairlead.errors"
local slack = require "fairlead.slack"
local talk = require "release.talk"

---@class Release
local Release = {}

local function short(sha) return sha:sub(1, 8) end

--- Somebody in Slack's markup: tagged, where the settings know them there.
local function mention(release, login)
  local id <const> = (release.settings.people or {})[login]
  return id and ("<@%s>"):format(id) or slack.escape(login)
end

-- A team is tagged where the settings have a group of Slack's (S0…) for "owner/slug".
local function mention_team(release, slug)
  local owner <const> = release.settings.repository:match "^[^/]+"
  local name <const> = ("%s/%s"):format(owner, slug)
  local id <const> = (release.settings.people or {})[name]
  return id and ("<!subteam^%s>"):format(id) or slack.escape("@" .. name)
end

--- Who is asked: the code owners are among them, as GitHub asks these by itself (GitHub Docs, "About code owners").
local function asked(release, pull)
  local names = {}
  for _, login in ipairs(pull.requested_reviewers) do names[#names + 1] = mention(release, login) end
  for _, slug in ipairs(pull.requested_teams) do names[#names + 1] = mention_team(release, slug) end
  return #names > 0 and " " .. table.concat(names, " ") or ""
end

local OF_THE_TEAM <const> = { OWNER = true, MEMBER = true, COLLABORATOR = true }

--- Whether somebody's review counts: a person's who may write to the repository. Of a public one anybody may review
--- the pull requests, and GitHub itself counts only those who may write (GitHub Docs, "About protected branches").
--- Asked once for each; where the token may not ask, what GitHub says of the reviewer has to do.
local function may_judge(release, review)
  local known <const> = release.may_judge or {}
  release.may_judge = known
  if known[review.user] == nil then
    local permission <const>, err = try(release.github.permission, release.github, review.user)
    if err and not err:is "github.api.not_authorised" then error(err, 0) end
    local may = permission == "admin" or permission == "write"
    if err then may = OF_THE_TEAM[review.association] or false end
    known[review.user] = may and not review.user:find "%[bot%]$"
  end
  return known[review.user]
end

--- How the reviews of a change stand: who approved its head, and what stands in the way, each with a text for people.
local function judge(release, change)
  local approved, remarks, objections = {}, {}, 0
  for _, review in ipairs(release.github:reviews(change.number).list) do
    local who <const> = mention(release, review.user)
    local function remark(text) remarks[#remarks + 1] = { about = review.user, text = text } end
    local decides <const> = review.state == "approved" or review.state == "changes_requested"
    if decides and review.user ~= change.author and not may_judge(release, review) then
      remark((":grey_question: %s's review does not count: it takes a person who may write to the repository"):format(
        who))
    elseif review.state == "approved" and review.commit_id == change.head then
      if review.user ~= change.author then approved[#approved + 1] = review.user end
    elseif review.state == "approved" then
      remark((":hourglass: %s approved %s, which is not what would be merged (%s): please look again"):format(
        who, short(review.commit_id), short(change.head)))
    elseif review.state == "changes_requested" then
      objections = objections + 1
      remark((":memo: %s asks for changes: %s"):format(who, talk.link(review.url, "the review")))
    elseif review.state == "dismissed" then
      remark((":hourglass: %s's review was dismissed: please look again"):format(who))
    end
  end
  return objections == 0 and #approved >= (release.settings.approvals or 1), approved, remarks
end

--- The gate's channel: it asks in the release's thread, and listens on GitHub.
local function channel_of(release, change)
  local channel <const> = { name = "GitHub review", every = 20 }
  local said = {}

  function channel.ask(_, request)
    local pull <const> = release.github:pull_request { number = change.number }
    release.talk:say(":eyes: review wanted, please: "
      .. talk.link(change.url, ("#%d %s"):format(change.number, change.title)) .. asked(release, pull),
      { key = "review wanted" }) -- who is still asked changes with each review
    request.say("waiting for a review of " .. change.url)
  end

  function channel.answer()
    release:unmoved(change)
    local enough <const>, approved <const>, remarks <const> = judge(release, change)
    for _, remark in ipairs(remarks) do
      if said[remark.about] ~= remark.text then
        said[remark.about] = remark.text
        release.talk:say(remark.text)
      end
    end
    if enough then
      return { decision = "approved", by = table.concat(approved, ", "), why = "approved " .. short(change.head) }
    end
  end

  return channel
end

---Asks for a review and waits until another developer has approved the head commit.
---@async
---@param change table
function Release:get_reviewed(change)
  self.review = self.run:gate {
    name = "Review",
    question = ("%s: review of #%d %s by another developer"):format(self.settings.name, change.number, change.title),
    evidence = function() return { commit = self:unmoved(change).head.sha } end,
    via = { channel_of(self, change) },
    timeout = self.settings.timeouts.review,
  }
end

---Raises unless the reviews still say yes to the head: asked right before merging.
---@async
---@param change table
function Release:need_reviews(change)
  if not self.review then return end -- this procedure asks for no review
  local enough <const>, approved <const> = judge(self, change)
  if enough then return end
  errors.raise {
    kind = "gate.voided", op = "gate", target = "Review",
    message = ("what was approved by %s has changed since: the approvals of %s are by %s now"):format(
      self.review.by, short(change.head), #approved > 0 and table.concat(approved, ", ") or "nobody"),
    hint = "see " .. change.url .. ", and start again",
  }
end

return Release
