--- What a site answers: the version that it says it is, and its pages.
local contexts = require "release.live.context"
local errors = require "fairlead.errors"
local git = require "fairlead.git"
local http = require "fairlead.http"

local M = {}

---Where an address of the settings really is: in public, or where the release was told that the sites are.
---@param release Release
---@param url string
---@return string
function M.address(release, url)
  if not release.sites then return url end
  return (release.sites:gsub("{host}", (url:gsub("^https?://", ""))))
end

-- A field of an answer; "git.commit" is the field commit of the object git, unless there is one of that whole name.
local function field_of(answer, field)
  if type(answer) ~= "table" then return nil end
  if answer[field] ~= nil then return answer[field] end
  local name <const>, rest <const> = field:match "^([^.]+)%.(.+)$"
  return name and field_of(answer[name], rest)
end

---The version that an environment's site says it is.
---@async
---@param release Release
---@param environment table of settings.lua
---@param url string? another address of it, as of its test traffic
---@return string? version nothing: it says none
function M.version(release, environment, url)
  local version <const> = environment.version
  local answer <const> = http.get(M.address(release, url or environment.site) .. version.path):check():json()
  local told <const> = field_of(answer, version.field)
  return told and tostring(told) or nil
end

-- The site answers and is not ours to the end: the one thing that all the other links cannot tell.
local function raise_other(environment, sha, told, digests)
  errors.raise {
    kind = "deployment.not_ours", op = "site", target = environment.site,
    message = ("answers with version %s, though all tasks run %s that our tag names, that of %s"):format(
      told or "none", table.concat(digests, " and "), contexts.short(sha)),
    hint = "is the image built from another commit than its tag says, or does something between cache the answer?",
  }
end

---Waits until the site answers with a commit.
---@async
---@param release Release
---@param environment table of settings.lua
---@param sha string
---@param digests string[] what the tasks run, for people
---@return string? site nothing: the environment has none that tells its version
---errors: kind "deployment.not_ours"
function M.follow(release, environment, sha, digests)
  if not environment.site then return nil end
  local site <const>, seen = M.address(release, environment.site), nil
  if not environment.version then return site end
  local _, err <const> = try(function()
    release.run:wait {
      name = "Site",
      timeout = release.settings.timeouts.site,
      every = 5,
      check = function()
        seen = nil
        local told <const> = M.version(release, environment)
        if told and git.is_abbreviation(told, sha) then return { version = told } end
        seen = { version = told }
        return nil, ("%s answers with version %s"):format(site, told or "none")
      end,
    }
  end)
  if err and err.kind == "wait.timeout" and seen then raise_other(environment, sha, seen.version, digests) end
  if err then error(err, 0) end
  return site
end

return M
