--- What the board shows: a run's tree as one message of Slack, within Slack's limits.
local duration = require "fairlead.procedure.duration"
local json = require "fairlead.json"
local slack = require "fairlead.slack"
local text = require "fairlead.faces.text"

local M = {}

local blocks_of <const> = slack.blocks
local SECTIONS <const> = 40 -- of lines; Slack takes 50 blocks
local LONGEST <const> = 250 -- columns of what comes from outside, in one line

local SIGNS <const> = {
  pending = ":white_circle:", running = ":hourglass_flowing_sand:", done = ":white_check_mark:",
  skipped = ":white_check_mark:", failed = ":x:", refused = ":no_entry_sign:", cancelled = ":octagonal_sign:",
  stopped = ":double_vertical_bar:", asked = ":raising_hand:", left_out = ":heavy_minus_sign:",
}

local ENDS <const> = {
  done = { ":white_check_mark:", "done" },
  refused = { ":no_entry_sign:", "stopped" },
  rolled_back = { ":rewind:", "rolled back" },
  interrupted = { ":octagonal_sign:", "interrupted" },
  waiting = { ":double_vertical_bar:", "waits" },
  not_authorised = { ":no_entry_sign:", "not authorised" },
}
local FAILED <const> = { ":x:", "failed" }

---How an outcome is told: an emoji and a word.
---@param outcome procedure.Outcome
---@return string emoji, string word
function M.ending(outcome)
  local known <const> = ENDS[outcome] or FAILED
  return known[1], known[2]
end

---Text from outside, of one line and no markup.
---@param said any
---@param columns integer? most of it that is shown
---@return string
function M.plain(said, columns)
  columns = columns or LONGEST
  -- In bytes, too: there are characters that take no column.
  return slack.escape(text.cut(text.clean(tostring(said):sub(1, 8 * columns)), columns))
end

---A link in Slack's markup. The text comes from outside, a title for one, and could say <!channel>.
---@param url string
---@param said string
---@return string
function M.link(url, said)
  return blocks_of.link(url, M.plain(said))
end

---A person or a group as Slack knows them; others by the name that they were given.
---@param who string Slack's id, or a login of `people`
---@param people table<string, string>?
---@return string
function M.mention(who, people)
  return blocks_of.mention(people and people[who] or who) or M.plain(who)
end

-- What goes on inside a part: the nodes that run and have none below them that does.
local function leaves(node, found)
  found = found or {}
  local inner = false
  for _, child in ipairs(node.children) do
    if child.status == "running" then
      inner = true
      leaves(child, found)
    end
  end
  if not inner then found[#found + 1] = node end
  return found
end

-- What a node waits for, since when, and who is asked.
local function waits(part, node, people)
  local words = {}
  if node ~= part then words[1] = M.plain(node.path:sub(#part.path + 2):gsub("/", " › "), 80) end
  if node.text then words[#words + 1] = M.plain(node.text) end
  if node.traffic then words[#words + 1] = ("%d %% of the traffic"):format(math.floor(node.traffic + 0.5)) end
  if node.approvers and #node.approvers > 0 then
    local names = {}
    for i, who in ipairs(node.approvers) do names[i] = i <= 10 and M.mention(who, people) or nil end
    words[#words + 1] = "of " .. table.concat(names, ", ")
  end
  words[#words + 1] = "since " .. blocks_of.date(node.since)
  if node.problem then words[#words + 1] = M.plain(node.problem) end
  return table.concat(words, ", ")
end

local function line_of(node, context)
  local sign, said = SIGNS[node.status] or SIGNS.running, {}
  if node.status == "running" then
    for i, leaf in ipairs(leaves(node)) do
      if leaf.kind == "gate" then sign = SIGNS.asked end
      if i <= 3 then said[i] = waits(node, leaf, context.people) end
    end
  elseif node.status == "failed" or node.status == "refused" then
    said[1] = M.plain(node.error or "")
  elseif node.status == "done" and node.kind == "gate" and node.text then
    said[1] = M.plain(node.text)
  elseif node.status == "done" and node.elapsed and node.elapsed >= 1 then
    said[1] = duration.text(node.elapsed)
  end
  for i, link in ipairs(context.links[node.name] or {}) do
    if i <= 3 then said[#said + 1] = M.link(link.url, link.text) end
  end
  local detail <const> = #said > 0 and ": " .. table.concat(said, "; ") or ""
  return ("%s *%s*%s"):format(sign, M.plain(node.name, 60), detail)
end

-- The plan in its order, with what is in no plan where it began. What later parts have gone past was left out.
local function parts_of(model, done)
  local begun, listed, list = {}, {}, {}
  for _, node in ipairs(model.top) do begun[node.name] = true end
  local after = {}
  for i, name in ipairs(model.plan) do after[name] = i end
  local last = 0
  local function pending(upto, status)
    for i = last + 1, upto do
      local name = model.plan[i]
      if not begun[name] and not listed[name] then
        list[#list + 1] = { name = name, path = name, status = status, children = {} }
        listed[name] = true
      end
    end
    last = math.max(last, upto)
  end
  for _, node in ipairs(model.top) do
    if after[node.name] then pending(after[node.name], "left_out") end
    list[#list + 1] = node
  end
  pending(#model.plan, done and "left_out" or "pending")
  return list
end

---Adds lines as sections, each as long as Slack takes one; a line is shorter than that.
---@param lines string[] in Slack's markup
---@param blocks table[]
function M.sections(lines, blocks)
  local added <const> = blocks_of.sections(lines, SECTIONS)
  table.move(added, 1, #added, #blocks + 1, blocks)
end

---Text of any length as sections of a fixed width, cut where it is too long.
---@param lines string[]
---@param most integer sections
---@return table[] blocks
function M.code(lines, most)
  local plain = {}
  for i, line in ipairs(lines) do plain[i] = M.plain(line, 300) end
  return blocks_of.code(plain, most)
end

---@class BoardContext
---@field subject {what: string, url: string?, title: string} what = "Releasing Planning Data Platform"
---@field people table<string, string>? login to Slack's id
---@field links table<string, {url: string, text: string}[]> by part
---@field run {id: string, user: string?, attempt: integer}
---@field final? table what run:at_end handlers get

---The message.
---@param model faces.Model
---@param context BoardContext
---@return {text: string, blocks: table}
function M.render(model, context)
  local subject <const>, final <const> = context.subject, context.final
  local title <const> = subject.url and M.link(subject.url, subject.title) or M.plain(subject.title)
  local sign, word = ":ship:", nil
  if final then sign, word = M.ending(final.outcome) end
  local headline <const> = ("%s %s: %s"):format(sign, M.plain(subject.what, 100), title)
  local summary <const> = word and ("%s: %s"):format(headline, word) or headline

  local blocks = { blocks_of.section(summary) }
  local lines = {}
  local done <const> = final ~= nil and final.outcome == "done"
  for _, node in ipairs(parts_of(model, done)) do lines[#lines + 1] = line_of(node, context) end
  if final and final.error then
    lines[#lines + 1] = ("*%s:* %s"):format(final.failed and M.plain(final.failed, 100) or "Why",
      M.plain(tostring(final.error), 600))
    for i, reason in ipairs(final.why or {}) do
      if i <= 5 then lines[#lines + 1] = "• " .. M.plain(reason, 300) end
    end
  end
  for _, place in ipairs(final and final.live or {}) do
    lines[#lines + 1] = (":round_pushpin: live in %s: %s %s"):format(M.plain(place.environment, 60),
      M.plain(place.version or "?", 60), place.url and M.link(place.url, place.url) or "")
  end
  M.sections(lines, blocks)
  local run <const> = context.run
  blocks[#blocks + 1] = blocks_of.context(("Started by %s, run %s%s"):format(
    run.user and M.mention(run.user, context.people) or "somebody", M.plain(run.id, 60),
    run.attempt > 1 and (", taken up %d times"):format(run.attempt - 1) or ""))
  return { text = summary, blocks = json.array(blocks) }
end

return M
