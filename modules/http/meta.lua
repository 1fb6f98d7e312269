---@meta fairlead.http.native
--- The C half of `fairlead.http`: what its Lua half needs of libcurl. Scripts use `fairlead.http`.
local native = {}

--- "fairlead/" and the version.
---@type string
native.user_agent = ""

--- One exchange: no redirect, no retry. A second result comes when request.sink is set and the status is 2xx: the body is
--- then to be read from it. Raises http.resolve, connect, reset, timeout, tls, truncated, too_large, protocol, proxy.
---@async
---@param request http.Request its sink is not called
---@return http.Raw raw
---@return http.Transfer|nil transfer
function native.request(request) end

--- The same for a request without sink; failures as results.
---@async
---@param request http.Request
---@return http.Raw|nil raw
---@return Error|nil failure
function native.attempt(request) end

--- The text of a string or Secret.
---@param value string|Secret
---@return string
function native.reveal(value) end

---@param value any
---@return boolean
function native.is_secret(value) end

--- A URL as errors may show it: scheme://host/path.
---@param url string
---@return string
function native.target(url) end

--- A URL's parts as libcurl reads them; port is the scheme's when none is given.
---@param url string
---@return { scheme: string, host: string, port: string, user: string?, path: string, query: string? }|nil
---@return string|nil reason
function native.parse(url) end

--- Where a reference on a page of `url` leads to (RFC 3986, 5), without fragment.
---@param url string
---@param reference string
---@return string|nil
---@return string|nil reason
function native.resolve(url, reference) end

--- Unix seconds of an HTTP date (RFC 9110, 5.6.7); nil when the text is none.
---@param text string
---@return integer|nil
function native.date(text) end

---@class http.Transfer a body on its way
local Transfer = {} -- luacheck: ignore 241

--- The next piece of the body, nil at its end. The sender is held back while 64 KiB wait here.
---@async
---@return string|nil
function Transfer:read() end

--- Gives up what has not been read.
function Transfer:close() end

return native
