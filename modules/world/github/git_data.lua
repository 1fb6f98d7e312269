--- The REST routes of git's own objects: refs, commits, trees, blobs.
---
--- A ref may have any name below refs/ that has at least two slashes, so tools can keep state of their own there: a
--- ref is made by one caller only, and moves by PATCH without `force` only to a descendant of where it is.
--- Source: GitHub Docs, REST "Git references", "Git commits", "Git trees", "Git blobs"; texts of api.github.com.
local digest = require "fairlead.digest"
local json = require "fairlead.json"
local objects = require "fairlead.world.github.objects"
local refusal = require "fairlead.world.github.refusal"
local repository = require "fairlead.world.repository"
local sorted = require "fairlead.sorted"

local M = {}

local function given(value)
  if value == json.null then
    return nil
  end
  return value
end

--- Base64 in lines of 60 characters, as GitHub gives contents.
---@param text string
---@return string
function M.base64(text)
  return (digest.base64(text):gsub(("."):rep(60), "%0\n") .. "\n"):gsub("\n\n$", "\n")
end

--- All refs that the API shows, as {name, sha}, in order.
local function refs_of(repo)
  local all = {}
  for name, sha in pairs(repo.branches) do
    all["refs/heads/" .. name] = sha
  end
  for name, sha in pairs(repo.tags) do
    all["refs/tags/" .. name] = sha
  end
  for name, sha in pairs(repo.refs) do
    all[name] = sha
  end
  return all
end

local function add_refs(github, router)
  local function ref_shape(ref, sha)
    return {
      ref = ref,
      node_id = "REF_" .. digest.sha256(ref):sub(1, 16),
      url = github.shapes:url("/git/" .. ref),
      object = { type = "commit", sha = sha, url = github.shapes:url("/git/commits/" .. sha) },
    }
  end

  router:add("GET /repos/{owner}/{repo}/git/ref/{ref+}", "contents:read", function(call)
    local ref = "refs/" .. call.ref
    local sha = github:repository():ref(ref)
    return 200, ref_shape(ref, sha or refusal.not_found())
  end)

  router:add("GET /repos/{owner}/{repo}/git/matching-refs/{ref+}", "contents:read", function(call)
    local list, start = {}, "refs/" .. call.ref
    for name, sha in sorted(refs_of(github:repository())) do
      if name:sub(1, #start) == start then
        list[#list + 1] = ref_shape(name, sha)
      end
    end
    return 200, json.array(list)
  end)

  --- Refuses a write to a branch whose rules want a pull request.
  local function check_rules(ref, verb)
    local branch = ref:match("^refs/heads/(.+)$")
    local rules = branch and github.pulls:rules(branch)
    if rules and verb == "delete" then
      refusal.raise(422, "Repository rule violations found\n\nCannot delete this branch\n\n")
    elseif rules and rules.kind == "ruleset" then
      refusal.raise(422, "Repository rule violations found\n\nChanges must be made through a pull request.\n\n")
    elseif rules then
      refusal.raise(422, "Changes must be made through a pull request.")
    end
  end

  local function commit_of(sha)
    return github:repository().commits[sha] or refusal.raise(422, "Object does not exist")
  end

  router:add("POST /repos/{owner}/{repo}/git/refs", "contents:write", function(call)
    refusal.check(call.body, { ref = "string!", sha = "string!" })
    local ref, repo = call.body.ref, github:repository()
    if ref:sub(1, 5) ~= "refs/" then
      refusal.raise(422, "Reference name must start with 'refs/'.")
    elseif not ref:find("^refs/[^/]+/[^/]") then
      refusal.raise(422, "Reference name must contain at least three slash-separated components.")
    end
    local commit = commit_of(call.body.sha)
    if repo:ref(ref) then
      refusal.raise(422, "Reference already exists")
    elseif ref:find("^refs/pull/") then
      refusal.raise(422, "Reference update failed")
    end
    check_rules(ref, "create")
    if not repo:set_ref(ref, commit.sha) then
      refusal.raise(422, "Reference update failed")
    end
    github:pushed(ref, nil, commit.sha, call.viewer.login)
    return 201, ref_shape(ref, commit.sha), { { "location", github.shapes:url("/git/" .. ref) } }
  end)

  router:add("PATCH /repos/{owner}/{repo}/git/refs/{ref+}", "contents:write", function(call)
    refusal.check(call.body, { sha = "string!", force = "boolean" })
    local ref, repo = "refs/" .. call.ref, github:repository()
    local before = repo:ref(ref)
    if not before then
      refusal.raise(422, "Reference does not exist")
    end
    local commit = commit_of(call.body.sha)
    if call.body.force ~= true and not repo:contains(before, commit.sha) then
      refusal.raise(422, "Update is not a fast forward")
    end
    check_rules(ref, "update")
    if commit.sha ~= before then
      if not repo:set_ref(ref, commit.sha) then
        refusal.raise(422, "Reference update failed")
      end
      github:pushed(ref, before, commit.sha, call.viewer.login)
    end
    return 200, ref_shape(ref, commit.sha)
  end)

  router:add("DELETE /repos/{owner}/{repo}/git/refs/{ref+}", "contents:write", function(call)
    local ref, repo = "refs/" .. call.ref, github:repository()
    local before = repo:ref(ref)
    if not before then
      refusal.raise(422, "Reference does not exist")
    end
    check_rules(ref, "delete")
    repo:set_ref(ref, nil)
    github:pushed(ref, before, nil, call.viewer.login)
    return 204
  end)
end

--- Unix seconds of a time as the API takes it: 2026-03-02T09:00:00Z, or with an offset.
local function seconds_of(text)
  local year, month, day, hour, minute, second, rest =
    text:match("^(%d%d%d%d)%-(%d%d)%-(%d%d)T(%d%d):(%d%d):(%d%d)%.?%d*(.*)$")
  local sign, hours, minutes = (rest or ""):match("^([+-])(%d%d):?(%d%d)$")
  if not year or (not sign and rest ~= "Z") then
    refusal.raise(422, ("Invalid request.\n\n%s is not a valid date-time."):format(text))
  end
  -- Days since 1970 by the civil calendar, March first; os.time would read it in the machine's time zone.
  local y, m = tonumber(year), tonumber(month)
  if m <= 2 then
    y, m = y - 1, m + 12
  end
  local days = 365 * y + y // 4 - y // 100 + y // 400 + (153 * (m - 3) + 2) // 5 + tonumber(day) - 719469
  local at = days * 86400 + hour * 3600 + minute * 60 + second
  if sign then
    at = at - (sign == "+" and 1 or -1) * (hours * 3600 + minutes * 60)
  end
  return math.floor(at)
end

local function add_objects(github, router)
  local s = github.shapes

  router:add("GET /repos/{owner}/{repo}/git/commits/{sha}", "contents:read", function(call)
    return 200, s:git_commit(github:repository().commits[call.sha] or refusal.not_found())
  end)

  --- Who wrote a commit: what the body says, or the token's owner, now.
  local function person_of(body, otherwise)
    if given(body) == nil then
      return otherwise
    end
    refusal.check(body, { name = "string!", email = "string!", date = "string" })
    local date = given(body.date)
    return {
      name = body.name:gsub("[<>\n]", ""),
      email = body.email:gsub("[<>\n]", ""),
      at = date and seconds_of(date) or math.floor(github.world.now),
    }
  end

  router:add("POST /repos/{owner}/{repo}/git/commits", "contents:write", function(call)
    local body = call.body
    refusal.check(body, { message = "string!", tree = "string!", parents = "table", author = "table",
      committer = "table" })
    local owner = repository.person(github.fixture, call.viewer.login)
    local author = person_of(body.author, { name = owner.name, email = owner.email, at = math.floor(github.world.now) })
    local commit = objects.write_commit(github:repository(), {
      message = body.message,
      tree = body.tree,
      parents = given(body.parents) or {},
      author = author,
      committer = person_of(body.committer, author),
    })
    return 201, s:git_commit(commit), { { "location", s:url("/git/commits/" .. commit.sha) } }
  end)

  --- A tree as the API shows it; entries of folders below only when asked for.
  local function tree_shape(sha, recursive)
    local arguments = { "ls-tree", "-l", sha }
    if recursive then
      table.insert(arguments, 2, "-r")
      table.insert(arguments, 3, "-t")
    end
    local list = {}
    for line in github:repository():look(arguments).stdout:gmatch("[^\n]+") do
      local mode, kind, id, size, path = line:match("^(%d+) (%a+) (%x+) +(%S+)\t(.*)$")
      list[#list + 1] = {
        path = path,
        mode = mode,
        type = kind,
        sha = id,
        size = math.tointeger(tonumber(size)),
        url = s:url(("/git/%ss/%s"):format(kind, id)),
      }
    end
    return { sha = sha, url = s:url("/git/trees/" .. sha), tree = json.array(list), truncated = false }
  end

  router:add("GET /repos/{owner}/{repo}/git/trees/{tree+}", "contents:read", function(call)
    local repo = github:repository()
    local commit = repo:resolve(call.tree)
    local sha = commit and commit.tree or call.tree
    if not commit and objects.kinds(repo, { sha })[1] ~= "tree" then
      refusal.not_found()
    end
    return 200, tree_shape(sha, call.query.recursive ~= nil)
  end)

  router:add("POST /repos/{owner}/{repo}/git/trees", "contents:write", function(call)
    refusal.check(call.body, { tree = "table!", base_tree = "string" })
    local sha = objects.write_tree(github:repository(), call.body.tree, given(call.body.base_tree))
    return 201, tree_shape(sha, false), { { "location", s:url("/git/trees/" .. sha) } }
  end)

  router:add("GET /repos/{owner}/{repo}/git/blobs/{sha}", "contents:read", function(call)
    local repo = github:repository()
    if objects.kinds(repo, { call.sha })[1] ~= "blob" then
      refusal.not_found()
    end
    local text = repo:git({ "cat-file", "blob", call.sha }).stdout
    return 200, {
      sha = call.sha,
      node_id = "B_" .. call.sha:sub(1, 20),
      size = #text,
      url = s:url("/git/blobs/" .. call.sha),
      content = M.base64(text),
      encoding = "base64",
    }
  end)

  router:add("POST /repos/{owner}/{repo}/git/blobs", "contents:write", function(call)
    refusal.check(call.body, { content = "string!", encoding = "string" })
    local text, encoding = call.body.content, given(call.body.encoding) or "utf-8"
    if encoding == "base64" then
      text = digest.unbase64((text:gsub("%s", ""))) or refusal.raise(422, "content is not valid Base64")
    elseif encoding ~= "utf-8" then
      refusal.raise(422, ("%s is not a valid encoding."):format(encoding))
    end
    local sha = objects.write_blob(github:repository(), text)
    return 201, { sha = sha, url = s:url("/git/blobs/" .. sha) }, { { "location", s:url("/git/blobs/" .. sha) } }
  end)
end

---@param github fairlead.world.GitHub
---@param router fairlead.world.Router
function M.add(github, router)
  add_refs(github, router)
  add_objects(github, router)
end

return M
