--- What Slack takes for the blocks of a message, and what it refuses as invalid_blocks.
---
--- Source: docs.slack.dev, "Blocks" and each block's page: required fields and longest texts.
local M = {}

local MOST <const> = 50

local function fits(text, longest)
  return type(text) == "string" and (utf8.len(text, 1, -1, true) or math.huge) <= longest
end

local function is_text(item, kinds, longest)
  return type(item) == "table" and kinds[item.type] and item.text ~= "" and fits(item.text, longest)
end

local PLAIN <const>, EITHER <const> = { plain_text = true }, { plain_text = true, mrkdwn = true }

local function all(list, most, holds)
  if type(list) ~= "table" or #list == 0 or #list > most then return false end
  for _, item in ipairs(list) do
    if not holds(item) then return false end
  end
  return true
end

local function is_button(item)
  return type(item) == "table" and item.type == "button" and is_text(item.text, PLAIN, 75)
    and fits(item.url or "", 3000) and fits(item.value or "", 2000)
end

local function is_image(block)
  return fits(block.image_url, 3000) and fits(block.alt_text, 2000)
end

local TYPES <const> = {
  divider = function() return true end,
  header = function(block) return is_text(block.text, PLAIN, 150) end,
  section = function(block)
    if not block.text and not block.fields then return false end
    return (not block.text or is_text(block.text, EITHER, 3000))
      and (not block.fields or all(block.fields, 10, function(item) return is_text(item, EITHER, 2000) end))
  end,
  context = function(block)
    return all(block.elements, 10, function(item)
      return type(item) == "table" and (item.type == "image" and is_image(item) or is_text(item, EITHER, 3000))
    end)
  end,
  image = is_image,
  actions = function(block) return all(block.elements, 25, is_button) end,
}

--- Whether Slack takes these blocks. Types that are not known here are taken.
---@param blocks table[]
---@return boolean
function M.are_valid(blocks)
  if #blocks > MOST then return false end
  for _, block in ipairs(blocks) do
    if type(block) ~= "table" or type(block.type) ~= "string" then return false end
    local check = TYPES[block.type]
    if check and not check(block) then return false end
  end
  return true
end

return M
