--- What came of each operation with each peer: every spec writes its rows into a file of its own, and `./dev peers`
--- makes the tables of them (table.lua).
---
---     local moto = results.column { spec = "aws_services", group = "AWS", peer = "moto", it = it }
---     moto("ecs.DescribeServices", function() … return "what is to be said of it" end)
local json = require "fairlead.json"
local lfs = require "lfs"

local M = {}

M.FOLDER = "build/peers/rows"

---@class peers.Row
---@field group string which table it belongs to
---@field peer string its column
---@field operation string its line
---@field ok boolean
---@field notes string[] what is to be said of it

--- Begins a spec's rows; those of the last time go.
---@param spec string
local function begin(spec)
  lfs.mkdir "build/peers"
  lfs.mkdir(M.FOLDER)
  os.remove(("%s/%s.jsonl"):format(M.FOLDER, spec))
end

local begun = {}

---A column of a table: the specs of one peer. What is given back is like busted's `it`; its name is the operation.
---@param about {spec: string, group: string, peer: string, it: function}
---@return fun(operation: string, body: async fun(): string|string[]|nil)
function M.column(about)
  if not begun[about.spec] then begin(about.spec) end
  begun[about.spec] = true
  return function(operation, body)
    about.it(operation, function()
      local ok, said = pcall(body)
      local row = { group = about.group, peer = about.peer, operation = operation, ok = ok,
        notes = json.array(ok and (type(said) == "table" and said or { said }) or {}) }
      local file <close> = assert(io.open(("%s/%s.jsonl"):format(M.FOLDER, about.spec), "a"))
      file:write(json.encode(row, { sort_keys = true }), "\n")
      if not ok then error(said, 0) end
    end)
  end
end

return M
