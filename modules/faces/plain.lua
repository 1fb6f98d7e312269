--- The face for pipes, logs and files: one line for each thing that happens, with its time.
local duration = require "fairlead.procedure.duration"
local models = require "fairlead.faces.model"
local styles = require "fairlead.faces.style"
local summary = require "fairlead.faces.summary"
local text = require "fairlead.faces.text"
local value = require "fairlead.procedure.value"

local M = {}

---@class faces.Plain
---@field model faces.Model
---@field style faces.Style
local Plain = {}
Plain.__index = Plain

---@class faces.Options
---@field stream? file* standard output when left out
---@field verbose? boolean HTTP exchanges too

---@param options? faces.Options
---@return faces.Plain
function M.new(options)
  options = options or {}
  local face = setmetatable({
    model = models.new(),
    style = styles.new { colours = false },
    stream = options.stream or io.stdout,
    verbose = options.verbose or false,
  }, Plain)
  face.stream:setvbuf "line"
  return face
end

-- A rehearsal's times are the virtual clock's: shown in UTC, so that they are the same everywhere.
local function time(face, at)
  return os.date(face.model.mode == "rehearsal" and "!%H:%M:%S" or "%H:%M:%S", math.floor(at))
end

---@param at number
---@param word string what happened, in one word
---@param path string|nil
---@param rest string|nil
---@return string
function Plain:line(at, word, path, rest)
  local where = path and self.style:path(text.clean(path)) or ""
  local gap = path and rest and "  " or ""
  return ("%s  %-8s  %s%s%s"):format(time(self, at), word, where, gap, rest and text.clean(rest) or "")
end

local write = {}

write["run.started"] = function(face, event)
  return face:line(event.at, event.mode == "dry-run" and "dry run" or "run", nil,
    ("%s (%s)"):format(event.summary or event.procedure, event.run))
end

write["step.started"] = function(face, event)
  if event.kind == "gate" then return nil end -- gate.asked says more
  return face:line(event.at, event.attempt and "again" or "begin", event.path, event.intent)
end

local WORDS <const> = {
  done = "done", failed = "failed", refused = "refused", cancelled = "ended", stopped = "stopped",
}

write["step.finished"] = function(face, event)
  local took = duration.text(event.elapsed)
  if (event.status == "failed" or event.status == "refused") and not face.model:told_below(event.path) then
    took = took .. ": " .. event.error
  end
  return face:line(event.at, WORDS[event.status], event.path, took)
end

write["step.skipped"] = function(face, event)
  if event.would then return face:line(event.at, "would", event.path, event.would) end
  if event.why == "by hand" then
    return face:line(event.at, "given", event.path, "by hand" .. (event.by and " by " .. event.by or ""))
  end
  return face:line(event.at, "skipped", event.path,
    event.why == "already" and "done already" or "done in this run before")
end

write["wait.progress"] = function(face, event)
  local parts = {}
  parts[#parts + 1] = event.text
  if event.traffic then parts[#parts + 1] = ("traffic %d %%"):format(math.floor(event.traffic + 0.5)) end
  parts[#parts + 1] = event.error
  if #parts == 0 then return nil end
  return face:line(event.at, "waiting", event.path, table.concat(parts, ", "))
end

write["gate.asked"] = function(face, event)
  local lines = { face:line(event.at, "asked", event.path, event.question) }
  if event.summary then
    for line in event.summary:gmatch "[^\n]+" do lines[#lines + 1] = face:line(event.at, "", event.path, line) end
  elseif event.evidence then
    lines[#lines + 1] = face:line(event.at, "", event.path, value.describe(event.evidence))
  end
  if #event.via > 0 then
    local who = event.approvers and ", to " .. table.concat(event.approvers, ", ") or ""
    lines[#lines + 1] = face:line(event.at, "", event.path, ("via %s%s"):format(table.concat(event.via, ", "), who))
  end
  return table.concat(lines, "\n")
end

write["gate.decided"] = function(face, event)
  return face:line(event.at, "decided", event.path, ("%s%s%s%s"):format(event.decision,
    event.by and " by " .. event.by or "", event.via and " via " .. event.via or "",
    event.why and ": " .. event.why or ""))
end

write["lock.taken"] = function(face, event)
  local at = os.date(face.model.mode == "rehearsal" and "!%H:%M" or "%H:%M", math.floor(event["until"]))
  return face:line(event.at, "locked", event.path, ("%s, until %s: %s"):format(event.lock, at, event.reason))
end

write["lock.released"] = function(face, event)
  local why = event.why == "done" and "" or (" (%s)"):format(event.why)
  return face:line(event.at, "unlocked", event.path, event.lock .. why)
end

local NOTES <const> = { say = "note", warning = "warning", fact = "fact", live = "live", notify = "told", prompt = "?",
  question = "asked", answer = "answer", why = "why" }

write["note"] = function(face, event)
  if event.kind == "stopped" then return nil end -- whoever debugs it tells more
  local said = event.kind == "live" and summary.live_text(event.live) or event.text
  local word = event.kind == "notify" and not event.sent and "would" or NOTES[event.kind]
  if word == "would" then said = "tell: " .. said end
  local lines = {}
  for i, line in ipairs(text.lines(said)) do
    lines[i] = face:line(event.at, i == 1 and word or "", event.path, line)
  end
  local below = event.details or event.summary
  for _, line in ipairs(below and text.lines(below) or {}) do
    lines[#lines + 1] = face:line(event.at, "", event.path, "  " .. line)
  end
  return table.concat(lines, "\n")
end

write["http.request"] = function(face, event)
  if not face.verbose then return nil end
  return face:line(event.at, "http", event.path,
    ("%s %s %s"):format(event.method, event.url, event.error or event.status))
end

write["run.finished"] = function(face)
  if not face.model.began then return nil end -- whoever started it tells why
  return "\n" .. table.concat(summary.lines(face.model, face.style, { times = face.model.mode ~= "dry-run" }), "\n")
end

---One event as text, or nil when there is nothing to say about it.
---@param event procedure.Event
---@return string|nil lines
function Plain:describe(event)
  self.model:apply(event)
  local writer = write[event.event]
  return writer and writer(self, event)
end

---@param event procedure.Event
function Plain:event(event)
  local lines = self:describe(event)
  if lines then self.stream:write(lines, "\n") end
end

---Nothing is left to do at the end.
function Plain:close()
  self.stream:flush()
end

return M
