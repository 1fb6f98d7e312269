--- GitHub: pull requests, checks, reviews, merges, workflow runs and what a branch demands.
---
---     local github = require "fairlead.github"
---     local gh = github.client { repository = "owner/name" }
---     local pull = gh:pull_request { head = "my-branch" }
---     print(gh:checks(pull.head.sha).why)
local Approval = require "fairlead.github.approval"
local Client = require "fairlead.github.client"
local Question = require "fairlead.github.question"

for _, part in ipairs { "pulls", "checks", "actions", "rules", "deployments", "history", "graphql",
  "assets" } do
  for name, method in pairs(require("fairlead.github." .. part)) do
    Client[name] = method
  end
end

local M = {}

--- A client for one repository, as the token's user.
---@param options fairlead.github.ClientOptions
---@return fairlead.github.Client
--- raises config.missing when there is no token, config.invalid for an address that is none
function M.client(options)
  return Client.new(options)
end

--- A gate's channel that waits for GitHub's review of an environment that a run wants to deploy to.
---@param options {client: fairlead.github.Client, run: integer, environment: string, name?: string}
---@return fairlead.github.Approval
function M.approval(options)
  return Approval.new(options)
end

--- A gate's channel that asks on a pull request, and takes comments for answers.
---@param options fairlead.github.QuestionOptions
---@return fairlead.github.Question
function M.question(options)
  return Question.new(options)
end

return M
