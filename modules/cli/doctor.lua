--- fairlead doctor: what is configured, reachable and permitted, as a table or for programs. What an application needs
--- is told by the command `doctor` of its script.
local errors = require "fairlead.errors"
local project = require "fairlead.cli.project"

local M = {}

---@param parser table
---@return table
function M.define(parser)
  local command = parser:command("doctor", "Tell what is configured, reachable and permitted.",
    "Exit code 0: nothing is bad; 1: something is. What could not be told is no failure.")
  command:argument("words", "Applications: names of scripts in scripts/; all of them when left out. And name=value, "
    .. "parameters of their command `doctor`."):args "*":argname "APPLICATION"
  project.define_folder(command)
  command:flag("--json", "One JSON object a line for each check.")
  command:flag("-v --verbose", "All that is known of what is not well.")
  return command
end

local function read(words)
  local names, rest = {}, {}
  for _, word in ipairs(words) do table.insert(word:find "=" and rest or names, word) end
  return names, require "fairlead.cli.options".parameters(rest, "fairlead doctor --help")
end

-- The applications' names. Without a project there are none, unless one was named.
local function keys(names, folder)
  if #names > 0 then return names end
  local all <const>, err = try(project.keys, folder)
  if err and (folder or not err:is "usage") then error(err, 0) end
  return all or {}
end

-- One that cannot be loaded is told as what it is, and hides no other.
local function application_of(key, folder, given)
  local list = require "fairlead.doctor.list"
  local entry <const>, err = try(project.find, key, folder)
  if not entry then
    if err.kind == "usage" then error(err, 0) end
    return { key = key, problem = list.bad(tostring(err), "`fairlead check` tells more") }
  end
  local command <const> = entry.procedure.commands.doctor
  if not command then
    return { key = key, problem = list.unknown("its script has no command `doctor`, so nobody knows what it needs",
      "give procedure.new its commands: commands = release.commands(settings)") }
  end
  local result <const> = require "fairlead.procedure".execute(command, given, { where = "fairlead doctor --help" })
  if result.error then
    if result.error.kind == "usage" then error(result.error, 0) end
    return { key = key, problem = list.failed(result.error) }
  end
  return { key = key, needs = result.value }
end

-- ---- laid out ----

local WORDS <const> = { ok = "ok", bad = "bad", unknown = "?" }
local COLOURS <const> = { ok = "green", bad = "red", unknown = "yellow" }

-- Checks of one place that were not carried out for one reason are one line.
local function folded(results)
  local rows = {}
  for _, result in ipairs(results) do
    local last <const> = rows[#rows]
    if last and result.cause and last.cause == result.cause and last.where == result.where then
      last.count = last.count + 1
      last.what = ("%d checks"):format(last.count)
    else
      rows[#rows + 1] = setmetatable({ count = 1 }, { __index = result })
    end
  end
  return rows
end

local function show(results, verbose)
  if not verbose then results = folded(results) end
  local text = require "fairlead.faces.text"
  local style = require "fairlead.faces.style".new { colours = require "fairlead.terminal".is_tty(1) }
  local where, what = 0, 0
  for _, result in ipairs(results) do
    where, what = math.max(where, text.width(result.where)), math.max(what, text.width(result.what))
  end
  for _, result in ipairs(results) do
    local line = result.text .. (result.advice and "; " .. result.advice or "")
    print(("%s  %s  %s  %s"):format(style:paint(COLOURS[result.state], text.pad(WORDS[result.state], 3)),
      text.pad(text.clean(result.where), where), text.pad(text.clean(result.what), what), text.clean(line)))
    for detail in (verbose and result.details or ""):gmatch "[^\n]+" do print("       " .. text.clean(detail)) end
  end
end

local function tell(results)
  local json = require "fairlead.json"
  for _, result in ipairs(results) do
    result.applications = json.array(result.applications)
    print(json.encode(result, { sort_keys = true }))
  end
end

---@async
---@param options table
---@return integer exit_code
function M.main(options)
  local doctor = require "fairlead.doctor"
  local names <const>, given <const> = read(options.words)
  local applications = {}
  for i, key in ipairs(keys(names, options.scripts)) do
    applications[i] = application_of(key, options.scripts, given)
  end
  if #applications == 0 and next(given) then
    errors.raise { kind = "usage", message = "there is no application here for these parameters",
      hint = "change into the project, or name the folder: --scripts FOLDER" }
  end
  local shown <const> = require "fairlead.terminal".is_tty(2)
  if shown then io.stderr:write "\r\27[Klooking …" end
  local results <const> = doctor.examine(applications)
  if shown then io.stderr:write "\r\27[K" end
  local counts <const> = doctor.count(results)
  if options.json then
    if not options.verbose then
      for _, result in ipairs(results) do result.details = nil end
    end
    tell(results)
  else
    show(results, options.verbose)
    print(("\n%d ok, %d bad, %d could not be told"):format(counts.ok, counts.bad, counts.unknown))
  end
  return counts.bad == 0 and 0 or 1
end

return M
