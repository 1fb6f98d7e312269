--- The release note: which commits, pull requests and authors came to an environment.
local slack = require "fairlead.slack"

---@class Release
local Release = {}

local SHOWN <const> = 12 -- lines of a note in Slack
local ASKED <const> = 40 -- commits whose pull requests are asked for, one request each

local function short(sha) return sha:sub(1, 8) end

-- Of many commits the newest are asked for.
local function pulls_of(self, commits)
  local list, seen = {}, {}
  for i = math.max(1, #commits - ASKED + 1), #commits do
    for _, pull in ipairs(self.github:pulls_of(commits[i].sha)) do
      if pull.merged and not seen[pull.number] then
        seen[pull.number] = true
        list[#list + 1] = { number = pull.number, title = pull.title, author = pull.author, url = pull.url }
      end
    end
  end
  table.sort(list, function(a, b) return a.number < b.number end)
  return list
end

local function authors_of(commits)
  local list, seen = {}, {}
  for _, commit in ipairs(commits) do
    if not seen[commit.author] then
      seen[commit.author] = true
      list[#list + 1] = commit.author
    end
  end
  table.sort(list)
  return list
end

-- Files in the folder of migrations that a stretch of commits adds or changes.
local function migrations_in(self, files)
  local folder <const>, list = self.settings.migrations, {}
  for _, file in ipairs(files) do
    if folder and file.path:sub(1, #folder + 1) == folder .. "/" then list[#list + 1] = file.path end
  end
  table.sort(list)
  return list
end

---@class Release.Note
---@field from string commit that was live
---@field to string commit that is, or will be
---@field undoes boolean `to` is the older one: this is what going back takes away
---@field commits {sha: string, subject: string, author: string}[] the oldest first, merges left out
---@field pulls {number: integer, title: string, author: string, url: string}[]
---@field authors string[]
---@field migrations string[] paths
---@field truncated boolean there is more than was read

---What lies between two commits, in the terms of people. Reads only.
---@async
---@param from string the commit that is live
---@param to string the commit that will be
---@return Release.Note
function Release:between(from, to)
  local forth = self.github:compare(from, to)
  -- Where the one is an ancestor of the other, what it lacks is told; where they have parted, what the new one brings.
  local undoes <const> = forth.status == "behind"
  if undoes then forth = self.github:compare(to, from) end
  local commits = {}
  for _, commit in ipairs(forth.commits) do
    if commit.parents < 2 then
      commits[#commits + 1] = { sha = commit.sha, subject = commit.subject, author = commit.author }
    end
  end
  return {
    from = from, to = to, undoes = undoes, commits = commits, pulls = pulls_of(self, forth.commits),
    authors = authors_of(commits), migrations = migrations_in(self, forth.files), truncated = forth.truncated,
  }
end

local function count(n, one, many) return ("%d %s"):format(n, n == 1 and one or many) end

---One line: "3 commits by ada and bob in 2 pull requests, 1 migration".
---@param note Release.Note
---@return string
function Release.note_line(note)
  if #note.commits == 0 then return "no commit lies between" end
  local line = ("%s by %s"):format(count(#note.commits, "commit", "commits"), table.concat(note.authors, ", "))
  if #note.pulls > 0 then line = ("%s in %s"):format(line, count(#note.pulls, "pull request", "pull requests")) end
  if #note.migrations > 0 then line = ("%s, %s"):format(line, count(#note.migrations, "migration", "migrations")) end
  return note.truncated and line .. ", and more than was read" or line
end

---The note as Slack shows it.
---@param self Release
---@param environment string
---@param note Release.Note
---@return string
function Release:note_text(environment, note)
  local lines = { (":scroll: %s, %s: %s is live (was %s): %s"):format(slack.escape(self.settings.name), environment,
    short(note.to), short(note.from), slack.escape(self.note_line(note))) }
  for _, pull in ipairs(note.pulls) do
    lines[#lines + 1] = ("• <%s|#%d> %s (%s)"):format(slack.escape(pull.url), pull.number, slack.escape(pull.title),
      slack.escape(pull.author))
  end
  if #note.pulls == 0 then
    for _, commit in ipairs(note.commits) do
      lines[#lines + 1] = ("• `%s` %s (%s)"):format(short(commit.sha), slack.escape(commit.subject),
        slack.escape(commit.author))
    end
  end
  for _, path in ipairs(note.migrations) do lines[#lines + 1] = "• migration " .. slack.escape(path) end
  local more <const> = #lines - SHOWN
  if more > 0 then
    lines = table.move(lines, 1, SHOWN, 1, {})
    lines[#lines + 1] = ("… and %d more"):format(more)
  end
  return table.concat(lines, "\n")
end

---Tells the team what came to an environment: commits, pull requests and authors between what was live and what is.
---@async
---@param environment string
---@param from string? the commit that was live before; nil: nobody knows, and nothing is told
---@param to string
function Release:tell_what_came(environment, from, to)
  if not from or from == to then return end
  local note <const> = self.run:step("Release note", {
    intent = { from = from, to = to },
    reads = true,
    act = function() return self:between(from, to) end,
    pretend = { from = from, to = to, undoes = false, commits = {}, pulls = {}, authors = {}, migrations = {} },
  })
  self.run:fact(("to %s: %s"):format(environment, self.note_line(note)))
  self.run:notify { text = self:note_text(environment, note) }
end

return Release
