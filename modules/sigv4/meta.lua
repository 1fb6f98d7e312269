---@meta fairlead.sigv4

---AWS Signature Version 4 (AWS, "Create a signed AWS API request"). Pure computation: nothing here waits.
---@class fairlead.sigv4
local sigv4 = {}

---@class fairlead.sigv4.Credentials
---@field access_key_id string|Secret
---@field secret_access_key string|Secret
---@field session_token? string|Secret empty is none

---@class fairlead.sigv4.Request
---@field method? string default GET
---@field url string http or https, as it is sent: the path percent-encoded already, or raw UTF-8; a fragment is ignored
---@field headers? table<string, string|Secret|(string|Secret)[]>|{ [1]: string, [2]: string|Secret }[] a name's value
---or list of values, or, where order matters, a list of {name, value}; Host comes from the URL when it is not there
---@field body? string|Secret default empty
---@field payload_hash? string instead of the body's SHA-256: 64 hex digits, or "UNSIGNED-PAYLOAD" (S3)
---@field service string "ecs", "s3", …: its signing name
---@field region string
---@field credentials fairlead.sigv4.Credentials
---@field time? number unix seconds, default now
---@field normalize_path? boolean default true; false for S3: "." and ".." and "//" stay
---@field double_encode? boolean default true; false for S3: the path is signed as it is sent
---@field sign_payload_header? boolean default false; true for S3: X-Amz-Content-Sha256 is sent and signed
---@field omit_session_token? boolean default false; true: the session token is sent and not signed
---@field expires? integer `presign` only: seconds, 1 to 604800, default 900. `sign` ignores it, so one table serves both

---@class fairlead.sigv4.Signed
---@field headers table<string, string|Secret|(string|Secret)[]> all that must be sent, Authorization and Host included;
---names as they were given, found in any case
---@field canonical_request string|Secret a Secret when a signed header's value is one
---@field string_to_sign string
---@field signature string 64 hex digits

---Signs a request in its headers.
---
---Not signed, because proxies change them: Connection, Expect, Keep-Alive, Proxy-*, Sec-WebSocket-*, TE, Trailer,
---Transfer-Encoding, Upgrade, User-Agent, X-Amzn-Trace-Id. Folded values are unfolded. In a query, a `+` is a plus, as
---aws-c-auth reads it, and a `%` without two hex digits is a percent sign; with `double_encode = false` a path's escapes
---and other legal characters are signed as they stand.
---@param request fairlead.sigv4.Request
---@return fairlead.sigv4.Signed signed
---Raises a misuse: a missing or ill-typed field, a request that was signed before, a header with a line break.
function sigv4.sign(request) end

---Signs a request in the query of its URL. The headers given are signed too, and have to be sent with it.
---
---The URL is a credential: whoever holds it may do what was signed until it expires.
---@param request fairlead.sigv4.Request
---@return string url
---Raises a misuse, as `sign`.
function sigv4.presign(request) end

return sigv4
