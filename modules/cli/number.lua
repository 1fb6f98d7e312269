--- Options that are numbers: what lua-argparse converts and refuses by.

---@param name string the option, without dashes
---@param least number
---@param most number
---@param integer boolean whole numbers only
---@return fun(text: string): number?, string?
return function(name, least, most, integer)
  return function(text)
    local value = integer and math.tointeger(tonumber(text)) or not integer and tonumber(text)
    if value and value >= least and value <= most then return value end
    return nil, ("option '--%s' is '%s', expected %s from %g to %g"):format(name, text,
      integer and "a whole number" or "a number", least, most)
  end
end
