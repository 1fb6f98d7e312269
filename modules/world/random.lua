--- Seeded random numbers, the same on every machine and in every version of Lua: xoshiro256** seeded by splitmix64
--- (Blackman and Vigna, "Scrambled linear pseudorandom number generators"). Each user of randomness takes a stream of
--- its own by name, so that one more draw in one service does not change what another does.
local M = {}

---@class fairlead.world.Random
---@field private state integer[]
local Random = {}
Random.__index = Random

--- The splitmix64 step: a state, and the number that it gives.
local function splitmix(state)
  state = state + 0x9E3779B97F4A7C15
  local z = state
  z = (z ~ (z >> 30)) * 0xBF58476D1CE4E5B9
  z = (z ~ (z >> 27)) * 0x94D049BB133111EB
  return state, z ~ (z >> 31)
end

--- FNV-1a over a stream's name.
local function hash(text)
  local h = 0xCBF29CE484222325
  for i = 1, #text do
    h = (h ~ text:byte(i)) * 0x100000001B3
  end
  return h
end

--- A generator for one user of randomness.
---@param seed integer
---@param name string the stream's name
---@return fairlead.world.Random
function M.stream(seed, name)
  local at = seed ~ hash(name)
  local state = {}
  for i = 1, 4 do
    at, state[i] = splitmix(at)
  end
  return setmetatable({ state = state }, Random)
end

--- The next 64 bits. (Half of a rehearsal's ids and latencies come from here: it is written out.)
---@return integer
function Random:next()
  local s <const> = self.state
  local s1, s2, s3, s4 = s[1], s[2], s[3], s[4]
  local product <const> = s2 * 5
  s3, s4 = s3 ~ s1, s4 ~ s2
  s[1], s[2], s[3], s[4] = s1 ~ s4, s2 ~ s3, s3 ~ (s2 << 17), (s4 << 45) | (s4 >> 19)
  return ((product << 7) | (product >> 57)) * 9
end

--- A number from 0 up to, not including, 1.
---@return number
function Random:unit()
  return (self:next() >> 11) * (1.0 / (1 << 53))
end

--- A number between two numbers.
---@param low number
---@param high number
---@return number
function Random:between(low, high)
  return low + (high - low) * self:unit()
end

--- An integer from `low` to `high`, both included.
---@param low integer
---@param high integer
---@return integer
function Random:integer(low, high)
  return low + math.floor(self:unit() * (high - low + 1))
end

--- True with the given probability. Always draws, so that a probability of 0 leaves what follows as it was.
---@param probability number
---@return boolean
function Random:chance(probability)
  return self:unit() < probability
end

--- One of a list.
---@generic T
---@param list T[]
---@return T
function Random:pick(list)
  return list[self:integer(1, #list)]
end

--- Text of `length` characters out of an alphabet.
---@param length integer
---@param alphabet string? lower-case hexadecimal digits when not given
---@return string
function Random:text(length, alphabet)
  alphabet = alphabet or "0123456789abcdef"
  local out, count <const> = {}, #alphabet
  for i = 1, length do
    out[i] = alphabet:byte(1 + (self:next() >> 11) * (1.0 / (1 << 53)) * count // 1 | 0)
  end
  return string.char(table.unpack(out))
end

--- Hexadecimal digits, 16 from each draw: for ids of which there are many.
---@param length integer
---@return string
function Random:digits(length)
  local out = {}
  for i = 1, (length + 15) // 16 do out[i] = ("%016x"):format(self:next()) end
  return table.concat(out):sub(1, length)
end

return M
