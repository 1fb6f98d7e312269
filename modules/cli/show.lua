--- fairlead show: a run as the journal holds it: what was done, what came of it, what was under way.
local json = require "fairlead.json"
local runs = require "fairlead.cli.runs"

local M = {}

---@param parser table
---@return table
function M.define(parser)
  local command = parser:command("show", "Show a run: its steps, as they were and as they stand.")
  command:argument("run", "Its id, or a part of it; `fairlead runs` lists them.")
  command:flag("--json", "One JSON object.")
  return command
end

local MARKS <const> = { finished = "✔", failed = "✘", begun = "…" }
local SHOWN <const> = { step = true, wait = true, gate = true }

-- What there is to say of an entry beside its name.
local function remark(entry, gone)
  local value = require "fairlead.procedure.value"
  local duration = require "fairlead.procedure.duration"
  if entry.status == "begun" then
    return gone and "was under way" or "under way"
  elseif entry.status == "failed" then
    return entry.error
  end
  local took = duration.text(math.max(0, entry.finished - entry.began))
  if entry.kind == "gate" then return ("%s by %s  %s"):format(entry.result.decision,
    entry.result.by or entry.result.via, took) end
  return entry.result ~= nil and ("%s  %s"):format(took, value.brief(entry.result)) or took
end

---The entries that are steps of a run, in order: what `fairlead show` lists.
---@param entries table[] of Journal:entries
---@return table[] steps
function M.steps(entries)
  local list = {}
  for _, entry in ipairs(entries) do
    if SHOWN[entry.kind] then list[#list + 1] = entry end
  end
  return list
end

-- What somebody gave for a result, by its path.
local function by_hand(entries)
  local given = {}
  for _, entry in ipairs(entries) do
    if entry.kind == "hand" and entry.status == "finished" then given[entry.path] = entry end
  end
  return given
end

local function line_of(entry, hand, gone)
  local given = hand and ("  (given by hand%s)"):format(type(hand.result) == "table" and hand.result.by
    and " by " .. hand.result.by or "") or ""
  return ("%s %s  %s%s%s"):format(MARKS[entry.status], entry.path:match "[^/]+$", remark(entry, gone),
    entry.attempts > 1 and ("  (%d attempts)"):format(entry.attempts) or "", given)
end

---Entries as a tree: each path's parts are lines of their own, once.
---@param entries table[] of Journal:entries
---@param gone boolean nobody carries the run out now
---@param numbered? boolean before each step its number among M.steps
---@return string[] lines
function M.tree(entries, gone, numbered)
  local text = require "fairlead.faces.text"
  local open, lines, hands = {}, {}, by_hand(entries)
  local function add(number, depth, said)
    local head = not numbered and "" or number and ("%3d  "):format(number) or "     "
    lines[#lines + 1] = text.clean(head .. ("  "):rep(depth) .. said)
  end
  for number, entry in ipairs(M.steps(entries)) do
    local depth, path = 0, ""
    for name in entry.path:gmatch "[^/]+" do
      path = path == "" and name or path .. "/" .. name
      if path ~= entry.path and not open[path] then add(nil, depth, "  " .. name) end
      open[path] = true
      depth = depth + 1
    end
    add(number, depth - 1, line_of(entry, hands[entry.path], gone))
  end
  return lines
end

-- What came of a write, and how long it took.
local function of_write(entry, gone)
  if entry.status == "failed" then return entry.error end
  if entry.status == "begun" then return gone and "whether it was made is not known" or "under way" end
  local result = entry.result
  local duration = require "fairlead.procedure.duration"
  return ("%s  %s"):format(result.status or result.sha or result.signal or ("code %s"):format(result.code),
    duration.text(math.max(0, entry.finished - entry.began)))
end

---What the lines of a REPL wrote, each below its line.
---@param entries table[] of Journal:entries
---@param gone boolean the session has ended
---@return string[] lines
function M.writes(entries, gone)
  local text = require "fairlead.faces.text"
  local lines, before = {}, nil
  for _, entry in ipairs(entries) do
    local intent = entry.intent
    if entry.path ~= before then lines[#lines + 1] = text.clean(("%s  %s"):format(entry.path, intent.line or "")) end
    before = entry.path
    lines[#lines + 1] = text.clean(("  %s %s  %s  %s"):format(MARKS[entry.status],
      os.date("%H:%M:%S", math.floor(entry.began)), intent.what, of_write(entry, gone)))
  end
  return lines
end

---@async
---@param options table
---@return integer exit_code
function M.main(options)
  local text = require "fairlead.faces.text"
  local book <close> = require "fairlead.journal".open()
  local run = book:run(options.run)
  local entries = book:entries(run.id)
  if options.json then
    local plain = runs.plain(run)
    plain.entries = json.array(entries)
    plain.why = json.array(runs.reasons(book, run.id))
    print(json.encode(plain, { sort_keys = true }))
    return 0
  end
  local function line(format, ...) print(text.clean(format:format(...))) end
  line("%s  %s: %s", run.id, run.procedure, run.state)
  line("  began %s%s%s in %s", runs.time(run.began), run.user and " by " .. run.user or "",
    run.host and " on " .. run.host or "", run.directory or "?")
  if run.script then line("  %s%s", run.script, run.commit and " at commit " .. run.commit or "") end
  local names = {}
  for name in pairs(run.parameters) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do line("  %s=%s", name, tostring(run.parameters[name])) end
  if run.attempts > 1 then line("  ended and taken up again %d times", run.attempts - 1) end
  if run.owner then line("  %s by %s", run.state, require "fairlead.journal.owner".describe(run.owner)) end
  print ""
  local lines_of = run.mode == "repl" and M.writes or M.tree
  for _, said in ipairs(lines_of(entries, run.state ~= "running")) do print(said) end
  if run.error then line("\n%s%s", run.error.text, run.error.failed and (" (at %s)"):format(run.error.failed) or "") end
  if run.error then runs.print_reasons(runs.reasons(book, run.id)) end
  if run.resumable then line("\n`fairlead resume %s` takes it up.", run.id) end
  return 0
end

return M
