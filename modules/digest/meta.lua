---@meta

--- Digests and Base64 of short texts, over OpenSSL.
---@class fairlead.digest
local digest = {}

---SHA-256 (FIPS 180-4).
---@param text string
---@return string hex 64 lower-case hexadecimal digits
function digest.sha256(text) end

---SHA-1 (FIPS 180-4), for names that others derive with it; it secures nothing.
---@param text string
---@return string hex 40 lower-case hexadecimal digits
function digest.sha1(text) end

---MD5 (RFC 1321), for checksums that services ask for; it secures nothing.
---@param text string
---@return string hex 32 lower-case hexadecimal digits
function digest.md5(text) end

---Base64 with padding, on one line (RFC 4648, section 4).
---@param text string 64 MiB at most
---@return string
function digest.base64(text) end

---The text of which this is the Base64.
---@param text string
---@return string? text nil when it is not Base64 with padding, on one line
function digest.unbase64(text) end

return digest
