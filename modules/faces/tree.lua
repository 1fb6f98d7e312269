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
    add(node.why == "already" and "done already" or "done before", "dim")
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
  return { styled = styled, width = text.width(plain), running = node.status == "running" }
end

local function all_lines(model, style, options, collapsed)
  local lines = {}
  model:walk(function(node, depth)
    lines[#lines + 1] = line_of(node, depth, style, options)
    return collapsed and node.status == "done"
  end)
  if not model.final or model.final.outcome ~= "done" or #model.top > 0 and model.final.reason == "dry_run" then
    for _, name in ipairs(model:pending()) do
      lines[#lines + 1] = line_of({ name = name, status = "pending", children = {} }, 0, style, options)
    end
  end
  return lines
end

-- The lines around what is going on now, when there is no room for all.
local function window(lines, height, style, options)
  local last = #lines
  for i, line in ipairs(lines) do
    if line.running then last = i end
  end
  last = math.min(#lines, math.max(last, height))
  local first = math.max(1, last - height + 1)
  local kept = table.move(lines, first, last, 1, {})
  if first > 1 then
    local more = text.cut(("  %d lines above"):format(first), options.width)
    kept[1] = { styled = style:paint("dim", more), width = text.width(more) }
  end
  return kept
end

---The lines of the tree. A finished part loses its inner steps where room is short.
---@param model faces.Model
---@param style faces.Style
---@param options faces.TreeOptions
---@return {styled: string, width: integer}[]
function M.lines(model, style, options)
  local lines = all_lines(model, style, options, false)
  if not options.height or #lines <= options.height then return lines end
  lines = all_lines(model, style, options, true)
  if #lines <= options.height then return lines end
  return window(lines, math.max(1, options.height), style, options)
end

return M
