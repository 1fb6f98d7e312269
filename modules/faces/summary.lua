--- The end of a run in a few lines: how it ended, what is live where, how long each step took, what to do next.
local duration = require "fairlead.procedure.duration"
local text = require "fairlead.faces.text"
local value = require "fairlead.procedure.value"

local M = {}

local TITLES <const> = {
  done = "Done", failed = "Failed", usage = "Not started", refused = "Refused", not_authorised = "Not authorised",
  rolled_back = "Rolled back", waiting = "Waiting", interrupted = "Interrupted",
}
local COLOURS <const> = { done = "green", waiting = "yellow", refused = "yellow", interrupted = "yellow" }

-- Where the error itself has nothing to say about it.
local NEXT <const> = {
  failed = "see what failed above; when it is put right, run the procedure again",
  refused = "when the reason is gone, run the procedure again",
  not_authorised = "check which token or role was used, and what it may do",
  rolled_back = "the version before is live again; read the deployment's events and the new version's logs",
  interrupted = "run the procedure again; it looks at what is done before it does anything",
}

-- Lists whose columns stand below each other.
local function aligned(rows, gap)
  local widths, lines = {}, {}
  for _, row in ipairs(rows) do
    for i, cell in ipairs(row) do widths[i] = math.max(widths[i] or 0, text.width(cell)) end
  end
  for _, row in ipairs(rows) do
    local cells = {}
    for i, cell in ipairs(row) do cells[i] = i < #row and text.pad(cell, widths[i]) or cell end
    lines[#lines + 1] = table.concat(cells, gap or "  ")
  end
  return lines
end

local LIVE_FIRST <const> = { "environment", "application", "version", "url" }

-- The cells of a fact about what is live where: the best known fields first.
local function live_cells(fact)
  local cells, known, more = {}, {}, {}
  for _, key in ipairs(LIVE_FIRST) do
    known[key] = true
    if fact[key] ~= nil then cells[#cells + 1] = text.clean(fact[key]) end
  end
  for key, item in pairs(fact) do
    if not known[key] then more[#more + 1] = text.clean(("%s %s"):format(key, value.brief(item))) end
  end
  table.sort(more)
  if #more > 0 then cells[#cells + 1] = table.concat(more, ", ") end
  return cells
end

---One line for a fact that run:live stated.
---@param fact table
---@return string
function M.live_text(fact)
  return table.concat(live_cells(fact), "  ")
end

local function live_rows(live)
  local rows = {}
  for i, fact in ipairs(live) do rows[i] = live_cells(fact) end
  return rows
end

---How long each step took, in columns.
---@param model faces.Model
---@return string[]
function M.times(model)
  local rows = {}
  model:walk(function(node, depth)
    local note = node.status ~= "done" and node.status or node.why == "already" and "done already"
      or node.why == "by hand" and "given by hand" or ""
    local took = node.elapsed and duration.text(node.elapsed) or ""
    rows[#rows + 1] = { ("  "):rep(depth) .. text.clean(node.name), took, note }
  end)
  local lines = aligned(rows)
  for i, line in ipairs(lines) do lines[i] = line:gsub(" +$", "") end
  return lines
end

---What the error says, without the advice that it ends with.
---@param final table the last event
---@return string|nil
function M.error_text(final)
  if not final.error then return nil end
  local tail = final.hint and "; " .. final.hint
  if tail and final.error:sub(-#tail) == tail then return final.error:sub(1, -#tail - 1) end
  return final.error
end

---@param final table the last event
---@return string|nil
function M.advice(final)
  return final.hint or NEXT[final.outcome]
end

---The summary's lines, styled.
---@param model faces.Model
---@param style faces.Style
---@param options? {times: boolean?} with how long each step took
---@return string[]
function M.lines(model, style, options)
  local final, lines = model.final, {}
  local function add(line) lines[#lines + 1] = line end
  local function section(title, items)
    if #items == 0 then return end
    add(style:paint("bold", title))
    for _, item in ipairs(items) do add("  " .. item) end
  end
  local title = TITLES[final.outcome] or final.outcome
  if final.reason == "dry_run" then title = "Dry run" end
  add(("%s%s%s%s%s"):format(style:paint(COLOURS[final.outcome] or "red", title),
    model.title ~= "" and ": " .. text.clean(model.title) or "", style.signs.dot, duration.text(final.elapsed),
    final.run and style.signs.dot .. "run " .. final.run or ""))
  if final.error then
    if final.failed then add("  at " .. style:path(text.clean(final.failed))) end
    for _, line in ipairs(text.lines(M.error_text(final))) do add("  " .. line) end
  end
  if final.stopped then add("  " .. text.clean(final.stopped)) end
  local reasons = {}
  for i, reason in ipairs(final.why or {}) do reasons[i] = text.clean(reason) end
  section("Why", reasons)
  local would, passed = {}, {}
  model:walk(function(node)
    if not node.would then return end
    -- What changes something is one list; what only takes time, another.
    local waits = node.would:find "^wait for " or node.would:find "^ask: "
    local list = waits and passed or would
    local says = waits and node.would:find "^wait for " and (node.note or "") or node.would
    list[#list + 1] = style:path(text.clean(node.path)) .. (says ~= "" and ": " .. text.clean(says) or "")
  end)
  section("Would do", would)
  section("Would wait for", passed)
  section("Live", aligned(live_rows(final.live or {})))
  local facts = {}
  for i, fact in ipairs(final.facts or {}) do facts[i] = text.clean(fact) end
  section("Facts", facts)
  if options and options.times then section("Took", M.times(model)) end
  local function names(heading, list)
    if list and #list > 0 then section(heading, { text.clean(table.concat(list, ", ")) }) end
  end
  names("Not done", final.not_done)
  names("Not reached", final.not_reached)
  local advice = final.outcome ~= "done" and M.advice(final)
  local next_lines = advice and text.lines(advice) or {}
  if final.resume then next_lines[#next_lines + 1] = text.clean(final.resume .. " takes it up") end
  if #next_lines > 0 then section("Next", next_lines) end
  return lines
end

return M
