--- The first keys of a table, in order, with bounded work: nobody looks at a million keys, so nobody sorts them.
---
--- Only as many keys as are to be shown are kept, the smallest ones; the others are looked at once each. Beyond
--- MOST keys of one value that is shown, the rest is not looked at either, and the order is that of those that were.
local M = {}

M.MOST = 500000 -- keys looked at for one text, a tenth of a second or so

local RANK <const> = { number = 1, string = 2, boolean = 3 }

-- Numbers by value, then strings by their bytes, then booleans, then the others, which have no order of their own.
local function before(a, b)
  local first, second = RANK[type(a)] or 4, RANK[type(b)] or 4
  if first ~= second then return first < second end
  if first == 1 or first == 2 then return a < b end
  if first == 3 then return a == false and b == true end
  if type(a) ~= type(b) then return type(a) < type(b) end
  return string.format("%p", a) < string.format("%p", b)
end

local function keep_smallest(list, count)
  table.sort(list, before)
  for i = #list, count + 1, -1 do list[i] = nil end
end

---How many items a table's list part has.
---@param t table
---@return integer
function M.list_length(t)
  return rawget(t, 1) ~= nil and rawlen(t) or 0
end

---The smallest keys that are not of the list part.
---@param t table
---@param length integer of the list part: keys 1 to this are left out
---@param wanted integer how many keys to give
---@param budget {left: integer} keys that may still be looked at
---@return any[] keys
---@return integer total of them
---@return boolean whole all were looked at: the total is right, and none of those that were not is smaller
function M.first(t, length, wanted, budget)
  local kept, total, largest = {}, 0, nil
  local most = math.max(4 * wanted, 256)
  for key in next, t do
    if budget.left <= 0 then
      keep_smallest(kept, wanted)
      return kept, total, false
    end
    budget.left = budget.left - 1
    if not (math.type(key) == "integer" and key >= 1 and key <= length) then
      total = total + 1
      if not largest or before(key, largest) then
        kept[#kept + 1] = key
        if #kept >= most then
          keep_smallest(kept, wanted)
          largest = kept[#kept]
        end
      end
    end
  end
  keep_smallest(kept, wanted)
  return kept, total, true
end

return M
