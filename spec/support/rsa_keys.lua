--- RSA keys of a GitHub App for specs, made by openssl in a folder that goes with them.
local process = require "fairlead.process"

local M = {}

---@class spec.Keys
---@field folder string
local Keys = {}
Keys.__index = Keys

---@return spec.Keys
function M.open()
  return setmetatable({ folder = process.run({ "mktemp", "-d" }):check().stdout:match "[^\n]+" }, Keys)
end

Keys.__close = function(self) process.run({ "rm", "-rf", self.folder }):check() end

---What the program printed.
---@async
function Keys:openssl(...)
  return process.run({ "openssl", cwd = self.folder, timeout = 60, ... }):check().stdout
end

---Makes NAME.pem and its public half NAME.pub.
---@async
---@param name string
---@param bits? string 2048 when left out
---@return string path of the private key
function Keys:make(name, bits)
  self:openssl("genrsa", "-out", name .. ".pem", bits or "2048")
  self:openssl("rsa", "-in", name .. ".pem", "-pubout", "-out", name .. ".pub")
  return self.folder .. "/" .. name .. ".pem"
end

---@param name string
---@param text string
---@return string path
function Keys:write(name, text)
  local path <const> = self.folder .. "/" .. name
  local file <close> = assert(io.open(path, "wb"))
  assert(file:write(text))
  return path
end

---@param name string
---@return string
function Keys:read(name)
  local file <close> = assert(io.open(self.folder .. "/" .. name, "rb"))
  return file:read "a"
end

return M
