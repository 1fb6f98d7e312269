--- A gate's channel that asks on a pull request: those who may decide answer it with a comment, `approve` or
--- `refuse WHY`. Where no chat is to be had, it is the place that everybody who may decide can reach.
---
--- Source: GitHub Docs, REST "Issue comments" (a pull request's conversation is an issue's). Comments can be edited by
--- whoever may write to the repository; GitHub then says so (updated_at), and an edited answer does not count. Anybody
--- can write the mark of a question into a comment: only the token's user's own is taken for the question.
local answer = require "fairlead.service.answer"
local clock = require "fairlead.clock"
local reply_of = require "fairlead.service.reply"

local ATTEMPTS <const> = 3
local CLOCKS_DIFFER <const> = 60 -- seconds between GitHub's clock and this one
local EVERY <const> = 10 -- seconds between two looks
local LONGEST <const> = 60000 -- characters; GitHub takes 65,536

---@class fairlead.github.QuestionOptions
---@field client fairlead.github.Client
---@field number integer of the pull request
---@field approvers fun(): string[] logins of those who may decide, asked for at each look that finds an answer
---@field name? string default "pull request"
---@field show? fun(evidence: table): string the evidence as text; default: nothing of it is shown

---@class fairlead.github.Question
---@field name string
---@field every number
---@field private client fairlead.github.Client
---@field private number integer
---@field private approvers fun(): string[]
---@field private show? fun(evidence: table): string
---@field private comment? integer id of the question's comment
---@field private mark? string what it is known again by
---@field private text? string
---@field private say? fun(text: string)
---@field private told table<string, boolean>
local Question = {}
Question.__index = Question

---@param options fairlead.github.QuestionOptions
---@return fairlead.github.Question channel
function Question.new(options)
  if type(options) ~= "table" then
    error(("bad argument #1 to 'github.question' (table expected, got %s)"):format(type(options)), 3)
  end
  for field, kind in pairs { client = "table", number = "number", approvers = "function" } do
    if type(options[field]) ~= kind then
      error(("bad argument #1 to 'github.question' (%s: %s expected, got %s)"):format(field, kind,
        type(options[field])), 3)
    end
  end
  return setmetatable({
    name = options.name or "pull request", every = EVERY, client = options.client, number = options.number,
    approvers = options.approvers, show = options.show, told = {},
  }, Question)
end

local function prepare(self, request)
  self.say = request.say
  self.mark = ("<!-- fairlead question %s %s %s -->"):format(request.run or "", request.path or request.name or "",
    request.digest or "")
  local lines = { ("**%s**"):format(request.question or request.name) }
  if self.show and type(request.evidence) == "table" then lines[#lines + 1] = self.show(request.evidence) end
  lines[#lines + 1] = "Who may decide answers with a comment: `approve`, or `refuse` and why."
  self.text = table.concat(lines, "\n\n"):sub(1, LONGEST)
end

local function comments(self)
  return self.client:paginate(("issues/%d/comments"):format(self.number))
end

-- The newest: one that came to no decision may have been asked with the same evidence before.
-- `since`: none that was there before.
local function find(self, since)
  local found
  for comment in comments(self) do
    local late <const> = not since or (answer.time(comment.created_at) or 0) >= since - CLOCKS_DIFFER
    if late and (comment.body or ""):find(self.mark, 1, true) and self.client:is_own(comment.user) then
      found = comment.id
    end
  end
  return found
end

---Asks the question.
---@async
---@param request table question, evidence, digest, run, path, say (a procedure's gate request)
---@return {comment: integer} asked
function Question:ask(request)
  prepare(self, request)
  local since <const>, id = clock.now(), nil
  for attempt = 1, ATTEMPTS do
    local err
    id, err = try(function()
      local body <const> = { body = self.text .. "\n\n" .. self.mark }
      return self.client:post(("issues/%d/comments"):format(self.number), body).id
    end)
    if id then break end
    if not err.retryable then error(err, 0) end
    clock.sleep(attempt)
    id = find(self, since) -- it may have been heard
    if id then break end
    if attempt == ATTEMPTS then error(err, 0) end
  end
  self.comment = id
  return { comment = id }
end

---Takes up a question that an interrupted run has asked.
---@async
---@param request table
---@param asked? {comment: integer?} what `ask` returned; without it the token's user's own comments are looked through
---@return {comment: integer}? asked nil: it was not asked
function Question:resume(request, asked)
  prepare(self, request)
  self.comment = asked and asked.comment or find(self)
  return self.comment and { comment = self.comment }
end

local function includes(logins, login)
  for _, name in ipairs(logins) do
    if name:lower() == login:lower() then return true end
  end
  return false
end

-- An answer of somebody else's is told of once.
local function tell_off(self, login)
  if self.told[login] then return end
  self.told[login] = true
  self.say(("%s answered on the pull request, and may not decide"):format(login))
end

---The first answer of somebody who may decide.
---@async
---@return {decision: string, by: string, why: string?}?
function Question:answer()
  local approvers
  for comment in comments(self) do
    local decision <const>, why <const> = reply_of.read(comment.body)
    local login <const> = type(comment.user) == "table" and comment.user.login
    if decision and login and comment.id > self.comment and comment.created_at == comment.updated_at then
      approvers = approvers or self.approvers()
      if includes(approvers, login) then
        return { decision = decision, by = login, why = why and why:match "^[^\n]*" }
      end
      tell_off(self, login)
    end
  end
end

---Says under the question how it ended. One that came to no decision loses its mark: answers to it are not those to a
---question that is asked anew.
---@async
---@param decision {decision: string, by: string?, why: string?}
function Question:close(decision)
  if not self.comment then return end
  local by <const> = decision.by and " by " .. decision.by or ""
  local lines = { self.text, ("_%s%s%s_"):format(decision.decision, by, decision.why and ": " .. decision.why or "") }
  if decision.decision == "approved" or decision.decision == "refused" then lines[3] = self.mark end
  self.client:patch(("issues/comments/%d"):format(self.comment), { body = table.concat(lines, "\n\n") },
    { once = false })
end

return Question
