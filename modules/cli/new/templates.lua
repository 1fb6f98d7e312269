--- What `fairlead new` writes: a procedure over the release library, its settings, the world in which it is rehearsed,
--- and its spec.
local M = {}

---@class cli.new.Answers
---@field key string the procedure's name, in files and records
---@field repository string "owner/name" on GitHub
---@field environments string[] in the order in which a change goes through them; the last one needs an approval
---@field deploys "codedeploy"|"rolling"|"blue_green"
---@field channel? string in Slack

-- {name} is replaced; what is not known stays, so that Lua's own braces need no care.
local function fill(template, values)
  return (template:gsub("{([%l_]+)}", values))
end

local function capitalised(text) return (text:gsub("^%l", string.upper)) end

-- "grant-finder" is "Grant finder" to people.
local function title(key) return capitalised((key:gsub("[-_]+", " "))) end

-- ---- the procedure ----

local PROCEDURE <const> = [[
#!/usr/bin/env fairlead
--- Releases {title} from a branch to {last}. What is true of {title} only is in {key}-settings.lua.
local procedure = require "fairlead.procedure"
local release = require "release"
local settings = require "{key}-settings"

return procedure.new {
  name = "{key}",
  summary = "release {title} from a branch to {last}",
  plan = { {plan} },
  rehearsal = function() return require "{key}-rehearsal" end,
  commands = release.commands(settings),
  parameters = { sites = { help = "where the sites are, if not in public: http://127.0.0.1:8080/sites/{host}" } },
  run = function(run, parameters)
    local this = release.new(run, settings, parameters)
    local change = this:open_pull_request {}
{body}
  end,
}
]]

local function procedure_of(answers)
  local names = answers.environments
  local last = names[#names]
  local plan, body = { "Pull request", "Tests" }, { "this:pass_tests(change)" }
  local first = 1
  if #names >= 3 then
    first = 2
    plan[3], body[2] = capitalised(names[1]), ('this:try_in("%s", change)'):format(names[1])
  end
  plan[#plan + 1], body[#body + 1] = "Review", "this:get_reviewed(change)"
  plan[#plan + 1], body[#body + 1] = "Merge", "this:merge(change)"
  for i = first, #names - 1 do
    plan[#plan + 1], body[#body + 1] = capitalised(names[i]), ('this:go_live("%s", change)'):format(names[i])
  end
  if #names > 1 then
    plan[#plan + 1] = "Approval"
    body[#body + 1] = ('this:get_approved(change, { after = "%s", before = "%s" })'):format(names[#names - 1], last)
    body[#body + 1] = ('this:promote("%s", change)'):format(last)
  else
    body[#body + 1] = ('this:go_live("%s", change)'):format(last)
  end
  plan[#plan + 1] = capitalised(last)
  for i, name in ipairs(plan) do plan[i] = ('"%s"'):format(name) end
  for i, line in ipairs(body) do body[i] = "    " .. line end
  return fill(PROCEDURE, {
    key = answers.key, title = title(answers.key), last = last, plan = table.concat(plan, ", "),
    body = table.concat(body, "\n"),
  })
end

-- ---- the settings ----

-- A field of a table; "local" is a word of Lua's own and cannot stand there as it is.
local function field(name) return load(("return { %s = 1 }"):format(name)) and name or ('["%s"]'):format(name) end

local SETTINGS <const> = [[
--- What is true of {title} and nowhere else: names, places, people. It is data.
--- docs/settings.md says what each field means, and editors do; what is marked with TODO is made up.
local MINUTE <const>, HOUR <const> = 60, 3600

---@type release.Settings
return {
  key = "{key}",
  name = "{title}",
  repository = "{repository}",
  main = "main",
  required_checks = { "test" }, -- TODO: the checks that have to pass, by their names on GitHub
  approvals = 1, -- how many other developers have to approve a change
  merge_method = "merge", -- or "squash", "rebase"
  workflows = { tests = "test.yml", on_push = "publish.yml", by_hand = "publish.yml" }, -- TODO: their files
{channel}  people = { -- TODO: logins on GitHub, ids in Slack
    adeveloper = "U01DEVELOPER",
    areviewer = "U02REVIEWER",
    anadmin = "U03ADMIN",
  },
  environments = {
{environments}  },
  timeouts = { -- how long each part of a release may take
    push = 2 * MINUTE,
    lock = 8 * HOUR, -- in line for an environment
    tests = 45 * MINUTE,
    review = 8 * HOUR,
    build = 45 * MINUTE,
    image = 20 * MINUTE,
    deployment = 60 * MINUTE,
    tasks = 15 * MINUTE,
    site = 5 * MINUTE,
    approval = 8 * HOUR,
  },
}
]]

local ENVIRONMENT <const> = [[
    {field} = {
      name = "{name}",
      order = {order},
      region = "eu-west-2",
      -- profile = "{name}", -- of your AWS configuration, where each environment is an account of its own
      arrives = "{arrives}", -- {how}
{job}      hold = HOUR, -- for how long a release says that it has it
{shared}      services = {
        {
          name = "{key}",
          cluster = "{name}-cluster",
          service = "{name}-{key}",
          image = "{name}-{key}", -- ECR repository
          deploys = "{deploys}",
{codedeploy}        },
      },
      site = "https://{prefix}{key}.example.org", -- TODO
      version = { path = "/health", field = "version" }, -- where the site tells the commit that it was built from
      smoke_test = { -- what a person would look at: a page, and a text that must be on it
        { path = "/", contains = "{title}" },
        { path = "/health", contains = "ok" },
      },
{approval}    },
]]

local function environment_of(answers, name, order)
  local approved = order == #answers.environments and order > 1
  -- Without Slack it is approved on GitHub, where the build of the merge waits for it.
  local by_hand = approved and answers.channel ~= nil
  return fill(ENVIRONMENT, {
    key = answers.key, title = title(answers.key), name = name, field = field(name), order = tostring(order),
    deploys = answers.deploys,
    arrives = by_hand and "dispatch" or "push",
    how = by_hand and "its build is started by the release" or "the merge starts its build",
    job = by_hand and "" or ('      job = "publish (%s)", -- of that build: the one that brings it\n'):format(name),
    shared = order == 1 and #answers.environments >= 3
      and "      shared = true, -- there is one for everybody: a release has it to itself\n" or "",
    codedeploy = answers.deploys ~= "codedeploy" and "" or fill([[
          application = "{name}-{key}", -- of CodeDeploy
          group = "{name}-{key}-deployment",
]], { key = answers.key, name = name }),
    prefix = order == #answers.environments and "" or name .. ".",
    approval = not approved and "" or fill([[
      approval = { by = { people = { "anadmin" } }, via = { {via} } }, -- who may agree, and where
]], { via = answers.channel and '"slack", "terminal"' or '"github"' }),
  })
end

local function settings_of(answers)
  local environments = {}
  for order, name in ipairs(answers.environments) do environments[order] = environment_of(answers, name, order) end
  return fill(SETTINGS, {
    key = answers.key, title = title(answers.key), repository = answers.repository,
    channel = answers.channel and ('  channel = "%s", -- in Slack\n'):format(answers.channel) or "",
    environments = table.concat(environments),
  })
end

-- ---- the world, and the spec ----

local REHEARSAL <const> = [[
--- The world in which {title} is rehearsed. It is made of the settings; what they do not say is said here.
local rehearsal = require "release.rehearsal"
local settings = require "{key}-settings"

return rehearsal.world(settings, {
  user = "adeveloper",
  reviewer = "areviewer",
  files = { ["README.md"] = "# {title}\n", ["index.html"] = "<h1>{title}</h1>\n" },
  branch = "say-hello",
  commits = { { message = "Say hello", files = { ["index.html"] = "<h1>Hello from {title}</h1>\n" } } },
})
]]

local SPEC <const> = [[
-- Releases of {title} in a simulated world: `fairlead test {key}_spec.lua`.
local world = require "fairlead.world"

local SCRIPT <const> = (debug.getinfo(1, "S").source:match "^@(.*/)" or "") .. "{key}.lua"

local function release(scenario)
  local w = world.new { scenario = scenario }
  return w:run(SCRIPT), w
end

-- The commit that the pull request became on main.
local function merged(w)
  local pull = w.github.pulls.list[1]
  return pull and pull.merged and pull.merged.sha
end

describe("a release of {title}", function()
  it("brings the change to {last}", function()
    local result, w = release "all-well"
    assert.equal("done", result.outcome, tostring(result.error))
    assert.equal(merged(w), w.aws:live("{last}").sha)
  end)

  it("merges nothing when the tests fail", function()
    local result, w = release "tests-fail"
    assert.equal("tests-failed", result.reason)
    assert.is_falsy(merged(w))
  end)
{more}end)
]]

local ROLLS_BACK <const> = [[

  it("leaves {last} alone when {before} rolls back", function()
    local result, w = release "staging-rolls-back"
    assert.equal(5, result.exit_code, tostring(result.error))
    assert.are_not.equal(merged(w), w.aws:live("{last}").sha)
  end)
]]

local REFUSED <const> = [[

  it("leaves {last} alone when whoever is asked refuses", function()
    local result, w = release "admin-refuses"
    assert.equal("gate.refused", result.reason, tostring(result.error))
    assert.are_not.equal(merged(w), w.aws:live("{last}").sha)
  end)
]]

---The files of a new procedure.
---@param answers cli.new.Answers
---@return {path: string, text: string, what: string}[]
function M.files(answers)
  local key, names = answers.key, answers.environments
  local values = { key = key, title = title(key), last = names[#names], before = names[#names - 1] }
  values.more = #names > 1 and fill(REFUSED, values) or ""
  -- Scenarios call the last environment but one staging, unless another one has that name.
  local named = {}
  for _, name in ipairs(names) do named[name] = true end
  if #names > 1 and (values.before == "staging" or not named.staging) then
    values.more = fill(ROLLS_BACK, values) .. values.more
  end
  return {
    { path = key .. ".lua", text = procedure_of(answers), what = "the procedure" },
    { path = key .. "-settings.lua", text = settings_of(answers), what = "its settings: names, places, people" },
    { path = key .. "-rehearsal.lua", text = fill(REHEARSAL, values), what = "the world in which it is rehearsed" },
    { path = key .. "_spec.lua", text = fill(SPEC, values), what = "its spec" },
  }
end

return M
