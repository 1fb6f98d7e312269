--- git: who makes commits, which working copy this is, whether its origin takes what is pushed.
local command = require "fairlead.git.command"
local git = require "fairlead.git"
local list = require "fairlead.doctor.list"
local process = require "fairlead.process"

local M = {}

local HERE <const> = "git"

local function identity(folder)
  local function setting(name)
    local done <const> = process.run { "git", "-C", folder, "config", "--get", name, timeout = 9,
      harmless = true }
    return done.code == 0 and done.stdout:match "^%s*(.-)%s*$" or nil
  end
  local name <const>, email <const> = setting "user.name", setting "user.email"
  if name and email then return list.ok(("%s <%s>"):format(name, email)) end
  return list.unknown(("git does not know your %s"):format(name and "e-mail address" or "name"),
    "for commits of your own: git config --global user.name …, user.email …")
end

-- What gives git its credentials. A helper may be a command with anything in it: then it is not told.
local function helper_of(place)
  if place.remote.scheme == "ssh" then return " (SSH)" end
  if not tostring(place.remote.scheme):find "^http" then return "" end
  local done <const> = process.run { "git", "-C", place.folder, "config", "--get-urlmatch", "credential.helper",
    place.remote.url, timeout = 5, harmless = true }
  local helper <const> = done.stdout:match "^%s*(.-)%s*$"
  if helper == "" then return "" end
  return (" (credential helper: %s)"):format(helper:match "^[%w_-]+" == helper and helper or "a command")
end

-- A branch that is never made: what is tried is whether it might be.
local TRIED <const> = "HEAD:refs/heads/fairlead-doctor"

-- Over HTTPS and SSH alike the other side refuses whoever may not write before anything is sent. Hooks are left out:
-- they may do something.
local function pushing(place)
  command.run {
    op = "git.push", target = place.remote.url, folder = place.folder, timeout = 9,
    arguments = { "push", "--dry-run", "--no-verify", "--porcelain", "--", "origin", TRIED },
  }
  return list.ok(("you may push to %s%s"):format(place.remote.url, helper_of(place)))
end

local function working_copy(folder, repositories)
  local repository <close>, err = try(git.open, folder)
  if not repository then return list.unknown(err.message, "a release is run in a working copy of its repository") end
  local remote <const>, none = try(repository.remote, repository, "origin")
  if not remote then return list.unknown(none.message, "a release pushes to the remote origin") end
  local name <const> = ("%s/%s"):format(remote.owner or "?", remote.name)
  local place <const> = { folder = repository:folder(), remote = remote }
  for _, wanted in ipairs(repositories) do
    place.is_ours = place.is_ours or wanted:lower() == name:lower()
  end
  if place.is_ours or #repositories == 0 then
    return list.ok(("%s, of %s"):format(place.folder, name), { value = place })
  end
  return list.unknown(("%s is a working copy of %s, none of these applications'"):format(place.folder, name),
    "a release is run in a working copy of its repository")
end

---Adds what there is to look at.
---@param checks doctor.List
---@param options {folder: string, repositories: string[]} folder: the present one; repositories: "owner/name"
function M.add(checks, options)
  checks:add(HERE, "identity", {}, function() return identity(options.folder) end)
  local copy <const> = checks:add(HERE, "working copy", {}, function()
    return working_copy(options.folder, options.repositories)
  end)
  checks:add(HERE, "pushing", { needs = { copy } }, pushing)
end

return M
