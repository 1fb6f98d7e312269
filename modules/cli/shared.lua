--- Reservations that all machines share, for `locks` and `unlock`: those of the project whose folder this is, by the
--- command `reserve` of its procedures. Outside of a project there are none.
local errors = require "fairlead.errors"
local procedure = require "fairlead.procedure"
local project = require "fairlead.cli.project"

local M = {}

---@class cli.Shared
---@field entry cli.project.Entry
---@field reservation table {application=, environment=, holder=, hold=, queue=, differs=, text=}

---Adds the options that choose applications.
---@param command table of lua-argparse
function M.define(command)
  command:option("--application", "Only this one: the name of its script in scripts/."):argname "NAME"
  project.define_folder(command)
end

---Carries out an application's command `reserve`.
---@async
---@param entry cli.project.Entry
---@param parameters table<string, string>
---@return any value what it returned; nil when it failed
---@return Error|nil err
function M.carry_out(entry, parameters)
  local result <const> = procedure.execute(entry.procedure.commands.reserve, parameters, { directory = "." })
  return result.value, result.error
end

-- The procedures that have reservations. No project is no mistake, unless one was named.
local function entries(options)
  if options.application then return { project.find(options.application, options.scripts) } end
  local list <const>, err = try(project.procedures, options.scripts)
  if err and (options.scripts or not err:is "usage") then error(err, 0) end
  return list or {}
end

---Who has what in this project now: what somebody has, is held, or waited for.
---@async
---@param options {application: string?, scripts: string?}
---@param environment? string only this one
---@return cli.Shared[]
---@return {key: string, error: Error}[] unknown applications whose reservations cannot be told
function M.list(options, environment)
  local list, unknown = {}, {}
  for _, entry in ipairs(entries(options)) do
    if entry.procedure.commands.reserve then
      local all <const>, err = M.carry_out(entry, { what = "show" })
      if err then unknown[#unknown + 1] = { key = entry.key, error = err } end
      for _, one in ipairs(all or {}) do
        local wanted <const> = not environment or one.environment == environment
        if wanted and (one.holder or one.hold or #one.queue > 0) then
          list[#list + 1] = { entry = entry, reservation = one }
        end
      end
    end
  end
  return list, unknown
end

---The one that is meant, of those that somebody else has.
---@param list cli.Shared[]
---@param environment string
function M.need_one(list, environment)
  if #list < 2 then return end
  local names = {}
  for i, one in ipairs(list) do names[i] = one.entry.key end
  errors.raise {
    kind = "usage", op = "unlock", target = environment,
    message = "several applications have it: " .. table.concat(names, ", "),
    hint = ("name one: --application %s"):format(names[1]),
  }
end

return M
