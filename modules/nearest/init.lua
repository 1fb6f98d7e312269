--- "Did you mean …?": the known name nearest to a mistyped one.
local M = {}

---Edits (insert, delete, replace, swap of neighbours) between two names.
local function distance(a, b)
  local before, row = {}, {}
  for j = 0, #b do row[j] = j end
  for i = 1, #a do
    local last = row
    row = { [0] = i }
    for j = 1, #b do
      local cost = a:byte(i) == b:byte(j) and 0 or 1
      row[j] = math.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + cost)
      if i > 1 and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j) then
        row[j] = math.min(row[j], before[j - 2] + 1)
      end
    end
    before = last
  end
  return row[#b]
end

---@param name string
---@param known table<string, any> the keys are the names
---@param most? integer edits that are near; default a third of the known name's letters
---@return string|nil nearest nil when none is near
function M.name(name, known, most)
  local best, least
  name = name:sub(1, 64):lower()
  local names = {}
  for candidate in pairs(known) do names[#names + 1] = candidate end
  table.sort(names) -- equal distances: the same answer every time
  for _, candidate in ipairs(names) do
    local edits = distance(name, candidate:lower())
    local allowed = most or math.max(1, #candidate // 3)
    if edits <= allowed and (not least or edits < least) then best, least = candidate, edits end
  end
  return best
end

return M
