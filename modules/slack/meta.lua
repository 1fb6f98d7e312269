---@meta fairlead.slack.native

---The C half of fairlead.slack.
---@class fairlead.slack.native
local native = {}

---Escapes `&`, `<` and `>`, so that text shows as it is and makes no mention or link (Slack, "Formatting text for app
---surfaces"). Nothing else is special to Slack; other entities must not be used.
---@param text string|Secret
---@return string|Secret escaped a Secret when the text is one
function native.escape(text) end

---@class fairlead.slack.SignedRequest
---@field signing_secret string|Secret the app's, 1 to 1024 bytes
---@field timestamp string|integer|nil the header X-Slack-Request-Timestamp
---@field body string|Secret the raw body, before any decoding
---@field signature string|nil the header X-Slack-Signature
---@field now? number unix seconds, default now

---Whether Slack sent a request: its signature is right and its timestamp is within 300 seconds of now (Slack,
---"Verifying requests from Slack"). Takes the same time wherever signatures differ.
---@param request fairlead.slack.SignedRequest
---@return boolean genuine false as well when a header is missing or malformed: that is the sender's doing
---Raises a misuse for what is the caller's: no signing secret, no body, a wrong type.
function native.verify_signature(request) end

return native
