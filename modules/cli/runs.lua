--- fairlead runs: what the journal holds.
local json = require "fairlead.json"
local number = require "fairlead.cli.number"

local M = {}

---@param parser table
---@return table
function M.define(parser)
  local command = parser:command("runs", "List the runs, the newest first.")
  command:option("--limit", "How many."):argname "N":default "20":convert(number("limit", 1, 100000, true))
  command:flag("--json", "One JSON object a line.")
  return command
end

---What a program is told of a run.
---@param run journal.Run
---@return table
function M.plain(run)
  return {
    run = run.id, mode = run.mode, state = run.state, resumable = run.resumable, procedure = run.procedure,
    summary = run.summary,
    script = run.script, commit = run.commit, parameters = run.parameters, directory = run.directory, user = run.user,
    host = run.host, began = run.began, finished = run.finished, outcome = run.outcome, reason = run.reason,
    exit_code = run.exit_code, error = run.error, attempts = run.attempts, owner = run.owner,
  }
end

---Why a run did not end well, as far as its last attempt found out.
---@param book journal.Journal
---@param id string
---@return {text: string, details: string?}[]
function M.reasons(book, id)
  local list = {}
  for _, event in ipairs(book:events(id)) do
    if event.event == "run.started" then list = {} end
    if event.event == "note" and event.kind == "why" then
      list[#list + 1] = { text = event.text, details = event.details }
    end
  end
  return list
end

---Prints them, each with what it was found by.
---@param list {text: string, details: string?}[]
function M.print_reasons(list)
  local text = require "fairlead.faces.text"
  if #list > 0 then print "\nWhy" end
  for _, reason in ipairs(list) do
    print("  " .. text.clean(reason.text))
    for _, line in ipairs(reason.details and text.lines(reason.details) or {}) do print("    " .. line) end
  end
end

---A time as people here write it.
---@param at number unix seconds
---@return string
function M.time(at)
  return os.date("%Y-%m-%d %H:%M", math.floor(at))
end

---@async
---@param options table
---@return integer exit_code
function M.main(options)
  local text = require "fairlead.faces.text"
  local book <close> = require "fairlead.journal".open()
  local list = book:runs(options.limit)
  if options.json then
    for _, run in ipairs(list) do print(json.encode(M.plain(run), { sort_keys = true })) end
    return 0
  end
  if #list == 0 then print("No runs yet, in " .. book.path) end
  for _, run in ipairs(list) do
    -- A text with a zero byte in it has no width.
    print(text.clean(("%-22s  %-12s  %s  %s%s"):format(text.clean(run.id), text.clean(run.state), M.time(run.began),
      run.procedure, run.error and ("  %s"):format(run.error.text) or "")))
  end
  return 0
end

return M
