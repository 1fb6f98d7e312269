--- fairlead help: topics, commands, and what a procedure says about itself.
local errors = require "fairlead.errors"
local nearest = require "fairlead.nearest"

local M = {}

-- In the order of the list; the text of each is modules/cli/help/<name>.lua.
local TOPICS <const> = {
  { "procedure", "writing a procedure: steps, waits, gates" },
  { "parameters", "what a procedure can be told" },
  { "resume", "taking up a run that was interrupted" },
  { "rehearse", "trying a procedure where nothing is real" },
  { "locks", "having an environment to oneself" },
  { "repl", "typing Lua on the real services or simulated ones" },
  { "events", "what --json prints" },
  { "exit-codes", "how a run ended" },
  { "variables", "environment variables" },
  { "modules", "what a script can require" },
  { "testing", "specs of procedures and modules" },
}

---@param parser table
---@return table
function M.define(parser)
  local command = parser:command("help", "Tell more about a topic, a command or a procedure.")
  command:argument("topic", "A topic, a command, or a script; without one: the list of topics."):args "?"
  return command
end

local function list()
  print "Topics:"
  for _, topic in ipairs(TOPICS) do print(("   %-12s %s"):format(topic[1], topic[2])) end
  print "\n`fairlead help TOPIC` tells more. `fairlead help SCRIPT` tells what a procedure does and takes."
  return 0
end

-- What a procedure says about itself.
local function describe(path)
  local parameters = require "fairlead.procedure.parameters"
  local text = require "fairlead.faces.text"
  local procedure = require "fairlead.procedure".load(path)
  print(("%s: %s"):format(procedure.name, procedure.summary or "a procedure"))
  local names = parameters.names(procedure.parameters)
  print(#names > 0 and "\nParameters (name=value):" or "\nIt takes no parameters.")
  local widest = 0
  for _, name in ipairs(names) do widest = math.max(widest, #name) end
  for _, name in ipairs(names) do
    local spec = procedure.parameters[name]
    local notes = { parameters.expected(spec) }
    if spec.required then notes[#notes + 1] = "required" end
    if spec.default ~= nil then
      notes[#notes + 1] = "default " .. (spec.secret and "[secret]" or tostring(spec.default))
    end
    print(text.clean(("   %s  %s%s(%s)"):format(text.pad(name, widest), spec.help or "", spec.help and " " or "",
      table.concat(notes, "; "))))
  end
  if #procedure.plan > 0 then
    print "\nSteps:"
    for i, name in ipairs(procedure.plan) do print(text.clean(("   %d. %s"):format(i, name))) end
  end
  if next(procedure.commands) then
    print "\nCommands:"
    for name, command in require "fairlead.sorted"(procedure.commands) do
      print(text.clean(("   %-12s %s"):format(name, command.summary or "")))
    end
  end
  print(("\nfairlead run %s …"):format(path))
  if procedure.rehearsal then print(("fairlead rehearse %s …"):format(path)) end
  return 0
end

---@async
---@param options {topic: string?}
---@return integer exit_code
function M.main(options)
  local topic = options.topic
  if not topic then return list() end
  local known = {}
  for _, entry in ipairs(TOPICS) do known[entry[1]] = true end
  if known[topic] then
    io.stdout:write((require("fairlead.cli.help." .. topic:gsub("-", "_"))))
    return 0
  end
  if topic:find "[./]" then return describe(topic) end
  local cli = require "fairlead.cli"
  for _, name in ipairs(cli.commands) do
    known[name] = true
    if name == topic then
      -- argparse prints a command's help when it meets its --help, and ends the program.
      cli.parser():pparse { topic, "--help" }
      return 0
    end
  end
  local near = nearest.name(topic, known)
  errors.raise {
    kind = "usage", message = ("there is no help on '%s'"):format(topic),
    hint = near and ("did you mean `fairlead help %s`?"):format(near) or "`fairlead help` lists the topics",
  }
end

return M
