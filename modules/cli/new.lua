--- fairlead new: a procedure, its settings, the world of its rehearsals and its spec, by four answers.
local errors = require "fairlead.errors"
local nearest = require "fairlead.nearest"

local _, here <const> = ...

local M = {}

local WAYS <const> = { "codedeploy", "rolling", "blue_green" }

-- An environment is a part of the plan by its name, and these are parts already.
local PARTS <const> = { tests = true, review = true, merge = true, approval = true }

-- Modules that every procedure needs: a file of this name would be found in their place.
local MODULES <const> = { release = true }

---@param parser table
---@return table
function M.define(parser)
  local command = parser:command("new", "Write a new procedure with its settings, rehearsal and spec, all passing.")
  command:argument("name", "Its name: small letters, digits and hyphens. The files are written here.")
  command:option("--repository", "On GitHub: owner/name."):argname "OWNER/NAME"
  command:option("--environments", "In the order in which a change goes through them: development,staging,production.")
    :argname "NAMES"
  command:option("--deploys", "How AWS brings a new version to a service of ECS: " .. table.concat(WAYS, ", ") .. ".")
    :argname "WAY"
  command:option("--channel", "Where to tell the team in Slack; `none`: nowhere."):argname "CHANNEL"
  command:epilog "What is not given is asked for, at a terminal."
  return command
end

-- ---- what an answer may be: its value, or nil and why not ----

local function repository(text)
  local name = text:gsub("^https://github%.com/", ""):gsub("%.git$", "")
  if name:find "^[%w-]+/[%w._-]+$" then return name end
  return nil, ("'%s' is no repository, expected owner/name"):format(text)
end

local function environments(text)
  local names, seen = {}, {}
  for name in text:gmatch "[^,%s]+" do
    if not name:find "^%l[%l%d_]*$" then
      return nil, ("'%s' is no name for an environment, expected small letters, digits and underscores"):format(name)
    end
    if PARTS[name] then
      return nil, ("'%s' is what another part of a release is called; choose another name"):format(name)
    end
    if seen[name] then return nil, ("'%s' is there twice"):format(name) end
    seen[name] = true
    names[#names + 1] = name
  end
  if #names == 0 then return nil, "at least one environment expected" end
  return names
end

local function way(text)
  local known = {}
  for _, name in ipairs(WAYS) do
    known[name] = true
    if name == text then return name end
  end
  local near = nearest.name(text, known)
  return nil, ("'%s' is no way to deploy, expected %s%s"):format(text, table.concat(WAYS, ", "),
    near and ("; did you mean '%s'?"):format(near) or "")
end

local function channel(text)
  local name = text:gsub("^#", "")
  if name == "none" or name == "" then return false end
  if name:find "^[%w._-]+$" then return name end
  return nil, ("'%s' is no channel of Slack"):format(text)
end

-- In the order in which they are asked.
local QUESTIONS <const> = {
  { name = "repository", ask = "Which repository, owner/name on GitHub?", read = repository },
  { name = "environments", ask = "Which environments, in the order in which a change goes through them?",
    default = "development,staging,production", read = environments },
  { name = "deploys", ask = "How does AWS deploy: codedeploy, rolling or blue_green?", default = "codedeploy",
    read = way },
  { name = "channel", ask = "Which channel in Slack?", default = "none", read = channel },
}

-- The repository that this folder is a clone of is probably meant.
local function origin()
  local git = require "fairlead.git"
  local opened <close> = (try(git.open, "."))
  local remote = opened and try(opened.remote, opened, "origin")
  return remote and remote.owner and ("%s/%s"):format(remote.owner, remote.name) or nil
end

local function ask(question)
  local terminal = require "fairlead.terminal"
  local default = question.default or question.name == "repository" and origin() or nil
  while true do
    io.stdout:write(question.ask, default and (" [%s] "):format(default) or " ")
    io.stdout:flush()
    local line = terminal.read_line()
    if not line then errors.raise { kind = "usage", op = "new", message = "the questions were not answered" } end
    line = line:match "^%s*(.-)%s*$"
    local value, problem
    if line == "" and not default then
      problem = "an answer is needed"
    else
      value, problem = question.read(line ~= "" and line or default)
    end
    if value ~= nil then return value end
    print("  " .. require "fairlead.faces.text".clean(problem) .. ".")
  end
end

local function answers_of(options)
  local interactive = require "fairlead.terminal".is_tty(0)
  local answers, missing = {}, {}
  for _, question in ipairs(QUESTIONS) do
    local given = options[question.name]
    if given then
      local value, problem = question.read(given)
      if value == nil then
        errors.raise { kind = "usage", op = "new", target = "--" .. question.name, message = problem }
      end
      answers[question.name] = value
    elseif not interactive then
      missing[#missing + 1] = "--" .. question.name
    end
  end
  if #missing > 0 then
    errors.raise {
      kind = "usage", op = "new", message = "there is no terminal to ask at, and these were not given: "
        .. table.concat(missing, ", "),
      hint = "`fairlead new --help` tells what they are",
    }
  end
  for _, question in ipairs(QUESTIONS) do
    if answers[question.name] == nil then answers[question.name] = ask(question) end
  end
  answers.channel = answers.channel or nil
  return answers
end

-- Nothing is written unless all of it can be.
local function write_all(files)
  local lfs = require "lfs"
  for _, file in ipairs(files) do
    if lfs.symlinkattributes(file.path, "mode") then
      errors.raise {
        kind = "usage", op = "new", target = file.path, message = "is there already, and nothing is overwritten",
        hint = "choose another name, or move it away",
      }
    end
  end
  for _, file in ipairs(files) do
    local handle <close>, problem = io.open(file.path, "w")
    local ok = handle and handle:write(file.text) and handle:close()
    if not ok then
      errors.raise { kind = "usage", op = "new", target = file.path, message = problem or "could not be written" }
    end
  end
end

-- Tells the Lua language server where the annotations are; settings of the team's own stay as they are.
local function write_editor_settings()
  local lfs = require "lfs"
  local path = ".luarc.json"
  if lfs.symlinkattributes(path, "mode") then return nil end
  local data = here:match "^(.*)/modules/cli/[^/]+$"
  local file <close> = io.open(path, "w")
  local text = require "fairlead.json".encode({
    ["runtime.version"] = "Lua 5.4",
    ["runtime.path"] = { "?.lua", "?/init.lua", "?/meta.lua" },
    ["workspace.library"] = { data .. "/luals", data .. "/scripts" },
    ["diagnostics.globals"] = { "try", "secret", "breakpoint", "describe", "it", "before_each", "after_each", "setup",
      "teardown" },
  }, { indent = 2, sort_keys = true })
  return file and file:write(text, "\n") and path or nil
end

local function key_of(name)
  local key <const> = name:gsub("%.lua$", "")
  if not key:find "^%l[%l%d-]*$" then
    errors.raise {
      kind = "usage", op = "new", target = name ~= "" and name or "''", message = "is no name for a procedure",
      hint = "small letters, digits and hyphens: grant-finder",
    }
  elseif MODULES[key] then
    errors.raise {
      kind = "usage", op = "new", target = name,
      message = ("is the library's own name: %s.lua would hide it from every procedure beside it"):format(key),
      hint = "name it by what it releases: grant-finder",
    }
  end
  return key
end

---@async
---@param options {name: string}
---@return integer exit_code
function M.main(options)
  local key <const> = key_of(options.name)
  local answers = answers_of(options)
  answers.key = key
  local files = require "fairlead.cli.new.templates".files(answers)
  write_all(files)
  local editor = write_editor_settings()
  if editor then files[#files + 1] = { path = editor, what = "where editors find what completes and explains them" } end
  local widest = 0
  for _, file in ipairs(files) do widest = math.max(widest, #file.path) end
  for _, file in ipairs(files) do print(("%s  %s"):format(file.path .. (" "):rep(widest - #file.path), file.what)) end
  print(([[

Try them:
  fairlead check %s.lua
  fairlead rehearse %s.lua
  fairlead test %s_spec.lua]]):format(key, key, key))
  return 0
end

return M
