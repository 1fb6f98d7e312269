--- The pages of docs/, followed: their scripts are written into an empty folder, their commands run, their transcripts
--- carried out, in the order in which they stand.
local process = require "fairlead.process"
local program = require "spec.support.program"
local served = require "spec.support.served"
local task = require "fairlead.task"
local transcript = require "spec.support.transcript"

local M = {}

---@class docs.Block
---@field language string
---@field text string
---@field line integer of the fence

function M.read(path)
  local file <close> = assert(io.open(path))
  return file:read "a"
end

--- The fenced blocks of a page.
---@param text string
---@return docs.Block[]
function M.blocks_of(text)
  local blocks, block, number = {}, nil, 0
  for line in (text .. "\n"):gmatch "(.-)\n" do
    number = number + 1
    local language = line:match "^```(%w*)$"
    if language and not block then
      block = { language = language, lines = {}, line = number }
    elseif language then
      block.text = table.concat(block.lines, "\n") .. "\n"
      blocks[#blocks + 1], block = block, nil
    elseif block then
      block.lines[#block.lines + 1] = line
    end
  end
  assert(not block, "a block does not end")
  return blocks
end

--- A script that is named in its first line, "-- grants.lua"; nil: a part of one.
---@param block docs.Block
---@return string|nil name
---@return string|nil text
function M.named(block)
  local name, text = block.text:match "^%-%- ([%w_-]+%.lua)\n(.*)$"
  return name, text
end

-- The program's own folder first, so that `fairlead` is the one under test.
local function environment_of(folder)
  return {
    PATH = program.path:match "^(.*)/[^/]*$" .. ":" .. os.getenv "PATH", FAIRLEAD_STATE = folder.path .. "/.state",
    HOME = folder.path, USER = "adeveloper", NO_COLOR = "1", NO_PROXY = "127.0.0.1",
    FAIRLEAD_STRESS_GC = false, -- the modules' own specs do that
  }
end

local function write_script(folder, block)
  local name, text = M.named(block)
  local there = io.open(folder.path .. "/" .. name)
  if there then -- shown again: it has to be what is there
    assert(there:read "a" == text, name .. " is not what the page shows")
    there:close()
  else
    folder:write(name, text)
  end
end

local function run_commands(page, folder, block, env)
  local result = process.run { "sh", "-euc", block.text, cwd = folder.path, env = env, timeout = 300 }
  assert(result.code == 0, ("docs/%s.md:%d\n%s%s"):format(page, block.line, result.stdout, result.stderr))
end

--- The pages with transcripts, and what there is when a reader begins: the project's own scripts; a world that another
--- process serves, with the variables that point at it; a terminal so wide; or nothing.
---@type table<string, {scripts: boolean?, served: boolean?, columns: integer?}>
M.with_transcripts = {
  ["repl"] = {},
  ["repl-debugging"] = {},
  ["repl-a-release"] = { scripts = true },
  ["repl-on-real-services"] = { served = true, columns = 170 },
}

-- A process that serves the Planning Data Platform's world; the variables that it prints go into `env`.
local function serve(folder, env)
  local printed <const> = folder.path .. "/.served"
  local server <const> = task.start(process.run, {
    "sh", "-c", 'exec "$0" world serve scripts/planning-data.lua >"$1"', program.path, printed, timeout = 300,
  })
  for name, value in pairs((served.read(printed))) do env[name] = value end
  return setmetatable({}, { __close = function()
    server:cancel()
    try(server.wait, server)
  end })
end

--- Follows a page in an empty folder.
---@param page string its name, without folder and ending
---@param retaken? boolean transcripts are taken anew, not compared
---@return string[] blocks as they have to be
function M.follow(page, retaken)
  local folder <close> = program.folder()
  local env <const> = environment_of(folder)
  local there <const> = M.with_transcripts[page] or {}
  if there.scripts then process.run({ "cp", "-r", "scripts", folder.path }):check() end
  local world <close> = there.served and serve(folder, env) or nil -- luacheck: ignore world
  local player <close> = transcript.player(folder.path, env, there.columns)
  local list = {}
  for i, block in ipairs(M.blocks_of(M.read("docs/" .. page .. ".md"))) do
    list[i] = block.text
    if block.language == "sh" then
      run_commands(page, folder, block, env)
    elseif block.language == "lua" and M.named(block) then
      write_script(folder, block)
    elseif block.language == "console" then
      local ok, result = pcall(player.play, player, block.text, retaken)
      if not ok then error(("docs/%s.md:%d\n%s"):format(page, block.line, tostring(result)), 0) end
      list[i] = result
    end
  end
  return list
end

--- Writes a page's transcripts as they are taken now; what is like the page's own, `…` included, stays.
---@param page string
function M.retake(page)
  local path <const> = "docs/" .. page .. ".md"
  local text <const> = M.read(path)
  local list <const>, n = M.follow(page, true), 0
  local written = ("\n" .. text):gsub("\n```(%w*)\n(.-\n?)```\n", function(language)
    n = n + 1
    return ("\n```%s\n%s```\n"):format(language, list[n])
  end)
  local file <close> = assert(io.open(path, "w"))
  file:write((written:sub(2)))
end

return M
