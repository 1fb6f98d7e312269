--- What a face shows, built from a run's events: the tree of steps, and what each of them waits for.
local M = {}

---@class faces.Node
---@field name string
---@field path string
---@field kind string
---@field status "running"|"pending"|"done"|"failed"|"refused"|"cancelled"|"skipped"|"stopped"
---@field since? number
---@field elapsed? number
---@field text? string how the wait stands
---@field traffic? number
---@field expected? number
---@field problem? string the last retryable error of a wait
---@field error? string
---@field approvers? string[] who may decide, where it is a gate
---@field would? string what a dry run would do
---@field note? string what a dry run saw instead
---@field why? string why it was skipped
---@field children faces.Node[]

---@class faces.Model
---@field top faces.Node[] in the order they began
---@field plan string[]
---@field mode string
---@field title string
---@field last number when the last event was
---@field final? table the last event
---@field private nodes table<string, faces.Node>
local Model = {}
Model.__index = Model

---Whether a step inside this one failed with the same error, and told it.
---@param node faces.Node
---@return boolean
function M.told_below(node)
  for _, child in ipairs(node.children) do
    if child.error == node.error then return true end
  end
  return false
end

---@return faces.Model
function M.new()
  return setmetatable({ top = {}, plan = {}, nodes = {}, mode = "run", title = "", last = 0 }, Model)
end

local apply = {}

apply["run.started"] = function(model, event)
  model.plan, model.mode, model.run = event.plan or {}, event.mode, event.run
  model.title = event.summary or event.procedure
  model.began = event.at
end

-- What is gone through again (whoever supervises a run may have it so) takes the place that it had.
local function place_of(siblings, before)
  for i, node in ipairs(siblings) do
    if node == before then return i end
  end
  return #siblings + 1
end

apply["step.started"] = function(model, event)
  local node = {
    name = event.step, path = event.path, kind = event.kind, status = "running", since = event.at, children = {},
    intent = event.intent,
  }
  local parent = model.nodes[event.path:match "^(.*)/[^/]*$" or ""]
  local siblings = parent and parent.children or model.top
  siblings[place_of(siblings, model.nodes[event.path])] = node
  model.nodes[event.path] = node
end

apply["step.finished"] = function(model, event)
  local node = model.nodes[event.path]
  node.status, node.elapsed, node.error = event.status, event.elapsed, event.error
end

apply["step.skipped"] = function(model, event)
  local node = model.nodes[event.path]
  node.status, node.elapsed, node.why, node.would = "skipped", event.elapsed, event.why, event.would
  node.note = event.note
  if event.why == "already" or event.why == "by hand" then node.status = "done" end
end

apply["wait.progress"] = function(model, event)
  local node = model.nodes[event.path]
  node.text, node.traffic, node.fraction = event.text, event.traffic, event.fraction
  node.expected, node.problem = event.expected, event.error
end

apply["gate.asked"] = function(model, event)
  local node = model.nodes[event.path]
  node.question, node.text = event.question, "asked via " .. table.concat(event.via, ", ")
  node.approvers = event.approvers
end

apply["gate.decided"] = function(model, event)
  local node = model.nodes[event.path]
  node.text = ("%s%s"):format(event.decision, event.by and " by " .. event.by or "")
end

apply["run.finished"] = function(model, event)
  model.final = event
end

---@param event procedure.Event
function Model:apply(event)
  self.last = event.at
  local change = apply[event.event]
  if change then change(self, event) end
end

---The names of the plan that have not begun.
---@return string[]
function Model:pending()
  local begun, names = {}, {}
  for _, node in ipairs(self.top) do begun[node.name] = true end
  for _, name in ipairs(self.plan) do
    if not begun[name] then names[#names + 1] = name end
  end
  return names
end

---The same for a path.
---@param path string
---@return boolean
function Model:told_below(path)
  return M.told_below(self.nodes[path])
end

---Calls `visit(node, depth)` for every node, parents first.
---@param visit fun(node: faces.Node, depth: integer): boolean|nil true: without what is below this node
function Model:walk(visit)
  local function go(nodes, depth)
    for _, node in ipairs(nodes) do
      if not visit(node, depth) then go(node.children, depth + 1) end
    end
  end
  go(self.top, 0)
end

return M
