--- The tree of a run's steps as lines for a screen of a given size.
local duration = require "fairlead.procedure.duration"
local models = require "fairlead.faces.model"
local text = require "fairlead.faces.text"

local M = {}

local WIDEST <const> = 100 -- columns; times further right are hard to follow
local COLOURS <const> = {
  running = "cyan", done = "green", failed = "red", refused = "red", cancelled = "yellow", skipped = "yellow",
  stopped = "yellow", pending = "dim",
}

---@class faces.TreeOptions
---@field width integer columns of the screen
---@field height? integer lines that there is room for; nil: all
---@field now number the run's time
---@field spin integer which picture of the spinner

-- What stands behind a step's name, plain and styled.
local function detail(node, style, now)
  local parts, painted = {}, {}
  local function add(part, colour)
    if not part then return end
    part = text.clean(part)
    parts[#parts + 1], painted[#painted + 1] = part, style:paint(colour, part)
  end
  if node.status == "running" then
    if node.traffic then
      add(("%s %d %%"):format(style:bar(node.traffic), math.floor(node.traffic + 0.5)), "green")
    elseif node.fraction then
      add(("%d %%"):format(math.floor(node.fraction * 100 + 0.5)), "dim")
    end
    add(node.text, "dim")
    if node.expected and node.expected > now then
      add(("about %s left"):format(duration.text(node.expected - now)), "dim")
    end
    add(node.problem, "yellow")
  elseif node.status == "failed" or node.status == "refused" then
    if not models.told_below(node) then add(node.error, "red") end
  elseif node.would then
    add("would: " .. node.would, "yellow")
  elseif node.why then
    add(node.why == "already" and "done already" or node.why == "by hand" and "given by hand" or "done before", "dim")
  elseif node.kind == "gate" then
    add(node.text, "dim")
  end
  return parts, painted
end

local function line_of(node, depth, style, options)
  local width = math.min(options.width, WIDEST)
  local sign = style.signs[node.status]
  if node.status == "running" then
    sign = node.kind == "gate" and style.signs.gate or style.spinner[options.spin % #style.spinner + 1]
  end
  local took = ""
  if node.elapsed or node.since then took = duration.text(node.elapsed or options.now - node.since) end
  local left = ("  "):rep(depth) .. sign .. " "
  local room = width - text.width(left) - (took ~= "" and text.width(took) + 2 or 0)
  local name = text.cut(text.clean(node.name), room)
  local plain, styled = left .. name, left:gsub(sign, function(s) return style:paint(COLOURS[node.status], s) end, 1)
  if style.colours and node.status == "pending" then
    styled = styled .. style:paint("dim", name)
  else
    styled = styled .. style:paint(depth == 0 and "bold" or nil, name)
  end
  room = room - text.width(name)
  local parts, painted = detail(node, style, options.now)
  for i, part in ipairs(parts) do
    if room < 6 then break end
    local fits = text.width(part) + 2 <= room
    local cut = fits and part or text.cut(part, room - 2)
    plain = plain .. "  " .. cut
    styled = styled .. "  " .. (fits and painted[i] or cut)
    room = room - 2 - text.width(cut)
  end
  if took ~= "" then
    local gap = (" "):rep(width - text.width(plain) - text.width(took))
    plain, styled = plain .. gap .. took, styled .. gap .. style:paint("dim", took)
  end
  return { styled = styled, width = text.width(plain) }
end

-- What there is to show, in order: nodes and how deep they are. Without the inner steps of finished parts: collapsed.
local function entries(model, collapsed)
  local list = {}
  model:walk(function(node, depth)
    list[#list + 1] = { node = node, depth = depth }
    return collapsed and node.status == "done"
  end)
  local final = model.final
  if not final or final.outcome ~= "done" or final.reason == "dry_run" then
    for _, name in ipairs(model:pending()) do
      list[#list + 1] = { node = { name = name, status = "pending", children = {} }, depth = 0 }
    end
  end
  return list
end

-- The entries around what is going on now, when there is no room for all, and how many are left out above them.
local function window(list, height)
  local last = #list
  for i, entry in ipairs(list) do
    if entry.node.status == "running" then last = i end
  end
  last = math.min(#list, math.max(last, height))
  local first = math.max(1, last - height + 1)
  return table.move(list, first, last, 1, {}), first - 1
end

---The lines of the tree. A finished part loses its inner steps where room is short.
---@param model faces.Model
---@param style faces.Style
---@param options faces.TreeOptions
---@return {styled: string, width: integer}[]
function M.lines(model, style, options)
  local list, above = entries(model, false), 0
  if options.height and #list > options.height then
    list = entries(model, true)
    if #list > options.height then list, above = window(list, math.max(1, options.height)) end
  end
  local lines = {}
  for i, entry in ipairs(list) do lines[i] = line_of(entry.node, entry.depth, style, options) end
  if above > 0 then
    -- The notice takes the place of one more line.
    local more = text.cut(("  %d lines above"):format(above + 1), options.width)
    lines[1] = { styled = style:paint("dim", more), width = text.width(more) }
  end
  return lines
end

return M
