--- The XML of the AWS query protocol: answers and errors.
local M = {}

local ESCAPES <const> = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["\r"] = "&#xD;" }

---@param text string
---@return string
function M.escape(text)
  return (text:gsub('[&<>"\r]', ESCAPES))
end

--- An element with text in it.
---@param name string
---@param text any
---@return string
function M.element(name, text)
  return ("<%s>%s</%s>"):format(name, M.escape(tostring(text)), name)
end

--- A successful answer.
---@param namespace string
---@param operation string
---@param result string the result's XML
---@param request_id string
---@return string
function M.answer(namespace, operation, result, request_id)
  return ('<%sResponse xmlns="%s"><%sResult>%s</%sResult><ResponseMetadata>%s</ResponseMetadata></%sResponse>'):format(
    operation,
    namespace,
    operation,
    result,
    operation,
    M.element("RequestId", request_id),
    operation
  )
end

--- An error.
---@param namespace string
---@param code string
---@param text string?
---@param request_id string
---@return string
function M.error(namespace, code, text, request_id)
  return ('<ErrorResponse xmlns="%s"><Error><Type>Sender</Type>%s%s</Error>%s</ErrorResponse>'):format(
    namespace,
    M.element("Code", code),
    M.element("Message", text or ""),
    M.element("RequestId", request_id)
  )
end

return M
