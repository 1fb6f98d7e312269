--- GitHub's issues and their comments. A pull request is an issue too: the same numbers, the same comments.
--- Source: GitHub Docs, REST "Issues" and "Issue comments".
local json = require "fairlead.json"
local refusal = require "fairlead.world.github.refusal"
local shapes = require "fairlead.world.github.shapes"

local M = {}

local time = shapes.time

local function given(value)
  if value == json.null then
    return nil
  end
  return value
end

--- The names of labels that a body gives as texts or as objects, without repetition.
local function labels_of(list)
  local names, seen = {}, {}
  for _, label in ipairs(list or {}) do
    local name = type(label) == "table" and label.name or label
    if type(name) ~= "string" or name == "" then
      refusal.invalid("Label", "name", "invalid")
    end
    if not seen[name] then
      seen[name] = true
      names[#names + 1] = name
    end
  end
  return names
end

--- The logins of those who are to see to an issue: people whom GitHub knows.
local function assignees_of(github, list)
  for _, login in ipairs(list or {}) do
    if type(login) ~= "string" or not github:is_user(login) then
      refusal.invalid("Issue", "assignees", "invalid")
    end
  end
  return list or {}
end

local function label_shape(github, name)
  local id = github.shapes:user_id("label:" .. name)
  return {
    id = id,
    node_id = ("LA_%x"):format(id),
    name = name,
    url = github.shapes:url("/labels/" .. name),
    color = "ededed",
    default = false,
    description = json.null,
  }
end

local function issue_shape(github, issue)
  local s = github.shapes
  local url = s:url("/issues/" .. issue.number)
  local labels, assignees = {}, {}
  for i, name in ipairs(issue.labels or {}) do
    labels[i] = label_shape(github, name)
  end
  for i, login in ipairs(issue.assignees or {}) do
    assignees[i] = s:user(login)
  end
  local pull = issue.head and {
    url = s:url("/pulls/" .. issue.number),
    html_url = s:page("/pull/" .. issue.number),
    merged_at = time(issue.merged and issue.merged.at),
  }
  return {
    id = issue.id,
    node_id = ("I_%x"):format(issue.id),
    number = issue.number,
    title = issue.title,
    body = issue.body or json.null,
    state = issue.state,
    state_reason = issue.state_reason or json.null,
    user = s:user(issue.author),
    labels = json.array(labels),
    assignee = assignees[1] or json.null,
    assignees = json.array(assignees),
    milestone = json.null,
    locked = false,
    comments = #issue.comments,
    created_at = time(issue.created),
    updated_at = time(issue.updated),
    closed_at = time(issue.closed),
    author_association = "MEMBER",
    url = url,
    html_url = pull and pull.html_url or s:page("/issues/" .. issue.number),
    repository_url = s:url(""),
    labels_url = url .. "/labels{/name}",
    comments_url = url .. "/comments",
    events_url = url .. "/events",
    pull_request = pull,
  }
end

local function comment_shape(github, issue, comment)
  local page = github.shapes:page(("/%s/%d#issuecomment-%d"):format(
    issue.head and "pull" or "issues",
    issue.number,
    comment.id
  ))
  return {
    id = comment.id,
    node_id = ("IC_%x"):format(comment.id),
    url = github.shapes:url("/issues/comments/" .. comment.id),
    html_url = page,
    issue_url = github.shapes:url("/issues/" .. issue.number),
    body = comment.body,
    user = github.shapes:user(comment.by),
    created_at = time(comment.at),
    updated_at = time(comment.edited or comment.at),
    author_association = "MEMBER",
  }
end

--- Whether an issue has all labels of a list that commas part.
local function has_labels(issue, wanted)
  for name in wanted:gmatch("[^,]+") do
    local there = false
    for _, label in ipairs(issue.labels or {}) do
      there = there or label:lower() == name:lower()
    end
    if not there then
      return false
    end
  end
  return true
end

local function add_issues(github, router, find, all)
  local route = "/repos/{owner}/{repo}/issues"

  router:add("GET " .. route, "issues:read", function(call)
    local query, list = call.query, {}
    local state = query.state or "open"
    if state ~= "open" and state ~= "closed" and state ~= "all" then
      refusal.invalid("Issue", "state", "invalid")
    end
    for _, issue in ipairs(all()) do
      if
        (state == "all" or issue.state == state)
        and (not query.creator or issue.author == query.creator)
        and (not query.labels or has_labels(issue, query.labels))
      then
        list[#list + 1] = issue
      end
    end
    local key = query.sort == "updated" and "updated" or "number"
    local ascending = query.direction == "asc"
    table.sort(list, function(a, b)
      if a[key] == b[key] then
        return a.number > b.number
      end
      return (a[key] < b[key]) == ascending
    end)
    local page, headers = github:page(call, list)
    for i, issue in ipairs(page) do
      page[i] = issue_shape(github, issue)
    end
    return 200, page, headers
  end)

  router:add("POST " .. route, nil, function(call)
    -- Who may read a repository may open an issue; a token needs the right to all the same.
    if not call.viewer then
      refusal.raise(401, "Requires authentication")
    elseif call.viewer.rights and not call.viewer.rights["issues:write"] then
      refusal.raise(403, "Resource not accessible by personal access token")
    end
    local body = call.body
    refusal.check(body, { title = "string!", body = "string", labels = "table", assignees = "table" })
    if body.title:find("^%s*$") then
      refusal.invalid("Issue", "title", "missing_field")
    end
    local writes = github:can_write(call.viewer.login)
    local issue = {
      id = github:new_id(),
      number = github.pulls:new_number(),
      title = body.title,
      body = given(body.body),
      state = "open",
      author = call.viewer.login,
      -- Labels and assignees of somebody without push access are dropped without a word.
      labels = writes and labels_of(given(body.labels)) or {},
      assignees = writes and assignees_of(github, given(body.assignees)) or {},
      comments = {},
      created = github.world.now,
      updated = github.world.now,
    }
    table.insert(github.issues, issue)
    github.world:emit("issue_opened", { issue = issue })
    return 201, issue_shape(github, issue), { { "location", github.shapes:url("/issues/" .. issue.number) } }
  end)

  router:add("GET " .. route .. "/{number}", "issues:read", function(call)
    return 200, issue_shape(github, find(call.number))
  end)

  router:add("PATCH " .. route .. "/{number}", "issues:write", function(call)
    local issue, body = find(call.number), call.body
    refusal.check(body, { title = "string", body = "string", state = "string", state_reason = "string",
      labels = "table", assignees = "table" })
    if given(body.state) and body.state ~= "open" and body.state ~= "closed" then
      refusal.invalid("Issue", "state", "invalid")
    end
    issue.title = given(body.title) or issue.title
    if body.body ~= nil then
      issue.body = given(body.body)
    end
    issue.labels = given(body.labels) and labels_of(body.labels) or issue.labels
    issue.assignees = given(body.assignees) and assignees_of(github, body.assignees) or issue.assignees
    if given(body.state) and body.state ~= issue.state then
      issue.state = body.state
      issue.closed = body.state == "closed" and github.world.now or nil
      issue.state_reason = body.state == "closed" and (given(body.state_reason) or "completed") or nil
    end
    issue.updated = github.world.now
    return 200, issue_shape(github, issue)
  end)
end

local function add_comments(github, router, find)
  local route = "/repos/{owner}/{repo}/issues/{number}/comments"

  router:add("GET " .. route, "issues:read", function(call)
    local issue = find(call.number)
    local page, headers = github:page(call, issue.comments)
    for i, comment in ipairs(page) do
      page[i] = comment_shape(github, issue, comment)
    end
    return 200, page, headers
  end)

  local function check_text(body)
    refusal.check(body, { body = "string!" })
    if body.body == "" then
      refusal.raise(422, "Validation Failed", { { resource = "IssueComment", code = "unprocessable", field = "data",
        message = "Body cannot be blank" } })
    end
  end

  router:add("POST " .. route, "issues:write", function(call)
    local issue = find(call.number)
    check_text(call.body)
    local comment = { id = github:new_id(), by = call.viewer.login, body = call.body.body, at = github.world.now }
    table.insert(issue.comments, comment)
    issue.updated = github.world.now
    github.world:emit("commented", { pull = issue.head and issue or nil, issue = issue, comment = comment })
    return 201, comment_shape(github, issue, comment)
  end)

  router:add("PATCH /repos/{owner}/{repo}/issues/comments/{comment}", "issues:write", function(call)
    check_text(call.body)
    for _, list in ipairs { github.issues, github.pulls.list } do
      for _, issue in ipairs(list) do
        for _, comment in ipairs(issue.comments) do
          if tostring(comment.id) == call.comment then
            comment.body, comment.edited = call.body.body, github.world.now
            return 200, comment_shape(github, issue, comment)
          end
        end
      end
    end
    return refusal.not_found()
  end)
end

---@param github fairlead.world.GitHub
---@param router fairlead.world.Router
function M.add(github, router)
  local function all()
    local list = table.move(github.issues, 1, #github.issues, 1, {})
    return table.move(github.pulls.list, 1, #github.pulls.list, #list + 1, list)
  end

  local function find(number)
    for _, issue in ipairs(all()) do
      if tostring(issue.number) == number then
        return issue
      end
    end
    return refusal.not_found()
  end

  add_comments(github, router, find)
  add_issues(github, router, find, all)
end

return M
