--- Files: asking for an address, sending the bytes there, and sharing the file.
---
--- Source: docs.slack.dev "Working with files" (files.getUploadURLExternal, files.completeUploadExternal).
local errors = require "fairlead.errors"
local http = require "fairlead.http"
local shape = require "fairlead.service.shape"

local UPLOAD_TIMEOUT <const> = 120 -- seconds

---@class fairlead.slack.Client
local Upload = {}

--- Shares a text or bytes as a file.
---@async
---@param options {channel: string, filename: string, content: string, title?: string, text?: string, thread?: string}
---  text: a comment that goes with it
---@return {id: string, url: string?}
--- raises slack.api and http.*
function Upload:upload(options)
  if type(options) ~= "table" then
    error(("bad argument #1 to 'upload' (table expected, got %s)"):format(type(options)), 2)
  end
  for _, field in ipairs { "channel", "filename", "content" } do
    if type(options[field]) ~= "string" or options[field] == "" then
      error(("bad argument #1 to 'upload' (%s: string expected, got %s)"):format(field, type(options[field])), 2)
    end
  end
  local place <const> = self:call("files.getUploadURLExternal", {
    filename = options.filename, length = #options.content,
  }, { shape = { upload_url = "url", file_id = "text" } })
  -- The address is its own permission: no token goes with it.
  local sent <const> = http.request {
    method = "POST", url = place.upload_url, body = options.content, follow = false, timeout = UPLOAD_TIMEOUT,
    headers = { ["Content-Type"] = "application/octet-stream", ["User-Agent"] = "fairlead" },
  }
  if sent.status ~= 200 then
    errors.raise {
      kind = "slack.api", op = "slack.upload", target = options.filename, status = sent.status,
      message = ("Slack's file store answered %d"):format(sent.status), retryable = sent.status >= 500,
    }
  end
  local shared <const> = self:call("files.completeUploadExternal", {
    files = { { id = place.file_id, title = options.title or options.filename } },
    channel_id = self:channel_id(options.channel), initial_comment = options.text, thread_ts = options.thread,
  }, { shape = { files = shape.maybe(shape.list { id = "text?", permalink = "text?" }) } })
  local file <const> = shared.files and shared.files[1] or {}
  return { id = file.id or place.file_id, url = file.permalink }
end

return Upload
