---@meta fairlead.jwt.native

---The C half of `fairlead.jwt`: RS256, and reading a key without its ever being a Lua string.
---@class fairlead.jwt.native
local native = {}

---Signs a token.
---@param header string JSON; 4 KiB at most
---@param claims string JSON; 4 KiB at most
---@param key string|Secret RSA private key in PEM
---@return Secret? token compact form
---@return string? problem what is wrong with the key
function native.sign(header, claims, key) end

---Whether a signature is that of the private key which goes with this public one.
---@param text string what was signed
---@param signature string its bytes
---@param key string RSA public key in PEM
---@return boolean? holds nil: the key is none
---@return string? problem
function native.verify(text, signature, key) end

---Reads a key's file.
---@param path string
---@return Secret? key
---@return string? problem
function native.read_key(path) end

return native
