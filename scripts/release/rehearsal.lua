--- The world in which a release is rehearsed, made of an application's settings: what GitHub, AWS, Slack and the sites
--- hold before it begins. What settings do not say (files, the change, how long jobs take) is made up, or given.
local reservations = require "release.rehearsal.reservations"

local M = {}

local START <const> = 1772442000 -- 2026-03-02 09:00 UTC, a Monday

---@class release.rehearsal.Options
---@field files? table<string, string> main's files by path
---@field branch? string the branch that is released
---@field commits? {message: string, files: table<string, string>}[] what is on it
---@field workflows? table<string, table> by file, as world.new takes them
---@field environments? table<string, table> of GitHub, by name
---@field user? string who releases; made up when left out: the first of the people who may not approve
---@field reviewer? string the next one
---@field colleague? string who has done what is there already, and has the shared environment in the scenario dev-taken
---@field names? table<string, string> people's names by login
---@field domain? string of their e-mail addresses
---@field slack_groups? {id: string, handle: string, users: string[]}[]
---@field github_teams? table<string, string[]>
---@field test_seconds? number[] how long the required checks take
---@field publish_seconds? number
---@field before? table[] jobs of the publishing workflow before it publishes
---@field aws? table tags, moving_tag, reference; environment(known): further fields of an environment
---@field approval? "reaction"|"reply"|"github" how the approver answers
---@field reason? string why somebody has the shared environment in the scenario dev-taken

-- ---- people ----

local function sorted_keys(map)
  local keys = {}
  for key in pairs(map) do keys[#keys + 1] = key end
  table.sort(keys)
  return keys
end

-- Who approves, who releases and who reviews: by the settings where they tell.
local function cast_of(application, own)
  local approves, admins, others = {}, {}, {}
  for _, name in ipairs(sorted_keys(application.environments)) do
    local approval = application.environments[name].approval
    for _, login in ipairs(approval and approval.by.people or {}) do
      if not approves[login] then admins[#admins + 1] = login end
      approves[login] = true
    end
  end
  for _, team in ipairs(sorted_keys(own.github_teams or {})) do
    for _, login in ipairs(own.github_teams[team]) do approves[login] = true end
  end
  for _, login in ipairs(sorted_keys(application.people or {})) do
    if not approves[login] then others[#others + 1] = login end
  end
  local user = own.user or others[1] or "adeveloper"
  local reviewer = own.reviewer or (others[1] == user and others[2] or others[1]) or "areviewer"
  if reviewer == user then reviewer = "areviewer" end
  local colleague = own.colleague or reviewer
  return { user = user, reviewer = reviewer, colleague = colleague, admin = admins[1] or "anadmin" }, approves
end

local function person(login, own)
  return { name = (own.names or {})[login] or login, email = ("%s@%s"):format(login, own.domain or "example.org") }
end

local function github_users(application, cast, own)
  local users = {}
  for login in pairs(application.people or {}) do users[login] = person(login, own) end
  for _, login in pairs(cast) do users[login] = person(login, own) end
  return users
end

local function slack(application, cast, approves, own)
  if not application.channel then return nil end
  local ids, users = {}, {}
  for login, id in pairs(application.people or {}) do ids[login] = id end
  for _, login in pairs(cast) do ids[login] = ids[login] or "U0" .. login:upper():gsub("%W", "") end
  for _, login in ipairs(sorted_keys(ids)) do
    users[#users + 1] = {
      id = ids[login], name = login, email = person(login, own).email, admin = approves[login] or login == cast.admin,
    }
  end
  table.sort(users, function(a, b) return a.id < b.id end)
  local channels = { { id = "C01PLATFORM", name = application.channel } }
  if application.infrastructure_channel then
    channels[2] = { id = "C02INFRA", name = application.infrastructure_channel }
  end
  return {
    token = "xoxb-rehearsal-0000000000", team = "T0REHEARSAL", bot = "fairlead", channels = channels, users = users,
    usergroups = own.slack_groups,
  }
end

-- ---- GitHub ----

local function page(title) return ("<!doctype html>\n<title>%s</title>\n<h1>%s</h1>\n"):format(title, title) end

local TEST_SECONDS <const>, PUBLISH_SECONDS <const> = 90, 170

local function in_order(application)
  local names = sorted_keys(application.environments)
  table.sort(names, function(a, b) return application.environments[a].order < application.environments[b].order end)
  return names
end

-- A rolling update is started by the workflow, which tells ECS to deploy again.
local function is_rolling(application)
  for _, environment in pairs(application.environments) do
    if environment.services[1].deploys == "rolling" then return true end
  end
  return false
end

-- As most repositories have them: tests on each push; images for some environments by the merge, for one by hand.
local function workflows(application, own)
  local files, tests, pushed = application.workflows, {}, {}
  for i, check in ipairs(application.required_checks) do
    tests[i] = { name = check:match "/ (.+)$" or check, seconds = (own.test_seconds or {})[i] or TEST_SECONDS }
  end
  for _, name in ipairs(in_order(application)) do
    if application.environments[name].arrives == "push" then pushed[#pushed + 1] = name end
  end
  local list = { [files.tests] = { name = "Test", on = { push = true }, jobs = tests } }
  local function publish(file, event, trigger)
    local workflow = list[file]
    if not workflow then
      workflow = { name = "Publish", on = {}, environments_on_push = pushed, jobs = {} }
      table.move(own.before or {}, 1, #(own.before or {}), 1, workflow.jobs)
      table.insert(workflow.jobs, {
        name = "publish", seconds = own.publish_seconds or PUBLISH_SECONDS, for_each = "environment", publishes = true,
        redeploys = is_rolling(application) or nil,
      })
    end
    list[file] = workflow
    workflow.on[event] = trigger
  end
  if files.on_push and #pushed > 0 then publish(files.on_push, "push", { branches = { application.main } }) end
  if files.by_hand then
    publish(files.by_hand, "workflow_dispatch", { inputs = { environment = { required = true } } })
  end
  return list
end

local function is_asked_on_github(environment)
  for _, way in ipairs(environment.approval and environment.approval.via or {}) do
    if way == "github" then return true end
  end
  return false
end

local function asks_on_github(application)
  for _, environment in pairs(application.environments) do
    if is_asked_on_github(environment) then return true end
  end
  return false
end

-- Where approval is given on GitHub, the environment's reviewers are those who may approve.
local function github_environments(application)
  local environments = {}
  for name, environment in pairs(application.environments) do
    environments[name] = is_asked_on_github(environment)
        and { reviewers = environment.approval.by.people, prevent_self_review = true } or {}
  end
  return environments
end

-- What main holds, the oldest first: three releases, the newest of which is live.
local function history(application, cast, own)
  local files = own.files or { ["README.md"] = "# " .. application.name .. "\n" }
  return {
    { message = "Begin", files = files, author = cast.colleague },
    { message = "Say who to write to", files = { ["CONTACT.md"] = "Write to the team.\n" }, author = cast.reviewer },
    { message = "Say how to run it", files = { ["RUNNING.md"] = "make run\n" }, author = cast.colleague },
  }
end

local function github(application, cast, own)
  return {
    repository = application.repository,
    default_branch = application.main,
    token = "ghp_rehearsal0000000000000000000000000000",
    user = cast.user,
    users = github_users(application, cast, own),
    teams = own.github_teams or {},
    commits = history(application, cast, own),
    branch = {
      name = own.branch or "say-it-better",
      commits = own.commits or { { message = "Say it better", files = { ["page.html"] = page "Better" } } },
    },
    workflows = own.workflows or workflows(application, own),
    environments = own.environments or github_environments(application),
    rules = {
      required_checks = application.required_checks, required_approvals = application.approvals, dismiss_stale = true,
    },
    merge_methods = { application.merge_method },
  }
end

-- ---- AWS and the sites ----

local AWS_DEPLOYS <const> = { codedeploy = "codedeploy", rolling = "ecs", blue_green = "blue_green" }
local FIRST_ACCOUNT <const> = 111111111110

local function aws_environment(known, own)
  local first <const> = known.services[1]
  local images = {}
  for i, service in ipairs(known.services) do
    images[i] = {
      repository = service.image, service = service.service, tags = own.tags, reference = own.reference,
      moving_tag = own.moving_tag,
    }
  end
  local environment = {
    account = tostring(FIRST_ACCOUNT + known.order),
    region = known.region,
    cluster = first.cluster,
    service = first.service,
    images = images,
    deploys = AWS_DEPLOYS[first.deploys],
    application = first.application,
    group = first.group,
    tasks = 2,
    health_seconds = 50,
    earlier = { { back = 2, days = 21 }, { back = 1, days = 9 } }, -- deployments before the one that is live
  }
  if first.deploys ~= "codedeploy" then environment.breaker = { enable = true, rollback = true } end
  for field, value in pairs(own.environment and own.environment(known) or {}) do environment[field] = value end
  return environment
end

local function aws(application, own)
  local environments = {}
  for name, known in pairs(application.environments) do environments[name] = aws_environment(known, own) end
  return {
    access_key_id = "AKIAREHEARSAL0000001",
    secret_access_key = "rehearsal/secret/key/rehearsal/secret/key",
    environments = environments,
  }
end

local function host_of(url) return (url:gsub("^https?://", ""):gsub("/.*$", "")) end

local function sites(application)
  local list = {}
  local function site_of(url, name, environment)
    local host <const> = host_of(url)
    list[host] = list[host]
      or { environment = name, health = environment.version and environment.version.path,
        version_field = environment.version and environment.version.field, pages = {} }
    return list[host]
  end
  for name, environment in pairs(application.environments) do
    if environment.site then site_of(environment.site, name, environment) end
    for _, test in ipairs(environment.smoke_test or {}) do
      if test.path then
        site_of(test.site or environment.site, name, environment).pages[test.path] = page(test.contains)
      end
    end
  end
  return list
end

-- What scenarios call the last environment but one and the last, where they have other names.
local function roles(application)
  local names <const>, all <const> = in_order(application), application.environments
  return {
    staging = not all.staging and names[#names - 1] or nil,
    production = not all.production and names[#names] or nil,
  }
end

-- In the scenario dev-taken somebody has the environment that is there once for everybody.
local function held(application, cast, own)
  local list = {}
  for _, name in ipairs(in_order(application)) do
    if application.environments[name].shared then
      list[#list + 1] = {
        environment = name, by = cast.colleague, slack = (application.people or {})[cast.colleague],
        reason = own.reason or "users try something else", seconds = 1500,
      }
    end
  end
  return reservations.held(list, application.key)
end

---The world of an application.
---@param application table its settings
---@param own? release.rehearsal.Options
---@return table fixture as world.new takes it
function M.world(application, own)
  own = own or {}
  local cast <const>, approves <const> = cast_of(application, own)
  -- A job on GitHub waits from the merge on; who may let it go on does so when what comes before has been tried.
  local on_github <const> = asks_on_github(application)
  return {
    start = START,
    github = github(application, cast, own),
    aws = aws(application, own.aws or {
      tags = { "<short sha>", "latest" },
      moving_tag = is_rolling(application) and "latest" or nil,
    }),
    sites = sites(application),
    roles = roles(application),
    slack = slack(application, cast, approves, own),
    people = {
      reviewers = { { login = cast.reviewer, after_seconds = 420 } },
      admins = {
        {
          name = cast.admin, login = cast.admin, after_seconds = on_github and 2700 or 240,
          way = own.approval or (on_github and "github" or nil),
        },
      },
    },
    migrations = application.migrations,
    held = held(application, cast, own),
  }
end

return M
