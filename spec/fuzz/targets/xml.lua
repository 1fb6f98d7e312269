--- XML: any bytes are a tree of names and texts in UTF-8, no deeper than allowed, or an error that says where; and what
--- AWS's query protocol and S3 make of such an answer is tables of texts, or an error object.
local answers = require "spec.fuzz.answers"
local errors = require "fairlead.errors"
local failure = require "fairlead.aws.failure"
local query = require "fairlead.aws.query"
local types = require "fairlead.aws.query_types"
local xml = require "fairlead.xml"

local M = { lua = true }

local function check_text(text)
  assert(type(text) == "string" and utf8.len(text) and not text:find "%z", "a text that is not UTF-8")
end

local function check_tree(element, depth)
  assert(depth <= 64, "nested deeper than is read")
  check_text(element.name)
  for name, value in pairs(element.attributes or {}) do
    check_text(name)
    check_text(value)
  end
  for _, child in ipairs(element) do
    if type(child) == "table" then check_tree(child, depth + 1) else check_text(child) end
  end
end

---@param text string
function M.run(text)
  local ok, tree = pcall(xml.decode, text)
  if ok then
    check_tree(tree, 1)
  else
    assert(errors.is_error(tree) and tree.kind == "xml.syntax" and tree.line >= 1 and tree.column >= 1, tree)
    answers.check_line(tree)
  end
  local response = { status = 400, body = text, headers = {} }
  local about = { kind = "aws.api", op = "sts.GetCallerIdentity", target = "eu-west-2", service = "sts" }
  answers.check_error(failure.new(response, about))
  for service, kinds in pairs(types) do
    local fine, output = pcall(query.decode, response, ok and tree.name:match "^(.*)Response$" or "X", kinds, about)
    if not fine then answers.check_error(output) else assert(type(output) == "table", service) end
  end
end

return M
