---@meta

--- A value that is never shown: `tostring`, JSON, events and errors have the tag `[secret]` in its place. Joining it to a
--- string gives another one. Only modules that send it can open it: http for headers and bodies, sigv4, slack.
---@class Secret
---@operator concat(string|number|Secret): Secret
local Secret = {} -- luacheck: ignore 211

---Makes a secret; also a global. One that is given comes back as it is.
---@param text string|Secret
---@return Secret
function secret(text) end -- luacheck: ignore 121
