--- Block Kit: the blocks of a message, and Slack's markup, each within Slack's limits. What is too long is cut: a
--- message that Slack refuses as a whole (invalid_blocks) tells nobody anything.
---
---     local blocks = slack.blocks
---     s:post { channel = "#releases", text = "Released", blocks = blocks.list {
---       blocks.header "Released", blocks.fields { { "Commit", "abc1234" }, { "By", blocks.mention "U012AB3CD" } },
---       blocks.actions { blocks.button { text = "Open the site", url = "https://example.gov.uk" } },
---     } }
---
--- Texts are in Slack's markup (mrkdwn) where not said otherwise: what comes from outside goes through slack.escape.
--- Sources: docs.slack.dev, "Blocks", "Block elements", "Text object", "Formatting text for app surfaces".
local json = require "fairlead.json"
local native = require "fairlead.slack.native"

---@class fairlead.slack.blocks
local M = {}

local MOST <const> = 50 -- blocks of a message
local TEXT <const>, HEADER <const>, FIELD <const> = 3000, 150, 2000 -- characters
local FIELDS <const>, ELEMENTS <const>, ACTIONS <const> = 10, 10, 25 -- of a section, a context, an actions block
local LABEL <const>, URL <const>, VALUE <const> = 75, 3000, 2000 -- of a button

local function length(text)
  return utf8.len(text, 1, -1, true) or #text
end

-- The first so many characters; never half an escape or half a link.
local function cut(text, most)
  if length(text) <= most then return text end
  local last = (utf8.offset(text, most) or most + 1) - 1
  local kept = text:sub(1, last)
  kept = kept:gsub("&%a*$", ""):gsub("<[^>]*$", "")
  return kept .. "…"
end

local function check(value, name, where)
  if type(value) ~= "string" or value == "" then
    error(("bad argument #1 to 'slack.blocks.%s' (%s: non-empty text expected, got %s)"):format(where, name,
      value == "" and "none" or type(value)), 3)
  end
  return value
end

local function markup(text, most) return { type = "mrkdwn", text = cut(text, most) } end

local function plain(text, most) return { type = "plain_text", emoji = true, text = cut(text, most) } end

---@class fairlead.slack.Block
---@field type "header"|"section"|"context"|"divider"|"image"|"actions"

---A title: plain text, at most 150 characters.
---@param text string
---@return fairlead.slack.Block
function M.header(text)
  return { type = "header", text = plain(check(text, "text", "header"), HEADER) }
end

---A paragraph of at most 3000 characters.
---@param text string
---@param accessory? table a button or an image that stands beside it
---@return fairlead.slack.Block
function M.section(text, accessory)
  return { type = "section", text = markup(check(text, "text", "section"), TEXT), accessory = accessory }
end

---Names and values in two columns, ten at most.
---@param pairs_of string[][] {name, value}
---@return fairlead.slack.Block
function M.fields(pairs_of)
  local fields = {}
  for i, pair in ipairs(pairs_of) do
    if i > FIELDS then break end
    fields[i] = markup(("*%s*\n%s"):format(tostring(pair[1]), tostring(pair[2])), FIELD)
  end
  if #fields == 0 then error("bad argument #1 to 'slack.blocks.fields' (at least one {name, value} expected)", 2) end
  return { type = "section", fields = fields }
end

---What is said small below the rest.
---@param ... string at most ten
---@return fairlead.slack.Block
function M.context(...)
  local elements = {}
  for i, text in ipairs { ... } do
    if i > ELEMENTS then break end
    elements[i] = markup(check(text, "text", "context"), TEXT)
  end
  if #elements == 0 then error("bad argument #1 to 'slack.blocks.context' (text expected)", 2) end
  return { type = "context", elements = elements }
end

---A line between blocks.
---@return fairlead.slack.Block
function M.divider() return { type = "divider" } end

---@param options {url: string, alt: string, title: string?} url: https; alt: what somebody hears who cannot see it
---@return fairlead.slack.Block
function M.image(options)
  return {
    type = "image", image_url = check(options.url, "url", "image"), alt_text = cut(check(options.alt, "alt", "image"),
      VALUE), title = options.title and plain(options.title, VALUE) or nil,
  }
end

---A button, for `actions` or beside a section. One with a url opens it; what others send goes to the app's own address.
---@param options {text: string, url: string?, id: string?, value: string?, style: "primary"|"danger"|nil}
---@return table element
function M.button(options)
  if options.url and #options.url > URL then
    error(("bad argument #1 to 'slack.blocks.button' (url: at most %d characters)"):format(URL), 2)
  end
  return {
    type = "button", text = plain(check(options.text, "text", "button"), LABEL), url = options.url,
    action_id = options.id, value = options.value and cut(options.value, VALUE), style = options.style,
  }
end

---Buttons in a row, 25 at most.
---@param elements table[]
---@return fairlead.slack.Block
function M.actions(elements)
  if type(elements) ~= "table" or #elements == 0 then
    error("bad argument #1 to 'slack.blocks.actions' (list of buttons expected)", 2)
  end
  return { type = "actions", elements = table.move(elements, 1, math.min(#elements, ACTIONS), 1, {}) }
end

-- Lines in portions of at most `room` bytes.
local function portions(lines, room)
  local list, size = {}, 0
  for _, line in ipairs(lines) do
    local last = list[#list]
    if last and size + #line + 1 <= room then
      last[#last + 1], size = line, size + #line + 1
    else
      list[#list + 1], size = { line }, #line + 1
    end
  end
  return list
end

---Lines as sections, as many as are needed; where that is too many, the last one says how many lines were left out.
---@param lines string[] each shorter than a section
---@param most? integer sections; 50
---@return fairlead.slack.Block[]
function M.sections(lines, most)
  local list <const>, blocks, shown = portions(lines, TEXT - 100), {}, 0
  most = most or MOST
  for i, held in ipairs(list) do
    if i == most and #list > most then
      blocks[i] = M.section(("… and %d more"):format(#lines - shown))
      break
    end
    blocks[i], shown = M.section(table.concat(held, "\n")), shown + #held
  end
  return blocks
end

---Lines of a fixed width, as they are; where they are too many, the first ones.
---@param lines string[] escaped
---@param most? integer sections; 50
---@return fairlead.slack.Block[]
function M.code(lines, most)
  local blocks = {}
  for i, held in ipairs(portions(lines, TEXT - 110)) do
    if i > (most or MOST) then break end
    local text <const> = table.concat(held, "\n"):gsub("```", "'''")
    blocks[i] = M.section("```\n" .. cut(text, TEXT - 10) .. "\n```")
  end
  return blocks
end

---A message's blocks: given one by one, or as lists of them. Of more than fifty the last are left out, and said to be.
---@param parts (fairlead.slack.Block|fairlead.slack.Block[])[]
---@return fairlead.slack.Block[]
function M.list(parts)
  local blocks = json.array {}
  for _, part in ipairs(parts) do
    if part.type then
      blocks[#blocks + 1] = part
    else
      table.move(part, 1, #part, #blocks + 1, blocks)
    end
  end
  if #blocks > MOST then
    local over <const> = #blocks - MOST + 1
    for i = #blocks, MOST, -1 do blocks[i] = nil end
    blocks[MOST] = M.context(("… and %d more"):format(over))
  end
  return blocks
end

---A link. The text is taken as it is: escape what comes from outside.
---@param url string
---@param text? string
---@return string markup
function M.link(url, text)
  -- A bar in a link's text ends nothing, but one in the address would begin the text.
  local address <const> = native.escape(check(url, "url", "link")):gsub("|", "%%7C")
  return text and ("<%s|%s>"):format(address, text) or ("<%s>"):format(address)
end

---A person, a user group or a channel by its id.
---@param id string U…, W…, S… or C…, G…
---@return string|nil markup nil: it is no such id
function M.mention(id)
  if id:find "^[UW][A-Z0-9]+$" then return ("<@%s>"):format(id) end
  if id:find "^S[A-Z0-9]+$" then return ("<!subteam^%s>"):format(id) end
  if id:find "^[CG][A-Z0-9]+$" then return ("<#%s>"):format(id) end
end

---A time, which each reader sees in their own zone.
---@param at number unix seconds
---@param format? string "{time}", "{date_short_pretty} at {time}", …; "{time}"
---@return string markup
function M.date(at, format)
  at = math.floor(at)
  format = format or "{time}"
  local clock <const> = format == "{time}"
  return ("<!date^%d^%s|%s UTC>"):format(at, format, os.date(clock and "!%H:%M" or "!%Y-%m-%d %H:%M", at))
end

return M
