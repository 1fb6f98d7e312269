--- Routes of a REST service: method and path to the function that answers.
local message = require "fairlead.world.message"

local M = {}

---@class fairlead.world.Call what a route's function gets
---@field request fairlead.world.Request
---@field query table<string, string>
---@field body table the JSON body; empty when there is none
---@field viewer table? who asks: {login=, …}; nil for nobody
---@field [string] string the path's variables

---@class fairlead.world.Router
---@field private routes table<string, table[]> by method
local Router = {}
Router.__index = Router

---@return fairlead.world.Router
function M.new()
  return setmetatable({ routes = {} }, Router)
end

--- Adds a route. In its path `{name}` stands for one segment, `{name+}` for one or more.
---@param verb string "GET /path/{variable}"
---@param right string? what a token must be allowed to do: "checks:read"
---@param answer fun(call: fairlead.world.Call): integer, any, string[][]?
function Router:add(verb, right, answer)
  local method, path = verb:match("^(%u+) (/.*)$")
  local names = {}
  local pattern = path:gsub("[%-%.%+%*%?%%%^%$%(%)%[%]]", "%%%0"):gsub("{(%w+)(%%?%+?)}", function(name, many)
    names[#names + 1] = name
    return many ~= "" and "(.+)" or "([^/]+)"
  end)
  local list = self.routes[method] or {}
  self.routes[method] = list
  list[#list + 1] = {
    verb = verb,
    pattern = "^" .. pattern .. "/?$",
    names = names,
    right = right,
    answer = answer,
  }
end

--- The route of a request, and its path's variables, decoded.
---@param method string
---@param path string percent-encoded
---@return table? route
---@return table<string, string> variables
function M.find(self, method, path)
  for _, route in ipairs(self.routes[method] or {}) do
    local values = table.pack(path:match(route.pattern))
    if values[1] then
      local variables = {}
      for i, name in ipairs(route.names) do
        variables[name] = message.decode(values[i])
      end
      return route, variables
    end
  end
  return nil, {}
end

Router.find = M.find

return M
