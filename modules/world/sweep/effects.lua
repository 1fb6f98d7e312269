--- What a world holds, as effects that can be counted: told without what differs from run to run (ids, times, commits).
local json = require "fairlead.json"
local sorted = require "fairlead.sorted"

local M = {}

-- What came side by side may be listed in either order.
local function in_order(text)
  if not text:find("\n", 1, true) then return text end
  local lines = {}
  for line in text:gmatch "[^\n]+" do lines[#lines + 1] = line end
  table.sort(lines)
  return table.concat(lines, "\n")
end

--- Text without ids of commits, images, deployments, workflow runs, and without times; its lines in order.
---@param text string
---@return string
function M.plain(text)
  -- ECS's ids of service deployments are letters of any kind: "deployment Zq-3… of NAME", ".../deployments/Zq-3…".
  text = text:gsub("(deployment )[%w_-]+( of )", "%1<deployment>%2"):gsub("(deployments/)[%w_-]+", "%1<deployment>")
  text = text:gsub("%d%d%d%d%d%d%d%d%-%d%d%d%d%d%d%-%x+", "<run>")
  text = text:gsub("sha256:%x+", "<digest>"):gsub("%f[%w]d%-[%w]+", "<deployment>")
  text = text:gsub("%f[%w](%x%x%x%x%x%x%x+)%f[%W]", function(word)
    return (word:find "%d" or #word > 7) and "<id>" or nil -- the longest words of these letters have seven
  end)
  text = text:gsub("%d%d:%d%d UTC", "<time>"):gsub(" <[@!][^<>]*>", "") -- who is tagged depends on when
  text = text:gsub("%d+ [hms] %d+ [ms]?", "<time>"):gsub("%d+ h %d+ min", "<time>"):gsub("%d+ min %d+ s", "<time>")
  return in_order(text)
end

local function adder(effects)
  return function(text, ...)
    local label = M.plain(text:format(...))
    effects[label] = (effects[label] or 0) + 1
  end
end

local function inputs_of(run)
  local names, parts = {}, {}
  for name in pairs(run.inputs or {}) do names[#names + 1] = name end
  table.sort(names)
  for i, name in ipairs(names) do parts[i] = ("%s=%s"):format(name, tostring(run.inputs[name])) end
  return #parts > 0 and " with " .. table.concat(parts, ", ") or ""
end

-- What a ref of a tool's own tells of: the names in the JSON of its newest commit's message. Their values hold times.
local function record_of(repository, sha)
  local commit = repository.commits[sha]
  local value = commit and try(json.decode, commit.message:match "{.*$" or "")
  local names = {}
  for name in sorted(type(value) == "table" and value or {}) do names[#names + 1] = tostring(name) end
  return table.concat(names, ", ")
end

local function records(add, service, folder)
  for ref, sha in pairs(folder.repository.refs) do
    if ref:find "^refs/fairlead/" then add("ref %s: %s", ref, record_of(folder.repository, sha)) end
  end
  for _, deployment in ipairs(service.deployments.list) do
    local newest = deployment.statuses[1]
    if not deployment.app then -- those of jobs are told with their workflow runs
      add("GitHub deployment to %s (%s): %s", deployment.environment, deployment.task, newest and newest.state or "new")
    end
  end
  for _, issue in ipairs(service.issues) do
    add("issue: %s", issue.title)
    for _, comment in ipairs(issue.comments) do add("comment on an issue: %s", tostring(comment.body)) end
  end
end

local function github(add, service, folder)
  for branch in pairs(folder.repository.branches) do add("branch %s", branch) end
  records(add, service, folder)
  for _, pull in ipairs(service.pulls.list) do
    add("pull request from %s to %s: %s", pull.head, pull.base, pull.title)
    if pull.merged then
      add("merge of the pull request from %s", pull.head)
    else
      add("pull request from %s is %s", pull.head, pull.state)
    end
    for _, review in ipairs(pull.reviews) do add("review by %s: %s", review.by, review.state) end
    for _, comment in ipairs(pull.comments) do add("comment on a pull request: %s", tostring(comment.body)) end
  end
  for _, run in ipairs(service.actions.runs) do
    add("workflow run of %s on %s (%s)%s: %s", run.workflow.file, run.branch, run.event, inputs_of(run),
      tostring(run.conclusion or run.status))
    for _, review in ipairs(run.reviews) do add("deployment review by %s: %s", tostring(review.by), review.state) end
  end
end

--- Operations whose every success is one more thing done.
local APPENDS <const> = {
  Create = true, Start = true, Send = true, Run = true, Register = true, Publish = true, Invoke = true, Update = true,
  Stop = true, Continue = true,
}

local function aws(add, service)
  for _, store in pairs(service.stores) do
    for _, deployment in pairs(store.codedeploy.by_id) do
      add("deployment in %s (%s): %s", deployment.group.name, deployment.creator, deployment.status)
    end
  end
  for _, request in ipairs(service.requests) do
    local operation = request.operation or ""
    if request.status == 200 and not request.fault and APPENDS[operation:match "^%u%l+"] then add("%s", operation) end
  end
  for name in pairs(service.environments) do
    local live = service:live(name)
    add("%s runs %s", name, live.sha == service.initial_sha and "what it ran before" or "the new version")
  end
end

local function name_of(slack, id)
  local user = id and slack:user(id)
  return user and user.name or tostring(id)
end

-- What a run that failed says, without what it knows of why and where: of two parts that fail side by side either may
-- be the first, and who is taken up while it ends may see more than who was killed.
local function headline(text, problems)
  local line <const> = text:match "^[^\n]*"
  for _, problem in ipairs(problems) do
    local escaped <const> = problem:gsub("[&<>]", { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;" })
    for _, words in ipairs { problem, escaped } do
      local from <const> = line:find(words:sub(1, 40), 1, true)
      if from then return line:sub(1, from - 1) .. "<error>" end
    end
  end
  return line
end

local function slack(add, service, problems)
  for _, channel in ipairs(service.channels) do
    for _, message in ipairs(channel.messages) do
      local kind = message.metadata and message.metadata.event_type
      add("message in #%s%s by %s%s: %s", channel.name, message.thread_ts and " (thread)" or "",
        name_of(service, message.user), kind and " [" .. kind .. "]" or "",
        #problems > 0 and headline(message.text, problems) or message.text)
      for _, reaction in ipairs(message.reactions) do
        for _, id in ipairs(reaction.users) do
          add("reaction :%s: by %s in #%s", reaction.name, name_of(service, id), channel.name)
        end
      end
    end
  end
end

---@param world fairlead.world.World one that is open
---@param problems string[]? what the run's processes failed with
---@return table<string, integer> effects how often there is what
function M.of(world, problems)
  local effects = {}
  local add = adder(effects)
  github(add, world.github, world.folder)
  aws(add, world.aws)
  slack(add, world.slack, problems or {})
  return effects
end

---@param expected table<string, integer>
---@param found table<string, integer>
---@param others table<string, integer>[]? what may be found as well: a count between those that are expected is none
---@return {effect: string, expected: integer, found: integer}[] differences in the order of their text
function M.differences(expected, found, others)
  local list = {}
  local function compare(effect)
    local a, b = expected[effect] or 0, found[effect] or 0
    local low, high = a, a
    for _, other in ipairs(others or {}) do
      low, high = math.min(low, other[effect] or 0), math.max(high, other[effect] or 0)
    end
    if b < low or b > high then list[#list + 1] = { effect = effect, expected = a, found = b } end
  end
  for effect in pairs(expected) do compare(effect) end
  for effect in pairs(found) do
    if not expected[effect] then compare(effect) end
  end
  table.sort(list, function(a, b) return a.effect < b.effect end)
  return list
end

return M
