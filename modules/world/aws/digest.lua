--- SHA-256, MD5 and Base64 in plain Lua: image digests, the checksums that a queue answers with, registry tokens. The
--- inputs are a few hundred bytes, so speed does not matter; signatures are verified with fairlead.sigv4.
local M = {}

local MASK <const> = 0xffffffff

--- The fractional parts of the roots of the first primes, as FIPS 180-4 defines its constants.
local function root_bits(prime, power)
  local root = prime ^ power
  -- A double holds 53 bits; the integer part takes at most 5 of them, which leaves more than the 32 that are needed.
  return math.floor((root % 1) * 2 ^ 32)
end

local INITIAL <const>, ROUND <const> = {}, {}
do
  local candidate, found = 2, 0
  while found < 64 do
    local prime = true
    for divisor = 2, math.floor(candidate ^ 0.5) do
      if candidate % divisor == 0 then
        prime = false
        break
      end
    end
    if prime then
      found = found + 1
      ROUND[found] = root_bits(candidate, 1 / 3)
      if found <= 8 then
        INITIAL[found] = root_bits(candidate, 1 / 2)
      end
    end
    candidate = candidate + 1
  end
end

local function rotate_right(x, n)
  return ((x >> n) | (x << (32 - n))) & MASK
end

local function rotate_left(x, n)
  return ((x << n) | (x >> (32 - n))) & MASK
end

--- The message with its padding: a 1 bit, zeros, and its length in bits in the given byte order.
local function padded(text, length_format)
  return text .. "\x80" .. ("\0"):rep((55 - #text) % 64) .. string.pack(length_format, #text * 8)
end

--- SHA-256 as 64 lower-case hexadecimal digits (FIPS 180-4).
---@param text string
---@return string
function M.sha256(text)
  local h = table.move(INITIAL, 1, 8, 1, {})
  local message, w = padded(text, ">I8"), {}
  for at = 1, #message, 64 do
    for i = 1, 16 do
      w[i] = string.unpack(">I4", message, at + 4 * (i - 1))
    end
    for i = 17, 64 do
      local a, b = w[i - 15], w[i - 2]
      local s0 = rotate_right(a, 7) ~ rotate_right(a, 18) ~ (a >> 3)
      local s1 = rotate_right(b, 17) ~ rotate_right(b, 19) ~ (b >> 10)
      w[i] = (w[i - 16] + s0 + w[i - 7] + s1) & MASK
    end
    local a, b, c, d, e, f, g, k = table.unpack(h)
    for i = 1, 64 do
      local s1 = rotate_right(e, 6) ~ rotate_right(e, 11) ~ rotate_right(e, 25)
      local t1 = k + s1 + ((e & f) ~ (~e & g)) + ROUND[i] + w[i]
      local s0 = rotate_right(a, 2) ~ rotate_right(a, 13) ~ rotate_right(a, 22)
      local t2 = s0 + ((a & b) ~ (a & c) ~ (b & c))
      k, g, f, e, d, c, b, a = g, f, e, (d + t1) & MASK, c, b, a, (t1 + t2) & MASK
    end
    for i, word in ipairs { a, b, c, d, e, f, g, k } do
      h[i] = (h[i] + word) & MASK
    end
  end
  return (("%08x"):rep(8)):format(table.unpack(h))
end

local SHIFTS <const> = { { 7, 12, 17, 22 }, { 5, 9, 14, 20 }, { 4, 11, 16, 23 }, { 6, 10, 15, 21 } }
local SINES <const> = {}
for i = 1, 64 do
  SINES[i] = math.floor(math.abs(math.sin(i)) * 2 ^ 32)
end

--- MD5 as 32 lower-case hexadecimal digits (RFC 1321): what Amazon SQS answers a message with.
---@param text string
---@return string
function M.md5(text)
  local a0, b0, c0, d0 = 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476
  local message, w = padded(text, "<I8"), {}
  for at = 1, #message, 64 do
    for i = 0, 15 do
      w[i] = string.unpack("<I4", message, at + 4 * i)
    end
    local a, b, c, d = a0, b0, c0, d0
    for i = 0, 63 do
      local f, index
      if i < 16 then
        f, index = (b & c) | (~b & d), i
      elseif i < 32 then
        f, index = (d & b) | (~d & c), (5 * i + 1) % 16
      elseif i < 48 then
        f, index = b ~ c ~ d, (3 * i + 5) % 16
      else
        f, index = c ~ (b | (~d & MASK)), (7 * i) % 16
      end
      f = (f + a + SINES[i + 1] + w[index]) & MASK
      a, d, c, b = d, c, b, (b + rotate_left(f, SHIFTS[i // 16 + 1][i % 4 + 1])) & MASK
    end
    a0, b0, c0, d0 = (a0 + a) & MASK, (b0 + b) & MASK, (c0 + c) & MASK, (d0 + d) & MASK
  end
  return (("%02x"):rep(16)):format(string.pack("<I4I4I4I4", a0, b0, c0, d0):byte(1, 16))
end

local ALPHABET <const> = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

--- Base64 with padding (RFC 4648).
---@param bytes string
---@return string
function M.base64(bytes)
  local out = {}
  for at = 1, #bytes, 3 do
    local a, b, c = bytes:byte(at, at + 2)
    local group = (a << 16) | ((b or 0) << 8) | (c or 0)
    for i, shift in ipairs { 18, 12, 6, 0 } do
      local index = ((group >> shift) & 63) + 1
      local present = i <= 2 or (i == 3 and b) or (i == 4 and c)
      out[#out + 1] = present and ALPHABET:sub(index, index) or "="
    end
  end
  return table.concat(out)
end

--- The bytes of Base64 text; nil when it is none.
---@param text string
---@return string?
function M.unbase64(text)
  local body = text:gsub("=+$", "")
  if body:find("[^%w+/]") or #body % 4 == 1 then
    return nil
  end
  local out, bits, held = {}, 0, 0
  for c in body:gmatch "." do
    held = ((held << 6) | (ALPHABET:find(c, 1, true) - 1)) & 0xffffff
    bits = bits + 6
    if bits >= 8 then
      bits = bits - 8
      out[#out + 1] = string.char((held >> bits) & 255)
    end
  end
  return table.concat(out)
end

return M
