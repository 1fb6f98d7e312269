--- From a request to GitHub to the permission of a fine-grained token, or of a GitHub App, that it needs.
---
--- Source: docs.github.com, "Permissions required for fine-grained personal access tokens" and "Permissions required
--- for GitHub Apps"; "Choosing permissions for a GitHub App" (git over HTTP: contents).
local M = {}

-- In this order: the first pattern that a path below the repository matches decides. Reading needs "read", anything
-- else "write", unless the third entry says otherwise.
local REPOSITORY <const> = {
  { "^$", "metadata" },
  { "^/rules/", "metadata" },
  { "^/branches/[^/]+/protection", "administration" },
  { "^/pulls/%d+/merge$", "contents" },
  { "^/pulls", "pull_requests" },
  { "^/commits/[^/]+/pulls$", "pull_requests" },
  { "^/commits/[^/]+/check%-", "checks" },
  { "^/check%-", "checks" },
  { "^/commits/[^/]+/status", "statuses" },
  { "^/statuses/", "statuses" },
  { "^/actions/runs/%d+/pending_deployments$", "actions", write = "deployments" },
  { "^/actions/", "actions" },
  { "^/environments", "actions", write = "administration" },
  { "^/deployments", "deployments" },
  { "^/issues", "issues" },
  { "^/releases", "contents" },
  { "^/collaborators", "metadata", write = "administration" },
  { "^/", "contents" }, -- branches, commits, compare, contents, git, tags, …
}

local READS <const> = { GET = true, HEAD = true }

---@class permissions.GitHubNeed
---@field repository? string "owner/name"; nil: the organisation's
---@field organisation? string
---@field permission string
---@field access "read"|"write"

---What one request needs; nil: nothing but a token.
---@param method string
---@param path string
---@return permissions.GitHubNeed|nil
function M.need(method, path)
  local owner, name, rest = path:match "^/repos/([^/]+)/([^/]+)(.*)$"
  local access = READS[method] and "read" or "write"
  if not owner then
    local organisation = path:match "^/orgs/([^/]+)/teams" or path:match "^/orgs/([^/]+)/members"
    if organisation then return { organisation = organisation, permission = "members", access = access } end
    return nil
  end
  for _, row in ipairs(REPOSITORY) do
    if rest:find(row[1]) then
      local permission = access == "write" and row.write or row[2]
      return { repository = owner .. "/" .. name, permission = permission, access = access }
    end
  end
end

return M
