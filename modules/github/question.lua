--- A gate's channel that asks on a pull request: those who may decide answer it with a comment, `approve` or
--- `refuse WHY`. Where no chat is to be had, it is the place that everybody who may decide can reach.
---
--- Source: GitHub Docs, REST "Issue comments" (a pull request's conversation is an issue's). Comments can be edited by
--- whoever may write to the repository; GitHub then says so (updated_at), and an edited answer does not count.
local EVERY <const> = 10 -- seconds between two looks
local LONGEST <const> = 60000 -- characters; GitHub takes 65,536

---@class fairlead.github.QuestionOptions
---@field client fairlead.github.Client
---@field number integer of the pull request
---@field approvers fun(): string[] logins of those who may decide, asked for with each new answer
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

local function find(self)
  for comment in comments(self) do
    if (comment.body or ""):find(self.mark, 1, true) then return comment.id end
  end
end

---Asks the question.
---@async
---@param request table question, evidence, digest, run, path, say (a procedure's gate request)
---@return {comment: integer} asked
function Question:ask(request)
  prepare(self, request)
  local id, err = try(function()
    return self.client:post(("issues/%d/comments"):format(self.number), { body = self.text .. "\n\n" .. self.mark }).id
  end)
  if err then -- it may have been heard
    if not err.retryable then error(err, 0) end
    id = find(self) or error(err, 0)
  end
  self.comment = id
  return { comment = id }
end

---Takes up a question that an interrupted run has asked.
---@async
---@param request table
---@return {comment: integer}? asked nil: it was not asked
function Question:resume(request)
  prepare(self, request)
  self.comment = find(self)
  return self.comment and { comment = self.comment }
end

local function read(body)
  local word, rest = (body or ""):match "^%s*(%a+)%s*(.-)%s*$"
  word = word and word:lower()
  if word == "approve" or word == "approved" then return "approved" end
  if word ~= "refuse" and word ~= "refused" then return nil end
  return "refused", rest ~= "" and rest:match "^[:,%s]*([^\n]*)" or nil
end

-- An answer of somebody else's is told of once.
local function counts(self, login)
  for _, name in ipairs(self.approvers()) do
    if name:lower() == login:lower() then return true end
  end
  if not self.told[login] then
    self.told[login] = true
    self.say(("%s answered on the pull request, and may not decide"):format(login))
  end
  return false
end

---The first answer of somebody who may decide.
---@async
---@return {decision: string, by: string, why: string?}?
function Question:answer()
  for comment in comments(self) do
    local decision <const>, why <const> = read(comment.body)
    local login <const> = type(comment.user) == "table" and comment.user.login
    if decision and login and comment.id > self.comment and comment.created_at == comment.updated_at
      and counts(self, login) then
      return { decision = decision, by = login, why = why }
    end
  end
end

---Says under the question how it ended.
---@async
---@param decision {decision: string, by: string?, why: string?}
function Question:close(decision)
  if not self.comment then return end
  local by <const> = decision.by and " by " .. decision.by or ""
  self.client:patch(("issues/comments/%d"):format(self.comment), {
    body = ("%s\n\n_%s%s%s_\n\n%s"):format(self.text, decision.decision, by,
      decision.why and ": " .. decision.why or "", self.mark),
  }, { once = false })
end

return Question
