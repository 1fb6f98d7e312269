--- GitHub's GraphQL interface: one query, and lists over all their pages.
---
--- Sources: docs.github.com "Forming calls with GraphQL", "Using pagination in the GraphQL API" (pageInfo, cursors).
local clock = require "fairlead.clock"
local errors = require "fairlead.errors"
local failure = require "fairlead.github.failure"
local shape = require "fairlead.service.shape"

local MAX_PAGES <const> = 100

---@class fairlead.github.Client
local Graphql = {}

-- GitHub Enterprise Server has REST under /api/v3 and GraphQL under /api/graphql.
local function url_of(self)
  return (self.base_url:gsub("/api/v3$", "/api")) .. "/graphql"
end

--- A GraphQL query or mutation.
---@async
---@param query string
---@param variables? table<string, any>
---@param options? fairlead.github.CallOptions
---@return table data
--- raises github.api with the first of `errors`, even when there is data beside it
function Graphql:graphql(query, variables, options)
  if type(query) ~= "string" then
    error(("bad argument #1 to 'graphql' (string expected, got %s)"):format(type(query)), 2)
  end
  options = options or {}
  local mutation <const> = query:find "%f[%w_]mutation%f[^%w_]" ~= nil
  local op <const>, url <const> = options.op or "github.graphql", url_of(self)
  local deadline <const> = clock.now() + (options.timeout or self.timeout)
  local decoded, response
  repeat
    decoded, response = self:request("POST", url, nil, { query = query, variables = variables }, {
      op = op, timeout = deadline - clock.now(), headers = options.headers, once = mutation, write = mutation,
    })
    -- Not carried out: sent again when the limit allows it, if that is in time.
    local limited <const> = failure.is_limited(decoded)
    if limited then
      self.governor:exhausted(response)
    end
  until not limited
  if type(decoded) ~= "table" or decoded.errors or type(decoded.data) ~= "table" then
    failure.raise_graphql(response, decoded, op, url)
  end
  return decoded.data
end

local CONNECTION <const> = { nodes = shape.maybe(shape.list {}), pageInfo = { hasNextPage = "boolean",
  endCursor = "text?" } }

-- What a dotted path leads to in an answer's data.
local function connection_of(self, data, path)
  local found = data
  for name in path:gmatch "[^.]+" do
    found = type(found) == "table" and found[name] or nil
  end
  local problem <const> = shape.problem(found, CONNECTION)
  if problem then
    errors.raise {
      kind = "github.api", op = "github.graphql", target = url_of(self),
      message = ("has no list of nodes at %s (%s)"):format(path, problem),
      hint = ("ask for `%s(…) { nodes { … } pageInfo { hasNextPage endCursor } }`"):format(path:match "[^.]+$"),
    }
  end
  return found
end

--- Every node of a list over all its pages. The query takes `$after: String` and gives it to the list, and asks for the
--- list's nodes and pageInfo:
---
---     for pull in gh:graphql_nodes([[query ($after: String) { repository(owner: "o", name: "n") {
---       pullRequests(first: 100, after: $after) { nodes { number } pageInfo { hasNextPage endCursor } } } }]], nil,
---       "repository.pullRequests") do … end
---@async
---@param query string
---@param variables table<string, any>|nil
---@param path string where the list is in the data
---@param options? {max_pages?: integer, timeout?: number, op?: string} max_pages: default 100, an error after that;
---  timeout: seconds for each page
---@return fun(): any iterator
--- raises as `graphql`
function Graphql:graphql_nodes(query, variables, path, options)
  if type(path) ~= "string" or path == "" then
    error(("bad argument #3 to 'graphql_nodes' (string expected, got %s)"):format(type(path)), 2)
  end
  options = options or {}
  local asked, pages, position, nodes, more = {}, 0, 0, {}, true
  for name, value in pairs(variables or {}) do
    asked[name] = value
  end
  return function()
    while position >= #nodes do
      if not more then
        return nil
      end
      if pages >= (options.max_pages or MAX_PAGES) then
        errors.raise { kind = "github.api", op = options.op or "github.graphql", target = path,
          message = ("has more than %d pages"):format(pages), hint = "ask for less, or give max_pages" }
      end
      local list <const> = connection_of(self, self:graphql(query, asked, options), path)
      pages, position, nodes = pages + 1, 0, list.nodes or {}
      local cursor <const> = list.pageInfo.endCursor
      -- The same cursor again would be the same page again.
      more = list.pageInfo.hasNextPage and cursor ~= nil and cursor ~= asked.after
      asked.after = cursor
    end
    position = position + 1
    return nodes[position]
  end
end

return Graphql
