--- What lies between two commits.
---
--- Sources: GitHub Docs, REST "Compare two commits" (300 files at most; commits in pages), "List pull requests
--- associated with a commit".
local address = require "fairlead.service.address"
local shape = require "fairlead.service.shape"

local list_of <const>, maybe <const> = shape.list, shape.maybe

-- What is read from GitHub's answers.
local COMPARISON <const> = {
  status = "text", ahead_by = "integer", behind_by = "integer",
  files = maybe(list_of { filename = "text", status = "text?" }),
  commits = list_of { sha = "text", author = maybe { login = "text?" }, parents = list_of {},
    commit = { message = "text", author = { name = "text?" } } },
}
local PULLS <const> = list_of { number = "integer", title = "text?", html_url = "text?", merged_at = "text?",
  user = maybe { login = "text?" } }

---@class fairlead.github.History: fairlead.github.Client
local History = {}

local PAGE <const> = 100
local MOST <const> = 1000 -- commits that are read

---@class fairlead.github.Comparison
---@field status "ahead"|"behind"|"identical"|"diverged" of head, seen from base
---@field ahead_by integer commits that head has and base has not
---@field behind_by integer
---@field commits {sha: string, subject: string, author: string, parents: integer}[] the oldest first; author: a login,
--- or the name in the commit
---@field files {path: string, status: string}[] 300 at most
---@field truncated boolean there are more commits or files than are listed

local function as_commit(item)
  local author = item.author
  return {
    sha = item.sha, subject = item.commit.message:match "^[^\n]*", parents = #item.parents,
    author = type(author) == "table" and author.login or item.commit.author.name,
  }
end

--- The commits and files in which head differs from what it has in common with base.
---@async
---@param base string
---@param head string
---@return fairlead.github.Comparison
function History:compare(base, head)
  local path <const> = ("compare/%s...%s"):format(address.segment(base), address.segment(head))
  local result = { commits = {}, files = {} }
  for page = 1, MOST // PAGE do
    local told <const> = self:get(path, { per_page = PAGE, page = page }, { op = "github.compare",
      shape = COMPARISON })
    if page == 1 then
      result.status, result.ahead_by, result.behind_by = told.status, told.ahead_by, told.behind_by
      for i, file in ipairs(told.files or {}) do result.files[i] = { path = file.filename, status = file.status } end
    end
    for _, item in ipairs(told.commits) do result.commits[#result.commits + 1] = as_commit(item) end
    if #told.commits < PAGE then break end
  end
  result.truncated = #result.commits < result.ahead_by or #result.files >= 300
  return result
end

--- The pull requests by which a commit came to the repository.
---@async
---@param sha string
---@return {number: integer, title: string, author: string, url: string, merged: boolean}[]
function History:pulls_of(sha)
  local path <const> = ("commits/%s/pulls"):format(address.segment(sha))
  local list = {}
  for i, pull in ipairs(self:get(path, nil, { op = "github.pulls_of", shape = PULLS })) do
    list[i] = {
      number = pull.number, title = pull.title, url = pull.html_url, merged = type(pull.merged_at) == "string",
      author = type(pull.user) == "table" and pull.user.login or "",
    }
  end
  return list
end

return History
