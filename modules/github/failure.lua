--- GitHub's refusals as error objects: what, on what, why, and what to do.
---
--- Sources: docs.github.com "Troubleshooting the REST API" (404 instead of 403, 422 and its `errors`), "Permissions
--- required for fine-grained personal access tokens" (X-Accepted-GitHub-Permissions), "Authenticating with SAML single
--- sign-on" (X-GitHub-SSO).
local answer = require "fairlead.service.answer"
local errors = require "fairlead.errors"
local json = require "fairlead.json"

local M = {}

local KINDS <const> = {
  [401] = "github.api.not_authorised",
  [403] = "github.api.not_authorised",
  [404] = "github.api.not_found",
  [409] = "github.api.conflict",
  [410] = "github.api.not_found",
  [422] = "github.api.invalid",
  [429] = "github.api.rate_limited",
}

--- 405 is a merge that is not possible now (pulls/merge in GitHub's API description); elsewhere it is a mistake.
local function kind_of(status, target)
  if status == 405 and target:find "/merge$" then
    return "github.api.not_mergeable"
  end
  return KINDS[status] or "github.api"
end

local TRANSIENT <const> = { [500] = true, [502] = true, [503] = true, [504] = true, [429] = true }

--- "Validation Failed: head sha: is not known; …" from the body's message and errors.
local function message_of(response)
  local body = try(json.decode, response.body or "")
  if type(body) ~= "table" or type(body.message) ~= "string" then
    return ("GitHub answered %d"):format(response.status)
  end
  local parts = {}
  for _, item in ipairs(type(body.errors) == "table" and body.errors or {}) do
    if type(item) == "string" then
      parts[#parts + 1] = item
    elseif type(item) == "table" then
      local text = type(item.message) == "string" and item.message
      parts[#parts + 1] = text or ("%s %s"):format(tostring(item.field), tostring(item.code))
    end
  end
  if #parts == 0 and type(body.errors) == "string" then
    parts[1] = body.errors
  end
  return answer.brief(#parts > 0 and body.message .. ": " .. table.concat(parts, "; ") or body.message)
end

local function hint_of(response, about)
  local status <const>, headers <const> = response.status, response.headers
  if about.hint then
    return about.hint
  elseif status == 401 then
    return about.refused or "the token is wrong, expired or revoked"
  elseif status == 403 then
    if headers["x-github-sso"] then
      return "the organisation wants the token authorised for single sign-on: " .. answer.brief(headers["x-github-sso"])
    end
    local wanted = headers["x-accepted-github-permissions"] or headers["x-accepted-oauth-scopes"]
    return wanted and wanted ~= "" and "the token needs: " .. answer.brief(wanted)
      or "the token lacks a permission for this"
  elseif status == 404 then
    return "there is no such thing, or the token may not see it: GitHub answers both alike"
  end
end

--- Raises the answer as an error object.
---@param response table
---@param about {op: string, target: string, refused: string?, hint: string?} refused: what to do about a token that
---  is not taken; hint: what to do in any case
function M.raise(response, about)
  errors.raise {
    kind = kind_of(response.status, about.target),
    op = about.op, target = about.target,
    status = response.status, request_id = response.headers["x-github-request-id"],
    retryable = TRANSIENT[response.status] or false,
    message = message_of(response),
    hint = hint_of(response, about),
  }
end

local GRAPHQL_KINDS <const> = {
  NOT_FOUND = "github.api.not_found",
  FORBIDDEN = "github.api.not_authorised",
  INSUFFICIENT_SCOPES = "github.api.not_authorised",
  RATE_LIMITED = "github.api.rate_limited",
  UNPROCESSABLE = "github.api.invalid",
}

--- Whether a GraphQL answer is a refusal because the hour's limit is used up.
---@param decoded any
---@return boolean
function M.is_limited(decoded)
  local list <const> = type(decoded) == "table" and decoded.errors
  local first <const> = type(list) == "table" and list[1]
  return type(first) == "table" and first.type == "RATE_LIMITED"
end

--- Raises the first of a GraphQL answer's `errors`.
---@param response table
---@param decoded any
---@param op string
---@param target string
function M.raise_graphql(response, decoded, op, target)
  local list = type(decoded) == "table" and decoded.errors
  local first = type(list) == "table" and type(list[1]) == "table" and list[1] or {}
  local code <const> = type(first.type) == "string" and answer.brief(first.type) or nil
  local more = type(list) == "table" and #list > 1 and (" (and %d more)"):format(#list - 1) or ""
  errors.raise {
    kind = GRAPHQL_KINDS[code] or "github.api", op = op, target = target,
    status = response.status, code = code, request_id = response.headers["x-github-request-id"],
    retryable = code == "RATE_LIMITED",
    message = answer.brief(type(first.message) == "string" and first.message
      or "GitHub answered neither data nor errors") .. more,
  }
end

return M
