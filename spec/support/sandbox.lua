-- Real git repositories in temporary folders, made and asked by the real git.
local process = require "fairlead.process"

local M = {}

local ENVIRONMENT = {
  GIT_CONFIG_NOSYSTEM = "1",
  GIT_CONFIG_GLOBAL = "/dev/null",
  GIT_AUTHOR_NAME = "Ada",
  GIT_AUTHOR_EMAIL = "ada@example.org",
  GIT_COMMITTER_NAME = "Ada",
  GIT_COMMITTER_EMAIL = "ada@example.org",
  LC_ALL = "C",
}

local Sandbox = {}
Sandbox.__index = Sandbox

---A temporary folder; close it to take it away.
function M.new()
  local path = process.run({ "mktemp", "-d" }):check().stdout:match "[^\n]+"
  return setmetatable({ path = path, clock = 1700000000 }, Sandbox)
end

function Sandbox:close()
  process.run({ "chmod", "-R", "u+w", self.path })
  process.run({ "rm", "-rf", self.path }):check()
end

Sandbox.__close = Sandbox.close

---Runs git in a folder of the sandbox; each call a minute later than the one before. Returns its output.
function Sandbox:git(folder, ...)
  self.clock = self.clock + 60
  local command = { "git", "-C", self.path .. "/" .. folder, ... }
  command.env = { GIT_AUTHOR_DATE = self.clock .. " +0000", GIT_COMMITTER_DATE = self.clock .. " +0000" }
  for name, value in pairs(ENVIRONMENT) do command.env[name] = value end
  command.stdin = self.input
  self.input = nil
  return (process.run(command):check().stdout:gsub("\n$", ""))
end

---Writes a file; its folder is made.
function Sandbox:write(path, text, mode)
  path = self.path .. "/" .. path
  process.run({ "mkdir", "-p", (path:match "^(.*)/") }):check()
  local file <close> = assert(io.open(path, "w"))
  file:write(text)
  file:close()
  if mode then process.run({ "chmod", mode, path }):check() end
  return path
end

---Writes a file and commits it. Returns the commit's id.
function Sandbox:commit(folder, name, text, message)
  self:write(folder .. "/" .. name, text)
  self:git(folder, "add", "--", name)
  self:git(folder, "commit", "-q", "-m", message or ("change " .. name))
  return self:git(folder, "rev-parse", "HEAD")
end

---A repository with a branch main and, unless `empty`, one commit.
function Sandbox:repository(folder, empty)
  process.run({ "mkdir", "-p", self.path .. "/" .. folder }):check()
  self:git(folder, "init", "-q", "-b", "main", ".")
  self:git(folder, "config", "user.name", "Grace")
  self:git(folder, "config", "user.email", "grace@example.org")
  if not empty then self:commit(folder, "README.md", "hello\n", "Begin") end
  return self.path .. "/" .. folder
end

---A bare repository `remote` and a clone `work` of it that has pushed its first commit.
function Sandbox:pair()
  process.run({ "mkdir", "-p", self.path .. "/remote" }):check()
  self:git("remote", "init", "-q", "--bare", "-b", "main", ".")
  local work = self:repository "work"
  self:git("work", "remote", "add", "origin", self.path .. "/remote")
  self:git("work", "push", "-q", "-u", "origin", "main")
  return work
end

local NAMES = { "a.txt", "src/b.c", "src/deep/c.lua", "ünï/çödé.txt", "日本.md", "with space.txt", "tab\there", 'q"uote' }

---Fills a repository with a random history: merges of two and three parents, renames, odd names, clocks that are wrong.
---Returns the ids, oldest first.
function Sandbox:fill(folder, seed, count)
  local state = seed
  local function random(n)
    state = (state * 6364136223846793005 + 1442695040888963407)
    return (state >> 33) % n + 1
  end
  local out, trees, at = {}, {}, 1600000000
  local function emit(...) out[#out + 1] = string.format(...) end
  local function quoted(name)
    return '"' .. name:gsub('[\\"]', "\\%0"):gsub("\t", "\\t") .. '"'
  end
  for mark = 1, count do
    local parents, chosen = {}, {}
    if mark > 1 then
      for _ = 1, ({ 1, 1, 1, 2, 2, 3 })[random(6)] do
        local parent = mark - random(math.min(mark - 1, 7))
        if not chosen[parent] then
          chosen[parent] = true
          parents[#parents + 1] = parent
        end
      end
    end
    at = at + 1000
    local when = at - (random(8) == 1 and 5000 or 0) + mark -- never twice the same
    emit("commit refs/heads/random\nmark :%d\nauthor Ünal <u@example.org> %d +0100\n", mark, when)
    local message = ("Change %d\n\nWith a body.\n"):format(mark)
    emit("committer Ada <ada@example.org> %d +0000\ndata %d\n%s\n", when, #message, message)
    for i, parent in ipairs(parents) do emit("%s :%d\n", i == 1 and "from" or "merge", parent) end
    if mark == 1 then emit("deleteall\n") end
    local tree = {}
    for name, text in pairs(trees[parents[1]] or {}) do tree[name] = text end
    local present = {}
    for name in pairs(tree) do present[#present + 1] = name end
    table.sort(present)
    if #present > 3 and random(4) == 1 then
      local from, to = present[random(#present)], ("moved/%d-%s"):format(mark, NAMES[random(#NAMES)])
      emit("R %s %s\n", quoted(from), quoted(to))
      tree[to], tree[from] = tree[from], nil
    end
    for _ = 1, random(3) do
      local name, lines = NAMES[random(#NAMES)], {}
      for line = 1, 10 + random(20) do lines[line] = ("line %d of %d\n"):format(line, random(5)) end
      tree[name] = table.concat(lines)
      emit("M 100644 inline %s\ndata %d\n%s\n", quoted(name), #tree[name], tree[name])
    end
    trees[mark] = tree
    emit("\n")
  end
  local marks = self.path .. "/marks"
  self.input = table.concat(out)
  self:git(folder, "fast-import", "--quiet", "--force", "--export-marks=" .. marks)
  local ids = {}
  for line in io.lines(marks) do
    local mark, id = line:match "^:(%d+) (%x+)"
    ids[tonumber(mark)] = id
  end
  os.remove(marks)
  return ids
end

return M
