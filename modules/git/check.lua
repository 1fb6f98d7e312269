--- Checks of what callers give: options by name and type, names and refspecs that cannot be taken for anything else.
local address = require "fairlead.git.address"
local errors = require "fairlead.errors"

local M = {}

local function is_of_type(value, wanted)
  for name in wanted:gmatch "[^|]+" do
    if name == "integer" and math.type(value) == "integer" or type(value) == name then return true end
  end
  return false
end

--- Raises misuse: `fn` is the function's name, the caller's caller is to blame.
local function misuse(fn, text)
  error(("bad argument #1 to '%s' (%s)"):format(fn, text), 4)
end

--- Checks a table of options against their types ("string", "string|table"); a "!" before the type: it must be there.
---@param fn string the function's name
---@param options table?
---@param types table<string, string>
---@return table options
function M.options(fn, options, types)
  if options == nil then options = {} end
  if type(options) ~= "table" then misuse(fn, ("table expected, got %s"):format(type(options))) end
  for name in pairs(options) do
    if not types[name] then misuse(fn, ("unknown option '%s'"):format(tostring(name))) end
  end
  for name, wanted in pairs(types) do
    local needed, kind = wanted:match "^(!?)(.*)$"
    local value = options[name]
    if value == nil and needed == "!" or value ~= nil and not is_of_type(value, kind) then
      misuse(fn, ("%s: %s expected, got %s"):format(name, kind:gsub("|", " or "), type(value)))
    end
  end
  return options
end

--- Raises unless a branch may be called so.
---@param repository fairlead.git.Repository
---@param op string
---@param name string
function M.branch_name(repository, op, name)
  if repository:is_branch_name(name) then return end
  errors.raise { kind = "git.invalid_name", op = op, target = name, message = "no branch can have this name" }
end

--- Raises misuse unless each is a refspec that git cannot take for an option, for two, or for a force.
---@param fn string
---@param refspecs string[]|string
---@param may_force boolean a leading + is allowed
function M.refspecs(fn, refspecs, may_force)
  if type(refspecs) == "string" then refspecs = { refspecs } end
  for _, refspec in ipairs(refspecs) do
    if type(refspec) ~= "string" then misuse(fn, ("refspec: string expected, got %s"):format(type(refspec))) end
    if refspec:find "^%+" and not may_force then
      misuse(fn, ("refspec '%s': force only with force_with_lease"):format(refspec))
    end
    local plain = refspec:gsub("^%+", "")
    if plain == "" or plain:find "^%-" or plain:find "[%c%s\\?%[]" or plain:find ":.*:" or plain:find ":%-" then
      misuse(fn, ("'%s' is no refspec"):format(refspec))
    end
  end
end

--- Raises unless git may be given the address of a clone. One with a token in it would be kept in .git/config, and seen
--- by every user of the machine in the list of processes.
---@param fn string
---@param url string
function M.clone_address(fn, url)
  local parsed = address.parse(url)
  if not parsed then
    errors.raise {
      kind = "git.invalid_address", op = fn, target = address.redact(url), message = "not an address to clone from",
      hint = "https://HOST/OWNER/NAME, git@HOST:OWNER/NAME, ssh://…, or a folder",
    }
  end
  if address.holds_credentials(url) then
    errors.raise {
      kind = "git.invalid_address", op = fn, target = parsed.url, message = "the address holds credentials",
      hint = "leave them to a credential helper (gh auth setup-git), and take them out of the address",
    }
  end
end

return M
