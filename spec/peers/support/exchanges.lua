--- Exchanges with GitHub for Prism: one of each kind, and their answers with what a simulated GitHub leaves out.
local json = require "fairlead.json"
local openapi = require "spec.peers.support.openapi"

local M = {}

-- The addresses of further pages that GitHub repeats in every user and every repository. The simulated GitHub leaves
-- them out: nothing here follows them, and they are most of the text. They are put back before Prism looks.
local OF_USERS <const> = { events_url = "/events{/privacy}", followers_url = "/followers",
  following_url = "/following{/other_user}", gists_url = "/gists{/gist_id}", organizations_url = "/orgs",
  received_events_url = "/received_events", repos_url = "/repos", starred_url = "/starred{/owner}{/repo}",
  subscriptions_url = "/subscriptions" }
local OF_REPOSITORIES <const> = {}
for name in ([[archive assignees blobs branches collaborators comments commits compare contents contributors deployments
  downloads events forks git_commits git_refs git_tags hooks issue_comment issue_events issues keys labels languages
  merges milestones notifications pulls releases stargazers statuses subscribers subscription tags teams
  trees]]):gmatch "%S+" do
  OF_REPOSITORIES[name .. "_url"] = "/" .. name
end

local function fill(value)
  if type(value) ~= "table" then return end
  local addresses = value.login and value.node_id and OF_USERS or value.full_name and OF_REPOSITORIES or {}
  for name, path in pairs(addresses) do value[name] = value[name] or value.url .. path end
  if value.login and value.node_id then value.gravatar_id = value.gravatar_id or "" end
  for _, item in pairs(value) do fill(item) end
end

---An answer's body with them.
---@param answer fairlead.world.Answer
---@return string
function M.complete(answer)
  if not answer.body:find "^[%[{]" then return answer.body end
  local value <const> = json.decode(answer.body)
  fill(value)
  return json.encode(value)
end

-- Which of the fields a request has: others are another kind.
local function fields(request)
  local names = {}
  for _, pair in ipairs(request.query_list) do names[#names + 1] = "?" .. pair[1] end
  if request.body:find "^{" then
    for name in pairs(json.decode(request.body)) do names[#names + 1] = name end
  end
  table.sort(names)
  return table.concat(names, ",")
end

---One exchange of each kind: operation, status, fields.
---@param exchanges peers.Exchange[]
---@return {operation: string, list: peers.Exchange[]}[] operations sorted
function M.kinds(exchanges)
  local by_name, seen, names = {}, {}, {}
  for _, exchange in ipairs(exchanges) do
    local request <const> = exchange.request
    local name <const> = ("%s %s"):format(request.method, openapi.template(request.path) or request.path)
    local kind <const> = ("%s %d %s"):format(name, exchange.answer.status, fields(request))
    if not by_name[name] then
      by_name[name] = { operation = name, list = {} }
      names[#names + 1] = name
    end
    if not seen[kind] then table.insert(by_name[name].list, exchange) end
    seen[kind] = true
  end
  table.sort(names)
  for i, name in ipairs(names) do names[i] = by_name[name] end
  return names
end

return M
