--- fairlead live: what is live where, of each application, and whether that is proven link by link. The command `live`
--- of each script finds it out; here it is laid out for people, or for programs.
local errors = require "fairlead.errors"
local json = require "fairlead.json"
local project = require "fairlead.cli.project"

local M = {}

---@param parser table
---@return table
function M.define(parser)
  local command = parser:command("live", "Tell what is live where, and whether that is proven, link by link.",
    "Exit code 0: everything is proven; 1: something is missing.")
  command:argument("words", "An environment; and name=value, parameters of the scripts' command `live`."):args "*"
    :argname "ENVIRONMENT"
  command:option("--application", "One application only: the name of its script."):argname "NAME"
  project.define_folder(command)
  command:flag("--json", "One JSON object a line for each environment.")
  command:flag("-v --verbose", "All that is known of an error.")
  return command
end

-- "production sites=http://…": the environment, and parameters for the scripts.
local function read(words)
  local environment, rest = nil, {}
  for _, word in ipairs(words) do
    if word:find "=" then
      rest[#rest + 1] = word
    elseif environment then
      errors.raise { kind = "usage", message = ("one environment, or all: '%s' is too many"):format(word),
        hint = "`fairlead live --help` tells how it is used" }
    else
      environment = word
    end
  end
  local given = require "fairlead.cli.options".parameters(rest, "fairlead live --help")
  given.environment = environment
  return given
end

-- Those that can tell. A script without this command is for something else.
local function able(entries, folder)
  local list = {}
  for _, entry in ipairs(entries) do
    if entry.procedure.commands.live then list[#list + 1] = entry end
  end
  if #list > 0 then return list end
  errors.raise {
    kind = "usage", op = "live", target = folder, message = "no procedure here has a command `live`",
    hint = "give procedure.new its commands: commands = release.commands(settings)",
  }
end

-- ---- laid out ----

local WORDS <const> = { [true] = "ok", [false] = "missing" }
local COLOURS <const> = { ok = "green", missing = "red", unknown = "yellow" }

local function word_of(ok)
  return WORDS[ok] or "unknown"
end

local function label_of(link)
  return link.service and ("%s %s"):format(link.name, link.service) or link.name
end

local function pad(text, width) return text .. (" "):rep(width - #text) end

local function headline(status)
  local commit = status.commit
  local what = commit and ("%s %q by %s, %s"):format(commit.sha:sub(1, 8), commit.subject, commit.author,
    (commit.at:gsub("T", " "):gsub(":%d%dZ$", "")))
  return what or status.error and "could not be looked at" or "of an unknown commit"
end

-- One environment: its commit, and its links below. Those that hold are one word each, unless asked for.
local function show(status, style)
  local text = require "fairlead.faces.text"
  local state = status.holds and "proven" or status.error and "unknown" or "not proven"
  print(text.clean(("%s  %s: %s"):format(status.application, status.environment, headline(status)))
    .. "  " .. style:paint(status.holds and "green" or "red", state))
  if status.error then print("  " .. text.clean(status.error.text)) end
  local widest = 0
  for _, link in ipairs(status.links) do widest = math.max(widest, #label_of(link)) end
  for _, link in ipairs(status.links) do
    local word = word_of(link.ok)
    local colour = COLOURS[word]
    if link.name == "main" and link.ok == nil then word, colour = "note", nil end
    if link.name ~= "commit" or link.ok ~= true then -- it is in the headline
      print(("  %s  %s  %s"):format(style:paint(colour, pad(word, 7)), pad(label_of(link), widest),
        text.clean(link.text)))
    end
  end
end

local function plain(status)
  local links = json.array()
  for i, link in ipairs(status.links) do
    links[i] = {}
    for name, item in pairs(link) do links[i][name] = item end
    links[i].ok, links[i].state = nil, word_of(link.ok)
  end
  return {
    application = status.application, environment = status.environment, commit = status.commit, holds = status.holds,
    missing = status.missing, links = links, services = status.services, error = status.error,
  }
end

-- ---- asked ----

-- An environment that one application has need not be one of another's.
local function ask(entry, given)
  local result = require "fairlead.procedure".execute(entry.procedure.commands.live, given, {
    where = "fairlead live --help",
  })
  if result.error then return nil, result.error end
  return result.value
end

local function exit_code(statuses)
  local outcomes = require "fairlead.procedure.outcome"
  local code = 0
  for _, status in ipairs(statuses) do
    if status.error then return select(3, outcomes.of(errors.new { kind = status.error.kind, message = "" })) end
    if not status.holds then code = 1 end
  end
  return code
end

---@async
---@param options table
---@return integer exit_code
function M.main(options)
  local given = read(options.words)
  local entries = options.application and { project.find(options.application, options.scripts) }
    or project.procedures(options.scripts)
  local style = require "fairlead.faces.style".new { colours = require "fairlead.terminal".is_tty(1) }
  local statuses, unknown, shown = {}, nil, 0
  for _, entry in ipairs(able(entries, options.scripts or "scripts")) do
    local found, err = ask(entry, given)
    if err and not (err.kind == "usage" and given.environment) then error(err, 0) end
    unknown = unknown or err
    for _, status in ipairs(found or {}) do
      statuses[#statuses + 1] = status
      if options.json then
        print(json.encode(plain(status), { sort_keys = true }))
      else
        if shown > 0 then print "" end
        show(status, style)
      end
      shown = shown + 1
    end
  end
  if shown == 0 and unknown then error(unknown, 0) end
  return exit_code(statuses)
end

return M
