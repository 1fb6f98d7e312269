--- A home folder with AWS's files, and none of the developer's variables.
---
---   home.with({ config = "[default]\nregion = x\n", variables = { AWS_PROFILE = "x" } }, function(folder) … end)
local environment = require "fairlead.environment"
local process = require "fairlead.process"

local M = {}

---@param path string
---@param text string
function M.write(path, text)
  local file <close> = assert(io.open(path, "w"))
  file:write(text)
end

---@param path string
---@return string
function M.read(path)
  local file <close> = assert(io.open(path))
  return file:read "a"
end

---Calls `body(folder)`; `@/` in all texts and variables stands for the folder, which is gone afterwards.
---@async
---@param options {config: string?, credentials: string?, files: table<string, string>?, variables: table?}
---@param body async fun(folder: string): ...
---@return ... body's results
function M.with(options, body)
  local folder <const> = process.run({ "mktemp", "-d" }):check().stdout:match "[^\n]+"
  local remove <close> = setmetatable({}, { __close = function() -- luacheck: ignore remove
    process.run { "rm", "-rf", folder }
  end })
  process.run({ "mkdir", "-p", folder .. "/.aws/sso/cache" }):check()
  local function here(text) return text == "@" and folder or (text:gsub("@/", folder .. "/")) end
  for name, text in pairs(options.files or {}) do
    M.write(folder .. "/" .. name, here(text))
  end
  for _, name in ipairs { "config", "credentials" } do
    if options[name] then
      M.write(folder .. "/.aws/" .. name, here(options[name]))
    end
  end
  local overlay = { ["AWS_*"] = false, HOME = folder, AWS_REGION = "eu-west-2" }
  for name, value in pairs(options.variables or {}) do
    overlay[name] = value and here(value)
  end
  return environment.with(overlay, body, folder)
end

---The error that a function raises.
---@param fn function
---@return Error
function M.failure(fn, ...)
  local _, err = try(fn, ...)
  assert(err, "no error was raised")
  return err
end

return M
