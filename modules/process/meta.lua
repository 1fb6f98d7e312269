---@meta fairlead.process.native
-- The C half of fairlead.process. Scripts use fairlead.process.

local M = {}

---Runs a program to its end.
---@async
---@param options fairlead.process.Options
---@param overrides table<string, string|false>? changes to the environment, under those of `options.env`
---@return fairlead.process.Result
function M.run(options, overrides) end

---Looks for a program in folders.
---@param name string
---@param path string folders, separated by colons
---@return string? where it is
function M.which(name, path) end

---@class fairlead.process.Result
local Result = {}

---The result itself when the program ended with code 0. Otherwise raises `process.timeout` or `process.failed`, with the
---last line of its standard error.
---@return fairlead.process.Result
function Result:check() end

return M
