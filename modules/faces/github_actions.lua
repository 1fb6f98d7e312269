--- The face for GitHub Actions: the plain lines, folded by step; errors and warnings as annotations; a summary
--- page. Syntax: "Workflow commands for GitHub Actions", GitHub Docs; escaping as in actions/toolkit's core/command.ts.
local duration = require "fairlead.procedure.duration"
local environment = require "fairlead.environment"
local plain = require "fairlead.faces.plain"
local summary = require "fairlead.faces.summary"
local text = require "fairlead.faces.text"

local M = {}

---@class faces.GitHubActions
---@field plain faces.Plain
---@field group? string the top-level step whose lines are folded now
---@field summary_file? string
local Actions = {}
Actions.__index = Actions

---@param options? faces.Options
---@return faces.GitHubActions
function M.new(options)
  local face = plain.new(options)
  return setmetatable({
    plain = face,
    stream = face.stream,
    summary_file = environment.get "GITHUB_STEP_SUMMARY",
    open = 0, -- top-level steps under way
  }, Actions)
end

local function escape_data(said)
  return (said:gsub("%%", "%%25"):gsub("\r", "%%0D"):gsub("\n", "%%0A"))
end

local function escape_property(said)
  return (escape_data(said):gsub(":", "%%3A"):gsub(",", "%%2C"))
end

---A workflow command: "::error title=…::message".
---@param name string
---@param properties {[1]: string, [2]: any}[] in the order in which they are written; without a value: left out
---@param message string
---@return string
function M.command(name, properties, message)
  local list = {}
  for _, property in ipairs(properties) do
    local key, item = property[1], property[2]
    if item ~= nil then list[#list + 1] = key .. "=" .. escape_property(text.clean(item)) end
  end
  local lines = table.concat(text.lines(message), "\n")
  return ("::%s%s::%s"):format(name, #list > 0 and " " .. table.concat(list, ",") or "", escape_data(lines))
end

local function write(face, lines)
  face.stream:write(lines, "\n")
end

local function end_group(face)
  if face.group then write(face, "::endgroup::") end
  face.group = nil
end

local function is_top(event)
  return event.path ~= nil and not event.path:find("/", 1, true)
end

-- Groups cannot hold each other, so only a top-level step that is alone gets one.
local function before(face, event)
  if event.event == "step.started" and is_top(event) then
    face.open = face.open + 1
    end_group(face)
    if face.open == 1 then
      face.group = event.path
      write(face, "::group::" .. escape_data(text.clean(event.step)))
    end
  end
end

local function after(face, event)
  if (event.event == "step.finished" or event.event == "step.skipped") and is_top(event) then
    face.open = face.open - 1
    if face.group == event.path then end_group(face) end
  end
end

local annotate = {}

annotate["note"] = function(event)
  if event.kind == "warning" then return M.command("warning", { { "title", event.path } }, event.text) end
end

annotate["gate.asked"] = function(event)
  if #event.via == 0 then return nil end
  return M.command("notice", { { "title", event.path } },
    ("%s (via %s)"):format(event.question, table.concat(event.via, ", ")))
end

annotate["run.finished"] = function(event)
  if event.outcome == "done" then return nil end
  local place = { { "title", event.failed or event.reason }, { "file", event.file }, { "line", event.line } }
  return M.command("error", place, event.error or event.outcome)
end

-- Markdown and HTML mean nothing in what came from outside.
local function markdown(said)
  said = text.clean(said):gsub("[&<>]", { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;" })
  return (said:gsub("[\\`*_%[%]|#~!@]", "\\%0"))
end

---The summary page of the run, in Markdown.
---@param model faces.Model
---@return string
function M.page(model)
  local final = model.final
  local lines = { ("### %s: %s"):format(markdown(model.title), markdown(final.outcome)), "" }
  local function add(line) lines[#lines + 1] = line end
  if final.error then add(markdown(final.error)) add "" end
  for _, reason in ipairs(final.why or {}) do add("- why: " .. markdown(reason)) end
  if final.why then add "" end
  if #model.top > 0 then
    add "| Step | Outcome | Took |"
    add "|:-----|:--------|-----:|"
    model:walk(function(node, depth)
      add(("| %s%s | %s | %s |"):format(("&emsp;"):rep(depth), markdown(node.name), node.status,
        node.elapsed and duration.text(node.elapsed) or ""))
    end)
    add ""
  end
  for _, fact in ipairs(final.live or {}) do
    add(("- live in %s: %s %s"):format(markdown(fact.environment), markdown(fact.version or ""),
      markdown(fact.url or "")))
  end
  for _, fact in ipairs(final.facts or {}) do add("- " .. markdown(fact)) end
  if #(final.not_done or {}) > 0 then add("- not done: " .. markdown(table.concat(final.not_done, ", "))) end
  local advice = final.outcome ~= "done" and summary.advice(final)
  if advice then add("- next: " .. markdown(advice)) end
  return table.concat(lines, "\n") .. "\n"
end

local function write_page(face)
  if not face.summary_file then return end
  local file, problem = io.open(face.summary_file, "a")
  if not file then
    write(face, M.command("warning", {}, "cannot write the summary: " .. problem))
    return
  end
  file:write(M.page(face.plain.model), "\n")
  file:close()
end

---@param event procedure.Event
function Actions:event(event)
  before(self, event)
  if event.event == "run.finished" then end_group(self) end
  local lines = self.plain:describe(event)
  if lines then write(self, text.harmless(lines)) end
  local annotation = annotate[event.event] and annotate[event.event](event)
  if annotation then write(self, annotation) end
  after(self, event)
  if event.event == "run.finished" and self.plain.model.began then write_page(self) end
end

---Nothing is left to do at the end.
function Actions:close()
  end_group(self)
  self.stream:flush()
end

return M
