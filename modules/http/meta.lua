---@meta fairlead.http.native
--- The C half of `fairlead.http`: what its Lua half needs of libcurl. Scripts use `fairlead.http`.
local native = {}

--- "fairlead/" and the version.
---@type string
native.user_agent = ""

--- One exchange: no redirect, no retry. Times in seconds, `max_body` in bytes; nil: no limit. A fifth result comes when
--- `streaming` and the status is 2xx: the body is then to be read from it.
---@async
---@param method string
---@param url string
---@param headers (string|Secret)[][]|nil list of {name, value}
---@param body string|Secret|nil
---@param timeout number?
---@param connect_timeout number?
---@param idle_timeout number?
---@param max_body integer?
---@param ca_file string?
---@param proxy string|Secret|false|nil nil: as the environment says
---@param streaming boolean?
---@return integer|nil status nil: there is no answer
---@return string|Error header its lines; or the error: http.resolve, connect, reset, timeout, tls, truncated, too_large, …
---@return string|nil body
---@return string|nil version "1.0", "1.1", "2"
---@return http.Transfer|nil transfer
function native.request(method, url, headers, body, timeout, connect_timeout, idle_timeout, max_body, ca_file, proxy, streaming) end

--- The list of {name, value} of an answer's header lines.
---@param header string
---@return string[][]
function native.headers(header) end

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

--- What carries requests: libraries with their versions, and the authorities that it trusts without SSL_CERT_FILE.
---@return {versions: string, ca_file: string?, ca_folder: string?}
function native.about() end

---@class http.Transfer a body on its way
local Transfer = {} -- luacheck: ignore 241

--- The next piece of the body, nil at its end. The sender is held back while 64 KiB wait here.
---@async
---@return string|nil
function Transfer:read() end

--- Gives up what has not been read.
function Transfer:close() end

return native
