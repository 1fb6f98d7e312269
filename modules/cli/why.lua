--- fairlead why: what a run waits for, since when, until when, and who can help; or why it ended.
local clock = require "fairlead.clock"
local json = require "fairlead.json"
local runs = require "fairlead.cli.runs"

local M = {}

---@param parser table
---@return table
function M.define(parser)
  local command = parser:command("why", "Tell what a run waits for, or why it ended.")
  command:argument("run", "Its id, or a part of it. Without: the newest."):args "?"
  command:flag("--json", "One JSON object.")
  return command
end

local function median(list)
  if #list == 0 then return nil end
  table.sort(list)
  return list[(#list + 1) // 2]
end

-- What is under way: the innermost entries that were begun and have no end.
local function under_way(book, run)
  local last = {}
  for _, event in ipairs(book:events(run.id)) do
    if event.event == "wait.progress" or event.event == "gate.asked" then last[event.path] = event end
  end
  local list = {}
  for _, entry in ipairs(book:entries(run.id)) do
    if entry.status == "begun" and (entry.kind == "wait" or entry.kind == "gate" or entry.kind == "step") then
      local event = last[entry.path] or {}
      local usual = median(book:durations(run, entry.id))
      list[#list + 1] = {
        path = entry.path, kind = entry.kind, since = entry.began, deadline = entry.deadline,
        text = event.text or event.question, error = event.error,
        expected = event.expected or (usual and entry.began + usual) or nil,
        who = entry.kind == "gate" and type(entry.intent) == "table" and entry.intent.approvers or nil,
        via = event.via,
      }
    end
  end
  return list
end

-- Where somebody debugs it: places that stand still now.
local function stopped(book, run)
  local standing, order = {}, {}
  for _, event in ipairs(book:events(run.id)) do
    local path = event.path or ""
    if event.event == "note" and event.kind == "stopped" then
      standing[path] = event
      order[#order + 1] = path
    elseif event.event ~= "note" and event.event ~= "http.request" then
      standing[path] = nil
    end
  end
  local list = {}
  for _, path in ipairs(order) do
    if standing[path] then list[#list + 1] = { path = path, since = standing[path].at, text = standing[path].text } end
    standing[path] = nil
  end
  return list
end

local function print_stopped(item, now)
  local text = require "fairlead.faces.text"
  print(text.clean(("%s: stopped by a debugger: %s"):format(item.path ~= "" and item.path or "outside of any step",
    item.text)))
  print(text.clean(("  since %s, %s ago"):format(runs.time(item.since),
    require "fairlead.procedure.duration".text(math.max(0, now - item.since)))))
end

local function print_item(item, now)
  local text = require "fairlead.faces.text"
  local duration = require "fairlead.procedure.duration"
  local function line(format, ...) print(text.clean(format:format(...))) end
  local verb = item.kind == "gate" and "a decision" or item.kind == "wait" and "this" or "a step that is under way"
  line("%s: %s%s", item.path, verb, item.text and ": " .. item.text or "")
  line("  since %s, %s ago", runs.time(item.since), duration.text(math.max(0, now - item.since)))
  if item.expected then
    local left = item.expected - now
    line("  the end is expected at %s, %s", runs.time(item.expected),
      left > 0 and "in " .. duration.text(left) or duration.text(-left) .. " ago")
  end
  if item.deadline then line("  it is given up at %s", runs.time(item.deadline)) end
  if item.error then line("  the last look failed: %s", item.error) end
  if item.who then line("  who may decide: %s", table.concat(item.who, ", ")) end
  if item.via then line("  asked via %s", table.concat(item.via, ", ")) end
end

---Prints what a run waits for, or why it ended.
---@async
---@param book journal.Journal
---@param run journal.Run
function M.print(book, run)
  local text = require "fairlead.faces.text"
  print(text.clean(("%s  %s: %s"):format(run.id, run.procedure, run.state)))
  if run.error then
    print(text.clean(run.error.text))
    if run.error.failed then print(text.clean("  at " .. run.error.failed)) end
    runs.print_reasons(runs.reasons(book, run.id))
  end
  if run.state == "running" then
    for _, item in ipairs(stopped(book, run)) do print_stopped(item, clock.now()) end
  end
  if run.state == "running" or run.state == "waiting" or run.state == "interrupted" then
    for _, item in ipairs(under_way(book, run)) do print_item(item, clock.now()) end
  end
  if run.owner and run.state ~= "interrupted" then
    print(text.clean("carried out by " .. require "fairlead.journal.owner".describe(run.owner)))
  end
  if run.resumable then print(("`fairlead resume %s` takes it up."):format(run.id)) end
end

-- The newest run of a procedure: what a REPL wrote has no why.
local function newest(book)
  for _, run in ipairs(book:runs(1000)) do
    if run.mode ~= "repl" then return run end
  end
  return nil
end

---@async
---@param options table
---@return integer exit_code
function M.main(options)
  local book <close> = require "fairlead.journal".open()
  local run = options.run and book:run(options.run) or newest(book)
  if not run then
    require "fairlead.errors".raise {
      kind = "resume.unknown", op = "why", message = "the journal holds no run",
      hint = "`fairlead run SCRIPT` begins one",
    }
  end
  if options.json then
    local plain = runs.plain(run)
    plain.waits_for = json.array(under_way(book, run))
    plain.why = json.array(runs.reasons(book, run.id))
    print(json.encode(plain, { sort_keys = true }))
    return 0
  end
  M.print(book, run)
  return 0
end

return M
